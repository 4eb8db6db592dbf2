//! Dates, and spans of days that slide with the reporting date (docs/design.md, section 8).

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// The length of a window: 1 to 120 months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Months(u8);

/// A window's length was not 1 to 120 months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a window has 1 to 120 months")]
pub struct MonthsOutOfRange;

impl Months {
    /// The lengths that a card shows: 3, 6 and 12 months.
    pub const STANDARD: [Self; 3] = [Self(3), Self(6), Self::YEAR];
    /// 12 months.
    pub const YEAR: Self = Self(12);

    pub fn new(months: u32) -> Result<Self, MonthsOutOfRange> {
        match u8::try_from(months) {
            Ok(it) if (1..=120).contains(&it) => Ok(Self(it)),
            _ => Err(MonthsOutOfRange),
        }
    }

    pub const fn get(self) -> u32 {
        self.0 as u32
    }
}

impl TryFrom<u32> for Months {
    type Error = MonthsOutOfRange;

    fn try_from(months: u32) -> Result<Self, MonthsOutOfRange> {
        Self::new(months)
    }
}

impl From<Months> for u32 {
    fn from(months: Months) -> Self {
        months.get()
    }
}

/// Days from the first to the last, both included. Empty where the last comes before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// The last day that figures as of a date take in: the day before it.
pub fn last_day(as_of: NaiveDate) -> NaiveDate {
    as_of.pred_opt().unwrap_or(NaiveDate::MIN)
}

/// The window of amounts and counts: it ends on the day before `as_of` and starts on the day after (that day − N months),
/// months subtracted by the calendar and the day clamped to the month's end.
pub fn window(as_of: NaiveDate, months: Months) -> Period {
    let to = last_day(as_of);
    let from = minus(to, months).succ_opt().unwrap_or(NaiveDate::MIN);
    Period { from, to }
}

/// The period of rankings: the last N full calendar months before the month of `as_of`.
pub fn ranking_period(as_of: NaiveDate, months: Months) -> Period {
    let month = as_of.with_day(1).unwrap_or(as_of);
    Period { from: minus(month, months), to: last_day(month) }
}

/// The same number of full calendar months before [`ranking_period`].
pub fn earlier_ranking_period(as_of: NaiveDate, months: Months) -> Period {
    ranking_period(ranking_period(as_of, months).from, months)
}

fn minus(date: NaiveDate, months: Months) -> NaiveDate {
    date.checked_sub_months(chrono::Months::new(months.get())).unwrap_or(NaiveDate::MIN)
}

/// The same day of a calendar as a number that is cheap to compare: days since 1970-01-01.
pub(crate) fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// The inverse of [`day_number`].
pub(crate) fn day_of_number(day: i32) -> NaiveDate {
    day.checked_add(EPOCH_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or_default()
}

/// The first day of the calendar month of a day.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn first_of_month(day: i32) -> i32 {
    let of_month = i32::try_from(day_of_number(day).day0()).unwrap_or_default();
    day.saturating_sub(of_month)
}

/// 1970-01-01 in days from the common era.
const EPOCH_FROM_CE: i32 = 719_163;

/// Reads a date that is written yyyy-MM-dd and in no other way.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let number = |part: &str| part.bytes().all(|it| it.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)
}
