//! Which program the tests start.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// The program that `cargo build --workspace` made; `PROFILE360_BIN` names another.
///
/// Fails where its sources are newer, or are another clone's: then the tests would judge a program that nobody is looking at.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = env::var_os("PROFILE360_BIN").map_or_else(default_program, PathBuf::from);
        if let Some(fault) = fault_of(&program) {
            panic!("{} {fault}; run `cargo build --workspace --locked` first", program.display());
        }
        program
    });
    &PROGRAM
}

fn default_program() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || {
            let cache = env::var_os("XDG_CACHE_HOME")
                .map_or_else(|| Path::new(&env::var_os("HOME").expect("HOME is set")).join(".cache"), PathBuf::from);
            cache.join("profile360/target")
        },
        PathBuf::from,
    );
    target.join("debug/profile360")
}

/// Cargo writes beside a program which sources it is made of.
fn fault_of(program: &Path) -> Option<String> {
    let Ok(built) = fs::metadata(program).and_then(|it| it.modified()) else { return Some("is not there".to_owned()) };
    let sources = fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = sources.split_once(": ")?;
    let sources: Vec<PathBuf> =
        sources.trim().replace("\\ ", "\0").split(' ').map(|it| PathBuf::from(it.replace('\0', " "))).collect();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/main.rs").canonicalize().ok();
    if !sources.iter().any(|it| it.canonicalize().ok() == own) {
        return Some("was built from another folder".to_owned());
    }
    // One that is gone (the page, where it was not built) says nothing.
    let is_newer = |it: &&PathBuf| fs::metadata(it).and_then(|it| it.modified()).is_ok_and(|at| built < at);
    sources.iter().find(is_newer).map(|it| format!("is older than {}", it.display()))
}
