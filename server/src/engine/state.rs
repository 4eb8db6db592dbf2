//! What answers are computed from together with the rows of the database: the decisions, the retirements and the withheld links, as
//! of each commit.
//!
//! The pipeline publishes the state that each commit leaves, next to those before; what has not changed is shared. An answer reads a
//! snapshot of the database and the state of exactly that commit: a [`Reading`].

use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions},
        retirement::Retirements,
    },
    graph::rows::ClusterKey,
    plan::changes::Changes,
};
use profile360_store::{Store, StoreError};
use tokio::{
    sync::{Mutex, watch},
    time::{Duration, timeout},
};

use super::{
    active_policy::{ActivePolicy, load_retirements},
    inbox::{Inbox, Scores},
};

/// What operators have decided, and what waits for their decision.
#[derive(Debug, Clone)]
pub struct State {
    /// The number of the commit that it is as of.
    pub commit: i64,
    /// The policy of the projection, with the retirements.
    pub policy: Arc<ActivePolicy>,
    /// All decisions.
    pub decisions: Arc<Decisions>,
    /// The withheld links.
    pub inbox: Arc<Inbox>,
}

/// What an operator has changed in a commit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Decided<'d> {
    Nothing,
    Decisions(&'d [Decision]),
    /// All retirements afterwards.
    Retirements(&'d Arc<Retirements>),
}

impl State {
    /// Reads the state of a snapshot.
    pub(super) async fn load(snapshot: &Store, commit: i64, policy: &ActivePolicy) -> Result<Self, StoreError> {
        let mut decisions = Decisions::default();
        for decision in snapshot.decisions().await? {
            decisions.put(decision);
        }
        let policy = Arc::new(policy.with_retirements(Arc::new(load_retirements(snapshot).await?)));
        let inbox = Arc::new(Inbox::load(snapshot, &policy, &decisions).await?);
        Ok(Self { commit, policy, decisions: Arc::new(decisions), inbox })
    }
}

/// How long an answer waits until the state of its commit is published. It follows the commit at once.
const PUBLICATION: Duration = Duration::from_secs(2);

/// The states of one projection.
#[derive(Debug)]
pub struct States {
    last: watch::Sender<Arc<Published>>,
    /// The scores of cases. They follow the commits.
    scores: std::sync::Mutex<Scores>,
    /// The last state that was read from a snapshot, because other servers had committed.
    read: Mutex<Option<Arc<State>>>,
    is_fixed: bool,
}

/// A state, and the one after it.
#[derive(Debug)]
struct Published {
    state: Arc<State>,
    next: OnceLock<Arc<Self>>,
}

impl Drop for Published {
    /// One by one: there can be too many for the stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(published) = next {
            next = Arc::into_inner(published).and_then(|mut published| published.next.take());
        }
    }
}

impl States {
    pub(super) fn new(state: State) -> Self {
        let scores = std::sync::Mutex::new(Scores::as_of(state.commit));
        let published = Arc::new(Published { state: Arc::new(state), next: OnceLock::new() });
        Self { last: watch::Sender::new(published), scores, read: Mutex::default(), is_fixed: false }
    }

    /// The state of a projection whose rows no pipeline changes, for readers of its customers.
    pub fn fixed(policy: ActivePolicy) -> Self {
        let (policy, decisions, inbox) = (Arc::new(policy), Arc::default(), Arc::default());
        Self { is_fixed: true, ..Self::new(State { commit: 0, policy, decisions, inbox }) }
    }

    /// The state that the last commit of this server has left.
    pub fn last(&self) -> Arc<State> {
        self.last.borrow().state.clone()
    }

    pub fn scores(&self) -> MutexGuard<'_, Scores> {
        self.scores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what a commit leaves.
    pub(super) fn follow(&self, commit: i64, changes: &Changes, decided: Decided<'_>) {
        let before = self.last();
        let mut state = State { commit, ..State::clone(&before) };
        let mut cases = Vec::new();
        if let Decided::Retirements(retirements) = decided {
            state.policy = Arc::new(before.policy.with_retirements(retirements.clone()));
        }
        let inbox = Arc::make_mut(&mut state.inbox);
        if let Decided::Decisions(changed) = decided {
            state.decisions = Arc::new(before.decisions.with(changed));
            inbox.note_decisions(changed, &before.policy, &mut cases);
        }
        inbox.apply(changes, &before.policy, &mut cases);
        self.scores().follow(commit, &cases, changes.touched.iter().chain(&changes.removed_clusters));
        self.publish(state);
    }

    /// Publishes the same state as of another commit, which has changed nothing of it.
    pub(super) fn pass_to(&self, commit: i64) {
        self.scores().follow(commit, &[], []);
        self.publish(State { commit, ..State::clone(&self.last()) });
    }

    /// Publishes what other servers have committed, up to the commit of a snapshot, which it returns.
    pub(super) async fn catch_up(&self, snapshot: &Store) -> Result<i64, StoreError> {
        let commit = snapshot.last_commit().await?;
        let last = self.last();
        if last.commit == commit {
            return Ok(commit);
        }
        let others = Others::since(last.commit, commit, snapshot).await?;
        let state = others.leave(&last, commit, snapshot).await?;
        if others.leave_state {
            self.scores().follow(commit, &[], &others.customers);
        } else {
            self.scores().restart(commit);
        }
        self.publish(state);
        Ok(commit)
    }

    fn publish(&self, state: State) {
        let next = Arc::new(Published { state: Arc::new(state), next: OnceLock::new() });
        let mut before = next.clone();
        self.last.send_modify(|last| {
            last.next.set(next.clone()).ok();
            before = std::mem::replace(last, next.clone());
        });
        // Outside of the lock: it may be the last reference to much.
        drop(before);
    }

