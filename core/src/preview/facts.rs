//! The facts that go to the browser, and what is made of them there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

use super::{
    PreviewError,
    card::{Card, ProfileQuestion, ShownProfile},
    situation::{Resolved, Situation},
};
use crate::{
    decision::Decision,
    facts::{Facts, IdentifierFacts, Resolution},
    identifier::{Identifier, Kind, UnifiedId},
    link::{Pair, Sightings},
    plan::{CellKey, LinkState},
    policy::{CompiledPolicy, Policy},
    purchase::{Order, Refund},
    resolve::is_shared,
    revision,
    time::Timestamp,
    unified_id::{IdSecret, unified_id},
};

/// Everything from which core alone shows one or more profiles, and what would become of them.
///
/// Previews are exact where this was loaded, for the policy in force:
///
/// 1. `identifiers` begins with the members of the profiles that were named, and grows by these two rules:
///    * whom an active decision about one of them names, if that identifier was ever seen;
///    * whom a link of one of them leads to, unless either end is closed, that is shared or blocked: no component reaches
///      through it.
/// 2. `links` holds all links of those of them that are not closed, and those between any two of them. A closed identifier's
///    other links are left out; its counts of neighbours are in its facts.
/// 3. `ends` holds the closed identifiers at the far ends of these links that are not among `identifiers`.
/// 4. `decisions` holds the active decisions about any of `identifiers`; revoked ones may be there.
///
/// A change that opens a closed identifier (a higher limit, a link cut) needs its links and whom they lead to as well; where
/// they are not there, it is refused with [`PreviewError::IncompleteFacts`]. They may be loaded by treating as open whom the
/// change would open.
///
/// The sequence of the lists says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileFacts {
    pub policy_version: i64,
    pub policy: Policy,
    pub identifiers: Vec<IdentifierOfFacts>,
    #[serde(default)]
    pub ends: Vec<EndOfFacts>,
    pub links: Vec<(Pair, LinkState)>,
    pub decisions: Vec<Decision>,
}

/// An identifier of the components that were loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentifierOfFacts {
    pub identifier: Identifier,
    /// Its latent unified ID.
    pub unified_id: UnifiedId,
    /// The lasting key of the cell that it is in; a merge goes out from the first one.
    pub cell: CellKey,
    /// From when on the value belongs to its next owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub facts: IdentifierFacts,
    /// The orders whose home it is: each once, as the latest message told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Order>,
    /// The refunds whose home it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
}

/// A closed identifier that links lead to and that is not looked into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndOfFacts {
    pub identifier: Identifier,
    /// Its latent unified ID.
    pub unified_id: UnifiedId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub seen: Sightings,
    /// How many distinct identifiers of each kind it links to.
    pub neighbours: BTreeMap<Kind, u32>,
}

