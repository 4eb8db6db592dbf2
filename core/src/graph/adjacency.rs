//! For each node its edges.

use super::{evidence_graph::EvidenceEdge, input::Edge};

/// For each node its neighbors and the edges to them, by their positions.
pub(super) struct Adjacency {
    /// Where those of each node begin, and where those of the last one end.
    pub(super) starts: Vec<usize>,
    pub(super) all: Vec<(usize, usize)>,
}

impl Adjacency {
    pub(super) fn new(n_nodes: usize, edges: &[EvidenceEdge]) -> Self {
        let mut starts = vec![0; n_nodes + 1];
        for Edge { a, b, .. } in edges.iter().map(|it| it.ends) {
            starts[a] += 1;
            starts[b] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        // Each is where those of its node end now; filling them in from the end makes it where they begin.
        let mut all = vec![(0, 0); end];
        for (edge, Edge { a, b, .. }) in edges.iter().map(|it| it.ends).enumerate() {
            for (node, other) in [(a, b), (b, a)] {
                starts[node] -= 1;
                all[starts[node]] = (other, edge);
            }
        }
        Self { starts, all }
    }

    pub(super) fn of(&self, node: usize) -> &[(usize, usize)] {
        &self.all[self.starts[node]..self.starts[node + 1]]
    }
}
