//! Ingestion counters: messages per minute of the last hour and per hour of the last week, and where rejected messages were faulty.
//!
//! Minutes and places begin with the process. Hours are written to the database by [`super::ingest_history`], so a restart keeps
//! them. Nothing of a message is kept but the path of its fault.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use profile360_core::time::Timestamp;
use profile360_store::HourRow;

/// How many minutes are kept.
pub const MINUTES: usize = 60;
/// How many hours are shown: a week.
pub const HOURS: usize = 7 * 24;
/// How many hours are kept, so that the day before the week is there to compare with.
pub const KEPT_HOURS: usize = HOURS + 24;
/// How many rejected messages are kept of each code.
const PLACES: usize = 10;
const SECONDS_AN_HOUR: i64 = 3_600;

/// The upper bounds of delays, in seconds. A message that is later is history, which says nothing about how fast a source is.
const DELAYS: [u32; 15] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];

/// What is normal, in thousandths of all messages; more is worth a look.
const NORMAL_REPEATED: u64 = 50;
const NORMAL_REJECTED: u64 = 10;
/// The delay that is normal, in seconds.
const NORMAL_DELAY: u32 = 300;
/// A source is quiet if it usually sends at least this many messages in the hour, on this many of the last six days.
const USUAL_MESSAGES: u64 = 10;
const USUAL_DAYS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// When it began.
    pub at: DateTime<Utc>,
    /// New messages.
    pub accepted: u64,
    /// Duplicates.
    pub repeated: u64,
    pub refused: u64,
}

/// The counters of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// When it began.
    pub at: DateTime<Utc>,
    pub counts: HourRow,
}

/// A rejected message: where its fault is, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedPlace {
    pub at: DateTime<Utc>,
    /// The path of the fault. Names that a client chose and that could be data are replaced by `*`.
    pub path: String,
    /// The name of the key that it came with.
    pub sender: Arc<str>,
}

/// The counters of some hours together, and what of them is not normal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub accepted: u64,
    pub repeated: u64,
    pub rejected: u64,
    /// Half of the accepted messages were at most this late, in seconds. `None` if all of them are history.
    pub delay: Option<u32>,
    pub warnings: Vec<Warning>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    ManyDuplicates,
    ManyRejected,
    Late,
    Quiet,
}

#[derive(Debug)]
pub struct IngestStats {
    since: DateTime<Utc>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By the minute's start. A new minute drops the oldest.
    minutes: BTreeMap<DateTime<Utc>, Minute>,
    refused: BTreeMap<&'static str, u64>,
    /// By the number of the hour since 1970. A new hour drops the oldest.
    hours: BTreeMap<i64, HourRow>,
    /// Hours that changed since they were written.
    unwritten: BTreeSet<i64>,
    /// Rejected messages by code, the newest last.
    places: BTreeMap<&'static str, VecDeque<RejectedPlace>>,
    /// The merges and unmerges of this process that are in `hours`.
    lineage: (u64, u64),
}

