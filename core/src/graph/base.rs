//! The whole partition of a base.

use super::resolve::Partition;
use crate::{
    evidence::{
        identifier_facts::IdentifierFacts,
        link::{Pair, Sightings},
    },
    identifier::Identifier,
};

/// Identifiers, links and profiles of a whole base.
#[derive(Debug)]
pub struct Resolution<'a> {
    /// Ascending; the partition counts in these positions.
    pub identifiers: Vec<(&'a Identifier, &'a IdentifierFacts)>,
    /// Ascending; the partition's `withheld` counts in these positions.
    pub links: Vec<(&'a Pair, &'a Sightings)>,
    pub partition: Partition,
}
