//! Resolution: which identifiers are one customer (docs/design.md, section 5).
//!
//! The result depends on the set of facts alone, never on the order in which they came.

use profile360_compact_json::sort::sort_by;

use super::{
    anchor::anchor_rank,
    constrained_union_find::ConstrainedUnionFind,
    input::{Constraint, Edge, Input, Node},
    union_find::DisjointSets,
    withheld::Withheld,
};
use crate::policy::compiled::CompiledPolicy;

/// What resolution makes of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The profile of each node: a number from 0, in the order of their first nodes.
    pub cluster_of: Vec<usize>,
    /// The nodes of each profile, in ascending order.
    pub clusters: Vec<Vec<usize>>,
    /// The node of each profile that was seen first; it names the profile.
    pub anchors: Vec<usize>,
    /// The component of each node: a number from 0, in the order of their first nodes.
    pub component_of: Vec<usize>,
    /// Whether the component of each profile has decisions, or links that were withheld for a limit or a decision: then
    /// what a further link does cannot be said without looking at all of it.
    pub is_contested: Vec<bool>,
    /// For each edge why it was withheld; nothing where it was followed, or where a limit or a decision is no matter because its
    /// ends are together all the same.
    pub withheld: Vec<Option<Withheld>>,
}

/// Makes the partition.
pub fn resolve(input: &Input<'_>, policy: &CompiledPolicy) -> Partition {
    let Input { nodes, edges, constraints, .. } = input;
    let mut profiles = ConstrainedUnionFind::new(nodes, policy);
    profiles.take_decisions(constraints);

    let priorities: Vec<u32> = nodes.iter().map(|node| policy.priority(&node.identifier.kind)).collect();
    let is_blocked: Vec<bool> = nodes.iter().map(|node| policy.blocks(&node.identifier.value)).collect();
    let mut withheld = vec![None; edges.len()];
    for position in order_of_links(nodes, edges, &priorities) {
        let Edge { a, b, .. } = edges[position];
        withheld[position] = if is_blocked[a] || is_blocked[b] {
            Some(Withheld::Blocked)
        } else if nodes[a].is_shared || nodes[b].is_shared {
            Some(Withheld::Shared)
        } else {
            profiles.join_by_link(a, b).err()
        };
    }
    let (cluster_of, n_clusters) = profiles.sets.numbered();
    let mut clusters: Vec<Vec<usize>> = vec![Vec::new(); n_clusters];
    for (node, cluster) in cluster_of.iter().enumerate() {
        clusters[*cluster].push(node);
    }
    let rank = |node: usize| anchor_rank(nodes[node].identifier, nodes[node].first_seen, priorities[node]);
    let anchors =
        clusters.iter().filter_map(|members| members.iter().copied().min_by_key(|node| rank(*node))).collect();

    let (component_of, n_components) = components(input, &withheld).numbered();
    let mut is_component_contested = vec![false; n_components];
    for constraint in constraints {
        is_component_contested[component_of[constraint.a]] = true;
    }
    for (edge, reason) in edges.iter().zip(&mut withheld) {
        if !reason.as_ref().is_some_and(Withheld::is_contested) {
            continue;
        }
        is_component_contested[component_of[edge.a]] = true;
        if cluster_of[edge.a] == cluster_of[edge.b] {
            *reason = None;
        }
    }
    let is_contested = clusters.iter().map(|members| is_component_contested[component_of[members[0]]]).collect();
    Partition { cluster_of, clusters, anchors, component_of, is_contested, withheld }
}

/// The nodes that links and decisions connect, before limits and `DIFFERENT` decisions apply.
fn components(input: &Input<'_>, withheld: &[Option<Withheld>]) -> DisjointSets {
    let mut components = DisjointSets::new(input.nodes.len());
    for (edge, reason) in input.edges.iter().zip(withheld) {
        if !matches!(reason, Some(Withheld::Blocked | Withheld::Shared)) {
            components.join(edge.a, edge.b);
        }
    }
    for constraint in &input.constraints {
        components.join(constraint.a, constraint.b);
    }
    components
}

/// The total order in which links are taken, as positions in `edges`: by the weaker end's priority, by first-seen time, by
/// the pair itself. `priorities` are the nodes'.
pub(crate) fn order_of_links(nodes: &[Node<'_>], edges: &[Edge], priorities: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..edges.len()).collect();
    sort_by(&mut order, |x, y| {
        let key = |it: &Edge| (priorities[it.a].max(priorities[it.b]), it.first_seen);
        let pair = |edge: &Edge| {
            let (a, b) = (nodes[edge.a].identifier, nodes[edge.b].identifier);
            if a < b { (a, b) } else { (b, a) }
        };
        let (x, y) = (&edges[*x], &edges[*y]);
        key(x).cmp(&key(y)).then_with(|| pair(x).cmp(&pair(y)))
    });
    order
}

/// The `SAME` decisions that hold, as positions in `constraints` and in the order in which they are taken: all whose two sides
/// no `DIFFERENT` decision separates.
pub(crate) fn same_that_hold(n_nodes: usize, constraints: &[Constraint<'_>]) -> Vec<usize> {
    ConstrainedUnionFind::without_limits(n_nodes).take_decisions(constraints)
}

#[cfg(test)]
mod tests;
