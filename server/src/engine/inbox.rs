//! The inbox: the links that resolution does not follow, strongest evidence first, and the cases that they form. In memory,
//! loaded from the store; the pipeline updates it with each commit.

mod scores;

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::{
    cases::Cases,
    evidence::{
        decision::{Decision, Decisions, Relation},
        link::Pair,
    },
    graph::{
        input::is_shared,
        rows::{ClusterKey, LinkState},
        withheld::Withheld,
    },
    identifier::Identifier,
    plan::changes::Changes,
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};
use profile360_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

pub use self::scores::{Scored, Scores, Scoring};

/// The sort key of a withheld link: the order in which resolution considers links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The weaker end's priority.
    pub priority: u32,
    pub first_seen: Timestamp,
    pub pair: Pair,
}

#[derive(Debug, Default)]
pub struct Inbox {
    links: BTreeMap<Place, LinkState>,
    places: BTreeMap<Pair, Place>,
    /// An identifier's links that are withheld because an end is shared.
    shared: BTreeMap<Identifier, BTreeSet<Pair>>,
    /// The identifiers of these links that are shared themselves.
    shared_values: BTreeSet<Identifier>,
    /// The links whose ends a decision keeps apart, whether they are withheld or not.
    apart: BTreeSet<Pair>,
    cases: Cases,
    scores: Scores,
}

impl Inbox {
    pub async fn load(store: &Store, policy: &CompiledPolicy, decisions: &Decisions) -> Result<Self, StoreError> {
        let mut links = Vec::new();
        for ids in store.shares().await? {
            links.extend(store.withheld_in(&ids).await?);
        }
        let mut inbox = Self {
            shared_values: shared_values(store, policy, &links).await?,
            apart: decisions.iter().filter(|it| keeps_apart(it)).map(|it| it.pair.clone()).collect(),
            ..Self::default()
        };
        for (pair, link) in &links {
            inbox.put(pair, link, policy);
        }
        Ok(inbox)
    }

    /// Applies the changes of a commit.
    pub(crate) fn apply(&mut self, changes: &Changes, policy: &CompiledPolicy) {
        let mut regroup: BTreeSet<Pair> = BTreeSet::new();
        for (identifier, (state, _)) in &changes.identifiers {
            let is_shared = is_shared(&identifier.kind, &state.facts.neighbors, policy);
            let is_changed = if is_shared {
                self.shared_values.insert(identifier.clone())
            } else {
                self.shared_values.remove(identifier)
            };
            if is_changed {
                regroup.extend(self.shared.get(identifier).into_iter().flatten().cloned());
            }
        }
        for (pair, (link, _)) in &changes.links {
            self.put(pair, link, policy);
            regroup.remove(pair);
        }
        for pair in &changes.removed_links {
            self.remove(pair);
        }
        for identifier in &changes.removed_identifiers {
            self.shared_values.remove(identifier);
        }
        self.regroup(regroup, policy);
        self.scores.forget_customers(changes.touched.iter().chain(&changes.removed_clusters));
    }

    /// Applies decisions that were made or revoked. A link with a shared end stays withheld for that, so the changes of a commit
    /// do not name it.
    pub(crate) fn note_decisions(&mut self, changed: &[Decision], policy: &CompiledPolicy) {
        for decision in changed.iter().filter(|it| it.relation == Relation::Different) {
            if keeps_apart(decision) {
                self.apart.insert(decision.pair.clone());
            } else {
                self.apart.remove(&decision.pair);
            }
        }
        self.regroup(changed.iter().map(|it| it.pair.clone()).collect(), policy);
    }

