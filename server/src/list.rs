//! The list of customers: in memory, in every order, beside rows in the store that it is loaded from.
//!
//! A commit names the cells that it touched; a task of this module reads those customers anew, writes their rows and moves
//! them in the index. What a crash leaves undone is done at the next start, from the commits after the last that was
//! listed. What slides with the calendar (windows, age groups) is computed again for the rows that say they are due.
//! This module never changes facts.

mod index;
mod row;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use chrono::NaiveDate;
use profile360_core::plan::CellKey;
use tokio::sync::{Notify, watch};

pub use self::{
    index::{Direction, Filter, Index, OrderField, Page, PageRequest, Position},
    row::{ListRow, Window12},
};
use crate::{
    clock, customer,
    rules::Rules,
    store::{ProfileWrite, Store, StoreError},
};

/// Customers that are read and written at once.
const CHUNK: usize = 200;
/// How many commit rows are kept behind the one that was listed last.
const COMMITS_KEPT: i64 = 1_000;

/// The index and what waits to be listed.
#[derive(Debug)]
pub struct List {
    index: RwLock<Index>,
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// The last commit of which everything is listed.
    listed: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct Waiting {
    cells: BTreeSet<CellKey>,
    up_to: i64,
}

impl List {
    /// Loads the rows, and finds what the last process left undone.
    pub async fn load(store: &Store, rules: &Rules) -> Result<Self, StoreError> {
        let mut index = Index::default();
        let today = clock::today(rules);
        let mut waiting = Waiting::default();
        for first_byte in 0..=u8::MAX {
            for (key, payload) in store.profiles_of(first_byte).await? {
                match serde_json::from_str::<ListRow>(&payload) {
                    Ok(row) => {
                        if row.is_due(today) {
                            waiting.cells.insert(key);
                        }
                        index.put(key, row);
                    }
                    // Written by another version of the program: derived, so made anew.
                    Err(_) => drop(waiting.cells.insert(key)),
                }
            }
        }
        let (listed, last, cells) = unlisted(store).await?;
        waiting.cells.extend(cells);
        waiting.up_to = last;
        Ok(Self {
            index: RwLock::new(index),
            waiting: Mutex::new(waiting),
            wake: Notify::new(),
            listed: watch::Sender::new(listed),
        })
    }

    /// Notes what a commit touched.
    pub fn touch(&self, commit: i64, touched: Vec<CellKey>, removed: Vec<CellKey>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.cells.extend(touched.into_iter().chain(removed));
        waiting.up_to = waiting.up_to.max(commit);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Notes the rows that changed with the calendar.
    pub fn touch_due(&self, today: NaiveDate) {
        let due = self.read(|index| index.due(today));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.cells.extend(due);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Answers a question from the index.
    pub fn read<T>(&self, question: impl FnOnce(&Index) -> T) -> T {
        question(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many customers wait to be listed.
    pub fn n_waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).cells.len()
    }

    /// Waits until everything that a commit touched is listed, or the time is over; whether it is.
    pub async fn wait_until_listed(&self, commit: i64, at_most: Duration) -> bool {
        let mut listed = self.listed.subscribe();
        tokio::time::timeout(at_most, listed.wait_for(|it| commit <= *it)).await.is_ok_and(|it| it.is_ok())
    }

    /// Lists what waits, until nothing does. `progress` hears how many customers are done.
    pub async fn catch_up(
        &self,
        store: &Store,
        rules: &Rules,
        mut progress: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        let mut n_done = 0;
        loop {
            let (cells, up_to) = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                (std::mem::take(&mut waiting.cells), waiting.up_to)
            };
            if cells.is_empty() && up_to <= *self.listed.borrow() {
                return Ok(());
            }
            let cells: Vec<CellKey> = cells.into_iter().collect();
            for (position, chunk) in cells.chunks(CHUNK).enumerate() {
                if let Err(error) = self.list(store, rules, chunk).await {
                    let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.cells.extend(&cells[position * CHUNK..]);
                    return Err(error);
                }
                n_done += chunk.len();
                progress(n_done);
            }
            store.write_profiles(Vec::new(), Some(up_to)).await?;
            let listed_before = self.listed.send_replace(up_to);
            // Each time a round number is passed, what lies that far behind is forgotten.
            let round = up_to / COMMITS_KEPT;
            if listed_before / COMMITS_KEPT < round && 1 < round {
                store.forget_commits((round - 2) * COMMITS_KEPT, (round - 1) * COMMITS_KEPT).await?;
            }
        }
    }

    async fn list(&self, store: &Store, rules: &Rules, keys: &[CellKey]) -> Result<(), StoreError> {
        let today = clock::today(rules);
        let customers = customer::load(store, rules, keys).await?;
        let mut rows = Vec::with_capacity(keys.len());
        let mut writes = Vec::with_capacity(keys.len());
        for key in keys {
            let row = match customers.get(key) {
                Some(customer) => {
                    let purchased = customer::purchases(store, customer).await?;
                    Some(ListRow::new(customer, &purchased, rules, today))
                }
                None => None,
            };
            let payload = row.as_ref().and_then(|it| serde_json::to_string(it).ok());
            writes.push(ProfileWrite { key: *key, payload });
            rows.push((*key, row));
        }
        store.write_profiles(writes, None).await?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (key, row) in rows {
            match row {
                Some(row) => index.put(key, row),
                None => index.remove(key),
            }
        }
        Ok(())
    }
}

/// Up to which commit everything is listed, the last commit there is, and the cells that those between touched.
pub async fn unlisted(store: &Store) -> Result<(i64, i64, BTreeSet<CellKey>), StoreError> {
    let listed: i64 = store.setting("listed").await?.and_then(|it| it.parse().ok()).unwrap_or(0);
    let last = store.last_commit().await?;
    let commits = store.commits(listed, last).await?;
    let cells = commits.into_iter().flat_map(|(_, it)| it.touched.into_iter().chain(it.removed)).collect();
    Ok((listed, last, cells))
}

/// Lists what is touched, as long as the program runs; ends when `stop` says so and nothing waits any more.
pub async fn run(list: Arc<List>, store: Arc<Store>, rules: Arc<Rules>, mut stop: watch::Receiver<bool>) {
    const CALENDAR: Duration = Duration::from_secs(60);
    const AFTER_ERROR: Duration = Duration::from_secs(1);
    let mut last_day = clock::today(&rules);
    loop {
        let pause = match list.catch_up(&store, &rules, |_| {}).await {
            Ok(()) => CALENDAR,
            Err(error) => {
                tracing::error!(%error, "the list could not be brought up to date; trying again");
                AFTER_ERROR
            }
        };
        if *stop.borrow() {
            return;
        }
        tokio::select! {
            () = list.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            // When nobody can say stop any more it is time to stop, too.
            changed = stop.changed() => if changed.is_err() { return },
        }
        let today = clock::today(&rules);
        if last_day < today {
            last_day = today;
            list.touch_due(today);
        }
    }
}
