//! Lineage: which profiles merged and unmerged, and why.

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, Subscription};
use futures::{Stream, stream};
use profile360_core::{graph::lineage, identifier::UnifiedId, time::Timestamp};
use profile360_store::{Cause, LineageRow};
use tokio::sync::broadcast::error::RecvError;

use super::{
    App, Current, authorization,
    cursor::Cursors,
    decision::{Decision, Retirement, decision_of},
    error::{ErrorCode, unavailable},
    operator_action::NamedCustomer,
    pagination::{Arguments, PageArguments, PageInfo},
    query::unified_id_in,
    scalars::DateTime,
};
use crate::{
    engine::state::State,
    views::{names::NameQuestion, profile_view},
};

/// The kind of a lineage event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "lineage::LineageKind")]
pub(super) enum LineageKind {
    /// Profiles merged.
    Merged,
    /// One profile was split.
    Unmerged,
}

/// One merge or unmerge.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct LineageEvent {
    /// When it happened.
    at: DateTime,
    /// Merge or unmerge.
    kind: LineageKind,
    /// The unified ID of the profile that remains after a merge; after an unmerge, that of the part that keeps it.
    kept: ID,
    /// The unified IDs of the profiles that were merged into it; for an unmerge, of the other parts.
    others: Vec<ID>,
    /// The profiles of a merge, `kept` first, with the names that they had; of an unmerge, the parts.
    customers: Vec<NamedCustomer>,
    /// The cause: MESSAGE, DECISION, RETIREMENT or POLICY.
    cause: String,
    /// The message that caused it.
    message_id: Option<String>,
    /// The decision that caused it.
    decision: Option<Decision>,
    /// The retirement that caused it.
    retirement: Option<Retirement>,
    /// The version of the policy that caused it.
    policy_version: Option<i32>,
}

/// A page of merges and unmerges.
#[derive(Debug, SimpleObject)]
pub(super) struct LineageEventConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<LineageEventEdge>,
    /// The entries of this page.
    nodes: Vec<LineageEvent>,
    /// The position of this page in its list.
    page_info: PageInfo,
}

