//! The scores of cases: computed when a case is asked for, and kept until one of its customers or its links change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use profile360_core::{
    cases::{CaseKey, score::Match},
    graph::rows::ClusterKey,
};

use super::Inbox;

/// The score of a case, and the two customers who are most likely one.
#[derive(Debug, Clone)]
pub struct Scored {
    /// `None` if fewer than two customers have a part in it.
    pub closest: Option<(ClusterKey, ClusterKey, Match)>,
    /// The customers that it was computed from.
    pub customers: Vec<ClusterKey>,
}

/// The scores that are known.
#[derive(Debug, Default)]
pub struct Scores {
    of_case: BTreeMap<CaseKey, Arc<Scored>>,
    of_customer: BTreeMap<ClusterKey, BTreeSet<CaseKey>>,
    /// How many computations are in progress, and what has changed since the first of them began.
    n_in_progress: usize,
    changed_cases: BTreeSet<CaseKey>,
    changed_customers: BTreeSet<ClusterKey>,
}

impl Scores {
    pub fn get(&self, key: &CaseKey) -> Option<&Arc<Scored>> {
        self.of_case.get(key)
    }

    pub(super) fn forget_case(&mut self, key: &CaseKey) {
        if 0 < self.n_in_progress {
            self.changed_cases.insert(key.clone());
        }
        let Some(scored) = self.of_case.remove(key) else { return };
        for customer in &scored.customers {
            if let Some(cases) = self.of_customer.get_mut(customer) {
                cases.remove(key);
                if cases.is_empty() {
                    self.of_customer.remove(customer);
                }
            }
        }
    }

    pub(super) fn forget_customers<'c>(&mut self, customers: impl IntoIterator<Item = &'c ClusterKey>) {
        for customer in customers {
            if 0 < self.n_in_progress {
                self.changed_customers.insert(*customer);
            }
            for key in self.of_customer.get(customer).cloned().unwrap_or_default() {
                self.forget_case(&key);
            }
        }
    }

    fn put(&mut self, key: &CaseKey, scored: &Arc<Scored>) {
        let is_stale = self.changed_cases.contains(key)
            || scored.customers.iter().any(|customer| self.changed_customers.contains(customer));
        if is_stale {
            return;
        }
        for customer in &scored.customers {
            self.of_customer.entry(*customer).or_default().insert(key.clone());
        }
        self.of_case.insert(key.clone(), scored.clone());
    }
}

/// A computation of scores. While it is in progress, the inbox notes what changes, so that no outdated score is kept.
#[derive(Debug)]
pub struct Scoring<'i>(&'i RwLock<Inbox>);

impl<'i> Scoring<'i> {
    pub fn begin(inbox: &'i RwLock<Inbox>) -> Self {
        inbox.write().unwrap_or_else(PoisonError::into_inner).scores_mut().n_in_progress += 1;
        Self(inbox)
    }

    /// Keeps scores, unless they are outdated.
    pub fn keep(&self, scored: &BTreeMap<CaseKey, Arc<Scored>>) {
        let mut inbox = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, scored) in scored {
            // The case may have been answered since.
            if inbox.cases().get(key).is_some() {
                inbox.scores_mut().put(key, scored);
            }
        }
    }
}

impl Drop for Scoring<'_> {
    fn drop(&mut self) {
        let mut inbox = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let scores = inbox.scores_mut();
        scores.n_in_progress = scores.n_in_progress.saturating_sub(1);
        if scores.n_in_progress == 0 {
            scores.changed_cases.clear();
            scores.changed_customers.clear();
        }
    }
}
