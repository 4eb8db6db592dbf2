//! How likely it is that customers who claim one value are one person: points that add up, each with its reason.
//!
//! docs/identity.md explains the points to operators.

use std::ops::RangeInclusive;

use chrono::NaiveDate;

use crate::{
    profile::{
        age::full_years,
        model::{Gender, Profile},
    },
    search::names::{name_as_one, normal_name},
    time::Timestamp,
};

/// What is known of a customer that distinguishes people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The forms of the name that are compared; empty if it is unknown.
    names: Vec<String>,
    birth_date: Option<NaiveDate>,
    gender: Option<Gender>,
    area: Option<String>,
    active: RangeInclusive<Timestamp>,
}

impl Known {
    pub fn of(profile: &Profile) -> Self {
        Self {
            names: profile.undated.name.as_deref().map(forms).unwrap_or_default(),
            birth_date: profile.undated.birth_date,
            gender: profile.undated.gender,
            area: profile.devices.iter().find_map(|device| device.area.clone()),
            active: profile.activity.first_access_at..=profile.activity.last_activity_at,
        }
    }
}

/// The forms of a name: case, the order of its words and the space in an eastern name do not distinguish people.
fn forms(name: &str) -> Vec<String> {
    let normal = normal_name(name);
    let as_one = name_as_one(&normal);
    let mut words: Vec<&str> = normal.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    words.sort_unstable();
    let mut forms = vec![words.join(" ")];
    forms.extend(as_one.split_whitespace().map(str::to_owned));
    forms
}

/// What two customers have in common, or what distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    SameValue,
    SameName,
    DifferentName,
    SameBirthDate,
    DifferentBirthDate,
    SameGender,
    DifferentGender,
    SameArea,
    /// The value was seen repeatedly with the one that does not hold it.
    SeenRepeatedly,
    /// One was last active before the other was first seen.
    OneAfterTheOther,
}

impl Signal {
    const fn points(self) -> i32 {
        match self {
            Self::SameValue => 40,
            Self::SameName | Self::SameBirthDate => 30,
            Self::DifferentBirthDate => -30,
            Self::DifferentName => -25,
            Self::DifferentGender => -20,
            Self::SeenRepeatedly => 10,
            Self::SameGender | Self::SameArea => 5,
            Self::OneAfterTheOther => -5,
        }
    }
}

/// Why a score is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    pub signal: Signal,
    /// What it adds to the score.
    pub points: i32,
    /// Of birth dates that differ: the full years between them.
    pub years: Option<u32>,
}

/// A score from 0 (surely different people) to 100 (surely one), and its reasons, in the order of [`Signal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub score: u8,
    pub reasons: Vec<Reason>,
}

/// How often a value must be seen with a customer before that counts as a habit.
const REPEATEDLY: u64 = 3;

/// Compares two customers who claim one value. `n_seen` is how often the withheld links between them were seen.
pub fn compare(one: &Known, other: &Known, n_seen: u64) -> Match {
    let mut reasons = Vec::new();
    let mut add = |signal: Signal, years: Option<u32>| {
        reasons.push(Reason { signal, points: signal.points(), years });
    };
    add(Signal::SameValue, None);
    if !one.names.is_empty() && !other.names.is_empty() {
        let is_same = one.names.iter().any(|name| other.names.contains(name));
        add(if is_same { Signal::SameName } else { Signal::DifferentName }, None);
    }
    if let (Some(a), Some(b)) = (one.birth_date, other.birth_date) {
        if a == b {
            add(Signal::SameBirthDate, None);
        } else {
            add(Signal::DifferentBirthDate, full_years(a.min(b), a.max(b)));
        }
    }
    if let (Some(a), Some(b)) = (one.gender, other.gender) {
        add(if a == b { Signal::SameGender } else { Signal::DifferentGender }, None);
    }
    if one.area.is_some() && one.area == other.area {
        add(Signal::SameArea, None);
    }
    if REPEATEDLY <= n_seen {
        add(Signal::SeenRepeatedly, None);
    }
    if one.active.end() < other.active.start() || other.active.end() < one.active.start() {
        add(Signal::OneAfterTheOther, None);
    }
    let sum: i32 = reasons.iter().map(|reason| reason.points).sum();
    Match { score: u8::try_from(sum.clamp(0, 100)).unwrap_or(0), reasons }
}

/// A customer of a case, and how often its withheld links were seen; `None` for the one that holds the value.
pub type Claimant<'a> = (&'a Known, Option<u64>);

/// The two customers who are most likely one, by their positions; of several such pairs the first. `None` for fewer than two.
pub fn closest(claimants: &[Claimant<'_>]) -> Option<(usize, usize, Match)> {
    let mut best: Option<(usize, usize, Match)> = None;
    for (a, (one, n_one)) in claimants.iter().enumerate() {
        for (b, (other, n_other)) in claimants.iter().enumerate().skip(a + 1) {
            let found = compare(one, other, n_seen(*n_one, *n_other));
            if best.as_ref().is_none_or(|(_, _, known)| known.score < found.score) {
                best = Some((a, b, found));
            }
        }
    }
    best
}

/// How often the value was seen with both: with the holder always, so the other's number decides.
pub fn n_seen(one: Option<u64>, other: Option<u64>) -> u64 {
    match (one, other) {
        (Some(one), Some(other)) => one.min(other),
        (Some(n), None) | (None, Some(n)) => n,
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests;
