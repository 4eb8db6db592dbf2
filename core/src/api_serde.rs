//! How values are written in the JSON of the API, where their stored form is another.

use serde::{Serialize, Serializer};

use crate::{
    json_value::JsonValue,
    message::{Platform, attribute_value::AttributeValue},
    time::Timestamp,
};

/// RFC 3339 in UTC.
pub(crate) fn date_time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339())
}

/// RFC 3339 in UTC, or null.
pub(crate) fn optional_date_time<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::to_rfc3339).serialize(serializer)
}

/// The value itself, not its text.
pub(crate) fn attribute_value<S: Serializer>(value: &AttributeValue, serializer: S) -> Result<S::Ok, S::Error> {
    JsonValue::parse(value.as_json()).unwrap_or(JsonValue::Null).serialize(serializer)
}

/// The names of the enum in schema.graphql.
pub(crate) fn platforms<S: Serializer>(platforms: &[Platform], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(platforms.iter().map(|platform| match platform {
        Platform::Android => "ANDROID",
        Platform::Ios => "IOS",
        Platform::Web => "WEB",
        Platform::Api => "API",
    }))
}

/// A count where the API has `Int`, which ends at 2,147,483,647.
pub(crate) fn count<S: Serializer>(count: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(i32::try_from(*count).unwrap_or(i32::MAX))
}

/// As [`count`], for a list.
pub(crate) fn counts<S: Serializer>(counts: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(counts.iter().map(|count| i32::try_from(*count).unwrap_or(i32::MAX)))
}
