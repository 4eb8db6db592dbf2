//! Where messages come in: what they do not name of their device is read out of its user agent and its address.
//!
//! It happens once, and what is found is kept with the message (see [`parse_described`]). The address itself goes no further
//! than this module.

mod agent;
mod place;

use std::{path::Path, sync::Arc};

use profile360_core::{
    message::{Accepted, Clues, Description, Refusal, parse_described, parse_message},
    policy::CompiledPolicy,
};

use self::place::Places;
pub use self::place::PlacesError;

/// How messages are read.
#[derive(Debug, Clone)]
pub struct Intake(Reading);

#[derive(Debug, Clone)]
enum Reading {
    Plain,
    Describing(Option<Arc<Places>>),
}

impl Intake {
    /// Reads what messages name and nothing else: for whoever shows no devices.
    pub const fn plain() -> Self {
        Self(Reading::Plain)
    }

    /// Reads user agents and, with a database of places (MaxMind's format), addresses.
    pub fn new(places: Option<&Path>) -> Result<Self, PlacesError> {
        let places = places.map(Places::open).transpose()?.map(Arc::new);
        Ok(Self(Reading::Describing(places)))
    }

    /// Reads one message.
    pub fn parse(&self, json: &str, policy: &CompiledPolicy) -> Result<Accepted, Refusal> {
        match &self.0 {
            Reading::Plain => parse_message(json, policy),
            Reading::Describing(places) => parse_described(json, policy, &|clues| describe(clues, places.as_deref())),
        }
    }
}

fn describe(clues: &Clues<'_>, places: Option<&Places>) -> Description {
    let mut description = clues.user_agent.map(|it| agent::describe(it, clues.named)).unwrap_or_default();
    if let (Some(places), Some(address)) = (places, clues.address) {
        description.extend(places.describe(address, clues.named));
    }
    description
}

#[cfg(test)]
mod tests;
