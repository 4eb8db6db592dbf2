//! HTTP: GraphQL, messages, the page, and what operators ask. This module never answers from anything but the schema, the
//! pipeline and the store.

mod answer;
mod body;
mod dfinery;
mod graphql;
mod health;
mod messages;
mod page;
mod segment;
mod socket;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_util::task::TaskTracker;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
};

use crate::graphql::{ApiSchema, App, Current, ErrorCode};

/// How long open requests may take after the program was told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// The page loads nothing from elsewhere; WebAssembly needs its own word for that.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     connect-src 'self'; worker-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// What handlers share.
#[derive(Clone)]
struct Site {
    schema: ApiSchema,
    current: Current,
    /// Turns true when the program is to stop.
    stop: watch::Receiver<bool>,
    /// The WebSocket connections that are open.
    sockets: TaskTracker,
    /// A place for each stream of messages that may be open at once.
    streams: Arc<Semaphore>,
}

impl Site {
    /// What answers come from at this moment. Not to be kept beyond one answer.
    fn app(&self) -> App {
        self.current.app()
    }
}

/// Serves until `stop` says so, then finishes what is open.
pub async fn serve(
    listener: TcpListener,
    schema: ApiSchema,
    current: Current,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut is_over = stop.clone();
    let sockets = TaskTracker::new();
    let streams = Arc::new(Semaphore::new(current.app().limits.streams));
    let site = Site { schema, current, stop: stop.clone(), sockets: sockets.clone(), streams };
    let stopping = async move {
        // When nobody can say stop any more it is time to stop, too.
        stop.wait_for(|it| *it).await.ok();
    };
    let service = router(site).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopping);
    let finished = async {
        let result = served.await;
        // Whoever serves does not wait for these.
        sockets.close();
        sockets.wait().await;
        result
    };
    tokio::select! {
        result = finished => result,
        () = async {
            is_over.wait_for(|it| *it).await.ok();
            tokio::time::sleep(DRAIN).await;
        } => {
            tracing::warn!("some requests did not finish in time and were cut off");
            Ok(())
        }
    }
}

fn router(site: Site) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let largest_body = site.app().limits.body;
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(graphql::other_method))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .merge(segment::routes())
        .merge(dfinery::routes())
        .fallback(page::asset)
        .layer(DefaultBodyLimit::max(largest_body))
        .layer(CompressionLayer::new())
        // Outside of these: it bounds its own body, and packing would keep its lines back.
        .route("/v1/messages", post(messages::post).fallback(other_method))
        .with_state(site)
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

async fn other_method() -> Response {
    refused(ErrorCode::MethodNotAllowed, "this is sent by POST")
}

/// A refusal of what is no GraphQL.
fn refused(code: ErrorCode, sentence: &str) -> Response {
    let body = Json(json!({ "code": code.as_str(), "detail": sentence }));
    let mut response = (status_of(code), body).into_response();
    if code == ErrorCode::MethodNotAllowed {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    may_retry(&mut response);
    response
}

/// Too much at once: the client should come back a little later.
fn overloaded(sentence: &str) -> Response {
    refused(ErrorCode::Overloaded, sentence)
}

/// Says when to come back, where that helps.
fn may_retry(response: &mut Response) {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

/// The status of a request that failed as a whole.
const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::RequestTooLarge | ErrorCode::TooManyMessages => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::TimedOut => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
