//! Facets: the values of a field, each with the number of matching customers that have it.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Filter, Index, Search};

/// A field whose values are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FacetField {
    Platform,
    Gender,
    AgeGroup,
    MembershipLevel,
    Country,
    RecentArea,
    HasIdentifier,
    /// The names of attributes, counted over all customers.
    AttributeName,
    /// The values of the attribute of this name, in canonical JSON.
    Attribute(String),
}

/// The most frequent values of a field, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    pub values: Vec<(Arc<str>, u64)>,
    /// Whether these are all values. `false` if there are more, or if the index does not keep the values of an attribute.
    pub is_complete: bool,
}

impl Index {
    /// The values of a field among the customers that match. Alternatives of the field itself do not count as a condition, so that
    /// each count is what choosing that value would find.
    pub fn facet(&self, field: &FacetField, mut filter: Filter, search: Option<&Search>, n_most: usize) -> Facet {
        match field {
            FacetField::Platform => filter.platforms.clear(),
            FacetField::Gender => filter.genders.clear(),
            FacetField::AgeGroup => filter.age_groups.clear(),
            FacetField::MembershipLevel => filter.membership_levels.clear(),
            FacetField::Country => filter.countries.clear(),
            FacetField::RecentArea => filter.recent_areas.clear(),
            // A customer must have all of these.
            FacetField::HasIdentifier | FacetField::AttributeName => {}
            FacetField::Attribute(name) => filter.attributes.retain(|(other, _)| other != name),
        }
        let within = match field {
            FacetField::AttributeName => None,
            _ => self.matches(&filter, search),
        };
        let within = within.as_ref();
        let counted = match field {
            FacetField::Platform => Some(self.platforms.counts(within)),
            FacetField::Gender => Some(self.genders.counts(within)),
            FacetField::AgeGroup => Some(self.age_groups.counts(within)),
            FacetField::MembershipLevel => Some(self.membership_levels.counts(within)),
            FacetField::Country => Some(self.countries.counts(within)),
            FacetField::RecentArea => Some(self.recent_areas.counts(within)),
            FacetField::HasIdentifier => Some(self.kinds.counts(within)),
            FacetField::AttributeName => Some(self.attributes.names()),
            FacetField::Attribute(name) => self.attributes.counts(name, within),
        };
        let Some(mut values) = counted else { return Facet { values: Vec::new(), is_complete: false } };
        values.sort_unstable_by(|(a, n_a), (b, n_b)| n_b.cmp(n_a).then_with(|| a.cmp(b)));
        let is_complete = values.len() <= n_most;
        values.truncate(n_most);
        Facet { values, is_complete }
    }
}

/// How many slots of a value match.
pub(super) fn n_matching(slots: &RoaringBitmap, within: Option<&RoaringBitmap>) -> u64 {
    within.map_or_else(|| slots.len(), |within| slots.intersection_len(within))
}
