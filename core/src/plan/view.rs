//! The rows that were loaded.

use std::{collections::BTreeMap, sync::Arc};

use super::needs::Needs;
use crate::{
    evidence::{
        claim::{Claim, OrderState},
        link::Pair,
    },
    graph::rows::{CellKey, CellState, IdentifierState, LinkState},
    identifier::Identifier,
};

/// What was loaded. A key that was asked for and has no row is there with `None`.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Whether a message of that ID was taken before.
    pub messages: BTreeMap<Arc<str>, bool>,
    pub identifiers: BTreeMap<Identifier, Option<Arc<IdentifierState>>>,
    pub links: BTreeMap<Pair, Option<Arc<LinkState>>>,
    pub cells: BTreeMap<CellKey, Option<Arc<CellState>>>,
    pub orders: BTreeMap<Arc<str>, Option<Arc<OrderState>>>,
    pub sessions: BTreeMap<Arc<str>, Option<Arc<Claim>>>,
    /// The stored links of an identifier; their states are in `links`.
    pub links_of: BTreeMap<Identifier, Arc<[Pair]>>,
}

impl View {
    pub(super) fn identifier(&self, it: &Identifier) -> Option<&Arc<IdentifierState>> {
        self.identifiers.get(it)?.as_ref()
    }

    pub(super) fn cell(&self, key: CellKey) -> Option<&Arc<CellState>> {
        self.cells.get(&key)?.as_ref()
    }

    /// Whether rows do not fit together: one names another that was looked for and is not there. Then some were read before
    /// another writer's commit and some after it, and no further one will mend that.
    pub fn is_torn(&self, needs: &Needs) -> bool {
        let is_gone = |it: &Arc<IdentifierState>| self.cells.get(&it.cell).is_some_and(Option::is_none);
        needs.cells.iter().any(|it| self.cells.contains_key(it))
            || needs.identifiers.iter().any(|it| self.identifiers.contains_key(it))
            // Once, at the end: everything is looked at for it.
            || (needs.is_empty() && self.identifiers.values().flatten().any(is_gone))
    }
}

pub(super) fn stored_order<'v>(order_id: &Arc<str>, view: &'v View) -> Option<&'v OrderState> {
    view.orders.get(order_id)?.as_deref()
}
