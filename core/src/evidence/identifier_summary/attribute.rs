//! What was said of a customer's attributes: enough for every rule of survivorship, so that a policy can change its mind.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Full,
    bound::{self, SHELVES},
};
use crate::{
    message::{Message, attribute_value::AttributeValue},
    time::Timestamp,
};

/// Name → value → source → when and how often. No inner map is ever empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeFacts(BTreeMap<Arc<str>, Values>);

/// The values that one attribute was given, and the sources that gave each: all of them while there is room (see
/// [`MAX_SIGHTINGS`](super::MAX_SIGHTINGS)).
pub type Values = BTreeMap<AttributeValue, BTreeMap<Arc<str>, Observed>>;

/// When and how often one source gave an attribute one value.
///
/// It serialises as `[first, last − first, count]`, times in microseconds.
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

impl AttributeFacts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes by name, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Values)> {
        self.0.iter()
    }

    /// What was said of one attribute.
    pub fn get(&self, name: &str) -> Option<&Values> {
        self.0.get(name)
    }

    /// What was full.
    pub(super) fn add(&mut self, message: &Message) -> BTreeSet<Full> {
        for (name, value) in &message.attributes {
            // Looked up before inserting: the name is a text of its own in every message, and most are known already.
            let values = match self.0.get_mut(name.as_str()) {
                Some(values) => values,
                None => self.0.entry(Arc::from(name.as_str())).or_default(),
            };
            observe(values, value, &message.source, Observed::once(message.at));
        }
        self.keep()
    }

    /// Leaves out what there is no room for; what was full.
    pub(super) fn keep(&mut self) -> BTreeSet<Full> {
        bound::keep(&mut self.0, &SHELVES)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (name, other_values) in &other.0 {
            let Some(values) = self.0.get_mut(name) else {
                self.0.insert(name.clone(), other_values.clone());
                continue;
            };
            for (value, sources) in other_values {
                for (source, observed) in sources {
                    observe(values, value, source, *observed);
                }
            }
        }
        self.keep();
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
