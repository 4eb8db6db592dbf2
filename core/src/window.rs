//! Spans of days that slide with the reporting date (DESIGN.md, section 8).

use chrono::{Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

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

fn minus(date: NaiveDate, months: Months) -> NaiveDate {
    date.checked_sub_months(chrono::Months::new(months.get())).unwrap_or(NaiveDate::MIN)
}

/// The day in a zone on which an instant falls.
pub fn local_date(at: Timestamp, zone: Tz) -> NaiveDate {
    zone.from_utc_datetime(&at.to_datetime().naive_utc()).date_naive()
}

/// The same day of a calendar as a number that is cheap to compare: days since 1970-01-01.
pub(crate) fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// The inverse of [`day_number`].
pub(crate) fn day_of_number(day: i32) -> NaiveDate {
    day.checked_add(EPOCH_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or_default()
}

/// 1970-01-01 in days from the common era.
const EPOCH_FROM_CE: i32 = 719_163;

/// An instant as the clocks of a zone show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime {
    /// Days since 1970-01-01.
    pub day: i32,
    /// 0 is Monday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
}

pub(crate) fn local_time(at: Timestamp, zone: Tz) -> LocalTime {
    const SECONDS_A_DAY: i64 = 86_400;
    let utc = at.to_datetime().naive_utc();
    let offset = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    // Plain arithmetic from here: a calendar date for each of a million orders would cost more than the rest.
    let seconds = at.micros().div_euclid(1_000_000).saturating_add(i64::from(offset));
    let day = seconds.div_euclid(SECONDS_A_DAY);
    // 1970-01-01 was a Thursday.
    let weekday = (day + 3).rem_euclid(7);
    let hour = seconds.rem_euclid(SECONDS_A_DAY) / 3_600;
    LocalTime {
        day: i32::try_from(day).unwrap_or(i32::MAX),
        weekday: u8::try_from(weekday).unwrap_or(0),
        hour: u8::try_from(hour).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
