//! The days of activity: Korean days, numbered from the first, and instants in milliseconds since 1970.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, SecondsFormat};

/// The number of days of activity: two years.
pub(super) const DAYS: i64 = 730;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Korea is nine hours ahead of UTC all year.
const KOREA: i64 = 9 * HOUR;
/// 1970-01-01, as chrono counts days.
const EPOCH_FROM_CE: i32 = 719_163;

#[derive(Clone, Copy)]
pub(super) struct Calendar {
    /// The first day of activity, in days since 1970-01-01.
    first: i64,
}

impl Calendar {
    pub(super) fn new(until: NaiveDate) -> Self {
        Self { first: i64::from(until.num_days_from_ce() - EPOCH_FROM_CE) - DAYS + 1 }
    }

    /// The instant that many milliseconds after the start of a day.
    pub(super) fn at(self, day: i64, millis: i64) -> i64 {
        (self.first + day) * DAY + millis - KOREA
    }

    /// The end of all activity.
    pub(super) fn end(self) -> i64 {
        self.at(DAYS, 0)
    }

    /// 0 for Monday.
    pub(super) fn weekday(self, day: i64) -> i64 {
        // 1970-01-01 was a Thursday.
        (self.first + day + 3).rem_euclid(7)
    }

    pub(super) fn date(self, day: i64) -> NaiveDate {
        DateTime::from_timestamp_millis((self.first + day) * DAY).unwrap_or_default().date_naive()
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub(super) fn in_utc(at: i64) -> String {
    DateTime::from_timestamp_millis(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// RFC 3339 in Korean time, to the second.
pub(super) fn in_korean_time(at: i64) -> String {
    let utc = DateTime::from_timestamp_millis(at).unwrap_or_default();
    match FixedOffset::east_opt(9 * 3600) {
        Some(offset) => utc.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, false),
        None => utc.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}
