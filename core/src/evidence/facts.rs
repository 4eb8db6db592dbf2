//! Facts: what messages say, gathered per identifier and link, all of it at once.
//!
//! This is the definition that the incremental plan must agree with; the command line's `resolve`, `summarize` and `check`
//! use it directly.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    api_serde,
    evidence::{
        decision::Decision,
        identifier_summary::Facet,
        link::{Pair, Sightings, pairs_of},
        neighbours::Neighbours,
    },
    graph::resolve::{Edge, Node, Partition, Verdict, is_shared, resolve},
    identifier::{Identifier, Kind},
    message::{
        Message,
        order::{Currency, Order, OrderKey, Refund},
    },
    policy::CompiledPolicy,
    time::Timestamp,
};

/// What is known of one identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifierFacts {
    /// Sightings by any message that carried it.
    #[serde(rename = "s")]
    pub seen: Sightings,
    /// How many distinct identifiers of each kind it links to.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neighbours: BTreeMap<Kind, Neighbours>,
    /// What the messages say of which it is the strongest identifier.
    #[serde(rename = "f", default)]
    pub facet: Facet,
}

impl IdentifierFacts {
    pub(crate) fn new(message: &Message) -> Self {
        Self { seen: Sightings::of(message), neighbours: BTreeMap::new(), facet: Facet::default() }
    }

    /// Leaves out what there is no room for: rows of earlier versions may hold more than [`Facts::add`] keeps.
    pub fn keep(&mut self) {
        self.seen.keep();
        self.facet.keep();
    }

    /// `met` is when both were first seen together, of a neighbour that is stronger.
    pub(crate) fn add_neighbour(&mut self, kind: &Kind, met: Option<Timestamp>) {
        add_neighbour(&mut self.neighbours, kind, met);
    }
}

pub(crate) fn add_neighbour(neighbours: &mut BTreeMap<Kind, Neighbours>, kind: &Kind, met: Option<Timestamp>) {
    if let Some(known) = neighbours.get_mut(kind) {
        known.add(met);
        return;
    }
    let mut new = Neighbours::default();
    new.add(met);
    neighbours.insert(kind.clone(), new);
}

/// When an identifier met the other end of a new link, where that end is stronger.
pub(crate) fn met_stronger(one: &Identifier, message: &Message) -> Option<Timestamp> {
    let home = message.home();
    (one != home && one.kind != home.kind).then_some(message.at)
}

/// Takes note that a link was seen earlier than was known.
pub(crate) fn meet_earlier(
    neighbours: &mut BTreeMap<Kind, Neighbours>,
    stronger: &Kind,
    known: Timestamp,
    now: Timestamp,
) {
    if let Some(of_kind) = neighbours.get_mut(stronger) {
        of_kind.meet_earlier(known, now);
    }
}

/// Which message an order or a session belongs to, and under which identifier that message is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub at: Timestamp,
    pub message_id: Arc<str>,
    pub home: Identifier,
}

impl Claim {
    pub(crate) fn of(message: &Message) -> Self {
        Self { at: message.at, message_id: message.id.clone(), home: message.home().clone() }
    }

    /// The total order of messages in time.
    pub(crate) fn rank(&self) -> (Timestamp, &str) {
        (self.at, &self.message_id)
    }
}

/// Who has an order, and what was given back of it. Refunds come from anyone, also before the order does, so they are kept
/// here to be found by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// The message that is the order; none as long as only refunds name it.
    #[serde(flatten)]
    pub claim: Option<Claim>,
    /// What that message says was paid.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// By message ID, with the identifier that the message is kept under.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refunds: BTreeMap<Arc<str>, (Identifier, Refund)>,
}

/// What was paid for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub currency: Currency,
    #[serde(deserialize_with = "api_serde::read_decimal")]
    pub amount: Decimal,
}

impl OrderState {
    /// The identifier that a refund counts for: that of the order, else its sender's.
    pub(crate) fn place_of<'s>(&'s self, sender: &'s Identifier) -> &'s Identifier {
        self.claim.as_ref().map_or(sender, |it| &it.home)
    }

    /// Whether what refunds say they give back is more than was paid.
    pub(crate) fn is_exceeded(&self) -> bool {
        let Some(paid) = &self.paid else { return false };
        let mut refunds: Vec<&Refund> = self.refunds.values().map(|(_, it)| it).collect();
        refunds.sort_by_key(|it| (it.at, &it.message_id));
        let mut seen = BTreeSet::new();
        refunds.retain(|it| it.refund_id.as_ref().is_none_or(|id| seen.insert(id)));
        let of_order = refunds.into_iter().filter(|it| it.currency.is_none_or(|it| it == paid.currency));
        paid.amount < of_order.fold(Decimal::ZERO, |sum, it| sum.saturating_add(it.said_amount()))
    }

    /// The refund that counts in the place of one, where it is another of the same ID.
    pub(crate) fn first_told(&self, refund: &Refund) -> Option<&Refund> {
        let rank = |it: &Refund| (it.at, it.message_id.clone());
        let is_before = |it: &&Refund| it.refund_id == refund.refund_id && rank(it) < rank(refund);
        refund.refund_id.as_ref()?;
        self.refunds.values().map(|(_, it)| it).find(is_before)
    }
}

