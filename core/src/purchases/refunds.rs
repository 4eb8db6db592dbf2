//! What refunds take off the orders that they name.

use profile360_compact_json::sort::{distinct, sort_by};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{counted::Left, ranking};
use crate::{
    message::order::{Line, Order, OrderKey, Refund},
    money::{Currency, minus, plus},
    time_zone::{Clocks, local_time},
};

pub(super) fn order_id(order: &Order) -> Option<&str> {
    match &order.key {
        OrderKey::Order(id) => Some(id),
        OrderKey::Message(_) => None,
    }
}

/// What was given back in a currency, up to a day.
pub(super) struct GivenBack<'a> {
    /// What is left of the orders that refunds name, by ID, ascending.
    pub(super) orders: Vec<(&'a str, Option<Rest<'a>>)>,
    /// The days and amounts of refunds that belong to no order.
    pub(super) alone: Vec<(i32, Decimal)>,
    pub(super) count: u64,
    pub(super) amount: Decimal,
}

/// What is left of an order after refunds.
pub(super) struct Rest<'a> {
    pub(super) order: &'a Order,
    /// Below zero where more was given back than paid.
    pub(super) amount: Decimal,
    pub(super) lines: Box<[Left]>,
    pub(super) is_touched: bool,
}

impl<'a> GivenBack<'a> {
    /// What is left of an order, where something of it was given back.
    pub(super) fn take(&mut self, order: &Order) -> Option<Rest<'a>> {
        if self.orders.is_empty() {
            return None;
        }
        let position = position(&self.orders, order_id(order))?;
        self.orders.get_mut(position)?.1.take().filter(|it| it.is_touched)
    }
}

/// Subtracts refunds from the orders that they name, the earliest first.
pub(super) fn given_back<'a>(
    clocks: &impl Clocks,
    orders: &[&'a Order],
    refunds: &[&'a Refund],
    policy_currency: Currency,
    currency: Currency,
    until: i32,
) -> GivenBack<'a> {
    let mut back = GivenBack { orders: Vec::new(), alone: Vec::new(), count: 0, amount: Decimal::ZERO };
    if refunds.is_empty() {
        return back;
    }
    let GivenBack { orders: rests, alone, count, amount: sum } = &mut back;
    walk(orders, refunds, rests, |refund, rest| {
        let of_order = rest.as_ref().map(|it| it.order.currency);
        let day = local_time(refund.at, clocks).day;
        if refund.currency.or(of_order).unwrap_or(policy_currency) != currency || until < day {
            return;
        }
        let amount = match rest {
            Some(rest) => rest.give_back(refund),
            None => {
                let amount = refund.said_amount();
                alone.push((day, amount));
                amount
            }
        };
        *count += 1;
        *sum = plus(*sum, amount);
    });
    back
}

