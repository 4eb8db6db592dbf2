//! The index: sorted slots per order, a bitmap per filter value, texts that searches scan.
//!
//! All parts of the index refer to a customer by its slot, a small number. docs/list.md has the memory of a million customers;
//! each additional field here costs a million times its size.

mod bitmap_index;
mod columns;
mod facets;
mod filter;
mod search;
mod sorted_slots;
mod text_column;

use std::{cmp::Ordering, ops::Range};

use chrono::NaiveDate;
use profile360_core::{
    graph::rows::ClusterKey,
    identifier::UnifiedId,
    money::Currency,
    search::{
        names::{initials, other_spellings},
        terms::{email_text, phone_text, reference_text},
    },
};
use roaring::RoaringBitmap;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::{
    bitmap_index::{Attributes, TagBitmaps, ValueBitmaps, platform_tag},
    columns::{Columns, Fixed, SORTINGS, Sorting},
    sorted_slots::Order,
    text_column::TextColumn,
};
pub use self::{
    facets::{Facet, FacetField},
    filter::Filter,
    search::{OfferedField, OfferedFilter, Search, Suggested},
};
use crate::{histogram::Histogram, row::ListRow};

/// The orders of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderField {
    LastActivity,
    FirstAccess,
    LastUpdated,
    Name,
    PurchaseAmount12m,
    PurchaseCount12m,
}

/// A measure of the size of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Identifiers,
    Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The value that a row is sorted by. `Missing` is last in both directions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortKey {
    Number(i64),
    Amount(Decimal),
    /// The normal form of a name.
    Text(String),
    Missing,
}

/// A position in an order, unique per customer. Cursors contain it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub key: SortKey,
    pub id: UnifiedId,
}

/// A request for a page.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub field: OrderField,
    pub direction: Direction,
    pub size: usize,
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// Whether the page has the last rows between the cursors, not the first.
    pub is_from_end: bool,
}

/// Rows in the requested order, and whether there are more on either side.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<Listed>,
    pub has_next: bool,
    pub has_previous: bool,
    /// The number of matching customers on all pages.
    pub total: usize,
}

/// A customer of a page.
#[derive(Debug, Clone)]
pub struct Listed {
    pub position: Position,
    pub key: ClusterKey,
    pub figures: Figures,
}

/// The purchases of the last twelve months, with the dates that they are valid for.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub currency: Currency,
    pub count: u64,
    pub amount: Decimal,
    days: (NaiveDate, Option<NaiveDate>),
}

impl Figures {
    /// Whether they are valid as of a date.
    pub fn are_of(&self, as_of: NaiveDate) -> bool {
        self.days.0 <= as_of && self.days.1.is_none_or(|it| as_of < it)
    }
}

/// All customers, by order, filter and text.
#[derive(Debug, Default)]
pub struct Index {
    columns: Columns,
    /// In the order of [`SORTINGS`].
    orders: [Order; SORTINGS.len()],
    /// Slots of removed customers.
    free: Vec<u32>,
    platforms: TagBitmaps,
    kinds: TagBitmaps,
    genders: ValueBitmaps,
    age_groups: ValueBitmaps,
    membership_levels: ValueBitmaps,
    countries: ValueBitmaps,
    recent_areas: ValueBitmaps,
    attributes: Attributes,
    initials: TextColumn,
    /// Other spellings of names.
    spellings: TextColumn,
    emails: TextColumn,
    phones: TextColumn,
    references: TextColumn,
    by_identifiers: Histogram,
    by_events: Histogram,
}

/// Fills an index and sorts it once, at the end.
#[derive(Debug, Default)]
pub struct Loading(Index);

impl Loading {
    /// Adds a row. Keys must be distinct.
    pub fn add(&mut self, key: ClusterKey, row: &ListRow) {
        let slot = slot_number(self.0.columns.fixed.len());
        let fixed = Fixed::new(key, row);
        self.0.add_sizes(&fixed);
        self.0.columns.fixed.push(fixed);
        self.0.describe(slot, row);
    }

    pub fn finish(self) -> Index {
        let Self(mut index) = self;
        let columns = &index.columns;
        let sort = |sorting: Sorting| {
            let mut slots: Vec<u32> = (0..slot_number(columns.fixed.len())).collect();
            slots.sort_unstable_by(|a, b| columns.compare(sorting, *a, *b));
            Order::from_sorted(&slots)
        };
        std::thread::scope(|scope| {
            let sorting = SORTINGS.map(|it| scope.spawn(move || sort(it)));
            for (order, sorted) in index.orders.iter_mut().zip(sorting) {
                // Comparing numbers and texts cannot panic.
                *order = sorted.join().unwrap_or_default();
            }
        });
        index
    }
}

