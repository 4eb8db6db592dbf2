//! What a plan writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    evidence::{
        claim::{Claim, OrderState},
        decision::Decision,
        identifier_summary::Full,
        link::Pair,
    },
    graph::{
        lineage::Lineage,
        rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
        withheld::Withheld,
    },
    identifier::{Identifier, UnifiedId},
    message::order::{Order, Refund},
    time::Timestamp,
};

/// What became of an accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A message of that ID was accepted before; nothing changed.
    Duplicate,
    /// The profile is new.
    Created,
    /// Profiles that were apart are one now.
    Merged,
    /// An identifier or a link is new.
    Linked,
    /// Nothing but what is known of the profile changed.
    Updated,
    /// Some of its identifiers stay apart, and the first reason.
    Withheld(Withheld),
}

/// What must be written, all of it or nothing.
#[derive(Debug, Default)]
pub struct Changes {
    /// For each message of the batch what became of it, and the unified ID that it landed on (none for a duplicate).
    pub outcomes: Vec<(Outcome, Option<UnifiedId>)>,
    /// Messages, by their position in the batch, that found something full.
    pub over_capacity: BTreeMap<usize, BTreeSet<Full>>,
    /// For each message to be kept, by its position in the batch, its home's derived ID.
    pub kept: Vec<(usize, UnifiedId)>,
    /// `true` where the row is new.
    pub identifiers: BTreeMap<Identifier, (Arc<IdentifierState>, bool)>,
    /// `true` where the row is new.
    pub links: BTreeMap<Pair, (Arc<LinkState>, bool)>,
    /// `true` where the row is new.
    pub clusters: BTreeMap<ClusterKey, (Arc<ClusterState>, bool)>,
    pub removed_clusters: BTreeSet<ClusterKey>,
    pub orders: Vec<OrderChange>,
    /// By the key of the order; `true` where the row is new.
    pub order_states: BTreeMap<Arc<str>, (Arc<OrderState>, bool)>,
    pub refunds: Vec<RefundChange>,
    /// What of orders and refunds their senders should know, by the messages' positions in the batch.
    pub order_notes: BTreeMap<usize, OrderNote>,
    /// `true` where the row is new.
    pub sessions: BTreeMap<Arc<str>, (Arc<Claim>, bool)>,
    /// Every cluster, as it is now, of which anything changed.
    pub touched: BTreeSet<ClusterKey>,
    /// Links whose reason to be withheld changed.
    pub withheld: Vec<Pair>,
    /// `SAME` decisions, of the components that were computed again, that others keep from being followed.
    pub unmet: Vec<Decision>,
    /// Which of the profiles that existed before were merged and which were split.
    pub lineage: Vec<Lineage>,
    /// Identifiers that no message names any more, since all that did speak of another owner of the value.
    pub removed_identifiers: BTreeSet<Identifier>,
    /// Owners of a value that do not exist (any more), and the owner that their unified IDs lead to now.
    pub redirects: BTreeMap<Identifier, Identifier>,
    /// Links that no message makes any more.
    pub removed_links: BTreeSet<Pair>,
    /// Messages that are kept under another home from now on.
    pub moved: Vec<Moved>,
}

/// A message that is kept, and the derived IDs of its old home and of its new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub message_id: Arc<str>,
    pub at: Timestamp,
    pub from: UnifiedId,
    pub to: UnifiedId,
}

/// An order under its new home; where it was under another before, that home's derived ID.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderChange {
    pub home: UnifiedId,
    pub order: Order,
    pub leaves: Option<UnifiedId>,
    /// Whether a message before this batch reported this order.
    pub is_known: bool,
}

/// A refund under the identifier that it counts for now; where that was another one before, that one's derived ID.
#[derive(Debug, Clone, PartialEq)]
pub struct RefundChange {
    pub home: UnifiedId,
    pub refund: Refund,
    pub leaves: Option<UnifiedId>,
}

/// Something of an order or a refund that its sender should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderNote {
    /// The order was another customer's before.
    Moved,
    /// Another customer has an order of that ID, by a later message; this one is not counted.
    OfAnother,
    /// A refund of that ID was reported before; this one is not counted.
    RefundRepeated,
    /// More is given back of the order than was paid; net of refunds nothing falls below zero.
    RefundExceeds,
}
