//! Profiles: the fold of the facets of a customer's identifiers.

pub mod age;
pub mod avatar;
pub mod revision;
pub(crate) mod survivorship;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveDate;
use serde::Serialize;

use crate::{
    api_serde,
    evidence::identifier_summary::{ActivityFacts, DeviceState, Facet},
    identifier::{Identifier, UnifiedId},
    message::{AttributeValue, DeviceField, Platform},
    policy::{Policy, Rule},
    profile::{
        age::{age_group, full_years},
        avatar::{Avatar, avatar},
        survivorship::{Ranked, Sighting},
    },
    sorting::{distinct, sort_by, sort_stably_by},
    time::{Timestamp, parse_date},
};

/// One identifier of a profile, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub identifier: &'a Identifier,
    /// The identifier's latent unified ID.
    pub uid: UnifiedId,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub sources: &'a BTreeSet<Arc<str>>,
    /// Not followed as evidence: it links too many customers.
    pub shared: bool,
    /// From when on the value belongs to its next owner.
    pub retired_at: Option<Timestamp>,
    /// What the identifier's own messages say.
    pub facet: &'a Facet,
}

/// One customer, without what depends on a date ([`Profile::basic`]) and without purchases (see [`crate::purchases`]).
///
/// It serialises with the names and forms of `Profile` in schema.graphql.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub unified_id: UnifiedId,
    /// The latent unified IDs of all identifiers but the anchor, ascending: every one could have been shown once.
    pub superseded_ids: Vec<UnifiedId>,
    /// Strongest kind first, then the one seen first, then by value.
    pub identifiers: Vec<Arc<ProfileIdentifier>>,
    /// The device that was used last.
    pub recent_device: Option<Device>,
    /// The one used last first, then by device ID.
    pub devices: Vec<Device>,
    /// By name.
    pub attributes: Vec<Attribute>,
    /// By channel.
    pub consents: Vec<Consent>,
    pub activity: Activity,
    /// What the basic information is computed from.
    #[serde(skip)]
    pub standing: Standing,
}

/// What the basic information says on every date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub name: Option<String>,
    pub gender: Option<Gender>,
    pub birth_date: Option<NaiveDate>,
    pub membership_level: Option<String>,
    pub phone: Option<Arc<str>>,
    pub email: Option<Arc<str>>,
    /// Distinct and ascending.
    pub platforms: Vec<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileIdentifier {
    pub kind: Arc<str>,
    pub value: Arc<str>,
    pub unified_id: UnifiedId,
    #[serde(serialize_with = "api_serde::date_time")]
    pub first_seen_at: Timestamp,
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_seen_at: Timestamp,
    pub sources: Vec<Arc<str>>,
    pub shared: bool,
    #[serde(serialize_with = "api_serde::optional_date_time")]
    pub retired_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BasicInfo {
    pub avatar: Avatar,
    pub name: Option<String>,
    #[serde(serialize_with = "api_serde::platforms")]
    pub platforms: Vec<Platform>,
    pub device_count: u32,
    /// The phone number that was seen last; of several the one that was seen first before, then the first by value. One
    /// that was retired is someone else's and never shown.
    pub phone: Option<Arc<str>>,
    /// The e-mail address, chosen as the phone number is.
    pub email: Option<Arc<str>>,
    pub gender: Option<Gender>,
    pub birth_date: Option<NaiveDate>,
    /// Full years; none where the birth lies ahead.
    pub age: Option<u32>,
    pub age_group: Option<&'static str>,
    pub membership_level: Option<String>,
    /// The area of the most recently used device that knows one.
    pub recent_area: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Gender {
    Male,
    Female,
    NonBinary,
    Other,
}

impl Gender {
    /// The name of the enum in schema.graphql.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "MALE",
            Self::Female => "FEMALE",
            Self::NonBinary => "NON_BINARY",
            Self::Other => "OTHER",
        }
    }

    /// Takes the words of `df_gender`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Male" => Some(Self::Male),
            "Female" => Some(Self::Female),
            "NonBinary" => Some(Self::NonBinary),
            "Other" => Some(Self::Other),
            _ => None,
        }
    }
}

