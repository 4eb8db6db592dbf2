//! Retirements, made or revoked: the messages that name the value are read once more, and each speaks of the owner of its
//! own time.
//!
//! What a message says does not change, nor does its strongest identifier, but for the value's generation. So only the
//! value's owners have other facts than before, and identifiers that are linked to them another number of neighbors; the components
//! of all these are computed again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    changes::{Moved, RefundChange},
    draft::Draft,
    inputs::{Reassignment, Rules},
    view::{View, stored_order},
};
use crate::{
    evidence::{
        claim::Claim,
        facts::Facts,
        identifier_facts::IdentifierFacts,
        link::{Observations, Pair, pairs_of},
        neighbors::Neighbors,
        observe::observe,
        retirement::Retirements,
    },
    graph::{
        rows::{ClusterKey, IdentifierState, LinkState},
        withheld::Withheld,
    },
    identifier::{
        Identifier,
        unified_id::{IdSecret, unified_id},
    },
    message::{Message, order::OrderKey},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// The identifiers under which messages that name a value can be kept: its owners, and those stronger ones that they are
/// linked to. `links` are all links of the owners.
pub fn homes_of_value<'a>(
    owners: &'a [Identifier],
    links: impl Iterator<Item = &'a Pair>,
    policy: &CompiledPolicy,
) -> BTreeSet<&'a Identifier> {
    let strength = |it: &Identifier| (policy.priority(&it.kind), it.value.clone());
    let mut homes: BTreeSet<&Identifier> = owners.iter().collect();
    for pair in links {
        let (owner, other) = if owners.contains(&pair.a) { (&pair.a, &pair.b) } else { (&pair.b, &pair.a) };
        if strength(other) < strength(owner) {
            homes.insert(other);
        }
    }
    homes
}

/// The identifiers that are linked to a value and keep no days of their neighbors of its kind, but will where some are gone:
/// all of their links are needed.
pub(super) fn to_count_again(value: &Identifier, view: &View) -> BTreeSet<Identifier> {
    // No value has had more owners than an operator can name.
    const MOST_OWNERS: u32 = 1_000;
    let linked = view.links.keys().filter(|pair| is_of_value(pair, value)).flat_map(|pair| [&pair.a, &pair.b]);
    let is_at_bound = |identifier: &&Identifier| {
        let of_kind = view.identifier(identifier).and_then(|state| state.facts.neighbors.get(&value.kind));
        of_kind.is_some_and(|neighbors| neighbors.needs_days_without(MOST_OWNERS))
    };
    linked.filter(|it| !it.is_same_value(value)).filter(is_at_bound).cloned().collect()
}

impl Draft {
    /// Applies retirements of one value that were made or revoked.
    pub(super) fn of_retirement(reassignment: &Reassignment, view: &View, rules: &Rules) -> Self {
        let Reassignment { value, messages, before, after } = reassignment;
        let secret = &rules.secret;
        let mut draft = Self::empty(Arc::default(), rules);
        let old_owners: Vec<Identifier> =
            before.owners(value).into_iter().filter(|it| view.identifier(it).is_some()).collect();
        let mut old_links: BTreeSet<Pair> = BTreeSet::new();
        // The owners' own messages are all here; what these say of other identifiers is only a part.
        let mut facts = Facts::default();
        for message in messages {
            old_links.extend(pairs_of(message).filter(|pair| is_of_value(pair, value)));
            let mut message = message.clone();
            let old_home = message.home().clone();
            after.assign(&mut message);
            observe(&mut facts, &message);
            draft.move_claims(&message, &old_home, view, secret, &mut facts);
            if *message.home() != old_home {
                draft.moved_messages.push(Moved {
                    message_id: message.id.clone(),
                    at: message.at,
                    from: unified_id(&old_home, secret),
                    to: unified_id(message.home(), secret),
                });
                draft.move_refund(&message, &old_home, view, secret);
            }
        }

        let Facts { identifiers: mut facts, links: mut new_links, .. } = facts;
        facts.retain(|identifier, _| identifier.is_same_value(value));
        new_links.retain(|pair, _| is_of_value(pair, value));

        let partners: BTreeSet<Identifier> = old_links
            .iter()
            .chain(new_links.keys())
            .flat_map(|it| [&it.a, &it.b])
            .filter(|it| !it.is_same_value(value))
            .cloned()
            .collect();
        for end in old_owners.iter().chain(&partners) {
            if let Some(state) = view.identifier(end) {
                draft.to_resolve.insert(state.cluster);
            }
        }
        draft.count_neighbors(value, &partners, &old_links, &new_links, view);
        draft.replace_owners(value, facts, old_owners, after, view, secret);
        draft.replace_links(&old_links, new_links, view);
        draft
    }

