//! The policy: the rules that operators may change, as one document.

use std::{collections::BTreeMap, sync::Arc};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{identifier::Kind, purchase::Currency};

/// The rules in force. Facts never depend on it; conclusions do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The kinds of identifiers, in no particular order.
    pub kinds: Vec<KindRule>,
    /// Values (in any case) that never link and never found a profile, beside those that are always blocked.
    pub blocked_values: Vec<String>,
    /// An identifier that links to more distinct identifiers of one kind than this, and than that kind's limit, is shared.
    pub max_links: u32,
    /// Which value of an attribute a profile shows.
    pub survivorship: Survivorship,
    /// The zone of all dates, weekdays and hours.
    pub time_zone: Tz,
    /// The currency of purchases that name none, and of figures unless the customer never paid in it.
    pub currency: Currency,
}

/// What the policy says of one kind of identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    pub name: Kind,
    /// How values are brought to one form.
    pub form: Form,
    /// How many of this kind one profile may hold.
    pub limit: u32,
    /// 1 is the strongest; no two kinds share one.
    pub priority: u32,
}

/// The normal forms that core knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Trimmed, case kept, 1 to 255 bytes; looking like an e-mail address or a phone number earns a warning.
    ExternalId,
    /// E.164, +82 only.
    Phone,
    /// Trimmed, lower case, a valid address.
    Email,
    /// Trimmed, case kept, 1 to 255 bytes.
    Trimmed,
}

/// Which value wins, by attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Survivorship {
    /// For every attribute that has no rule of its own.
    pub default: Rule,
    pub attributes: BTreeMap<String, Rule>,
    /// Sources, the most trusted first, for [`Rule::SourcePriority`]; a source that is not named comes after all that are.
    pub sources: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Latest,
    Earliest,
    MostFrequent,
    Max,
    Min,
    SourcePriority,
    /// All distinct values, as a list, oldest first.
    Union,
}

impl Default for Survivorship {
    fn default() -> Self {
        Self { default: Rule::Latest, attributes: BTreeMap::new(), sources: Vec::new() }
    }
}

impl Default for Policy {
    /// DESIGN.md, section 4: the limits and priorities that a new base starts with.
    fn default() -> Self {
        let kind = |name: &str, form: Form, limit: u32, priority: u32| KindRule { name: Kind::new(name), form, limit, priority };
        Self {
            kinds: vec![
                kind("external_id", Form::ExternalId, 1, 1),
                kind("customer_card", Form::Trimmed, 5, 2),
                kind("phone", Form::Phone, 3, 3),
                kind("email", Form::Email, 5, 4),
                kind("kakao_id", Form::Trimmed, 1, 5),
                kind("line_id", Form::Trimmed, 1, 6),
                kind("device_id", Form::Trimmed, 50, 7),
            ],
            blocked_values: Vec::new(),
            max_links: 10,
            survivorship: Survivorship::default(),
            time_zone: chrono_tz::Asia::Seoul,
            currency: Currency::KRW,
        }
    }
}

impl Policy {
    /// The rule of a kind, if the policy knows it.
    pub fn kind(&self, name: &str) -> Option<&KindRule> {
        self.kinds.iter().find(|it| it.name.as_str() == name)
    }

    /// A kind's priority; a kind that the policy does not know (any more) is weaker than all that it knows.
    pub fn priority(&self, kind: &Kind) -> u32 {
        self.kind(kind.as_str()).map_or(u32::MAX, |it| it.priority)
    }

    /// How many of a kind one profile may hold; a kind that the policy does not know (any more) has no limit.
    pub fn limit(&self, kind: &Kind) -> u32 {
        self.kind(kind.as_str()).map_or(u32::MAX, |it| it.limit)
    }
}
