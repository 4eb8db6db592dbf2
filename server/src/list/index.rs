//! The index: every order sorted, words of names, filters.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    iter::FusedIterator,
    ops::Bound,
    sync::Arc,
};

use chrono::NaiveDate;
use profile360_core::{identifier::UnifiedId, message::Platform, plan::CellKey, time::Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::row::ListRow;

/// What the list can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderField {
    LastActivity,
    FirstAccess,
    LastUpdated,
    Name,
    PurchaseAmount12m,
    PurchaseCount12m,
}

const ORDERS: [OrderField; 6] = [
    OrderField::LastActivity,
    OrderField::FirstAccess,
    OrderField::LastUpdated,
    OrderField::Name,
    OrderField::PurchaseAmount12m,
    OrderField::PurchaseCount12m,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What a row is sorted by. `Missing` comes last in either direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortKey {
    Number(i64),
    Amount(Decimal),
    Text(String),
    Missing,
}

/// A place in an order: what cursors hold. Two customers never have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub key: SortKey,
    pub id: UnifiedId,
}

/// What customers must be like; what is empty or missing lets everyone through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub platforms: Vec<Platform>,
    /// Codes of api.graphql.
    pub genders: Vec<String>,
    pub age_groups: Vec<String>,
    pub membership_levels: Vec<String>,
    pub countries: Vec<String>,
    pub recent_areas: Vec<String>,
    /// Kinds of which a customer must have one each.
    pub has_identifier: Vec<String>,
    pub last_activity: (Option<Timestamp>, Option<Timestamp>),
    pub first_access: (Option<Timestamp>, Option<Timestamp>),
    pub purchase_count: (Option<i64>, Option<i64>),
    pub purchase_amount: (Option<Decimal>, Option<Decimal>),
    /// Names and values in canonical JSON.
    pub attributes: Vec<(String, String)>,
}

/// One page of one order.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub field: OrderField,
    pub direction: Direction,
    pub size: usize,
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// The last rows of what is between the cursors, not the first.
    pub is_from_end: bool,
}

/// Rows in the order asked for, and whether there are more on either side.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<(Position, CellKey, Arc<ListRow>)>,
    pub has_next: bool,
    pub has_previous: bool,
    /// How many customers there are, whatever the page.
    pub total: usize,
}

/// All rows, found by every order.
#[derive(Debug, Default)]
pub struct Index {
    rows: BTreeMap<CellKey, Arc<ListRow>>,
    /// In the order of [`ORDERS`].
    orders: [BTreeMap<Position, CellKey>; 6],
    /// By words of names, in lower case.
    words: BTreeSet<(Box<str>, CellKey)>,
}

impl Index {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn row(&self, key: CellKey) -> Option<Arc<ListRow>> {
        self.rows.get(&key).cloned()
    }

    pub(super) fn put(&mut self, key: CellKey, row: ListRow) {
        self.remove(key);
        let row = Arc::new(row);
        for (order, field) in self.orders.iter_mut().zip(ORDERS) {
            order.insert(position(&row, field), key);
        }
        self.words.extend(words(&row).map(|word| (word, key)));
        self.rows.insert(key, row);
    }

    pub(super) fn remove(&mut self, key: CellKey) {
        let Some(row) = self.rows.remove(&key) else { return };
        for (order, field) in self.orders.iter_mut().zip(ORDERS) {
            let position = position(&row, field);
            // A merged customer may have taken this unified ID, and with it the place, already.
            if order.get(&position) == Some(&key) {
                order.remove(&position);
            }
        }
        for word in words(&row) {
            self.words.remove(&(word, key));
        }
    }

    /// The rows whose figures are others on that date.
    pub(super) fn due(&self, today: NaiveDate) -> Vec<CellKey> {
        self.rows.iter().filter(|(_, row)| row.is_due(today)).map(|(key, _)| *key).collect()
    }

    /// Customers that have a word in their name that begins so.
    pub fn named(&self, beginning: &str) -> BTreeSet<CellKey> {
        let mut parts = beginning.split_whitespace().map(|part| self.with_word(&part.to_lowercase()));
        let Some(first) = parts.next() else { return BTreeSet::new() };
        parts.fold(first, |found, part| found.intersection(&part).copied().collect())
    }

