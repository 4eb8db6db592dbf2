//! A customer's events, newest first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_graphql::{ComplexObject, Context, Enum, InputObject, Result, SimpleObject};
use profile360_core::{
    graph::rows::ClusterKey,
    identifier::UnifiedId,
    message::{
        self,
        order::Line,
        parse::{accepted::Accepted, parse_kept},
        syntax::whole_characters,
    },
    profile::model::ProfileIdentifier,
    purchases::refunds::{Refunded, each_refund},
    search::names::normal_name,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    App,
    access_recorder::{By, decided_by},
    authorization::only_unmasked,
    cursor::Cursors,
    error::{ErrorCode, unavailable},
    loaders::Loaders,
    pagination::{Arguments, PageArguments, PageInfo},
    profile::Identifier,
    profiles::DateTimeRange,
    scalars::{DateTime, Decimal, Json, Platform, count},
};
use crate::{
    auth::masking,
    views::{
        customer_cache::{RecentEvent, RecentEvents},
        profile_view::Customer,
    },
};

/// An event of a customer.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
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
    #[graphql(skip)]
    origin: Arc<Origin>,
}

/// What the purchase of an event is computed from.
#[derive(Debug)]
struct Origin {
    key: ClusterKey,
    unified_id: UnifiedId,
    session_id: Option<String>,
    payload: String,
}

#[ComplexObject]
impl Event {
    /// Marks the events of one session; null if its message names none. It is a keyed hash, as a session's own ID may be personal.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(session_id) = &self.origin.session_id else { return Ok(None) };
        Ok(Some(masking::keyed(session_id, &ctx.data::<App>()?.secret)))
    }

    /// What a purchase or a refund comes to; null for other events.
    #[graphql(complexity = "5 + child_complexity")]
    async fn purchase(&self, ctx: &Context<'_>) -> Result<Option<EventPurchase>> {
        if self.name != "df_purchase" && self.name != "df_refund" {
            return Ok(None);
        }
        let app = ctx.data::<App>()?;
        let Origin { key, unified_id, payload, .. } = &*self.origin;
        // A message that the active policy cannot read counts as no purchase.
        let Ok(Accepted { message, .. }) = parse_kept(payload, &app.policy) else { return Ok(None) };
        let purchased = ctx.data::<Loaders>()?.purchases(*key, *unified_id).await?;
        let prices = self.prices();
        if let Some(order) = message.order {
            let counts = purchased.orders.iter().any(|it| it.message_id == order.message_id);
            let items = items(order.lines, &prices);
            let (kind, amount, currency) =
                (EventPurchaseKind::Order, Decimal(order.amount.normalize()), order.currency.as_str().to_owned());
            return Ok(Some(EventPurchase { kind, amount, currency, counts, items }));
        }
        let Some(refund) = message.refund else { return Ok(None) };
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let all = each_refund(&orders, &refunds, app.policy.currency);
        let Some(Refunded { amount, currency, counts }) = all.get(&*refund.message_id) else { return Ok(None) };
        let (kind, amount, currency) =
            (EventPurchaseKind::Refund, Decimal(amount.normalize()), currency.as_str().to_owned());
        Ok(Some(EventPurchase { kind, amount, currency, counts: *counts, items: items(refund.lines, &prices) }))
    }
}

impl Event {
    /// The price of each item, as its message writes it.
    fn prices(&self) -> Vec<Option<Decimal>> {
        let items = self.properties.as_ref().and_then(|it| it.0.get("df_items")?.as_array());
        let price = |item: &serde_json::Value| {
            let text = match item.get("df_price")? {
                serde_json::Value::String(text) => text.trim().to_owned(),
                number @ serde_json::Value::Number(_) => number.to_string(),
                _ => return None,
            };
            rust_decimal::Decimal::from_str_exact(&text).ok().map(|it| Decimal(it.normalize()))
        };
        items.into_iter().flatten().map(price).collect()
    }
}

/// Whether something was bought or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum EventPurchaseKind {
    /// An order.
    Order,
    /// A refund.
    Refund,
}

