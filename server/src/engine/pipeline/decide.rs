//! Decisions and retirements through the same pipeline as messages: one after the other, planned by core, durable when
//! answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions, Relation, Revocation},
        retirement::{Retirement, Retirements},
    },
    graph::rows::CellKey,
    identifier::{Identifier, unified_id::unified_id},
    message::{Message, parse::parse_kept},
    plan::{
        changes::Changes,
        draft::Draft,
        needs::{Needs, first_needs, next_needs},
        retire::{homes_of_value, to_count_again},
        view::View,
    },
    profile::revision,
    time::Timestamp,
};
use profile360_store::{Cause, Commit, LineageRow, Rows, StoreError};
use tokio::sync::oneshot;

use super::{
    Attempt, Bounds, MAX_ATTEMPTS, PipelineError, Worker, complete, complete_within,
    far::{self, Ahead, Job, Reach},
    large::{self, Plan, WantedDecisions},
    pause,
};

/// What an operator wants.
#[derive(Debug, Clone)]
pub enum Command {
    /// Decisions, with the IDs that they get.
    Make(Vec<Decision>),
    Retire(Retirement),
    /// Of a decision or a retirement.
    Revoke {
        id: String,
        by: Revocation,
    },
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum CommandOutcome {
    /// It is so now, from a commit on.
    Applied { decisions: Vec<Decision>, commit: i64 },
    /// It was so before.
    NoChange { decisions: Vec<Decision> },
    /// The value has other owners from a commit on; without one it was so before.
    Retired { retirement: Retirement, commit: Option<i64> },
    /// The profiles are not as they were when the revision was read.
    Stale,
    /// Decisions that count exclude it.
    Contradicted { by: Vec<Decision> },
    /// There is no decision of that ID.
    NotFound,
}

#[derive(Debug)]
pub(super) struct Request {
    pub wish: Command,
    pub expected_revision: Option<String>,
    pub reply: oneshot::Sender<Result<CommandOutcome, PipelineError>>,
}

impl Worker {
    pub(super) async fn decide(&mut self, request: Request, ahead: Ahead) {
        let n_asides = ahead.n_asides();
        let result = match self.settle(&request.wish, request.expected_revision.as_deref(), ahead).await {
            Ok(Attempt::Done(decided)) => Ok(decided),
            Ok(Attempt::TooFar(reach)) => return self.read_aside(Job::Decide(request), reach, n_asides).await,
            Ok(Attempt::TooLarge(plan)) => return self.write_decisions_aside(request, *plan, n_asides),
            Ok(Attempt::Held) => return self.large.hold(Job::Decide(request), n_asides),
            Err(error) => Err(error),
        };
        // Whoever asked may have gone; what was decided stays decided.
        request.reply.send(result).ok();
    }

