//! Links without which a profile would fall apart.

use std::ops::Range;

use super::{
    adjacency::Adjacency,
    evidence_graph::{Evidence, EvidenceGraph},
};
use crate::identifier::Identifier;

/// A link whose removal would part what holds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Its position in the evidence.
    pub link: usize,
    /// Runs of [`Bridges::order`].
    leaving: [Range<usize>; 2],
}

impl Bridge {
    /// How many identifiers would leave.
    pub fn leaving_count(&self) -> usize {
        self.leaving.iter().map(ExactSizeIterator::len).sum()
    }
}

/// All bridges. Of a long chain the lists of who would leave are together as long as the square of its length, so each is
/// made when it is asked for.
#[derive(Debug, Clone)]
pub struct Bridges<'a> {
    /// In the order of the links.
    pub bridges: Vec<Bridge>,
    identifiers: &'a [Identifier],
    /// Positions of the identifiers, arranged so that what lies on one side of a bridge is one run, and the other side is
    /// what lies before and after it.
    order: Vec<usize>,
}

impl<'a> Bridges<'a> {
    /// Who would leave without that bridge, ascending: the smaller part; of equal parts the one without the smallest
    /// identifier.
    pub fn leaving(&self, bridge: &Bridge) -> Vec<&'a Identifier> {
        let runs = bridge.leaving.iter().filter_map(|run| self.order.get(run.clone()));
        let mut positions: Vec<usize> = runs.flatten().copied().collect();
        positions.sort_unstable();
        positions.into_iter().filter_map(|it| self.identifiers.get(it)).collect()
    }
}

/// The followed links whose removal would split a profile. A link is no bridge where a decision connects the same two.
pub fn bridges(evidence: Evidence<'_>) -> Bridges<'_> {
    let EvidenceGraph { nodes, same, followed, .. } = EvidenceGraph::of(evidence);
    let edges = [same, followed].concat();
    let neighbors = Adjacency::new(nodes.len(), &edges);
    let mut order = Vec::with_capacity(nodes.len());
    let mut bridges = Vec::new();
    // Tarjan's depth-first search: a node's place is its position in `order`, and its reach the first place to which it or a
    // node below it has an edge other than those that the search came by. The links into a node that reaches no further than
    // itself are bridges.
    let mut place: Vec<Option<usize>> = vec![None; nodes.len()];
    let mut reach = vec![0; nodes.len()];
    let mut way: Vec<Visit> = Vec::new();
    for root in 0..nodes.len() {
        if place[root].is_some() {
            continue;
        }
        let (start, first_bridge) = (order.len(), bridges.len());
        let mut next = Some(Visit { node: root, came_by: None, n_tried: 0 });
        loop {
            if let Some(visit) = next.take() {
                place[visit.node] = Some(order.len());
                reach[visit.node] = order.len();
                order.push(visit.node);
                way.push(visit);
            }
            let Some(here) = way.last_mut() else { break };
            let Visit { node, came_by, n_tried } = *here;
            if let Some((other, edge)) = neighbors.of(node).get(n_tried) {
                here.n_tried += 1;
                match place[*other] {
                    _ if came_by == Some(*edge) => {}
                    Some(place) => reach[node] = reach[node].min(place),
                    None => next = Some(Visit { node: *other, came_by: Some(*edge), n_tried: 0 }),
                }
                continue;
            }
            way.pop();
            let (Some(before), Some(edge)) = (way.last(), came_by) else { continue };
            reach[before.node] = reach[before.node].min(reach[node]);
            if let (Some(link), Some(place)) = (edges[edge].step.link(), place[node])
                && reach[node] == place
            {
                // What is below the bridge, for now; the size of the whole is not known yet.
                bridges.push(Bridge { link, leaving: [place..order.len(), 0..0] });
            }
        }
        let whole = start..order.len();
        for bridge in &mut bridges[first_bridge..] {
            // The root is the smallest identifier of the whole, and never below a bridge.
            let below = bridge.leaving[0].clone();
            if whole.len() - below.len() < below.len() {
                bridge.leaving = [whole.start..below.start, below.end..whole.end];
            }
        }
    }
    bridges.sort_unstable_by_key(|it| it.link);
    Bridges { bridges, identifiers: evidence.identifiers, order }
}

/// A node on the way of the search, the tie that led to it, and how many of its neighbors have been tried.
#[derive(Debug, Clone, Copy)]
struct Visit {
    node: usize,
    came_by: Option<usize>,
    n_tried: usize,
}
