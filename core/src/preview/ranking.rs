//! A ranking, and why each item stands where it does.

use chrono::NaiveDate;
use serde::Serialize;

use super::{card::Figures, checked::CheckedFacts, error::PreviewError};
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
pub struct RankingQuestion {
    pub unified_id: UnifiedId,
    pub figures: Figures,
    pub what: RankTarget,
    pub months: Months,
    /// How many ranks, 1 to 100.
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub first: u32,
}

impl RankingQuestion {
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

/// An item, and what decides that it stands before the next one, whether or not that one is shown.
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
    /// [`PreviewError::UnknownProfile`]; [`PreviewError::QuestionUnreadable`] where the number of ranks is not 1 to 100.
    pub fn ranking_preview(&self, question: &RankingQuestion) -> Result<RankingPreview, PreviewError> {
        let RankingQuestion { unified_id, figures, what, months, first } = question;
        if !(1..=MAX_RANKS).contains(first) {
            return Err(PreviewError::QuestionUnreadable(format!("first: a ranking shows 1 to {MAX_RANKS} items")));
        }
        let first = usize::try_from(*first).unwrap_or(usize::MAX);
        let card = self.card(self.cell_of_id(*unified_id)?);
        let period = ranking_period(figures.as_of, *months);
        // One more than is shown, to tell what the last one that is shown is ahead by.
        let (currency, items) = card.with_purchases(&self.facts, &self.policy, figures, |it| {
            (it.currency(), it.top(*what, *months, first.saturating_add(1), figures.by))
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
