use std::sync::Arc;

use uuid::Uuid;

use crate::{
    message::order::{Line, OrderKey},
    time::Timestamp,
};

use super::*;

#[test]
fn a_line_is_written_as_the_command_promises() {
    let line = |item: &str, name: &str, category: &str, quantity, cents| Line {
        item_id: Some(Arc::from(item)),
        name: Some(Arc::from(name)),
        category: Some(Arc::from(category)),
        quantity,
        amount: rust_decimal::Decimal::new(cents, 2),
        unpriced: false,
    };
    let order = |id: &str, at: &str, cents, lines| Order {
        key: OrderKey::Order(Arc::from(id)),
        message_id: Arc::from(id),
        at: Timestamp::parse(at).expect("a timestamp"),
        by_date: false,
        currency: Currency::KRW,
        amount: rust_decimal::Decimal::new(cents, 2),
        lines,
    };
    let orders = [
        order("o1", "2026-02-02T13:05:00+09:00", 1_290_000, vec![line("7", "Tea", "Food", 2, 1_290_000)]),
        order("o2", "2025-06-30T23:59:59.5+09:00", 1_050, vec![line("8", "Pen", "Office", 3, 1_050)]),
    ];
    let orders: Vec<&Order> = orders.iter().collect();
    let as_of = "2026-03-15".parse().expect("a date");
    let write = |orders: &[&Order]| {
        let summary = summary(UnifiedId(Uuid::nil()), orders, &[], &Policy::default(), as_of);
        serde_json::to_string(&summary).expect("a summary serializes")
    };
    let tea = r#"{"rank":1,"key":"7","name":"Tea","units":2,"orders":1,"amount":"12900","lastPurchasedAt":"2026-02-02T04:05:00Z"}"#;
    let food = tea.replace(r#""key":"7","name":"Tea""#, r#""key":"Food","name":"Food""#);
    let pen = r#"{"rank":1,"key":"8","name":"Pen","units":3,"orders":1,"amount":"10.5","lastPurchasedAt":"2025-06-30T14:59:59.500Z"}"#;
    let office = pen.replace(r#""key":"8","name":"Pen""#, r#""key":"Office","name":"Office""#);
    let second = |it: &str| it.replace(r#""rank":1"#, r#""rank":2"#);
    let expected = [
        r#"{"unifiedId":"00000000-0000-0000-0000-000000000000","currency":"KRW","windows":["#,
        r#"{"months":3,"from":"2025-12-15","to":"2026-03-14","count":1,"amount":"12900","average":"12900"},"#,
        r#"{"months":6,"from":"2025-09-15","to":"2026-03-14","count":1,"amount":"12900","average":"12900"},"#,
        r#"{"months":12,"from":"2025-03-15","to":"2026-03-14","count":2,"amount":"12910.5","average":"6455.25"}],"#,
        r#""peakWeekday":"MONDAY","peakHour":13,"firstPurchaseDate":"2025-06-30","lastPurchaseDate":"2026-02-02","#,
        &format!(r#""topCategories":[{{"months":3,"items":[{food}]}},{{"months":6,"items":[{food}]}},"#),
        &format!(r#"{{"months":12,"items":[{office},{}]}}],"#, second(&food)),
        &format!(r#""topProducts":[{{"months":3,"items":[{tea}]}},{{"months":6,"items":[{tea}]}},"#),
        &format!(r#"{{"months":12,"items":[{pen},{}]}}]}}"#, second(tea)),
    ];
    assert_eq!(write(&orders), expected.concat());

    let expected = [
        r#"{"unifiedId":"00000000-0000-0000-0000-000000000000","currency":"KRW","windows":["#,
        r#"{"months":3,"from":"2025-12-15","to":"2026-03-14","count":0,"amount":"0","average":null},"#,
        r#"{"months":6,"from":"2025-09-15","to":"2026-03-14","count":0,"amount":"0","average":null},"#,
        r#"{"months":12,"from":"2025-03-15","to":"2026-03-14","count":0,"amount":"0","average":null}],"#,
        r#""peakWeekday":null,"peakHour":null,"firstPurchaseDate":null,"lastPurchaseDate":null,"#,
        r#""topCategories":[{"months":3,"items":[]},{"months":6,"items":[]},{"months":12,"items":[]}],"#,
        r#""topProducts":[{"months":3,"items":[]},{"months":6,"items":[]},{"months":12,"items":[]}]}"#,
    ];
    assert_eq!(write(&[]), expected.concat());
}
