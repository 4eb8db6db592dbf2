use chrono::NaiveDate;
use profile360_compact_json::sort::sort_by;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::{
    counted::Purchase,
    ranking::{self, ExplainedRank, RankBy, RankTarget, RankedItem, Ranking, Top},
    refunds::given_back,
    weekday::Weekday,
};
use crate::{
    api_serde,
    calendar::{Months, Period, day_number, day_of_number, earlier_ranking_period, last_day, ranking_period, window},
    message::order::{Order, Refund},
    money::{Currency, minus, plus},
    policy::document::Policy,
    time_zone::{Clocks, local_time},
};

/// What is asked of a customer's purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseParams {
    /// The reporting date, in the policy's time zone. Nothing that happened on it or later counts.
    pub as_of: NaiveDate,
    /// `None` is the policy's currency, or the one used most where the customer never paid in that.
    pub currency: Option<Currency>,
    /// Whether refunds are subtracted.
    pub net_of_refunds: bool,
}

/// The figures of a card that need no further argument; `PurchaseInfo` in schema.graphql without its rankings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PurchaseInfo {
    pub currency: Currency,
    /// Every currency that the customer ever paid in, in alphabetical order.
    pub currencies: Vec<Currency>,
    /// 3, 6 and 12 months.
    pub windows: Vec<PurchaseWindow>,
    /// The weekday of most purchases; none without purchases.
    pub peak_weekday: Option<Weekday>,
    /// The hour of most purchases, 0 to 23; none without purchases.
    pub peak_hour: Option<u8>,
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub first_purchase_date: Option<NaiveDate>,
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub last_purchase_date: Option<NaiveDate>,
    /// All refunds in the currency up to the previous day, whether or not they name an order.
    #[serde(serialize_with = "api_serde::count")]
    pub refund_count: u64,
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub refund_amount: Decimal,
}

/// The purchases of one day.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayPurchases {
    pub count: u64,
    pub amount: Decimal,
}

/// Number, amount and average of the purchases in one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PurchaseWindow {
    pub months: Months,
    /// The first day.
    #[cfg_attr(test, ts(as = "String"))]
    pub from: NaiveDate,
    /// The last day.
    #[cfg_attr(test, ts(as = "String"))]
    pub to: NaiveDate,
    #[serde(serialize_with = "api_serde::count")]
    pub count: u64,
    /// Below zero only net of refunds, where more was given back than paid.
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub amount: Decimal,
    /// Amount by count, rounded half to even at four decimal places; none without purchases.
    #[cfg_attr(test, ts(type = "Decimal | null"))]
    pub average: Option<Decimal>,
}

impl PurchaseWindow {
    /// The figures of a window, from how many purchases were in it and what they came to.
    pub fn new(months: Months, Period { from, to }: Period, count: u64, amount: Decimal) -> Self {
        // The average of equal amounts is equal, with however many zeros they are written.
        let amount = amount.normalize();
        let exact = amount.checked_div(Decimal::from(count));
        let average = exact.map(|it| it.round_dp_with_strategy(4, RoundingStrategy::MidpointNearestEven).normalize());
        Self { months, from, to, count, amount, average }
    }
}

/// A customer's purchases, read once for a [`PurchaseParams`]; every figure is computed from this.
#[derive(Debug, Clone)]
pub struct Purchases<'a> {
    pub(super) currency: Currency,
    currencies: Vec<Currency>,
    pub(super) as_of: NaiveDate,
    /// In the currency, up to the previous day, ordered by time and then key.
    pub(super) purchases: Vec<Purchase<'a>>,
    /// Refunds that name no known order: they are subtracted on their own day. Empty unless net of refunds.
    pub(super) unassigned_refunds: Vec<(i32, Decimal)>,
    refund_count: u64,
    refund_amount: Decimal,
}

/// Reads a customer's purchases for a question.
///
/// `orders` holds each order once: of several messages with one order ID the latest. The sequence of either list changes
/// nothing. Net of refunds:
///
/// * A refund up to the previous day that names an order of its currency lowers that order's amount, and, item by item, the
///   units and amounts of its lines, none below zero. Without lines it lowers the order's amount only. Without an amount it
///   gives back what its lines cost in the order, and without lines all that is left.
/// * Of several refunds of one order with one refund ID the first counts.
/// * An order of which nothing is left to pay is no purchase any more; a line of which nothing is left is in no ranking.
/// * Every other refund lowers the amount of the windows that its own day falls into.
#[cfg(not(target_arch = "wasm32"))]
pub fn purchases<'a>(
    orders: &[&'a Order],
    refunds: &[&'a Refund],
    policy: &Policy,
    params: &PurchaseParams,
) -> Purchases<'a> {
    purchases_by(&policy.time_zone, orders, refunds, policy, params)
}

