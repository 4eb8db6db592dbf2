//! Who is let in: on every way but those that operators and balancers ask, and the page's own files, which hold no data.

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
    connections::Kept,
    decode_body::Work,
    graphql, refused, segment,
};
use crate::{
    auth::{
        access::{Caller, Permission, Role},
        api_keys::{AuthError, PREFIX},
    },
    graphql::ErrorCode,
};

/// A way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteAuth {
    pub key_as: CredentialSource,
    pub need: Permission,
    /// Refusals have the form of GraphQL's answers.
    pub is_graphql: bool,
    /// Requests take a place among all that are answered at once. Streams have places of their own.
    pub takes_place: bool,
    /// Where the head of a request shows no key, its body may: then the handler authenticates it.
    pub is_key_in_body: bool,
}

/// How a key is shown, besides `Authorization: Bearer KEY`, which is good everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialSource {
    Bearer,
    /// The user name of basic authentication, as Segment's SDKs show their write key.
    UserName,
    /// The header `access_token`, as of the DFINERY Open API.
    AccessToken,
}

impl RouteAuth {
    /// What a role may do over GraphQL is said at each field.
    pub(super) const GRAPHQL: Self = Self {
        key_as: CredentialSource::Bearer,
        need: Permission::Nothing,
        is_graphql: true,
        takes_place: true,
        is_key_in_body: false,
    };

    /// A way for messages.
    pub(super) const fn of_messages(key_as: CredentialSource) -> Self {
        let is_key_in_body = matches!(key_as, CredentialSource::UserName);
        Self { key_as, need: Permission::Send, is_graphql: false, takes_place: true, is_key_in_body }
    }

    /// The way for what SDKs ask of themselves.
    pub(super) const SETTINGS: Self =
        Self { need: Permission::Nothing, ..Self::of_messages(CredentialSource::UserName) };

    /// The way for streams of messages.
    pub(super) const STREAMS: Self = Self {
        key_as: CredentialSource::Bearer,
        need: Permission::Send,
        is_graphql: false,
        takes_place: false,
        is_key_in_body: false,
    };
}

type Letting = fn(State<(AppState, RouteAuth)>, Request, Next) -> BoxFuture<'static, Response>;
type Layer = axum::middleware::FromFnLayer<Letting, (AppState, RouteAuth), (State<(AppState, RouteAuth)>, Request)>;

/// The gate of a way in.
pub(super) fn of(state: &AppState, way: RouteAuth) -> Layer {
    axum::middleware::from_fn_with_state((state.clone(), way), let_in as Letting)
}

/// Authenticates a request; see [`admit`].
fn let_in(
    State((state, way)): State<(AppState, RouteAuth)>,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move { admit(&state, way, request, |request| next.run(request)).await })
}

/// Answers a request by its caller, with extensions of the types [`Caller`], [`Client`] and [`Work`]. Where its body may show the key and
/// its head shows none, there is no [`Caller`], and the handler authenticates it. What it takes of the server it gives back when its
/// answer has been sent.
pub(super) async fn admit<F: Future<Output = Response>>(
    state: &AppState,
    way: RouteAuth,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let headers = request.headers();
    let may_come_in_body = way.is_key_in_body && shows_no_key(headers, way.key_as);
    let caller = match caller(state, way, headers) {
        Ok(caller) => Some(caller),
        Err((ErrorCode::Unauthenticated, _)) if may_come_in_body => None,
        Err((code, sentence)) => return refuse(way, code, &sentence, headers),
    };
    let client = match &caller {
        Some(caller) => Client::of(caller, request.extensions()),
        None => Client::at(request.extensions()),
    };
    let place = match way.takes_place.then(|| state.requests.take(&client, 1)).transpose() {
        Ok(place) => place,
        Err(reason) => {
            let sentence = match reason {
                LimitReached::AllTaken | LimitReached::TooMuch => {
                    "as many requests are open as are answered at once; try again later"
                }
                LimitReached::OwnTaken => {
                    "as many requests of this client are open as one may have at once; wait for an answer first"
                }
            };
            return refuse(way, ErrorCode::Overloaded, sentence, request.headers());
        }
    };
    let work = Work::new(&state.work, &client);
    let extensions = request.extensions_mut();
    if let Some(caller) = caller {
        extensions.insert(caller);
    }
    extensions.insert(client);
    extensions.insert(work.clone());
    let response = answer(request).await;
    response.map(|body| Body::new(Kept::new(body, (place, work))))
}

fn caller(state: &AppState, way: RouteAuth, headers: &HeaderMap) -> Result<Caller, (ErrorCode, String)> {
    by_key(state, way.need, shown(headers, way.key_as).as_deref())
}

