//! The bodies of requests: bounded each and all together, unpacked, and never waited for without end.

use std::{
    cell::Cell,
    future::poll_fn,
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::Response,
};
use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use futures::{FutureExt, StreamExt};
use profile360_ingest::strict_json;
use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::{
    AppState,
    concurrency_limits::{Client, ConcurrencyLimit, LimitReached, Permit},
    refused,
    throughput_limit::{MinRate, Throughput},
};
use crate::{auth::access::Caller, graphql::ErrorCode};

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let Some(name) = headers.get(header::CONTENT_ENCODING) else { return Some(Self::Plain) };
        match name.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Plain),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Why a body cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body ended before all of it was there; send again what has no answer")]
    Cut,
    #[error(
        "the body cannot be unpacked; it is damaged, or not packed as Content-Encoding says (zstd: level 19 at most)"
    )]
    Damaged,
    #[error("the body unpacks to more than {MAX_RATIO} times its size, as no messages do")]
    TooDense,
    #[error("the body came too slowly; send again what has no answer")]
    TooSlow,
    #[error("the request is larger than {0} bytes; send less at once")]
    TooLarge(usize),
    #[error("the request holds more values than are read at once; send less at once")]
    TooMuch,
    #[error("the server has as much at work as it reads at once; try again later")]
    Overloaded,
    #[error("the server is stopping; send again later what has no answer")]
    Stopping,
}

impl BodyError {
    /// What an error of reading is due to.
    pub(super) fn of(error: &Error) -> Self {
        let own = error.get_ref().and_then(|it| it.downcast_ref::<Self>()).copied();
        match error.kind() {
            _ if own.is_some() => own.unwrap_or(Self::Damaged),
            ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Damaged,
        }
    }

    pub(super) const fn code(self) -> ErrorCode {
        match self {
            Self::Cut => ErrorCode::BodyCut,
            Self::Damaged => ErrorCode::BodyDamaged,
            Self::TooDense | Self::TooLarge(_) | Self::TooMuch => ErrorCode::RequestTooLarge,
            Self::TooSlow => ErrorCode::TimedOut,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Stopping => ErrorCode::Unavailable,
        }
    }
}

/// What a request takes of the bytes that all requests together have at work. It is given back when the request is answered.
#[derive(Debug, Clone)]
pub(super) struct Work(Arc<Mutex<Permit>>);

impl Work {
    pub(super) fn new(of: &ConcurrencyLimit, client: &Client) -> Self {
        Self(Arc::new(Mutex::new(of.none_of(client))))
    }

    /// Takes room for so many bytes more.
    pub(super) fn add(&self, n_bytes: usize) -> std::result::Result<(), BodyError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).grow(n_bytes).map_err(|reason| match reason {
            LimitReached::TooMuch => BodyError::TooMuch,
            LimitReached::AllTaken | LimitReached::OwnTaken => BodyError::Overloaded,
        })
    }

    /// Takes room for the values that a JSON text becomes.
    pub(super) fn add_values(&self, text: &[u8]) -> std::result::Result<(), BodyError> {
        self.add(strict_json::n_values(text).saturating_mul(BYTES_OF_VALUE))
    }
}

/// About what a value or a name takes in memory while it is read, beside its text.
const BYTES_OF_VALUE: usize = 128;

/// A body that is read as a whole.
#[derive(Debug)]
pub(super) struct Sent {
    body: Body,
    /// How long it is, where the head says so.
    announced: Option<usize>,
    /// Whether nobody knows yet who sends it: its key is in the body.
    is_strangers: bool,
    work: Work,
}

impl FromRequest<AppState> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, _: &AppState) -> std::result::Result<Self, Response> {
        let Some(work) = request.extensions().get::<Work>().cloned() else {
            return Err(refused(ErrorCode::Internal, "the request came in by no gate"));
        };
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
        let is_strangers = request.extensions().get::<Caller>().is_none();
        Ok(Self { body: request.into_body(), announced, is_strangers, work })
    }
}

impl Sent {
    /// How long it may be, where a caller's may be so long, and a stranger's only so long.
    fn most(&self, callers: usize, strangers: usize) -> usize {
        if self.is_strangers { callers.min(strangers) } else { callers }
    }

    /// All of it, and where there is room for what it becomes.
    pub(super) async fn whole(self, state: &AppState, most: usize) -> std::result::Result<(Vec<u8>, Work), BodyError> {
        let limits = state.app().limits;
        let most = self.most(most, limits.query_body);
        let Self { body, announced, work, .. } = self;
        if announced.is_some_and(|announced| most < announced) {
            return Err(BodyError::TooLarge(most));
        }
        let mut frames = body.into_data_stream();
        let mut pace = Throughput::new(MinRate::of(&limits));
        let reading = async {
            let mut bytes = Vec::new();
            while let Some(frame) = next(&mut frames, &mut pace).await? {
                let frame = frame.map_err(|_| BodyError::Cut)?;
                if most < bytes.len() + frame.len() {
                    return Err(BodyError::TooLarge(most));
                }
                work.add(frame.len())?;
                bytes.extend_from_slice(&frame);
            }
            Ok(bytes)
        };
        let bytes = timeout(limits.upload, reading).await.map_err(|_| BodyError::TooSlow).flatten()?;
        Ok((bytes, work))
    }
}

/// The next part of a body, if it comes fast enough.
async fn next(
    frames: &mut BodyDataStream,
    pace: &mut Throughput,
) -> std::result::Result<Option<std::result::Result<Bytes, axum::Error>>, BodyError> {
    let frame = poll_fn(|context| match frames.poll_next_unpin(context) {
        Poll::Ready(frame) => Poll::Ready(Ok(frame)),
        Poll::Pending => pace.poll_too_slow(context).map(|()| Err(BodyError::TooSlow)),
    })
    .await?;
    pace.moved(frame.as_ref().and_then(|it| it.as_ref().ok()).map_or(0, Bytes::len));
    Ok(frame)
}

