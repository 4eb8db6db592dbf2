//! The changes that a draft comes to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    changes::{Changes, OrderChange, OrderNote, Outcome, RefundChange},
    draft::Draft,
    needs::order_named_by,
    view::{Needs, View, stored_order},
};
use crate::{
    evidence::{
        claim::Claim,
        link::{Pair, pairs_of},
    },
    graph::rows::ClusterKey,
    identifier::{Identifier, UnifiedId},
    message::{Message, order::OrderKey},
};

impl Draft {
    /// What must be seen before [`Draft::finish`]; empty when it can be called. Each call goes on from where the last one had to
    /// stop.
    pub(super) fn needs(&mut self, view: &View) -> Needs {
        let mut needs = Needs::default();
        self.search_dirty(view, &mut needs);
        for key in self.moved.keys() {
            for member in view.cluster(*key).into_iter().flat_map(|it| &it.members) {
                if self.state(member, view).is_none() {
                    needs.identifiers.insert(member.clone());
                }
            }
        }
        needs
    }

    /// Computes the changes. The view must hold all that [`Draft::needs`] asks for.
    pub(super) fn finish(mut self, view: &View) -> Changes {
        for key in self.moved.keys().copied().collect::<Vec<_>>() {
            for member in view.cluster(key).into_iter().flat_map(|it| &it.members) {
                self.state_mut(member, view);
            }
        }
        let moved = std::mem::take(&mut self.moved);
        for state in self.identifiers.values_mut() {
            while let Some(into) = moved.get(&state.cluster) {
                state.cluster = *into;
            }
        }
        self.moved = moved;
        self.replace_dirty(view);
        // From here on every drafted identifier names its cluster as it is.
        self.moved.clear();
        self.into_changes(view)
    }

    pub(super) fn into_changes(self, view: &View) -> Changes {
        let mut changes = Changes {
            outcomes: self.outcomes(view),
            over_capacity: self.over_capacity.clone(),
            order_notes: self.order_notes(view),
            lineage: self.lineage(view),
            ..Changes::default()
        };
        for (position, message) in self.messages.iter().enumerate() {
            if !self.is_duplicate[position]
                && let Some(state) = self.identifiers.get(message.home())
            {
                changes.kept.push((position, state.unified_id));
            }
        }
        for pair in self.links.keys() {
            changes.touched.extend([self.cluster_of(&pair.a, view), self.cluster_of(&pair.b, view)]);
        }
        self.change_orders(view, &mut changes);
        for (key, mut cluster) in self.clusters {
            // Members that were there are in order: a sort that sees runs has little to do.
            cluster.members.sort();
            let stored = view.cluster(key);
            if stored.is_none_or(|it| **it != cluster) {
                changes.touched.insert(key);
                changes.clusters.insert(key, (Arc::new(cluster), stored.is_none()));
            }
        }
        changes.removed_clusters = self.removed_clusters.into_iter().filter(|it| view.cluster(*it).is_some()).collect();
        for (identifier, state) in self.identifiers {
            changes.touched.insert(state.cluster);
            let is_new = view.identifier(&identifier).is_none();
            changes.identifiers.insert(identifier, (Arc::new(state), is_new));
        }
        changes.unmet = self.unmet;
        for (pair, link) in &self.links {
            let before = view.links.get(pair).and_then(|it| it.as_ref()?.withheld.as_ref());
            if before != link.withheld.as_ref() {
                changes.withheld.push(pair.clone());
            }
        }
        for (pair, link) in self.links {
            let is_new = !view.links.get(&pair).is_some_and(Option::is_some);
            changes.links.insert(pair, (Arc::new(link), is_new));
        }
        changes.refunds.extend(self.refunds);
        for (id, claim) in self.sessions {
            let is_new = !view.sessions.get(&id).is_some_and(Option::is_some);
            changes.sessions.insert(id, (Arc::new(claim), is_new));
        }
        changes.removed_identifiers = self.removed_identifiers;
        changes.redirects = self.redirects;
        changes.removed_links = self.removed_links;
        changes.moved = self.moved_messages;
        changes
    }

    pub(super) fn change_orders(&self, view: &View, changes: &mut Changes) {
        // Rows still name identifiers that are removed.
        let id_of = |identifier: &Identifier| {
            let drafted = self.identifiers.get(identifier).map(|state| state.unified_id);
            drafted.or_else(|| view.identifier(identifier).map(|state| state.unified_id))
        };
        for (key, (owner, order)) in &self.orders {
            let Some(home) = id_of(owner) else { continue };
            let old = match key {
                OrderKey::Order(order_id) => stored_order(order_id, view).and_then(|it| it.claim.as_ref()),
                OrderKey::Message(_) => None,
            };
            let leaves = self.moved_orders.get(key).copied().or_else(|| old.and_then(|it| id_of(&it.home)));
            // Who loses an order changes as well.
            let owners = [Some(owner), old.map(|it| &it.home)].into_iter().flatten();
            changes.touched.extend(owners.map(|it| self.cluster_of(it, view)));
            changes.orders.push(OrderChange {
                home,
                order: order.clone(),
                leaves: leaves.filter(|it| *it != home),
                is_known: old.is_some(),
            });
        }
        for (order_id, state) in &self.order_states {
            let stored = stored_order(order_id, view);
            if stored == Some(state) {
                continue;
            }
            for (message_id, (sender, refund)) in &state.refunds {
                let place_before = stored.and_then(|it| Some(it.place_of(&it.refunds.get(message_id)?.0)));
                let leaves = place_before.and_then(id_of);
                let place = state.place_of(sender);
                if let Some(home) = id_of(place).filter(|it| Some(*it) != leaves) {
                    let places = [Some(place), place_before.filter(|_| leaves.is_some())].into_iter().flatten();
                    changes.touched.extend(places.map(|it| self.cluster_of(it, view)));
                    changes.refunds.push(RefundChange { home, refund: refund.clone(), leaves });
                }
            }
            changes.order_states.insert(order_id.clone(), (Arc::new(state.clone()), stored.is_none()));
        }
    }

