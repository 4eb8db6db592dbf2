//! A draft: messages and decisions applied to the rows that were loaded.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use super::{
    changes::{Moved, RefundChange},
    dirty_search::DirtySearch,
    inputs::{NewEvidence, Rules},
    view::{View, stored_order},
};
use crate::{
    evidence::{
        claim::{Claim, OrderState},
        decision::{Decision, Decisions},
        identifier_facts::IdentifierFacts,
        identifier_summary::Full,
        link::Pair,
    },
    graph::{
        input::is_shared,
        rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    },
    identifier::{
        Identifier, Kind, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::{
        Message,
        order::{Order, OrderKey},
    },
    policy::compiled::CompiledPolicy,
};

/// Messages applied to the rows that were loaded, before the clusters are final.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) messages: Arc<[Message]>,
    pub(super) policy: Arc<CompiledPolicy>,
    pub(super) decisions: Arc<Decisions>,
    pub(super) is_duplicate: Vec<bool>,
    pub(super) over_capacity: BTreeMap<usize, BTreeSet<Full>>,
    pub(super) identifiers: BTreeMap<Identifier, IdentifierState>,
    pub(super) links: BTreeMap<Pair, LinkState>,
    pub(super) new_links: BTreeSet<Pair>,
    /// Those that a message of the batch is now, with its home.
    pub(super) orders: BTreeMap<OrderKey, (Identifier, Order)>,
    /// By their keys; some as they were.
    pub(super) order_states: BTreeMap<Arc<str>, OrderState>,
    /// Those that name no order.
    pub(super) refunds: Vec<RefundChange>,
    pub(super) sessions: BTreeMap<Arc<str>, Claim>,
    /// Clusters that are new or changed by a plain join, as they are now; the members are brought in order at the end.
    pub(super) clusters: BTreeMap<ClusterKey, ClusterState>,
    /// How many of each kind a cluster has, of those that were asked for.
    pub(super) n_of_kinds: BTreeMap<ClusterKey, BTreeMap<Kind, u32>>,
    pub(super) removed_clusters: BTreeSet<ClusterKey>,
    /// Where the members of removed clusters are now.
    pub(super) moved: BTreeMap<ClusterKey, ClusterKey>,
    /// Clusters that must be computed again.
    pub(super) to_resolve: BTreeSet<ClusterKey>,
    /// Identifiers that carry links no more from this batch on.
    pub(super) newly_shared: BTreeSet<Identifier>,
    pub(super) dirty: DirtySearch,
    pub(super) unmet: Vec<Decision>,
    pub(super) removed_identifiers: BTreeSet<Identifier>,
    pub(super) redirects: BTreeMap<Identifier, Identifier>,
    pub(super) removed_links: BTreeSet<Pair>,
    pub(super) moved_messages: Vec<Moved>,
    /// Where orders lie now that change their home with their message.
    pub(super) moved_orders: BTreeMap<OrderKey, UnifiedId>,
}

impl Draft {
    /// Applies new evidence. The view must hold the rows that it names.
    pub(super) fn of(evidence: &NewEvidence, view: &View, rules: &Rules) -> Self {
        match evidence {
            NewEvidence::Messages(messages) => Self::of_messages(messages, view, rules),
            NewEvidence::Decisions(changed) => Self::of_decisions(changed, view, rules),
            NewEvidence::Retirement(reassignment) => Self::of_retirement(reassignment, view, rules),
        }
    }

    pub(super) fn empty(messages: Arc<[Message]>, rules: &Rules) -> Self {
        Self {
            is_duplicate: Vec::with_capacity(messages.len()),
            messages,
            policy: rules.policy.clone(),
            decisions: rules.decisions.clone(),
            over_capacity: BTreeMap::new(),
            identifiers: BTreeMap::new(),
            links: BTreeMap::new(),
            new_links: BTreeSet::new(),
            orders: BTreeMap::new(),
            order_states: BTreeMap::new(),
            refunds: Vec::new(),
            sessions: BTreeMap::new(),
            clusters: BTreeMap::new(),
            n_of_kinds: BTreeMap::new(),
            removed_clusters: BTreeSet::new(),
            moved: BTreeMap::new(),
            to_resolve: BTreeSet::new(),
            newly_shared: BTreeSet::new(),
            dirty: DirtySearch::default(),
            unmet: Vec::new(),
            removed_identifiers: BTreeSet::new(),
            redirects: BTreeMap::new(),
            removed_links: BTreeSet::new(),
            moved_messages: Vec::new(),
            moved_orders: BTreeMap::new(),
        }
    }

