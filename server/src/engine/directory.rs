//! The list of customers: in memory, in every order, beside rows in the store that it is loaded from.
//!
//! A commit names the cells that it touched; a task of this module reads those customers anew, writes their rows and moves
//! them in the index. What a crash leaves undone is done at the next start, from the commits after the last that was
//! listed. What slides with the calendar (windows, age groups) is computed again for the rows that say they are due; that is
//! no news, what a commit touched is. This module never changes facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use futures::stream::{self, StreamExt, TryStreamExt};
use profile360_core::graph::rows::CellKey;
use profile360_directory::{Index, ListRow, Loading};
use profile360_store::{ProfileWrite, Store, StoreError};
use tokio::sync::{Notify, watch};

use crate::{
    clock::{self, Clock},
    engine::{
        active_policy::ActivePolicy,
        events::{Events, ProfileChanged},
        pipeline::Snapshot,
    },
    views::profile_view::{self, Customer, Loaded},
};

/// Customers that are read and written at once.
const CHUNK: usize = 200;
/// Customers whose purchases are read side by side.
const READ_AT_ONCE: usize = 8;
/// Customers that are moved in the index at once; whoever asks it waits that long at most.
const MOVED_AT_ONCE: usize = 20;
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
    /// Whether commits are kept however long ago they were listed.
    keeps_commits: AtomicBool,
    /// Whether it tells of what it lists.
    is_quiet: AtomicBool,
    news: Arc<Events>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Waiting {
    cells: BTreeMap<CellKey, Why>,
    /// How many were taken out of `cells` and are not in the index yet.
    n_being_listed: usize,
    up_to: i64,
}

/// Why a customer is to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A commit touched it.
    Changed,
    /// Another day began, or its row is of another version of the program.
    Due,
}

impl Waiting {
    fn changed(&mut self, cells: impl IntoIterator<Item = CellKey>) {
        self.cells.extend(cells.into_iter().map(|it| (it, Why::Changed)));
    }

    fn due(&mut self, cell: CellKey) {
        self.cells.entry(cell).or_insert(Why::Due);
    }
}

impl List {
    /// Loads the rows, and finds what the last process left undone.
    pub async fn load(store: &Store, rules: &ActivePolicy, news: Arc<Events>) -> Result<Self, StoreError> {
        Self::load_by(clock::now, store, rules, news).await
    }

    /// As [`List::load`], by another clock.
    pub async fn load_by(
        clock: Clock,
        store: &Store,
        rules: &ActivePolicy,
        news: Arc<Events>,
    ) -> Result<Self, StoreError> {
        let mut loading = Loading::default();
        let today = clock::date_at(clock(), rules);
        let mut waiting = Waiting::default();
        for first_byte in 0..=u8::MAX {
            for (key, payload) in store.profiles_of(first_byte).await? {
                match serde_json::from_str::<ListRow>(&payload) {
                    Ok(row) => {
                        if row.is_due(today) {
                            waiting.due(key);
                        }
                        loading.add(key, &row);
                    }
                    // Written by another version of the program: derived, so made anew.
                    Err(_) => waiting.due(key),
                }
            }
        }
        let (listed, last, cells) = unlisted(store).await?;
        waiting.changed(cells);
        waiting.up_to = last;
        Ok(Self {
            index: RwLock::new(loading.finish()),
            waiting: Mutex::new(waiting),
            wake: Notify::new(),
            listed: watch::Sender::new(listed),
            keeps_commits: AtomicBool::new(false),
            is_quiet: AtomicBool::new(false),
            news,
            clock,
        })
    }

