//! Statistics for operators. They are in memory; only `sharedValues` reads the database.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::{NaiveDate, Utc};
use profile360_core::{graph::input::is_shared, time::Timestamp};
use profile360_directory::{MOST_LARGEST, Size};

use super::{
    App,
    error::{ErrorCode, unavailable},
    identity::Shown,
    profile::{Identifier, Profile},
    scalars::{Date, DateTime, count},
};
use crate::{
    clock,
    engine::{
        ingest_history,
        ingest_stats::{HOURS, Hour, KEPT_HOURS, Minute, RejectedPlace, Warning},
    },
};

/// Messages that arrived in one minute.
#[derive(Debug, SimpleObject)]
struct IngestedMinute {
    /// The start of the minute.
    at: DateTime,
    /// Messages that were accepted.
    accepted: i32,
    /// Messages that were accepted.
    #[graphql(name = "taken", deprecation = "Use `accepted`.")]
    old_accepted: i32,
    /// Messages that were already stored; a repeat changes nothing.
    repeated: i32,
    /// Messages that were rejected.
    refused: i32,
}

/// Messages that were rejected for one reason.
#[derive(Debug, SimpleObject)]
struct RefusedMessages {
    /// The code of the reason.
    code: String,
    /// The number of messages.
    count: i32,
    /// The newest ten of this process, newest first.
    latest: Vec<RejectedMessage>,
}

/// A rejected message. Nothing of its contents is kept.
#[derive(Debug, SimpleObject)]
struct RejectedMessage {
    /// When it was rejected.
    at: DateTime,
    /// The path of the fault in the message; empty for the message as a whole. Names that could be data are replaced by `*`.
    path: String,
    /// The name of the key that it came with.
    sender: String,
}

/// Messages that arrived in one hour.
#[derive(Debug, SimpleObject)]
struct IngestedHour {
    /// The start of the hour.
    at: DateTime,
    /// Messages that were accepted.
    accepted: i32,
    /// Messages that were already stored; a repeat changes nothing.
    repeated: i32,
    /// Messages that were rejected.
    refused: i32,
}

/// Messages that arrived on one day, and what became of the customers.
#[derive(Debug, SimpleObject)]
struct IngestedDay {
    /// The day, in the policy's time zone.
    date: Date,
    /// Messages that were accepted.
    accepted: i32,
    /// Messages that were already stored; a repeat changes nothing.
    repeated: i32,
    /// Messages that were rejected.
    refused: i32,
    /// The number of customers at its end; none if the server did not run.
    customers: Option<i32>,
    /// By how many customers it grew; below zero after merges. None if the day before is not known.
    growth: Option<i32>,
    /// Merges.
    merged: i32,
    /// Splits.
    unmerged: i32,
}

/// What is not normal; docs/operating.md has the thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Warning")]
enum HealthWarning {
    /// Many messages were stored already.
    ManyDuplicates,
    /// Many messages were rejected.
    ManyRejected,
    /// Messages arrive late.
    Late,
    /// Nothing arrives at a time of day at which messages usually arrive.
    Quiet,
}

/// The messages of some hours together.
#[derive(Debug, SimpleObject)]
struct IngestSummary {
    /// Messages that were accepted.
    accepted: i32,
    /// Messages that were already stored; a repeat changes nothing.
    repeated: i32,
    /// Messages that were rejected.
    refused: i32,
    /// The seconds between the time of a message and its acceptance that half of the messages do not exceed. Messages older than
    /// a day do not count; none if there are no others.
    lag_seconds: Option<i32>,
    /// What is not normal.
    warnings: Vec<HealthWarning>,
}

/// A measure of a profile's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum LargestBy {
    /// The number of identifiers.
    Identifiers,
    /// The number of events.
    Events,
}

/// A profile that is large.
#[derive(Debug, SimpleObject)]
struct LargeProfile {
    /// The profile.
    profile: Profile,
    /// The number of identifiers or events.
    size: i32,
}

/// The number of profiles with a number of identifiers.
#[derive(Debug, SimpleObject)]
struct IdentifierCount {
    /// The number of identifiers.
    identifiers: i32,
    /// The number of profiles with as many identifiers.
    profiles: i32,
}

/// A value that links to too many identifiers and is therefore not used for matching.
#[derive(Debug, SimpleObject)]
struct SharedValue {
    /// The value.
    identifier: Identifier,
    /// Its links that are withheld for this reason.
    withheld: i32,
}