/// What a purchase or a refund comes to.
#[derive(Debug, SimpleObject)]
struct EventPurchase {
    /// An order or a refund.
    kind: EventPurchaseKind,
    /// The amount of the order, or the amount that the refund gives back; never negative.
    amount: Decimal,
    /// The currency of the amount (ISO 4217).
    currency: String,
    /// Whether it counts: of several messages about one order the latest does, of several about one refund the first.
    counts: bool,
    /// What was bought or given back, in the order of the message.
    items: Vec<PurchasedItem>,
}

/// An item of a purchase or of a refund.
#[derive(Debug, SimpleObject)]
struct PurchasedItem {
    /// The ID of the product.
    item_id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Its major category.
    category: Option<String>,
    /// Units.
    quantity: i32,
    /// The price of a unit; null if the message has none.
    price: Option<Decimal>,
    /// The amount of the line; null if a refund names no amount, so that the prices of the order count.
    amount: Option<Decimal>,
}

fn items(lines: Vec<Line>, prices: &[Option<Decimal>]) -> Vec<PurchasedItem> {
    let text = |it: Arc<str>| it.to_string();
    let item = |(position, line): (usize, Line)| PurchasedItem {
        item_id: line.item_id.map(text),
        name: line.name.map(text),
        category: line.category.map(text),
        quantity: count(u64::from(line.quantity)),
        price: prices.get(position).copied().flatten(),
        amount: (!line.unpriced).then(|| Decimal(line.amount.normalize())),
    };
    lines.into_iter().enumerate().map(item).collect()
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

/// The names of a customer's events, with counts.
#[derive(Debug, SimpleObject)]
pub(super) struct EventNames {
    /// The names, in alphabetical order.
    names: Vec<EventName>,
    /// Null if all events are counted; else only those at this time or later are, the newest 10,000 or a few more.
    counted_from: Option<DateTime>,
}

/// How many events have a name.
#[derive(Debug, SimpleObject)]
struct EventName {
    /// The name.
    name: String,
    /// The number of events.
    count: i32,
}

/// A text to search for in a customer's events.
#[derive(Debug, InputObject)]
pub(super) struct TimelineSearch {
    /// Words; each must occur in the event's name or source, or in a value of its properties. At most 200 characters.
    text: String,
    /// Whole names or values that match, too, such as codes whose translations contain the text. At most 100.
    codes: Option<Vec<String>>,
}

/// Which events of a timeline.
#[derive(Debug, Default)]
pub(super) struct TimelineFilter {
    pub events: Option<Vec<String>>,
    pub search: Option<TimelineSearch>,
    pub at: Option<DateTimeRange>,
}

/// A position in the timeline: newest first, then by message ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EventPosition {
    at: Timestamp,
    message_id: String,
}

impl TimelineFilter {
    fn is_empty(&self) -> bool {
        self.events.is_none() && self.search.is_none() && self.at.is_none()
    }
}

impl EventPosition {
    fn key(&self) -> (std::cmp::Reverse<Timestamp>, &str) {
        (std::cmp::Reverse(self.at), &self.message_id)
    }
}

/// The shortest span of a read: a minute, in microseconds.
const MIN_SPAN: i64 = 60_000_000;
/// The number of messages in a read from which on the next read does not span more time.
const MANY: usize = 200;
/// The number of messages after which a page ends, even if it is not full.
const MOST_READ: usize = 2_000;
/// The number of newest events that are cached.
const KEPT_RECENT: usize = 25;
/// The number of events after which no more are counted.
const MOST_COUNTED: usize = 10_000;