/// As [`purchases`], by clocks that are given: those of the policy's time zone.
pub(crate) fn purchases_by<'a>(
    clocks: &impl Clocks,
    orders: &[&'a Order],
    refunds: &[&'a Refund],
    policy: &Policy,
    params: &PurchaseParams,
) -> Purchases<'a> {
    let until = day_number(last_day(params.as_of));
    let n_orders = n_orders_by_currency(orders);
    let currency = currency(&n_orders, policy, params);

    let mut back = given_back(clocks, orders, refunds, policy.currency, currency, until);
    if !params.net_of_refunds {
        back.orders.clear();
        back.alone.clear();
    }

    let mut purchases = Vec::with_capacity(orders.len());
    for order in orders.iter().copied().filter(|it| it.currency == currency) {
        let local = local_time(order.at, clocks);
        if until < local.day {
            continue;
        }
        let (amount, left) = match back.take(order) {
            None => (order.amount, None),
            Some(rest) if rest.amount <= Decimal::ZERO => continue,
            Some(rest) => (rest.amount, Some(rest.lines)),
        };
        let hour = if order.by_date { NO_HOUR } else { local.hour };
        purchases.push(Purchase { order, day: local.day, weekday: local.weekday, hour, amount, left });
    }
    sort_by(&mut purchases, |a, b| (a.order.at, &a.order.key).cmp(&(b.order.at, &b.order.key)));
    Purchases {
        currency,
        currencies: n_orders.into_iter().map(|(it, _)| it).collect(),
        as_of: params.as_of,
        purchases,
        unassigned_refunds: back.alone,
        refund_count: back.count,
        refund_amount: back.amount,
    }
}

/// No slot of the day: an order that names none has no vote on the hour.
pub(super) const NO_HOUR: u8 = u8::MAX;

/// Every currency that the customer ever paid in, in alphabetical order, and for how many orders.
pub(super) fn n_orders_by_currency(orders: &[&Order]) -> Vec<(Currency, u64)> {
    let mut n_orders: Vec<(Currency, u64)> = Vec::new();
    // Most customers pay in one currency; runs of it cost no look-up.
    for run in orders.chunk_by(|a, b| a.currency == b.currency) {
        if let Some(first) = run.first() {
            match n_orders.iter_mut().find(|(it, _)| *it == first.currency) {
                Some((_, n)) => *n += run.len() as u64,
                None => n_orders.push((first.currency, run.len() as u64)),
            }
        }
    }
    sort_by(&mut n_orders, Ord::cmp);
    n_orders
}

/// The currency of the figures.
pub(super) fn currency(n_orders: &[(Currency, u64)], policy: &Policy, params: &PurchaseParams) -> Currency {
    let is_used = n_orders.iter().any(|(it, _)| *it == policy.currency);
    // Of equals, max_by_key returns the last: the reversed alphabet makes that the first.
    let most_used = n_orders.iter().rev().max_by_key(|(_, n)| *n).map(|(it, _)| *it).filter(|_| !is_used);
    params.currency.or(most_used).unwrap_or(policy.currency)
}