/// An entry of a page of merges and unmerges.
#[derive(Debug, SimpleObject)]
struct LineageEventEdge {
    /// The entry.
    node: LineageEvent,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

#[derive(Debug, Default)]
pub(super) struct LineageQuery;

#[Object]
impl LineageQuery {
    /// Merges and unmerges, newest first; with a unified ID, those of the profile that it leads to and of all that are part of it
    /// now.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    async fn lineage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this customer.")] unified_id: Option<ID>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<LineageEventConnection> {
        let app = ctx.data::<App>()?;
        let cursors = Cursors::of(&app.secret, "lineage");
        let page = Arguments { first, after, last, before }.parse::<i64>(&app.limits, &cursors)?;
        let PageArguments { after, before, .. } = &page;
        let (size, is_from_end) = (page.size, page.is_from_end);
        // Newest first: entries after a cursor have smaller numbers.
        let is_between = |it: &i64| after.is_none_or(|cursor| *it < cursor) && before.is_none_or(|cursor| cursor < *it);
        let one_more = size.saturating_add(1);
        let mut numbers: Vec<i64> = match unified_id {
            Some(id) => {
                let all = numbers_of(app, &id).await?;
                let between = all.into_iter().filter(is_between);
                if is_from_end { between.take(one_more).collect() } else { between.rev().take(one_more).collect() }
            }
            None => {
                let newest = app.store.n_lineage().await.map_err(|it| unavailable(&it))?;
                let low = before.map_or(1, |it| it.saturating_add(1).max(1));
                let high = after.map_or(newest, |it| it.saturating_sub(1).min(newest));
                if is_from_end {
                    (low..=high).take(one_more).collect()
                } else {
                    (low..=high).rev().take(one_more).collect()
                }
            }
        };
        let has_more = size < numbers.len();
        numbers.truncate(size);
        let mut rows = app.store.lineage(&numbers).await.map_err(|it| unavailable(&it))?;
        rows.reverse();
        let mut edges = Vec::with_capacity(rows.len());
        let (numbers, rows): (Vec<i64>, Vec<LineageRow>) = rows.into_iter().unzip();
        for (number, node) in numbers.into_iter().zip(LineageEvent::read(app, &rows).await?) {
            edges.push(LineageEventEdge { node, cursor: cursors.write(&number) });
        }
        Ok(LineageEventConnection {
            nodes: edges.iter().map(|it| it.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
            edges,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct LineageSubscription;

#[Subscription]
impl LineageSubscription {
    /// Every merge and unmerge, once it is on disk.
    async fn lineage_added(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<LineageEvent>> + use<>> {
        authorization::check(ctx, "Subscription", "lineageAdded")?;
        let current = ctx.data::<Current>()?.clone();
        let key = authorization::caller(ctx)?.key.clone();
        let permit = Arc::new(current.subscription_limit.acquire(key, current.limits.subscriptions)?);
        let events = current.app().events.lineage();
        Ok(stream::unfold(Some(events), move |events| {
            let (current, permit) = (current.clone(), permit.clone());
            async move {
                let (mut events, _permit) = (events?, permit);
                match events.recv().await {
                    Ok(row) => {
                        let read = LineageEvent::read(&current.app(), std::slice::from_ref(&row)).await;
                        let event = read.and_then(|mut events| {
                            events.pop().ok_or_else(|| ErrorCode::Internal.with("an event was not read"))
                        });
                        Some((event, Some(events)))
                    }
                    Err(RecvError::Lagged(_)) => {
                        let sentence = "this subscriber reads more slowly than events occur; read the lineage, and subscribe \
                                        again";
                        Some((Err(ErrorCode::SlowConsumer.with(sentence)), None))
                    }
                    Err(RecvError::Closed) => None,
                }
            }
        }))
    }
}

/// The numbers of the events of a unified ID's profile, and of the profiles merged into it.
async fn numbers_of(app: &App, id: &ID) -> Result<BTreeSet<i64>> {
    let id = unified_id_in(id, "unifiedId")?;
    let State { policy, .. } = &*app.state().await?;
    let customers = profile_view::of_ids(&app.store, policy, &[id]).await.map_err(|it| unavailable(&it))?;
    let mut ids = BTreeSet::from([id]);
    ids.extend(customers.values().flat_map(|it| it.members.iter().map(|(_, state)| state.unified_id)));
    let mut numbers = BTreeSet::new();
    for id in ids {
        numbers.extend(app.store.lineage_of(id).await.map_err(|it| unavailable(&it))?);
    }
    Ok(numbers)
}

impl LineageEvent {
    /// Reads the names and causes of rows.
    async fn read(app: &App, rows: &[LineageRow]) -> Result<Vec<Self>> {
        let messages: BTreeSet<Arc<str>> = rows
            .iter()
            .filter_map(|row| if let Cause::Message(id) = &row.cause { Some(Arc::from(id.as_str())) } else { None })
            .collect();
        let messages: Vec<Arc<str>> = messages.into_iter().collect();
        let refs = app.store.message_refs(&messages).await.map_err(|it| unavailable(&it))?;
        let groups: Vec<Vec<NameQuestion>> = rows
            .iter()
            .map(|row| {
                // The message that merged two customers made a link between them, which says nothing of either.
                let linked_before = match &row.cause {
                    Cause::Message(id) => refs.get(id.as_str()).map_or(Timestamp::LATEST, |(at, _)| *at),
                    Cause::Decision(_) | Cause::Retirement(_) | Cause::Policy(_) => Timestamp::LATEST,
                };
                let question =
                    |unified_id: &UnifiedId| NameQuestion { unified_id: *unified_id, at: row.at, linked_before };
                std::iter::once(&row.kept).chain(&row.others).map(question).collect()
            })
            .collect();
        let customers = NamedCustomer::read(app, &groups).await?;
        let mut events = Vec::with_capacity(rows.len());
        for (row, customers) in rows.iter().zip(customers) {
            events.push(Self::of(app, row, customers).await?);
        }
        Ok(events)
    }

    async fn of(app: &App, row: &LineageRow, customers: Vec<NamedCustomer>) -> Result<Self> {
        let mut event = Self {
            customers,
            at: row.at.into(),
            kind: row.kind.into(),
            kept: ID(row.kept.to_string()),
            others: row.others.iter().map(|it| ID(it.to_string())).collect(),
            cause: String::new(),
            message_id: None,
            decision: None,
            retirement: None,
            policy_version: None,
        };
        match &row.cause {
            Cause::Message(id) => {
                "MESSAGE".clone_into(&mut event.cause);
                event.message_id = Some(id.clone());
            }
            Cause::Decision(id) => {
                "DECISION".clone_into(&mut event.cause);
                event.decision = decision_of(app, id).await?;
            }
            Cause::Retirement(id) => {
                "RETIREMENT".clone_into(&mut event.cause);
                let State { policy, .. } = &*app.state().await?;
                event.retirement = policy.retirements().get(id).map(|it| Retirement::from(&**it));
            }
            Cause::Policy(version) => {
                "POLICY".clone_into(&mut event.cause);
                event.policy_version = i32::try_from(*version).ok();
            }
        }
        Ok(event)
    }
}
