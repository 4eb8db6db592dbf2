//! Authentication on every route but the health checks and the page's files, which hold no data.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;

use super::{
    AppState,
    concurrency_limits::{Client, LimitReached},
    connections::GuardedBody,
    decode_body::Work,
    graphql, refused,
};
use crate::{
    auth::{
        access::{Caller, Permission},
        authenticator::AuthError,
    },
    graphql::ErrorCode,
};

/// How a route authenticates its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteAuth {
    pub credential_source: CredentialSource,
    pub permission: Permission,
    /// Refusals have the form of a GraphQL response.
    pub is_graphql: bool,
    /// Requests count for `--limit-requests`. Streams have a limit of their own.
    pub is_limited: bool,
    /// The body may hold the key where the head does not: then the handler authenticates the request.
    pub allows_key_in_body: bool,
}

/// Where a request may hold its key, in addition to `Authorization: Bearer KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialSource {
    Bearer,
    /// The user name of basic authentication, where Segment's SDKs put their write key.
    UserName,
    /// The header `access_token` of the DFINERY Open API.
    AccessToken,
}

impl RouteAuth {
    /// Each field of the schema checks its own permission.
    pub(super) const GRAPHQL: Self = Self {
        credential_source: CredentialSource::Bearer,
        permission: Permission::Nothing,
        is_graphql: true,
        is_limited: true,
        allows_key_in_body: false,
    };

    pub(super) const fn of_messages(credential_source: CredentialSource) -> Self {
        let allows_key_in_body = matches!(credential_source, CredentialSource::UserName);
        Self {
            credential_source,
            permission: Permission::Send,
            is_graphql: false,
            is_limited: true,
            allows_key_in_body,
        }
    }

    /// The settings and metrics of SDKs, for any role.
    pub(super) const SETTINGS: Self =
        Self { permission: Permission::Nothing, ..Self::of_messages(CredentialSource::UserName) };

    pub(super) const EXPORT: Self = Self { permission: Permission::Read, is_graphql: false, ..Self::GRAPHQL };

    pub(super) const STREAMS: Self = Self {
        credential_source: CredentialSource::Bearer,
        permission: Permission::Send,
        is_graphql: false,
        is_limited: false,
        allows_key_in_body: false,
    };
}

type Middleware = fn(State<(AppState, RouteAuth)>, Request, Next) -> BoxFuture<'static, Response>;
type Layer = axum::middleware::FromFnLayer<Middleware, (AppState, RouteAuth), (State<(AppState, RouteAuth)>, Request)>;

/// The layer that authenticates the requests of a route; see [`with_caller`].
pub(super) fn layer(state: &AppState, route_auth: RouteAuth) -> Layer {
    axum::middleware::from_fn_with_state((state.clone(), route_auth), authenticate as Middleware)
}

fn authenticate(
    State((state, route_auth)): State<(AppState, RouteAuth)>,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move { with_caller(&state, route_auth, request, |request| next.run(request)).await })
}

/// Authenticates a request and runs its handler, with the extensions [`Caller`], [`Client`] and [`Work`]. Where the key may be in the body
/// and is not in the head there is no [`Caller`], and the handler authenticates the request. The permits are released when the response
/// has been sent.
pub(super) async fn with_caller<F: Future<Output = Response>>(
    state: &AppState,
    route_auth: RouteAuth,
    mut request: Request,
    handler: impl FnOnce(Request) -> F,
) -> Response {
    let headers = request.headers();
    let may_be_in_body = route_auth.allows_key_in_body && has_no_credential(headers, route_auth.credential_source);
    let caller = match caller(state, route_auth, headers) {
        Ok(caller) => Some(caller),
        Err((ErrorCode::Unauthenticated, _)) if may_be_in_body => None,
        Err((code, sentence)) => return refuse(route_auth, code, &sentence, headers),
    };
    let client = match &caller {
        Some(caller) => Client::of(caller, request.extensions()),
        None => Client::at(request.extensions()),
    };
    let permit = match route_auth.is_limited.then(|| state.requests.acquire(&client, 1)).transpose() {
        Ok(permit) => permit,
        Err(reason) => {
            let sentence = match reason {
                LimitReached::Exhausted | LimitReached::TooLarge => {
                    "too many requests are in progress (--limit-requests); try again later"
                }
                LimitReached::ClientLimit => {
                    "too many requests of this client are in progress (--limit-requests-per-client); wait for a response first"
                }
            };
            return refuse(route_auth, ErrorCode::Overloaded, sentence, request.headers());
        }
    };
    let work = Work::new(&state.work, &client);
    let extensions = request.extensions_mut();
    if let Some(caller) = caller {
        extensions.insert(caller);
    }
    extensions.insert(client);
    extensions.insert(work.clone());
    let response = handler(request).await;
    response.map(|body| Body::new(GuardedBody::new(body, (permit, work))))
}

