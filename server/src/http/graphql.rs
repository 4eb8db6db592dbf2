//! GraphQL over HTTP: queries by GET, everything by POST, as the GraphQL-over-HTTP specification says. Over a WebSocket: see
//! `websocket`.
//!
//! `async_graphql_axum` renders the responses. Its extractor `GraphQLRequest` does not fit: it parses a request before anything limits it,
//! reads a number of many digits as the nearest one that a float holds, knows no `documentId`, and accepts batches and multipart forms,
//! which the schema does not use.

use std::borrow::Cow;

use async_graphql::{Extensions, Request, Response, ServerError, Value, value};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Extension,
    extract::{Query, Request as HttpRequest, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response as HttpResponse},
};
use profile360_ingest::{lossless_json::is_marked, strict_json};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    AppState, accept,
    decode_body::{BodyError, ContentEncoding, RequestBody, Work},
    read_your_writes,
};
use crate::{
    auth::access::{Caller, Permission},
    graphql::{ErrorCode, execute, is_query, is_refused, only_ingests, set_variables},
};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";
/// The extension by which Apollo's protocol names a document.
const PERSISTED_QUERY: &str = "persistedQuery";

/// A request as the client sent it. Its variables are parsed when it is known which of them the document declares.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'t> {
    #[serde(default)]
    query: Option<String>,
    /// The name of a persisted document, by the drafts of GraphQL over HTTP.
    #[serde(default)]
    document_id: Option<String>,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(borrow, default)]
    variables: Option<&'t RawValue>,
    #[serde(borrow, default)]
    extensions: Option<&'t RawValue>,
}

/// Why a request cannot be executed.
#[derive(Debug)]
pub(super) enum NoRequest {
    /// It is refused as a whole.
    Refused(ErrorCode, String),
    /// The response is a GraphQL response with an error.
    Failed(ServerError),
}

impl From<ServerError> for NoRequest {
    fn from(error: ServerError) -> Self {
        Self::Failed(error)
    }
}

impl From<BodyError> for NoRequest {
    fn from(fault: BodyError) -> Self {
        Self::Refused(fault.code(), fault.to_string())
    }
}

impl NoRequest {
    pub(super) fn parse_failed(sentence: impl Into<String>) -> Self {
        Self::Refused(ErrorCode::ParseFailed, sentence.into())
    }

    fn into_response(self, media_type: &'static str) -> HttpResponse {
        match self {
            Self::Refused(code, sentence) => refused(code, media_type, &sentence),
            Self::Failed(error) => respond(Response::from_errors(vec![error]), media_type),
        }
    }
}

impl<'t> Envelope<'t> {
    /// Parses a [prepared](strict_json::prepared) request, whose values are reserved in a [`Work`] before.
    pub(super) fn read(text: &'t [u8]) -> Result<Self, NoRequest> {
        if text.trim_ascii_start().starts_with(b"[") {
            let sentence = "send one request at a time; ask for several fields in it";
            return Err(NoRequest::Refused(ErrorCode::BatchRefused, sentence.to_owned()));
        }
        serde_json::from_slice(text).map_err(|_| {
            let sentence = "the body is not a GraphQL request: it is an object with query, variables and operationName";
            NoRequest::parse_failed(sentence)
        })
    }

    /// Whether the request neither has nor names a document.
    pub(super) fn has_no_document(&self) -> bool {
        let has_query = self.query.as_deref().is_some_and(|query| !query.trim().is_empty());
        !has_query && self.document_id.is_none() && self.extensions.is_none()
    }

    /// The request with the document that it names and the variables that the document declares. A request of more bytes than
    /// `--limit-query-body` is refused unless it only ingests.
    pub(super) fn open(self, state: &AppState, n_bytes: usize) -> Result<Request, NoRequest> {
        let limits = state.app().limits;
        let has_document = self.query.is_some();
        let mut request = Request::new(self.query.unwrap_or_default());
        request.operation_name = self.operation_name;
        // A number with too many digits is marked with an object, and is none.
        let is_object = |value: &RawValue| value.get().starts_with('{') && !is_marked(value.get());
        if let Some(extensions) = self.extensions {
            let extensions = Some(extensions).filter(|extensions| is_object(extensions));
            let extensions =
                extensions.and_then(|extensions| serde_json::from_str::<Extensions>(extensions.get()).ok());
            request.extensions = extensions.ok_or_else(|| NoRequest::parse_failed("extensions is an object"))?;
        }
        if self.variables.is_some_and(|variables| !is_object(variables)) {
            return Err(NoRequest::parse_failed("variables is an object of values by their names"));
        }
        if let Some(id) = self.document_id {
            if !request.query.is_empty() || request.extensions.contains_key(PERSISTED_QUERY) {
                let sentence = "name the document once: by query, by documentId or by extensions.persistedQuery";
                return Err(ErrorCode::ParseFailed.of_request(sentence).into());
            }
            request.extensions.insert(PERSISTED_QUERY.to_owned(), value!({ "version": 1, "sha256Hash": id }));
        }
        let mut request = state.persisted_queries.resolve(request)?;
        // A document that is empty, or that is named in an unknown way, is one that cannot be run, and is answered as such.
        let names_document = request.extensions.contains_key(PERSISTED_QUERY);
        if request.query.is_empty() && !has_document && !names_document {
            return Err(NoRequest::parse_failed("the request has no query"));
        }
        let most = limits.query_body.min(limits.body);
        if most < n_bytes && !only_ingests(&mut request, &limits)? {
            let sentence =
                format!("a request that does anything but ingest has at most {most} bytes; send less at once");
            return Err(NoRequest::Refused(ErrorCode::RequestTooLarge, sentence));
        }
        set_variables(&mut request, self.variables, &limits)?;
        Ok(request)
    }
}

