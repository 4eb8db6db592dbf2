//! Reads many messages whose texts are not kept.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use super::{Reading, not_described, parse_new};
use crate::{
    identifier::{
        Kind,
        normalize::{Normalized, normalize},
    },
    message::{
        Message,
        refusal::{Refusal, Warning},
    },
    policy::{compiled::CompiledPolicy, document::KindRule},
};

/// What a reader keeps of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purchases {
    Kept,
    /// Their faults refuse messages all the same.
    Checked,
}

/// Normal forms by the values as they were sent.
type NormalForms = HashMap<Box<str>, Normalized, BuildHasherDefault<DefaultHasher>>;

/// Reads many messages whose texts are not kept: it refuses and warns as [`parse_message`](super::parse_message) does, and
/// remembers what comes again in the next message.
#[derive(Debug)]
pub struct MessageReader<'p> {
    policy: &'p CompiledPolicy,
    memory: Memory,
}

/// What comes again: identifiers, and the names of what was bought.
#[derive(Debug)]
pub(super) struct Memory {
    purchases: Purchases,
    /// By kind, and then by the text as it was sent.
    normalized: Vec<(Kind, NormalForms)>,
    /// Texts of lines, by a part of their hash: the last of each. A table of all would cost more than it saves, because most
    /// texts of it are not in the processor's cache.
    line_texts: Vec<Option<(u64, Arc<str>)>>,
}

/// The most identifiers of a kind that are remembered.
const MAX_REMEMBERED: usize = 1 << 17;
/// How many texts of lines are remembered: 2 to this power.
const LINE_TEXTS_LOG2: u32 = 10;

impl<'p> MessageReader<'p> {
    pub fn new(policy: &'p CompiledPolicy, purchases: Purchases) -> Self {
        let memory = Memory { purchases, normalized: Vec::new(), line_texts: vec![None; 1 << LINE_TEXTS_LOG2] };
        Self { policy, memory }
    }

    /// Reads one message; with warnings about what was left out.
    pub fn read(&mut self, json: &str) -> Result<(Message, Vec<Warning>), Refusal> {
        let Self { policy, memory } = self;
        let purchases = memory.purchases;
        let accepted = parse_new(json, &mut Reading { policy, describe: &not_described, memory: Some(memory) })?;
        let mut message = accepted.message;
        if purchases == Purchases::Checked {
            (message.order, message.refund) = (None, None);
        }
        Ok((message, accepted.warnings))
    }
}

impl Memory {
    /// As [`normalize`].
    pub(super) fn normalize(&mut self, text: &str, kind: &KindRule, policy: &CompiledPolicy) -> Normalized {
        let position = self.normalized.iter().position(|(known, _)| *known == kind.name);
        let position = position.unwrap_or_else(|| {
            self.normalized.push((kind.name.clone(), HashMap::default()));
            self.normalized.len() - 1
        });
        let (_, of_kind) = &mut self.normalized[position];
        if let Some(normalized) = of_kind.get(text) {
            return normalized.clone();
        }
        if of_kind.len() == MAX_REMEMBERED {
            of_kind.clear();
        }
        let normalized = normalize(text, kind, policy);
        of_kind.insert(text.into(), normalized.clone());
        normalized
    }

    /// A text of an order's line. `None` where lines are only checked.
    pub(super) fn line_text(&mut self, text: &str) -> Option<Arc<str>> {
        if self.purchases == Purchases::Checked {
            return None;
        }
        let hash = hash(text);
        let place = usize::try_from(hash >> (u64::BITS - LINE_TEXTS_LOG2)).unwrap_or_default();
        match self.line_texts.get(place) {
            Some(Some((known_hash, known))) if *known_hash == hash && **known == *text => Some(known.clone()),
            _ => {
                let new: Arc<str> = text.into();
                if let Some(place) = self.line_texts.get_mut(place) {
                    *place = Some((hash, new.clone()));
                }
                Some(new)
            }
        }
    }
}

/// A quick hash; texts that share one only cost time.
fn hash(text: &str) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(room, byte)| *room = *byte);
    let add = |hash: u64, word: &[u8; 8]| (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    add(words.iter().fold(text.len() as u64, add), &last)
}
