//! The component walk: all identifiers that decisions and open links connect.
//!
//! The walk performs no I/O. [`Walk::need`] says what it must see next; the caller reads that and hands it over with
//! [`Walk::add_identifiers`] or [`Walk::add_links`], until nothing is needed. Level by level, so that rows are read many
//! at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{evidence::link::Pair, identifier::Identifier};

/// What a walk must see next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// These identifiers, if they were ever seen.
    Identifiers(Vec<Identifier>),
    /// All links of these identifiers.
    LinksOf(Vec<Identifier>),
}

/// A walk, and what it found so far. `S` is what the caller keeps of an identifier, `L` what it keeps of a link.
#[derive(Debug)]
pub struct Walk<S, L> {
    /// The component's identifiers.
    pub identifiers: BTreeMap<Identifier, S>,
    /// All links of those that are open, and those between any two.
    pub links: BTreeMap<Pair, L>,
    /// Closed identifiers at the far ends of links.
    pub ends: BTreeMap<Identifier, S>,
    /// They belong to the component, if they were ever seen.
    named: BTreeSet<Identifier>,
    /// They belong to the component if they are open.
    linked: BTreeSet<Identifier>,
    /// Their links were not read yet.
    open: Vec<Identifier>,
    closed: Vec<Identifier>,
    has_read_closed: bool,
}

impl<S, L> Walk<S, L> {
    /// Starts from identifiers.
    pub fn new(named: impl IntoIterator<Item = Identifier>) -> Self {
        Self {
            identifiers: BTreeMap::new(),
            links: BTreeMap::new(),
            ends: BTreeMap::new(),
            named: named.into_iter().collect(),
            linked: BTreeSet::new(),
            open: Vec::new(),
            closed: Vec::new(),
            has_read_closed: false,
        }
    }

    /// What must be seen next; `None` once the component is complete.
    pub fn need(&mut self) -> Option<Need> {
        if !self.named.is_empty() || !self.linked.is_empty() {
            return Some(Need::Identifiers(self.named.union(&self.linked).cloned().collect()));
        }
        if !self.open.is_empty() {
            return Some(Need::LinksOf(self.open.clone()));
        }
        // Links of open identifiers are there; what is left is between two that are closed.
        if self.closed.len() < 2 || self.has_read_closed {
            return None;
        }
        Some(Need::LinksOf(self.closed.clone()))
    }

    /// Adds the identifiers that were asked for, without those that were never seen. `is_open` is
    /// [`is_open`](super::input::is_open), and `decided` gives the other identifiers that active decisions about one name.
    pub fn add_identifiers(
        &mut self,
        found: impl IntoIterator<Item = (Identifier, S)>,
        is_open: impl Fn(&Identifier, &S) -> bool,
        decided: impl Fn(&Identifier) -> Vec<Identifier>,
    ) {
        let named = std::mem::take(&mut self.named);
        self.linked.clear();
        let mut pending: Vec<(Identifier, S)> = Vec::new();
        for (identifier, state) in found {
            if named.contains(&identifier) || is_open(&identifier, &state) {
                pending.push((identifier, state));
            } else {
                self.ends.insert(identifier, state);
            }
        }
        while let Some((identifier, state)) = pending.pop() {
            for other in decided(&identifier) {
                if let Some(end) = self.ends.remove(&other) {
                    pending.push((other, end));
                } else if other != identifier && !self.identifiers.contains_key(&other) {
                    self.named.insert(other);
                }
            }
            let group = if is_open(&identifier, &state) { &mut self.open } else { &mut self.closed };
            group.push(identifier.clone());
            self.identifiers.insert(identifier, state);
        }
        self.named.retain(|identifier| !self.identifiers.contains_key(identifier));
    }

    /// Adds the links that were asked for.
    pub fn add_links(&mut self, found: impl IntoIterator<Item = (Pair, L)>) {
        let is_of_closed = self.open.is_empty();
        self.has_read_closed |= is_of_closed;
        self.open.clear();
        for (pair, link) in found {
            let is_within = [&pair.a, &pair.b].into_iter().all(|end| self.identifiers.contains_key(end));
            if is_of_closed && !is_within {
                continue;
            }
            for end in [&pair.a, &pair.b] {
                if !self.identifiers.contains_key(end) && !self.ends.contains_key(end) {
                    self.linked.insert(end.clone());
                }
            }
            self.links.insert(pair, link);
        }
    }
}
