use proptest::prelude::*;

use super::*;
use crate::list::row::Window12;

/// A row that differs in what the orders look at.
fn row(number: u8, name: Option<&str>, activity: i64, count: u64) -> ListRow {
    let day = NaiveDate::default();
    ListRow {
        unified_id: UnifiedId(uuid::Uuid::from_bytes([number; 16])),
        name: name.map(str::to_owned),
        kinds: vec!["phone".into()],
        platforms: vec![if number.is_multiple_of(2) { Platform::Web } else { Platform::Ios }],
        gender: None,
        birth_date: None,
        age_group: None,
        membership_level: None,
        country: None,
        recent_area: None,
        last_activity: Timestamp::from_micros(activity),
        first_access: Timestamp::from_micros(activity),
        last_updated: Timestamp::from_micros(activity),
        window: Window12 {
            currency: profile360_core::purchase::Currency::KRW,
            from: day,
            to: day,
            count,
            amount: Decimal::from(count),
            average: None,
        },
        attributes: BTreeMap::from([("tier".into(), format!("{}", number % 3).into())]),
        as_of: day,
        due: None,
    }
}

fn key(number: u8) -> CellKey {
    CellKey(UnifiedId(uuid::Uuid::from_bytes([number; 16])))
}

fn index_of(rows: &[(u8, Option<String>, i64, u64)]) -> Index {
    let mut index = Index::default();
    for (number, name, activity, count) in rows {
        index.put(key(*number), row(*number, name.as_deref(), *activity, *count));
    }
    index
}

/// Reads a whole order page by page.
fn read_all(
    index: &Index,
    field: OrderField,
    direction: Direction,
    size: usize,
    is_from_end: bool,
    filter: &Filter,
) -> Vec<CellKey> {
    let mut found = Vec::new();
    let mut cursor: Option<Position> = None;
    loop {
        let (after, before) = if is_from_end { (None, cursor.clone()) } else { (cursor.clone(), None) };
        let page = index.page(&PageRequest { field, direction, size, after, before, is_from_end }, filter, None);
        let keys: Vec<CellKey> = page.rows.iter().map(|(_, key, _)| *key).collect();
        if is_from_end {
            found.splice(0..0, keys);
            cursor = page.rows.first().map(|(place, _, _)| place.clone());
        } else {
            found.extend(keys);
            cursor = page.rows.last().map(|(place, _, _)| place.clone());
        }
        if !(if is_from_end { page.has_previous } else { page.has_next }) {
            return found;
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<(u8, Option<String>, i64, u64)>> {
    let name = prop::option::of("[ab가나]{1,3}( [cd])?");
    prop::collection::vec((any::<u8>(), name, 0..5_i64, 0..4_u64), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_any_order_visit_every_row_once_in_either_direction(rows in rows(), size in 1..7_usize) {
        let index = index_of(&rows);
        let filter = Filter { platforms: vec![Platform::Web], ..Filter::default() };
        for field in ORDERS {
            for direction in [Direction::Ascending, Direction::Descending] {
                for filter in [&Filter::default(), &filter] {
                    let whole = read_all(&index, field, direction, 1_000, false, filter);
                    prop_assert_eq!(&read_all(&index, field, direction, size, false, filter), &whole);
                    prop_assert_eq!(&read_all(&index, field, direction, size, true, filter), &whole);
                    let n_expected = index.rows.values().filter(|row| filter.lets_through(row)).count();
                    prop_assert_eq!(whole.len(), n_expected);
                    // Whoever misses what is sorted by comes last.
                    let misses = |it: &CellKey| position(&index.rows[it], field).key == SortKey::Missing;
                    prop_assert!(whole.iter().is_sorted_by_key(misses));
                }
            }
        }
    }

    #[test]
    fn a_row_that_is_put_again_or_removed_leaves_nothing_behind(rows in rows()) {
        let mut index = index_of(&rows);
        for (number, ..) in &rows {
            index.remove(key(*number));
        }
        prop_assert!(index.is_empty() && index.words.is_empty() && index.orders.iter().all(BTreeMap::is_empty));
    }
}

#[test]
fn names_are_found_by_the_beginnings_of_their_words() {
    let index = index_of(&[
        (1, Some("Kim Minji".to_owned()), 0, 0),
        (2, Some("김민지".to_owned()), 0, 0),
        (3, Some("Kimberly Park".to_owned()), 0, 0),
        (4, None, 0, 0),
    ]);
    let found = |text: &str| index.named(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found("kim"), [key(1), key(3)]);
    assert_eq!(found("KIM m"), [key(1)]);
    assert_eq!(found("김"), [key(2)]);
    assert_eq!(found("inji"), []);
    assert_eq!(found(" "), []);
}

#[test]
fn a_merged_customer_that_takes_a_unified_id_over_keeps_its_place() {
    // The part that goes is taken out after the whole was put in under the same ID.
    let mut index = Index::default();
    index.put(key(1), row(1, None, 7, 0));
    index.put(key(2), row(1, None, 7, 0));
    index.remove(key(1));
    let found = read_all(&index, OrderField::LastActivity, Direction::Descending, 10, false, &Filter::default());
    assert_eq!(found, [key(2)]);
}
