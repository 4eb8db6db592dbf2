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
    identifier_facts::{IdentifierFacts, meet_earlier, met_stronger},
    link::{Pair, Sightings, pairs_of},
};
use crate::{
    graph::{
        base::Resolution,
        input::{Edge, Node, Verdict, is_shared},
        resolve::resolve,
    },
    identifier::Identifier,
    message::{
        Message,
        order::{Order, OrderKey, Refund},
    },
    policy::compiled::CompiledPolicy,
};

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