/// More than any messages can be packed. Small bodies are let be.
const MAX_RATIO: u64 = 300;
const SMALL: u64 = 16 * 1024 * 1024;
/// The largest window that is unpacked: that of level 19.
const MAX_WINDOW_LOG: u32 = 23;

/// The bytes of a body, unpacked. To be made and read in a thread that may wait; `before_waiting` is called each time before it does.
pub(super) fn unpacked(
    body: Body,
    packing: Packing,
    state: &AppState,
    runtime: Handle,
    before_waiting: impl FnMut() + 'static,
) -> Result<Box<dyn BufRead>> {
    let n_packed = Rc::new(Cell::new(0));
    let source = Source {
        frames: body.into_data_stream(),
        frame: Bytes::new(),
        runtime,
        stop: state.stop.clone(),
        pace: Throughput::new(MinRate::of(&state.app().limits)),
        n_read: n_packed.clone(),
        before_waiting,
    };
    unpack(source, packing, n_packed)
}

fn unpack<'s>(source: impl Read + 's, packing: Packing, n_packed: Rc<Cell<u64>>) -> Result<Box<dyn BufRead + 's>> {
    Ok(match packing {
        Packing::Plain => Box::new(BufReader::new(source)),
        Packing::Gzip => {
            let inner = MultiGzDecoder::new(BufReader::new(source));
            Box::new(BufReader::new(Guarded { inner, n_packed, n_unpacked: 0 }))
        }
        Packing::Zstd => {
            let mut inner = zstd::Decoder::new(source)?;
            inner.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(BufReader::new(Guarded { inner, n_packed, n_unpacked: 0 }))
        }
    })
}

/// What a body may be called that holds JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: what no page of another state can send without being asked whether it may.
    Json,
    /// Anything: programs call it text, or a form, or nothing at all.
    Any,
}

/// The bytes of a short body, unpacked, or what is answered instead.
pub(super) async fn whole(
    state: &AppState,
    headers: &HeaderMap,
    sent: Sent,
    media: Media,
) -> std::result::Result<Vec<u8>, Response> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_json = content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    if media == Media::Json && !is_json {
        return Err(refused(ErrorCode::UnsupportedMediaType, "send the body as application/json"));
    }
    let Some(packing) = Packing::of(headers) else {
        let sentence = "send the body as it is, or packed with gzip or zstd";
        return Err(refused(ErrorCode::UnsupportedMediaType, sentence));
    };
    let refuse = |fault: BodyError| refused(fault.code(), &fault.to_string());
    let limits = state.app().limits;
    let most = sent.most(limits.body, limits.query_body);
    let (mut bytes, work) = sent.whole(state, most).await.map_err(refuse)?;
    let packing = if packing == Packing::Plain && bytes.starts_with(GZIP) { Packing::Gzip } else { packing };
    if packing != Packing::Plain {
        let unpacking = work.clone();
        let unpacked = tokio::task::spawn_blocking(move || unpack_all(&bytes, packing, most, &unpacking));
        let unpacked = unpacked.await.map_err(Error::other).flatten();
        bytes = unpacked.map_err(|error| refuse(BodyError::of(&error)))?;
    }
    work.add_values(&bytes).map_err(refuse)?;
    Ok(bytes)
}

/// How everything begins that gzip packs. No JSON does.
const GZIP: &[u8] = b"\x1f\x8b";

/// Unpacks a body that is there.
fn unpack_all(packed: &[u8], packing: Packing, most: usize, work: &Work) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut source = unpack(packed, packing, Rc::new(Cell::new(packed.len() as u64)))?;
    loop {
        let part = source.fill_buf()?;
        if part.is_empty() {
            return Ok(unpacked);
        }
        if most < unpacked.len() + part.len() {
            return Err(Error::other(BodyError::TooLarge(most)));
        }
        work.add(part.len()).map_err(Error::other)?;
        unpacked.extend_from_slice(part);
        let n_read = part.len();
        source.consume(n_read);
    }
}

struct Source<F> {
    frames: BodyDataStream,
    frame: Bytes,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    pace: Throughput,
    n_read: Rc<Cell<u64>>,
    before_waiting: F,
}

impl<F: FnMut()> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.frame.is_empty() {
            let Self { frames, stop, pace, runtime, before_waiting, .. } = self;
            let next = match next(frames, pace).now_or_never() {
                Some(next) => next,
                None => {
                    before_waiting();
                    runtime.block_on(async {
                        tokio::select! {
                            next = next(frames, pace) => next,
                            // When nobody can say stop any more it is time to stop, too.
                            () = async { drop(stop.wait_for(|is_over| *is_over).await) } => Err(BodyError::Stopping),
                        }
                    })
                }
            };
            let next = next.map_err(Error::other)?;
            match next {
                Some(Ok(frame)) => self.frame = frame,
                Some(Err(_)) => return Err(Error::other(BodyError::Cut)),
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.frame.len());
        self.frame.copy_to_slice(&mut buffer[..n]);
        self.n_read.set(self.n_read.get() + n as u64);
        Ok(n)
    }
}

/// Stops what unpacks to much more than messages can.
struct Guarded<R> {
    inner: R,
    n_packed: Rc<Cell<u64>>,
    n_unpacked: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_unpacked += n as u64;
        if SMALL < self.n_unpacked && self.n_packed.get().saturating_mul(MAX_RATIO) < self.n_unpacked {
            return Err(Error::other(BodyError::TooDense));
        }
        Ok(n)
    }
}