impl IngestStats {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { since: now, counted: Mutex::default() }
    }

    /// When counting began.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Counts new messages, each by its own time, and duplicates.
    pub fn count_accepted(&self, now: DateTime<Utc>, accepted: impl IntoIterator<Item = Timestamp>, repeated: u64) {
        let mut counted = self.counted();
        let hour = counted.hour(now);
        let mut n_accepted = 0;
        for sent in accepted {
            n_accepted += 1;
            let seconds = (now.timestamp_micros() - sent.micros()) / 1_000_000;
            if let Some(bound) = DELAYS.iter().find(|bound| seconds <= i64::from(**bound)) {
                *hour.delays.entry(*bound).or_default() += 1;
            }
        }
        hour.accepted += n_accepted;
        hour.repeated += repeated;
        let minute = counted.minute(now);
        minute.accepted += n_accepted;
        minute.repeated += repeated;
    }

    /// Counts rejected messages, each by the code and the path of its fault.
    pub fn count_refused<'a>(
        &self,
        now: DateTime<Utc>,
        sender: &Arc<str>,
        refused: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) {
        let mut counted = self.counted();
        for (code, path) in refused {
            counted.minute(now).refused += 1;
            *counted.refused.entry(code).or_default() += 1;
            let hour = counted.hour(now);
            match hour.rejected.get_mut(code) {
                Some(count) => *count += 1,
                None => {
                    hour.rejected.insert(code.to_owned(), 1);
                }
            }
            let places = counted.places.entry(code).or_default();
            if PLACES <= places.len() {
                places.pop_front();
            }
            places.push_back(RejectedPlace { at: now, path: without_data(path), sender: sender.clone() });
        }
    }

    /// Takes over the number of customers, and the merges and unmerges since the process began.
    pub fn note_customers(&self, now: DateTime<Utc>, customers: u64, (merged, unmerged): (u64, u64)) {
        let mut counted = self.counted();
        let (known_merged, known_unmerged) = counted.lineage;
        let hour = counted.hours.get(&hour_of(now));
        let is_known = (merged, unmerged) == counted.lineage && hour.and_then(|it| it.customers) == Some(customers);
        if is_known {
            return;
        }
        let hour = counted.hour(now);
        hour.merged += merged.saturating_sub(known_merged);
        hour.unmerged += unmerged.saturating_sub(known_unmerged);
        hour.customers = Some(customers);
        counted.lineage = (merged, unmerged);
    }

    /// The last minutes, oldest first. The last one is not over.
    pub fn minutes(&self, now: DateTime<Utc>) -> Vec<Minute> {
        let counted = self.counted();
        let last = start_of(now);
        (0..MINUTES)
            .rev()
            .filter_map(|back| {
                let at = last.checked_sub_signed(TimeDelta::minutes(i64::try_from(back).ok()?))?;
                Some(counted.minutes.get(&at).copied().unwrap_or(Minute { at, accepted: 0, repeated: 0, refused: 0 }))
            })
            .collect()
    }

    /// The last `n` hours, at most [`KEPT_HOURS`], oldest first. The last one is not over.
    pub fn hours(&self, now: DateTime<Utc>, n: usize) -> Vec<Hour> {
        let counted = self.counted();
        let last = hour_of(now);
        let first = last - i64::try_from(n.min(KEPT_HOURS)).unwrap_or(0) + 1;
        (first..=last)
            .filter_map(|hour| {
                let at = DateTime::from_timestamp(hour * SECONDS_AN_HOUR, 0)?;
                Some(Hour { at, counts: counted.hours.get(&hour).cloned().unwrap_or_default() })
            })
            .collect()
    }

    /// The last `n` hours together.
    pub fn summary(&self, now: DateTime<Utc>, n: usize) -> Summary {
        let hours = self.hours(now, n);
        let sum = |of: fn(&HourRow) -> u64| hours.iter().map(|hour| of(&hour.counts)).sum::<u64>();
        let mut delays: BTreeMap<u32, u64> = BTreeMap::new();
        for (bound, count) in hours.iter().flat_map(|hour| &hour.counts.delays) {
            *delays.entry(*bound).or_default() += count;
        }
        let mut summary = Summary {
            accepted: sum(|it| it.accepted),
            repeated: sum(|it| it.repeated),
            rejected: sum(|it| it.rejected.values().sum()),
            delay: median(&delays),
            warnings: Vec::new(),
        };
        let all = summary.accepted + summary.repeated + summary.rejected;
        let exceeds = |part: u64, normal: u64| all.saturating_mul(normal) < part.saturating_mul(1_000);
        let warnings = [
            (exceeds(summary.repeated, NORMAL_REPEATED), Warning::ManyDuplicates),
            (exceeds(summary.rejected, NORMAL_REJECTED), Warning::ManyRejected),
            (summary.delay.is_some_and(|delay| NORMAL_DELAY < delay), Warning::Late),
            (is_quiet(&self.hours(now, HOURS)), Warning::Quiet),
        ];
        summary.warnings = warnings.into_iter().filter(|(holds, _)| *holds).map(|(_, warning)| warning).collect();
        summary
    }

    /// Rejected messages of this process by code, descending.
    pub fn refused(&self) -> Vec<(String, u64)> {
        descending(self.counted().refused.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect())
    }

    /// Rejected messages of the last `n` hours by code, descending.
    pub fn refused_in(&self, now: DateTime<Utc>, n: usize) -> Vec<(String, u64)> {
        let mut refused: BTreeMap<String, u64> = BTreeMap::new();
        for (code, count) in self.hours(now, n).into_iter().flat_map(|hour| hour.counts.rejected) {
            *refused.entry(code).or_default() += count;
        }
        descending(refused.into_iter().collect())
    }

    /// The newest rejected messages of a code, newest first.
    pub fn places(&self, code: &str) -> Vec<RejectedPlace> {
        self.counted().places.get(code).into_iter().flatten().rev().cloned().collect()
    }

    /// Adds what earlier processes counted.
    pub fn restore(&self, stored: Vec<(i64, HourRow)>) {
        let mut counted = self.counted();
        for (hour, row) in stored {
            let merged = counted.hours.entry(hour).or_default();
            merged.accepted += row.accepted;
            merged.repeated += row.repeated;
            merged.merged += row.merged;
            merged.unmerged += row.unmerged;
            merged.customers = merged.customers.or(row.customers);
            for (code, count) in row.rejected {
                *merged.rejected.entry(code).or_default() += count;
            }
            for (bound, count) in row.delays {
                *merged.delays.entry(bound).or_default() += count;
            }
        }
        counted.drop_oldest();
    }

    /// The hours that changed since they were written last.
    pub fn take_unwritten(&self) -> Vec<(i64, HourRow)> {
        let mut counted = self.counted();
        let unwritten = std::mem::take(&mut counted.unwritten);
        unwritten.into_iter().filter_map(|hour| Some((hour, counted.hours.get(&hour)?.clone()))).collect()
    }

    /// Marks hours that could not be written.
    pub fn keep_unwritten(&self, hours: impl IntoIterator<Item = i64>) {
        self.counted().unwritten.extend(hours);
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn minute(&mut self, now: DateTime<Utc>) -> &mut Minute {
        let at = start_of(now);
        if !self.minutes.contains_key(&at) {
            while MINUTES <= self.minutes.len() {
                self.minutes.pop_first();
            }
        }
        self.minutes.entry(at).or_insert(Minute { at, accepted: 0, repeated: 0, refused: 0 })
    }

    fn hour(&mut self, now: DateTime<Utc>) -> &mut HourRow {
        let hour = hour_of(now);
        self.unwritten.insert(hour);
        self.hours.entry(hour).or_default();
        self.drop_oldest();
        self.hours.entry(hour).or_default()
    }

    fn drop_oldest(&mut self) {
        while KEPT_HOURS < self.hours.len() {
            if let Some((hour, _)) = self.hours.pop_first() {
                self.unwritten.remove(&hour);
            }
        }
    }
}

