//! Connections: limits on their number, their timeouts, and which of them is closed when there are too many.
//!
//! A connection is idle while the server processes none of its requests: it waits for the first byte of a head, or for the rest of one.
//! When all slots are in use the server closes the connection that has been idle longest, so that clients that send half a head and
//! stop cannot exhaust the slots.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use hyper::{
    Request,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{
    concurrency_limits::network_of,
    refusal,
    throughput_limit::{MinRate, Throughput},
};
use crate::{graphql::ErrorCode, limits::Limits};

/// The most bytes of a head, and of a chunk of a response.
const BUFFER: usize = 64 * 1024;
/// The pause after a failed `accept`.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The shortest time between two log lines about failed `accept`s.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Serves until `stop` becomes true, then finishes the open requests.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: &Limits, mut stop: watch::Receiver<bool>) {
    let slots = ConnectionSlots::new(limits.connections, limits.connections_per_address);
    let timeouts = Timeouts { head: limits.head, idle: limits.idle, min_rate: MinRate::of(limits) };
    let open = TaskTracker::new();
    let mut logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            // A dropped sender means stop, too.
            () = async { drop(stop.wait_for(|stopped| *stopped).await) } => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match slots.acquire(peer.ip()).await {
                Some(slot) => {
                    drop(open.spawn(serve_connection(stream, peer, slot, router.clone(), timeouts, stop.clone())));
                }
                None => reject_connection(&stream),
            },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // The usual cause is the limit of open files, and an idle connection holds one.
                slots.evict_longest_idle();
                if logged.is_none_or(|at| LOG_INTERVAL <= at.elapsed()) {
                    tracing::error!(%error, "no connection can be accepted now");
                    logged = Some(Instant::now());
                }
                sleep(AFTER_FAILURE).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// Whether the error concerns one connection, and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Asks the client to retry, without waiting for it to read that.
fn reject_connection(stream: &TcpStream) {
    const SENTENCE: &str =
        "as many connections are open as the server keeps, or as one address may have; close some, or try again later";
    let body = refusal(ErrorCode::Overloaded, SENTENCE).to_string();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    // A client that does not read it finds the connection closed.
    stream.try_write(answer.as_bytes()).ok();
}

#[derive(Debug, Clone, Copy)]
struct Timeouts {
    /// For the head of a request, counted from its first byte.
    head: Duration,
    /// For the first byte of the next request.
    idle: Duration,
    min_rate: MinRate,
}