/// Reads growing spans of time until the page is full. A read returns all events of its span, so that a single read of a busy
/// customer's lifetime would be expensive. The first span would cover two pages if events were spread evenly, so that most pages
/// need one read.
///
/// Few events may pass a filter, so the page ends after [`MOST_READ`] messages, and its cursor says where.
pub(super) async fn timeline(
    ctx: &Context<'_>,
    customer: &Arc<Customer>,
    filter: TimelineFilter,
    arguments: Arguments,
) -> Result<EventConnection> {
    let app = ctx.data::<App>()?;
    let cursors = Cursors::of(&app.secret, "timeline");
    let page = arguments.parse::<EventPosition>(&app.limits, &cursors)?;
    let PageArguments { after, before, .. } = &page;
    let (size, is_from_end) = (page.size, page.is_from_end);
    if filter.search.is_some() {
        only_unmasked(ctx, "a search in the timeline")?;
        decided_by(ctx, By::Search);
    }
    // Most pages are the first one, without properties.
    let is_first = after.is_none() && before.is_none() && !is_from_end && size <= KEPT_RECENT && filter.is_empty();
    let is_brief = is_first && !asks_for_texts(ctx);
    let wanted = Wanted::of(filter.events, filter.search)?;
    let lifetime = Lifetime::of(customer);
    let (mut low, mut high) = (lifetime.oldest, lifetime.newest);
    if let Some(DateTimeRange { from, before }) = filter.at {
        if let Some(from) = from {
            low = low.max(from.required("at.from")?);
        }
        if let Some(before) = before {
            high = high.min(Timestamp::from_micros(before.required("at.before")?.micros().saturating_sub(1)));
        }
    }
    low = before.as_ref().map_or(low, |it| it.at.max(low));
    high = after.as_ref().map_or(high, |it| it.at.min(high));

    let is_between = |position: &EventPosition| {
        after.as_ref().is_none_or(|it| it.key() < position.key())
            && before.as_ref().is_none_or(|it| position.key() < it.key())
    };
    let mut span = lifetime.span_of(2 * size);
    let mut n_read = 0;
    let mut found: Vec<(EventPosition, Event)> = Vec::new();
    let loaders = ctx.data::<Loaders>()?;
    let recent = if is_brief { loaders.recent_events(customer).await? } else { None };
    let is_cached = recent.as_ref().is_some_and(|recent| recent.are_all || size < recent.events.len());
    if let Some(recent) = recent.filter(|_| is_cached) {
        found = recent.events.iter().map(|it| brief_event(it, customer)).collect();
        // Nothing is left to read.
        high = Timestamp::from_micros(low.micros().saturating_sub(1));
    }
    while low <= high && found.len() <= size && n_read < MOST_READ {
        let (start, end) = if is_from_end {
            (low, Timestamp::from_micros(low.micros().saturating_add(span)).min(high))
        } else {
            (Timestamp::from_micros(high.micros().saturating_sub(span)).max(low), high)
        };
        let rows = rows(ctx, customer, start, end).await?;
        if rows.len() < MANY {
            span = span.saturating_mul(4);
        }
        n_read += rows.len();
        let mut part = Vec::new();
        for row in rows.into_iter().filter(|it| is_between(&it.position)) {
            let position = row.position.clone();
            part.extend(event(row, customer, &wanted)?.map(|event| (position, event)));
        }
        part.sort_by(|(a, _), (b, _)| a.key().cmp(&b.key()));
        if is_from_end {
            low = Timestamp::from_micros(end.micros().saturating_add(1));
            part.append(&mut found);
            found = part;
        } else {
            high = Timestamp::from_micros(start.micros().saturating_sub(1));
            found.append(&mut part);
        }
    }

    if is_first && !is_cached {
        let kept = found.iter().take(KEPT_RECENT + 1);
        let events = kept.map(|(position, event)| recent_event(position, event)).collect();
        let are_all = high < low && found.len() <= KEPT_RECENT + 1;
        loaders.remember_events(customer, RecentEvents { events, are_all }).await?;
    }
    let has_more = size < found.len();
    let is_cut_short = !has_more && low <= high;
    if is_from_end {
        found.drain(..found.len().saturating_sub(size));
    } else {
        found.truncate(size);
    }
    let edges: Vec<EventEdge> =
        found.into_iter().map(|(position, node)| EventEdge { node, cursor: cursors.write(&position) }).collect();
    let mut page_info = page.page_info(has_more || is_cut_short, edges.iter().map(|it| &it.cursor));
    if is_cut_short {
        // No message ID is empty, so this precedes all messages of its time.
        let at = if is_from_end { Timestamp::from_micros(low.micros().saturating_sub(1)) } else { high };
        let cursor = Some(cursors.write(&EventPosition { at, message_id: String::new() }));
        if is_from_end {
            page_info.start_cursor = cursor;
        } else {
            page_info.end_cursor = cursor;
        }
    }
    Ok(EventConnection { nodes: edges.iter().map(|it| it.node.clone()).collect(), page_info, edges })
}

/// Whether a query asks for parts of events that only their messages have.
fn asks_for_texts(ctx: &Context<'_>) -> bool {
    let asked = ctx.look_ahead();
    let nodes = [asked.field("nodes"), asked.field("edges").field("node")];
    nodes.iter().any(|node| ["properties", "purchase"].iter().any(|field| node.field(field).exists()))
}

