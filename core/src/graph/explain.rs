//! Explanations: why identifiers are one customer, why they are not, and what holds a customer together (docs/design.md,
//! section 5).
//!
//! What holds identifiers together are *ties*: the `SAME` decisions that hold and the links that resolution follows. All
//! here takes n log n time in the number of identifiers and ties, and no deeper stack for a longer chain.

use super::{
    adjacency::Neighbours,
    evidence::{Evidence, Step, Tie, Ties},
    input::Edge,
    resolve::order_of_links,
    union_find::DisjointSets,
};
use crate::{identifier::Identifier, policy::compiled::CompiledPolicy};

/// Why two identifiers are one customer, or why they are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    pub together: bool,
    /// The strongest way from the one to the other: no other one's weakest tie is stronger. Decisions are stronger than
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
    let ties = Ties::of(evidence);
    let priorities: Vec<u32> = ties.nodes.iter().map(|it| policy.priority(&it.identifier.kind)).collect();
    let in_order = |links: &[Tie]| -> Vec<Tie> {
        let edges: Vec<Edge> = links.iter().map(|it| it.edge).collect();
        order_of_links(&ties.nodes, &edges, &priorities).into_iter().map(|it| links[it]).collect()
    };
    let mut forest = Forest { sets: DisjointSets::new(ties.nodes.len()), ties: Vec::new() };
    let together =
        forest.grow_until_joined(&ties.same, from, to) || forest.grow_until_joined(&in_order(&ties.followed), from, to);
    if together {
        return Explanation { together, path: forest.path(from, to), blocked_by: Vec::new() };
    }
    if !forest.grow_until_joined(&in_order(&ties.withheld), from, to) {
        return Explanation::default();
    }
    let is_withheld = |link: &usize| evidence.links.get(*link).is_some_and(|(_, it)| it.withheld.is_some());
    let links = forest.path(from, to).into_iter().filter_map(Step::link);
    Explanation { together, path: Vec::new(), blocked_by: links.filter(is_withheld).collect() }
}

/// Growing trees of the strongest ties: of all ways between two nodes the one in here has the strongest weakest tie.
struct Forest {
    sets: DisjointSets,
    ties: Vec<Tie>,
}

impl Forest {
    /// Takes ties, the strongest first, that join what was apart, until the two nodes are together; whether they are.
    fn grow_until_joined(&mut self, ties: &[Tie], one: usize, other: usize) -> bool {
        let mut is_joined = self.sets.find(one) == self.sets.find(other);
        for tie in ties {
            if is_joined {
                break;
            }
            let Edge { a, b, .. } = tie.edge;
            if self.sets.find(a) != self.sets.find(b) {
                self.sets.join(a, b);
                self.ties.push(*tie);
                is_joined = self.sets.find(one) == self.sets.find(other);
            }
        }
        is_joined
    }

    /// The way between two nodes of one tree.
    fn path(&self, from: usize, to: usize) -> Vec<Step> {
        let n_nodes = self.sets.len();
        let neighbours = Neighbours::new(n_nodes, &self.ties);
        // For each node that was found from the far end, the next one on the way there and the tie that leads to it.
        let mut towards: Vec<Option<(usize, usize)>> = vec![None; n_nodes];
        let mut pending = vec![to];
        while let Some(node) = pending.pop() {
            for (other, tie) in neighbours.of(node) {
                if *other != to && towards[*other].is_none() {
                    towards[*other] = Some((node, *tie));
                    pending.push(*other);
                }
            }
        }
        let mut path = Vec::new();
        let mut here = from;
        while let Some((next, tie)) = towards[here] {
            path.push(self.ties[tie].step);
            here = next;
        }
        path
    }
}

#[cfg(test)]
mod tests;
