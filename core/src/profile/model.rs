//! What a profile is made of.

use std::{collections::BTreeSet, sync::Arc};

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    age::{age_group, full_years},
    avatar::{Avatar, avatar},
};
use crate::{
    api_serde,
    evidence::identifier_summary::IdentifierSummary,
    identifier::{Identifier, UnifiedId},
    message::{Platform, attribute_value::AttributeValue},
    time::Timestamp,
};

/// One identifier of a profile, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub identifier: &'a Identifier,
    /// The identifier's derived ID.
    pub uid: UnifiedId,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub sources: &'a BTreeSet<Arc<str>>,
    /// Not followed as evidence: it links too many customers.
    pub shared: bool,
    /// From when on the value belongs to its next owner.
    pub retired_at: Option<Timestamp>,
    /// What the identifier's own messages say.
    pub summary: &'a IdentifierSummary,
}

/// One customer, without what depends on a date ([`Profile::basic`]) and without purchases (see [`crate::purchases`]).
///
/// It serializes with the names and forms of `Profile` in schema.graphql.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub unified_id: UnifiedId,
    /// The derived IDs of all identifiers but the anchor, ascending: every one could have been shown once.
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
    pub undated: UndatedInfo,
}

/// What the basic information says on every date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndatedInfo {
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
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BasicInfo {
    pub avatar: Avatar,
    pub name: Option<String>,
    #[serde(serialize_with = "api_serde::platforms")]
    #[cfg_attr(test, ts(type = "Platform[]"))]
    pub platforms: Vec<Platform>,
    pub device_count: u32,
    /// The phone number that was seen last; of several the one that was seen first before, then the first by value. One
    /// that was retired is someone else's and never shown.
    pub phone: Option<Arc<str>>,
    /// The email address, chosen as the phone number is.
    pub email: Option<Arc<str>>,
    pub gender: Option<Gender>,
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub birth_date: Option<NaiveDate>,
    /// Full years; none where the birth lies ahead.
    pub age: Option<u32>,
    pub age_group: Option<&'static str>,
    pub membership_level: Option<String>,
    /// The area of the most recently used device that knows one.
    pub recent_area: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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

    /// Reads the values of `df_gender`.
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
#[cfg_attr(test, derive(ts_rs::TS))]
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
    /// Whether it was seen with this customer, but its ID is not linked to them: many people use it, or it is someone else's.
    pub shared: bool,
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_used_at: Timestamp,
}

/// The value of an attribute that survived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: Arc<str>,
    /// Whether the system knows the attribute's meaning.
    pub standard: bool,
    #[serde(serialize_with = "api_serde::attribute_value")]
    #[cfg_attr(test, ts(type = "unknown"))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AttributeObservation {
    #[serde(serialize_with = "api_serde::attribute_value")]
    #[cfg_attr(test, ts(type = "unknown"))]
    pub value: AttributeValue,
    #[serde(serialize_with = "api_serde::date_time")]
    pub observed_at: Timestamp,
    pub source: Arc<str>,
    pub identifier: Arc<ProfileIdentifier>,
}

/// Whether the customer may be addressed over a channel: the latest word under each identifier, and the strictest of those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
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

impl Profile {
    /// The basic information as of a date in the policy's time zone: the age slides with it.
    pub fn basic(&self, as_of: NaiveDate) -> BasicInfo {
        let UndatedInfo { name, gender, birth_date, membership_level, phone, email, platforms } = self.undated.clone();
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
