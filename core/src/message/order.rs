//! Orders and refunds, in exact decimals.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{money::Currency, time::Timestamp};

/// What names an order: its own ID, else the message that reports it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKey {
    Order(Arc<str>),
    Message(Arc<str>),
}

impl OrderKey {
    /// The ID of the order, or of the message.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Order(id) | Self::Message(id) => id,
        }
    }
}

/// One purchase. Of several messages with one order ID the latest (time, then message ID) is the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub key: OrderKey,
    pub message_id: Arc<str>,
    pub at: Timestamp,
    /// The message names the day and no time of day, so the order has no hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_date: bool,
    pub currency: Currency,
    /// What was paid in all.
    #[serde(deserialize_with = "crate::money::read_decimal")]
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
    #[serde(deserialize_with = "crate::money::read_decimal")]
    pub amount: Decimal,
    /// Of a refund: neither a price nor an amount is given, so the order's prices count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpriced: bool,
}

/// Money given back. It counts for the customer who has the order that it names, from any sender; without such an order for
/// its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub message_id: Arc<str>,
    pub at: Timestamp,
    /// The key of the order, as [`OrderKey::Order`] has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Arc<str>>,
    /// `df_refund_id`: of several refunds of one order with one ID the first (time, then message ID) counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<Arc<str>>,
    /// `None` is the order's, or the policy's where there is no order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What was given back in all; never negative. `None` is what the lines come to by the order's prices, and without lines
    /// all that is left of the order.
    #[serde(
        default,
        deserialize_with = "crate::money::read_optional_decimal",
        skip_serializing_if = "Option::is_none"
    )]
    pub amount: Option<Decimal>,
    pub lines: Vec<Line>,
}

impl Refund {
    /// What it says it gives back, without a look at the order.
    pub(crate) fn said_amount(&self) -> Decimal {
        let of_lines = || self.lines.iter().fold(Decimal::ZERO, |sum, line| sum.saturating_add(line.amount)).abs();
        self.amount.unwrap_or_else(of_lines)
    }
}
