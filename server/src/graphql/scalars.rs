//! Scalars and enums of the schema.

use async_graphql::{Enum, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;
use profile360_core::{
    message, profile,
    purchases::{self, ranking},
    time::Timestamp,
};
use rust_decimal::Decimal as Exact;

use super::error::ErrorCode;

/// RFC 3339, in UTC.
///
/// As an input, any string parses, and is checked where it is used: one message's bad timestamp must not fail the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DateTime {
    At(Timestamp),
    Text(String),
}

impl DateTime {
    /// The instant.
    ///
    /// # Errors
    ///
    /// If the text is not RFC 3339; the error names the argument.
    pub(super) fn required(&self, argument: &str) -> async_graphql::Result<Timestamp> {
        match self {
            Self::At(at) => Ok(*at),
            Self::Text(text) => {
                Timestamp::parse(text).map_err(|error| ErrorCode::BadUserInput.with(format!("{argument}: {error}")))
            }
        }
    }

    /// The text as sent.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::At(at) => at.to_rfc3339(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<Timestamp> for DateTime {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

/// RFC 3339, in UTC.
#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_text())
    }
}

/// yyyy-MM-dd, in the policy's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date(pub NaiveDate);

/// yyyy-MM-dd, in the policy's time zone.
#[Scalar(name = "Date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) if text.len() == 10 => Ok(Self(date)),
            _ => Err(InputValueError::custom("write a date as yyyy-MM-dd")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An exact decimal number, as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal(pub Exact);

/// An exact decimal number, as a string.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        Exact::from_str_exact(&text).map(Self).map_err(|_| InputValueError::custom("write a decimal as \"12.50\""))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Any JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Json(pub serde_json::Value);

/// Any JSON value.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|_| InputValueError::custom("not a JSON value"))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or(Value::Null)
    }
}

/// The platform of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "message::Platform")]
pub(super) enum Platform {
    /// An Android app.
    Android,
    /// An iOS app.
    Ios,
    /// A web browser.
    Web,
    /// A server.
    Api,
}

/// Genders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "profile::model::Gender")]
pub(super) enum Gender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither male nor female, or both.
    NonBinary,
    /// Another gender.
    Other,
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "purchases::weekday::Weekday")]
pub(super) enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// What a ranking is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ranking::RankBy")]
pub(super) enum RankBy {
    /// Units bought.
    Units,
    /// The number of purchases.
    Orders,
    /// The amount paid.
    Amount,
}

/// What places an item of a ranking before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ranking::TieBreak")]
pub(super) enum TieBreak {
    /// The measure itself: there is no tie.
    Measure,
    /// Equal in the measure; the larger amount comes first.
    Amount,
    /// Equal in amount, which is the measure; more units come first.
    Units,
    /// The more recent purchase comes first.
    Recency,
    /// The name that comes first by code point.
    Name,
    /// The key that comes first by code point.
    Key,
}

/// A count as an `Int` of the schema; saturates at 2,147,483,647.
pub(super) fn count(it: u64) -> i32 {
    i32::try_from(it).unwrap_or(i32::MAX)
}
