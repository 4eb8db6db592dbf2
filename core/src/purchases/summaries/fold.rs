//! Figures as of a date, folded from months.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    CurrencySummaries, LineTexts, OtherOrder, PurchaseSummaries,
    packed::{Tally, each_slot, each_tally},
    scaled,
};
use crate::{
    calendar::{Months, Period, day_number, day_of_number, earlier_ranking_period, last_day, ranking_period, window},
    message::order::{Order, Refund},
    money::{Currency, plus},
    policy::document::Policy,
    purchases::{
        counted::Purchase,
        figures::{
            DayPurchases, PurchaseInfo, PurchaseParams, PurchaseWindow, Purchases, Slot, currency, peak, purchases,
        },
        ranking::{self, ExplainedRank, RankBy, RankKey, RankTarget, Ranking, Top},
        spend::Spend,
        weekday::Weekday,
    },
    time::Timestamp,
};

/// A customer's purchases for a [`PurchaseParams`]. Each figure is what [`Purchases`] computes from the lines.
#[derive(Debug)]
pub struct FoldedPurchases<'a> {
    all: &'a PurchaseSummaries,
    /// Of the currency. `None` where no order of it is summed up.
    summaries: Option<&'a CurrencySummaries>,
    /// The last day that counts.
    until: i32,
    /// Of the orders that are not summed up, and of the refunds.
    others: Purchases<'a>,
}

impl PurchaseSummaries {
    /// The purchases as of a date. The policy is the one that they are summed up under.
    pub fn as_of(&self, policy: &Policy, params: &PurchaseParams) -> FoldedPurchases<'_> {
        let currency = currency(&self.n_orders, policy, params);
        let orders: Vec<&Order> = self.others.iter().map(|it| &it.order).collect();
        let refunds: Vec<&Refund> = self.refunds.iter().collect();
        let params = PurchaseParams { currency: Some(currency), ..*params };
        FoldedPurchases {
            all: self,
            summaries: self.by_currency.iter().find(|it| it.currency == currency),
            until: day_number(last_day(params.as_of)),
            others: purchases(&orders, &refunds, policy, &params),
        }
    }

    fn at(&self, rank: u32) -> Timestamp {
        let position = usize::try_from(rank).unwrap_or(usize::MAX);
        self.times.get(position).copied().unwrap_or(Timestamp::EARLIEST)
    }

    /// What is known of an order that is not summed up.
    fn other(&self, order: &Order) -> Option<&OtherOrder> {
        let place = |it: &OtherOrder| (it.order.at, &it.order.key).cmp(&(order.at, &order.key));
        self.others.binary_search_by(place).ok().and_then(|position| self.others.get(position))
    }
}