impl Index {
    pub fn len(&self) -> usize {
        self.order_of(Sorting::Key).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn put(&mut self, key: ClusterKey, row: &ListRow) {
        let fixed = Fixed::new(key, row);
        let known = self.slot_of(key);
        let slot = match known.or_else(|| self.free.pop()) {
            Some(slot) => slot,
            None => {
                self.columns.fixed.push(fixed.clone());
                slot_number(self.columns.fixed.len() - 1)
            }
        };
        let moves = match known {
            Some(_) => self.moves(slot, &fixed, row),
            None => SORTINGS.map(|_| true),
        };
        if known.is_some() {
            self.unsort(slot, moves);
            self.remove_sizes(slot);
        }
        self.add_sizes(&fixed);
        self.columns.fixed[slot as usize] = fixed;
        self.describe(slot, row);
        let columns = &self.columns;
        for ((order, sorting), _) in self.orders.iter_mut().zip(SORTINGS).zip(moves).filter(|(_, it)| *it) {
            order.insert(slot, |it| columns.compare(sorting, it, slot));
        }
        self.refill_sizes();
    }

    pub fn remove(&mut self, key: ClusterKey) {
        let Some(slot) = self.slot_of(key) else { return };
        self.unsort(slot, SORTINGS.map(|_| true));
        self.remove_sizes(slot);
        self.describe(slot, &ListRow::empty());
        self.free.push(slot);
        self.refill_sizes();
    }

    fn add_sizes(&mut self, fixed: &Fixed) {
        self.by_identifiers.put(fixed.n_identifiers.into(), fixed.key);
        self.by_events.put(fixed.n_events.into(), fixed.key);
    }

    fn remove_sizes(&mut self, slot: u32) {
        let Fixed { key, n_identifiers, n_events, .. } = self.columns.fixed[slot as usize];
        self.by_identifiers.remove(n_identifiers.into(), key);
        self.by_events.remove(n_events.into(), key);
    }

    fn refill_sizes(&mut self) {
        if self.by_identifiers.is_short() {
            let all: Vec<(u64, ClusterKey)> = self.all().map(|it| (it.n_identifiers.into(), it.key)).collect();
            self.by_identifiers.refill(all.into_iter());
        }
        if self.by_events.is_short() {
            let all: Vec<(u64, ClusterKey)> = self.all().map(|it| (it.n_events.into(), it.key)).collect();
            self.by_events.refill(all.into_iter());
        }
    }

    fn all(&self) -> impl Iterator<Item = &Fixed> {
        self.order_of(Sorting::Key).forwards(0..self.len()).map(|it| &self.columns.fixed[it as usize])
    }

    /// The orders in which a row moves.
    fn moves(&self, slot: u32, fixed: &Fixed, row: &ListRow) -> [bool; SORTINGS.len()] {
        let before = &self.columns.fixed[slot as usize];
        SORTINGS.map(|sorting| {
            before.unified_id != fixed.unified_id
                || match sorting {
                    Sorting::By(OrderField::LastActivity) => before.last_activity != fixed.last_activity,
                    Sorting::By(OrderField::FirstAccess) => before.first_access != fixed.first_access,
                    Sorting::By(OrderField::LastUpdated) => before.last_updated != fixed.last_updated,
                    Sorting::By(OrderField::PurchaseAmount12m) => before.amount != fixed.amount,
                    Sorting::By(OrderField::PurchaseCount12m) => before.count != fixed.count,
                    Sorting::By(OrderField::Name) => self.columns.names.text(slot) != row.normal_name(),
                    Sorting::Key => false,
                    Sorting::Due => before.due != fixed.due,
                }
        })
    }

    fn unsort(&mut self, slot: u32, from: [bool; SORTINGS.len()]) {
        let columns = &self.columns;
        for ((order, sorting), _) in self.orders.iter_mut().zip(SORTINGS).zip(from).filter(|(_, it)| *it) {
            order.remove(slot, |it| columns.compare(sorting, it, slot));
        }
    }

    pub fn sizes(&self, of: Size) -> &Histogram {
        match of {
            Size::Identifiers => &self.by_identifiers,
            Size::Events => &self.by_events,
        }
    }

    /// The largest customers with their size, descending.
    pub fn largest(&self, by: Size, n_first: usize) -> Vec<(u64, Listed)> {
        let found = self.sizes(by).largest().take(n_first);
        let listed = |key| self.slot_of(key).map(|slot| self.listed(OrderField::LastActivity, slot));
        found.filter_map(|(size, key)| Some((size, listed(key)?))).collect()
    }

    /// Sets the values that a row is filtered and searched by.
    fn describe(&mut self, slot: u32, row: &ListRow) {
        let name = row.normal_name();
        let spellings = other_spellings(&name);
        self.initials.set(slot, &initials(&format!("{name}{spellings}")));
        self.spellings.set(slot, &spellings);
        self.columns.names.set(slot, &name);
        self.emails.set(slot, &row.emails.iter().map(|it| email_text(it)).collect::<String>());
        self.phones.set(slot, &row.phones.iter().map(|it| phone_text(it)).collect::<String>());
        self.references.set(slot, &row.references.iter().map(|it| reference_text(it)).collect::<String>());
        self.platforms.set(slot, row.platforms.iter().map(|it| platform_tag(*it)));
        self.kinds.set(slot, row.kinds.iter().map(AsRef::as_ref));
        self.genders.set(slot, row.gender.as_deref());
        self.age_groups.set(slot, row.age_group.as_deref());
        self.membership_levels.set(slot, row.membership_level.as_deref());
        self.countries.set(slot, row.country.as_deref());
        self.recent_areas.set(slot, row.recent_area.as_deref());
        self.attributes.set(slot, self.columns.fixed.len(), &row.attributes);
    }

    /// The rows whose figures are outdated on a date.
    pub fn due(&self, today: NaiveDate) -> Vec<ClusterKey> {
        let fixed = |slot: u32| &self.columns.fixed[slot as usize];
        let order = self.order_of(Sorting::Due);
        let n_due = order.rank(|slot| fixed(slot).due.is_some_and(|due| due <= today));
        order.forwards(0..n_due).map(|it| fixed(it).key).collect()
    }

    fn slot_of(&self, key: ClusterKey) -> Option<u32> {
        let order = self.order_of(Sorting::Key);
        let key_of = |slot: u32| self.columns.fixed[slot as usize].key;
        let rank = order.rank(|it| key_of(it) < key);
        order.forwards(rank..rank + 1).next().filter(|it| key_of(*it) == key)
    }

    fn order_of(&self, sorting: Sorting) -> &Order {
        let number = SORTINGS.iter().position(|it| *it == sorting).unwrap_or(0);
        &self.orders[number]
    }

    fn order(&self, field: OrderField) -> &Order {
        self.order_of(Sorting::By(field))
    }

    /// A page of the customers that match the filter and the search.
    pub fn page(&self, request: &PageRequest, filter: &Filter, search: Option<&Search>) -> Page {
        let order = self.order(request.field);
        let Some(matches) = self.matches(filter, search) else {
            return self.page_of(order, request, 0..order.len(), |_| true, self.len());
        };
        // If the filter restricts the value that is sorted by, only that part of the order is scanned.
        let ranks = self.ranks(filter, request.field).unwrap_or(0..order.len());
        self.page_of_matches(request, &matches, ranks)
    }

    /// A page of some slots, all of which are in a range of ranks.
    fn page_of_matches(&self, request: &PageRequest, matches: &RoaringBitmap, ranks: Range<usize>) -> Page {
        /// If at most one in this many customers match, sorting them is cheaper than scanning the order of all.
        const FEW: u64 = 64;
        let total = usize::try_from(matches.len()).unwrap_or(usize::MAX);
        if self.columns.fixed.len() as u64 / FEW < matches.len() {
            return self.page_of(self.order(request.field), request, ranks, |it| matches.contains(it), total);
        }
        let mut slots: Vec<u32> = matches.iter().collect();
        slots.sort_unstable_by(|a, b| self.columns.compare(Sorting::By(request.field), *a, *b));
        self.page_of(&Order::from_sorted(&slots), request, 0..slots.len(), |_| true, total)
    }

    /// A page of the matching slots in a range of ranks.
    fn page_of(
        &self,
        order: &Order,
        request: &PageRequest,
        ranks: Range<usize>,
        passes: impl Fn(u32) -> bool,
        total: usize,
    ) -> Page {
        let reading = Reading::new(&self.columns, order, request);
        let places = reading.places(ranks);
        let after = request.after.as_ref().map_or(0, |it| reading.place(it, true)).max(places.start);
        let before = request.before.as_ref().map_or(order.len(), |it| reading.place(it, false)).min(places.end);
        let between = after..before.max(after);
        let mut slots: Vec<u32> = Vec::with_capacity(request.size.min(1_000) + 1);
        let pieces = reading.pieces(between, request.is_from_end);
        'page: for piece in pieces {
            let read: &mut dyn Iterator<Item = u32> = match piece {
                Piece::Forwards(ranks) => &mut order.forwards(ranks),
                Piece::Backwards(ranks) => &mut order.backwards(ranks),
            };
            for slot in read.filter(|it| passes(*it)) {
                slots.push(slot);
                if request.size < slots.len() {
                    break 'page;
                }
            }
        }
        let has_more = request.size < slots.len();
        slots.truncate(request.size);
        if request.is_from_end {
            slots.reverse();
        }
        let rows = slots.into_iter().map(|it| self.listed(request.field, it)).collect();
        // The Relay specification: the far side is reported where that is cheap.
        if request.is_from_end {
            Page { rows, has_next: request.before.is_some(), has_previous: has_more, total }
        } else {
            Page { rows, has_next: has_more, has_previous: request.after.is_some(), total }
        }
    }

