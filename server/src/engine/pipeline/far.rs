//! Requests that reach far: those in large components, whose rows take longer to read than others can wait.
//!
//! Such a request steps aside. What it needs is read beside the pipeline, which goes on with other requests and notes what
//! these change. Where that is nothing that was read, the request is what it was planned to be there; else it is planned
//! again with what has not changed. One request is read for at a time: of two in one component the second would read what the
//! first is about to change. This module never writes, and nothing that it reads or plans counts before the pipeline has held
//! it against what was written meanwhile.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use profile360_core::{
    evidence::{
        decision::{Decision, Decisions},
        link::Pair,
    },
    graph::rows::CellKey,
    identifier::Identifier,
    message::Message,
    plan::{
        changes::Changes,
        draft::Draft,
        needs::{Needs, first_needs, next_needs},
        view::View,
    },
};
use profile360_store::StoreError;
use tokio::task::JoinHandle;

use super::{Ingest, QUEUE, Snapshot, Worker, cache::Cache, complete, decide};

/// What may be done for one request while others wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// What may be read, as a number of rows that are read by their keys.
    pub read: usize,
    /// How many rows of identifiers, links and profiles may be written.
    pub write: usize,
}

impl Bounds {
    /// Some tenths of a second.
    pub const NEAR: Self = Self { read: 5_000, write: 2_500 };
    pub(super) const NONE: Self = Self { read: usize::MAX, write: usize::MAX };

    /// What may be done for several messages at once.
    pub(super) const fn of_several(self, n_messages: usize) -> Self {
        Self { read: more(self.read, n_messages), write: more(self.write, n_messages) }
    }
}

const fn more(at_most: usize, n_messages: usize) -> usize {
    at_most.saturating_add((at_most / SHARE).saturating_mul(n_messages))
}

/// So many messages more may need as much again.
const SHARE: usize = 250;
/// What the links of an identifier cost, in rows that are read by their keys.
const COST_OF_LINKS: usize = 5;
/// How often a request steps aside. What changes again and again is then read, planned and written while others wait.
const MAX_ASIDES: u32 = 4;

/// What reading costs, in rows that are read by their keys.
pub(super) fn cost_of(needs: &Needs) -> usize {
    let Needs { messages, identifiers, links, cells, orders, sessions, links_of } = needs;
    let n_rows = messages.len() + identifiers.len() + links.len() + cells.len() + orders.len() + sessions.len();
    n_rows + COST_OF_LINKS * links_of.len()
}

/// A request that can step aside.
#[derive(Debug)]
pub(super) enum Job {
    Ingest(Ingest),
    Decide(decide::Request),
}

/// What was done for a request before it is served; nothing for one that was not served yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// What was read and has not changed since.
    pub view: View,
    /// What comes of it, where nothing that was read has changed.
    pub changes: Option<Changes>,
    n_asides: u32,
}

impl Ahead {
    /// Of a request that stepped aside so often, and for which nothing was done.
    pub(super) fn again(n_asides: u32) -> Self {
        Self { n_asides, ..Self::default() }
    }

    /// What may be done for it beside that.
    pub(super) const fn at_most(&self, bounds: Bounds) -> Bounds {
        if self.n_asides < MAX_ASIDES { bounds } else { Bounds::NONE }
    }

    pub(super) const fn n_asides(&self) -> u32 {
        self.n_asides
    }
}

/// All that it takes to find out what a request needs that reaches too far; nothing of the base, which goes on changing.
#[derive(Debug)]
pub(super) enum Reach {
    /// With the owners of their values.
    Messages { messages: Vec<Message>, decisions: Decisions },
    Decisions {
        /// Whoever the wish is about.
        ends: BTreeSet<Identifier>,
        changed: Vec<Decision>,
        /// All of them, with those that change as they are to be.
        decisions: Decisions,
    },
}

/// The requests that stepped aside.
#[derive(Debug, Default)]
pub(super) struct Far {
    reading: Option<Reading>,
    waiting: VecDeque<Waiting>,
    /// How often decisions were made or revoked, or anything may have changed.
    n_words: u64,
    /// What was written since the reading began.
    written: Written,
}

#[derive(Debug)]
struct Waiting {
    job: Job,
    reach: Reach,
    n_asides: u32,
    /// [`Far::n_words`] when it was found to reach far: others have made or revoked decisions since where it is another one.
    n_words: u64,
}

#[derive(Debug)]
struct Reading {
    job: Job,
    n_asides: u32,
    task: JoinHandle<(View, Option<Changes>)>,
}

