//! GraphQL over HTTP: queries by GET, everything by POST, as the GraphQL-over-HTTP specification says. Over a WebSocket: see
//! `socket`.

use async_graphql::{BatchRequest, Name, Request, Response, parser::types::OperationType};
use axum::{
    body::Bytes,
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::{BytesRejection, QueryRejection},
        ws::rejection::WebSocketUpgradeRejection,
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response as HttpResponse},
};
use serde::Deserialize;
use serde_json::json;

use super::{MAX_BODY_BYTES, Site, socket};
use crate::graphql::{ErrorCode, execute, is_refused};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

pub(super) async fn post(
    State(site): State<Site>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> HttpResponse {
    let Some(media_type) = negotiate(&headers) else { return not_acceptable() };
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let sentence = format!("the request is larger than {MAX_BODY_BYTES} bytes; send fewer messages at once");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, media_type, &sentence);
        }
        Err(_) => return refused(StatusCode::BAD_REQUEST, media_type, "the request ended before all of it was there"),
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(JSON)) {
        let sentence = "send the request as application/json";
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, media_type, sentence);
    }
    match serde_json::from_slice::<BatchRequest>(&body) {
        Ok(BatchRequest::Single(request)) => answer(&site, request, media_type).await,
        Ok(BatchRequest::Batch(_)) => {
            refused(StatusCode::BAD_REQUEST, media_type, "send one request at a time; ask for several fields in it")
        }
        Err(_) => {
            let sentence = "the body is not a GraphQL request: it is an object with query, variables and operationName";
            refused(StatusCode::BAD_REQUEST, media_type, sentence)
        }
    }
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
}

impl InAddress {
    fn into_request(self) -> serde_json::Result<Request> {
        let variables = self.variables.as_deref().map(serde_json::from_str).transpose()?;
        let request = Request::new(self.query).variables(variables.unwrap_or_default());
        Ok(match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        })
    }
}

pub(super) async fn get(
    State(site): State<Site>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    address: Result<Query<InAddress>, QueryRejection>,
) -> HttpResponse {
    if headers.contains_key(header::UPGRADE) {
        return match socket {
            Ok(socket) => socket::open(site, &headers, socket),
            Err(_) => refused(StatusCode::BAD_REQUEST, JSON, "this is no WebSocket handshake of version 13"),
        };
    }
    let Some(media_type) = negotiate(&headers) else { return not_acceptable() };
    let request = address.ok().and_then(|Query(it)| it.into_request().ok());
    let Some(mut request) = request else {
        return refused(
            StatusCode::BAD_REQUEST,
            media_type,
            "the address is not a GraphQL request: it has query and variables",
        );
    };
    if is_mutation(&mut request) {
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, media_type, "send mutations by POST");
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    answer(&site, request, media_type).await
}

async fn answer(site: &Site, request: Request, media_type: &'static str) -> HttpResponse {
    if request.query.trim().is_empty() {
        return refused(StatusCode::BAD_REQUEST, media_type, "the request has no query");
    }
    let response = execute(&site.schema, &site.current, request).await;
    let status = status_of(&response, media_type);
    let body = serde_json::to_vec(&response).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, format!("{media_type}; charset=utf-8"))], body).into_response()
}

/// What was never run is a bad request, for whoever understands that; older clients get 200 for all that is well-formed.
fn status_of(response: &Response, media_type: &str) -> StatusCode {
    if media_type == GRAPHQL_RESPONSE && is_refused(response) { StatusCode::BAD_REQUEST } else { StatusCode::OK }
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

fn is_mutation(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let wanted = |it: Option<&str>| name.is_none() || it == name.as_deref();
    document
        .operations
        .iter()
        .any(|(it, operation)| wanted(it.map(Name::as_str)) && operation.node.ty != OperationType::Query)
}

fn refused(status: StatusCode, media_type: &'static str, sentence: &str) -> HttpResponse {
    let is_too_large = status == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if is_too_large { ErrorCode::RequestTooLarge } else { ErrorCode::ParseFailed };
    let body = json!({ "errors": [{ "message": sentence, "extensions": { "code": code.as_str() } }] });
    (status, [(header::CONTENT_TYPE, format!("{media_type}; charset=utf-8"))], body.to_string()).into_response()
}

fn not_acceptable() -> HttpResponse {
    let sentence = "this answers in application/graphql-response+json or application/json";
    refused(StatusCode::NOT_ACCEPTABLE, JSON, sentence)
}
