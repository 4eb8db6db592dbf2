//! The values of one attribute, with the sources that gave each.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{message::attribute_value::AttributeValue, time::Timestamp};

/// The values that one attribute was given, and the sources that gave each: all of them while there is room (see
/// [`MAX_OBSERVATIONS`](super::MAX_SIGHTINGS)).
pub type Values = BTreeMap<AttributeValue, BTreeMap<Arc<str>, Observed>>;

/// When and how often one source gave an attribute one value.
///
/// It serializes as `[first, last − first, count]`, times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Timestamp, i64, u64)", into = "(Timestamp, i64, u64)")]
pub struct Observed {
    pub first: Timestamp,
    pub last: Timestamp,
    /// The number of messages that said so; at least 1.
    pub count: u64,
}

impl From<(Timestamp, i64, u64)> for Observed {
    fn from((first, span, count): (Timestamp, i64, u64)) -> Self {
        Self { first, last: Timestamp::from_micros(first.micros().saturating_add(span)), count }
    }
}

impl From<Observed> for (Timestamp, i64, u64) {
    fn from(it: Observed) -> Self {
        (it.first, it.last.micros().saturating_sub(it.first.micros()), it.count)
    }
}

impl Observed {
    pub(super) const fn once(at: Timestamp) -> Self {
        Self { first: at, last: at, count: 1 }
    }

    fn merge(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
    }
}

pub(super) fn observe(values: &mut Values, value: &AttributeValue, source: &Arc<str>, observed: Observed) {
    let sources = match values.get_mut(value) {
        Some(sources) => sources,
        None => values.entry(value.clone()).or_default(),
    };
    match sources.get_mut(source) {
        Some(known) => known.merge(observed),
        None => drop(sources.insert(source.clone(), observed)),
    }
}