    /// Sessions and orders of a message that changed its home.
    fn move_claims(
        &mut self,
        message: &Message,
        old_home: &Identifier,
        view: &View,
        secret: &IdSecret,
        facts: &mut Facts,
    ) {
        let is_of = |claim: &Claim| claim.message_id == message.id;
        let has_moved = message.home() != old_home;
        if let Some(session_id) = &message.session_id
            && let Some(claim) = view.sessions.get(session_id).and_then(Option::as_deref).filter(|it| is_of(it))
        {
            if let Some(facts) = facts.identifiers.get_mut(message.home()) {
                facts.summary.activity.session_count += 1;
            }
            if has_moved {
                let claim = Claim { home: message.home().clone(), ..claim.clone() };
                self.sessions.insert(session_id.clone(), claim);
            }
        }
        let Some(order) = message.order.as_ref().filter(|_| has_moved) else { return };
        let claim = match &order.key {
            OrderKey::Order(order_id) => {
                stored_order(order_id, view).and_then(|it| it.claim.as_ref()).filter(|it| is_of(it))
            }
            OrderKey::Message(_) => None,
        };
        match (&order.key, claim) {
            (OrderKey::Order(order_id), Some(_)) => {
                self.order_state_mut(order_id, view).claim = Some(Claim::of(message));
            }
            (OrderKey::Message(_), _) => {}
            (OrderKey::Order(_), None) => return,
        }
        self.moved_orders.insert(order.key.clone(), unified_id(old_home, secret));
        self.orders.insert(order.key.clone(), (message.home().clone(), order.clone()));
    }

    /// The refund of a message that changed its home.
    fn move_refund(&mut self, message: &Message, old_home: &Identifier, view: &View, secret: &IdSecret) {
        let Some(refund) = &message.refund else { return };
        if let Some(order_id) = &refund.order_id {
            if let Some((sender, _)) = self.order_state_mut(order_id, view).refunds.get_mut(&message.id) {
                *sender = message.home().clone();
            }
            return;
        }
        self.refunds.push(RefundChange {
            home: unified_id(message.home(), secret),
            refund: refund.clone(),
            leaves: Some(unified_id(old_home, secret)),
        });
    }

