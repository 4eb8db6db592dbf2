//! The region: the profiles that a change can reach, which are computed again, and the rim of those around them.
//!
//! A component can be large, and a change seldom reaches far in it. So the region begins with the profiles that the change
//! touches. It is resolved together with its rim, the profiles that a link or a decision leads to. If every profile of the
//! rim comes out as it was, nothing beyond can have changed: what leads from the rim into the region was withheld before and
//! is now, so at each step of resolution's order the rim had grown as far as it had before. Else the profiles of the rim
//! that came out otherwise belong to the region, and it is resolved once more.
//!
//! This module never takes a part of a profile: of whoever is in a region or its rim all members are.

use std::collections::{BTreeMap, BTreeSet};

use super::{draft::Draft, needs::Needs, view::View};
use crate::{
    evidence::{
        decision::{Decision, Relation},
        link::Pair,
    },
    graph::{
        input::{Edge, Node, Verdict},
        resolve::{Partition, resolve},
        rows::{CellKey, CellState, LinkState},
        withheld::Withheld,
    },
    identifier::{Identifier, UnifiedId},
    time::Timestamp,
};

/// Times that the region grows by no more than it must. From then on it grows by twice as many rims each time, so that a
/// change that reaches far is not resolved as often as it has steps.
const SMALL_STEPS: u32 = 4;

/// How far the search for a region is.
#[derive(Debug, Default)]
pub(super) struct Region {
    has_begun: bool,
    /// Along links that are not stored yet.
    new_neighbours: BTreeMap<Identifier, Vec<Identifier>>,
    /// Cells that are computed again.
    inner: BTreeSet<CellKey>,
    /// Those and the rim: cells whose members are looked at.
    entered: BTreeSet<CellKey>,
    cells_to_enter: BTreeSet<CellKey>,
    pending: Vec<Identifier>,
    /// Looked at, and to be looked at again when more of them is seen.
    waiting: BTreeSet<Identifier>,
    found: BTreeSet<Identifier>,
    /// If they were ever seen, their cells belong to the region.
    inner_if_seen: BTreeSet<Identifier>,
    /// If they were ever seen, their cells belong to the rim.
    rim_if_seen: BTreeSet<Identifier>,
    /// Unless they are closed, their cells belong to the rim.
    rim_if_open: BTreeSet<Identifier>,
    n_steps: u32,
    /// How often the rim is still to be taken in before the region is resolved.
    n_rims_to_take: u32,
    settlement: Option<Settlement>,
}

/// What a region and its rim come to.
#[derive(Debug)]
struct Settlement {
    /// Ascending; positions in what follows are positions in it.
    identifiers: Vec<Identifier>,
    before: Vec<CellKey>,
    links: Vec<(Pair, Edge)>,
    partition: Partition,
    /// `SAME` decisions that others keep from being followed.
    unmet: Vec<Decision>,
}

