//! Filters: sets of slots, from bitmaps and orders of the index.

use std::ops::Range;

use profile360_core::{message::Platform, time::Timestamp};
use roaring::RoaringBitmap;
use rust_decimal::Decimal;

use super::{Index, OrderField, Search, bitmap_index::platform_tag, columns::Fixed};

/// Conditions on customers. Empty and missing ones are satisfied by all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub platforms: Vec<Platform>,
    /// Codes as in schema.graphql.
    pub genders: Vec<String>,
    pub age_groups: Vec<String>,
    pub membership_levels: Vec<String>,
    pub countries: Vec<String>,
    pub recent_areas: Vec<String>,
    /// A customer must have an identifier of each of these kinds.
    pub has_identifier: Vec<String>,
    pub last_activity: (Option<Timestamp>, Option<Timestamp>),
    pub first_access: (Option<Timestamp>, Option<Timestamp>),
    pub purchase_count: (Option<i64>, Option<i64>),
    pub purchase_amount: (Option<Decimal>, Option<Decimal>),
    /// Names, and values in canonical JSON.
    pub attributes: Vec<(String, String)>,
}

impl Index {
    /// The matching slots. `None` without conditions: all match.
    pub(super) fn matches(&self, filter: &Filter, search: Option<&Search>) -> Option<RoaringBitmap> {
        let mut sets: Vec<RoaringBitmap> = Vec::new();
        let bitmaps = [
            (&self.genders, &filter.genders),
            (&self.age_groups, &filter.age_groups),
            (&self.membership_levels, &filter.membership_levels),
            (&self.countries, &filter.countries),
            (&self.recent_areas, &filter.recent_areas),
        ];
        sets.extend(bitmaps.into_iter().filter(|(_, it)| !it.is_empty()).map(|(bitmap, values)| bitmap.any_of(values)));
        if !filter.platforms.is_empty() {
            let platforms = filter.platforms.iter().map(|it| self.platforms.of(platform_tag(*it)));
            sets.push(platforms.fold(RoaringBitmap::new(), |found, it| found | it));
        }
        sets.extend(filter.has_identifier.iter().map(|it| self.kinds.of(it)));
        let ranges = [
            OrderField::LastActivity,
            OrderField::FirstAccess,
            OrderField::PurchaseCount12m,
            OrderField::PurchaseAmount12m,
        ];
        sets.extend(ranges.into_iter().filter_map(|it| Some(self.slots(it, self.ranks(filter, it)?))));
        sets.extend(filter.attributes.iter().map(|(name, value)| self.attributes.with(name, value)));
        sets.extend(search.map(|it| self.found(it)));
        sets.sort_unstable_by_key(RoaringBitmap::len);
        sets.into_iter().reduce(|found, it| found & it)
    }

    /// The ranks within the bounds of a filter, in the order of a field. `None` without bounds.
    pub(super) fn ranks(&self, filter: &Filter, field: OrderField) -> Option<Range<usize>> {
        let count = |it: &Fixed| i64::try_from(it.count).unwrap_or(i64::MAX);
        match field {
            OrderField::LastActivity => self.within(field, filter.last_activity, |it| it.last_activity, false),
            OrderField::FirstAccess => self.within(field, filter.first_access, |it| it.first_access, false),
            OrderField::PurchaseCount12m => self.within(field, filter.purchase_count, count, true),
            OrderField::PurchaseAmount12m => self.within(field, filter.purchase_amount, |it| it.amount, true),
            OrderField::LastUpdated | OrderField::Name => None,
        }
    }

    fn within<V: Ord>(
        &self,
        field: OrderField,
        (from, up_to): (Option<V>, Option<V>),
        value: impl Fn(&Fixed) -> V,
        is_included: bool,
    ) -> Option<Range<usize>> {
        if from.is_none() && up_to.is_none() {
            return None;
        }
        let order = self.order(field);
        let of = |slot: u32| value(&self.columns.fixed[slot as usize]);
        let start = from.map_or(0, |from| order.rank(|it| of(it) < from));
        let end = match up_to {
            Some(up_to) if is_included => order.rank(|it| of(it) <= up_to),
            Some(up_to) => order.rank(|it| of(it) < up_to),
            None => order.len(),
        };
        Some(start..end.max(start))
    }

    fn slots(&self, field: OrderField, ranks: Range<usize>) -> RoaringBitmap {
        // Collects bits first: slots that are sorted by a value come in random order.
        let mut bits = vec![0_u8; self.columns.fixed.len() / 8 + 1];
        for slot in self.order(field).forwards(ranks) {
            bits[(slot / 8) as usize] |= 1 << (slot % 8);
        }
        RoaringBitmap::from_lsb0_bytes(0, &bits)
    }
}
