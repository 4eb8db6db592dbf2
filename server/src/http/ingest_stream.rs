//! `POST /v1/messages`: NDJSON or a JSON array, with a stream of results.
//!
//! A thread decompresses and parses the body, a task ingests it in batches, and the response has a line a message, in the same order.
//! The channels between them are short, for backpressure: the server stops reading from a client that does not read its results.
//! So a stream holds a few batches at most, and it reserves their memory before its body is read.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use profile360_core::message::limits::{MAX_MESSAGE_BYTES, MAX_NAME_BYTES};
use profile360_ingest::framing::{Framing, Item, ReadError, Reader};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::mpsc, time::timeout};

use super::{
    AppState,
    concurrency_limits::{Client, LimitReached, Permit},
    decode_body::{BodyError, ContentEncoding, Work, decompress},
    overloaded, refused,
};
use crate::{
    auth::{access::Caller, authenticator::AuthError},
    engine::{
        active_policy::PolicyVersion,
        ingest::{BYTES_PER_BYTE, Batch, IngestCounts, IngestService, MessageOutcome, Sender},
    },
    graphql::ErrorCode,
};

/// The most messages of a batch.
const MAX_BATCH_ITEMS: usize = 2_000;
/// The batches that a stream holds: one that is read, one that waits, and one that is ingested.
const BATCHES: usize = 3;
/// How long the head of the response waits for the end of a short body, whose status then says how it ended.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// Unknown parameters are refused: a typo must not silently select the default.
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
    /// Those that are refused or have a warning.
    Faulty,
    None,
}

pub(super) async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(client): Extension<Client>,
    Extension(work): Extension<Work>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(Query(Parameters { results })) = parameters else {
        return refused(ErrorCode::BadUserInput, "the only parameter is results: all, faulty or none");
    };
    let Some(framing) = framing_of(&headers) else {
        let sentence = "send application/x-ndjson (a message a line) or application/json (an array of messages)";
        return refused(ErrorCode::UnsupportedMediaType, sentence);
    };
    let Some(encoding) = ContentEncoding::of(&headers) else {
        return refused(ErrorCode::UnsupportedMediaType, "send the body plain, or compressed with gzip or zstd");
    };
    let permit = match state.streams.acquire(&client, 1) {
        Ok(permit) => permit,
        Err(LimitReached::ClientLimit) => {
            return overloaded("too many streams of this client are open (--limit-streams-per-client); end one first");
        }
        Err(LimitReached::Exhausted | LimitReached::TooLarge) => {
            return overloaded("too many streams are open (--limit-streams); try again later");
        }
    };
    let batch_bytes = state.current.memory.part_of_stream();
    if let Err(fault) = work.add(BATCHES * BYTES_PER_BYTE * batch_bytes + 2 * MAX_MESSAGE_BYTES) {
        return refused(fault.code(), &fault.to_string());
    }
    let (batches, incoming) = mpsc::channel(1);
    let (results_out, mut results_in) = mpsc::channel(1);
    let runtime = Handle::current();
    let reader_state = state.clone();
    tokio::task::spawn_blocking(move || read(body, framing, encoding, &reader_state, runtime, batches));
    tokio::spawn(ingest_batches(state, caller, incoming, results_out, results, permit));

    let mut lines = match results_in.recv().await {
        Some(ResponsePart::Lines(lines)) => lines,
        Some(ResponsePart::End(end)) => return whole(end, Vec::new()),
        None => return refused(ErrorCode::Internal, "the results were lost; send the messages again"),
    };
    let next = match timeout(HEAD_TIMEOUT, results_in.recv()).await {
        Ok(Some(ResponsePart::End(end))) => return whole(end, lines),
        Ok(Some(ResponsePart::Lines(next))) => next,
        Ok(None) | Err(_) => Vec::new(),
    };
    lines.extend(next);
    let rest = stream::unfold(results_in, async |mut results_in| {
        let bytes = match results_in.recv().await? {
            ResponsePart::Lines(lines) => lines,
            ResponsePart::End(end) => end.to_line(),
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(bytes)), results_in))
    });
    let first = stream::iter([Ok(Bytes::from(lines))]);
    let body = Body::from_stream(futures::StreamExt::chain(first, rest));
    ([(header::CONTENT_TYPE, NDJSON)], body).into_response()
}

const NDJSON: &str = "application/x-ndjson; charset=utf-8";

fn framing_of(headers: &HeaderMap) -> Option<Framing> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Some(Framing::Lines)
        }
        "application/json" => Some(Framing::Array),
        _ => None,
    }
}

enum BodyPart {
    /// Messages and their numbers.
    Messages(Batch, Vec<u64>),
    End(Option<(ErrorCode, String)>),
}

