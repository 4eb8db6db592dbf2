//! The line of `profile360 summarize`: a customer's purchases as of a date.

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    figures::{PurchaseInfo, PurchaseParams, PurchaseWindow, purchases},
    ranking::{RankBy, RankTarget, Top},
    weekday::Weekday,
};
use crate::{
    calendar::Months,
    identifier::UnifiedId,
    message::order::{Order, Refund},
    money::Currency,
    policy::document::Policy,
};

/// Fields as in schema.graphql; `None` serializes as null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub unified_id: UnifiedId,
    pub currency: Currency,
    /// 3, 6 and 12 months.
    pub windows: Vec<PurchaseWindow>,
    pub peak_weekday: Option<Weekday>,
    pub peak_hour: Option<u8>,
    pub first_purchase_date: Option<NaiveDate>,
    pub last_purchase_date: Option<NaiveDate>,
    /// The first three by units, for 3, 6 and 12 months.
    pub top_categories: Vec<Top>,
    /// The first three by units, for 3, 6 and 12 months.
    pub top_products: Vec<Top>,
}

/// Sums up one customer's purchases in the currency that the profile would show, not net of refunds. Each order is in `orders`
/// once.
pub fn summary(
    unified_id: UnifiedId,
    orders: &[&Order],
    refunds: &[&Refund],
    policy: &Policy,
    as_of: NaiveDate,
) -> Summary {
    const FIRST: usize = 3;
    let params = PurchaseParams { as_of, currency: None, net_of_refunds: false };
    let purchases = purchases(orders, refunds, policy, &params);
    let PurchaseInfo { currency, windows, peak_weekday, peak_hour, first_purchase_date, last_purchase_date, .. } =
        purchases.info();
    let top = |target| purchases.tops(target, &Months::STANDARD, FIRST, RankBy::Units);
    Summary {
        unified_id,
        currency,
        windows,
        peak_weekday,
        peak_hour,
        first_purchase_date,
        last_purchase_date,
        top_categories: top(RankTarget::Categories),
        top_products: top(RankTarget::Products),
    }
}

#[cfg(test)]
mod tests;