    /// Notes what a commit touched.
    pub fn touch(&self, commit: i64, touched: Vec<CellKey>, removed: Vec<CellKey>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.changed(touched.into_iter().chain(removed));
        waiting.up_to = waiting.up_to.max(commit);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Today, as the list has it.
    pub fn today(&self, rules: &ActivePolicy) -> NaiveDate {
        clock::date_at((self.clock)(), rules)
    }

    /// Notes the rows that changed with the calendar.
    pub fn touch_due(&self, today: NaiveDate) {
        let due = self.read(|index| index.due(today));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        due.into_iter().for_each(|it| waiting.due(it));
        drop(waiting);
        self.wake.notify_one();
    }

    /// Whether commits are to be kept until further notice, for someone who follows them.
    pub fn keep_commits(&self, keeps: bool) {
        self.keeps_commits.store(keeps, Ordering::Relaxed);
    }

    /// Whether it is not to tell of what it lists: an edition that is being filled is no news.
    pub fn be_quiet(&self, is_quiet: bool) {
        self.is_quiet.store(is_quiet, Ordering::Relaxed);
    }

    /// Answers a question from the index.
    pub fn read<T>(&self, question: impl FnOnce(&Index) -> T) -> T {
        question(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many customers are not listed as they are, those among them that are being listed. Ask for it before the index: 0 is
    /// then true of what that says.
    pub fn n_waiting(&self) -> usize {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.cells.len() + waiting.n_being_listed
    }

    fn note_being_listed(&self, n: usize) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).n_being_listed = n;
    }

    /// Waits until everything that a commit touched is listed, or the time is over; whether it is.
    pub async fn wait_until_listed(&self, commit: i64, at_most: Duration) -> bool {
        let mut listed = self.listed.subscribe();
        tokio::time::timeout(at_most, listed.wait_for(|it| commit <= *it)).await.is_ok_and(|it| it.is_ok())
    }

    /// Lists what waits, until nothing does. `progress` hears how many customers are done.
    ///
    /// # Errors
    ///
    /// What was not listed waits still, and the commits that touched it do not count as listed. [`StoreError::Torn`] where that
    /// is only customers that could not be read as a whole: they keep the row that they have.
    pub async fn catch_up(
        &self,
        store: &Store,
        rules: &ActivePolicy,
        mut progress: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        let mut n_done = 0;
        loop {
            let (cells, up_to) = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.n_being_listed = waiting.cells.len();
                (std::mem::take(&mut waiting.cells), waiting.up_to)
            };
            if cells.is_empty() && up_to <= *self.listed.borrow() {
                return Ok(());
            }
            let cells: Vec<(CellKey, Why)> = cells.into_iter().collect();
            let mut torn = Vec::new();
            for (position, chunk) in cells.chunks(CHUNK).enumerate() {
                match self.list(store, rules, chunk).await {
                    Ok(unread) => torn.extend(unread),
                    Err(error) => {
                        self.wait_again(torn.iter().chain(&cells[position * CHUNK..]));
                        return Err(error);
                    }
                }
                n_done += chunk.len();
                self.note_being_listed(cells.len().saturating_sub((position + 1) * CHUNK));
                progress(n_done);
            }
            if !torn.is_empty() {
                self.wait_again(&torn);
                return Err(StoreError::Torn);
            }
            store.write_profiles(Vec::new(), Some(up_to)).await?;
            let listed_before = self.listed.send_replace(up_to);
            // Each time a round number is passed, what lies that far behind is forgotten.
            let round = up_to / COMMITS_KEPT;
            let keeps_all = self.keeps_commits.load(Ordering::Relaxed);
            if listed_before / COMMITS_KEPT < round && 1 < round && !keeps_all {
                store.forget_commits((round - 2) * COMMITS_KEPT, (round - 1) * COMMITS_KEPT).await?;
            }
        }
    }

