//! What a change makes of the profiles.

use std::sync::Arc;

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    card::{Card, Figures, ShownProfile},
    checked::CheckedFacts,
    facts::LinkOfFacts,
    shown::{ShownDecision, ShownLink, ShownWithheldLink},
    situation::{Resolved, Situation},
};
use crate::{
    evidence::decision::{Decision, Relation},
    graph::{resolve::same_that_hold, union_find::DisjointSets, withheld::Withheld},
    identifier::UnifiedId,
};

/// What the server would answer; as `DecisionStatus` of schema.graphql.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PreviewStatus {
    /// It can be done.
    Applied,
    /// It is so already.
    NoChange,
    /// Decisions that count exclude it.
    Contradicted,
}

/// `PolicyChange` of schema.graphql: profiles that share identifiers before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Regrouped {
    pub before: Vec<UnifiedId>,
    pub after: Vec<UnifiedId>,
}

/// Links that are followed only after the change, or only before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LinkChanges {
    pub followed: Vec<ShownLink>,
    /// Among them no link for which only the reason changed.
    pub withheld: Vec<ShownWithheldLink>,
}

/// The facts as they are beside the facts as they would be.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    pub facts: &'a CheckedFacts,
    pub after: Situation<'a>,
    pub resolved: Resolved,
}

impl<'a> Difference<'a> {
    pub(super) fn new(facts: &'a CheckedFacts, after: Situation<'a>) -> Self {
        let resolved = after.resolve();
        Self { facts, after, resolved }
    }

    /// Cells before and cells after that share identifiers: those of the named nodes, and all that change. They stand in the
    /// order of their first identifiers.
    pub(super) fn cells(&self, nodes: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let (before, after) = (&self.facts.resolved().partition, &self.resolved.partition);
        let mut left: Vec<usize> = nodes.iter().filter_map(|it| before.cell_of.get(*it).copied()).collect();
        let mut right: Vec<usize> = nodes.iter().filter_map(|it| after.cell_of.get(*it).copied()).collect();
        for (old, new) in before.cell_of.iter().zip(&after.cell_of) {
            let is_changed = before.cells.get(*old) != after.cells.get(*new);
            if is_changed {
                left.push(*old);
                right.push(*new);
            }
        }
        (distinct(left), distinct(right))
    }

    /// How profiles part and join, in the order of their first identifiers.
    pub(super) fn regrouped(&self) -> Vec<Regrouped> {
        let (before, after) = (&self.facts.resolved().partition, &self.resolved.partition);
        let mut groups = DisjointSets::new(before.cells.len() + after.cells.len());
        for (old, new) in before.cell_of.iter().zip(&after.cell_of) {
            groups.join(*old, before.cells.len() + *new);
        }
        let (left, right) = self.cells(&[]);
        // For each root where its group is.
        let mut positions: Vec<Option<usize>> = vec![None; groups.len()];
        let mut regrouped: Vec<Regrouped> = Vec::new();
        let sides = left.into_iter().map(|it| (true, it)).chain(right.into_iter().map(|it| (false, it)));
        for (is_before, cell) in sides {
            let (root, anchor) = if is_before {
                (groups.find(cell), before.anchors.get(cell))
            } else {
                (groups.find(before.cells.len() + cell), after.anchors.get(cell))
            };
            let Some(position) = positions.get_mut(root) else { continue };
            let position = *position.get_or_insert_with(|| {
                regrouped.push(Regrouped::default());
                regrouped.len() - 1
            });
            let Some(group) = regrouped.get_mut(position) else { continue };
            let ids = if is_before { &mut group.before } else { &mut group.after };
            ids.extend(self.anchor_id(anchor));
        }
        regrouped
    }

    fn anchor_id(&self, anchor: Option<&usize>) -> Option<UnifiedId> {
        self.facts.facts.identifiers.get(*anchor?).map(|it| it.unified_id)
    }

    /// A profile as it is.
    pub(super) fn shown_before(&self, cell: usize, figures: &Figures) -> ShownProfile {
        self.facts.card(cell).shown(&self.facts.facts, &self.facts.policy, figures)
    }

