//! HTTP: GraphQL, messages, the page, and what operators ask. This module never answers from anything but the schema, the
//! pipeline and the store.

mod accept;
mod assets;
mod authenticate;
mod concurrency_limits;
mod connections;
mod decode_body;
mod dfinery;
mod drain_body;
mod graphql;
mod health;
mod ingest_response;
mod ingest_stream;
mod openapi;
mod origin_check;
mod raw_json;
mod segment;
mod throughput_limit;
mod websocket;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
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
    auth::access::Authentication,
    graphql::{ApiSchema, App, Current, ErrorCode, PersistedQueries},
};

/// How long open requests may take after the program was told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// The page loads nothing from elsewhere; WebAssembly needs its own word for that.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     connect-src 'self'; worker-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// What handlers share.
#[derive(Clone)]
struct AppState {
    schema: ApiSchema,
    current: Current,
    /// Who is let in.
    authentication: Authentication,
    /// By which names it is asked, and whose pages may ask.
    door: OriginCheck,
    /// Turns true when the program is to stop.
    stop: watch::Receiver<bool>,
    /// The WebSocket connections that are open, for who waits for their end.
    open_sockets: TaskTracker,
    /// A place for each WebSocket connection,
    sockets: ConcurrencyLimit,
    /// for each that has not begun,
    strangers: ConcurrencyLimit,
    /// and for each that has.
    begun_sockets: ConcurrencyLimit,
    /// A place for each stream of messages that may be open at once.
    streams: ConcurrencyLimit,
    /// A place for each other request that may be answered at once.
    requests: ConcurrencyLimit,
    /// The bytes of requests that may be at work at once.
    work: ConcurrencyLimit,
    documents: Arc<PersistedQueries>,
}

impl AppState {
    /// What answers come from at this moment. Not to be kept beyond one answer.
    fn app(&self) -> App {
        self.current.app()
    }
}

/// Serves until `stop` says so, then finishes what is open. With trusted documents (by their names) and the page's own no others are
/// answered.
///
/// # Errors
///
/// Where nothing listens at the listener's address.
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
    let open_sockets = TaskTracker::new();
    let state = AppState {
        door: OriginCheck::new(!authentication.requires_keys(), listener.local_addr()?, allowed_hosts),
        schema,
        current,
        authentication,
        stop: stop.clone(),
        open_sockets: open_sockets.clone(),
        sockets: ConcurrencyLimit::new(limits.sockets, limits.sockets),
        strangers: ConcurrencyLimit::new(limits.handshakes, limits.handshakes.div_ceil(2)),
        begun_sockets: ConcurrencyLimit::new(limits.sockets, limits.sockets_per_client),
        streams: ConcurrencyLimit::new(limits.streams, limits.streams_per_client),
        requests: ConcurrencyLimit::new(limits.requests, limits.requests_per_client),
        work: ConcurrencyLimit::new(limits.work, limits.work / 2),
        documents: Arc::new(PersistedQueries::new(assets::documents(), trusted_documents)),
    };
    let router = router(state);
    let finished = async {
        connections::serve(listener, router, &limits, stop.clone()).await;
        // Connections that became sockets are none of those any more.
        open_sockets.close();
        open_sockets.wait().await;
    };
    let mut is_over = stop.clone();
    tokio::select! {
        () = finished => {}
        () = async {
            is_over.wait_for(|is_over| *is_over).await.ok();
            tokio::time::sleep(DRAIN).await;
        } => tracing::warn!("some requests did not finish in time and were cut off"),
    }
    Ok(())
}

fn router(state: AppState) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let graphql =
        post(graphql::post).fallback(graphql::other_method).layer(authenticate::of(&state, RouteAuth::GRAPHQL));
    let messages = Router::new()
        .route("/v1/messages", post(ingest_stream::post).fallback(other_method))
        .route_layer(authenticate::of(&state, RouteAuth::STREAMS));
    Router::new()
        // Not behind the gate: a handshake shows its key later, and everything else this takes through the gate itself.
        .route(
            "/graphql",
            graphql.get(graphql::get).layer(middleware::from_fn_with_state(state.clone(), graphql::for_browsers)),
        )
        .merge(
            segment::routes()
                .route_layer(authenticate::of(&state, RouteAuth::of_messages(CredentialSource::UserName)))
                .merge(segment::settings_routes().route_layer(authenticate::of(&state, RouteAuth::SETTINGS)))
                .route_layer(segment::cors(&state)),
        )
        .merge(
            dfinery::routes()
                .route_layer(authenticate::of(&state, RouteAuth::of_messages(CredentialSource::AccessToken))),
        )
        // These answer however much there is to do.
        .route("/healthz", get(health::healthz).fallback(only_asked))
        .route("/readyz", get(health::readyz).fallback(only_asked))
        .route("/openapi.json", get(openapi::document).fallback(only_asked))
        .route("/graphiql", any(assets::graphiql))
        .route("/graphiql.html", any(assets::graphiql))
        .fallback(assets::asset)
        .layer(CompressionLayer::new())
        // Outside of this: packing would keep its lines back.
        .merge(messages)
        .layer(middleware::from_fn_with_state(state.clone(), authenticate::no_key_in_address))
        .layer(middleware::from_fn_with_state(state.clone(), origin_check::own_only))
        .with_state(state)
        .layer(middleware::from_fn(drain_body::drain_refused))
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        // The page's files say themselves how long they are good for; everything else is of the moment, and may be about someone.
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

async fn other_method() -> Response {
    refused(ErrorCode::MethodNotAllowed, "this is sent by POST")
}

async fn only_asked() -> Response {
    let mut response = refused(ErrorCode::MethodNotAllowed, "this is asked by GET");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// The body of a refusal. SDKs of the tracking APIs look for the sentence as `message`, and send again what was refused where there is
/// none.
fn refusal(code: ErrorCode, sentence: &str) -> Value {
    json!({ "code": code.as_str(), "detail": sentence, "message": sentence })
}

/// A refusal of what is no GraphQL.
fn refused(code: ErrorCode, sentence: &str) -> Response {
    let mut response = (status_of(code), Json(refusal(code, sentence))).into_response();
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
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TimedOut => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::CrossSiteRefused => StatusCode::FORBIDDEN,
        ErrorCode::HostNotAllowed => StatusCode::MISDIRECTED_REQUEST,
        ErrorCode::TooManyLookups => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
