use std::sync::Arc;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    message::order::{Order, OrderKey, Refund},
    policy::document::Policy,
    purchases::figures::{PurchaseParams, purchases, purchases_by},
    time::Timestamp,
    time_zone::ZoneOffsets,
};

/// An order of `2026-01-31 13:05` in Seoul.
fn order(local: &str, amount: &str) -> Order {
    Order {
        key: OrderKey::Order(Arc::from(format!("{local} {amount}"))),
        message_id: Arc::from(local),
        at: seoul(local),
        by_date: false,
        currency: Currency::KRW,
        amount: amount.parse().expect("a decimal"),
        lines: Vec::new(),
    }
}

/// A refund that names no order, so it counts on its own day.
fn refund(at: Timestamp, amount: Decimal) -> Refund {
    Refund {
        message_id: Arc::from(format!("refund at {}", at.micros())),
        at,
        order_id: None,
        refund_id: None,
        currency: Some(Currency::KRW),
        amount: Some(amount),
        lines: Vec::new(),
    }
}

fn seoul(local: &str) -> Timestamp {
    Timestamp::parse(&format!("{}:00+09:00", local.replace(' ', "T"))).expect("a local time")
}

fn params(as_of: &str, net_of_refunds: bool) -> PurchaseParams {
    PurchaseParams { as_of: as_of.parse().expect("a date"), currency: None, net_of_refunds }
}

fn spend(orders: &[Order], refunds: &[Refund], params: &PurchaseParams, months: u32) -> Spend {
    let (orders, refunds): (Vec<&Order>, Vec<&Refund>) = (orders.iter().collect(), refunds.iter().collect());
    let months = Months::new(months).expect("1 to 120");
    purchases(&orders, &refunds, &Policy::default(), params).spend(months)
}

fn months_of(spend: &Spend) -> Vec<String> {
    spend.months.iter().map(|it| format!("{} {} {}", it.month, it.count, it.amount)).collect()
}

#[test]
fn months_are_those_of_the_policys_zone() {
    let orders = [
        // In UTC this is still December.
        order("2026-01-01 00:00", "100.10"),
        order("2026-01-31 23:59", "0.20"),
        order("2025-12-31 23:59", "7"),
        order("2025-11-30 12:00", "5000"),
        // The reporting date itself does not count.
        order("2026-03-15 00:00", "9"),
    ];
    let spend = |as_of, months| spend(&orders, &[], &params(as_of, false), months);
    let of_three = spend("2026-02-15", 3);
    assert_eq!(months_of(&of_three), ["2025-12-01 1 7", "2026-01-01 2 100.3", "2026-02-01 0 0"]);
    assert_eq!(of_three.largest_amount.to_string(), "100.3");
    // On the first of a month, the last month is the one before.
    assert_eq!(months_of(&spend("2026-02-01", 1)), ["2026-01-01 2 100.3"]);
    // The month of the last day is partial.
    assert_eq!(months_of(&spend("2026-01-31", 1)), ["2026-01-01 1 100.1"]);
    assert_eq!(months_of(&spend("2026-03-16", 1)), ["2026-03-01 1 9"]);
}

#[test]
fn an_order_by_date_counts_on_its_weekday_and_in_no_hour() {
    // 2 March 2026 is a Monday.
    let by_date = Order { by_date: true, ..order("2026-03-02 00:00", "100") };
    let spend = spend(&[by_date, order("2026-03-02 09:30", "1")], &[], &params("2026-03-15", false), 1);
    let monday = &spend.weekdays[0];
    assert_eq!((monday.weekday, monday.count), (Weekday::Monday, 2));
    assert_eq!((monday.hours[0], monday.hours[9], spend.largest_count), (0, 1, 1));
}

#[test]
fn without_purchases_every_figure_is_zero() {
    let spend = spend(&[], &[], &params("2026-03-15", false), 2);
    assert_eq!(months_of(&spend), ["2026-02-01 0 0", "2026-03-01 0 0"]);
    assert_eq!((spend.largest_amount, spend.largest_count), (Decimal::ZERO, 0));
}

