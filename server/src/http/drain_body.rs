//! The rest of a body whose request is refused before all of it was read.
//!
//! A connection that is closed while something is unread is reset, and a client that is still sending then never sees the answer.
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
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};
use tokio::time::timeout;

/// A client that sends more than that after its refusal is cut off.
const AT_MOST: usize = 32 * 1024 * 1024;
const WITHIN: Duration = Duration::from_secs(5);

/// Reads some of the rest of a refused request, and closes the connection behind the answer where there was a rest.
pub(super) async fn drain_refused(request: Request, next: Next) -> Response {
    // A client that asks first sends nothing to a refusal; reading would invite it to.
    let asks_first = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let mut response = next.run(Request::from_parts(head, Body::from_stream(body.clone()))).await;
    let status = response.status();
    if (status.is_client_error() || status.is_server_error()) && !asks_first {
        let n_read = timeout(WITHIN, read(body)).await.ok();
        if n_read != Some(0) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// How many bytes there were.
async fn read(mut body: Shared) -> usize {
    let mut n_read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        n_read += bytes.len();
        if AT_MOST < n_read {
            break;
        }
    }
    n_read
}

/// A body that outlives the handler that stops reading it.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}
