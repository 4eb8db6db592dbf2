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
    },
};
use profile360_directory::Figures;

use super::{
    App,
    error::ErrorCode,
    loaders::Loaders,
    scalars::{Date, DateTime, Decimal, RankBy, Weekday, count},
};

const DEFAULT_RANKS: i32 = 3;

/// Computes the purchase figures on demand.
#[derive(Debug)]
pub(super) struct PurchaseInfo {
    key: ClusterKey,
    unified_id: UnifiedId,
    question: PurchaseParams,
    /// The figures of the list's row, if they have the same parameters.
    figures: Option<Figures>,
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
        Self { key, unified_id, question: PurchaseParams { as_of, currency, net_of_refunds }, figures }
    }

    async fn compute<T>(
        &self,
        ctx: &Context<'_>,
        figure: impl FnOnce(&purchases::figures::Purchases<'_>) -> T,
    ) -> Result<T> {
        let purchased = ctx.data::<Loaders>()?.purchases(self.key, self.unified_id).await?;
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let policy = &ctx.data::<App>()?.policy;
        Ok(figure(&purchases::figures::purchases(&orders, &refunds, policy, &self.question)))
    }

    async fn info(&self, ctx: &Context<'_>) -> Result<purchases::figures::PurchaseInfo> {
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method path has a single lifetime")]
        self.compute(ctx, |it| it.info()).await
    }

    async fn top(
        &self,
        ctx: &Context<'_>,
        target: RankTarget,
        months: i32,
        first: Option<i32>,
        by: Option<RankBy>,
    ) -> Result<Vec<RankedItem>> {
        const MAX_RANKS: usize = 100;
        let months = parse_months(months)?;
        let first = usize::try_from(first.unwrap_or(DEFAULT_RANKS)).ok().filter(|it| (1..=MAX_RANKS).contains(it));
        let first = first.ok_or_else(|| ErrorCode::PageSizeOutOfRange.with(format!("first: use 1 to {MAX_RANKS}")))?;
        let by = by.unwrap_or(RankBy::Units).into();
        let items = self.compute(ctx, |it| it.top(target, months, first, by)).await?;
        Ok(items.into_iter().map(RankedItem::from).collect())
    }
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
        Ok(self.info(ctx).await?.windows.into_iter().map(Into::into).collect())
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

impl From<purchases::figures::PurchaseWindow> for PurchaseWindow {
    fn from(it: purchases::figures::PurchaseWindow) -> Self {
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
}

impl From<ranking::RankedItem> for RankedItem {
    fn from(it: ranking::RankedItem) -> Self {
        Self {
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
