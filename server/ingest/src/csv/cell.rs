//! Parses one cell of a table. A cell that cannot be parsed is reported, never guessed.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::clock::{FIRST_DAY, Written, folded, in_zone, read};

/// The type of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Text,
    /// As `12,900원` or `$12.50`.
    Number,
    /// As `Y`, `no`, `동의` or `0`.
    Boolean,
    /// As `1991-03-14`, `1991.3.14`, `19910314` or `1991년 3월 14일`.
    Date,
    /// As `2025-03-01 10:00`, `2025-03-01 오후 3:05` or `2025-03-01 10:00:00 +0900`.
    Time,
}

/// The decimal separator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'m> {
    pub kind: Kind,
    /// The format of a date or a time, such as `%d.%m.%Y %H:%M`.
    pub format: Option<&'m str>,
    pub decimal: Decimal,
    /// The time zone of times without one.
    pub zone: Tz,
    /// The time zone that turns an instant into a day: the policy's.
    pub days: Tz,
    /// A number stays a text, so that it keeps every digit.
    pub keeps_digits: bool,
}

impl Reading<'_> {
    /// The value of a cell, or a sentence that says why it is not of its type.
    pub(super) fn read(&self, text: &str) -> Result<Value, &'static str> {
        match self.kind {
            Kind::Text => Ok(json!(text)),
            Kind::Number => {
                let digits = number(text, self.decimal).ok_or(match self.decimal {
                    Decimal::Point => {
                        "the cell is not a number; a comma is valid only before groups of three digits, or give the column decimal = \",\""
                    }
                    Decimal::Comma => {
                        "the cell is not a number; with decimal = \",\" a point is valid only before groups of three digits"
                    }
                })?;
                Ok(match digits.parse::<Number>() {
                    Ok(number) if !self.keeps_digits => Value::Number(number),
                    _ => json!(digits),
                })
            }
            Kind::Boolean => boolean(text).map(Value::from).ok_or("the cell is neither yes nor no"),
            Kind::Date => date(text, self.format, self.days).map(|day| json!(day.to_string())).ok_or(
                "the cell is not a date such as 2025-03-01, with a year of four digits; for other dates give the column a format",
            ),
            Kind::Time => time(text, self.format, self.zone)
                .map(Value::from)
                .ok_or("the cell is not a time such as 2025-03-01 10:00; for other times give the column a format"),
        }
    }
}

/// Currencies and units before and after a number.
const AROUND: [&str; 26] = [
    "US$", "KRW", "USD", "EUR", "JPY", "GBP", "CNY", "TWD", "₩", "￦", "\\", "$", "€", "£", "¥", "원", "円", "元",
    "圓", "점", "개", "명", "회", "건", "個", "点",
];

/// A number without units and separators, as text, so that it keeps every digit; none where a separator is not before groups of three
/// digits.
pub(super) fn number(text: &str, decimal: Decimal) -> Option<String> {
    let folded: String = text.chars().map(folded).collect();
    let mut rest = folded.trim();
    let mut is_negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        (rest, is_negative) = (inner, true);
    }
    let mut has_sign = is_negative;
    loop {
        rest = rest.trim();
        let bare = AROUND.iter().find_map(|around| rest.strip_prefix(around).or_else(|| rest.strip_suffix(around)));
        if let Some(bare) = bare {
            rest = bare;
            continue;
        }
        if has_sign {
            break;
        }
        let positive = rest.strip_prefix('+');
        let negative = rest.strip_prefix(['-', '△', '▲']).or_else(|| rest.strip_suffix('-'));
        match positive.or(negative) {
            Some(bare) => (rest, has_sign, is_negative) = (bare, true, positive.is_none()),
            None => break,
        }
    }
    let digits = match decimal {
        // The scientific notation of spreadsheets.
        Decimal::Point if rest.contains(['e', 'E']) => rest
            .parse::<Number>()
            .ok()
            .filter(|_| rest.starts_with(|it: char| it.is_ascii_digit()))
            .map(|_| rest.to_owned())?,
        _ => plain(rest, decimal)?,
    };
    Some(if is_negative { format!("-{digits}") } else { digits })
}

