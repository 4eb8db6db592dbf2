//! The facts that go to the browser, and what is made of them there.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

use super::{
    PreviewError,
    card::{Card, ProfileQuestion, ShownAsOf, ShownProfile, order},
    situation::{Resolved, Situation},
};
use crate::{
    calendar::{Zone, ZoneOffsets},
    evidence::{
        decision::Decision,
        facts::IdentifierFacts,
        link::{Pair, Sightings},
        neighbours::Neighbours,
    },
    graph::resolve::Withheld,
    identifier::{Identifier, Kind, UnifiedId},
    message::order::{Order, Refund},
    plan::CellKey,
    policy::{CompiledPolicy, Policy},
    profile::revision,
    sorting::{distinct, sort_by},
    time::Timestamp,
    tree::Tree,
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
    /// The offsets of the policy's time zone over the times of all purchases; see [`ProfileFacts::offsets_of`]. A policy of
    /// another zone is previewed where that one's are here too.
    pub zones: Vec<ZoneOffsets>,
    pub identifiers: Vec<IdentifierOfFacts>,
    #[serde(default)]
    pub ends: Vec<EndOfFacts>,
    pub links: Vec<LinkOfFacts>,
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

/// A link, and why resolution does not follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkOfFacts {
    pub pair: Pair,
    pub seen: Sightings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
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
    pub neighbours: BTreeMap<Kind, Neighbours>,
}

impl ProfileFacts {
    pub(super) fn purchase_times(&self) -> impl Iterator<Item = Timestamp> {
        self.identifiers.iter().flat_map(|it| it.orders.iter().map(|it| it.at).chain(it.refunds.iter().map(|it| it.at)))
    }

    pub(super) fn clocks_of(&self, zone: Zone) -> Option<&ZoneOffsets> {
        self.zones.iter().find(|it| it.zone == zone)
    }

    /// Brings all lists into one sequence: zones by name, identifiers ascending, links by pair, decisions by ID, orders and refunds by time.
    /// Equal facts serialise to equal text then.
    pub fn sort(&mut self) {
        sort_by(&mut self.zones, |a, b| (a.zone.name(), a.first).cmp(&(b.zone.name(), b.first)));
        sort_by(&mut self.identifiers, |a, b| a.identifier.cmp(&b.identifier));
        sort_by(&mut self.ends, |a, b| a.identifier.cmp(&b.identifier));
        sort_by(&mut self.links, |a, b| a.pair.cmp(&b.pair));
        sort_by(&mut self.decisions, |a, b| a.id.cmp(&b.id));
        for it in &mut self.identifiers {
            sort_by(&mut it.orders, |a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
            sort_by(&mut it.refunds, |a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
        }
    }

    pub(super) fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search_by(|it| it.identifier.cmp(identifier)).ok()
    }
}

/// What facts are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    pub policy_version: i64,
    /// Of all their profiles together.
    pub revision: String,
    /// As [`CheckedFacts::unified_ids`].
    pub unified_ids: Vec<UnifiedId>,
}

/// Facts that were found sound, in one sequence and resolved; every question is answered from this.
#[derive(Debug)]
pub struct CheckedFacts {
    pub(super) facts: ProfileFacts,
    pub(super) policy: CompiledPolicy,
    /// See [`Situation::orders`].
    pub(super) orders: Vec<(usize, usize)>,
    /// For each unified ID the position of its identifier; ascending.
    by_id: Vec<(UnifiedId, usize)>,
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
        let facts = Tree::parse(text).and_then(|it| it.read());
        let facts = facts.map_err(|it| PreviewError::FactsUnreadable(it.to_string()))?;
        Self::new(facts)
    }

    /// Sorts, checks and resolves facts.
    ///
    /// # Errors
    ///
    /// [`PreviewError::FactsUnreadable`] where something is there twice, [`PreviewError::UnknownZone`] and
    /// [`PreviewError::PolicyFaults`].
    pub fn new(mut facts: ProfileFacts) -> Result<Self, PreviewError> {
        let policy = CompiledPolicy::new(facts.policy.clone()).map_err(PreviewError::PolicyFaults)?;
        facts.sort();
        let twice = |what: &str| Err(PreviewError::FactsUnreadable(format!("{what} is there twice")));
        if !facts.identifiers.is_sorted_by(|a, b| a.identifier < b.identifier) {
            return twice("an identifier");
        }
        if !facts.links.is_sorted_by(|a, b| a.pair < b.pair) {
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
        let times: Vec<Timestamp> = facts.purchase_times().collect();
        let is_enough = |it: &ZoneOffsets| {
            !it.offsets.is_empty() && it.offsets.is_sorted() && times.iter().all(|at| it.first <= *at && *at <= it.last)
        };
        facts.zones.retain(is_enough);
        if facts.clocks_of(policy.time_zone).is_none() {
            return Err(PreviewError::UnknownZone);
        }
        let by_id = distinct(facts.identifiers.iter().map(|it| it.unified_id).zip(0..));
        if !by_id.is_sorted_by(|(a, _), (b, _)| a < b) {
            return twice("a unified ID");
        }
        let orders = orders_in_time(&facts);
        let resolved = Situation::of(&facts, &policy, &orders).resolve();
        let cards = resolved.partition.cells.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { facts, policy, orders, by_id, resolved, cards })
    }

    /// The unified IDs of all profiles that the facts show, in the order of their first identifiers.
    pub fn unified_ids(&self) -> Vec<UnifiedId> {
        let anchors = self.resolved.partition.anchors.iter();
        anchors.filter_map(|it| self.facts.identifiers.get(*it)).map(|it| it.unified_id).collect()
    }

    /// What the facts are about.
    pub fn contents(&self) -> Contents {
        let cells: Vec<usize> = (0..self.cards.len()).collect();
        Contents {
            policy_version: self.facts.policy_version,
            revision: self.revision_of_cells(&cells),
            unified_ids: self.unified_ids(),
        }
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

    /// The parts of [`CheckedFacts::profile`] that another date changes.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold it.
    pub fn profile_as_of(&self, question: &ProfileQuestion) -> Result<ShownAsOf, PreviewError> {
        let card = self.card(self.cell_of_id(question.unified_id)?);
        Ok(card.shown_as_of(&self.facts, &self.policy, &question.figures))
    }

    /// The facts as they are.
    pub(super) fn situation(&self) -> Situation<'_> {
        Situation::of(&self.facts, &self.policy, &self.orders)
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
        let found = self.by_id.binary_search_by_key(&id, |(it, _)| *it).ok().and_then(|it| self.by_id.get(it));
        let (_, node) = *found.ok_or(PreviewError::UnknownProfile(id))?;
        self.resolved.partition.cell_of.get(node).copied().ok_or(PreviewError::UnknownProfile(id))
    }
}

fn orders_in_time(facts: &ProfileFacts) -> Vec<(usize, usize)> {
    let orders =
        facts.identifiers.iter().enumerate().flat_map(|(node, it)| (0..it.orders.len()).map(move |it| (node, it)));
    let mut orders: Vec<(usize, usize)> = orders.collect();
    let place = |it: (usize, usize)| order(facts, it).map(|it| (it.at, &it.key));
    sort_by(&mut orders, |a, b| place(*a).cmp(&place(*b)));
    orders
}
