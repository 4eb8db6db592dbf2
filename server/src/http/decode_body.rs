//! Reads and decompresses the bodies of requests, with limits on each, on all together, and on the time.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    Identity,
    Gzip,
    Zstd,
}

impl ContentEncoding {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let Some(name) = headers.get(header::CONTENT_ENCODING) else { return Some(Self::Identity) };
        match name.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body ended before its announced end; send again what has no result")]
    Cut,
    #[error(
        "the body cannot be decompressed; it is damaged, or not encoded as Content-Encoding says (zstd: at most level 19)"
    )]
    Damaged,
    #[error("the body expands to more than {MAX_RATIO} times its size, as no messages do; send less at once")]
    ExpandsTooMuch,
    #[error("the body came too slowly; send again what has no result")]
    TooSlow,
    #[error("the request is larger than {0} bytes; send less at once")]
    TooLarge(usize),
    #[error("the request holds more values than the server parses at once; send less at once")]
    TooManyValues,
    #[error("the bodies in progress fill the memory for them (--limit-work); try again later")]
    Overloaded,
    #[error("the server is shutting down; send again later what has no result")]
    Stopping,
}

impl BodyError {
    /// The cause of an I/O error.
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
            Self::ExpandsTooMuch | Self::TooLarge(_) | Self::TooManyValues => ErrorCode::RequestTooLarge,
            Self::TooSlow => ErrorCode::TimedOut,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Stopping => ErrorCode::Unavailable,
        }
    }
}

/// The memory that a request uses of `--limit-work`. It is released with the response.
#[derive(Debug, Clone)]
pub(super) struct Work(Arc<Mutex<Permit>>);

impl Work {
    pub(super) fn new(of: &ConcurrencyLimit, client: &Client) -> Self {
        Self(Arc::new(Mutex::new(of.empty_permit(client))))
    }

    /// Reserves so many bytes more.
    pub(super) fn add(&self, n_bytes: usize) -> std::result::Result<(), BodyError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).grow(n_bytes).map_err(|reason| match reason {
            LimitReached::TooLarge => BodyError::TooManyValues,
            LimitReached::Exhausted | LimitReached::ClientLimit => BodyError::Overloaded,
        })
    }

    /// Reserves the memory that the values of a JSON text need once they are parsed.
    pub(super) fn add_values(&self, text: &[u8]) -> std::result::Result<(), BodyError> {
        self.add(strict_json::n_values(text).saturating_mul(BYTES_OF_VALUE))
    }
}

/// The approximate memory of a parsed value or name, without its text.
const BYTES_OF_VALUE: usize = 128;

/// A body that is buffered as a whole.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: Body,
    content_length: Option<usize>,
    /// The key is in the body, so that the sender is unknown until the body is read.
    is_unauthenticated: bool,
    work: Work,
}

impl FromRequest<AppState> for RequestBody {
    type Rejection = Response;

    async fn from_request(request: Request, _: &AppState) -> std::result::Result<Self, Response> {
        let Some(work) = request.extensions().get::<Work>().cloned() else {
            return Err(refused(ErrorCode::Internal, "the route does not authenticate its requests"));
        };
        let content_length = request.headers().get(header::CONTENT_LENGTH);
        let content_length = content_length.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
        let is_unauthenticated = request.extensions().get::<Caller>().is_none();
        Ok(Self { body: request.into_body(), content_length, is_unauthenticated, work })
    }
}

impl RequestBody {
    /// The largest body: `max` of an authenticated sender, and otherwise at most `max_unauthenticated`.
    fn limit(&self, max: usize, max_unauthenticated: usize) -> usize {
        if self.is_unauthenticated { max.min(max_unauthenticated) } else { max }
    }

