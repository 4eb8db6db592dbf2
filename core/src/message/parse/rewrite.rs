//! Kept texts with another field in place of one.

use crate::message::spans::{Members, Raw};

/// The message again with another device; everything else in its own characters.
pub(super) fn with_device(fields: Members<'_>, device: &str) -> String {
    let text = |name: &str, raw: Raw<'_>| member(name, if name == "device" { device } else { raw.get() });
    let written: Vec<String> = fields.iter().map(|(name, raw)| text(&name, raw)).collect();
    format!("{{{}}}", written.join(","))
}

pub(super) fn member(name: &str, value: &str) -> String {
    format!("{}:{value}", serde_json::Value::from(name))
}
