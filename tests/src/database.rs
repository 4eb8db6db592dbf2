//! A SurrealDB server of its own: the program `surreal` of this workspace.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use crate::{deadline::Deadline, program};

const USER: &str = "root";
const PASSWORD: &str = "of-the-tests";
/// Another program can take a port before the server does.
const PORTS_TRIED: usize = 5;

/// A server on a port of its own, with its data in memory. Killed when dropped.
#[derive(Debug)]
pub struct Database {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Database {
    /// Starts a server. Returns once it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for _ in 0..PORTS_TRIED {
            let address = free_address();
            let mut process = spawn(address, folder.path());
            if is_ready(&mut process, address) {
                return Self { process, address, folder };
            }
        }
        panic!("the database did not start: {}", log_in(folder.path()));
    }

    /// The address for `--db`.
    pub fn url(&self) -> String {
        format!("ws://{USER}:{PASSWORD}@{}", self.address)
    }

    /// The log so far.
    pub fn log(&self) -> String {
        log_in(self.folder.path())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Fails if it has ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The program next to the one under test.
fn surreal() -> PathBuf {
    let surreal = program().with_file_name("surreal");
    assert!(surreal.is_file(), "{} is not there; run `cargo build --workspace --locked` first", surreal.display());
    surreal
}

fn spawn(address: SocketAddr, folder: &Path) -> Child {
    let log = File::create(folder.join("surreal.log")).expect("a log can be written");
    Command::new(surreal())
        .args(["start", "--no-banner", "--log", "warn", "--user", USER, "--pass", PASSWORD])
        .args(["--bind", &address.to_string(), "memory"])
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be opened twice"))
        .stderr(log)
        .spawn()
        .expect("the database can be started")
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    free.local_addr().expect("it is bound")
}

/// Waits until the server answers. `false` if it has ended.
fn is_ready(process: &mut Child, address: SocketAddr) -> bool {
    let deadline = Deadline::new("the database");
    while process.try_wait().expect("it can be waited for").is_none() {
        if is_healthy(address).unwrap_or(false) {
            return true;
        }
        deadline.check(address);
        thread::yield_now();
    }
    false
}

fn is_healthy(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address)?;
    write!(connection, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn log_in(folder: &Path) -> String {
    fs::read_to_string(folder.join("surreal.log")).unwrap_or_default()
}
