//! Search: sets of slots, from the texts of the index.

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::{
    graph::rows::ClusterKey,
    search::{
        names::{At, NamePart, Sieve, normal_name},
        terms::{SearchText, Term},
    },
};
use roaring::RoaringBitmap;

use super::{
    Direction, Index, Listed, OrderField, PageRequest,
    bitmap_index::{ValueBitmaps, ascending},
};

/// What a search text can mean.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The clusters with the identifier that the text is.
    pub clusters: BTreeSet<ClusterKey>,
    /// The parts of names, numbers and addresses that the text can be. `None` to find exact identifiers only.
    pub text: Option<SearchText>,
    /// By the number of a term: the clusters of the unified IDs that begin with it.
    pub of_unified_ids: BTreeMap<usize, BTreeSet<ClusterKey>>,
}

/// The first customers that a search finds.
#[derive(Debug)]
pub struct Suggested {
    pub rows: Vec<Listed>,
    /// The number of all matching customers.
    pub total: usize,
}

/// A filter that some terms of a text name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedFilter {
    pub field: OfferedField,
    /// The values, ascending.
    pub values: Vec<String>,
    /// The numbers of those terms.
    pub terms: Vec<usize>,
    /// The number of customers with one of the values.
    pub count: u64,
}

/// A field that a filter is offered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferedField {
    MembershipLevel,
    RecentArea,
}

impl Index {
    /// The first customers that a search finds: those with the identifier that the text is, then those with a name in which a word
    /// begins so, then all others, each the last seen first.
    pub fn suggest(&self, search: &Search, size: usize) -> Suggested {
        let found = self.found(search);
        let exact: RoaringBitmap = search.clusters.iter().filter_map(|it| self.slot_of(*it)).collect();
        let parts: Vec<&NamePart> =
            search.text.iter().flat_map(|it| &it.terms).filter_map(|it| it.name.as_ref()).collect();
        let begins = if self.are_few(&found) {
            let begins_so = |slot: &u32| parts.iter().any(|part| self.has_name(*slot, part, At::Word));
            ascending(found.iter().filter(begins_so))
        } else {
            parts.iter().fold(RoaringBitmap::new(), |begins, part| begins | self.named(part, At::Word)) & &found
        };
        let begins = begins - &exact;
        let others = &found - &exact - &begins;
        let mut rows = Vec::new();
        for slots in [exact, begins, others] {
            let request = PageRequest {
                field: OrderField::LastActivity,
                direction: Direction::Descending,
                size: size.saturating_sub(rows.len()),
                after: None,
                before: None,
                is_from_end: false,
            };
            if 0 < request.size && !slots.is_empty() {
                rows.extend(self.page_of_matches(&request, &slots, 0..self.len()).rows);
            }
        }
        Suggested { rows, total: usize::try_from(found.len()).unwrap_or(usize::MAX) }
    }

    /// The filters that a text names: a membership level as a whole, or the beginning of a word of an area.
    pub fn offered_filters(&self, text: &SearchText) -> Vec<OfferedFilter> {
        /// As many as a filter may have.
        const MAX_VALUES: usize = 100;
        /// A single letter begins too many words.
        const MIN_AREA: usize = 2;
        let offer = |field: OfferedField, values: &ValueBitmaps, terms: Vec<usize>, names: &dyn Fn(&str) -> bool| {
            let named: Vec<_> = values.values().filter(|(value, _)| names(&normal_name(value))).collect();
            let mut values: Vec<String> = named.iter().map(|(value, _)| (*value).to_owned()).collect();
            values.sort();
            let slots = named.iter().fold(RoaringBitmap::new(), |all, (_, slots)| all | *slots);
            let is_offered = (1..=MAX_VALUES).contains(&values.len());
            is_offered.then_some(OfferedFilter { field, values, terms, count: slots.len() })
        };
        let mut offered = Vec::new();
        // A level may have several words.
        let whole = normal_name(&text.without(&[]));
        let all: Vec<usize> = (0..text.terms.len()).collect();
        if 1 < all.len() {
            let is_whole = |value: &str| value == whole;
            offered.extend(offer(OfferedField::MembershipLevel, &self.membership_levels, all, &is_whole));
        }
        for (number, term) in text.terms.iter().enumerate() {
            let word = normal_name(&term.text);
            let is_level = |value: &str| value == word;
            offered.extend(offer(OfferedField::MembershipLevel, &self.membership_levels, vec![number], &is_level));
            if MIN_AREA <= term.text.chars().count() {
                let is_in_area = |value: &str| value.contains(&word);
                offered.extend(offer(OfferedField::RecentArea, &self.recent_areas, vec![number], &is_in_area));
            }
        }
        offered
    }

