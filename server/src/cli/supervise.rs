//! The supervisor: a small parent that starts the server again after it had to end itself.
//!
//! The storage engine can deadlock or fail to write, and then only a new process helps (docs/operating.md). The parent opens no
//! database. It binds the address once and gives the socket to each server that it starts, so clients never see a closed port:
//! while no server runs, the parent answers 503 with `Retry-After`.
//!
//! A server dies with its parent: `kill -9` of either leaves no process that keeps the database locked.

use std::{
    collections::VecDeque,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::{ExitCode, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    process::{Child, ChildStdout, Command},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    task::AbortHandle,
    time::timeout,
};

/// `EX_TEMPFAIL` of sysexits.h: the server ends with it when starting again helps.
const TEMPORARY_FAILURE: i32 = 75;
/// More restarts than this within [`WINDOW`] do not help: the parent ends, too.
const MAX_RESTARTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);
/// Time for a full disk or a stalled device to recover.
const BEFORE_RESTART: Duration = Duration::from_secs(1);

/// The option that makes a process a supervised server. Its value is the process ID of the parent.
const SUPERVISED_BY: &str = "--supervised-by";

/// Starts the server of this command line on a socket, and starts it again when it ends itself. Returns the exit code of the last.
pub(super) async fn run(socket: TcpSocket) -> anyhow::Result<ExitCode> {
    let socket = socket.as_fd().try_clone_to_owned().context("the socket cannot be shared")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be listened to")?;
    let mut restarts = Restarts::default();
    let mut answering = None;
    loop {
        let mut server = start(&socket).context("the server cannot be started")?;
        let output = server.stdout.take().context("the output of the server is not piped")?;
        let relaying = tokio::spawn(relay(output, answering.take()));
        let status = tokio::select! {
            status = server.wait() => status?,
            _ = terminate.recv() => stop(&mut server).await?,
            _ = interrupt.recv() => stop(&mut server).await?,
        };
        relaying.await.context("the output of the server cannot be read")?;
        let Some(reason) = reason_to_restart(status) else { return Ok(exit_code(status)) };
        if !restarts.may_restart(Instant::now()) {
            tracing::error!(reason, "the server keeps ending; it is not started again");
            return Ok(exit_code(status));
        }
        tracing::warn!(reason, "the server is starting again");
        answering = answer_unavailable(&socket);
        tokio::select! {
            () = tokio::time::sleep(BEFORE_RESTART) => {}
            _ = terminate.recv() => return Ok(exit_code(status)),
            _ = interrupt.recv() => return Ok(exit_code(status)),
        }
    }
}

/// In a supervised server: the socket that its parent has bound. From then on the server ends when its parent does.
pub(super) fn inherited_socket(parent: i32) -> anyhow::Result<TcpSocket> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("the server cannot be bound to its supervisor")?;
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        bail!("the supervisor of this server has ended; `{SUPERVISED_BY}` is for its own use");
    }
    let socket = io::stdin().as_fd().try_clone_to_owned().context("the supervisor gave no socket")?;
    Ok(TcpSocket::from_std_stream(socket.into()))
}

fn start(socket: &OwnedFd) -> io::Result<Child> {
    // The running program itself, even if an upgrade has replaced its file.
    let itself = Path::new("/proc/self/exe");
    let program = if itself.exists() { itself.to_owned() } else { std::env::current_exe()? };
    let mut arguments = std::env::args_os();
    Command::new(program)
        // What process lists show.
        .arg0(arguments.next().unwrap_or_default())
        .args(arguments)
        .arg(SUPERVISED_BY)
        .arg(getpid().as_raw_pid().to_string())
        .envs(arenas())
        .stdin(Stdio::from(socket.try_clone()?))
        .stdout(Stdio::piped())
        .spawn()
}

/// At most two arenas of glibc's allocator, unless the environment says otherwise. Only C and C++ use it here: RocksDB would keep
/// memory in one for each of its threads.
fn arenas() -> Option<(&'static str, &'static str)> {
    const NAME: &str = "MALLOC_ARENA_MAX";
    std::env::var_os(NAME).is_none().then_some((NAME, "2"))
}

