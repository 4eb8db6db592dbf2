//! A policy that was found sound, with its patterns compiled.

use std::ops::Deref;

use profile360_compact_json::sort::distinct;
use regex_lite::Regex;

use super::document::{Form, KindRule, Policy, PolicyFault, PolicyFaultCode, blocked_form, whole_pattern};
use crate::identifier::{
    Kind,
    blocked_value::{self, Blocked},
};

/// A policy that was found sound, with its patterns compiled. Parsing and resolution require this.
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
        let mut fault = |code: PolicyFaultCode, path: String, detail: String| {
            faults.push(PolicyFault::new(code, path, detail));
        };
        let mut kind_patterns = Vec::new();
        if policy.kinds.is_empty() {
            fault(PolicyFaultCode::NoKinds, "kinds".to_owned(), "name at least one kind of identifier".to_owned());
        }
        for (position, kind) in policy.kinds.iter().enumerate() {
            let path = |field: &str| format!("kinds[{position}].{field}");
            let is_taken = |by: &dyn Fn(&KindRule) -> bool| policy.kinds.iter().take(position).any(by);
            if !is_kind_name(kind.name.as_str()) {
                fault(
                    PolicyFaultCode::MalformedName,
                    path("name"),
                    "use 1 to 64 lower-case letters, digits and underscores, a letter first".to_owned(),
                );
            }
            if is_taken(&|it| it.name == kind.name) {
                fault(PolicyFaultCode::DuplicateName, path("name"), "another kind has this name; keep one".to_owned());
            }
            if is_taken(&|it| it.priority == kind.priority) {
                fault(
                    PolicyFaultCode::DuplicatePriority,
                    path("priority"),
                    "another kind has this priority; give each its own".to_owned(),
                );
            }
            if kind.limit == 0 {
                fault(
                    PolicyFaultCode::BelowOne,
                    path("limit"),
                    "a profile must be able to hold one; use 1 or more".to_owned(),
                );
            }
            if let Form::Pattern(pattern) = &kind.form {
                match whole(pattern) {
                    Ok(regex) => kind_patterns.push((kind.name.clone(), regex)),
                    Err(error) => fault(
                        PolicyFaultCode::MalformedPattern,
                        path("form.pattern"),
                        format!("it is not a regular expression: {error}"),
                    ),
                }
            }
        }
        let mut blocked_patterns = Vec::new();
        for (position, pattern) in policy.blocked_patterns.iter().enumerate() {
            match whole(pattern) {
                Ok(regex) => blocked_patterns.push(regex),
                Err(error) => {
                    fault(
                        PolicyFaultCode::MalformedPattern,
                        format!("blocked_patterns[{position}]"),
                        format!("it is not a regular expression: {error}"),
                    );
                }
            }
        }
        if policy.max_links == 0 {
            fault(
                PolicyFaultCode::BelowOne,
                "max_links".to_owned(),
                "an identifier must be able to link; use 1 or more".to_owned(),
            );
        }
        if policy.max_users_a_month == 0 {
            fault(
                PolicyFaultCode::BelowOne,
                "max_users_a_month".to_owned(),
                "a device must be able to have a user; use 1 or more".to_owned(),
            );
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
        if !self.blocked_values.is_empty() && self.blocked_values.binary_search(&blocked_value::fold(value)).is_ok() {
            return Some(Blocked::Placeholder);
        }
        let matches = self.blocked_patterns.iter().any(|it| it.is_match(value));
        if matches { Some(Blocked::Placeholder) } else { blocked_value::blocked(value) }
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

/// A pattern that must match the whole value.
fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(&whole_pattern(pattern))
}

fn is_kind_name(name: &str) -> bool {
    let is_fit = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    name.len() <= 64 && name.starts_with(|it: char| it.is_ascii_lowercase()) && name.chars().all(is_fit)
}
