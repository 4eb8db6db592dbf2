//! Statistics for operators. They are kept in memory; only `sharedValues` reads the database.

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::Utc;
use profile360_core::{graph::input::is_shared, time::Timestamp};
use profile360_directory::{MOST_LARGEST, Size};

use super::{
    App,
    error::{ErrorCode, unavailable},
    identity::Shown,
    profile::{Identifier, Profile},
    scalars::{DateTime, count},
};
use crate::{clock, engine::ingest_stats::Minute};

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

/// What arrives, and what is large. Rates and rejections are those of this process, since it started.
#[derive(Debug)]
pub(super) struct Health;

/// What arrives, and what is large. Rates and rejections are those of this process, since it started.
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
    async fn refused(&self, ctx: &Context<'_>) -> Result<Vec<RefusedMessages>> {
        let refused = ctx.data::<App>()?.pipeline.ingest_stats().refused();
        Ok(refused.into_iter().map(|(code, n)| RefusedMessages { code: code.to_owned(), count: count(n) }).collect())
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
        let found = app.directory.read(|index| index.largest(size, first));
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
        let ends = {
            let inbox = app.inbox.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            inbox.most_shared(CANDIDATES)
        };
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
