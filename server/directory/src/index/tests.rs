use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use crate::row::Window12;
use profile360_core::{
    message::Platform,
    search::{
        names::{At, NamePart, normal_name, other_spellings},
        terms::{SearchText, Term, email_text, phone_text, reference_text},
    },
    time::Timestamp,
};
use proptest::{prelude::*, sample::Index as Pick};

use super::*;

/// Whether a value equals the wanted one, or is a list that contains it.
fn is_match(value: &str, wanted: &str) -> bool {
    fn is_same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
        match (a, b) {
            (serde_json::Value::Array(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
            }
            _ => match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
                _ => a == b,
            },
        }
    }
    let [value, wanted] =
        [value, wanted].map(|json| serde_json::from_str::<serde_json::Value>(json).expect("it is JSON"));
    is_same(&value, &wanted) || value.as_array().is_some_and(|items| items.iter().any(|item| is_same(item, &wanted)))
}

const FIELDS: [OrderField; 6] = [
    OrderField::LastActivity,
    OrderField::FirstAccess,
    OrderField::LastUpdated,
    OrderField::Name,
    OrderField::PurchaseAmount12m,
    OrderField::PurchaseCount12m,
];
const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn key(number: u16) -> ClusterKey {
    ClusterKey(UnifiedId(uuid::Uuid::from_u128(u128::from(number) << 64)))
}

fn day(number: u64) -> NaiveDate {
    NaiveDate::default() + chrono::Days::new(number)
}

/// A row with few distinct values per field.
fn row() -> impl Strategy<Value = ListRow> {
    let some = |values: &'static [&'static str]| prop::option::of(prop::sample::select(values).prop_map(str::to_owned));
    let many = |values: &'static [&'static str]| {
        prop::sample::subsequence(values, 0..=values.len())
            .prop_map(|it| it.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>())
    };
    let names = &[
        "홍길동",
        "홍길순",
        "박서준",
        "이승기",
        "하나",
        "Kim Minji",
        "kim",
        "KIMBERLY Park",
        "김 Minji",
        "남궁민",
        "José 길동",
    ];
    let platforms = prop::sample::subsequence(vec![Platform::Android, Platform::Ios, Platform::Web], 0..=3);
    let times = [-1..5_i64, -1..5, -1..5].prop_map(|it| it.map(Timestamp::from_micros));
    let window = (0..4_u64, -200..200_i64).prop_map(|(count, amount)| Window12 {
        currency: Currency::KRW,
        count,
        amount: Decimal::new(amount / 50, 1),
    });
    let attributes = prop::collection::btree_map(
        prop::sample::select(&["tier", "store", "lucky"][..]).prop_map(Arc::from),
        prop::sample::select(&["1", "1.0", "\"1\"", "true", "[1,\"a\"]", "[1.50,2]"][..]).prop_map(Arc::from),
        0..3,
    );
    let emails = many(&["kim@example.com", "minji.kim@example.org", "hong@example.com"]);
    let phones = many(&["+821012345678", "+821056781234", "+82212345678"]);
    let references = many(&["1230100016", "1234-GOLD", "gold 12345678"]);
    (
        (some(names), many(&["phone", "email", "device_id"]), platforms, times, window, attributes, emails),
        (phones, references),
        (
            some(&["MALE", "FEMALE"]),
            some(&["20s", "30s"]),
            some(&["Gold", "VIP"]),
            some(&["KR", "JP"]),
            some(&["서울 강남구", "부산 강서구"]),
        ),
        prop::option::of(1..4_u64),
    )
        .prop_map(
            |((name, kinds, platforms, times, window, attributes, emails), (phones, references), values, due)| {
                let (gender, age_group, membership_level, country, recent_area) = values;
                let [last_activity, first_access, last_updated] = times;
                ListRow {
                    name,
                    kinds,
                    platforms,
                    last_activity,
                    first_access,
                    last_updated,
                    window,
                    attributes,
                    emails,
                    phones,
                    references,
                    gender,
                    age_group,
                    membership_level,
                    country: country.map(Arc::from),
                    recent_area,
                    as_of: day(0),
                    due: due.map(day),
                    ..ListRow::empty()
                }
            },
        )
}

