//! A customer's orders and refunds in little memory, for a cache: texts that repeat are there once, numbers have as many bytes as
//! they need. A household with 70 orders of 600 lines needs 20 kB instead of 150.

use std::{collections::HashMap, sync::Arc};

use profile360_core::{
    message::order::{Line, Order, OrderKey, Refund},
    money::Currency,
    time::Timestamp,
};
use rust_decimal::Decimal;

use super::profile_view::Purchased;

/// The same orders and refunds, packed.
#[derive(Debug)]
pub struct PackedPurchases {
    /// The texts one after the other, each with its length before it.
    texts: Box<[u8]>,
    n_texts: usize,
    currencies: Box<[Currency]>,
    rows: Box<[u8]>,
    n_orders: usize,
    n_refunds: usize,
}

impl PackedPurchases {
    pub fn pack(purchased: &Purchased) -> Self {
        let mut packer = Packer::default();
        for order in &purchased.orders {
            packer.order(order);
        }
        for refund in &purchased.refunds {
            packer.refund(refund);
        }
        Self {
            texts: packer.texts.into(),
            n_texts: packer.numbers.len(),
            currencies: packer.currencies.into(),
            rows: packer.rows.into(),
            n_orders: purchased.orders.len(),
            n_refunds: purchased.refunds.len(),
        }
    }

    /// The memory that it needs.
    pub fn n_bytes(&self) -> usize {
        size_of::<Self>() + self.texts.len() + self.rows.len() + size_of_val(&*self.currencies)
    }

    /// The orders and refunds, exactly and in the order that they were packed in.
    pub fn unpack(&self) -> Purchased {
        let mut texts: Vec<Arc<str>> = Vec::with_capacity(self.n_texts);
        let mut reader = Reader { bytes: &self.texts };
        for _ in 0..self.n_texts {
            let length = usize::try_from(reader.number()).unwrap_or_default();
            texts.push(String::from_utf8_lossy(reader.take(length)).into());
        }
        let reader = Reader { bytes: &self.rows };
        let mut unpacker = Unpacker { reader, texts, currencies: &self.currencies, last_at: 0 };
        Purchased {
            orders: (0..self.n_orders).map(|_| unpacker.order()).collect(),
            refunds: (0..self.n_refunds).map(|_| unpacker.refund()).collect(),
        }
    }
}

#[derive(Default)]
struct Packer<'p> {
    texts: Vec<u8>,
    numbers: HashMap<&'p str, u64>,
    currencies: Vec<Currency>,
    rows: Vec<u8>,
    last_at: i64,
}

/// The bits of an order's or a refund's first byte.
const KEY_IS_MESSAGE: u8 = 1;
const BY_DATE: u8 = 2;
const HAS_AMOUNT: u8 = 4;
/// The bit of a line's first byte. The others are the scale of its amount, and whether that is below zero.
const UNPRICED: u8 = 64;
const NEGATIVE: u8 = 128;
const SCALE: u8 = 63;

impl<'p> Packer<'p> {
    fn order(&mut self, order: &'p Order) {
        let (is_message, key) = match &order.key {
            OrderKey::Order(key) => (0, key),
            OrderKey::Message(key) => (KEY_IS_MESSAGE, key),
        };
        self.rows.push(is_message | if order.by_date { BY_DATE } else { 0 });
        self.text(Some(key));
        self.text(Some(&order.message_id));
        self.time(order.at);
        self.currency(Some(order.currency));
        self.decimal(order.amount, 0);
        self.lines(&order.lines);
    }

    fn refund(&mut self, refund: &'p Refund) {
        self.rows.push(if refund.amount.is_some() { HAS_AMOUNT } else { 0 });
        self.text(Some(&refund.message_id));
        self.text(refund.order_id.as_ref());
        self.text(refund.refund_id.as_ref());
        self.time(refund.at);
        self.currency(refund.currency);
        if let Some(amount) = refund.amount {
            self.decimal(amount, 0);
        }
        self.lines(&refund.lines);
    }