/// Processes the requests of one connection until one side closes it.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    slot: Arc<ConnectionSlot>,
    router: Router,
    timeouts: Timeouts,
    mut stop: watch::Receiver<bool>,
) {
    let io = ConnectionStream { stream, slot: slot.clone(), throughput: Throughput::new(timeouts.min_rate) };
    let request_slot = slot.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let active = ActiveGuard::new(request_slot.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(request_slot.clone());
        let response = router.clone().oneshot(request);
        async move {
            let response = response.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(response.map(|body| GuardedBody::new(body, active)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The loop below enforces the two timeouts separately.
        .header_read_timeout(timeouts.head.max(timeouts.idle).max(Duration::from_secs(1)))
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        let next_check = slot.deadline(timeouts).unwrap_or_else(|| Instant::now() + timeouts.head);
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = async { drop(stop.wait_for(|stopped| *stopped).await) }, if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = slot.evicted.notified() => return,
            () = sleep_until(next_check.min(Instant::now() + timeouts.head)) => {
                if slot.deadline(timeouts).is_some_and(|end| end <= Instant::now()) {
                    return;
                }
            }
        }
    }
}

/// The slots of all connections.
#[derive(Clone)]
struct ConnectionSlots(Arc<SlotPool>);

struct SlotPool {
    max: usize,
    max_per_address: usize,
    open: Mutex<OpenConnections>,
    /// Notified when a connection is closed.
    freed: Notify,
}

#[derive(Default)]
struct OpenConnections {
    n: usize,
    /// The number of the newest connection.
    last: u64,
    by_address: HashMap<IpAddr, usize>,
    /// The idle connections, the one that has been idle longest first.
    idle: BTreeMap<(Instant, u64), (IpAddr, Arc<Notify>)>,
}

impl OpenConnections {
    /// Closes the connection that has been idle longest, of one address or of all. False where none is idle.
    fn evict_longest_idle(&mut self, address: Option<IpAddr>) -> bool {
        let is_candidate = |peer: &IpAddr| address.is_none_or(|address| address == *peer);
        let found = self.idle.iter().find(|(_, (peer, _))| is_candidate(peer)).map(|(key, _)| *key);
        let Some((_, evicted)) = found.and_then(|key| self.idle.remove(&key)) else { return false };
        evicted.notify_one();
        true
    }
}

impl ConnectionSlots {
    fn new(max: usize, max_per_address: usize) -> Self {
        Self(Arc::new(SlotPool { max, max_per_address, open: Mutex::default(), freed: Notify::new() }))
    }

    /// A slot for a connection, if necessary after an idle one has been closed. None where every slot is in use and no connection is idle.
    async fn acquire(&self, peer: IpAddr) -> Option<Arc<ConnectionSlot>> {
        /// An idle connection closes at once; the timeout guards against a runtime that makes no progress.
        const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);
        let address = network_of(peer);
        let mut has_evicted = false;
        loop {
            if let Some(slot) = self.try_acquire(address, &mut has_evicted)? {
                return Some(slot);
            }
            timeout(EVICTION_TIMEOUT, self.0.freed.notified()).await.ok()?;
        }
    }

    /// A slot that is free now, or `Some(None)` where one will be: it evicts at most one connection.
    fn try_acquire(&self, address: IpAddr, has_evicted: &mut bool) -> Option<Option<Arc<ConnectionSlot>>> {
        let mut open = self.0.lock();
        let n_of_address = open.by_address.get(&address).copied().unwrap_or_default();
        let is_own_full = self.0.max_per_address <= n_of_address;
        if is_own_full || self.0.max <= open.n {
            let will_be_free = *has_evicted || open.evict_longest_idle(is_own_full.then_some(address));
            *has_evicted = true;
            return will_be_free.then_some(None);
        }
        open.n += 1;
        open.last += 1;
        *open.by_address.entry(address).or_default() += 1;
        let (number, now) = (open.last, Instant::now());
        let slot = Arc::new(ConnectionSlot {
            pool: self.0.clone(),
            number,
            address,
            activity: Mutex::new(Activity { n_active: 0, idle_since: now, head_since: None }),
            evicted: Arc::default(),
            read_budget: AtomicU64::new(u64::MAX),
        });
        open.idle.insert((now, number), (address, slot.evicted.clone()));
        Some(Some(slot))
    }

    fn evict_longest_idle(&self) {
        self.0.lock().evict_longest_idle(None);
    }
}

impl SlotPool {
    fn lock(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of one connection; dropping it frees the slot.
pub(super) struct ConnectionSlot {
    pool: Arc<SlotPool>,
    number: u64,
    address: IpAddr,
    activity: Mutex<Activity>,
    evicted: Arc<Notify>,
    /// The bytes that the client may still send.
    read_budget: AtomicU64,
}

/// Whether a connection is idle. To avoid a deadlock it is locked before the pool, never after it.
struct Activity {
    /// Its requests and WebSockets in progress.
    n_active: usize,
    /// When it became idle, if it is.
    idle_since: Instant,
    /// When the first byte of an unfinished head came.
    head_since: Option<Instant>,
}

impl ConnectionSlot {
    /// Allows the client so many bytes more, then closes the connection.
    pub(super) fn set_read_budget(&self, n_bytes: u64) {
        self.read_budget.store(n_bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When an idle connection is closed; none where it is active.
    fn deadline(&self, timeouts: Timeouts) -> Option<Instant> {
        let activity = self.lock();
        (activity.n_active == 0).then(|| match activity.head_since {
            Some(since) => since + timeouts.head,
            None => activity.idle_since + timeouts.idle,
        })
    }

    fn bytes_received(&self) {
        let mut activity = self.lock();
        if activity.n_active == 0 {
            activity.head_since.get_or_insert_with(Instant::now);
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let since = self.lock().idle_since;
        let mut open = self.pool.lock();
        open.n = open.n.saturating_sub(1);
        open.idle.remove(&(since, self.number));
        if let Some(n) = open.by_address.get_mut(&self.address) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                open.by_address.remove(&self.address);
            }
        }
        drop(open);
        self.pool.freed.notify_one();
    }
}

/// Marks a connection as active: it has no idle timeout, and it is not evicted.
pub(super) struct ActiveGuard(Arc<ConnectionSlot>);

impl ActiveGuard {
    pub(super) fn new(slot: Arc<ConnectionSlot>) -> Self {
        let mut activity = slot.lock();
        activity.n_active += 1;
        activity.head_since = None;
        slot.pool.lock().idle.remove(&(activity.idle_since, slot.number));
        drop(activity);
        Self(slot)
    }
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        let slot = &self.0;
        let mut activity = slot.lock();
        activity.n_active = activity.n_active.saturating_sub(1);
        if activity.n_active == 0 {
            activity.idle_since = Instant::now();
            let key = (activity.idle_since, slot.number);
            slot.pool.lock().idle.insert(key, (slot.address, slot.evicted.clone()));
        }
    }
}

/// The body of a response that holds a guard until all of it is sent, in chunks that fit the buffer of a connection.
pub(super) struct GuardedBody<T> {
    body: Body,
    /// The unsent rest of the body's last frame.
    rest: Bytes,
    _guard: T,
}

impl<T> GuardedBody<T> {
    pub(super) const fn new(body: Body, guard: T) -> Self {
        Self { body, rest: Bytes::new(), _guard: guard }
    }
}

impl<T: Unpin> HttpBody for GuardedBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return other,
            }
        }
        let n = self.rest.len().min(BUFFER);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(n)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(of_body.lower().saturating_add(rest).min(hint.upper().unwrap_or(u64::MAX)));
        hint
    }
}

