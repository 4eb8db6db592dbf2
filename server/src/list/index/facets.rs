//! Which slots have a value: what filters are made of.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use profile360_core::message::Platform;
use roaring::RoaringBitmap;

/// One value a slot at most, of not too many different ones.
#[derive(Debug, Default)]
pub(super) struct Facet {
    codes: HashMap<Arc<str>, u32>,
    values: Vec<(Arc<str>, RoaringBitmap)>,
    /// Codes that stand for nothing any more.
    free: Vec<u32>,
    /// By slot: one more than the code of its value, or 0.
    of: Vec<u32>,
}

impl Facet {
    pub(super) fn set(&mut self, slot: u32, value: Option<&str>) {
        let place = slot as usize;
        if self.of.len() <= place {
            self.of.resize(place + 1, 0);
        }
        let before = self.of.get(place).copied().unwrap_or(0).checked_sub(1);
        if let Some((code, (known, slots))) =
            before.and_then(|code| self.values.get_mut(code as usize).map(|it| (code, it)))
        {
            if value == Some(known) {
                return;
            }
            slots.remove(slot);
            if slots.is_empty() {
                self.codes.remove(known);
                self.free.push(code);
            }
        }
        let code = value.map_or(0, |it| {
            let code = self.code(it);
            if let Some((_, slots)) = self.values.get_mut(code as usize) {
                slots.insert(slot);
            }
            code + 1
        });
        if let Some(of) = self.of.get_mut(place) {
            *of = code;
        }
    }

    fn code(&mut self, value: &str) -> u32 {
        if let Some(code) = self.codes.get(value) {
            return *code;
        }
        let value: Arc<str> = value.into();
        let fresh = (value.clone(), RoaringBitmap::new());
        let code = match self.free.pop() {
            Some(code) => {
                if let Some(place) = self.values.get_mut(code as usize) {
                    *place = fresh;
                }
                code
            }
            None => {
                self.values.push(fresh);
                u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.codes.insert(value, code);
        code
    }

    /// The slots that have one of some values.
    pub(super) fn any_of(&self, values: &[String]) -> RoaringBitmap {
        let codes = values.iter().filter_map(|it| self.codes.get(it.as_str()));
        codes.filter_map(|it| self.values.get(*it as usize)).fold(RoaringBitmap::new(), |found, (_, it)| found | it)
    }
}

/// Any number of values a slot, of few different ones.
#[derive(Debug, Default)]
pub(super) struct Tags(BTreeMap<Arc<str>, RoaringBitmap>);

impl Tags {
    pub(super) fn set<'v>(&mut self, slot: u32, values: impl Iterator<Item = &'v str> + Clone) {
        for (known, slots) in &mut self.0 {
            if !values.clone().any(|it| it == &**known) {
                slots.remove(slot);
            }
        }
        self.0.retain(|_, slots| !slots.is_empty());
        for value in values {
            match self.0.get_mut(value) {
                Some(slots) => drop(slots.insert(slot)),
                None => drop(self.0.insert(value.into(), RoaringBitmap::from_iter([slot]))),
            }
        }
    }

    pub(super) fn of(&self, value: &str) -> RoaringBitmap {
        self.0.get(value).cloned().unwrap_or_default()
    }
}

pub(super) fn platform_tag(platform: Platform) -> &'static str {
    match platform {
        Platform::Android => "ANDROID",
        Platform::Ios => "IOS",
        Platform::Web => "WEB",
        Platform::Api => "API",
    }
}

/// Values by name: as many names as there are, and as many values as there are slots.
///
/// Of a value 64 bits are kept, of a hash that is another in every process: two different values of one name look alike once
/// in 18 · 10¹⁸ pairs.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    columns: BTreeMap<Arc<str>, Column>,
    hashing: RandomState,
}

/// Marks of values by slot; none is 0.
#[derive(Debug)]
enum Column {
    Few(BTreeMap<u32, u64>),
    Many { marks: Vec<u64>, n_set: usize },
}

impl Attributes {
    pub(super) fn set(&mut self, slot: u32, n_slots: usize, values: &BTreeMap<Arc<str>, Arc<str>>) {
        self.columns.retain(|name, column| {
            if !values.contains_key(name) {
                column.remove(slot);
            }
            !column.is_empty()
        });
        for (name, value) in values {
            let mark = self.mark(value);
            match self.columns.get_mut(name) {
                Some(column) => column.insert(slot, n_slots, mark),
                None => drop(self.columns.insert(name.clone(), Column::Few(BTreeMap::from([(slot, mark)])))),
            }
        }
    }

    pub(super) fn with(&self, name: &str, value: &str) -> RoaringBitmap {
        let mark = self.mark(value);
        match self.columns.get(name) {
            None => RoaringBitmap::new(),
            Some(Column::Few(marks)) => ascending(marks.iter().filter(|(_, it)| **it == mark).map(|(slot, _)| *slot)),
            Some(Column::Many { marks, .. }) => {
                ascending((0..).zip(marks).filter(|(_, it)| **it == mark).map(|(slot, _)| slot))
            }
        }
    }

    fn mark(&self, value: &str) -> u64 {
        self.hashing.hash_one(value).max(1)
    }
}

impl Column {
    /// From this share of the slots on the plain array is the smaller one.
    const MANY: usize = 4;

    fn insert(&mut self, slot: u32, n_slots: usize, mark: u64) {
        if let Self::Few(few) = self
            && n_slots < few.len() * Self::MANY
        {
            let mut marks = vec![0; n_slots];
            for (slot, mark) in &*few {
                if let Some(it) = marks.get_mut(*slot as usize) {
                    *it = *mark;
                }
            }
            *self = Self::Many { marks, n_set: few.len() };
        }
        match self {
            Self::Few(few) => drop(few.insert(slot, mark)),
            Self::Many { marks, n_set } => {
                let place = slot as usize;
                if marks.len() <= place {
                    marks.resize(place + 1, 0);
                }
                if let Some(it) = marks.get_mut(place) {
                    *n_set += usize::from(*it == 0);
                    *it = mark;
                }
            }
        }
    }

    fn remove(&mut self, slot: u32) {
        match self {
            Self::Few(few) => drop(few.remove(&slot)),
            Self::Many { marks, n_set } => {
                if let Some(it) = marks.get_mut(slot as usize) {
                    *n_set -= usize::from(*it != 0);
                    *it = 0;
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many { n_set, .. } => *n_set == 0,
        }
    }
}

/// A set of slots that come in ascending order, each once or more.
pub(super) fn ascending(slots: impl Iterator<Item = u32>) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    set.extend(slots);
    set
}
