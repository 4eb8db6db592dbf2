//! Facets: what one identifier's own messages say, as a commutative monoid.
//!
//! A facet never depends on the order in which its messages came. Whoever adds a message must see to it that no message is
//! added twice: counts are additive.

mod activity;
mod attribute;
mod device;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::{
    activity::{ActivityFacts, LastEvent},
    attribute::{AttributeFacts, MAX_CUSTOM_ATTRIBUTES, Observed, Values},
    device::DeviceState,
};
use crate::message::{Message, Platform};

/// The facts of one identifier. Its JSON form is stored per identifier and sent to the browser: names are single letters and
/// what is empty is left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// Standard and custom attributes, consents among them.
    #[serde(rename = "a", default, skip_serializing_if = "AttributeFacts::is_empty")]
    pub attributes: AttributeFacts,
    #[serde(rename = "v", default, skip_serializing_if = "ActivityFacts::is_empty")]
    pub activity: ActivityFacts,
    /// By device ID.
    #[serde(rename = "d", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<Arc<str>, DeviceState>,
    #[serde(rename = "p", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub platforms: BTreeSet<Platform>,
}

impl Facet {
    /// The facet of one message.
    pub fn of(message: &Message) -> Self {
        let mut facet = Self::default();
        facet.add(message);
        facet
    }

    /// Adds one message: the same as merging [`Facet::of`] it, without building that, as long as there is room for its
    /// attributes (see [`MAX_CUSTOM_ATTRIBUTES`]). Whether there was.
    pub fn add(&mut self, message: &Message) -> bool {
        let has_room = self.attributes.add(message);
        self.activity.add(message);
        if let Some(device) = &message.device {
            device::add(&mut self.devices, device, message.at);
        }
        self.platforms.extend(message.platform);
        has_room
    }

    /// Joins the facts of another set of messages to these. Associative and commutative; the empty facet changes nothing.
    pub fn merge(&mut self, other: &Self) {
        self.attributes.merge(&other.attributes);
        self.activity.merge(&other.activity);
        device::merge(&mut self.devices, &other.devices);
        self.platforms.extend(&other.platforms);
    }

    /// Whether no message has said anything yet.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests;
