//! The inbox: the links that resolution does not follow, strongest evidence first, and the cases that they form. In memory,
//! loaded from the store; each commit leaves a copy, which shares with the one before what has not changed.

mod scores;

use std::{collections::BTreeSet, sync::Arc};

use profile360_core::{
    cases::{CaseKey, Cases},
    evidence::{
        decision::{Decision, Decisions, Relation},
        link::Pair,
    },
    graph::{input::is_shared, rows::LinkState, withheld::Withheld},
    identifier::Identifier,
    plan::changes::Changes,
    policy::compiled::CompiledPolicy,
    shared_map::SharedMap,
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

/// The withheld links as of a commit. A copy costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    links: SharedMap<Place, Arc<LinkState>>,
    places: SharedMap<Pair, Place>,
    /// An identifier's links that are withheld because an end is shared.
    shared: SharedMap<Identifier, SharedMap<Pair, ()>>,
    /// The identifiers of these links that are shared themselves.
    shared_values: SharedMap<Identifier, ()>,
    /// The links whose ends a decision keeps apart, whether they are withheld or not.
    apart: SharedMap<Pair, ()>,
    cases: Cases,
}

impl Inbox {
    pub(super) async fn load(
        store: &Store,
        policy: &CompiledPolicy,
        decisions: &Decisions,
    ) -> Result<Self, StoreError> {
        let mut links = Vec::new();
        for ids in store.shares().await? {
            links.extend(store.withheld_in(&ids).await?);
        }
        let mut inbox = Self {
            shared_values: shared_values(store, policy, &links).await?.into_iter().map(|it| (it, ())).collect(),
            apart: decisions.iter().filter(|it| keeps_apart(it)).map(|it| (it.pair.clone(), ())).collect(),
            ..Self::default()
        };
        for (pair, link) in links {
            inbox.put(&pair, &Arc::new(link), policy, &mut Vec::new());
        }
        Ok(inbox)
    }

    /// Applies the changes of a commit. `cases` gets the cases that change.
    pub(super) fn apply(&mut self, changes: &Changes, policy: &CompiledPolicy, cases: &mut Vec<CaseKey>) {
        let mut regroup: BTreeSet<Pair> = BTreeSet::new();
        for (identifier, (state, _)) in &changes.identifiers {
            let is_shared = is_shared(&identifier.kind, &state.facts.neighbors, policy);
            if is_shared == self.shared_values.contains_key(identifier) {
                continue;
            }
            if is_shared {
                self.shared_values.insert(identifier.clone(), ());
            } else {
                self.shared_values.remove(identifier);
            }
            regroup.extend(self.shared.get(identifier).into_iter().flat_map(SharedMap::keys).cloned());
        }
        for (pair, (link, _)) in &changes.links {
            self.put(pair, link, policy, cases);
            regroup.remove(pair);
        }
        for pair in &changes.removed_links {
            self.remove(pair, cases);
        }
        for identifier in &changes.removed_identifiers {
            self.shared_values.remove(identifier);
        }
        self.regroup(regroup, policy, cases);
    }

    /// Applies decisions that were made or revoked. A link with a shared end stays withheld for that, so the changes of a commit
    /// do not name it.
    pub(super) fn note_decisions(&mut self, changed: &[Decision], policy: &CompiledPolicy, cases: &mut Vec<CaseKey>) {
        for decision in changed.iter().filter(|it| it.relation == Relation::Different) {
            if keeps_apart(decision) {
                self.apart.insert(decision.pair.clone(), ());
            } else {
                self.apart.remove(&decision.pair);
            }
        }
        self.regroup(changed.iter().map(|it| it.pair.clone()).collect(), policy, cases);
    }

    fn regroup(&mut self, pairs: BTreeSet<Pair>, policy: &CompiledPolicy, cases: &mut Vec<CaseKey>) {
        for pair in pairs {
            let link = self.places.get(&pair).and_then(|place| self.links.get(place)).cloned();
            if let Some(link) = link {
                self.put(&pair, &link, policy, cases);
            }
        }
    }

    fn remove(&mut self, pair: &Pair, cases: &mut Vec<CaseKey>) {
        let Some(place) = self.places.remove(pair) else { return };
        cases.extend(self.cases.of_link(pair).cloned());
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

    fn put(&mut self, pair: &Pair, link: &Arc<LinkState>, policy: &CompiledPolicy, cases: &mut Vec<CaseKey>) {
        self.remove(pair, cases);
        if link.withheld.is_none() {
            return;
        }
        let priority = policy.priority(&pair.a.kind).max(policy.priority(&pair.b.kind));
        let place = Place { priority, first_seen: link.seen.first_seen, pair: pair.clone() };
        if link.withheld == Some(Withheld::Shared) {
            for end in [&pair.a, &pair.b] {
                if !self.shared.contains_key(end) {
                    self.shared.insert(end.clone(), SharedMap::new());
                }
                if let Some(pairs) = self.shared.get_mut(end) {
                    pairs.insert(pair.clone(), ());
                }
            }
        }
        let shared_values = &self.shared_values;
        let is_apart = self.apart.contains_key(pair);
        self.cases.put(pair, link, policy, |it| shared_values.contains_key(it), is_apart);
        cases.extend(self.cases.of_link(pair).cloned());
        self.places.insert(pair.clone(), place.clone());
        self.links.insert(place, link.clone());
    }

    /// The cases that the withheld links form.
    pub const fn cases(&self) -> &Cases {
        &self.cases
    }

    /// A withheld link.
    pub fn link(&self, pair: &Pair) -> Option<&Arc<LinkState>> {
        self.places.get(pair).and_then(|place| self.links.get(place))
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
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Place, &Arc<LinkState>)> {
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
