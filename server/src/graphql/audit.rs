//! The `auditLog` query: who read personal data, and of which customers.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use profile360_core::time::Timestamp;
use profile360_store::AuditRow;
use serde_json::json;

use super::{
    App,
    cursor::Cursors,
    error::{ErrorCode, unavailable},
    operator_action::{ids_of_customer, parse_span},
    pagination::{Arguments, PageArguments, PageInfo},
    scalars::{DateTime, Json},
};

/// What the holder of a key did, without the data itself.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct AuditEntry {
    /// The time of the action.
    at: DateTime,
    /// The name of the key's holder.
    actor: String,
    /// READ (unmasked personal data), LOOK_UP (a customer was found by something personal), CHANGE (a decision or a policy),
    /// AUDIT (this record) or EXPORT (the customer list; by the actor `local`, the whole database on the command line).
    action: String,
    /// The unified ID of the customer, if it is one.
    subject: Option<String>,
    /// `key`, `role`, `operation`, `by` (`identifier`, `search`, `orderBy`, `filter`: what selected the customers in the answer),
    /// `unifiedIds` (those of identifiers, where no customer was read) and `count`. An entry names at most 100 customers; a
    /// longer answer has several entries, with the same time and the same count.
    detail: Option<Json>,
}

/// A page of the audit log.
#[derive(Debug, SimpleObject)]
pub(super) struct AuditEntryConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<AuditEntryEdge>,
    /// The entries of this page.
    nodes: Vec<AuditEntry>,
    /// The position of this page in its list.
    page_info: PageInfo,
}

/// An entry of a page of the audit log.
#[derive(Debug, SimpleObject)]
struct AuditEntryEdge {
    /// The entry.
    node: AuditEntry,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

const ACTIONS: [&str; 5] = ["READ", "LOOK_UP", "CHANGE", "AUDIT", "EXPORT"];

#[derive(Debug, Default)]
pub(super) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log: who read personal data, newest first. It contains no personal data of customers.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    #[expect(clippy::too_many_arguments, reason = "the published schema has as many")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only entries of this action.")] action: Option<String>,
        #[graphql(desc = "Only entries of the key with this name.")] actor: Option<String>,
        #[graphql(desc = "Only entries at this time or later.")] from: Option<DateTime>,
        #[graphql(desc = "Only entries before this time.")] to: Option<DateTime>,
        #[graphql(desc = "Only entries that name this customer, or an identifier of this customer.")]
        unified_id: Option<ID>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<AuditEntryConnection> {
        const CHUNK: usize = 500;
        if action.as_ref().is_some_and(|action| !ACTIONS.contains(&action.as_str())) {
            let sentence = format!("action: use one of {}", ACTIONS.join(", "));
            return Err(ErrorCode::BadUserInput.with(sentence));
        }
        let app = ctx.data::<App>()?;
        let cursors = Cursors::of(&app.secret, "auditLog");
        let page = Arguments { first, after, last, before }.parse::<i64>(&app.limits, &cursors)?;
        let PageArguments { after, before, .. } = &page;
        let (size, is_from_end) = (page.size, page.is_from_end);
        let (from, to) = parse_span(from.as_ref(), to.as_ref())?;
        let about = match unified_id {
            Some(id) => Some(ids_of_customer(app, &id, "unifiedId").await?),
            None => None,
        };
        let newest = app.store.n_audited().await.map_err(|it| unavailable(&it))?;
        // Entries are numbered in the order of their times.
        let oldest_wanted = match from {
            Some(from) => first_since(app, from, newest).await?,
            None => 1,
        };
        let newest_wanted = match to {
            Some(to) => first_since(app, to, newest).await?.saturating_sub(1),
            None => newest,
        };
        // Newest first: entries after a cursor have smaller numbers.
        let mut low = before.map_or(1, |it| it.saturating_add(1)).max(oldest_wanted);
        let mut high = after.map_or(newest, |it| it.saturating_sub(1)).min(newest_wanted);
        let is_wanted = |row: &AuditRow| {
            action.as_ref().is_none_or(|it| *it == row.action)
                && actor.as_ref().is_none_or(|it| *it == row.actor)
                && about.as_ref().is_none_or(|ids| row.subjects.iter().any(|subject| ids.contains(subject)))
        };
        let mut found: Vec<(i64, AuditRow)> = Vec::new();
        while low <= high && found.len() <= size {
            let numbers: Vec<i64> =
                if is_from_end { (low..=high).take(CHUNK).collect() } else { (low..=high).rev().take(CHUNK).collect() };
            let n_read = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
            if is_from_end {
                low += n_read;
            } else {
                high -= n_read;
            }
            let mut rows = app.store.audit(&numbers).await.map_err(|it| unavailable(&it))?;
            if !is_from_end {
                rows.reverse();
            }
            found.extend(rows.into_iter().filter(|(_, row)| is_wanted(row)));
        }
        let has_more = size < found.len();
        found.truncate(size);
        if is_from_end {
            found.reverse();
        }
        let edge = |(number, row): (i64, AuditRow)| AuditEntryEdge { node: row.into(), cursor: cursors.write(&number) };
        let edges: Vec<AuditEntryEdge> = found.into_iter().map(edge).collect();
        Ok(AuditEntryConnection {
            nodes: edges.iter().map(|it| it.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
            edges,
        })
    }
}

/// The number of the first entry at a time or later; one more than the last number if there is none. Numbers whose entries are
/// missing count as earlier.
async fn first_since(app: &App, at: Timestamp, newest: i64) -> Result<i64> {
    let (mut low, mut high) = (1, newest.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let rows = app.store.audit(&[middle]).await.map_err(|it| unavailable(&it))?;
        if rows.first().is_some_and(|(_, row)| at <= row.at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let ids: Vec<String> = row.subjects.iter().map(ToString::to_string).collect();
        Self {
            at: row.at.into(),
            actor: row.actor,
            action: row.action,
            subject: ids.first().filter(|_| row.n_subjects == 1).cloned(),
            detail: Some(Json(json!({
                "key": row.key, "role": row.role, "operation": row.operation, "by": row.by, "unifiedIds": ids,
                "count": row.n_subjects,
            }))),
        }
    }
}
