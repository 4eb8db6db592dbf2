//! What moves from the queue through the plan and the commit to the reply.

use std::sync::Arc;

use profile360_core::{
    evidence::{decision::Decision, retirement::Retirement},
    message::{Message, parse::parse_kept},
    plan::{changes::Changes, planner::NewEvidence, view::View},
};
use profile360_store::{Cause, NewMessage, Rows, StoreError};
use tokio::sync::oneshot;

use super::{
    PipelineError, Receipt,
    cache::Cache,
    command::{self, CommandOutcome, CommandRequest},
    receipt::receipts,
    switch::{Record, Switch},
};
use crate::engine::planning::{self, Plan, PlanContext, Reassigned};

/// A request in the queue.
#[derive(Debug)]
pub(super) enum Request {
    Ingest(Ingest),
    Command(Box<CommandRequest>),
    Switch(Box<Switch>),
    Record(Record),
}

/// Messages of one caller, all or none of which are stored.
#[derive(Debug)]
pub(super) struct Ingest {
    pub messages: Vec<Message>,
    pub texts: Vec<String>,
    /// The version of the policy that they were parsed under.
    pub read_by: i64,
    pub n_bytes: usize,
    pub tries: Tries,
    pub reply: oneshot::Sender<Result<Receipt, PipelineError>>,
}

/// What became of earlier attempts of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    pub n_conflicts: u32,
    /// Whether it is planned without others, because a batch with it failed.
    pub is_alone: bool,
}

/// Requests to be planned together.
#[derive(Debug)]
pub(super) enum Work {
    Messages(MessageBatch),
    Command(Box<CommandRequest>),
}

#[derive(Debug)]
pub(super) struct MessageBatch {
    requests: Vec<Ingest>,
    /// Those of all requests, with the owners of their values.
    messages: Arc<[Message]>,
}

/// Work whose changes are known, with the evidence that is written with them.
#[derive(Debug)]
pub(super) enum PlannedWork {
    Messages(MessageBatch),
    /// Decisions to write (new or revoked), and those that exist as requested.
    Decisions {
        request: Box<CommandRequest>,
        changed: Arc<[Decision]>,
        kept: Vec<Decision>,
    },
    Retirement {
        request: Box<CommandRequest>,
        retirement: Retirement,
        reassigned: Reassigned,
        /// Decisions about identifiers that the plan removes. Removing an identifier also removes these rows, so they are written
        /// again: decisions are permanent.
        decisions: Vec<Decision>,
    },
}

/// Planned work.
#[derive(Debug)]
pub(super) struct Batch {
    pub work: PlannedWork,
    /// Everything that the plan depends on.
    pub view: View,
    pub changes: Changes,
}

/// The result of planning.
#[derive(Debug)]
pub(super) enum Attempt {
    Write(Box<Batch>),
    /// There is nothing to write. The view is what the answer depends on.
    Answer {
        request: Box<CommandRequest>,
        outcome: CommandOutcome,
        view: Box<View>,
    },
    /// Reading exceeds the budget.
    OverBudget(Work),
}

impl Work {
    /// Messages under the active policy and the current retirements. Refuses requests that the policy rejects.
    pub(super) fn of_messages(requests: Vec<Ingest>, context: &PlanContext) -> Self {
        let mut readable = Vec::with_capacity(requests.len());
        let mut all = Vec::with_capacity(requests.iter().map(|it| it.messages.len()).sum());
        for mut request in requests {
            let mut messages = std::mem::take(&mut request.messages);
            if request.read_by != context.policy.version {
                let parse = |text: &String| parse_kept(text, &context.rules.policy).map(|accepted| accepted.message);
                let parsed: Result<Vec<Message>, _> = request.texts.iter().map(parse).collect();
                let Ok(parsed) = parsed else {
                    request.reply.send(Err(PipelineError::RulesChanged)).ok();
                    continue;
                };
                messages = parsed;
                request.read_by = context.policy.version;
            }
            messages.iter_mut().for_each(|message| context.retirements.assign(message));
            all.append(&mut messages);
            readable.push(request);
        }
        Self::Messages(MessageBatch { requests: readable, messages: all.into() })
    }

    /// The messages to plan; empty for a command.
    pub(super) fn messages(&self) -> &[Message] {
        match self {
            Self::Messages(batch) => &batch.messages,
            Self::Command(_) => &[],
        }
    }

    pub(super) fn n_requests(&self) -> usize {
        match self {
            Self::Messages(batch) => batch.requests.len(),
            Self::Command(_) => 1,
        }
    }

    /// Plans it. Returns it with an error, so that it can be planned again.
    pub(super) async fn plan(
        self,
        view: View,
        context: &PlanContext,
        cache: &mut Cache,
        at_most: usize,
    ) -> Result<Attempt, (Self, StoreError)> {
        match self {
            Self::Messages(batch) => {
                let evidence = NewEvidence::Messages(batch.messages.clone());
                match planning::plan(evidence, view, context, cache, at_most).await {
                    Ok(Some(Plan { view, changes })) => {
                        Ok(Attempt::Write(Box::new(Batch { work: PlannedWork::Messages(batch), view, changes })))
                    }
                    Ok(None) => Ok(Attempt::OverBudget(Self::Messages(batch))),
                    Err(error) => Err((Self::Messages(batch), error)),
                }
            }
            Self::Command(request) => command::plan(request, view, context, cache, at_most).await,
        }
    }