    fn lines(&mut self, lines: &'p [Line]) {
        self.number(lines.len() as u64);
        for line in lines {
            self.decimal(line.amount, if line.unpriced { UNPRICED } else { 0 });
            self.text(line.item_id.as_ref());
            self.text(line.name.as_ref());
            self.text(line.category.as_ref());
            self.number(line.quantity.into());
        }
    }

    fn text(&mut self, text: Option<&'p Arc<str>>) {
        let number = match text {
            None => 0,
            Some(text) => {
                let next = self.numbers.len() as u64 + 1;
                let number = *self.numbers.entry(text).or_insert(next);
                if number == next {
                    push_number(&mut self.texts, text.len() as u128);
                    self.texts.extend_from_slice(text.as_bytes());
                }
                number
            }
        };
        self.number(number);
    }

    fn time(&mut self, at: Timestamp) {
        let since_last = at.micros().wrapping_sub(self.last_at);
        self.last_at = at.micros();
        // The sign is the lowest bit, so that small numbers of either sign are short.
        self.number(((since_last << 1) ^ (since_last >> 63)).cast_unsigned());
    }

    fn currency(&mut self, currency: Option<Currency>) {
        let number = currency.map_or(0, |currency| {
            let known = self.currencies.iter().position(|it| *it == currency);
            known.unwrap_or_else(|| {
                self.currencies.push(currency);
                self.currencies.len() - 1
            }) + 1
        });
        self.number(number as u64);
    }

    /// A decimal with its scale, and further bits.
    fn decimal(&mut self, decimal: Decimal, bits: u8) {
        let scale = u8::try_from(decimal.scale()).unwrap_or_default() & SCALE;
        self.rows.push(bits | scale | if decimal.is_sign_negative() { NEGATIVE } else { 0 });
        push_number(&mut self.rows, decimal.mantissa().unsigned_abs());
    }

    fn number(&mut self, number: u64) {
        push_number(&mut self.rows, number.into());
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u128) {
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

struct Reader<'p> {
    bytes: &'p [u8],
}

impl<'p> Reader<'p> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    fn take(&mut self, n: usize) -> &'p [u8] {
        let (first, rest) = self.bytes.split_at(n.min(self.bytes.len()));
        self.bytes = rest;
        first
    }

    fn number(&mut self) -> u64 {
        let first = self.byte();
        if first & 0x80 == 0 {
            return first.into();
        }
        u64::try_from(self.wide(first)).unwrap_or_default()
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
}

struct Unpacker<'p> {
    reader: Reader<'p>,
    texts: Vec<Arc<str>>,
    currencies: &'p [Currency],
    last_at: i64,
}

