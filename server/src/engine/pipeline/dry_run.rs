//! Dry runs: what a decision or a retirement would make of the customers, from the plan that its write would use.

use std::{collections::BTreeSet, sync::Arc};

use profile360_core::{
    graph::rows::{ClusterKey, ClusterState, IdentifierState},
    identifier::{Identifier, UnifiedId},
    plan::{changes::Changes, view::View},
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::{
    engine::{active_policy::ActivePolicy, planning::PlanContext},
    views::profile_view::{self, Customer, Purchased},
};

/// The most customers that each side of a preview contains.
const MAX_PREVIEWED: usize = 50;

/// What a command would do.
#[derive(Debug)]
pub struct Preview {
    /// The revision to expect when it is done.
    pub revision: String,
    /// The customers that it is about or changes, at most [`MAX_PREVIEWED`] of them.
    pub before: Vec<PreviewedCustomer>,
    /// What they would become.
    pub after: Vec<PreviewedCustomer>,
    /// How many customers on both sides there was no room for.
    pub n_omitted: usize,
}

/// A customer as it is, or as it would be.
#[derive(Debug)]
pub struct PreviewedCustomer {
    pub customer: Arc<Customer>,
    pub purchased: Purchased,
}

/// What a dry run has planned.
pub(super) struct Planned<'a> {
    pub view: &'a View,
    pub changes: &'a Changes,
    /// The identifiers that the command names.
    pub about: &'a BTreeSet<Identifier>,
    /// With the retirements that would be active.
    pub policy: &'a ActivePolicy,
}

/// Shows the result of a plan. The store of the context is the snapshot that the plan was made on.
pub(super) async fn preview_of(
    planned: &Planned<'_>,
    context: &PlanContext,
    revision: String,
) -> Result<Preview, StoreError> {
    let store = &context.store;
    let (old_keys, new_keys) = planned.keys();
    let n_omitted = old_keys.len().saturating_sub(MAX_PREVIEWED) + new_keys.len().saturating_sub(MAX_PREVIEWED);
    let shown_old: Vec<ClusterKey> = old_keys.iter().take(MAX_PREVIEWED).copied().collect();
    let mut before = Vec::with_capacity(shown_old.len());
    let mut loaded = profile_view::load(store, &context.policy, &shown_old).await?;
    for key in &shown_old {
        let customer = loaded.remove(key).ok_or(StoreError::Contradictory)?;
        let purchased = profile_view::purchases(store, &customer).await?;
        before.push(PreviewedCustomer { customer, purchased });
    }
    let mut after = Vec::new();
    for key in new_keys.iter().take(MAX_PREVIEWED) {
        after.push(previewed(planned, context, *key).await?);
    }
    Ok(Preview { revision, before, after, n_omitted })
}

/// A customer as a plan would leave it.
async fn previewed(
    planned: &Planned<'_>,
    context: &PlanContext,
    key: ClusterKey,
) -> Result<PreviewedCustomer, StoreError> {
    let Planned { view, changes, policy, .. } = planned;
    let cluster = match changes.clusters.get(&key) {
        Some((cluster, _)) => cluster.clone(),
        None => planned.stored_cluster(key).ok_or(StoreError::Contradictory)?,
    };
    let planned_state = |member: &Identifier| -> Option<Arc<IdentifierState>> {
        let changed = changes.identifiers.get(member).map(|(state, _)| state.clone());
        changed.or_else(|| view.identifiers.get(member)?.clone())
    };
    let unknown: Vec<Identifier> =
        cluster.members.iter().filter(|member| planned_state(member).is_none()).cloned().collect();
    let stored = context.store.identifiers(&unknown).await?;
    let mut members = Vec::with_capacity(cluster.members.len());
    for member in &cluster.members {
        let state = planned_state(member).or_else(|| stored.get(member).cloned()).ok_or(StoreError::Contradictory)?;
        members.push((member.clone(), state));
    }
    let homes: BTreeSet<UnifiedId> = members.iter().map(|(_, state)| state.unified_id).collect();
    let purchased = purchases_after(&context.store, changes, &homes).await?;
    let customer = profile_view::fold(key, cluster, members, policy);
    Ok(PreviewedCustomer { customer: Arc::new(customer), purchased })
}

/// The purchases under some identifiers, as a plan would leave them.
async fn purchases_after(
    store: &Store,
    changes: &Changes,
    homes: &BTreeSet<UnifiedId>,
) -> Result<Purchased, StoreError> {
    let moved_orders: BTreeSet<_> = changes.orders.iter().map(|it| &it.order.key).collect();
    let moved_refunds: BTreeSet<_> = changes.refunds.iter().map(|it| &it.refund.message_id).collect();
    let mut purchased = Purchased::default();
    for home in homes {
        for row in store.purchases(*home).await? {
            match row {
                PurchaseRow::Order(order) if !moved_orders.contains(&order.key) => purchased.orders.push(order),
                PurchaseRow::Refund(refund) if !moved_refunds.contains(&refund.message_id) => {
                    purchased.refunds.push(refund);
                }
                PurchaseRow::Order(_) | PurchaseRow::Refund(_) => {}
            }
        }
    }
    let is_here = |home: &UnifiedId| homes.contains(home);
    purchased.orders.extend(changes.orders.iter().filter(|it| is_here(&it.home)).map(|it| it.order.clone()));
    purchased.refunds.extend(changes.refunds.iter().filter(|it| is_here(&it.home)).map(|it| it.refund.clone()));
    Ok(purchased)
}

impl Planned<'_> {
    /// The clusters before and after: those of the named identifiers first, then others whose members change.
    fn keys(&self) -> (Vec<ClusterKey>, Vec<ClusterKey>) {
        let before = |identifier: &Identifier| Some(self.view.identifiers.get(identifier)?.as_ref()?.cluster);
        let after = |identifier: &Identifier| match self.changes.identifiers.get(identifier) {
            Some((state, _)) => Some(state.cluster),
            None if self.changes.removed_identifiers.contains(identifier) => None,
            None => before(identifier),
        };
        let mut old: Vec<ClusterKey> = self.about.iter().filter_map(before).collect();
        let mut new: Vec<ClusterKey> = self.about.iter().filter_map(after).collect();
        for (key, (cluster, _)) in &self.changes.clusters {
            let stored = self.stored_cluster(*key);
            if stored.as_ref().is_some_and(|stored| stored.members == cluster.members) {
                continue;
            }
            old.extend(stored.map(|_| *key));
            new.push(*key);
        }
        old.extend(&self.changes.removed_clusters);
        // What stays of a customer that is named before is shown after, too.
        new.extend(old.iter().filter(|key| !self.changes.removed_clusters.contains(key)));
        (distinct(old), distinct(new))
    }

    fn stored_cluster(&self, key: ClusterKey) -> Option<Arc<ClusterState>> {
        self.view.clusters.get(&key)?.clone()
    }
}

/// Each key once, where it comes first.
fn distinct(keys: Vec<ClusterKey>) -> Vec<ClusterKey> {
    let mut seen = BTreeSet::new();
    keys.into_iter().filter(|key| seen.insert(*key)).collect()
}