impl ProfileFacts {
    /// The facts of profiles, by any unified IDs that were ever issued for them, from all facts of a base; IDs that there are
    /// not add nothing. This is the definition that who loads them from a store must agree with. A cell's key is here its
    /// anchor's latent ID.
    pub fn of(
        base: &Facts,
        named: &[UnifiedId],
        policy_version: i64,
        policy: &CompiledPolicy,
        secret: &IdSecret,
    ) -> Self {
        let Resolution { identifiers, links, partition } = base.resolve(policy);
        let ids: Vec<UnifiedId> = identifiers.iter().map(|(it, _)| unified_id(it, secret)).collect();
        let position_of = |it: &Identifier| identifiers.binary_search_by_key(&it, |(identifier, _)| *identifier).ok();
        let is_open: Vec<bool> = identifiers
            .iter()
            .map(|(it, known)| !is_shared(&known.neighbours, policy) && !policy.blocks(&it.value))
            .collect();
        // For each identifier where its links lead to, by the links' positions, and where decisions about it do.
        let mut linked: Vec<Vec<(usize, usize)>> = vec![Vec::new(); identifiers.len()];
        for (position, (pair, _)) in links.iter().enumerate() {
            let (Some(a), Some(b)) = (position_of(&pair.a), position_of(&pair.b)) else { continue };
            linked[a].push((position, b));
            linked[b].push((position, a));
        }
        let mut decided: Vec<Vec<usize>> = vec![Vec::new(); identifiers.len()];
        for decision in base.decisions.iter().filter(|it| it.is_active()) {
            let (Some(a), Some(b)) = (position_of(&decision.pair.a), position_of(&decision.pair.b)) else { continue };
            decided[a].push(b);
            decided[b].push(a);
        }

        let named: BTreeSet<UnifiedId> = named.iter().copied().collect();
        let is_named = |it: &usize| named.contains(&ids[*it]);
        let named_nodes = (0..ids.len()).filter(is_named);
        let mut pending: Vec<usize> =
            named_nodes.flat_map(|it| partition.cells[partition.cell_of[it]].iter().copied()).collect();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        while let Some(node) = pending.pop() {
            if !found.insert(node) {
                continue;
            }
            pending.extend(&decided[node]);
            if is_open[node] {
                pending.extend(linked[node].iter().map(|(_, other)| *other).filter(|it| is_open[*it]));
            }
        }
        let wanted_links: BTreeSet<usize> = found
            .iter()
            .flat_map(|node| linked[*node].iter().filter(|(_, other)| is_open[*node] || found.contains(other)))
            .map(|(link, _)| *link)
            .collect();
        let ends: BTreeSet<usize> = wanted_links
            .iter()
            .flat_map(|it| [position_of(&links[*it].0.a), position_of(&links[*it].0.b)])
            .flatten()
            .filter(|it| !found.contains(it))
            .collect();
        let is_about =
            |it: &&Decision| [&it.pair.a, &it.pair.b].into_iter().filter_map(position_of).any(|it| found.contains(&it));
        let mut facts = Self {
            policy_version,
            policy: Policy::clone(policy),
            identifiers: found
                .iter()
                .map(|node| IdentifierOfFacts {
                    identifier: identifiers[*node].0.clone(),
                    unified_id: ids[*node],
                    cell: CellKey(ids[partition.anchors[partition.cell_of[*node]]]),
                    retired_at: None,
                    facts: identifiers[*node].1.clone(),
                    orders: Vec::new(),
                    refunds: Vec::new(),
                })
                .collect(),
            ends: ends
                .into_iter()
                .map(|node| EndOfFacts {
                    identifier: identifiers[node].0.clone(),
                    unified_id: ids[node],
                    retired_at: None,
                    seen: identifiers[node].1.seen.clone(),
                    neighbours: identifiers[node].1.neighbours.clone(),
                })
                .collect(),
            links: wanted_links
                .into_iter()
                .map(|it| {
                    let (pair, seen) = links[it];
                    (pair.clone(), LinkState { seen: seen.clone(), withheld: partition.withheld[it].clone() })
                })
                .collect(),
            decisions: base.decisions.iter().filter(is_about).cloned().collect(),
        };
        facts.take_purchases(base);
        facts.sort();
        facts
    }

    fn take_purchases(&mut self, base: &Facts) {
        for (home, order) in base.orders.values() {
            if let Some(it) = self.position_of(home).and_then(|it| self.identifiers.get_mut(it)) {
                it.orders.push(order.clone());
            }
        }
        for (home, refund) in base.refunds.values() {
            if let Some(it) = self.position_of(home).and_then(|it| self.identifiers.get_mut(it)) {
                it.refunds.push(refund.clone());
            }
        }
    }

    /// Brings all lists into one sequence: identifiers ascending, links by pair, decisions by ID, orders and refunds by time.
    /// Equal facts serialise to equal text then.
    pub fn sort(&mut self) {
        self.identifiers.sort_unstable_by(|a, b| a.identifier.cmp(&b.identifier));
        self.ends.sort_unstable_by(|a, b| a.identifier.cmp(&b.identifier));
        self.links.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        self.decisions.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        for it in &mut self.identifiers {
            it.orders.sort_unstable_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
            it.refunds.sort_unstable_by(|a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
        }
    }

    pub(super) fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search_by(|it| it.identifier.cmp(identifier)).ok()
    }
}

/// Facts that were found sound, in one sequence and resolved; every question is answered from this.
#[derive(Debug)]
pub struct CheckedFacts {
    pub(super) facts: ProfileFacts,
    pub(super) policy: CompiledPolicy,
    by_id: BTreeMap<UnifiedId, usize>,
    resolved: Resolved,
    /// For each cell its profile, made when it is first asked for.
    cards: Vec<OnceLock<Arc<Card>>>,
}