/// All facts of a base.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    messages: BTreeSet<Arc<str>>,
    pub identifiers: BTreeMap<Identifier, IdentifierFacts>,
    pub links: BTreeMap<Pair, Sightings>,
    pub decisions: Vec<Decision>,
    /// Each order once, under its latest message (time, then message ID), with that message's home.
    pub orders: BTreeMap<OrderKey, (Identifier, Order)>,
    /// Each refund, by the message that reports it, with that message's home. [`Facts::refunds_in_place`] says whom it counts for.
    pub refunds: BTreeMap<Arc<str>, (Identifier, Refund)>,
    /// Each session's earliest message.
    pub sessions: BTreeMap<Arc<str>, Claim>,
}

/// Identifiers, links and profiles of a whole base.
#[derive(Debug)]
pub struct Resolution<'a> {
    /// Ascending; the partition counts in these positions.
    pub identifiers: Vec<(&'a Identifier, &'a IdentifierFacts)>,
    /// Ascending; the partition's `withheld` counts in these positions.
    pub links: Vec<(&'a Pair, &'a Sightings)>,
    pub partition: Partition,
}

impl Facts {
    /// Takes a message; `false`, and nothing changes, where a message with its ID is there already.
    pub fn add(&mut self, message: &Message) -> bool {
        if !self.messages.insert(message.id.clone()) {
            return false;
        }
        for identifier in &message.identifiers {
            if let Some(facts) = self.identifiers.get_mut(identifier) {
                facts.seen.add(message);
            } else {
                self.identifiers.insert(identifier.clone(), IdentifierFacts::new(message));
            }
        }
        for pair in pairs_of(message) {
            if let Some(seen) = self.links.get_mut(&pair) {
                let known = seen.first_seen;
                seen.add(message);
                if message.at < known
                    && let Some(facts) = self.identifiers.get_mut(pair.other(message.home()))
                {
                    meet_earlier(&mut facts.neighbours, &message.home().kind, known, message.at);
                }
                continue;
            }
            for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
                if let Some(facts) = self.identifiers.get_mut(one) {
                    facts.add_neighbour(&other.kind, met_stronger(one, message));
                }
            }
            self.links.insert(pair, Sightings::of(message));
        }
        if let Some(facts) = self.identifiers.get_mut(message.home()) {
            facts.facet.add(message);
        }
        if let Some(session_id) = &message.session_id {
            self.claim_session(session_id, Claim::of(message));
        }
        if let Some(order) = &message.order {
            let is_newer = |(_, old): &(Identifier, Order)| (old.at, &old.message_id) < (order.at, &order.message_id);
            if self.orders.get(&order.key).is_none_or(is_newer) {
                self.orders.insert(order.key.clone(), (message.home().clone(), order.clone()));
            }
        }
        if let Some(refund) = &message.refund {
            self.refunds.insert(message.id.clone(), (message.home().clone(), refund.clone()));
        }
        true
    }

    /// Each refund with the identifier that it counts for: that of the order that it names, else its sender's.
    pub fn refunds_in_place(&self) -> impl Iterator<Item = (&Identifier, &Refund)> {
        self.refunds.values().map(|(sender, refund)| {
            let key = refund.order_id.clone().map(OrderKey::Order);
            let order = key.and_then(|it| self.orders.get(&it));
            (order.map_or(sender, |(home, _)| home), refund)
        })
    }

    fn claim_session(&mut self, session_id: &Arc<str>, claim: Claim) {
        let old = self.sessions.get(session_id);
        if old.is_some_and(|old| old.rank() <= claim.rank()) {
            return;
        }
        if let Some(facts) = old.and_then(|old| self.identifiers.get_mut(&old.home)) {
            facts.facet.activity.session_count -= 1;
        }
        if let Some(facts) = self.identifiers.get_mut(&claim.home) {
            facts.facet.activity.session_count += 1;
        }
        self.sessions.insert(session_id.clone(), claim);
    }

    /// The whole partition, from nothing but the facts and the policy.
    pub fn resolve(&self, policy: &CompiledPolicy) -> Resolution<'_> {
        let identifiers: Vec<(&Identifier, &IdentifierFacts)> = self.identifiers.iter().collect();
        let position_of = |it: &Identifier| identifiers.binary_search_by_key(&it, |(identifier, _)| *identifier).ok();
        let nodes: Vec<Node<'_>> = identifiers
            .iter()
            .map(|(identifier, facts)| Node {
                identifier,
                first_seen: facts.seen.first_seen,
                is_shared: is_shared(&identifier.kind, &facts.neighbours, policy),
            })
            .collect();
        let links: Vec<(&Pair, &Sightings)> = self.links.iter().collect();
        let edges: Vec<Edge> = links
            .iter()
            .filter_map(|(pair, seen)| {
                Some(Edge { a: position_of(&pair.a)?, b: position_of(&pair.b)?, first_seen: seen.first_seen })
            })
            .collect();
        let verdicts: Vec<Verdict<'_>> = self
            .decisions
            .iter()
            .filter(|it| it.revoked.is_none())
            .filter_map(|it| Some(Verdict { a: position_of(&it.pair.a)?, b: position_of(&it.pair.b)?, decision: it }))
            .collect();
        let partition = resolve(&nodes, &edges, &verdicts, policy);
        Resolution { identifiers, links, partition }
    }
}
