use chrono::NaiveDate;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};

use super::*;
use crate::{
    calendar::Months,
    purchases::{
        figures::{PurchaseParams, purchases},
        ranking::{RankBy, RankTarget},
    },
};
use std::sync::Arc;

fn text(of: Vec<&'static str>) -> impl Strategy<Value = Option<Arc<str>>> {
    option::weighted(0.8, select(of)).prop_map(|it| it.map(Arc::from))
}

fn amount() -> impl Strategy<Value = Decimal> {
    let cents = (-200_i64..2_000, 0_u32..6).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    prop_oneof![400 => cents, 1 => Just(Decimal::MAX), 1 => Just(Decimal::new(1, 28))]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let texts = (text(vec!["1", "2", "3"]), text(vec!["x", "y", "1"]), text(vec!["f", "g", "1"]));
    let line = (texts, 0..4_u32, amount(), any::<bool>()).prop_map(|(texts, quantity, amount, unpriced)| {
        let (item_id, name, category) = texts;
        Line { item_id, name, category, quantity, amount, unpriced }
    });
    vec(line, 0..4)
}

fn currency() -> impl Strategy<Value = Currency> {
    let code = prop_oneof![4 => Just("KRW"), 1 => Just("USD"), 1 => Just("EUR")];
    code.prop_map(|code| Currency::parse(code).expect("a currency"))
}

/// Half hours over two years, many of them in the nights in which the clocks of the zones below are turned back over midnight.
fn time() -> impl Strategy<Value = Timestamp> {
    // 2023-01-01T00:00:00Z; in Asuncion clocks are turned back at 2023-03-26T03:00:00Z.
    let start = 1_672_531_200_000_000_i64;
    let half_hours = prop_oneof![3 => 0..35_000_i64, 1 => 4_032 + 2..4_032 + 12_i64];
    half_hours.prop_map(move |it| Timestamp::from_micros(start + it * 1_800_000_000))
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let order = (time(), any::<bool>(), any::<bool>(), currency(), amount(), lines());
    vec(order, 0..30).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        let orders = numbered.map(|(n, (at, has_id, by_date, currency, amount, lines))| {
            let id: Arc<str> = Arc::from(format!("order {n}"));
            let key = if has_id { OrderKey::Order(id.clone()) } else { OrderKey::Message(id.clone()) };
            Order { key, message_id: id, at, by_date, currency, amount, lines }
        });
        orders.collect()
    })
}

/// Refunds, each of an order or of none.
fn refunds() -> impl Strategy<Value = Vec<(Refund, Option<Index>)>> {
    let order = prop_oneof![4 => any::<Index>().prop_map(Some), 1 => Just(None)];
    let ids = (option::of(select(vec!["r1", "r2"])), order);
    let refund = (time(), ids, option::weighted(0.3, currency()), option::of(amount()), lines());
    vec(refund, 0..6).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        let refunds = numbered.map(|(n, (at, (refund_id, order), currency, amount, lines))| {
            let refund = Refund {
                message_id: Arc::from(format!("refund {n}")),
                at,
                order_id: None,
                refund_id: refund_id.map(Arc::from),
                currency,
                amount: amount.map(|it| it.abs()),
                lines,
            };
            (refund, order)
        });
        refunds.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Every figure that is folded from months is the figure that the lines give.
    #[test]
    fn folded_figures_are_those_of_the_lines(
        orders in orders(),
        refunds in refunds(),
        zone in select(vec![chrono_tz::Asia::Seoul, chrono_tz::America::Asuncion, chrono_tz::America::New_York]),
        asked in vec((0..900_u64, option::weighted(0.2, currency()), any::<bool>()), 1..4),
        months in 1..=30_u32,
        first in 0..4_usize,
        by in select(vec![RankBy::Units, RankBy::Orders, RankBy::Amount]),
    ) {
        let refunds: Vec<Refund> = refunds
            .into_iter()
            .map(|(refund, order)| {
                let of = order.filter(|_| !orders.is_empty()).map(|index| index.get(&orders).key.as_str());
                Refund { order_id: of.map(Arc::from), ..refund }
            })
            .collect();
        let policy = Policy { time_zone: zone, ..Policy::default() };
        let (orders, refunds): (Vec<&Order>, Vec<&Refund>) = (orders.iter().collect(), refunds.iter().collect());
        let summaries = PurchaseSummaries::new(&orders, &refunds, &policy);
        let months = Months::new(months).expect("1 to 30");
        let lengths = [Months::YEAR, months, Months::STANDARD[0]];
        for (day, currency, net_of_refunds) in asked {
            let as_of = "2022-12-31".parse::<NaiveDate>().expect("a date") + chrono::Days::new(day);
            let params = PurchaseParams { as_of, currency, net_of_refunds };
            let plain = purchases(&orders, &refunds, &policy, &params);
            let folded = summaries.as_of(&policy, &params);
            prop_assert_eq!(folded.currency(), plain.currency());
            prop_assert_eq!(folded.info(), plain.info());
            prop_assert_eq!(folded.window(months), plain.window(months));
            prop_assert_eq!(folded.of_last_day(), plain.of_last_day());
            prop_assert_eq!(folded.spend(months), plain.spend(months));
            prop_assert_eq!(folded.rankings(first, by), plain.rankings(first, by));
            for target in [RankTarget::Categories, RankTarget::Products] {
                prop_assert_eq!(folded.tops(target, &lengths, first, by), plain.tops(target, &lengths, first, by));
                let explained = |is_compared| plain.explained_tops(target, &lengths, first, by, is_compared);
                for is_compared in [false, true] {
                    prop_assert_eq!(folded.explained_tops(target, &lengths, first, by, is_compared), explained(is_compared));
                }
            }
        }
    }
}

fn order(id: &str, day: u32, amount: Decimal) -> Order {
    Order {
        key: OrderKey::Order(Arc::from(id)),
        message_id: Arc::from(id),
        at: Timestamp::parse(&format!("2026-01-{day:02}T00:00:00Z")).expect("a time"),
        by_date: false,
        currency: Currency::KRW,
        amount,
        lines: Vec::new(),
    }
}

#[test]
fn only_orders_that_refunds_name_are_kept_line_by_line() {
    let orders =
        [order("kept", 1, Decimal::ONE), order("returned", 2, Decimal::TWO), order("also kept", 3, Decimal::TEN)];
    let refund = Refund {
        message_id: Arc::from("refund"),
        at: orders[2].at,
        order_id: Some(Arc::from("returned")),
        refund_id: None,
        currency: None,
        amount: None,
        lines: Vec::new(),
    };
    let kept = |orders: &[Order]| {
        let orders: Vec<&Order> = orders.iter().collect();
        let summaries = PurchaseSummaries::new(&orders, &[&refund], &Policy::default());
        summaries.others.iter().map(|it| it.order.key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kept(&orders), ["returned"]);
    // Sums that may be rounded depend on the sequence of what is added.
    let [first, returned, last] = orders;
    let inexact = [first, returned, Order { amount: Decimal::MAX, ..last }];
    assert_eq!(kept(&inexact), ["kept", "returned", "also kept"]);
}
