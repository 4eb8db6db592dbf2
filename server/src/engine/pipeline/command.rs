//! Decisions and retirements: planned by core like messages, durable once answered.

use std::{collections::BTreeSet, sync::Arc};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions, Relation, Revocation},
        retirement::{Retirement, Retirements},
    },
    identifier::Identifier,
    plan::{
        changes::Changes,
        inputs::Reassignment,
        planner::NewEvidence,
        view::{Needs, View},
    },
};
use profile360_store::StoreError;
use tokio::sync::oneshot;

use super::{
    PipelineError,
    cache::Cache,
    dry_run::{Planned, Preview, preview_of},
    work::{Attempt, Batch, PlannedWork, Tries, Work},
};
use crate::engine::planning::{self, Plan, PlanContext, missing_members};

/// What an operator requests.
#[derive(Debug, Clone)]
pub enum Command {
    /// New decisions with their IDs.
    Make(Vec<Decision>),
    Retire(Retirement),
    /// Revokes a decision or a retirement.
    Revoke {
        id: String,
        by: Revocation,
    },
}

/// The result of a command.
#[derive(Debug, Clone)]
pub enum CommandOutcome {
    /// The decisions are in effect from a commit on.
    Applied { decisions: Vec<Decision>, commit: i64 },
    /// They were in effect already.
    NoChange { decisions: Vec<Decision> },
    /// The value is retired from a commit on. `None`: it was already.
    Retired { retirement: Retirement, commit: Option<i64> },
    /// The profiles have changed since the revision was read.
    Stale,
    /// Active decisions contradict it.
    Contradicted { by: Vec<Decision> },
    /// No decision or retirement has that ID.
    NotFound,
}

/// The result of a dry run.
#[derive(Debug)]
pub enum DryRun {
    /// What the command would do.
    Previewed(Box<Preview>),
    /// The command would do nothing.
    Answered(CommandOutcome),
}

#[derive(Debug)]
pub(super) struct CommandRequest {
    pub command: Command,
    pub expected_revision: Option<String>,
    pub tries: Tries,
    pub reply: oneshot::Sender<Result<CommandOutcome, PipelineError>>,
}

/// Plans a command.
pub(super) async fn plan(
    request: Box<CommandRequest>,
    mut view: View,
    context: &PlanContext,
    cache: &mut Cache,
    at_most: usize,
) -> Result<Attempt, (Work, StoreError)> {
    let expected = Expected::at_write(request.expected_revision.as_deref());
    match plan_command(&request.command, expected, &mut view, context, cache, at_most).await {
        Ok(Planning::Answer(outcome)) => Ok(Attempt::Answer { request, outcome, view: Box::new(view) }),
        Ok(Planning::OverBudget) => Ok(Attempt::OverBudget(Work::Command(request))),
        Ok(Planning::Decisions { changed, kept, changes, .. }) => {
            let work = PlannedWork::Decisions { request, changed, kept };
            Ok(Attempt::Write(Box::new(Batch { work, view, changes })))
        }
        Ok(Planning::Retirement { retirement, reassigned, changes, .. }) => {
            let decisions = planning::decisions_about_removed(&changes, &context.rules.decisions);
            let work = PlannedWork::Retirement { request, retirement, reassigned, decisions };
            Ok(Attempt::Write(Box::new(Batch { work, view, changes })))
        }
        Err(error) => Err((Work::Command(request), error)),
    }
}

/// Plans a command as its write would, and shows the result. The store of the context is a snapshot, and its rules are those of the
/// same commit. `None` if the command exceeds a budget, see [`planning::cost_of`].
pub(super) async fn dry_run(
    command: &Command,
    expected_revision: Option<&str>,
    context: &PlanContext,
    at_most: usize,
) -> Result<Option<DryRun>, StoreError> {
    let expected = Expected { revision: expected_revision, is_needed: true };
    let (mut view, mut cache) = (View::default(), Cache::new(0));
    let planned = plan_command(command, expected, &mut view, context, &mut cache, at_most).await?;
    let (about, changes, revision, policy) = match &planned {
        Planning::OverBudget => return Ok(None),
        Planning::Answer(outcome) => return Ok(Some(DryRun::Answered(outcome.clone()))),
        Planning::Decisions { about, changes, revision, .. } => (about, changes, revision, context.policy.clone()),
        Planning::Retirement { about, reassigned, changes, revision, .. } => {
            let after = context.policy.with_retirements(reassigned.reassignment.after.clone());
            (about, changes, revision, Arc::new(after))
        }
    };
    let planned = Planned { view: &view, changes, about, policy: &policy };
    let preview = preview_of(&planned, context, revision.clone().unwrap_or_default()).await?;
    Ok(Some(DryRun::Previewed(Box::new(preview))))
}

