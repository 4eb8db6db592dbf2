//! Facts: what messages say, gathered per identifier and link, all of it at once.
//!
//! This is the definition that the incremental plan must agree with; the command line's `resolve`, `summarize` and `check`
//! use it directly.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    claim::Claim,
    decision::Decision,
    identifier_facts::IdentifierFacts,
    link::{Observations, Pair},
    observe::{FactRows, claim_session, observe},
};
use crate::{
    identifier::Identifier,
    message::{
        Message,
        order::{Order, OrderKey, Refund},
    },
};

/// All facts of a base.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    messages: BTreeSet<Arc<str>>,
    pub identifiers: BTreeMap<Identifier, IdentifierFacts>,
    pub links: BTreeMap<Pair, Observations>,
    pub decisions: Vec<Decision>,
    /// Each order once, under its latest message (time, then message ID), with that message's home.
    pub orders: BTreeMap<OrderKey, (Identifier, Order)>,
    /// Each refund, by the message that reports it, with that message's home. [`Facts::refunds_in_place`] gives the identifier that it counts for.
    pub refunds: BTreeMap<Arc<str>, (Identifier, Refund)>,
    /// Each session's earliest message.
    pub sessions: BTreeMap<Arc<str>, Claim>,
}

impl Facts {
    /// Adds a message. Returns `false` without a change where a message of its ID was added before.
    pub fn add(&mut self, message: &Message) -> bool {
        if !self.messages.insert(message.id.clone()) {
            return false;
        }
        observe(self, message);
        claim_session(self, message);
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
}

impl FactRows for Facts {
    fn observe_identifier(&mut self, identifier: &Identifier, message: &Message) -> bool {
        match self.identifiers.get_mut(identifier) {
            Some(facts) => facts.seen.add(message),
            None => {
                self.identifiers.insert(identifier.clone(), IdentifierFacts::new(message));
                true
            }
        }
    }

    fn facts_mut(&mut self, identifier: &Identifier) -> Option<&mut IdentifierFacts> {
        self.identifiers.get_mut(identifier)
    }

    fn link_mut(&mut self, pair: &Pair) -> Option<&mut Observations> {
        self.links.get_mut(pair)
    }

    fn add_link(&mut self, pair: Pair, seen: Observations) {
        self.links.insert(pair, seen);
    }

    fn session(&self, session_id: &Arc<str>) -> Option<Claim> {
        self.sessions.get(session_id).cloned()
    }

    fn set_session(&mut self, session_id: &Arc<str>, claim: Claim) {
        self.sessions.insert(session_id.clone(), claim);
    }
}