    fn wait_again<'c>(&self, cells: impl IntoIterator<Item = &'c (CellKey, Why)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.n_being_listed = 0;
        for (key, why) in cells {
            match why {
                Why::Changed => waiting.changed([*key]),
                Why::Due => waiting.due(*key),
            }
        }
    }

    /// Lists some customers; those that could not be read as a whole.
    async fn list(
        &self,
        store: &Store,
        rules: &ActivePolicy,
        cells: &[(CellKey, Why)],
    ) -> Result<Vec<(CellKey, Why)>, StoreError> {
        let today = self.today(rules);
        let keys: Vec<CellKey> = cells.iter().map(|(key, _)| *key).collect();
        let Loaded { customers, torn } = profile_view::load_some(store, rules, &keys).await?;
        let is_torn = |key: &CellKey| torn.contains(key);
        let keys: Vec<CellKey> = keys.into_iter().filter(|key| !is_torn(key)).collect();
        let reading = keys.iter().map(|key| row_of(store, rules, customers.get(key).cloned(), today));
        let rows: Vec<Option<ListRow>> =
            stream::iter(reading.collect::<Vec<_>>()).buffered(READ_AT_ONCE).try_collect().await?;
        let rows: Vec<(CellKey, Option<ListRow>)> = keys.into_iter().zip(rows).collect();
        let payload = |row: &Option<ListRow>| row.as_ref().and_then(|it| serde_json::to_string(it).ok());
        let writes = rows.iter().map(|(key, row)| ProfileWrite { key: *key, payload: payload(row) }).collect();
        store.write_profiles(writes, None).await?;
        for rows in rows.chunks(MOVED_AT_ONCE) {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            for (key, row) in rows {
                match row {
                    Some(row) => index.put(*key, row),
                    None => index.remove(*key),
                }
            }
        }
        let unread = cells.iter().filter(|(key, _)| is_torn(key)).copied().collect();
        if self.is_quiet.load(Ordering::Relaxed) {
            return Ok(unread);
        }
        for (key, _) in cells.iter().filter(|(_, why)| *why == Why::Changed) {
            if let Some(customer) = customers.get(key) {
                let names = customer.members.iter().map(|(_, state)| state.unified_id);
                self.news.publish_profile(ProfileChanged::new(*key, names));
            }
        }
        Ok(unread)
    }
}

/// The row of a customer; none of one that is gone.
async fn row_of(
    store: &Store,
    rules: &ActivePolicy,
    customer: Option<Arc<Customer>>,
    today: NaiveDate,
) -> Result<Option<ListRow>, StoreError> {
    let Some(customer) = customer else { return Ok(None) };
    let purchased = profile_view::purchases(store, &customer).await?;
    Ok(Some(ListRow::new(&customer.profile, &purchased.orders, &purchased.refunds, rules, today)))
}

/// Up to which commit everything is listed, the last commit there is, and the cells that those between touched.
pub async fn unlisted(store: &Store) -> Result<(i64, i64, BTreeSet<CellKey>), StoreError> {
    let listed: i64 = store.setting("listed").await?.and_then(|it| it.parse().ok()).unwrap_or(0);
    let last = store.last_commit().await?;
    let commits = store.commits(listed, last).await?;
    let cells = commits.into_iter().flat_map(|(_, it)| it.touched.into_iter().chain(it.removed)).collect();
    Ok((listed, last, cells))
}

/// Lists what is touched, as long as the program runs, in whichever edition is in force; ends when `stop` says so and nothing
/// waits any more.
pub async fn run(mut editions: watch::Receiver<Snapshot>, mut stop: watch::Receiver<bool>) {
    const CALENDAR: Duration = Duration::from_secs(60);
    const AFTER_ERROR: Duration = Duration::from_secs(1);
    // Of each edition: another policy may have another time zone, where it is another day.
    let mut looked_at = None;
    loop {
        let Snapshot { store, list, policy, .. } = editions.borrow_and_update().clone();
        let today = list.today(&policy);
        if looked_at.replace((policy.version, today)) != Some((policy.version, today)) {
            list.touch_due(today);
        }
        let pause = match list.catch_up(&store, &policy, |_| {}).await {
            Ok(()) => CALENDAR,
            Err(error) => {
                tracing::error!(%error, "the list could not be brought up to date; trying again");
                AFTER_ERROR
            }
        };
        if *stop.borrow() {
            return;
        }
        // While it waits it holds nothing of an edition that may be over by then.
        drop((store, policy));
        tokio::select! {
            () = list.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            // An error is that the pipeline has ended; then someone is about to say stop.
            changed = editions.changed() => if changed.is_err() { stop.changed().await.ok(); },
            // When nobody can say stop any more it is time to stop, too.
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}