impl Far {
    /// Whether another request may step aside; memory stays bounded.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < QUEUE
    }

    /// The request whose turn it is, once its rows are read; nothing where none stepped aside. Nothing is lost where this is
    /// dropped before it comes back.
    pub(super) async fn next(&mut self) -> Option<(Job, Ahead)> {
        let task = &mut self.reading.as_mut()?.task;
        // Whatever happened to the task, the request is served: then everything is read again.
        let (mut view, changes) = task.await.unwrap_or_default();
        let Reading { job, n_asides, .. } = self.reading.take()?;
        let written = std::mem::take(&mut self.written);
        if changes.is_some() && !written.is_about(&view) {
            return Some((job, Ahead { view, changes, n_asides }));
        }
        written.forget_in(&mut view);
        Some((job, Ahead { view, changes: None, n_asides }))
    }

    /// Notes what a commit has changed.
    pub(super) fn see(&mut self, changes: &Changes) {
        if self.reading.is_some() {
            self.written.add(changes);
        }
    }

    /// Notes that decisions were made or revoked.
    pub(super) const fn see_decisions(&mut self) {
        self.written.has_decisions = true;
        self.n_words += 1;
    }

    /// Notes that anything may have changed.
    pub(super) const fn forget(&mut self) {
        self.written.is_anything = true;
        self.n_words += 1;
    }

    fn begin(&mut self, snapshot: &Snapshot) {
        let Some(Waiting { job, reach, n_asides, n_words }) = self.waiting.pop_front() else { return };
        // What is read is as it is now; what is planned rests on the decisions and the owners of then.
        self.written = Written { has_decisions: n_words != self.n_words, ..Written::default() };
        let task = tokio::spawn(read(snapshot.clone(), reach));
        self.reading = Some(Reading { job, n_asides: n_asides + 1, task });
    }
}

impl Worker {
    /// Puts a request aside until what it needs is read.
    pub(super) async fn read_aside(&mut self, job: Job, reach: Reach, n_asides: u32) {
        let n_words = self.far.n_words;
        self.far.waiting.push_back(Waiting { job, reach, n_asides, n_words });
        self.read_for_next().await;
    }

    /// Serves a request that was read for.
    pub(super) async fn go_on(&mut self, (job, ahead): (Job, Ahead)) {
        self.serve_aside(job, ahead).await;
        self.read_for_next().await;
    }

    /// Serves a request that had stepped aside.
    pub(super) async fn serve_aside(&mut self, job: Job, ahead: Ahead) {
        match job {
            Job::Ingest(request) => {
                if let Some(request) = self.as_read_now(request) {
                    self.serve_one(request, ahead).await;
                }
            }
            Job::Decide(request) => self.decide(request, ahead).await,
        }
    }

    async fn read_for_next(&mut self) {
        if self.far.reading.is_some() {
            return;
        }
        // Known before anything is read: another server's commit is then one that ours collides with, and what was read is
        // thrown away with everything else.
        let is_known = self.last_commit().await.is_ok();
        self.far.begin(&self.snapshot);
        if !is_known {
            self.far.forget();
        }
    }
}

async fn read(snapshot: Snapshot, reach: Reach) -> (View, Option<Changes>) {
    let mut view = View::default();
    match plan(&mut view, &snapshot, &reach).await {
        Ok(changes) => (view, Some(changes)),
        // Rows that do not fit together are no reason to give up: what was changed meanwhile is read again in the end.
        Err(error) => {
            tracing::debug!(%error, "a request that reaches far was not read for to its end");
            (view, None)
        }
    }
}

async fn plan(view: &mut View, snapshot: &Snapshot, reach: &Reach) -> Result<Changes, StoreError> {
    let Snapshot { policy, secret, .. } = snapshot;
    let mut draft = match reach {
        Reach::Messages { messages, decisions } => {
            load(first_needs(messages), view, snapshot).await?;
            Draft::new(messages, view, policy, decisions, secret)
        }
        Reach::Decisions { ends, changed, decisions } => {
            load(Needs { identifiers: ends.clone(), ..Needs::default() }, view, snapshot).await?;
            load(decide::members_not_seen(ends, view), view, snapshot).await?;
            Draft::of_decisions(changed, view, policy, decisions)
        }
    };
    complete(&mut draft, &mut Cache::default(), snapshot, view).await?;
    Ok(draft.finish(view))
}

/// Loads rows, and the rows that these name.
async fn load(mut needs: Needs, view: &mut View, snapshot: &Snapshot) -> Result<(), StoreError> {
    while !needs.is_empty() {
        snapshot.store.load(&needs, &snapshot.secret, view).await?;
        needs = next_needs(view);
    }
    Ok(())
}

