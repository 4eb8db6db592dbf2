//! What became of messages, as lines of JSON: the same for every way in but GraphQL.

use profile360_core::{
    graph::withheld::Withheld,
    message::{
        parse::accepted::Accepted,
        refusal::{Refusal, RefusalCode, Warning},
    },
    plan::changes::Outcome,
};
use serde::Serialize;

use super::{
    AppState,
    raw_json::{Made, id_of},
};
use crate::{
    auth::access::Caller,
    clock,
    engine::pipeline::{Ingested, PipelineError},
    graphql::App,
};

/// What became of one message.
#[derive(Debug, Serialize)]
pub(super) struct MessageResult {
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

impl MessageResult {
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

    pub(super) fn taken(accepted: Accepted, taken: &Ingested, caller: &Caller) -> Self {
        let warnings = accepted.warnings.into_iter().chain(taken.warnings.iter().cloned()).collect();
        if !caller.sees_results() {
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

/// One message is refused for its time; its sender has others.
fn clock_ahead() -> Warning {
    let detail =
        "the sender's clock runs ahead, so its other messages are dated wrongly, too; look at what it sent before";
    Warning { code: "CLOCK_AHEAD", path: "timestamp".to_owned(), detail: detail.to_owned() }
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
) -> Result<Vec<MessageResult>, PipelineError> {
    let as_sent = |accepted: Accepted| {
        let message_id = accepted.message.id.to_string();
        caller.send(accepted).map_err(|refusal| (Some(message_id), refusal))
    };
    let messages: Vec<Judged> = messages.into_iter().map(|judged| judged.and_then(as_sent)).collect();
    let accepted: Vec<Accepted> = messages.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
    let taken = if accepted.is_empty() { Vec::new() } else { app.pipeline.ingest(accepted, read_by).await?.taken };
    let refused = messages.iter().filter_map(|it| it.as_ref().err()).map(|(_, refusal)| refusal.code.as_str());
    app.pipeline.ingest_stats().refuse(clock::now(), refused);
    let mut taken = taken.into_iter();
    let answer = |message| match message {
        Ok(accepted) => Some(MessageResult::taken(accepted, &taken.next()?, caller)),
        Err((message_id, refusal)) => Some(MessageResult::refused(message_id, refusal)),
    };
    Ok(messages.into_iter().filter_map(answer).collect())
}

/// Judges a message that another API's call was made into.
pub(super) fn judge(state: &AppState, id: Option<String>, made: Result<Made<'_>, Refusal>) -> Judged {
    let (text, warnings, is_id_made) = match made {
        Ok(made) => made.into_text(),
        Err(refusal) => return Err((id, refusal)),
    };
    let id = id.or_else(|| id_of(text.as_bytes(), "message_id"));
    let mut accepted = state.current.intake.parse(&text, &state.app().policy).map_err(|refusal| (id, refusal))?;
    accepted.warnings.extend(warnings);
    accepted.is_id_made = is_id_made;
    Ok(accepted)
}
