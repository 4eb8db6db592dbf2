//! Rows: which a plan must see, and those that were loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    evidence::{
        claim::{Claim, OrderState},
        link::Pair,
    },
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::Identifier,
};

/// Keys whose rows a plan must see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub messages: BTreeSet<Arc<str>>,
    pub identifiers: BTreeSet<Identifier>,
    pub links: BTreeSet<Pair>,
    pub clusters: BTreeSet<ClusterKey>,
    pub orders: BTreeSet<Arc<str>>,
    pub sessions: BTreeSet<Arc<str>>,
    /// Identifiers all of whose links are needed.
    pub links_of: BTreeSet<Identifier>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The needs that a view does not contain.
    #[must_use]
    pub fn without(mut self, view: &View) -> Self {
        self.messages.retain(|key| !view.messages.contains_key(key));
        self.identifiers.retain(|key| !view.identifiers.contains_key(key));
        self.links.retain(|key| !view.links.contains_key(key));
        self.clusters.retain(|key| !view.clusters.contains_key(key));
        self.orders.retain(|key| !view.orders.contains_key(key));
        self.sessions.retain(|key| !view.sessions.contains_key(key));
        self.links_of.retain(|key| !view.links_of.contains_key(key));
        self
    }
}

/// What was loaded. A key that was asked for and has no row is there with `None`.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether a message of that ID was accepted before.
    pub messages: BTreeMap<Arc<str>, bool>,
    pub identifiers: BTreeMap<Identifier, Option<Arc<IdentifierState>>>,
    pub links: BTreeMap<Pair, Option<Arc<LinkState>>>,
    pub clusters: BTreeMap<ClusterKey, Option<Arc<ClusterState>>>,
    pub orders: BTreeMap<Arc<str>, Option<Arc<OrderState>>>,
    pub sessions: BTreeMap<Arc<str>, Option<Arc<Claim>>>,
    /// The stored links of an identifier; their states are in `links`.
    pub links_of: BTreeMap<Identifier, Arc<[Pair]>>,
}

impl View {
    pub(super) fn identifier(&self, it: &Identifier) -> Option<&Arc<IdentifierState>> {
        self.identifiers.get(it)?.as_ref()
    }

    pub(super) fn cluster(&self, key: ClusterKey) -> Option<&Arc<ClusterState>> {
        self.clusters.get(&key)?.as_ref()
    }

    /// Whether rows do not fit together: one names another that was looked for and is not there. Then some were read before
    /// another writer's commit and some after it, and no further one will mend that.
    pub(super) fn is_torn(&self, needs: &Needs) -> bool {
        let is_gone = |it: &Arc<IdentifierState>| self.clusters.get(&it.cluster).is_some_and(Option::is_none);
        needs.clusters.iter().any(|it| self.clusters.contains_key(it))
            || needs.identifiers.iter().any(|it| self.identifiers.contains_key(it))
            // Once, at the end: everything is looked at for it.
            || (needs.is_empty() && self.identifiers.values().flatten().any(is_gone))
    }
}

pub(super) fn stored_order<'v>(order_id: &Arc<str>, view: &'v View) -> Option<&'v OrderState> {
    view.orders.get(order_id)?.as_deref()
}
