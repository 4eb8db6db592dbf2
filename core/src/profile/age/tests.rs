use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn ages_are_full_years() {
    for (birth, as_of, expected) in [
        ("1990-05-20", "2026-05-19", Some(35)),
        ("1990-05-20", "2026-05-20", Some(36)),
        ("1990-05-20", "2026-05-21", Some(36)),
        ("1990-12-31", "2026-01-01", Some(35)),
        ("2026-05-20", "2026-05-20", Some(0)),
        ("2026-05-21", "2026-05-20", None),
        // 29 February counts on 1 March in common years.
        ("2000-02-29", "2025-02-28", Some(24)),
        ("2000-02-29", "2025-03-01", Some(25)),
        ("2000-02-29", "2024-02-28", Some(23)),
        ("2000-02-29", "2024-02-29", Some(24)),
    ] {
        assert_eq!(full_years(date(birth), date(as_of)), expected, "born {birth}, as of {as_of}");
    }
}

#[test]
fn age_groups_are_decades() {
    for (years, expected) in [
        (0, "0s"),
        (9, "0s"),
        (10, "10s"),
        (19, "10s"),
        (20, "20s"),
        (69, "60s"),
        (70, "70s+"),
        (80, "70s+"),
        (119, "70s+"),
        (u32::MAX, "70s+"),
    ] {
        assert_eq!(age_group(years), expected, "{years}");
    }
}