impl Draft<'_> {
    /// Finds the region; what is missing for that goes into `needs`.
    pub(super) fn look_around(&mut self, view: &View, needs: &mut Needs) {
        if self.to_resolve.is_empty() || self.region.settlement.is_some() {
            return;
        }
        let mut region = std::mem::take(&mut self.region);
        if !std::mem::replace(&mut region.has_begun, true) {
            self.begin(&mut region, view);
        }
        region.pending.extend(std::mem::take(&mut region.waiting));
        loop {
            self.look_at_what_is_open(&mut region, view, needs);
            if !needs.is_empty() {
                break;
            }
            let further = if 0 < region.n_rims_to_take {
                region.n_rims_to_take -= 1;
                region.rim()
            } else {
                let settlement = self.settle(&region, view);
                let changed = self.changed_in_rim(&settlement, &region, view);
                region.n_steps += 1;
                region.n_rims_to_take = (1 << region.n_steps.saturating_sub(SMALL_STEPS).min(16)) - 1;
                if changed.is_empty() {
                    region.settlement = Some(settlement);
                    break;
                }
                changed
            };
            for key in further {
                self.take_in(key, &mut region, view);
            }
        }
        self.region = region;
    }

    fn begin(&self, region: &mut Region, view: &View) {
        for pair in &self.new_links {
            for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
                region.new_neighbours.entry(one.clone()).or_default().push(other.clone());
            }
        }
        for key in &self.to_resolve {
            self.take_in(self.current(*key), region, view);
        }
        // What was decided about someone who is not there any more counts no more for the other one; about someone who was
        // never seen before it counts from now on.
        let come = self.identifiers.keys().filter(|it| view.identifier(it).is_none());
        let decided = self.removed_identifiers.iter().chain(come).flat_map(|it| self.decisions.of(it));
        region.inner_if_seen.extend(decided.flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]));
    }

    /// Takes a cell into the region.
    fn take_in(&self, key: CellKey, region: &mut Region, view: &View) {
        if !region.inner.insert(key) {
            return;
        }
        if !region.entered.contains(&key) {
            region.cells_to_enter.insert(key);
            return;
        }
        for member in self.cell(key, view).into_iter().flat_map(|it| &it.members) {
            if region.found.contains(member) {
                self.look_beyond(member, region, view);
            }
        }
    }

    fn look_at_what_is_open(&self, region: &mut Region, view: &View, needs: &mut Needs) {
        loop {
            for identifier in std::mem::take(&mut region.inner_if_seen) {
                match self.cell_if_seen(&identifier, view, needs) {
                    Seen::In(cell) => self.take_in(cell, region, view),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(region.inner_if_seen.insert(identifier)),
                }
            }
            for identifier in std::mem::take(&mut region.rim_if_seen) {
                match self.cell_if_seen(&identifier, view, needs) {
                    Seen::In(cell) => region.enter(cell),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(region.rim_if_seen.insert(identifier)),
                }
            }
            for identifier in std::mem::take(&mut region.rim_if_open) {
                match self.cell_if_seen(&identifier, view, needs) {
                    Seen::In(_) if self.is_closed(&identifier, view) => {}
                    Seen::In(cell) => region.enter(cell),
                    Seen::Never => {}
                    Seen::NotYetKnown => drop(region.rim_if_open.insert(identifier)),
                }
            }
            for key in std::mem::take(&mut region.cells_to_enter) {
                let Some(cell) = self.cell(key, view) else {
                    needs.cells.insert(key);
                    region.cells_to_enter.insert(key);
                    continue;
                };
                if region.entered.insert(key) {
                    region.pending.extend(cell.members.iter().cloned());
                }
            }
            if region.pending.is_empty() {
                return;
            }
            while let Some(identifier) = region.pending.pop() {
                self.look_at(identifier, region, view, needs);
            }
        }
    }

    fn cell_if_seen(&self, identifier: &Identifier, view: &View, needs: &mut Needs) -> Seen {
        if let Some(state) = self.state(identifier, view) {
            return Seen::In(self.current(state.cell));
        }
        if self.removed_identifiers.contains(identifier) || view.identifiers.contains_key(identifier) {
            return Seen::Never;
        }
        needs.identifiers.insert(identifier.clone());
        Seen::NotYetKnown
    }

    fn look_at(&self, identifier: Identifier, region: &mut Region, view: &View, needs: &mut Needs) {
        let is_known = region.found.contains(&identifier) || region.waiting.contains(&identifier);
        if is_known || self.removed_identifiers.contains(&identifier) {
            return;
        }
        let Some(state) = self.state(&identifier, view) else {
            needs.identifiers.insert(identifier.clone());
            region.waiting.insert(identifier);
            return;
        };
        let has_stored_links = view.identifier(&identifier).is_some() && !self.is_closed(&identifier, view);
        if has_stored_links && !view.links_of.contains_key(&identifier) {
            needs.links_of.insert(identifier.clone());
            region.waiting.insert(identifier);
            return;
        }
        if region.inner.contains(&self.current(state.cell)) {
            self.look_beyond(&identifier, region, view);
        }
        region.found.insert(identifier);
    }

    /// Brings what links and decisions lead to from an identifier of the region into its rim.
    fn look_beyond(&self, identifier: &Identifier, region: &mut Region, view: &View) {
        for decision in self.decisions.of(identifier) {
            let other = if decision.pair.a == *identifier { &decision.pair.b } else { &decision.pair.a };
            if !region.found.contains(other) {
                region.rim_if_seen.insert(other.clone());
            }
        }
        if self.is_closed(identifier, view) {
            return;
        }
        let stored = view.links_of.get(identifier).into_iter().flat_map(|it| it.iter());
        let kept = stored.filter(|it| !self.removed_links.contains(*it));
        let others = kept.map(|pair| if pair.a == *identifier { &pair.b } else { &pair.a });
        let new = region.new_neighbours.get(identifier).into_iter().flatten();
        let others = others.chain(new).filter(|it| !region.found.contains(*it));
        region.rim_if_open.extend(others.cloned());
    }

    /// Whether an identifier was shared before this batch and is: no component reaches through it.
    fn is_closed(&self, identifier: &Identifier, view: &View) -> bool {
        self.is_shared(identifier, view) && !self.newly_shared.contains(identifier)
    }

    fn settle(&self, region: &Region, view: &View) -> Settlement {
        let identifiers: Vec<Identifier> = region.found.iter().cloned().collect();
        let position_of = |it: &Identifier| identifiers.binary_search(it).ok();
        let mut pairs: BTreeSet<&Pair> = self.new_links.iter().collect();
        pairs.extend(identifiers.iter().filter_map(|it| view.links_of.get(it)).flat_map(|it| it.iter()));
        let links: Vec<(Pair, Edge)> = pairs
            .into_iter()
            .filter(|pair| !self.removed_links.contains(*pair))
            .filter_map(|pair| {
                let (a, b) = (position_of(&pair.a)?, position_of(&pair.b)?);
                let is_within = !self.is_closed(&pair.a, view) && !self.is_closed(&pair.b, view);
                let first_seen = self.link(pair, view).filter(|_| is_within)?.seen.first_seen;
                Some((pair.clone(), Edge { a, b, first_seen }))
            })
            .collect();
        let nodes: Vec<Node<'_>> = identifiers
            .iter()
            .filter_map(|identifier| {
                let first_seen = self.state(identifier, view)?.facts.seen.first_seen;
                Some(Node { identifier, first_seen, is_shared: self.is_shared(identifier, view) })
            })
            .collect();
        let edges: Vec<Edge> = links.iter().map(|(_, edge)| *edge).collect();
        let verdicts: Vec<Verdict<'_>> = identifiers
            .iter()
            .flat_map(|it| self.decisions.of(it).iter().filter(move |decision| decision.pair.a == *it))
            .filter_map(|decision| {
                Some(Verdict { a: position_of(&decision.pair.a)?, b: position_of(&decision.pair.b)?, decision })
            })
            .collect();
        let partition = resolve(&nodes, &edges, &verdicts, self.policy);
        let unmet = verdicts
            .iter()
            .filter(|it| it.decision.relation == Relation::Same && partition.cell_of[it.a] != partition.cell_of[it.b])
            .map(|it| it.decision.clone())
            .collect();
        let before = identifiers.iter().map(|it| self.cell_of(it, view)).collect();
        Settlement { identifiers, before, links, partition, unmet }
    }

    /// Cells of the rim that are not as they were, or of which it could change whether they are contested.
    fn changed_in_rim(&self, settlement: &Settlement, region: &Region, view: &View) -> BTreeSet<CellKey> {
        let Settlement { before, links, partition, .. } = settlement;
        let is_in_rim = |key: &CellKey| !region.inner.contains(key);
        let mut changed = BTreeSet::new();
        for members in &partition.cells {
            let from: BTreeSet<CellKey> = members.iter().map(|it| before[*it]).collect();
            let is_whole = |it: &CellKey| self.cell(*it, view).is_some_and(|it| it.members.len() == members.len());
            if 1 < from.len() || !from.iter().all(is_whole) {
                changed.extend(from.into_iter().filter(is_in_rim));
            }
        }
        for ((pair, edge), withheld) in links.iter().zip(&partition.withheld) {
            let ends = [before[edge.a], before[edge.b]];
            if is_in_rim(&ends[0]) == is_in_rim(&ends[1]) {
                continue;
            }
            let was_contested =
                self.link(pair, view).and_then(|it| it.withheld.as_ref()).is_some_and(Withheld::is_contested);
            if withheld.as_ref().is_some_and(Withheld::is_contested) != was_contested {
                changed.extend(ends.into_iter().filter(is_in_rim));
            }
        }
        changed
    }

    /// Puts the profiles of the region in the place of what was there. The rim stays as it is.
    pub(super) fn resolve_region(&mut self, view: &View) {
        self.look_around(view, &mut Needs::default());
        let region = std::mem::take(&mut self.region);
        let Some(settlement) = region.settlement else { return };
        let Settlement { identifiers, before, links, partition, unmet } = settlement;
        self.unmet = unmet;
        let states: Vec<(UnifiedId, _)> = identifiers
            .iter()
            .filter_map(|it| self.state(it, view).map(|it| (it.unified_id, it.facts.seen.first_seen)))
            .collect();
        for key in &region.inner {
            self.cells.remove(key);
            self.removed_cells.insert(*key);
        }
        let cells = partition.cells.iter().zip(&partition.anchors).zip(&partition.is_contested);
        for ((members, anchor), is_contested) in cells {
            if !members.iter().all(|it| region.inner.contains(&before[*it])) {
                continue;
            }
            let key = key_of_part(members, *anchor, &before, &states, &region.inner);
            for node in members {
                if before[*node] != key
                    && let Some(state) = self.state_mut(&identifiers[*node], view)
                {
                    state.cell = key;
                }
            }
            let (unified_id, anchor_first_seen) = states[*anchor];
            let cell = CellState {
                members: members.iter().map(|node| identifiers[*node].clone()).collect(),
                anchor: identifiers[*anchor].clone(),
                anchor_first_seen,
                unified_id,
                is_contested: *is_contested,
            };
            self.removed_cells.remove(&key);
            self.cells.insert(key, cell);
        }
        for ((pair, edge), withheld) in links.into_iter().zip(partition.withheld) {
            let is_of_region = [edge.a, edge.b].iter().any(|it| region.inner.contains(&before[*it]));
            let Some(link) = self.link(&pair, view).filter(|it| is_of_region && it.withheld != withheld) else {
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

impl Region {
    fn enter(&mut self, key: CellKey) {
        if !self.entered.contains(&key) {
            self.cells_to_enter.insert(key);
        }
    }

    fn rim(&self) -> BTreeSet<CellKey> {
        self.entered.difference(&self.inner).copied().collect()
    }
}

enum Seen {
    In(CellKey),
    Never,
    NotYetKnown,
}

/// The key for a part of what was resolved again: that of an old cell whose name-giving member is in it (of several, the one
/// that most members come from), else the anchor's. Either names a member, so no two parts get one key.
fn key_of_part(
    members: &[usize],
    anchor: usize,
    before: &[CellKey],
    states: &[(UnifiedId, Timestamp)],
    old_keys: &BTreeSet<CellKey>,
) -> CellKey {
    let mut n_from: BTreeMap<CellKey, usize> = BTreeMap::new();
    for node in members {
        *n_from.entry(before[*node]).or_default() += 1;
    }
    members
        .iter()
        .map(|node| CellKey(states[*node].0))
        .filter(|key| old_keys.contains(key))
        .max_by_key(|key| (n_from.get(key).copied().unwrap_or(0), std::cmp::Reverse(*key)))
        .unwrap_or(CellKey(states[anchor].0))
}
