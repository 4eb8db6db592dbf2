//! The dirty clusters: those that a change can reach. They are resolved again, together with the clusters at their
//! boundary.
//!
//! A component can be large, and a change rarely reaches far in it. So the search starts with the clusters that the change
//! touches. They are resolved together with their boundary: the clusters that a link or a decision leads to. If every
//! cluster of the boundary comes out as it was, nothing beyond it can have changed: a link from the boundary into the dirty
//! clusters was withheld before and is withheld now, so at each step of resolution's order the boundary had grown as far as
//! before. Otherwise the boundary clusters that changed become dirty, and everything is resolved once more.
//!
//! Clusters are dirty, or at the boundary, as a whole: with all of their members.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    dirty_search::{DirtySearch, Settlement},
    draft::Draft,
    view::{Needs, View},
};
use crate::{
    evidence::{decision::Relation, link::Pair},
    graph::{
        input::{Input, Node, is_open},
        resolve::resolve,
        rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
        withheld::Withheld,
    },
    identifier::{Identifier, UnifiedId},
    time::Timestamp,
};

/// How many steps the search grows by no more than it must. From then on it adds twice as many boundaries each time, so that a
/// change that reaches far is not resolved as often as it has steps.
const SMALL_STEPS: u32 = 4;

impl Draft {
    /// Searches for the dirty clusters. Rows that are missing go into `needs`.
    pub(super) fn search_dirty(&mut self, view: &View, needs: &mut Needs) {
        if self.to_resolve.is_empty() || self.dirty.settlement.is_some() {
            return;
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        if !std::mem::replace(&mut dirty.has_begun, true) {
            self.begin_search(&mut dirty, view);
        }
        dirty.pending.extend(std::mem::take(&mut dirty.waiting));
        loop {
            self.visit_pending(&mut dirty, view, needs);
            if !needs.is_empty() {
                break;
            }
            let further = if 0 < dirty.n_boundaries_to_add {
                dirty.n_boundaries_to_add -= 1;
                dirty.boundary()
            } else {
                let settlement = self.resolve_with_boundary(&dirty, view);
                let changed = self.changed_in_boundary(&settlement, &dirty, view);
                dirty.n_steps += 1;
                dirty.n_boundaries_to_add = (1 << dirty.n_steps.saturating_sub(SMALL_STEPS).min(16)) - 1;
                if changed.is_empty() {
                    dirty.settlement = Some(settlement);
                    break;
                }
                changed
            };
            for key in further {
                self.make_dirty(key, &mut dirty, view);
            }
        }
        self.dirty = dirty;
    }

    fn begin_search(&self, dirty: &mut DirtySearch, view: &View) {
        for pair in &self.new_links {
            for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
                dirty.new_neighbors.entry(one.clone()).or_default().push(other.clone());
            }
        }
        for key in &self.to_resolve {
            self.make_dirty(self.current(*key), dirty, view);
        }
        // A decision about an identifier that is removed stops counting for the other one; about one that is new it starts
        // to count.
        let come = self.identifiers.keys().filter(|it| view.identifier(it).is_none());
        let decided = self.removed_identifiers.iter().chain(come).flat_map(|it| self.decisions.of(it));
        dirty.inner_if_seen.extend(decided.flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]));
    }

    /// Makes a cluster dirty.
    fn make_dirty(&self, key: ClusterKey, dirty: &mut DirtySearch, view: &View) {
        if !dirty.inner.insert(key) {
            return;
        }
        if !dirty.entered.contains(&key) {
            dirty.clusters_to_enter.insert(key);
            return;
        }
        for member in self.cluster(key, view).into_iter().flat_map(|it| &it.members) {
            if dirty.found.contains(member) {
                self.add_boundary_of(member, dirty, view);
            }
        }
    }

    fn visit_pending(&self, dirty: &mut DirtySearch, view: &View, needs: &mut Needs) {
        loop {
            for identifier in std::mem::take(&mut dirty.inner_if_seen) {
                match self.cluster_if_seen(&identifier, view, needs) {
                    Seen::In(cluster) => self.make_dirty(cluster, dirty, view),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(dirty.inner_if_seen.insert(identifier)),
                }
            }
            for identifier in std::mem::take(&mut dirty.boundary_if_seen) {
                match self.cluster_if_seen(&identifier, view, needs) {
                    Seen::In(cluster) => dirty.enter(cluster),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(dirty.boundary_if_seen.insert(identifier)),
                }
            }
            for identifier in std::mem::take(&mut dirty.boundary_if_open) {
                match self.cluster_if_seen(&identifier, view, needs) {
                    Seen::In(_) if self.is_closed(&identifier, view) => {}
                    Seen::In(cluster) => dirty.enter(cluster),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(dirty.boundary_if_open.insert(identifier)),
                }
            }
            for key in std::mem::take(&mut dirty.clusters_to_enter) {
                let Some(cluster) = self.cluster(key, view) else {
                    needs.clusters.insert(key);
                    dirty.clusters_to_enter.insert(key);
                    continue;
                };
                if dirty.entered.insert(key) {
                    dirty.pending.extend(cluster.members.iter().cloned());
                }
            }
            if dirty.pending.is_empty() {
                return;
            }
            while let Some(identifier) = dirty.pending.pop() {
                self.visit(identifier, dirty, view, needs);
            }
        }
    }

    fn cluster_if_seen(&self, identifier: &Identifier, view: &View, needs: &mut Needs) -> Seen {
        if let Some(state) = self.state(identifier, view) {
            return Seen::In(self.current(state.cluster));
        }
        if self.removed_identifiers.contains(identifier) || view.identifiers.contains_key(identifier) {
            return Seen::Never;
        }
        needs.identifiers.insert(identifier.clone());
        Seen::NotYetKnown
    }

    fn visit(&self, identifier: Identifier, dirty: &mut DirtySearch, view: &View, needs: &mut Needs) {
        let is_known = dirty.found.contains(&identifier) || dirty.waiting.contains(&identifier);
        if is_known || self.removed_identifiers.contains(&identifier) {
            return;
        }
        let Some(state) = self.state(&identifier, view) else {
            needs.identifiers.insert(identifier.clone());
            dirty.waiting.insert(identifier);
            return;
        };
        let has_stored_links = view.identifier(&identifier).is_some() && !self.is_closed(&identifier, view);
        if has_stored_links && !view.links_of.contains_key(&identifier) {
            needs.links_of.insert(identifier.clone());
            dirty.waiting.insert(identifier);
            return;
        }
        if dirty.inner.contains(&self.current(state.cluster)) {
            self.add_boundary_of(&identifier, dirty, view);
        }
        dirty.found.insert(identifier);
    }

    /// Adds the clusters that links and decisions of a dirty identifier lead to to the boundary.
    fn add_boundary_of(&self, identifier: &Identifier, dirty: &mut DirtySearch, view: &View) {
        for decision in self.decisions.of(identifier) {
            let other = if decision.pair.a == *identifier { &decision.pair.b } else { &decision.pair.a };
            if !dirty.found.contains(other) {
                dirty.boundary_if_seen.insert(other.clone());
            }
        }
        if self.is_closed(identifier, view) {
            return;
        }
        let stored = view.links_of.get(identifier).into_iter().flat_map(|it| it.iter());
        let kept = stored.filter(|it| !self.removed_links.contains(*it));
        let others = kept.map(|pair| if pair.a == *identifier { &pair.b } else { &pair.a });
        let new = dirty.new_neighbors.get(identifier).into_iter().flatten();
        let others = others.chain(new).filter(|it| !dirty.found.contains(*it));
        dirty.boundary_if_open.extend(others.cloned());
    }

    /// Whether no component reaches through an identifier, before this batch or after it.
    fn is_closed(&self, identifier: &Identifier, view: &View) -> bool {
        let is_open = |state: &IdentifierState| is_open(identifier, &state.facts.neighbors, &self.policy);
        self.state(identifier, view).is_some_and(|state| !is_open(state)) && !self.newly_shared.contains(identifier)
    }

    fn resolve_with_boundary(&self, dirty: &DirtySearch, view: &View) -> Settlement {
        let identifiers: Vec<Identifier> = dirty.found.iter().cloned().collect();
        let position_of = |it: &Identifier| identifiers.binary_search(it).ok();
        let mut pairs: BTreeSet<&Pair> = self.new_links.iter().collect();
        pairs.extend(identifiers.iter().filter_map(|it| view.links_of.get(it)).flat_map(|pairs| pairs.iter()));
        let is_within = |pair: &Pair| !self.is_closed(&pair.a, view) && !self.is_closed(&pair.b, view);
        let links: Vec<(&Pair, &LinkState)> = pairs
            .into_iter()
            .filter(|pair| !self.removed_links.contains(*pair) && is_within(pair))
            .filter_map(|pair| Some((pair, self.link(pair, view)?)))
            .collect();
        let node = |identifier| {
            let first_seen = self.state(identifier, view)?.facts.seen.first_seen;
            Some(Node { identifier, first_seen, is_shared: self.is_shared(identifier, view) })
        };
        let decisions = identifiers
            .iter()
            .flat_map(|one| self.decisions.of(one).iter().filter(move |decision| decision.pair.a == *one))
            .map(AsRef::as_ref);
        let ends = links.iter().map(|(pair, link)| (pair.positions(position_of), link.seen.first_seen));
        let input = Input::new(identifiers.iter().filter_map(node).collect(), ends, decisions, position_of);
        let partition = resolve(&input, &self.policy);
        let links = input.edges.iter().zip(&input.links).map(|(edge, link)| (links[*link].0.clone(), *edge)).collect();
        let unmet = input
            .constraints
            .iter()
            .filter(|constraint| constraint.decision.relation == Relation::Same)
            .filter(|constraint| partition.cluster_of[constraint.a] != partition.cluster_of[constraint.b])
            .map(|constraint| constraint.decision.clone())
            .collect();
        let before = identifiers.iter().map(|it| self.cluster_of(it, view)).collect();
        Settlement { identifiers, before, links, partition, unmet }
    }

    /// Boundary clusters that changed, or for which it may have changed whether they are contested.
    fn changed_in_boundary(&self, settlement: &Settlement, dirty: &DirtySearch, view: &View) -> BTreeSet<ClusterKey> {
        let Settlement { before, links, partition, .. } = settlement;
        let is_in_boundary = |key: &ClusterKey| !dirty.inner.contains(key);
        let mut changed = BTreeSet::new();
        for members in &partition.clusters {
            let from: BTreeSet<ClusterKey> = members.iter().map(|it| before[*it]).collect();
            let is_whole =
                |key: &ClusterKey| self.cluster(*key, view).is_some_and(|old| old.members.len() == members.len());
            if 1 < from.len() || !from.iter().all(is_whole) {
                changed.extend(from.into_iter().filter(is_in_boundary));
            }
        }
        for ((pair, edge), withheld) in links.iter().zip(&partition.withheld) {
            let ends = [before[edge.a], before[edge.b]];
            if is_in_boundary(&ends[0]) == is_in_boundary(&ends[1]) {
                continue;
            }
            let was_contested =
                self.link(pair, view).and_then(|it| it.withheld.as_ref()).is_some_and(Withheld::is_contested);
            if withheld.as_ref().is_some_and(Withheld::is_contested) != was_contested {
                changed.extend(ends.into_iter().filter(is_in_boundary));
            }
        }
        changed
    }

    /// Replaces the dirty clusters by the new ones. The boundary stays as it is.
    pub(super) fn replace_dirty(&mut self, view: &View) {
        self.search_dirty(view, &mut Needs::default());
        let dirty = std::mem::take(&mut self.dirty);
        let Some(settlement) = dirty.settlement else { return };
        let Settlement { identifiers, before, links, partition, unmet } = settlement;
        self.unmet = unmet;
        let states: Vec<(UnifiedId, _)> = identifiers
            .iter()
            .filter_map(|identifier| self.state(identifier, view))
            .map(|state| (state.unified_id, state.facts.seen.first_seen))
            .collect();
        for key in &dirty.inner {
            self.clusters.remove(key);
            self.removed_clusters.insert(*key);
        }
        let clusters = partition.clusters.iter().zip(&partition.anchors).zip(&partition.is_contested);
        for ((members, anchor), is_contested) in clusters {
            if !members.iter().all(|it| dirty.inner.contains(&before[*it])) {
                continue;
            }
            let key = key_of_part(members, *anchor, &before, &states, &dirty.inner);
            for node in members {
                if before[*node] != key
                    && let Some(state) = self.state_mut(&identifiers[*node], view)
                {
                    state.cluster = key;
                }
            }
            let (unified_id, anchor_first_seen) = states[*anchor];
            let cluster = ClusterState {
                members: members.iter().map(|node| identifiers[*node].clone()).collect(),
                anchor: identifiers[*anchor].clone(),
                anchor_first_seen,
                unified_id,
                is_contested: *is_contested,
            };
            self.removed_clusters.remove(&key);
            self.clusters.insert(key, cluster);
        }
        for ((pair, edge), withheld) in links.into_iter().zip(partition.withheld) {
            let is_dirty = [edge.a, edge.b].iter().any(|it| dirty.inner.contains(&before[*it]));
            let Some(link) = self.link(&pair, view).filter(|it| is_dirty && it.withheld != withheld) else {
                continue;
            };
            let link = LinkState { seen: link.seen.clone(), withheld };
            self.links.insert(pair, link);
        }
    }

    fn link<'s>(&'s self, pair: &Pair, view: &'s View) -> Option<&'s LinkState> {
        self.links.get(pair).or_else(|| view.links.get(pair)?.as_deref())
    }
}

enum Seen {
    In(ClusterKey),
    Never,
    NotYetKnown,
}

/// The key for a part of what was resolved again: that of an old cluster whose name-giving member is in it (of several, the one
/// that most members come from), else the anchor's. Either names a member, so no two parts get one key.
fn key_of_part(
    members: &[usize],
    anchor: usize,
    before: &[ClusterKey],
    states: &[(UnifiedId, Timestamp)],
    old_keys: &BTreeSet<ClusterKey>,
) -> ClusterKey {
    let mut n_from: BTreeMap<ClusterKey, usize> = BTreeMap::new();
    for node in members {
        *n_from.entry(before[*node]).or_default() += 1;
    }
    members
        .iter()
        .map(|node| ClusterKey(states[*node].0))
        .filter(|key| old_keys.contains(key))
        .max_by_key(|key| (n_from.get(key).copied().unwrap_or(0), std::cmp::Reverse(*key)))
        .unwrap_or(ClusterKey(states[anchor].0))
}
