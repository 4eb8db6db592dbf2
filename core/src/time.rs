//! Instants of event time.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant in UTC, to the microsecond; finer digits of the input are cut off.
///
/// It serialises as the number of microseconds since 1970-01-01T00:00:00Z, which sorts and packs well. What people
/// read goes through [`Timestamp::to_rfc3339`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Why a text is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("it has no time zone; write for example 2026-01-31T09:00:00+09:00 or 2026-01-31T00:00:00Z")]
    NoZone,
    #[error("it is not RFC 3339; write for example 2026-01-31T09:00:00+09:00")]
    Malformed,
    #[error("it lies outside of 1970-01-01 to 2199-12-31")]
    OutOfRange,
}

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

impl Timestamp {
    /// 1970-01-01T00:00:00Z, the earliest that a message may say.
    pub const EARLIEST: Self = Self(0);
    /// 2199-12-31T23:59:59.999999Z, the latest that a message may say.
    pub const LATEST: Self = Self(7_258_118_399_999_999);

    /// Parses RFC 3339; a zone is required.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let Ok(time) = DateTime::parse_from_rfc3339(text) else {
            let with_zone = DateTime::parse_from_rfc3339(&format!("{text}Z"));
            return Err(if with_zone.is_ok() { TimestampError::NoZone } else { TimestampError::Malformed });
        };
        Self::from_datetime(time.to_utc())
    }

    /// Takes an instant, if it is within the range that messages may say.
    pub fn from_datetime(time: DateTime<Utc>) -> Result<Self, TimestampError> {
        let it = Self(time.timestamp_micros());
        if it < Self::EARLIEST || Self::LATEST < it {
            return Err(TimestampError::OutOfRange);
        }
        Ok(it)
    }

    /// Takes microseconds since the epoch, as [`Timestamp::micros`] gives them.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same instant as chrono has it.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// RFC 3339 in UTC, with as many decimal places of a second as are needed (0, 3 or 6).
    pub fn to_rfc3339(self) -> String {
        self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }
}