impl FoldedPurchases<'_> {
    /// The currency of all amounts.
    pub fn currency(&self) -> Currency {
        self.others.currency()
    }

    /// The figures of a card that need no further argument.
    pub fn info(&self) -> PurchaseInfo {
        let of_others = self.others.info();
        let mut weekdays = self.others.weekdays();
        let mut hours = self.others.hours();
        let mut days = (None, None);
        if let Some(summaries) = self.summaries {
            summaries.each_slot(self.until, |weekday, hour, (count, amount)| {
                add_to(weekdays.get_mut(usize::from(weekday)), (count, amount));
                add_to(hours.get_mut(usize::from(hour)), (count, amount));
            });
            days = summaries.first_and_last_day(self.until);
        }
        let first_days = of_others.first_purchase_date.into_iter().chain(days.0.map(day_of_number));
        let last_days = of_others.last_purchase_date.into_iter().chain(days.1.map(day_of_number));
        PurchaseInfo {
            currencies: self.all.n_orders.iter().map(|(it, _)| *it).collect(),
            windows: Months::STANDARD.map(|it| self.window(it)).into(),
            peak_weekday: peak(&weekdays).and_then(|it| Weekday::ALL.get(it).copied()),
            peak_hour: peak(&hours).and_then(|it| u8::try_from(it).ok()),
            first_purchase_date: first_days.min(),
            last_purchase_date: last_days.max(),
            ..of_others
        }
    }

    /// Number, amount and average of the last N months, up to the previous day.
    pub fn window(&self, months: Months) -> PurchaseWindow {
        let period = window(self.others.as_of, months);
        let first_day = day_number(period.from);
        let (mut count, mut amount) = self.others.since(first_day);
        if let Some(summaries) = self.summaries {
            let (of_summed, amount_of_summed) = summaries.between(first_day, self.until);
            count += of_summed;
            amount = plus(amount, amount_of_summed);
        }
        PurchaseWindow::new(months, period, count, amount)
    }

    /// The purchases of the last day that counts.
    pub fn of_last_day(&self) -> DayPurchases {
        let DayPurchases { count, amount } = self.others.of_last_day();
        let (of_summed, amount_of_summed) =
            self.summaries.map_or((0, Decimal::ZERO), |it| it.between(self.until, self.until));
        DayPurchases { count: count + of_summed, amount: plus(amount, amount_of_summed).normalize() }
    }

    /// Purchases by month over the last so many calendar months, and by weekday and hour over all time.
    pub fn spend(&self, months: Months) -> Spend {
        let mut spend = self.others.spend(months);
        let Some(summaries) = self.summaries else { return spend };
        // Nothing counts after the last day, so the last month needs no end.
        let mut to = self.until;
        for month in spend.months.iter_mut().rev() {
            let first_day = day_number(month.month);
            let (count, amount) = summaries.between(first_day, to);
            month.count += count;
            month.amount = plus(month.amount, amount);
            to = first_day.saturating_sub(1);
        }
        summaries.each_slot(self.until, |weekday, hour, (count, _)| {
            let Some(weekday) = spend.weekdays.get_mut(usize::from(weekday)) else { return };
            weekday.count += count;
            if let Some(hour) = weekday.hours.get_mut(usize::from(hour)) {
                *hour += count;
            }
        });
        Spend::new(spend.currency, spend.months, spend.weekdays)
    }

    /// Rankings over the last N full calendar months for several N, in ascending order of length.
    pub fn tops(&self, target: RankTarget, months: &[Months], first: usize, by: RankBy) -> Vec<Top> {
        let Some(summaries) = self.summaries else { return self.others.tops(target, months, first, by) };
        let mut months = months.to_vec();
        months.sort_unstable();
        let mut sums = Sums::new(self.all);
        let mut counted_from = None;
        let mut tops = Vec::with_capacity(months.len());
        for months in months {
            let period = ranking_period(self.others.as_of, months);
            let from = day_number(period.from);
            // The days that no shorter period has counted yet.
            let to = counted_from.map_or(day_number(period.to), |it: i32| it.saturating_sub(1));
            counted_from = Some(from);
            sums.add(self, summaries, target, from, to);
            tops.push(Top { months, items: ranking::first_of(sums.items(summaries), first, by) });
        }
        tops
    }

    /// As [`Self::tops`], with what places each item. Without `is_compared` no item has a previous rank, which saves another
    /// fold.
    pub fn explained_tops(
        &self,
        target: RankTarget,
        months: &[Months],
        first: usize,
        by: RankBy,
        is_compared: bool,
    ) -> Vec<(Months, Vec<ExplainedRank>)> {
        let Some(summaries) = self.summaries else {
            return self.others.explained_tops(target, months, first, by, is_compared);
        };
        // One more than is shown, to explain the place of the last one.
        let tops = self.tops(target, months, first.saturating_add(1), by);
        let explained = |Top { months, items }: Top| {
            let mut explained = ranking::explained(&items, first, by, &[]);
            if is_compared {
                let Period { from, to } = earlier_ranking_period(self.others.as_of, months);
                let mut sums = Sums::new(self.all);
                sums.add(self, summaries, target, day_number(from), day_number(to));
                let earlier = sums.items(summaries);
                for it in &mut explained {
                    it.previous_rank = ranking::rank_of(&it.item.key, &earlier, by);
                }
            }
            (months, explained)
        };
        tops.into_iter().map(explained).collect()
    }

    /// Categories and products over the last 3, 6 and 12 full calendar months, the first so many of each.
    pub fn rankings(&self, first: usize, by: RankBy) -> Vec<Ranking> {
        let explained = |target| self.explained_tops(target, &Months::STANDARD, first, by, true);
        let ranking = |((months, categories), (_, products))| {
            let Period { from, to } = ranking_period(self.others.as_of, months);
            Ranking { months, from, to, categories, products }
        };
        let (categories, products) = (explained(RankTarget::Categories), explained(RankTarget::Products));
        categories.into_iter().zip(products).map(ranking).collect()
    }
}

fn add_to(slot: Option<&mut Slot>, (count, amount): Slot) {
    if let Some(slot) = slot {
        *slot = (slot.0 + count, plus(slot.1, amount));
    }
}

impl CurrencySummaries {
    /// How many purchases come before a day.
    fn n_before(&self, day: i32) -> usize {
        self.purchases.partition_point(|it| it.day < day)
    }

    fn n_until(&self, day: i32) -> usize {
        self.purchases.partition_point(|it| it.day <= day)
    }

    fn decimal(&self, amount: i128) -> Decimal {
        // It fits: only exact sums are summed up.
        Decimal::try_from_i128_with_scale(amount, self.scale).unwrap_or_default()
    }

    /// The number and the amount of the purchases from a day to another, both included.
    fn between(&self, from: i32, to: i32) -> Slot {
        let (from, to) = (self.n_before(from), self.n_until(to));
        if to <= from {
            return (0, Decimal::ZERO);
        }
        let amount_before = |position: usize| self.amounts.get(position).copied().unwrap_or_default();
        ((to - from) as u64, self.decimal(amount_before(to) - amount_before(from)))
    }

