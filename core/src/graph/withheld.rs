//! Why a link is not followed.

use serde::{Deserialize, Serialize};

use crate::identifier::Kind;

/// Why a link is not followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Withheld {
    /// Both sides together would hold more of this kind than its limit.
    Limit(Kind),
    /// A decision keeps the two sides apart; its ID.
    Different(std::sync::Arc<str>),
    /// An end has a blocked value.
    Blocked,
    /// An end links to too many to say anything.
    Shared,
    /// Its ends are two owners of one value, before and after it was given away. No message makes such a link; explanations
    /// show it where it is all that would lead from the one to the other.
    Retired,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limit(kind) => write!(f, "together they would hold more of the kind {kind} than one customer may"),
            Self::Different(_) => f.write_str("an operator said that they are different customers"),
            Self::Blocked => f.write_str("one of the values says nothing about who it is"),
            Self::Shared => f.write_str(
                "one of the values links to too many, or to several people at once, to say that they are one customer",
            ),
            Self::Retired => f.write_str("the value was given to someone else in between"),
        }
    }
}

impl Withheld {
    /// The kind of which both sides together would hold too many.
    pub const fn kind(&self) -> Option<&Kind> {
        match self {
            Self::Limit(kind) => Some(kind),
            Self::Different(_) | Self::Blocked | Self::Shared | Self::Retired => None,
        }
    }

    /// The reason as answers spell it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Limit(_) => "LIMIT",
            Self::Different(_) => "DIFFERENT",
            Self::Blocked => "BLOCKED",
            Self::Shared => "SHARED",
            Self::Retired => "RETIRED",
        }
    }

    /// Whether it depends on the order in which links are followed; blocked and shared links do not.
    pub const fn is_contested(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::Different(_))
    }
}
