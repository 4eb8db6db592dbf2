//! Purchases of one customer: windows, peak times, rankings.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::NaiveDate;
use profile360_core::{
    calendar::{Months, window},
    graph::rows::ClusterKey,
    identifier::UnifiedId,
    money::Currency,
    purchases::{
        self,
        figures::PurchaseParams,
        ranking::{self, RankTarget},
        spend,
        summaries::FoldedPurchases,
    },
};
use profile360_directory::Figures;
use tokio::sync::OnceCell;

use super::{
    App,
    error::ErrorCode,
    loaders::Loaders,
    scalars::{Date, DateTime, Decimal, RankBy, TieBreak, Weekday, count},
};

const DEFAULT_RANKS: i32 = 3;
const DEFAULT_SPEND_MONTHS: i32 = 24;

/// Computes the purchase figures on demand.
#[derive(Debug)]
pub(super) struct PurchaseInfo {
    key: ClusterKey,
    unified_id: UnifiedId,
    question: PurchaseParams,
    /// The figures of the list's row, if they have the same parameters.
    figures: Option<Figures>,
    /// What several fields need.
    info: OnceCell<purchases::figures::PurchaseInfo>,
}

impl PurchaseInfo {
    pub(super) fn new(
        key: ClusterKey,
        unified_id: UnifiedId,
        as_of: NaiveDate,
        currency: Option<Currency>,
        net_of_refunds: bool,
        figures: Option<Figures>,
    ) -> Self {
        let figures = figures.filter(|it| it.are_of(as_of) && currency.is_none() && !net_of_refunds);
        let question = PurchaseParams { as_of, currency, net_of_refunds };
        Self { key, unified_id, question, figures, info: OnceCell::new() }
    }

    async fn compute<T>(&self, ctx: &Context<'_>, figure: impl FnOnce(&FoldedPurchases<'_>) -> T) -> Result<T> {
        let summaries = ctx.data::<Loaders>()?.summaries(self.key, self.unified_id).await?;
        Ok(figure(&summaries.as_of(&ctx.data::<App>()?.policy, &self.question)))
    }

    /// Computed once for all fields that need it.
    async fn info(&self, ctx: &Context<'_>) -> Result<&purchases::figures::PurchaseInfo> {
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method path has a single lifetime")]
        self.info.get_or_try_init(|| self.compute(ctx, |it| it.info())).await
    }

    /// As [`Self::compute`], as of another date.
    async fn compute_as_of<T>(
        &self,
        ctx: &Context<'_>,
        as_of: NaiveDate,
        figure: impl FnOnce(&FoldedPurchases<'_>) -> T,
    ) -> Result<T> {
        let question = PurchaseParams { as_of, ..self.question };
        let other = Self { key: self.key, unified_id: self.unified_id, question, figures: None, info: OnceCell::new() };
        other.compute(ctx, figure).await
    }

    async fn top(
        &self,
        ctx: &Context<'_>,
        target: RankTarget,
        months: i32,
        first: Option<i32>,
        by: Option<RankBy>,
    ) -> Result<Vec<RankedItem>> {
        let months = parse_months(months)?;
        let first = parse_ranks(first)?;
        let by = by.unwrap_or(RankBy::Units).into();
        let is_compared = ctx.look_ahead().field("previousRank").exists();
        let tops = self.compute(ctx, |it| it.explained_tops(target, &[months], first, by, is_compared)).await?;
        Ok(tops.into_iter().flat_map(|(_, items)| items).map(RankedItem::from).collect())
    }
}

fn parse_ranks(first: Option<i32>) -> Result<usize> {
    const MAX_RANKS: usize = 100;
    let first = usize::try_from(first.unwrap_or(DEFAULT_RANKS)).ok().filter(|it| (1..=MAX_RANKS).contains(it));
    first.ok_or_else(|| ErrorCode::PageSizeOutOfRange.with(format!("first: use 1 to {MAX_RANKS}")))
}

fn parse_months(months: i32) -> Result<Months> {
    let parsed = u32::try_from(months).ok().and_then(|it| Months::new(it).ok());
    parsed.ok_or_else(|| ErrorCode::BadUserInput.with("months: use 1 to 120"))
}

/// The purchases of a customer, in numbers, up to the day before the date of the profile.
#[Object]
impl PurchaseInfo {
    /// The currency of these figures.
    async fn currency(&self, ctx: &Context<'_>) -> Result<String> {
        if let Some(figures) = &self.figures {
            return Ok(figures.currency.as_str().to_owned());
        }
        self.compute(ctx, |it| it.currency().as_str().to_owned()).await
    }

