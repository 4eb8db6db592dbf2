//! Segment's tracking API, and RudderStack's, which has the same calls and some more routes, so that installed SDKs work unchanged.
//! `map` turns calls into messages, `shop` the events of shops, and `browser` serves what SDKs in browsers need in addition.

mod browser;
mod map;
mod shop;

use axum::{
    Extension, Json, Router,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use serde_json::json;

pub(super) use self::browser::{cors, key_in_address};
use self::map::{Call, Received, message_of};
use super::{
    AppState, authenticate,
    decode_body::{self, Media, RequestBody},
    get_only, post_only,
    raw_json::{Pieces, fields_of, id_of, items, text, text_of},
    refused,
};
use crate::{
    auth::access::{Caller, Permission},
    clock,
    engine::ingest::{Batch, MessageOutcome, Sender},
    graphql::ErrorCode,
};

/// The routes of the tracking API.
pub(super) fn routes() -> Router<AppState> {
    let calls = [
        (["/v1/identify", "/v1/i"], Call::Identify),
        (["/v1/track", "/v1/t"], Call::Track),
        (["/v1/page", "/v1/p"], Call::Page),
        (["/v1/screen", "/v1/s"], Call::Screen),
        (["/v1/alias", "/v1/a"], Call::Alias),
        (["/v1/group", "/v1/g"], Call::Group),
    ];
    let mut router = Router::new();
    for (addresses, call) in calls {
        for address in addresses {
            let one =
                async move |State(state): State<AppState>,
                            caller: MaybeCaller,
                            headers: HeaderMap,
                            body: RequestBody| { one(state, caller, headers, body, call).await };
            router = both(router, address, post(one).fallback(post_only));
        }
    }
    for address in ["/v1/batch", "/v1/import", "/v1/b"] {
        router = both(router, address, post(batch).fallback(post_only));
    }
    both(router, "/beacon/v1/batch", post(beacon).fallback(post_only))
}

/// What SDKs ask for and report of themselves. No message comes here, so any role may.
pub(super) fn settings_routes() -> Router<AppState> {
    let mut router = both(Router::new(), "/v1/m", post(metrics).fallback(post_only));
    for address in ["/v1/projects/{key}/settings", "/projects/{key}/settings"] {
        router = both(router, address, get(browser::settings).fallback(get_only));
    }
    both(router, "/sourceConfig", get(browser::source_config).fallback(get_only))
}

/// The route with and without a trailing slash: some SDKs write one.
fn both(router: Router<AppState>, address: &str, methods: MethodRouter<AppState>) -> Router<AppState> {
    router.route(address, methods.clone()).route(&format!("{address}/"), methods)
}

/// The caller, where the head of the request has a key.
type MaybeCaller = Option<Extension<Caller>>;

/// Authenticates by the key in the body where the head has none: SDKs in browsers send it there.
#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
fn authenticate_by_body(
    state: &AppState,
    caller: MaybeCaller,
    key: impl FnOnce() -> Option<String>,
) -> Result<Caller, Response> {
    match caller {
        Some(Extension(caller)) => Ok(caller),
        None => authenticate::caller_by_key(state, Permission::Send, key().as_deref())
            .map_err(|(code, sentence)| authenticate::rejection(code, &sentence)),
    }
}

/// The key of a body, or of its calls; none where these have different ones.
fn key_in(sent: &Pieces<'_>, calls: &[&[u8]]) -> Option<String> {
    let own = |sent: &Pieces<'_>| sent.json("writeKey").and_then(text);
    if let Some(key) = own(sent) {
        return Some(key);
    }
    let mut keys = calls.iter().filter_map(|call| own(&Pieces::of(call).ok()?));
    let first = keys.next()?;
    keys.all(|key| key == first).then_some(first)
}

/// Several calls. A bad one does not affect the others, so the status is 200, with a result for each.
async fn batch(State(state): State<AppState>, caller: MaybeCaller, headers: HeaderMap, body: RequestBody) -> Response {
    let body = match decode_body::read_body(&state, &headers, body, Media::Any).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    match ingest_batch(&state, caller, &body).await {
        Ok(answers) => Json(json!({ "success": true, "results": answers })).into_response(),
        Err(response) => response,
    }
}

async fn ingest_batch(state: &AppState, caller: MaybeCaller, body: &[u8]) -> Result<Vec<MessageOutcome>, Response> {
    let malformed = |sentence: &str| refused(ErrorCode::BodyMalformed, sentence);
    let sent = Pieces::of(body).map_err(|fault| malformed(&fault.to_string()))?;
    let calls = sent.get("batch").and_then(items);
    let Some(calls) = calls else { return Err(malformed("the body is an object with a list of calls, batch")) };
    let caller = authenticate_by_body(state, caller, || key_in(&sent, &calls))?;
    let most = state.app().limits.batch;
    if most < calls.len() {
        let sentence = format!("send at most {most} calls at once; none of these was accepted");
        return Err(refused(ErrorCode::TooManyMessages, &sentence));
    }
    let received = Received::new(clock::now(), &sent);
    let mut batch = state.current.ingest.batch();
    for call in calls {
        add_call(&mut batch, None, call, &received);
    }
    ingest(batch, &caller).await
}

/// One call. As with a batch the status says whether the request could be read, and the answer what became of the call: Segment
/// answers so, too, and no SDK sends either again.
async fn one(state: AppState, caller: MaybeCaller, headers: HeaderMap, body: RequestBody, kind: Call) -> Response {
    let body = match decode_body::read_body(&state, &headers, body, Media::Any).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    match ingest_one(&state, caller, &body, kind).await {
        Ok(answers) => {
            let is_refused = answers.iter().any(MessageOutcome::is_refused);
            Json(json!({ "success": !is_refused, "results": answers })).into_response()
        }
        Err(response) => response,
    }
}

async fn ingest_one(
    state: &AppState,
    caller: MaybeCaller,
    body: &[u8],
    kind: Call,
) -> Result<Vec<MessageOutcome>, Response> {
    let sent = Pieces::of(body).map_err(|fault| refused(ErrorCode::BodyMalformed, &fault.to_string()))?;
    let caller = authenticate_by_body(state, caller, || key_in(&sent, &[]))?;
    let received = Received::of(clock::now(), sent.json("sentAt"), None);
    let mut batch = state.current.ingest.batch();
    add_call(&mut batch, Some(kind), body, &received);
    ingest(batch, &caller).await
}

/// Calls that a page sends while the browser leaves it. Beacons have no headers, so RudderStack's SDK puts the key into the URL.
async fn beacon(
    State(state): State<AppState>,
    caller: MaybeCaller,
    Query(parameters): Query<browser::Parameters>,
    headers: HeaderMap,
    body: RequestBody,
) -> Response {
    let caller = match (caller, parameters.write_key) {
        (None, Some(key)) => match browser::ingest_only(&state, &key) {
            Ok(caller) => Some(Extension(caller)),
            Err(response) => return response,
        },
        (caller, _) => caller,
    };
    batch(State(state), caller, headers, body).await
}

/// Metrics of Analytics.js about itself, which have nothing about customers: discarded.
async fn metrics() -> Response {
    Json(json!({ "success": true })).into_response()
}

fn add_call(batch: &mut Batch, kind: Option<Call>, call: &[u8], received: &Received<'_>) {
    let id = || id_of(call, "messageId");
    let text = match text_of(call) {
        Ok(text) => text,
        Err(refusal) => return batch.add(Err((id(), refusal))),
    };
    let message = fields_of(&text).and_then(|fields| {
        let kind = kind.or_else(|| Call::of_name(&fields.get("type").and_then(self::text)?));
        message_of(kind, &fields, received)
    });
    match message {
        Ok(message) => message.add_to(batch, id),
        Err(refusal) => batch.add(Err((id(), refusal))),
    }
}

async fn ingest(batch: Batch, caller: &Caller) -> Result<Vec<MessageOutcome>, Response> {
    match batch.ingest(Sender::Caller(caller)).await {
        Ok(ingestion) => Ok(ingestion.outcomes),
        Err(error) => Err(refused(ErrorCode::from(&error), &error.to_string())),
    }
}
