//! What a customer buys most, in a total order (docs/design.md, section 8).

use std::{
    cmp::Ordering,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use chrono::NaiveDate;
use profile360_compact_json::sort::sort_by;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::counted::Purchase;
use crate::{
    api_serde,
    calendar::{Months, Period, day_number},
    message::order::Line,
    money::plus,
    time::Timestamp,
};

/// What is ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RankTarget {
    /// By `df_category1`; lines without one stay out.
    Categories,
    /// By `df_item_id`, else by name; lines without either stay out. An ID and a name of the same text are one product.
    Products,
}

/// The measure. All that is equal in it goes by the next, so that no two items share a rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RankBy {
    /// Units, then amount, then the most recent purchase, then name, then key.
    #[default]
    Units,
    /// Orders, then amount, then the most recent purchase, then name, then key.
    Orders,
    /// Amount, then units, then the most recent purchase, then name, then key.
    Amount,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RankedItem {
    /// From 1 on.
    pub rank: u32,
    /// The category, or the product's ID, else its name.
    pub key: Arc<str>,
    /// The newest name in the period (by order time, then order key, then line); the key where none was given.
    pub name: Arc<str>,
    #[serde(serialize_with = "api_serde::count")]
    pub units: u64,
    /// Orders that hold it, each counted once.
    #[serde(serialize_with = "api_serde::count")]
    pub orders: u64,
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub amount: Decimal,
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_purchased_at: Timestamp,
}

/// What decides between two neighbors of a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TieBreak {
    /// No tie: the measure itself.
    Measure,
    /// Equal in the measure; the larger amount comes first.
    Amount,
    /// Equal in amount, which is the measure; more units come first.
    Units,
    /// The more recent purchase comes first.
    Recency,
    /// The name that comes first by code point.
    Name,
    /// The key that comes first by code point.
    Key,
}

/// An item, what places it before the next one, and where it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRank {
    #[serde(flatten)]
    pub item: RankedItem,
    /// Whether or not the next one is shown. `None` where no item comes next.
    pub before_next: Option<TieBreak>,
    /// Its rank in the same number of months before. `None` where it was not in that ranking.
    pub previous_rank: Option<u32>,
}

/// What a customer bought most in a number of full calendar months.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Ranking {
    pub months: Months,
    /// The first day that counts.
    #[cfg_attr(test, ts(as = "String"))]
    pub from: NaiveDate,
    /// The last day that counts.
    #[cfg_attr(test, ts(as = "String"))]
    pub to: NaiveDate,
    pub categories: Vec<ExplainedRank>,
    pub products: Vec<ExplainedRank>,
}

/// A ranking and the number of full calendar months that it covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Top {
    pub months: Months,
    pub items: Vec<RankedItem>,
}

/// What a line is counted under among products.
pub(crate) fn product_key(line: &Line) -> Option<&Arc<str>> {
    line.item_id.as_ref().or(line.name.as_ref())
}

/// Ranks over several periods that end on the same day, the shortest first: what was counted for one is counted on for the
/// next. The purchases are ordered by time, then key.
pub(crate) fn tops(
    purchases: &[Purchase<'_>],
    target: RankTarget,
    periods: &[(Months, Period)],
    first: usize,
    by: RankBy,
) -> Vec<Top> {
    let mut tallies = Tallies::default();
    let mut counted_from = None;
    periods
        .iter()
        .map(|(months, period)| {
            let from = day_number(period.from);
            // The days that no shorter period has counted yet.
            let to = counted_from.map_or(day_number(period.to), |it: i32| it.saturating_sub(1));
            counted_from = Some(from);
            // Days need not ascend with time where clocks were turned back over midnight: all are looked at.
            for (position, purchase) in purchases.iter().enumerate() {
                if from <= purchase.day && purchase.day <= to {
                    tallies.count(position, purchase, target);
                }
            }
            Top { months: *months, items: tallies.top(first, by) }
        })
        .collect()
}

/// Sums by key. The map is for lookups only; iteration goes over the list, which is in order of appearance.
#[derive(Default)]
struct Tallies<'a> {
    positions: HashMap<&'a str, usize, BuildHasherDefault<Fnv>>,
    tallies: Vec<Tally<'a>>,
}

/// Hashes short texts faster than the standard library's hasher, and in less code: FNV-1a.
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Tally<'a> {
    key: &'a Arc<str>,
    /// The newest name and the position of the purchase that gave it.
    named: Option<(usize, &'a Arc<str>)>,
    units: u64,
    orders: u64,
    amount: Decimal,
    last_at: Timestamp,
    /// The position of the purchase that was counted last.
    last_counted: usize,
}

impl<'a> Tallies<'a> {
    fn count(&mut self, position: usize, purchase: &Purchase<'a>, target: RankTarget) {
        let at = purchase.order.at;
        for (line, units, amount) in purchase.lines() {
            let (key, name) = match target {
                RankTarget::Categories => (line.category.as_ref(), line.category.as_ref()),
                RankTarget::Products => (product_key(line), line.name.as_ref()),
            };
            let Some(key) = key else { continue };
            let next = self.tallies.len();
            let known = *self.positions.entry(key).or_insert(next);
            if known == next {
                self.tallies.push(Tally {
                    key,
                    named: None,
                    units: 0,
                    orders: 0,
                    amount: Decimal::ZERO,
                    last_at: at,
                    last_counted: usize::MAX,
                });
            }
            let Some(tally) = self.tallies.get_mut(known) else { continue };
            tally.units = tally.units.saturating_add(units);
            tally.amount = plus(tally.amount, amount);
            tally.last_at = tally.last_at.max(at);
            if tally.last_counted != position {
                tally.last_counted = position;
                tally.orders += 1;
            }
            // Positions ascend with (time, key), and lines come in their order: the later or equal is the newer.
            if let Some(name) = name
                && tally.named.is_none_or(|(named_by, _)| named_by <= position)
            {
                tally.named = Some((position, name));
            }
        }
    }