    /// What the senders of orders and refunds should know. It depends on what came before, as an answer may.
    pub(super) fn order_notes(&self, view: &View) -> BTreeMap<usize, OrderNote> {
        let mut news = BTreeMap::new();
        let mut claims: BTreeMap<&Arc<str>, Claim> = BTreeMap::new();
        for (position, message) in self.messages.iter().enumerate().filter(|(it, _)| !self.is_duplicate[*it]) {
            let Some(order_id) = order_named_by(message) else { continue };
            let Some(state) = self.order_states.get(order_id) else { continue };
            if let Some(refund) = &message.refund {
                if state.first_reported(refund).is_some() {
                    news.insert(position, OrderNote::RefundRepeated);
                } else if state.is_exceeded() {
                    news.insert(position, OrderNote::RefundExceeds);
                }
                continue;
            }
            let claim = Claim::of(message);
            let stored = || stored_order(order_id, view)?.claim.clone();
            let known = claims.get(order_id).cloned().or_else(stored);
            let is_of_other = |it: &Claim| self.cluster_of(&it.home, view) != self.cluster_of(&claim.home, view);
            let is_later = known.as_ref().is_none_or(|it| it.rank() < claim.rank());
            if known.as_ref().is_some_and(is_of_other) {
                news.insert(position, if is_later { OrderNote::Moved } else { OrderNote::OfAnother });
            }
            if let Some(latest) = if is_later { Some(claim) } else { known } {
                claims.insert(order_id, latest);
            }
        }
        news
    }

    /// What became of each message, in their order.
    pub(super) fn outcomes(&self, view: &View) -> Vec<(Outcome, Option<UnifiedId>)> {
        // Profiles as they were before the batch and as the messages so far have joined them.
        let mut joined: BTreeMap<ClusterKey, ClusterKey> = BTreeMap::new();
        let mut known: BTreeSet<&Identifier> = BTreeSet::new();
        let mut reported_links: BTreeSet<Pair> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(self.messages.len());
        for (message, is_duplicate) in self.messages.iter().zip(&self.is_duplicate) {
            if *is_duplicate {
                outcomes.push((Outcome::Duplicate, None));
                continue;
            }
            let cluster = self.cluster_of(message.home(), view);
            let mut before = BTreeSet::new();
            let mut has_new = false;
            for identifier in &message.identifiers {
                let stored = view.identifier(identifier).map(|it| it.cluster);
                let is_known = stored.is_some() || !known.insert(identifier);
                has_new |= !is_known;
                if self.cluster_of(identifier, view) != cluster {
                    continue;
                }
                let own = self.state(identifier, view).map(|it| ClusterKey(it.unified_id));
                let token = root(&joined, stored.or(own).unwrap_or(cluster));
                if is_known {
                    before.insert(token);
                }
                let target = root(&joined, cluster_token(message, self, view).unwrap_or(token));
                if target != token {
                    joined.insert(token, target);
                }
            }
            let mut withheld = None;
            for pair in pairs_of(message) {
                let link = self.links.get(&pair).or_else(|| view.links.get(&pair)?.as_deref());
                withheld = withheld.or_else(|| link.and_then(|it| it.withheld.clone()));
                has_new |= self.new_links.contains(&pair) && reported_links.insert(pair);
            }
            let outcome = match (withheld, before.len()) {
                (Some(reason), _) => Outcome::Withheld(reason),
                (None, 0) => Outcome::Created,
                (None, 1) if has_new => Outcome::Linked,
                (None, 1) => Outcome::Updated,
                (None, _) => Outcome::Merged,
            };
            outcomes.push((outcome, self.cluster(cluster, view).map(|it| it.unified_id)));
        }
        outcomes
    }
}

/// The profile that a message's home was in before the batch, or its own.
fn cluster_token(message: &Message, draft: &Draft, view: &View) -> Option<ClusterKey> {
    let stored = view.identifier(message.home()).map(|it| it.cluster);
    stored.or_else(|| draft.state(message.home(), view).map(|it| ClusterKey(it.unified_id)))
}

fn root(joined: &BTreeMap<ClusterKey, ClusterKey>, mut key: ClusterKey) -> ClusterKey {
    while let Some(into) = joined.get(&key) {
        key = *into;
    }
    key
}
