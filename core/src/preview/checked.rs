//! Facts that were found sound; every question is answered from them.

use std::sync::{Arc, OnceLock};

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    card::{Card, ProfileQuestion, ShownAsOf, ShownProfile},
    error::PreviewError,
    facts::{ProfileFacts, orders_in_time},
    situation::{Resolved, Situation},
};
use crate::{
    identifier::UnifiedId, json_value::JsonValue, policy::compiled::CompiledPolicy, profile::revision, time::Timestamp,
    time_zone::ZoneOffsets,
};

/// What facts are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
        let facts = JsonValue::parse(text).and_then(|it| it.read());
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