impl CheckedFacts {
    /// Reads facts from their JSON.
    ///
    /// # Errors
    ///
    /// As for [`CheckedFacts::new`], and [`PreviewError::FactsUnreadable`] where the text is something else.
    pub fn parse(text: &str) -> Result<Self, PreviewError> {
        let facts = serde_json::from_str(text).map_err(|it| PreviewError::FactsUnreadable(it.to_string()))?;
        Self::new(facts)
    }

    /// Sorts, checks and resolves facts.
    ///
    /// # Errors
    ///
    /// [`PreviewError::FactsUnreadable`] where something is there twice, and [`PreviewError::PolicyFaults`].
    pub fn new(mut facts: ProfileFacts) -> Result<Self, PreviewError> {
        let policy = CompiledPolicy::new(facts.policy.clone()).map_err(PreviewError::PolicyFaults)?;
        facts.sort();
        let twice = |what: &str| Err(PreviewError::FactsUnreadable(format!("{what} is there twice")));
        if !facts.identifiers.is_sorted_by(|a, b| a.identifier < b.identifier) {
            return twice("an identifier");
        }
        if !facts.links.is_sorted_by(|(a, _), (b, _)| a < b) {
            return twice("a link");
        }
        if !facts.decisions.is_sorted_by(|a, b| a.id < b.id) {
            return twice("a decision");
        }
        // An identifier that was loaded whole says all that its end would.
        let identifiers = &facts.identifiers;
        facts.ends.retain(|it| identifiers.binary_search_by(|own| own.identifier.cmp(&it.identifier)).is_err());
        if !facts.ends.is_sorted_by(|a, b| a.identifier < b.identifier) {
            return twice("an end");
        }
        let by_id: BTreeMap<UnifiedId, usize> =
            (0..).zip(&facts.identifiers).map(|(n, it)| (it.unified_id, n)).collect();
        if by_id.len() < facts.identifiers.len() {
            return twice("a unified ID");
        }
        let resolved = Situation::of(&facts, &policy).resolve();
        let cards = resolved.partition.cells.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { facts, policy, by_id, resolved, cards })
    }

    /// The unified IDs of all profiles that the facts show, in the order of their first identifiers.
    pub fn unified_ids(&self) -> Vec<UnifiedId> {
        let anchors = self.resolved.partition.anchors.iter();
        anchors.filter_map(|it| self.facts.identifiers.get(*it)).map(|it| it.unified_id).collect()
    }

    /// The revision of profiles together, by any of their unified IDs: what a mutation takes as `expectedRevision`.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold one.
    pub fn revision(&self, unified_ids: &[UnifiedId]) -> Result<String, PreviewError> {
        let cells = unified_ids.iter().map(|it| self.cell_of_id(*it)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.revision_of_cells(&cells))
    }

    /// What the server's `profile` answers.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold it.
    pub fn profile(&self, question: &ProfileQuestion) -> Result<ShownProfile, PreviewError> {
        let card = self.card(self.cell_of_id(question.unified_id)?);
        Ok(card.shown(&self.facts, &self.policy, &question.figures))
    }

    /// The facts as they are.
    pub(super) fn situation(&self) -> Situation<'_> {
        Situation::of(&self.facts, &self.policy)
    }

    /// What is made of the facts as they are.
    pub(super) fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    pub(super) fn card(&self, cell: usize) -> Arc<Card> {
        let make = || Arc::new(Card::of(&self.situation(), &self.resolved, cell, Some(self.facts.policy_version)));
        self.cards.get(cell).map_or_else(make, |it| it.get_or_init(make).clone())
    }

    pub(super) fn revision_of_cells(&self, cells: &[usize]) -> String {
        revision::joint(cells.iter().filter_map(|it| self.card(*it).revision.clone()).collect())
    }

    /// The cell of a profile, by any unified ID that was ever issued for it.
    pub(super) fn cell_of_id(&self, id: UnifiedId) -> Result<usize, PreviewError> {
        let node = self.by_id.get(&id).copied().ok_or(PreviewError::UnknownProfile(id))?;
        self.resolved.partition.cell_of.get(node).copied().ok_or(PreviewError::UnknownProfile(id))
    }
}