impl Purchases<'_> {
    /// The currency of all amounts.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The figures of a card that need no further argument.
    pub fn info(&self) -> PurchaseInfo {
        let days = || self.purchases.iter().map(|it| it.day);
        PurchaseInfo {
            currency: self.currency,
            currencies: self.currencies.clone(),
            windows: Months::STANDARD.map(|it| self.window(it)).into(),
            peak_weekday: peak(&self.weekdays()).and_then(|it| Weekday::ALL.get(it).copied()),
            peak_hour: peak(&self.hours()).and_then(|it| u8::try_from(it).ok()),
            first_purchase_date: days().min().map(day_of_number),
            last_purchase_date: days().max().map(day_of_number),
            refund_count: self.refund_count,
            refund_amount: self.refund_amount.normalize(),
        }
    }

    /// Number, amount and average of the last N months, up to the previous day.
    pub fn window(&self, months: Months) -> PurchaseWindow {
        let period = window(self.as_of, months);
        let (count, amount) = self.since(day_number(period.from));
        PurchaseWindow::new(months, period, count, amount)
    }

    /// The number and the amount of the purchases from a day on.
    pub(super) fn since(&self, first_day: i32) -> (u64, Decimal) {
        let mut count = 0_u64;
        let mut amount = Decimal::ZERO;
        for purchase in self.purchases.iter().filter(|it| first_day <= it.day) {
            count += 1;
            amount = plus(amount, purchase.amount);
        }
        for (_, unassigned_refunds) in self.unassigned_refunds.iter().filter(|(day, _)| first_day <= *day) {
            amount = minus(amount, *unassigned_refunds);
        }
        (count, amount)
    }

    /// The number and the amount of the purchases of each weekday, from Monday on.
    pub(super) fn weekdays(&self) -> [Slot; 7] {
        slots(&self.purchases, |it| it.weekday)
    }

    /// The number and the amount of the purchases of each hour.
    pub(super) fn hours(&self) -> [Slot; 24] {
        slots(&self.purchases, |it| it.hour)
    }

    /// The first so many of a ranking over the last N full calendar months.
    pub fn top(&self, target: RankTarget, months: Months, first: usize, by: RankBy) -> Vec<RankedItem> {
        let mut tops = self.tops(target, &[months], first, by);
        tops.pop().map(|it| it.items).unwrap_or_default()
    }

    /// As [`Purchases::top`] for several lengths, in ascending order of length, in one pass over the lines.
    pub fn tops(&self, target: RankTarget, months: &[Months], first: usize, by: RankBy) -> Vec<Top> {
        let mut months = months.to_vec();
        sort_by(&mut months, Ord::cmp);
        let periods: Vec<(Months, Period)> =
            months.into_iter().map(|it| (it, ranking_period(self.as_of, it))).collect();
        ranking::tops(&self.purchases, target, &periods, first, by)
    }
}

impl Purchases<'_> {
    /// The purchases of the last day that counts.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of_last_day(&self) -> DayPurchases {
        let last = day_number(last_day(self.as_of));
        let of_day = self.purchases.iter().filter(|it| it.day == last);
        let empty = DayPurchases { count: 0, amount: Decimal::ZERO };
        let sum =
            of_day.fold(empty, |sum, it| DayPurchases { count: sum.count + 1, amount: plus(sum.amount, it.amount) });
        DayPurchases { amount: sum.amount.normalize(), ..sum }
    }

    /// Categories and products over the last 3, 6 and 12 full calendar months, the first so many of each.
    pub fn rankings(&self, first: usize, by: RankBy) -> Vec<Ranking> {
        let explained = |target| self.explained_tops(target, &Months::STANDARD, first, by, true);
        explained(RankTarget::Categories)
            .into_iter()
            .zip(explained(RankTarget::Products))
            .map(|((months, categories), (_, products))| {
                let Period { from, to } = ranking_period(self.as_of, months);
                Ranking { months, from, to, categories, products }
            })
            .collect()
    }

    /// As [`Purchases::tops`], with what places each item. Without `is_compared` no item has a previous rank, which saves a
    /// second pass.
    pub fn explained_tops(
        &self,
        target: RankTarget,
        months: &[Months],
        first: usize,
        by: RankBy,
        is_compared: bool,
    ) -> Vec<(Months, Vec<ExplainedRank>)> {
        // One more than is shown, to explain the place of the last one.
        self.tops(target, months, first.saturating_add(1), by)
            .into_iter()
            .map(|Top { months, items }| {
                let period = earlier_ranking_period(self.as_of, months);
                let mut earlier = Vec::new();
                if is_compared {
                    earlier = ranking::tops(&self.purchases, target, &[(months, period)], usize::MAX, by);
                }
                let earlier = earlier.first().map_or(&[][..], |top| top.items.as_slice());
                (months, ranking::explained(&items, first, by, earlier))
            })
            .collect()
    }
}

/// The number and the amount of the purchases of a weekday or an hour.
pub(super) type Slot = (u64, Decimal);

fn slots<const N: usize>(purchases: &[Purchase<'_>], slot: impl Fn(&Purchase<'_>) -> u8) -> [Slot; N] {
    let mut slots = [(0_u64, Decimal::ZERO); N];
    for purchase in purchases {
        if let Some((count, amount)) = slots.get_mut(usize::from(slot(purchase))) {
            *count += 1;
            *amount = plus(*amount, purchase.amount);
        }
    }
    slots
}

/// The slot with most purchases; of equals the one with the larger amount, then the earlier.
pub(super) fn peak(slots: &[Slot]) -> Option<usize> {
    // Of equals, max_by_key returns the last: reversed, that is the earliest.
    let (best, (count, _)) = slots.iter().enumerate().rev().max_by_key(|(_, slot)| **slot)?;
    (0 < *count).then_some(best)
}
