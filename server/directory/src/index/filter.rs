//! Which customers a filter lets through and a search finds: sets of slots, from what the index has sorted already.

use std::{collections::BTreeSet, ops::Range};

use profile360_core::{
    graph::rows::CellKey,
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

/// What customers must be like; what is empty or missing lets everyone through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub platforms: Vec<Platform>,
    /// Codes of schema.graphql.
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

/// Whom a search text can mean.
#[derive(Debug, Clone, Default)]
pub struct SearchTerms {
    /// Those who have the identifier that it is.
    pub cells: BTreeSet<CellKey>,
    /// What else it can be a part of.
    pub pieces: Option<Pieces>,
}

impl Index {
    /// The slots that scan; `None` where nothing is asked, so that all do.
    pub(super) fn matches(&self, filter: &Filter, sought: Option<&SearchTerms>) -> Option<RoaringBitmap> {
        let mut sets: Vec<RoaringBitmap> = Vec::new();
        let facets = [
            (&self.genders, &filter.genders),
            (&self.age_groups, &filter.age_groups),
            (&self.membership_levels, &filter.membership_levels),
            (&self.countries, &filter.countries),
            (&self.recent_areas, &filter.recent_areas),
        ];
        sets.extend(facets.into_iter().filter(|(_, it)| !it.is_empty()).map(|(facet, values)| facet.any_of(values)));
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
        sets.extend(sought.map(|it| self.found(it)));
        sets.sort_unstable_by_key(RoaringBitmap::len);
        sets.into_iter().reduce(|found, it| found & it)
    }

    /// The ranks of those whose figure is within what a filter asks, in the order of that figure; `None` where it asks nothing.
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
        // As bits at first: what is sorted by a value comes in no order of slots.
        let mut bits = vec![0_u8; self.columns.fixed.len() / 8 + 1];
        for slot in self.order(field).forwards(ranks) {
            bits[(slot / 8) as usize] |= 1 << (slot % 8);
        }
        RoaringBitmap::from_lsb0_bytes(0, &bits)
    }

    fn found(&self, sought: &SearchTerms) -> RoaringBitmap {
        let mut found: RoaringBitmap = sought.cells.iter().filter_map(|it| self.slot_of(*it)).collect();
        if let Some(pieces) = &sought.pieces {
            found |= self.named(&pieces.name);
            for word in &pieces.name_as_one {
                found |= self.named(std::slice::from_ref(word));
            }
            if let Some(piece) = &pieces.email {
                found |= hits(|hit| self.emails.scan(piece.as_bytes(), hit));
            }
            for piece in &pieces.phone {
                found |= hits(|hit| self.phones.scan(piece.as_bytes(), hit));
            }
        }
        found
    }

    /// Whoever has a name in which words begin so, all of them; empty where there are none.
    fn named(&self, words: &[Beginning]) -> RoaringBitmap {
        let length = |sieve: &Sieve| match sieve {
            Sieve::Names(any) => any.iter().map(Vec::len).min().unwrap_or(0),
            Sieve::Initials(it) => it.len(),
        };
        // One scan for the word that says most; whoever is left is looked at for all of them.
        let Some(sieve) = words.iter().map(Beginning::sieve).max_by_key(length) else { return RoaringBitmap::new() };
        let candidates = match &sieve {
            Sieve::Names(any) => any.iter().fold(RoaringBitmap::new(), |found, bytes| {
                let as_one = hits(|hit| self.names_as_one.scan(bytes, hit));
                found | hits(|hit| self.columns.names.scan(bytes, hit)) | as_one
            }),
            Sieve::Initials(bytes) => hits(|hit| self.initials.scan(bytes, hit)),
        };
        if let [word] = words
            && word.is_told_by_sieve()
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

fn hits(scan: impl FnOnce(&mut dyn FnMut(u32))) -> RoaringBitmap {
    let mut slots = Vec::new();
    scan(&mut |slot| slots.push(slot));
    ascending(slots.into_iter())
}