/// Keys of rows that were changed, made or removed.
#[derive(Debug, Default)]
struct Written {
    identifiers: BTreeSet<Identifier>,
    links: BTreeSet<Pair>,
    cells: BTreeSet<CellKey>,
    orders: BTreeSet<Arc<str>>,
    sessions: BTreeSet<Arc<str>>,
    /// Identifiers at the ends of those links, new ones and removed ones too: whoever lists an identifier's links must hold each.
    linked: BTreeSet<Identifier>,
    has_decisions: bool,
    is_anything: bool,
}

impl Written {
    fn add(&mut self, changes: &Changes) {
        let Changes {
            identifiers,
            links,
            cells,
            removed_cells,
            removed_identifiers,
            removed_links,
            order_states,
            sessions,
            ..
        } = changes;
        self.identifiers.extend(identifiers.keys().chain(removed_identifiers).cloned());
        self.links.extend(links.keys().chain(removed_links).cloned());
        self.cells.extend(cells.keys().chain(removed_cells));
        self.orders.extend(order_states.keys().cloned());
        self.sessions.extend(sessions.keys().cloned());
        self.linked.extend(links.keys().chain(removed_links).flat_map(|it| [it.a.clone(), it.b.clone()]));
    }

    /// Whether anything of it is in a view, or has a say in what comes of one. A message that was taken meanwhile has changed its
    /// home, too; one of the same ID that names others collides in the base.
    fn is_about(&self, view: &View) -> bool {
        self.is_anything
            || self.has_decisions
            || self.identifiers.iter().any(|it| view.identifiers.contains_key(it))
            || self.links.iter().any(|it| view.links.contains_key(it))
            || self.cells.iter().any(|it| view.cells.contains_key(it))
            || self.orders.iter().any(|it| view.orders.contains_key(it))
            || self.sessions.iter().any(|it| view.sessions.contains_key(it))
            || self.linked.iter().any(|it| view.links_of.contains_key(it))
    }

    /// Leaves in a view what is in the base still.
    fn forget_in(&self, view: &mut View) {
        if self.is_anything {
            *view = View::default();
            return;
        }
        // Few, and read again at once.
        view.messages.clear();
        view.orders.clear();
        view.sessions.clear();
        view.identifiers.retain(|it, _| !self.identifiers.contains(it));
        view.links.retain(|it, _| !self.links.contains(it));
        view.cells.retain(|it, _| !self.cells.contains(it));
        view.links_of.retain(|it, _| !self.linked.contains(it));
    }
}

#[cfg(test)]
mod tests {
    use profile360_core::{
        evidence::link::Sightings,
        graph::rows::LinkState,
        identifier::Kind,
        message::parse::parse_message,
        policy::{compiled::CompiledPolicy, document::Policy},
    };

    use super::*;

    /// A link that is seen once more has no new ends; forgetting its state alone would have cut it.
    #[test]
    fn what_lists_an_identifiers_links_holds_each_of_them() {
        let policy = CompiledPolicy::new(Policy::default()).expect("it has no faults");
        let text = r#"{
            "message_id": "m1", "type": "identify", "timestamp": "2025-03-01T10:00:00Z", "source": "crm",
            "identifiers": { "external_id": "u1", "phone": "010-1234-5678" }
        }"#;
        let message = parse_message(text, &policy).expect("it is a good message").message;
        let [a, b] = message.identifiers.as_slice() else { panic!("it names two") };
        let pair = Pair::new(a, b).expect("they are two");
        let link = LinkState { seen: Sightings::of(&message), withheld: None };
        let other = Pair::new(a, &Identifier::new(Kind::new("device_id"), "d1")).expect("they are two");
        let mut view = View::default();
        for pair in [&pair, &other] {
            view.links.insert(pair.clone(), Some(Arc::new(link.clone())));
        }
        view.links_of.insert(a.clone(), [pair.clone(), other.clone()].into());
        view.links_of.insert(other.a.clone(), [other.clone()].into());

        let mut changes = Changes::default();
        changes.links.insert(pair, (link, false));
        let mut written = Written::default();
        written.add(&changes);
        assert!(written.is_about(&view));
        written.forget_in(&mut view);
        let mut listed = view.links_of.values().flat_map(|it| it.iter());
        assert!(listed.all(|it| view.links.contains_key(it)), "{view:?}");
        assert!(view.links.contains_key(&other), "what has not changed is kept");
    }
}
