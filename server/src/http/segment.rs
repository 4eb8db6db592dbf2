//! Segment's tracking API, so that the SDKs that are installed already work unchanged: `/v1/batch`, `/v1/identify`, `/v1/track`,
//! `/v1/page`, `/v1/screen`, `/v1/alias` and `/v1/group`. What a call means stands in `map`, what a shop's events mean in `shop`.

mod map;
mod shop;

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value, json};

use self::map::{Call, Received, message_of};
use super::{
    Site,
    answer::{Answer, Judged, ingest, judge},
    body::{self, Sent},
    other_method, refused,
};
use crate::{access::Caller, clock, graphql::ErrorCode};

/// The addresses of the tracking API.
pub(super) fn routes() -> Router<Site> {
    let calls = [
        ("/v1/identify", Call::Identify),
        ("/v1/track", Call::Track),
        ("/v1/page", Call::Page),
        ("/v1/screen", Call::Screen),
        ("/v1/alias", Call::Alias),
        ("/v1/group", Call::Group),
    ];
    let batch = post(batch).fallback(other_method);
    calls.into_iter().fold(Router::new().route("/v1/batch", batch), |router, (address, call)| {
        let one = async move |State(site): State<Site>,
                              Extension(caller): Extension<Caller>,
                              headers: HeaderMap,
                              body: Sent| { one(site, caller, headers, body, call).await };
        router.route(address, post(one).fallback(other_method))
    })
}

/// Several calls: one that is bad costs the others nothing, so the answer is 200 and says what became of each.
async fn batch(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Sent,
) -> Response {
    let mut sent = match body::object(&site, &headers, body).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let Some(Value::Array(calls)) = sent.remove("batch") else {
        return refused(ErrorCode::BodyMalformed, "the body is an object with a list of calls, batch");
    };
    let most = site.app().limits.batch;
    if most < calls.len() {
        let sentence = format!("send at most {most} calls at once; none of these was taken");
        return refused(ErrorCode::TooManyMessages, &sentence);
    }
    let received = Received::new(clock::now(), sent.get("sentAt"), sent.get("context"));
    let judged = calls.into_iter().map(|call| {
        let kind = call.get("type").and_then(Value::as_str).and_then(Call::of_name);
        judged(&site, kind, call, &received)
    });
    match take(&site, &caller, judged).await {
        Ok(answers) => Json(json!({ "success": true, "results": answers })).into_response(),
        Err(response) => response,
    }
}

/// One call: one that is bad is a bad request, which no SDK sends again.
async fn one(site: Site, caller: Caller, headers: HeaderMap, body: Sent, kind: Call) -> Response {
    let call = match body::object(&site, &headers, body).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let received = Received::new(clock::now(), call.get("sentAt"), None);
    let judged = std::iter::once_with(|| judged(&site, Some(kind), Value::Object(call), &received));
    match take(&site, &caller, judged).await {
        Ok(answers) => {
            let is_refused = answers.iter().any(Answer::is_refused);
            let status = if is_refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            (status, Json(json!({ "success": !is_refused, "results": answers }))).into_response()
        }
        Err(response) => response,
    }
}

fn judged(site: &Site, kind: Option<Call>, call: Value, received: &Received) -> Judged {
    let call = match call {
        Value::Object(call) => call,
        _ => Map::new(),
    };
    let id = call.get("messageId").and_then(Value::as_str).map(str::to_owned);
    judge(site, id, message_of(kind, &call, received))
}

/// Judges calls, and takes them.
async fn take(site: &Site, caller: &Caller, judged: impl Iterator<Item = Judged>) -> Result<Vec<Answer>, Response> {
    let app = site.app();
    ingest(&app, caller, app.policy.version, judged.collect())
        .await
        .map_err(|error| refused(ErrorCode::Unavailable, &error.to_string()))
}