    fn with_word(&self, beginning: &str) -> BTreeSet<CellKey> {
        let nil = CellKey(UnifiedId(uuid::Uuid::nil()));
        self.words
            .range((Box::from(beginning), nil)..)
            .take_while(|(word, _)| word.starts_with(beginning))
            .map(|(_, key)| *key)
            .collect()
    }

    /// A page of all customers that pass the filter, or of those among `only`.
    pub fn page(&self, request: &PageRequest, filter: &Filter, only: Option<&BTreeSet<CellKey>>) -> Page {
        let passes = |key: CellKey| self.rows.get(&key).is_some_and(|row| filter.lets_through(row));
        match only {
            None if filter.is_open() => self.page_of(self.order(request.field), request, |_| true, self.rows.len()),
            None => {
                let total = self.rows.values().filter(|row| filter.lets_through(row)).count();
                self.page_of(self.order(request.field), request, passes, total)
            }
            Some(keys) => {
                let order: BTreeMap<Position, CellKey> = keys
                    .iter()
                    .filter(|key| passes(**key))
                    .filter_map(|key| Some((position(self.rows.get(key)?, request.field), *key)))
                    .collect();
                self.page_of(&order, request, |_| true, order.len())
            }
        }
    }

    fn order(&self, field: OrderField) -> &BTreeMap<Position, CellKey> {
        let number = ORDERS.iter().position(|it| *it == field).unwrap_or(0);
        &self.orders[number]
    }

    fn page_of(
        &self,
        order: &BTreeMap<Position, CellKey>,
        request: &PageRequest,
        passes: impl Fn(CellKey) -> bool,
        total: usize,
    ) -> Page {
        // Reading from the end is reading the other way with the cursors exchanged, and turning the page round.
        let (direction, start, end) = if request.is_from_end {
            (request.direction.reversed(), &request.before, &request.after)
        } else {
            (request.direction, &request.after, &request.before)
        };
        let is_missing_first = request.is_from_end;
        let is_before_end = |it: &Position| match end {
            Some(end) => comes_before(it, end, direction, is_missing_first),
            None => true,
        };
        let mut found: Vec<(Position, CellKey, Arc<ListRow>)> = Vec::with_capacity(request.size.min(1_000) + 1);
        for (position, key) in walk(order, direction, is_missing_first, start.as_ref()) {
            if !is_before_end(position) || request.size < found.len() {
                break;
            }
            if let Some(row) = self.rows.get(key).filter(|_| passes(*key)) {
                found.push((position.clone(), *key, row.clone()));
            }
        }
        let has_more = request.size < found.len();
        found.truncate(request.size);
        // Relay: what lies behind the cursor is told where it can be told cheaply.
        let has_behind = start.is_some();
        if request.is_from_end {
            found.reverse();
            Page { rows: found, has_next: has_behind, has_previous: has_more, total }
        } else {
            Page { rows: found, has_next: has_more, has_previous: has_behind, total }
        }
    }
}

/// Whether one place comes before another when reading in a direction.
fn comes_before(one: &Position, other: &Position, direction: Direction, is_missing_first: bool) -> bool {
    let is_missing = |it: &Position| it.key == SortKey::Missing;
    match (is_missing(one), is_missing(other)) {
        (true, false) => is_missing_first,
        (false, true) => !is_missing_first,
        _ => match direction {
            Direction::Ascending => one < other,
            Direction::Descending => other < one,
        },
    }
}

/// Reads an order in a direction from behind a place: rows that have the key and rows that miss it, either part in turn.
fn walk<'i>(
    order: &'i BTreeMap<Position, CellKey>,
    direction: Direction,
    is_missing_first: bool,
    start: Option<&Position>,
) -> impl Iterator<Item = (&'i Position, &'i CellKey)> {
    let missing_from = Position { key: SortKey::Missing, id: UnifiedId(uuid::Uuid::nil()) };
    let present = (Bound::Unbounded, Bound::Excluded(missing_from.clone()));
    let missing = (Bound::Included(missing_from), Bound::Unbounded);
    let parts = if is_missing_first { [missing, present] } else { [present, missing] };
    let first_part = match start {
        Some(start) if (start.key == SortKey::Missing) != is_missing_first => 1,
        _ => 0,
    };
    let ranges: Vec<Walk<'i>> = parts
        .into_iter()
        .enumerate()
        .skip(first_part)
        .map(|(number, (mut from, mut to))| {
            if let Some(start) = start.filter(|_| number == first_part) {
                match direction {
                    Direction::Ascending => from = Bound::Excluded(start.clone()),
                    Direction::Descending => to = Bound::Excluded(start.clone()),
                }
            }
            let range = order.range((from, to));
            match direction {
                Direction::Ascending => Walk::Ascending(range),
                Direction::Descending => Walk::Descending(range.rev()),
            }
        })
        .collect();
    ranges.into_iter().flatten()
}

