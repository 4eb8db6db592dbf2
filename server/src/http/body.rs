//! The body of a request as a stream of bytes that a thread reads: unpacked, bounded, and never waited for without end.

use std::{
    cell::Cell,
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result},
    rc::Rc,
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::rejection::BytesRejection,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use futures::{FutureExt, StreamExt};
use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::{Site, refused};
use crate::graphql::ErrorCode;

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
pub(super) enum Fault {
    #[error("the body ended before all of it was there; send again what has no answer")]
    Cut,
    #[error(
        "the body cannot be unpacked; it is damaged, or not packed as Content-Encoding says (zstd: level 19 at most)"
    )]
    Damaged,
    #[error("the body unpacks to more than {MAX_RATIO} times its size, as no messages do")]
    TooDense,
    #[error("nothing came for too long; send again what has no answer")]
    TooSlow,
    #[error("the server is stopping; send again later what has no answer")]
    Stopping,
}

impl Fault {
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
            Self::TooDense => ErrorCode::RequestTooLarge,
            Self::TooSlow => ErrorCode::TimedOut,
            Self::Stopping => ErrorCode::Unavailable,
        }
    }
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
    site: &Site,
    runtime: Handle,
    before_waiting: impl FnMut() + 'static,
) -> Result<Box<dyn BufRead>> {
    let n_packed = Rc::new(Cell::new(0));
    let source = Source {
        frames: body.into_data_stream(),
        frame: Bytes::new(),
        runtime,
        stop: site.stop.clone(),
        patience: site.app().limits.time,
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
    /// `application/json`: what no page of another site can send without being asked whether it may.
    Json,
    /// Anything: programs call it text, or a form, or nothing at all.
    Any,
}

/// The bytes of a short body, unpacked, or what is answered instead.
pub(super) async fn whole(
    site: &Site,
    headers: &HeaderMap,
    body: std::result::Result<Bytes, BytesRejection>,
    media: Media,
) -> std::result::Result<Vec<u8>, Response> {
    let most = site.app().limits.body;
    let too_large = || {
        let sentence = format!("the request is larger than {most} bytes; send less at once");
        refused(ErrorCode::RequestTooLarge, &sentence)
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_json = content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    if media == Media::Json && !is_json {
        return Err(refused(ErrorCode::UnsupportedMediaType, "send the body as application/json"));
    }
    let Some(packing) = Packing::of(headers) else {
        let sentence = "send the body as it is, or packed with gzip or zstd";
        return Err(refused(ErrorCode::UnsupportedMediaType, sentence));
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(too_large()),
        Err(_) => return Err(refused(ErrorCode::BodyCut, &Fault::Cut.to_string())),
    };
    let packing = if packing == Packing::Plain && body.starts_with(GZIP) { Packing::Gzip } else { packing };
    let unpacking = move || {
        let mut bytes = Vec::new();
        let n_packed = Rc::new(Cell::new(body.len() as u64));
        // One byte more tells what is too large.
        unpack(&body[..], packing, n_packed)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let unpacked: Result<Vec<u8>> = tokio::task::spawn_blocking(unpacking).await.map_err(Error::other).flatten();
    match unpacked {
        Ok(bytes) if most < bytes.len() => Err(too_large()),
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let fault = Fault::of(&error);
            Err(refused(fault.code(), &fault.to_string()))
        }
    }
}

/// How everything begins that gzip packs. No JSON does.
const GZIP: &[u8] = b"\x1f\x8b";

struct Source<F> {
    frames: BodyDataStream,
    frame: Bytes,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    patience: Duration,
    n_read: Rc<Cell<u64>>,
    before_waiting: F,
}

impl<F: FnMut()> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.frame.is_empty() {
            let next = match self.frames.next().now_or_never() {
                Some(next) => next,
                None => {
                    (self.before_waiting)();
                    let Self { frames, stop, patience, runtime, .. } = self;
                    runtime
                        .block_on(async {
                            tokio::select! {
                                next = timeout(*patience, frames.next()) => next.map_err(|_| Fault::TooSlow),
                                // When nobody can say stop any more it is time to stop, too.
                                () = async { drop(stop.wait_for(|it| *it).await) } => Err(Fault::Stopping),
                            }
                        })
                        .map_err(Error::other)?
                }
            };
            match next {
                Some(Ok(frame)) => self.frame = frame,
                Some(Err(_)) => return Err(Error::other(Fault::Cut)),
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
            return Err(Error::other(Fault::TooDense));
        }
        Ok(n)
    }
}