    /// A profile as it would be.
    pub(super) fn shown_after(&self, cell: usize, figures: &Figures) -> ShownProfile {
        let card = Arc::new(Card::of(&self.after, &self.resolved, cell, None));
        card.shown(&self.facts.facts, self.after.policy, figures)
    }

    pub(super) fn links(&self) -> LinkChanges {
        let mut changes = LinkChanges::default();
        let before = self.facts.situation();
        let was_withheld = withheld_of(self.facts.resolved(), self.facts.facts.links.len());
        let is_withheld = withheld_of(&self.resolved, self.facts.facts.links.len());
        for (position, LinkOfFacts { pair, seen, .. }) in self.facts.facts.links.iter().enumerate() {
            let was = was_withheld.get(position).and_then(Option::as_ref);
            match (was, is_withheld.get(position).and_then(Option::as_ref)) {
                (Some(None), Some(Some(reason))) => {
                    changes.withheld.push(before.shown_withheld(pair, seen, reason));
                }
                (Some(Some(_)), Some(None)) => changes.followed.push(before.shown_link(pair, seen)),
                _ => {}
            }
        }
        changes
    }

    /// The `SAME` decisions that others keep from being followed, in the components of some nodes.
    fn unmet(&self, nodes: &[usize]) -> Vec<&Decision> {
        let component_of = |node: usize| self.resolved.component_of.get(node);
        let wanted: Vec<_> = nodes.iter().filter_map(|it| component_of(*it)).collect();
        let cell_of = |node: usize| self.resolved.partition.cell_of.get(node);
        let verdicts = self.after.verdicts();
        let is_unmet =
            |a: usize, b: usize| cell_of(a) != cell_of(b) && component_of(a).is_some_and(|it| wanted.contains(&it));
        let unmet = verdicts.iter().filter(|it| it.decision.relation == Relation::Same && is_unmet(it.a, it.b));
        let ids = distinct(unmet.map(|it| &*it.decision.id));
        self.after.decisions.iter().map(AsRef::as_ref).filter(|it| ids.binary_search(&&*it.id).is_ok()).collect()
    }

    /// The decisions that exclude new ones about some nodes: `SAME`s that could not be followed any more, else the
    /// `DIFFERENT`s that keep the sides of a new `SAME` apart. Empty where nothing does.
    pub(super) fn excluded(&self, nodes: &[usize], is_new: impl Fn(&Decision) -> bool) -> Vec<ShownDecision> {
        let unmet = self.unmet(nodes);
        let show = |it: &Decision| self.after.shown_decision(it);
        let old: Vec<ShownDecision> = unmet.iter().filter(|it| !is_new(it)).map(|it| show(it)).collect();
        if !old.is_empty() || unmet.is_empty() {
            return old;
        }
        let verdicts = self.after.verdicts();
        let mut groups = DisjointSets::new(self.facts.facts.identifiers.len());
        for position in same_that_hold(self.facts.facts.identifiers.len(), &verdicts) {
            if let Some(verdict) = verdicts.get(position) {
                groups.join(verdict.a, verdict.b);
            }
        }
        let apart: Vec<(usize, usize)> = verdicts
            .iter()
            .filter(|it| unmet.iter().any(|unmet| unmet.id == it.decision.id))
            .flat_map(|it| {
                let (a, b) = (groups.find(it.a), groups.find(it.b));
                [(a, b), (b, a)]
            })
            .collect();
        let mut excluded = Vec::new();
        for verdict in verdicts.iter().filter(|it| it.decision.relation == Relation::Different) {
            if apart.contains(&(groups.find(verdict.a), groups.find(verdict.b))) {
                excluded.push(show(verdict.decision));
            }
        }
        excluded
    }
}

/// For each link of the facts whether it is withheld, and why; nothing where it is not between two nodes.
fn withheld_of(resolved: &Resolved, n_links: usize) -> Vec<Option<Option<Withheld>>> {
    let mut withheld = vec![None; n_links];
    for (link, reason) in resolved.links.iter().zip(&resolved.partition.withheld) {
        if let Some(it) = withheld.get_mut(*link) {
            *it = Some(reason.clone());
        }
    }
    withheld
}
