//! The policy: the rules that operators may change, as one document.

use profile360_compact_json::sort::{distinct, sort_by};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::survivorship::Survivorship;
use crate::{
    identifier::{Kind, blocked_value, text::clean},
    json_value::JsonValue,
    money::Currency,
    time_zone::{SEOUL, Zone},
};

/// The rules in force. Facts never depend on it; conclusions do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "PolicyDocument"))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The kinds of identifiers, in no particular order.
    pub kinds: Vec<KindRule>,
    /// Values (in any case, with any blanks) that never link and never found a profile, in addition to those that are always blocked.
    pub blocked_values: Vec<String>,
    /// Regular expressions; a value that one matches as a whole is blocked.
    pub blocked_patterns: Vec<String>,
    /// An identifier that links to more distinct identifiers of one kind than this, and than that kind's limit, is shared.
    pub max_links: u32,
    /// A device that met more distinct identifiers of one kind that names people than this within thirty days is shared.
    pub max_users_a_month: u32,
    /// Which value of an attribute a profile shows.
    pub survivorship: Survivorship,
    /// The zone of all dates, weekdays and hours.
    #[cfg_attr(test, ts(as = "String"))]
    pub time_zone: Zone,
    /// The currency of purchases that name none, and of figures unless the customer never paid in it.
    pub currency: Currency,
    /// Within what an order ID names one order.
    #[serde(skip_serializing_if = "OrderIds::are_global")]
    #[cfg_attr(test, ts(optional, as = "Option<OrderIds>"))]
    pub order_ids: OrderIds,
}

/// Within what an order ID names one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OrderIds {
    /// Everywhere: two messages with one `df_order_id` speak of one order.
    #[default]
    Global,
    /// Within one source: each shop that numbers its own orders has an order 777. `df_order_source` names another source than the
    /// message's own.
    Source,
}

impl OrderIds {
    fn are_global(&self) -> bool {
        *self == Self::Global
    }
}

/// What the policy says of one kind of identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Trimmed, case kept, 1 to 255 bytes; looking like an email address or a phone number earns a warning.
    ExternalId,
    /// E.164, +82 only.
    Phone,
    /// Trimmed, lower case, a valid address.
    Email,
    /// Trimmed, case kept, 1 to 255 bytes.
    Trimmed,
    /// Trimmed, case kept, and the whole of it must match this regular expression.
    Pattern(String),
}