fn filter() -> impl Strategy<Value = Filter> {
    let some = |values: &'static [&'static str]| {
        let subset = prop::sample::subsequence(values, 0..=values.len());
        // Most filters have few conditions.
        prop_oneof![3 => Just(Vec::new()), 1 => subset.prop_map(|it| it.into_iter().map(str::to_owned).collect::<Vec<String>>())]
    };
    let platforms = prop::sample::subsequence(vec![Platform::Android, Platform::Ios, Platform::Api], 0..=2);
    let bound = || prop_oneof![3 => Just(None), 1 => (-1..6_i64).prop_map(Some)];
    let range = move || (bound(), bound());
    let attributes = prop::collection::vec(
        (
            prop::sample::select(&["tier", "store", "nothing"][..]).prop_map(str::to_owned),
            prop::sample::select(&["1", "1.00", "\"1\"", "false", "\"a\"", "1.5", "[1.0,\"a\"]"][..])
                .prop_map(str::to_owned),
        ),
        0..2,
    );
    (
        (
            prop_oneof![2 => Just(Vec::new()), 1 => platforms],
            some(&["phone", "email", "nothing"]),
            prop_oneof![3 => Just(Vec::new()), 1 => attributes],
        ),
        (
            some(&["MALE", "OTHER"]),
            some(&["20s", "30s"]),
            some(&["Gold"]),
            some(&["KR", "JP"]),
            some(&["서울 강남구", "제주"]),
        ),
        (range(), range(), range(), range()),
    )
        .prop_map(|((platforms, has_identifier, attributes), values, (activity, access, count, amount))| {
            let (genders, age_groups, membership_levels, countries, recent_areas) = values;
            let time = |it: Option<i64>| it.map(Timestamp::from_micros);
            let decimal = |bound: Option<i64>| bound.map(|it| Decimal::new(it, 1));
            Filter {
                platforms,
                genders,
                age_groups,
                membership_levels,
                countries,
                recent_areas,
                has_identifier,
                last_activity: (time(activity.0), time(activity.1)),
                first_access: (time(access.0), time(access.1)),
                purchase_count: count,
                purchase_amount: (decimal(amount.0), decimal(amount.1)),
                attributes,
            }
        })
}

fn search() -> impl Strategy<Value = Option<&'static str>> {
    let texts = &[
        "홍",
        "홍기",
        "ㅎㄱ",
        "ㅎ",
        "잇ㄱ",
        "kim",
        "KIM M",
        "min 김",
        "하",
        "한",
        "5678",
        "010-1234",
        "+82 2",
        "example",
        "@example.org",
        "hong@",
        "ji.",
        "xyz",
        "1234-5678",
        "ㄴ",
        "길동",
        "ㄱㄷ",
        "jose",
        "josé 길",
        "1234",
        "gold",
        "홍 5678",
        "길 kim@",
        "김 12345678",
        "길동 홍 kim",
        "서 준 010 1234",
        "승기 gold 1234",
    ];
    prop_oneof![2 => Just(None), 3 => prop::sample::select(&texts[..]).prop_map(Some)]
}

/// Evaluates a filter for one row, without an index.
fn passes(filter: &Filter, row: &ListRow) -> bool {
    fn is_one_of<T: AsRef<str>>(wanted: &[String], value: Option<&T>) -> bool {
        wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|it| it == value.as_ref()))
    }
    let is_within = |at: Timestamp, (from, before): (Option<Timestamp>, Option<Timestamp>)| {
        from.is_none_or(|it| it <= at) && before.is_none_or(|it| at < it)
    };
    let count = i64::try_from(row.window.count).expect("small");
    (filter.platforms.is_empty() || filter.platforms.iter().any(|it| row.platforms.contains(it)))
        && is_one_of(&filter.genders, row.gender.as_ref())
        && is_one_of(&filter.age_groups, row.age_group.as_ref())
        && is_one_of(&filter.membership_levels, row.membership_level.as_ref())
        && is_one_of(&filter.countries, row.country.as_ref())
        && is_one_of(&filter.recent_areas, row.recent_area.as_ref())
        && filter.has_identifier.iter().all(|kind| row.kinds.iter().any(|it| **it == **kind))
        && is_within(row.last_activity, filter.last_activity)
        && is_within(row.first_access, filter.first_access)
        && filter.purchase_count.0.is_none_or(|it| it <= count)
        && filter.purchase_count.1.is_none_or(|it| count <= it)
        && filter.purchase_amount.0.is_none_or(|it| it <= row.window.amount)
        && filter.purchase_amount.1.is_none_or(|it| row.window.amount <= it)
        && filter
            .attributes
            .iter()
            .all(|(name, value)| row.attributes.get(name.as_str()).is_some_and(|held| is_match(held, value)))
}