fn caller(state: &AppState, route_auth: RouteAuth, headers: &HeaderMap) -> Result<Caller, (ErrorCode, String)> {
    caller_by_key(state, route_auth.permission, credential_of(headers, route_auth.credential_source).as_deref())
}

/// Whether the head of a request has no credential, not even a malformed one.
fn has_no_credential(headers: &HeaderMap, credential_source: CredentialSource) -> bool {
    credential_of(headers, credential_source).is_none() && !headers.contains_key(header::AUTHORIZATION)
}

/// The caller of a key, if its role has the permission.
pub(super) fn caller_by_key(
    state: &AppState,
    permission: Permission,
    key: Option<&str>,
) -> Result<Caller, (ErrorCode, String)> {
    let caller = state.authentication.caller(key).map_err(|reason| (code_of(reason), reason.to_string()))?;
    if caller.may(permission) {
        return Ok(caller);
    }
    Err((ErrorCode::Forbidden, missing_permission(&caller, permission)))
}

/// Whether the caller of a request may read: by its key, or because the server has no keys.
pub(super) fn may_read(state: &AppState, headers: &HeaderMap) -> bool {
    let route_auth = RouteAuth { permission: Permission::Read, ..RouteAuth::GRAPHQL };
    caller(state, route_auth, headers).is_ok()
}

pub(super) const fn code_of(reason: AuthError) -> ErrorCode {
    match reason {
        AuthError::NoKey | AuthError::UnknownKey => ErrorCode::Unauthenticated,
        AuthError::NoKeysFile => ErrorCode::Unavailable,
    }
}

/// The sentence that names the role that the caller needs.
fn missing_permission(caller: &Caller, permission: Permission) -> String {
    format!("the role of this key is {}; this needs {}", caller.role.as_str(), permission.minimum_role())
}

/// The key in the head of a request; none where there are two different ones.
fn credential_of(headers: &HeaderMap, credential_source: CredentialSource) -> Option<String> {
    let mut credentials: Vec<String> = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().ok()?;
        let (scheme, rest) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            credentials.push(rest.trim().to_owned());
        } else if scheme.eq_ignore_ascii_case("basic") && credential_source == CredentialSource::UserName {
            let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            credentials.push(decoded.split(':').next().unwrap_or_default().to_owned());
        } else {
            return None;
        }
    }
    if credential_source == CredentialSource::AccessToken {
        for value in headers.get_all("access_token") {
            credentials.push(value.to_str().ok()?.trim().to_owned());
        }
    }
    let first = credentials.pop()?;
    credentials.iter().all(|it| *it == first).then_some(first)
}

/// The key in the payload of a `connection_init`: `{ "authorization": "Bearer KEY" }`.
pub(super) fn credential_in(payload: &serde_json::Map<String, serde_json::Value>) -> Option<&str> {
    let (_, value) = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let value = value.as_str()?.trim();
    match value.split_once(' ') {
        Some((scheme, rest)) => scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim()),
        None => Some(value),
    }
}

fn refuse(route_auth: RouteAuth, code: ErrorCode, sentence: &str, headers: &HeaderMap) -> Response {
    let mut response =
        if route_auth.is_graphql { graphql::rejection(code, sentence, headers) } else { refused(code, sentence) };
    if code == ErrorCode::Unauthenticated {
        let challenge = match route_auth.credential_source {
            CredentialSource::Bearer | CredentialSource::AccessToken => "Bearer realm=\"profile360\"",
            CredentialSource::UserName => "Basic realm=\"profile360\"",
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    super::add_retry_after(&mut response);
    response
}

/// The response to a request whose key is in the body or in the URL and does not authenticate it.
pub(super) fn rejection(code: ErrorCode, sentence: &str) -> Response {
    refuse(RouteAuth::of_messages(CredentialSource::UserName), code, sentence, &HeaderMap::new())
}