impl Unpacker<'_> {
    fn order(&mut self) -> Order {
        let bits = self.reader.byte();
        let key = self.text().unwrap_or_default();
        Order {
            key: if bits & KEY_IS_MESSAGE == 0 { OrderKey::Order(key) } else { OrderKey::Message(key) },
            message_id: self.text().unwrap_or_default(),
            at: self.time(),
            by_date: bits & BY_DATE != 0,
            currency: self.currency().unwrap_or(Currency::KRW),
            amount: self.decimal().0,
            lines: self.lines(),
        }
    }

    fn refund(&mut self) -> Refund {
        let bits = self.reader.byte();
        Refund {
            message_id: self.text().unwrap_or_default(),
            order_id: self.text(),
            refund_id: self.text(),
            at: self.time(),
            currency: self.currency(),
            amount: (bits & HAS_AMOUNT != 0).then(|| self.decimal().0),
            lines: self.lines(),
        }
    }

    fn lines(&mut self) -> Vec<Line> {
        let n_lines = self.reader.number();
        (0..n_lines)
            .map(|_| {
                let (amount, bits) = self.decimal();
                Line {
                    item_id: self.text(),
                    name: self.text(),
                    category: self.text(),
                    quantity: u32::try_from(self.reader.number()).unwrap_or(u32::MAX),
                    amount,
                    unpriced: bits & UNPRICED != 0,
                }
            })
            .collect()
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let number = usize::try_from(self.reader.number()).ok()?;
        self.texts.get(number.checked_sub(1)?).cloned()
    }

    fn time(&mut self) -> Timestamp {
        let number = self.reader.number();
        let since_last = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        self.last_at = self.last_at.wrapping_add(since_last);
        Timestamp::from_micros(self.last_at)
    }

    fn currency(&mut self) -> Option<Currency> {
        let number = usize::try_from(self.reader.number()).ok()?;
        self.currencies.get(number.checked_sub(1)?).copied()
    }

    fn decimal(&mut self) -> (Decimal, u8) {
        let bits = self.reader.byte();
        let first = self.reader.byte();
        let mantissa = i128::try_from(self.reader.wide(first)).unwrap_or_default();
        let scale = u32::from(bits & SCALE);
        let mut decimal = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap_or_default();
        decimal.set_sign_negative(bits & NEGATIVE != 0);
        (decimal, bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, proptest};

    use super::*;

    fn text() -> impl Strategy<Value = Arc<str>> {
        prop::sample::select(vec![
            "",
            "P1",
            "P2",
            "차",
            "a longer name of a product, for which more than one byte is needed",
        ])
        .prop_map(Arc::from)
    }

    fn decimal() -> impl Strategy<Value = Decimal> {
        let small = (-1_000_000_i64..1_000_000, 0_u32..5).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
        let any = any::<[u8; 16]>().prop_map(|mut bytes| {
            // The flags: a scale of at most 28, and the sign.
            bytes[2] %= 29;
            [bytes[0], bytes[1]] = [0, 0];
            bytes[3] &= 0x80;
            Decimal::deserialize(bytes)
        });
        prop::strategy::Union::new([small.boxed(), any.boxed()])
    }

    fn currency() -> impl Strategy<Value = Currency> {
        prop::sample::select(vec!["KRW", "USD", "EUR"]).prop_map(|it| Currency::parse(it).expect("a currency"))
    }

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        let texts = [prop::option::of(text()), prop::option::of(text()), prop::option::of(text())];
        let line = (texts, any::<u32>(), decimal(), any::<bool>()).prop_map(|(texts, quantity, amount, unpriced)| {
            let [item_id, name, category] = texts;
            Line { item_id, name, category, quantity, amount, unpriced }
        });
        prop::collection::vec(line, 0..5)
    }

    fn order() -> impl Strategy<Value = Order> {
        (any::<bool>(), text(), text(), any::<i64>(), any::<bool>(), currency(), decimal(), lines()).prop_map(
            |(is_message, key, message_id, at, by_date, currency, amount, lines)| Order {
                key: if is_message { OrderKey::Message(key) } else { OrderKey::Order(key) },
                message_id,
                at: Timestamp::from_micros(at),
                by_date,
                currency,
                amount,
                lines,
            },
        )
    }

    fn refund() -> impl Strategy<Value = Refund> {
        let ids = [prop::option::of(text()), prop::option::of(text())];
        let said = (prop::option::of(currency()), prop::option::of(decimal()), lines());
        (text(), any::<i64>(), ids, said).prop_map(
            |(message_id, at, [order_id, refund_id], (currency, amount, lines))| Refund {
                message_id,
                at: Timestamp::from_micros(at),
                order_id,
                refund_id,
                currency,
                amount,
                lines,
            },
        )
    }

    proptest! {
        #[test]
        fn unpacked_is_what_was_packed(
            orders in prop::collection::vec(order(), 0..6),
            refunds in prop::collection::vec(refund(), 0..4),
        ) {
            let purchased = Purchased { orders, refunds };
            let unpacked = PackedPurchases::pack(&purchased).unpack();
            // The text form has the scale, too.
            assert_eq!(format!("{unpacked:?}"), format!("{purchased:?}"));
        }
    }
}
