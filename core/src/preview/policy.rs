//! The profiles as another policy would show them.

use serde::Serialize;

use super::{
    checked::CheckedFacts,
    difference::{Difference, LinkChanges, Regrouped},
    error::PreviewError,
    profile_view::{Figures, ProfileView},
    scenario::Scenario,
};
use crate::{
    json_value::JsonValue,
    policy::{compiled::CompiledPolicy, document::Policy},
};

/// Which policy is to be tried.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PolicyParams {
    /// The policy document; a field that is left out keeps its value.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub document: JsonValue,
    pub figures: Figures,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PolicyPreview {
    /// The whole document that would be in force.
    pub policy: Policy,
    /// Profiles that would part or join.
    pub changes: Vec<Regrouped>,
    /// All profiles of the facts, in the order of their first identifiers.
    pub before: Vec<ProfileView>,
    pub after: Vec<ProfileView>,
    pub links: LinkChanges,
}

impl CheckedFacts {
    /// What would become of all profiles of the facts under another policy.
    ///
    /// Limits, `max_links`, survivorship and the time zone are previewed exactly. The currency is previewed as that of the
    /// figures; orders keep the currency that they were read in.
    ///
    /// # Errors
    ///
    /// [`PreviewError::PolicyFaults`] with every fault of the document; [`PreviewError::NeedsMessages`] where messages would
    /// say something else under it; [`PreviewError::IncompleteFacts`] where it opens what the facts do not look into;
    /// [`PreviewError::UnknownZone`].
    pub fn policy_preview(&self, params: &PolicyParams) -> Result<PolicyPreview, PreviewError> {
        let figures = &params.figures;
        // Asked before anything else: in the browser a zone is a name, and there may be none of that name.
        let named = params.document.field("time_zone").and_then(JsonValue::as_text);
        if named.is_some_and(|it| !self.facts.zones.iter().any(|zone| zone.zone.name() == it)) {
            return Err(PreviewError::UnknownZone);
        }
        let amended = self.facts.policy.amended(&params.document).map_err(PreviewError::PolicyFaults)?;
        let policy = CompiledPolicy::new(amended).map_err(PreviewError::PolicyFaults)?;
        if !policy.reads_messages_as(&self.facts.policy) {
            return Err(PreviewError::NeedsMessages(
                "kinds of identifiers, their forms and priorities and blocked values change what messages say, and the \
                 messages are not in the facts; try it on the whole base instead",
            ));
        }
        self.facts.clocks_of(policy.time_zone).ok_or(PreviewError::UnknownZone)?;
        let scenario = Scenario::of(&self.facts, &policy, &self.orders);
        scenario.check_complete()?;
        let difference = Difference::new(self, scenario);
        let clusters = |n_clusters: usize| 0..n_clusters;
        let before = clusters(self.resolved().partition.clusters.len()).map(|it| difference.view_before(it, figures));
        let after = clusters(difference.resolved.partition.clusters.len()).map(|it| difference.view_after(it, figures));
        Ok(PolicyPreview {
            changes: difference.regrouped(),
            before: before.collect(),
            after: after.collect(),
            links: difference.links(),
            policy: Policy::clone(&policy),
        })
    }
}
