//! The decisions that answer a case.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    evidence::{
        decision::{Relation, pairs_that_merge},
        link::Pair,
    },
    identifier::Identifier,
    policy::compiled::CompiledPolicy,
};

/// A customer of a case.
#[derive(Debug, Clone)]
pub struct Party<'a> {
    pub anchor: &'a Identifier,
    pub members: &'a [Identifier],
    /// Its links of the case that are withheld; none for the customer that holds the value, unless it is linked to itself.
    pub links: Vec<&'a Pair>,
    /// Whether the value belongs to it now.
    pub holds_value: bool,
}

/// The decisions that make the parties at the positions `same` one customer, and keep the value of the case apart from all
/// others. With an empty `same`, all are kept apart.
///
/// The value goes with those that are the same if one of them holds it, or if no customer holds it; otherwise it
/// stays with its holder, and they are kept apart from it, too.
pub fn decisions(
    value: &Identifier,
    parties: &[Party<'_>],
    same: &BTreeSet<usize>,
    policy: &CompiledPolicy,
) -> Vec<(Relation, Pair)> {
    let is_alone = |party: &Party<'_>| party.holds_value && matches!(party.members, [only] if only == value);
    let goes_along = |(position, party): (usize, &Party<'_>)| {
        party.holds_value && (same.contains(&position) || (is_alone(party) && !same.is_empty()))
    };
    let value_goes_along = parties.iter().enumerate().any(goes_along);
    let is_joined =
        |position: usize, party: &Party<'_>| same.contains(&position) || (value_goes_along && party.holds_value);
    let joined: Vec<(&Identifier, Vec<&Identifier>)> = parties
        .iter()
        .enumerate()
        .filter(|(position, party)| is_joined(*position, party))
        .map(|(_, party)| (party.anchor, party.members.iter().collect()))
        .collect();
    let mut decided: BTreeMap<Pair, Relation> = BTreeMap::new();
    for (position, party) in parties.iter().enumerate() {
        if party.holds_value || (value_goes_along && same.contains(&position)) {
            continue;
        }
        decided.extend(party.links.iter().map(|pair| (Pair::clone(pair), Relation::Different)));
    }
    if 1 < joined.len() {
        decided.extend(pairs_that_merge(&joined, policy).into_iter().map(|pair| (pair, Relation::Same)));
    }
    decided.into_iter().map(|(pair, relation)| (relation, pair)).collect()
}

#[cfg(test)]
mod tests;
