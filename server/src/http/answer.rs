//! What became of messages, as lines of JSON: the same for every way in but GraphQL.

use profile360_core::{
    message::{Accepted, MAX_NAME_BYTES, Refusal, Warning},
    plan::Outcome,
    resolve::Withheld,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Site;
use crate::{
    access::Caller,
    clock,
    graphql::App,
    pipeline::{PipelineError, Taken},
    reader::made_id,
};

/// What became of one message.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Where it stood, where it stood in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unified_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl Answer {
    pub(super) fn refused(message_id: Option<String>, refusal: Refusal) -> Self {
        Self {
            line: None,
            message_id,
            status: "REFUSED",
            unified_id: None,
            code: Some(refusal.code.as_str()),
            path: Some(refusal.path),
            detail: Some(refusal.detail),
            warnings: Vec::new(),
        }
    }

    pub(super) fn taken(accepted: Accepted, taken: &Taken, caller: &Caller) -> Self {
        let warnings = accepted.warnings.into_iter().chain(taken.warnings.iter().cloned()).collect();
        if !caller.is_told_results() {
            return Self {
                line: None,
                message_id: Some(taken.message_id.to_string()),
                // That a message was sent before only says that its ID was, which the sender made.
                status: if taken.outcome == Outcome::Duplicate { "DUPLICATE" } else { "ACCEPTED" },
                unified_id: None,
                code: None,
                path: None,
                detail: None,
                warnings,
            };
        }
        let withheld = match &taken.outcome {
            Outcome::Withheld(reason) => Some(reason),
            _ => None,
        };
        Self {
            line: None,
            message_id: Some(taken.message_id.to_string()),
            status: match &taken.outcome {
                Outcome::Duplicate => "DUPLICATE",
                Outcome::Created => "CREATED",
                Outcome::Merged => "MERGED",
                Outcome::Linked => "LINKED",
                Outcome::Updated => "UPDATED",
                Outcome::Withheld(_) => "WITHHELD",
            },
            unified_id: taken.unified_id.map(|it| it.to_string()),
            code: withheld.map(Withheld::code),
            path: None,
            detail: withheld.map(ToString::to_string),
            warnings,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.status == "REFUSED"
    }
}

/// A message as it was judged, with its ID where it was refused.
pub(super) type Judged = Result<Accepted, (Option<String>, Refusal)>;

/// Hands what was accepted to the pipeline; an answer to each, in their sequence. `read_by` is the version of the policy that was in
/// force before the first of them was judged.
pub(super) async fn ingest(
    app: &App,
    caller: &Caller,
    read_by: i64,
    messages: Vec<Judged>,
) -> Result<Vec<Answer>, PipelineError> {
    let as_sent = |accepted: Accepted| {
        let message_id = accepted.message.id.to_string();
        caller.send(accepted).map_err(|refusal| (Some(message_id), refusal))
    };
    let messages: Vec<Judged> = messages.into_iter().map(|judged| judged.and_then(as_sent)).collect();
    let accepted: Vec<Accepted> = messages.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
    let taken = if accepted.is_empty() { Vec::new() } else { app.pipeline.ingest(accepted, read_by).await?.taken };
    let refused = messages.iter().filter_map(|it| it.as_ref().err()).map(|(_, refusal)| refusal.code.as_str());
    app.pipeline.meter().refuse(clock::now(), refused);
    let mut taken = taken.into_iter();
    let answer = |message| match message {
        Ok(accepted) => Some(Answer::taken(accepted, &taken.next()?, caller)),
        Err((message_id, refusal)) => Some(Answer::refused(message_id, refusal)),
    };
    Ok(messages.into_iter().filter_map(answer).collect())
}

/// Judges a message that another API's call was made into. One without an ID gets one that its contents alone decide, so that the
/// same call again changes nothing.
pub(super) fn judge(site: &Site, id: Option<String>, message: Result<Map<String, Value>, Refusal>) -> Judged {
    let mut message = match message {
        Ok(message) => message,
        Err(refusal) => return Err((id, refusal)),
    };
    let position = message.remove("position").unwrap_or_default();
    let is_id_made = message.get("message_id").is_none_or(Value::is_null);
    if is_id_made {
        message.remove("message_id");
        let made = made_id(&json!([position, message]));
        message.insert("message_id".to_owned(), json!(made));
    }
    let id =
        message.get("message_id").and_then(Value::as_str).filter(|it| it.len() <= MAX_NAME_BYTES).map(str::to_owned);
    let text = Value::Object(message).to_string();
    let parsed = site.current.intake.parse(&text, &site.app().policy);
    parsed.map(|it| Accepted { is_id_made, ..it }).map_err(|refusal| (id, refusal))
}