impl Default for Policy {
    /// docs/design.md, section 4: the limits and priorities that a new base starts with.
    fn default() -> Self {
        let kind = |name: &str, form: Form, limit: u32, priority: u32| KindRule {
            name: Kind::new(name),
            form,
            limit,
            priority,
        };
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
            blocked_patterns: Vec::new(),
            max_links: 10,
            max_users_a_month: 2,
            survivorship: Survivorship::default(),
            time_zone: SEOUL,
            currency: Currency::KRW,
            order_ids: OrderIds::Global,
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

    /// Whether identifiers of a kind are devices: things that people use, of which one has several. They are weaker than every
    /// phone number and email address.
    pub fn is_device(&self, kind: &Kind) -> bool {
        let is_thing = |it: &KindRule| matches!(it.form, Form::Trimmed | Form::Pattern(_)) && 1 < it.limit;
        self.kind(kind.as_str())
            .is_some_and(|it| is_thing(it) && self.weakest_contact().is_some_and(|contact| contact < it.priority))
    }

    /// Whether identifiers of a kind name people: phone numbers, email addresses and what is stronger. Where one customer has
    /// one alone, the limit keeps people apart already.
    pub fn names_people(&self, kind: &Kind) -> bool {
        let contact = self.weakest_contact();
        self.kind(kind.as_str()).is_some_and(|it| 1 < it.limit && contact.is_some_and(|contact| it.priority <= contact))
    }

    fn weakest_contact(&self) -> Option<u32> {
        let contacts = self.kinds.iter().filter(|it| matches!(it.form, Form::Phone | Form::Email));
        contacts.map(|it| it.priority).max()
    }

    /// Whether messages say the same under both: the same identifiers in the same forms, none more blocked, kept under the same
    /// strongest one, and the same orders. Where they do not, facts that were gathered under the one say nothing about the other.
    pub fn reads_messages_as(&self, other: &Self) -> bool {
        let kinds = |policy: &Self| {
            let form_of = |kind: &KindRule| (kind.name.clone(), kind.form.clone(), kind.priority);
            let mut kinds: Vec<_> = policy.kinds.iter().map(form_of).collect();
            sort_by(&mut kinds, |a, b| a.0.cmp(&b.0));
            kinds
        };
        let values = |policy: &Self| distinct(policy.blocked_values.iter().map(|value| blocked_form(value)));
        let patterns = |it: &Self| distinct(it.blocked_patterns.iter().cloned());
        let are_orders_same = self.order_ids == other.order_ids;
        are_orders_same
            && kinds(self) == kinds(other)
            && values(self) == values(other)
            && patterns(self) == patterns(other)
    }

    /// The policy with the fields of a JSON document in place of its own; a field that is left out keeps its value.
    ///
    /// # Errors
    ///
    /// Every fault of the document's form, by its path. Whether the whole is sound, [`CompiledPolicy::new`] says.
    pub fn amended(&self, document: &JsonValue) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut amended = self.clone();
        let JsonValue::Object(fields) = document else {
            return Err(vec![PolicyFault::new(PolicyFaultCode::WrongType, "", "a policy is an object")]);
        };
        for (name, value) in fields {
            match name.as_str() {
                "kinds" => read_kinds(value, &mut amended.kinds, &mut faults),
                "blocked_values" => read(name, value, &mut amended.blocked_values, &mut faults),
                "blocked_patterns" => read(name, value, &mut amended.blocked_patterns, &mut faults),
                "max_links" => read(name, value, &mut amended.max_links, &mut faults),
                "max_users_a_month" => read(name, value, &mut amended.max_users_a_month, &mut faults),
                "survivorship" => read(name, value, &mut amended.survivorship, &mut faults),
                "time_zone" => {
                    // The parser's own sentence would repeat the value.
                    let detail = "there is no time zone of this name; use one such as Asia/Seoul";
                    let fault = PolicyFault::new(PolicyFaultCode::UnknownTimeZone, name.as_str(), detail);
                    read_or(fault, value, &mut amended.time_zone, &mut faults);
                }
                "currency" => {
                    let detail = "use three letters of ISO 4217, such as KRW";
                    let fault = PolicyFault::new(PolicyFaultCode::MalformedCurrency, name.as_str(), detail);
                    read_or(fault, value, &mut amended.currency, &mut faults);
                }
                "order_ids" => read(name, value, &mut amended.order_ids, &mut faults),
                _ => faults.push(PolicyFault::new(
                    PolicyFaultCode::UnknownField,
                    name.as_str(),
                    "a policy has no such field",
                )),
            }
        }
        if faults.is_empty() { Ok(amended) } else { Err(faults) }
    }

    /// How many of a kind one profile may hold; a kind that the policy does not know (any more) has no limit.
    pub fn limit(&self, kind: &Kind) -> u32 {
        self.kind(kind.as_str()).map_or(u32::MAX, |it| it.limit)
    }
}

/// Reads a field of a policy document.
fn read<T: DeserializeOwned>(path: &str, value: &JsonValue, into: &mut T, faults: &mut Vec<PolicyFault>) {
    match value.read() {
        Ok(read) => *into = read,
        Err(error) => faults.push(PolicyFault::new(PolicyFaultCode::WrongType, path, error.to_string())),
    }
}

/// As [`read`], with another fault.
fn read_or<T: DeserializeOwned>(fault: PolicyFault, value: &JsonValue, into: &mut T, faults: &mut Vec<PolicyFault>) {
    match value.read() {
        Ok(read) => *into = read,
        Err(_) => faults.push(fault),
    }
}

