//! The program under test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// The program that `cargo build --workspace` built, or that `PROFILE360_BIN` names.
///
/// Panics if its sources are newer or of another clone: then the tests would run an outdated program.
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

/// Cargo writes the list of sources of a program next to it.
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
    // A missing source (the page, if it was not built) is ignored.
    let is_newer = |path: &&PathBuf| fs::metadata(path).and_then(|found| found.modified()).is_ok_and(|at| built < at);
    sources.iter().find(is_newer).map(|it| format!("is older than {}", it.display()))
}
