//! Bitmaps of the slots that have a value, for filters.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use profile360_core::message::Platform;
use roaring::RoaringBitmap;
use rust_decimal::Decimal;

use super::facets::n_matching;

/// At most one value per slot, with a moderate number of distinct values.
#[derive(Debug, Default)]
pub(super) struct ValueBitmaps {
    codes: HashMap<Arc<str>, u32>,
    values: Vec<(Arc<str>, RoaringBitmap)>,
    /// Unused codes.
    free: Vec<u32>,
    /// By slot: the code of its value plus one, or 0 without a value.
    of: Vec<u32>,
}

impl ValueBitmaps {
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
        let code = value.map_or(0, |value| {
            let code = self.code(value);
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

    /// All values, each with the slots that have it.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &RoaringBitmap)> {
        self.values.iter().filter(|(_, slots)| !slots.is_empty()).map(|(value, slots)| (&**value, slots))
    }

    /// The slots that have one of some values.
    pub(super) fn any_of(&self, values: &[String]) -> RoaringBitmap {
        let codes = values.iter().filter_map(|it| self.codes.get(it.as_str()));
        codes.filter_map(|it| self.values.get(*it as usize)).fold(RoaringBitmap::new(), |found, (_, it)| found | it)
    }

    /// The values that matching slots have, each with their number.
    pub(super) fn counts(&self, within: Option<&RoaringBitmap>) -> Vec<(Arc<str>, u64)> {
        // The values of unused codes have no slots.
        counted(self.values.iter().map(|(value, slots)| (value, slots)), within)
    }
}

fn counted<'v>(
    values: impl Iterator<Item = (&'v Arc<str>, &'v RoaringBitmap)>,
    within: Option<&RoaringBitmap>,
) -> Vec<(Arc<str>, u64)> {
    let counts = values.map(|(value, slots)| (value.clone(), n_matching(slots, within)));
    counts.filter(|(_, count)| 0 < *count).collect()
}

/// Any number of values per slot, with few distinct values.
#[derive(Debug, Default)]
pub(super) struct TagBitmaps(BTreeMap<Arc<str>, RoaringBitmap>);

impl TagBitmaps {
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

    /// The values that matching slots have, each with their number.
    pub(super) fn counts(&self, within: Option<&RoaringBitmap>) -> Vec<(Arc<str>, u64)> {
        counted(self.0.iter(), within)
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

/// Values by name, with any number of names and distinct values.
///
/// A value is a 64-bit hash with a random key per process: two values of one name collide with a probability of one in
/// 18 · 10¹⁸. A list matches as a whole and by each of its items.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    columns: BTreeMap<Arc<str>, Column>,
    /// The slots whose list contains an item, by name and item. Few values are lists.
    items: BTreeMap<Arc<str>, BTreeMap<u64, RoaringBitmap>>,
    /// The items of each slot, for their removal.
    items_of: BTreeMap<u32, Vec<(Arc<str>, u64)>>,
    /// The values of the hashes, by name, where a name has few.
    labels: BTreeMap<Arc<str>, Labels>,
    hashing: RandomState,
}

/// The values of an attribute that has few and short ones: those that a person chooses from. They are only added, so an attribute
/// whose values come and go is soon treated as free text.
#[derive(Debug, Default)]
struct Labels {
    by_mark: HashMap<u64, Arc<str>>,
    is_free_text: bool,
}

impl Labels {
    /// The most distinct values.
    const MOST: usize = 100;
    /// The most bytes of a value.
    const MOST_BYTES: usize = 200;

    fn add(&mut self, mark: u64, json: &str) {
        if self.is_free_text || self.by_mark.contains_key(&mark) {
            return;
        }
        if self.by_mark.len() < Self::MOST && json.len() <= Self::MOST_BYTES {
            self.by_mark.insert(mark, json.into());
        } else {
            *self = Self { by_mark: HashMap::new(), is_free_text: true };
        }
    }
}

/// The form in which values are compared: numbers by their value, not by their notation.
fn comparable(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
            // A number beyond the range or precision of a decimal is compared as text.
            exact.map_or(text, |exact| exact.normalize().to_string())
        }
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(comparable).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// The forms that a JSON value matches: its own, and those of its items.
fn forms(json: &str) -> (Cow<'_, str>, Vec<String>) {
    // Most are strings and short integers, which have one notation only.
    let is_short_number = json.len() <= 18 && json.bytes().all(|byte| byte.is_ascii_digit());
    if is_short_number || json.starts_with(['"', 't', 'f', 'n']) {
        return (json.into(), Vec::new());
    }
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(value) => {
            let items = value.as_array().into_iter().flatten().map(comparable).collect();
            (comparable(&value).into(), items)
        }
        Err(_) => (json.into(), Vec::new()),
    }
}

