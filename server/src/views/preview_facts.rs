//! The facts that the browser's previews need: whole components, read as of one commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    evidence::decision::{Decision, Decisions},
    graph::{
        expand::{Need, Walk},
        input::is_open,
        rows::{ClusterKey, IdentifierState, LinkState},
    },
    identifier::{Identifier, UnifiedId},
    policy::document::Policy,
    preview::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts},
    profile::revision,
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::{
    engine::{
        active_policy::ActivePolicy,
        state::{Reading, State},
    },
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

/// Why the facts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    #[error("one of the unified IDs belongs to no profile")]
    NotFound,
    #[error(
        "these profiles are connected with more than {MAX_IDENTIFIERS} identifiers, which is too many for a preview"
    )]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the facts for previews of some profiles (see [`ProfileFacts`]), as of one commit.
pub async fn profile_facts(reading: &Reading, ids: &[UnifiedId]) -> Result<FactsRead, FactsError> {
    let State { policy, decisions, .. } = &*reading.state().await?;
    let store = &*reading.store;
    let named = profile_view::clusters_of_ids(store, ids).await?;
    if ids.iter().any(|it| !named.contains_key(it)) {
        return Err(FactsError::NotFound);
    }
    let keys: Vec<ClusterKey> = named.into_values().collect::<BTreeSet<_>>().into_iter().collect();
    let clusters = store.clusters(&keys).await?;
    let members = clusters.values().flat_map(|cluster| cluster.members.iter().cloned()).collect();
    let component = read_component(store, policy, decisions, members).await?;
    if clusters.values().flat_map(|cluster| &cluster.members).any(|member| !component.identifiers.contains_key(member))
    {
        return Err(FactsError::Store(StoreError::Contradictory));
    }

    let retirements = policy.retirements();
    let revisions = clusters.values().map(|cluster| {
        let facts_of = |member| Some((member, &component.identifiers.get(member)?.facts));
        revision::of_members(policy.version, cluster.members.iter().filter_map(facts_of), retirements, decisions)
    });
    let revision = revision::joint(revisions.collect());

    let about: BTreeMap<Arc<str>, Decision> = component
        .identifiers
        .keys()
        .flat_map(|it| decisions.of(it))
        .map(|it| (it.id.clone(), Decision::clone(it)))
        .collect();
    let mut identifiers = Vec::with_capacity(component.identifiers.len());
    for (identifier, state) in &component.identifiers {
        let (mut orders, mut refunds) = (Vec::new(), Vec::new());
        if 0 < state.facts.summary.activity.event_count {
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
            cluster: state.cluster,
            retired_at: retirements.retired_at(identifier),
            facts: state.facts.clone(),
            orders,
            refunds,
        });
    }
    let ends = component.ends.into_iter().map(|(identifier, state)| EndOfFacts {
        retired_at: retirements.retired_at(&identifier),
        identifier,
        unified_id: state.unified_id,
        seen: state.facts.seen.clone(),
        neighbors: state.facts.neighbors.clone(),
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

type Component = Walk<Arc<IdentifierState>, LinkState>;

/// Reads the component of some identifiers.
async fn read_component(
    store: &Store,
    policy: &ActivePolicy,
    decisions: &Decisions,
    members: Vec<Identifier>,
) -> Result<Component, FactsError> {
    let mut walk = Component::new(members);
    while let Some(need) = walk.need() {
        match need {
            Need::Identifiers(wanted) => {
                let states = store.identifiers(&wanted).await?;
                let is_open = |identifier: &Identifier, state: &Arc<IdentifierState>| {
                    is_open(identifier, &state.facts.neighbors, policy)
                };
                let decided = |identifier: &Identifier| {
                    let about = decisions.of(identifier).iter();
                    about.map(|decision| decision.pair.other(identifier).clone()).collect()
                };
                walk.add_identifiers(states, is_open, decided);
            }
            Need::LinksOf(wanted) => walk.add_links(store.links_of(&wanted).await?),
        }
        if MAX_IDENTIFIERS < walk.identifiers.len() {
            return Err(FactsError::TooMany);
        }
    }
    Ok(walk)
}