/// The number of an hour since 1970.
pub fn hour_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(SECONDS_AN_HOUR)
}

fn start_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

fn descending(mut counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The bound that at least half of the messages keep.
fn median(delays: &BTreeMap<u32, u64>) -> Option<u32> {
    let total: u64 = delays.values().sum();
    let mut so_far = 0;
    delays.iter().find_map(|(bound, count)| {
        so_far += count;
        (total <= 2 * so_far).then_some(*bound)
    })
}

/// Whether nothing came in the last full hour and since, although messages usually come at this time of day.
fn is_quiet(hours: &[Hour]) -> bool {
    let at = |back: usize| hours.len().checked_sub(back + 1).and_then(|position| hours.get(position));
    let came = |back: usize| at(back).map_or(0, |hour| hour.counts.accepted + hour.counts.repeated);
    let n_usual = (1..=6).filter(|day| USUAL_MESSAGES <= came(1 + 24 * day)).count();
    came(0) == 0 && came(1) == 0 && USUAL_DAYS <= n_usual
}

/// A path without names that could be data: a name of letters and underscores is one that a developer chose.
fn without_data(path: &str) -> String {
    let shown = |name: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let (word, position) = name.split_once('[').map_or((name, ""), |(word, position)| (word, position));
        let is_position = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'[' | b']'));
        let is_standard = word.strip_prefix("df_").is_some_and(|rest| rest.len() <= 40 && is_plain(rest));
        let is_word = word.len() <= 40 && word.chars().all(is_letter);
        if !(is_standard || is_word) || !is_position(position) {
            return "*".to_owned();
        }
        name.to_owned()
    };
    path.split('.').take(8).map(shown).collect::<Vec<_>>().join(".")
}

