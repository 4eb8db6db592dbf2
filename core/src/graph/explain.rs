//! Explanations: why identifiers are one customer, why they are not, and what holds a customer together (docs/design.md,
//! section 5).
//!
//! The edges of the graph are the `SAME` decisions that hold and the links that resolution follows. Everything here needs
//! n log n time in the number of identifiers and edges, and nothing recurses.

use super::{
    adjacency::Adjacency,
    evidence_graph::{Evidence, EvidenceEdge, EvidenceGraph, Step},
    input::Edge,
    resolve::order_of_links,
    union_find::DisjointSets,
};
use crate::{identifier::Identifier, policy::compiled::CompiledPolicy};

/// Why two identifiers are one customer, or why they are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    pub together: bool,
    /// The strongest path from the one to the other: no other path's weakest edge is stronger. Decisions are stronger than
    /// links, and links are as strong as they come early in resolution's total order. Empty where they are not together.
    pub path: Vec<Step>,
    /// Where they are not together, what would have to be followed: the withheld links, as positions in the evidence, on the
    /// strongest way from the one to the other if these counted as well, after all that are followed. Empty where no links
    /// lead from the one to the other.
    pub blocked_by: Vec<usize>,
}

/// Why two identifiers are one customer, or why they are not. An identifier that is not in the evidence is together with
/// none.
pub fn explain(evidence: Evidence<'_>, a: &Identifier, b: &Identifier, policy: &CompiledPolicy) -> Explanation {
    let (Some(from), Some(to)) = (evidence.position_of(a), evidence.position_of(b)) else {
        return Explanation::default();
    };
    let graph = EvidenceGraph::of(evidence);
    let priorities: Vec<u32> = graph.nodes.iter().map(|it| policy.priority(&it.identifier.kind)).collect();
    let in_order = |links: &[EvidenceEdge]| -> Vec<EvidenceEdge> {
        let edges: Vec<Edge> = links.iter().map(|it| it.ends).collect();
        order_of_links(&graph.nodes, &edges, &priorities).into_iter().map(|it| links[it]).collect()
    };
    let mut forest = Forest { sets: DisjointSets::new(graph.nodes.len()), edges: Vec::new() };
    let together = forest.grow_until_joined(&graph.same, from, to)
        || forest.grow_until_joined(&in_order(&graph.followed), from, to);
    if together {
        return Explanation { together, path: forest.path(from, to), blocked_by: Vec::new() };
    }
    if !forest.grow_until_joined(&in_order(&graph.withheld), from, to) {
        return Explanation::default();
    }
    let is_withheld = |link: &usize| evidence.links.get(*link).is_some_and(|(_, it)| it.withheld.is_some());
    let links = forest.path(from, to).into_iter().filter_map(Step::link);
    Explanation { together, path: Vec::new(), blocked_by: links.filter(is_withheld).collect() }
}

/// A maximum spanning forest: of all paths between two nodes the one in here has the strongest weakest edge.
struct Forest {
    sets: DisjointSets,
    edges: Vec<EvidenceEdge>,
}

impl Forest {
    /// Adds the edges that join two trees, the strongest first, until the two nodes are connected. Returns whether they are.
    fn grow_until_joined(&mut self, edges: &[EvidenceEdge], one: usize, other: usize) -> bool {
        let mut is_joined = self.sets.find(one) == self.sets.find(other);
        for edge in edges {
            if is_joined {
                break;
            }
            let Edge { a, b, .. } = edge.ends;
            if self.sets.find(a) != self.sets.find(b) {
                self.sets.join(a, b);
                self.edges.push(*edge);
                is_joined = self.sets.find(one) == self.sets.find(other);
            }
        }
        is_joined
    }

    /// The path between two nodes of one tree.
    fn path(&self, from: usize, to: usize) -> Vec<Step> {
        let n_nodes = self.sets.len();
        let neighbors = Adjacency::new(n_nodes, &self.edges);
        // For each node that was found from the far end, the next one on the path to it and the edge that leads there.
        let mut towards: Vec<Option<(usize, usize)>> = vec![None; n_nodes];
        let mut pending = vec![to];
        while let Some(node) = pending.pop() {
            for (other, edge) in neighbors.of(node) {
                if *other != to && towards[*other].is_none() {
                    towards[*other] = Some((node, *edge));
                    pending.push(*other);
                }
            }
        }
        let mut path = Vec::new();
        let mut here = from;
        while let Some((next, edge)) = towards[here] {
            path.push(self.edges[edge].step);
            here = next;
        }
        path
    }
}

#[cfg(test)]
mod tests;