    fn count_neighbors(
        &mut self,
        value: &Identifier,
        partners: &BTreeSet<Identifier>,
        old_links: &BTreeSet<Pair>,
        new_links: &BTreeMap<Pair, Observations>,
        view: &View,
    ) {
        let policy = self.policy.clone();
        let strength = |identifier: &Identifier| policy.priority(&identifier.kind);
        for partner in partners {
            let Some(stored) = view.identifier(partner) else { continue };
            let is_weaker = strength(value) < strength(partner);
            let met = |at: Timestamp| is_weaker.then_some(at);
            let is_of_partner = |pair: &&Pair| pair.a == *partner || pair.b == *partner;
            let gone: Vec<&Pair> = old_links.iter().filter(is_of_partner).collect();
            let come = new_links.iter().filter(|(pair, _)| is_of_partner(pair)).map(|(_, seen)| seen.first_seen);
            let mut of_kind = stored.facts.neighbors.get(&value.kind).cloned().unwrap_or_default();
            let n_gone = u32::try_from(gone.len()).unwrap_or(u32::MAX);
            if of_kind.needs_days_without(n_gone)
                && let Some(pairs) = view.links_of.get(partner)
            {
                let kept = pairs.iter().filter(|pair| pair.other(partner).kind == value.kind && !gone.contains(pair));
                of_kind = Neighbors::default();
                for link in kept.filter_map(|pair| view.links.get(pair)?.as_deref()) {
                    of_kind.add(met(link.seen.first_seen));
                }
            } else {
                for link in gone.iter().map(|pair| view.links.get(*pair).and_then(Option::as_deref)) {
                    of_kind.remove(link.and_then(|it| met(it.seen.first_seen)));
                }
            }
            come.for_each(|at| of_kind.add(met(at)));
            if stored.facts.neighbors.get(&value.kind) == Some(&of_kind) {
                continue;
            }
            let was_shared = self.is_shared(partner, view);
            let Some(state) = self.state_mut(partner, view) else { continue };
            if of_kind.is_empty() {
                state.facts.neighbors.remove(&value.kind);
            } else {
                state.facts.neighbors.insert(value.kind.clone(), of_kind);
            }
            if !was_shared && self.is_shared(partner, view) {
                self.newly_shared.insert(partner.clone());
            }
        }
    }

    /// Replaces the owners by what the messages say of them now, and removes those that no message names any more.
    fn replace_owners(
        &mut self,
        value: &Identifier,
        facts: BTreeMap<Identifier, IdentifierFacts>,
        old_owners: Vec<Identifier>,
        after: &Retirements,
        view: &View,
        secret: &IdSecret,
    ) {
        self.removed_identifiers = old_owners.into_iter().filter(|it| !facts.contains_key(it)).collect();
        // The unified ID of a removed owner leads to the owner before it, or else to the first one.
        for owner in after.owners_ever(value).into_iter().filter(|it| !facts.contains_key(it)) {
            let redirect = facts.range(..&owner).next_back().or(facts.first_key_value());
            if let Some((redirect, _)) = redirect {
                self.redirects.insert(owner, redirect.clone());
            }
        }
        for (owner, facts) in facts {
            let was_shared = view.identifier(&owner).is_some_and(|it| self.is_shared_by(&owner.kind, &it.facts));
            let is_shared = self.is_shared_by(&owner.kind, &facts);
            if let Some(stored) = view.identifier(&owner) {
                let state = IdentifierState { facts, ..IdentifierState::clone(stored) };
                self.identifiers.insert(owner.clone(), state);
            } else {
                self.start_cluster(&owner, facts, secret);
                self.to_resolve.insert(ClusterKey(unified_id(&owner, secret)));
            }
            if is_shared && !was_shared {
                self.newly_shared.insert(owner);
            }
        }
    }

    fn replace_links(&mut self, old_links: &BTreeSet<Pair>, new_links: BTreeMap<Pair, Observations>, view: &View) {
        self.removed_links = old_links.iter().filter(|it| !new_links.contains_key(*it)).cloned().collect();
        for (pair, seen) in new_links {
            let stored = view.links.get(&pair).and_then(Option::as_deref);
            let withheld = match stored {
                Some(link) => link.withheld.clone(),
                None if self.policy.blocks(&pair.a.value) || self.policy.blocks(&pair.b.value) => {
                    Some(Withheld::Blocked)
                }
                None if self.is_shared(&pair.a, view) || self.is_shared(&pair.b, view) => Some(Withheld::Shared),
                None => None,
            };
            if stored.is_none() {
                self.new_links.insert(pair.clone());
            }
            self.links.insert(pair, LinkState { seen, withheld });
        }
    }
}

fn is_of_value(pair: &Pair, value: &Identifier) -> bool {
    pair.a.is_same_value(value) || pair.b.is_same_value(value)
}
