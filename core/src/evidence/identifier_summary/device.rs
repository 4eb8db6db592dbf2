//! What is known of devices.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    message::device::{DeviceField, DeviceSeen},
    time::Timestamp,
};

/// The state of one device, each field as it was said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// The latest message that came from the device, whether or not it described it.
    #[serde(rename = "u")]
    pub last_used_at: Timestamp,
    /// When a field was said last, and the value; of several at one time the one that is last in byte order.
    #[serde(rename = "f", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<DeviceField, (Timestamp, Arc<str>)>,
}

impl DeviceState {
    const fn used(at: Timestamp) -> Self {
        Self { last_used_at: at, fields: BTreeMap::new() }
    }

    /// The value of a field, where one was ever said.
    pub fn field(&self, field: DeviceField) -> Option<&Arc<str>> {
        self.fields.get(&field).map(|(_, value)| value)
    }

    /// Joins what other messages said of the same device. Associative, commutative and idempotent.
    pub fn merge(&mut self, other: &Self) {
        self.last_used_at = self.last_used_at.max(other.last_used_at);
        for (field, (at, value)) in &other.fields {
            self.observe(*field, *at, value);
        }
    }

    fn observe(&mut self, field: DeviceField, at: Timestamp, value: &Arc<str>) {
        let is_later = self.fields.get(&field).is_none_or(|(known_at, known)| (*known_at, known) < (at, value));
        if is_later {
            self.fields.insert(field, (at, value.clone()));
        }
    }
}

/// The most devices of one identifier of which everything is kept: those whose IDs come first in byte order.
pub const MAX_DEVICES: usize = 50;
/// The most others, those that were used last, each with what was said of it then.
const MAX_RECENT_DEVICES: usize = 10;

/// Leaves out the devices that there is no room for; whether there was room for all. The same ones stay in any sequence of
/// messages: a device that is not among the first never comes to be, and of one that is kept for its time nothing
/// but what belongs to that time is kept.
pub(super) fn keep(devices: &mut BTreeMap<Arc<str>, DeviceState>) -> bool {
    if devices.len() <= MAX_DEVICES {
        return true;
    }
    let mut recent: Vec<(Timestamp, Arc<str>)> =
        devices.iter().map(|(device_id, state)| (state.last_used_at, device_id.clone())).collect();
    recent.sort_unstable_by(|a, b| b.cmp(a));
    recent.truncate(MAX_RECENT_DEVICES);
    let mut has_room = true;
    let mut place = 0;
    devices.retain(|device_id, state| {
        place += 1;
        if place <= MAX_DEVICES {
            return true;
        }
        let n_fields = state.fields.len();
        let last_used_at = state.last_used_at;
        state.fields.retain(|_, (at, _)| *at == last_used_at);
        let is_recent = recent.iter().any(|(_, recent_id)| recent_id == device_id);
        has_room &= is_recent && state.fields.len() == n_fields;
        is_recent
    });
    has_room
}

/// Whether there was room for all.
pub(super) fn add(devices: &mut BTreeMap<Arc<str>, DeviceState>, seen: &DeviceSeen, at: Timestamp) -> bool {
    let state = match devices.get_mut(&seen.device_id) {
        Some(state) => state,
        None => devices.entry(seen.device_id.clone()).or_insert(DeviceState::used(at)),
    };
    state.last_used_at = state.last_used_at.max(at);
    for (field, value) in &seen.fields {
        state.observe(*field, at, value);
    }
    keep(devices)
}

pub(super) fn merge(devices: &mut BTreeMap<Arc<str>, DeviceState>, other: &BTreeMap<Arc<str>, DeviceState>) {
    for (device_id, state) in other {
        match devices.get_mut(device_id) {
            Some(known) => known.merge(state),
            None => drop(devices.insert(device_id.clone(), state.clone())),
        }
    }
    keep(devices);
}
