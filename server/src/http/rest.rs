//! The rest of a body that is too large.
//!
//! A connection that is closed while something lies there unread is reset, and who is still sending then never sees the answer.
//! So a part of the rest is read and thrown away first; it is never kept, and never waited for without end.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};
use tokio::time::timeout;

/// Who sends more than that much too much is cut off all the same.
const AT_MOST: usize = 32 * 1024 * 1024;
const WITHIN: Duration = Duration::from_secs(5);

/// Answers what is too large once some of the rest was read, and closes the connection then.
pub(super) async fn read_of_what_is_too_large(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let mut response = next.run(Request::from_parts(head, Body::from_stream(body.clone()))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        timeout(WITHIN, read(body)).await.ok();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn read(mut body: Shared) {
    let mut n_read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        n_read += bytes.len();
        if AT_MOST < n_read {
            return;
        }
    }
}

/// A body that goes on to be there when whoever was to read it has given up.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}
