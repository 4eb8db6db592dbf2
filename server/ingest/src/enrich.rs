//! Enriches messages at ingestion: the fields of the device that a message leaves out come from its user agent and its IP address.
//!
//! The result is stored with the message (see [`parse_described`]), and the IP address itself goes no further. This is also the only
//! module that compares the time of a message with the clock, so that the store is a function of its messages alone.

mod geoip;
mod user_agent;

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use profile360_core::{
    message::{
        parse::{
            accepted::Accepted,
            device::{Description, DeviceHints},
            parse_described, parse_message,
        },
        refusal::{Refusal, RefusalCode},
    },
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

use self::geoip::GeoIp;
pub use self::geoip::GeoIpError;

/// The largest plausible deviation of a sender's clock.
pub const A_DAY: TimeDelta = TimeDelta::days(1);
/// A time in seconds (up to 2201) that a sender marks as milliseconds is before this: 7,300,000 seconds after 1970-01-01.
const LAST_SHRUNK_MICROS: i64 = 7_300_000 * 1_000_000;

/// Parses and enriches messages.
#[derive(Debug, Clone)]
pub struct Enricher(Reading);

/// Returns the current time.
pub type Clock = fn() -> DateTime<Utc>;

#[derive(Debug, Clone)]
enum Reading {
    Plain,
    Describing(Option<Arc<GeoIp>>, Clock),
}

impl Enricher {
    /// Adds nothing: for commands that show no devices.
    pub const fn plain() -> Self {
        Self(Reading::Plain)
    }

    /// Reads user agents and, with a GeoIP database (MaxMind's format), IP addresses.
    pub fn new(geoip: Option<&Path>, clock: Clock) -> Result<Self, GeoIpError> {
        let geoip = geoip.map(GeoIp::open).transpose()?.map(Arc::new);
        Ok(Self(Reading::Describing(geoip, clock)))
    }

    /// Parses one message.
    pub fn parse(&self, json: &str, policy: &CompiledPolicy) -> Result<Accepted, Refusal> {
        match &self.0 {
            Reading::Plain => parse_message(json, policy),
            Reading::Describing(geoip, clock) => {
                let accepted = parse_described(json, policy, &|clues| describe(clues, geoip.as_deref()))?;
                judge_time(accepted.message.at, clock())?;
                Ok(accepted)
            }
        }
    }
}

/// Refuses an implausible time. A time in the future would override every later value for years, and one of 1970 would be the customer's
/// first access.
fn judge_time(at: Timestamp, received: DateTime<Utc>) -> Result<(), Refusal> {
    let (code, detail) = if received + A_DAY < at.to_datetime() {
        let detail =
            "it is more than a day ahead of this server's clock; set the sender's clock, or send when it happened";
        (RefusalCode::TimestampAhead, detail)
    } else if at.micros() < LAST_SHRUNK_MICROS {
        let detail = "it is in the first weeks of 1970, as a time in seconds is that is read as milliseconds; multiply it by 1,000";
        (RefusalCode::TimestampOutOfRange, detail)
    } else {
        return Ok(());
    };
    Err(Refusal { code, path: "timestamp".to_owned(), detail: detail.to_owned() })
}

fn describe(clues: &DeviceHints<'_>, geoip: Option<&GeoIp>) -> Description {
    let mut description = clues.user_agent.map(|it| user_agent::describe(it, clues.named)).unwrap_or_default();
    if let (Some(geoip), Some(address)) = (geoip, clues.address) {
        description.extend(geoip.describe(address, clues.named));
    }
    description
}

#[cfg(test)]
mod tests;