/// The same event without its properties and its message.
fn recent_event(position: &EventPosition, event: &Event) -> RecentEvent {
    RecentEvent {
        at: position.at,
        message_id: position.message_id.clone(),
        name: event.name.clone(),
        source: event.source.clone(),
        platform: event.platform.map(message::Platform::from),
        identifier: event.identifier.0.clone(),
        session_id: event.origin.session_id.clone(),
    }
}

fn brief_event(it: &RecentEvent, customer: &Customer) -> (EventPosition, Event) {
    let (key, unified_id) = (customer.key, customer.profile.unified_id);
    let origin = Origin { key, unified_id, session_id: it.session_id.clone(), payload: String::new() };
    let event = Event {
        message_id: it.message_id.clone(),
        name: it.name.clone(),
        at: it.at.into(),
        source: it.source.clone(),
        platform: it.platform.map(Platform::from),
        identifier: Identifier(it.identifier.clone()),
        properties: None,
        origin: Arc::new(origin),
    };
    (EventPosition { at: it.at, message_id: it.message_id.clone() }, event)
}

/// Counts events by name, newest first, up to [`MOST_COUNTED`].
pub(super) async fn event_names(ctx: &Context<'_>, customer: &Customer) -> Result<EventNames> {
    let lifetime = Lifetime::of(customer);
    let mut span = lifetime.span_of(MANY);
    let mut high = lifetime.newest;
    let mut n_read = 0;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    while lifetime.oldest <= high && n_read < MOST_COUNTED {
        let start = Timestamp::from_micros(high.micros().saturating_sub(span)).max(lifetime.oldest);
        let rows = rows(ctx, customer, start, high).await?;
        if rows.len() < MANY {
            span = span.saturating_mul(4);
        }
        n_read += rows.len();
        for name in rows.iter().filter_map(|it| event_name(&it.payload)) {
            *counts.entry(name).or_default() += 1;
        }
        high = Timestamp::from_micros(start.micros().saturating_sub(1));
    }
    let counted_from =
        (lifetime.oldest <= high).then(|| Timestamp::from_micros(high.micros().saturating_add(1)).into());
    let names = counts.into_iter().map(|(name, n)| EventName { name, count: count(n) }).collect();
    Ok(EventNames { names, counted_from })
}

/// The times of a customer's first and last message, and the number of events.
struct Lifetime {
    oldest: Timestamp,
    newest: Timestamp,
    n_events: u64,
}

impl Lifetime {
    fn of(customer: &Customer) -> Self {
        let facets = || customer.members.iter().map(|(_, state)| &state.facts.summary.activity);
        Self {
            oldest: facets().filter_map(|it| it.first_message_at).min().unwrap_or(Timestamp::EARLIEST),
            newest: facets().filter_map(|it| it.last_message_at).max().unwrap_or(Timestamp::LATEST),
            n_events: facets().map(|it| it.event_count).sum(),
        }
    }

    /// The span of a number of events if they were spread evenly, in microseconds.
    fn span_of(&self, n_wanted: usize) -> i64 {
        let micros = self.newest.micros().saturating_sub(self.oldest.micros()).max(0);
        let n_spans = i64::try_from(self.n_events / n_wanted.max(1) as u64).unwrap_or(i64::MAX).saturating_add(1);
        (micros / n_spans).max(MIN_SPAN)
    }
}

/// Which events are wanted.
struct Wanted {
    names: Option<BTreeSet<String>>,
    words: Vec<String>,
    codes: BTreeSet<String>,
}

impl Wanted {
    fn of(names: Option<Vec<String>>, search: Option<TimelineSearch>) -> Result<Self> {
        const MOST_CHARACTERS: usize = 200;
        const MOST_CODES: usize = 100;
        let (text, codes) = search.map_or_else(Default::default, |it| (it.text, it.codes.unwrap_or_default()));
        if MOST_CHARACTERS < text.chars().count() {
            let sentence = format!("search.text: use at most {MOST_CHARACTERS} characters");
            return Err(ErrorCode::BadUserInput.with(sentence));
        }
        if MOST_CODES < codes.len() {
            return Err(ErrorCode::BadUserInput.with(format!("search.codes: use at most {MOST_CODES}")));
        }
        Ok(Self {
            names: names.map(|names| names.into_iter().collect()),
            words: normal_name(&text).split_whitespace().map(str::to_owned).collect(),
            codes: codes.into_iter().collect(),
        })
    }

