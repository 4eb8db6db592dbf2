//! `POST /v1/messages`: messages as files have them, streamed both ways.
//!
//! A thread unpacks and parses, a task hands what is there to the pipeline, and each message's answer goes back as a line, in the
//! sequence of the messages. Between them are short queues: who does not read its answers is not read from either.

use std::{cell::RefCell, rc::Rc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use profile360_core::message::limits::MAX_NAME_BYTES;
use profile360_ingest::framing::{Framing, Item, ReadError, Reader};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::mpsc, time::timeout};

use super::{
    AppState,
    concurrency_limits::{Client, LimitReached, Permit},
    decode_body::{BodyError, Packing, unpacked},
    ingest_response::{Judged, MessageResult as Told, ingest},
    overloaded, refused,
};
use crate::{
    auth::{access::Caller, api_keys::AuthError},
    graphql::ErrorCode,
};

/// What of a body is handed to the pipeline at once, at most.
const MAX_ITEMS: usize = 2_000;
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// How long the head of an answer waits for the end of the body, so that a short one has the status that it deserves.
const HEAD_WITHIN: Duration = Duration::from_secs(1);

/// A mistyped name would silently be the default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(default)]
    results: Results,
}

/// Which messages get a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Results {
    #[default]
    All,
    /// Those that were refused, or of which something was left out.
    Faulty,
    None,
}

pub(super) async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(client): Extension<Client>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(Query(Parameters { results })) = parameters else {
        return refused(ErrorCode::BadUserInput, "the one parameter here is results: all, faulty or none");
    };
    let Some(form) = form_of(&headers) else {
        let sentence = "send application/x-ndjson (a message a line) or application/json (an array of messages)";
        return refused(ErrorCode::UnsupportedMediaType, sentence);
    };
    let Some(packing) = Packing::of(&headers) else {
        return refused(ErrorCode::UnsupportedMediaType, "send the body as it is, or packed with gzip or zstd");
    };
    let place = match state.streams.take(&client, 1) {
        Ok(place) => place,
        Err(LimitReached::OwnTaken) => {
            return overloaded("as many streams of this client are open as one may have at once; end one first");
        }
        Err(LimitReached::AllTaken | LimitReached::TooMuch) => {
            return overloaded("as many streams are open as there are places for; try again later");
        }
    };
    let (parts, incoming) = mpsc::channel(1);
    let (answers, mut heard) = mpsc::channel(1);
    let runtime = Handle::current();
    let reading = state.clone();
    tokio::task::spawn_blocking(move || read(body, form, packing, &reading, runtime, parts));
    tokio::spawn(take(state, caller, incoming, answers, results, place));

    let mut lines = match heard.recv().await {
        Some(MessageResult::Lines(lines)) => lines,
        Some(MessageResult::End(end)) => return whole(end, Vec::new()),
        None => return refused(ErrorCode::Internal, "the answer was lost; send the messages again"),
    };
    let next = match timeout(HEAD_WITHIN, heard.recv()).await {
        Ok(Some(MessageResult::End(end))) => return whole(end, lines),
        Ok(Some(MessageResult::Lines(next))) => next,
        Ok(None) | Err(_) => Vec::new(),
    };
    lines.extend(next);
    let rest = stream::unfold(heard, async |mut heard| {
        let bytes = match heard.recv().await? {
            MessageResult::Lines(lines) => lines,
            MessageResult::End(end) => end.to_line(),
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(bytes)), heard))
    });
    let first = stream::iter([Ok(Bytes::from(lines))]);
    let body = Body::from_stream(futures::StreamExt::chain(first, rest));
    ([(header::CONTENT_TYPE, NDJSON)], body).into_response()
}

const NDJSON: &str = "application/x-ndjson; charset=utf-8";

fn form_of(headers: &HeaderMap) -> Option<Framing> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Some(Framing::Lines)
        }
        "application/json" => Some(Framing::Array),
        _ => None,
    }
}

/// A part of a body, and how it ended.
enum Part {
    /// With the version of the policy that was in force before the first of them was read.
    Items(Vec<Item>, i64),
    End(Option<(ErrorCode, String)>),
}

/// Reads in a thread of its own. What was read goes on before the thread waits for more, so nobody waits for a full part.
fn read(body: Body, form: Framing, packing: Packing, state: &AppState, runtime: Handle, parts: mpsc::Sender<Part>) {
    let pending = Rc::new(RefCell::new(Pending { items: Vec::new(), read_by: None, n_bytes: 0, parts }));
    let handing_on = pending.clone();
    let before_waiting = move || handing_on.borrow_mut().hand_on();
    let end = match unpacked(body, packing, state, runtime, before_waiting) {
        Ok(bytes) => read_all(&mut Reader::new(bytes, form, state.current.intake.clone()), state, &pending),
        Err(error) => Err(error.into()),
    };
    let fault = match end {
        Ok(()) => None,
        Err(ReadError::Io(error)) => {
            let fault = BodyError::of(&error);
            Some((fault.code(), fault.to_string()))
        }
        Err(error @ ReadError::Unclosed(_)) => Some((ErrorCode::BodyCut, error.to_string())),
        Err(error @ ReadError::NotAnArray(_)) => Some((ErrorCode::BodyMalformed, error.to_string())),
    };
    let mut pending = pending.borrow_mut();
    pending.hand_on();
    // Whoever asked may have gone.
    pending.parts.blocking_send(Part::End(fault)).ok();
}