    /// Every currency that this customer has paid in.
    async fn currencies(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.info(ctx).await?.currencies.iter().map(|it| it.as_str().to_owned()).collect())
    }

    /// The last 3, 6 and 12 months.
    async fn windows(&self, ctx: &Context<'_>) -> Result<Vec<PurchaseWindow>> {
        Ok(self.info(ctx).await?.windows.iter().map(Into::into).collect())
    }

    /// The last N months.
    async fn window(&self, ctx: &Context<'_>, #[graphql(desc = "1 to 120.")] months: i32) -> Result<PurchaseWindow> {
        let months = parse_months(months)?;
        if let Some(Figures { count, amount, .. }) = self.figures.filter(|_| months == Months::YEAR) {
            let period = window(self.question.as_of, months);
            return Ok(purchases::figures::PurchaseWindow::new(months, period, count, amount).into());
        }
        self.compute(ctx, |it| it.window(months).into()).await
    }

    /// The weekday with the most purchases.
    async fn peak_weekday(&self, ctx: &Context<'_>) -> Result<Option<Weekday>> {
        Ok(self.info(ctx).await?.peak_weekday.map(Weekday::from))
    }

    /// The hour with the most purchases, 0 to 23.
    async fn peak_hour(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(self.info(ctx).await?.peak_hour.map(i32::from))
    }

    /// The day of the first purchase.
    async fn first_purchase_date(&self, ctx: &Context<'_>) -> Result<Option<Date>> {
        Ok(self.info(ctx).await?.first_purchase_date.map(Date))
    }

    /// The day of the last purchase.
    async fn last_purchase_date(&self, ctx: &Context<'_>) -> Result<Option<Date>> {
        Ok(self.info(ctx).await?.last_purchase_date.map(Date))
    }

    /// The categories bought most in the last N full calendar months.
    async fn top_categories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "1 to 120.")] months: i32,
        #[graphql(default_with = "Some(DEFAULT_RANKS)", desc = "How many ranks, 1 to 100.")] first: Option<i32>,
        #[graphql(default_with = "Some(RankBy::Units)", desc = "The measure.")] by: Option<RankBy>,
    ) -> Result<Vec<RankedItem>> {
        self.top(ctx, RankTarget::Categories, months, first, by).await
    }

    /// The products bought most in the last N full calendar months.
    async fn top_products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "1 to 120.")] months: i32,
        #[graphql(default_with = "Some(DEFAULT_RANKS)", desc = "How many ranks, 1 to 100.")] first: Option<i32>,
        #[graphql(default_with = "Some(RankBy::Units)", desc = "The measure.")] by: Option<RankBy>,
    ) -> Result<Vec<RankedItem>> {
        self.top(ctx, RankTarget::Products, months, first, by).await
    }

    /// What was bought most in the last 3, 6 and 12 full calendar months.
    #[graphql(complexity = "3 + 3 * child_complexity")]
    async fn rankings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(DEFAULT_RANKS)", desc = "How many ranks, 1 to 100.")] first: Option<i32>,
        #[graphql(default_with = "Some(RankBy::Units)", desc = "The measure.")] by: Option<RankBy>,
    ) -> Result<Vec<Ranking>> {
        let first = parse_ranks(first)?;
        let by = by.unwrap_or(RankBy::Units).into();
        Ok(self.compute(ctx, |it| it.rankings(first, by)).await?.into_iter().map(Ranking::from).collect())
    }

    /// The purchases by calendar month, and by weekday and hour.
    async fn spend(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(DEFAULT_SPEND_MONTHS)", desc = "How many calendar months, 1 to 120.")]
        months: Option<i32>,
    ) -> Result<Spend> {
        let months = parse_months(months.unwrap_or(DEFAULT_SPEND_MONTHS))?;
        self.compute(ctx, |it| it.spend(months).into()).await
    }

    /// The purchases on the date of the profile itself. All other figures count them from the next day on.
    async fn on_date(&self, ctx: &Context<'_>) -> Result<DayPurchases> {
        let next = self.question.as_of.succ_opt().unwrap_or(self.question.as_of);
        self.compute_as_of(ctx, next, |it| DayPurchases::from(it.of_last_day())).await
    }

    /// The number of refunds.
    async fn refund_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(count(self.info(ctx).await?.refund_count))
    }

    /// Their sum.
    async fn refund_amount(&self, ctx: &Context<'_>) -> Result<Decimal> {
        Ok(Decimal(self.info(ctx).await?.refund_amount))
    }
}

/// The purchases of a number of months.
#[derive(Debug, SimpleObject)]
pub(super) struct PurchaseWindow {
    /// The number of months.
    months: i32,
    /// The first day.
    #[graphql(name = "from")]
    first_day: Date,
    /// The last day: the day before the date of the profile.
    #[graphql(name = "to")]
    last_day: Date,
    /// The number of purchases.
    count: i32,
    /// Their sum.
    amount: Decimal,
    /// The average amount; null without purchases.
    average: Option<Decimal>,
}

