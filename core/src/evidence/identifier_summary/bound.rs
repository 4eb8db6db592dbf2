//! How much of an attribute's values an identifier holds, so that its row stays small when a source sends another one each time.
//!
//! What is left out depends on the messages and on nothing else: not on their sequence, nor on how they came in batches. Two
//! kinds of rule make sure of that. A observation stays by its *place*, where it is among the first in byte order: one that lost
//! its place never finds it again, so what is counted is counted from the beginning. Or it stays as an *end*, where it is the
//! newest, oldest, least or greatest: then only that much is kept of it, its count and its other time are not.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Full,
    values::{Observed, Values},
};
use crate::message::{
    attribute_value::{AttributeValue, compare_strictly},
    standard::is_standard,
};

/// The most custom attributes with short values of one identifier: those whose names come first in byte order. The standard
/// attributes are not counted.
pub const MAX_CUSTOM_ATTRIBUTES: usize = 1_000;
/// The longest value that counts as short, in bytes of JSON.
pub const MAX_SHORT_BYTES: usize = 256;
/// The most observations (a value that a source gave) of one attribute's short values that are kept with their place.
pub const MAX_OBSERVATIONS: usize = 64;
/// The most custom attributes of which longer values are kept.
pub const MAX_LONG_ATTRIBUTES: usize = 64;

/// How much is kept of values of one length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf {
    /// The most custom attributes.
    pub names: usize,
    /// The most observations with a place, of one attribute and of all together.
    pub observations: [usize; 2],
    /// The most sources whose newest value is kept, of one attribute and of all together.
    pub sources: [usize; 2],
}

/// The shelves of short and of long values.
pub(super) const SHELVES: [Shelf; 2] = [
    Shelf { names: MAX_CUSTOM_ATTRIBUTES, observations: [MAX_OBSERVATIONS, 2_048], sources: [16, 1_024] },
    Shelf { names: MAX_LONG_ATTRIBUTES, observations: [4, 64], sources: [4, 64] },
];

/// One value by one source.
#[derive(Clone, Copy)]
struct Observation<'a> {
    value: &'a AttributeValue,
    source: &'a Arc<str>,
    seen: Observed,
}

/// What of a observation is kept.
#[derive(Clone, Copy, Default)]
struct Kept {
    all: bool,
    first: bool,
    last: bool,
}

/// Leaves out what there is no room for; what was full.
pub(super) fn keep(attributes: &mut BTreeMap<Arc<str>, Values>, shelves: &[Shelf; 2]) -> BTreeSet<Full> {
    let mut full = BTreeSet::new();
    if has_room(attributes, shelves) {
        return full;
    }
    let mut kept: BTreeMap<Arc<str>, Values> = BTreeMap::new();
    for (position, shelf) in shelves.iter().enumerate() {
        let [mut n_observations, mut n_sources] = [shelf.observations[1], shelf.sources[1]];
        let mut n_names = 0;
        let (standard, custom): (Vec<_>, Vec<_>) = attributes.iter().partition(|(name, _)| is_standard(name));
        for (name, values) in standard.into_iter().chain(custom) {
            let observations: Vec<Observation<'_>> = observations_of(values, position).collect();
            if observations.is_empty() {
                continue;
            }
            if !is_standard(name) {
                n_names += 1;
                if shelf.names < n_names {
                    full.insert(if position == 0 { Full::Attributes } else { Full::Values });
                    continue;
                }
            }
            let n_placed = observations.len().min(shelf.observations[0]).min(n_observations);
            n_observations -= n_placed;
            let n_heard = shelf.sources[0].min(n_sources);
            let (parts, n_heard) = parts_of(&observations, n_placed, n_heard);
            n_sources -= n_heard;
            let target = kept.entry(name.clone()).or_default();
            for (observation, part) in observations.iter().zip(parts) {
                let seen = part.of(observation.seen);
                if seen != Some(observation.seen) {
                    full.insert(Full::Values);
                }
                if let Some(seen) = seen {
                    target.entry(observation.value.clone()).or_default().insert(observation.source.clone(), seen);
                }
            }
        }
    }
    *attributes = kept;
    full
}

