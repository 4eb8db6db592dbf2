//! Messages: what they say goes into the draft.

use std::{collections::BTreeSet, sync::Arc};

use super::{changes::RefundChange, draft::Draft, inputs::Rules, needs::places_of, view::View};
use crate::{
    evidence::{
        claim::{Claim, Paid},
        identifier_facts::IdentifierFacts,
        identifier_summary::Full,
        link::{Observations, Pair},
        observe::{FactRows, claim_session, observe},
    },
    graph::rows::{ClusterKey, LinkState},
    identifier::{
        Identifier,
        unified_id::{IdSecret, unified_id},
    },
    message::{
        Message,
        order::{Order, OrderKey, Refund},
    },
};

impl Draft {
    /// Applies messages.
    pub(super) fn of_messages(messages: &Arc<[Message]>, view: &View, rules: &Rules) -> Self {
        let mut draft = Self::empty(messages.clone(), rules);
        let mut seen = BTreeSet::new();
        let mut earlier_links = BTreeSet::new();
        for (position, message) in messages.iter().enumerate() {
            let is_stored = view.messages.get(&message.id).copied().unwrap_or(false);
            let is_duplicate = is_stored || !seen.insert(message.id.clone());
            draft.is_duplicate.push(is_duplicate);
            if is_duplicate {
                continue;
            }
            let full = draft.add_facts(message, view, &rules.secret, &mut earlier_links);
            if !full.is_empty() {
                draft.over_capacity.insert(position, full);
            }
        }
        draft.find_newly_shared(&earlier_links, view);
        draft.rename_by_earlier_members(view);
        for pair in earlier_links {
            let ends = [draft.cluster_of(&pair.a, view), draft.cluster_of(&pair.b, view)];
            if ends.iter().any(|it| draft.is_contested(*it, view)) {
                draft.to_resolve.extend(ends);
            }
        }
        for pair in std::mem::take(&mut draft.new_links) {
            draft.follow(&pair, view);
            draft.new_links.insert(pair);
        }
        draft
    }

    /// Adds what a message says. Returns which parts of the facts are full.
    pub(super) fn add_facts(
        &mut self,
        message: &Message,
        view: &View,
        secret: &IdSecret,
        earlier_links: &mut BTreeSet<Pair>,
    ) -> BTreeSet<Full> {
        let mut rows = DraftRows { draft: self, view, secret, earlier_links };
        let full = observe(&mut rows, message);
        claim_session(&mut rows, message);
        if let Some(order) = &message.order {
            self.claim_order(order, Claim::of(message), view);
        }
        if let Some(refund) = &message.refund {
            self.add_refund(refund, message.home(), view);
        }
        full
    }

    pub(super) fn claim_order(&mut self, order: &Order, claim: Claim, view: &View) {
        if let OrderKey::Order(order_id) = &order.key {
            let state = self.order_state_mut(order_id, view);
            if state.claim.as_ref().is_some_and(|old| claim.rank() <= old.rank()) {
                return;
            }
            let losers: Vec<Identifier> = places_of(state).cloned().collect();
            state.paid = Some(Paid { currency: order.currency, amount: order.amount });
            state.claim = Some(claim.clone());
            // Who loses the order, or the refund of one that was not there yet, changes too.
            for home in losers {
                self.state_mut(&home, view);
            }
        }
        self.orders.insert(order.key.clone(), (claim.home, order.clone()));
    }

    pub(super) fn add_refund(&mut self, refund: &Refund, sender: &Identifier, view: &View) {
        let Some(order_id) = &refund.order_id else {
            if let Some(state) = self.identifiers.get(sender) {
                self.refunds.push(RefundChange { home: state.unified_id, refund: refund.clone(), leaves: None });
            }
            return;
        };
        let state = self.order_state_mut(order_id, view);
        state.refunds.insert(refund.message_id.clone(), (sender.clone(), refund.clone()));
        if let Some(home) = state.claim.as_ref().map(|it| it.home.clone()) {
            self.state_mut(&home, view);
        }
    }
}

/// A draft as the place where facts are kept: rows are copied from the view when they first change.
struct DraftRows<'d> {
    draft: &'d mut Draft,
    view: &'d View,
    secret: &'d IdSecret,
    /// Stored links that turned out to be older than was known.
    earlier_links: &'d mut BTreeSet<Pair>,
}

impl FactRows for DraftRows<'_> {
    fn observe_identifier(&mut self, identifier: &Identifier, message: &Message) -> bool {
        if let Some(state) = self.draft.state_mut(identifier, self.view) {
            return state.facts.seen.add(message);
        }
        self.draft.start_cluster(identifier, IdentifierFacts::new(message), self.secret);
        if !self.draft.decisions.of(identifier).is_empty() {
            self.draft.to_resolve.insert(ClusterKey(unified_id(identifier, self.secret)));
        }
        true
    }

    fn facts_mut(&mut self, identifier: &Identifier) -> Option<&mut IdentifierFacts> {
        self.draft.state_mut(identifier, self.view).map(|state| &mut state.facts)
    }

    fn link_mut(&mut self, pair: &Pair) -> Option<&mut Observations> {
        if !self.draft.links.contains_key(pair) {
            let stored = self.view.links.get(pair)?.as_deref()?;
            self.draft.links.insert(pair.clone(), stored.clone());
        }
        self.draft.links.get_mut(pair).map(|link| &mut link.seen)
    }

    fn add_link(&mut self, pair: Pair, seen: Observations) {
        self.draft.new_links.insert(pair.clone());
        self.draft.links.insert(pair, LinkState { seen, withheld: None });
    }

    fn link_is_earlier(&mut self, pair: Pair) {
        if !self.draft.new_links.contains(&pair) {
            self.earlier_links.insert(pair);
        }
    }

    fn session(&self, session_id: &Arc<str>) -> Option<Claim> {
        let stored = || self.view.sessions.get(session_id).and_then(Option::as_deref);
        self.draft.sessions.get(session_id).or_else(stored).cloned()
    }

    fn set_session(&mut self, session_id: &Arc<str>, claim: Claim) {
        self.draft.sessions.insert(session_id.clone(), claim);
    }
}
