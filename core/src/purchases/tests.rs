use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::refunds::{each_refund, order_id};
use super::{
    figures::{PurchaseParams, Purchases, purchases},
    ranking::{RankBy, RankTarget},
    weekday::Weekday,
};
use crate::{
    calendar::Months,
    message::order::{Line, Order, OrderKey, Refund},
    money::Currency,
    policy::document::Policy,
    time::Timestamp,
};

use proptest::{collection::vec, prelude::*};

/// Writes `2026-01-31 13:05` (in Seoul), an amount, and lines as `id/name/category x2 =500`.
fn order(id: &str, local: &str, amount: &str, lines: &[Line]) -> Order {
    let at = seoul(local);
    Order {
        key: OrderKey::Order(Arc::from(id)),
        message_id: Arc::from(format!("message of {id}")),
        at,
        by_date: false,
        currency: Currency::KRW,
        amount: decimal(amount),
        lines: lines.to_vec(),
    }
}

fn refund(order_id: Option<&str>, local: &str, amount: &str, lines: &[Line]) -> Refund {
    Refund {
        message_id: Arc::from(format!("refund of {local}")),
        at: seoul(local),
        order_id: order_id.map(Arc::from),
        refund_id: None,
        currency: Some(Currency::KRW),
        amount: (!amount.is_empty()).then(|| decimal(amount)),
        lines: lines.to_vec(),
    }
}

fn line(item: &str, quantity: u32, amount: &str) -> Line {
    let amount = decimal(amount);
    Line { item_id: Some(Arc::from(item)), name: None, category: None, quantity, amount, unpriced: false }
}

fn unpriced(item: &str, quantity: u32) -> Line {
    Line { unpriced: true, ..line(item, quantity, "0") }
}

