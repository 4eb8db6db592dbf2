//! The DFINERY Open API, so that its clients can send messages to this server: `/api/v1/identities`, `/api/v1/profiles` and
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
use profile360_core::{message::syntax::Object, time::Timestamp};
use serde_json::{json, value::RawValue};

use super::{
    AppState,
    decode_body::{self, Media, RequestBody},
    post_only,
    raw_json::{Json as Piece, Made, Pieces, fields_of, id_of, inner, items, text_of},
    refused,
};
use crate::{
    auth::access::Caller,
    clock,
    engine::ingest::{Batch, MessageOutcome, Sender},
    graphql::ErrorCode,
};

/// The routes of the Open API.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/identities", post(identities).fallback(post_only))
        .route("/api/v1/profiles", post(identities).fallback(post_only))
        .route("/api/v1/identities/delete", post(delete).fallback(post_only))
        .route("/api/v1/events", post(events).fallback(post_only))
}

/// The most events of one call, the same as in the Open API.
const MAX_EVENTS: usize = 100;

/// Adds the messages of a body to a batch; the error is the response to a body that is not such a call.
type Read = fn(&mut Batch, &[u8], DateTime<Utc>) -> Result<(), Response>;

/// Links identifiers to one customer, and sets its attributes.
async fn identities(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: RequestBody,
) -> Response {
    ingest_call(&state, &caller, &headers, body, read_identity).await
}

/// Events of one customer.
async fn events(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: RequestBody,
) -> Response {
    ingest_call(&state, &caller, &headers, body, read_events).await
}

/// Nothing is removed yet, and the answer says so: a caller must not believe that a customer is gone.
async fn delete() -> Response {
    let message = "this server cannot remove customers yet; nothing was removed";
    let body = json!({ "status": false, "code": "40300", "message": message, "data": false });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// Reads a call and ingests its messages. The status says whether it could be read; the answer says, in DFINERY's form, whether anything
/// of it was accepted, and also what became of each message.
async fn ingest_call(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    body: RequestBody,
    read: Read,
) -> Response {
    let body = match decode_body::read_body(state, headers, body, Media::Json).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let mut batch = state.current.ingest.batch();
    if let Err(response) = read(&mut batch, &body, clock::now()) {
        return response;
    }
    let answers = match batch.ingest(Sender::Caller(caller)).await {
        Ok(ingestion) => ingestion.outcomes,
        Err(error) => return refused(ErrorCode::from(&error), &error.to_string()),
    };
    // One that is bad among others has its result; where all are bad, the call has failed.
    let failed =
        answers.iter().find_map(|it| it.detail.as_deref()).filter(|_| answers.iter().all(MessageOutcome::is_refused));
    let (code, message) = failed.map_or(("20000", "OK"), |detail| ("40000", detail));
    let is_accepted = failed.is_none();
    Json(json!({ "status": is_accepted, "code": code, "message": message, "data": is_accepted, "results": answers }))
        .into_response()
}

fn malformed(sentence: &str) -> Response {
    refused(ErrorCode::BodyMalformed, sentence)
}

#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
fn read_identity(batch: &mut Batch, body: &[u8], now: DateTime<Utc>) -> Result<(), Response> {
    let text = text_of(body).map_err(|refusal| malformed(&refusal.detail))?;
    let sent = fields_of(&text).map_err(|refusal| malformed(&refusal.detail))?;
    check_identity(sent.get("identity"))?;
    identity_of(&sent, now).add_to(batch, || None);
    Ok(())
}

/// Refuses a call that names no customer. Whether its identifiers can be used is a matter of its messages.
#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
fn check_identity(identity: Option<&RawValue>) -> Result<(), Response> {
    match inner(identity) {
        Some(Object(fields)) if !fields.is_empty() => Ok(()),
        _ => Err(malformed("the body has an identity, which is an object of at least one identifier")),
    }
}

#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
fn read_events(batch: &mut Batch, body: &[u8], now: DateTime<Utc>) -> Result<(), Response> {
    let sent = Pieces::of(body).map_err(|fault| malformed(&fault.to_string()))?;
    if sent.json("event_attributes").is_some_and(|it| it.get().starts_with('{')) {
        let text = text_of(body).map_err(|refusal| malformed(&refusal.detail))?;
        let sent = fields_of(&text).map_err(|refusal| malformed(&refusal.detail))?;
        older::messages(&sent, now).into_iter().for_each(|message| message.add_to(batch, || None));
        return Ok(());
    }
    let Some(events) = sent.get("events").and_then(items) else {
        return Err(malformed("the body is an object with an identity and a list of events"));
    };
    check_identity(sent.json("identity"))?;
    if MAX_EVENTS < events.len() {
        let sentence = format!("send at most {MAX_EVENTS} events at once; none of these was accepted");
        return Err(refused(ErrorCode::TooManyMessages, &sentence));
    }
    let call =
        CallOf { identity: sent.json("identity"), at: sent.json("request_datetime").filter(|it| says_something(it)) };
    for (position, event) in events.into_iter().enumerate() {
        add_event(batch, &call, event, position, now);
    }
    Ok(())
}

fn add_event(batch: &mut Batch, call: &CallOf<'_>, event: &[u8], position: usize, now: DateTime<Utc>) {
    let refuse = |refusal| Err((id_of(event, "event_id").or_else(|| id_of(event, "message_id")), refusal));
    let text = match text_of(event) {
        Ok(text) => text,
        Err(refusal) => return batch.add(refuse(refusal)),
    };
    match fields_of(&text) {
        Ok(fields) => event_of(call, &fields, position, now).add_to(batch, || None),
        Err(refusal) => batch.add(refuse(refusal)),
    }
}

fn identity_of<'c>(sent: &Object<'c>, now: DateTime<Utc>) -> Made<'c> {
    let attributes = first_of(sent, &["user_properties", "user_attributes"]);
    let call = CallOf { identity: sent.get("identity"), at: None };
    let mut made = common(&call, first_of(sent, &["request_datetime"]), now);
    made.add("type", Piece::of_text(if attributes.is_some() { "identify" } else { "alias" }));
    if let Some(attributes) = attributes {
        made.add("attributes", Piece::opened(attributes));
    }
    made
}