    async fn settle(
        &mut self,
        wish: &Command,
        expected_revision: Option<&str>,
        mut ahead: Ahead,
    ) -> Result<Attempt<CommandOutcome, WantedDecisions>, PipelineError> {
        let at_most = ahead.at_most(self.bounds);
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt_decision(wish, expected_revision, std::mem::take(&mut ahead), at_most).await {
                Ok(attempt) => return Ok(attempt),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(pause(attempt)).await;
                    self.forget();
                }
                Err(StoreError::Superseded) => return Err(PipelineError::Superseded),
                Err(error) => {
                    tracing::error!(%error, "a decision was not written");
                    self.forget();
                    return Err(PipelineError::Unavailable);
                }
            }
        }
        Err(PipelineError::Busy)
    }

    async fn attempt_decision(
        &mut self,
        wish: &Command,
        expected_revision: Option<&str>,
        ahead: Ahead,
        at_most: Bounds,
    ) -> Result<Attempt<CommandOutcome, WantedDecisions>, StoreError> {
        let last_commit = self.last_commit().await?;
        let retirements = self.snapshot.policy.retirements().clone();
        let before = self.snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let wanted = match step_of(wish, &retirements, &before) {
            Step::Answer(decided) => return Ok(Attempt::Done(decided)),
            // Which rows it looks at is not known before all messages that name the value are read.
            Step::Retire(_) if self.large.is_writing() => return Ok(Attempt::Held),
            Step::Retire(retirement) => {
                let decided = self.retire(last_commit, retirement, &retirements, expected_revision).await?;
                return Ok(Attempt::Done(decided));
            }
            Step::Decide(wanted) => wanted,
        };
        let WantedDecisions { changed, kept } = &wanted;
        let mut decisions = before.clone();
        for decision in changed {
            decisions.put(decision.clone());
        }

        let Ahead { mut view, changes, .. } = ahead;
        let ends: BTreeSet<Identifier> =
            changed.iter().chain(kept).flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
        self.see(Needs { identifiers: missing(&ends, &view), ..Needs::default() }, &mut view).await?;
        // Of what was read before, their profiles may have been changed since.
        let profiles = ends.iter().filter_map(|it| Some(view.identifiers.get(it)?.as_ref()?.cell));
        let cells = profiles.filter(|it| !view.cells.contains_key(it)).collect();
        self.see(Needs { cells, ..Needs::default() }, &mut view).await?;
        // Not only in the end: who is held need not read on.
        if self.large.is_about(&view) {
            return Ok(Attempt::Held);
        }
        if let Some(expected) = expected_revision {
            let members = members_not_seen(&ends, &view);
            if at_most.read < far::cost_of(&members) {
                return Ok(Attempt::TooFar(Reach::Decisions { ends, changed: wanted.changed, decisions }));
            }
            self.see(members, &mut view).await?;
            if self.revision_of(&ends, &view, &before)? != expected {
                return Ok(Attempt::Done(CommandOutcome::Stale));
            }
        }
        if changed.is_empty() {
            return Ok(Attempt::Done(CommandOutcome::NoChange { decisions: wanted.kept }));
        }

        let changes = match changes {
            Some(changes) => changes,
            None => {
                let policy = self.snapshot.policy.clone();
                let mut draft = Draft::of_decisions(changed, &view, &policy, &decisions);
                if !complete_within(at_most.read, &mut draft, &mut self.cache, &self.snapshot, &mut view).await? {
                    drop(draft);
                    return Ok(Attempt::TooFar(Reach::Decisions { ends, changed: wanted.changed, decisions }));
                }
                draft.finish(&view)
            }
        };
        if self.large.is_about(&view) {
            return Ok(Attempt::Held);
        }
        let is_made = matches!(wish, Command::Make(_));
        if is_made && !changes.unmet.is_empty() {
            let by = excluded(&changes.unmet, changed, &decisions);
            return Ok(Attempt::Done(CommandOutcome::Contradicted { by }));
        }
        if at_most.write < large::n_rows(&changes) {
            if self.large.is_writing() {
                return Ok(Attempt::Held);
            }
            return Ok(Attempt::TooLarge(Box::new(Plan { view, changes, wanted })));
        }
        let number = last_commit + 1;
        let lineage = self.lineage_of_decisions(&changes, changed);
        let rows = Rows { decisions: changed, ..Rows::of(&changes) };
        let commit = Commit { number, rows, lineage: &lineage };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        let applied = self.applied(number, wanted);
        self.written(number, &lineage, view, changes);
        Ok(Attempt::Done(applied))
    }

    pub(super) fn lineage_of_decisions(&self, changes: &Changes, changed: &[Decision]) -> Vec<(i64, LineageRow)> {
        let cause = changed.first().map(|it| it.id.to_string()).unwrap_or_default();
        self.lineage_of(changes, |_| Cause::Decision(cause.clone()))
    }

    /// Lets decisions count that were written.
    pub(super) fn applied(&mut self, commit: i64, wanted: WantedDecisions) -> CommandOutcome {
        let WantedDecisions { changed, kept } = wanted;
        let mut decisions = self.snapshot.decisions.write().unwrap_or_else(PoisonError::into_inner);
        for decision in &changed {
            decisions.put(decision.clone());
        }
        drop(decisions);
        self.far.see_decisions();
        CommandOutcome::Applied { decisions: changed.into_iter().chain(kept).collect(), commit }
    }

    /// Takes a retirement that is new or was revoked: reads all messages that name the value once more.
    pub(super) async fn retire(
        &mut self,
        last_commit: i64,
        retirement: Retirement,
        before: &Retirements,
        expected_revision: Option<&str>,
    ) -> Result<CommandOutcome, StoreError> {
        let value = &retirement.value;
        let mut after = before.clone();
        after.put(retirement.clone());
        let policy = self.snapshot.policy.clone();
        let secret = self.snapshot.secret.clone();
        let decisions = self.snapshot.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();

        let owners = before.owners(value);
        let all_owners: BTreeSet<Identifier> = owners.iter().cloned().chain(after.owners(value)).collect();
        let mut view = View::default();
        let links_of = owners.iter().cloned().collect();
        self.see(Needs { identifiers: all_owners.clone(), links_of, ..Needs::default() }, &mut view).await?;
        if let Some(expected) = expected_revision {
            self.see(members_not_seen(&all_owners, &view), &mut view).await?;
            if self.revision_of(&all_owners, &view, &decisions)? != expected {
                return Ok(CommandOutcome::Stale);
            }
        }

        let links = view.links_of.values().flat_map(|it| it.iter());
        let homes: Vec<Identifier> = homes_of_value(&owners, links, &policy).into_iter().cloned().collect();
        let mut messages: Vec<Message> = Vec::new();
        let mut texts: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for home in &homes {
            let id = unified_id(home, &secret);
            for event in self.snapshot.store.events(id, Timestamp::EARLIEST, Timestamp::LATEST).await? {
                let Ok(accepted) = parse_kept(&event.payload, &policy) else {
                    let reason = "a kept message cannot be read by the policy in force".to_owned();
                    return Err(StoreError::Corrupt { table: "event", reason });
                };
                let mut message = accepted.message;
                if message.identifiers.iter().any(|it| it.is_same_value(value)) {
                    before.assign(&mut message);
                    texts.insert(message.id.clone(), event.payload);
                    messages.push(message);
                }
            }
        }
        let mut anew = messages.clone();
        anew.iter_mut().for_each(|it| after.assign(it));
        self.see(first_needs(&messages), &mut view).await?;
        self.see(first_needs(&anew), &mut view).await?;
        self.see(Needs { links_of: to_count_again(value, &view), ..Needs::default() }, &mut view).await?;

        let mut draft = Draft::of_retirement(value, &messages, before, &after, &view, &policy, &decisions, &secret);
        complete(&mut draft, &mut self.cache, &self.snapshot, &mut view).await?;
        let changes = draft.finish(&view);
        let number = last_commit + 1;
        let lineage = self.lineage_of(&changes, |_| Cause::Retirement(retirement.id.to_string()));
        // With an identifier the database removes the decisions about it; they are kept for good.
        let is_about = |it: &&Arc<Decision>| {
            changes.removed_identifiers.contains(&it.pair.a) || changes.removed_identifiers.contains(&it.pair.b)
        };
        let kept: Vec<Decision> = decisions.iter().filter(is_about).map(|it| Decision::clone(it)).collect();
        let rows = Rows {
            decisions: &kept,
            retirements: std::slice::from_ref(&retirement),
            moved: &texts,
            ..Rows::of(&changes)
        };
        let commit = Commit { number, rows, lineage: &lineage };
        self.snapshot.store.commit(&commit, &secret).await?;
        policy.set_retirements(after);
        self.written(number, &lineage, View::default(), changes);
        // Rows that are gone may be in them.
        self.cache = super::Cache::default();
        self.far.forget();
        Ok(CommandOutcome::Retired { retirement, commit: Some(number) })
    }

    /// Loads rows, and the rows that these name.
    pub(super) async fn see(&mut self, mut needs: Needs, view: &mut View) -> Result<(), StoreError> {
        while !needs.is_empty() {
            self.cache.serve(&mut needs, view);
            self.snapshot.store.load(&needs, &self.snapshot.secret, view).await?;
            needs = next_needs(view);
        }
        Ok(())
    }

    /// The revision of the profiles that identifiers are in, together. The view must hold these, and their members.
    fn revision_of(
        &self,
        identifiers: &BTreeSet<Identifier>,
        view: &View,
        decisions: &Decisions,
    ) -> Result<String, StoreError> {
        let rules = &self.snapshot.policy;
        let retirements = rules.retirements();
        let state_of = |it: &Identifier| view.identifiers.get(it).and_then(Option::as_ref);
        let keys: BTreeSet<CellKey> = identifiers.iter().filter_map(|it| Some(state_of(it)?.cell)).collect();
        let mut revisions = Vec::with_capacity(keys.len());
        for key in keys {
            // Of rows that do not fit together some were read before another server's commit.
            let cell = view.cells.get(&key).and_then(Option::as_ref).ok_or(StoreError::Conflict)?;
            let members: Option<Vec<_>> = cell
                .members
                .iter()
                .map(|it| Some((it, &state_of(it).filter(|it| it.cell == key)?.facts, retirements.retired_at(it))))
                .collect();
            let members = members.ok_or(StoreError::Conflict)?;
            let about = cell.members.iter().flat_map(|it| decisions.of(it)).map(AsRef::as_ref);
            revisions.push(revision::revision(rules.version, members.into_iter(), about));
        }
        Ok(revision::joint(revisions))
    }
}

