//! The `ingest` mutation. Its messages go through the same parser as those of files and HTTP.

use std::time::Duration;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use profile360_core::message::{self, refusal::Warning};
use profile360_ingest::lossless_json::unmark;
use serde_json::{Map, Value, json};

use super::{
    App,
    authorization::caller,
    error::ErrorCode,
    query::IdentifierInput,
    request_context::WrittenCommit,
    scalars::{DateTime, Json, Platform},
};
use crate::engine::ingest::{IngestStatus, MessageOutcome, Sender};

#[derive(Debug, Default)]
pub(super) struct IngestMutation;

/// A message; docs/messages.md describes the fields.
#[derive(Debug, InputObject)]
pub(super) struct MessageInput {
    /// Its ID: a message with the ID of a stored one changes nothing. At most 128 bytes.
    message_id: String,
    /// Its type.
    #[graphql(name = "type")]
    message_type: MessageType,
    /// The time of the event.
    timestamp: DateTime,
    /// The system that sends it. At most 64 bytes.
    source: String,
    /// The platform of the event.
    platform: Option<Platform>,
    /// The identifiers of the customer; at least one.
    identifiers: Vec<IdentifierInput>,
    /// Attributes of the customer: names and values.
    attributes: Option<Json>,
    /// The name of the event.
    event: Option<String>,
    /// Properties of the event: names and values.
    properties: Option<Json>,
    /// The session that the event belongs to.
    session_id: Option<String>,
    /// The device: `model`, `os`, `os_version`, `browser`, and so on.
    device: Option<Json>,
}

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum MessageType {
    /// Attributes of a customer.
    Identify,
    /// An event of a customer.
    Event,
    /// Identifiers that belong to one customer.
    Alias,
}

/// The results of messages.
#[derive(Debug, SimpleObject)]
pub(super) struct IngestPayload {
    /// One result per message, in their order.
    results: Vec<MessageResult>,
}

/// The outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "IngestStatus")]
pub(super) enum MessageStatus {
    /// It belongs to a new customer.
    Created,
    /// It added data to a profile.
    Updated,
    /// It added an identifier to a profile.
    Linked,
    /// It merged several profiles.
    Merged,
    /// It was accepted, and one of its links is withheld.
    Withheld,
    /// It was stored already; nothing changed.
    Duplicate,
    /// It was rejected.
    Refused,
    /// It was accepted; this key does not learn which customer it belongs to (`profile360 key create --results`).
    Accepted,
}

/// The result of a message.
#[derive(Debug, SimpleObject)]
struct MessageResult {
    /// Its ID.
    message_id: String,
    /// The outcome.
    status: MessageStatus,
    /// The unified ID of the customer that it belongs to now.
    unified_id: Option<ID>,
    /// Why it was rejected or a link was withheld, as a code.
    code: Option<String>,
    /// The path of the fault in the message.
    path: Option<String>,
    /// The reason, as a sentence.
    detail: Option<String>,
    /// Parts of the message that were ignored.
    warnings: Vec<MessageWarning>,
}

/// A part of an accepted message that was ignored, and the reason.
#[derive(Debug, SimpleObject)]
struct MessageWarning {
    /// The reason, as a code.
    code: String,
    /// The path of the part in the message.
    path: String,
    /// What was ignored and why, as a sentence.
    detail: String,
}

/// How long a response waits until the list shows its messages.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);

#[Object]
impl IngestMutation {
    /// Accepts messages. Each gets a result, and accepted messages are on disk.
    async fn ingest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The messages; at most 2,000 (`--limit-batch`).")] messages: Vec<MessageInput>,
    ) -> Result<IngestPayload> {
        let app = ctx.data::<App>()?;
        let most = app.limits.batch;
        if most < messages.len() {
            let sentence = format!("send at most {most} messages in a request; none of these was accepted");
            return Err(ErrorCode::TooManyMessages.with(sentence));
        }
        let mut batch = app.ingest.batch();
        let mut ids = Vec::with_capacity(messages.len());
        for message in messages {
            ids.push(message.message_id.clone());
            batch.add(batch.parse(&message.into_json()).map_err(|refusal| (None, refusal)));
        }
        let ingestion = batch.ingest(Sender::Caller(caller(ctx)?)).await;
        let ingestion = ingestion.map_err(|error| ErrorCode::from(&error).with(error.to_string()))?;
        if let Some(commit) = ingestion.commit {
            WrittenCommit::note(ctx, commit);
            app.directory.wait_until_listed(commit, LIST_TIMEOUT).await;
        }
        let results = ids.into_iter().zip(ingestion.outcomes).map(|(id, outcome)| MessageResult::new(id, outcome));
        Ok(IngestPayload { results: results.collect() })
    }
}

impl MessageInput {
    /// The message as JSON, as in a file.
    fn into_json(self) -> String {
        let mut identifiers = Map::new();
        for IdentifierInput { kind, value } in self.identifiers {
            let values = identifiers.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(values) = values.as_array_mut() {
                values.push(Value::String(value));
            }
        }
        let message_type = match self.message_type {
            MessageType::Identify => "identify",
            MessageType::Event => "event",
            MessageType::Alias => "alias",
        };
        let platform = self.platform.map(|it| json!(message::Platform::from(it)));
        let fields = [
            ("message_id", Some(Value::String(self.message_id))),
            ("type", Some(message_type.into())),
            ("timestamp", Some(Value::String(self.timestamp.to_text()))),
            ("source", Some(Value::String(self.source))),
            ("platform", platform),
            ("identifiers", Some(Value::Object(identifiers))),
            ("attributes", self.attributes.map(|it| it.0)),
            ("event", self.event.map(Value::String)),
            ("properties", self.properties.map(|it| it.0)),
            ("session_id", self.session_id.map(Value::String)),
            ("device", self.device.map(|it| it.0)),
        ];
        let message: Map<String, Value> =
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        unmark(&Value::Object(message))
    }
}

impl MessageResult {
    fn new(message_id: String, outcome: MessageOutcome) -> Self {
        let warning = |Warning { code, path, detail }: Warning| MessageWarning { code: code.to_owned(), path, detail };
        Self {
            message_id,
            status: outcome.status.into(),
            unified_id: outcome.unified_id.map(ID),
            code: outcome.code.map(str::to_owned),
            path: outcome.path,
            detail: outcome.detail,
            warnings: outcome.warnings.into_iter().map(warning).collect(),
        }
    }
}
