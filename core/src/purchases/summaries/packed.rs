//! The sums of a month, in as many bytes as their numbers need.

use std::collections::BTreeMap;

use super::SummedPurchase;

/// The number and the amount of purchases, and what was bought, in one month.
#[derive(Debug, Default)]
pub(super) struct MonthSums {
    slots: BTreeMap<(u8, u8), (u64, i128)>,
    /// By the number of the text.
    pub(super) categories: BTreeMap<u32, Tally>,
    /// By the number of the text.
    pub(super) products: BTreeMap<u32, Tally>,
}

/// Where the sums of a month begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) slots: usize,
    pub(super) categories: usize,
    pub(super) products: usize,
}

/// What was bought of a category or a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) units: u64,
    pub(super) orders: u64,
    pub(super) amount: i128,
    /// The rank of the last order.
    pub(super) last: u32,
    /// The rank of the last order that names it, and the number of the name.
    pub(super) named: Option<(u32, u32)>,
}

impl Tally {
    /// Nothing yet of an order.
    pub(super) fn of_order(rank: u32) -> Self {
        Self { units: 0, orders: 1, amount: 0, last: rank, named: None }
    }

    /// Adds a line of the order. The last line that has a name names it.
    pub(super) fn add_line(&mut self, units: u64, amount: i128, name: Option<u32>) {
        self.units = self.units.saturating_add(units);
        self.amount += amount;
        self.named = name.map(|name| (self.last, name)).or(self.named);
    }

    /// Adds what was bought in other orders.
    pub(super) fn add(&mut self, other: Self) {
        self.units = self.units.saturating_add(other.units);
        self.orders += other.orders;
        self.amount += other.amount;
        self.last = self.last.max(other.last);
        self.named = self.named.max(other.named);
    }
}

/// The purchases of one weekday and hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotSum {
    pub(super) weekday: u8,
    pub(super) hour: u8,
    pub(super) count: u64,
    pub(super) amount: i128,
}

impl MonthSums {
    pub(super) fn count(&mut self, purchase: SummedPurchase, amount: i128) {
        let (count, sum) = self.slots.entry((purchase.weekday, purchase.hour)).or_default();
        *count += 1;
        *sum += amount;
    }

    pub(super) fn pack(&self, bytes: &mut Vec<u8>) -> Places {
        let slots = bytes.len();
        push(bytes, self.slots.len() as u128);
        for ((weekday, hour), (count, amount)) in &self.slots {
            bytes.extend([*weekday, *hour]);
            push(bytes, u128::from(*count));
            push_signed(bytes, *amount);
        }
        let categories = bytes.len();
        pack_tallies(&self.categories, bytes);
        let products = bytes.len();
        pack_tallies(&self.products, bytes);
        Places { slots, categories, products }
    }
}

fn pack_tallies(tallies: &BTreeMap<u32, Tally>, bytes: &mut Vec<u8>) {
    push(bytes, tallies.len() as u128);
    let mut key_before = 0;
    for (key, tally) in tallies {
        push(bytes, u128::from(key - key_before));
        key_before = *key;
        push(bytes, u128::from(tally.units));
        push(bytes, u128::from(tally.orders));
        push_signed(bytes, tally.amount);
        push(bytes, u128::from(tally.last));
        match tally.named {
            None => push(bytes, 0),
            Some((rank, name)) => {
                push(bytes, u128::from(name) + 1);
                // The order that names it is not after the last one.
                push(bytes, u128::from(tally.last.saturating_sub(rank)));
            }
        }
    }
}

/// Visits the weekdays and hours of a month.
pub(super) fn each_slot(bytes: &[u8], mut visit: impl FnMut(SlotSum)) {
    let mut reader = Reader(bytes);
    for _ in 0..reader.number() {
        let (weekday, hour) = (reader.byte(), reader.byte());
        visit(SlotSum { weekday, hour, count: reader.number(), amount: reader.signed() });
    }
}

/// Visits the categories or products of a month.
pub(super) fn each_tally(bytes: &[u8], mut visit: impl FnMut(u32, Tally)) {
    let mut reader = Reader(bytes);
    let mut key = 0_u32;
    for _ in 0..reader.number() {
        key = key.saturating_add(reader.short());
        let (units, orders, amount, last) = (reader.number(), reader.number(), reader.signed(), reader.short());
        let named = reader.short().checked_sub(1).map(|name| (last.saturating_sub(reader.short()), name));
        visit(key, Tally { units, orders, amount, last, named });
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn push(bytes: &mut Vec<u8>, mut number: u128) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The sign is the lowest bit, so that small numbers of either sign are short.
fn push_signed(bytes: &mut Vec<u8>, number: i128) {
    push(bytes, ((number << 1) ^ (number >> 127)).cast_unsigned());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn wide(&mut self, first: u8) -> u128 {
        let mut number = u128::from(first & 0x7f);
        let (mut byte, mut shift) = (first, 7);
        while byte & 0x80 != 0 && shift < u128::BITS {
            byte = self.byte();
            number |= u128::from(byte & 0x7f) << shift;
            shift += 7;
        }
        number
    }

    fn number(&mut self) -> u64 {
        let first = self.byte();
        if first & 0x80 == 0 {
            return first.into();
        }
        u64::try_from(self.wide(first)).unwrap_or(u64::MAX)
    }

    fn short(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    fn signed(&mut self) -> i128 {
        let first = self.byte();
        let number = self.wide(first);
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }
}

/// Texts one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: Box<str>,
    /// Where each of them ends.
    ends: Box<[u32]>,
}

impl Texts {
    /// `None` where they are too long.
    pub(super) fn new(texts: &[&str]) -> Option<Self> {
        let mut all = String::with_capacity(texts.iter().map(|it| it.len()).sum());
        let mut ends = Vec::with_capacity(texts.len());
        for text in texts {
            all.push_str(text);
            ends.push(u32::try_from(all.len()).ok()?);
        }
        Some(Self { all: all.into(), ends: ends.into() })
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: u32) -> &str {
        let end = |position: usize| self.ends.get(position).and_then(|it| usize::try_from(*it).ok());
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let from = number.checked_sub(1).map_or(Some(0), end);
        from.zip(end(number)).and_then(|(from, to)| self.all.get(from..to)).unwrap_or_default()
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.all.len() + size_of_val(&*self.ends)
    }
}
