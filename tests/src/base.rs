//! A folder with a base in it, and commands that work on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{program, server::Server};

/// The secret of unified IDs in all tests: bases with the same messages have the same unified IDs.
pub const SECRET: &str = "a secret of the tests";

/// The keys file in a base's folder, which commands run in.
pub const KEYS: &str = "keys.json";

/// A folder of a test's own, gone at its end.
#[derive(Debug)]
pub struct Base {
    folder: tempfile::TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Base {
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A base that has taken those messages, one a line.
    pub fn with(messages: &str) -> Self {
        let base = Self::new();
        base.write("messages.ndjson", messages);
        assert_eq!(base.import("messages.ndjson").status, Some(0));
        base
    }

    /// The URL of its database.
    pub fn database(&self) -> String {
        format!("surrealkv://{}?sync=every", self.path("data").display())
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).expect("a file can be written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program, at work in the folder, on its database, with the tests' secret and nothing of the shell's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_by(Command::new(program()), arguments)
    }

    fn command_by(&self, mut command: Command, arguments: &[&str]) -> Command {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|it| it.starts_with("PROFILE360_")) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("PROFILE360_DB", self.database())
            .env("PROFILE360_ID_SECRET", SECRET)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    pub fn import(&self, file: &str) -> Ran {
        self.run(&["import", file])
    }

    /// Fails unless the base is as its messages say; what `check` counted, without what waits to be listed.
    #[track_caller]
    pub fn check(&self) -> String {
        let Ran { status, stdout, stderr } = self.run(&["check"]);
        assert_eq!(status, Some(0), "{stdout}{stderr}");
        assert!(stdout.ends_with("\neverything is as the messages say\n"), "{stdout}");
        stdout.lines().next().unwrap_or_default().to_owned()
    }

    /// Starts a server; there when it listens.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts a server with options; there when it listens.
    pub fn serve_with(&self, options: &[&str]) -> Server {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], options].concat();
        Server::start(self.command(&arguments), &self.path("server.log"))
    }

    /// Starts a server that may open so many files; there when it listens.
    pub fn serve_with_files(&self, n: u32) -> Server {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {n}; exec \"$0\" \"$@\"")]).arg(program());
        let command = self.command_by(shell, &["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command, &self.path("server.log"))
    }

    /// Makes a key of a role, whose name is the role's in small letters; what its holder shows.
    pub fn key(&self, role: &str) -> String {
        let keys = self.path(KEYS);
        let keys = keys.to_str().expect("a temporary folder's name is UTF-8");
        let Ran { status, stdout, stderr } =
            self.run(&["key", "create", "--role", role, "--name", &role.to_lowercase(), "--keys", keys]);
        assert_eq!(status, Some(0), "{stderr}");
        stdout.trim().to_owned()
    }

    /// Takes keys back.
    pub fn revoke(&self, key: &str) {
        let Ran { status, stderr, .. } = self.run(&["key", "revoke", key, "--keys", KEYS]);
        assert_eq!(status, Some(0), "{stderr}");
    }

    /// Starts a server that asks for keys; there when it listens.
    pub fn serve_with_keys(&self, options: &[&str]) -> Server {
        self.serve_with(&[&["--keys", KEYS], options].concat())
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program can be started");
        let text = |it: Vec<u8>| String::from_utf8(it).expect("the program speaks UTF-8");
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The line that says what an import has taken.
    pub fn counts(&self) -> &str {
        self.stdout.lines().next().unwrap_or_else(|| panic!("nothing was counted: {}", self.stderr))
    }
}
