//! When a customer buys, for the charts of the page.

use serde::Serialize;

use super::{checked::CheckedFacts, error::PreviewError, profile_view::Figures};
use crate::{calendar::Months, identifier::UnifiedId, purchases::spend::Spend};

/// Which profile, and how many calendar months.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpendParams {
    pub unified_id: UnifiedId,
    pub figures: Figures,
    pub months: Months,
}

impl CheckedFacts {
    /// A profile's purchases by calendar month, weekday and hour.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`].
    pub fn spend(&self, params: &SpendParams) -> Result<Spend, PreviewError> {
        let profile_view = self.profile_view(self.cluster_of_id(params.unified_id)?);
        Ok(profile_view
            .with_purchases(&self.facts, &self.policy, &params.figures, |purchases| purchases.spend(params.months)))
    }
}
