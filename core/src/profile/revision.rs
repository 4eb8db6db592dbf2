//! Revisions: a short text that changes whenever anything changes that a profile is made of.

use profile360_compact_json::{json_writer::to_text, sort::sort_by};

use crate::{
    evidence::{
        decision::{Decision, Decisions},
        identifier_facts::IdentifierFacts,
        retirement::Retirements,
    },
    identifier::Identifier,
    time::Timestamp,
};

/// The revision of a profile, from the policy's version, its members in ascending order, each with when it was retired, and
/// the decisions about them that count. It depends on nothing else, so that the browser computes the same from the same facts.
pub fn revision<'a>(
    policy_version: i64,
    members: impl Iterator<Item = (&'a Identifier, &'a IdentifierFacts, Option<Timestamp>)>,
    decisions: impl Iterator<Item = &'a Decision>,
) -> String {
    let mut ids: Vec<&str> = decisions.map(|it| &*it.id).collect();
    sort_by(&mut ids, Ord::cmp);
    ids.dedup();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&policy_version.to_le_bytes());
    for member in members {
        // Maps keep their keys in order, so equal facts make equal text; facts of this program always make text.
        if let Ok(text) = to_text(&member) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    for id in ids {
        hasher.update(&(id.len() as u64).to_le_bytes());
        hasher.update(id.as_bytes());
    }
    short(&hasher)
}

/// The revision of a profile, from its members in ascending order and what operators said.
pub fn of_members<'a>(
    policy_version: i64,
    members: impl Iterator<Item = (&'a Identifier, &'a IdentifierFacts)> + Clone,
    retirements: &Retirements,
    decisions: &'a Decisions,
) -> String {
    let about = members.clone().flat_map(|(identifier, _)| decisions.of(identifier)).map(AsRef::as_ref);
    let members = members.map(|(identifier, facts)| (identifier, facts, retirements.retired_at(identifier)));
    revision(policy_version, members, about)
}

/// The revision of several profiles together, in any order; of one, its own.
pub fn joint(mut revisions: Vec<String>) -> String {
    sort_by(&mut revisions, Ord::cmp);
    revisions.dedup();
    if let [only] = revisions.as_slice() {
        return only.clone();
    }
    let mut hasher = blake3::Hasher::new();
    for revision in revisions {
        hasher.update(revision.as_bytes());
        hasher.update(b" ");
    }
    short(&hasher)
}

fn short(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().as_str().get(..24).unwrap_or_default().to_owned()
}
