use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn a_row_is_due_before_anything_in_it_is_wrong() {
    let cases = [
        ("bought today: counts from tomorrow on", "2026-05-10", "2026-05-10", None, Some("2026-05-11")),
        ("bought long ago: nothing moves any more", "2024-05-10", "2026-05-10", None, None),
        ("bought this year: leaves the window", "2025-06-01", "2026-05-10", None, Some("2026-06-01")),
        ("turns 30 before that", "2025-06-01", "2026-05-10", Some("1996-05-20"), Some("2026-05-20")),
    ];
    for (name, order, today, birth, expected) in cases {
        let due = due([day(order)].into_iter(), birth.map(day), day(today));
        assert_eq!(due, expected.map(day), "{name}");
    }
}