/// Hashes of values by slot. A hash is never 0.
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
        for (name, mark) in self.items_of.remove(&slot).unwrap_or_default() {
            if let Some(marks) = self.items.get_mut(&name) {
                if let Some(slots) = marks.get_mut(&mark) {
                    slots.remove(slot);
                    if slots.is_empty() {
                        marks.remove(&mark);
                    }
                }
                if marks.is_empty() {
                    self.items.remove(&name);
                }
            }
        }
        for (name, value) in values {
            let (value, items) = forms(value);
            let mark = self.mark(&value);
            if items.is_empty() && value != "[]" {
                self.labels.entry(name.clone()).or_default().add(mark, &value);
            }
            for item in items {
                let mark = self.mark(&item);
                self.labels.entry(name.clone()).or_default().add(mark, &item);
                self.items.entry(name.clone()).or_default().entry(mark).or_default().insert(slot);
                self.items_of.entry(slot).or_default().push((name.clone(), mark));
            }
            match self.columns.get_mut(name) {
                Some(column) => column.insert(slot, n_slots, mark),
                None => drop(self.columns.insert(name.clone(), Column::Few(BTreeMap::from([(slot, mark)])))),
            }
        }
    }

    pub(super) fn with(&self, name: &str, value: &str) -> RoaringBitmap {
        let mark = self.mark(&forms(value).0);
        let having = self.items.get(name).and_then(|marks| marks.get(&mark)).cloned().unwrap_or_default();
        having
            | match self.columns.get(name) {
                None => RoaringBitmap::new(),
                Some(Column::Few(marks)) => {
                    ascending(marks.iter().filter(|(_, it)| **it == mark).map(|(slot, _)| *slot))
                }
                Some(Column::Many { marks, .. }) => {
                    ascending((0..).zip(marks).filter(|(_, it)| **it == mark).map(|(slot, _)| slot))
                }
            }
    }

    /// The names, each with the number of customers who have it.
    pub(super) fn names(&self) -> Vec<(Arc<str>, u64)> {
        self.columns.iter().map(|(name, column)| (name.clone(), column.len() as u64)).collect()
    }

    /// The values of a name that matching slots have, each with their number. A list counts for each of its items. `None` if there
    /// are too many values to keep.
    pub(super) fn counts(&self, name: &str, within: Option<&RoaringBitmap>) -> Option<Vec<(Arc<str>, u64)>> {
        let Some(labels) = self.labels.get(name) else { return Some(Vec::new()) };
        if labels.is_free_text {
            return None;
        }
        let mut counts: HashMap<u64, u64> = HashMap::new();
        let mut count = |mark: u64| *counts.entry(mark).or_default() += 1;
        let is_within = |slot: u32| within.is_none_or(|within| within.contains(slot));
        match (self.columns.get(name), within) {
            (None, _) => {}
            (Some(Column::Few(marks)), _) => {
                marks.iter().filter(|(slot, _)| is_within(**slot)).for_each(|(_, mark)| count(*mark));
            }
            (Some(Column::Many { marks, .. }), None) => marks.iter().for_each(|mark| count(*mark)),
            (Some(Column::Many { marks, .. }), Some(within)) => {
                within.iter().filter_map(|slot| marks.get(slot as usize)).for_each(|mark| count(*mark));
            }
        }
        for (mark, slots) in self.items.get(name).into_iter().flatten() {
            *counts.entry(*mark).or_default() += n_matching(slots, within);
        }
        // Slots without a value, and lists as a whole, have no label.
        let labeled = counts.into_iter().filter_map(|(mark, count)| Some((labels.by_mark.get(&mark)?.clone(), count)));
        Some(labeled.filter(|(_, count)| 0 < *count).collect())
    }

    fn mark(&self, value: &str) -> u64 {
        self.hashing.hash_one(value).max(1)
    }
}

impl Column {
    /// If more than one in this many slots has a value, the array is smaller.
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

    fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many { n_set, .. } => *n_set,
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The set of slots from an ascending sequence, which may repeat slots.
pub(super) fn ascending(slots: impl Iterator<Item = u32>) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    set.extend(slots);
    set
}
