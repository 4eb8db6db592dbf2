//! Which value of an attribute survives where several were given (docs/design.md, section 7).
//!
//! One total order breaks every tie: time, then source, then value. `latest` uses its maximum (by the time a value was seen
//! last), `earliest` its minimum (by the time a value was seen first), and the other rules, where they find two values equal,
//! the maximum again.

use std::{cmp::Ordering, sync::Arc};

use profile360_compact_json::sort::sort_by;

use crate::{
    evidence::identifier_summary::Observed,
    identifier::Identifier,
    message::attribute_value::{AttributeValue, compare, compare_strictly},
    policy::survivorship::{Rule, Survivorship},
    time::Timestamp,
};

/// What one source said of one attribute under one identifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation<'a> {
    pub value: &'a AttributeValue,
    pub source: &'a Arc<str>,
    pub seen: Observed,
    pub identifier: &'a Identifier,
    /// The position of the identifier's member in the profile.
    pub member: usize,
}

/// A distinct value, with the observation that speaks for it, the newest and the oldest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked<'a> {
    pub value: &'a AttributeValue,
    /// The observation that the rule went by.
    pub basis: Observation<'a>,
    /// When the witness saw it: first for `earliest`, last for every other rule.
    pub observed_at: Timestamp,
    pub newest: Observation<'a>,
    pub oldest: Observation<'a>,
}

/// The distinct values, the one that the rule prefers first. `union` prefers as `latest` does.
pub(crate) fn rank<'a>(
    mut observations: Vec<Observation<'a>>,
    rule: Rule,
    survivorship: &Survivorship,
) -> Vec<Ranked<'a>> {
    sort_by(&mut observations, |a, b| a.value.cmp(b.value));
    let trust = |observation: &Observation<'_>| {
        let position = survivorship.sources.iter().position(|source| source == observation.source);
        position.unwrap_or(survivorship.sources.len())
    };
    let mut candidates: Vec<Candidate<'a>> = observations
        .chunk_by(|a, b| a.value == b.value)
        .filter_map(|same| {
            let newest = same.iter().max_by(|a, b| by_last(a, b))?;
            let oldest = same.iter().min_by(|a, b| by_first(a, b))?;
            let trusted = same.iter().max_by(|a, b| trust(b).cmp(&trust(a)).then_with(|| by_last(a, b)))?;
            let count = same.iter().fold(0_u64, |sum, it| sum.saturating_add(it.seen.count));
            Some(Candidate { count, newest: *newest, oldest: *oldest, trusted: *trusted, trust: trust(trusted) })
        })
        .collect();
    sort_by(&mut candidates, |a, b| best_first(a, b, rule));
    candidates.into_iter().map(|it| it.ranked(rule)).collect()
}

struct Candidate<'a> {
    count: u64,
    newest: Observation<'a>,
    oldest: Observation<'a>,
    /// The newest of the source that the policy trusts most.
    trusted: Observation<'a>,
    /// That source's place among those that the policy names; 0 is the most trusted.
    trust: usize,
}

impl<'a> Candidate<'a> {
    fn ranked(&self, rule: Rule) -> Ranked<'a> {
        let (basis, observed_at) = match rule {
            Rule::Earliest => (self.oldest, self.oldest.seen.first),
            Rule::SourcePriority => (self.trusted, self.trusted.seen.last),
            Rule::Latest | Rule::MostFrequent | Rule::Max | Rule::Min | Rule::Union => {
                (self.newest, self.newest.seen.last)
            }
        };
        Ranked { value: basis.value, basis, observed_at, newest: self.newest, oldest: self.oldest }
    }
}

fn best_first(a: &Candidate<'_>, b: &Candidate<'_>, rule: Rule) -> Ordering {
    let newest_first = || by_last(&b.newest, &a.newest);
    match rule {
        Rule::Latest | Rule::Union => newest_first(),
        Rule::Earliest => by_first(&a.oldest, &b.oldest),
        Rule::MostFrequent => b.count.cmp(&a.count).then_with(newest_first),
        Rule::Max => compare(b.newest.value, a.newest.value).then_with(newest_first),
        Rule::Min => compare(a.newest.value, b.newest.value).then_with(newest_first),
        Rule::SourcePriority => a.trust.cmp(&b.trust).then_with(|| by_last(&b.trusted, &a.trusted)),
    }
}

/// The total order by the time seen last; the identifier only distinguishes observations of one value.
pub(crate) fn by_last(a: &Observation<'_>, b: &Observation<'_>) -> Ordering {
    (a.seen.last, a.source)
        .cmp(&(b.seen.last, b.source))
        .then_with(|| compare_strictly(a.value, b.value))
        .then_with(|| a.identifier.cmp(b.identifier))
}

/// The total order by the time seen first.
fn by_first(a: &Observation<'_>, b: &Observation<'_>) -> Ordering {
    (a.seen.first, a.source)
        .cmp(&(b.seen.first, b.source))
        .then_with(|| compare_strictly(a.value, b.value))
        .then_with(|| a.identifier.cmp(b.identifier))
}

#[cfg(test)]
mod tests;
