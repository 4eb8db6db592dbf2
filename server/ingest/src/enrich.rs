//! Where messages come in: what they do not name of their device is read out of its user agent and its address.
//!
//! It happens once, and what is found is kept with the message (see [`parse_described`]). The address itself goes no further
//! than this module. Only here a message's time is held against the clock: what is kept is never judged by it again, so that the
//! base depends on its messages alone.

mod geoip;
mod user_agent;

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use profile360_core::{
    message::{
        parse::{
            accepted::Accepted,
            device::{Clues, Description},
            parse_described, parse_message,
        },
        refusal::{Refusal, RefusalCode},
    },
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

use self::geoip::GeoIp;
pub use self::geoip::GeoIpError;

/// A sender's clock that is further off than this is no clock.
pub const A_DAY: TimeDelta = TimeDelta::days(1);
/// Seconds that are taken for milliseconds lie before this: 7,300,000 seconds from 1970-01-01, of times up to 2201.
const LAST_SHRUNK_MICROS: i64 = 7_300_000 * 1_000_000;

/// How messages are read.
#[derive(Debug, Clone)]
pub struct Enricher(Reading);

/// What says what time it is.
pub type Clock = fn() -> DateTime<Utc>;

#[derive(Debug, Clone)]
enum Reading {
    Plain,
    Describing(Option<Arc<GeoIp>>, Clock),
}

impl Enricher {
    /// Reads what messages name and nothing else: for whoever shows no devices.
    pub const fn plain() -> Self {
        Self(Reading::Plain)
    }

    /// Reads user agents and, with a database of geoip (MaxMind's format), addresses.
    pub fn new(geoip: Option<&Path>, clock: Clock) -> Result<Self, GeoIpError> {
        let geoip = geoip.map(GeoIp::open).transpose()?.map(Arc::new);
        Ok(Self(Reading::Describing(geoip, clock)))
    }

    /// Reads one message.
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

/// Refuses a time that no clock can have shown, given when the message came. Taken, it would be the latest word on everything for
/// years, or the customer's first access.
fn judge_time(at: Timestamp, received: DateTime<Utc>) -> Result<(), Refusal> {
    let (code, detail) = if received + A_DAY < at.to_datetime() {
        let detail =
            "it is more than a day ahead of this server's clock; set the sender's clock, or send when it happened";
        (RefusalCode::TimestampAhead, detail)
    } else if at.micros() < LAST_SHRUNK_MICROS {
        let detail = "it lies in the first weeks of 1970, as a time in seconds does that was taken for milliseconds; multiply it by 1,000";
        (RefusalCode::TimestampOutOfRange, detail)
    } else {
        return Ok(());
    };
    Err(Refusal { code, path: "timestamp".to_owned(), detail: detail.to_owned() })
}

fn describe(clues: &Clues<'_>, geoip: Option<&GeoIp>) -> Description {
    let mut description = clues.user_agent.map(|it| user_agent::describe(it, clues.named)).unwrap_or_default();
    if let (Some(geoip), Some(address)) = (geoip, clues.address) {
        description.extend(geoip.describe(address, clues.named));
    }
    description
}

#[cfg(test)]
mod tests;