impl From<&purchases::figures::PurchaseWindow> for PurchaseWindow {
    fn from(it: &purchases::figures::PurchaseWindow) -> Self {
        Self {
            months: count(u64::from(it.months.get())),
            first_day: Date(it.from),
            last_day: Date(it.to),
            count: count(it.count),
            amount: Decimal(it.amount),
            average: it.average.map(Decimal),
        }
    }
}

impl From<purchases::figures::PurchaseWindow> for PurchaseWindow {
    fn from(it: purchases::figures::PurchaseWindow) -> Self {
        Self::from(&it)
    }
}

/// An item of a ranking.
#[derive(Debug, SimpleObject)]
struct RankedItem {
    /// The rank, from 1.
    rank: i32,
    /// The ID of the product, or the name.
    key: String,
    /// Its newest name.
    name: String,
    /// Units bought.
    units: i32,
    /// Orders that contain it.
    orders: i32,
    /// The amount paid for the item.
    amount: Decimal,
    /// When it was last bought.
    last_purchased_at: DateTime,
    /// What places it before the next item, whether or not that one is listed; null where no item comes next.
    before_next: Option<TieBreak>,
    /// Its rank in the same number of full calendar months before; null where it was not bought then.
    previous_rank: Option<i32>,
}

/// What was bought most in a number of full calendar months.
#[derive(Debug, SimpleObject)]
struct Ranking {
    /// The number of months.
    months: i32,
    /// The first day.
    #[graphql(name = "from")]
    first_day: Date,
    /// The last day: the last of the month before the date of the profile.
    #[graphql(name = "to")]
    last_day: Date,
    /// The categories.
    categories: Vec<RankedItem>,
    /// The products.
    products: Vec<RankedItem>,
}

impl From<ranking::Ranking> for Ranking {
    fn from(it: ranking::Ranking) -> Self {
        Self {
            months: count(u64::from(it.months.get())),
            first_day: Date(it.from),
            last_day: Date(it.to),
            categories: it.categories.into_iter().map(RankedItem::from).collect(),
            products: it.products.into_iter().map(RankedItem::from).collect(),
        }
    }
}

/// When a customer buys.
#[derive(Debug, SimpleObject)]
struct Spend {
    /// The calendar months up to that of the last day that counts, the oldest first. The last one may be partial.
    months: Vec<MonthlySpend>,
    /// The largest amount of a month; zero where no month has one above zero.
    largest_amount: Decimal,
    /// All purchases up to the last day that counts, Monday first.
    weekdays: Vec<WeekdayPurchases>,
    /// The most purchases in one hour of one weekday.
    largest_count: i32,
}

/// The purchases of a calendar month.
#[derive(Debug, SimpleObject)]
struct MonthlySpend {
    /// The first day of the month.
    month: Date,
    /// The number of purchases.
    count: i32,
    /// Their sum.
    amount: Decimal,
}

/// The purchases of a weekday.
#[derive(Debug, SimpleObject)]
struct WeekdayPurchases {
    /// The weekday.
    weekday: Weekday,
    /// The number of purchases.
    count: i32,
    /// The number in each hour of the day, 0 to 23. A purchase without a time of day is in none of them.
    hours: Vec<i32>,
}

/// The purchases of a day.
#[derive(Debug, SimpleObject)]
struct DayPurchases {
    /// The number of purchases.
    count: i32,
    /// Their sum.
    amount: Decimal,
}

impl From<purchases::figures::DayPurchases> for DayPurchases {
    fn from(it: purchases::figures::DayPurchases) -> Self {
        Self { count: count(it.count), amount: Decimal(it.amount) }
    }
}

impl From<spend::Spend> for Spend {
    fn from(it: spend::Spend) -> Self {
        let month = |month: spend::MonthlySpend| MonthlySpend {
            month: Date(month.month),
            count: count(month.count),
            amount: Decimal(month.amount),
        };
        let weekday = |day: spend::WeekdayPurchases| WeekdayPurchases {
            weekday: day.weekday.into(),
            count: count(day.count),
            hours: day.hours.into_iter().map(count).collect(),
        };
        Self {
            months: it.months.into_iter().map(month).collect(),
            largest_amount: Decimal(it.largest_amount),
            weekdays: it.weekdays.into_iter().map(weekday).collect(),
            largest_count: count(it.largest_count),
        }
    }
}

impl From<ranking::ExplainedRank> for RankedItem {
    fn from(ranking::ExplainedRank { item: it, before_next, previous_rank }: ranking::ExplainedRank) -> Self {
        Self {
            before_next: before_next.map(TieBreak::from),
            previous_rank: previous_rank.map(|rank| count(u64::from(rank))),
            rank: count(u64::from(it.rank)),
            key: it.key.to_string(),
            name: it.name.to_string(),
            units: count(it.units),
            orders: count(it.orders),
            amount: Decimal(it.amount),
            last_purchased_at: it.last_purchased_at.into(),
        }
    }
}
