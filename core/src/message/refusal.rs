//! Refusals and warnings: why a message, or a part of one, was not accepted.

use serde::Serialize;

/// Something of an accepted message that was left out or looks wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub code: &'static str,
    /// Where in the message, as `identifiers.phone[1]`.
    pub path: String,
    /// A sentence; it never repeats the value.
    pub detail: String,
}

/// Why a message was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} at {path}: {detail}")]
pub struct Refusal {
    pub code: RefusalCode,
    /// Where in the message; empty for the message as a whole.
    pub path: String,
    /// A sentence; it never repeats the value.
    pub detail: String,
}

/// The closed list of reasons to refuse a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    NotJson,
    TooLarge,
    MissingField,
    WrongType,
    DuplicateField,
    TooLong,
    ControlCharacter,
    UnknownType,
    UnknownPlatform,
    TimestampMalformed,
    TimestampWithoutZone,
    TimestampOutOfRange,
    TimestampAhead,
    NoUsableIdentifier,
    TooManyIdentifiers,
    QuantityOutOfRange,
    AmountMalformed,
    AmountOutOfRange,
    CurrencyMalformed,
    /// The key that it came by sends only for other sources.
    SourceNotAllowed,
    /// The key that it came by sends only messages of other types.
    TypeNotAllowed,
}

impl RefusalCode {
    /// The code as answers spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "NOT_JSON",
            Self::TooLarge => "TOO_LARGE",
            Self::MissingField => "MISSING_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::DuplicateField => "DUPLICATE_FIELD",
            Self::TooLong => "TOO_LONG",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::UnknownType => "UNKNOWN_TYPE",
            Self::UnknownPlatform => "UNKNOWN_PLATFORM",
            Self::TimestampMalformed => "TIMESTAMP_MALFORMED",
            Self::TimestampWithoutZone => "TIMESTAMP_WITHOUT_ZONE",
            Self::TimestampOutOfRange => "TIMESTAMP_OUT_OF_RANGE",
            Self::TimestampAhead => "TIMESTAMP_AHEAD",
            Self::NoUsableIdentifier => "NO_USABLE_IDENTIFIER",
            Self::TooManyIdentifiers => "TOO_MANY_IDENTIFIERS",
            Self::QuantityOutOfRange => "QUANTITY_OUT_OF_RANGE",
            Self::AmountMalformed => "AMOUNT_MALFORMED",
            Self::AmountOutOfRange => "AMOUNT_OUT_OF_RANGE",
            Self::CurrencyMalformed => "CURRENCY_MALFORMED",
            Self::SourceNotAllowed => "SOURCE_NOT_ALLOWED",
            Self::TypeNotAllowed => "TYPE_NOT_ALLOWED",
        }
    }
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) fn refusal(code: RefusalCode, path: impl Into<String>, detail: impl Into<String>) -> Refusal {
    Refusal { code, path: path.into(), detail: detail.into() }
}
