//! HTTP: GraphQL, the page, and what operators ask. This module never answers from anything but the schema and the store.

mod graphql;
mod health;
mod page;
mod socket;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::task::TaskTracker;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
};

use crate::graphql::{ApiSchema, App, Current, ErrorCode};

/// The largest body taken: a full batch of ordinary messages.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
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
    let site = Site { schema, current, stop: stop.clone(), sockets: sockets.clone() };
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
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(page::asset)
        .with_state(site)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CompressionLayer::new())
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// Too much at once: the client should come back a little later.
fn overloaded(sentence: &str) -> Response {
    let body = json!({ "errors": [{ "message": sentence, "extensions": { "code": ErrorCode::Overloaded.as_str() } }] });
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], Json(body)).into_response()
}