/// What arrives, and what is large. Minutes and paths of rejected messages are those of this process.
#[derive(Debug)]
pub(super) struct Health;

/// What arrives, and what is large. Minutes and paths of rejected messages are those of this process.
#[Object]
impl Health {
    /// The start of this process's counters.
    async fn since(&self, ctx: &Context<'_>) -> Result<DateTime> {
        Ok(shown(ctx.data::<App>()?.pipeline.ingest_stats().since()))
    }

    /// The last 60 minutes, oldest first; the last one is not over.
    async fn ingestion(&self, ctx: &Context<'_>) -> Result<Vec<IngestedMinute>> {
        let minutes = ctx.data::<App>()?.pipeline.ingest_stats().minutes(clock::now());
        let minute = |minute: Minute| IngestedMinute {
            at: shown(minute.at),
            accepted: count(minute.accepted),
            old_accepted: count(minute.accepted),
            repeated: count(minute.repeated),
            refused: count(minute.refused),
        };
        Ok(minutes.into_iter().map(minute).collect())
    }

    /// Rejected messages by code, the most frequent first.
    async fn refused(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only those of the last hours, 1 to 168, also of earlier processes; those of this process if left out."
        )]
        hours: Option<i32>,
    ) -> Result<Vec<RefusedMessages>> {
        let ingest_stats = ctx.data::<App>()?.pipeline.ingest_stats();
        let refused = match hours {
            None => ingest_stats.refused(),
            Some(hours) => ingest_stats.refused_in(clock::now(), hours_of(hours)?),
        };
        let latest = |place: RejectedPlace| RejectedMessage {
            at: shown(place.at),
            path: place.path,
            sender: place.sender.to_string(),
        };
        let of_code = |(code, n): (String, u64)| RefusedMessages {
            count: count(n),
            latest: ingest_stats.places(&code).into_iter().map(latest).collect(),
            code,
        };
        Ok(refused.into_iter().map(of_code).collect())
    }

    /// The last 168 hours, oldest first; the last one is not over. A restart keeps them.
    #[graphql(complexity = "168 * child_complexity.max(1)")]
    async fn hours(&self, ctx: &Context<'_>) -> Result<Vec<IngestedHour>> {
        let hours = ctx.data::<App>()?.pipeline.ingest_stats().hours(clock::now(), HOURS);
        let hour = |Hour { at, counts }: Hour| IngestedHour {
            at: shown(at),
            accepted: count(counts.accepted),
            repeated: count(counts.repeated),
            refused: count(counts.rejected.values().sum()),
        };
        Ok(hours.into_iter().map(hour).collect())
    }

    /// The last seven days, oldest first; the last one is today. A restart keeps them.
    #[graphql(complexity = "7 * child_complexity.max(1)")]
    async fn days(&self, ctx: &Context<'_>) -> Result<Vec<IngestedDay>> {
        const DAYS: usize = 7;
        let app = ctx.data::<App>()?;
        let ingest_stats = app.pipeline.ingest_stats();
        ingest_history::observe(&app.pipeline.snapshot(), ingest_stats);
        let mut days: BTreeMap<NaiveDate, IngestedDay> = BTreeMap::new();
        for Hour { at, counts } in ingest_stats.hours(clock::now(), KEPT_HOURS) {
            let date = clock::date_at(at, &app.policy);
            let day = days.entry(date).or_insert_with(|| IngestedDay::of(date));
            day.accepted = day.accepted.saturating_add(count(counts.accepted));
            day.repeated = day.repeated.saturating_add(count(counts.repeated));
            day.refused = day.refused.saturating_add(count(counts.rejected.values().sum()));
            day.merged = day.merged.saturating_add(count(counts.merged));
            day.unmerged = day.unmerged.saturating_add(count(counts.unmerged));
            day.customers = counts.customers.map(count).or(day.customers);
        }
        let mut days: Vec<IngestedDay> = days.into_values().collect();
        let mut before = None;
        for day in &mut days {
            day.growth = day.customers.zip(before).map(|(now, before): (i32, i32)| now.saturating_sub(before));
            before = day.customers.or(before);
        }
        Ok(days.split_off(days.len().saturating_sub(DAYS)))
    }

    /// The last hours together, and what of them is not normal.
    async fn summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(24)", desc = "How many hours, 1 to 168.")] hours: Option<i32>,
    ) -> Result<IngestSummary> {
        let n_hours = hours_of(hours.unwrap_or(24))?;
        let summary = ctx.data::<App>()?.pipeline.ingest_stats().summary(clock::now(), n_hours);
        Ok(IngestSummary {
            accepted: count(summary.accepted),
            repeated: count(summary.repeated),
            refused: count(summary.rejected),
            lag_seconds: summary.delay.map(|seconds| count(u64::from(seconds))),
            warnings: summary.warnings.into_iter().map(HealthWarning::from).collect(),
        })
    }

    /// The largest profiles.
    #[graphql(complexity = "first.unwrap_or(10).clamp(1, 200) as usize * child_complexity.max(1)")]
    async fn largest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The measure of size.")] by: LargestBy,
        #[graphql(default_with = "Some(10)", desc = "How many, from the largest; at most 200.")] first: Option<i32>,
    ) -> Result<Vec<LargeProfile>> {
        let app = ctx.data::<App>()?;
        let first = page(first, 10, MOST_LARGEST)?;
        let size = match by {
            LargestBy::Identifiers => Size::Identifiers,
            LargestBy::Events => Size::Events,
        };
        let today = clock::today(&app.policy);
        let found = app.read_list(|index| index.largest(size, first)).await?;
        let large = |(size, it)| LargeProfile { profile: Profile::listed(&it, today), size: count(size) };
        Ok(found.into_iter().map(large).collect())
    }

    /// The distribution of profiles by their number of identifiers, ascending.
    async fn identifier_counts(&self, ctx: &Context<'_>) -> Result<Vec<IdentifierCount>> {
        let counts: Vec<(u64, usize)> =
            ctx.data::<App>()?.directory.read(|index| index.sizes(Size::Identifiers).counts().collect());
        let with = |(identifiers, profiles): (u64, usize)| IdentifierCount {
            identifiers: count(identifiers),
            profiles: count(profiles as u64),
        };
        Ok(counts.into_iter().map(with).collect())
    }

    /// Values that link too many customers, those with the most withheld links first.
    #[graphql(complexity = "first.unwrap_or(20).clamp(1, 200) as usize * child_complexity.max(1)")]
    async fn shared_values(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(20)",
            desc = "How many, from the one with the most withheld links; at most 200."
        )]
        first: Option<i32>,
    ) -> Result<Vec<SharedValue>> {
        // Other identifiers have withheld links, too, but few have more than a shared value.
        const CANDIDATES: usize = 400;
        let app = ctx.data::<App>()?;
        let first = page(first, 20, 200)?;
        let ends = app.state().await?.inbox.most_shared(CANDIDATES);
        let identifiers: Vec<_> = ends.iter().map(|(it, _)| it.clone()).collect();
        let states = app.store.identifiers(&identifiers).await.map_err(|it| unavailable(&it))?;
        let found: Vec<_> = ends
            .into_iter()
            .filter(|(it, _)| {
                states.get(it).is_some_and(|state| is_shared(&it.kind, &state.facts.neighbors, &app.policy))
            })
            .take(first)
            .collect();
        let shown = Shown::read(app, found.iter().map(|(it, _)| it.clone()).collect(), BTreeMap::new()).await?;
        let value = |(it, n): &(_, u64)| SharedValue { identifier: shown.identifier(it), withheld: count(*n) };
        Ok(found.iter().map(value).collect())
    }
}

