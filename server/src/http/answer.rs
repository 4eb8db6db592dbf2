//! What became of messages, as lines of JSON: the same for every way in but GraphQL.

use profile360_core::{
    message::{Accepted, MAX_NAME_BYTES, Refusal, RefusalCode, Warning},
    plan::Outcome,
    resolve::Withheld,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Site;
use crate::{
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
        let is_ahead = refusal.code == RefusalCode::TimestampAhead;
        Self {
            line: None,
            message_id,
            status: "REFUSED",
            unified_id: None,
            code: Some(refusal.code.as_str()),
            path: Some(refusal.path),
            detail: Some(refusal.detail),
            warnings: is_ahead.then(clock_ahead).into_iter().collect(),
        }
    }

    pub(super) fn taken(accepted: Accepted, taken: &Taken) -> Self {
        let withheld = match &taken.outcome {
            Outcome::Withheld(reason) => Some(reason),
            _ => None,
        };
        Self {
            line: None,
            message_id: Some(accepted.message.id.to_string()),
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
            warnings: accepted.warnings.into_iter().chain(taken.warnings.clone()).collect(),
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.status == "REFUSED"
    }
}

/// One message is refused for its time; its sender has others.
fn clock_ahead() -> Warning {
    let detail = "the sender's clock runs ahead, so its other messages are dated wrongly, too; look at what it sent before";
    Warning { code: "CLOCK_AHEAD", path: "timestamp".to_owned(), detail: detail.to_owned() }
}

/// A message as it was judged, with its ID where it was refused.
pub(super) type Judged = Result<Accepted, (Option<String>, Refusal)>;

/// Hands what was accepted to the pipeline; an answer to each, in their sequence. `read_by` is the version of the policy that was in
/// force before the first of them was judged.
pub(super) async fn ingest(app: &App, read_by: i64, messages: Vec<Judged>) -> Result<Vec<Answer>, PipelineError> {
    let accepted: Vec<Accepted> = messages.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
    let taken = if accepted.is_empty() { Vec::new() } else { app.pipeline.ingest(accepted, read_by).await?.taken };
    let refused = messages.iter().filter_map(|it| it.as_ref().err()).map(|(_, refusal)| refusal.code.as_str());
    app.pipeline.meter().refuse(clock::now(), refused);
    let mut taken = taken.into_iter();
    let answer = |message| match message {
        Ok(accepted) => Some(Answer::taken(accepted, &taken.next()?)),
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
    if message.get("message_id").is_none_or(Value::is_null) {
        message.remove("message_id");
        let made = made_id(&json!([position, message]));
        message.insert("message_id".to_owned(), json!(made));
    }
    let id =
        message.get("message_id").and_then(Value::as_str).filter(|it| it.len() <= MAX_NAME_BYTES).map(str::to_owned);
    let text = Value::Object(message).to_string();
    site.current.intake.parse(&text, &site.app().policy).map_err(|refusal| (id, refusal))
}
