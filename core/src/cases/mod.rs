//! Review cases: the links that resolution does not follow, grouped by the value that causes them, so that an operator answers
//! one question once.
//!
//! The case of a link depends on the link, on the policy and on whether its ends are shared, and on nothing else: so the cases
//! are the same in whichever order links come and go.

pub mod answer;
pub mod score;

use std::collections::BTreeMap;

use crate::{
    evidence::link::Pair,
    graph::{rows::LinkState, withheld::Withheld},
    identifier::Identifier,
    policy::compiled::CompiledPolicy,
    shared_map::SharedMap,
    time::Timestamp,
};

/// What a value does that makes it a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Several customers claim it, or one customer claims more than it may have.
    Claimed,
    /// Too many use it.
    Shared,
    /// It identifies no one.
    Blocked,
}

/// The identity of a case: the value that causes it, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseKey {
    pub role: Role,
    pub value: Identifier,
}

/// What a case asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKind {
    /// Customers who exclude each other claim one value. It needs a decision.
    Contested,
    /// A value that too many use. The rules already ignore it.
    Shared,
    /// A value that identifies no one. The rules already ignore it.
    Blocked,
    /// Decisions or retirements answer it completely.
    Settled,
}

impl CaseKind {
    pub const ALL: [Self; 4] = [Self::Contested, Self::Shared, Self::Blocked, Self::Settled];
}

/// The case that a withheld link belongs to.
///
/// Where a limit is exceeded, the cause is the end that is not of the limited kind: the phone number that several external IDs
/// claim, or the external ID with too many phone numbers. Otherwise it is the end that is shared or blocked, or the weaker end.
pub fn case_of(
    pair: &Pair,
    withheld: &Withheld,
    policy: &CompiledPolicy,
    is_shared: impl Fn(&Identifier) -> bool,
) -> CaseKey {
    let (weaker, stronger) = if policy.priority(&pair.a.kind) < policy.priority(&pair.b.kind) {
        (&pair.b, &pair.a)
    } else {
        (&pair.a, &pair.b)
    };
    let (role, value) = match withheld {
        Withheld::Limit(kind) if weaker.kind == *kind && stronger.kind != *kind => (Role::Claimed, stronger),
        Withheld::Limit(_) | Withheld::Different(_) | Withheld::Retired => (Role::Claimed, weaker),
        Withheld::Shared if !is_shared(weaker) && is_shared(stronger) => (Role::Shared, stronger),
        Withheld::Shared => (Role::Shared, weaker),
        Withheld::Blocked if !policy.blocks(&weaker.value) && policy.blocks(&stronger.value) => {
            (Role::Blocked, stronger)
        }
        Withheld::Blocked => (Role::Blocked, weaker),
    };
    CaseKey { role, value: value.clone() }
}

/// A link of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claim {
    is_open: bool,
    count: u64,
    last_seen: Timestamp,
}

/// The links that one value causes to be withheld.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    claims: SharedMap<Pair, Claim>,
    n_open: usize,
    evidence: u64,
    /// How many links were last seen at an instant.
    last_seen: SharedMap<Timestamp, usize>,
}

impl Case {
    pub fn n_links(&self) -> usize {
        self.claims.len()
    }

    /// The links that no decision answers.
    pub const fn n_open(&self) -> usize {
        self.n_open
    }

    /// How often all of its links together were seen.
    pub const fn evidence(&self) -> u64 {
        self.evidence
    }

    /// When one of its links was seen last.
    pub fn newest(&self) -> Timestamp {
        self.last_seen.last_key_value().map_or(Timestamp::EARLIEST, |(at, _)| *at)
    }

    /// Its links, ascending.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.claims.keys()
    }

    const fn kind(&self, role: Role) -> CaseKind {
        match role {
            _ if self.n_open == 0 => CaseKind::Settled,
            Role::Claimed => CaseKind::Contested,
            Role::Shared => CaseKind::Shared,
            Role::Blocked => CaseKind::Blocked,
        }
    }

    fn add(&mut self, pair: Pair, claim: Claim) {
        self.n_open += usize::from(claim.is_open);
        self.evidence = self.evidence.saturating_add(claim.count);
        let n_then = self.last_seen.get(&claim.last_seen).copied().unwrap_or_default();
        self.last_seen.insert(claim.last_seen, n_then + 1);
        self.claims.insert(pair, claim);
    }

    fn remove(&mut self, pair: &Pair) {
        let Some(claim) = self.claims.remove(pair) else { return };
        self.n_open -= usize::from(claim.is_open);
        self.evidence = self.evidence.saturating_sub(claim.count);
        if let Some(n) = self.last_seen.get_mut(&claim.last_seen) {
            *n -= 1;
            if *n == 0 {
                self.last_seen.remove(&claim.last_seen);
            }
        }
    }
}

/// All cases of a base. A copy costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cases {
    cases: SharedMap<CaseKey, Case>,
    of_link: SharedMap<Pair, CaseKey>,
    n_of_kind: BTreeMap<CaseKind, usize>,
}

impl Cases {
    /// Puts a link in its case, in place of an earlier state of it. A link that is followed is in none. `is_apart` says whether
    /// a decision keeps its ends apart: a link with a shared or blocked end is withheld for that first.
    pub fn put(
        &mut self,
        pair: &Pair,
        link: &LinkState,
        policy: &CompiledPolicy,
        is_shared: impl Fn(&Identifier) -> bool,
        is_apart: bool,
    ) {
        self.remove(pair);
        let Some(withheld) = &link.withheld else { return };
        let key = case_of(pair, withheld, policy, is_shared);
        let is_open = !is_apart && !matches!(withheld, Withheld::Different(_) | Withheld::Retired);
        let claim = Claim { is_open, count: link.seen.count, last_seen: link.seen.last_seen };
        self.of_link.insert(pair.clone(), key.clone());
        self.change(key, |case| case.add(pair.clone(), claim));
    }

    pub fn remove(&mut self, pair: &Pair) {
        if let Some(key) = self.of_link.remove(pair) {
            self.change(key, |case| case.remove(pair));
        }
    }

    fn change(&mut self, key: CaseKey, change: impl FnOnce(&mut Case)) {
        let role = key.role;
        let mut case = self.cases.remove(&key).unwrap_or_default();
        if !case.claims.is_empty() {
            self.count_down(case.kind(role));
        }
        change(&mut case);
        if !case.claims.is_empty() {
            *self.n_of_kind.entry(case.kind(role)).or_default() += 1;
            self.cases.insert(key, case);
        }
    }

    fn count_down(&mut self, kind: CaseKind) {
        if let Some(n) = self.n_of_kind.get_mut(&kind) {
            *n -= 1;
            if *n == 0 {
                self.n_of_kind.remove(&kind);
            }
        }
    }

    pub fn get(&self, key: &CaseKey) -> Option<(CaseKind, &Case)> {
        self.cases.get(key).map(|case| (case.kind(key.role), case))
    }

    /// The case of a link that is withheld.
    pub fn of_link(&self, pair: &Pair) -> Option<&CaseKey> {
        self.of_link.get(pair)
    }

    /// How many cases are of a kind.
    pub fn count(&self, kind: CaseKind) -> usize {
        self.n_of_kind.get(&kind).copied().unwrap_or(0)
    }

    /// All cases, by their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&CaseKey, CaseKind, &Case)> {
        self.cases.iter().map(|(key, case)| (key, case.kind(key.role), case))
    }
}

#[cfg(test)]
mod tests;
