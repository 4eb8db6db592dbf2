//! Reads what messages say of devices, by name or by user agent and address.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{rewrite::member, warnings::warn_of_repeated};
use crate::{
    identifier::{Identifier, MAX_VALUE_BYTES},
    message::{
        device::{DeviceField, DeviceSeen},
        limits::MAX_NAME_BYTES,
        refusal::{Refusal, Warning},
        syntax::{Fields, Scalar, object, scalar_text},
    },
};

/// The longest user agent that is read, in bytes. Browsers stay far below; reading costs time that grows with it.
pub const MAX_USER_AGENT_BYTES: usize = 1024;

/// From what a device can be described where its message does not do so.
#[derive(Debug)]
pub struct DeviceHints<'a> {
    /// At most [`MAX_USER_AGENT_BYTES`], not empty.
    pub user_agent: Option<&'a str>,
    /// An IPv4 address is one, however it was written.
    pub address: Option<IpAddr>,
    /// What the message names; that stays as it is.
    pub named: &'a BTreeMap<DeviceField, Arc<str>>,
}

/// What clues say of a device.
pub type Description = BTreeMap<DeviceField, String>;

pub(super) struct Read {
    pub seen: Option<DeviceSeen>,
    /// The device as it is to be kept, where that is not as it was sent.
    pub kept: Option<String>,
}

const DEVICE_FIELDS: [(&str, DeviceField); 13] = [
    ("model", DeviceField::Model),
    ("os", DeviceField::Os),
    ("os_version", DeviceField::OsVersion),
    ("browser", DeviceField::Browser),
    ("browser_version", DeviceField::BrowserVersion),
    ("carrier", DeviceField::Carrier),
    ("language", DeviceField::Language),
    ("time_zone", DeviceField::TimeZone),
    ("country", DeviceField::Country),
    ("region", DeviceField::Region),
    ("city", DeviceField::City),
    ("library_platform", DeviceField::LibraryPlatform),
    ("library_version", DeviceField::LibraryVersion),
];

pub(super) fn read(
    reader: &Fields<'_, '_>,
    identifiers: &[Identifier],
    describe: &dyn Fn(&DeviceHints<'_>) -> Description,
    warnings: &mut Vec<Warning>,
) -> Result<Read, Refusal> {
    let device_id = identifiers.iter().find(|it| it.kind.as_str() == "device_id");
    let Some(raw) = reader.optional("device") else {
        let seen = device_id.map(|it| DeviceSeen { device_id: it.value.clone(), fields: BTreeMap::new() });
        return Ok(Read { seen, kept: None });
    };
    let sent = object(raw, &"device")?;
    warn_of_repeated(Some(&sent), "device", warnings);
    let mut fields = BTreeMap::new();
    let mut user_agent: Option<Cow<'_, str>> = None;
    let mut address = None;
    for (name, value) in sent.iter() {
        let mut leave_out = |code: &'static str, detail: String| {
            let path = format!("device.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>());
            warnings.push(Warning { code, path, detail: format!("{detail}; it was left out") });
        };
        let name = name.as_ref();
        let field = DEVICE_FIELDS.iter().find(|(it, _)| *it == name).map(|(_, field)| *field);
        let max_bytes = if name == "user_agent" { MAX_USER_AGENT_BYTES } else { MAX_VALUE_BYTES };
        if field.is_none() && !["ip", "user_agent"].contains(&name) {
            leave_out("UNKNOWN_FIELD", "no device has this field".to_owned());
            continue;
        }
        let text = match scalar_text(value) {
            Scalar::Text(text) if text.trim().is_empty() => continue,
            Scalar::Text(text) if text.len() <= max_bytes => text,
            Scalar::Text(_) => {
                leave_out("TOO_LONG", format!("this field of a device has at most {max_bytes} bytes"));
                continue;
            }
            Scalar::Null => continue,
            Scalar::Other => {
                leave_out("WRONG_TYPE", "a device's field is a string".to_owned());
                continue;
            }
        };
        match (field, name) {
            (Some(field), _) => drop(fields.insert(field, Arc::from(text.trim()))),
            (None, "user_agent") => user_agent = Some(text),
            (None, _) => match text.trim().parse::<IpAddr>() {
                Ok(it) => address = Some(it.to_canonical()),
                Err(_) => {
                    leave_out("ADDRESS_MALFORMED", "it is no IP address, as 203.0.113.9 or 2001:db8::9".to_owned());
                }
            },
        }
    }
    let mut described = Description::new();
    if user_agent.is_some() || address.is_some() {
        described = describe(&DeviceHints { user_agent: user_agent.as_deref(), address, named: &fields });
        described.retain(|field, text| {
            !fields.contains_key(field) && !text.trim().is_empty() && text.len() <= MAX_VALUE_BYTES
        });
    }
    let has_address = sent.iter().any(|(name, _)| name == "ip");
    let kept = (has_address || !described.is_empty()).then(|| {
        let name_of =
            |field: DeviceField| DEVICE_FIELDS.iter().find(|(_, it)| *it == field).map_or("", |(name, _)| *name);
        let is_replaced = |name: &str| name == "ip" || described.keys().any(|it| name_of(*it) == name);
        let sent = sent.iter().filter(|(name, _)| !is_replaced(name)).map(|(name, raw)| member(&name, raw.get()));
        let order_notes = described
            .iter()
            .map(|(field, text)| member(name_of(*field), &serde_json::Value::from(text.as_str()).to_string()));
        format!("{{{}}}", sent.chain(order_notes).collect::<Vec<_>>().join(","))
    });
    fields.extend(described.into_iter().map(|(field, text)| (field, Arc::from(text.trim()))));
    if device_id.is_none() && !fields.is_empty() {
        warnings.push(Warning {
            code: "DEVICE_WITHOUT_ID",
            path: "device".to_owned(),
            detail: "a device is known by a device_id among the identifiers; its description was left out".to_owned(),
        });
    }
    Ok(Read { seen: device_id.map(|it| DeviceSeen { device_id: it.value.clone(), fields }), kept })
}