    fn has_name(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Whether the search finds an event.
    fn finds(&self, name: &str, source: &str, properties: Option<&serde_json::Value>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut texts = vec![name.to_owned(), source.to_owned()];
        if let Some(properties) = properties {
            collect_texts(properties, &mut texts);
        }
        if texts.iter().any(|it| self.codes.contains(it)) {
            return true;
        }
        let texts: Vec<String> = texts.iter().map(|it| normal_name(it)).collect();
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
    }
}

/// The texts and numbers in a JSON value. It nests at most [`MAX_DEPTH`] deep, and as deep as serde_json reads below that.
fn collect_texts(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Number(number) => texts.push(number.to_string()),
        serde_json::Value::Array(values) => values.iter().for_each(|it| collect_texts(it, texts)),
        serde_json::Value::Object(fields) => fields.values().for_each(|it| collect_texts(it, texts)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// A stored message of a customer.
struct Row {
    position: EventPosition,
    payload: String,
    identifier: Arc<ProfileIdentifier>,
}

async fn rows(ctx: &Context<'_>, customer: &Customer, from: Timestamp, to: Timestamp) -> Result<Vec<Row>> {
    let app = ctx.data::<App>()?;
    let mut found = Vec::new();
    for (identifier, state) in &customer.members {
        if state.facts.summary.activity.event_count == 0 {
            continue;
        }
        let shown = customer.profile.identifiers.iter().find(|it| it.unified_id == state.unified_id);
        let Some(shown) = shown else { continue };
        debug_assert_eq!(*shown.value, *identifier.value);
        let rows = app.store.events(state.unified_id, from, to).await.map_err(|it| unavailable(&it))?;
        found.extend(rows.into_iter().map(|row| Row {
            position: EventPosition { at: row.at, message_id: row.message_id },
            payload: row.payload,
            identifier: shown.clone(),
        }));
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

/// The name of the event of a stored message; `None` if it is of another type.
fn event_name(payload: &str) -> Option<String> {
    let payload = whole_characters(payload);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&payload).ok()?;
    let text = |name: &str| serde_json::from_str::<String>(fields.get(name)?.get()).ok();
    text("type").filter(|it| it == "event").and_then(|_| text("event"))
}

/// The event of a stored message; `None` if it is of another type or not wanted. The message was validated when it was accepted, so
/// only the returned fields are parsed. Of duplicate fields the last counts, as in the message parser.
fn event(row: Row, customer: &Customer, wanted: &Wanted) -> Result<Option<Event>> {
    let unreadable =
        || ErrorCode::Internal.with("a stored message cannot be read; ask the operator to run `profile360 check`");
    let payload = whole_characters(&row.payload);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&payload).map_err(|_| unreadable())?;
    let text = |name: &str| fields.get(name).and_then(|it| serde_json::from_str::<String>(it.get()).ok());
    if text("type").as_deref() != Some("event") {
        return Ok(None);
    }
    let name = text("event").ok_or_else(unreadable)?;
    if !wanted.has_name(&name) {
        return Ok(None);
    }
    let source = text("source").ok_or_else(unreadable)?;
    let properties = fields.get("properties").map(|properties| readable(properties.get(), MAX_DEPTH));
    if !wanted.finds(&name, &source, properties.as_ref()) {
        return Ok(None);
    }
    let platform = fields.get("platform").and_then(|it| serde_json::from_str::<message::Platform>(it.get()).ok());
    let (message_id, session_id) = (text("message_id").ok_or_else(unreadable)?, text("session_id"));
    drop(fields);
    Ok(Some(Event {
        message_id,
        name,
        at: row.position.at.into(),
        source,
        platform: platform.map(Platform::from),
        identifier: Identifier(row.identifier),
        properties: properties.filter(|it| *it != serde_json::Value::Null).map(Json),
        origin: Arc::new(Origin {
            key: customer.key,
            unified_id: customer.profile.unified_id,
            session_id,
            payload: payload.into_owned(),
        }),
    }))
}