    /// Forgets the scores of customers that another server changed.
    pub(crate) fn forget_scores<'c>(&mut self, customers: impl IntoIterator<Item = &'c ClusterKey>) {
        self.scores.forget_customers(customers);
    }

    fn regroup(&mut self, pairs: BTreeSet<Pair>, policy: &CompiledPolicy) {
        for pair in pairs {
            let link = self.places.get(&pair).and_then(|place| self.links.get(place)).cloned();
            if let Some(link) = link {
                self.put(&pair, &link, policy);
            }
        }
    }

    fn remove(&mut self, pair: &Pair) {
        let Some(place) = self.places.remove(pair) else { return };
        if let Some(key) = self.cases.of_link(pair) {
            self.scores.forget_case(key);
        }
        self.cases.remove(pair);
        let Some(link) = self.links.remove(&place) else { return };
        if link.withheld != Some(Withheld::Shared) {
            return;
        }
        for end in [&pair.a, &pair.b] {
            if let Some(pairs) = self.shared.get_mut(end) {
                pairs.remove(pair);
                if pairs.is_empty() {
                    self.shared.remove(end);
                }
            }
        }
    }

    fn put(&mut self, pair: &Pair, link: &LinkState, policy: &CompiledPolicy) {
        self.remove(pair);
        if link.withheld.is_none() {
            return;
        }
        let priority = policy.priority(&pair.a.kind).max(policy.priority(&pair.b.kind));
        let place = Place { priority, first_seen: link.seen.first_seen, pair: pair.clone() };
        if link.withheld == Some(Withheld::Shared) {
            for end in [&pair.a, &pair.b] {
                self.shared.entry(end.clone()).or_default().insert(pair.clone());
            }
        }
        let shared_values = &self.shared_values;
        self.cases.put(pair, link, policy, |it| shared_values.contains(it), self.apart.contains(pair));
        if let Some(key) = self.cases.of_link(pair) {
            self.scores.forget_case(key);
        }
        self.places.insert(pair.clone(), place.clone());
        self.links.insert(place, link.clone());
    }

    /// The cases that the withheld links form.
    pub const fn cases(&self) -> &Cases {
        &self.cases
    }

    /// A withheld link.
    pub fn link(&self, pair: &Pair) -> Option<&LinkState> {
        self.places.get(pair).and_then(|place| self.links.get(place))
    }

    /// The scores of cases that are known.
    pub const fn scores(&self) -> &Scores {
        &self.scores
    }

    const fn scores_mut(&mut self) -> &mut Scores {
        &mut self.scores
    }

    /// The identifiers with the most links that are withheld because an end is shared, with their number, descending.
    pub fn most_shared(&self, n_first: usize) -> Vec<(Identifier, u64)> {
        let mut all: Vec<(u64, &Identifier)> = self.shared.iter().map(|(it, pairs)| (pairs.len() as u64, it)).collect();
        let most_first = |one: &(u64, &Identifier), other: &(u64, &Identifier)| (other.0, one.1).cmp(&(one.0, other.1));
        if n_first < all.len() {
            all.select_nth_unstable_by(n_first, most_first);
            all.truncate(n_first);
        }
        all.sort_unstable_by(most_first);
        all.into_iter().map(|(count, it)| (it.clone(), count)).collect()
    }

    /// The withheld links in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Place, &LinkState)> {
        self.links.iter()
    }
}

fn keeps_apart(decision: &Decision) -> bool {
    decision.is_active() && decision.relation == Relation::Different
}

/// The shared values among the ends of links. Reads the weaker end of each link, and the stronger one only where the weaker is
/// not shared: many links have few shared devices.
async fn shared_values(
    store: &Store,
    policy: &CompiledPolicy,
    links: &[(Pair, LinkState)],
) -> Result<BTreeSet<Identifier>, StoreError> {
    let shared = || links.iter().filter(|(_, link)| link.withheld == Some(Withheld::Shared)).map(|(pair, _)| pair);
    let weaker = |pair: &Pair| {
        let is_a = policy.priority(&pair.b.kind) <= policy.priority(&pair.a.kind);
        if is_a { pair.a.clone() } else { pair.b.clone() }
    };
    let mut found = shared_among(store, policy, shared().map(weaker).collect()).await?;
    let unexplained = shared().filter(|pair| !found.contains(&weaker(pair)));
    let stronger = unexplained.map(|pair| pair.other(&weaker(pair)).clone()).collect();
    found.extend(shared_among(store, policy, stronger).await?);
    Ok(found)
}

async fn shared_among(
    store: &Store,
    policy: &CompiledPolicy,
    identifiers: BTreeSet<Identifier>,
) -> Result<BTreeSet<Identifier>, StoreError> {
    const CHUNK: usize = 500;
    let identifiers: Vec<Identifier> = identifiers.into_iter().collect();
    let mut found = BTreeSet::new();
    for chunk in identifiers.chunks(CHUNK) {
        let states = store.identifiers(chunk).await?;
        let shared = states.into_iter().filter(|(it, state)| is_shared(&it.kind, &state.facts.neighbors, policy));
        found.extend(shared.map(|(identifier, _)| identifier));
    }
    Ok(found)
}