    /// The requests, to be planned again.
    pub(super) fn into_requests(self) -> Vec<Request> {
        match self {
            Self::Messages(batch) => batch.into_requests().into_iter().map(Request::Ingest).collect(),
            Self::Command(request) => vec![Request::Command(request)],
        }
    }

    /// The same under a policy and retirements that may have changed.
    pub(super) fn renewed(self, context: &PlanContext) -> Self {
        match self {
            Self::Messages(batch) => Self::of_messages(batch.into_requests(), context),
            Self::Command(request) => Self::Command(request),
        }
    }

    pub(super) fn tries_mut(&mut self) -> Box<dyn Iterator<Item = &mut Tries> + '_> {
        match self {
            Self::Messages(batch) => Box::new(batch.requests.iter_mut().map(|request| &mut request.tries)),
            Self::Command(request) => Box::new(std::iter::once(&mut request.tries)),
        }
    }

    pub(super) fn refuse(self, error: &PipelineError) {
        // A client may have disconnected.
        match self {
            Self::Messages(batch) => {
                batch.requests.into_iter().for_each(|request| drop(request.reply.send(Err(error.clone()))));
            }
            Self::Command(request) => drop(request.reply.send(Err(error.clone()))),
        }
    }
}

impl MessageBatch {
    /// The requests with their messages.
    fn into_requests(self) -> Vec<Ingest> {
        let Self { mut requests, messages } = self;
        let mut messages = messages.iter().cloned();
        for request in &mut requests {
            request.messages = messages.by_ref().take(request.texts.len()).collect();
        }
        requests
    }
}

impl Attempt {
    /// What it depends on.
    pub(super) fn view(&self) -> Option<&View> {
        match self {
            Self::Write(batch) => Some(&batch.view),
            Self::Answer { view, .. } => Some(view),
            Self::OverBudget(_) => None,
        }
    }

    /// The work, to be planned again, and what was read for it.
    pub(super) fn into_parts(self) -> (Work, View) {
        match self {
            Self::Write(batch) => (batch.work.into_work(), batch.view),
            Self::Answer { request, view, .. } => (Work::Command(request), *view),
            Self::OverBudget(work) => (work, View::default()),
        }
    }
}

impl PlannedWork {
    /// The texts of new messages, with their times and IDs.
    pub(super) fn texts(&self) -> Vec<NewMessage<'_>> {
        let Self::Messages(MessageBatch { requests, messages }) = self else { return Vec::new() };
        let texts = requests.iter().flat_map(|request| &request.texts);
        messages.iter().zip(texts).map(|(message, text)| (message.at, &*message.id, text.as_str())).collect()
    }

    pub(super) fn messages(&self) -> &[Message] {
        if let Self::Messages(batch) = self { &batch.messages } else { &[] }
    }

    /// Everything to write.
    pub(super) fn rows<'r>(&'r self, changes: &'r Changes, texts: &'r [NewMessage<'r>]) -> Rows<'r> {
        let rows = Rows { messages: texts, ..Rows::of(changes) };
        match self {
            Self::Messages(_) => rows,
            Self::Decisions { changed, .. } => Rows { decisions: changed, ..rows },
            Self::Retirement { retirement, reassigned, decisions, .. } => {
                let retirements = std::slice::from_ref(retirement);
                Rows { decisions, retirements, moved: &reassigned.positions, ..rows }
            }
        }
    }

    /// Why profiles were merged or split: `message` is the position of the message that caused it.
    pub(super) fn cause(&self, message: Option<usize>) -> Cause {
        match self {
            Self::Messages(batch) => {
                let message = message.and_then(|position| batch.messages.get(position));
                Cause::Message(message.map(|it| it.id.to_string()).unwrap_or_default())
            }
            Self::Decisions { changed, .. } => {
                Cause::Decision(changed.first().map(|it| it.id.to_string()).unwrap_or_default())
            }
            Self::Retirement { retirement, .. } => Cause::Retirement(retirement.id.to_string()),
        }
    }

    /// The work, to be planned again.
    pub(super) fn into_work(self) -> Work {
        match self {
            Self::Messages(batch) => Work::Messages(batch),
            Self::Decisions { request, .. } | Self::Retirement { request, .. } => Work::Command(request),
        }
    }

    /// Replies that the plan is durable. A client may have disconnected; the commit remains.
    pub(super) fn reply(self, commit: i64, view: &View, changes: &Changes) {
        match self {
            Self::Messages(MessageBatch { requests, messages }) => {
                let mut ingested = receipts(changes, &messages, view).into_iter();
                for request in requests {
                    let ingested = ingested.by_ref().take(request.texts.len()).collect();
                    request.reply.send(Ok(Receipt { ingested, commit })).ok();
                }
            }
            Self::Decisions { request, changed, kept } => {
                let decisions = changed.iter().cloned().chain(kept).collect();
                request.reply.send(Ok(CommandOutcome::Applied { decisions, commit })).ok();
            }
            Self::Retirement { request, retirement, .. } => {
                request.reply.send(Ok(CommandOutcome::Retired { retirement, commit: Some(commit) })).ok();
            }
        }
    }
}