fn seoul(local: &str) -> Timestamp {
    Timestamp::parse(&format!("{}:00+09:00", local.replace(' ', "T"))).expect("a local time")
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn params(as_of: &str) -> PurchaseParams {
    PurchaseParams { as_of: as_of.parse().expect("a date"), currency: None, net_of_refunds: false }
}

fn net(as_of: &str) -> PurchaseParams {
    PurchaseParams { net_of_refunds: true, ..params(as_of) }
}

fn read<'a>(orders: &'a [Order], refunds: &'a [Refund], params: &PurchaseParams) -> Purchases<'a> {
    let orders: Vec<&Order> = orders.iter().collect();
    let refunds: Vec<&Refund> = refunds.iter().collect();
    let policy = Policy::default();
    let purchases = purchases(&orders, &refunds, &policy, params);
    let each = each_refund(&orders, &refunds, policy.currency);
    let is_past =
        |it: &&&Refund| it.at.to_datetime().with_timezone(&chrono_tz::Asia::Seoul).date_naive() < params.as_of;
    let of_past = refunds.iter().filter(is_past).filter_map(|it| each.get(&*it.message_id));
    let counted = of_past.filter(|it| it.counts && it.currency == purchases.currency());
    // Refunds of one message ID are of a law that repeats messages.
    if each.len() == refunds.len() {
        assert_eq!(counted.map(|it| it.amount).sum::<Decimal>(), purchases.info().refund_amount);
    }
    purchases
}

/// Count, amount and average of the window of three months.
#[track_caller]
fn check_window(purchases: &Purchases<'_>, months: u32, expected: &str) {
    let it = purchases.window(Months::new(months).expect("a window"));
    let average = it.average.map_or("none".to_owned(), |it| it.to_string());
    assert_eq!(format!("{} {} {average}", it.count, it.amount), expected);
}

#[test]
fn windows_count_up_to_the_previous_day_in_the_policys_zone() {
    let orders = [
        // In UTC this is the day before.
        order("at the first minute", "2025-12-15 00:00", "100", &[]),
        order("one minute early", "2025-12-14 23:59", "10000", &[]),
        order("on the last day", "2026-03-14 23:59", "200.50", &[]),
        order("on the day itself", "2026-03-15 00:00", "50000", &[]),
    ];
    let purchases = read(&orders, &[], &params("2026-03-15"));
    check_window(&purchases, 3, "2 300.5 150.25");
    check_window(&purchases, 6, "3 10300.5 3433.5");
    check_window(&purchases, 1, "1 200.5 200.5");
    let info = purchases.info();
    assert_eq!(info.first_purchase_date, "2025-12-14".parse().ok());
    assert_eq!(info.last_purchase_date, "2026-03-14".parse().ok());
    check_window(&read(&[], &[], &params("2026-03-15")), 3, "0 0 none");
}

#[test]
fn averages_are_rounded_half_to_even_at_four_places() {
    for (amounts, expected) in [
        (["0.0001", "0"].as_slice(), "2 0.0001 0"),
        (&["0.0003", "0"], "2 0.0003 0.0002"),
        (&["0.0005", "0"], "2 0.0005 0.0002"),
        (&["10", "0", "0"], "3 10 3.3333"),
        (&["20", "0", "0"], "3 20 6.6667"),
        (&["1000", "2000"], "2 3000 1500"),
        (&["0.00", "0"], "2 0 0"),
    ] {
        let orders: Vec<Order> =
            (1..).zip(amounts).map(|(n, it)| order(&n.to_string(), "2026-03-01 12:00", it, &[])).collect();
        check_window(&read(&orders, &[], &params("2026-03-15")), 3, expected);
    }
}

#[test]
fn sums_stop_at_the_largest_decimal() {
    let orders = ["a", "b"].map(|it| Order { amount: Decimal::MAX, ..order(it, "2026-03-01 12:00", "0", &[]) });
    let purchases = read(&orders, &[], &params("2026-03-15"));
    assert_eq!(purchases.window(Months::STANDARD[0]).amount, Decimal::MAX);
}

#[test]
fn peaks_go_by_count_then_amount_then_the_earlier() {
    let check = |orders: &[Order], expected: (Option<Weekday>, Option<u8>)| {
        let info = read(orders, &[], &params("2026-03-15")).info();
        assert_eq!((info.peak_weekday, info.peak_hour), expected);
    };
    // 2026-03-02 is a Monday.
    let monday = |id| order(id, "2026-03-02 09:30", "100", &[]);
    let tuesday = |id| order(id, "2026-03-03 23:59", "100", &[]);
    check(&[], (None, None));
    check(&[tuesday("1"), monday("2"), tuesday("3")], (Some(Weekday::Tuesday), Some(23)));
    check(&[tuesday("1"), monday("2")], (Some(Weekday::Monday), Some(9)));
    check(&[Order { amount: decimal("100.01"), ..tuesday("1") }, monday("2")], (Some(Weekday::Tuesday), Some(23)));
    // All of the past counts, not only a year; the reporting date itself does not.
    let old = |id| order(id, "2020-03-01 05:00", "1", &[]);
    let today = |id| order(id, "2026-03-15 11:00", "1", &[]);
    check(&[old("1"), old("2"), monday("3"), today("4"), today("5"), today("6")], (Some(Weekday::Sunday), Some(5)));
}

#[test]
fn the_currency_is_the_one_asked_then_the_policys_then_the_most_used() {
    let in_currency = |id: &str, currency: &str| Order {
        currency: Currency::parse(currency).expect("a currency"),
        ..order(id, "2026-03-01 12:00", "5", &[])
    };
    let check = |orders: &[Order], asked: Option<&str>, expected: (&str, &[&str], u64)| {
        let params = PurchaseParams { currency: asked.and_then(Currency::parse), ..params("2026-03-15") };
        let info = read(orders, &[], &params).info();
        let currencies: Vec<&str> = info.currencies.iter().map(Currency::as_str).collect();
        assert_eq!((info.currency.as_str(), currencies.as_slice(), info.windows[0].count), expected);
    };
    let (usd, eur) = (in_currency("1", "USD"), in_currency("2", "EUR"));
    check(&[], None, ("KRW", &[], 0));
    check(std::slice::from_ref(&usd), None, ("USD", &["USD"], 1));
    check(&[usd.clone(), eur.clone()], None, ("EUR", &["EUR", "USD"], 1));
    check(&[usd.clone(), eur, in_currency("3", "USD")], None, ("USD", &["EUR", "USD"], 2));
    check(&[usd.clone(), in_currency("3", "USD"), in_currency("4", "KRW")], None, ("KRW", &["KRW", "USD"], 1));
    check(&[usd.clone(), in_currency("4", "KRW")], Some("USD"), ("USD", &["KRW", "USD"], 1));
    check(&[usd], Some("JPY"), ("JPY", &["USD"], 0));
}

#[test]
fn refunds_are_shown_separately_unless_asked_for_net() {
    let orders = [order("1", "2026-03-01 12:00", "1000", &[]), order("2", "2026-03-02 12:00", "500", &[])];
    let refunds = [
        refund(Some("1"), "2026-03-03 12:00", "400", &[]),
        refund(None, "2026-03-04 12:00", "50.0", &[]),
        // Not known yet as of the date.
        refund(Some("2"), "2026-03-15 00:00", "500", &[]),
    ];
    for params in [params("2026-03-15"), net("2026-03-15")] {
        let info = read(&orders, &refunds, &params).info();
        assert_eq!((info.refund_count, info.refund_amount.to_string()), (2, "450".to_owned()));
    }
    check_window(&read(&orders, &refunds, &params("2026-03-15")), 3, "2 1500 750");
    check_window(&read(&orders, &refunds, &net("2026-03-15")), 3, "2 1050 525");
    check_window(&read(&orders, &refunds, &net("2026-03-16")), 3, "1 550 550");
}

#[test]
fn a_refund_belongs_to_its_orders_day_if_there_is_one() {
    let orders = [order("old", "2025-06-01 12:00", "1000", &[]), order("new", "2026-03-01 12:00", "300", &[])];
    let of_old = [refund(Some("old"), "2026-03-02 12:00", "400", &[])];
    let purchases = read(&orders, &of_old, &net("2026-03-15"));
    check_window(&purchases, 3, "1 300 300");
    check_window(&purchases, 12, "2 900 450");
    let of_none = [refund(Some("unheard of"), "2026-03-02 12:00", "400", &[])];
    let purchases = read(&orders, &of_none, &net("2026-03-15"));
    check_window(&purchases, 3, "1 -100 -100");
    check_window(&purchases, 12, "2 900 450");
    // A refund in another currency is not of this order and not of these figures.
    let foreign = [Refund { currency: Currency::parse("USD"), ..of_old[0].clone() }];
    check_window(&read(&orders, &foreign, &net("2026-03-15")), 12, "2 1300 650");
}

#[test]
fn a_refund_without_an_amount_gives_back_what_the_order_says() {
    let orders = [
        order("1", "2026-02-02 12:00", "48000", &[line("a", 3, "10000"), line("b", 2, "35000")]),
        order("2", "2026-02-03 12:00", "1000", &[]),
    ];
    // Count and amount of a year, and what was given back, after each of these.
    let table: [(&[Refund], &str, &str); 9] = [
        // By the order's ID alone: all of it, or all that is left.
        (&[refund(Some("1"), "2026-02-04 12:00", "", &[])], "1 1000 1000", "1 48000"),
        (
            &[refund(Some("1"), "2026-02-04 12:00", "8000", &[]), refund(Some("1"), "2026-02-05 12:00", "", &[])],
            "1 1000 1000",
            "2 48000",
        ),
        // Twice all of it is once all of it.
        (
            &[refund(Some("1"), "2026-02-04 12:00", "", &[]), refund(Some("1"), "2026-02-05 12:00", "", &[])],
            "1 1000 1000",
            "2 48000",
        ),
        // Quantities without prices, to a ten-thousandth; the last unit costs what is left of the line.
        (&[refund(Some("1"), "2026-02-04 12:00", "", &[unpriced("a", 1)])], "2 45666.6667 22833.3334", "1 3333.3333"),
        (
            &[
                refund(Some("1"), "2026-02-04 12:00", "", &[unpriced("a", 1)]),
                refund(Some("1"), "2026-02-05 12:00", "", &[unpriced("a", 5)]),
            ],
            "2 39000 19500",
            "2 10000",
        ),
        (
            &[refund(Some("1"), "2026-02-04 12:00", "", &[unpriced("a", 3), line("b", 1, "5")])],
            "2 38995 19497.5",
            "1 10005",
        ),
        // What the order does not have gives nothing back, and an order that is not there neither.
        (&[refund(Some("1"), "2026-02-04 12:00", "", &[unpriced("z", 1)])], "2 49000 24500", "1 0"),
        (&[refund(Some("3"), "2026-02-04 12:00", "", &[])], "2 49000 24500", "1 0"),
        (&[refund(Some("2"), "2026-02-04 12:00", "1500", &[])], "1 48000 48000", "1 1500"),
    ];
    for (refunds, window, given_back) in table {
        let purchases = read(&orders, refunds, &net("2026-03-15"));
        check_window(&purchases, 12, window);
        let info = purchases.info();
        assert_eq!(format!("{} {}", info.refund_count, info.refund_amount), given_back, "{refunds:?}");
        let gross = read(&orders, refunds, &params("2026-03-15"));
        check_window(&gross, 12, "2 49000 24500");
        assert_eq!((gross.info().refund_count, gross.info().refund_amount), (info.refund_count, info.refund_amount));
    }
    let all = refund(Some("1"), "2026-02-04 12:00", "", &[unpriced("a", 2), unpriced("b", 2)]);
    let top = read(&orders, &[all], &net("2026-03-15")).top(RankTarget::Products, Months::YEAR, 3, RankBy::Units);
    let top: Vec<String> = top.iter().map(|it| format!("{} {} {}", it.key, it.units, it.amount)).collect();
    assert_eq!(top, ["a 1 3333.3333"]);
}

#[test]
fn the_last_day_that_counts_has_figures_of_its_own() {
    let orders = [
        order("1", "2026-03-13 23:59", "5", &[]),
        order("2", "2026-03-14 00:00", "7", &[]),
        order("3", "2026-03-14 23:59", "8.50", &[]),
        order("4", "2026-03-15 00:00", "9", &[]),
        Order { currency: Currency::parse("USD").expect("a currency"), ..order("5", "2026-03-14 12:00", "9", &[]) },
    ];
    let of = |as_of: &str| {
        let day = read(&orders, &[], &params(as_of)).of_last_day();
        format!("{} {}", day.count, day.amount)
    };
    assert_eq!(
        ["2026-03-13", "2026-03-14", "2026-03-15", "2026-03-16", "2026-03-17"].map(of),
        ["0 0", "1 5", "2 15.5", "1 9", "0 0"]
    );
}

#[test]
fn of_refunds_with_one_id_the_first_counts() {
    let orders = [order("1", "2026-02-02 12:00", "100", &[]), order("2", "2026-02-02 12:00", "100", &[])];
    let of = |order_id, local, amount| Refund { refund_id: Some("r".into()), ..refund(order_id, local, amount, &[]) };
    let refunds = [
        of(Some("1"), "2026-02-05 12:00", "30"),
        of(Some("1"), "2026-02-04 12:00", "20"),
        // The same ID of another order, or of none, is another refund.
        of(Some("2"), "2026-02-06 12:00", "7"),
        of(None, "2026-02-06 13:00", "1"),
    ];
    let purchases = read(&orders, &refunds, &net("2026-03-15"));
    check_window(&purchases, 12, "2 172 86");
    assert_eq!((purchases.info().refund_count, purchases.info().refund_amount), (3, decimal("28")));
}

#[test]
fn a_refund_that_names_no_currency_is_of_its_orders() {
    let usd = Currency::parse("USD");
    let orders = [
        Order { currency: usd.expect("a currency"), ..order("1", "2026-02-02 12:00", "100", &[]) },
        order("2", "2026-02-02 12:00", "100", &[]),
    ];
    let refunds = [("1", "30"), ("2", "20"), ("3", "5")]
        .map(|(id, amount)| Refund { currency: None, ..refund(Some(id), "2026-02-04 12:00", amount, &[]) });
    let in_usd = read(&orders, &refunds, &PurchaseParams { currency: usd, ..net("2026-03-15") });
    check_window(&in_usd, 12, "1 70 70");
    check_window(&read(&orders, &refunds, &net("2026-03-15")), 12, "1 75 75");
}

#[test]
fn an_order_by_date_has_a_weekday_and_no_hour() {
    let by_date = |id| Order { by_date: true, ..order(id, "2026-03-02 00:00", "100", &[]) };
    let at_nine = order("3", "2026-03-03 09:30", "1", &[]);
    let info = |orders: &[Order]| read(orders, &[], &params("2026-03-15")).info();
    let mixed = info(&[by_date("1"), by_date("2"), at_nine]);
    assert_eq!((mixed.peak_weekday, mixed.peak_hour), (Some(Weekday::Monday), Some(9)));
    let dated = info(&[by_date("1")]);
    assert_eq!((dated.peak_weekday, dated.peak_hour), (Some(Weekday::Monday), None));
}

#[test]
fn an_order_given_back_in_full_is_no_purchase() {
    let orders = [
        order("1", "2026-02-02 12:00", "100", &[line("a", 1, "100")]),
        order("free", "2026-02-03 12:00", "0", &[line("gift", 1, "0")]),
    ];
    let refunds = [refund(Some("1"), "2026-03-01 12:00", "60", &[]), refund(Some("1"), "2026-03-02 12:00", "40", &[])];
    let purchases = read(&orders, &refunds, &net("2026-03-15"));
    let info = purchases.info();
    assert_eq!(info.first_purchase_date, "2026-02-03".parse().ok());
    check_window(&purchases, 3, "1 0 0");
    assert_eq!(ranked(&purchases), ["gift x1 0"]);
}

fn ranked(purchases: &Purchases<'_>) -> Vec<String> {
    let items = purchases.top(RankTarget::Products, Months::STANDARD[0], 10, RankBy::Units);
    items.iter().map(|it| format!("{} x{} {}", it.key, it.units, it.amount)).collect()
}

#[test]
fn refunded_lines_are_subtracted_item_by_item() {
    let lines = [line("a", 2, "200"), line("b", 3, "300"), line("a", 3, "270")];
    let orders = [order("1", "2026-02-02 12:00", "770", &lines)];
    let check = |refunds: &[Refund], expected: &[&str]| {
        assert_eq!(ranked(&read(&orders, refunds, &net("2026-03-15"))), expected);
    };
    let back = |amount, lines: &[Line]| refund(Some("1"), "2026-03-01 12:00", amount, lines);
    check(&[], &["a x5 470", "b x3 300"]);
    check(&[back("100", &[line("a", 1, "100")])], &["a x4 370", "b x3 300"]);
    // More than the first line holds.
    check(&[back("290", &[line("a", 3, "290")])], &["b x3 300", "a x2 180"]);
    // More than was bought.
    check(&[back("400", &[line("b", 9, "900")])], &["a x5 470"]);
    // Written as negative amounts.
    check(&[back("100", &[line("a", 1, "-100")])], &["a x4 370", "b x3 300"]);
    // Without lines only the order's amount falls.
    check(&[back("100", &[])], &["a x5 470", "b x3 300"]);
    check(&[back("100", &[line("a", 1, "100")]), back("100", &[line("b", 3, "300")])], &["a x4 370"]);
}

proptest! {
    #[test]
    fn sequence_changes_nothing_and_nothing_panics(
        (orders, shuffled) in vec(("[a-d]", 0..400_i64, any::<[u32; 3]>(), "[ab]", "(KRW|USD)"), 0..12).prop_flat_map(|rows| {
            let orders: Vec<Order> = rows.into_iter().enumerate().map(|(n, (id, day, parts, item, currency))| Order {
                key: if id == "d" { OrderKey::Message(Arc::from(n.to_string())) } else { OrderKey::Order(Arc::from(format!("{id}{n}"))) },
                message_id: Arc::from(n.to_string()),
                by_date: n % 3 == 0,
                at: Timestamp::from_micros(seoul("2025-01-01 00:00").micros() + day * 86_400_000_000),
                currency: Currency::parse(&currency).expect("a currency"),
                amount: Decimal::from_parts(parts[0], parts[1], parts[2], false, 28),
                lines: vec![line(&item, u32::try_from(n).expect("few"), "1.5")],
            }).collect();
            (Just(orders.clone()), Just(orders).prop_shuffle())
        }),
        as_of in 0..500_u64,
        net_of_refunds in any::<bool>(),
    ) {
        let as_of = "2025-01-01".parse::<NaiveDate>().expect("a date") + chrono::Days::new(as_of);
        let params = PurchaseParams { as_of, currency: None, net_of_refunds };
        let refunds: Vec<Refund> = orders
            .iter()
            .step_by(2)
            .map(|order| Refund {
                message_id: order.message_id.clone(),
                at: order.at,
                order_id: order_id(order).map(Arc::from),
                refund_id: None,
                currency: Some(order.currency),
                amount: Some(Decimal::ONE),
                lines: order.lines.clone(),
            })
            .collect();
        let backwards: Vec<Refund> = refunds.iter().rev().cloned().collect();
        let (a, b) = (read(&orders, &refunds, &params), read(&shuffled, &backwards, &params));
        prop_assert_eq!(a.info(), b.info());
        for target in [RankTarget::Products, RankTarget::Categories] {
            let tops = |it: &Purchases<'_>| it.tops(target, &Months::STANDARD, 3, RankBy::Amount);
            prop_assert_eq!(tops(&a), tops(&b));
        }
    }

    #[test]
    fn windows_and_peaks_are_what_they_are_defined_to_be(
        rows in vec((0..1_000_i64, -2..1_000_i64, 0..2_u32), 0..30),
        as_of in 300..1_100_u64,
        months in 1..=24_u32,
        cut in 0..30_usize,
    ) {
        let start = seoul("2024-01-01 00:00").micros();
        // Times of day that lie around midnight and at it, amounts with and without a fraction, zero among them.
        let orders: Vec<Order> = rows
            .iter()
            .enumerate()
            .map(|(n, (day, minutes, scale))| Order {
                key: OrderKey::Order(Arc::from(n.to_string())),
                message_id: Arc::from(n.to_string()),
                at: Timestamp::from_micros(start + day * 86_400_000_000 + minutes * 60_000_000),
                by_date: false,
                currency: Currency::KRW,
                amount: Decimal::new((minutes / 10).max(0), *scale),
                lines: Vec::new(),
            })
            .collect();
        let as_of = "2024-01-01".parse::<NaiveDate>().expect("a date") + chrono::Days::new(as_of);
        let last = as_of.pred_opt().expect("a day before");
        let first = last.checked_sub_months(chrono::Months::new(months)).expect("in range").succ_opt().expect("a day after");
        let local = |it: &Order| it.at.to_datetime().with_timezone(&chrono_tz::Asia::Seoul);
        let params = PurchaseParams { as_of, currency: None, net_of_refunds: false };

        let window_of = |orders: &[Order]| read(orders, &[], &params).window(Months::new(months).expect("1 to 24"));
        let within: Vec<&Order> = orders.iter().filter(|it| (first..=last).contains(&local(it).date_naive())).collect();
        let sum = within.iter().map(|it| it.amount).sum::<Decimal>();
        let window = window_of(&orders);
        prop_assert_eq!((window.from, window.to, window.count), (first, last, within.len() as u64));
        prop_assert_eq!(window.amount, sum);
        let average = (!within.is_empty()).then(|| sum / Decimal::from(within.len()));
        prop_assert_eq!(window.average, average.map(|it| it.round_dp(4)));
        // What is bought under several identifiers adds up.
        let (ours, theirs) = orders.split_at(cut.min(orders.len()));
        let parts = [window_of(ours), window_of(theirs)];
        prop_assert_eq!(parts.iter().map(|it| it.count).sum::<u64>(), window.count);
        prop_assert_eq!(parts.iter().map(|it| it.amount).sum::<Decimal>(), window.amount);

        let past: Vec<&Order> = orders.iter().filter(|it| local(it).date_naive() <= last).collect();
        let info = read(&orders, &[], &params).info();
        prop_assert_eq!(info.first_purchase_date, past.iter().map(|it| local(it).date_naive()).min());
        prop_assert_eq!(info.last_purchase_date, past.iter().map(|it| local(it).date_naive()).max());
        let peak = |of: &dyn Fn(&Order) -> u32| {
            let rows = |key: u32| past.iter().filter(move |it| of(it) == key);
            let score = |key: &u32| (rows(*key).count(), rows(*key).map(|it| it.amount).sum::<Decimal>(), std::cmp::Reverse(*key));
            (0..24).filter(|it| rows(*it).next().is_some()).max_by_key(score)
        };
        let weekday = |it: &Order| chrono::Datelike::weekday(&local(it)).num_days_from_monday();
        prop_assert_eq!(info.peak_hour.map(u32::from), peak(&|it: &Order| chrono::Timelike::hour(&local(it))));
        let of_week = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday, Weekday::Saturday, Weekday::Sunday];
        prop_assert_eq!(info.peak_weekday, peak(&weekday).map(|it| of_week[it as usize]));
    }
}
