//! A customer's events, newest first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_graphql::{Context, Result, SimpleObject};
use profile360_core::{
    message::{self, syntax::whole_characters},
    profile::model::ProfileIdentifier,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    App,
    cursor::Cursors,
    error::{ErrorCode, unavailable},
    pagination::{Arguments, PageArguments, PageInfo},
    profile::Identifier,
    scalars::{DateTime, Json, Platform},
};
use crate::views::profile_view::Customer;

/// An event of a customer.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Event {
    /// The ID of its message.
    message_id: String,
    /// Its name.
    name: String,
    /// The time of the event.
    at: DateTime,
    /// The source that sent it.
    source: String,
    /// The platform of the event.
    platform: Option<Platform>,
    /// The customer's identifier that it is stored under.
    identifier: Identifier,
    /// Its other properties.
    properties: Option<Json>,
}

/// A page of events.
#[derive(Debug, SimpleObject)]
pub(super) struct EventConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<EventEdge>,
    /// The entries of this page.
    nodes: Vec<Event>,
    /// The position of this page in its list.
    page_info: PageInfo,
}

/// An entry of a page of events.
#[derive(Debug, Clone, SimpleObject)]
struct EventEdge {
    /// The entry.
    node: Event,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// A position in the timeline: newest first, then by message ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EventPosition {
    at: Timestamp,
    message_id: String,
}

impl EventPosition {
    fn key(&self) -> (std::cmp::Reverse<Timestamp>, &str) {
        (std::cmp::Reverse(self.at), &self.message_id)
    }
}

/// The shortest span of a read: a minute, in microseconds.
const MIN_SPAN: i64 = 60_000_000;

/// Reads growing spans of time until the page is full. A read returns all events of its span, so that a single read of a busy
/// customer's lifetime would be expensive. The first span would cover two pages if events were spread evenly, so that most pages
/// need one read.
pub(super) async fn timeline(
    ctx: &Context<'_>,
    customer: &Arc<Customer>,
    events: Option<Vec<String>>,
    arguments: Arguments,
) -> Result<EventConnection> {
    let app = ctx.data::<App>()?;
    let cursors = Cursors::of(&app.secret, "timeline");
    let page = arguments.parse::<EventPosition>(&app.limits, &cursors)?;
    let PageArguments { after, before, .. } = &page;
    let (size, is_from_end) = (page.size, page.is_from_end);
    let events: Option<BTreeSet<String>> = events.map(|names| names.into_iter().collect());
    let facets = || customer.members.iter().map(|(_, state)| &state.facts.summary.activity);
    let oldest = facets().filter_map(|it| it.first_message_at).min().unwrap_or(Timestamp::EARLIEST);
    let newest = facets().filter_map(|it| it.last_message_at).max().unwrap_or(Timestamp::LATEST);
    let from = before.as_ref().map_or(oldest, |it| it.at.max(oldest));
    let to = after.as_ref().map_or(newest, |it| it.at.min(newest));
    let n_events: u64 = facets().map(|it| it.event_count).sum();

    let is_between = |position: &EventPosition| {
        after.as_ref().is_none_or(|it| it.key() < position.key())
            && before.as_ref().is_none_or(|it| position.key() < it.key())
    };
    let lifetime = newest.micros().saturating_sub(oldest.micros()).max(0);
    let n_pages = i64::try_from(n_events / (2 * size as u64)).unwrap_or(i64::MAX).saturating_add(1);
    let mut span = (lifetime / n_pages).max(MIN_SPAN);
    let mut found: Vec<(EventPosition, Event)> = Vec::new();
    let (mut low, mut high) = (from, to);
    while low <= high && found.len() <= size {
        let (start, end) = if is_from_end {
            (low, Timestamp::from_micros(low.micros().saturating_add(span)).min(high))
        } else {
            (Timestamp::from_micros(high.micros().saturating_sub(span)).max(low), high)
        };
        let mut part = read(ctx, customer, events.as_ref(), start, end).await?;
        part.retain(|(position, _)| is_between(position));
        part.sort_by(|(a, _), (b, _)| a.key().cmp(&b.key()));
        if is_from_end {
            low = Timestamp::from_micros(end.micros().saturating_add(1));
            part.append(&mut found);
            found = part;
        } else {
            high = Timestamp::from_micros(start.micros().saturating_sub(1));
            found.append(&mut part);
        }
        span = span.saturating_mul(4);
    }

    let has_more = size < found.len();
    if is_from_end {
        found.drain(..found.len().saturating_sub(size));
    } else {
        found.truncate(size);
    }
    let edges: Vec<EventEdge> =
        found.into_iter().map(|(position, node)| EventEdge { node, cursor: cursors.write(&position) }).collect();
    Ok(EventConnection {
        nodes: edges.iter().map(|it| it.node.clone()).collect(),
        page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
        edges,
    })
}

