//! GraphQL over HTTP: queries by GET, everything by POST, as the GraphQL-over-HTTP specification says. Over a WebSocket: see
//! `socket`.

use async_graphql::{BatchRequest, Request, Response};
use axum::{
    Extension,
    body::Bytes,
    extract::{
        Query, Request as HttpRequest, State, WebSocketUpgrade,
        rejection::{BytesRejection, QueryRejection},
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response as HttpResponse},
};
use serde::Deserialize;
use serde_json::json;

use super::{Site, body::Packing, json as unambiguous, socket};
use crate::{
    access::Caller,
    graphql::{ErrorCode, execute, is_query, is_refused},
};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

pub(super) async fn post(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> HttpResponse {
    let Some(media_type) = negotiate(&headers) else { return not_acceptable() };
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let most = site.app().limits.body;
            let sentence = format!("the request is larger than {most} bytes; send fewer messages at once");
            return refused(ErrorCode::RequestTooLarge, media_type, &sentence);
        }
        Err(_) => return refused(ErrorCode::ParseFailed, media_type, "the request ended before all of it was there"),
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(JSON)) {
        let sentence = "send the request as application/json";
        return refused(ErrorCode::UnsupportedMediaType, media_type, sentence);
    }
    if Packing::of(&headers) != Some(Packing::Plain) {
        return refused(ErrorCode::UnsupportedMediaType, media_type, "send the request as it is, and not packed");
    }
    if let Err(sentence) = unambiguous::check(&body) {
        return refused(ErrorCode::ParseFailed, media_type, &sentence);
    }
    match serde_json::from_slice::<BatchRequest>(&body) {
        Ok(BatchRequest::Single(request)) => match site.documents.resolve(request) {
            Ok(request) => answer(&site, caller, request, media_type).await,
            Err(error) => respond(&Response::from_errors(vec![error]), media_type),
        },
        Ok(BatchRequest::Batch(_)) => {
            refused(ErrorCode::BatchRefused, media_type, "send one request at a time; ask for several fields in it")
        }
        Err(_) => {
            let sentence = "the body is not a GraphQL request: it is an object with query, variables and operationName";
            refused(ErrorCode::ParseFailed, media_type, sentence)
        }
    }
}

/// Shows GraphiQL to someone who opens the bare address in a browser: a refusal in JSON would not help.
pub(super) async fn for_browsers(State(site): State<Site>, request: HttpRequest, next: Next) -> HttpResponse {
    let headers = request.headers();
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    let is_visit = request.method() == Method::GET
        && request.uri().query().unwrap_or_default().is_empty()
        && !headers.contains_key(header::UPGRADE)
        && accepted.any(|accepted| accepted.to_ascii_lowercase().contains("text/html"));
    if is_visit && !site.current.limits.no_introspection {
        return Redirect::to("/graphiql").into_response();
    }
    next.run(request).await
}

/// A request in an address, by the names that the specification gives.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InAddress {
    #[serde(default)]
    query: String,
    operation_name: Option<String>,
    /// JSON.
    variables: Option<String>,
    /// JSON.
    extensions: Option<String>,
}

impl InAddress {
    fn into_request(self) -> serde_json::Result<Request> {
        let variables = self.variables.as_deref().map(serde_json::from_str).transpose()?;
        let mut request = Request::new(self.query).variables(variables.unwrap_or_default());
        request.extensions = self.extensions.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
        Ok(match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        })
    }
}

pub(super) async fn get(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    address: Result<Query<InAddress>, QueryRejection>,
) -> HttpResponse {
    if headers.contains_key(header::UPGRADE) {
        return match socket {
            Ok(socket) => socket::open(site, &headers, socket),
            Err(_) => refused(ErrorCode::ParseFailed, JSON, "this is no WebSocket handshake of version 13"),
        };
    }
    let Some(media_type) = negotiate(&headers) else { return not_acceptable() };
    let request = address.ok().and_then(|Query(it)| it.into_request().ok());
    let Some(request) = request else {
        return refused(
            ErrorCode::ParseFailed,
            media_type,
            "the address is not a GraphQL request: it has query and variables",
        );
    };
    let mut request = match site.documents.resolve(request) {
        Ok(request) => request,
        Err(error) => return respond(&Response::from_errors(vec![error]), media_type),
    };
    match is_query(&site.current, &caller, &mut request) {
        Ok(true) => {}
        Ok(false) => {
            let sentence = "send mutations by POST, and subscriptions over a WebSocket";
            return refused(ErrorCode::MethodNotAllowed, media_type, sentence);
        }
        Err(response) => return respond(&response, media_type),
    }
    answer(&site, caller, request, media_type).await
}

async fn answer(site: &Site, caller: Caller, request: Request, media_type: &'static str) -> HttpResponse {
    if request.query.trim().is_empty() {
        return refused(ErrorCode::ParseFailed, media_type, "the request has no query");
    }
    respond(&execute(&site.schema, &site.current, caller, request).await, media_type)
}

fn respond(response: &Response, media_type: &'static str) -> HttpResponse {
    // Of what was never run there is no data, not even none; older clients get 200 for all that is well-formed.
    let (status, body) = match (is_refused(response), media_type) {
        (true, GRAPHQL_RESPONSE) => {
            (StatusCode::BAD_REQUEST, serde_json::to_vec(&json!({ "errors": response.errors })))
        }
        _ => (StatusCode::OK, serde_json::to_vec(response)),
    };
    let body = body.unwrap_or_default();
    (status, [(header::CONTENT_TYPE, format!("{media_type}; charset=utf-8"))], body).into_response()
}

/// The better of the two forms that the client takes; `None` where it takes neither.
fn negotiate(headers: &HeaderMap) -> Option<&'static str> {
    let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    if accept.is_empty() {
        return Some(JSON);
    }
    let takes = |wanted: &str| {
        accept.iter().flat_map(|it| it.split(',')).any(|it| {
            let media_type = it.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case(wanted)
        })
    };
    if takes(GRAPHQL_RESPONSE) {
        Some(GRAPHQL_RESPONSE)
    } else if takes(JSON) || takes("*/*") || takes("application/*") {
        Some(JSON)
    } else {
        None
    }
}

pub(super) async fn other_method() -> HttpResponse {
    refused(ErrorCode::MethodNotAllowed, JSON, "ask by GET or POST, and subscribe over a WebSocket")
}

/// Too many requests at once.
pub(super) fn overloaded() -> HttpResponse {
    let mut response = refused(ErrorCode::Overloaded, JSON, super::TOO_MANY);
    super::may_retry(&mut response);
    response
}

/// The answer to whoever is not let in.
pub(super) fn turned_away(code: ErrorCode, sentence: &str, headers: &HeaderMap) -> HttpResponse {
    refused(code, negotiate(headers).unwrap_or(JSON), sentence)
}

/// A request that is no GraphQL request that can be answered.
fn refused(code: ErrorCode, media_type: &'static str, sentence: &str) -> HttpResponse {
    let status = super::status_of(code);
    let body = json!({ "errors": [{ "message": sentence, "extensions": { "code": code.as_str() } }] });
    let content_type = format!("{media_type}; charset=utf-8");
    let mut response = (status, [(header::CONTENT_TYPE, content_type)], body.to_string()).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}

fn not_acceptable() -> HttpResponse {
    let sentence = "this answers in application/graphql-response+json or application/json";
    refused(ErrorCode::NotAcceptable, JSON, sentence)
}
