//! Resolution: which identifiers are one customer (docs/design.md, section 5).
//!
//! The result depends on the set of facts alone, never on the order in which they came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    evidence::{
        decision::{Decision, Relation},
        neighbours::Neighbours,
    },
    identifier::{Identifier, Kind},
    policy::CompiledPolicy,
    sorting::{sort_by, sort_stably_by},
    time::Timestamp,
};

/// An identifier as resolution sees it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    pub identifier: &'a Identifier,
    pub first_seen: Timestamp,
    /// It links to too many, or to several people at once: see [`is_shared`].
    pub is_shared: bool,
}

/// A link between two nodes, by their positions.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    pub first_seen: Timestamp,
}

/// A decision between two nodes, by their positions.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    pub a: usize,
    pub b: usize,
    pub decision: &'a Decision,
}

/// Why a link is not followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Withheld {
    /// Both sides together would hold more of this kind than its limit.
    Limit(Kind),
    /// A decision keeps the two sides apart; its ID.
    Different(std::sync::Arc<str>),
    /// An end has a blocked value.
    Blocked,
    /// An end links to too many to say anything.
    Shared,
    /// Its ends are two owners of one value, before and after it was given away. No message makes such a link; explanations
    /// show it where it is all that would lead from the one to the other.
    Retired,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limit(kind) => write!(f, "together they would hold more of the kind {kind} than one customer may"),
            Self::Different(_) => f.write_str("an operator said that they are different customers"),
            Self::Blocked => f.write_str("one of the values says nothing about who it is"),
            Self::Shared => f.write_str(
                "one of the values links to too many, or to several people at once, to say that they are one customer",
            ),
            Self::Retired => f.write_str("the value was given to someone else in between"),
        }
    }
}

impl Withheld {
    /// The reason as answers spell it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Limit(_) => "LIMIT",
            Self::Different(_) => "DIFFERENT",
            Self::Blocked => "BLOCKED",
            Self::Shared => "SHARED",
            Self::Retired => "RETIRED",
        }
    }

    /// Whether it depends on the order in which links are taken; what is blocked or shared is so whatever else there is.
    pub const fn is_contested(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::Different(_))
    }
}

/// What resolution makes of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The profile of each node: a number from 0, in the order of their first nodes.
    pub cell_of: Vec<usize>,
    /// The nodes of each profile, in ascending order.
    pub cells: Vec<Vec<usize>>,
    /// The node of each profile that was seen first; it names the profile.
    pub anchors: Vec<usize>,
    /// Whether the component of each profile has decisions, or links that were withheld for a limit or a decision: then
    /// what a further link does cannot be said without looking at all of it.
    pub is_contested: Vec<bool>,
    /// For each edge why it was withheld; nothing where it was followed, or where a limit or a decision is no matter because its
    /// ends are together all the same.
    pub withheld: Vec<Option<Withheld>>,
}

/// Whether an identifier of a kind, with such neighbours, carries no links any more: it has more of one kind than `max_links`
/// and than that kind's limit, or it is a device that met more people within thirty days than `max_users_a_month`.
pub fn is_shared(kind: &Kind, neighbours: &BTreeMap<Kind, Neighbours>, policy: &CompiledPolicy) -> bool {
    let is_device = policy.is_device(kind);
    neighbours.iter().any(|(other, of_kind)| {
        policy.max_links.max(policy.limit(other)) < of_kind.len()
            || (is_device && policy.max_users_a_month < of_kind.met_at_once() && policy.names_people(other))
    })
}

