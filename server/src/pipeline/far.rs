//! Requests that reach far: those in large components, whose rows take longer to read than others can wait.
//!
//! Such a request steps aside. What it needs is read beside the pipeline, which goes on with other requests and notes what
//! these change; then the request is planned with what was read and has not changed since. One request is read for at a
//! time: of two in one component the second would read what the first is about to change. This module never writes, and
//! nothing that it reads counts before the pipeline has held it against what was written meanwhile.

use std::collections::{BTreeSet, VecDeque};

use profile360_core::{
    decision::{Decision, Decisions},
    identifier::Identifier,
    link::Pair,
    message::Message,
    plan::{CellKey, Changes, Draft, Needs, View, first_needs, next_needs},
};
use tokio::task::JoinHandle;

use super::{Ingest, QUEUE, Worker, Workshop, cache::Cache, complete, decide};
use crate::store::StoreError;

/// What may be read for one request while others wait, as a number of rows that are read by their keys: some tenths of a
/// second.
pub(super) const NEAR: usize = 10_000;
/// So many messages more may need as much again.
const SHARE: usize = 500;
/// What the links of an identifier cost, in rows that are read by their keys.
const COST_OF_LINKS: usize = 5;
/// How often a request is read for beside the pipeline. What it needs that changes again and again is then read while
/// others wait.
const MAX_READINGS: u32 = 3;

/// What reading costs, in rows that are read by their keys.
pub(super) fn cost_of(needs: &Needs) -> usize {
    let Needs { messages, identifiers, links, cells, orders, sessions, links_of } = needs;
    let n_rows = messages.len() + identifiers.len() + links.len() + cells.len() + orders.len() + sessions.len();
    n_rows + COST_OF_LINKS * links_of.len()
}

/// What may be read for several messages at once, where so much may be read for one.
pub(super) const fn of_several(at_most: usize, n_messages: usize) -> usize {
    at_most.saturating_add((at_most / SHARE).saturating_mul(n_messages))
}

/// A request that can step aside.
#[derive(Debug)]
pub(super) enum Job {
    Ingest(Ingest),
    Decide(decide::Request),
}

/// What was read for a request before it is served; nothing for one that was not served yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub view: View,
    n_readings: u32,
}

impl Ahead {
    /// What may be read for it beside that, where so much is near.
    pub(super) const fn at_most(&self, near: usize) -> usize {
        if self.n_readings < MAX_READINGS { near } else { usize::MAX }
    }

    pub(super) const fn n_readings(&self) -> u32 {
        self.n_readings
    }
}

/// All that it takes to find out what a request needs that reaches too far; nothing of the base, which goes on changing.
#[derive(Debug)]
pub(super) enum Reach {
    /// With the owners of their values.
    Messages { messages: Vec<Message>, decisions: Decisions },
    Decisions {
        changed: Vec<Decision>,
        /// All of them, with those that change as they are to be.
        decisions: Decisions,
    },
}

/// The requests that stepped aside.
#[derive(Debug, Default)]
pub(super) struct Far {
    reading: Option<Reading>,
    waiting: VecDeque<(Job, Reach, u32)>,
    /// What was written since the reading began.
    written: Written,
}

#[derive(Debug)]
struct Reading {
    job: Job,
    n_readings: u32,
    task: JoinHandle<View>,
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
        let mut view = task.await.unwrap_or_default();
        let Reading { job, n_readings, .. } = self.reading.take()?;
        self.written.forget_in(&mut view);
        Some((job, Ahead { view, n_readings }))
    }

    /// Notes what a commit has changed.
    pub(super) fn see(&mut self, changes: &Changes) {
        if self.reading.is_some() {
            self.written.add(changes);
        }
    }

    /// Notes that anything may have changed.
    pub(super) const fn forget(&mut self) {
        self.written.is_anything = true;
    }

    fn begin_next(&mut self, workshop: &Workshop) {
        if self.reading.is_some() {
            return;
        }
        let Some((job, reach, n_readings)) = self.waiting.pop_front() else { return };
        self.written = Written::default();
        let task = tokio::spawn(read(workshop.clone(), reach));
        self.reading = Some(Reading { job, n_readings: n_readings + 1, task });
    }
}

impl Worker {
    /// Puts a request aside until what it needs is read.
    pub(super) fn step_aside(&mut self, job: Job, reach: Reach, n_readings: u32) {
        self.far.waiting.push_back((job, reach, n_readings));
        self.far.begin_next(&self.workshop);
    }

    /// Serves a request that was read for.
    pub(super) async fn go_on(&mut self, (job, ahead): (Job, Ahead)) {
        match job {
            Job::Ingest(request) => self.serve_one(request, ahead).await,
            Job::Decide(request) => self.decide(request, ahead).await,
        }
        self.far.begin_next(&self.workshop);
    }
}

async fn read(workshop: Workshop, reach: Reach) -> View {
    let mut view = View::default();
    // Rows that do not fit together are no reason to give up: what was changed meanwhile is read again in the end.
    if let Err(error) = read_into(&mut view, &workshop, &reach).await {
        tracing::debug!(%error, "a request that reaches far was not read for to its end");
    }
    view
}

async fn read_into(view: &mut View, workshop: &Workshop, reach: &Reach) -> Result<(), StoreError> {
    let Workshop { policy, secret, .. } = workshop;
    let mut draft = match reach {
        Reach::Messages { messages, decisions } => {
            load(first_needs(messages), view, workshop).await?;
            Draft::new(messages, view, policy, decisions, secret)
        }
        Reach::Decisions { changed, decisions } => {
            let ends: BTreeSet<Identifier> =
                changed.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
            load(Needs { identifiers: ends.clone(), ..Needs::default() }, view, workshop).await?;
            load(decide::members_not_seen(&ends, view), view, workshop).await?;
            Draft::of_decisions(changed, view, policy, decisions)
        }
    };
    complete(&mut draft, &mut Cache::default(), workshop, view).await
}

/// Loads rows, and the rows that these name.
async fn load(mut needs: Needs, view: &mut View, workshop: &Workshop) -> Result<(), StoreError> {
    while !needs.is_empty() {
        workshop.store.load(&needs, &workshop.secret, view).await?;
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
    /// Identifiers that have more or fewer links.
    linked: BTreeSet<Identifier>,
    is_anything: bool,
}

impl Written {
    fn add(&mut self, changes: &Changes) {
        let Changes { identifiers, links, cells, removed_cells, removed_identifiers, removed_links, .. } = changes;
        self.identifiers.extend(identifiers.keys().chain(removed_identifiers).cloned());
        self.links.extend(links.keys().chain(removed_links).cloned());
        self.cells.extend(cells.keys().chain(removed_cells));
        let new = links.iter().filter(|(_, (_, is_new))| *is_new).map(|(pair, _)| pair);
        self.linked.extend(new.chain(removed_links).flat_map(|it| [it.a.clone(), it.b.clone()]));
    }

    /// Leaves in a view what is in the base still.
    fn forget_in(&mut self, view: &mut View) {
        let Self { identifiers, links, cells, linked, is_anything } = std::mem::take(self);
        if is_anything {
            *view = View::default();
            return;
        }
        // Few, and read again at once.
        view.messages.clear();
        view.orders.clear();
        view.sessions.clear();
        view.identifiers.retain(|it, _| !identifiers.contains(it));
        view.links.retain(|it, _| !links.contains(it));
        view.cells.retain(|it, _| !cells.contains(it));
        view.links_of.retain(|it, _| !linked.contains(it));
    }
}
