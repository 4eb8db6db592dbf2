//! Reads the attributes of messages, standard and custom.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use serde_json::value::RawValue;

use super::warnings::warn_of_repeated;
use crate::{
    calendar::parse_date,
    message::{
        attribute_value::AttributeValue,
        limits::{MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_LIST_ITEMS, MAX_NAME_BYTES},
        refusal::{Refusal, Warning},
        syntax::{Fields, MAX_DEPTH, object, significant_digits},
    },
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

#[cfg(not(target_arch = "wasm32"))]
use crate::time_zone::local_date;

const CONSENTS: [&str; 5] =
    ["df_push_optin", "df_push_ads_optin", "df_sms_ads_optin", "df_kakao_ads_optin", "df_push_night_ads_optin"];

/// Reads the attributes of a message of a time.
pub(super) fn read(
    reader: &Fields<'_, '_>,
    at: Timestamp,
    policy: &CompiledPolicy,
    warnings: &mut Vec<Warning>,
) -> Result<BTreeMap<String, AttributeValue>, Refusal> {
    let mut attributes = BTreeMap::new();
    let Some(raw) = reader.optional("attributes") else { return Ok(attributes) };
    let sent = object(raw, &"attributes")?;
    warn_of_repeated(Some(&sent), "attributes", warnings);
    if MAX_ATTRIBUTES < sent.len() {
        warnings.push(Warning {
            code: "ATTRIBUTES_TOO_MANY",
            path: "attributes".to_owned(),
            detail: format!("a message has at most {MAX_ATTRIBUTES} attributes; those that follow were left out"),
        });
    }
    for (name, raw) in sent.iter().take(MAX_ATTRIBUTES) {
        let mut leave_out = |code: &'static str, detail: &str| {
            let path = format!("attributes.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>());
            warnings.push(Warning { code, path, detail: format!("{detail}; it was left out") });
        };
        if name.is_empty() || MAX_NAME_BYTES < name.len() {
            leave_out("ATTRIBUTE_NAME", &format!("an attribute's name has 1 to {MAX_NAME_BYTES} bytes"));
            continue;
        }
        if MAX_ATTRIBUTE_BYTES < raw.get().len() {
            leave_out("ATTRIBUTE_TOO_LONG", &format!("a value has at most {MAX_ATTRIBUTE_BYTES} bytes"));
            continue;
        }
        if MAX_DEPTH < raw.depth() {
            leave_out("ATTRIBUTE_TYPE", "a value is a string, a number, a boolean, a list of them or null");
            continue;
        }
        let Ok(value) = serde_json::from_str::<serde_json::Value>(raw.get()) else {
            leave_out("ATTRIBUTE_TYPE", "a number is within ±1.7976931348623157e308");
            continue;
        };
        if value.as_array().is_some_and(|it| MAX_LIST_ITEMS < it.len()) {
            leave_out("ATTRIBUTE_TOO_LONG", &format!("a list has at most {MAX_LIST_ITEMS} items"));
            continue;
        }
        let is_rounded = is_rounded(raw.get(), &value);
        match standard_value(&name, value, at, policy) {
            Ok(value) => match AttributeValue::new(&value) {
                Some(value) => drop(attributes.insert(name.to_string(), value)),
                None => leave_out("ATTRIBUTE_TYPE", "a value is a string, a number, a boolean, a list of them or null"),
            },
            Err(detail) => leave_out("ATTRIBUTE_VALUE", detail),
        }
        if is_rounded && attributes.contains_key(name.as_ref()) {
            warnings.push(Warning {
                code: "NUMBER_ROUNDED",
                path: format!("attributes.{name}"),
                detail:
                    "a number keeps 17 digits; the nearest one of 64 bits is kept: send it as a text to keep them all"
                        .to_owned(),
            });
        }
    }
    Ok(attributes)
}

/// Whether a number has more digits than 64 bits keep, or one of a list has.
fn is_rounded(text: &str, value: &serde_json::Value) -> bool {
    const KEPT: usize = 17;
    if text.len() <= KEPT {
        return false;
    }
    match value {
        serde_json::Value::Number(number) => number.is_f64() && KEPT < significant_digits(text),
        serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_f64) => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            items.iter().any(|item| {
                let is_number = item.get().starts_with(|it: char| it == '-' || it.is_ascii_digit());
                is_number && item.get().parse::<u64>().is_err() && KEPT < significant_digits(item.get())
            })
        }
        _ => false,
    }
}

/// Holds the standard attributes to their types; everything else passes, and null unsets all but consents.
fn standard_value(
    name: &str,
    value: serde_json::Value,
    at: Timestamp,
    policy: &CompiledPolicy,
) -> Result<serde_json::Value, &'static str> {
    match name {
        // A refused consent stays refused: null would hide it, so null is not accepted.
        _ if CONSENTS.contains(&name) && !value.is_boolean() => Err("a consent is true or false"),
        _ if value.is_null() => Ok(value),
        "df_gender" => match value.as_str().map(str::to_lowercase).as_deref() {
            Some("male") => Ok("Male".into()),
            Some("female") => Ok("Female".into()),
            Some("nonbinary" | "non_binary" | "non-binary" | "non binary") => Ok("NonBinary".into()),
            Some("other") => Ok("Other".into()),
            _ => Err("use Male, Female, NonBinary or Other"),
        },
        "df_birth" => birth_date(value.as_str().unwrap_or_default(), at, policy).map(|day| day.to_string().into()),
        "df_name" | "df_membership" => {
            let is_text = value.as_str().is_some_and(|it| !it.trim().is_empty());
            if is_text { Ok(value) } else { Err("it is a text that is not empty") }
        }
        _ => Ok(value),
    }
}

/// A date, or an instant on the day that it is in the policy's time zone.
fn birth_date(text: &str, at: Timestamp, policy: &CompiledPolicy) -> Result<NaiveDate, &'static str> {
    let text = text.trim();
    let day_of =
        |instant: DateTime<_>| local_date(Timestamp::from_micros(instant.timestamp_micros()), policy.time_zone);
    let day = parse_date(text)
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(day_of))
        .or_else(|| {
            text.parse::<NaiveDateTime>()
                .ok()
                .map(|it| it.date())
                .filter(|_| text.get(..10).and_then(parse_date).is_some())
        })
        .ok_or("a birth date is yyyy-MM-dd")?;
    if day.year() < 1900 {
        return Err("a birth date is not before 1900; write the year with its four digits");
    }
    // A day more, for a message whose time is in another zone than its customer.
    let latest = local_date(at, policy.time_zone).succ_opt().unwrap_or(NaiveDate::MAX);
    if latest < day { Err("a birth date is not after the time of the message") } else { Ok(day) }
}

/// The browser reads no messages: it has no time zones.
#[cfg(target_arch = "wasm32")]
fn local_date(at: Timestamp, _: crate::time_zone::Zone) -> NaiveDate {
    at.to_datetime().date_naive()
}
