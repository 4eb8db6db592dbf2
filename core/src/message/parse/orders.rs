//! Reads the orders and refunds of messages.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::reader::Memory;
use crate::{
    message::{
        limits::{MAX_NAME_BYTES, MAX_QUANTITY, MAX_SOURCE_BYTES},
        order::{Line, Order, OrderKey, Refund},
        refusal::{Refusal, RefusalCode, Warning, refusal},
        spans::{Members, Raw},
        syntax::{Fields, Scalar, object, scalar_text},
    },
    money::{Currency, NoDecimal, nearest},
    policy::{compiled::CompiledPolicy, document::OrderIds},
    time::Timestamp,
};

/// Amounts stay below this, so that sums over a lifetime stay exact.
const MAX_AMOUNT: Decimal = Decimal::from_parts(0xa4c6_8000, 0x0003_8d7e, 0, false, 0);

/// What the reading of an order or a refund rests on apart from its properties.
pub(crate) struct OrderContext<'a> {
    pub message_id: &'a Arc<str>,
    pub at: Timestamp,
    pub by_date: bool,
    pub source: &'a str,
    pub policy: &'a CompiledPolicy,
    /// Of a reader of many messages.
    pub memory: Option<&'a mut Memory>,
}

const ORDER_ID: &str = "df_order_id";

const TOTAL: &str = "df_total_purchase_amount";

const GIVEN_BACK: &str = "df_total_refund_amount";

