//! What a change makes of the profiles.

use std::sync::Arc;

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    checked::CheckedFacts,
    facts::LinkOfFacts,
    profile_view::{Figures, FoldedProfile, ProfileView},
    scenario::{Resolved, Scenario},
    views::{DecisionView, LinkView, WithheldLinkView},
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
    pub followed: Vec<LinkView>,
    /// Among them no link for which only the reason changed.
    pub withheld: Vec<WithheldLinkView>,
}

/// The facts as they are, compared with the facts as they would be.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    pub facts: &'a CheckedFacts,
    pub after: Scenario<'a>,
    pub resolved: Resolved,
}

impl<'a> Difference<'a> {
    pub(super) fn new(facts: &'a CheckedFacts, after: Scenario<'a>) -> Self {
        let resolved = after.resolve();
        Self { facts, after, resolved }
    }

    /// Clusters before and clusters after that share identifiers: those of the named nodes, and all that change. They are in the
    /// order of their first identifiers.
    pub(super) fn clusters(&self, nodes: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let (before, after) = (&self.facts.resolved().partition, &self.resolved.partition);
        let mut left: Vec<usize> = nodes.iter().filter_map(|it| before.cluster_of.get(*it).copied()).collect();
        let mut right: Vec<usize> = nodes.iter().filter_map(|it| after.cluster_of.get(*it).copied()).collect();
        for (old, new) in before.cluster_of.iter().zip(&after.cluster_of) {
            let is_changed = before.clusters.get(*old) != after.clusters.get(*new);
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
        let mut groups = DisjointSets::new(before.clusters.len() + after.clusters.len());
        for (old, new) in before.cluster_of.iter().zip(&after.cluster_of) {
            groups.join(*old, before.clusters.len() + *new);
        }
        let (left, right) = self.clusters(&[]);
        // For each root where its group is.
        let mut positions: Vec<Option<usize>> = vec![None; groups.len()];
        let mut regrouped: Vec<Regrouped> = Vec::new();
        let sides = left.into_iter().map(|it| (true, it)).chain(right.into_iter().map(|it| (false, it)));
        for (is_before, cluster) in sides {
            let (root, anchor) = if is_before {
                (groups.find(cluster), before.anchors.get(cluster))
            } else {
                (groups.find(before.clusters.len() + cluster), after.anchors.get(cluster))
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
    pub(super) fn view_before(&self, cluster: usize, figures: &Figures) -> ProfileView {
        self.facts.profile_view(cluster).shown(&self.facts.facts, &self.facts.policy, figures)
    }

    /// A profile as it would be.
    pub(super) fn view_after(&self, cluster: usize, figures: &Figures) -> ProfileView {
        let profile_view = Arc::new(FoldedProfile::of(&self.after, &self.resolved, cluster, None));
        profile_view.shown(&self.facts.facts, self.after.policy, figures)
    }

    pub(super) fn links(&self) -> LinkChanges {
        let mut changes = LinkChanges::default();
        let before = self.facts.scenario();
        let was_withheld = withheld_of(self.facts.resolved(), self.facts.facts.links.len());
        let is_withheld = withheld_of(&self.resolved, self.facts.facts.links.len());
        for (position, LinkOfFacts { pair, seen, .. }) in self.facts.facts.links.iter().enumerate() {
            let was = was_withheld.get(position).and_then(Option::as_ref);
            match (was, is_withheld.get(position).and_then(Option::as_ref)) {
                (Some(None), Some(Some(reason))) => {
                    changes.withheld.push(before.withheld_link_view(pair, seen, reason));
                }
                (Some(Some(_)), Some(None)) => changes.followed.push(before.link_view(pair, seen)),
                _ => {}
            }
        }
        changes
    }

    /// The `SAME` decisions that others keep from being followed, in the components of some nodes.
    fn unmet(&self, nodes: &[usize]) -> Vec<&Decision> {
        let component_of = |node: usize| self.resolved.partition.component_of.get(node);
        let wanted: Vec<_> = nodes.iter().filter_map(|it| component_of(*it)).collect();
        let cluster_of = |node: usize| self.resolved.partition.cluster_of.get(node);
        let constraints = self.after.input().constraints;
        let is_unmet = |a: usize, b: usize| {
            cluster_of(a) != cluster_of(b) && component_of(a).is_some_and(|it| wanted.contains(&it))
        };
        let unmet = constraints.iter().filter(|it| it.decision.relation == Relation::Same && is_unmet(it.a, it.b));
        let ids = distinct(unmet.map(|it| &*it.decision.id));
        self.after.decisions.iter().map(AsRef::as_ref).filter(|it| ids.binary_search(&&*it.id).is_ok()).collect()
    }

    /// The decisions that exclude new ones about some nodes: `SAME`s that could not be followed any more, else the
    /// `DIFFERENT`s that keep the sides of a new `SAME` apart. Empty where nothing does.
    pub(super) fn excluded(&self, nodes: &[usize], is_new: impl Fn(&Decision) -> bool) -> Vec<DecisionView> {
        let unmet = self.unmet(nodes);
        let show = |it: &Decision| self.after.decision_view(it);
        let old: Vec<DecisionView> = unmet.iter().filter(|it| !is_new(it)).map(|it| show(it)).collect();
        if !old.is_empty() || unmet.is_empty() {
            return old;
        }
        let constraints = self.after.input().constraints;
        let mut groups = DisjointSets::new(self.facts.facts.identifiers.len());
        for position in same_that_hold(self.facts.facts.identifiers.len(), &constraints) {
            if let Some(constraint) = constraints.get(position) {
                groups.join(constraint.a, constraint.b);
            }
        }
        let apart: Vec<(usize, usize)> = constraints
            .iter()
            .filter(|it| unmet.iter().any(|unmet| unmet.id == it.decision.id))
            .flat_map(|constraint| {
                let (a, b) = (groups.find(constraint.a), groups.find(constraint.b));
                [(a, b), (b, a)]
            })
            .collect();
        let mut excluded = Vec::new();
        for constraint in constraints.iter().filter(|it| it.decision.relation == Relation::Different) {
            if apart.contains(&(groups.find(constraint.a), groups.find(constraint.b))) {
                excluded.push(show(constraint.decision));
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
