//! Resolution: which identifiers are one customer (docs/design.md, section 5).
//!
//! The result depends on the set of facts alone, never on the order in which they came.

use profile360_compact_json::sort::sort_by;

use super::{
    constrained_union_find::Groups,
    input::{Edge, Node, Verdict},
    union_find::DisjointSets,
    withheld::Withheld,
};
use crate::policy::compiled::CompiledPolicy;

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

#[cfg(test)]
mod tests;
