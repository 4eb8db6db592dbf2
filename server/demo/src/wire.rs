//! The JSON of messages (docs/design.md, section 3).
//!
//! Structs and sorted maps, so that the order of fields does not depend on the features of serde_json.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) message_id: &'a str,
    #[serde(rename = "type")]
    pub(super) message_type: &'static str,
    pub(super) timestamp: &'a str,
    pub(super) source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<&'static str>,
    pub(super) identifiers: BTreeMap<&'static str, Values>,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub(super) attributes: &'a Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<&'static str>,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    pub(super) properties: &'a Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<&'a Device>,
}

pub(super) type Fields = BTreeMap<&'static str, Value>;

/// An identifier's value, or several.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Values {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Text(Cow<'static, str>),
    Number(i64),
    Flag(bool),
    List(Vec<&'static str>),
    Items(Vec<Item>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A line of an order, or the item that was looked at.
#[derive(Clone, Serialize)]
pub(super) struct Item {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) df_item_id: Option<&'static str>,
    pub(super) df_item_name: &'static str,
    /// In won.
    pub(super) df_price: i64,
    /// 1 if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) df_quantity: Option<i64>,
    /// In won, for the whole line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) df_discount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) df_category1: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) df_category2: Option<&'static str>,
}

impl Item {
    /// The amount paid for the line, in won.
    pub(super) fn amount(&self) -> i64 {
        self.df_price * self.df_quantity.unwrap_or(1) - self.df_discount.unwrap_or(0)
    }
}

#[derive(Clone, Default, Serialize)]
pub(super) struct Device {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) os: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) os_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) browser: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) browser_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) carrier: Option<&'static str>,
    pub(super) language: &'static str,
    pub(super) time_zone: &'static str,
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) city: &'static str,
    pub(super) library_platform: &'static str,
    pub(super) library_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_agent: Option<&'static str>,
}
