//! The DFINERY Open API, so that a shop that sends there can send here: `/api/v1/identities`, `/api/v1/profiles` and
//! `/api/v1/events`. The older form of its events is read by `older`.

mod older;

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    Site,
    answer::{Answer, Judged, ingest, judge},
    body::{self, Sent},
    other_method, refused,
};
use crate::{access::Caller, clock, graphql::ErrorCode};

/// The addresses of the Open API.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/api/v1/identities", post(identities).fallback(other_method))
        .route("/api/v1/profiles", post(identities).fallback(other_method))
        .route("/api/v1/identities/delete", post(delete).fallback(other_method))
        .route("/api/v1/events", post(events).fallback(other_method))
}

/// The most events of one call, as there.
const MAX_EVENTS: usize = 100;

/// Says that identifiers are of one customer, and what else is known of it.
async fn identities(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Sent,
) -> Response {
    let sent = match body::object(&site, &headers, body).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    take(&site, &caller, std::iter::once_with(|| judge(&site, None, Ok(identity_of(&sent, clock::now()))))).await
}

/// Nothing is removed yet, and nobody is told that it was: who asks for it has to know.
async fn delete() -> Response {
    let message = "this server cannot remove customers yet; nothing was removed";
    let body = json!({ "status": false, "code": "50100", "message": message, "data": false });
    (StatusCode::NOT_IMPLEMENTED, Json(body)).into_response()
}

/// Says what one customer did.
async fn events(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Sent,
) -> Response {
    let sent = match body::object(&site, &headers, body).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let now = clock::now();
    if let Some(messages) = older::messages(&sent, now) {
        return take(&site, &caller, messages.into_iter().map(|it| judge(&site, None, Ok(it)))).await;
    }
    let Some(events) = first_of(&sent, &["events"]).and_then(Value::as_array) else {
        return refused(ErrorCode::BodyMalformed, "the body is an object with an identity and a list of events");
    };
    if MAX_EVENTS < events.len() {
        let sentence = format!("send at most {MAX_EVENTS} events at once; none of these was taken");
        return refused(ErrorCode::TooManyMessages, &sentence);
    }
    let judged = events.iter().enumerate().map(|(n, event)| judge(&site, None, Ok(event_of(&sent, event, n, now))));
    take(&site, &caller, judged).await
}

/// Judges calls and takes them. Answers as there, and besides that what became of each.
async fn take(site: &Site, caller: &Caller, judged: impl Iterator<Item = Judged>) -> Response {
    let app = site.app();
    let answers = match ingest(&app, caller, app.policy.version, judged.collect()).await {
        Ok(answers) => answers,
        Err(error) => return refused(ErrorCode::Unavailable, &error.to_string()),
    };
    // One that is bad among others is told below; where all are, the call has failed.
    let failed = answers.iter().find_map(|it| it.detail.as_deref()).filter(|_| answers.iter().all(Answer::is_refused));
    match failed {
        None => Json(json!({ "status": true, "code": "20000", "message": "OK", "data": true, "results": answers }))
            .into_response(),
        Some(detail) => {
            let body =
                json!({ "status": false, "code": "40000", "message": detail, "data": false, "results": answers });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

fn identity_of(sent: &Map<String, Value>, now: DateTime<Utc>) -> Map<String, Value> {
    let attributes = first_of(sent, &["user_properties", "user_attributes"]);
    let mut message = common(sent, first_of(sent, &["request_datetime"]), now);
    message.insert("type".to_owned(), json!(if attributes.is_some() { "identify" } else { "alias" }));
    if let Some(attributes) = attributes {
        message.insert("attributes".to_owned(), attributes.clone());
    }
    message
}

fn event_of(sent: &Map<String, Value>, event: &Value, position: usize, now: DateTime<Utc>) -> Map<String, Value> {
    let none = Map::new();
    let event = event.as_object().unwrap_or(&none);
    let at =
        first_of(event, &["event_datetime", "datetime", "timestamp"]).or_else(|| first_of(sent, &["request_datetime"]));
    let mut message = common(sent, at, now);
    message.insert("type".to_owned(), json!("event"));
    message.insert("event".to_owned(), first_of(event, &["event_name", "name"]).cloned().unwrap_or_default());
    let properties = first_of(event, &["event_properties", "properties"]);
    let mut properties = properties.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(items) = first_of(event, &["event_items", "items"]) {
        properties.insert("df_items".to_owned(), items.clone());
    }
    message.insert("properties".to_owned(), Value::Object(properties));
    match first_of(event, &["event_id", "message_id"]) {
        Some(id) => drop(message.insert("message_id".to_owned(), id.clone())),
        // The same call again is the same events; the same event twice in one call is two.
        None => drop(message.insert("position".to_owned(), json!(position))),
    }
    message
}

fn common(sent: &Map<String, Value>, at: Option<&Value>, now: DateTime<Utc>) -> Map<String, Value> {
    let identity = first_of(sent, &["identity"]).cloned().unwrap_or_default();
    let at = match at {
        Some(Value::Number(millis)) => {
            let at = millis.as_i64().and_then(DateTime::from_timestamp_millis);
            at.map_or_else(|| json!(millis), |it| json!(it.to_rfc3339()))
        }
        Some(other) => other.clone(),
        None => json!(now.to_rfc3339()),
    };
    let fields =
        [("timestamp", at), ("source", json!("dfinery")), ("platform", json!("API")), ("identifiers", identity)];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The first of those fields that is there and not null.
fn first_of<'v>(object: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|it| object.get(*it).filter(|it| !it.is_null()))
}

#[cfg(test)]
mod tests;
