//! Messages: what a source says, parsed once and trusted from then on.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{identifier::Identifier, purchase::{Order, Refund}, time::Timestamp};

/// An accepted message. Its identifiers are normalised, distinct, strongest first, and never none.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: Arc<str>,
    pub at: Timestamp,
    pub source: Arc<str>,
    pub platform: Option<Platform>,
    pub identifiers: Vec<Identifier>,
    /// What the message says of the customer, by attribute name.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The event's name, where the message is an event.
    pub event: Option<Arc<str>>,
    pub session_id: Option<Arc<str>>,
    pub device: Option<DeviceSeen>,
    /// What a `df_purchase` event says.
    pub order: Option<Order>,
    /// What a `df_refund` event says.
    pub refund: Option<Refund>,
}

impl Message {
    /// The identifier whose facet this message belongs to: its strongest.
    pub fn home(&self) -> &Identifier {
        &self.identifiers[0]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Platform {
    Android,
    #[serde(rename = "iOS")]
    Ios,
    Web,
    #[serde(rename = "API")]
    Api,
}

/// The value of an attribute: a string, number, boolean or list of those, in canonical JSON text.
///
/// The text is what is compared for equality, stored as a key and sent to the browser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeValue(Arc<str>);

impl AttributeValue {
    /// Takes a scalar or a list of scalars; `None` for null, objects, nested lists and lists that hold null.
    pub fn new(value: &serde_json::Value) -> Option<Self> {
        use serde_json::Value::{Array, Bool, Number, String};
        let is_scalar = |it: &serde_json::Value| matches!(it, String(_) | Number(_) | Bool(_));
        let is_fit = match value {
            Array(items) => items.iter().all(is_scalar),
            scalar => is_scalar(scalar),
        };
        is_fit.then(|| Self(Arc::from(value.to_string())))
    }

    /// The canonical JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The value as serde_json has it.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }

    /// The text of a string value; `None` for every other type.
    pub fn to_text(&self) -> Option<String> {
        match self.to_value() {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// What a message says of the device that sent it. `fields` holds only what was named; the address is never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSeen {
    /// The message's `device_id`.
    pub device_id: Arc<str>,
    pub fields: BTreeMap<DeviceField, Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceField {
    Model,
    Os,
    OsVersion,
    Browser,
    BrowserVersion,
    Carrier,
    Language,
    TimeZone,
    Country,
    Region,
    City,
    LibraryPlatform,
    LibraryVersion,
}
