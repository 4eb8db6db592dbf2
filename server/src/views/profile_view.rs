//! Reads whole customers from the store; core folds them into profiles.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use profile360_core::{
    evidence::decision::Decisions,
    graph::{
        input::is_shared,
        rows::{ClusterKey, ClusterState, IdentifierState},
    },
    identifier::{Identifier, UnifiedId},
    message::order::{Order, Refund},
    profile::{
        self,
        model::{Member, Profile},
        revision,
    },
    time::Timestamp,
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::engine::active_policy::ActivePolicy;

/// One customer, as of one commit.
#[derive(Debug)]
pub struct Customer {
    pub key: ClusterKey,
    pub cluster: Arc<ClusterState>,
    /// All members of the cluster, in its order.
    pub members: Vec<(Identifier, Arc<IdentifierState>)>,
    pub profile: Profile,
}

impl Customer {
    /// Changes whenever a fact, a decision or the policy changes this customer.
    pub fn revision(&self, decisions: &Decisions, policy: &ActivePolicy) -> String {
        let members = self.members.iter().map(|(identifier, state)| (identifier, &state.facts));
        revision::of_members(policy.version, members, policy.retirements(), decisions)
    }
}

/// All orders and refunds of a customer.
#[derive(Debug, Default)]
pub struct Purchased {
    pub orders: Vec<Order>,
    pub refunds: Vec<Refund>,
}

/// The customers of some clusters; a cluster that does not exist is in neither field.
#[derive(Debug, Default)]
pub struct Loaded {
    pub customers: BTreeMap<ClusterKey, Arc<Customer>>,
    /// Clusters that do not agree with the rows of their members: the database is damaged.
    pub contradictory: Vec<ClusterKey>,
}

/// Reads the customers of some clusters from one snapshot; omits clusters that do not exist.
///
/// # Errors
///
/// [`StoreError::Contradictory`] if a cluster does not agree with the rows of its members.
pub async fn load(
    store: &Store,
    policy: &ActivePolicy,
    keys: &[ClusterKey],
) -> Result<BTreeMap<ClusterKey, Arc<Customer>>, StoreError> {
    let Loaded { customers, contradictory } = load_some(store, policy, keys).await?;
    if contradictory.is_empty() { Ok(customers) } else { Err(StoreError::Contradictory) }
}

/// As [`load`], but one damaged customer does not keep the others back.
pub async fn load_some(store: &Store, policy: &ActivePolicy, keys: &[ClusterKey]) -> Result<Loaded, StoreError> {
    read(&store.snapshot(), policy, keys, BTreeMap::new()).await
}

/// Reads customers whose identifiers are partly read.
async fn read(
    snapshot: &Store,
    policy: &ActivePolicy,
    keys: &[ClusterKey],
    mut states: BTreeMap<Identifier, Arc<IdentifierState>>,
) -> Result<Loaded, StoreError> {
    let clusters = snapshot.clusters(keys).await?;
    let members = clusters.values().flat_map(|cluster| &cluster.members);
    let unread: Vec<Identifier> = members.filter(|member| !states.contains_key(member)).cloned().collect();
    if !unread.is_empty() {
        states.extend(snapshot.identifiers(&unread).await?);
    }
    let mut loaded = Loaded::default();
    for (key, cluster) in clusters {
        let member = |identifier: &Identifier| {
            let state = states.get(identifier).filter(|state| state.cluster == key)?;
            Some((identifier.clone(), state.clone()))
        };
        match cluster.members.iter().map(member).collect::<Option<Vec<_>>>() {
            Some(members) => {
                let customer = fold(key, cluster, members, policy);
                loaded.customers.insert(key, Arc::new(customer));
            }
            None => loaded.contradictory.push(key),
        }
    }
    Ok(loaded)
}