    /// Applies decisions that were made or revoked.
    fn of_decisions(changed: &[Decision], view: &View, rules: &Rules) -> Self {
        let mut draft = Self::empty(Arc::default(), rules);
        for end in changed.iter().flat_map(|it| [&it.pair.a, &it.pair.b]) {
            // An identifier that was never seen has no cluster yet; its first message looks the decision up.
            if let Some(state) = view.identifier(end) {
                draft.to_resolve.insert(state.cluster);
            }
        }
        draft
    }

    /// Adds an identifier that was never seen, in a cluster of its own.
    pub(super) fn start_cluster(&mut self, identifier: &Identifier, facts: IdentifierFacts, secret: &IdSecret) {
        let unified_id = unified_id(identifier, secret);
        let key = ClusterKey(unified_id);
        let cluster = ClusterState {
            members: vec![identifier.clone()],
            anchor: identifier.clone(),
            anchor_first_seen: facts.seen.first_seen,
            unified_id,
            is_contested: false,
        };
        self.clusters.insert(key, cluster);
        self.identifiers.insert(identifier.clone(), IdentifierState { unified_id, cluster: key, facts });
    }

    /// The state of a known identifier, for change.
    pub(super) fn state_mut(&mut self, identifier: &Identifier, view: &View) -> Option<&mut IdentifierState> {
        if !self.identifiers.contains_key(identifier) {
            let stored = view.identifier(identifier)?;
            self.identifiers.insert(identifier.clone(), IdentifierState::clone(stored));
        }
        self.identifiers.get_mut(identifier)
    }

    /// What is known of an order, for change.
    pub(super) fn order_state_mut(&mut self, order_id: &Arc<str>, view: &View) -> &mut OrderState {
        self.order_states
            .entry(order_id.clone())
            .or_insert_with(|| stored_order(order_id, view).cloned().unwrap_or_default())
    }

    pub(super) fn state<'s>(&'s self, identifier: &Identifier, view: &'s View) -> Option<&'s IdentifierState> {
        if self.removed_identifiers.contains(identifier) {
            return None;
        }
        self.identifiers.get(identifier).or_else(|| view.identifier(identifier).map(AsRef::as_ref))
    }

    pub(super) fn is_shared(&self, identifier: &Identifier, view: &View) -> bool {
        self.state(identifier, view).is_some_and(|it| self.is_shared_by(&identifier.kind, &it.facts))
    }

    pub(super) fn is_shared_by(&self, kind: &Kind, facts: &IdentifierFacts) -> bool {
        is_shared(kind, &facts.neighbors, &self.policy)
    }

    /// The cluster that an identifier is in now. Every identifier that is asked for is known; an unknown one gets the nil cluster.
    pub(super) fn cluster_of(&self, identifier: &Identifier, view: &View) -> ClusterKey {
        let key = self.state(identifier, view).map_or(ClusterKey(UnifiedId(uuid::Uuid::nil())), |it| it.cluster);
        self.current(key)
    }

    /// Where the members of a cluster are now.
    pub(super) fn current(&self, mut key: ClusterKey) -> ClusterKey {
        while let Some(into) = self.moved.get(&key) {
            key = *into;
        }
        key
    }

    pub(super) fn cluster<'s>(&'s self, key: ClusterKey, view: &'s View) -> Option<&'s ClusterState> {
        self.clusters.get(&key).or_else(|| view.cluster(key).map(AsRef::as_ref))
    }

    pub(super) fn cluster_mut(&mut self, key: ClusterKey, view: &View) -> Option<&mut ClusterState> {
        match self.clusters.entry(key) {
            Entry::Occupied(found) => Some(found.into_mut()),
            Entry::Vacant(free) => Some(free.insert(ClusterState::clone(view.cluster(key)?))),
        }
    }

    pub(super) fn is_contested(&self, key: ClusterKey, view: &View) -> bool {
        self.to_resolve.contains(&key) || self.cluster(key, view).is_some_and(|it| it.is_contested)
    }
}
