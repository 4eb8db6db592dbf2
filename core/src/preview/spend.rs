//! When a customer buys, for the charts of the page.

use serde::Serialize;

use super::{card::Figures, checked::CheckedFacts, error::PreviewError};
use crate::{calendar::Months, identifier::UnifiedId, purchases::spend::Spend};

/// Which profile, and how many calendar months.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpendQuestion {
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
    pub fn spend(&self, question: &SpendQuestion) -> Result<Spend, PreviewError> {
        let card = self.card(self.cell_of_id(question.unified_id)?);
        Ok(card
            .with_purchases(&self.facts, &self.policy, &question.figures, |purchases| purchases.spend(question.months)))
    }
}
