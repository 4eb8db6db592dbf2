//! Orders and refunds, in exact decimals.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    json::{Fields, Object, Scalar, object, scalar_text},
    message::{MAX_NAME_BYTES, MAX_QUANTITY, Refusal, RefusalCode, refusal},
    policy::CompiledPolicy,
    time::Timestamp,
    wire,
};

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
    #[serde(deserialize_with = "wire::read_decimal")]
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
    #[serde(deserialize_with = "wire::read_decimal")]
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
    #[serde(deserialize_with = "wire::read_decimal")]
    pub amount: Decimal,
    pub lines: Vec<Line>,
}

/// Amounts stay below this, so that sums over a lifetime stay exact.
const MAX_AMOUNT: Decimal = Decimal::from_parts(0xa4c6_8000, 0x0003_8d7e, 0, false, 0);

/// Reads the properties of a `df_purchase`.
pub(crate) fn read_order(
    properties: Option<&Object<'_>>,
    message_id: &Arc<str>,
    at: Timestamp,
    policy: &CompiledPolicy,
) -> Result<Order, Refusal> {
    let missing =
        || refusal(RefusalCode::MissingField, "properties", "a df_purchase says in its properties what was bought");
    let fields = Fields { object: properties.ok_or_else(missing)?, path: "properties" };
    let lines = read_lines(&fields)?;
    let total = read_amount(&fields, "df_total_purchase_amount")?;
    if total.is_none() && lines.is_empty() {
        let detail = "say what was paid in all, or name the items";
        return Err(refusal(RefusalCode::MissingField, "properties.df_total_purchase_amount", detail));
    }
    let amount = match total {
        Some(total) => total,
        None => sum_of_lines(&lines)?,
    };
    if amount.is_sign_negative() && !amount.is_zero() {
        let detail = "an order's amount is zero or more; send money given back as df_refund";
        return Err(refusal(RefusalCode::AmountOutOfRange, "properties.df_total_purchase_amount", detail));
    }
    let key = match fields.optional_id("df_order_id", MAX_NAME_BYTES)? {
        Some(order_id) => OrderKey::Order(order_id),
        None => OrderKey::Message(message_id.clone()),
    };
    Ok(Order { key, message_id: message_id.clone(), at, currency: read_currency(&fields, policy)?, amount, lines })
}

/// Reads the properties of a `df_refund`: `df_total_refund_amount`, else `df_total_purchase_amount`, else the lines.
pub(crate) fn read_refund(
    properties: Option<&Object<'_>>,
    message_id: &Arc<str>,
    at: Timestamp,
    policy: &CompiledPolicy,
) -> Result<Refund, Refusal> {
    let missing =
        || refusal(RefusalCode::MissingField, "properties", "a df_refund says in its properties what was given back");
    let fields = Fields { object: properties.ok_or_else(missing)?, path: "properties" };
    let lines = read_lines(&fields)?;
    let total = match read_amount(&fields, "df_total_refund_amount")? {
        Some(total) => Some(total),
        None => read_amount(&fields, "df_total_purchase_amount")?,
    };
    if total.is_none() && lines.is_empty() {
        let detail = "say what was given back in all, or name the items";
        return Err(refusal(RefusalCode::MissingField, "properties.df_total_refund_amount", detail));
    }
    let amount = match total {
        Some(total) => total,
        None => sum_of_lines(&lines)?,
    };
    Ok(Refund {
        message_id: message_id.clone(),
        at,
        order_id: fields.optional_id("df_order_id", MAX_NAME_BYTES)?,
        currency: read_currency(&fields, policy)?,
        // Some sources write what was given back as a negative amount.
        amount: amount.abs(),
        lines,
    })
}

fn read_currency(fields: &Fields<'_, '_>, policy: &CompiledPolicy) -> Result<Currency, Refusal> {
    let Some(text) = fields.optional_text("df_currency", MAX_NAME_BYTES)? else { return Ok(policy.currency) };
    Currency::parse(&text).ok_or_else(|| {
        let detail = "a currency is three letters of ISO 4217, as KRW";
        refusal(RefusalCode::CurrencyMalformed, fields.path_to("df_currency"), detail)
    })
}

