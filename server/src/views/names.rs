//! The names that customers had before a merge or at a decision.
//!
//! They are not stored: they follow from what messages said of the identifier that a unified ID belongs to, and of those that
//! messages name with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    evidence::link::Pair,
    graph::rows::{IdentifierState, LinkState},
    identifier::{Identifier, UnifiedId},
    profile::name_at::name_of_customer_at,
    time::Timestamp,
};
use profile360_store::{Store, StoreError};

use crate::engine::active_policy::PolicyVersion;

/// A customer that was known by a unified ID at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameQuestion {
    pub unified_id: UnifiedId,
    pub at: Timestamp,
    /// Links that were first seen at this time or later did not exist for this customer.
    pub linked_before: Timestamp,
}

/// The most links of one identifier that are searched for a name.
const MAX_LINKS: usize = 200;

/// The names of some customers at some times. Customers without a name are missing.
pub async fn names_at(
    store: &Store,
    policy: &PolicyVersion,
    questions: &BTreeSet<NameQuestion>,
) -> Result<BTreeMap<NameQuestion, String>, StoreError> {
    let ids: Vec<UnifiedId> = questions.iter().map(|it| it.unified_id).collect::<BTreeSet<_>>().into_iter().collect();
    let identifiers = store.identifiers_by_id(&ids).await?;
    let own: Vec<Identifier> = identifiers.values().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let links = store.links_of(&own).await?;
    let mut links_by_end: BTreeMap<&Identifier, Vec<(&Identifier, &LinkState)>> = BTreeMap::new();
    for (Pair { a, b }, link) in &links {
        for (one, other) in [(a, b), (b, a)] {
            let of_one = links_by_end.entry(one).or_default();
            if of_one.len() < MAX_LINKS {
                of_one.push((other, link));
            }
        }
    }
    let linked = own.iter().filter_map(|it| links_by_end.get(it)).flatten().map(|(other, _)| (*other).clone());
    let wanted: BTreeSet<Identifier> = own.iter().cloned().chain(linked).collect();
    let states = store.identifiers(&wanted.into_iter().collect::<Vec<_>>()).await?;
    let mut names = BTreeMap::new();
    for question in questions {
        let Some(identifier) = identifiers.get(&question.unified_id) else { continue };
        let Some(state) = states.get(identifier) else { continue };
        let known: Vec<(&Identifier, &Arc<IdentifierState>)> = links_by_end
            .get(identifier)
            .into_iter()
            .flatten()
            .filter(|(_, link)| link.seen.first_seen < question.linked_before && link.withheld.is_none())
            .filter_map(|(other, _)| Some((*other, states.get(*other)?)))
            .collect();
        let linked = known.iter().map(|(other, state)| (*other, &state.facts.summary));
        if let Some(name) = name_of_customer_at(&state.facts.summary, linked, question.at, policy) {
            names.insert(*question, name);
        }
    }
    Ok(names)
}
