//! The policy: the rules that operators may change, as one document.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use regex_lite::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    calendar::{SEOUL, Zone},
    identifier::{Blocked, Kind, clean, nobody},
    message::order::Currency,
    sorting::{distinct, sort_by},
    tree::Tree,
};

/// The rules in force. Facts never depend on it; conclusions do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The kinds of identifiers, in no particular order.
    pub kinds: Vec<KindRule>,
    /// Values (in any case, with any blanks) that never link and never found a profile, beside those that are always blocked.
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
    pub time_zone: Zone,
    /// The currency of purchases that name none, and of figures unless the customer never paid in it.
    pub currency: Currency,
    /// Within what an order ID names one order.
    #[serde(skip_serializing_if = "OrderIds::are_global")]
    pub order_ids: OrderIds,
}

/// Within what an order ID names one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderIds {
    /// Everywhere: two messages with one `df_order_id` speak of one order.
    #[default]
    Global,
    /// Within one source: shops that count by themselves have an order 777 each. `df_order_source` names another source than the
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
    /// Trimmed, case kept, and the whole of it must match this regular expression.
    Pattern(String),
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

impl Rule {
    /// The name, as policies and profiles spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Earliest => "earliest",
            Self::MostFrequent => "most_frequent",
            Self::Max => "max",
            Self::Min => "min",
            Self::SourcePriority => "source_priority",
            Self::Union => "union",
        }
    }
}

impl Default for Survivorship {
    fn default() -> Self {
        Self { default: Rule::Latest, attributes: BTreeMap::new(), sources: Vec::new() }
    }
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
    /// phone number and e-mail address.
    pub fn is_device(&self, kind: &Kind) -> bool {
        let is_thing = |it: &KindRule| matches!(it.form, Form::Trimmed | Form::Pattern(_)) && 1 < it.limit;
        self.kind(kind.as_str())
            .is_some_and(|it| is_thing(it) && self.weakest_contact().is_some_and(|contact| contact < it.priority))
    }