fn missing(identifiers: &BTreeSet<Identifier>, view: &View) -> BTreeSet<Identifier> {
    identifiers.iter().filter(|it| !view.identifiers.contains_key(*it)).cloned().collect()
}

/// The members of the profiles that identifiers are in, as far as a view does not hold them.
pub(super) fn members_not_seen<'i>(identifiers: impl IntoIterator<Item = &'i Identifier>, view: &View) -> Needs {
    let states = identifiers.into_iter().filter_map(|it| view.identifiers.get(it)?.as_ref());
    let keys: BTreeSet<CellKey> = states.map(|it| it.cell).collect();
    let cells = keys.iter().filter_map(|it| view.cells.get(it)?.as_ref());
    let members = cells.flat_map(|it| &it.members).filter(|it| !view.identifiers.contains_key(*it));
    Needs { identifiers: members.cloned().collect(), ..Needs::default() }
}

/// What a wish comes to.
enum Step {
    /// Nothing is to be written.
    Answer(CommandOutcome),
    /// A retirement that is new or was revoked.
    Retire(Retirement),
    Decide(WantedDecisions),
}

fn step_of(wish: &Command, retirements: &Retirements, decisions: &Decisions) -> Step {
    match wish {
        Command::Make(wanted) => step_of_wanted(wanted, decisions),
        Command::Retire(wanted) => {
            let is_there = |it: &&Arc<Retirement>| it.is_active() && it.value == wanted.value && it.from == wanted.from;
            match retirements.iter().find(is_there) {
                Some(there) => is_so(there),
                None => Step::Retire(wanted.clone()),
            }
        }
        Command::Revoke { id, by } => match (retirements.get(id), decisions.get(id)) {
            (Some(there), _) if there.is_active() => {
                Step::Retire(Retirement { revoked: Some(by.clone()), ..Retirement::clone(there) })
            }
            (Some(there), _) => is_so(there),
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

fn is_so(retirement: &Retirement) -> Step {
    Step::Answer(CommandOutcome::Retired { retirement: Retirement::clone(retirement), commit: None })
}

/// Of the wanted decisions which are new and which are there; or that there are those that say the opposite of the same two.
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

/// The decisions that exclude a new one: for a new `DIFFERENT` the `SAME`s that could not be followed any more, for a new
/// `SAME` the `DIFFERENT`s that keep its sides apart.
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

/// An ID for a decision or a retirement that nobody has.
#[expect(clippy::disallowed_methods, reason = "the edge: randomness comes into the program here")]
pub fn new_id() -> Arc<str> {
    let id: u128 = rand::random();
    format!("{id:032x}").into()
}
