//! Values of customers by slot, and the comparison of slots.

use std::cmp::Ordering;

use crate::row::ListRow;
use chrono::NaiveDate;
use profile360_core::{graph::rows::ClusterKey, identifier::UnifiedId, money::Currency, time::Timestamp};
use rust_decimal::Decimal;

use super::{OrderField, Position, SortKey, text_column::TextColumn};

/// The orders of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorting {
    By(OrderField),
    /// By cluster key, to find the slot of a cluster.
    Key,
    /// By the day on which the row is due. Rows without one are last.
    Due,
}

pub(super) const SORTINGS: [Sorting; 8] = [
    Sorting::By(OrderField::LastActivity),
    Sorting::By(OrderField::FirstAccess),
    Sorting::By(OrderField::LastUpdated),
    Sorting::By(OrderField::Name),
    Sorting::By(OrderField::PurchaseAmount12m),
    Sorting::By(OrderField::PurchaseCount12m),
    Sorting::Key,
    Sorting::Due,
];

/// The values of fixed size of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) key: ClusterKey,
    pub(super) unified_id: UnifiedId,
    pub(super) last_activity: Timestamp,
    pub(super) first_access: Timestamp,
    pub(super) last_updated: Timestamp,
    pub(super) amount: Decimal,
    pub(super) count: u64,
    pub(super) currency: Currency,
    pub(super) n_identifiers: u32,
    pub(super) n_events: u32,
    pub(super) as_of: NaiveDate,
    pub(super) due: Option<NaiveDate>,
}

impl Fixed {
    pub(super) fn new(key: ClusterKey, row: &ListRow) -> Self {
        Self {
            key,
            unified_id: row.unified_id,
            last_activity: row.last_activity,
            first_access: row.first_access,
            last_updated: row.last_updated,
            amount: row.window.amount,
            count: row.window.count,
            currency: row.window.currency,
            n_identifiers: u32::try_from(row.n_identifiers).unwrap_or(u32::MAX),
            n_events: u32::try_from(row.n_events).unwrap_or(u32::MAX),
            as_of: row.as_of,
            due: row.due,
        }
    }

    fn number(&self, field: OrderField) -> i64 {
        match field {
            OrderField::LastActivity => self.last_activity.micros(),
            OrderField::FirstAccess => self.first_access.micros(),
            OrderField::LastUpdated => self.last_updated.micros(),
            OrderField::PurchaseCount12m | OrderField::PurchaseAmount12m | OrderField::Name => {
                i64::try_from(self.count).unwrap_or(i64::MAX)
            }
        }
    }
}

/// Rows by slot. The contents of a free slot are unused.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) fixed: Vec<Fixed>,
    /// Normalized names. Empty without a name.
    pub(super) names: TextColumn,
}

impl Columns {
    /// A total order of slots.
    pub(super) fn compare(&self, sorting: Sorting, one: u32, other: u32) -> Ordering {
        let (a, b) = (&self.fixed[one as usize], &self.fixed[other as usize]);
        let by_value = match sorting {
            Sorting::Key => a.key.cmp(&b.key),
            Sorting::Due => (a.due.is_none(), a.due).cmp(&(b.due.is_none(), b.due)),
            Sorting::By(OrderField::PurchaseAmount12m) => a.amount.cmp(&b.amount),
            Sorting::By(OrderField::Name) => {
                let (a, b) = (self.names.bytes(one), self.names.bytes(other));
                a.is_empty().cmp(&b.is_empty()).then_with(|| a.cmp(b))
            }
            Sorting::By(field) => a.number(field).cmp(&b.number(field)),
        };
        // While one customer inherits the unified ID of another, both can have it.
        by_value.then_with(|| a.unified_id.cmp(&b.unified_id)).then(one.cmp(&other))
    }

    /// Compares a slot with a position of an order.
    pub(super) fn compare_with(&self, field: OrderField, slot: u32, place: &Position) -> Ordering {
        let fixed = &self.fixed[slot as usize];
        let by_value = match (&place.key, field) {
            (SortKey::Missing, _) if self.misses(field, slot) => Ordering::Equal,
            (SortKey::Missing, _) => Ordering::Less,
            _ if self.misses(field, slot) => Ordering::Greater,
            (SortKey::Amount(amount), OrderField::PurchaseAmount12m) => fixed.amount.cmp(amount),
            (SortKey::Text(name), OrderField::Name) => self.name(slot).cmp(name),
            (SortKey::Number(number), _) => fixed.number(field).cmp(number),
            // No cursor of this order contains that.
            (SortKey::Amount(_) | SortKey::Text(_), _) => Ordering::Greater,
        };
        by_value.then_with(|| fixed.unified_id.cmp(&place.id))
    }

    /// Whether the sort value is missing.
    pub(super) fn misses(&self, field: OrderField, slot: u32) -> bool {
        field == OrderField::Name && self.names.bytes(slot).is_empty()
    }

    /// The position of a slot in an order.
    pub(super) fn position(&self, field: OrderField, slot: u32) -> Position {
        let fixed = &self.fixed[slot as usize];
        let key = match field {
            OrderField::Name if self.misses(field, slot) => SortKey::Missing,
            OrderField::Name => SortKey::Text(self.name(slot).to_owned()),
            OrderField::PurchaseAmount12m => SortKey::Amount(fixed.amount),
            _ => SortKey::Number(fixed.number(field)),
        };
        Position { key, id: fixed.unified_id }
    }

    /// The name without the leading space of its normal form.
    fn name(&self, slot: u32) -> &str {
        self.names.text(slot).trim_start_matches(' ')
    }
}