/// Visits the refunds that count, the earliest first, each with what is left of the order that it names, if the order has its
/// currency. `rests` receives the orders that refunds name, by ID, ascending.
fn walk<'a>(
    orders: &[&'a Order],
    refunds: &[&'a Refund],
    rests: &mut Vec<(&'a str, Option<Rest<'a>>)>,
    mut visit: impl FnMut(&'a Refund, Option<&mut Rest<'a>>),
) {
    let mut refunds = refunds.to_vec();
    sort_by(&mut refunds, |a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
    let named = distinct(refunds.iter().filter_map(|it| it.order_id.as_deref()));
    *rests = named.into_iter().map(|it| (it, None)).collect();
    for order in orders {
        if let Some(position) = position(rests, order_id(order))
            && let Some((_, rest)) = rests.get_mut(position)
        {
            *rest = Some(Rest::of(order));
        }
    }
    let mut seen: Vec<(Option<&str>, &str)> = Vec::new();
    for refund in refunds {
        if let Some(refund_id) = refund.refund_id.as_deref() {
            let id = (refund.order_id.as_deref(), refund_id);
            match seen.binary_search(&id) {
                Ok(_) => continue,
                Err(place) => seen.insert(place, id),
            }
        }
        let position = position(rests, refund.order_id.as_deref());
        let rest = position.and_then(|it| rests.get_mut(it)).and_then(|(_, rest)| rest.as_mut());
        visit(refund, rest.filter(|rest| refund.currency.is_none_or(|it| it == rest.order.currency)));
    }
}

fn position(rests: &[(&str, Option<Rest<'_>>)], order_id: Option<&str>) -> Option<usize> {
    rests.binary_search_by(|(it, _)| Some(*it).cmp(&order_id)).ok()
}

/// What one refund gives back.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refunded {
    pub amount: Decimal,
    pub currency: Currency,
    /// Whether it counts: of several refunds of one order with one refund ID the first does.
    pub counts: bool,
}

/// What each refund gives back, by the ID of its message; the sum of those that count is the amount that a profile shows.
/// Each order is in `orders` once.
#[cfg(not(target_arch = "wasm32"))]
pub fn each_refund<'a>(
    orders: &[&'a Order],
    refunds: &[&'a Refund],
    policy_currency: Currency,
) -> std::collections::BTreeMap<&'a str, Refunded> {
    let repeated = |refund: &&'a Refund| {
        let currency = refund.currency.unwrap_or(policy_currency);
        (&*refund.message_id, Refunded { amount: refund.said_amount(), currency, counts: false })
    };
    let mut all: std::collections::BTreeMap<&str, Refunded> = refunds.iter().map(repeated).collect();
    walk(orders, refunds, &mut Vec::new(), |refund, rest| {
        let of_order = rest.as_ref().map(|it| it.order.currency);
        let currency = refund.currency.or(of_order).unwrap_or(policy_currency);
        let amount = rest.map_or_else(|| refund.said_amount(), |rest| rest.give_back(refund));
        all.insert(&refund.message_id, Refunded { amount, currency, counts: true });
    });
    all
}

impl<'a> Rest<'a> {
    pub(super) fn of(order: &'a Order) -> Self {
        let whole = |line: &Line| Left::Something { units: u64::from(line.quantity), amount: line.amount };
        Self { order, amount: order.amount, lines: order.lines.iter().map(whole).collect(), is_touched: false }
    }

    /// Subtracts a refund. Returns what it gives back.
    pub(super) fn give_back(&mut self, refund: &Refund) -> Decimal {
        self.is_touched = true;
        let of_lines = refund.lines.iter().fold(Decimal::ZERO, |sum, it| plus(sum, self.give_line_back(it)));
        let amount = match refund.amount {
            Some(said) => said,
            None if refund.lines.is_empty() => self.amount.max(Decimal::ZERO),
            None => of_lines,
        };
        self.amount = minus(self.amount, amount);
        amount
    }

    /// Subtracts an item from the lines that have it. Returns what it gives back.
    pub(super) fn give_line_back(&mut self, returned: &Line) -> Decimal {
        let mut given = if returned.unpriced { Decimal::ZERO } else { returned.amount.abs() };
        let Some(key) = ranking::product_key(returned) else { return given };
        let mut units_back = u64::from(returned.quantity);
        let mut amount_back = given;
        // An order may hold an item in several lines: the first gives as much as it has, then the next.
        for (line, left) in self.order.lines.iter().zip(&mut self.lines) {
            let Left::Something { units, amount } = *left else { continue };
            if ranking::product_key(line) != Some(key) {
                continue;
            }
            let units_subtracted = units.min(units_back);
            let there = amount.max(Decimal::ZERO);
            let amount_subtracted =
                if returned.unpriced { share(there, units_subtracted, units) } else { there.min(amount_back) };
            units_back -= units_subtracted;
            if returned.unpriced {
                given = plus(given, amount_subtracted);
            } else {
                amount_back = minus(amount_back, amount_subtracted);
            }
            let (units, amount) = (units - units_subtracted, minus(amount, amount_subtracted));
            let is_all_back = units == 0 && amount <= Decimal::ZERO;
            *left = if is_all_back { Left::Nothing } else { Left::Something { units, amount } };
        }
        given
    }
}

/// What some of a line's units cost. The last of them cost what is left, so that all parts together are the whole.
fn share(amount: Decimal, units: u64, of: u64) -> Decimal {
    if units == of {
        return amount;
    }
    let part = amount.checked_mul(Decimal::from(units)).and_then(|it| it.checked_div(Decimal::from(of)));
    part.map_or(amount, |it| it.round_dp_with_strategy(4, RoundingStrategy::MidpointNearestEven)).min(amount)
}