/// Reads a body in a thread of its own. Before it waits for the client it hands on what it has, so that no message waits for a full
/// batch.
fn read(
    body: Body,
    framing: Framing,
    encoding: ContentEncoding,
    state: &AppState,
    runtime: Handle,
    parts: mpsc::Sender<BodyPart>,
) {
    let service = state.current.ingest.clone();
    let enricher = service.enricher().clone();
    let max_bytes = state.current.memory.part_of_stream();
    let pending =
        Rc::new(RefCell::new(Pending { service, batch: None, numbers: Vec::new(), n_bytes: 0, max_bytes, parts }));
    let waiting = pending.clone();
    let before_waiting = move || waiting.borrow_mut().flush();
    let end = match decompress(body, encoding, state, runtime, before_waiting) {
        Ok(bytes) => read_all(&mut Reader::new(bytes, framing, enricher), &pending),
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
    pending.flush();
    // The client may have disconnected.
    pending.parts.blocking_send(BodyPart::End(fault)).ok();
}

fn read_all<R: std::io::BufRead>(reader: &mut Reader<R>, pending: &RefCell<Pending>) -> Result<(), ReadError> {
    loop {
        let policy = pending.borrow().policy();
        let Some(item) = reader.next(&policy)? else { return Ok(()) };
        let mut pending = pending.borrow_mut();
        pending.add(item, policy);
        if pending.parts.is_closed() {
            return Ok(());
        }
    }
}

struct Pending {
    service: IngestService,
    batch: Option<Batch>,
    numbers: Vec<u64>,
    n_bytes: usize,
    max_bytes: usize,
    parts: mpsc::Sender<BodyPart>,
}

impl Pending {
    /// The policy for the next message. It may change while a long body comes in, and is the same for all of a batch.
    fn policy(&self) -> Arc<PolicyVersion> {
        self.batch.as_ref().map_or_else(|| self.service.policy(), |batch| batch.policy().clone())
    }

    fn add(&mut self, item: Item, policy: Arc<PolicyVersion>) {
        let Item { number, text, parsed } = item;
        self.n_bytes += text.as_ref().map_or(0, String::len);
        let batch = self.batch.get_or_insert_with(|| self.service.batch_under(policy));
        batch.add(parsed.map_err(|refusal| (text.as_deref().and_then(message_id), refusal)));
        self.numbers.push(number);
        if MAX_BATCH_ITEMS <= self.numbers.len() || self.max_bytes <= self.n_bytes {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.n_bytes = 0;
        let numbers = std::mem::take(&mut self.numbers);
        if let Some(batch) = self.batch.take() {
            self.parts.blocking_send(BodyPart::Messages(batch, numbers)).ok();
        }
    }
}

enum ResponsePart {
    Lines(Vec<u8>),
    End(End),
}

/// Ingests one batch after the other, until the body ends or the client stops reading.
async fn ingest_batches(
    state: AppState,
    caller: Caller,
    mut parts: mpsc::Receiver<BodyPart>,
    results_out: mpsc::Sender<ResponsePart>,
    results: Results,
    _permit: Permit,
) {
    let mut counts = IngestCounts::default();
    let fault = loop {
        let (batch, numbers) = match parts.recv().await {
            Some(BodyPart::Messages(batch, numbers)) => (batch, numbers),
            Some(BodyPart::End(fault)) => break fault,
            None => break Some((ErrorCode::Internal, "the reader stopped; send again what has no result".to_owned())),
        };
        // A key can be revoked while a long body comes in.
        if !state.authentication.is_still_valid(&caller) {
            break Some((ErrorCode::Unauthenticated, AuthError::UnknownKey.to_string()));
        }
        let outcomes = match batch.ingest(Sender::Caller(&caller)).await {
            Ok(ingestion) => ingestion.outcomes,
            Err(error) => break Some((ErrorCode::from(&error), error.to_string())),
        };
        let lines = numbers.into_iter().zip(outcomes).map(|(line, outcome)| Line { line, outcome });
        let lines = to_lines(lines, results, &mut counts);
        // Backpressure: this waits until the client has read its results.
        if !matches!(timeout(state.current.limits.time, results_out.send(ResponsePart::Lines(lines))).await, Ok(Ok(())))
        {
            return;
        }
    };
    results_out.send(ResponsePart::End(End { fault, counts })).await.ok();
}

/// The last line.
struct End {
    fault: Option<(ErrorCode, String)>,
    counts: IngestCounts,
}

/// The result of one message.
#[derive(Debug, Serialize)]
struct Line {
    line: u64,
    #[serde(flatten)]
    outcome: MessageOutcome,
}

/// Counts the results and writes those that the client wants.
fn to_lines(results: impl Iterator<Item = Line>, wanted: Results, counts: &mut IngestCounts) -> Vec<u8> {
    let mut lines = Vec::new();
    for result in results {
        let outcome = &result.outcome;
        counts.add(outcome.status);
        counts.warnings += outcome.warnings.len() as u64;
        let is_faulty = outcome.is_refused() || !outcome.warnings.is_empty();
        if wanted == Results::All || (wanted == Results::Faulty && is_faulty) {
            lines.extend(serde_json::to_vec(&result).unwrap_or_default());
            lines.push(b'\n');
        }
    }
    lines
}

/// The ID of a refused message, where it is valid.
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
            #[serde(rename = "taken")]
            stored: u64,
            duplicates: u64,
            refused: u64,
            warnings: u64,
        }
        let last = Last {
            end: if self.fault.is_some() { "FAILED" } else { "COMPLETE" },
            code: self.fault.as_ref().map(|(code, _)| code.as_str()),
            detail: self.fault.as_ref().map(|(_, detail)| detail.as_str()),
            stored: self.counts.n_stored(),
            duplicates: self.counts.duplicates,
            refused: self.counts.refused,
            warnings: self.counts.warnings,
        };
        let mut bytes = serde_json::to_vec(&last).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// The response to a short body, whose end decides the status.
fn whole(end: End, mut lines: Vec<u8>) -> Response {
    lines.extend(end.to_line());
    let status = end.fault.as_ref().map_or(StatusCode::OK, |(code, _)| super::status_of(*code));
    let mut response = (status, [(header::CONTENT_TYPE, NDJSON)], lines).into_response();
    super::add_retry_after(&mut response);
    response
}