    fn listed(&self, field: OrderField, slot: u32) -> Listed {
        let fixed = &self.columns.fixed[slot as usize];
        let figures = Figures {
            currency: fixed.currency,
            count: fixed.count,
            amount: fixed.amount,
            days: (fixed.as_of, fixed.due),
        };
        Listed { position: self.columns.position(field, slot), key: fixed.key, figures }
    }
}

/// Reads an order in a direction. Places count from the first row that is shown; rows with a missing sort value are last.
struct Reading<'i> {
    columns: &'i Columns,
    order: &'i Order,
    field: OrderField,
    direction: Direction,
    n_present: usize,
}

/// A range of ranks, and the direction in which it is read.
enum Piece {
    Forwards(Range<usize>),
    Backwards(Range<usize>),
}

impl<'i> Reading<'i> {
    fn new(columns: &'i Columns, order: &'i Order, request: &PageRequest) -> Self {
        let field = request.field;
        let n_present = order.rank(|it| !columns.misses(field, it));
        Self { columns, order, field, direction: request.direction, n_present }
    }

    /// The place of the first row after a position (`is_behind`), or of the first row that is not before it.
    fn place(&self, position: &Position, is_behind: bool) -> usize {
        let rank = |is_counted: fn(Ordering) -> bool| {
            self.order.rank(|it| is_counted(self.columns.compare_with(self.field, it, position)))
        };
        match self.direction {
            Direction::Ascending => rank(if is_behind { Ordering::is_le } else { Ordering::is_lt }),
            Direction::Descending => {
                // Rows with and without a sort value are reversed separately.
                let rank = rank(if is_behind { Ordering::is_lt } else { Ordering::is_le });
                let is_missing = position.key == SortKey::Missing;
                self.end_of_part(is_missing) - rank
            }
        }
    }

