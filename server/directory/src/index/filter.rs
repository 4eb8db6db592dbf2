//! Filters and search: sets of slots, from bitmaps, orders and texts of the index.

use std::{collections::BTreeSet, ops::Range};

use profile360_core::{
    graph::rows::ClusterKey,
    message::Platform,
    search::{
        names::{Beginning, Sieve},
        pieces::Pieces,
    },
    time::Timestamp,
};
use roaring::RoaringBitmap;
use rust_decimal::Decimal;

use super::{
    Index, OrderField,
    bitmap_index::{ascending, platform_tag},
    columns::Fixed,
};

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

/// The interpretations of a search text.
#[derive(Debug, Clone, Default)]
pub struct SearchTerms {
    /// The clusters with the identifier that the text is.
    pub clusters: BTreeSet<ClusterKey>,
    /// The parts of names, email addresses and phone numbers that the text can be.
    pub pieces: Option<Pieces>,
}

impl Index {
    /// The matching slots. `None` without conditions: all match.
    pub(super) fn matches(&self, filter: &Filter, terms: Option<&SearchTerms>) -> Option<RoaringBitmap> {
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
        sets.extend(terms.map(|it| self.found(it)));
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

    fn found(&self, terms: &SearchTerms) -> RoaringBitmap {
        let mut found: RoaringBitmap = terms.clusters.iter().filter_map(|it| self.slot_of(*it)).collect();
        if let Some(pieces) = &terms.pieces {
            found |= self.named(&pieces.name);
            for word in &pieces.name_as_one {
                found |= self.named(std::slice::from_ref(word));
            }
            if let Some(piece) = &pieces.email {
                found |= scan_slots(|found| self.emails.scan(piece.as_bytes(), found));
            }
            for piece in &pieces.phone {
                found |= scan_slots(|found| self.phones.scan(piece.as_bytes(), found));
            }
        }
        found
    }

    /// The slots with a name that contains words with all these beginnings. Empty without beginnings.
    fn named(&self, words: &[Beginning]) -> RoaringBitmap {
        let length = |sieve: &Sieve| match sieve {
            Sieve::Names(any) => any.iter().map(Vec::len).min().unwrap_or(0),
            Sieve::Initials(it) => it.len(),
        };
        // Scan for the longest beginning, then check the candidates for all of them.
        let Some(sieve) = words.iter().map(Beginning::sieve).max_by_key(length) else { return RoaringBitmap::new() };
        let candidates = match &sieve {
            Sieve::Names(any) => any.iter().fold(RoaringBitmap::new(), |union, bytes| {
                let as_one = scan_slots(|found| self.names_as_one.scan(bytes, found));
                union | scan_slots(|found| self.columns.names.scan(bytes, found)) | as_one
            }),
            Sieve::Initials(bytes) => scan_slots(|found| self.initials.scan(bytes, found)),
        };
        if let [word] = words
            && word.is_decided_by_sieve()
        {
            return candidates;
        }
        let has_all = |slot: &u32| {
            let (name, as_one) = (self.columns.names.text(*slot), self.names_as_one.text(*slot));
            words.iter().all(|it| it.is_in(name) || it.is_in(as_one))
        };
        ascending(candidates.iter().filter(has_all))
    }
}

fn scan_slots(scan: impl FnOnce(&mut dyn FnMut(u32))) -> RoaringBitmap {
    let mut slots = Vec::new();
    scan(&mut |slot| slots.push(slot));
    ascending(slots.into_iter())
}
