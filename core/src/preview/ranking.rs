//! A ranking, and what decides the position of each item.

use chrono::NaiveDate;
use serde::Serialize;

use super::{checked::CheckedFacts, error::PreviewError, profile_view::Figures};
use crate::{
    calendar::{Months, ranking_period},
    identifier::UnifiedId,
    money::Currency,
    purchases::ranking::{RankTarget, RankedItem, TieBreak, tie_break},
};

/// Which ranking of which profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RankingParams {
    pub unified_id: UnifiedId,
    pub figures: Figures,
    pub what: RankTarget,
    pub months: Months,
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
    /// The first day that counts.
    #[cfg_attr(test, ts(as = "String"))]
    pub from: NaiveDate,
    /// The last day that counts.
    #[cfg_attr(test, ts(as = "String"))]
    pub to: NaiveDate,
    pub items: Vec<ExplainedRank>,
}

/// An item, and what places it before the next one, whether or not that one is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRank {
    #[serde(flatten)]
    pub item: RankedItem,
    /// None where no item comes next.
    pub before_next: Option<TieBreak>,
}

impl CheckedFacts {
    /// A ranking over the last full calendar months, as the server's `topCategories` and `topProducts` answer it.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownProfile`]; [`PreviewError::ParamsUnreadable`] where the number of ranks is not 1 to 100.
    pub fn ranking_preview(&self, params: &RankingParams) -> Result<RankingPreview, PreviewError> {
        let RankingParams { unified_id, figures, what, months, first } = params;
        if !(1..=MAX_RANKS).contains(first) {
            return Err(PreviewError::ParamsUnreadable(format!("first: a ranking shows 1 to {MAX_RANKS} items")));
        }
        let first = usize::try_from(*first).unwrap_or(usize::MAX);
        let profile_view = self.profile_view(self.cluster_of_id(*unified_id)?);
        let period = ranking_period(figures.as_of, *months);
        // One more than is shown, to tell what the last one that is shown is ahead by.
        let (currency, items) = profile_view.with_purchases(&self.facts, &self.policy, figures, |purchases| {
            (purchases.currency(), purchases.top(*what, *months, first.saturating_add(1), figures.by))
        });
        let items = items
            .iter()
            .enumerate()
            .take(first)
            .map(|(position, item)| ExplainedRank {
                item: item.clone(),
                before_next: items.get(position + 1).map(|next| tie_break(item, next, figures.by)),
            })
            .collect();
        Ok(RankingPreview { currency, from: period.from, to: period.to, items })
    }
}