/// The stream of a connection. It fails where the client reads too slowly, or sends more than its budget.
struct ConnectionStream {
    stream: TcpStream,
    slot: Arc<ConnectionSlot>,
    throughput: Throughput,
}

impl ConnectionStream {
    fn written(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(n)) => {
                self.throughput.moved(n);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match self.throughput.poll_too_slow(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read_budget = self.slot.read_budget.load(Ordering::Relaxed);
        if read_budget == 0 {
            return Poll::Ready(Err(io::Error::other("the client sends too much before connection_init")));
        }
        let n_before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let n_read = (buffer.filled().len() - n_before) as u64;
        if 0 < n_read {
            self.slot.bytes_received();
            if read_budget != u64::MAX {
                let left = read_budget.saturating_sub(n_read);
                // Fails where `set_read_budget` came in between, and that one counts.
                self.slot.read_budget.compare_exchange(read_budget, left, Ordering::Relaxed, Ordering::Relaxed).ok();
            }
        }
        result
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    async fn close_when_evicted(slot: Arc<ConnectionSlot>) {
        slot.evicted.notified().await;
    }

    #[tokio::test]
    async fn the_longest_idle_connection_is_evicted() {
        let slots = ConnectionSlots::new(3, 2);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = slots.acquire(one).await.expect("there is room");
        let second = slots.acquire(one).await.expect("there is room");
        // An address at its limit loses its own longest idle connection.
        let active = ActiveGuard::new(first.clone());
        let (third, ()) = tokio::join!(slots.acquire(one), close_when_evicted(second));
        let third = third.expect("one is evicted");
        let fourth = slots.acquire(other).await.expect("there is room");
        // With all slots in use the longest idle connection of any address is closed.
        let (fifth, ()) = tokio::join!(slots.acquire(other), close_when_evicted(third));
        let fifth = fifth.expect("one is evicted");
        let guards: Vec<ActiveGuard> = [&fourth, &fifth].map(|slot| ActiveGuard::new(slot.clone())).into();
        // Active connections are not evicted.
        assert!(slots.acquire(address("192.0.2.3")).await.is_none());
        // After its response a connection is idle again.
        drop(active);
        let (sixth, ()) = tokio::join!(slots.acquire(address("192.0.2.3")), close_when_evicted(first));
        assert!(sixth.is_some());
        drop((guards, fourth, fifth, sixth));
        let open = slots.0.lock();
        assert!(open.n == 0 && open.by_address.is_empty() && open.idle.is_empty(), "closed connections leave nothing");
    }

    #[tokio::test]
    async fn a_head_has_a_shorter_timeout_than_an_idle_connection() {
        let seconds = Duration::from_secs;
        let min_rate = MinRate { rate: 1, grace: seconds(1) };
        let timeouts = Timeouts { head: seconds(10), idle: seconds(75), min_rate };
        let slot = ConnectionSlots::new(1, 1).acquire(address("192.0.2.1")).await.expect("there is room");
        let left =
            |slot: &ConnectionSlot| slot.deadline(timeouts).map(|end| end.saturating_duration_since(Instant::now()));
        assert!(left(&slot).is_some_and(|left| seconds(10) < left));
        slot.bytes_received();
        let first = slot.deadline(timeouts);
        assert!(left(&slot).is_some_and(|left| left <= seconds(10)));
        // Another byte of the same head does not extend the timeout.
        slot.bytes_received();
        assert_eq!(slot.deadline(timeouts), first);
        let active = ActiveGuard::new(slot.clone());
        slot.bytes_received();
        assert_eq!(left(&slot), None);
        drop(active);
        assert!(left(&slot).is_some_and(|left| seconds(10) < left));
    }
}