    fn top(&self, first: usize, by: RankBy) -> Vec<RankedItem> {
        let mut tallies: Vec<&Tally<'_>> = self.tallies.iter().collect();
        let order = |a: &&Tally<'_>, b: &&Tally<'_>| by_measure(a, b, by);
        if first == 0 {
            return Vec::new();
        }
        if first < tallies.len() {
            // In the browser that would be one more sort to download.
            #[cfg(not(target_arch = "wasm32"))]
            {
                tallies.select_nth_unstable_by(first - 1, order);
                tallies.truncate(first);
            }
        }
        sort_by(&mut tallies, order);
        tallies.truncate(first);
        (1..).zip(tallies).map(|(rank, tally)| tally.ranked(rank)).collect()
    }
}

impl Tally<'_> {
    fn name(&self) -> &Arc<str> {
        self.named.map_or(self.key, |(_, name)| name)
    }

    fn ranked(&self, rank: u32) -> RankedItem {
        RankedItem {
            rank,
            key: self.key.clone(),
            name: self.name().clone(),
            units: self.units,
            orders: self.orders,
            amount: self.amount.normalize(),
            last_purchased_at: self.last_at,
        }
    }
}

/// What two items are compared by.
pub(super) struct RankKey<'a> {
    pub(super) units: u64,
    pub(super) orders: u64,
    pub(super) amount: Decimal,
    pub(super) last_at: Timestamp,
    pub(super) name: &'a str,
    pub(super) key: &'a str,
}

impl<'a> RankKey<'a> {
    fn of_tally(it: &'a Tally<'a>) -> Self {
        let (units, orders, amount, last_at) = (it.units, it.orders, it.amount, it.last_at);
        Self { units, orders, amount, last_at, name: it.name(), key: it.key }
    }

    fn of_item(it: &'a RankedItem) -> Self {
        let (units, orders, amount, last_at) = (it.units, it.orders, it.amount, it.last_purchased_at);
        Self { units, orders, amount, last_at, name: &it.name, key: &it.key }
    }

    /// Best first, and what decides it.
    fn compare(&self, other: &Self, by: RankBy) -> (Ordering, TieBreak) {
        let amount = || other.amount.cmp(&self.amount);
        let (measure, next, tie_break) = match by {
            RankBy::Units => (other.units.cmp(&self.units), amount(), TieBreak::Amount),
            RankBy::Orders => (other.orders.cmp(&self.orders), amount(), TieBreak::Amount),
            RankBy::Amount => (amount(), other.units.cmp(&self.units), TieBreak::Units),
        };
        if measure.is_ne() {
            return (measure, TieBreak::Measure);
        }
        if next.is_ne() {
            return (next, tie_break);
        }
        let recency = other.last_at.cmp(&self.last_at);
        if recency.is_ne() {
            return (recency, TieBreak::Recency);
        }
        let name = self.name.cmp(other.name);
        if name.is_ne() { (name, TieBreak::Name) } else { (self.key.cmp(other.key), TieBreak::Key) }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn ranked(&self, rank: u32) -> RankedItem {
        RankedItem {
            rank,
            key: self.key.into(),
            name: self.name.into(),
            units: self.units,
            orders: self.orders,
            amount: self.amount.normalize(),
            last_purchased_at: self.last_at,
        }
    }
}

/// The first so many items, in order.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn first_of(mut items: Vec<RankKey<'_>>, first: usize, by: RankBy) -> Vec<RankedItem> {
    if first == 0 {
        return Vec::new();
    }
    if first < items.len() {
        items.select_nth_unstable_by(first - 1, |a, b| a.compare(b, by).0);
        items.truncate(first);
    }
    items.sort_unstable_by(|a, b| a.compare(b, by).0);
    (1..).zip(&items).map(|(rank, item)| item.ranked(rank)).collect()
}

/// The rank that an item has among all.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn rank_of(key: &str, all: &[RankKey<'_>], by: RankBy) -> Option<u32> {
    let item = all.iter().find(|it| it.key == key)?;
    let n_before = all.iter().filter(|other| other.compare(item, by).0.is_lt()).count();
    u32::try_from(n_before + 1).ok()
}

/// Best first.
fn by_measure(a: &Tally<'_>, b: &Tally<'_>, by: RankBy) -> Ordering {
    RankKey::of_tally(a).compare(&RankKey::of_tally(b), by).0
}

/// Explains the first so many items of a ranking. `items` has one more, if there is one; `earlier` is the whole ranking of the
/// months before.
pub(crate) fn explained(items: &[RankedItem], first: usize, by: RankBy, earlier: &[RankedItem]) -> Vec<ExplainedRank> {
    items
        .iter()
        .enumerate()
        .take(first)
        .map(|(position, item)| ExplainedRank {
            item: item.clone(),
            before_next: items.get(position + 1).map(|next| tie_break(item, next, by)),
            previous_rank: earlier.iter().find(|it| it.key == item.key).map(|it| it.rank),
        })
        .collect()
}

/// Why an item comes before the next one of a ranking.
fn tie_break(item: &RankedItem, next: &RankedItem, by: RankBy) -> TieBreak {
    RankKey::of_item(item).compare(&RankKey::of_item(next), by).1
}

#[cfg(test)]
mod tests;