fn is_found(text: &str, row: &ListRow) -> bool {
    let text = SearchText::new(text);
    let joined =
        |texts: &[Arc<str>], text_of: fn(&str) -> String| texts.iter().map(|it| text_of(it)).collect::<String>();
    let name = row.normal_name();
    let names = format!("{name}{}", other_spellings(&name));
    let is_named = |part: &NamePart| part.is_in(&names, At::Anywhere);
    let has = |term: &Term| {
        term.name.as_ref().is_some_and(is_named)
            || term.is_in_email(&joined(&row.emails, email_text))
            || term.is_in_phone(&joined(&row.phones, phone_text))
            || term.is_in_reference(&joined(&row.references, reference_text))
    };
    (!text.terms.is_empty() && text.terms.iter().all(has)) || text.name_as_one.iter().any(is_named)
}

type Rows = BTreeMap<ClusterKey, ListRow>;

/// All matching rows in the requested order, without an index.
fn expected(
    rows: &Rows,
    field: OrderField,
    direction: Direction,
    filter: &Filter,
    search: Option<&str>,
) -> Vec<ClusterKey> {
    let is_in = |row: &ListRow| passes(filter, row) && search.is_none_or(|it| is_found(it, row));
    let mut found: Vec<(bool, SortKey, UnifiedId, ClusterKey)> = rows
        .iter()
        .filter(|(_, row)| is_in(row))
        .map(|(key, row)| {
            let sort_key = match field {
                OrderField::LastActivity => SortKey::Number(row.last_activity.micros()),
                OrderField::FirstAccess => SortKey::Number(row.first_access.micros()),
                OrderField::LastUpdated => SortKey::Number(row.last_updated.micros()),
                OrderField::Name => {
                    row.name.as_ref().map_or(SortKey::Missing, |it| SortKey::Text(normal_name(it).trim().to_owned()))
                }
                OrderField::PurchaseAmount12m => SortKey::Amount(row.window.amount),
                OrderField::PurchaseCount12m => SortKey::Number(i64::try_from(row.window.count).expect("small")),
            };
            (sort_key == SortKey::Missing, sort_key, row.unified_id, *key)
        })
        .collect();
    match direction {
        Direction::Ascending => found.sort(),
        Direction::Descending => found.sort_by_key(|it| (it.0, Reverse(it.clone()))),
    }
    found.into_iter().map(|it| it.3).collect()
}

/// Reads a whole order page by page. Calls `between` between pages.
fn read_all(
    index: &mut Index,
    request: &PageRequest,
    filter: &Filter,
    search: Option<&Search>,
    mut between: impl FnMut(&mut Index),
) -> (Vec<ClusterKey>, usize) {
    let mut found = Vec::new();
    let mut cursor: Option<Position> = None;
    loop {
        let mut request = request.clone();
        if request.is_from_end {
            request.before = cursor.take();
        } else {
            request.after = cursor.take();
        }
        let is_first = request.before.is_none() && request.after.is_none();
        let page = index.page(&request, filter, search);
        assert!(page.rows.len() <= request.size);
        let (has_more, has_behind) =
            if request.is_from_end { (page.has_previous, page.has_next) } else { (page.has_next, page.has_previous) };
        assert_eq!(has_behind, !is_first);
        let keys: Vec<ClusterKey> = page.rows.iter().map(|it| it.key).collect();
        if request.is_from_end {
            found.splice(0..0, keys);
            cursor = page.rows.first().map(|it| it.position.clone());
        } else {
            found.extend(keys);
            cursor = page.rows.last().map(|it| it.position.clone());
        }
        if !has_more {
            return (found, page.total);
        }
        between(index);
    }
}

fn request(field: OrderField, direction: Direction, size: usize, is_from_end: bool) -> PageRequest {
    PageRequest { field, direction, size, after: None, before: None, is_from_end }
}

fn search_for(text: Option<&str>) -> Option<Search> {
    text.map(|it| Search { text: Some(SearchText::new(it)), ..Search::default() })
}

/// A change: a row to put under a number, or a removal. Numbers repeat often.
fn change(numbers: Range<u16>) -> impl Strategy<Value = (u16, Option<ListRow>)> {
    (numbers, prop_oneof![4 => row().prop_map(Some), 1 => Just(None)])
}

fn with_id(number: u16, row: &ListRow) -> ListRow {
    ListRow { unified_id: key(number).0, ..row.clone() }
}

