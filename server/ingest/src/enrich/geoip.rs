//! The location of an IP address, by a database in MaxMind's format.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Once},
};

use maxminddb::{MaxMindDbError, Reader, geoip2};
use profile360_core::message::{device::DeviceField, parse::device::Description};

/// A GeoIP database in memory.
pub(super) struct GeoIp(Reader<Vec<u8>>);

/// Why a file is not a GeoIP database.
#[derive(Debug, thiserror::Error)]
pub enum GeoIpError {
    #[error("the GeoIP database {} cannot be read; give a file in MaxMind's format (.mmdb) with --geoip, or leave that out", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is not a GeoIP database in MaxMind's format (.mmdb), or it is truncated; decompress or download it again", path.display())]
    Corrupt { path: PathBuf, source: MaxMindDbError },
    #[error("{} is a GeoIP database of the type {kind:?}, which has no countries or cities; use one of cities, such as GeoLite2-City", path.display())]
    NoPlaces { path: PathBuf, kind: String },
}

impl fmt::Debug for GeoIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GeoIp").field(&self.0.metadata().database_type).finish()
    }
}

/// The networks to check before a database counts as one without locations.
const SAMPLE: usize = 10_000;

impl GeoIp {
    pub(super) fn open(path: &Path) -> Result<Self, GeoIpError> {
        let bytes = std::fs::read(path).map_err(|source| GeoIpError::Unreadable { path: path.to_owned(), source })?;
        let corrupt = |source| GeoIpError::Corrupt { path: path.to_owned(), source };
        let reader = Reader::from_source(bytes).map_err(corrupt)?;
        let mut has_places = false;
        for network in reader.networks(Default::default()).map_err(corrupt)?.take(SAMPLE) {
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

    /// The location of an address, with English names, as far as it agrees with the fields of the message: a city, for example, is
    /// left out where the message names another country. Private addresses have no location.
    pub(super) fn describe(&self, address: IpAddr, named: &BTreeMap<DeviceField, Arc<str>>) -> Description {
        let record: Option<geoip2::City<'_>> = match self.0.lookup(address).and_then(|it| it.decode()) {
            Ok(record) => record,
            Err(_) => {
                // Once, because every message may fail; without the error, which may reveal the network.
                static LOGGED: Once = Once::new();
                LOGGED.call_once(|| tracing::error!("the GeoIP database is damaged; some locations are missing"));
                None
            }
        };
        let Some(record) = record else { return Description::new() };
        let agrees = |field, found: Option<&str>| match (named.get(&field), found) {
            (Some(named), Some(found)) => named.eq_ignore_ascii_case(found),
            (None, _) | (_, None) => true,
        };
        let country = record.country.iso_code;
        let region = record.subdivisions.first().and_then(|it| it.names.english);
        let city = record.city.names.english;
        let time_zone = record.location.time_zone;
        let is_country = agrees(DeviceField::Country, country);
        let is_region = is_country && agrees(DeviceField::Region, region);
        let found = [
            (DeviceField::Country, country),
            (DeviceField::Region, region.filter(|_| is_country)),
            (DeviceField::City, city.filter(|_| is_region)),
            (DeviceField::TimeZone, time_zone.filter(|_| is_country)),
        ];
        found.into_iter().filter_map(|(field, text)| Some((field, text?.to_owned()))).collect()
    }
}
