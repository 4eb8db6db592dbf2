//! Sending: each message gets an ID, and arrives some time later, some of them twice.

use std::{collections::BTreeMap, io, mem};

use chrono::NaiveDate;

use super::{
    GenerateCounts,
    calendar::{Calendar, DAY, HOUR, MINUTE, in_korean_time, in_utc},
    dice::Dice,
    identifier::{Identifier, is_used_everywhere},
    wire::{Device, Fields, Message, Values},
};

const LATE_PERCENT: u64 = 5;
const REPEATED_PER_MILLE: u64 = 15;
/// The longest delay of a late message. The shortest is 5 minutes.
const LATE_BY: [(i64, u64); 5] = [(HOUR, 40), (12 * HOUR, 30), (2 * DAY, 15), (7 * DAY, 10), (21 * DAY, 5)];

/// A message before it is sent.
#[derive(Default)]
pub(super) struct Draft {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    pub(super) message_type: &'static str,
    pub(super) source: &'static str,
    pub(super) platform: Option<&'static str>,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) attributes: Fields,
    pub(super) event: Option<&'static str>,
    pub(super) properties: Fields,
    pub(super) session_id: Option<String>,
    pub(super) device: Option<Device>,
}

/// Who used an identifier.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    /// The customer who used it first.
    pub(super) customer: u64,
    pub(super) shared: bool,
    first_at: i64,
}

impl Owner {
    pub(super) fn meet(&mut self, other: Self) {
        self.shared |= other.shared || self.customer != other.customer;
        if other.first_at < self.first_at {
            (self.customer, self.first_at) = (other.customer, other.first_at);
        }
    }
}

struct Outgoing {
    arrives_at: i64,
    line: Vec<u8>,
}

pub(super) struct Outbox {
    pub(super) counts: GenerateCounts,
    pub(super) calendar: Calendar,
    waiting: Vec<Outgoing>,
    owners: BTreeMap<(&'static str, String), Owner>,
    /// The customer who sent last, and how many messages that customer sent.
    sender: (u64, u64),
}

impl Outbox {
    pub(super) fn new(until: NaiveDate) -> Self {
        Self {
            counts: GenerateCounts::default(),
            calendar: Calendar::new(until),
            waiting: Vec::new(),
            owners: BTreeMap::new(),
            sender: (0, 0),
        }
    }

    /// Sends a message. `false` if it would be after the last day.
    pub(super) fn send(&mut self, customer: u64, draft: Draft, dice: &mut Dice) -> bool {
        if self.calendar.end() <= draft.at {
            return false;
        }
        let is_crm = draft.source == "crm";
        // Times of the CRM have no milliseconds.
        let at = if is_crm { draft.at - draft.at % 1_000 } else { draft.at };
        self.sender = if self.sender.0 == customer { (customer, self.sender.1 + 1) } else { (customer, 1) };
        let is_junk = draft.identifiers.iter().any(|it| it.normal.as_deref().is_none_or(is_used_everywhere));
        self.counts.junk += u64::from(is_junk);

        let is_sdk = matches!(draft.source, "app" | "web");
        let mut identifiers: BTreeMap<&'static str, Values> = BTreeMap::new();
        for identifier in draft.identifiers {
            if let Some(normal) = identifier.normal {
                let owner = Owner { customer, shared: false, first_at: at };
                self.owners.entry((identifier.kind, normal)).and_modify(|it| it.meet(owner)).or_insert(owner);
            }
            let name = if is_sdk { sdk_name(identifier.kind) } else { identifier.kind };
            let values = match identifiers.remove(name) {
                None => Values::One(identifier.written),
                Some(Values::One(first)) => Values::Many(vec![first, identifier.written]),
                Some(Values::Many(mut values)) => {
                    values.push(identifier.written);
                    Values::Many(values)
                }
            };
            identifiers.insert(name, values);
        }
        let message = Message {
            message_id: &format!("m{}-{:07}-{:04}", dice.seed(), customer, self.sender.1),
            message_type: draft.message_type,
            timestamp: &if is_crm { in_korean_time(at) } else { in_utc(at) },
            source: draft.source,
            platform: draft.platform,
            identifiers,
            attributes: &draft.attributes,
            event: draft.event,
            properties: &draft.properties,
            session_id: draft.session_id.as_deref(),
            device: draft.device.as_ref(),
        };
        // Strings and integers always serialize.
        let Ok(mut line) = serde_json::to_vec(&message) else { return false };
        line.push(b'\n');

        let is_late = dice.percent(LATE_PERCENT);
        let delay = if is_late {
            let most = *dice.weighted(&LATE_BY);
            dice.between(5 * MINUTE, most)
        } else {
            dice.between(0, 20_000)
        };
        let arrives_at = at + delay;
        self.counts.late += u64::from(is_late);
        if dice.per_mille(REPEATED_PER_MILLE) {
            self.counts.repeated += 1;
            let again_at = arrives_at + dice.between(1_000, 2 * DAY);
            self.waiting.push(Outgoing { arrives_at: again_at, line: line.clone() });
        }
        self.waiting.push(Outgoing { arrives_at, line });
        true
    }

    /// The identifiers that were sent since the last call.
    pub(super) fn take_owners(&mut self) -> BTreeMap<(&'static str, String), Owner> {
        mem::take(&mut self.owners)
    }

    /// Writes what was sent, in the order of arrival.
    pub(super) fn flush(&mut self, messages: &mut dyn io::Write) -> io::Result<()> {
        // The sort is stable: messages that arrive in the same millisecond stay in the order in which they were sent.
        self.waiting.sort_by_key(|it| it.arrives_at);
        self.counts.messages += self.waiting.len() as u64;
        for outgoing in self.waiting.drain(..) {
            messages.write_all(&outgoing.line)?;
        }
        Ok(())
    }
}

/// The name of a kind in SDKs of apps and pages.
fn sdk_name(kind: &'static str) -> &'static str {
    match kind {
        "phone" => "phone_no",
        "kakao_id" => "kakao_user_id",
        "line_id" => "line_user_id",
        other => other,
    }
}