proptest! {
    /// A window that starts on the first of a month is the sum of its months; weekdays and hours add up to the purchases, and
    /// the peaks of the card are where most of them are.
    #[test]
    fn parts_add_up_to_the_whole(
        rows in vec((0..1_200_i64, -2..1_442_i64, 0..3_u32, any::<bool>()), 0..40),
        refunded in vec((0..1_200_i64, 1..500_i64), 0..6),
        as_of in 0..1_300_u64,
        months in 1..=24_u32,
        net_of_refunds in any::<bool>(),
        rotation in 0..40_usize,
    ) {
        let start = seoul("2023-01-01 00:00").micros();
        let at = |day: i64, minutes: i64| Timestamp::from_micros(start + day * 86_400_000_000 + minutes * 60_000_000);
        let mut orders: Vec<Order> = rows
            .iter()
            .enumerate()
            .map(|(n, (day, minutes, scale, by_date))| Order {
                key: OrderKey::Order(Arc::from(n.to_string())),
                at: at(*day, *minutes),
                by_date: *by_date,
                amount: Decimal::new(minutes.abs(), *scale),
                ..order("2023-01-01 00:00", "0")
            })
            .collect();
        let refunds: Vec<Refund> =
            refunded.iter().map(|(day, amount)| refund(at(*day, 700), Decimal::new(*amount, 1))).collect();
        let months = Months::new(months).expect("1 to 24");
        let as_of = "2023-01-01".parse::<NaiveDate>().expect("a date") + chrono::Days::new(as_of);
        // After a 31st, every window starts on the first of a month.
        let mut after_31st = as_of;
        while last_day(after_31st).day() != 31 {
            after_31st = after_31st.succ_opt().expect("a later day");
        }

        let (by_order, by_refund): (Vec<&Order>, Vec<&Refund>) = (orders.iter().collect(), refunds.iter().collect());
        let policy = Policy::default();
        let read = |as_of| purchases(&by_order, &by_refund, &policy, &PurchaseParams { as_of, currency: None, net_of_refunds });
        let whole = read(after_31st).window(months);
        let parts = read(after_31st).spend(months).months;
        prop_assert_eq!(parts.first().map(|it| it.month), Some(whole.from));
        prop_assert_eq!(parts.iter().map(|it| it.count).sum::<u64>(), whole.count);
        prop_assert_eq!(parts.iter().map(|it| it.amount).sum::<Decimal>(), whole.amount);

        let spend = read(as_of).spend(months);
        let info = read(as_of).info();
        let n_purchases: u64 = read(as_of).spend(Months::new(120).expect("1 to 120")).months.iter().map(|it| it.count).sum();
        prop_assert_eq!(spend.months.len(), months.get() as usize);
        prop_assert_eq!(spend.weekdays.iter().map(|it| it.count).sum::<u64>(), n_purchases);
        let most = spend.weekdays.iter().map(|it| it.count).max().filter(|it| 0 < *it);
        let at_peak = |weekday: Weekday| spend.weekdays.iter().find(|day| day.weekday == weekday).map(|day| day.count);
        prop_assert_eq!(info.peak_weekday.and_then(at_peak), most);
        let in_hour = |hour: usize| spend.weekdays.iter().map(|it| it.hours[hour]).sum::<u64>();
        let busiest = (0..24).map(in_hour).max().filter(|it| 0 < *it);
        prop_assert_eq!(info.peak_hour.map(|it| in_hour(it.into())), busiest);
        for weekday in &spend.weekdays {
            prop_assert!(weekday.hours.iter().sum::<u64>() <= weekday.count);
            prop_assert!(weekday.hours.iter().all(|it| *it <= spend.largest_count));
        }

        // The offsets that the browser gets say the same as the database of zones.
        let (first, last) = (at(-1, 0), at(1_400, 0));
        let clocks = ZoneOffsets::of(policy.time_zone, first, last);
        let params = PurchaseParams { as_of, currency: None, net_of_refunds };
        prop_assert_eq!(&purchases_by(&clocks, &by_order, &by_refund, &policy, &params).spend(months), &spend);

        let by = rotation % orders.len().max(1);
        orders.rotate_left(by);
        let rotated: Vec<&Order> = orders.iter().collect();
        prop_assert_eq!(purchases(&rotated, &by_refund, &policy, &params).spend(months), spend);
    }
}