enum Walk<'i> {
    Ascending(btree_map::Range<'i, Position, CellKey>),
    Descending(std::iter::Rev<btree_map::Range<'i, Position, CellKey>>),
}

impl<'i> Iterator for Walk<'i> {
    type Item = (&'i Position, &'i CellKey);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Ascending(it) => it.next(),
            Self::Descending(it) => it.next(),
        }
    }
}

impl FusedIterator for Walk<'_> {}

fn position(row: &ListRow, field: OrderField) -> Position {
    let count = |it: u64| SortKey::Number(i64::try_from(it).unwrap_or(i64::MAX));
    let key = match field {
        OrderField::LastActivity => SortKey::Number(row.last_activity.micros()),
        OrderField::FirstAccess => SortKey::Number(row.first_access.micros()),
        OrderField::LastUpdated => SortKey::Number(row.last_updated.micros()),
        OrderField::Name => row.name.as_ref().map_or(SortKey::Missing, |it| SortKey::Text(it.to_lowercase())),
        OrderField::PurchaseAmount12m => SortKey::Amount(row.window.amount),
        OrderField::PurchaseCount12m => count(row.window.count),
    };
    Position { key, id: row.unified_id }
}

fn words(row: &ListRow) -> impl Iterator<Item = Box<str>> {
    let name = row.name.as_deref().unwrap_or_default().to_lowercase();
    let words: Vec<Box<str>> = name.split_whitespace().map(Box::from).collect();
    words.into_iter()
}

impl Filter {
    fn is_open(&self) -> bool {
        self.platforms.is_empty()
            && self.genders.is_empty()
            && self.age_groups.is_empty()
            && self.membership_levels.is_empty()
            && self.countries.is_empty()
            && self.recent_areas.is_empty()
            && self.has_identifier.is_empty()
            && self.last_activity == (None, None)
            && self.first_access == (None, None)
            && self.purchase_count == (None, None)
            && self.purchase_amount == (None, None)
            && self.attributes.is_empty()
    }

    fn lets_through(&self, row: &ListRow) -> bool {
        fn is_one_of<T: AsRef<str>>(wanted: &[String], value: Option<&T>) -> bool {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|it| it == value.as_ref()))
        }
        let is_within = |at: Timestamp, (from, before): (Option<Timestamp>, Option<Timestamp>)| {
            from.is_none_or(|it| it <= at) && before.is_none_or(|it| at < it)
        };
        let count = i64::try_from(row.window.count).unwrap_or(i64::MAX);
        (self.platforms.is_empty() || self.platforms.iter().any(|it| row.platforms.contains(it)))
            && is_one_of(&self.genders, row.gender.as_ref())
            && is_one_of(&self.age_groups, row.age_group.as_ref())
            && is_one_of(&self.membership_levels, row.membership_level.as_ref())
            && is_one_of(&self.countries, row.country.as_ref())
            && is_one_of(&self.recent_areas, row.recent_area.as_ref())
            && self.has_identifier.iter().all(|kind| row.kinds.iter().any(|it| **it == **kind))
            && is_within(row.last_activity, self.last_activity)
            && is_within(row.first_access, self.first_access)
            && self.purchase_count.0.is_none_or(|it| it <= count)
            && self.purchase_count.1.is_none_or(|it| count <= it)
            && self.purchase_amount.0.is_none_or(|it| it <= row.window.amount)
            && self.purchase_amount.1.is_none_or(|it| row.window.amount <= it)
            && self
                .attributes
                .iter()
                .all(|(name, value)| row.attributes.get(name.as_str()).is_some_and(|it| **it == **value))
    }
}

#[cfg(test)]
mod tests;