    fn pin(&self) -> Pin {
        Pin(self.last.borrow().clone())
    }

    /// The state of the commit that a snapshot sees, which began after the pin was made.
    async fn of(&self, snapshot: &Store, pin: &Pin, has_one_writer: bool) -> Result<Arc<State>, StoreError> {
        if self.is_fixed {
            return Ok(self.last());
        }
        let commit = match snapshot.commit_read().await {
            Ok(None) => snapshot.last_commit().await,
            read => read.map(Option::unwrap_or_default),
        };
        let commit = match commit {
            // Another projection has replaced this one. Its rows do not change any more.
            Err(StoreError::Superseded) => return Ok(self.last()),
            commit => commit?,
        };
        if let Some(found) = pin.find(commit) {
            return Ok(found);
        }
        if has_one_writer && self.last().commit < commit {
            let mut last = self.last.subscribe();
            timeout(PUBLICATION, last.wait_for(|last| commit <= last.state.commit)).await.ok();
            if let Some(found) = pin.find(commit) {
                return Ok(found);
            }
        }
        // One at a time, as it may be much, and the next one has use for it.
        let mut read = self.read.lock().await;
        let known = [read.clone(), Some(pin.last_up_to(commit))];
        let known = known.into_iter().flatten().filter(|state| state.commit <= commit).max_by_key(|state| state.commit);
        let state = match known {
            Some(state) if state.commit == commit => return Ok(state),
            Some(state) => {
                let others = Others::since(state.commit, commit, snapshot).await?;
                others.leave(&state, commit, snapshot).await?
            }
            None => State::load(snapshot, commit, &self.last().policy).await?,
        };
        let state = Arc::new(state);
        *read = Some(state.clone());
        Ok(state)
    }
}

/// A published state. It keeps those that are published later, so that what begins now finds each.
#[derive(Debug)]
struct Pin(Arc<Published>);

impl Pin {
    fn find(&self, commit: i64) -> Option<Arc<State>> {
        let found = self.last_up_to(commit);
        (found.commit == commit).then_some(found)
    }

    /// The last state up to a commit, or the pinned one if that is later.
    fn last_up_to(&self, commit: i64) -> Arc<State> {
        let mut published = &self.0;
        while let Some(next) = published.next.get().filter(|next| next.state.commit <= commit) {
            published = next;
        }
        published.state.clone()
    }
}

/// The commits of other servers after a state.
struct Others {
    /// Whether they leave decisions, retirements and withheld links as they are.
    leave_state: bool,
    /// The customers that they have changed, if all of them are known.
    customers: Vec<ClusterKey>,
}

impl Others {
    async fn since(commit: i64, up_to: i64, snapshot: &Store) -> Result<Self, StoreError> {
        let commits = snapshot.commits(commit, up_to).await?;
        // Old commits are pruned.
        let is_whole = i64::try_from(commits.len()).is_ok_and(|n_commits| n_commits == up_to - commit);
        let leave_state = is_whole && !commits.iter().any(|(_, it)| it.has_decisions || it.has_withheld);
        let customers = commits.into_iter().flat_map(|(_, it)| it.touched.into_iter().chain(it.removed)).collect();
        Ok(Self { leave_state, customers })
    }

    /// The state that they leave.
    async fn leave(&self, before: &State, commit: i64, snapshot: &Store) -> Result<State, StoreError> {
        if self.leave_state {
            return Ok(State { commit, ..before.clone() });
        }
        State::load(snapshot, commit, &before.policy).await
    }
}

/// What one answer reads: a snapshot of the database and the state of one commit, the last one when it first reads.
#[derive(Debug)]
pub struct Reading {
    pub store: Arc<Store>,
    states: Arc<States>,
    /// Whether this server alone commits, so that it publishes the state of each commit.
    has_one_writer: bool,
    at: Mutex<At>,
}

#[derive(Debug)]
enum At {
    /// The snapshot may not have begun.
    Later(Pin),
    Known(Arc<State>),
}

impl Reading {
    pub fn begin(store: &Store, states: &Arc<States>) -> Self {
        // Before the snapshot begins.
        let at = Mutex::new(At::Later(states.pin()));
        let has_one_writer = store.may_hold_snapshots();
        Self { store: Arc::new(store.snapshot()), states: states.clone(), has_one_writer, at }
    }

    /// The state of the commit that the snapshot sees.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn state(&self) -> Result<Arc<State>, StoreError> {
        let mut at = self.at.lock().await;
        let state = match &*at {
            At::Known(state) => return Ok(state.clone()),
            At::Later(pin) => self.states.of(&self.store, pin, self.has_one_writer).await?,
        };
        *at = At::Known(state.clone());
        Ok(state)
    }

    /// Lets it see a later commit.
    pub async fn refresh(&self) {
        let mut at = self.at.lock().await;
        *at = At::Later(self.states.pin());
        self.store.refresh().await;
    }

    /// Lets it see what another one sees, unless something was read from it.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn see(&self, other: &Self) -> Result<(), StoreError> {
        let mut at = self.at.lock().await;
        if matches!(&*at, At::Known(_)) {
            return Ok(());
        }
        self.store.see(&other.store).await?;
        let state = other.state().await?;
        match self.store.commit_read().await {
            Ok(commit) if commit != Some(state.commit) => return Ok(()),
            // Another projection has replaced this one. Its rows do not change any more.
            Ok(_) | Err(StoreError::Superseded) => *at = At::Known(state),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