fn read_lines(fields: &Fields<'_, '_>) -> Result<Vec<Line>, Refusal> {
    let Some(raw) = fields.optional("df_items") else { return Ok(Vec::new()) };
    let Ok(items) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(raw.get()) else {
        return Err(refusal(RefusalCode::WrongType, fields.path_to("df_items"), "it must be a list of items"));
    };
    let mut lines = Vec::with_capacity(items.len());
    for (position, item) in items.into_iter().enumerate() {
        let path = format!("{}.df_items[{position}]", fields.path);
        lines.push(read_line(&Fields { object: &object(item, &path)?, path: &path })?);
    }
    Ok(lines)
}

fn read_line(fields: &Fields<'_, '_>) -> Result<Line, Refusal> {
    const MAX_TEXT_BYTES: usize = 1024;
    let quantity = read_quantity(fields)?;
    let price = read_amount(fields, "df_price")?;
    let discount = read_amount(fields, "df_discount")?.unwrap_or_default();
    let amount = match read_amount(fields, "df_line_amount")? {
        Some(amount) => amount,
        None => {
            let full = price.unwrap_or_default().checked_mul(Decimal::from(quantity));
            let amount = full.and_then(|it| it.checked_sub(discount)).filter(|it| it.abs() < MAX_AMOUNT);
            amount.ok_or_else(|| {
                refusal(
                    RefusalCode::AmountOutOfRange,
                    fields.path_to("df_price"),
                    "price × quantity is beyond all reason",
                )
            })?
        }
    };
    Ok(Line {
        item_id: fields.optional_key("df_item_id", MAX_TEXT_BYTES)?,
        name: fields.optional_key("df_item_name", MAX_TEXT_BYTES)?,
        category: fields.optional_key("df_category1", MAX_TEXT_BYTES)?,
        quantity,
        amount,
    })
}

fn read_quantity(fields: &Fields<'_, '_>) -> Result<u32, Refusal> {
    let out_of_range = || {
        let detail = format!("a quantity is a whole number from 0 to {MAX_QUANTITY}");
        refusal(RefusalCode::QuantityOutOfRange, fields.path_to("df_quantity"), detail)
    };
    let Some(quantity) = read_decimal(fields, "df_quantity").map_err(|_| out_of_range())? else { return Ok(1) };
    let is_whole = quantity.fract().is_zero() && (quantity.is_zero() || quantity.is_sign_positive());
    u32::try_from(quantity.normalize()).ok().filter(|it| is_whole && *it <= MAX_QUANTITY).ok_or_else(out_of_range)
}

fn read_amount(fields: &Fields<'_, '_>, name: &str) -> Result<Option<Decimal>, Refusal> {
    let amount = read_decimal(fields, name)?;
    if amount.is_some_and(|it| MAX_AMOUNT <= it.abs()) {
        let detail = "an amount is below 1,000,000,000,000,000";
        return Err(refusal(RefusalCode::AmountOutOfRange, fields.path_to(name), detail));
    }
    Ok(amount)
}

/// Reads a number, or a string that holds one, in its own digits: nothing goes through binary floating point.
fn read_decimal(fields: &Fields<'_, '_>, name: &str) -> Result<Option<Decimal>, Refusal> {
    let Some(raw) = fields.optional(name) else { return Ok(None) };
    let malformed =
        || refusal(RefusalCode::AmountMalformed, fields.path_to(name), "it must be a number, as 12900 or 12.50");
    let Scalar::Text(text) = scalar_text(raw) else { return Err(malformed()) };
    let text = text.trim();
    let parsed = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    parsed.map(|it| Some(it.normalize())).map_err(|_| malformed())
}

fn sum_of_lines(lines: &[Line]) -> Result<Decimal, Refusal> {
    let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
    sum.filter(|it| it.abs() < MAX_AMOUNT).map(|it| it.normalize()).ok_or_else(|| {
        refusal(RefusalCode::AmountOutOfRange, "properties.df_items", "the items' sum is beyond all reason")
    })
}
