//! Parses dates and times without a format. It accepts no ambiguous ones.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// A day, and what follows it.
pub(super) struct Written {
    pub day: NaiveDate,
    pub time: Option<NaiveTime>,
    pub zone: Option<Zone>,
}

/// A time zone in a text.
pub(super) enum Zone {
    Offset(FixedOffset),
    Place(Tz),
}

impl Zone {
    pub(super) fn instant(&self, at: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
        match self {
            Self::Offset(offset) => offset.from_local_datetime(&at).single(),
            Self::Place(zone) => in_zone(*zone, at),
        }
    }
}

/// Parses a date, or a date and a time. A year has four digits.
pub(super) fn read(text: &str) -> Option<Written> {
    let folded: String = text.chars().map(folded).collect();
    let mut rest = Rest(folded.trim());
    let day = rest.day().filter(|day| FIRST_DAY <= *day)?;
    rest.weekday();
    if rest.0.is_empty() {
        return Some(Written { day, time: None, zone: None });
    }
    rest.skip(&["T", "t", ","]);
    let time = rest.time()?;
    let zone = if rest.0.is_empty() { None } else { Some(rest.zone()?) };
    Some(Written { day, time: Some(time), zone })
}

/// The first day whose year has four digits.
pub(super) const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1000, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// The unparsed rest. Every step also skips the white space after it.
struct Rest<'t>(&'t str);

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Rest<'_> {
    fn skip(&mut self, words: &[&str]) -> bool {
        let found = words.iter().find_map(|word| self.0.strip_prefix(word));
        if let Some(rest) = found {
            self.0 = rest.trim_start();
        }
        found.is_some()
    }

    /// At most so many digits, with no digit after them.
    fn digits(&mut self, most: usize) -> Option<(u32, usize)> {
        let n = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 || most < n {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(n)?;
        self.0 = rest.trim_start();
        Some((digits.parse().ok()?, n))
    }

    /// An English word, in lower case.
    fn word(&mut self) -> Option<String> {
        let n = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at_checked(n).filter(|_| 0 < n)?;
        self.0 = rest.trim_start();
        Some(word.to_lowercase())
    }

    fn day(&mut self) -> Option<NaiveDate> {
        let n_digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        match n_digits {
            // 20250301, with the digits of a time after it or not.
            8 | 12 | 14 => {
                let (day, rest) = self.0.split_at_checked(8)?;
                self.0 = rest.trim_start();
                NaiveDate::parse_from_str(day, "%Y%m%d").ok()
            }
            4 => {
                let (year, _) = self.digits(4)?;
                if self.0.starts_with(|it: char| it.is_ascii_alphabetic()) {
                    return None;
                }
                let signs: &[&str] = match () {
                    () if self.skip(&["-"]) => &["-"],
                    () if self.skip(&["/"]) => &["/"],
                    () if self.skip(&["."]) => &["."],
                    () if self.skip(&["년", "年"]) => &["월", "月"],
                    () => return None,
                };
                if signs == ["-"] {
                    // 2025-Mar-01, the format of some databases.
                    if let Some(month) = self.month_word() {
                        self.skip(signs);
                        return day_of(year, month, self.digits(2)?.0);
                    }
                }
                let (month, _) = self.digits(2)?;
                if !self.skip(signs) {
                    return None;
                }
                let (day, _) = self.digits(2)?;
                self.skip(if signs == ["월", "月"] { &["일", "日"] } else { &["."] });
                day_of(year, month, day)
            }
            // 1 Mar 2025, 01-Mar-2025.
            1 | 2 => {
                let (day, _) = self.digits(2)?;
                self.skip(&["-", "."]);
                let month = self.month_word()?;
                self.skip(&["-", ".", ","]);
                let (year, n) = self.digits(4)?;
                day_of(year, month, day).filter(|_| n == 4)
            }
            // Mar 1, 2025, with a weekday before it or not.
            0 => {
                let before = self.0;
                let word = self.word()?;
                if WEEKDAYS.contains(&word.get(..3)?) {
                    self.skip(&[",", "."]);
                    return if self.0.starts_with(|it: char| it.is_ascii_digit()) {
                        self.day()
                    } else {
                        self.month_first()
                    };
                }
                self.0 = before;
                self.month_first()
            }
            _ => None,
        }
    }

    fn month_first(&mut self) -> Option<NaiveDate> {
        let month = self.month_word()?;
        self.skip(&["."]);
        let (day, _) = self.digits(2)?;
        self.skip(&[","]);
        let (year, n) = self.digits(4)?;
        day_of(year, month, day).filter(|_| n == 4)
    }

    fn month_word(&mut self) -> Option<u32> {
        let before = self.0;
        let found = self.word().and_then(|word| {
            let number = MONTHS.iter().position(|it| word.get(..3) == Some(*it))?;
            u32::try_from(number + 1).ok()
        });
        if found.is_none() {
            self.0 = before;
        }
        found
    }

    /// As `(토)` or `토요일`.
    fn weekday(&mut self) {
        let before = self.0;
        let is_open = self.skip(&["("]);
        let is_named = self.skip(&["월", "화", "수", "목", "금", "토", "일", "月", "火", "水", "木", "金", "土", "日"]);
        let is_long = self.skip(&["요일", "曜日"]);
        if !is_named || !(is_long || is_open) || (is_open && !self.skip(&[")"])) {
            self.0 = before;
        }
    }

    /// Whether a mark says before noon (false) or after noon (true).
    fn half(&mut self) -> Option<bool> {
        if self.skip(&["오전", "上午", "午前"]) {
            return Some(false);
        }
        if self.skip(&["오후", "下午", "午後"]) {
            return Some(true);
        }
        for (word, is_after_noon) in [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)] {
            let (head, rest) = self.0.split_at_checked(word.len()).unwrap_or_default();
            if head.eq_ignore_ascii_case(word) {
                self.0 = rest.trim_start();
                return Some(is_after_noon);
            }
        }
        None
    }

    fn time(&mut self) -> Option<NaiveTime> {
        let half_before = self.half();
        let n_digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (hour, minute, second, nanos) = if n_digits == 6 || n_digits == 4 {
            let (digits, rest) = self.0.split_at_checked(n_digits)?;
            self.0 = rest;
            let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |it| it.parse::<u32>().ok());
            (part(0)?, part(2)?, part(4)?, self.fraction()?)
        } else {
            let (hour, _) = self.digits(2)?;
            if self.skip(&["시", "時"]) {
                let minute = if self.starts_with_digit() { self.digits(2)?.0 } else { 0 };
                self.skip(&["분", "分"]);
                let second = if self.starts_with_digit() { self.digits(2)?.0 } else { 0 };
                self.skip(&["초", "秒"]);
                (hour, minute, second, 0)
            } else if self.skip(&[":"]) {
                let (minute, _) = self.digits(2)?;
                let second = if self.skip(&[":"]) {
                    let n = self.0.bytes().take_while(u8::is_ascii_digit).count();
                    let (digits, rest) = self.0.split_at_checked(n).filter(|_| n == 2 || n == 1)?;
                    self.0 = rest;
                    digits.parse().ok()?
                } else {
                    0
                };
                (hour, minute, second, self.fraction()?)
            } else if half_before.is_some() || self.peeks_half() {
                (hour, 0, 0, 0)
            } else {
                return None;
            }
        };
        self.0 = self.0.trim_start();
        let half = half_before.or_else(|| self.half());
        let hour = match half {
            None => hour,
            Some(false) if hour <= 12 => hour % 12,
            Some(true) if hour <= 12 => hour % 12 + 12,
            // An hour of the 24-hour clock with a redundant mark, such as 오후 15:05.
            Some(true) => hour,
            Some(false) => return None,
        };
        NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
    }

    fn starts_with_digit(&self) -> bool {
        self.0.starts_with(|it: char| it.is_ascii_digit())
    }

    fn peeks_half(&self) -> bool {
        Rest(self.0).half().is_some()
    }

    /// The nanoseconds; further digits are cut off.
    fn fraction(&mut self) -> Option<u32> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else { return Some(0) };
        let n = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at_checked(n).filter(|_| 0 < n)?;
        self.0 = rest;
        format!("{digits:0<9}").get(..9)?.parse().ok()
    }

    fn zone(&mut self) -> Option<Zone> {
        // After an offset there may be the zone's name in brackets.
        let head = self.0.split(['(', '[']).next().unwrap_or_default().trim();
        let text = if head.is_empty() { self.0.trim_matches(['(', ')', '[', ']']) } else { head };
        let east = |seconds: i32| FixedOffset::east_opt(seconds).map(Zone::Offset);
        let bare = ["UTC", "GMT"].iter().find_map(|name| text.strip_prefix(name)).unwrap_or(text).trim();
        match text {
            "Z" | "z" | "UTC" | "GMT" => return east(0),
            "KST" | "JST" => return east(9 * 3_600),
            _ => {}
        }
        let Some(sign) = bare.chars().next().filter(|it| matches!(it, '+' | '-')) else {
            // Abbreviations of zones are ambiguous; names with a place are not.
            return text.contains('/').then(|| text.parse().ok().map(Zone::Place)).flatten();
        };
        let digits: String = bare.chars().skip(1).filter(|it| *it != ':').collect();
        if digits.is_empty() || 4 < digits.len() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (hours, minutes) = digits.split_at_checked(digits.len().min(2)).filter(|_| digits.len() != 3)?;
        let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i32>().ok()? };
        let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes * 60;
        east(if sign == '-' { -seconds } else { seconds }).filter(|_| seconds <= 14 * 3_600 && minutes < 60)
    }
}

fn day_of(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Converts full-width and similar characters to ASCII.
pub(super) fn folded(sign: char) -> char {
    match sign {
        '\u{ff01}'..='\u{ff5e}' => u32::from(sign).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(sign),
        '\u{2212}' | '\u{fe63}' => '-',
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => ' ',
        '\u{2019}' => '\'',
        other => other,
    }
}

/// The instant of a local time. Of two instants the first; a local time that does not exist is moved by the gap, so that a day without
/// midnight begins an hour later.
pub(super) fn in_zone(zone: Tz, at: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
    if let Some(found) = zone.from_local_datetime(&at).earliest() {
        return Some(found.fixed_offset());
    }
    let day_before = at.checked_sub_days(chrono::Days::new(1))?;
    let before = zone.from_local_datetime(&day_before).earliest()?.fixed_offset();
    let utc = at.checked_sub_offset(*before.offset())?;
    Some(zone.from_utc_datetime(&utc).fixed_offset())
}
