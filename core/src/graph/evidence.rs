//! What holds the identifiers of some profiles together.

use super::{
    input::{Edge, Node, Verdict},
    resolve::same_that_hold,
    rows::LinkState,
};
use crate::{
    evidence::{decision::Decision, link::Pair},
    identifier::Identifier,
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

/// One tie on the way from an identifier to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A link, by its position in the evidence.
    Link(usize),
    /// A `SAME` decision, by its position in the evidence.
    Same(usize),
}

impl Step {
    pub(super) fn link(self) -> Option<usize> {
        match self {
            Self::Link(position) => Some(position),
            Self::Same(_) => None,
        }
    }
}

impl Evidence<'_> {
    pub(super) fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search(identifier).ok()
    }
}

/// Two nodes, by their positions, and what is between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tie {
    pub(super) edge: Edge,
    pub(super) step: Step,
}

/// What ties the identifiers, and what would.
pub(super) struct Ties<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The decisions that hold, in the order in which they are taken.
    pub(super) same: Vec<Tie>,
    pub(super) followed: Vec<Tie>,
    pub(super) withheld: Vec<Tie>,
}

impl<'a> Ties<'a> {
    pub(super) fn of(evidence: Evidence<'a>) -> Self {
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
