//! One cell of a table: what people write there, as messages have it. What cannot be read stays as it is, and whoever judges the
//! message says what is wrong with it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Number, Value, json};

/// What a cell holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Text,
    /// As `12,900원` or `$12.50`.
    Number,
    /// As `Y`, `no`, `동의` or `0`.
    Boolean,
    /// As `1991-03-14`, `1991.3.14` or `19910314`.
    Date,
    /// As `2025-03-01 10:00`.
    Time,
}

impl Kind {
    pub(super) fn read(self, text: &str, format: Option<&str>, zone: Tz) -> Value {
        match self {
            Self::Text => json!(text),
            Self::Number => json!(number(text).unwrap_or_else(|| text.to_owned())),
            Self::Boolean => boolean(text).map_or_else(|| json!(text), |it| json!(it)),
            Self::Date => date(text, format).map_or_else(|| json!(text), |it| json!(it.to_string())),
            Self::Time => json!(time(text, format, zone)),
        }
    }
}

/// The digits of a number without what people put around and between them. They stay a text, so that none of them is lost.
pub(super) fn number(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|it| !matches!(it, ',' | ' ' | '₩' | '￦' | '$' | '€' | '원')).collect();
    bare.parse::<Number>().is_ok().then_some(bare)
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "true" | "t" | "1" | "o" | "on" | "예" | "동의" | "수신" => Some(true),
        "n" | "no" | "false" | "f" | "0" | "x" | "off" | "아니오" | "미동의" | "거부" => Some(false),
        _ => None,
    }
}

const DATES: [&str; 4] = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"];
const TIMES: [&str; 4] = ["%H:%M:%S%.f", "%H:%M:%S", "%H:%M", "%H%M%S"];

pub(super) fn date(text: &str, format: Option<&str>) -> Option<NaiveDate> {
    match format {
        Some(format) => NaiveDate::parse_from_str(text, format).ok(),
        None => DATES.iter().find_map(|it| NaiveDate::parse_from_str(text, it).ok()),
    }
}

/// A time in RFC 3339; one without a zone is of the zone given, a date alone its midnight.
pub(super) fn time(text: &str, format: Option<&str>, zone: Tz) -> String {
    if format.is_none() && DateTime::parse_from_rfc3339(text).is_ok() {
        return text.to_owned();
    }
    let naive = match format {
        Some(format) => {
            if let Ok(at) = DateTime::parse_from_str(text, format) {
                return at.to_rfc3339();
            }
            let at = NaiveDateTime::parse_from_str(text, format).ok();
            at.or_else(|| NaiveDate::parse_from_str(text, format).ok().map(|it| it.and_time(NaiveTime::MIN)))
        }
        None => naive(text),
    };
    match naive.and_then(|it| zone.from_local_datetime(&it).earliest()) {
        Some(at) => at.to_rfc3339(),
        None => text.to_owned(),
    }
}

/// A day that is written without a time of day, with the zone that it begins in (`2026-01-31+09:00`).
pub(super) fn day_alone(text: &str, format: Option<&str>, zone: Tz) -> Option<String> {
    let has_time = format.is_some_and(|it| NaiveDateTime::parse_from_str(text, it).is_ok());
    let day = date(text, format).filter(|_| !has_time)?;
    let midnight = day.and_time(NaiveTime::MIN);
    let offset = zone.from_local_datetime(&midnight).earliest()?.offset().fix();
    // Before zones had whole minutes the day cannot be written so.
    (offset.local_minus_utc() % 60 == 0).then(|| format!("{day}{offset}"))
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    if let Some(date) = date(text, None) {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let (day, time) = text.split_once([' ', 'T'])?;
    let time = TIMES.iter().find_map(|it| NaiveTime::parse_from_str(time.trim(), it).ok())?;
    Some(date(day.trim(), None)?.and_time(time))
}