/// What a call says of all its events.
#[derive(Debug, Clone, Copy)]
struct CallOf<'c> {
    identity: Option<&'c RawValue>,
    at: Option<&'c RawValue>,
}

fn event_of<'c>(call: &CallOf<'c>, event: &Object<'c>, position: usize, now: DateTime<Utc>) -> Made<'c> {
    let properties = first_of(event, &["event_properties", "properties"]).map_or(Piece::NOTHING, Piece::opened);
    let items = first_of(event, &["event_items", "items"]).map(Piece::Sent);
    let named = Named {
        id: first_of(event, &["event_id", "message_id"]),
        name: first_of(event, &["event_name", "name"]).map(Piece::Sent),
        at: first_of(event, &["event_datetime", "datetime", "timestamp"]),
    };
    made_of(call, named, properties, items, position, now)
}

/// What an event is, by the names of either form.
struct Named<'c> {
    id: Option<&'c RawValue>,
    name: Option<Piece<'c>>,
    at: Option<&'c RawValue>,
}

fn made_of<'c>(
    call: &CallOf<'c>,
    event: Named<'c>,
    mut properties: Piece<'c>,
    items: Option<Piece<'c>>,
    position: usize,
    now: DateTime<Utc>,
) -> Made<'c> {
    let mut made = common(call, event.at.or(call.at), now);
    made.add("type", Piece::of_text("event"));
    made.message.extend(event.name.map(|name| ("event".into(), name)));
    // Properties that are not an object stay, and the parser of the message reports them.
    if let (Piece::Object(properties), Some(items)) = (&mut properties, items) {
        properties.retain(|(name, _)| name != "df_items");
        properties.push(("df_items".into(), items));
    }
    made.add("properties", properties);
    match event.id {
        Some(id) => made.add("message_id", Piece::Sent(id)),
        // The same call again is the same events; the same event twice in one call is two.
        None => made.position = Some(position),
    }
    made
}

fn common<'c>(call: &CallOf<'c>, at: Option<&'c RawValue>, now: DateTime<Utc>) -> Made<'c> {
    let at = match at {
        Some(at) if at.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            Timestamp::read(at.get()).map_or(Piece::Sent(at), |(at, _)| Piece::of_text(at.to_datetime().to_rfc3339()))
        }
        Some(at) => Piece::Sent(at),
        None => Piece::of_text(now.to_rfc3339()),
    };
    let mut made = Made::default();
    made.add("timestamp", at);
    made.add("source", Piece::of_text("dfinery"));
    made.add("platform", Piece::of_text("API"));
    made.add("identifiers", call.identity.map_or(Piece::NOTHING, Piece::Sent));
    made
}

/// The first of those fields that is there, and neither null nor an empty text.
fn first_of<'c>(object: &Object<'c>, names: &[&str]) -> Option<&'c RawValue> {
    names.iter().find_map(|name| object.get(name).filter(|value| says_something(value)))
}

fn says_something(value: &RawValue) -> bool {
    value.get() != "\"\""
}

#[cfg(test)]
mod tests;