/// The joint revision of the profiles that a client expects.
#[derive(Clone, Copy)]
struct Expected<'r> {
    revision: Option<&'r str>,
    /// Whether the actual revision must be known.
    is_needed: bool,
}

impl<'r> Expected<'r> {
    const fn at_write(revision: Option<&'r str>) -> Self {
        Self { revision, is_needed: revision.is_some() }
    }

    fn differs(self, revision: Option<&str>) -> bool {
        self.revision.is_some_and(|expected| revision != Some(expected))
    }
}

/// The plan of a command, without its view.
enum Planning {
    Answer(CommandOutcome),
    OverBudget,
    Decisions {
        changed: Arc<[Decision]>,
        kept: Vec<Decision>,
        changes: Changes,
        /// The identifiers that the command is about.
        about: BTreeSet<Identifier>,
        revision: Option<String>,
    },
    Retirement {
        retirement: Retirement,
        reassigned: planning::Reassigned,
        changes: Changes,
        /// The identifiers that the command is about.
        about: BTreeSet<Identifier>,
        revision: Option<String>,
    },
}

async fn plan_command(
    command: &Command,
    expected: Expected<'_>,
    view: &mut View,
    context: &PlanContext,
    cache: &mut Cache,
    at_most: usize,
) -> Result<Planning, StoreError> {
    match step_of(command, &context.retirements, &context.rules.decisions) {
        Step::Answer(outcome) => Ok(Planning::Answer(outcome)),
        // All messages with the value are read. How many there are is not known before.
        Step::Retire(_) if at_most < usize::MAX => Ok(Planning::OverBudget),
        Step::Retire(retirement) => plan_retirement(expected, retirement, view, context, cache).await,
        Step::Decide(wanted) => {
            let is_made = matches!(command, Command::Make(_));
            plan_decisions(is_made, expected, wanted, view, context, cache, at_most).await
        }
    }
}

async fn plan_decisions(
    is_made: bool,
    expected: Expected<'_>,
    wanted: WantedDecisions,
    view: &mut View,
    context: &PlanContext,
    cache: &mut Cache,
    at_most: usize,
) -> Result<Planning, StoreError> {
    let WantedDecisions { changed, kept } = wanted;
    let about: BTreeSet<Identifier> =
        changed.iter().chain(&kept).flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
    planning::load(Needs { identifiers: about.clone(), ..Needs::default() }, view, context, cache).await?;
    let mut revision = None;
    if expected.is_needed {
        let members = missing_members(&about, view);
        if at_most < planning::cost_of(&members) {
            return Ok(Planning::OverBudget);
        }
        planning::load(members, view, context, cache).await?;
        revision = Some(planning::revision_of(&about, view, context)?);
    }
    if expected.differs(revision.as_deref()) {
        return Ok(Planning::Answer(CommandOutcome::Stale));
    }
    if changed.is_empty() {
        return Ok(Planning::Answer(CommandOutcome::NoChange { decisions: kept }));
    }
    let after = context.with_decisions(Arc::new(context.rules.decisions.with(&changed)));
    let changed: Arc<[Decision]> = changed.into();
    let evidence = NewEvidence::Decisions(changed.clone());
    let Some(plan) = planning::plan(evidence, std::mem::take(view), &after, cache, at_most).await? else {
        return Ok(Planning::OverBudget);
    };
    let Plan { view: seen, changes } = plan;
    *view = seen;
    if is_made && !changes.unmet.is_empty() {
        let by = excluded(&changes.unmet, &changed, &after.rules.decisions);
        return Ok(Planning::Answer(CommandOutcome::Contradicted { by }));
    }
    Ok(Planning::Decisions { changed, kept, changes, about, revision })
}