/// A device that the customer used. A device that no message described has its ID and time only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    pub device_id: Arc<str>,
    pub model: Option<Arc<str>>,
    pub os: Option<Arc<str>>,
    pub os_version: Option<Arc<str>>,
    pub browser: Option<Arc<str>>,
    pub browser_version: Option<Arc<str>>,
    pub carrier: Option<Arc<str>>,
    pub language: Option<Arc<str>>,
    pub time_zone: Option<Arc<str>>,
    pub country: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    pub city: Option<Arc<str>>,
    /// Region and city with a space between, one of them where they are the same or the other is unknown, else the country.
    pub area: Option<String>,
    pub library_platform: Option<Arc<str>>,
    pub library_version: Option<Arc<str>>,
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_used_at: Timestamp,
}

/// The value of an attribute that survived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: Arc<str>,
    /// Whether the system knows the attribute's meaning.
    pub standard: bool,
    #[serde(serialize_with = "api_serde::attribute_value")]
    pub value: AttributeValue,
    /// The policy's rule, or `strictest` for consents.
    pub rule: &'static str,
    /// When the value was said: last by its source and identifier, or first where the rule is `earliest`.
    #[serde(serialize_with = "api_serde::date_time")]
    pub observed_at: Timestamp,
    pub source: Arc<str>,
    pub identifier: Arc<ProfileIdentifier>,
    /// The other distinct values, each as it was said last, newest first. None lose where the rule is `union`.
    pub others: Vec<AttributeObservation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeObservation {
    #[serde(serialize_with = "api_serde::attribute_value")]
    pub value: AttributeValue,
    #[serde(serialize_with = "api_serde::date_time")]
    pub observed_at: Timestamp,
    pub source: Arc<str>,
    pub identifier: Arc<ProfileIdentifier>,
}

/// Whether the customer may be addressed over a channel: the latest word under each identifier, and the strictest of those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// As in [`CONSENTS`].
    pub channel: &'static str,
    pub granted: bool,
    #[serde(serialize_with = "api_serde::date_time")]
    pub observed_at: Timestamp,
    pub source: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// When the anchor was seen first: the issue of the unified ID.
    #[serde(serialize_with = "api_serde::date_time")]
    pub first_access_at: Timestamp,
    /// The latest event; without events the latest message.
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_activity_at: Timestamp,
    #[serde(serialize_with = "api_serde::count")]
    pub event_count: u64,
    #[serde(serialize_with = "api_serde::count")]
    pub session_count: u64,
    /// The latest message.
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_updated_at: Timestamp,
}

/// The attributes that are consents, and the channel of each, in the order of channels.
pub const CONSENTS: [(&str, &str); 5] = [
    ("df_kakao_ads_optin", "kakao_ads"),
    ("df_push_optin", "push"),
    ("df_push_ads_optin", "push_ads"),
    ("df_push_night_ads_optin", "push_night_ads"),
    ("df_sms_ads_optin", "sms_ads"),
];

const NAME: &str = "df_name";
const GENDER: &str = "df_gender";
const BIRTH_DATE: &str = "df_birth";
const MEMBERSHIP_LEVEL: &str = "df_membership";

/// The rule of consents; no policy can change it.
const STRICTEST: &str = "strictest";

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
    let standing = Standing {
        name: folded.name,
        gender: folded.gender,
        birth_date: folded.birth_date,
        membership_level: folded.membership_level,
        phone: reachable_at(&members, "phone"),
        email: reachable_at(&members, "email"),
        platforms: distinct(members.iter().flat_map(|it| &it.facet.platforms).copied()),
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
        standing,
    }
}

