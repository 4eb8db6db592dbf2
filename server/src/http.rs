//! HTTP: GraphQL, messages, the page, and what operators ask. This module never answers from anything but the schema, the
//! pipeline and the store.

mod answer;
mod body;
mod dfinery;
mod gate;
mod graphql;
mod health;
mod json;
mod messages;
mod openapi;
mod page;
mod rest;
mod segment;
mod socket;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
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
    timeout::RequestBodyTimeoutLayer,
};

use self::gate::{KeyAs, Way};
use crate::{
    access::Need,
    graphql::{ApiSchema, App, Current, Documents, ErrorCode},
    keys::Gate,
};

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
    /// Who is let in; whoever comes, where there are no keys.
    gate: Option<Arc<Gate>>,
    /// Turns true when the program is to stop.
    stop: watch::Receiver<bool>,
    /// The WebSocket connections that are open.
    sockets: TaskTracker,
    /// A place for each stream of messages that may be open at once.
    streams: Arc<Semaphore>,
    /// A place for each other request that may be answered at once.
    requests: Arc<Semaphore>,
    documents: Arc<Documents>,
}

impl Site {
    /// What answers come from at this moment. Not to be kept beyond one answer.
    fn app(&self) -> App {
        self.current.app()
    }
}

/// Serves until `stop` says so, then finishes what is open. With trusted documents (by their names) and the page's own no others are
/// answered.
pub async fn serve(
    listener: TcpListener,
    schema: ApiSchema,
    current: Current,
    gate: Option<Arc<Gate>>,
    trusted_documents: Option<BTreeMap<String, String>>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut is_over = stop.clone();
    let sockets = TaskTracker::new();
    let streams = Arc::new(Semaphore::new(current.app().limits.streams));
    let requests = Arc::new(Semaphore::new(current.app().limits.requests));
    let documents = Arc::new(Documents::new(page::documents(), trusted_documents));
    let site =
        Site { schema, current, gate, stop: stop.clone(), sockets: sockets.clone(), streams, requests, documents };
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
    // What a role may do over GraphQL stands at each field.
    let graphql = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(graphql::other_method))
        .route_layer(gate::of(&site, Way { key_as: KeyAs::Bearer, need: Need::Nothing, is_graphql: true }))
        .layer(middleware::from_fn_with_state(site.clone(), graphql::for_browsers));
    let messages = Router::new()
        .route("/v1/messages", post(messages::post).fallback(other_method))
        .route_layer(gate::of(&site, Way::of_messages(KeyAs::Bearer)));
    let slowest = site.app().limits.time.max(Duration::from_secs(1));
    Router::new()
        .merge(graphql)
        .merge(segment::routes().route_layer(gate::of(&site, Way::of_messages(KeyAs::UserName))))
        .merge(dfinery::routes().route_layer(gate::of(&site, Way::of_messages(KeyAs::AccessToken))))
        // Whoever sends slowly holds no place for long.
        .layer(RequestBodyTimeoutLayer::new(slowest))
        .layer(middleware::from_fn_with_state(site.clone(), bounded))
        // These answer however much there is to do.
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(openapi::document))
        .route("/graphiql", any(page::graphiql))
        .route("/graphiql.html", any(page::graphiql))
        .fallback(page::asset)
        .layer(DefaultBodyLimit::max(largest_body))
        .layer(CompressionLayer::new())
        // Outside of these: it bounds its own body, and packing would keep its lines back.
        .merge(messages)
        .layer(middleware::from_fn_with_state(site.clone(), gate::no_key_in_address))
        .with_state(site)
        .layer(middleware::from_fn(rest::read_of_what_is_too_large))
        .layer(header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// Answers so many requests at once, and tells all others to come back: what waited here would take memory without bound.
async fn bounded(State(site): State<Site>, request: Request, next: Next) -> Response {
    match site.requests.clone().try_acquire_owned() {
        Ok(_permit) => next.run(request).await,
        Err(_) if request.uri().path() == "/graphql" => graphql::overloaded(),
        Err(_) => overloaded(TOO_MANY),
    }
}

const TOO_MANY: &str = "as many requests are open as are answered at once; try again later";

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
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::TooManyLookups => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
