//! How a message becomes facts: the one place, for the facts of a whole base, for a plan over loaded rows and for a
//! retirement alike.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    claim::Claim,
    identifier_facts::{IdentifierFacts, meet_earlier, met_stronger},
    identifier_summary::Full,
    link::{Observations, Pair, pairs_of},
};
use crate::{identifier::Identifier, message::Message};

/// Where facts are kept while messages are added.
pub(crate) trait FactRows {
    /// Counts an observation of an identifier, which may be new. Returns whether there was room for its source.
    fn observe_identifier(&mut self, identifier: &Identifier, message: &Message) -> bool;

    /// The facts of a known identifier.
    fn facts_mut(&mut self, identifier: &Identifier) -> Option<&mut IdentifierFacts>;

    /// The observations of a known link.
    fn link_mut(&mut self, pair: &Pair) -> Option<&mut Observations>;

    fn add_link(&mut self, pair: Pair, seen: Observations);

    /// Called where a message is earlier than all that made a known link.
    fn link_is_earlier(&mut self, _: Pair) {}

    /// The earliest message of a session so far.
    fn session(&self, session_id: &Arc<str>) -> Option<Claim>;

    fn set_session(&mut self, session_id: &Arc<str>, claim: Claim);
}

/// Adds what a message says of its identifiers and links. Returns which parts of the facts are full.
///
/// No message may be added twice: counts are additive.
pub(crate) fn observe(rows: &mut impl FactRows, message: &Message) -> BTreeSet<Full> {
    let mut full = BTreeSet::new();
    let home = message.home();
    for identifier in &message.identifiers {
        if !rows.observe_identifier(identifier, message) {
            full.insert(Full::Sources);
        }
    }
    for pair in pairs_of(message) {
        if let Some(link) = rows.link_mut(&pair) {
            let known = link.first_seen;
            link.add(message);
            if message.at < known {
                if let Some(facts) = rows.facts_mut(pair.other(home)) {
                    meet_earlier(&mut facts.neighbors, &home.kind, known, message.at);
                }
                rows.link_is_earlier(pair);
            }
            continue;
        }
        for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
            if let Some(facts) = rows.facts_mut(one) {
                facts.add_neighbor(&other.kind, met_stronger(one, message));
            }
        }
        rows.add_link(pair, Observations::of(message));
    }
    if let Some(facts) = rows.facts_mut(home) {
        full.append(&mut facts.summary.add(message));
    }
    full
}

/// Gives a session to the home of its earliest message.
pub(crate) fn claim_session(rows: &mut impl FactRows, message: &Message) {
    let Some(session_id) = &message.session_id else { return };
    let claim = Claim::of(message);
    let old = rows.session(session_id);
    if old.as_ref().is_some_and(|old| old.rank() <= claim.rank()) {
        return;
    }
    if let Some(facts) = old.and_then(|old| rows.facts_mut(&old.home)) {
        facts.summary.activity.session_count -= 1;
    }
    if let Some(facts) = rows.facts_mut(&claim.home) {
        facts.summary.activity.session_count += 1;
    }
    rows.set_session(session_id, claim);
}