async fn plan_retirement(
    expected: Expected<'_>,
    retirement: Retirement,
    view: &mut View,
    context: &PlanContext,
    cache: &mut Cache,
) -> Result<Planning, StoreError> {
    let value = &retirement.value;
    let reassigned = planning::read_reassignment(&retirement, view, context, cache).await?;
    let Reassignment { before, after, .. } = &*reassigned.reassignment;
    let about: BTreeSet<Identifier> = before.owners(value).into_iter().chain(after.owners(value)).collect();
    planning::load(Needs { identifiers: about.clone(), ..Needs::default() }, view, context, cache).await?;
    let mut revision = None;
    if expected.is_needed {
        planning::load(missing_members(&about, view), view, context, cache).await?;
        revision = Some(planning::revision_of(&about, view, context)?);
    }
    if expected.differs(revision.as_deref()) {
        return Ok(Planning::Answer(CommandOutcome::Stale));
    }
    let evidence = NewEvidence::Retirement(reassigned.reassignment.clone());
    let plan = planning::plan(evidence, std::mem::take(view), context, cache, usize::MAX).await?;
    let Plan { view: seen, changes } = plan.ok_or(StoreError::Conflict)?;
    *view = seen;
    Ok(Planning::Retirement { retirement, reassigned, changes, about, revision })
}

/// Decisions to write (new or revoked), and those that exist as requested.
struct WantedDecisions {
    changed: Vec<Decision>,
    kept: Vec<Decision>,
}

/// What a command requires.
enum Step {
    /// Nothing to write.
    Answer(CommandOutcome),
    /// A retirement that is new or was revoked.
    Retire(Retirement),
    Decide(WantedDecisions),
}

fn step_of(command: &Command, retirements: &Retirements, decisions: &Decisions) -> Step {
    match command {
        Command::Make(wanted) => step_of_wanted(wanted, decisions),
        Command::Retire(wanted) => {
            let is_there = |it: &&Arc<Retirement>| it.is_active() && it.value == wanted.value && it.from == wanted.from;
            match retirements.iter().find(is_there) {
                Some(there) => already_retired(there),
                None => Step::Retire(wanted.clone()),
            }
        }
        Command::Revoke { id, by } => match (retirements.get(id), decisions.get(id)) {
            (Some(there), _) if there.is_active() => {
                Step::Retire(Retirement { revoked: Some(by.clone()), ..Retirement::clone(there) })
            }
            (Some(there), _) => already_retired(there),
            (None, Some(there)) if there.is_active() => {
                let is_together = |it: &&Arc<Decision>| it.is_active() && it.group() == there.group();
                let revoked = |it: &Arc<Decision>| Decision { revoked: Some(by.clone()), ..Decision::clone(it) };
                let changed = decisions.iter().filter(is_together).map(revoked).collect();
                Step::Decide(WantedDecisions { changed, kept: Vec::new() })
            }
            (None, Some(there)) => Step::Answer(CommandOutcome::NoChange { decisions: vec![Decision::clone(there)] }),
            (None, None) => Step::Answer(CommandOutcome::NotFound),
        },
    }
}

fn already_retired(retirement: &Retirement) -> Step {
    Step::Answer(CommandOutcome::Retired { retirement: Retirement::clone(retirement), commit: None })
}

/// Splits requested decisions into new and existing ones. A contradiction if one says the opposite of an existing one.
fn step_of_wanted(wanted: &[Decision], before: &Decisions) -> Step {
    let (mut changed, mut kept, mut opposite) = (Vec::new(), Vec::new(), Vec::new());
    for decision in wanted {
        let about = |it: &&Arc<Decision>| it.pair == decision.pair;
        match before.of(&decision.pair.a).iter().find(about) {
            None => changed.push(decision.clone()),
            Some(there) if there.relation == decision.relation => kept.push(Decision::clone(there)),
            Some(there) => opposite.push(Decision::clone(there)),
        }
    }
    if opposite.is_empty() {
        Step::Decide(WantedDecisions { changed, kept })
    } else {
        Step::Answer(CommandOutcome::Contradicted { by: opposite })
    }
}

/// The decisions that contradict new ones: for a new `DIFFERENT` each `SAME` that could no longer be followed, for a new `SAME`
/// each `DIFFERENT` that separates its sides.
fn excluded(unmet: &[Decision], changed: &[Decision], decisions: &Decisions) -> Vec<Decision> {
    let is_new = |it: &Decision| changed.iter().any(|new| new.id == it.id);
    let old: Vec<Decision> = unmet.iter().filter(|it| !is_new(it)).cloned().collect();
    if !old.is_empty() {
        return old;
    }
    decisions
        .iter()
        .filter(|it| it.is_active() && it.relation == Relation::Different)
        .map(|it| Decision::clone(it))
        .collect()
}

/// A random ID for a decision or a retirement.
#[expect(clippy::disallowed_methods, reason = "the edge: randomness enters the program here")]
pub fn new_id() -> Arc<str> {
    let id: u128 = rand::random();
    format!("{id:032x}").into()
}