    pub(super) fn found(&self, search: &Search) -> RoaringBitmap {
        let mut found = self.slots_of(&search.clusters);
        if let Some(text) = &search.text {
            for part in &text.name_as_one {
                found |= self.named(part, At::Anywhere);
            }
            found |= self.with_all_terms(text, &search.of_unified_ids);
        }
        found
    }

    fn slots_of(&self, clusters: &BTreeSet<ClusterKey>) -> RoaringBitmap {
        clusters.iter().filter_map(|it| self.slot_of(*it)).collect()
    }

    /// The slots that match all terms. Empty without terms.
    fn with_all_terms(&self, text: &SearchText, of_ids: &BTreeMap<usize, BTreeSet<ClusterKey>>) -> RoaringBitmap {
        let mut terms: Vec<(&Term, RoaringBitmap)> = text
            .terms
            .iter()
            .enumerate()
            .map(|(number, term)| (term, of_ids.get(&number).map(|it| self.slots_of(it)).unwrap_or_default()))
            .collect();
        // The longest first: it has the fewest candidates.
        terms.sort_by_key(|(term, _)| std::cmp::Reverse(term.text.len()));
        let mut terms = terms.into_iter();
        let Some((first, of_ids)) = terms.next() else { return RoaringBitmap::new() };
        let mut found = self.with_term(first) | of_ids;
        for (term, of_ids) in terms {
            found = if self.are_few(&found) {
                ascending(found.iter().filter(|slot| of_ids.contains(*slot) || self.has_term(*slot, term)))
            } else {
                found & (self.with_term(term) | of_ids)
            };
        }
        found
    }

    /// Whether it is cheaper to look at each of these than to scan all.
    fn are_few(&self, slots: &RoaringBitmap) -> bool {
        /// Looking at a slot costs about as much as scanning this many.
        const COST_OF_LOOK: u64 = 32;
        slots.len() * COST_OF_LOOK < self.columns.fixed.len() as u64
    }

    /// The slots that a term is a part of, without unified IDs.
    fn with_term(&self, term: &Term) -> RoaringBitmap {
        let mut found = term.name.as_ref().map(|part| self.named(part, At::Anywhere)).unwrap_or_default();
        for (column, parts) in [
            (&self.emails, term.email.as_slice()),
            (&self.phones, term.phone.as_slice()),
            (&self.references, term.reference.as_slice()),
        ] {
            for part in parts {
                found |= scan_slots(|found| column.scan(part.as_bytes(), found));
            }
        }
        found
    }

    fn has_term(&self, slot: u32, term: &Term) -> bool {
        term.name.as_ref().is_some_and(|part| self.has_name(slot, part, At::Anywhere))
            || term.is_in_email(self.emails.text(slot))
            || term.is_in_phone(self.phones.text(slot))
            || term.is_in_reference(self.references.text(slot))
    }

    fn has_name(&self, slot: u32, part: &NamePart, at: At) -> bool {
        part.is_in(self.columns.names.text(slot), at) || part.is_in(self.spellings.text(slot), at)
    }

    /// The slots with a name that has a part.
    fn named(&self, part: &NamePart, at: At) -> RoaringBitmap {
        let candidates = match part.sieve(at) {
            Sieve::Names(any) => any.iter().fold(RoaringBitmap::new(), |union, bytes| {
                let others = scan_slots(|found| self.spellings.scan(bytes, found));
                union | scan_slots(|found| self.columns.names.scan(bytes, found)) | others
            }),
            Sieve::Initials(bytes) => scan_slots(|found| self.initials.scan(&bytes, found)),
        };
        if part.is_decided_by_sieve() {
            return candidates;
        }
        ascending(candidates.iter().filter(|slot| self.has_name(*slot, part, at)))
    }
}

fn scan_slots(scan: impl FnOnce(&mut dyn FnMut(u32))) -> RoaringBitmap {
    let mut slots = Vec::new();
    scan(&mut |slot| slots.push(slot));
    ascending(slots.into_iter())
}