/// Makes the partition. Positions in edges and verdicts must be positions in `nodes`.
pub fn resolve(nodes: &[Node<'_>], edges: &[Edge], verdicts: &[Verdict<'_>], policy: &CompiledPolicy) -> Partition {
    let mut groups = Groups::new(nodes, policy);
    groups.take_decisions(verdicts);

    let priorities: Vec<u32> = nodes.iter().map(|it| policy.priority(&it.identifier.kind)).collect();
    let is_blocked: Vec<bool> = nodes.iter().map(|it| policy.blocks(&it.identifier.value)).collect();
    let mut withheld = vec![None; edges.len()];
    for position in order_of_links(nodes, edges, &priorities) {
        let Edge { a, b, .. } = edges[position];
        withheld[position] = if is_blocked[a] || is_blocked[b] {
            Some(Withheld::Blocked)
        } else if nodes[a].is_shared || nodes[b].is_shared {
            Some(Withheld::Shared)
        } else {
            groups.join_by_link(a, b).err()
        };
    }
    finish(nodes, edges, verdicts, withheld, groups, &priorities)
}

/// The total order in which links are taken, as positions in `edges`: by the weaker end's priority, by first-seen time, by
/// the pair itself. `priorities` are the nodes'.
pub(crate) fn order_of_links(nodes: &[Node<'_>], edges: &[Edge], priorities: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..edges.len()).collect();
    sort_by(&mut order, |x, y| {
        let key = |it: &Edge| (priorities[it.a].max(priorities[it.b]), it.first_seen);
        let pair = |it: &Edge| {
            let (a, b) = (nodes[it.a].identifier, nodes[it.b].identifier);
            if a < b { (a, b) } else { (b, a) }
        };
        let (x, y) = (&edges[*x], &edges[*y]);
        key(x).cmp(&key(y)).then_with(|| pair(x).cmp(&pair(y)))
    });
    order
}

/// The `SAME` decisions that hold, as positions in `verdicts` and in the order in which they are taken: all whose two sides
/// no `DIFFERENT` decision keeps apart.
pub(crate) fn same_that_hold(n_nodes: usize, verdicts: &[Verdict<'_>]) -> Vec<usize> {
    Groups::without_limits(n_nodes).take_decisions(verdicts)
}

fn finish(
    nodes: &[Node<'_>],
    edges: &[Edge],
    verdicts: &[Verdict<'_>],
    mut withheld: Vec<Option<Withheld>>,
    mut groups: Groups<'_>,
    priorities: &[u32],
) -> Partition {
    let mut cell_of = vec![usize::MAX; nodes.len()];
    let mut cell_of_root = vec![usize::MAX; nodes.len()];
    let mut cells: Vec<Vec<usize>> = Vec::new();
    for node in 0..nodes.len() {
        let root = groups.sets.find(node);
        if cell_of_root[root] == usize::MAX {
            cell_of_root[root] = cells.len();
            cells.push(Vec::new());
        }
        cell_of[node] = cell_of_root[root];
        cells[cell_of[node]].push(node);
    }
    let rank = |node: &usize| {
        let it = &nodes[*node];
        (it.first_seen, priorities[*node], &it.identifier.value, &it.identifier.kind, it.identifier.generation)
    };
    let anchors = cells.iter().filter_map(|it| it.iter().copied().min_by_key(|node| rank(node))).collect();

    let mut components = DisjointSets::new(nodes.len());
    for (edge, reason) in edges.iter().zip(&withheld) {
        if !matches!(reason, Some(Withheld::Blocked | Withheld::Shared)) {
            components.join(edge.a, edge.b);
        }
    }
    for verdict in verdicts {
        components.join(verdict.a, verdict.b);
    }
    let mut contested_roots = vec![false; nodes.len()];
    for (edge, reason) in edges.iter().zip(&mut withheld) {
        if reason.as_ref().is_some_and(Withheld::is_contested) {
            contested_roots[components.find(edge.a)] = true;
        }
        if cell_of[edge.a] == cell_of[edge.b] && reason.as_ref().is_some_and(Withheld::is_contested) {
            *reason = None;
        }
    }
    for verdict in verdicts {
        contested_roots[components.find(verdict.a)] = true;
    }
    let is_contested = cells.iter().map(|it| contested_roots[components.find(it[0])]).collect();
    Partition { cell_of, cells, anchors, is_contested, withheld }
}

/// Growing profiles: who is together, how many of each kind, and who must not come together.
struct Groups<'a> {
    sets: DisjointSets,
    /// For each root, how many identifiers of each kind, by the kind's number.
    counts: Vec<Vec<(usize, u32)>>,
    limits: Vec<(&'a Kind, u32)>,
    /// For each node, whom a decision keeps away from it, and that decision.
    apart: BTreeMap<usize, Vec<(usize, &'a Decision)>>,
    /// For each root, its nodes that are in `apart`.
    guarded: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Groups<'a> {
    fn new(nodes: &[Node<'a>], policy: &CompiledPolicy) -> Self {
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

    /// For decisions alone, which no limit holds back.
    fn without_limits(n_nodes: usize) -> Self {
        Self {
            sets: DisjointSets::new(n_nodes),
            counts: vec![Vec::new(); n_nodes],
            limits: Vec::new(),
            apart: BTreeMap::new(),
            guarded: BTreeMap::new(),
        }
    }

    /// Takes all decisions; the positions of the `SAME` ones that hold, in the order in which they are taken.
    fn take_decisions(&mut self, verdicts: &[Verdict<'a>]) -> Vec<usize> {
        for verdict in verdicts.iter().filter(|it| it.decision.relation == Relation::Different) {
            self.keep_apart(verdict);
        }
        let mut same: Vec<usize> =
            (0..verdicts.len()).filter(|it| verdicts[*it].decision.relation == Relation::Same).collect();
        let place = |it: usize| (verdicts[it].decision.at, &verdicts[it].decision.id);
        sort_stably_by(&mut same, |a, b| place(*a).cmp(&place(*b)));
        same.retain(|it| self.join_by_decision(verdicts[*it].a, verdicts[*it].b));
        same
    }

    fn keep_apart(&mut self, verdict: &Verdict<'a>) {
        for (one, other) in [(verdict.a, verdict.b), (verdict.b, verdict.a)] {
            self.apart.entry(one).or_default().push((other, verdict.decision));
            self.guarded.insert(one, vec![one]);
        }
    }

    /// Whether the two are together then.
    fn join_by_decision(&mut self, a: usize, b: usize) -> bool {
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

    fn join_by_link(&mut self, a: usize, b: usize) -> Result<(), Withheld> {
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
    fn broken_limit(&self, a: usize, b: usize) -> Option<&'a Kind> {
        let is_broken = |(kind, n): &&(usize, u32)| {
            let limit = self.limits[*kind].1;
            self.counts[b].iter().any(|(other, m)| other == kind && limit < n.saturating_add(*m))
        };
        self.counts[a].iter().filter(is_broken).map(|(kind, _)| self.limits[*kind].0).min()
    }

    fn decision_between(&mut self, a: usize, b: usize) -> Option<&'a Decision> {
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

    fn join_roots(&mut self, a: usize, b: usize) {
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

/// Union-find by size with path halving.
pub(crate) struct DisjointSets {
    parent: Vec<usize>,
    size: Vec<u32>,
}

impl DisjointSets {
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n).collect(), size: vec![1; n] }
    }

    /// How many are in all sets.
    pub(crate) fn len(&self) -> usize {
        self.parent.len()
    }

    pub(crate) fn find(&mut self, mut it: usize) -> usize {
        while self.parent[it] != it {
            self.parent[it] = self.parent[self.parent[it]];
            it = self.parent[it];
        }
        it
    }

    /// Joins the sets of both; the root of the whole, and the root that is none any more.
    pub(crate) fn join(&mut self, a: usize, b: usize) -> (usize, usize) {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return (a, a);
        }
        let (root, child) = if self.size[a] < self.size[b] { (b, a) } else { (a, b) };
        self.parent[child] = root;
        self.size[root] = self.size[root].saturating_add(self.size[child]);
        (root, child)
    }
}

#[cfg(test)]
mod tests;
