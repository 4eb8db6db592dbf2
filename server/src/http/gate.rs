//! Who is let in: on every way but those that operators and balancers ask, and the page's own files, which hold no data.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;

use super::{Site, graphql, refused, segment};
use crate::{
    access::{Caller, Need, Role},
    graphql::ErrorCode,
    keys::{NotLetIn, PREFIX},
};

/// A way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub key_as: KeyAs,
    pub need: Need,
    /// Refusals have the form of GraphQL's answers.
    pub is_graphql: bool,
    /// Where the head of a request shows no key, its body may: then the handler lets it in.
    pub is_key_in_body: bool,
}

/// How a key is shown, besides `Authorization: Bearer KEY`, which is taken everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAs {
    Bearer,
    /// The user name of basic authentication, as Segment's SDKs show their write key.
    UserName,
    /// The header `access_token`, as of the DFINERY Open API.
    AccessToken,
}

impl Way {
    /// A way for messages.
    pub(super) const fn of_messages(key_as: KeyAs) -> Self {
        Self { key_as, need: Need::Send, is_graphql: false, is_key_in_body: matches!(key_as, KeyAs::UserName) }
    }
}

type Letting = fn(State<(Site, Way)>, Request, Next) -> BoxFuture<'static, Response>;
type Layer = axum::middleware::FromFnLayer<Letting, (Site, Way), (State<(Site, Way)>, Request)>;

/// The gate of a way in.
pub(super) fn of(site: &Site, way: Way) -> Layer {
    axum::middleware::from_fn_with_state((site.clone(), way), let_in as Letting)
}

/// Lets a request in and says by whom it is, as an extension of the type [`Caller`]; none where that is up to the handler.
fn let_in(State((site, way)): State<(Site, Way)>, mut request: Request, next: Next) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let shows_none = shown(request.headers(), way.key_as).is_none() && no_authorization(request.headers());
        match caller(&site, way, &request) {
            Err((ErrorCode::Unauthenticated, _)) if way.is_key_in_body && shows_none => next.run(request).await,
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
            Err((code, sentence)) => refuse(way, code, &sentence, request.headers()),
        }
    })
}

fn caller(site: &Site, way: Way, request: &Request) -> Result<Caller, (ErrorCode, String)> {
    if way.is_graphql && request.headers().contains_key(header::UPGRADE) {
        // A browser can show nothing with a handshake: the key comes with connection_init.
        return Ok(Caller::local());
    }
    by_key(site, way.need, shown(request.headers(), way.key_as).as_deref())
}

fn no_authorization(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::AUTHORIZATION)
}

/// Lets in by a key, wherever it was shown.
pub(super) fn by_key(site: &Site, need: Need, key: Option<&str>) -> Result<Caller, (ErrorCode, String)> {
    let Some(gate) = &site.gate else { return Ok(Caller::local()) };
    let caller = gate.caller(key).map_err(|reason| (code_of(reason), reason.to_string()))?;
    if caller.may(need) {
        return Ok(caller);
    }
    Err((ErrorCode::Forbidden, not_enough(&caller, need)))
}

/// The code of a refusal.
pub(super) const fn code_of(reason: NotLetIn) -> ErrorCode {
    match reason {
        NotLetIn::NoKey | NotLetIn::UnknownKey => ErrorCode::Unauthenticated,
        NotLetIn::NoKeysFile => ErrorCode::Unavailable,
    }
}

/// Says which role it takes.
fn not_enough(caller: &Caller, need: Need) -> String {
    format!("the role of this key is {}; this takes {}", caller.role.as_str(), need.least_role())
}

/// The key that a request shows; none where it shows two that differ.
fn shown(headers: &HeaderMap, key_as: KeyAs) -> Option<String> {
    let mut shown: Vec<String> = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().ok()?;
        let (scheme, rest) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            shown.push(rest.trim().to_owned());
        } else if scheme.eq_ignore_ascii_case("basic") && key_as == KeyAs::UserName {
            let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            shown.push(decoded.split(':').next().unwrap_or_default().to_owned());
        } else {
            return None;
        }
    }
    if key_as == KeyAs::AccessToken {
        for value in headers.get_all("access_token") {
            shown.push(value.to_str().ok()?.trim().to_owned());
        }
    }
    let first = shown.pop()?;
    shown.iter().all(|it| *it == first).then_some(first)
}

/// The key in the payload of a socket's beginning: `{ "authorization": "Bearer KEY" }`.
pub(super) fn shown_in(payload: &serde_json::Map<String, serde_json::Value>) -> Option<&str> {
    let (_, value) = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let value = value.as_str()?.trim();
    match value.split_once(' ') {
        Some((scheme, rest)) => scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim()),
        None => Some(value),
    }
}

fn refuse(way: Way, code: ErrorCode, sentence: &str, headers: &HeaderMap) -> Response {
    let mut response =
        if way.is_graphql { graphql::turned_away(code, sentence, headers) } else { refused(code, sentence) };
    if code == ErrorCode::Unauthenticated {
        let challenge = match way.key_as {
            KeyAs::Bearer | KeyAs::AccessToken => "Bearer realm=\"profile360\"",
            KeyAs::UserName => "Basic realm=\"profile360\"",
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    super::may_retry(&mut response);
    response
}

/// The answer to a program that shows a key in a body or an address, where it is not let in.
pub(super) fn turned_away(code: ErrorCode, sentence: &str) -> Response {
    refuse(Way::of_messages(KeyAs::UserName), code, sentence, &HeaderMap::new())
}

/// Whether a key that is in an address does no more harm there than in the page that it came with: one that only sends, or none.
fn is_public(site: &Site, key: &str) -> bool {
    by_key(site, Need::Nothing, Some(key)).map_or(true, |caller| caller.role == Role::Ingest)
}

/// Refuses a request whose address holds a key: addresses are kept in logs and histories and told to others.
pub(super) async fn no_key_in_address(State(site): State<Site>, request: Request, next: Next) -> Response {
    const NAMES: [&str; 5] = ["access_token", "authorization", "api_key", "write_key", "writekey"];
    let address = request.uri();
    let parameters = || address.query().unwrap_or_default().split('&');
    let is_named = |it: &str| NAMES.iter().any(|name| it.eq_ignore_ascii_case(name));
    let holds_key = address.path().contains(PREFIX)
        || parameters().any(|it| it.contains(PREFIX) || is_named(it.split('=').next().unwrap_or_default()));
    // The handler there sees to it that the key is one that may be public.
    let is_by_design = || segment::key_in_address(address).is_some_and(|key| is_public(&site, key));
    if site.gate.is_none() || !holds_key || is_by_design() {
        return next.run(request).await;
    }
    let sentence = "a key never stands in an address, where logs and histories keep it: send it as Authorization: Bearer KEY, and \
                    have this one revoked";
    refused(ErrorCode::KeyInAddress, sentence)
}
