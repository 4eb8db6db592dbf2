//! Planning: loads the rows that a planner asks for until its plan is complete.
//!
//! This is the only load-plan loop of the server: for batches, for large requests, for dry runs and for the fill of another
//! projection. It never writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions},
        retirement::{Retirement, Retirements},
    },
    graph::rows::ClusterKey,
    identifier::{Identifier, unified_id::unified_id},
    message::{Message, parse::parse_kept},
    plan::{
        changes::Changes,
        inputs::Reassignment,
        needs::next_needs,
        planner::{NewEvidence, Planner, Polled, Rules},
        retire::homes_of_value,
        view::{Needs, View},
    },
    profile::revision,
    time::Timestamp,
};
use profile360_store::{Position, Store, StoreError};

use super::{active_policy::ActivePolicy, pipeline::cache::Cache};

/// What plans are computed by and where their rows are.
#[derive(Debug, Clone)]
pub(super) struct PlanContext {
    pub store: Arc<Store>,
    pub policy: Arc<ActivePolicy>,
    pub rules: Rules,
    pub retirements: Arc<Retirements>,
}

impl PlanContext {
    /// The same with other decisions.
    #[must_use]
    pub(super) fn with_decisions(&self, decisions: Arc<Decisions>) -> Self {
        Self { rules: Rules { decisions, ..self.rules.clone() }, ..self.clone() }
    }
}

/// A complete plan.
#[derive(Debug)]
pub(super) struct Plan {
    /// Everything that it depends on.
    pub view: View,
    pub changes: Changes,
}

/// What a retirement is planned from.
#[derive(Debug)]
pub(super) struct Reassigned {
    pub reassignment: Arc<Reassignment>,
    /// Where its messages are, by ID.
    pub positions: BTreeMap<Arc<str>, Position>,
}

/// The cost of reading all links of an identifier.
const COST_OF_LINKS: usize = 5;

/// The cost of a read; reading one row by its key costs 1.
pub(super) fn cost_of(needs: &Needs) -> usize {
    let Needs { messages, identifiers, links, clusters, orders, sessions, links_of } = needs;
    let n_rows = messages.len() + identifiers.len() + links.len() + clusters.len() + orders.len() + sessions.len();
    n_rows + COST_OF_LINKS * links_of.len()
}

/// Plans new evidence. Rows that the view contains already are not read. `None` if identities that are resolved again need rows
/// that cost more than `at_most`, see [`cost_of`].
///
/// # Errors
///
/// [`StoreError::Conflict`] if another server committed between two reads.
pub(super) async fn plan(
    evidence: NewEvidence,
    mut view: View,
    context: &PlanContext,
    cache: &mut Cache,
    mut at_most: usize,
) -> Result<Option<Plan>, StoreError> {
    let mut planner = Planner::new(evidence, context.rules.clone());
    loop {
        let mut needs = match planner.poll(&view) {
            Polled::Need(needs) => needs,
            Polled::Done(changes) => return Ok(Some(Plan { view, changes: *changes })),
            Polled::Torn => return Err(StoreError::Conflict),
        };
        cache.serve(&mut needs, &mut view);
        if planner.resolves() {
            let Some(rest) = at_most.checked_sub(cost_of(&needs)) else { return Ok(None) };
            at_most = rest;
        }
        read(&needs, &mut view, context, cache).await?;
    }
}

/// Reads rows of the store.
async fn read(needs: &Needs, view: &mut View, context: &PlanContext, cache: &Cache) -> Result<(), StoreError> {
    context.store.load(needs, &context.rules.secret, view).await?;
    cache.amend(needs, view);
    Ok(())
}

/// Loads rows, and the rows that these refer to, unless the view contains them.
pub(super) async fn load(
    needs: Needs,
    view: &mut View,
    context: &PlanContext,
    cache: &mut Cache,
) -> Result<(), StoreError> {
    let mut needs = needs.without(view);
    loop {
        if needs.is_empty() {
            needs = next_needs(view);
        }
        if needs.is_empty() {
            return Ok(());
        }
        cache.serve(&mut needs, view);
        read(&needs, view, context, cache).await?;
        needs = Needs::default();
    }
}