/// The customers that identifiers belong to, from one snapshot; omits identifiers that were never seen.
///
/// # Errors
///
/// [`StoreError::Contradictory`] if one belongs to a cluster that does not agree with the rows of its members.
pub async fn of_identifiers(
    store: &Store,
    policy: &ActivePolicy,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, Arc<Customer>>, StoreError> {
    let snapshot = store.snapshot();
    let states = snapshot.identifiers(identifiers).await?;
    let clusters: BTreeMap<Identifier, ClusterKey> =
        states.iter().map(|(identifier, state)| (identifier.clone(), state.cluster)).collect();
    let keys: BTreeSet<ClusterKey> = clusters.values().copied().collect();
    let loaded = read(&snapshot, policy, &keys.into_iter().collect::<Vec<_>>(), states).await?;
    let customer = |(identifier, key): (Identifier, ClusterKey)| match loaded.customers.get(&key) {
        Some(customer) => Ok((identifier, customer.clone())),
        None => Err(StoreError::Contradictory),
    };
    clusters.into_iter().map(customer).collect()
}

/// The customers of unified IDs, including superseded ones, from one snapshot; omits IDs that were never issued.
///
/// # Errors
///
/// [`StoreError::Contradictory`] if one belongs to a cluster that does not agree with the rows of its members.
pub async fn of_ids(
    store: &Store,
    policy: &ActivePolicy,
    ids: &[UnifiedId],
) -> Result<BTreeMap<UnifiedId, Arc<Customer>>, StoreError> {
    let snapshot = store.snapshot();
    let identifiers = snapshot.identifiers_by_id(ids).await?;
    let customers = of_identifiers(&snapshot, policy, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, it)| Some((id, customers.get(&it)?.clone()))).collect())
}

/// A customer of its members.
pub fn fold(
    key: ClusterKey,
    cluster: Arc<ClusterState>,
    members: Vec<(Identifier, Arc<IdentifierState>)>,
    policy: &ActivePolicy,
) -> Customer {
    let parts: Vec<Member<'_>> = members
        .iter()
        .map(|(identifier, state)| Member {
            identifier,
            uid: state.unified_id,
            first_seen: state.facts.seen.first_seen,
            last_seen: state.facts.seen.last_seen,
            sources: &state.facts.seen.sources,
            shared: is_shared(&identifier.kind, &state.facts.neighbors, policy),
            retired_at: policy.retirements().retired_at(identifier),
            summary: &state.facts.summary,
        })
        .collect();
    let profile = profile::fold::fold(&parts, cluster.unified_id, policy);
    Customer { key, cluster, members, profile }
}

/// Of all owners of a value, the newest that was seen; if none was, the owner at `now`.
pub async fn owner_of(
    store: &Store,
    policy: &ActivePolicy,
    value: &Identifier,
    now: Timestamp,
) -> Result<Identifier, StoreError> {
    let owners = policy.retirements().owners(value);
    if let [only] = owners.as_slice() {
        return Ok(only.clone());
    }
    let owner_now = policy.retirements().owner_at(value, now);
    let seen = store.identifiers(&owners).await?;
    let newest = seen.into_keys().rfind(|it| it.generation <= owner_now.generation);
    Ok(newest.unwrap_or(owner_now))
}

/// The clusters of identifiers; omits identifiers that were never seen.
pub async fn clusters_of_identifiers(
    store: &Store,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, ClusterKey>, StoreError> {
    let states = store.identifiers(identifiers).await?;
    Ok(states.into_iter().map(|(identifier, state)| (identifier, state.cluster)).collect())
}

/// The clusters of unified IDs, including superseded ones; omits IDs that were never issued.
pub async fn clusters_of_ids(store: &Store, ids: &[UnifiedId]) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    let snapshot = store.snapshot();
    let identifiers = snapshot.identifiers_by_id(ids).await?;
    clusters_of_derived(&snapshot, identifiers).await
}

/// The clusters of all unified IDs in a range, as [`clusters_of_ids`].
pub async fn clusters_of_id_range(
    store: &Store,
    ids: &RangeInclusive<UnifiedId>,
) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    let snapshot = store.snapshot();
    let identifiers = snapshot.identifiers_in(ids).await?;
    clusters_of_derived(&snapshot, identifiers).await
}

async fn clusters_of_derived(
    snapshot: &Store,
    identifiers: BTreeMap<UnifiedId, Identifier>,
) -> Result<BTreeMap<UnifiedId, ClusterKey>, StoreError> {
    let clusters = clusters_of_identifiers(snapshot, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, identifier)| Some((id, *clusters.get(&identifier)?))).collect())
}

/// Reads what a customer bought, from the snapshot that the customer is from.
pub async fn purchases(store: &Store, customer: &Customer) -> Result<Purchased, StoreError> {
    let mut purchased = Purchased::default();
    for (_, state) in &customer.members {
        // Purchases belong to the identifier that their message is stored under.
        if state.facts.summary.activity.event_count == 0 {
            continue;
        }
        for row in store.purchases(state.unified_id).await? {
            match row {
                PurchaseRow::Order(order) => purchased.orders.push(order),
                PurchaseRow::Refund(refund) => purchased.refunds.push(refund),
            }
        }
    }
    Ok(purchased)
}
