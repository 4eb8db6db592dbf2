//! A customer's purchases, summed up by month: figures as of any date are folded from the months, and so need no look at every
//! line.
//!
//! A refund changes its order from its own day on, so orders that refunds name are not summed up: they are read line by line for
//! each question. So are all orders where a sum of amounts may be rounded, because sums of parts are then not the sum of all.

mod fold;
mod packed;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;

pub use self::fold::FoldedPurchases;
use self::packed::{MonthSums, Tally, Texts};
use super::{
    figures::{NO_HOUR, n_orders_by_currency},
    ranking::{Fnv, product_key},
    refunds::order_id,
};
use crate::{
    calendar::first_of_month,
    message::order::{Line, Order, OrderKey, Refund},
    money::Currency,
    policy::document::Policy,
    time::Timestamp,
    time_zone::{LocalTime, local_time},
};

/// All purchases of a customer under a policy, from which [`PurchaseSummaries::as_of`] folds the figures of a date.
#[derive(Debug)]
pub struct PurchaseSummaries {
    /// Every currency that the customer ever paid in, in alphabetical order, and for how many orders.
    n_orders: Vec<(Currency, u64)>,
    /// Of the orders that are summed up.
    by_currency: Vec<CurrencySummaries>,
    texts: Texts,
    /// The time of each order. Its position is its rank: orders are ranked by time and then key.
    times: Box<[Timestamp]>,
    /// The orders that are not summed up, ranked.
    others: Vec<OtherOrder>,
    refunds: Vec<Refund>,
}

/// An order that is not summed up.
#[derive(Debug)]
struct OtherOrder {
    order: Order,
    rank: u32,
    lines: Box<[LineTexts]>,
}

/// The numbers of a line's texts.
#[derive(Debug, Clone, Copy)]
struct LineTexts {
    category: Option<u32>,
    product: Option<u32>,
    name: Option<u32>,
}

/// The orders of a currency, summed up.
#[derive(Debug)]
struct CurrencySummaries {
    currency: Currency,
    /// Decimal places of all sums.
    scale: u32,
    /// By day, then rank.
    purchases: Box<[SummedPurchase]>,
    /// What the purchases before each, and before the end, came to.
    amounts: Box<[i128]>,
    months: Box<[Month]>,
    sums: Box<[u8]>,
}

#[derive(Debug, Clone, Copy)]
struct SummedPurchase {
    day: i32,
    weekday: u8,
    hour: u8,
}

/// A calendar month with purchases.
#[derive(Debug, Clone, Copy)]
struct Month {
    first_day: i32,
    /// The position of its first purchase.
    from: usize,
    /// Where its [`MonthSums`] begin.
    sums: packed::Places,
}

impl PurchaseSummaries {
    /// Sums up the purchases of a customer; [`super::figures::purchases`] says what is expected of the lists.
    pub fn new(orders: &[&Order], refunds: &[&Refund], policy: &Policy) -> Self {
        Self::summed_up(orders, refunds, policy).unwrap_or_else(|| {
            let other = |order: &&Order| OtherOrder { order: Order::clone(order), rank: 0, lines: Box::default() };
            Self {
                n_orders: n_orders_by_currency(orders),
                by_currency: Vec::new(),
                texts: Texts::default(),
                times: Box::default(),
                others: orders.iter().map(other).collect(),
                refunds: refunds.iter().copied().cloned().collect(),
            }
        })
    }

    /// `None` where sums may be rounded.
    fn summed_up(orders: &[&Order], refunds: &[&Refund], policy: &Policy) -> Option<Self> {
        let scale = exact_scale(orders, refunds)?;
        let refunded: BTreeSet<&str> = refunds.iter().filter_map(|it| it.order_id.as_deref()).collect();
        let mut ranked = orders.to_vec();
        ranked.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        let mut numbers = Numbers::default();
        let mut others = Vec::new();
        let mut by_currency: BTreeMap<Currency, Vec<Ranked<'_>>> = BTreeMap::new();
        for (rank, order) in (0..).zip(ranked.iter().copied()) {
            if order_id(order).is_some_and(|id| refunded.contains(id)) {
                let lines = order.lines.iter().map(|line| numbers.of(line)).collect::<Option<_>>()?;
                others.push(OtherOrder { order: order.clone(), rank, lines });
            } else {
                let local = local_time(order.at, &policy.time_zone);
                by_currency.entry(order.currency).or_default().push(Ranked { rank, order, local });
            }
        }
        let mut summaries = Vec::with_capacity(by_currency.len());
        for (currency, purchases) in by_currency {
            summaries.push(CurrencySummaries::new(currency, scale, purchases, &mut numbers)?);
        }
        Some(Self {
            n_orders: n_orders_by_currency(orders),
            by_currency: summaries,
            texts: Texts::new(&numbers.texts)?,
            times: ranked.iter().map(|it| it.at).collect(),
            others,
            refunds: refunds.iter().copied().cloned().collect(),
        })
    }

    /// About how much memory it needs.
    pub fn n_bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.n_orders)
            + size_of_val(&*self.times)
            + self.texts.n_bytes()
            + self.by_currency.iter().map(CurrencySummaries::n_bytes).sum::<usize>()
            + self.others.iter().map(OtherOrder::n_bytes).sum::<usize>()
            + self.refunds.iter().map(n_bytes_of_refund).sum::<usize>()
    }
}

impl OtherOrder {
    fn n_bytes(&self) -> usize {
        let (OrderKey::Order(key) | OrderKey::Message(key)) = &self.order.key;
        let texts = n_bytes_of_text(key) + n_bytes_of_text(&self.order.message_id);
        size_of::<Self>() + texts + n_bytes_of_lines(&self.order.lines) + size_of_val(&*self.lines)
    }
}

