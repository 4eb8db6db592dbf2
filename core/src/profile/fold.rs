//! The fold: a profile from the identifiers of one customer.

use std::sync::Arc;

use profile360_compact_json::sort::{distinct, sort_by};

use super::{
    attributes::fold_attributes,
    basic::reachable_at,
    devices::devices,
    model::{Activity, Member, Profile, ProfileIdentifier, UndatedInfo},
};
use crate::{
    evidence::identifier_summary::ActivityFacts, identifier::UnifiedId, policy::document::Policy, time::Timestamp,
};

/// Makes the profile of a customer's identifiers. `anchor` is the unified ID that the profile shows: that of the member that
/// was seen first (ties by priority, then value).
///
/// The sequence of the members changes nothing. Without the anchor among them the earliest member counts as first access;
/// without any member all times are [`Timestamp::EARLIEST`].
pub fn fold(members: &[Member<'_>], anchor: UnifiedId, policy: &Policy) -> Profile {
    let mut members: Vec<&Member<'_>> = members.iter().collect();
    let place = |it: &Member<'_>| (policy.priority(&it.identifier.kind), it.first_seen);
    sort_by(&mut members, |a, b| {
        let ((strength_a, first_a), (strength_b, first_b)) = (place(a), place(b));
        (strength_a, &a.identifier.kind, first_a, &a.identifier.value, a.identifier.generation).cmp(&(
            strength_b,
            &b.identifier.kind,
            first_b,
            &b.identifier.value,
            b.identifier.generation,
        ))
    });
    let identifiers: Vec<Arc<ProfileIdentifier>> = members.iter().map(|it| Arc::new(shown(it))).collect();
    let devices = devices(&members);
    let folded = fold_attributes(&members, &identifiers, policy);
    let undated = UndatedInfo {
        name: folded.name,
        gender: folded.gender,
        birth_date: folded.birth_date,
        membership_level: folded.membership_level,
        phone: reachable_at(&members, "phone"),
        email: reachable_at(&members, "email"),
        platforms: distinct(members.iter().flat_map(|it| &it.summary.platforms).copied()),
    };
    Profile {
        unified_id: anchor,
        superseded_ids: distinct(members.iter().map(|it| it.uid).filter(|it| *it != anchor)),
        identifiers,
        recent_device: devices.first().cloned(),
        devices,
        attributes: folded.attributes,
        consents: folded.consents,
        activity: activity(&members, anchor),
        undated,
    }
}

fn shown(member: &Member<'_>) -> ProfileIdentifier {
    ProfileIdentifier {
        kind: Arc::from(member.identifier.kind.as_str()),
        value: member.identifier.value.clone(),
        unified_id: member.uid,
        first_seen_at: member.first_seen,
        last_seen_at: member.last_seen,
        sources: member.sources.iter().cloned().collect(),
        shared: member.shared,
        retired_at: member.retired_at,
    }
}

pub(super) fn activity(members: &[&Member<'_>], anchor: UnifiedId) -> Activity {
    let mut facts = ActivityFacts::default();
    for member in members {
        facts.merge(&member.summary.activity);
    }
    let first_seen = members.iter().find(|it| it.uid == anchor).map(|it| it.first_seen);
    let first_access_at = first_seen.or_else(|| members.iter().map(|it| it.first_seen).min());
    // An identifier that was only ever named in the messages of others has none of its own.
    let last_seen = members.iter().map(|it| it.last_seen).max();
    let last_updated_at = facts.last_message_at.or(last_seen).unwrap_or(Timestamp::EARLIEST);
    Activity {
        first_access_at: first_access_at.unwrap_or(Timestamp::EARLIEST),
        last_activity_at: facts.last_event.as_ref().map_or(last_updated_at, |it| it.at),
        event_count: facts.event_count,
        session_count: facts.sessions(),
        last_updated_at,
    }
}
