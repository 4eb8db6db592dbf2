//! HTTP: GraphQL, ingestion, the page and health checks. Its handlers read and write through the schema, the pipeline and the store
//! only.

mod accept;
mod assets;
mod authenticate;
mod concurrency_limits;
mod connections;
mod decode_body;
mod dfinery;
mod drain_body;
mod export;
mod graphql;
mod health;
mod ingest_stream;
mod openapi;
mod origin_check;
mod raw_json;
mod read_your_writes;
mod segment;
mod throughput_limit;
mod url_keys;
mod websocket;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, Request, State, WebSocketUpgrade},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::task::TaskTracker;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
};

pub use self::origin_check::AllowedHost;
use self::{
    authenticate::{CredentialSource, RouteAuth},
    concurrency_limits::ConcurrencyLimit,
    origin_check::OriginCheck,
};
use crate::{
    auth::authenticator::Authentication,
    graphql::{ApiSchema, App, Current, ErrorCode, PersistedQueries},
};

/// How long open requests may run after the shutdown signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// The page loads nothing from other origins; `wasm-unsafe-eval` is what WebAssembly needs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     connect-src 'self'; worker-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// The state that all handlers share.
#[derive(Clone)]
struct AppState {
    schema: ApiSchema,
    current: Current,
    authentication: Authentication,
    origin_check: OriginCheck,
    /// Becomes true on shutdown.
    stop: watch::Receiver<bool>,
    /// The open WebSockets, which the shutdown waits for.
    open_sockets: TaskTracker,
    /// One permit for each WebSocket,
    sockets: ConcurrencyLimit,
    /// one until its `connection_init`,
    unauthenticated_sockets: ConcurrencyLimit,
    /// and one from then on.
    authenticated_sockets: ConcurrencyLimit,
    /// One permit for each open stream of messages.
    streams: ConcurrencyLimit,
    /// One permit for each export of the list.
    exports: ConcurrencyLimit,
    /// One permit for each other request in progress.
    requests: ConcurrencyLimit,
    /// The bytes in memory of the bodies of all requests in progress.
    work: ConcurrencyLimit,
    persisted_queries: Arc<PersistedQueries>,
}

impl AppState {
    /// The current snapshot. Take it once a request, and do not keep it longer: a new policy replaces it.
    fn app(&self) -> App {
        self.current.app()
    }
}

/// Serves until `stop` becomes true, then finishes the open requests. With trusted documents (by hash) the server runs only these and
/// those of the page.
///
/// # Errors
///
/// The listener has no local address.
pub async fn serve(
    listener: TcpListener,
    schema: ApiSchema,
    current: Current,
    authentication: Authentication,
    trusted_documents: Option<BTreeMap<String, String>>,
    allowed_hosts: Vec<AllowedHost>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let limits = current.limits.clone();
    let work = limits.work.unwrap_or_else(|| current.memory.work());
    let open_sockets = TaskTracker::new();
    let state = AppState {
        origin_check: OriginCheck::new(!authentication.requires_keys(), listener.local_addr()?, allowed_hosts),
        schema,
        current,
        authentication,
        stop: stop.clone(),
        open_sockets: open_sockets.clone(),
        sockets: ConcurrencyLimit::new(limits.sockets, limits.sockets),
        unauthenticated_sockets: ConcurrencyLimit::new(limits.handshakes, limits.handshakes.div_ceil(2)),
        authenticated_sockets: ConcurrencyLimit::new(limits.sockets, limits.sockets_per_client),
        streams: ConcurrencyLimit::new(limits.streams, limits.streams_per_client),
        exports: ConcurrencyLimit::new(limits.exports, limits.exports_per_client),
        requests: ConcurrencyLimit::new(limits.requests, limits.requests_per_client),
        work: ConcurrencyLimit::new(work, work / 2),
        persisted_queries: Arc::new(PersistedQueries::new(assets::documents(), trusted_documents)),
    };
    let router = router(state);
    let finished = async {
        connections::serve(listener, router, &limits, stop.clone()).await;
        // A connection ends for `connections::serve` when it becomes a WebSocket.
        open_sockets.close();
        open_sockets.wait().await;
    };
    let mut stopping = stop.clone();
    tokio::select! {
        () = finished => {}
        () = async {
            stopping.wait_for(|stopped| *stopped).await.ok();
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
        } => tracing::warn!("some requests did not finish in time and were cut off"),
    }
    Ok(())
}