pub(super) async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: RequestBody,
) -> HttpResponse {
    let Some(media_type) = negotiate(&headers) else { return not_acceptable() };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(JSON)) {
        let sentence = "send the request as application/json";
        return refused(ErrorCode::UnsupportedMediaType, media_type, sentence);
    }
    if ContentEncoding::of(&headers) != Some(ContentEncoding::Identity) {
        return refused(ErrorCode::UnsupportedMediaType, media_type, "send the request without Content-Encoding");
    }
    let limits = state.app().limits;
    let most = if caller.may(Permission::Send) { limits.body } else { limits.query_body.min(limits.body) };
    let (body, work) = match body.read(&state, most).await {
        Ok(read) => read,
        Err(fault) => return NoRequest::from(fault).into_response(media_type),
    };
    if let Err(fault) = work.add_values(&body) {
        return NoRequest::from(fault).into_response(media_type);
    }
    let prepared = strict_json::prepared(&body, strict_json::OUTER_OF_REQUEST).map_err(NoRequest::parse_failed);
    let opened = prepared.and_then(|prepared| Envelope::read(&prepared)?.open(&state, body.len()));
    let request = match opened {
        Ok(request) => request,
        Err(reason) => return reason.into_response(media_type),
    };
    if let Err((code, sentence)) = read_your_writes::wait(&state, &headers).await {
        return refused(code, media_type, sentence);
    }
    respond(execute(&state.schema, &state.current, caller, request).await, media_type)
}

/// Redirects a user who opens the bare URL in a browser to GraphiQL.
pub(super) async fn for_browsers(State(state): State<AppState>, request: HttpRequest, next: Next) -> HttpResponse {
    let headers = request.headers();
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    let is_visit = request.method() == Method::GET
        && request.uri().query().unwrap_or_default().is_empty()
        && !headers.contains_key(header::UPGRADE)
        && accepted.any(|accepted| accepted.to_ascii_lowercase().contains("text/html"));
    if is_visit && !state.current.limits.no_introspection {
        return Redirect::to("/graphiql").into_response();
    }
    next.run(request).await
}

/// A request in an address, by the names that the specification gives.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InAddress {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<Parameter>,
    extensions: Option<Parameter>,
}

/// A parameter that is JSON.
#[derive(Deserialize)]
#[serde(transparent)]
struct Parameter(String);

impl InAddress {
    /// Makes the parameters JSON that every reader reads alike, as [`post`] does with a body.
    fn prepare(&mut self, work: &Work) -> Result<(), NoRequest> {
        for Parameter(text) in [&mut self.variables, &mut self.extensions].into_iter().flatten() {
            work.add_values(text.as_bytes())?;
            if text.is_empty() {
                continue;
            }
            let prepared = strict_json::prepared(text.as_bytes(), strict_json::OUTER_OF_PARAMETER);
            if let Cow::Owned(prepared) = prepared.map_err(NoRequest::parse_failed)? {
                *text = String::from_utf8(prepared).unwrap_or_default();
            }
        }
        Ok(())
    }

    fn envelope(&self) -> Result<Envelope<'_>, NoRequest> {
        Ok(Envelope {
            query: self.query.clone(),
            document_id: self.document_id.clone(),
            operation_name: self.operation_name.clone(),
            variables: self.variables.as_ref().map(Parameter::read).transpose()?.flatten(),
            extensions: self.extensions.as_ref().map(Parameter::read).transpose()?.flatten(),
        })
    }
}

impl Parameter {
    /// The value; none where the parameter is empty or null.
    fn read(&self) -> Result<Option<&RawValue>, NoRequest> {
        let Self(text) = self;
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(text).map_err(|_| NoRequest::parse_failed("a parameter is not JSON"))
    }
}

