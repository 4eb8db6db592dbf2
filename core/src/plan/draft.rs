//! Messages and decisions taken into the state that was loaded.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use super::{
    changes::{Changes, Moved, OrderChange, OrderNews, Outcome, RefundChange},
    needs::{Needs, order_named_by, places_of},
    region::Region,
    view::{View, stored_order},
};
use crate::{
    evidence::{
        claim::{Claim, OrderState, Paid},
        decision::{Decision, Decisions},
        identifier_facts::{IdentifierFacts, meet_earlier, met_stronger},
        identifier_summary::Full,
        link::{Pair, Sightings, pairs_of},
    },
    graph::{
        anchor::AnchorRank,
        input::is_shared,
        rows::{CellKey, CellState, IdentifierState, LinkState},
        withheld::Withheld,
    },
    identifier::{
        Identifier, Kind, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::{
        Message,
        order::{Order, OrderKey, Refund},
    },
    policy::compiled::CompiledPolicy,
};

/// Messages taken into the state that was loaded; not yet known is what else must be seen to settle who is whom.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(super) messages: &'a [Message],
    pub(super) policy: &'a CompiledPolicy,
    /// As they are from this change on.
    pub(super) decisions: &'a Decisions,
    pub(super) is_duplicate: Vec<bool>,
    pub(super) crowded: BTreeMap<usize, BTreeSet<Full>>,
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
    /// Cells that are new or changed by a plain join, as they are now; the members are brought in order at the end.
    pub(super) cells: BTreeMap<CellKey, CellState>,
    /// How many of each kind a cell has, of those that were asked for.
    pub(super) n_of_kinds: BTreeMap<CellKey, BTreeMap<Kind, u32>>,
    pub(super) removed_cells: BTreeSet<CellKey>,
    /// Where the members of removed cells are now.
    pub(super) moved: BTreeMap<CellKey, CellKey>,
    /// Cells that must be computed again.
    pub(super) to_resolve: BTreeSet<CellKey>,
    /// Identifiers that carry links no more from this batch on.
    pub(super) newly_shared: BTreeSet<Identifier>,
    pub(super) region: Region,
    pub(super) unmet: Vec<Decision>,
    pub(super) removed_identifiers: BTreeSet<Identifier>,
    pub(super) heirs: BTreeMap<Identifier, Identifier>,
    pub(super) removed_links: BTreeSet<Pair>,
    pub(super) moved_messages: Vec<Moved>,
    /// Where orders lie now that change their home with their message.
    pub(super) moved_orders: BTreeMap<OrderKey, UnifiedId>,
}

