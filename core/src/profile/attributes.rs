//! The attributes and consents of a profile.

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use profile360_compact_json::sort::{sort_by, sort_stably_by};

use super::{
    model::{Attribute, AttributeObservation, Consent, Gender, Member, ProfileIdentifier},
    survivorship::{self, Observation, Ranked},
};
use crate::{
    calendar::parse_date,
    message::{
        attribute_value::AttributeValue,
        standard::{BIRTH_DATE, CONSENTS, GENDER, MEMBERSHIP_LEVEL, NAME, is_standard},
    },
    policy::{document::Policy, survivorship::Rule},
    time::Timestamp,
};

/// The rule of consents; no policy can change it.
pub(super) const STRICTEST: &str = "strictest";

/// All that comes of attributes.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) attributes: Vec<Attribute>,
    pub(super) consents: Vec<Consent>,
    pub(super) name: Option<String>,
    pub(super) gender: Option<Gender>,
    pub(super) birth_date: Option<NaiveDate>,
    pub(super) membership_level: Option<String>,
}

pub(super) fn fold_attributes(
    members: &[&Member<'_>],
    identifiers: &[Arc<ProfileIdentifier>],
    policy: &Policy,
) -> Folded {
    let mut all: Vec<(&Arc<str>, Observation<'_>)> = Vec::new();
    for (position, member) in members.iter().enumerate() {
        for (name, values) in member.summary.attributes.iter() {
            for (value, sources) in values {
                let observations = sources.iter().map(|(source, seen)| Observation {
                    value,
                    source,
                    seen: *seen,
                    identifier: member.identifier,
                    member: position,
                });
                all.extend(observations.map(|it| (name, it)));
            }
        }
    }
    sort_stably_by(&mut all, |(a, _), (b, _)| a.cmp(b));
    let mut folded = Folded::default();
    // An attribute whose name has dots is a part of what is named before each dot, and unset with that; in byte order that comes
    // first.
    let mut unset: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for same in all.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((name, _)) = same.first() else { continue };
        let mut observations: Vec<Observation<'_>> = same.iter().map(|(_, it)| *it).collect();
        // What was last said when it was unset, or before, is said no more; nothing at all is earlier than any time.
        let unset_at = observations.iter().filter(|it| it.value.is_unset()).map(|it| it.seen.last).max();
        unset.extend(unset_at.map(|at| (name.as_ref(), at)));
        let of_whole = name.match_indices('.').filter_map(|(dot, _)| unset.get(name.get(..dot)?).copied()).max();
        let unset_at = unset_at.max(of_whole);
        observations.retain(|it| unset_at < Some(it.seen.last));
        let channel = CONSENTS.iter().find(|(it, _)| **it == ***name).map(|(_, channel)| *channel);
        if let Some(channel) = channel
            && let Some((granted, basis)) = strictest(&observations)
        {
            let (observed_at, source) = (basis.seen.last, basis.source.clone());
            folded.consents.push(Consent { channel, granted, observed_at, source });
            let ranked = survivorship::rank(observations, Rule::Latest, &policy.survivorship);
            let winner = Ranked { value: basis.value, basis, observed_at, newest: basis, oldest: basis };
            folded.attributes.extend(attribute(name, STRICTEST, &winner, &ranked, identifiers));
            continue;
        }
        let survivorship = &policy.survivorship;
        let rule = survivorship.attributes.get(name.as_ref()).copied().unwrap_or(survivorship.default);
        let ranked = survivorship::rank(observations, rule, survivorship);
        // A value that is not of the attribute's type is passed over for the next.
        let mut texts = ranked.iter().filter_map(|it| it.value.to_text()).map(|it| it.trim().to_owned());
        match name.as_ref() {
            NAME => folded.name = texts.find(|it| !it.is_empty()),
            GENDER => folded.gender = texts.find_map(|it| Gender::parse(&it)),
            BIRTH_DATE => folded.birth_date = texts.find_map(|it| parse_date(&it)),
            MEMBERSHIP_LEVEL => folded.membership_level = texts.find(|it| !it.is_empty()),
            _ => {}
        }
        let Some(winner) = ranked.first() else { continue };
        let Some(mut attribute) = attribute(name, rule.as_str(), winner, &ranked, identifiers) else { continue };
        if rule == Rule::Union {
            attribute.value = union(&ranked);
            attribute.others.clear();
        }
        folded.attributes.push(attribute);
    }
    sort_by(&mut folded.consents, |a, b| a.channel.cmp(b.channel));
    folded
}

/// `None` only if a witness is of no member, which none is.
fn attribute(
    name: &Arc<str>,
    rule: &'static str,
    winner: &Ranked<'_>,
    ranked: &[Ranked<'_>],
    identifiers: &[Arc<ProfileIdentifier>],
) -> Option<Attribute> {
    let mut losers: Vec<&Observation<'_>> =
        ranked.iter().filter(|it| it.value != winner.value).map(|it| &it.newest).collect();
    sort_by(&mut losers, |a, b| survivorship::by_last(b, a));
    let others = losers.into_iter().filter_map(|loser| {
        Some(AttributeObservation {
            value: loser.value.clone(),
            observed_at: loser.seen.last,
            source: loser.source.clone(),
            identifier: identifiers.get(loser.member)?.clone(),
        })
    });
    Some(Attribute {
        name: name.clone(),
        standard: is_standard(name),
        value: winner.value.clone(),
        rule,
        observed_at: winner.observed_at,
        source: winner.basis.source.clone(),
        identifier: identifiers.get(winner.basis.member)?.clone(),
        others: others.collect(),
    })
}

/// The strictest of each identifier's latest word, and the newest observation that says it. Of a yes and a no at one time under
/// one identifier the no is the later. `None` where no source said yes or no.
fn strictest<'a>(observations: &[Observation<'a>]) -> Option<(bool, Observation<'a>)> {
    let mut latest: Vec<Option<(bool, Observation<'a>)>> = Vec::new();
    for observation in observations {
        let granted = match observation.value.as_json() {
            "true" => true,
            "false" => false,
            _ => continue,
        };
        if latest.len() <= observation.member {
            latest.resize(observation.member + 1, None);
        }
        let Some(latest) = latest.get_mut(observation.member) else { continue };
        let is_later = latest.is_none_or(|(known_granted, known)| {
            (known.seen.last, !known_granted, known.source) < (observation.seen.last, !granted, observation.source)
        });
        if is_later {
            *latest = Some((granted, *observation));
        }
    }
    let strictness = |a: &(bool, Observation<'_>), b: &(bool, Observation<'_>)| {
        b.0.cmp(&a.0).then_with(|| survivorship::by_last(&a.1, &b.1))
    };
    latest.into_iter().flatten().max_by(strictness)
}

/// All distinct values, and the items of values that are lists, the one that was seen first in front.
fn union(ranked: &[Ranked<'_>]) -> AttributeValue {
    let mut items: Vec<(AttributeValue, Timestamp, &Arc<str>)> = Vec::new();
    for Ranked { value, oldest: observation, .. } in ranked {
        items.extend(value.items().into_iter().map(|it| (it, observation.seen.first, observation.source)));
    }
    // Of each value the observation that was first, and then by these.
    sort_by(&mut items, Ord::cmp);
    items.dedup_by(|later, first| later.0 == first.0);
    sort_by(&mut items, |(a, first_a, source_a), (b, first_b, source_b)| {
        (first_a, source_a, a).cmp(&(first_b, source_b, b))
    });
    AttributeValue::list(items.iter().map(|(it, ..)| it))
}
