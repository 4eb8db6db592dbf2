//! When and how much an identifier was active.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{message::Message, time::Timestamp};

/// Times and counts of an identifier's messages.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFacts {
    /// The earliest message, of any type.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub first_message_at: Option<Timestamp>,
    /// The latest message, of any type.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Timestamp>,
    /// The latest event; of several at one time the one whose name is last in byte order.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<LastEvent>,
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub event_count: u64,
    /// Sessions that belong to this identifier. No message adds to it: a session is claimed by the earliest message of its
    /// `session_id` in the whole base, so the caller, which sees the base, counts it here, and removes it when an earlier message
    /// turns up elsewhere. Merging adds.
    #[serde(rename = "s", default, skip_serializing_if = "is_none_counted")]
    pub session_count: i64,
    /// `df_start_session` events without a `session_id`: a session each.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub session_starts: u64,
}

/// An event's time and name. It serializes as `[time, name]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(Timestamp, Arc<str>)", into = "(Timestamp, Arc<str>)")]
pub struct LastEvent {
    pub at: Timestamp,
    pub name: Arc<str>,
}

impl From<(Timestamp, Arc<str>)> for LastEvent {
    fn from((at, name): (Timestamp, Arc<str>)) -> Self {
        Self { at, name }
    }
}

impl From<LastEvent> for (Timestamp, Arc<str>) {
    fn from(it: LastEvent) -> Self {
        (it.at, it.name)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_none_counted(count: &i64) -> bool {
    *count == 0
}

const SESSION_START: &str = "df_start_session";

impl ActivityFacts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sessions of both sorts; never negative.
    pub fn sessions(&self) -> u64 {
        u64::try_from(self.session_count).unwrap_or(0).saturating_add(self.session_starts)
    }

    pub(super) fn add(&mut self, message: &Message) {
        self.first_message_at = earlier(self.first_message_at, Some(message.at));
        self.last_message_at = self.last_message_at.max(Some(message.at));
        let Some(name) = &message.event else { return };
        self.event_count = self.event_count.saturating_add(1);
        if name.as_ref() == SESSION_START && message.session_id.is_none() {
            self.session_starts = self.session_starts.saturating_add(1);
        }
        let is_later = self.last_event.as_ref().is_none_or(|it| (it.at, &it.name) < (message.at, name));
        if is_later {
            self.last_event = Some(LastEvent { at: message.at, name: name.clone() });
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.first_message_at = earlier(self.first_message_at, other.first_message_at);
        self.last_message_at = self.last_message_at.max(other.last_message_at);
        if self.last_event < other.last_event {
            self.last_event.clone_from(&other.last_event);
        }
        self.event_count = self.event_count.saturating_add(other.event_count);
        self.session_count = self.session_count.saturating_add(other.session_count);
        self.session_starts = self.session_starts.saturating_add(other.session_starts);
    }
}

/// The earlier of two instants, of which either may be missing.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
