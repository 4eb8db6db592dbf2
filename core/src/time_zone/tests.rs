use super::Clocks;
use chrono::{Datelike, TimeZone};
use proptest::prelude::*;

use chrono::NaiveDate;

use super::{LocalTime, ZoneOffsets, local_date, local_time};
use crate::{
    calendar::{Months, MonthsOutOfRange, Period, day_number, day_of_number, ranking_period, window},
    time::Timestamp,
};

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a timestamp")
}

fn months(n: u32) -> Months {
    Months::new(n).expect("1 to 120")
}

#[test]
fn windows_end_on_the_previous_day_and_clamp_to_the_months_end() {
    for (as_of, n, from, to) in [
        ("2026-03-15", 3, "2025-12-15", "2026-03-14"),
        ("2026-03-15", 6, "2025-09-15", "2026-03-14"),
        ("2026-03-15", 12, "2025-03-15", "2026-03-14"),
        ("2026-03-01", 12, "2025-03-01", "2026-02-28"),
        // The previous day is the 31st; three months before there is none.
        ("2023-06-01", 3, "2023-03-01", "2023-05-31"),
        ("2024-06-01", 3, "2024-03-01", "2024-05-31"),
        ("2024-01-01", 6, "2023-07-01", "2023-12-31"),
        ("2024-12-31", 6, "2024-07-01", "2024-12-30"),
        // Leap years.
        ("2024-03-01", 12, "2023-03-01", "2024-02-29"),
        ("2025-03-01", 12, "2024-02-29", "2025-02-28"),
        ("2024-03-01", 3, "2023-11-30", "2024-02-29"),
        ("2024-05-31", 3, "2024-03-01", "2024-05-30"),
        ("2026-01-01", 1, "2025-12-01", "2025-12-31"),
        ("2026-01-01", 120, "2016-01-01", "2025-12-31"),
    ] {
        let expected = Period { from: date(from), to: date(to) };
        assert_eq!(window(date(as_of), months(n)), expected, "{n} months as of {as_of}");
    }
}

#[test]
fn rankings_take_full_calendar_months() {
    for (as_of, n, from, to) in [
        ("2026-03-15", 3, "2025-12-01", "2026-02-28"),
        ("2026-03-01", 3, "2025-12-01", "2026-02-28"),
        ("2026-03-31", 6, "2025-09-01", "2026-02-28"),
        ("2024-03-31", 1, "2024-02-01", "2024-02-29"),
        ("2026-01-01", 12, "2025-01-01", "2025-12-31"),
    ] {
        let expected = Period { from: date(from), to: date(to) };
        assert_eq!(ranking_period(date(as_of), months(n)), expected, "{n} months as of {as_of}");
    }
}

#[test]
fn a_window_has_1_to_120_months() {
    assert_eq!(Months::new(0), Err(MonthsOutOfRange));
    assert_eq!(Months::new(121), Err(MonthsOutOfRange));
    assert_eq!(Months::new(259), Err(MonthsOutOfRange));
    assert_eq!(Months::new(120).map(Months::get), Ok(120));
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    for as_of in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ = (window(as_of, months(120)), ranking_period(as_of, months(120)));
    }
}

#[test]
fn days_and_hours_are_the_zones() {
    let seoul = chrono_tz::Asia::Seoul;
    let expected = |day: &str, weekday, hour| LocalTime { day: day_number(date(day)), weekday, hour };
    assert_eq!(local_time(at("2026-03-01T14:59:59.999999Z"), &seoul), expected("2026-03-01", 6, 23));
    assert_eq!(local_time(at("2026-03-01T15:00:00Z"), &seoul), expected("2026-03-02", 0, 0));
    assert_eq!(local_time(at("1970-01-01T00:00:00Z"), &chrono_tz::UTC), expected("1970-01-01", 3, 0));
    // The hour that comes twice.
    let new_york = chrono_tz::America::New_York;
    assert_eq!(local_time(at("2025-11-02T05:30:00Z"), &new_york), expected("2025-11-02", 6, 1));
    assert_eq!(local_time(at("2025-11-02T06:30:00Z"), &new_york), expected("2025-11-02", 6, 1));
    // Before 1970 in a zone west of Greenwich.
    assert_eq!(local_time(Timestamp::EARLIEST, &new_york), expected("1969-12-31", 2, 19));
}

proptest! {
    #[test]
    fn local_time_is_chronos(micros in 0..=Timestamp::LATEST.micros(), zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..])) {
        use chrono::Timelike;
        let at = Timestamp::from_micros(micros);
        let local = zone.from_utc_datetime(&at.to_datetime().naive_utc());
        let expected = LocalTime {
            day: day_number(local.date_naive()),
            weekday: u8::try_from(local.weekday().num_days_from_monday()).expect("a weekday"),
            hour: u8::try_from(local.hour()).expect("an hour"),
        };
        prop_assert_eq!(local_time(at, &zone), expected);
        prop_assert_eq!(day_of_number(expected.day), local.date_naive());
        prop_assert_eq!(local_date(at, zone), local.date_naive());
    }

    #[test]
    fn offsets_that_are_sent_are_those_of_the_zone(
        zone in prop::sample::select(vec![chrono_tz::Asia::Seoul, chrono_tz::America::New_York, chrono_tz::Africa::Casablanca, chrono_tz::Australia::Lord_Howe]),
        first in 0..2_000_000_000_i64,
        length in 0..600_000_000_i64,
        instants in prop::collection::vec(0.0..=1.0_f64, 20),
    ) {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let sent = ZoneOffsets::of(zone, at(first), at(first + length));
        for instant in instants {
            #[expect(clippy::cast_possible_truncation, reason = "a part of the length")]
            #[expect(clippy::cast_precision_loss, reason = "any instant will do")]
            let at = at(first + (length as f64 * instant) as i64);
            prop_assert_eq!(local_time(at, &sent), local_time(at, &zone));
        }
        for (from, offset) in sent.offsets.iter().skip(1) {
            prop_assert_eq!(zone.seconds_east(*from), *offset);
            prop_assert_ne!(zone.seconds_east(Timestamp::from_micros(from.micros() - 1)), *offset);
        }
    }
}