    /// The sum of the rank and the place of a row that is read backwards, plus one.
    fn end_of_part(&self, is_missing: bool) -> usize {
        self.n_present + if is_missing { self.order.len() } else { 0 }
    }

    /// The places of ranks. They include rows without a sort value only if they are all ranks.
    fn places(&self, ranks: Range<usize>) -> Range<usize> {
        match self.direction {
            Direction::Descending if ranks.end <= self.n_present => {
                self.n_present - ranks.end..self.n_present - ranks.start
            }
            Direction::Ascending | Direction::Descending => ranks,
        }
    }

    /// The ranks of places, in reading order.
    fn pieces(&self, places: Range<usize>, is_from_end: bool) -> Vec<Piece> {
        let first_missing = self.n_present.clamp(places.start, places.end);
        let parts = [places.start..first_missing, first_missing..places.end];
        let mut pieces: Vec<Piece> = parts
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(|part| match self.direction {
                Direction::Ascending if is_from_end => Piece::Backwards(part),
                Direction::Ascending => Piece::Forwards(part),
                Direction::Descending => {
                    let end = self.end_of_part(self.n_present <= part.start);
                    let ranks = end - part.end..end - part.start;
                    if is_from_end { Piece::Forwards(ranks) } else { Piece::Backwards(ranks) }
                }
            })
            .collect();
        if is_from_end {
            pieces.reverse();
        }
        pieces
    }
}

/// Slots have 32 bits: four billion customers.
fn slot_number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