/// Whether all observations have a place.
fn has_room(attributes: &BTreeMap<Arc<str>, Values>, shelves: &[Shelf; 2]) -> bool {
    let [mut n_names, mut n_observations] = [[0; 2]; 2];
    for (name, values) in attributes {
        let mut n_own = [0; 2];
        for (value, sources) in values {
            n_own[shelf_of(value)] += sources.len();
        }
        for (position, shelf) in shelves.iter().enumerate() {
            n_names[position] += usize::from(0 < n_own[position] && !is_standard(name));
            n_observations[position] += n_own[position];
            if shelf.observations[0] < n_own[position] {
                return false;
            }
        }
    }
    shelves
        .iter()
        .enumerate()
        .all(|(position, shelf)| n_names[position] <= shelf.names && n_observations[position] <= shelf.observations[1])
}

fn shelf_of(value: &AttributeValue) -> usize {
    usize::from(MAX_SHORT_BYTES < value.as_json().len())
}

/// In ascending order of value and source.
fn observations_of(values: &Values, shelf: usize) -> impl Iterator<Item = Observation<'_>> {
    values.iter().filter(move |(value, _)| shelf_of(value) == shelf).flat_map(|(value, sources)| {
        sources.iter().map(move |(source, seen)| Observation { value, source, seen: *seen })
    })
}

/// What is kept of each observation, and of how many sources the newest is.
fn parts_of(observations: &[Observation<'_>], n_placed: usize, n_heard: usize) -> (Vec<Kept>, usize) {
    let mut parts = vec![Kept::default(); observations.len()];
    parts.iter_mut().take(n_placed).for_each(|part| part.all = true);
    let (unset, set): (Vec<usize>, Vec<usize>) =
        (0..observations.len()).partition(|position| observations[*position].value.is_unset());
    let newest = |positions: &mut dyn Iterator<Item = usize>| {
        positions.max_by(|a, b| by_last(&observations[*a], &observations[*b]))
    };
    let newest_of_value = |end: usize| {
        newest(&mut set.iter().copied().filter(|position| observations[*position].value == observations[end].value))
    };
    let by_value = |a: &&usize, b: &&usize| compare_strictly(observations[**a].value, observations[**b].value);
    let mut lasting: Vec<usize> = Vec::new();
    // When it was unset decides what of the rest counts.
    lasting.extend(newest(&mut unset.into_iter()));
    lasting.extend(newest(&mut set.iter().copied()));
    lasting.extend(set.iter().min_by(by_value).and_then(|end| newest_of_value(*end)));
    lasting.extend(set.iter().max_by(by_value).and_then(|end| newest_of_value(*end)));
    let mut of_sources: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for position in &set {
        of_sources.entry(observations[*position].source).or_default().push(*position);
    }
    let n_heard = of_sources.len().min(n_heard);
    lasting.extend(of_sources.into_values().take(n_heard).filter_map(|of_one| newest(&mut of_one.into_iter())));
    for position in lasting {
        parts[position].last = true;
    }
    if let Some(oldest) = set.iter().min_by(|a, b| by_first(&observations[**a], &observations[**b])) {
        parts[*oldest].first = true;
    }
    (parts, n_heard)
}

impl Kept {
    fn of(self, seen: Observed) -> Option<Observed> {
        let ends = |first, last| Some(Observed { first, last, count: if first == last { 1 } else { 2 } });
        match self {
            Self { all: true, .. } => Some(seen),
            Self { first: true, last: true, .. } => ends(seen.first, seen.last),
            Self { first: true, .. } => ends(seen.first, seen.first),
            Self { last: true, .. } => ends(seen.last, seen.last),
            Self { .. } => None,
        }
    }
}

/// The orders of survivorship, without the identifier: here it is one.
fn by_last(a: &Observation<'_>, b: &Observation<'_>) -> Ordering {
    (a.seen.last, a.source).cmp(&(b.seen.last, b.source)).then_with(|| compare_strictly(a.value, b.value))
}

fn by_first(a: &Observation<'_>, b: &Observation<'_>) -> Ordering {
    (a.seen.first, a.source).cmp(&(b.seen.first, b.source)).then_with(|| compare_strictly(a.value, b.value))
}

#[cfg(test)]
mod tests;
