//! Orders and refunds, in exact decimals.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Three upper-case letters of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    pub const KRW: Self = Self(*b"KRW");

    /// Takes three ASCII letters in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Self(letters.map(|it| it.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a currency is three letters"))
    }
}

/// What names an order: its own ID, else the message that told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKey {
    Order(Arc<str>),
    Message(Arc<str>),
}

/// One purchase. Of several messages with one order ID the latest (time, then message ID) is the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub key: OrderKey,
    pub message_id: Arc<str>,
    pub at: Timestamp,
    pub currency: Currency,
    /// What was paid in all.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    pub lines: Vec<Line>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// `df_item_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<Arc<str>>,
    /// `df_item_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// `df_category1`, the major category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Arc<str>>,
    /// Units bought; 0 is a line that was paid for but not counted (a deposit, a coupon).
    pub quantity: u32,
    /// What was paid for the line: `df_line_amount`, else price × quantity − discount.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
}

/// Money given back. It belongs to the order that it names, where it names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub message_id: Arc<str>,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Arc<str>>,
    pub currency: Currency,
    /// What was given back in all; never negative.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    pub lines: Vec<Line>,
}
