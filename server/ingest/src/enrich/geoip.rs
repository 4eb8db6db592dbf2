//! Where an address is, by a database in MaxMind's format.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Once},
};

use maxminddb::{MaxMindDbError, Reader, geoip2};
use profile360_core::message::{device::DeviceField, parse::device::Description};

/// A database of geoip, held in memory.
pub(super) struct GeoIp(Reader<Vec<u8>>);

/// Why a file is no database of geoip.
#[derive(Debug, thiserror::Error)]
pub enum GeoIpError {
    #[error("the GeoIP database {} cannot be read; give a file in MaxMind's format (.mmdb) with --geoip, or leave that out", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is no GeoIP database in MaxMind's format (.mmdb), or was cut off; unpack or download it again", path.display())]
    Corrupt { path: PathBuf, source: MaxMindDbError },
    #[error("{} is a GeoIP database of the type {kind:?}, in which no countries or cities are; use one of cities, as GeoLite2-City", path.display())]
    NoPlaces { path: PathBuf, kind: String },
}

impl fmt::Debug for GeoIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&self.0.metadata().database_type).finish()
    }
}

/// Networks that are looked at for a place, before a database is taken for one without.
const LOOKED_AT: usize = 10_000;

impl GeoIp {
    pub(super) fn open(path: &Path) -> Result<Self, GeoIpError> {
        let bytes = std::fs::read(path).map_err(|source| GeoIpError::Unreadable { path: path.to_owned(), source })?;
        let corrupt = |source| GeoIpError::Corrupt { path: path.to_owned(), source };
        let reader = Reader::from_source(bytes).map_err(corrupt)?;
        let mut has_places = false;
        for network in reader.networks(Default::default()).map_err(corrupt)?.take(LOOKED_AT) {
            let record: Option<geoip2::City<'_>> = network.and_then(|it| it.decode()).map_err(corrupt)?;
            if record.is_some_and(|it| it.country.iso_code.is_some() || it.city.names.english.is_some()) {
                has_places = true;
                break;
            }
        }
        if !has_places {
            return Err(GeoIpError::NoPlaces { path: path.to_owned(), kind: reader.metadata().database_type.clone() });
        }
        Ok(Self(reader))
    }

    /// The place of an address, its names in English, where it does not contradict what the message names: what lies within a
    /// country or a region is only told if that is the named one. Private addresses are nowhere.
    pub(super) fn describe(&self, address: IpAddr, named: &BTreeMap<DeviceField, Arc<str>>) -> Description {
        let record: Option<geoip2::City<'_>> = match self.0.lookup(address).and_then(|it| it.decode()) {
            Ok(record) => record,
            Err(_) => {
                // The error may say where in the file it is, and so which network; and it would be said for each message.
                static TOLD: Once = Once::new();
                TOLD.call_once(|| tracing::error!("the GeoIP database has faults; some geoip are not found"));
                None
            }
        };
        let Some(record) = record else { return Description::new() };
        let agrees = |field, told: Option<&str>| match (named.get(&field), told) {
            (Some(named), Some(told)) => named.eq_ignore_ascii_case(told),
            (None, _) | (_, None) => true,
        };
        let country = record.country.iso_code;
        let region = record.subdivisions.first().and_then(|it| it.names.english);
        let city = record.city.names.english;
        let time_zone = record.location.time_zone;
        let is_country = agrees(DeviceField::Country, country);
        let is_region = is_country && agrees(DeviceField::Region, region);
        let told = [
            (DeviceField::Country, country),
            (DeviceField::Region, region.filter(|_| is_country)),
            (DeviceField::City, city.filter(|_| is_region)),
            (DeviceField::TimeZone, time_zone.filter(|_| is_country)),
        ];
        told.into_iter().filter_map(|(field, text)| Some((field, text?.to_owned()))).collect()
    }
}