    /// Whether identifiers of a kind name people: phone numbers, e-mail addresses and what is stronger. Where one customer has
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
        let kinds = |it: &Self| {
            let mut kinds: Vec<_> = it.kinds.iter().map(|it| (it.name.clone(), it.form.clone(), it.priority)).collect();
            sort_by(&mut kinds, |a, b| a.0.cmp(&b.0));
            kinds
        };
        let values = |it: &Self| distinct(it.blocked_values.iter().map(|it| blocked_form(it)));
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
    pub fn amended(&self, document: &Tree) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut amended = self.clone();
        let Tree::Object(fields) = document else {
            let detail = "a policy is an object".to_owned();
            return Err(vec![PolicyFault { path: String::new(), detail }]);
        };
        for (name, value) in fields {
            match name.as_str() {
                "kinds" => read_kinds(value, &mut amended.kinds, &mut faults),
                "blocked_values" => read(name, value, &mut amended.blocked_values, &mut faults),
                "blocked_patterns" => read(name, value, &mut amended.blocked_patterns, &mut faults),
                "max_links" => read(name, value, &mut amended.max_links, &mut faults),
                "max_users_a_month" => read(name, value, &mut amended.max_users_a_month, &mut faults),
                "survivorship" => read(name, value, &mut amended.survivorship, &mut faults),
                "time_zone" => read(name, value, &mut amended.time_zone, &mut faults),
                "currency" => read(name, value, &mut amended.currency, &mut faults),
                "order_ids" => read(name, value, &mut amended.order_ids, &mut faults),
                _ => faults.push(PolicyFault { path: name.clone(), detail: "a policy has no such field".to_owned() }),
            }
        }
        if faults.is_empty() { Ok(amended) } else { Err(faults) }
    }

    /// Whether a new policy stays within what every message can be judged by in good time. One that is in force already is let be.
    ///
    /// # Errors
    ///
    /// Everything that is too much, by its path. Patterns are compiled to no more than they may be.
    pub fn within_bounds(&self) -> Result<(), Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut bound = |path: &str, n: usize, most: usize, what: &str| {
            if most < n {
                let (path, detail) = (path.to_owned(), format!("there are more than {most} {what}; keep fewer"));
                faults.push(PolicyFault { path, detail });
            }
            n.min(most)
        };
        let n_kinds = bound("kinds", self.kinds.len(), MAX_KINDS, "kinds");
        let n_patterns = bound("blocked_patterns", self.blocked_patterns.len(), MAX_PATTERNS, "patterns");
        let n_values = bound("blocked_values", self.blocked_values.len(), MAX_BLOCKED, "values");
        bound("survivorship.attributes", self.survivorship.attributes.len(), MAX_RULES, "attributes");
        bound("survivorship.sources", self.survivorship.sources.len(), MAX_RULES, "sources");
        let texts = self.blocked_values.iter().take(n_values).enumerate();
        for (position, _) in texts.filter(|(_, value)| MAX_VALUE_BYTES < value.len()) {
            let detail = format!("no identifier is longer than {MAX_VALUE_BYTES} bytes; take it out");
            faults.push(PolicyFault { path: format!("blocked_values[{position}]"), detail });
        }
        let of_kinds = self.kinds.iter().take(n_kinds).enumerate().filter_map(|(position, kind)| match &kind.form {
            Form::Pattern(pattern) => Some((format!("kinds[{position}].form.pattern"), pattern)),
            _ => None,
        });
        let blocked = self.blocked_patterns.iter().take(n_patterns).enumerate();
        let blocked = blocked.map(|(position, pattern)| (format!("blocked_patterns[{position}]"), pattern));
        let mut left = MAX_PATTERNS_SIZE;
        for (path, pattern) in of_kinds.chain(blocked) {
            if MAX_PATTERN_BYTES < pattern.len() {
                let detail = format!("a pattern has at most {MAX_PATTERN_BYTES} bytes; write it shorter");
                faults.push(PolicyFault { path, detail });
                continue;
            }
            match size_of(pattern, left) {
                Some(size) => left -= size,
                None => {
                    let detail = "the patterns together are too large to judge every value by; repeat less in them, as {1,9} does";
                    faults.push(PolicyFault { path, detail: detail.to_owned() });
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// How many of a kind one profile may hold; a kind that the policy does not know (any more) has no limit.
    pub fn limit(&self, kind: &Kind) -> u32 {
        self.kind(kind.as_str()).map_or(u32::MAX, |it| it.limit)
    }
}

/// Reads a field of a policy document.
fn read<T: DeserializeOwned>(path: &str, value: &Tree, into: &mut T, faults: &mut Vec<PolicyFault>) {
    match value.read() {
        Ok(read) => *into = read,
        Err(error) => faults.push(PolicyFault { path: path.to_owned(), detail: error.to_string() }),
    }
}

/// Reads the kinds one by one, so that a fault says in which it is.
fn read_kinds(value: &Tree, into: &mut Vec<KindRule>, faults: &mut Vec<PolicyFault>) {
    let n_faults = faults.len();
    let not_objects = |path: String| PolicyFault { path, detail: "it must be a list of objects".to_owned() };
    let Tree::List(kinds) = value else { return faults.push(not_objects("kinds".to_owned())) };
    let mut rules = Vec::with_capacity(kinds.len());
    for (position, kind) in kinds.iter().enumerate() {
        let Tree::Object(fields) = kind else {
            faults.push(not_objects(format!("kinds[{position}]")));
            continue;
        };
        let (mut name, mut form, mut limit, mut priority) = (None, None, None, None);
        for (field, value) in fields {
            let path = format!("kinds[{position}].{field}");
            match field.as_str() {
                "name" => read(&path, value, &mut name, faults),
                "form" => read(&path, value, &mut form, faults),
                "limit" => read(&path, value, &mut limit, faults),
                "priority" => read(&path, value, &mut priority, faults),
                _ => faults.push(PolicyFault { path, detail: "a kind has no such field".to_owned() }),
            }
        }
        match (name, form, limit, priority) {
            (Some(name), Some(form), Some(limit), Some(priority)) => {
                rules.push(KindRule { name, form, limit, priority });
            }
            _ if faults.len() == n_faults => {
                let detail = "a kind has a name, a form, a limit and a priority; one is missing".to_owned();
                faults.push(PolicyFault { path: format!("kinds[{position}]"), detail });
            }
            _ => {}
        }
    }
    if faults.len() == n_faults {
        *into = rules;
    }
}

/// How blocked values are compared.
fn blocked_form(value: &str) -> String {
    nobody::fold(&clean(value))
}

/// What is wrong with a policy document: where, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct PolicyFault {
    pub path: String,
    pub detail: String,
}

/// A policy that was found sound, with its patterns compiled. Everything that reads messages or resolves takes this.
#[derive(Debug, Clone)]
pub struct CompiledPolicy {
    policy: Policy,
    /// Distinct and ascending.
    blocked_values: Vec<String>,
    blocked_patterns: Vec<Regex>,
    kind_patterns: Vec<(Kind, Regex)>,
}

impl Deref for CompiledPolicy {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

impl CompiledPolicy {
    /// Validates a policy; every fault is named, not only the first.
    pub fn new(policy: Policy) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut fault = |path: String, detail: String| faults.push(PolicyFault { path, detail });
        let mut kind_patterns = Vec::new();
        if policy.kinds.is_empty() {
            fault("kinds".to_owned(), "name at least one kind of identifier".to_owned());
        }
        for (position, kind) in policy.kinds.iter().enumerate() {
            let path = |field: &str| format!("kinds[{position}].{field}");
            let is_taken = |by: &dyn Fn(&KindRule) -> bool| policy.kinds.iter().take(position).any(by);
            if !is_kind_name(kind.name.as_str()) {
                fault(
                    path("name"),
                    "use 1 to 64 lower-case letters, digits and underscores, a letter first".to_owned(),
                );
            }
            if is_taken(&|it| it.name == kind.name) {
                fault(path("name"), "another kind has this name; keep one".to_owned());
            }
            if is_taken(&|it| it.priority == kind.priority) {
                fault(path("priority"), "another kind has this priority; give each its own".to_owned());
            }
            if kind.limit == 0 {
                fault(path("limit"), "a profile must be able to hold one; use 1 or more".to_owned());
            }
            if let Form::Pattern(pattern) = &kind.form {
                match whole(pattern) {
                    Ok(regex) => kind_patterns.push((kind.name.clone(), regex)),
                    Err(error) => fault(path("form.pattern"), format!("it is not a regular expression: {error}")),
                }
            }
        }
        let mut blocked_patterns = Vec::new();
        for (position, pattern) in policy.blocked_patterns.iter().enumerate() {
            match whole(pattern) {
                Ok(regex) => blocked_patterns.push(regex),
                Err(error) => {
                    fault(format!("blocked_patterns[{position}]"), format!("it is not a regular expression: {error}"));
                }
            }
        }
        if policy.max_links == 0 {
            fault("max_links".to_owned(), "an identifier must be able to link; use 1 or more".to_owned());
        }
        if policy.max_users_a_month == 0 {
            fault("max_users_a_month".to_owned(), "a device must be able to have a user; use 1 or more".to_owned());
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let blocked_values = distinct(policy.blocked_values.iter().map(|it| blocked_form(it)));
        Ok(Self { policy, blocked_values, blocked_patterns, kind_patterns })
    }

    /// The policy that a new base starts with.
    pub fn initial() -> Self {
        // The default document has no patterns and no faults; a test holds it to that.
        Self::new(Policy::default()).unwrap_or_else(|_| Self {
            policy: Policy::default(),
            blocked_values: Vec::new(),
            blocked_patterns: Vec::new(),
            kind_patterns: Vec::new(),
        })
    }

    /// Why a value never links and never founds a profile. It must be [clean].
    pub fn blocked(&self, value: &str) -> Option<Blocked> {
        if !self.blocked_values.is_empty() && self.blocked_values.binary_search(&nobody::fold(value)).is_ok() {
            return Some(Blocked::Nobody);
        }
        let matches = self.blocked_patterns.iter().any(|it| it.is_match(value));
        if matches { Some(Blocked::Nobody) } else { nobody::blocked(value) }
    }

    /// Whether a value never links and never founds a profile.
    pub fn blocks(&self, value: &str) -> bool {
        self.blocked(value).is_some()
    }

    /// Whether a value matches the pattern of a kind that has one.
    pub fn matches_pattern(&self, kind: &KindRule, value: &str) -> bool {
        self.kind_patterns.iter().find(|(it, _)| *it == kind.name).is_some_and(|(_, it)| it.is_match(value))
    }
}

/// What a policy may hold at most.
const MAX_KINDS: usize = 100;
const MAX_PATTERNS: usize = 100;
const MAX_BLOCKED: usize = 10_000;
const MAX_RULES: usize = 1_000;
const MAX_VALUE_BYTES: usize = 255;
const MAX_PATTERN_BYTES: usize = 1_000;
/// The size of all patterns together, compiled. The steps of matching are the length of a value times that at worst; for the longest
/// value there is that is a few milliseconds.
const MAX_PATTERNS_SIZE: usize = 64 * 1024;
/// Sizes are told apart as finely as that.
const SMALLEST_SIZE: usize = 512;

/// About how large a pattern is once it is compiled; none where that is more than `most`. One that is no regular expression has no
/// size; it is a fault elsewhere.
fn size_of(pattern: &str, most: usize) -> Option<usize> {
    let mut size = SMALLEST_SIZE;
    loop {
        let builder = |limit| RegexBuilder::new(&wholly(pattern)).size_limit(limit).build();
        if builder(size.min(most)).is_ok() {
            return Some(size.min(most));
        }
        if most <= size {
            // Too large, or wrong in itself.
            return is_malformed(pattern).then_some(0);
        }
        size *= 2;
    }
}

/// Whether a pattern is wrong in itself, whatever its size.
fn is_malformed(pattern: &str) -> bool {
    // The error of a size names it; those of the syntax do not.
    let error = RegexBuilder::new(&wholly(pattern)).size_limit(0).build().err();
    error.is_some_and(|error| !error.to_string().contains("size"))
}

fn wholly(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// A pattern that must match the whole value.
fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(&wholly(pattern))
}

fn is_kind_name(name: &str) -> bool {
    let is_fit = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    name.len() <= 64 && name.starts_with(|it: char| it.is_ascii_lowercase()) && name.chars().all(is_fit)
}

#[cfg(test)]
mod tests;
