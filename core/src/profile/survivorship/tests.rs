use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{Observation, rank};
use crate::{
    evidence::identifier_summary::Observed,
    identifier::{Identifier, Kind},
    message::attribute_value::{AttributeValue, compare},
    policy::survivorship::{Rule, Survivorship},
    time::Timestamp,
};

use proptest::{collection::vec, prelude::*, sample::select};

fn value(json: Value) -> AttributeValue {
    AttributeValue::new(&json).expect("a scalar or a list")
}

/// Ranks observations of (value, source, first, last, count).
#[track_caller]
fn check(rule: Rule, observations: &[(Value, &str, i64, i64, u64)], expected: &[Value]) {
    let survivorship = Survivorship { sources: vec![Arc::from("crm"), Arc::from("shop")], ..Survivorship::default() };
    let owned: Vec<(AttributeValue, Arc<str>, Observed)> = observations
        .iter()
        .map(|(json, source, first, last, count)| {
            let (first, last) = (Timestamp::from_micros(*first), Timestamp::from_micros(*last));
            (value(json.clone()), Arc::from(*source), Observed { first, last, count: *count })
        })
        .collect();
    let identifier = Identifier::new(Kind::new("external_id"), "1");
    for rotation in 0..owned.len() {
        let mut rows: Vec<_> = owned.iter().collect();
        rows.rotate_left(rotation);
        let observations = rows
            .iter()
            .map(|(value, source, seen)| Observation { value, source, seen: *seen, identifier: &identifier, member: 0 })
            .collect();
        let actual: Vec<Value> = rank(observations, rule, &survivorship).iter().map(|it| it.value.to_value()).collect();
        assert_eq!(actual, expected, "{rule:?}, rotated by {rotation}");
    }
}

#[test]
fn each_rule_prefers_its_own() {
    let observations = [
        (json!("b"), "app", 1, 9, 1),
        (json!("a"), "crm", 2, 3, 1),
        (json!("c"), "shop", 4, 5, 2),
        (json!("c"), "app", 5, 6, 1),
        (json!("d"), "web", 8, 8, 2),
    ];
    check(Rule::Latest, &observations, &[json!("b"), json!("d"), json!("c"), json!("a")]);
    check(Rule::Union, &observations, &[json!("b"), json!("d"), json!("c"), json!("a")]);
    check(Rule::Earliest, &observations, &[json!("b"), json!("a"), json!("c"), json!("d")]);
    check(Rule::MostFrequent, &observations, &[json!("c"), json!("d"), json!("b"), json!("a")]);
    check(Rule::Max, &observations, &[json!("d"), json!("c"), json!("b"), json!("a")]);
    check(Rule::Min, &observations, &[json!("a"), json!("b"), json!("c"), json!("d")]);
    // Sources that the policy does not name come last, and among them the latest first.
    check(Rule::SourcePriority, &observations, &[json!("a"), json!("c"), json!("b"), json!("d")]);
}

#[test]
fn ties_go_by_time_then_source_then_value() {
    let observations = [(json!("x"), "app", 1, 5, 1), (json!("y"), "app", 1, 5, 1), (json!("a"), "web", 1, 5, 1)];
    check(Rule::Latest, &observations, &[json!("a"), json!("y"), json!("x")]);
    check(Rule::MostFrequent, &observations, &[json!("a"), json!("y"), json!("x")]);
    check(Rule::SourcePriority, &observations, &[json!("a"), json!("y"), json!("x")]);
    check(Rule::Earliest, &observations, &[json!("x"), json!("y"), json!("a")]);
}

#[test]
fn the_witness_is_what_the_rule_went_by() {
    let (name, identifier) = (value(json!("a")), Identifier::new(Kind::new("external_id"), "1"));
    let (crm, app) = (Arc::from("crm"), Arc::from("app"));
    let seen =
        |first, last| Observed { first: Timestamp::from_micros(first), last: Timestamp::from_micros(last), count: 1 };
    let observation = |source, seen| Observation { value: &name, source, seen, identifier: &identifier, member: 0 };
    let survivorship = Survivorship { sources: vec![Arc::from("crm")], ..Survivorship::default() };
    for (rule, source, at) in [
        (Rule::Latest, "app", 9),
        (Rule::Earliest, "app", 1),
        (Rule::SourcePriority, "crm", 5),
        (Rule::MostFrequent, "app", 9),
    ] {
        let ranked = rank(vec![observation(&crm, seen(2, 5)), observation(&app, seen(1, 9))], rule, &survivorship);
        let basis = (ranked[0].basis.source.as_ref(), ranked[0].observed_at.micros());
        assert_eq!(basis, (source, at), "{rule:?}");
    }
}

#[test]
fn values_are_compared_by_what_they_mean() {
    let ascending = [
        json!(false),
        json!(true),
        json!(-1.5),
        json!(0),
        json!(2),
        json!(10),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(1e300),
        json!("10"),
        json!("2"),
        json!("Kim"),
        json!("Kim Min"),
        json!("김"),
        json!(["a"]),
        json!(["b"]),
    ]
    .map(value);
    for (n, a) in ascending.iter().enumerate() {
        for (m, b) in ascending.iter().enumerate() {
            assert_eq!(compare(a, b), n.cmp(&m), "{a:?} {b:?}");
        }
    }
    assert_eq!(compare(&value(json!(1)), &value(json!(1.0))), Ordering::Equal);
    assert_eq!(compare(&value(json!(0)), &value(json!(-0.0))), Ordering::Equal);
}

proptest! {
    #[test]
    fn the_latest_and_the_earliest_are_what_a_log_would_say(
        log in vec((0..5_i64, select(vec!["app", "crm"]), select(vec!["x", "y", "z"])), 1..12),
    ) {
        let mut facts: BTreeMap<(&str, &str), Observed> = BTreeMap::new();
        for (at, source, text) in &log {
            let at = Timestamp::from_micros(*at);
            let seen = facts.entry((*text, *source)).or_insert(Observed { first: at, last: at, count: 0 });
            *seen = Observed { first: seen.first.min(at), last: seen.last.max(at), count: seen.count + 1 };
        }
        let owned: Vec<(AttributeValue, Arc<str>, Observed)> =
            facts.iter().map(|((text, source), seen)| (value(json!(text)), Arc::from(*source), *seen)).collect();
        let identifier = Identifier::new(Kind::new("external_id"), "1");
        let first = |rule| {
            let observations = owned
                .iter()
                .map(|(value, source, seen)| Observation { value, source, seen: *seen, identifier: &identifier, member: 0 })
                .collect();
            let ranked = rank(observations, rule, &Survivorship::default());
            (ranked[0].observed_at.micros(), ranked[0].basis.source.to_string(), ranked[0].value.to_text().expect("a text"))
        };
        let owned_log = || log.iter().map(|(at, source, text)| (*at, (*source).to_owned(), (*text).to_owned()));
        prop_assert_eq!(Some(first(Rule::Latest)), owned_log().max());
        prop_assert_eq!(Some(first(Rule::Earliest)), owned_log().min());
    }
}
