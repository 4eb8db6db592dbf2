//! Facts that were found sound; every question is answered from them.

use std::sync::{Arc, OnceLock};

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    error::PreviewError,
    facts::{ProfileFacts, orders_in_time},
    profile_view::{AsOfView, FoldedProfile, ProfileParams, ProfileView},
    scenario::{Resolved, Scenario},
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
    /// See [`Scenario::orders`].
    pub(super) orders: Vec<(usize, usize)>,
    /// For each unified ID the position of its identifier; ascending.
    by_id: Vec<(UnifiedId, usize)>,
    resolved: Resolved,
    /// For each cluster its profile, made when it is first asked for.
    cards: Vec<OnceLock<Arc<FoldedProfile>>>,
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
        let is_enough = |zone: &ZoneOffsets| {
            let is_within = |at: &Timestamp| zone.first <= *at && *at <= zone.last;
            !zone.offsets.is_empty() && zone.offsets.is_sorted() && times.iter().all(is_within)
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
        let resolved = Scenario::of(&facts, &policy, &orders).resolve();
        let cards = resolved.partition.clusters.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { facts, policy, orders, by_id, resolved, cards })
    }

    /// The unified IDs of all profiles that the facts show, in the order of their first identifiers.
    pub fn unified_ids(&self) -> Vec<UnifiedId> {
        let anchors = self.resolved.partition.anchors.iter();
        anchors.filter_map(|it| self.facts.identifiers.get(*it)).map(|it| it.unified_id).collect()
    }

    /// What the facts are about.
    pub fn contents(&self) -> Contents {
        let clusters: Vec<usize> = (0..self.cards.len()).collect();
        Contents {
            policy_version: self.facts.policy_version,
            revision: self.revision_of_clusters(&clusters),
            unified_ids: self.unified_ids(),
        }
    }

    /// The revision of profiles together, by any of their unified IDs: the `expectedRevision` of a mutation.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold one.
    pub fn revision(&self, unified_ids: &[UnifiedId]) -> Result<String, PreviewError> {
        let clusters = unified_ids.iter().map(|it| self.cluster_of_id(*it)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.revision_of_clusters(&clusters))
    }

    /// What the server's `profile` answers.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold it.
    pub fn profile(&self, params: &ProfileParams) -> Result<ProfileView, PreviewError> {
        let profile_view = self.profile_view(self.cluster_of_id(params.unified_id)?);
        Ok(profile_view.shown(&self.facts, &self.policy, &params.figures))
    }

    /// The parts of [`CheckedFacts::profile`] that another date changes, but for its rankings.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`] where the facts do not hold it.
    pub fn profile_as_of(&self, params: &ProfileParams) -> Result<AsOfView, PreviewError> {
        let profile_view = self.profile_view(self.cluster_of_id(params.unified_id)?);
        Ok(profile_view.as_of_view(&self.facts, &self.policy, &params.figures))
    }

    /// The facts as they are.
    pub(super) fn scenario(&self) -> Scenario<'_> {
        Scenario::of(&self.facts, &self.policy, &self.orders)
    }

    /// What is made of the facts as they are.
    pub(super) fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    pub(super) fn profile_view(&self, cluster: usize) -> Arc<FoldedProfile> {
        let make =
            || Arc::new(FoldedProfile::of(&self.scenario(), &self.resolved, cluster, Some(self.facts.policy_version)));
        self.cards.get(cluster).map_or_else(make, |it| it.get_or_init(make).clone())
    }

    pub(super) fn revision_of_clusters(&self, clusters: &[usize]) -> String {
        revision::joint(clusters.iter().filter_map(|it| self.profile_view(*it).revision.clone()).collect())
    }

    /// The cluster of a profile, by any unified ID that was ever issued for it.
    pub(super) fn cluster_of_id(&self, id: UnifiedId) -> Result<usize, PreviewError> {
        let found = self.by_id.binary_search_by_key(&id, |(it, _)| *it).ok().and_then(|it| self.by_id.get(it));
        let (_, node) = *found.ok_or(PreviewError::UnknownProfile(id))?;
        self.resolved.partition.cluster_of.get(node).copied().ok_or(PreviewError::UnknownProfile(id))
    }
}
