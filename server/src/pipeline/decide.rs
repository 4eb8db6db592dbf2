//! Decisions through the same pipeline as messages: one after the other, planned by core, durable when answered.

use std::{collections::BTreeSet, sync::PoisonError};

use profile360_core::{
    decision::{Decision, Decisions, Relation, Revocation},
    identifier::Identifier,
    link::Pair,
    plan::{CellKey, Draft, Needs, View, next_needs},
    revision,
    time::Timestamp,
};
use tokio::sync::oneshot;

use super::{MAX_ATTEMPTS, PipelineError, Worker, complete, pause};
use crate::{
    customer,
    store::{Commit, StoreError},
};

/// What an operator wants.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Decisions, with the IDs that they get.
    Make(Vec<Decision>),
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

    async fn settle(&mut self, wish: &Wish, expected_revision: Option<&str>) -> Result<Decided, PipelineError> {
        for attempt in 0..MAX_ATTEMPTS {
            match self.attempt_decision(wish, expected_revision).await {
                Ok(decided) => return Ok(decided),
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(pause(attempt)).await;
                    self.forget();
                }
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
        let before = self.workshop.decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (changed, kept) = match wish {
            Wish::Make(wanted) => match new_of(wanted, &before) {
                Ok(parts) => parts,
                Err(by) => return Ok(Decided::Contradicted { by }),
            },
            Wish::Revoke { id, by } => match before.get(id) {
                None => return Ok(Decided::NotFound),
                Some(decision) if decision.is_active() => {
                    (vec![Decision { revoked: Some(by.clone()), ..Decision::clone(decision) }], Vec::new())
                }
                Some(decision) => return Ok(Decided::NoChange { decisions: vec![Decision::clone(decision)] }),
            },
        };
        let ends = |decisions: &[Decision]| -> BTreeSet<Identifier> {
            decisions.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect()
        };
        let all_ends = ends(&changed).into_iter().chain(ends(&kept)).collect();
        let mut view = View::default();
        let mut needs = Needs { identifiers: all_ends, ..Needs::default() };
        while !needs.is_empty() {
            self.cache.serve(&mut needs, &mut view);
            self.workshop.store.load(&needs, &self.workshop.secret, &mut view).await?;
            needs = next_needs(&view);
        }
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
        let draft = Draft::of_decisions(&changed, &view, &policy, &decisions);
        complete(&draft, &mut self.cache, &self.workshop, &mut view).await?;
        let changes = draft.finish(&view);
        let is_made = matches!(wish, Wish::Make(_));
        if is_made && !changes.unmet.is_empty() {
            return Ok(Decided::Contradicted { by: excluded(&changes.unmet, &changed, &decisions) });
        }
        let number = last_commit + 1;
        let commit = Commit { number, changes: &changes, messages: &[], decisions: &changed };
        self.workshop.store.commit(&commit, &self.workshop.secret).await?;
        *self.workshop.decisions.write().unwrap_or_else(PoisonError::into_inner) = decisions;
        self.written(number, view, changes);
        Ok(Decided::Applied { decisions: changed.into_iter().chain(kept).collect(), commit: number })
    }

    /// The revision of the profiles that a view's identifiers are in, together.
    async fn revision_of(&self, view: &View, decisions: &Decisions) -> Result<String, StoreError> {
        let cells: BTreeSet<CellKey> = view.identifiers.values().flatten().map(|it| it.cell).collect();
        let cells: Vec<CellKey> = cells.into_iter().collect();
        let customers = customer::load(&self.workshop.store, &self.workshop.policy, &cells).await?;
        Ok(revision::joint(customers.values().map(|it| it.revision(decisions)).collect()))
    }
}

/// Which of the wanted decisions are new and which are there; or, as an error, those that say the opposite of the same two.
fn new_of(wanted: &[Decision], before: &Decisions) -> Result<(Vec<Decision>, Vec<Decision>), Vec<Decision>> {
    let (mut new, mut kept, mut opposite) = (Vec::new(), Vec::new(), Vec::new());
    for decision in wanted {
        let about = |it: &&std::sync::Arc<Decision>| it.pair == decision.pair;
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

/// A decision as an operator makes it, under an ID that nobody has.
#[expect(clippy::disallowed_methods, reason = "the edge: randomness comes into the program here")]
pub fn new_decision(relation: Relation, pair: Pair, at: Timestamp, reason: &str, actor: &str) -> Decision {
    let id: u128 = rand::random();
    Decision {
        id: format!("{id:032x}").into(),
        relation,
        pair,
        at,
        reason: reason.into(),
        actor: actor.into(),
        revoked: None,
    }
}
