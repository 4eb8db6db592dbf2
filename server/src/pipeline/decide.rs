//! Decisions and retirements through the same pipeline as messages: one after the other, planned by core, durable when
//! answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use profile360_core::{
    decision::{Decision, Decisions, Relation, Revocation},
    identifier::Identifier,
    message::{Message, parse_kept},
    plan::{CellKey, Draft, Needs, View, first_needs, homes_of_value, next_needs},
    retirement::{Retirement, Retirements},
    revision,
    time::Timestamp,
    unified_id::unified_id,
};
use tokio::sync::oneshot;

use super::{MAX_ATTEMPTS, PipelineError, Worker, complete, pause};
use crate::{
    customer,
    store::{Cause, Commit, StoreError},
};

/// What an operator wants.
#[derive(Debug, Clone)]
pub enum Wish {
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
pub enum Decided {
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

pub(super) struct Request {
    pub wish: Wish,
    pub expected_revision: Option<String>,
    pub reply: oneshot::Sender<Result<Decided, PipelineError>>,
}

impl Worker {
    pub(super) async fn decide(&mut self, request: Request) {
        let result = self.settle(&request.wish, request.expected_revision.as_deref()).await;
        // Whoever asked may have gone; what was decided stays decided.
        request.reply.send(result).ok();
    }

