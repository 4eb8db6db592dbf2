//! Rankings, and what decides the position of each item.

use serde::Serialize;

use super::{checked::CheckedFacts, error::PreviewError, profile_view::Figures};
use crate::{identifier::UnifiedId, money::Currency, purchases::ranking::Ranking};

/// The rankings of which profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RankingParams {
    pub unified_id: UnifiedId,
    pub figures: Figures,
    /// How many ranks, 1 to 100.
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub first: u32,
}

impl RankingParams {
    /// First, second, third.
    pub const DEFAULT_RANKS: u32 = 3;
}

/// The most ranks that the server answers.
const MAX_RANKS: u32 = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RankingPreview {
    pub currency: Currency,
    /// Over the last 3, 6 and 12 full calendar months.
    pub rankings: Vec<Ranking>,
}

impl CheckedFacts {
    /// What the server's `rankings` answers.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`]; [`PreviewError::ParamsUnreadable`] where the number of ranks is not 1 to 100.
    pub fn ranking_preview(&self, params: &RankingParams) -> Result<RankingPreview, PreviewError> {
        let RankingParams { unified_id, figures, first } = params;
        if !(1..=MAX_RANKS).contains(first) {
            return Err(PreviewError::ParamsUnreadable(format!("first: a ranking shows 1 to {MAX_RANKS} items")));
        }
        let first = usize::try_from(*first).unwrap_or(usize::MAX);
        let profile_view = self.profile_view(self.cluster_of_id(*unified_id)?);
        Ok(profile_view.with_purchases(&self.facts, &self.policy, figures, |purchases| RankingPreview {
            currency: purchases.currency(),
            rankings: purchases.rankings(first, figures.by),
        }))
    }
}
