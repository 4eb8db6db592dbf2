//! The scores of cases: computed when a case is asked for, and kept until one of its customers or its links change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    cases::{CaseKey, score::Match},
    graph::rows::ClusterKey,
};

use crate::engine::state::{State, States};

/// The score of a case, and the two customers who are most likely one.
#[derive(Debug, Clone)]
pub struct Scored {
    /// `None` if fewer than two customers have a part in it.
    pub closest: Option<(ClusterKey, ClusterKey, Match)>,
    /// The customers that it was computed from.
    pub customers: Vec<ClusterKey>,
}

/// The scores that are known. They follow the commits.
#[derive(Debug, Default)]
pub struct Scores {
    /// The last commit that they follow.
    up_to: i64,
    of_case: BTreeMap<CaseKey, Kept>,
    of_customer: BTreeMap<ClusterKey, BTreeSet<CaseKey>>,
    /// How many computations are in progress, and what has changed since the first of them began.
    n_in_progress: usize,
    changed_cases: BTreeSet<CaseKey>,
    changed_customers: BTreeSet<ClusterKey>,
    n_restarts: u64,
}

/// A score that is valid from a commit on.
#[derive(Debug)]
struct Kept {
    commit: i64,
    scored: Arc<Scored>,
}

impl Scores {
    /// None, as of a commit.
    pub(in crate::engine) fn as_of(commit: i64) -> Self {
        Self { up_to: commit, ..Self::default() }
    }

    /// The score of a case as of a commit.
    pub fn get(&self, key: &CaseKey, commit: i64) -> Option<&Arc<Scored>> {
        let kept = self.of_case.get(key).filter(|kept| kept.commit <= commit && commit <= self.up_to)?;
        Some(&kept.scored)
    }

    /// Forgets the scores of what a commit has changed.
    pub(in crate::engine) fn follow<'c>(
        &mut self,
        commit: i64,
        cases: &[CaseKey],
        customers: impl IntoIterator<Item = &'c ClusterKey>,
    ) {
        self.up_to = commit;
        for key in cases {
            self.forget(key);
        }
        for customer in customers {
            if 0 < self.n_in_progress {
                self.changed_customers.insert(*customer);
            }
            for key in self.of_customer.get(customer).cloned().unwrap_or_default() {
                self.forget(&key);
            }
        }
    }

    /// Forgets all, as it is unknown what has changed up to a commit.
    pub(in crate::engine) fn restart(&mut self, commit: i64) {
        self.up_to = commit;
        self.n_restarts += 1;
        self.of_case.clear();
        self.of_customer.clear();
    }

    fn forget(&mut self, key: &CaseKey) {
        if 0 < self.n_in_progress {
            self.changed_cases.insert(key.clone());
        }
        self.remove(key);
    }

    fn remove(&mut self, key: &CaseKey) {
        let Some(Kept { scored, .. }) = self.of_case.remove(key) else { return };
        for customer in &scored.customers {
            if let Some(cases) = self.of_customer.get_mut(customer) {
                cases.remove(key);
                if cases.is_empty() {
                    self.of_customer.remove(customer);
                }
            }
        }
    }

    fn put(&mut self, key: &CaseKey, commit: i64, scored: &Arc<Scored>) {
        let is_stale = self.changed_cases.contains(key)
            || scored.customers.iter().any(|customer| self.changed_customers.contains(customer));
        if is_stale {
            return;
        }
        self.remove(key);
        for customer in &scored.customers {
            self.of_customer.entry(*customer).or_default().insert(key.clone());
        }
        self.of_case.insert(key.clone(), Kept { commit, scored: scored.clone() });
    }
}

/// A computation of scores as of a commit. While it is in progress, the scores note what changes, so that no outdated one is kept.
#[derive(Debug)]
pub struct Scoring<'s> {
    states: &'s States,
    commit: i64,
    /// Whether nothing was committed between the commit and the beginning.
    may_keep: bool,
    n_restarts: u64,
}

impl<'s> Scoring<'s> {
    pub fn begin(states: &'s States, state: &State) -> Self {
        let mut scores = states.scores();
        scores.n_in_progress += 1;
        let may_keep = scores.up_to == state.commit;
        Self { states, commit: state.commit, may_keep, n_restarts: scores.n_restarts }
    }

    /// Keeps scores, unless they are outdated.
    pub fn keep(&self, scored: &BTreeMap<CaseKey, Arc<Scored>>) {
        let mut scores = self.states.scores();
        if !self.may_keep || scores.n_restarts != self.n_restarts {
            return;
        }
        for (key, scored) in scored {
            scores.put(key, self.commit, scored);
        }
    }
}

impl Drop for Scoring<'_> {
    fn drop(&mut self) {
        let mut scores = self.states.scores();
        scores.n_in_progress = scores.n_in_progress.saturating_sub(1);
        if scores.n_in_progress == 0 {
            scores.changed_cases.clear();
            scores.changed_customers.clear();
        }
    }
}
