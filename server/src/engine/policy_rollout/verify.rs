//! Verifies a projection before it becomes active: its counts, and a sample of customers computed from the evidence.

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::{
    evidence::{decision::Decisions, facts::Facts, link::Pair},
    graph::rows::{ClusterKey, ClusterState, IdentifierState},
    identifier::{Identifier, unified_id::unified_id},
    message::parse::parse_kept,
    time::Timestamp,
};
use profile360_store::{RowCounts, Store, StoreError};

use super::fill::Fill;
use crate::engine::{snapshot::Snapshot, state::State};

/// Customers in the sample.
const SAMPLE: usize = 64;
/// Larger components are left out of the sample: reading them would take long.
const MAX_IDENTIFIERS: usize = 200;
const MAX_MESSAGES: u64 = 5_000;

/// Fails with [`StoreError::Incomplete`] if the projection is not what the journal says.
pub(super) async fn verify(fill: &Fill) -> Result<(), StoreError> {
    let RowCounts { identifiers, .. } = fill.check_counts().await?;
    let Snapshot { store, .. } = fill.target();
    let mut n_members = 0;
    let mut sample: Vec<ClusterKey> = Vec::new();
    let shares = store.shares().await?;
    let per_share = SAMPLE.div_ceil(shares.len());
    for share in shares {
        let clusters = store.clusters_in(&share).await?;
        n_members += clusters.iter().map(|(_, cluster)| cluster.members.len() as u64).sum::<u64>();
        if sample.len() < SAMPLE {
            let step = clusters.len().div_ceil(per_share).max(1);
            sample.extend(clusters.iter().step_by(step).map(|(key, _)| *key));
        }
    }
    if n_members != identifiers {
        let reason = format!("it has {identifiers} identifiers, and its customers have {n_members}");
        return Err(StoreError::Incomplete { reason });
    }
    let partners = partners_by(&fill.target().states.last().decisions);
    let mut n_checked = 0;
    for key in sample {
        n_checked += u64::from(check_customer(fill.target(), key, &partners).await?);
    }
    tracing::info!(identifiers, customers = n_checked, "verified the next projection");
    Ok(())
}

/// The other identifiers of the active decisions about each identifier.
fn partners_by(decisions: &Decisions) -> BTreeMap<Identifier, Vec<Identifier>> {
    let mut partners: BTreeMap<Identifier, Vec<Identifier>> = BTreeMap::new();
    for decision in decisions.iter().filter(|it| it.is_active()) {
        let Pair { a, b } = &decision.pair;
        partners.entry(a.clone()).or_default().push(b.clone());
        partners.entry(b.clone()).or_default().push(a.clone());
    }
    partners
}

/// Computes a customer, and everything that it is connected with, from the evidence. `false` if that is too much.
async fn check_customer(
    target: &Snapshot,
    key: ClusterKey,
    partners: &BTreeMap<Identifier, Vec<Identifier>>,
) -> Result<bool, StoreError> {
    let Snapshot { store, secret, states, .. } = target;
    let State { policy, decisions, .. } = &*states.last();
    let Some(cluster) = store.clusters(&[key]).await?.remove(&key) else { return Ok(false) };
    let Some(states) = component(store, &cluster, partners).await? else { return Ok(false) };
    let retirements = policy.retirements();
    let mut facts = Facts::default();
    let is_about = |pair: &Pair| states.contains_key(&pair.a) || states.contains_key(&pair.b);
    facts.decisions = decisions.iter().filter(|it| is_about(&it.pair)).map(|it| (**it).clone()).collect();
    for state in states.values() {
        for event in store.events(state.unified_id, Timestamp::EARLIEST, Timestamp::LATEST).await? {
            let Ok(mut accepted) = parse_kept(&event.payload, policy) else {
                return Err(differs("a message of its timeline is not readable under its policy"));
            };
            retirements.assign(&mut accepted.message);
            facts.add(&accepted.message);
        }
    }
    let resolution = facts.resolve(policy);
    let partition = &resolution.partition;
    if resolution.identifiers.len() != states.len() {
        return Err(differs("a customer of the sample has other identifiers than its messages name"));
    }
    for (node, (identifier, expected)) in resolution.identifiers.iter().enumerate() {
        let Some(state) = states.get(*identifier) else {
            return Err(differs("an identifier of the sample is missing"));
        };
        if state.facts.seen != expected.seen {
            return Err(differs("an identifier of the sample was seen in other messages"));
        }
        let group = partition.cluster_of[node];
        let stored = store.clusters(&[state.cluster]).await?.remove(&state.cluster);
        let members = partition.clusters[group].iter().map(|it| resolution.identifiers[*it].0);
        let anchor = resolution.identifiers[partition.anchors[group]].0;
        let is_same =
            stored.is_some_and(|it| it.members.iter().eq(members) && it.unified_id == unified_id(anchor, secret));
        if !is_same {
            return Err(differs("a customer of the sample has other members than its evidence says"));
        }
    }
    Ok(true)
}

/// All identifiers that are connected with a customer by links or decisions. `None` if there are too many, or too many messages.
async fn component(
    store: &Store,
    cluster: &ClusterState,
    partners: &BTreeMap<Identifier, Vec<Identifier>>,
) -> Result<Option<BTreeMap<Identifier, std::sync::Arc<IdentifierState>>>, StoreError> {
    let mut known: BTreeSet<Identifier> = BTreeSet::new();
    let mut next: Vec<Identifier> = cluster.members.clone();
    while !next.is_empty() {
        known.extend(next.iter().cloned());
        if MAX_IDENTIFIERS < known.len() {
            return Ok(None);
        }
        let states = store.identifiers(&next).await?;
        if states.values().map(|it| it.facts.seen.count).sum::<u64>() > MAX_MESSAGES {
            return Ok(None);
        }
        let links = store.links_of(&next).await?;
        let linked = links.into_keys().flat_map(|pair| [pair.a, pair.b]);
        let decided = next.iter().filter_map(|it| partners.get(it)).flatten().cloned();
        let reached: BTreeSet<Identifier> = linked.chain(decided).collect();
        next = reached.into_iter().filter(|it| !known.contains(it)).collect();
    }
    Ok(Some(store.identifiers(&known.into_iter().collect::<Vec<_>>()).await?))
}

fn differs(reason: &str) -> StoreError {
    StoreError::Incomplete { reason: reason.to_owned() }
}
