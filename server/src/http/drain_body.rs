//! Drains the rest of a body whose request is refused before all of it was read.
//!
//! Closing a connection with unread data resets it, and a client that is still sending then never sees the response. So the server
//! reads and discards a limited part of the rest first, with a timeout.

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

/// A client that sends more after its refusal is disconnected.
const MAX_BYTES: usize = 32 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Drains the body of a refused request, and closes the connection after the response where there was a rest.
pub(super) async fn drain_refused(request: Request, next: Next) -> Response {
    // With `Expect: 100-continue` the client sends no body after a refusal; reading would request it.
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let mut response = next.run(Request::from_parts(head, Body::from_stream(body.clone()))).await;
    let status = response.status();
    if (status.is_client_error() || status.is_server_error()) && !expects_continue {
        let n_read = timeout(TIMEOUT, drain(body)).await.ok();
        if n_read != Some(0) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// Returns the number of bytes.
async fn drain(mut body: Shared) -> usize {
    let mut n_read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        n_read += bytes.len();
        if MAX_BYTES < n_read {
            break;
        }
    }
    n_read
}

/// A body that outlives its handler.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}
