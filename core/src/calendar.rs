//! Spans of days that slide with the reporting date (docs/design.md, section 8).

#[cfg(any(test, target_arch = "wasm32"))]
#[cfg_attr(test, expect(unreachable_pub, reason = "outside of the browser nobody but its test sees it"))]
mod zone;

use chrono::{Datelike, NaiveDate};
#[cfg(not(target_arch = "wasm32"))]
use chrono::{Offset, TimeZone};
#[cfg(not(target_arch = "wasm32"))]
pub use chrono_tz::Tz as Zone;
use serde::{Deserialize, Serialize};

#[cfg(target_arch = "wasm32")]
pub use self::zone::Zone;
use crate::time::Timestamp;

/// The zone of a new base.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) const SEOUL: Zone = chrono_tz::Asia::Seoul;
#[cfg(target_arch = "wasm32")]
pub(crate) const SEOUL: Zone = Zone::SEOUL;

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
#[cfg(not(target_arch = "wasm32"))]
pub fn local_date(at: Timestamp, zone: Zone) -> NaiveDate {
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

pub(crate) fn local_time(at: Timestamp, clocks: &impl Clocks) -> LocalTime {
    const SECONDS_A_DAY: i64 = 86_400;
    // Plain arithmetic: a calendar date for each of a million orders would cost more than the rest.
    let seconds = at.micros().div_euclid(1_000_000).saturating_add(i64::from(clocks.seconds_east(at)));
    let day = seconds.div_euclid(SECONDS_A_DAY);
    // 1970-01-01 was a Thursday.
    let weekday = day.saturating_add(3).rem_euclid(7);
    let hour = seconds.rem_euclid(SECONDS_A_DAY) / 3_600;
    LocalTime {
        day: i32::try_from(day).unwrap_or(i32::MAX),
        weekday: u8::try_from(weekday).unwrap_or(0),
        hour: u8::try_from(hour).unwrap_or(0),
    }
}

/// How far the clocks of a place are ahead of UTC.
pub trait Clocks {
    /// In seconds, at an instant; below zero west of Greenwich.
    fn seconds_east(&self, at: Timestamp) -> i32;
}

#[cfg(not(target_arch = "wasm32"))]
impl Clocks for Zone {
    fn seconds_east(&self, at: Timestamp) -> i32 {
        self.offset_from_utc_datetime(&at.to_datetime().naive_utc()).fix().local_minus_utc()
    }
}

/// The offsets of a time zone between two instants. The database of all zones is larger than everything else that the browser
/// loads, and the browser's may be of another year: the server sends of it what is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZoneOffsets {
    pub zone: Zone,
    pub first: Timestamp,
    pub last: Timestamp,
    /// From when on, ascending, and how many seconds ahead of UTC. What comes before all of them is as the first.
    pub offsets: Vec<(Timestamp, i32)>,
}

impl ZoneOffsets {
    /// Those of a zone from an instant to a later one, both included.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of(zone: Zone, first: Timestamp, last: Timestamp) -> Self {
        // No zone ever changed its offset twice within this.
        const STEP: i64 = 6 * 3_600 * 1_000_000;
        let mut offsets = vec![(first, zone.seconds_east(first))];
        let mut known = first;
        let mut offset = zone.seconds_east(first);
        while known < last {
            let next = Timestamp::from_micros(known.micros().saturating_add(STEP)).min(last);
            let next_offset = zone.seconds_east(next);
            if next_offset != offset {
                let (mut before, mut from) = (known.micros(), next.micros());
                while before + 1 < from {
                    let middle = before + (from - before) / 2;
                    if zone.seconds_east(Timestamp::from_micros(middle)) == offset {
                        before = middle;
                    } else {
                        from = middle;
                    }
                }
                offsets.push((Timestamp::from_micros(from), next_offset));
                offset = next_offset;
            }
            known = next;
        }
        Self { zone, first, last, offsets }
    }
}

impl Clocks for ZoneOffsets {
    fn seconds_east(&self, at: Timestamp) -> i32 {
        let position = self.offsets.partition_point(|(from, _)| *from <= at).saturating_sub(1);
        self.offsets.get(position).map_or(0, |(_, offset)| *offset)
    }
}

#[cfg(test)]
mod tests;