    /// Reads all of it; returns also the reservation to add its values to.
    pub(super) async fn read(self, state: &AppState, max: usize) -> std::result::Result<(Vec<u8>, Work), BodyError> {
        let limits = state.app().limits;
        let max = self.limit(max, limits.query_body);
        let Self { body, content_length, work, .. } = self;
        if content_length.is_some_and(|content_length| max < content_length) {
            return Err(BodyError::TooLarge(max));
        }
        let mut frames = body.into_data_stream();
        let mut throughput = Throughput::new(MinRate::of(&limits));
        let reading = async {
            let mut bytes = Vec::new();
            while let Some(frame) = next(&mut frames, &mut throughput).await? {
                let frame = frame.map_err(|_| BodyError::Cut)?;
                if max < bytes.len() + frame.len() {
                    return Err(BodyError::TooLarge(max));
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

/// The next frame of a body, if it comes fast enough.
async fn next(
    frames: &mut BodyDataStream,
    throughput: &mut Throughput,
) -> std::result::Result<Option<std::result::Result<Bytes, axum::Error>>, BodyError> {
    let frame = poll_fn(|context| match frames.poll_next_unpin(context) {
        Poll::Ready(frame) => Poll::Ready(Ok(frame)),
        Poll::Pending => throughput.poll_too_slow(context).map(|()| Err(BodyError::TooSlow)),
    })
    .await?;
    throughput.moved(frame.as_ref().and_then(|it| it.as_ref().ok()).map_or(0, Bytes::len));
    Ok(frame)
}

/// Real messages compress less. Small bodies are not checked.
const MAX_RATIO: u64 = 300;
const SMALL: u64 = 16 * 1024 * 1024;
/// The window of zstd's level 19.
const MAX_WINDOW_LOG: u32 = 23;

/// Decompresses a body. Blocks while it waits for the client, so it needs a thread of its own; calls `before_waiting` each time.
pub(super) fn decompress(
    body: Body,
    encoding: ContentEncoding,
    state: &AppState,
    runtime: Handle,
    before_waiting: impl FnMut() + 'static,
) -> Result<Box<dyn BufRead>> {
    let n_compressed = Rc::new(Cell::new(0));
    let source = Source {
        frames: body.into_data_stream(),
        frame: Bytes::new(),
        runtime,
        stop: state.stop.clone(),
        throughput: Throughput::new(MinRate::of(&state.app().limits)),
        n_read: n_compressed.clone(),
        before_waiting,
    };
    decoder(source, encoding, n_compressed)
}

fn decoder<'s>(
    source: impl Read + 's,
    encoding: ContentEncoding,
    n_compressed: Rc<Cell<u64>>,
) -> Result<Box<dyn BufRead + 's>> {
    Ok(match encoding {
        ContentEncoding::Identity => Box::new(BufReader::new(source)),
        ContentEncoding::Gzip => {
            let inner = MultiGzDecoder::new(BufReader::new(source));
            Box::new(BufReader::new(Guarded { inner, n_compressed, n_decompressed: 0 }))
        }
        ContentEncoding::Zstd => {
            let mut inner = zstd::Decoder::new(source)?;
            inner.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(BufReader::new(Guarded { inner, n_compressed, n_decompressed: 0 }))
        }
    })
}

/// The content types of a body that holds JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`, which no page of another origin can send without a CORS preflight.
    Json,
    /// Any: SDKs send text, a form, or no content type.
    Any,
}

/// Reads and decompresses a body; the error is the response.
pub(super) async fn read_body(
    state: &AppState,
    headers: &HeaderMap,
    body: RequestBody,
    media: Media,
) -> std::result::Result<Vec<u8>, Response> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_json = content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    if media == Media::Json && !is_json {
        return Err(refused(ErrorCode::UnsupportedMediaType, "send the body as application/json"));
    }
    let Some(encoding) = ContentEncoding::of(headers) else {
        let sentence = "send the body plain, or compressed with gzip or zstd";
        return Err(refused(ErrorCode::UnsupportedMediaType, sentence));
    };
    let refuse = |fault: BodyError| refused(fault.code(), &fault.to_string());
    let limits = state.app().limits;
    let max = body.limit(limits.body, limits.query_body);
    let (mut bytes, work) = body.read(state, max).await.map_err(refuse)?;
    let encoding =
        if encoding == ContentEncoding::Identity && bytes.starts_with(GZIP) { ContentEncoding::Gzip } else { encoding };
    if encoding != ContentEncoding::Identity {
        let decompressing = work.clone();
        let decompressed = tokio::task::spawn_blocking(move || decompress_all(&bytes, encoding, max, &decompressing));
        let decompressed = decompressed.await.map_err(Error::other).flatten();
        bytes = decompressed.map_err(|error| refuse(BodyError::of(&error)))?;
    }
    work.add_values(&bytes).map_err(refuse)?;
    Ok(bytes)
}

/// The magic bytes of gzip. Some SDKs compress and send no Content-Encoding.
const GZIP: &[u8] = b"\x1f\x8b";

fn decompress_all(compressed: &[u8], encoding: ContentEncoding, max: usize, work: &Work) -> Result<Vec<u8>> {
    let mut decompressed = Vec::new();
    let mut source = decoder(compressed, encoding, Rc::new(Cell::new(compressed.len() as u64)))?;
    loop {
        let part = source.fill_buf()?;
        if part.is_empty() {
            return Ok(decompressed);
        }
        if max < decompressed.len() + part.len() {
            return Err(Error::other(BodyError::TooLarge(max)));
        }
        work.add(part.len()).map_err(Error::other)?;
        decompressed.extend_from_slice(part);
        let n_read = part.len();
        source.consume(n_read);
    }
}

struct Source<F> {
    frames: BodyDataStream,
    frame: Bytes,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    throughput: Throughput,
    n_read: Rc<Cell<u64>>,
    before_waiting: F,
}

impl<F: FnMut()> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.frame.is_empty() {
            let Self { frames, stop, throughput, runtime, before_waiting, .. } = self;
            let next = match next(frames, throughput).now_or_never() {
                Some(next) => next,
                None => {
                    before_waiting();
                    runtime.block_on(async {
                        tokio::select! {
                            next = next(frames, throughput) => next,
                            // A dropped sender means stop, too.
                            () = async { drop(stop.wait_for(|stopped| *stopped).await) } => Err(BodyError::Stopping),
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

/// Stops decompression bombs.
struct Guarded<R> {
    inner: R,
    n_compressed: Rc<Cell<u64>>,
    n_decompressed: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_decompressed += n as u64;
        if SMALL < self.n_decompressed && self.n_compressed.get().saturating_mul(MAX_RATIO) < self.n_decompressed {
            return Err(Error::other(BodyError::ExpandsTooMuch));
        }
        Ok(n)
    }
}
