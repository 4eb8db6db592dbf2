//! The devices of a profile.

use std::{collections::BTreeMap, sync::Arc};

use profile360_compact_json::sort::sort_stably_by;

use super::model::{Device, Member};
use crate::{evidence::identifier_summary::DeviceState, message::device::DeviceField, time::Timestamp};

pub(super) fn devices(members: &[&Member<'_>]) -> Vec<Device> {
    let described = members.iter().flat_map(|it| &it.summary.devices).map(|(device_id, state)| (device_id, Ok(state)));
    // A device may be known by its ID alone: where a message names several, only one is described.
    let named = members.iter().filter(|it| it.identifier.kind.as_str() == "device_id");
    let named = named.map(|it| (&it.identifier.value, Err(it.last_seen)));
    let is_linked = |device_id: &Arc<str>| {
        let same = |it: &&&Member<'_>| it.identifier.kind.as_str() == "device_id" && it.identifier.value == *device_id;
        members.iter().find(same).is_some_and(|it| !it.shared)
    };
    let mut states: Vec<(&Arc<str>, Result<&DeviceState, Timestamp>)> = described.chain(named).collect();
    sort_stably_by(&mut states, |(a, _), (b, _)| a.cmp(b));
    let mut devices: Vec<Device> = states
        .chunk_by(|(a, _), (b, _)| a == b)
        .filter_map(|same| {
            // Descriptions come before the bare ID.
            let (device_id, first) = same.first()?;
            let mut state = match first {
                Ok(state) => DeviceState::clone(state),
                Err(last_seen) => DeviceState { last_used_at: *last_seen, fields: BTreeMap::new() },
            };
            for (_, other) in same.iter().skip(1) {
                if let Ok(other) = other {
                    state.merge(other);
                }
            }
            Some(device(device_id, &state, !is_linked(device_id)))
        })
        .collect();
    // Stable, and they are sorted by ID already.
    sort_stably_by(&mut devices, |a, b| b.last_used_at.cmp(&a.last_used_at));
    devices
}

fn device(device_id: &Arc<str>, state: &DeviceState, shared: bool) -> Device {
    let field = |it| state.field(it).cloned();
    let (country, region, city) = (field(DeviceField::Country), field(DeviceField::Region), field(DeviceField::City));
    Device {
        device_id: device_id.clone(),
        model: field(DeviceField::Model),
        os: field(DeviceField::Os),
        os_version: field(DeviceField::OsVersion),
        browser: field(DeviceField::Browser),
        browser_version: field(DeviceField::BrowserVersion),
        carrier: field(DeviceField::Carrier),
        language: field(DeviceField::Language),
        time_zone: field(DeviceField::TimeZone),
        area: area(country.as_deref(), region.as_deref(), city.as_deref()),
        country,
        region,
        city,
        library_platform: field(DeviceField::LibraryPlatform),
        library_version: field(DeviceField::LibraryVersion),
        shared,
        last_used_at: state.last_used_at,
    }
}

pub(super) fn area(country: Option<&str>, region: Option<&str>, city: Option<&str>) -> Option<String> {
    match (region, city) {
        // Cities that are a region of their own come as both.
        (Some(region), Some(city)) if region != city => Some(format!("{region} {city}")),
        (region, city) => region.or(city).or(country).map(str::to_owned),
    }
}
