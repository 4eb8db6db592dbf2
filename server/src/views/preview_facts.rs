//! The facts that the browser's previews need: whole components, read as of one commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions},
        link::Pair,
    },
    graph::{
        input::is_shared,
        rows::{CellKey, IdentifierState, LinkState},
    },
    identifier::{Identifier, UnifiedId},
    policy::document::Policy,
    preview::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts},
    profile::revision,
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::{
    engine::{active_policy::ActivePolicy, snapshot::Snapshot},
    views::profile_view,
};

/// Facts, and the joint revision of the requested profiles.
#[derive(Debug)]
pub struct FactsRead {
    pub facts: ProfileFacts,
    pub revision: String,
}

/// The most identifiers of one preview; more would make the browser unresponsive.
pub const MAX_IDENTIFIERS: usize = 100_000;
/// How often a read is retried after a concurrent commit.
const MAX_ATTEMPTS: usize = 20;

/// Why the facts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    #[error("one of the unified IDs belongs to no profile")]
    NotFound,
    #[error(
        "these profiles are connected with more than {MAX_IDENTIFIERS} identifiers, which is too many for a preview"
    )]
    TooMany,
    #[error("the profiles change faster than they can be read; try again")]
    Contended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the facts for previews of some profiles (see [`ProfileFacts`]), as of one commit.
pub async fn profile_facts(snapshot: &Snapshot, ids: &[UnifiedId]) -> Result<FactsRead, FactsError> {
    let Snapshot { store, policy, decisions, .. } = snapshot;
    for _ in 0..MAX_ATTEMPTS {
        let before = store.last_commit().await?;
        let decisions = decisions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = read(store, policy, &decisions, ids).await;
        if store.last_commit().await? == before {
            return found;
        }
    }
    Err(FactsError::Contended)
}

async fn read(
    store: &Store,
    policy: &ActivePolicy,
    decisions: &Decisions,
    ids: &[UnifiedId],
) -> Result<FactsRead, FactsError> {
    let named = profile_view::cells_of_ids(store, ids).await?;
    if ids.iter().any(|it| !named.contains_key(it)) {
        return Err(FactsError::NotFound);
    }
    let keys: Vec<CellKey> = named.into_values().collect::<BTreeSet<_>>().into_iter().collect();
    let cells = store.cells(&keys).await?;
    let mut component = Component::default();
    let members = cells.values().flat_map(|it| it.members.iter().cloned()).collect();
    component.gather(store, policy, decisions, members).await?;
    if cells.values().flat_map(|cell| &cell.members).any(|member| !component.states.contains_key(member)) {
        return Err(FactsError::Store(StoreError::Torn));
    }

    let retirements = policy.retirements().clone();
    let revisions = cells.values().map(|cell| {
        let members = cell.members.iter().filter_map(|it| Some((it, &component.states.get(it)?.facts)));
        let members = members.map(|(it, facts)| (it, facts, retirements.retired_at(it)));
        let about = cell.members.iter().flat_map(|it| decisions.of(it)).map(AsRef::as_ref);
        revision::revision(policy.version, members, about)
    });
    let revision = revision::joint(revisions.collect());

    let about: BTreeMap<Arc<str>, Decision> = component
        .states
        .keys()
        .flat_map(|it| decisions.of(it))
        .map(|it| (it.id.clone(), Decision::clone(it)))
        .collect();
    let mut identifiers = Vec::with_capacity(component.states.len());
    for (identifier, state) in &component.states {
        let (mut orders, mut refunds) = (Vec::new(), Vec::new());
        if 0 < state.facts.facet.activity.event_count {
            for row in store.purchases(state.unified_id).await? {
                match row {
                    PurchaseRow::Order(order) => orders.push(order),
                    PurchaseRow::Refund(refund) => refunds.push(refund),
                }
            }
        }
        identifiers.push(IdentifierOfFacts {
            identifier: identifier.clone(),
            unified_id: state.unified_id,
            cell: state.cell,
            retired_at: retirements.retired_at(identifier),
            facts: state.facts.clone(),
            orders,
            refunds,
        });
    }
    let outside = component.links.keys().flat_map(|it| [&it.a, &it.b]).filter(|it| !component.states.contains_key(*it));
    let outside: Vec<Identifier> = outside.cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let ends = store.identifiers(&outside).await?.into_iter().map(|(identifier, state)| EndOfFacts {
        retired_at: retirements.retired_at(&identifier),
        identifier,
        unified_id: state.unified_id,
        seen: state.facts.seen.clone(),
        neighbours: state.facts.neighbours.clone(),
    });
    let mut facts = ProfileFacts {
        policy_version: policy.version,
        policy: Policy::clone(policy),
        identifiers,
        ends: ends.collect(),
        zones: Vec::new(),
        links: component
            .links
            .into_iter()
            .map(|(pair, LinkState { seen, withheld })| LinkOfFacts { pair, seen, withheld })
            .collect(),
        decisions: about.into_values().collect(),
    };
    facts.zones.push(facts.offsets_of(policy.time_zone));
    facts.sort();
    Ok(FactsRead { facts, revision })
}

/// Everything reachable over decisions and over links of identifiers that may join profiles (open ones).
#[derive(Debug, Default)]
struct Component {
    states: BTreeMap<Identifier, Arc<IdentifierState>>,
    links: BTreeMap<Pair, LinkState>,
}

impl Component {
    async fn gather(
        &mut self,
        store: &Store,
        policy: &ActivePolicy,
        decisions: &Decisions,
        members: Vec<Identifier>,
    ) -> Result<(), FactsError> {
        let is_open = |identifier: &Identifier, state: &IdentifierState| {
            !is_shared(&identifier.kind, &state.facts.neighbours, policy) && !policy.blocks(&identifier.value)
        };
        let mut pending: BTreeSet<Identifier> = members.into_iter().collect();
        let mut closed = Vec::new();
        // Breadth first, so that each level is one read.
        while !pending.is_empty() {
            let level: Vec<Identifier> = std::mem::take(&mut pending).into_iter().collect();
            let states = store.identifiers(&level).await?;
            let mut open: Vec<Identifier> = Vec::new();
            for (identifier, state) in states {
                let others = decisions.of(&identifier).iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]);
                pending.extend(others.filter(|it| *it != identifier));
                if is_open(&identifier, &state) {
                    open.push(identifier.clone());
                } else {
                    closed.push(identifier.clone());
                }
                self.states.insert(identifier, state);
            }
            if MAX_IDENTIFIERS < self.states.len() {
                return Err(FactsError::TooMany);
            }
            let mut linked: BTreeSet<Identifier> = BTreeSet::new();
            for (pair, link) in store.links_of(&open).await? {
                linked.extend([pair.a.clone(), pair.b.clone()]);
                self.links.insert(pair, link);
            }
            let linked: Vec<Identifier> = linked.into_iter().filter(|it| !self.states.contains_key(it)).collect();
            let states = store.identifiers(&linked).await?;
            pending.extend(states.into_iter().filter(|(it, state)| is_open(it, state)).map(|(it, _)| it));
            pending.retain(|it| !self.states.contains_key(it));
        }
        // The links of open identifiers are collected; the rest are between two closed ones.
        if 1 < closed.len() {
            let links = store.links_of(&closed).await?;
            let is_within = |pair: &Pair| self.states.contains_key(&pair.a) && self.states.contains_key(&pair.b);
            self.links.extend(links.into_iter().filter(|(pair, _)| is_within(pair)));
        }
        Ok(())
    }
}
