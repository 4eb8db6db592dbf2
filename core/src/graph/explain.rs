//! Explanations: why identifiers are one customer, why they are not, and what holds a customer together (docs/design.md,
//! section 5).
//!
//! What holds identifiers together are *ties*: the `SAME` decisions that hold and the links that resolution follows. All
//! here takes n log n time in the number of identifiers and ties, and no deeper stack for a longer chain.

use std::ops::Range;

use crate::{
    evidence::{decision::Decision, link::Pair},
    graph::resolve::{DisjointSets, Edge, Node, Verdict, order_of_links, same_that_hold},
    identifier::Identifier,
    plan::LinkState,
    policy::CompiledPolicy,
    time::Timestamp,
};

/// What is known of some profiles, as resolution left it. It must be all that is known of them: their identifiers, the
/// links between these and the decisions about these.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Ascending.
    pub identifiers: &'a [Identifier],
    /// In any order. One with an end that is not among the identifiers ties nothing.
    pub links: &'a [(Pair, LinkState)],
    /// In any order; revoked ones may be there and do not count.
    pub decisions: &'a [Decision],
}

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

/// One tie on the way from an identifier to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A link, by its position in the evidence.
    Link(usize),
    /// A `SAME` decision, by its position in the evidence.
    Same(usize),
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

/// The followed links without which fewer would hold together. A link beside a decision about the same two is none.
pub fn bridges(evidence: Evidence<'_>) -> Bridges<'_> {
    let Ties { nodes, same, followed, .. } = Ties::of(evidence);
    let ties = [same, followed].concat();
    let neighbours = Neighbours::new(nodes.len(), &ties);
    let mut order = Vec::with_capacity(nodes.len());
    let mut bridges = Vec::new();
    // Tarjan's search in depth: a node's place is where it stands in `order`, and its reach the first place to which it or a
    // node below it has a tie beside those that the search came by. The links into a node that reaches no further than
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
            if let Some((other, tie)) = neighbours.of(node).get(n_tried) {
                here.n_tried += 1;
                match place[*other] {
                    _ if came_by == Some(*tie) => {}
                    Some(place) => reach[node] = reach[node].min(place),
                    None => next = Some(Visit { node: *other, came_by: Some(*tie), n_tried: 0 }),
                }
                continue;
            }
            way.pop();
            let (Some(before), Some(tie)) = (way.last(), came_by) else { continue };
            reach[before.node] = reach[before.node].min(reach[node]);
            if let (Some(link), Some(place)) = (ties[tie].step.link(), place[node])
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

/// A node on the way of the search, the tie that led to it, and how many of its neighbours have been tried.
#[derive(Debug, Clone, Copy)]
struct Visit {
    node: usize,
    came_by: Option<usize>,
    n_tried: usize,
}

impl Step {
    fn link(self) -> Option<usize> {
        match self {
            Self::Link(position) => Some(position),
            Self::Same(_) => None,
        }
    }
}

impl Evidence<'_> {
    fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search(identifier).ok()
    }
}

/// Two nodes, by their positions, and what is between them.
#[derive(Debug, Clone, Copy)]
struct Tie {
    edge: Edge,
    step: Step,
}

/// What ties the identifiers, and what would.
struct Ties<'a> {
    nodes: Vec<Node<'a>>,
    /// The decisions that hold, in the order in which they are taken.
    same: Vec<Tie>,
    followed: Vec<Tie>,
    withheld: Vec<Tie>,
}

impl<'a> Ties<'a> {
    fn of(evidence: Evidence<'a>) -> Self {
        let node = |identifier| Node { identifier, first_seen: Timestamp::EARLIEST, is_shared: false };
        let nodes: Vec<Node<'_>> = evidence.identifiers.iter().map(node).collect();
        let ends_of = |pair: &Pair| (evidence.position_of(&pair.a), evidence.position_of(&pair.b));

        let (verdicts, positions): (Vec<Verdict<'_>>, Vec<usize>) = (0..)
            .zip(evidence.decisions)
            .filter(|(_, it)| it.is_active())
            .filter_map(|(position, decision)| {
                let (a, b) = ends_of(&decision.pair);
                Some((Verdict { a: a?, b: b?, decision }, position))
            })
            .collect();
        let same: Vec<Tie> = same_that_hold(nodes.len(), &verdicts)
            .into_iter()
            .map(|it| {
                let Verdict { a, b, decision } = verdicts[it];
                Tie { edge: Edge { a, b, first_seen: decision.at }, step: Step::Same(positions[it]) }
            })
            .collect();

        let (mut followed, mut withheld) = (Vec::new(), Vec::new());
        for (position, (pair, link)) in evidence.links.iter().enumerate() {
            let (Some(a), Some(b)) = ends_of(pair) else { continue };
            let tie = Tie { edge: Edge { a, b, first_seen: link.seen.first_seen }, step: Step::Link(position) };
            if link.withheld.is_none() { followed.push(tie) } else { withheld.push(tie) }
        }
        Self { nodes, same, followed, withheld }
    }
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

/// For each node its neighbours and the ties to them, by their positions.
struct Neighbours {
    /// Where those of each node begin, and where those of the last one end.
    starts: Vec<usize>,
    all: Vec<(usize, usize)>,
}

impl Neighbours {
    fn new(n_nodes: usize, ties: &[Tie]) -> Self {
        let mut starts = vec![0; n_nodes + 1];
        for Edge { a, b, .. } in ties.iter().map(|it| it.edge) {
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
        for (tie, Edge { a, b, .. }) in ties.iter().map(|it| it.edge).enumerate() {
            for (node, other) in [(a, b), (b, a)] {
                starts[node] -= 1;
                all[starts[node]] = (other, tie);
            }
        }
        Self { starts, all }
    }

    fn of(&self, node: usize) -> &[(usize, usize)] {
        &self.all[self.starts[node]..self.starts[node + 1]]
    }
}

#[cfg(test)]
mod tests;
