//! Time zones: which day and hour the clocks of a zone show at an instant.

#[cfg(any(test, target_arch = "wasm32"))]
#[cfg_attr(test, expect(unreachable_pub, reason = "outside the browser only its test uses it"))]
mod browser;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

#[cfg(not(target_arch = "wasm32"))]
use chrono::{NaiveDate, Offset, TimeZone};
#[cfg(not(target_arch = "wasm32"))]
pub use chrono_tz::Tz as Zone;

#[cfg(target_arch = "wasm32")]
pub use self::browser::Zone;

/// The zone of a new base.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) const SEOUL: Zone = chrono_tz::Asia::Seoul;

#[cfg(target_arch = "wasm32")]
pub(crate) const SEOUL: Zone = Zone::SEOUL;

/// The day in a zone on which an instant falls.
#[cfg(not(target_arch = "wasm32"))]
pub fn local_date(at: Timestamp, zone: Zone) -> NaiveDate {
    zone.from_utc_datetime(&at.to_datetime().naive_utc()).date_naive()
}

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
