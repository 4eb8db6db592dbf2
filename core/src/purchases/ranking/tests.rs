use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveDate;

use crate::{
    calendar::ranking_period,
    message::order::{Order, OrderKey},
    money::Currency,
    policy::document::Policy,
    purchases::figures::{PurchaseParams, Purchases, purchases},
    time_zone::local_date,
};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

fn read(orders: &[Order], as_of: NaiveDate) -> Purchases<'_> {
    let orders: Vec<&Order> = orders.iter().collect();
    let params = PurchaseParams { as_of, currency: None, net_of_refunds: false };
    purchases(&orders, &[], &Policy::default(), &params)
}

fn order(id: &str, at: &str, lines: Vec<Line>) -> Order {
    Order {
        key: OrderKey::Order(Arc::from(id)),
        message_id: Arc::from(id),
        at: Timestamp::parse(at).expect("a timestamp"),
        by_date: false,
        currency: Currency::KRW,
        amount: Decimal::ONE,
        lines,
    }
}

/// A line of `item_id|name|category`, each of which may be empty.
fn line(what: &str, quantity: u32, amount: i64) -> Line {
    let mut parts = what.split('|').map(|it| (!it.is_empty()).then(|| Arc::from(it)));
    let mut next = || parts.next().flatten();
    Line { item_id: next(), name: next(), category: next(), quantity, amount: Decimal::from(amount), unpriced: false }
}

#[track_caller]
fn check(orders: &[Order], target: RankTarget, by: RankBy, expected: &[&str]) {
    let as_of = "2026-03-15".parse().expect("a date");
    let items = read(orders, as_of).top(target, Months::STANDARD[0], 10, by);
    let actual: Vec<String> = items
        .iter()
        .map(|it| format!("{} {}={} x{} o{} {}", it.rank, it.key, it.name, it.units, it.orders, it.amount))
        .collect();
    assert_eq!(actual, expected);
}

#[test]
fn each_measure_has_its_own_order() {
    let orders = [
        order(
            "1",
            "2026-02-01T00:00:00Z",
            vec![line("many|||", 9, 10), line("costly|||", 1, 900), line("often|||", 1, 5)],
        ),
        order("2", "2026-02-02T00:00:00Z", vec![line("often|||", 1, 5), line("often|||", 1, 5)]),
    ];
    let products = |by, expected: &[&str]| check(&orders, RankTarget::Products, by, expected);
    products(RankBy::Units, &["1 many=many x9 o1 10", "2 often=often x3 o2 15", "3 costly=costly x1 o1 900"]);
    products(RankBy::Orders, &["1 often=often x3 o2 15", "2 costly=costly x1 o1 900", "3 many=many x9 o1 10"]);
    products(RankBy::Amount, &["1 costly=costly x1 o1 900", "2 often=often x3 o2 15", "3 many=many x9 o1 10"]);
}

#[test]
fn ties_go_by_amount_then_recency_then_name_then_key() {
    let (early, late) = ("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z");
    let orders = [
        order("1", early, vec![line("cheap|||", 1, 5), line("old|||", 1, 10)]),
        order("2", late, vec![line("z|Apple||", 1, 10), line("b|Pear||", 1, 10), line("a|Pear||", 1, 10)]),
    ];
    let expected =
        ["1 z=Apple x1 o1 10", "2 a=Pear x1 o1 10", "3 b=Pear x1 o1 10", "4 old=old x1 o1 10", "5 cheap=cheap x1 o1 5"];
    for by in [RankBy::Units, RankBy::Orders, RankBy::Amount] {
        check(&orders, RankTarget::Products, by, &expected);
    }
}

#[test]
fn products_go_by_id_and_show_their_newest_name_in_the_period() {
    let orders = [
        order(
            "1",
            "2026-02-01T00:00:00Z",
            vec![line("1|Old name||", 1, 1), line("|Nameless ID||", 1, 1), line("||Food|", 5, 1)],
        ),
        order("2", "2026-02-02T00:00:00Z", vec![line("1|First||", 1, 1), line("1|Newest||", 1, 1), line("1|||", 1, 1)]),
        // After the period.
        order("3", "2026-03-01T00:00:00Z", vec![line("1|Later||", 1, 1)]),
    ];
    let expected = ["1 1=Newest x4 o2 4", "2 Nameless ID=Nameless ID x1 o1 1"];
    check(&orders, RankTarget::Products, RankBy::Units, &expected);
    check(&orders, RankTarget::Categories, RankBy::Units, &["1 Food=Food x5 o1 1"]);
}

#[test]
fn of_orders_at_one_time_the_later_key_names() {
    let at = "2026-02-01T00:00:00Z";
    let orders = [order("b", at, vec![line("1|By b||", 1, 1)]), order("a", at, vec![line("1|By a||", 1, 1)])];
    check(&orders, RankTarget::Products, RankBy::Units, &["1 1=By b x2 o2 2"]);
}

#[test]
fn periods_are_full_months_of_the_policys_zone() {
    let orders = [
        // 00:00 on 1 December and 23:59:59 on 28 February in Seoul.
        order("1", "2025-11-30T15:00:00Z", vec![line("in|||", 1, 1)]),
        order("2", "2026-02-28T14:59:59Z", vec![line("in|||", 1, 1)]),
        order("3", "2025-11-30T14:59:59Z", vec![line("out|||", 9, 1)]),
        order("4", "2026-02-28T15:00:00Z", vec![line("out|||", 9, 1)]),
    ];
    check(&orders, RankTarget::Products, RankBy::Units, &["1 in=in x2 o2 2"]);
}