fn plain(text: &str, decimal: Decimal) -> Option<String> {
    let (mark, thousands) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let is_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match text.split_once(mark) {
        Some((whole, fraction)) if !fraction.is_empty() && is_digits(fraction) => (whole, Some(fraction)),
        Some(_) => return None,
        None => (text, None),
    };
    let whole = match whole.find([thousands, ' ', '\'']) {
        None => whole.to_owned(),
        Some(at) => {
            let separator = whole.get(at..)?.chars().next()?;
            let mut groups = whole.split(separator);
            let first = groups.next()?;
            let is_first = (1..=3).contains(&first.len()) && !first.starts_with('0');
            if !is_first || !groups.all(|group| group.len() == 3 && is_digits(group)) {
                return None;
            }
            whole.replace(separator, "")
        }
    };
    if !is_digits(&whole) || (whole.is_empty() && fraction.is_none()) {
        return None;
    }
    let whole = Some(whole.trim_start_matches('0')).filter(|it| !it.is_empty()).unwrap_or("0");
    Some(fraction.map_or_else(|| whole.to_owned(), |fraction| format!("{whole}.{fraction}")))
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "true" | "t" | "1" | "o" | "on" | "예" | "동의" | "동의함" | "수신" | "수신함" | "수신동의"
        | "수신허용" | "はい" | "subscribed" => Some(true),
        "n" | "no" | "false" | "f" | "0" | "x" | "off" | "아니오" | "아니요" | "미동의" | "동의안함" | "거부"
        | "수신안함" | "미수신" | "수신거부" | "いいえ" | "unsubscribed" => Some(false),
        _ => None,
    }
}

/// The day in a cell; the zone turns an instant into a day.
pub(super) fn date(text: &str, format: Option<&str>, days: Tz) -> Option<NaiveDate> {
    let Some(format) = format else {
        let Written { day, time, zone } = read(text)?;
        let (Some(time), Some(zone)) = (time, zone) else { return Some(day) };
        return Some(zone.instant(day.and_time(time))?.with_timezone(&days).date_naive());
    };
    let day = match DateTime::parse_from_str(text, format) {
        Ok(at) => Some(at.with_timezone(&days).date_naive()),
        Err(_) => NaiveDate::parse_from_str(text, format).ok(),
    };
    // Two digits of the year where the format has four.
    day.filter(|day| FIRST_DAY <= *day)
}

/// A date without a time of day, with the offset of its beginning (`2026-01-31+09:00`).
pub(super) fn day_alone(text: &str, format: Option<&str>, zone: Tz) -> Option<String> {
    let day = match format {
        None => {
            let Written { day, time, .. } = read(text)?;
            time.is_none().then_some(day)?
        }
        Some(format) => {
            let has_time =
                NaiveDateTime::parse_from_str(text, format).is_ok() || DateTime::parse_from_str(text, format).is_ok();
            let day = NaiveDate::parse_from_str(text, format).ok().filter(|day| FIRST_DAY <= *day)?;
            (!has_time).then_some(day)?
        }
    };
    let midnight = day.and_time(NaiveTime::MIN);
    let begins = in_zone(zone, midnight)?;
    let offset = (midnight - begins.naive_utc()).num_seconds();
    // Historic offsets with seconds cannot be written this way.
    let offset = FixedOffset::east_opt(i32::try_from(offset).ok()?).filter(|_| offset % 60 == 0)?;
    Some(format!("{day}{offset}"))
}

/// A time in RFC 3339. A time without a zone is in the given one, and a date is the beginning of its day there.
pub(super) fn time(text: &str, format: Option<&str>, zone: Tz) -> Option<String> {
    let Some(format) = format else {
        if DateTime::parse_from_rfc3339(text).is_ok() {
            return Some(text.to_owned());
        }
        let Written { day, time, zone: named } = read(text)?;
        let at = day.and_time(time.unwrap_or(NaiveTime::MIN));
        return match named {
            Some(named) => named.instant(at).map(|it| it.to_rfc3339()),
            None => in_zone(zone, at).map(|it| it.to_rfc3339()),
        };
    };
    if let Ok(at) = DateTime::parse_from_str(text, format) {
        return Some(at.to_rfc3339());
    }
    let at = NaiveDateTime::parse_from_str(text, format).ok();
    let at = at.or_else(|| Some(NaiveDate::parse_from_str(text, format).ok()?.and_time(NaiveTime::MIN)))?;
    if at.date() < FIRST_DAY {
        return None;
    }
    // Seconds since 1970 have no zone, and a format can contain a zone as literal letters.
    let is_utc = format.contains("%s")
        || ["UTC", "GMT"].iter().any(|name| format.contains(name))
        || (format.ends_with('Z') && !format.ends_with("%Z"));
    if is_utc { Some(at.and_utc().to_rfc3339()) } else { in_zone(zone, at).map(|it| it.to_rfc3339()) }
}