fn read_all<R: std::io::BufRead>(
    reader: &mut Reader<R>,
    state: &AppState,
    pending: &RefCell<Pending>,
) -> Result<(), ReadError> {
    loop {
        // The rules of the moment: they may change while a long body comes in.
        let app = state.app();
        let Some(item) = reader.next(&app.policy)? else { return Ok(()) };
        let mut pending = pending.borrow_mut();
        pending.read_by.get_or_insert(app.policy.version);
        pending.n_bytes += item.text.as_ref().map_or(0, String::len);
        pending.items.push(item);
        if MAX_ITEMS <= pending.items.len() || MAX_BYTES <= pending.n_bytes {
            pending.hand_on();
        }
        if pending.parts.is_closed() {
            return Ok(());
        }
    }
}

struct Pending {
    items: Vec<Item>,
    read_by: Option<i64>,
    n_bytes: usize,
    parts: mpsc::Sender<Part>,
}

impl Pending {
    fn hand_on(&mut self) {
        self.n_bytes = 0;
        let items = std::mem::take(&mut self.items);
        if let Some(read_by) = self.read_by.take() {
            self.parts.blocking_send(Part::Items(items, read_by)).ok();
        }
    }
}

enum MessageResult {
    Lines(Vec<u8>),
    End(End),
}

/// Takes parts, one after the other, until the body or the client's patience ends.
async fn take(
    state: AppState,
    caller: Caller,
    mut parts: mpsc::Receiver<Part>,
    answers: mpsc::Sender<MessageResult>,
    results: Results,
    _place: Permit,
) {
    let mut counts = Counts::default();
    let fault = loop {
        let (items, read_by) = match parts.recv().await {
            Some(Part::Items(items, read_by)) => (items, read_by),
            Some(Part::End(fault)) => break fault,
            None => break Some((ErrorCode::Internal, "the reader stopped; send again what has no answer".to_owned())),
        };
        // A long body must not outlive its key.
        if !state.authentication.is_still_valid(&caller) {
            break Some((ErrorCode::Unauthenticated, AuthError::UnknownKey.to_string()));
        }
        let app = state.app();
        let (numbers, judged): (Vec<u64>, Vec<Judged>) = items.into_iter().map(judged).unzip();
        let told = match ingest(&app, &caller, read_by, judged).await {
            Ok(told) => told,
            Err(error) => break Some((ErrorCode::Unavailable, error.to_string())),
        };
        let told = numbers.into_iter().zip(told).map(|(line, it)| Told { line: Some(line), ..it });
        let lines = counts.lines(told, results);
        // Short of a client that reads, this is where everything waits.
        if !matches!(timeout(app.limits.time, answers.send(MessageResult::Lines(lines))).await, Ok(Ok(()))) {
            return;
        }
    };
    answers.send(MessageResult::End(End { fault, counts })).await.ok();
}

/// How it ended: the last line.
struct End {
    fault: Option<(ErrorCode, String)>,
    counts: Counts,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    taken: u64,
    duplicates: u64,
    refused: u64,
    warnings: u64,
}

impl Counts {
    /// The answers to a part.
    fn lines(&mut self, told: impl Iterator<Item = Told>, results: Results) -> Vec<u8> {
        let mut lines = Vec::new();
        for told in told {
            self.warnings += told.warnings.len() as u64;
            match told.status {
                "REFUSED" => self.refused += 1,
                "DUPLICATE" => self.duplicates += 1,
                _ => self.taken += 1,
            }
            let is_faulty = told.is_refused() || !told.warnings.is_empty();
            if results == Results::All || (results == Results::Faulty && is_faulty) {
                lines.extend(serde_json::to_vec(&told).unwrap_or_default());
                lines.push(b'\n');
            }
        }
        lines
    }
}

fn judged(item: Item) -> (u64, Judged) {
    let judged = item.parsed.map_err(|refusal| (item.text.as_deref().and_then(message_id), refusal));
    (item.number, judged)
}

/// The ID of a message that was refused, where it has one that can be told.
fn message_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        message_id: String,
    }
    let Named { message_id } = serde_json::from_str(text).ok()?;
    (message_id.len() <= MAX_NAME_BYTES).then_some(message_id)
}

impl End {
    fn to_line(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Last<'a> {
            end: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
            #[serde(flatten)]
            counts: &'a Counts,
        }
        let last = Last {
            end: if self.fault.is_some() { "FAILED" } else { "COMPLETE" },
            code: self.fault.as_ref().map(|(code, _)| code.as_str()),
            detail: self.fault.as_ref().map(|(_, detail)| detail.as_str()),
            counts: &self.counts,
        };
        let mut bytes = serde_json::to_vec(&last).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// The answer to a short body, with the status that it deserves.
fn whole(end: End, mut lines: Vec<u8>) -> Response {
    lines.extend(end.to_line());
    let status = end.fault.as_ref().map_or(StatusCode::OK, |(code, _)| super::status_of(*code));
    let mut response = (status, [(header::CONTENT_TYPE, NDJSON)], lines).into_response();
    super::may_retry(&mut response);
    response
}
