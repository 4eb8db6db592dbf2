//! How values are written in the JSON of the API, where their stored form is another.

use serde::{Serialize, Serializer};

use crate::{
    message::{AttributeValue, Platform},
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
    value.to_value().serialize(serializer)
}

/// The names of the enum in api.graphql.
pub(crate) fn platforms<S: Serializer>(platforms: &[Platform], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(platforms.iter().map(|it| match it {
        Platform::Android => "ANDROID",
        Platform::Ios => "IOS",
        Platform::Web => "WEB",
        Platform::Api => "API",
    }))
}