async fn read(
    ctx: &Context<'_>,
    customer: &Customer,
    names: Option<&BTreeSet<String>>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(EventPosition, Event)>> {
    let app = ctx.data::<App>()?;
    let mut found = Vec::new();
    for (identifier, state) in &customer.members {
        if state.facts.summary.activity.event_count == 0 {
            continue;
        }
        let shown = customer.profile.identifiers.iter().find(|it| it.unified_id == state.unified_id);
        let Some(shown) = shown.cloned() else { continue };
        debug_assert_eq!(*shown.value, *identifier.value);
        for row in app.store.events(state.unified_id, from, to).await.map_err(|it| unavailable(&it))? {
            let event = event(&row.payload, row.at, &shown)?;
            let Some(event) = event.filter(|it| names.is_none_or(|names| names.contains(&it.name))) else { continue };
            found.push((EventPosition { at: row.at, message_id: row.message_id }, event));
        }
    }
    Ok(found)
}

/// The deepest nesting of properties that are returned as JSON.
const MAX_DEPTH: usize = 16;

/// Parses a JSON value. A number out of range, and a value that nests too deeply, becomes a string of its text, without an effect on
/// its siblings.
fn readable(value: &str, depth: usize) -> serde_json::Value {
    use serde_json::Value;
    if let Ok(value) = serde_json::from_str(value) {
        return value;
    }
    let fields = || serde_json::from_str::<BTreeMap<String, &RawValue>>(value).ok();
    let items = || serde_json::from_str::<Vec<&RawValue>>(value).ok();
    match value.bytes().next() {
        Some(b'{') if 0 < depth => fields().map(|fields| {
            Value::Object(fields.into_iter().map(|(name, value)| (name, readable(value.get(), depth - 1))).collect())
        }),
        Some(b'[') if 0 < depth => {
            items().map(|items| Value::Array(items.iter().map(|item| readable(item.get(), depth - 1)).collect()))
        }
        _ => None,
    }
    .unwrap_or_else(|| Value::from(value))
}

/// The event of a stored message; `None` if it is of another type. The message was validated when it was accepted, so only the
/// returned fields are parsed. Of duplicate fields the last counts, as in the message parser.
fn event(payload: &str, at: Timestamp, identifier: &Arc<ProfileIdentifier>) -> Result<Option<Event>> {
    let unreadable =
        || ErrorCode::Internal.with("a stored message cannot be read; ask the operator to run `profile360 check`");
    let payload = whole_characters(payload);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&payload).map_err(|_| unreadable())?;
    let text = |name: &str| fields.get(name).and_then(|it| serde_json::from_str::<String>(it.get()).ok());
    if text("type").as_deref() != Some("event") {
        return Ok(None);
    }
    let platform = fields.get("platform").and_then(|it| serde_json::from_str::<message::Platform>(it.get()).ok());
    let properties = fields.get("properties").map(|properties| readable(properties.get(), MAX_DEPTH));
    Ok(Some(Event {
        message_id: text("message_id").ok_or_else(unreadable)?,
        name: text("event").ok_or_else(unreadable)?,
        at: at.into(),
        source: text("source").ok_or_else(unreadable)?,
        platform: platform.map(Platform::from),
        identifier: Identifier(identifier.clone()),
        properties: properties.filter(|it| *it != serde_json::Value::Null).map(Json),
    }))
}
