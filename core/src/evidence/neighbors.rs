//! Neighbors: how many identifiers of one kind an identifier links to, and on which days it met those that are stronger.
//!
//! A person's own device meets a number or two, and another one years later. A shop's tablet meets many within days. The days
//! distinguish the two; they depend on the set of links alone, not on the order in which these arrive.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use crate::time::Timestamp;

/// The most neighbors whose days are kept: more are too many for any one person.
pub const MAX_DAYS: usize = 16;
/// Neighbors that were met within so many days were met at once.
const AT_ONCE: i32 = 30;

/// The neighbors of one kind. Its JSON form is the list of days where these are kept, else the number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbors {
    n: u32,
    /// The day on which each was first seen together with the identifier, ascending; counted from 1970-01-01. Empty where the
    /// neighbors are not stronger than the identifier, or are more than [`MAX_DAYS`].
    days: Vec<i32>,
}

impl Neighbors {
    /// How many there are.
    pub const fn len(&self) -> u32 {
        self.n
    }

    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The most of them that were met within thirty days. Of more than [`MAX_DAYS`] it is all; where no days are kept, none.
    pub fn met_at_once(&self) -> u32 {
        if MAX_DAYS < self.n as usize {
            return self.n;
        }
        let within = |first: &i32| self.days.iter().filter(|day| (0..AT_ONCE).contains(&(*day - first))).count();
        self.days.iter().map(within).max().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// Whether days that were given up are to be kept again once so many neighbors are gone.
    pub(crate) fn needs_days_without(&self, n_gone: u32) -> bool {
        let has_given_up = MAX_DAYS < self.n as usize;
        has_given_up && (self.n.saturating_sub(n_gone) as usize) <= MAX_DAYS
    }

    /// Adds one; with the time of the first observation together where it is stronger than the identifier.
    pub(crate) fn add(&mut self, met: Option<Timestamp>) {
        let keeps_days = self.days.len() == self.n as usize && (self.n as usize) < MAX_DAYS;
        self.n = self.n.saturating_add(1);
        match met.filter(|_| keeps_days) {
            Some(at) => self.insert(day(at)),
            None => self.days.clear(),
        }
    }

    /// Removes one that was added with this time, with its day where days are kept.
    pub(crate) fn remove(&mut self, met: Option<Timestamp>) {
        self.n = self.n.saturating_sub(1);
        if let Some(position) = met.and_then(|at| self.days.binary_search(&day(at)).ok()) {
            self.days.remove(position);
        }
    }

    /// Records that one was met earlier than was known.
    pub(crate) fn meet_earlier(&mut self, known: Timestamp, now: Timestamp) {
        if day(known) != day(now)
            && let Ok(position) = self.days.binary_search(&day(known))
        {
            self.days.remove(position);
            self.insert(day(now));
        }
    }

    fn insert(&mut self, day: i32) {
        let position = self.days.partition_point(|it| *it <= day);
        self.days.insert(position, day);
    }
}

fn day(at: Timestamp) -> i32 {
    const MICROS: i64 = 86_400_000_000;
    i32::try_from(at.micros().div_euclid(MICROS)).unwrap_or(i32::MAX)
}

impl Serialize for Neighbors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keeps_days = self.days.len() == self.n as usize;
        if keeps_days { self.days.serialize(serializer) } else { self.n.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Neighbors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrDays;

        impl<'de> Visitor<'de> for NumberOrDays {
            type Value = Neighbors;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of neighbors, or the days on which they were met")
            }

            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Neighbors, E> {
                let n = u32::try_from(n).map_err(|_| E::custom("too many neighbors"))?;
                Ok(Neighbors { n, days: Vec::new() })
            }

            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Neighbors, E> {
                self.visit_u64(u64::try_from(n).map_err(|_| E::custom("a number of neighbors is not negative"))?)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Neighbors, A::Error> {
                let mut days = Vec::new();
                while let Some(day) = items.next_element()? {
                    days.push(day);
                }
                Ok(Neighbors { n: u32::try_from(days.len()).unwrap_or(u32::MAX), days })
            }
        }

        deserializer.deserialize_any(NumberOrDays)
    }
}

#[cfg(test)]
mod tests;