#[test]
fn a_ranking_may_be_cut_anywhere() {
    let orders = [order("1", "2026-02-01T00:00:00Z", vec![line("a|||", 1, 1), line("b|||", 2, 1), line("c|||", 3, 1)])];
    let purchases = read(&orders, "2026-03-15".parse().expect("a date"));
    let keys = |first| -> Vec<String> {
        let items = purchases.top(RankTarget::Products, Months::STANDARD[0], first, RankBy::Units);
        items.iter().map(|it| it.key.to_string()).collect()
    };
    assert_eq!(keys(0), Vec::<String>::new());
    assert_eq!(keys(2), ["c", "b"]);
    assert_eq!(keys(usize::MAX), ["c", "b", "a"]);
}

/// The definition, word by word, without regard to speed.
fn naive(orders: &[Order], target: RankTarget, as_of: NaiveDate, months: Months, by: RankBy) -> Vec<RankedItem> {
    let period = ranking_period(as_of, months);
    let mut rows: Vec<(&Order, usize, &Line)> = Vec::new();
    for order in orders {
        let day = local_date(order.at, Policy::default().time_zone);
        if period.from <= day && day <= period.to {
            rows.extend(order.lines.iter().enumerate().map(|(position, line)| (order, position, line)));
        }
    }
    rows.sort_by_key(|(order, position, _)| (order.at, order.key.clone(), *position));
    let mut by_key: BTreeMap<String, Vec<(&Order, &Line)>> = BTreeMap::new();
    for (order, _, line) in rows {
        let key = match target {
            RankTarget::Categories => line.category.clone(),
            RankTarget::Products => line.item_id.clone().or_else(|| line.name.clone()),
        };
        if let Some(key) = key {
            by_key.entry(key.to_string()).or_default().push((order, line));
        }
    }
    let mut items: Vec<RankedItem> = by_key
        .into_iter()
        .map(|(key, rows)| {
            let newest_name = rows.iter().rev().find_map(|(_, line)| line.name.clone());
            let name =
                newest_name.filter(|_| target == RankTarget::Products).unwrap_or_else(|| Arc::from(key.as_str()));
            RankedItem {
                rank: 0,
                key: Arc::from(key.as_str()),
                name,
                units: rows.iter().map(|(_, line)| u64::from(line.quantity)).sum(),
                orders: rows.iter().map(|(order, _)| &order.key).collect::<BTreeSet<_>>().len() as u64,
                amount: rows.iter().map(|(_, line)| line.amount).sum::<Decimal>().normalize(),
                last_purchased_at: rows.iter().map(|(order, _)| order.at).max().expect("a key has rows"),
            }
        })
        .collect();
    items.sort_by_key(|item| {
        let units = Decimal::from(item.units);
        let measures = match by {
            RankBy::Units => (units, item.amount),
            RankBy::Orders => (Decimal::from(item.orders), item.amount),
            RankBy::Amount => (item.amount, units),
        };
        (Reverse(measures), Reverse(item.last_purchased_at), item.name.clone(), item.key.clone())
    });
    for (rank, item) in (1..).zip(&mut items) {
        item.rank = rank;
    }
    items
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let text = |of: Vec<&'static str>| option::of(select(of)).prop_map(|it| it.map(Arc::from));
    let line = (text(vec!["1", "2", "3"]), text(vec!["x", "y", "1"]), text(vec!["f", "g"]), 0..4_u32, -2..5_i64)
        .prop_map(|(item_id, name, category, quantity, cents)| Line {
            item_id,
            name,
            category,
            quantity,
            amount: Decimal::new(cents, 1),
            unpriced: false,
        });
    // Two years in steps of 12 hours, so that times collide now and then.
    vec((0..1_400_i64, vec(line, 0..4)), 0..40).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(n, (half_days, lines))| Order {
                at: Timestamp::from_micros(1_700_000_000_000_000 + half_days * 43_200_000_000),
                ..order(&format!("order {n}"), "2026-01-01T00:00:00Z", lines)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn rankings_are_what_they_are_defined_to_be(
        orders in orders(),
        day in 0..800_u64,
        target in select(vec![RankTarget::Categories, RankTarget::Products]),
        by in select(vec![RankBy::Units, RankBy::Orders, RankBy::Amount]),
        first in 0..6_usize,
    ) {
        let as_of = "2023-11-15".parse::<NaiveDate>().expect("a date") + chrono::Days::new(day);
        let purchases = read(&orders, as_of);
        for top in purchases.tops(target, &Months::STANDARD, first, by) {
            let mut expected = naive(&orders, target, as_of, top.months, by);
            expected.truncate(first);
            prop_assert_eq!(&top.items, &expected, "{} months", top.months.get());
            prop_assert_eq!(purchases.top(target, top.months, first, by), expected);
        }
        for (months, items) in purchases.explained_tops(target, &Months::STANDARD, first, by, true) {
            let all = naive(&orders, target, as_of, months, by);
            let earlier = naive(&orders, target, ranking_period(as_of, months).from, months, by);
            prop_assert_eq!(items.len(), first.min(all.len()));
            for (position, explained) in items.iter().enumerate() {
                prop_assert_eq!(&explained.item, &all[position]);
                let next = all.get(position + 1).map(|next| tie_break(&all[position], next, by));
                prop_assert_eq!(explained.before_next, next);
                let was = earlier.iter().find(|it| it.key == explained.item.key).map(|it| it.rank);
                prop_assert_eq!(explained.previous_rank, was);
            }
        }
    }
}