/// A request in the URL.
pub(super) async fn get(state: &AppState, request: HttpRequest) -> HttpResponse {
    let (uri, headers, extensions) = (request.uri(), request.headers(), request.extensions());
    let (Some(caller), Some(work)) = (extensions.get::<Caller>().cloned(), extensions.get::<Work>()) else {
        return refused(ErrorCode::Internal, JSON, "the route does not authenticate its requests");
    };
    let asks_for_socket = |it: &HeaderValue| it.as_bytes().eq_ignore_ascii_case(b"websocket");
    if headers.get_all(header::UPGRADE).iter().any(asks_for_socket) {
        return refused(ErrorCode::ParseFailed, JSON, "this is not a WebSocket handshake of version 13");
    }
    let Some(media_type) = negotiate(headers) else { return not_acceptable() };
    let Ok(Query(mut address)) = Query::<InAddress>::try_from_uri(uri) else {
        let sentence = "the address is not a GraphQL request: it has query and variables";
        return refused(ErrorCode::ParseFailed, media_type, sentence);
    };
    let read = address.prepare(work).and_then(|()| address.envelope()?.open(state, 0));
    let mut request = match read {
        Ok(request) => request,
        Err(reason) => return reason.into_response(media_type),
    };
    if let Err((code, sentence)) = read_your_writes::wait(state, headers).await {
        return refused(code, media_type, sentence);
    }
    match is_query(&state.current, &caller, &mut request) {
        Ok(true) => respond(execute(&state.schema, &state.current, caller, request).await, media_type),
        Ok(false) => {
            let sentence = "send mutations by POST, and subscriptions over a WebSocket";
            refused(ErrorCode::MethodNotAllowed, media_type, sentence)
        }
        Err(response) => respond(response, media_type),
    }
}

fn respond(response: Response, media_type: &'static str) -> HttpResponse {
    let content_type = [(header::CONTENT_TYPE, format!("{media_type}; charset=utf-8"))];
    if is_refused(&response) && media_type == GRAPHQL_RESPONSE {
        // By the specification a request error has no `data`, where async-graphql writes null.
        let body = json!({ "errors": response.errors });
        return (StatusCode::BAD_REQUEST, content_type, body.to_string()).into_response();
    }
    let commit = match response.extensions.get("commit") {
        Some(Value::Number(commit)) => commit.as_i64(),
        _ => None,
    };
    // With application/json a well-formed request has 200, as older clients expect.
    let mut answer = (content_type, GraphQLResponse::from(response)).into_response();
    read_your_writes::name_commit(answer.headers_mut(), commit);
    answer
}

/// The form that the client prefers; `None` where it accepts neither. Only a client that names the newer form, or refuses the
/// older one, gets it.
fn negotiate(headers: &HeaderMap) -> Option<&'static str> {
    let newer = accept::media_type(headers, GRAPHQL_RESPONSE);
    let older = accept::media_type(headers, JSON);
    if newer.is_acceptable() && (newer.weight > older.weight || (newer.weight == older.weight && newer.is_named)) {
        Some(GRAPHQL_RESPONSE)
    } else {
        older.is_acceptable().then_some(JSON)
    }
}

pub(super) async fn unsupported_method() -> HttpResponse {
    refused(ErrorCode::MethodNotAllowed, JSON, "use GET or POST here, and a WebSocket for subscriptions")
}

/// The response to a request that fails a check before the schema.
pub(super) fn rejection(code: ErrorCode, sentence: &str, headers: &HeaderMap) -> HttpResponse {
    refused(code, negotiate(headers).unwrap_or(JSON), sentence)
}

/// A refusal in the form of a GraphQL response.
fn refused(code: ErrorCode, media_type: &'static str, sentence: &str) -> HttpResponse {
    let status = super::status_of(code);
    let body = json!({ "errors": [{ "message": sentence, "extensions": { "code": code.as_str() } }] });
    let content_type = format!("{media_type}; charset=utf-8");
    let mut response = (status, [(header::CONTENT_TYPE, content_type)], body.to_string()).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    }
    super::add_retry_after(&mut response);
    response
}

fn not_acceptable() -> HttpResponse {
    let sentence = "accept application/graphql-response+json or application/json";
    refused(ErrorCode::NotAcceptable, JSON, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_the_form_that_it_prefers() {
        for (accept, form) in [
            ("*/*", Some(JSON)),
            ("application/*", Some(JSON)),
            ("application/json", Some(JSON)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GRAPHQL_RESPONSE)),
            ("application/json, application/graphql-response+json", Some(GRAPHQL_RESPONSE)),
            ("application/graphql-response+json;q=0.5, application/json", Some(JSON)),
            ("application/graphql-response+json;q=0, */*", Some(JSON)),
            ("application/json;q=0, */*", Some(GRAPHQL_RESPONSE)),
            ("application/json;q=0, application/graphql-response+json;q=0", None),
            ("application/json;q=0", None),
            ("*/*;q=0", None),
            ("text/html", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(negotiate(&headers), form, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()), Some(JSON));
    }
}