impl IngestedDay {
    fn of(date: NaiveDate) -> Self {
        Self {
            date: Date(date),
            accepted: 0,
            repeated: 0,
            refused: 0,
            customers: None,
            growth: None,
            merged: 0,
            unmerged: 0,
        }
    }
}

fn hours_of(hours: i32) -> Result<usize> {
    let n_hours = usize::try_from(hours).ok().filter(|n_hours| (1..=HOURS).contains(n_hours));
    n_hours.ok_or_else(|| ErrorCode::BadUserInput.with(format!("hours: use 1 to {HOURS}")))
}

fn shown(at: chrono::DateTime<Utc>) -> DateTime {
    Timestamp::from_datetime(at).unwrap_or(Timestamp::EARLIEST).into()
}

fn page(first: Option<i32>, default: usize, most: usize) -> Result<usize> {
    let Some(first) = first else { return Ok(default) };
    match usize::try_from(first) {
        Ok(first) if (1..=most).contains(&first) => Ok(first),
        _ => Err(ErrorCode::PageSizeOutOfRange.with(format!("first: use 1 to {most}"))),
    }
}

#[derive(Debug, Default)]
pub(super) struct HealthQuery;

#[Object]
impl HealthQuery {
    /// What arrives, and what is large: for operators.
    async fn health(&self) -> Health {
        Health
    }
}
