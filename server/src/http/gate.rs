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
    Site,
    body::Work,
    connections::Kept,
    graphql, refused,
    shares::{Client, NoShare},
};
use crate::{
    access::{Caller, Need},
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
    /// Requests take a place among all that are answered at once. Streams have places of their own.
    pub takes_place: bool,
}

/// How a key is shown, besides `Authorization: Bearer KEY`, which is good everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAs {
    Bearer,
    /// The user name of basic authentication, as Segment's SDKs show their write key.
    UserName,
    /// The header `access_token`, as of the DFINERY Open API.
    AccessToken,
}

impl Way {
    /// What a role may do over GraphQL is said at each field.
    pub(super) const GRAPHQL: Self =
        Self { key_as: KeyAs::Bearer, need: Need::Nothing, is_graphql: true, takes_place: true };

    /// A way for messages.
    pub(super) const fn of_messages(key_as: KeyAs) -> Self {
        Self { key_as, need: Need::Send, is_graphql: false, takes_place: true }
    }

    /// The way for streams of messages.
    pub(super) const STREAMS: Self =
        Self { key_as: KeyAs::Bearer, need: Need::Send, is_graphql: false, takes_place: false };
}

type Letting = fn(State<(Site, Way)>, Request, Next) -> BoxFuture<'static, Response>;
type Layer = axum::middleware::FromFnLayer<Letting, (Site, Way), (State<(Site, Way)>, Request)>;

/// The gate of a way in.
pub(super) fn of(site: &Site, way: Way) -> Layer {
    axum::middleware::from_fn_with_state((site.clone(), way), let_in as Letting)
}

fn let_in(State((site, way)): State<(Site, Way)>, request: Request, next: Next) -> BoxFuture<'static, Response> {
    Box::pin(async move { admit(&site, way, request, |request| next.run(request)).await })
}

/// Lets a request in and says by whom it is, as extensions of the types [`Caller`], [`Client`] and [`Work`]. What it takes of the
/// server it gives back when its answer has been sent.
pub(super) async fn admit<F: Future<Output = Response>>(
    site: &Site,
    way: Way,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let caller = match caller(site, way, request.headers()) {
        Ok(caller) => caller,
        Err((code, sentence)) => return refuse(way, code, &sentence, request.headers()),
    };
    let client = Client::of(&caller, request.extensions());
    let place = match way.takes_place.then(|| site.requests.take(&client, 1)).transpose() {
        Ok(place) => place,
        Err(reason) => {
            let sentence = match reason {
                NoShare::AllTaken | NoShare::TooMuch => {
                    "as many requests are open as are answered at once; try again later"
                }
                NoShare::OwnTaken => {
                    "as many requests of this client are open as one may have at once; wait for an answer first"
                }
            };
            return refuse(way, ErrorCode::Overloaded, sentence, request.headers());
        }
    };
    let work = Work::new(&site.work, &client);
    let extensions = request.extensions_mut();
    extensions.insert(caller);
    extensions.insert(client);
    extensions.insert(work.clone());
    let response = answer(request).await;
    response.map(|body| Body::new(Kept::new(body, (place, work))))
}

fn caller(site: &Site, way: Way, headers: &HeaderMap) -> Result<Caller, (ErrorCode, String)> {
    let shown = shown(headers, way.key_as);
    let caller =
        site.authentication.caller(shown.as_deref()).map_err(|reason| (code_of(reason), reason.to_string()))?;
    if caller.may(way.need) {
        return Ok(caller);
    }
    Err((ErrorCode::Forbidden, not_enough(&caller, way.need)))
}

/// Whether a request may see what is not for everyone: it shows a key that reads, or there are no keys.
pub(super) fn may_read(site: &Site, headers: &HeaderMap) -> bool {
    let way = Way { need: Need::Read, ..Way::GRAPHQL };
    caller(site, way, headers).is_ok()
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

/// Refuses a request whose address holds a key: logs and histories keep addresses, and tell them to others.
pub(super) async fn no_key_in_address(State(site): State<Site>, request: Request, next: Next) -> Response {
    const NAMES: [&str; 5] = ["access_token", "authorization", "api_key", "write_key", "writekey"];
    let address = request.uri();
    let parameters = || address.query().unwrap_or_default().split('&');
    let is_named = |it: &str| NAMES.iter().any(|name| it.eq_ignore_ascii_case(name));
    let holds_key = address.path().contains(PREFIX)
        || parameters().any(|it| it.contains(PREFIX) || is_named(it.split('=').next().unwrap_or_default()));
    if !site.authentication.asks_for_keys() || !holds_key {
        return next.run(request).await;
    }
    let sentence = "a key never stands in an address, where logs and histories keep it: send it as Authorization: Bearer KEY, and \
                    have this one revoked";
    refused(ErrorCode::KeyInAddress, sentence)
}
