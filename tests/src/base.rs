//! A folder with a database, and commands on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{database::Database, program, server::Server};

/// The secret of unified IDs in all tests, so that equal messages give equal unified IDs.
pub const SECRET: &str = "a secret of the tests";

/// The storage engine of the databases of all tests, as in their addresses.
pub const ENGINE: &str = if cfg!(feature = "rocksdb") { "rocksdb" } else { "surrealkv" };

/// The keys file in the folder, which is the working directory of commands.
pub const KEYS: &str = "keys.json";

/// A temporary folder of a test.
#[derive(Debug)]
pub struct Base {
    folder: tempfile::TempDir,
    /// `None` for a database in the folder.
    server: Option<String>,
}

/// The output and the exit status of a command.
#[derive(Debug)]
pub struct Ran {
    /// `None` if a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Base {
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made"), server: None }
    }

    /// A folder of its own for a program that works on the database of a SurrealDB server.
    pub fn on(database: &Database) -> Self {
        Self { server: Some(database.url()), ..Self::new() }
    }

    /// A database with messages, one per line.
    pub fn with(messages: &str) -> Self {
        let base = Self::new();
        base.write("messages.ndjson", messages);
        assert_eq!(base.import("messages.ndjson").status, Some(0));
        base
    }

    /// The URL of the database.
    pub fn database(&self) -> String {
        if let Some(url) = &self.server {
            return url.clone();
        }
        format!("{ENGINE}://{}?sync=every", self.path("data").display())
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

    /// The program in the folder, with its database, the secret of the tests, and no settings of the shell.
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
            // A test that kills a server, or looks at its memory, means the process that it started.
            .env("PROFILE360_SUPERVISE", "false")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command and waits for it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    pub fn import(&self, file: &str) -> Ran {
        self.run(&["import", file])
    }

    /// Runs `check`, which must succeed. Returns its counts, without customers that wait to be listed.
    #[track_caller]
    pub fn check(&self) -> String {
        let Ran { status, stdout, stderr } = self.run(&["check"]);
        assert_eq!(status, Some(0), "{stdout}{stderr}");
        assert!(stdout.ends_with("\neverything is as the messages say\n"), "{stdout}");
        stdout.lines().next().unwrap_or_default().to_owned()
    }

    /// Starts a server. Returns once it listens.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts a server with options. Returns once it listens.
    pub fn serve_with(&self, options: &[&str]) -> Server {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], options].concat();
        Server::start(self.command(&arguments), &self.path("server.log"))
    }

    /// Starts a server with a limit on file sizes in KiB, which acts like a full disk. Returns once it listens.
    pub fn serve_with_files_of(&self, kib: u32) -> Server {
        let server = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut limited = Command::new("bash");
        limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""));
        limited.arg(server.get_program()).args(server.get_args()).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        Server::start(limited, &self.path("server.log"))
    }

    /// Starts a server with a limit on open files. Returns once it listens.
    pub fn serve_with_files(&self, n: u32) -> Server {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {n}; exec \"$0\" \"$@\"")]).arg(program());
        let command = self.command_by(shell, &["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command, &self.path("server.log"))
    }

    /// Creates a key with a role, named like the role in lower case. Returns the key.
    pub fn key(&self, role: &str) -> String {
        let keys = self.path(KEYS);
        let keys = keys.to_str().expect("a temporary folder's name is UTF-8");
        let Ran { status, stdout, stderr } =
            self.run(&["key", "create", "--role", role, "--name", &role.to_lowercase(), "--keys", keys]);
        assert_eq!(status, Some(0), "{stderr}");
        stdout.trim().to_owned()
    }

    /// Revokes a key.
    pub fn revoke(&self, key: &str) {
        let Ran { status, stderr, .. } = self.run(&["key", "revoke", key, "--keys", KEYS]);
        assert_eq!(status, Some(0), "{stderr}");
    }

    /// Starts a server that requires keys. Returns once it listens.
    pub fn serve_with_keys(&self, options: &[&str]) -> Server {
        self.serve_with(&[&["--keys", KEYS], options].concat())
    }

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

    /// The line with the counts of an import.
    pub fn counts(&self) -> &str {
        self.stdout.lines().next().unwrap_or_else(|| panic!("nothing was counted: {}", self.stderr))
    }
}
