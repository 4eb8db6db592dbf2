//! Decisions and retirements: served by the same pipeline as messages, planned by core, durable once answered.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions, Relation, Revocation},
        retirement::{Retirement, Retirements},
    },
    identifier::Identifier,
    plan::{
        changes::Changes,
        planner::NewEvidence,
        retire::Reassignment,
        view::{Needs, View},
    },
};
use profile360_store::{Cause, Commit, LineageRow, Rows, StoreError};
use tokio::sync::oneshot;

use super::{
    Attempt, Budget, MAX_ATTEMPTS, PipelineError, Worker,
    bulk_commit::{self, BulkPlan, WantedDecisions},
    dry_run::{Planned, Preview},
    pause,
    read_ahead::{Job, Prefetched, ReadPlan},
};
use crate::engine::{
    planning::{self, Plan, PlanContext, Reassigned, missing_members},
    snapshot::Snapshot,
};

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
    /// What the command would do. Nothing was written.
    Previewed(Arc<Preview>),
}

#[derive(Debug)]
pub(super) struct Request {
    pub command: Command,
    pub expected_revision: Option<String>,
    /// Stops before the write and answers with [`CommandOutcome::Previewed`].
    pub is_dry_run: bool,
    pub reply: oneshot::Sender<Result<CommandOutcome, PipelineError>>,
}

impl Worker {
    pub(super) async fn decide(&mut self, request: Request, prefetched: Prefetched) {
        let n_deferrals = prefetched.n_deferrals();
        let result = match self.settle(&request, prefetched).await {
            Ok(Attempt::Done(decided)) => Ok(decided),
            Ok(Attempt::ReadAhead(read_plan)) => return self.defer(Job::Decide(request), read_plan, n_deferrals).await,
            Ok(Attempt::BulkCommit(plan)) => return self.begin_bulk_decisions(request, *plan, n_deferrals),
            Ok(Attempt::Blocked) => return self.bulk_commit.block(Job::Decide(request), n_deferrals),
            Err(error) => Err(error),
        };
        // The client may have disconnected; the commit remains.
        request.reply.send(result).ok();
    }