/// Reads what a new or a revoked retirement is planned from: all stored messages with the value.
pub(super) async fn read_reassignment(
    retirement: &Retirement,
    view: &mut View,
    context: &PlanContext,
    cache: &mut Cache,
) -> Result<Reassigned, StoreError> {
    let value = &retirement.value;
    let before = context.retirements.clone();
    let mut after = Retirements::clone(&before);
    after.put(retirement.clone());
    let Rules { policy, secret, .. } = &context.rules;

    let owners = before.owners(value);
    let links_of: BTreeSet<Identifier> = owners.iter().cloned().collect();
    load(Needs { identifiers: links_of.clone(), links_of, ..Needs::default() }, view, context, cache).await?;
    let links = view.links_of.values().flat_map(|it| it.iter());
    let homes: Vec<Identifier> = homes_of_value(&owners, links, policy).into_iter().cloned().collect();
    let mut messages: Vec<Message> = Vec::new();
    let mut positions: BTreeMap<Arc<str>, Position> = BTreeMap::new();
    for home in &homes {
        let id = unified_id(home, secret);
        for event in context.store.events(id, Timestamp::EARLIEST, Timestamp::LATEST).await? {
            let Ok(accepted) = parse_kept(&event.payload, policy) else {
                let reason = "a stored message cannot be parsed under the active policy".to_owned();
                return Err(StoreError::Corrupt { table: "timeline", reason });
            };
            let mut message = accepted.message;
            if message.identifiers.iter().any(|it| it.is_same_value(value)) {
                before.assign(&mut message);
                positions.insert(message.id.clone(), event.position);
                messages.push(message);
            }
        }
    }
    let reassignment = Reassignment { value: value.clone(), messages, before, after: Arc::new(after) };
    Ok(Reassigned { reassignment: Arc::new(reassignment), positions })
}

/// The members of the profiles of identifiers that a view does not hold.
pub(super) fn missing_members<'i>(identifiers: impl IntoIterator<Item = &'i Identifier>, view: &View) -> Needs {
    let states = identifiers.into_iter().filter_map(|it| view.identifiers.get(it)?.as_ref());
    let keys: BTreeSet<ClusterKey> = states.map(|it| it.cluster).collect();
    let clusters = keys.iter().filter_map(|it| view.clusters.get(it)?.as_ref());
    let members = clusters.flat_map(|it| &it.members).filter(|it| !view.identifiers.contains_key(*it));
    Needs { identifiers: members.cloned().collect(), ..Needs::default() }
}

/// The decisions about identifiers that a plan removes.
pub(super) fn decisions_about_removed(changes: &Changes, decisions: &Decisions) -> Vec<Decision> {
    let is_removed = |it: &Identifier| changes.removed_identifiers.contains(it);
    let about = decisions.iter().filter(|it| is_removed(&it.pair.a) || is_removed(&it.pair.b));
    about.map(|it| Decision::clone(it)).collect()
}

/// The joint revision of the profiles of identifiers. The view must hold them and their members.
///
/// # Errors
///
/// [`StoreError::Conflict`] if another server committed between two reads.
pub(super) fn revision_of(
    identifiers: &BTreeSet<Identifier>,
    view: &View,
    context: &PlanContext,
) -> Result<String, StoreError> {
    let state_of = |it: &Identifier| view.identifiers.get(it).and_then(Option::as_ref);
    let keys: BTreeSet<ClusterKey> = identifiers.iter().filter_map(|it| Some(state_of(it)?.cluster)).collect();
    let mut revisions = Vec::with_capacity(keys.len());
    for key in keys {
        let cluster = view.clusters.get(&key).and_then(Option::as_ref).ok_or(StoreError::Conflict)?;
        let members: Option<Vec<_>> = cluster
            .members
            .iter()
            .map(|member| {
                let state = state_of(member).filter(|it| it.cluster == key)?;
                Some((member, &state.facts))
            })
            .collect();
        let members = members.ok_or(StoreError::Conflict)?;
        let members = members.iter().copied();
        let decisions = &context.rules.decisions;
        revisions.push(revision::of_members(context.policy.version, members, &context.retirements, decisions));
    }
    Ok(revision::joint(revisions))
}