    pub(super) async fn settle(
        &mut self,
        wish: &Wish,
        expected_revision: Option<&str>,
    ) -> Result<Decided, PipelineError> {
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt_decision(wish, expected_revision).await {
                Ok(decided) => return Ok(decided),
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

    async fn attempt_decision(&mut self, wish: &Wish, expected_revision: Option<&str>) -> Result<Decided, StoreError> {
        let last_commit = self.last_commit().await?;
        let retirements = self.workshop.policy.retirements().clone();
        match wish {
            Wish::Retire(wanted) => {
                let is_there =
                    |it: &&Arc<Retirement>| it.is_active() && it.value == wanted.value && it.from == wanted.from;
                if let Some(there) = retirements.iter().find(is_there) {
                    return Ok(Decided::Retired { retirement: Retirement::clone(there), commit: None });
                }
                return self.retire(last_commit, wanted.clone(), &retirements, expected_revision).await;
            }
            Wish::Revoke { id, by } => {
                if let Some(there) = retirements.get(id) {
                    if !there.is_active() {
                        return Ok(Decided::Retired { retirement: Retirement::clone(there), commit: None });
                    }
                    let revoked = Retirement { revoked: Some(by.clone()), ..Retirement::clone(there) };
                    return self.retire(last_commit, revoked, &retirements, expected_revision).await;
                }
            }
            Wish::Make(_) => {}
        }
        let before = self.workshop.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (changed, kept) = match wish {
            Wish::Make(wanted) => match new_of(wanted, &before) {
                Ok(parts) => parts,
                Err(by) => return Ok(Decided::Contradicted { by }),
            },
            Wish::Revoke { id, by } => match before.get(id) {
                None => return Ok(Decided::NotFound),
                Some(decision) if decision.is_active() => {
                    let is_together = |it: &&Arc<Decision>| it.is_active() && it.group() == decision.group();
                    let revoked = |it: &Arc<Decision>| Decision { revoked: Some(by.clone()), ..Decision::clone(it) };
                    (before.iter().filter(is_together).map(revoked).collect(), Vec::new())
                }
                Some(decision) => return Ok(Decided::NoChange { decisions: vec![Decision::clone(decision)] }),
            },
            Wish::Retire(_) => return Ok(Decided::NotFound),
        };
        let ends = |decisions: &[Decision]| -> BTreeSet<Identifier> {
            decisions.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect()
        };
        let all_ends = ends(&changed).into_iter().chain(ends(&kept)).collect();
        let mut view = View::default();
        self.see(Needs { identifiers: all_ends, ..Needs::default() }, &mut view).await?;
        if let Some(expected) = expected_revision
            && self.revision_of(&view, &before).await? != expected
        {
            return Ok(Decided::Stale);
        }
        if changed.is_empty() {
            return Ok(Decided::NoChange { decisions: kept });
        }

        let mut decisions = before;
        for decision in &changed {
            decisions.put(decision.clone());
        }
        let policy = self.workshop.policy.clone();
        let mut draft = Draft::of_decisions(&changed, &view, &policy, &decisions);
        complete(&mut draft, &mut self.cache, &self.workshop, &mut view).await?;
        let changes = draft.finish(&view);
        let is_made = matches!(wish, Wish::Make(_));
        if is_made && !changes.unmet.is_empty() {
            return Ok(Decided::Contradicted { by: excluded(&changes.unmet, &changed, &decisions) });
        }
        let number = last_commit + 1;
        let cause = changed.first().map(|it| it.id.to_string()).unwrap_or_default();
        let lineage = self.lineage_of(&changes, |_| Cause::Decision(cause.clone()));
        let commit = Commit { decisions: &changed, lineage: &lineage, ..Commit::of(number, &changes) };
        self.workshop.store.commit(&commit, &self.workshop.secret).await?;
        *self.workshop.decisions.write().unwrap_or_else(PoisonError::into_inner) = decisions;
        self.written(number, &lineage, view, changes);
        Ok(Decided::Applied { decisions: changed.into_iter().chain(kept).collect(), commit: number })
    }

    /// Takes a retirement that is new or was revoked: reads all messages that name the value once more.
    pub(super) async fn retire(
        &mut self,
        last_commit: i64,
        retirement: Retirement,
        before: &Retirements,
        expected_revision: Option<&str>,
    ) -> Result<Decided, StoreError> {
        let value = &retirement.value;
        let mut after = before.clone();
        after.put(retirement.clone());
        let policy = self.workshop.policy.clone();
        let secret = self.workshop.secret.clone();
        let decisions = self.workshop.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();

        let owners = before.owners(value);
        let all_owners = owners.iter().cloned().chain(after.owners(value)).collect();
        let mut view = View::default();
        let links_of = owners.iter().cloned().collect();
        self.see(Needs { identifiers: all_owners, links_of, ..Needs::default() }, &mut view).await?;
        if let Some(expected) = expected_revision
            && self.revision_of(&view, &decisions).await? != expected
        {
            return Ok(Decided::Stale);
        }

        let links = view.links_of.values().flat_map(|it| it.iter());
        let homes: Vec<Identifier> = homes_of_value(&owners, links, &policy).into_iter().cloned().collect();
        let mut messages: Vec<Message> = Vec::new();
        let mut texts: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for home in &homes {
            let id = unified_id(home, &secret);
            for event in self.workshop.store.events(id, Timestamp::EARLIEST, Timestamp::LATEST).await? {
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

        let mut draft = Draft::of_retirement(value, &messages, before, &after, &view, &policy, &decisions, &secret);
        complete(&mut draft, &mut self.cache, &self.workshop, &mut view).await?;
        let changes = draft.finish(&view);
        let number = last_commit + 1;
        let lineage = self.lineage_of(&changes, |_| Cause::Retirement(retirement.id.to_string()));
        // With an identifier the database removes the decisions about it; they are kept for good.
        let is_about = |it: &&Arc<Decision>| {
            changes.removed_identifiers.contains(&it.pair.a) || changes.removed_identifiers.contains(&it.pair.b)
        };
        let kept: Vec<Decision> = decisions.iter().filter(is_about).map(|it| Decision::clone(it)).collect();
        let commit = Commit {
            decisions: &kept,
            retirements: std::slice::from_ref(&retirement),
            moved: &texts,
            lineage: &lineage,
            ..Commit::of(number, &changes)
        };
        self.workshop.store.commit(&commit, &secret).await?;
        policy.set_retirements(after);
        self.written(number, &lineage, View::default(), changes);
        // Rows that are gone may be in it.
        self.cache = super::Cache::default();
        Ok(Decided::Retired { retirement, commit: Some(number) })
    }

    /// Loads rows, and the rows that these name.
    pub(super) async fn see(&mut self, mut needs: Needs, view: &mut View) -> Result<(), StoreError> {
        while !needs.is_empty() {
            self.cache.serve(&mut needs, view);
            self.workshop.store.load(&needs, &self.workshop.secret, view).await?;
            needs = next_needs(view);
        }
        Ok(())
    }

    /// The revision of the profiles that a view's identifiers are in, together.
    async fn revision_of(&self, view: &View, decisions: &Decisions) -> Result<String, StoreError> {
        let cells: BTreeSet<CellKey> = view.identifiers.values().flatten().map(|it| it.cell).collect();
        let cells: Vec<CellKey> = cells.into_iter().collect();
        let customers = customer::load(&self.workshop.store, &self.workshop.policy, &cells).await?;
        let rules = &self.workshop.policy;
        Ok(revision::joint(customers.values().map(|it| it.revision(decisions, rules)).collect()))
    }
}

/// Which of the wanted decisions are new and which are there; or, as an error, those that say the opposite of the same two.
fn new_of(wanted: &[Decision], before: &Decisions) -> Result<(Vec<Decision>, Vec<Decision>), Vec<Decision>> {
    let (mut new, mut kept, mut opposite) = (Vec::new(), Vec::new(), Vec::new());
    for decision in wanted {
        let about = |it: &&Arc<Decision>| it.pair == decision.pair;
        match before.of(&decision.pair.a).iter().find(about) {
            None => new.push(decision.clone()),
            Some(there) if there.relation == decision.relation => kept.push(Decision::clone(there)),
            Some(there) => opposite.push(Decision::clone(there)),
        }
    }
    if opposite.is_empty() { Ok((new, kept)) } else { Err(opposite) }
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