    fn first_and_last_day(&self, until: i32) -> (Option<i32>, Option<i32>) {
        let counted = self.purchases.get(..self.n_until(until)).unwrap_or_default();
        (counted.first().map(|it| it.day), counted.last().map(|it| it.day))
    }

    /// Visits weekdays and hours with their purchases up to a day, some of them several times: whole months are summed up, the
    /// purchases of the last one are visited alone.
    fn each_slot(&self, until: i32, mut visit: impl FnMut(u8, u8, Slot)) {
        let n_counted = self.n_until(until);
        for (position, month) in self.months.iter().enumerate() {
            if n_counted <= month.from {
                break;
            }
            let end = self.months.get(position + 1).map_or(self.purchases.len(), |next| next.from);
            if end <= n_counted {
                let sums = self.sums.get(month.sums.slots..).unwrap_or_default();
                each_slot(sums, |it| visit(it.weekday, it.hour, (it.count, self.decimal(it.amount))));
                continue;
            }
            let purchases = self.purchases.get(month.from..n_counted).unwrap_or_default();
            let amounts = self.amounts.get(month.from..).unwrap_or_default();
            for (purchase, amounts) in purchases.iter().zip(amounts.windows(2)) {
                if let [before, after] = amounts {
                    visit(purchase.weekday, purchase.hour, (1, self.decimal(after - before)));
                }
            }
        }
    }
}

/// Sums by key over several months.
struct Sums<'a> {
    all: &'a PurchaseSummaries,
    /// Where the sum of a key is, by its number.
    positions: Vec<u32>,
    sums: Vec<(u32, Tally)>,
}

const NOWHERE: u32 = u32::MAX;

impl<'a> Sums<'a> {
    fn new(all: &'a PurchaseSummaries) -> Self {
        Self { all, positions: vec![NOWHERE; all.texts.len()], sums: Vec::new() }
    }

    fn add_tally(&mut self, key: u32, tally: Tally) {
        let Some(position) = usize::try_from(key).ok().and_then(|key| self.positions.get_mut(key)) else { return };
        if *position == NOWHERE {
            *position = u32::try_from(self.sums.len()).unwrap_or(NOWHERE);
            self.sums.push((key, tally));
        } else if let Some((_, sum)) = usize::try_from(*position).ok().and_then(|it| self.sums.get_mut(it)) {
            sum.add(tally);
        }
    }

    /// Adds what was bought from the first day of a month to the last day of another.
    fn add(
        &mut self,
        folded: &FoldedPurchases<'_>,
        summaries: &CurrencySummaries,
        target: RankTarget,
        from: i32,
        to: i32,
    ) {
        let first = summaries.months.partition_point(|it| it.first_day < from);
        let months = summaries.months.get(first..).unwrap_or_default();
        for month in months.iter().take_while(|it| it.first_day <= to) {
            let place = match target {
                RankTarget::Categories => month.sums.categories,
                RankTarget::Products => month.sums.products,
            };
            each_tally(summaries.sums.get(place..).unwrap_or_default(), |key, tally| self.add_tally(key, tally));
        }
        for purchase in folded.others.purchases.iter().filter(|it| from <= it.day && it.day <= to) {
            self.add_lines(purchase, summaries.scale, target);
        }
    }

    fn add_lines(&mut self, purchase: &Purchase<'_>, scale: u32, target: RankTarget) {
        let Some(OtherOrder { order, rank, lines }) = self.all.other(purchase.order) else { return };
        let mut of_order: BTreeMap<u32, Tally> = BTreeMap::new();
        for (position, (line, texts)) in order.lines.iter().zip(lines).enumerate() {
            let LineTexts { category, product, name } = *texts;
            let (key, name) = match target {
                RankTarget::Categories => (category, None),
                RankTarget::Products => (product, name),
            };
            let (Some(key), Some((units, amount))) = (key, purchase.left_of(position, line)) else { continue };
            // It fits: only exact sums are summed up.
            let amount = scaled(amount, scale).unwrap_or_default();
            of_order.entry(key).or_insert(Tally::of_order(*rank)).add_line(units, amount, name);
        }
        for (key, tally) in of_order {
            self.add_tally(key, tally);
        }
    }

    fn items(&self, summaries: &CurrencySummaries) -> Vec<RankKey<'a>> {
        let texts = &self.all.texts;
        let item = |(key, it): &(u32, Tally)| RankKey {
            units: it.units,
            orders: it.orders,
            amount: summaries.decimal(it.amount),
            last_at: self.all.at(it.last),
            name: texts.get(it.named.map_or(*key, |(_, name)| name)),
            key: texts.get(*key),
        };
        self.sums.iter().map(item).collect()
    }
}