fn n_bytes_of_refund(refund: &Refund) -> usize {
    let ids = [Some(&refund.message_id), refund.order_id.as_ref(), refund.refund_id.as_ref()];
    let texts: usize = ids.into_iter().flatten().map(|id| n_bytes_of_text(id)).sum();
    size_of::<Refund>() + texts + n_bytes_of_lines(&refund.lines)
}

fn n_bytes_of_lines(lines: &[Line]) -> usize {
    let texts = |line: &Line| {
        let texts = [&line.item_id, &line.name, &line.category];
        texts.into_iter().flatten().map(|text| n_bytes_of_text(text)).sum::<usize>()
    };
    size_of_val(lines) + lines.iter().map(texts).sum::<usize>()
}

/// A shared text and its counters.
fn n_bytes_of_text(text: &str) -> usize {
    text.len() + 2 * size_of::<usize>()
}

/// An order, its rank, and when it was made by the clocks of the policy.
struct Ranked<'a> {
    rank: u32,
    order: &'a Order,
    local: LocalTime,
}

impl CurrencySummaries {
    fn n_bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.purchases)
            + size_of_val(&*self.amounts)
            + size_of_val(&*self.months)
            + self.sums.len()
    }

    fn new<'a>(
        currency: Currency,
        scale: u32,
        mut purchases: Vec<Ranked<'a>>,
        numbers: &mut Numbers<'a>,
    ) -> Option<Self> {
        purchases.sort_by_key(|it| (it.local.day, it.rank));
        let mut summed = Vec::with_capacity(purchases.len());
        let mut amounts = vec![0];
        let mut months = Vec::new();
        let mut sums = Vec::new();
        let mut amount_before = 0;
        for of_month in purchases.chunk_by(|a, b| first_of_month(a.local.day) == first_of_month(b.local.day)) {
            let Some(first) = of_month.first() else { continue };
            let mut month = MonthSums::default();
            let from = summed.len();
            for Ranked { rank, order, local } in of_month {
                let hour = if order.by_date { NO_HOUR } else { local.hour };
                let purchase = SummedPurchase { day: local.day, weekday: local.weekday, hour };
                let amount = scaled(order.amount, scale)?;
                amount_before += amount;
                summed.push(purchase);
                amounts.push(amount_before);
                month.count(purchase, amount);
                let (mut categories, mut products) = (BTreeMap::new(), BTreeMap::new());
                for line in &order.lines {
                    let LineTexts { category, product, name } = numbers.of(line)?;
                    let (units, amount) = (u64::from(line.quantity), scaled(line.amount, scale)?);
                    let empty = Tally::of_order(*rank);
                    if let Some(key) = category {
                        categories.entry(key).or_insert(empty).add_line(units, amount, None);
                    }
                    if let Some(key) = product {
                        products.entry(key).or_insert(empty).add_line(units, amount, name);
                    }
                }
                for (sums, of_order) in [(&mut month.categories, categories), (&mut month.products, products)] {
                    for (key, tally) in of_order {
                        sums.entry(key).or_insert_with(Tally::default).add(tally);
                    }
                }
            }
            months.push(Month { first_day: first_of_month(first.local.day), from, sums: month.pack(&mut sums) });
        }
        Some(Self {
            currency,
            scale,
            purchases: summed.into(),
            amounts: amounts.into(),
            months: months.into(),
            sums: sums.into(),
        })
    }
}

/// Numbers of texts, in order of appearance.
#[derive(Default)]
struct Numbers<'a> {
    numbers: HashMap<&'a str, u32, std::hash::BuildHasherDefault<Fnv>>,
    texts: Vec<&'a str>,
}

impl<'a> Numbers<'a> {
    /// `None` where there are too many texts.
    fn of(&mut self, line: &'a Line) -> Option<LineTexts> {
        Some(LineTexts {
            category: self.of_text(line.category.as_deref())?,
            product: self.of_text(product_key(line).map(AsRef::as_ref))?,
            name: self.of_text(line.name.as_deref())?,
        })
    }

    fn of_text(&mut self, text: Option<&'a str>) -> Option<Option<u32>> {
        let Some(text) = text else { return Some(None) };
        let next = u32::try_from(self.texts.len()).ok()?;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        Some(Some(number))
    }
}

/// The decimal places with which every sum of amounts, or of parts of them, is exact. `None` if there are none.
fn exact_scale(orders: &[&Order], refunds: &[&Refund]) -> Option<u32> {
    /// What refunds leave of an amount is rounded to this.
    const SCALE_OF_PARTS: u32 = 4;
    /// What [`Decimal`] holds, and a factor of two for what is added and then subtracted.
    const LARGEST: i128 = 1 << 94;
    let of_lines = |lines: &'_ [Line]| lines.iter().map(|line| line.amount).collect::<Vec<_>>();
    let of_orders = orders.iter().flat_map(|it| of_lines(&it.lines).into_iter().chain([it.amount]));
    let of_refunds = refunds.iter().flat_map(|it| of_lines(&it.lines).into_iter().chain(it.amount));
    let amounts: Vec<Decimal> = of_orders.chain(of_refunds).collect();
    let scale = amounts.iter().map(Decimal::scale).max().unwrap_or_default().max(SCALE_OF_PARTS);
    let mut sum = 0_i128;
    for amount in amounts {
        sum = sum.checked_add(scaled(amount, scale)?.abs()).filter(|it| *it < LARGEST)?;
    }
    Some(scale)
}

/// An amount in units of its last decimal place.
fn scaled(amount: Decimal, scale: u32) -> Option<i128> {
    let more = scale.checked_sub(amount.scale())?;
    amount.mantissa().checked_mul(10_i128.checked_pow(more)?)
}