/// Whether the head of a request says nothing of a key, not even something wrong.
fn shows_no_key(headers: &HeaderMap, key_as: CredentialSource) -> bool {
    shown(headers, key_as).is_none() && !headers.contains_key(header::AUTHORIZATION)
}

/// The caller of a key, wherever it was shown.
pub(super) fn by_key(state: &AppState, need: Permission, key: Option<&str>) -> Result<Caller, (ErrorCode, String)> {
    let caller = state.authentication.caller(key).map_err(|reason| (code_of(reason), reason.to_string()))?;
    if caller.may(need) {
        return Ok(caller);
    }
    Err((ErrorCode::Forbidden, not_enough(&caller, need)))
}

/// Whether a request may see what is not for everyone: it shows a key that reads, or there are no keys.
pub(super) fn may_read(state: &AppState, headers: &HeaderMap) -> bool {
    let way = RouteAuth { need: Permission::Read, ..RouteAuth::GRAPHQL };
    caller(state, way, headers).is_ok()
}

/// The code of a refusal.
pub(super) const fn code_of(reason: AuthError) -> ErrorCode {
    match reason {
        AuthError::NoKey | AuthError::UnknownKey => ErrorCode::Unauthenticated,
        AuthError::NoKeysFile => ErrorCode::Unavailable,
    }
}

/// Says which role it takes.
fn not_enough(caller: &Caller, need: Permission) -> String {
    format!("the role of this key is {}; this takes {}", caller.role.as_str(), need.minimum_role())
}

/// The key that a request shows; none where it shows two that differ.
fn shown(headers: &HeaderMap, key_as: CredentialSource) -> Option<String> {
    let mut shown: Vec<String> = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().ok()?;
        let (scheme, rest) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            shown.push(rest.trim().to_owned());
        } else if scheme.eq_ignore_ascii_case("basic") && key_as == CredentialSource::UserName {
            let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            shown.push(decoded.split(':').next().unwrap_or_default().to_owned());
        } else {
            return None;
        }
    }
    if key_as == CredentialSource::AccessToken {
        for value in headers.get_all("access_token") {
            shown.push(value.to_str().ok()?.trim().to_owned());
        }
    }
    let first = shown.pop()?;
    shown.iter().all(|it| *it == first).then_some(first)
}

/// The key in the payload of a socket's beginning: `{ "authorization": "Bearer KEY" }`.
pub(super) fn credential_in(payload: &serde_json::Map<String, serde_json::Value>) -> Option<&str> {
    let (_, value) = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let value = value.as_str()?.trim();
    match value.split_once(' ') {
        Some((scheme, rest)) => scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim()),
        None => Some(value),
    }
}

fn refuse(way: RouteAuth, code: ErrorCode, sentence: &str, headers: &HeaderMap) -> Response {
    let mut response =
        if way.is_graphql { graphql::rejection(code, sentence, headers) } else { refused(code, sentence) };
    if code == ErrorCode::Unauthenticated {
        let challenge = match way.key_as {
            CredentialSource::Bearer | CredentialSource::AccessToken => "Bearer realm=\"profile360\"",
            CredentialSource::UserName => "Basic realm=\"profile360\"",
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    super::may_retry(&mut response);
    response
}

/// The answer to a program that shows a key in a body or an address that is not good there.
pub(super) fn rejection(code: ErrorCode, sentence: &str) -> Response {
    refuse(RouteAuth::of_messages(CredentialSource::UserName), code, sentence, &HeaderMap::new())
}

/// Whether a key that is in an address does no more harm there than in the page that it came with: one that only sends, or none.
fn is_public(state: &AppState, key: &str) -> bool {
    by_key(state, Permission::Nothing, Some(key)).map_or(true, |caller| caller.role == Role::Ingest)
}

/// Refuses a request whose address holds a key: logs and histories keep addresses, and tell them to others.
pub(super) async fn no_key_in_address(State(state): State<AppState>, request: Request, next: Next) -> Response {
    const NAMES: [&str; 5] = ["access_token", "authorization", "api_key", "write_key", "writekey"];
    let address = request.uri();
    let parameters = || address.query().unwrap_or_default().split('&');
    let is_named = |it: &str| NAMES.iter().any(|name| it.eq_ignore_ascii_case(name));
    let holds_key = address.path().contains(PREFIX)
        || parameters().any(|it| it.contains(PREFIX) || is_named(it.split('=').next().unwrap_or_default()));
    // The handler there checks that the key is one that may be public.
    let is_by_design = || segment::key_in_address(address).is_some_and(|key| is_public(&state, key));
    if !state.authentication.requires_keys() || !holds_key || is_by_design() {
        return next.run(request).await;
    }
    let sentence = "a key never stands in an address, where logs and histories keep it: send it as Authorization: Bearer KEY, and \
                    have this one revoked";
    refused(ErrorCode::KeyInAddress, sentence)
}
