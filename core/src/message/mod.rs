//! Messages: what a source says, parsed once and trusted from then on.

pub mod attribute_value;
pub mod device;
pub mod limits;
pub mod order;
pub mod parse;
pub mod refusal;
mod spans;
pub mod standard;
pub mod syntax;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    identifier::Identifier,
    message::{
        attribute_value::AttributeValue,
        device::DeviceSeen,
        order::{Order, OrderKey, Refund},
    },
    time::Timestamp,
};

/// An accepted message. Its identifiers are normalized, distinct, strongest first, and never none.
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
    /// The identifier whose summary this message belongs to: its strongest.
    pub fn home(&self) -> &Identifier {
        &self.identifiers[0]
    }

    /// Gives the message another ID, and also its order and its refund.
    pub fn set_id(&mut self, id: Arc<str>) {
        if let Some(order) = &mut self.order {
            if matches!(order.key, OrderKey::Message(_)) {
                order.key = OrderKey::Message(id.clone());
            }
            order.message_id = id.clone();
        }
        if let Some(refund) = &mut self.refund {
            refund.message_id = id.clone();
        }
        self.id = id;
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

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    Identify,
    Event,
    Alias,
}
