//! What a message says of the device that sent it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// What a message says of the device that sent it. `fields` holds only what is known; the address is never kept.
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
