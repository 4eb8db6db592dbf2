//! Connections: how many there are, how long they may wait, and who gives way when there are too many.
//!
//! A connection waits while no request of it is answered: for the first byte of a head, or for the rest of one. When all places are in
//! use the one that has waited longest gives way to a new one, so that half a head keeps nobody out.

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

/// The most bytes of a head. Answers are handed on in parts of this size, too.
const BUFFER: usize = 64 * 1024;
/// How long nothing is accepted after that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How often it is logged that nothing can be accepted.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Serves until `stop` says so, and then until what is open is answered.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: &Limits, mut stop: watch::Receiver<bool>) {
    let seats = Seats::new(limits.connections, limits.connections_per_address);
    let times = Times { head: limits.head, idle: limits.idle, least_pace: MinRate::of(limits) };
    let open = TaskTracker::new();
    let mut logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            // When nobody can say stop any more it is time to stop, too.
            () = async { drop(stop.wait_for(|is_over| *is_over).await) } => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match seats.take(peer.ip()).await {
                Some(seat) => drop(open.spawn(talk(stream, peer, seat, router.clone(), times, stop.clone()))),
                None => turn_away(&stream),
            },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Most often there are no more files to be opened: then a connection that waits gives its own back.
                seats.make_room();
                if logged.is_none_or(|at| LOGGED_EVERY <= at.elapsed()) {
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

/// Whether it is over with one connection, and not with the listening.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Tells a client to come back, as well as can be done without waiting for it.
fn turn_away(stream: &TcpStream) {
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
struct Times {
    /// For the head of a request, from its first byte on.
    head: Duration,
    /// For the first byte of the next request.
    idle: Duration,
    least_pace: MinRate,
}

/// Answers the requests of one connection until one side has enough of it.
async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Arc<Seat>,
    router: Router,
    times: Times,
    mut stop: watch::Receiver<bool>,
) {
    let wire = Wire { stream, seat: seat.clone(), pace: Throughput::new(times.least_pace) };
    let answering = seat.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = Busy::new(answering.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(answering.clone());
        let answer = router.clone().oneshot(request);
        async move {
            let response = answer.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(response.map(|body| Kept::new(body, busy)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Both are watched below, and told apart there.
        .header_read_timeout(times.head.max(times.idle).max(Duration::from_secs(1)))
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    loop {
        let next_look = seat.waits_until(times).unwrap_or_else(|| Instant::now() + times.head);
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = async { drop(stop.wait_for(|is_over| *is_over).await) }, if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = seat.gives_way.notified() => return,
            () = sleep_until(next_look.min(Instant::now() + times.head)) => {
                if seat.waits_until(times).is_some_and(|end| end <= Instant::now()) {
                    return;
                }
            }
        }
    }
}

/// The places of connections.
#[derive(Clone)]
struct Seats(Arc<Room>);

struct Room {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
    /// Told whenever a connection is closed.
    freed: Notify,
}

#[derive(Default)]
struct Open {
    n: usize,
    /// The number of the last one.
    last: u64,
    by_address: HashMap<IpAddr, usize>,
    /// Those that wait, the longest first.
    waiting: BTreeMap<(Instant, u64), (IpAddr, Arc<Notify>)>,
}

impl Open {
    /// Has the connection go that has waited longest of those of an address, or of all.
    fn make_room(&mut self, address: Option<IpAddr>) -> bool {
        let is_meant = |of: &IpAddr| address.is_none_or(|address| address == *of);
        let found = self.waiting.iter().find(|(_, (of, _))| is_meant(of)).map(|(place, _)| *place);
        let Some((_, gives_way)) = found.and_then(|place| self.waiting.remove(&place)) else { return false };
        gives_way.notify_one();
        true
    }
}

impl Seats {
    fn new(most: usize, most_per_address: usize) -> Self {
        Self(Arc::new(Room { most, most_per_address, open: Mutex::default(), freed: Notify::new() }))
    }

    /// A place for a connection, once the one that gives way is closed; none where all are in use and nobody waits.
    async fn take(&self, peer: IpAddr) -> Option<Arc<Seat>> {
        /// One that waits is closed at once; this is for the case that nothing is done at all.
        const CLOSED_WITHIN: Duration = Duration::from_secs(1);
        let address = network_of(peer);
        let mut has_asked = false;
        loop {
            if let Some(seat) = self.take_free(address, &mut has_asked)? {
                return Some(seat);
            }
            timeout(CLOSED_WITHIN, self.0.freed.notified()).await.ok()?;
        }
    }

    /// A place that is free now, or none yet, where another connection was asked to go. Asks one to go at most.
    fn take_free(&self, address: IpAddr, has_asked: &mut bool) -> Option<Option<Arc<Seat>>> {
        let mut open = self.0.lock();
        let n_of_address = open.by_address.get(&address).copied().unwrap_or_default();
        let is_own_full = self.0.most_per_address <= n_of_address;
        if is_own_full || self.0.most <= open.n {
            let asked = *has_asked || open.make_room(is_own_full.then_some(address));
            *has_asked = true;
            return asked.then_some(None);
        }
        open.n += 1;
        open.last += 1;
        *open.by_address.entry(address).or_default() += 1;
        let (number, now) = (open.last, Instant::now());
        let seat = Arc::new(Seat {
            room: self.0.clone(),
            number,
            address,
            phase: Mutex::new(Phase { n_busy: 0, since: now, head_since: None }),
            gives_way: Arc::default(),
            may_send: AtomicU64::new(u64::MAX),
        });
        open.waiting.insert((now, number), (address, seat.gives_way.clone()));
        Some(Some(seat))
    }

    fn make_room(&self) {
        self.0.lock().make_room(None);
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; free again when it is dropped.
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    address: IpAddr,
    phase: Mutex<Phase>,
    gives_way: Arc<Notify>,
    /// The bytes that its client may send yet.
    may_send: AtomicU64,
}

/// Whether a connection waits. It is locked before the room, never after it.
struct Phase {
    /// How many of its requests are answered now.
    n_busy: usize,
    /// Since when it waits, if it does.
    since: Instant,
    /// Since when there is something of a head.
    head_since: Option<Instant>,
}

impl Seat {
    /// Lets the client send so many bytes more, and then cuts it off.
    pub(super) fn let_send(&self, n_bytes: u64) {
        self.may_send.store(n_bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when it may wait; none where it does not.
    fn waits_until(&self, times: Times) -> Option<Instant> {
        let phase = self.lock();
        (phase.n_busy == 0).then(|| match phase.head_since {
            Some(since) => since + times.head,
            None => phase.since + times.idle,
        })
    }

    /// Its client has sent something.
    fn heard(&self) {
        let mut phase = self.lock();
        if phase.n_busy == 0 {
            phase.head_since.get_or_insert_with(Instant::now);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let since = self.lock().since;
        let mut open = self.room.lock();
        open.n = open.n.saturating_sub(1);
        open.waiting.remove(&(since, self.number));
        if let Some(n) = open.by_address.get_mut(&self.address) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                open.by_address.remove(&self.address);
            }
        }
        drop(open);
        self.room.freed.notify_one();
    }
}

/// Something of a connection is at work: it does not give way, and it is not waited for.
pub(super) struct Busy(Arc<Seat>);

impl Busy {
    pub(super) fn new(seat: Arc<Seat>) -> Self {
        let mut phase = seat.lock();
        phase.n_busy += 1;
        phase.head_since = None;
        seat.room.lock().waiting.remove(&(phase.since, seat.number));
        drop(phase);
        Self(seat)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let seat = &self.0;
        let mut phase = seat.lock();
        phase.n_busy = phase.n_busy.saturating_sub(1);
        if phase.n_busy == 0 {
            phase.since = Instant::now();
            let place = (phase.since, seat.number);
            seat.room.lock().waiting.insert(place, (seat.address, seat.gives_way.clone()));
        }
    }
}

/// The body of an answer that keeps something until all of it is handed on, in parts that fit the buffer of a connection.
pub(super) struct Kept<T> {
    body: Body,
    /// What of the body's last part is not handed on yet.
    rest: Bytes,
    _kept: T,
}

impl<T> Kept<T> {
    pub(super) const fn new(body: Body, kept: T) -> Self {
        Self { body, rest: Bytes::new(), _kept: kept }
    }
}

impl<T: Unpin> HttpBody for Kept<T> {
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

/// A connection's bytes. A client that does not take what it is sent is cut off, and so is one that sends more than it may.
struct Wire {
    stream: TcpStream,
    seat: Arc<Seat>,
    pace: Throughput,
}

impl Wire {
    fn written(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(n)) => {
                self.pace.moved(n);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match self.pace.poll_too_slow(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let may_send = self.seat.may_send.load(Ordering::Relaxed);
        if may_send == 0 {
            return Poll::Ready(Err(io::Error::other("the client sends more than it may before it begins")));
        }
        let n_before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let n_read = (buffer.filled().len() - n_before) as u64;
        if 0 < n_read {
            self.seat.heard();
            if may_send != u64::MAX {
                let left = may_send.saturating_sub(n_read);
                // Unless it was allowed more just now.
                self.seat.may_send.compare_exchange(may_send, left, Ordering::Relaxed, Ordering::Relaxed).ok();
            }
        }
        result
    }
}

impl AsyncWrite for Wire {
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

    /// Waits until a connection is asked to go, and closes it.
    async fn goes(seat: Arc<Seat>) {
        seat.gives_way.notified().await;
    }

    #[tokio::test]
    async fn the_one_that_waits_longest_gives_way() {
        let seats = Seats::new(3, 2);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = seats.take(one).await.expect("there is room");
        let second = seats.take(one).await.expect("there is room");
        // Of an address that has all that one can have, one of its own goes: the one that has waited longest.
        let busy = Busy::new(first.clone());
        let (third, ()) = tokio::join!(seats.take(one), goes(second));
        let third = third.expect("one gives way");
        let fourth = seats.take(other).await.expect("there is room");
        // All places are in use: of everyone's connections the one goes that has waited longest.
        let (fifth, ()) = tokio::join!(seats.take(other), goes(third));
        let fifth = fifth.expect("one gives way");
        let at_work: Vec<Busy> = [&fourth, &fifth].map(|seat| Busy::new(seat.clone())).into();
        // Those at work do not go.
        assert!(seats.take(address("192.0.2.3")).await.is_none());
        // One that was answered waits again.
        drop(busy);
        let (sixth, ()) = tokio::join!(seats.take(address("192.0.2.3")), goes(first));
        assert!(sixth.is_some());
        drop((at_work, fourth, fifth, sixth));
        let open = seats.0.lock();
        assert!(
            open.n == 0 && open.by_address.is_empty() && open.waiting.is_empty(),
            "nothing is kept of those who left"
        );
    }

    #[tokio::test]
    async fn a_head_has_less_time_than_a_pause() {
        let seconds = Duration::from_secs;
        let least_pace = MinRate { rate: 1, grace: seconds(1) };
        let times = Times { head: seconds(10), idle: seconds(75), least_pace };
        let seat = Seats::new(1, 1).take(address("192.0.2.1")).await.expect("there is room");
        let left = |seat: &Seat| seat.waits_until(times).map(|end| end.saturating_duration_since(Instant::now()));
        assert!(left(&seat).is_some_and(|left| seconds(10) < left));
        seat.heard();
        let first = seat.waits_until(times);
        assert!(left(&seat).is_some_and(|left| left <= seconds(10)));
        // Another byte of the same head buys no time.
        seat.heard();
        assert_eq!(seat.waits_until(times), first);
        let busy = Busy::new(seat.clone());
        seat.heard();
        assert_eq!(left(&seat), None);
        drop(busy);
        assert!(left(&seat).is_some_and(|left| seconds(10) < left));
    }
}