    async fn settle(
        &mut self,
        request: &Request,
        mut prefetched: Prefetched,
    ) -> Result<Attempt<CommandOutcome, WantedDecisions>, PipelineError> {
        let budget = prefetched.remaining(self.budget);
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt_decision(request, std::mem::take(&mut prefetched), budget).await {
                Ok(attempt) => return Ok(attempt),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(pause(attempt)).await;
                    self.invalidate();
                }
                Err(StoreError::Superseded) => return Err(PipelineError::Superseded),
                Err(error) => {
                    tracing::error!(%error, "a decision was not written");
                    self.invalidate();
                    return Err(PipelineError::Unavailable);
                }
            }
        }
        Err(PipelineError::Busy)
    }

    async fn attempt_decision(
        &mut self,
        request: &Request,
        prefetched: Prefetched,
        budget: Budget,
    ) -> Result<Attempt<CommandOutcome, WantedDecisions>, StoreError> {
        let Request { command, expected_revision, is_dry_run, .. } = request;
        let expected_revision = expected_revision.as_deref();
        let last_commit = self.last_commit().await?;
        let context = self.snapshot.plan_context();
        let PlanContext { retirements, .. } = &context;
        let wanted = match step_of(command, retirements, &context.rules.decisions) {
            Step::Answer(decided) => return Ok(Attempt::Done(decided)),
            // The rows that it depends on are known only after all messages with the value are read.
            Step::Retire(_) if self.bulk_commit.is_writing() => return Ok(Attempt::Blocked),
            Step::Retire(retirement) if *is_dry_run => {
                let previewed = self.preview_retirement(last_commit, &retirement, &context, expected_revision);
                return Ok(Attempt::Done(previewed.await?));
            }
            Step::Retire(retirement) => {
                let decided = self.retire(last_commit, retirement, &context, expected_revision).await?;
                return Ok(Attempt::Done(decided));
            }
            Step::Decide(wanted) => wanted,
        };
        let WantedDecisions { changed, kept } = &wanted;
        let after = context.with_decisions(Arc::new(context.rules.decisions.with(changed)));

        let Prefetched { mut view, changes, .. } = prefetched;
        let ends: BTreeSet<Identifier> =
            changed.iter().chain(kept).flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
        let needs = Needs { identifiers: ends.clone(), ..Needs::default() };
        planning::load(needs, &mut view, &context, &mut self.cache).await?;
        // Their clusters may have changed since they were prefetched.
        let profiles = ends.iter().filter_map(|it| Some(view.identifiers.get(it)?.as_ref()?.cluster));
        let clusters = profiles.filter(|it| !view.clusters.contains_key(it)).collect();
        planning::load(Needs { clusters, ..Needs::default() }, &mut view, &context, &mut self.cache).await?;
        // Check early: a request that must wait need not read on.
        if self.bulk_commit.overlaps(&view) {
            return Ok(Attempt::Blocked);
        }
        let mut revision = None;
        if expected_revision.is_some() || *is_dry_run {
            let members = missing_members(&ends, &view);
            if budget.read < planning::cost_of(&members) {
                let changed = wanted.changed.into();
                return Ok(Attempt::ReadAhead(ReadPlan::Decisions { ends, changed, context: after }));
            }
            planning::load(members, &mut view, &context, &mut self.cache).await?;
            let found = planning::revision_of(&ends, &view, &context)?;
            if expected_revision.is_some_and(|expected| expected != found) {
                return Ok(Attempt::Done(CommandOutcome::Stale));
            }
            revision = Some(found);
        }
        if changed.is_empty() {
            return Ok(Attempt::Done(CommandOutcome::NoChange { decisions: wanted.kept }));
        }

        let Plan { view, changes } = match changes {
            Some(changes) => Plan { view, changes },
            None => {
                let changed: Arc<[Decision]> = changed.as_slice().into();
                let evidence = NewEvidence::Decisions(changed.clone());
                match planning::plan(evidence, view, &after, &mut self.cache, budget.read).await? {
                    Some(plan) => plan,
                    None => return Ok(Attempt::ReadAhead(ReadPlan::Decisions { ends, changed, context: after })),
                }
            }
        };
        if self.bulk_commit.overlaps(&view) {
            return Ok(Attempt::Blocked);
        }
        let is_made = matches!(command, Command::Make(_));
        if is_made && !changes.unmet.is_empty() {
            let by = excluded(&changes.unmet, changed, &after.rules.decisions);
            return Ok(Attempt::Done(CommandOutcome::Contradicted { by }));
        }
        if *is_dry_run {
            let planned = Planned { view: &view, changes: &changes, about: &ends, retirements };
            let preview = self.preview_of(&planned, last_commit, revision.unwrap_or_default()).await?;
            return Ok(Attempt::Done(CommandOutcome::Previewed(Arc::new(preview))));
        }
        if budget.write < bulk_commit::n_rows(&changes) {
            if self.bulk_commit.is_writing() {
                return Ok(Attempt::Blocked);
            }
            return Ok(Attempt::BulkCommit(Box::new(BulkPlan { view, changes, wanted })));
        }
        let number = last_commit + 1;
        let lineage = self.lineage_of_decisions(&changes, changed);
        let rows = Rows { decisions: changed, ..Rows::of(&changes) };
        let commit = Commit { number, rows, lineage: &lineage };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        let applied = self.apply_decisions(number, wanted);
        self.note_commit(number, &lineage, view, changes);
        Ok(Attempt::Done(applied))
    }

    pub(super) fn lineage_of_decisions(&self, changes: &Changes, changed: &[Decision]) -> Vec<(i64, LineageRow)> {
        let cause = changed.first().map(|it| it.id.to_string()).unwrap_or_default();
        self.lineage_of(changes, |_| Cause::Decision(cause.clone()))
    }

    /// Adds committed decisions to the snapshot.
    pub(super) fn apply_decisions(&mut self, commit: i64, wanted: WantedDecisions) -> CommandOutcome {
        let WantedDecisions { changed, kept } = wanted;
        self.snapshot.set_decisions(Arc::new(self.snapshot.decisions().with(&changed)));
        let Snapshot { inbox, policy, .. } = &self.snapshot;
        inbox.write().unwrap_or_else(PoisonError::into_inner).note_decisions(&changed, policy);
        self.read_ahead.note_decisions();
        CommandOutcome::Applied { decisions: changed.into_iter().chain(kept).collect(), commit }
    }

    /// Applies a new or a revoked retirement: parses all messages with the value again.
    pub(super) async fn retire(
        &mut self,
        last_commit: i64,
        retirement: Retirement,
        context: &PlanContext,
        expected_revision: Option<&str>,
    ) -> Result<CommandOutcome, StoreError> {
        let is_revision_needed = expected_revision.is_some();
        let planned = self.plan_retirement(&retirement, context, is_revision_needed).await?;
        if planned.is_stale(expected_revision) {
            return Ok(CommandOutcome::Stale);
        }
        let PlannedRetirement { plan: Plan { changes, .. }, reassigned, .. } = planned;
        let Reassigned { reassignment, positions } = reassigned;
        let number = last_commit + 1;
        let lineage = self.lineage_of(&changes, |_| Cause::Retirement(retirement.id.to_string()));
        // Removing an identifier also removes the decisions about it. Write those again: they are permanent.
        let kept = planning::decisions_about_removed(&changes, &context.rules.decisions);
        let rows = Rows {
            decisions: &kept,
            retirements: std::slice::from_ref(&retirement),
            moved: &positions,
            ..Rows::of(&changes)
        };
        let commit = Commit { number, rows, lineage: &lineage };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        self.snapshot.policy.set_retirements(reassignment.after.clone());
        self.note_commit(number, &lineage, View::default(), changes);
        // They may contain rows that are removed.
        self.cache = super::Cache::default();
        self.read_ahead.invalidate();
        Ok(CommandOutcome::Retired { retirement, commit: Some(number) })
    }

    /// What a new or a revoked retirement would do: the plan of [`Self::retire`], without its write.
    async fn preview_retirement(
        &mut self,
        last_commit: i64,
        retirement: &Retirement,
        context: &PlanContext,
        expected_revision: Option<&str>,
    ) -> Result<CommandOutcome, StoreError> {
        let planned = self.plan_retirement(retirement, context, true).await?;
        if planned.is_stale(expected_revision) {
            return Ok(CommandOutcome::Stale);
        }
        let PlannedRetirement { plan: Plan { view, changes }, reassigned, owners, revision } = planned;
        let retirements = &reassigned.reassignment.after;
        let planned = Planned { view: &view, changes: &changes, about: &owners, retirements };
        let preview = self.preview_of(&planned, last_commit, revision.unwrap_or_default()).await?;
        Ok(CommandOutcome::Previewed(Arc::new(preview)))
    }

    async fn plan_retirement(
        &mut self,
        retirement: &Retirement,
        context: &PlanContext,
        is_revision_needed: bool,
    ) -> Result<PlannedRetirement, StoreError> {
        let value = &retirement.value;
        let mut view = View::default();
        let reassigned = planning::read_reassignment(retirement, &mut view, context, &mut self.cache).await?;
        let Reassignment { before, after, .. } = &*reassigned.reassignment;
        let owners: BTreeSet<Identifier> = before.owners(value).into_iter().chain(after.owners(value)).collect();
        let mut revision = None;
        if is_revision_needed {
            let needs = Needs { identifiers: owners.clone(), ..Needs::default() };
            planning::load(needs, &mut view, context, &mut self.cache).await?;
            planning::load(missing_members(&owners, &view), &mut view, context, &mut self.cache).await?;
            revision = Some(planning::revision_of(&owners, &view, context)?);
        }
        let evidence = NewEvidence::Retirement(reassigned.reassignment.clone());
        let plan = planning::plan(evidence, view, context, &mut self.cache, usize::MAX).await?;
        let plan = plan.ok_or(StoreError::Conflict)?;
        Ok(PlannedRetirement { plan, reassigned, owners, revision })
    }
}

/// A retirement that is ready to be written.
struct PlannedRetirement {
    plan: Plan,
    reassigned: Reassigned,
    /// All owners of the value, before and after.
    owners: BTreeSet<Identifier>,
    /// The joint revision of the owners' profiles, if it was needed.
    revision: Option<String>,
}

impl PlannedRetirement {
    fn is_stale(&self, expected_revision: Option<&str>) -> bool {
        expected_revision.is_some_and(|expected| self.revision.as_deref() != Some(expected))
    }
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
