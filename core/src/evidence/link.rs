//! Links: observed edges between two identifiers.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{identifier::Identifier, message::Message, time::Timestamp};

/// The two ends of a link, the smaller identifier first, so that either direction is one link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pair {
    pub a: Identifier,
    pub b: Identifier,
}

impl Pair {
    /// `None` where both are one identifier.
    pub fn new(one: &Identifier, other: &Identifier) -> Option<Self> {
        match one.cmp(other) {
            std::cmp::Ordering::Less => Some(Self { a: one.clone(), b: other.clone() }),
            std::cmp::Ordering::Greater => Some(Self { a: other.clone(), b: one.clone() }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// The positions of both ends; `None` where one has none.
    pub fn positions(&self, position_of: impl Fn(&Identifier) -> Option<usize>) -> Option<(usize, usize)> {
        Some((position_of(&self.a)?, position_of(&self.b)?))
    }

    /// The end that an identifier, which is one of them, links to.
    pub fn other(&self, one: &Identifier) -> &Identifier {
        if self.a == *one { &self.b } else { &self.a }
    }
}

/// When, how often and by which sources something was seen. Merging is associative and commutative; counts add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    #[serde(rename = "f")]
    pub first_seen: Timestamp,
    #[serde(rename = "l")]
    pub last_seen: Timestamp,
    #[serde(rename = "n")]
    pub count: u64,
    /// At most [`MAX_SOURCES`], those that come first in byte order.
    #[serde(rename = "s")]
    pub sources: BTreeSet<Arc<str>>,
}

/// The most sources that are named of an identifier or a link.
pub const MAX_SOURCES: usize = 64;

impl Observations {
    /// One observation by one message.
    pub fn of(message: &Message) -> Self {
        Self {
            first_seen: message.at,
            last_seen: message.at,
            count: 1,
            sources: BTreeSet::from([message.source.clone()]),
        }
    }

    /// Adds one observation; whether there was room for its source.
    pub fn add(&mut self, message: &Message) -> bool {
        self.first_seen = self.first_seen.min(message.at);
        self.last_seen = self.last_seen.max(message.at);
        self.count = self.count.saturating_add(1);
        if self.sources.contains(&message.source) {
            return true;
        }
        self.sources.insert(message.source.clone());
        self.keep()
    }

    /// Leaves out the sources that there is no room for; whether there was room for all.
    pub fn keep(&mut self) -> bool {
        let has_room = self.sources.len() <= MAX_SOURCES;
        while MAX_SOURCES < self.sources.len() {
            self.sources.pop_last();
        }
        has_room
    }
}

/// The links that a message makes: from its strongest identifier to each other one.
pub fn pairs_of(message: &Message) -> impl Iterator<Item = Pair> {
    message.identifiers.iter().skip(1).filter_map(|it| Pair::new(message.home(), it))
}
