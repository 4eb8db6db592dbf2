//! What many messages say of identity and purchases, gathered in parts: on several cores, without a database.
//!
//! It holds what [`Facts`](super::facts::Facts) do as far as resolution and purchase summaries read them, and comes to the same;
//! a law holds it to that. Parts are merged in any order, because each message carries its place.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use crate::{
    identifier::Identifier,
    message::{
        Message,
        order::{Order, Refund},
    },
    time::Timestamp,
};

/// A map without randomness.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// What messages say of identity and purchases.
#[derive(Debug, Default)]
pub struct Gathered {
    /// In the order in which they were met.
    pub(crate) identifiers: Vec<Identifier>,
    numbers: Map<Identifier, u32>,
    pub(crate) messages: Vec<Seen>,
    /// The identifiers of all messages, one message after the other, each message's strongest first.
    pub(crate) named: Vec<u32>,
    /// With the position of their message.
    pub(crate) orders: Vec<(usize, Order)>,
    pub(crate) refunds: Vec<(usize, Refund)>,
}

/// A message as far as it counts here.
#[derive(Debug)]
pub(crate) struct Seen {
    place: u64,
    id: Arc<str>,
    pub(crate) at: Timestamp,
    /// Its identifiers, by their positions in `named`.
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl Gathered {
    /// Adds a message. No two have one place; of several with one ID the one with the lowest place counts.
    pub fn add(&mut self, place: u64, message: Message) {
        let position = self.messages.len();
        let first = self.named.len();
        for identifier in message.identifiers {
            let number = self.number(identifier);
            self.named.push(number);
        }
        self.messages.push(Seen { place, id: message.id, at: message.at, first, end: self.named.len() });
        self.orders.extend(message.order.map(|order| (position, order)));
        self.refunds.extend(message.refund.map(|refund| (position, refund)));
    }

    fn number(&mut self, identifier: Identifier) -> u32 {
        if let Some(number) = self.numbers.get(&identifier) {
            return *number;
        }
        // Four thousand million identifiers fill any memory before.
        let number = u32::try_from(self.identifiers.len()).unwrap_or(u32::MAX);
        self.identifiers.push(identifier.clone());
        self.numbers.insert(identifier, number);
        number
    }

    /// Adds another part.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        if self.messages.len() < other.messages.len() {
            return other.merge(self);
        }
        let Self { identifiers, numbers: _, messages, named, orders, refunds } = other;
        let (n_messages, n_named) = (self.messages.len(), self.named.len());
        let number_of: Vec<u32> = identifiers.into_iter().map(|it| self.number(it)).collect();
        self.named.extend(named.into_iter().filter_map(|it| number_of.get(it as usize)));
        let moved = |it: Seen| Seen { first: it.first + n_named, end: it.end + n_named, ..it };
        self.messages.extend(messages.into_iter().map(moved));
        self.orders.extend(orders.into_iter().map(|(message, order)| (message + n_messages, order)));
        self.refunds.extend(refunds.into_iter().map(|(message, refund)| (message + n_messages, refund)));
        self
    }

    /// For each message whether it counts: a message ID counts once.
    pub(crate) fn first_of_each_id(&self) -> Vec<bool> {
        let mut first: Map<&str, usize> = Map::default();
        first.reserve(self.messages.len());
        let mut counts = vec![true; self.messages.len()];
        for (position, message) in self.messages.iter().enumerate() {
            match first.entry(&message.id) {
                Entry::Vacant(new) => drop(new.insert(position)),
                Entry::Occupied(mut known) => {
                    let is_earlier = message.place < self.messages[*known.get()].place;
                    let later = if is_earlier { known.insert(position) } else { position };
                    counts[later] = false;
                }
            }
        }
        counts
    }
}