/// Asks a server to stop, and waits until it has finished what is open.
async fn stop(server: &mut Child) -> io::Result<ExitStatus> {
    let process = server.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(process) = process {
        // It may have ended in between; then waiting returns at once.
        kill_process(process, Signal::TERM).ok();
    }
    server.wait().await
}

/// Copies the output of a server. Its first line says that it listens; then the parent stops answering.
async fn relay(output: ChildStdout, mut answering: Option<AbortHandle>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(answering) = answering.take() {
            answering.abort();
            tracing::info!("the server is ready again");
        } else {
            #[expect(clippy::print_stdout, reason = "the output of the command")]
            {
                println!("{line}");
            }
        }
    }
    // A server that never listened leaves its parent answering no longer than until the next one.
    answering.inspect(AbortHandle::abort);
}

/// Why to start the server again, unless it ended as it was asked to or cannot start at all.
fn reason_to_restart(status: ExitStatus) -> Option<&'static str> {
    const STOPPED: [i32; 2] = [Signal::TERM.as_raw(), Signal::INT.as_raw()];
    match (status.code(), status.signal()) {
        (Some(TEMPORARY_FAILURE), _) => Some("it ended itself"),
        (_, Some(signal)) if !STOPPED.contains(&signal) => Some("a signal ended it"),
        _ => None,
    }
}

/// As a shell reports it: 128 and the number of the signal that ended the process.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// When the server was started again.
#[derive(Debug, Default)]
struct Restarts(VecDeque<Instant>);

impl Restarts {
    fn may_restart(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.duration_since(*at) < WINDOW);
        if self.0.len() == MAX_RESTARTS {
            return false;
        }
        self.0.push_back(now);
        true
    }
}

/// Answers all requests with 503 until it is aborted. `None` if nothing has listened on the socket yet.
fn answer_unavailable(socket: &OwnedFd) -> Option<AbortHandle> {
    /// Answers at once; others find their connection closed.
    const MAX_ANSWERS: usize = 64;
    let listener = socket.try_clone().and_then(|socket| TcpListener::from_std(socket.into()));
    let listener =
        listener.inspect_err(|error| tracing::warn!(%error, "requests wait until the server is back")).ok()?;
    let answers = Arc::new(Semaphore::new(MAX_ANSWERS));
    let answering = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(permit) = answers.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    const LONGEST: Duration = Duration::from_secs(2);
                    // A client that does not read its answer gets none.
                    timeout(LONGEST, answer(stream)).await.ok();
                    drop(permit);
                });
            }
        }
    });
    Some(answering.abort_handle())
}

/// Reads what the client sends until it pauses or closes, because closing a connection with unread data discards the answer.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    const BODY: &str = r#"{"code":"UNAVAILABLE","message":"the server is starting again; try again in a few seconds"}"#;
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-type: application/json\r\n\
         cache-control: no-store\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    let mut request = [0; 8 * 1024];
    if stream.read(&mut request).await? == 0 {
        // It was closed without a request.
        return Ok(());
    }
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(BODY.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut request).await? != 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_did_not_stop_as_asked_is_started_again() {
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        let killed = |signal: Signal| ExitStatus::from_raw(signal.as_raw());
        for (status, restarts, code) in [
            (exited(0), false, 0),
            (exited(1), false, 1),
            (exited(2), false, 2),
            (exited(75), true, 75),
            (killed(Signal::TERM), false, 143),
            (killed(Signal::INT), false, 130),
            (killed(Signal::KILL), true, 137),
            (killed(Signal::SEGV), true, 139),
        ] {
            assert_eq!(reason_to_restart(status).is_some(), restarts, "{status:?}");
            assert_eq!(format!("{:?}", exit_code(status)), format!("{:?}", ExitCode::from(code)), "{status:?}");
        }
    }

    #[test]
    fn a_server_that_keeps_ending_is_given_up() {
        let mut restarts = Restarts::default();
        let begin = Instant::now();
        for n in 0..5 {
            assert!(restarts.may_restart(begin + Duration::from_secs(n)), "{n}");
        }
        assert!(!restarts.may_restart(begin + Duration::from_secs(5)));
        assert!(restarts.may_restart(begin + WINDOW), "the first one is long ago");
    }
}
