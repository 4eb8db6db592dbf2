//! When a customer buys: by calendar month, and by weekday and hour.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{figures::Purchases, weekday::Weekday};
use crate::{
    api_serde,
    calendar::{Months, day_number, last_day},
    money::{Currency, minus, plus},
};

/// A customer's purchases by calendar month, weekday and hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Spend {
    pub currency: Currency,
    /// The calendar months up to that of the last day that counts, the oldest first. The last one may be partial.
    pub months: Vec<MonthlySpend>,
    /// The largest amount of a month; zero where no month has one above zero.
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub largest_amount: Decimal,
    /// All purchases up to the last day that counts, Monday first.
    pub weekdays: Vec<WeekdayPurchases>,
    /// The most purchases in one hour of one weekday.
    #[serde(serialize_with = "api_serde::count")]
    pub largest_count: u64,
}

/// The purchases of one calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MonthlySpend {
    /// The first day of the month.
    #[cfg_attr(test, ts(as = "String"))]
    pub month: NaiveDate,
    #[serde(serialize_with = "api_serde::count")]
    pub count: u64,
    /// Below zero only net of refunds, where more was given back than paid.
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub amount: Decimal,
}

/// The purchases of one weekday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct WeekdayPurchases {
    pub weekday: Weekday,
    #[serde(serialize_with = "api_serde::count")]
    pub count: u64,
    /// For each hour of the day, 0 to 23. An order that names a date without a time of day counts in none of them.
    #[serde(serialize_with = "api_serde::counts")]
    pub hours: Vec<u64>,
}

impl Purchases<'_> {
    /// Purchases by month over the last so many calendar months, and by weekday and hour over all time.
    ///
    /// The amounts of the months add up to the amount of a window that starts on the first day of one of them.
    pub fn spend(&self, months: Months) -> Spend {
        let mut by_month = calendar_months(last_day(self.as_of), months);
        let first_days: Vec<i32> = by_month.iter().map(|it| day_number(it.month)).collect();
        // Nothing counts after the last day, so the last month needs no end.
        let month_of = |day: i32| first_days.partition_point(|first| *first <= day).checked_sub(1);
        let mut weekdays = Weekday::ALL.map(|weekday| WeekdayPurchases { weekday, count: 0, hours: vec![0; 24] });
        for purchase in &self.purchases {
            if let Some(month) = month_of(purchase.day).and_then(|it| by_month.get_mut(it)) {
                month.count += 1;
                month.amount = plus(month.amount, purchase.amount);
            }
            if let Some(weekday) = weekdays.get_mut(usize::from(purchase.weekday)) {
                weekday.count += 1;
                if let Some(count) = weekday.hours.get_mut(usize::from(purchase.hour)) {
                    *count += 1;
                }
            }
        }
        for (day, amount) in &self.unassigned_refunds {
            if let Some(month) = month_of(*day).and_then(|it| by_month.get_mut(it)) {
                month.amount = minus(month.amount, *amount);
            }
        }
        Spend::new(self.currency, by_month, weekdays.into())
    }
}

impl Spend {
    pub(super) fn new(currency: Currency, mut months: Vec<MonthlySpend>, weekdays: Vec<WeekdayPurchases>) -> Self {
        for month in &mut months {
            month.amount = month.amount.normalize();
        }
        Self {
            currency,
            largest_amount: months.iter().map(|it| it.amount).fold(Decimal::ZERO, Decimal::max),
            months,
            largest_count: weekdays.iter().flat_map(|it| &it.hours).copied().max().unwrap_or(0),
            weekdays,
        }
    }
}

/// The calendar months up to that of a day, the oldest first, without purchases.
fn calendar_months(last: NaiveDate, months: Months) -> Vec<MonthlySpend> {
    let month = last.with_day(1).unwrap_or(last);
    let before = |n: u32| month.checked_sub_months(chrono::Months::new(n)).unwrap_or(NaiveDate::MIN);
    let empty = |month| MonthlySpend { month, count: 0, amount: Decimal::ZERO };
    (0..months.get()).rev().map(before).map(empty).collect()
}

#[cfg(test)]
mod tests;
