//! Growing profiles: union-find that keeps limits and decisions.

use std::collections::BTreeMap;

use profile360_compact_json::sort::sort_stably_by;

use super::{
    input::{Constraint, Node},
    union_find::DisjointSets,
    withheld::Withheld,
};
use crate::{
    evidence::decision::{Decision, Relation},
    identifier::Kind,
    policy::compiled::CompiledPolicy,
};

/// Growing profiles: who is together, how many of each kind, and who must not come together.
pub(super) struct ConstrainedUnionFind<'a> {
    pub(super) sets: DisjointSets,
    /// For each root, how many identifiers of each kind, by the kind's number.
    pub(super) counts: Vec<Vec<(usize, u32)>>,
    pub(super) limits: Vec<(&'a Kind, u32)>,
    /// For each node the nodes that a `DIFFERENT` decision separates from it, with the decision.
    pub(super) apart: BTreeMap<usize, Vec<(usize, &'a Decision)>>,
    /// For each root, its nodes that are in `apart`.
    pub(super) guarded: BTreeMap<usize, Vec<usize>>,
}

impl<'a> ConstrainedUnionFind<'a> {
    pub(super) fn new(nodes: &[Node<'a>], policy: &CompiledPolicy) -> Self {
        let mut limits: Vec<(&Kind, u32)> = Vec::new();
        let counts = nodes
            .iter()
            .map(|node| {
                let kind = &node.identifier.kind;
                let number = limits.iter().position(|(it, _)| *it == kind).unwrap_or_else(|| {
                    limits.push((kind, policy.limit(kind)));
                    limits.len() - 1
                });
                vec![(number, 1)]
            })
            .collect();
        Self { sets: DisjointSets::new(nodes.len()), counts, limits, apart: BTreeMap::new(), guarded: BTreeMap::new() }
    }

    /// For decisions alone: limits do not apply to them.
    pub(super) fn without_limits(n_nodes: usize) -> Self {
        Self {
            sets: DisjointSets::new(n_nodes),
            counts: vec![Vec::new(); n_nodes],
            limits: Vec::new(),
            apart: BTreeMap::new(),
            guarded: BTreeMap::new(),
        }
    }

    /// Applies all decisions. Returns the positions of the `SAME` ones that hold, in the order in which they apply.
    pub(super) fn take_decisions(&mut self, constraints: &[Constraint<'a>]) -> Vec<usize> {
        for constraint in constraints.iter().filter(|it| it.decision.relation == Relation::Different) {
            self.keep_apart(constraint);
        }
        let mut same: Vec<usize> =
            (0..constraints.len()).filter(|it| constraints[*it].decision.relation == Relation::Same).collect();
        let place = |it: usize| (constraints[it].decision.at, &constraints[it].decision.id);
        sort_stably_by(&mut same, |a, b| place(*a).cmp(&place(*b)));
        same.retain(|it| self.join_by_decision(constraints[*it].a, constraints[*it].b));
        same
    }

    pub(super) fn keep_apart(&mut self, constraint: &Constraint<'a>) {
        for (one, other) in [(constraint.a, constraint.b), (constraint.b, constraint.a)] {
            self.apart.entry(one).or_default().push((other, constraint.decision));
            self.guarded.insert(one, vec![one]);
        }
    }

    /// Whether the two are together then.
    pub(super) fn join_by_decision(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.sets.find(a), self.sets.find(b));
        if a == b {
            return true;
        }
        let is_free = self.decision_between(a, b).is_none();
        if is_free {
            self.join_roots(a, b);
        }
        is_free
    }

    pub(super) fn join_by_link(&mut self, a: usize, b: usize) -> Result<(), Withheld> {
        let (a, b) = (self.sets.find(a), self.sets.find(b));
        if a == b {
            return Ok(());
        }
        if let Some(decision) = self.decision_between(a, b) {
            return Err(Withheld::Different(decision.id.clone()));
        }
        if let Some(kind) = self.broken_limit(a, b) {
            return Err(Withheld::Limit(kind.clone()));
        }
        self.join_roots(a, b);
        Ok(())
    }

    /// The first kind, by name, of which both sides have some and together too many. A side that a decision brought above a
    /// limit can still be joined by what adds none of that kind.
    pub(super) fn broken_limit(&self, a: usize, b: usize) -> Option<&'a Kind> {
        let is_broken = |(kind, n): &&(usize, u32)| {
            let limit = self.limits[*kind].1;
            self.counts[b].iter().any(|(other, m)| other == kind && limit < n.saturating_add(*m))
        };
        self.counts[a].iter().filter(is_broken).map(|(kind, _)| self.limits[*kind].0).min()
    }

    pub(super) fn decision_between(&mut self, a: usize, b: usize) -> Option<&'a Decision> {
        let n_guarded = |it: usize| self.guarded.get(&it).map_or(0, Vec::len);
        let (few, many) = if n_guarded(a) <= n_guarded(b) { (a, b) } else { (b, a) };
        let mut found: Option<&Decision> = None;
        for node in self.guarded.get(&few).into_iter().flatten() {
            for (other, decision) in self.apart.get(node).into_iter().flatten() {
                let is_first = found.is_none_or(|it| (decision.at, &decision.id) < (it.at, &it.id));
                if self.sets.find(*other) == many && is_first {
                    found = Some(decision);
                }
            }
        }
        found
    }

    pub(super) fn join_roots(&mut self, a: usize, b: usize) {
        let (root, child) = self.sets.join(a, b);
        let moved = std::mem::take(&mut self.counts[child]);
        for (kind, n) in moved {
            match self.counts[root].iter_mut().find(|(it, _)| *it == kind) {
                Some((_, m)) => *m = m.saturating_add(n),
                None => self.counts[root].push((kind, n)),
            }
        }
        if let Some(moved) = self.guarded.remove(&child) {
            self.guarded.entry(root).or_default().extend(moved);
        }
    }
}