impl<'a> Draft<'a> {
    /// Takes the messages in. The view must hold all that [`first_needs`] and [`next_needs`] ask for.
    pub fn new(
        messages: &'a [Message],
        view: &View,
        policy: &'a CompiledPolicy,
        decisions: &'a Decisions,
        secret: &IdSecret,
    ) -> Self {
        let mut draft = Self::empty(messages, policy, decisions);
        let mut seen = BTreeSet::new();
        let mut earlier_links = BTreeSet::new();
        for (position, message) in messages.iter().enumerate() {
            let was_taken = view.messages.get(&message.id).copied().unwrap_or(false);
            let is_duplicate = was_taken || !seen.insert(message.id.clone());
            draft.is_duplicate.push(is_duplicate);
            if is_duplicate {
                continue;
            }
            let full = draft.take_facts(message, view, secret, &mut earlier_links);
            if !full.is_empty() {
                draft.crowded.insert(position, full);
            }
        }
        draft.find_newly_shared(&earlier_links, view);
        draft.age_anchors(view);
        for pair in earlier_links {
            let ends = [draft.cell_of(&pair.a, view), draft.cell_of(&pair.b, view)];
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

    /// Takes decisions that were made or revoked; `decisions` has them as they are now. The view must hold their identifiers
    /// and what [`next_needs`] asks for then.
    pub fn of_decisions(
        changed: &[Decision],
        view: &View,
        policy: &'a CompiledPolicy,
        decisions: &'a Decisions,
    ) -> Self {
        let mut draft = Self::empty(&[], policy, decisions);
        for end in changed.iter().flat_map(|it| [&it.pair.a, &it.pair.b]) {
            // Who was never seen has no cell; when they are, the decision is looked up.
            if let Some(state) = view.identifier(end) {
                draft.to_resolve.insert(state.cell);
            }
        }
        draft
    }

    pub(super) fn empty(messages: &'a [Message], policy: &'a CompiledPolicy, decisions: &'a Decisions) -> Self {
        Self {
            messages,
            policy,
            decisions,
            is_duplicate: Vec::with_capacity(messages.len()),
            crowded: BTreeMap::new(),
            identifiers: BTreeMap::new(),
            links: BTreeMap::new(),
            new_links: BTreeSet::new(),
            orders: BTreeMap::new(),
            order_states: BTreeMap::new(),
            refunds: Vec::new(),
            sessions: BTreeMap::new(),
            cells: BTreeMap::new(),
            n_of_kinds: BTreeMap::new(),
            removed_cells: BTreeSet::new(),
            moved: BTreeMap::new(),
            to_resolve: BTreeSet::new(),
            newly_shared: BTreeSet::new(),
            region: Region::default(),
            unmet: Vec::new(),
            removed_identifiers: BTreeSet::new(),
            heirs: BTreeMap::new(),
            removed_links: BTreeSet::new(),
            moved_messages: Vec::new(),
            moved_orders: BTreeMap::new(),
        }
    }

    /// What was full.
    pub(super) fn take_facts(
        &mut self,
        message: &Message,
        view: &View,
        secret: &IdSecret,
        earlier_links: &mut BTreeSet<Pair>,
    ) -> BTreeSet<Full> {
        let mut full = BTreeSet::new();
        for identifier in &message.identifiers {
            if let Some(state) = self.state_mut(identifier, view) {
                if !state.facts.seen.add(message) {
                    full.insert(Full::Sources);
                }
                continue;
            }
            let id = unified_id(identifier, secret);
            let facts = IdentifierFacts::new(message);
            let cell = CellState {
                members: vec![identifier.clone()],
                anchor: identifier.clone(),
                anchor_first_seen: message.at,
                unified_id: id,
                is_contested: false,
            };
            self.cells.insert(CellKey(id), cell);
            if !self.decisions.of(identifier).is_empty() {
                self.to_resolve.insert(CellKey(id));
            }
            self.identifiers.insert(identifier.clone(), IdentifierState { unified_id: id, cell: CellKey(id), facts });
        }
        for pair in pairs_of(message) {
            self.take_link(pair, message, view, earlier_links);
        }
        if let Some(home) = self.state_mut(message.home(), view) {
            full.append(&mut home.facts.facet.add(message));
        }
        if let Some(session_id) = &message.session_id {
            self.claim_session(session_id, Claim::of(message), view);
        }
        if let Some(order) = &message.order {
            self.claim_order(order, Claim::of(message), view);
        }
        if let Some(refund) = &message.refund {
            self.take_refund(refund, message.home(), view);
        }
        full
    }

    pub(super) fn take_link(&mut self, pair: Pair, message: &Message, view: &View, earlier_links: &mut BTreeSet<Pair>) {
        if !self.links.contains_key(&pair)
            && let Some(Some(stored)) = view.links.get(&pair)
        {
            self.links.insert(pair.clone(), LinkState::clone(stored));
        }
        if let Some(link) = self.links.get_mut(&pair) {
            let known = link.seen.first_seen;
            link.seen.add(message);
            if known <= message.at {
                return;
            }
            if let Some(state) = self.state_mut(pair.other(message.home()), view) {
                meet_earlier(&mut state.facts.neighbours, &message.home().kind, known, message.at);
            }
            if !self.new_links.contains(&pair) {
                earlier_links.insert(pair);
            }
            return;
        }
        for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
            if let Some(state) = self.state_mut(one, view) {
                state.facts.add_neighbour(&other.kind, met_stronger(one, message));
            }
        }
        self.new_links.insert(pair.clone());
        self.links.insert(pair, LinkState { seen: Sightings::of(message), withheld: None });
    }

    /// The state of a known identifier, for change.
    pub(super) fn state_mut(&mut self, identifier: &Identifier, view: &View) -> Option<&mut IdentifierState> {
        if !self.identifiers.contains_key(identifier) {
            let stored = view.identifier(identifier)?;
            self.identifiers.insert(identifier.clone(), IdentifierState::clone(stored));
        }
        self.identifiers.get_mut(identifier)
    }

    pub(super) fn claim_session(&mut self, session_id: &Arc<str>, claim: Claim, view: &View) {
        let stored = || view.sessions.get(session_id).and_then(Option::as_deref);
        let old = self.sessions.get(session_id).or_else(stored).cloned();
        if old.as_ref().is_some_and(|old| old.rank() <= claim.rank()) {
            return;
        }
        if let Some(state) = old.and_then(|old| self.state_mut(&old.home, view)) {
            state.facts.facet.activity.session_count -= 1;
        }
        if let Some(state) = self.state_mut(&claim.home, view) {
            state.facts.facet.activity.session_count += 1;
        }
        self.sessions.insert(session_id.clone(), claim);
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

    pub(super) fn take_refund(&mut self, refund: &Refund, sender: &Identifier, view: &View) {
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

    /// What is known of an order, for change.
    pub(super) fn order_state_mut(&mut self, order_id: &Arc<str>, view: &View) -> &mut OrderState {
        self.order_states
            .entry(order_id.clone())
            .or_insert_with(|| stored_order(order_id, view).cloned().unwrap_or_default())
    }

    /// Who carries links no more, or again: an earlier sighting can show that two did not come at once.
    pub(super) fn find_newly_shared(&mut self, earlier_links: &BTreeSet<Pair>, view: &View) {
        for end in self.new_links.iter().chain(earlier_links).flat_map(|pair| [&pair.a, &pair.b]) {
            let was_shared = view.identifier(end).is_some_and(|it| self.is_shared_by(&end.kind, &it.facts));
            let is_shared = self.is_shared(end, view);
            if was_shared == is_shared {
                continue;
            }
            self.to_resolve.insert(self.cell_of(end, view));
            if is_shared {
                self.newly_shared.insert(end.clone());
            }
        }
    }

    /// Names profiles anew after members that were seen earlier than was known.
    pub(super) fn age_anchors(&mut self, view: &View) {
        let seen: Vec<(CellKey, AnchorRank)> =
            self.identifiers.iter().map(|(it, state)| (state.cell, AnchorRank::of(it, state, self.policy))).collect();
        for (key, rank) in seen {
            let Some(cell) = self.cell(key, view) else { continue };
            if AnchorRank::of_cell(cell, self.policy) <= rank {
                continue;
            }
            if let Some(cell) = self.cell_mut(key, view) {
                cell.anchor_first_seen = rank.first_seen;
                cell.unified_id = rank.unified_id;
                cell.anchor = rank.identifier;
            }
        }
    }

    /// Takes a new link: a plain join where that cannot depend on anything else, else the component is computed again.
    pub(super) fn follow(&mut self, pair: &Pair, view: &View) {
        let reason = if self.policy.blocks(&pair.a.value) || self.policy.blocks(&pair.b.value) {
            Some(Withheld::Blocked)
        } else if self.is_shared(&pair.a, view) || self.is_shared(&pair.b, view) {
            Some(Withheld::Shared)
        } else {
            None
        };
        if reason.is_some() {
            if let Some(link) = self.links.get_mut(pair) {
                link.withheld = reason;
            }
            return;
        }
        let (a, b) = (self.cell_of(&pair.a, view), self.cell_of(&pair.b, view));
        let is_plain = !self.is_contested(a, view) && !self.is_contested(b, view);
        if is_plain && (a == b || self.fits(a, b, view)) {
            self.join(a, b, view);
        } else {
            self.to_resolve.extend([a, b]);
        }
    }

    /// Whether two cells together keep every limit.
    pub(super) fn fits(&mut self, a: CellKey, b: CellKey, view: &View) -> bool {
        for key in [a, b] {
            self.count_kinds(key, view);
        }
        let (Some(a), Some(b)) = (self.n_of_kinds.get(&a), self.n_of_kinds.get(&b)) else { return false };
        let together = |kind: &Kind| {
            let n = |it: &BTreeMap<Kind, u32>| it.get(kind).copied().unwrap_or(0);
            n(a).saturating_add(n(b))
        };
        a.keys().chain(b.keys()).all(|kind| together(kind) <= self.policy.limit(kind))
    }

    /// Counts once a batch: a cell can be large, and a batch can join many to it.
    pub(super) fn count_kinds(&mut self, key: CellKey, view: &View) {
        if self.n_of_kinds.contains_key(&key) {
            return;
        }
        let Some(cell) = self.cell(key, view) else { return };
        let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
        for member in &cell.members {
            match counts.get_mut(&member.kind) {
                Some(n) => *n += 1,
                None => drop(counts.insert(member.kind.clone(), 1)),
            }
        }
        self.n_of_kinds.insert(key, counts);
    }

    /// Joins two cells, the smaller into the larger.
    pub(super) fn join(&mut self, a: CellKey, b: CellKey, view: &View) {
        if a == b {
            return;
        }
        let n_members = |key: CellKey| self.cell(key, view).map_or(0, |it| it.members.len());
        // By size, then by key, so that it does not matter which end comes first.
        let (into, from) = if (n_members(a), b) < (n_members(b), a) { (b, a) } else { (a, b) };
        let Some(leaving) = self.cells.remove(&from).or_else(|| view.cell(from).map(|it| CellState::clone(it))) else {
            return;
        };
        let policy = self.policy;
        let Some(cell) = self.cell_mut(into, view) else { return };
        if AnchorRank::of_cell(&leaving, policy) < AnchorRank::of_cell(cell, policy) {
            cell.anchor = leaving.anchor;
            cell.anchor_first_seen = leaving.anchor_first_seen;
            cell.unified_id = leaving.unified_id;
        }
        cell.members.extend(leaving.members);
        if let (Some(moved), Some(counts)) = (self.n_of_kinds.remove(&from), self.n_of_kinds.get_mut(&into)) {
            for (kind, n) in moved {
                *counts.entry(kind).or_default() += n;
            }
        } else {
            self.n_of_kinds.remove(&into);
        }
        self.removed_cells.insert(from);
        self.moved.insert(from, into);
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
        is_shared(kind, &facts.neighbours, self.policy)
    }

    /// The cell that an identifier is in now. Every identifier asked for is known; its own latent cell stands in where not.
    pub(super) fn cell_of(&self, identifier: &Identifier, view: &View) -> CellKey {
        let key = self.state(identifier, view).map_or(CellKey(UnifiedId(uuid::Uuid::nil())), |it| it.cell);
        self.current(key)
    }

    /// Where the members of a cell are now.
    pub(super) fn current(&self, mut key: CellKey) -> CellKey {
        while let Some(into) = self.moved.get(&key) {
            key = *into;
        }
        key
    }

    pub(super) fn cell<'s>(&'s self, key: CellKey, view: &'s View) -> Option<&'s CellState> {
        self.cells.get(&key).or_else(|| view.cell(key).map(AsRef::as_ref))
    }

    pub(super) fn cell_mut(&mut self, key: CellKey, view: &View) -> Option<&mut CellState> {
        match self.cells.entry(key) {
            Entry::Occupied(found) => Some(found.into_mut()),
            Entry::Vacant(free) => Some(free.insert(CellState::clone(view.cell(key)?))),
        }
    }

    pub(super) fn is_contested(&self, key: CellKey, view: &View) -> bool {
        self.to_resolve.contains(&key) || self.cell(key, view).is_some_and(|it| it.is_contested)
    }

    /// What must be seen before [`Draft::finish`]; empty when it can be called. Each call goes on from where the last one had to
    /// stop.
    pub fn needs(&mut self, view: &View) -> Needs {
        let mut needs = Needs::default();
        self.look_around(view, &mut needs);
        for key in self.moved.keys() {
            for member in view.cell(*key).into_iter().flat_map(|it| &it.members) {
                if self.state(member, view).is_none() {
                    needs.identifiers.insert(member.clone());
                }
            }
        }
        needs
    }

    /// Settles who is whom. The view must hold all that [`Draft::needs`] asks for.
    pub fn finish(mut self, view: &View) -> Changes {
        for key in self.moved.keys().copied().collect::<Vec<_>>() {
            for member in view.cell(key).into_iter().flat_map(|it| &it.members) {
                self.state_mut(member, view);
            }
        }
        let moved = std::mem::take(&mut self.moved);
        for state in self.identifiers.values_mut() {
            while let Some(into) = moved.get(&state.cell) {
                state.cell = *into;
            }
        }
        self.moved = moved;
        self.resolve_region(view);
        // From here on every drafted identifier names its cell as it is.
        self.moved.clear();
        self.into_changes(view)
    }

    pub(super) fn into_changes(self, view: &View) -> Changes {
        let mut changes = Changes {
            outcomes: self.outcomes(view),
            crowded: self.crowded.clone(),
            told: self.news_of_orders(view),
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
            changes.touched.extend([self.cell_of(&pair.a, view), self.cell_of(&pair.b, view)]);
        }
        self.change_orders(view, &mut changes);
        for (key, mut cell) in self.cells {
            // Members that were there are in order: a sort that sees runs has little to do.
            cell.members.sort();
            let stored = view.cell(key);
            if stored.is_none_or(|it| **it != cell) {
                changes.touched.insert(key);
                changes.cells.insert(key, (cell, stored.is_none()));
            }
        }
        changes.removed_cells = self.removed_cells.into_iter().filter(|it| view.cell(*it).is_some()).collect();
        for (identifier, state) in self.identifiers {
            changes.touched.insert(state.cell);
            let is_new = view.identifier(&identifier).is_none();
            changes.identifiers.insert(identifier, (state, is_new));
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
            changes.links.insert(pair, (link, is_new));
        }
        changes.refunds.extend(self.refunds);
        changes.sessions = self.sessions;
        changes.removed_identifiers = self.removed_identifiers;
        changes.heirs = self.heirs;
        changes.removed_links = self.removed_links;
        changes.moved = self.moved_messages;
        changes
    }

    pub(super) fn change_orders(&self, view: &View, changes: &mut Changes) {
        // Who is not there any more still names rows.
        let id_of = |it: &Identifier| {
            let drafted = self.identifiers.get(it).map(|it| it.unified_id);
            drafted.or_else(|| view.identifier(it).map(|it| it.unified_id))
        };
        for (key, (home, order)) in &self.orders {
            let Some(home) = id_of(home) else { continue };
            let old = match key {
                OrderKey::Order(order_id) => stored_order(order_id, view).and_then(|it| it.claim.as_ref()),
                OrderKey::Message(_) => None,
            };
            let leaves = self.moved_orders.get(key).copied().or_else(|| old.and_then(|it| id_of(&it.home)));
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
                if let Some(home) = id_of(state.place_of(sender)).filter(|it| Some(*it) != leaves) {
                    changes.refunds.push(RefundChange { home, refund: refund.clone(), leaves });
                }
            }
            changes.order_states.insert(order_id.clone(), (state.clone(), stored.is_none()));
        }
    }

    /// What the senders of orders and refunds should know. It depends on what came before, as an answer may.
    pub(super) fn news_of_orders(&self, view: &View) -> BTreeMap<usize, OrderNews> {
        let mut news = BTreeMap::new();
        let mut claims: BTreeMap<&Arc<str>, Claim> = BTreeMap::new();
        for (position, message) in self.messages.iter().enumerate().filter(|(it, _)| !self.is_duplicate[*it]) {
            let Some(order_id) = order_named_by(message) else { continue };
            let Some(state) = self.order_states.get(order_id) else { continue };
            if let Some(refund) = &message.refund {
                if state.first_told(refund).is_some() {
                    news.insert(position, OrderNews::RefundRepeated);
                } else if state.is_exceeded() {
                    news.insert(position, OrderNews::RefundExceeds);
                }
                continue;
            }
            let claim = Claim::of(message);
            let stored = || stored_order(order_id, view)?.claim.clone();
            let known = claims.get(order_id).cloned().or_else(stored);
            let is_of_other = |it: &Claim| self.cell_of(&it.home, view) != self.cell_of(&claim.home, view);
            let is_later = known.as_ref().is_none_or(|it| it.rank() < claim.rank());
            if known.as_ref().is_some_and(is_of_other) {
                news.insert(position, if is_later { OrderNews::Moved } else { OrderNews::Taken });
            }
            if let Some(latest) = if is_later { Some(claim) } else { known } {
                claims.insert(order_id, latest);
            }
        }
        news
    }

    /// What became of each message, told in their order.
    pub(super) fn outcomes(&self, view: &View) -> Vec<(Outcome, Option<UnifiedId>)> {
        // Profiles as they were before the batch and as the messages so far have joined them.
        let mut joined: BTreeMap<CellKey, CellKey> = BTreeMap::new();
        let mut known: BTreeSet<&Identifier> = BTreeSet::new();
        let mut told_links: BTreeSet<Pair> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(self.messages.len());
        for (message, is_duplicate) in self.messages.iter().zip(&self.is_duplicate) {
            if *is_duplicate {
                outcomes.push((Outcome::Duplicate, None));
                continue;
            }
            let cell = self.cell_of(message.home(), view);
            let mut before = BTreeSet::new();
            let mut has_new = false;
            for identifier in &message.identifiers {
                let stored = view.identifier(identifier).map(|it| it.cell);
                let is_known = stored.is_some() || !known.insert(identifier);
                has_new |= !is_known;
                if self.cell_of(identifier, view) != cell {
                    continue;
                }
                let own = self.state(identifier, view).map(|it| CellKey(it.unified_id));
                let token = root(&joined, stored.or(own).unwrap_or(cell));
                if is_known {
                    before.insert(token);
                }
                let target = root(&joined, cell_token(message, self, view).unwrap_or(token));
                if target != token {
                    joined.insert(token, target);
                }
            }
            let mut withheld = None;
            for pair in pairs_of(message) {
                let link = self.links.get(&pair).or_else(|| view.links.get(&pair)?.as_deref());
                withheld = withheld.or_else(|| link.and_then(|it| it.withheld.clone()));
                has_new |= self.new_links.contains(&pair) && told_links.insert(pair);
            }
            let outcome = match (withheld, before.len()) {
                (Some(reason), _) => Outcome::Withheld(reason),
                (None, 0) => Outcome::Created,
                (None, 1) if has_new => Outcome::Linked,
                (None, 1) => Outcome::Updated,
                (None, _) => Outcome::Merged,
            };
            outcomes.push((outcome, self.cell(cell, view).map(|it| it.unified_id)));
        }
        outcomes
    }
}

/// The profile that a message's home was in before the batch, or its own.
fn cell_token(message: &Message, draft: &Draft<'_>, view: &View) -> Option<CellKey> {
    let stored = view.identifier(message.home()).map(|it| it.cell);
    stored.or_else(|| draft.state(message.home(), view).map(|it| CellKey(it.unified_id)))
}

fn root(joined: &BTreeMap<CellKey, CellKey>, mut key: CellKey) -> CellKey {
    while let Some(into) = joined.get(&key) {
        key = *into;
    }
    key
}