/// Reads the properties of a `df_purchase`.
pub(crate) fn read_order(
    properties: Option<&Members<'_>>,
    context: &mut OrderContext<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Order, Refusal> {
    let missing =
        || refusal(RefusalCode::MissingField, "properties", "a df_purchase says in its properties what was bought");
    let fields = Fields { object: properties.ok_or_else(missing)?, path: &"properties" };
    refuse_repeated(&fields)?;
    let mut lines = read_lines(&fields, &mut context.memory)?;
    let total = read_amount(&fields, TOTAL, fields.optional(TOTAL))?;
    if total.is_none() && lines.is_empty() {
        let detail = "say what was paid in all, or name the items";
        return Err(refusal(RefusalCode::MissingField, fields.path_to(TOTAL), detail));
    }
    if total.is_none() && lines.iter().all(|it| it.unpriced) {
        let detail = "neither a total amount nor a price is given; the order counts with the amount 0";
        warnings.push(warning("AMOUNT_MISSING", fields.path_to(TOTAL), detail));
    }
    lines.iter_mut().for_each(|it| it.unpriced = false);
    let amount = match total {
        Some(total) => total,
        None => sum_of_lines(&lines)?,
    };
    if amount.is_sign_negative() && !amount.is_zero() {
        let detail = "an order's amount is zero or more; send money given back as df_refund";
        return Err(refusal(RefusalCode::AmountOutOfRange, fields.path_to(TOTAL), detail));
    }
    let (message_id, at) = (context.message_id.clone(), context.at);
    let key = match read_order_id(&fields, context)? {
        Some(order_id) => OrderKey::Order(order_id),
        None => OrderKey::Message(message_id.clone()),
    };
    let currency = read_currency(&fields)?.unwrap_or(context.policy.currency);
    Ok(Order { key, message_id, at, by_date: context.by_date, currency, amount, lines })
}

/// Reads the properties of a `df_refund`: `df_total_refund_amount`, else `df_total_purchase_amount`, else the lines, else all of
/// the order.
pub(crate) fn read_refund(
    properties: Option<&Members<'_>>,
    context: &mut OrderContext<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Refund, Refusal> {
    let missing =
        || refusal(RefusalCode::MissingField, "properties", "a df_refund says in its properties what was given back");
    let fields = Fields { object: properties.ok_or_else(missing)?, path: &"properties" };
    refuse_repeated(&fields)?;
    let lines = read_lines(&fields, &mut context.memory)?;
    let total = match read_amount(&fields, GIVEN_BACK, fields.optional(GIVEN_BACK))? {
        Some(total) => Some(total),
        None => read_amount(&fields, TOTAL, fields.optional(TOTAL))?,
    };
    let order_id = read_order_id(&fields, context)?;
    let path = || fields.path_to(GIVEN_BACK);
    if total.is_none() && lines.is_empty() && order_id.is_none() {
        let detail = "say what was given back in all, name the items, or name the order that is given back";
        return Err(refusal(RefusalCode::MissingField, path(), detail));
    }
    let is_priced = !lines.is_empty() && lines.iter().all(|it| !it.unpriced);
    if total.is_none() && !is_priced && order_id.is_none() {
        let detail = "an item has no price and no order is named that has one; it counts with the amount 0";
        warnings.push(warning("AMOUNT_MISSING", path(), detail));
    }
    let amount = match total {
        None if is_priced => Some(sum_of_lines(&lines)?),
        total => total,
    };
    Ok(Refund {
        message_id: context.message_id.clone(),
        at: context.at,
        order_id,
        refund_id: fields.optional_id("df_refund_id", MAX_NAME_BYTES)?,
        currency: read_currency(&fields)?,
        // Some sources write what was given back as a negative amount.
        amount: amount.map(|it| it.abs()),
        lines,
    })
}

/// The key of the order that is named. Where order IDs are of their source, that is a part of it, behind its length so that no
/// two pairs make one key.
fn read_order_id(fields: &Fields<'_, '_>, context: &OrderContext<'_>) -> Result<Option<Arc<str>>, Refusal> {
    let named = fields.optional_id(ORDER_ID, MAX_NAME_BYTES)?;
    if context.policy.order_ids == OrderIds::Global {
        return Ok(named);
    }
    let of_other = fields.optional_key("df_order_source", MAX_SOURCE_BYTES)?;
    let source = of_other.as_deref().unwrap_or(context.source);
    Ok(named.map(|it| format!("{}:{source}:{it}", source.len()).into()))
}

fn warning(code: &'static str, path: String, detail: &str) -> Warning {
    Warning { code, path, detail: detail.to_owned() }
}

fn read_currency(fields: &Fields<'_, '_>) -> Result<Option<Currency>, Refusal> {
    let Some(text) = fields.optional_text("df_currency", MAX_NAME_BYTES)? else { return Ok(None) };
    Currency::parse(&text).map(Some).ok_or_else(|| {
        let detail = "a currency is three letters of ISO 4217, as KRW";
        refusal(RefusalCode::CurrencyMalformed, fields.path_to("df_currency"), detail)
    })
}

fn read_lines(fields: &Fields<'_, '_>, memory: &mut Option<&mut Memory>) -> Result<Vec<Line>, Refusal> {
    let Some(raw) = fields.optional("df_items") else { return Ok(Vec::new()) };
    let Some(items) = raw.items() else {
        return Err(refusal(RefusalCode::WrongType, fields.path_to("df_items"), "it must be a list of items"));
    };
    let mut lines = Vec::with_capacity(items.iter().count());
    for (position, item) in items.iter().enumerate() {
        let path = format_args!("{}.df_items[{position}]", fields.path);
        lines.push(read_line(&Fields { object: &object(item, &path)?, path: &path }, memory)?);
    }
    Ok(lines)
}

/// Which of two amounts was meant is unknown.
fn refuse_repeated(fields: &Fields<'_, '_>) -> Result<(), Refusal> {
    let Some(name) = fields.object.repeated() else { return Ok(()) };
    let name: String = name.chars().take(MAX_NAME_BYTES).collect();
    Err(refusal(RefusalCode::DuplicateField, fields.path_to(&name), "the field is there twice; send it once"))
}

fn read_line(fields: &Fields<'_, '_>, memory: &mut Option<&mut Memory>) -> Result<Line, Refusal> {
    const MAX_TEXT_BYTES: usize = 1024;
    const NAMES: [&str; 7] =
        ["df_quantity", "df_price", "df_discount", "df_line_amount", "df_item_id", "df_item_name", "df_category1"];
    refuse_repeated(fields)?;
    // Most of what a base reads is lines: one pass over each.
    let [quantity, price, discount, line_amount, item_id, name, category] = fields.object.get_all(NAMES);
    let quantity = read_quantity(fields, quantity)?;
    let price = read_amount(fields, "df_price", price)?;
    let discount = read_amount(fields, "df_discount", discount)?;
    let line_amount = read_amount(fields, "df_line_amount", line_amount)?;
    let unpriced = price.is_none() && discount.is_none() && line_amount.is_none();
    let amount = match line_amount {
        Some(amount) => amount,
        None => {
            let full = price.unwrap_or_default().checked_mul(Decimal::from(quantity));
            let amount =
                full.and_then(|it| it.checked_sub(discount.unwrap_or_default())).filter(|it| it.abs() < MAX_AMOUNT);
            amount.ok_or_else(|| {
                refusal(
                    RefusalCode::AmountOutOfRange,
                    fields.path_to("df_price"),
                    "price × quantity is beyond all reason",
                )
            })?
        }
    };
    let mut text = |name: &str, raw: Option<Raw<'_>>| -> Result<Option<Arc<str>>, Refusal> {
        let Some(words) = fields.words(name, raw, MAX_TEXT_BYTES)? else { return Ok(None) };
        Ok(match memory {
            Some(memory) => memory.line_text(&words),
            None => Some(Arc::from(&*words)),
        })
    };
    Ok(Line {
        item_id: text("df_item_id", item_id)?,
        name: text("df_item_name", name)?,
        category: text("df_category1", category)?,
        quantity,
        amount,
        unpriced,
    })
}

fn read_quantity(fields: &Fields<'_, '_>, raw: Option<Raw<'_>>) -> Result<u32, Refusal> {
    let out_of_range = || {
        let detail = format!("a quantity is a whole number from 0 to {MAX_QUANTITY}");
        refusal(RefusalCode::QuantityOutOfRange, fields.path_to("df_quantity"), detail)
    };
    let Some(quantity) = read_decimal(fields, "df_quantity", raw).map_err(|_| out_of_range())? else { return Ok(1) };
    let is_whole = quantity.fract().is_zero() && (quantity.is_zero() || quantity.is_sign_positive());
    u32::try_from(quantity.normalize()).ok().filter(|it| is_whole && *it <= MAX_QUANTITY).ok_or_else(out_of_range)
}

fn read_amount(fields: &Fields<'_, '_>, name: &str, raw: Option<Raw<'_>>) -> Result<Option<Decimal>, Refusal> {
    let amount = read_decimal(fields, name, raw)?;
    if amount.is_some_and(|it| MAX_AMOUNT <= it.abs()) {
        let detail = "an amount is below 1,000,000,000,000,000";
        return Err(refusal(RefusalCode::AmountOutOfRange, fields.path_to(name), detail));
    }
    Ok(amount)
}

/// Reads a number, or a string that holds one, in its own digits: nothing goes through binary floating point. Of more digits than
/// a decimal keeps (28 or 29) the nearest decimal counts.
fn read_decimal(fields: &Fields<'_, '_>, name: &str, raw: Option<Raw<'_>>) -> Result<Option<Decimal>, Refusal> {
    let Some(raw) = raw else { return Ok(None) };
    let malformed = "it must be a number, as 12900 or 12.50";
    let text = match scalar_text(raw) {
        Scalar::Text(text) => text,
        Scalar::Null | Scalar::Other => {
            return Err(refusal(RefusalCode::AmountMalformed, fields.path_to(name), malformed));
        }
    };
    nearest(text.trim()).map(|it| Some(it.normalize())).map_err(|fault| match fault {
        NoDecimal::Malformed => refusal(RefusalCode::AmountMalformed, fields.path_to(name), malformed),
        NoDecimal::TooLarge => {
            refusal(RefusalCode::AmountOutOfRange, fields.path_to(name), "the number is beyond all reason")
        }
    })
}

fn sum_of_lines(lines: &[Line]) -> Result<Decimal, Refusal> {
    let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
    sum.filter(|it| it.abs() < MAX_AMOUNT).map(|it| it.normalize()).ok_or_else(|| {
        refusal(RefusalCode::AmountOutOfRange, "properties.df_items", "the items' sum is beyond all reason")
    })
}