fn router(state: AppState) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let graphql = post(graphql::post)
        .fallback(graphql::unsupported_method)
        .layer(authenticate::layer(&state, RouteAuth::GRAPHQL));
    let messages = Router::new()
        .route("/v1/messages", post(ingest_stream::post).fallback(post_only))
        .route_layer(authenticate::layer(&state, RouteAuth::STREAMS));
    Router::new()
        // Without the authentication layer: a WebSocket authenticates by its first message; `graphql_get` handles the rest.
        .route(
            "/graphql",
            graphql.get(graphql_get).layer(middleware::from_fn_with_state(state.clone(), graphql::for_browsers)),
        )
        .merge(
            segment::routes()
                .route_layer(authenticate::layer(&state, RouteAuth::of_messages(CredentialSource::UserName)))
                .merge(segment::settings_routes().route_layer(authenticate::layer(&state, RouteAuth::SETTINGS)))
                .route_layer(segment::cors(&state)),
        )
        .merge(
            dfinery::routes()
                .route_layer(authenticate::layer(&state, RouteAuth::of_messages(CredentialSource::AccessToken))),
        )
        .route(
            "/v1/export",
            post(export::post).fallback(post_only).layer(authenticate::layer(&state, RouteAuth::EXPORT)),
        )
        // Without a concurrency limit: these have to answer under load, too.
        .route("/healthz", get(health::healthz).fallback(get_only))
        .route("/readyz", get(health::readyz).fallback(get_only))
        .route("/leaderz", get(health::leaderz).fallback(get_only))
        .route("/openapi.json", get(openapi::document).fallback(get_only))
        .route("/graphiql", any(assets::graphiql))
        .route("/graphiql.html", any(assets::graphiql))
        .fallback(assets::asset)
        .layer(CompressionLayer::new())
        // Without compression, which would buffer the lines of the response.
        .merge(messages)
        .layer(middleware::from_fn_with_state(state.clone(), url_keys::no_key_in_address))
        .layer(middleware::from_fn_with_state(state.clone(), origin_check::enforce))
        .with_state(state)
        .layer(middleware::from_fn(drain_body::drain_refused))
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        // The page's files set their own; everything else may hold personal data.
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// A WebSocket handshake, or a query in the URL. Browsers cannot send a key with a handshake, so it is in the `connection_init`.
async fn graphql_get(State(state): State<AppState>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    if let Ok(socket) = WebSocketUpgrade::from_request_parts(&mut head, &state).await {
        return websocket::open(state, &head, socket);
    }
    let request = Request::from_parts(head, body);
    authenticate::with_caller(&state, RouteAuth::GRAPHQL, request, |request| graphql::get(&state, request)).await
}

async fn post_only() -> Response {
    refused(ErrorCode::MethodNotAllowed, "use POST here")
}

async fn get_only() -> Response {
    let mut response = refused(ErrorCode::MethodNotAllowed, "use GET here");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// The body of a refusal. SDKs of the tracking APIs look for the sentence as `message`, and send again what was refused where there is
/// none.
fn refusal(code: ErrorCode, sentence: &str) -> Value {
    json!({ "code": code.as_str(), "detail": sentence, "message": sentence })
}

/// The refusal of a request that is not GraphQL.
fn refused(code: ErrorCode, sentence: &str) -> Response {
    let mut response = (status_of(code), Json(refusal(code, sentence))).into_response();
    if code == ErrorCode::MethodNotAllowed {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    add_retry_after(&mut response);
    response
}

fn overloaded(sentence: &str) -> Response {
    refused(ErrorCode::Overloaded, sentence)
}

/// Adds Retry-After where a retry helps.
fn add_retry_after(response: &mut Response) {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

/// The status of a request that is refused as a whole.
const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::RequestTooLarge | ErrorCode::TooManyMessages => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TimedOut => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::CrossSiteRefused => StatusCode::FORBIDDEN,
        ErrorCode::HostNotAllowed => StatusCode::MISDIRECTED_REQUEST,
        ErrorCode::TooManyLookups => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Overloaded | ErrorCode::Behind | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
