use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn a_row_is_due_on_the_day_that_something_in_it_changes() {
    let cases = [
        ("bought today: counts from tomorrow on", "2026-05-10", "2026-05-10", None, Some("2026-05-11")),
        ("bought long ago: nothing changes anymore", "2024-05-10", "2026-05-10", None, None),
        (
            "bought this year: leaves the window the day after its last",
            "2025-06-01",
            "2026-05-10",
            None,
            Some("2026-06-02"),
        ),
        ("leaves on the last day of February, which is its last", "2023-02-28", "2024-02-10", None, Some("2024-02-29")),
        ("bought on a 29th of February", "2024-02-29", "2024-12-10", None, Some("2025-03-02")),
        ("turns 30 before that", "2025-06-01", "2026-05-10", Some("1996-05-20"), Some("2026-05-20")),
        (
            "turns 80 before that, which is no other group",
            "2025-06-01",
            "2026-05-10",
            Some("1946-05-20"),
            Some("2026-06-02"),
        ),
    ];
    for (name, order, today, birth, expected) in cases {
        let due = due([day(order)].into_iter(), birth.map(day), day(today));
        assert_eq!(due, expected.map(day), "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_changes_before_the_due_date_and_something_on_it(
        orders in prop::collection::vec(0..1_500_u64, 0..5),
        birth in prop::option::of(0..40_000_u64),
        today in 700..1_200_u64,
    ) {
        let date = |first: &str, n_days: u64| day(first) + chrono::Days::new(n_days);
        let orders: Vec<NaiveDate> = orders.into_iter().map(|it| date("2023-01-01", it)).collect();
        let birth = birth.map(|it| date("1918-01-01", it));
        let today = date("2023-01-01", today);
        let seen = |as_of: NaiveDate| {
            let year = window(as_of, Months::YEAR);
            let inside: Vec<bool> = orders.iter().map(|it| year.from <= *it && *it <= year.to).collect();
            (inside, birth.and_then(|it| full_years(it, as_of)).map(age_group))
        };
        let due = due(orders.iter().copied(), birth, today);
        prop_assert!(due.is_none_or(|it| today < it));
        let last = due.unwrap_or(today + chrono::Days::new(4_500));
        prop_assert!(today.iter_days().take_while(|it| *it < last).all(|it| seen(it) == seen(today)));
        if let Some(due) = due {
            prop_assert_ne!(seen(due), seen(today));
        }
    }
}