fn apply(index: &mut Index, rows: &mut Rows, (number, row): &(u16, Option<ListRow>)) {
    match row {
        Some(row) => {
            let row = with_id(*number, row);
            index.put(key(*number), &row);
            rows.insert(key(*number), row);
        }
        None => {
            index.remove(key(*number));
            rows.remove(&key(*number));
        }
    }
}

/// An index of initial rows, and of changes since.
fn build(loaded: &[ListRow], changes: &[(u16, Option<ListRow>)]) -> (Index, Rows) {
    let mut rows = Rows::new();
    let mut loading = Loading::default();
    for (number, row) in (0..).zip(loaded) {
        let row = with_id(number, row);
        loading.add(key(number), &row);
        rows.insert(key(number), row);
    }
    let mut index = loading.finish();
    changes.iter().for_each(|it| apply(&mut index, &mut rows, it));
    (index, rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Every order, in both directions and from both ends, with any filter and search.
    #[test]
    fn pages_agree_with_a_scan_of_all_rows(
        loaded in prop::collection::vec(row(), 0..200),
        changes in prop::collection::vec(change(0..260), 0..120),
        filters in prop::collection::vec((filter(), search()), 6),
        size in 1..40_usize,
    ) {
        let (mut index, rows) = build(&loaded, &changes);
        prop_assert_eq!(index.len(), rows.len());
        for (filter, text) in &filters {
            let search = search_for(*text);
            for field in FIELDS {
                for direction in DIRECTIONS {
                    let expected = expected(&rows, field, direction, filter, *text);
                    for (size, is_from_end) in [(size, false), (size, true), (1_000, false)] {
                        let request = request(field, direction, size, is_from_end);
                        let (found, total) = read_all(&mut index, &request, filter, search.as_ref(), |_| {});
                        prop_assert_eq!(&found, &expected, "{:?} {:?} {:?} {:?}", field, direction, filter, text);
                        prop_assert_eq!(total, expected.len());
                    }
                }
            }
        }
        let due: Vec<ClusterKey> = index.due(day(2));
        let mut expected: Vec<ClusterKey> = rows.iter().filter(|(_, it)| it.is_due(day(2))).map(|(key, _)| *key).collect();
        expected.sort_by_key(|it| (rows[it].due, *it));
        prop_assert_eq!(due, expected);
    }

    /// Rows that do not change appear once and in order, even if other rows change between pages.
    #[test]
    fn pagination_is_stable_under_changes_of_other_rows(
        still in prop::collection::vec(row(), 100),
        moving in prop::collection::vec(change(100..160), 60),
        filter in filter(),
        search in search(),
        order in any::<(Pick, Pick)>(),
        size in 1..9_usize,
        is_from_end in any::<bool>(),
    ) {
        let (field, direction) = (FIELDS[order.0.index(6)], DIRECTIONS[order.1.index(2)]);
        let (mut index, still) = build(&still, &[]);
        let mut changing = Rows::new();
        let mut moving = moving.iter().cycle();
        let request = request(field, direction, size, is_from_end);
        let (found, _) = read_all(&mut index, &request, &filter, search_for(search).as_ref(), |index| {
            moving.by_ref().take(3).for_each(|it| apply(index, &mut changing, it));
        });
        let found: Vec<ClusterKey> = found.into_iter().filter(|it| still.contains_key(it)).collect();
        prop_assert_eq!(found, expected(&still, field, direction, &filter, search));
    }

    /// Each count of a facet is what choosing that value finds, and every value that can be found is counted.
    #[test]
    fn facets_count_what_choosing_a_value_finds(
        loaded in prop::collection::vec(row(), 0..60),
        changes in prop::collection::vec(change(0..80), 0..60),
        filter in filter(),
        search in search(),
    ) {
        let (index, rows) = build(&loaded, &changes);
        let search = search_for(search);
        let total = |filter: &Filter| {
            let open = request(OrderField::LastActivity, Direction::Descending, 1, false);
            index.page(&open, filter, search.as_ref()).total as u64
        };
        let fields = [
            FacetField::Platform, FacetField::Gender, FacetField::AgeGroup, FacetField::MembershipLevel, FacetField::Country,
            FacetField::RecentArea, FacetField::HasIdentifier, FacetField::Attribute("tier".to_owned()),
        ];
        for field in fields {
            let facet = index.facet(&field, filter.clone(), search.as_ref(), 1_000);
            prop_assert!(facet.is_complete);
            for (value, count) in &facet.values {
                let choosing = choose(&filter, &field, value);
                prop_assert!(0 < *count);
                prop_assert_eq!(*count, total(&choosing), "{:?} {}", &field, value);
            }
            let n_most = facet.values.len().saturating_sub(1);
            let few = index.facet(&field, filter.clone(), search.as_ref(), n_most);
            prop_assert_eq!(few.is_complete, facet.values.len() <= n_most);
            prop_assert_eq!(&few.values[..], &facet.values[..n_most]);
            prop_assert!(facet.values.is_sorted_by_key(|(_, count)| Reverse(*count)));
        }
        // No value is missing: customers have at most one gender.
        let genders = index.facet(&FacetField::Gender, Filter::default(), None, 1_000);
        let with_gender = rows.values().filter(|row| row.gender.is_some()).count() as u64;
        prop_assert_eq!(genders.values.iter().map(|(_, count)| count).sum::<u64>(), with_gender);
        let names = index.facet(&FacetField::AttributeName, filter, None, 1_000);
        for (name, count) in names.values {
            prop_assert_eq!(count, rows.values().filter(|row| row.attributes.contains_key(&name)).count() as u64);
        }
    }

    /// A suggestion is found by the list, and the first ones are those whose name begins so.
    #[test]
    fn suggestions_are_the_first_customers_of_the_search(
        loaded in prop::collection::vec(row(), 0..120),
        text in search(),
        size in 1..9_usize,
        exact in prop::collection::btree_set((0..120_u16).prop_map(key), 0..3),
    ) {
        let (index, rows) = build(&loaded, &[]);
        let text = text.unwrap_or("길");
        let search = Search { clusters: exact.clone(), ..search_for(Some(text)).unwrap_or_default() };
        let Suggested { rows: suggested, total } = index.suggest(&search, size);
        let begins = |row: &ListRow| {
            let name = row.normal_name();
            let names = format!("{name}{}", other_spellings(&name));
            SearchText::new(text).terms.iter().flat_map(|term| &term.name).any(|part| part.is_in(&names, At::Word))
        };
        let class = |key: &ClusterKey| match (exact.contains(key), begins(&rows[key])) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        let by_activity = |key: &ClusterKey| Reverse((rows[key].last_activity, rows[key].unified_id));
        let mut expected: Vec<ClusterKey> = rows.keys().copied().collect();
        expected.retain(|key| exact.contains(key) || is_found(text, &rows[key]));
        expected.sort_by_key(|key| (class(key), by_activity(key)));
        prop_assert_eq!(total, expected.len());
        expected.truncate(size);
        prop_assert_eq!(suggested.iter().map(|it| it.key).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn removal_leaves_nothing_behind(
        loaded in prop::collection::vec(row(), 0..60),
        changes in prop::collection::vec(change(0..60), 0..60),
    ) {
        let (mut index, rows) = build(&loaded, &changes);
        rows.keys().for_each(|it| index.remove(*it));
        prop_assert!(index.is_empty() && index.due(day(9)).is_empty());
        let open = request(OrderField::Name, Direction::Ascending, 10, false);
        for text in ["ㅎ", "길", "kim", "jose", "example", "010", "021", "1230"] {
            prop_assert_eq!(index.page(&open, &Filter::default(), search_for(Some(text)).as_ref()).total, 0);
        }
        for kind in ["phone", "email", "device_id"] {
            prop_assert!(index.kinds.of(kind).is_empty());
        }
        prop_assert!(index.attributes.with("tier", "1").is_empty());
        prop_assert_eq!(index.free.len(), index.columns.fixed.len());
    }
}

/// The filter that choosing a value of a facet makes.
fn choose(filter: &Filter, field: &FacetField, value: &str) -> Filter {
    let mut filter = filter.clone();
    let one = vec![value.to_owned()];
    match field {
        FacetField::Platform => {
            let all = [Platform::Android, Platform::Ios, Platform::Web, Platform::Api];
            filter.platforms = all.into_iter().filter(|it| platform_tag(*it) == value).collect();
        }
        FacetField::Gender => filter.genders = one,
        FacetField::AgeGroup => filter.age_groups = one,
        FacetField::MembershipLevel => filter.membership_levels = one,
        FacetField::Country => filter.countries = one,
        FacetField::RecentArea => filter.recent_areas = one,
        FacetField::HasIdentifier => filter.has_identifier.extend(one),
        FacetField::AttributeName => {}
        FacetField::Attribute(name) => {
            filter.attributes.retain(|(other, _)| other != name);
            filter.attributes.push((name.clone(), value.to_owned()));
        }
    }
    filter
}

#[test]
fn an_attribute_of_many_or_long_values_is_free_text() {
    let rows = |values: Vec<String>| -> Vec<ListRow> {
        let row = |value: String| {
            let attributes = BTreeMap::from([("note".into(), format!("\"{value}\"").into())]);
            ListRow { attributes, ..ListRow::empty() }
        };
        values.into_iter().map(row).collect()
    };
    let note = FacetField::Attribute("note".to_owned());
    for (values, is_complete) in [
        ((0..100).map(|n| n.to_string()).collect(), true),
        ((0..101).map(|n| n.to_string()).collect(), false),
        (vec!["x".repeat(199)], false),
        (vec!["x".repeat(198)], true),
    ] {
        let (index, _) = build(&rows(values), &[]);
        let facet = index.facet(&note, Filter::default(), None, 1_000);
        assert_eq!(facet.is_complete, is_complete);
        assert_eq!(facet.values.is_empty(), !is_complete);
    }
}

#[test]
fn a_text_that_names_a_level_or_an_area_offers_a_filter() {
    let row = |level: &str, area: &str| ListRow {
        membership_level: Some(level.to_owned()),
        recent_area: Some(area.to_owned()),
        ..ListRow::empty()
    };
    let rows =
        [row("VIP", "서울 강남구"), row("VIP", "부산 강서구"), row("Gold Plus", "서울 강남구"), row("Gold", "제주")];
    let (index, _) = build(&rows, &[]);
    let offered = |text: &str| -> Vec<(OfferedField, String, Vec<usize>, u64)> {
        let offered = index.offered_filters(&SearchText::new(text));
        offered.into_iter().map(|it| (it.field, it.values.join("|"), it.terms, it.count)).collect()
    };
    let level = |values: &str, terms: &[usize], count| {
        (OfferedField::MembershipLevel, values.to_owned(), terms.to_vec(), count)
    };
    let area =
        |values: &str, terms: &[usize], count| (OfferedField::RecentArea, values.to_owned(), terms.to_vec(), count);
    assert_eq!(offered("vip"), [level("VIP", &[0], 2)]);
    assert_eq!(offered("gold  PLUS"), [level("Gold Plus", &[0, 1], 1), level("Gold", &[0], 1)]);
    assert_eq!(offered("강남"), [area("서울 강남구", &[0], 2)]);
    assert_eq!(offered("서울"), [area("서울 강남구", &[0], 2)]);
    assert_eq!(offered("도윤 VIP"), [level("VIP", &[1], 2)]);
    for text in ["강", "남구", "VI", "VIPS", "", "홍길동"] {
        assert_eq!(offered(text), [], "{text}");
    }
}

#[test]
fn a_merged_customer_that_inherits_a_unified_id_keeps_its_place() {
    // The old customer is removed after the merged one was inserted with the same ID.
    let row = ListRow { name: Some("kim".to_owned()), ..ListRow::empty() };
    let (mut index, _) = build(&[], &[]);
    index.put(key(1), &row);
    index.put(key(2), &row);
    index.remove(key(1));
    for field in FIELDS {
        let request = request(field, Direction::Descending, 10, false);
        assert_eq!(read_all(&mut index, &request, &Filter::default(), None, |_| {}).0, [key(2)]);
    }
}

#[test]
fn forged_cursors_are_harmless() {
    let rows = [ListRow::empty(), ListRow { name: Some("kim".to_owned()), ..ListRow::empty() }];
    let (index, _) = build(&rows, &[]);
    let keys = [SortKey::Missing, SortKey::Text("a".to_owned()), SortKey::Amount(Decimal::ONE), SortKey::Number(-1)];
    for (field, direction, sort_key) in FIELDS
        .iter()
        .flat_map(|field| DIRECTIONS.map(|it| (*field, it)))
        .flat_map(|(a, b)| keys.clone().map(|it| (a, b, it)))
    {
        let position = Some(Position { key: sort_key, id: key(0).0 });
        for (after, before) in
            [(position.clone(), None), (None, position.clone()), (position.clone(), position.clone())]
        {
            let request = PageRequest { after, before, ..request(field, direction, 5, false) };
            assert!(index.page(&request, &Filter::default(), None).rows.len() <= 2);
        }
    }
}
