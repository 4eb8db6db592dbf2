//! Ingestion for every route but GraphQL.

use profile360_core::message::refusal::{Refusal, RefusalCode, Warning};

use super::{
    AppState,
    raw_json::{Made, id_of},
};
use crate::{
    auth::access::Caller,
    engine::pipeline::PipelineError,
    graphql::App,
    ingest_outcome::{self, MessageOutcome, ParsedMessage},
};

/// The warning of a message with a time in the future: only that message is refused.
fn clock_ahead() -> Warning {
    let detail =
        "the sender's clock runs ahead, so its other messages are dated wrongly, too; look at what it sent before";
    Warning { code: "CLOCK_AHEAD", path: "timestamp".to_owned(), detail: detail.to_owned() }
}

/// Ingests messages; see [`ingest_outcome::ingest`].
pub(super) async fn ingest(
    app: &App,
    caller: &Caller,
    read_by: i64,
    messages: Vec<ParsedMessage>,
) -> Result<Vec<MessageOutcome>, PipelineError> {
    let mut outcomes = ingest_outcome::ingest(&app.pipeline, caller, read_by, messages).await?.outcomes;
    let is_ahead = |outcome: &&mut MessageOutcome| {
        outcome.is_refused() && outcome.code == Some(RefusalCode::TimestampAhead.as_str())
    };
    for outcome in outcomes.iter_mut().filter(is_ahead) {
        outcome.warnings.push(clock_ahead());
    }
    Ok(outcomes)
}

/// Parses a message that was built from a call of another API.
pub(super) fn parse(state: &AppState, id: Option<String>, made: Result<Made<'_>, Refusal>) -> ParsedMessage {
    let (text, warnings, is_id_made) = match made {
        Ok(made) => made.into_text(),
        Err(refusal) => return Err((id, refusal)),
    };
    let id = id.or_else(|| id_of(text.as_bytes(), "message_id"));
    let mut accepted = state.current.enricher.parse(&text, &state.app().policy).map_err(|refusal| (id, refusal))?;
    accepted.warnings.extend(warnings);
    accepted.is_id_made = is_id_made;
    Ok(accepted)
}