/// Whether a name of a standard field has its form: `category1`.
fn is_plain(name: &str) -> bool {
    let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    name.len() <= letters.len() + 1 && letters.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        // An hour begins at 0.
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    fn sent(seconds: i64, n: usize) -> Vec<Timestamp> {
        vec![Timestamp::from_micros(at(seconds).timestamp_micros()); n]
    }

    fn local() -> Arc<str> {
        "local".into()
    }

    #[test]
    fn the_last_hour_is_counted_by_minute() {
        let ingest_stats = IngestStats::new(at(0));
        ingest_stats.count_accepted(at(1), sent(0, 5), 1);
        ingest_stats.count_accepted(at(59), sent(0, 2), 0);
        ingest_stats.count_refused(at(61), &local(), [("NOT_JSON", ""), ("TOO_LARGE", ""), ("NOT_JSON", "")]);
        let minutes = ingest_stats.minutes(at(60));
        assert_eq!(minutes.len(), MINUTES);
        assert_eq!(minutes[MINUTES - 2], Minute { at: at(0), accepted: 7, repeated: 1, refused: 0 });
        assert_eq!(minutes[MINUTES - 1], Minute { at: at(60), accepted: 0, repeated: 0, refused: 3 });
        assert_eq!(ingest_stats.refused(), [("NOT_JSON".to_owned(), 2), ("TOO_LARGE".to_owned(), 1)]);

        let later = ingest_stats.minutes(at(61 * 60));
        assert_eq!(later.iter().map(|it| it.accepted + it.refused).sum::<u64>(), 0);
        assert_eq!(later[0].at, at(120));
    }

    #[test]
    fn no_more_than_an_hour_of_minutes_and_eight_days_of_hours_are_kept() {
        let ingest_stats = IngestStats::new(at(0));
        for minute in 0..9 * 24 * 60 {
            ingest_stats.count_accepted(at(minute * 60), sent(0, 1), 0);
        }
        let counted = ingest_stats.counted();
        assert_eq!(counted.minutes.len(), MINUTES);
        assert_eq!(counted.hours.len(), KEPT_HOURS);
        assert_eq!(counted.unwritten.len(), KEPT_HOURS);
        drop(counted);
        let end = at(9 * 24 * 60 * 60 - 1);
        assert_eq!(ingest_stats.minutes(end).iter().map(|it| it.accepted).sum::<u64>(), 60);
        assert_eq!(ingest_stats.summary(end, 24).accepted, 24 * 60);
        assert_eq!(ingest_stats.summary(end, HOURS).accepted, 7 * 24 * 60);
    }

    #[test]
    fn hours_survive_in_another_process() {
        let first = IngestStats::new(at(0));
        first.count_accepted(at(10), sent(8, 3), 1);
        first.count_refused(at(10), &local(), [("TOO_LONG", "source")]);
        first.note_customers(at(10), 12, (2, 1));
        let stored = first.take_unwritten();
        assert_eq!(first.take_unwritten(), []);

        let second = IngestStats::new(at(100));
        second.count_accepted(at(100), sent(99, 1), 0);
        second.restore(stored);
        second.note_customers(at(100), 13, (1, 0));
        let [hour] = second.hours(at(100), 1).try_into().expect("one hour");
        let counts = hour.counts;
        assert_eq!((counts.accepted, counts.repeated, counts.merged, counts.unmerged), (4, 1, 3, 1));
        assert_eq!(counts.customers, Some(13));
        assert_eq!(second.refused_in(at(100), 1), [("TOO_LONG".to_owned(), 1)]);
        assert_eq!(second.refused(), []);
        assert_eq!(second.summary(at(100), 24).delay, Some(2));
    }

    #[test]
    fn what_is_not_normal_is_named() {
        let warnings = |stats: &IngestStats, now: i64| stats.summary(at(now), 24).warnings;
        let stats = IngestStats::new(at(0));
        assert_eq!(warnings(&stats, 0), [], "nothing came, and nothing was expected");
        stats.count_accepted(at(0), sent(0, 950), 49);
        assert_eq!(warnings(&stats, 0), []);
        stats.count_accepted(at(0), sent(-301, 951), 60);
        assert_eq!(warnings(&stats, 0), [Warning::ManyDuplicates, Warning::Late]);
        stats.count_refused(at(0), &local(), vec![("TOO_LONG", ""); 30]);
        assert_eq!(warnings(&stats, 0), [Warning::ManyDuplicates, Warning::ManyRejected, Warning::Late]);

        let hour = SECONDS_AN_HOUR;
        let usual = IngestStats::new(at(0));
        for day in 0..3 {
            usual.count_accepted(at(day * 24 * hour), sent(day * 24 * hour, 10), 0);
        }
        assert_eq!(warnings(&usual, (3 * 24 + 1) * hour), [Warning::Quiet]);
        usual.count_accepted(at((3 * 24 + 1) * hour), sent(0, 1), 0);
        assert_eq!(warnings(&usual, (3 * 24 + 1) * hour), [], "it speaks again");
    }

    #[test]
    fn the_newest_rejected_messages_are_kept_without_data() {
        let stats = IngestStats::new(at(0));
        for n in 0..12 {
            stats.count_refused(at(n), &local(), [("WRONG_TYPE", "properties.df_items[1].df_category1")]);
        }
        let places = stats.places("WRONG_TYPE");
        assert_eq!(places.len(), PLACES);
        assert_eq!(places[0].at, at(11));
        assert_eq!(places[0].path, "properties.df_items[1].df_category1");
        for (path, shown) in [
            ("", ""),
            ("timestamp", "timestamp"),
            ("identifiers.phone[1]", "identifiers.phone[1]"),
            ("attributes.010-1234-5678", "attributes.*"),
            ("attributes.홍길동", "attributes.*"),
            ("attributes.kim@example", "attributes.*"),
            ("attributes.df_01012345678", "attributes.*"),
            ("attributes.phone[kim]", "attributes.*"),
        ] {
            assert_eq!(without_data(path), shown);
        }
    }
}
