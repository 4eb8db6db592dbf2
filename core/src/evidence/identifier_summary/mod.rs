//! Summaries: what one identifier's own messages say, as a commutative monoid.
//!
//! A summary never depends on the order in which its messages came. The caller makes sure that no message is
//! added twice: counts are additive.

mod activity;
mod attribute;
mod bound;
mod device;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::message::{Message, Platform};

pub use self::{
    activity::{ActivityFacts, LastEvent},
    attribute::AttributeFacts,
    bound::{MAX_CUSTOM_ATTRIBUTES, MAX_LONG_ATTRIBUTES, MAX_OBSERVATIONS, MAX_SHORT_BYTES},
    device::{DeviceState, MAX_DEVICES},
    values::{Observed, Values},
};

/// The facts of one identifier. Its JSON form is stored per identifier and sent to the browser: names are single letters and
/// what is empty is left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierSummary {
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

/// What of an identifier is full: some of what messages say of it is kept with them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Full {
    /// It has too many custom attributes.
    Attributes,
    /// Its attributes have too many values.
    Values,
    Devices,
    Sources,
}

impl IdentifierSummary {
    /// The summary of one message.
    pub fn of(message: &Message) -> Self {
        let mut summary = Self::default();
        summary.add(message);
        summary
    }

    /// Adds one message: the same as merging [`IdentifierSummary::of`] it, without building that. What was full.
    pub fn add(&mut self, message: &Message) -> BTreeSet<Full> {
        let mut full = self.attributes.add(message);
        self.activity.add(message);
        if let Some(device) = &message.device
            && !device::add(&mut self.devices, device, message.at)
        {
            full.insert(Full::Devices);
        }
        self.platforms.extend(message.platform);
        full
    }

    /// Leaves out what there is no room for: rows of earlier versions may hold more.
    pub(crate) fn keep(&mut self) {
        self.attributes.keep();
        device::keep(&mut self.devices);
    }

    /// Joins the facts of another set of messages to these. Associative and commutative; the empty summary changes nothing.
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