impl Profile {
    /// The basic information as of a date in the policy's time zone: the age slides with it.
    pub fn basic(&self, as_of: NaiveDate) -> BasicInfo {
        let Standing { name, gender, birth_date, membership_level, phone, email, platforms } = self.standing.clone();
        let age = birth_date.and_then(|it| full_years(it, as_of));
        BasicInfo {
            avatar: avatar(name.as_deref()),
            name,
            platforms,
            device_count: u32::try_from(self.devices.len()).unwrap_or(u32::MAX),
            phone,
            email,
            gender,
            birth_date,
            age,
            age_group: age.map(age_group),
            membership_level,
            recent_area: self.devices.iter().find_map(|it| it.area.clone()),
        }
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

/// The value of a kind that the customer was seen under last.
fn reachable_at(members: &[&Member<'_>], kind: &str) -> Option<Arc<str>> {
    members
        .iter()
        .filter(|it| it.identifier.kind.as_str() == kind && it.retired_at.is_none())
        .min_by_key(|it| (Reverse(it.last_seen), it.first_seen, &it.identifier.value))
        .map(|it| it.identifier.value.clone())
}

fn devices(members: &[&Member<'_>]) -> Vec<Device> {
    let described = members.iter().flat_map(|it| &it.facet.devices).map(|(device_id, state)| (device_id, Ok(state)));
    // A device may be known by its ID alone: where a message names several, only one is described.
    let named = members.iter().filter(|it| it.identifier.kind.as_str() == "device_id");
    let named = named.map(|it| (&it.identifier.value, Err(it.last_seen)));
    let mut states: Vec<(&Arc<str>, Result<&DeviceState, Timestamp>)> = described.chain(named).collect();
    sort_stably_by(&mut states, |(a, _), (b, _)| a.cmp(b));
    let mut devices: Vec<Device> = states
        .chunk_by(|(a, _), (b, _)| a == b)
        .filter_map(|same| {
            // The descriptions stand before the bare ID.
            let (device_id, first) = same.first()?;
            let mut state = match first {
                Ok(state) => DeviceState::clone(state),
                Err(last_seen) => DeviceState { last_used_at: *last_seen, fields: BTreeMap::new() },
            };
            for (_, other) in same.iter().skip(1) {
                if let Ok(other) = other {
                    state.merge(other);
                }
            }
            Some(device(device_id, &state))
        })
        .collect();
    // Stable, and they stand by ID already.
    sort_stably_by(&mut devices, |a, b| b.last_used_at.cmp(&a.last_used_at));
    devices
}

fn device(device_id: &Arc<str>, state: &DeviceState) -> Device {
    let field = |it| state.field(it).cloned();
    let (country, region, city) = (field(DeviceField::Country), field(DeviceField::Region), field(DeviceField::City));
    Device {
        device_id: device_id.clone(),
        model: field(DeviceField::Model),
        os: field(DeviceField::Os),
        os_version: field(DeviceField::OsVersion),
        browser: field(DeviceField::Browser),
        browser_version: field(DeviceField::BrowserVersion),
        carrier: field(DeviceField::Carrier),
        language: field(DeviceField::Language),
        time_zone: field(DeviceField::TimeZone),
        area: area(country.as_deref(), region.as_deref(), city.as_deref()),
        country,
        region,
        city,
        library_platform: field(DeviceField::LibraryPlatform),
        library_version: field(DeviceField::LibraryVersion),
        last_used_at: state.last_used_at,
    }
}

fn area(country: Option<&str>, region: Option<&str>, city: Option<&str>) -> Option<String> {
    match (region, city) {
        // Cities that are a region of their own come as both.
        (Some(region), Some(city)) if region != city => Some(format!("{region} {city}")),
        (region, city) => region.or(city).or(country).map(str::to_owned),
    }
}

fn activity(members: &[&Member<'_>], anchor: UnifiedId) -> Activity {
    let mut facts = ActivityFacts::default();
    for member in members {
        facts.merge(&member.facet.activity);
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

/// All that comes of attributes.
#[derive(Default)]
struct Folded {
    attributes: Vec<Attribute>,
    consents: Vec<Consent>,
    name: Option<String>,
    gender: Option<Gender>,
    birth_date: Option<NaiveDate>,
    membership_level: Option<String>,
}

fn fold_attributes(members: &[&Member<'_>], identifiers: &[Arc<ProfileIdentifier>], policy: &Policy) -> Folded {
    let mut all: Vec<(&Arc<str>, Sighting<'_>)> = Vec::new();
    for (position, member) in members.iter().enumerate() {
        for (name, values) in member.facet.attributes.iter() {
            for (value, sources) in values {
                let sightings = sources.iter().map(|(source, seen)| Sighting {
                    value,
                    source,
                    seen: *seen,
                    identifier: member.identifier,
                    member: position,
                });
                all.extend(sightings.map(|it| (name, it)));
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
        let mut sightings: Vec<Sighting<'_>> = same.iter().map(|(_, it)| *it).collect();
        // What was last said when it was unset, or before, is said no more; nothing at all is earlier than any time.
        let unset_at = sightings.iter().filter(|it| it.value.is_unset()).map(|it| it.seen.last).max();
        unset.extend(unset_at.map(|at| (name.as_ref(), at)));
        let of_whole = name.match_indices('.').filter_map(|(dot, _)| unset.get(name.get(..dot)?).copied()).max();
        let unset_at = unset_at.max(of_whole);
        sightings.retain(|it| unset_at < Some(it.seen.last));
        let channel = CONSENTS.iter().find(|(it, _)| **it == ***name).map(|(_, channel)| *channel);
        if let Some(channel) = channel
            && let Some((granted, witness)) = strictest(&sightings)
        {
            let (observed_at, source) = (witness.seen.last, witness.source.clone());
            folded.consents.push(Consent { channel, granted, observed_at, source });
            let ranked = survivorship::rank(sightings, Rule::Latest, &policy.survivorship);
            let winner = Ranked { value: witness.value, witness, observed_at, newest: witness, oldest: witness };
            folded.attributes.extend(attribute(name, STRICTEST, &winner, &ranked, identifiers));
            continue;
        }
        let survivorship = &policy.survivorship;
        let rule = survivorship.attributes.get(name.as_ref()).copied().unwrap_or(survivorship.default);
        let ranked = survivorship::rank(sightings, rule, survivorship);
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
    let mut losers: Vec<&Sighting<'_>> =
        ranked.iter().filter(|it| it.value != winner.value).map(|it| &it.newest).collect();
    sort_by(&mut losers, |a, b| survivorship::by_last(b, a));
    let others = losers.into_iter().filter_map(|it| {
        Some(AttributeObservation {
            value: it.value.clone(),
            observed_at: it.seen.last,
            source: it.source.clone(),
            identifier: identifiers.get(it.member)?.clone(),
        })
    });
    Some(Attribute {
        name: name.clone(),
        standard: is_standard(name),
        value: winner.value.clone(),
        rule,
        observed_at: winner.observed_at,
        source: winner.witness.source.clone(),
        identifier: identifiers.get(winner.witness.member)?.clone(),
        others: others.collect(),
    })
}

/// Whether the system knows an attribute's meaning.
pub fn is_standard(name: &str) -> bool {
    matches!(name, NAME | GENDER | BIRTH_DATE | MEMBERSHIP_LEVEL) || CONSENTS.iter().any(|(it, _)| *it == name)
}

/// The strictest of each identifier's latest word, and the newest sighting that says it. Of a yes and a no at one time under
/// one identifier the no is the later. `None` where nobody said yes or no.
fn strictest<'a>(sightings: &[Sighting<'a>]) -> Option<(bool, Sighting<'a>)> {
    let mut latest: Vec<Option<(bool, Sighting<'a>)>> = Vec::new();
    for sighting in sightings {
        let granted = match sighting.value.as_json() {
            "true" => true,
            "false" => false,
            _ => continue,
        };
        if latest.len() <= sighting.member {
            latest.resize(sighting.member + 1, None);
        }
        let Some(latest) = latest.get_mut(sighting.member) else { continue };
        let is_later = latest.is_none_or(|(known_granted, known)| {
            (known.seen.last, !known_granted, known.source) < (sighting.seen.last, !granted, sighting.source)
        });
        if is_later {
            *latest = Some((granted, *sighting));
        }
    }
    let strictness = |a: &(bool, Sighting<'_>), b: &(bool, Sighting<'_>)| {
        b.0.cmp(&a.0).then_with(|| survivorship::by_last(&a.1, &b.1))
    };
    latest.into_iter().flatten().max_by(strictness)
}

/// All distinct values, and the items of values that are lists, the one that was seen first in front.
fn union(ranked: &[Ranked<'_>]) -> AttributeValue {
    let mut items: Vec<(AttributeValue, Timestamp, &Arc<str>)> = Vec::new();
    for Ranked { value, oldest: sighting, .. } in ranked {
        items.extend(value.items().into_iter().map(|it| (it, sighting.seen.first, sighting.source)));
    }
    // Of each value the sighting that was first, and then by these.
    sort_by(&mut items, Ord::cmp);
    items.dedup_by(|later, first| later.0 == first.0);
    sort_by(&mut items, |(a, first_a, source_a), (b, first_b, source_b)| {
        (first_a, source_a, a).cmp(&(first_b, source_b, b))
    });
    AttributeValue::list(items.iter().map(|(it, ..)| it))
}

#[cfg(test)]
mod tests;
