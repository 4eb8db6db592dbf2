//! The whole partition of a base.

use super::{
    input::{Input, Node, is_shared},
    resolve::{Partition, resolve},
};
use crate::{
    evidence::{
        facts::Facts,
        identifier_facts::IdentifierFacts,
        link::{Observations, Pair},
    },
    identifier::Identifier,
    policy::compiled::CompiledPolicy,
};

/// Identifiers, links and profiles of a whole base.
#[derive(Debug)]
pub struct Resolution<'a> {
    /// Ascending; the partition counts in these positions.
    pub identifiers: Vec<(&'a Identifier, &'a IdentifierFacts)>,
    /// Ascending; the partition's `withheld` counts in these positions.
    pub links: Vec<(&'a Pair, &'a Observations)>,
    pub partition: Partition,
}

impl Facts {
    /// The whole partition, from nothing but the facts and the policy.
    pub fn resolve(&self, policy: &CompiledPolicy) -> Resolution<'_> {
        let identifiers: Vec<(&Identifier, &IdentifierFacts)> = self.identifiers.iter().collect();
        let position_of = |it: &Identifier| identifiers.binary_search_by_key(&it, |(identifier, _)| *identifier).ok();
        let nodes = identifiers
            .iter()
            .map(|(identifier, facts)| Node {
                identifier,
                first_seen: facts.seen.first_seen,
                is_shared: is_shared(&identifier.kind, &facts.neighbors, policy),
            })
            .collect();
        let links: Vec<(&Pair, &Observations)> = self.links.iter().collect();
        let ends = links.iter().map(|(pair, seen)| (pair.positions(position_of), seen.first_seen));
        // Every message that makes a link observes both of its ends, so no link is left out.
        let input = Input::new(nodes, ends, self.decisions.iter(), position_of);
        let partition = resolve(&input, policy);
        Resolution { identifiers, links, partition }
    }
}
