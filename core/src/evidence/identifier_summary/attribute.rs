//! What was said of a customer's attributes: enough for every rule of survivorship, so that a policy can change its mind.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Full,
    bound::{self, SHELVES},
    values::{Observed, Values, observe},
};
use crate::message::Message;

/// Name → value → source → when and how often. No inner map is ever empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeFacts(BTreeMap<Arc<str>, Values>);

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
