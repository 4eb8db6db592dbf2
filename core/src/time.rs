//! Instants of event time.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{day_of_number, parse_date};

/// An instant in UTC, to the microsecond; finer digits of the input are cut off.
///
/// It serializes as the number of microseconds since 1970-01-01T00:00:00Z, which sorts and packs well. What people
/// read goes through [`Timestamp::to_rfc3339`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Why a text is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("it has no time zone; write for example 2026-01-31T09:00:00+09:00 or 2026-01-31T00:00:00Z")]
    NoZone,
    #[error("it is neither RFC 3339, as 2026-01-31T09:00:00+09:00, nor a Unix time since September 2001")]
    Malformed,
    #[error("it lies outside of 1970-01-01 to 2199-12-31")]
    OutOfRange,
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

    /// Reads what messages say: RFC 3339; a Unix time in seconds, milliseconds, microseconds or nanoseconds; or a date alone with
    /// its zone (`2026-01-31+09:00`), which is the beginning of that day. Whether it is a date alone.
    ///
    /// From 2001-09-09 to 2199 no number fits two of the units, so the size says which one it is. A number before that time fits
    /// none, and is refused rather than read as a day in 1970.
    pub fn read(text: &str) -> Result<(Self, bool), TimestampError> {
        const FIRST_SECOND: i64 = 1_000_000_000;
        let error = match Self::parse(text) {
            Ok(at) => return Ok((at, false)),
            Err(error) => error,
        };
        let text = text.trim();
        if let Some(date) = text.get(..10)
            && parse_date(date).is_some()
        {
            return match text.get(10..).unwrap_or_default().trim_start() {
                "" => Err(TimestampError::NoZone),
                zone if zone.starts_with(['+', '-', 'Z', 'z']) => {
                    Self::parse(&format!("{date}T00:00:00{zone}")).map(|at| (at, true))
                }
                _ => Err(error),
            };
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !(whole.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit())) {
            return Err(error);
        }
        let Ok(number) = whole.parse::<i64>() else { return Err(error) };
        let digits = fraction.get(..6).unwrap_or(fraction);
        let micros = || digits.parse::<i64>().unwrap_or(0) * 10_i64.pow(6 - u32::try_from(digits.len()).unwrap_or(6));
        let last_second = Self::LATEST.0 / 1_000_000;
        let is_in = |unit: i64| (FIRST_SECOND..=last_second).contains(&(number / unit));
        let at = if is_in(1) {
            number * 1_000_000 + micros()
        } else if is_in(1_000) {
            number * 1_000
        } else if is_in(1_000_000) {
            number
        } else if is_in(1_000_000_000) {
            number / 1_000
        } else {
            return Err(error);
        };
        Ok((Self(at), false))
    }

    /// Accepts an instant within the range that messages may say.
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
        if self < Self::EARLIEST || Self::LATEST < self {
            return self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true);
        }
        // A customer of a thousand identifiers has thousands of these on each answer: chrono's takes ten times as long.
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let date = i32::try_from(days).map(day_of_number).unwrap_or_default();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        put_digits(&mut text[0..4], i64::from(date.year()));
        put_digits(&mut text[5..7], i64::from(date.month()));
        put_digits(&mut text[8..10], i64::from(date.day()));
        put_digits(&mut text[11..13], second / 3_600);
        put_digits(&mut text[14..16], second / 60 % 60);
        put_digits(&mut text[17..19], second % 60);
        put_digits(&mut text[20..26], micros);
        let length = match micros {
            0 => 20,
            _ if micros % 1_000 == 0 => 24,
            _ => 27,
        };
        text[length - 1] = b'Z';
        std::str::from_utf8(&text[..length]).unwrap_or_default().to_owned()
    }
}

/// Writes the last digits of a number, as many as there is room for.
fn put_digits(room: &mut [u8], mut number: i64) {
    for place in room.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn times_are_read_in_every_unit_and_never_as_1970() {
        let read = |text: &str| Timestamp::read(text).map(|(at, is_date)| (at.to_rfc3339(), is_date));
        let whole = "2024-06-24T06:00:00Z";
        for (text, expected, is_date) in [
            ("1719208800", whole, false),
            ("1719208800000", whole, false),
            ("1719208800000000", whole, false),
            ("1719208800000000000", whole, false),
            ("1719208800.25", "2024-06-24T06:00:00.250Z", false),
            ("1719208800.1234567", "2024-06-24T06:00:00.123456Z", false),
            ("1719208800.0", whole, false),
            ("1719208800123", "2024-06-24T06:00:00.123Z", false),
            ("1000000000", "2001-09-09T01:46:40Z", false),
            ("7258118399", "2199-12-31T23:59:59Z", false),
            ("2024-06-24T15:00:00+09:00", whole, false),
            ("2024-06-24+09:00", "2024-06-23T15:00:00Z", true),
            ("2024-06-24Z", "2024-06-24T00:00:00Z", true),
            ("2024-06-24 -03:30", "2024-06-24T03:30:00Z", true),
        ] {
            assert_eq!(read(text), Ok((expected.to_owned(), is_date)), "{text}");
        }
        for (text, fault) in [
            ("2024-06-24", TimestampError::NoZone),
            ("2024-06-24T10:00:00", TimestampError::NoZone),
            ("2024-06-24T25:00:00Z", TimestampError::Malformed),
            ("2024-06-31Z", TimestampError::Malformed),
            // A date, what Excel counts, seconds before 2001, the hours of a day: all of them would be 1970.
            ("20240624", TimestampError::Malformed),
            ("45467.5", TimestampError::Malformed),
            ("999999999", TimestampError::Malformed),
            ("0", TimestampError::Malformed),
            ("202406240600", TimestampError::Malformed),
            ("9999999999", TimestampError::Malformed),
            ("99999999999999999999999", TimestampError::Malformed),
            ("-1719208800", TimestampError::Malformed),
            ("1.719e9", TimestampError::Malformed),
            (".", TimestampError::Malformed),
            ("", TimestampError::Malformed),
            ("１７１９２０８８００", TimestampError::Malformed),
            ("한국 시간 2024", TimestampError::Malformed),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn instants_are_written_as_chrono_writes_them(
            micros in prop_oneof![
                0..=Timestamp::LATEST.micros(),
                (0..=Timestamp::LATEST.micros() / 1_000).prop_map(|it| it * 1_000),
                (0..=Timestamp::LATEST.micros() / 1_000_000).prop_map(|it| it * 1_000_000),
                any::<i64>(),
            ],
        ) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(at.to_rfc3339(), at.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true));
        }

        #[test]
        fn dates_are_read_as_chrono_reads_them(text in "[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}|2024-02-[23][0-9]|.{0,12}") {
            let expected = text.parse::<NaiveDate>().ok().filter(|it| it.to_string() == text && text.len() == 10);
            prop_assert_eq!(parse_date(&text), expected);
        }
    }
}