/// Reads the kinds one by one, so that a fault says in which it is.
fn read_kinds(value: &JsonValue, into: &mut Vec<KindRule>, faults: &mut Vec<PolicyFault>) {
    let n_faults = faults.len();
    let not_objects = |path: String| PolicyFault::new(PolicyFaultCode::WrongType, path, "it must be a list of objects");
    let JsonValue::List(kinds) = value else { return faults.push(not_objects("kinds".to_owned())) };
    let mut rules = Vec::with_capacity(kinds.len());
    for (position, kind) in kinds.iter().enumerate() {
        let JsonValue::Object(fields) = kind else {
            faults.push(not_objects(format!("kinds[{position}]")));
            continue;
        };
        let (mut name, mut form, mut limit, mut priority) = (None, None, None, None);
        for (field, value) in fields {
            let path = format!("kinds[{position}].{field}");
            let is_known = matches!(field.as_str(), "name" | "form" | "limit" | "priority");
            if is_known && matches!(value, JsonValue::Null) {
                faults.push(PolicyFault::new(PolicyFaultCode::MissingField, path, "it must have a value"));
                continue;
            }
            match field.as_str() {
                "name" => read(&path, value, &mut name, faults),
                "form" => read(&path, value, &mut form, faults),
                "limit" => read(&path, value, &mut limit, faults),
                "priority" => read(&path, value, &mut priority, faults),
                _ => faults.push(PolicyFault::new(PolicyFaultCode::UnknownField, path, "a kind has no such field")),
            }
        }
        match (name, form, limit, priority) {
            (Some(name), Some(form), Some(limit), Some(priority)) => {
                rules.push(KindRule { name, form, limit, priority });
            }
            _ if faults.len() == n_faults => {
                let detail = "a kind has a name, a form, a limit and a priority; one is missing";
                faults.push(PolicyFault::new(PolicyFaultCode::MissingField, format!("kinds[{position}]"), detail));
            }
            _ => {}
        }
    }
    if faults.len() == n_faults {
        *into = rules;
    }
}

/// A pattern that must match the whole value.
pub(super) fn whole_pattern(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// How blocked values are compared.
pub(super) fn blocked_form(value: &str) -> String {
    blocked_value::fold(&clean(value))
}

/// A fault of a policy document: its code, where it is, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{path}: {detail}")]
pub struct PolicyFault {
    pub code: PolicyFaultCode,
    pub path: String,
    pub detail: String,
}

impl PolicyFault {
    pub(super) fn new(code: PolicyFaultCode, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, path: path.into(), detail: detail.into() }
    }
}

/// The closed list of faults of a policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyFaultCode {
    UnknownField,
    MissingField,
    WrongType,
    NoKinds,
    MalformedName,
    /// Another kind has the same name.
    DuplicateName,
    /// Another kind has the same priority.
    DuplicatePriority,
    /// A number that must be 1 or more.
    BelowOne,
    MalformedPattern,
    /// All patterns together are too large once compiled.
    PatternsTooLarge,
    TooMany,
    TooLong,
    UnknownTimeZone,
    MalformedCurrency,
}

impl PolicyFaultCode {
    /// The code as answers spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::MissingField => "MISSING_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::NoKinds => "NO_KINDS",
            Self::MalformedName => "MALFORMED_NAME",
            Self::DuplicateName => "DUPLICATE_NAME",
            Self::DuplicatePriority => "DUPLICATE_PRIORITY",
            Self::BelowOne => "BELOW_ONE",
            Self::MalformedPattern => "MALFORMED_PATTERN",
            Self::PatternsTooLarge => "PATTERNS_TOO_LARGE",
            Self::TooMany => "TOO_MANY",
            Self::TooLong => "TOO_LONG",
            Self::UnknownTimeZone => "UNKNOWN_TIME_ZONE",
            Self::MalformedCurrency => "MALFORMED_CURRENCY",
        }
    }
}
