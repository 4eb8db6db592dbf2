//! Ingestion counters: messages per minute of the last hour, and refusals by code. In memory, per process: a restart resets
//! them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// How many minutes are kept.
pub const MINUTES: usize = 60;

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
}

impl IngestStats {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { since: now, counted: Mutex::default() }
    }

    /// When counting began.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Counts new messages and duplicates.
    pub fn count_accepted(&self, now: DateTime<Utc>, accepted: u64, repeated: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = counted.minute(now);
        minute.accepted += accepted;
        minute.repeated += repeated;
    }

    /// Counts refused messages, each by its code.
    pub fn count_refused(&self, now: DateTime<Utc>, codes: impl IntoIterator<Item = &'static str>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for code in codes {
            counted.minute(now).refused += 1;
            *counted.refused.entry(code).or_default() += 1;
        }
    }

    /// The last minutes, oldest first. The last one is not over.
    pub fn minutes(&self, now: DateTime<Utc>) -> Vec<Minute> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let last = start_of(now);
        (0..MINUTES)
            .rev()
            .filter_map(|back| {
                let at = last.checked_sub_signed(TimeDelta::minutes(i64::try_from(back).ok()?))?;
                Some(counted.minutes.get(&at).copied().unwrap_or(Minute { at, accepted: 0, repeated: 0, refused: 0 }))
            })
            .collect()
    }

    /// The number of refused messages by code, descending.
    pub fn refused(&self) -> Vec<(&'static str, u64)> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused: Vec<(&'static str, u64)> =
            counted.refused.iter().map(|(code, count)| (*code, *count)).collect();
        refused.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        refused
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
}

fn start_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    #[test]
    fn the_last_hour_is_counted_by_minute() {
        let ingest_stats = IngestStats::new(at(0));
        ingest_stats.count_accepted(at(1), 5, 1);
        ingest_stats.count_accepted(at(59), 2, 0);
        ingest_stats.count_refused(at(61), ["NOT_JSON", "TOO_LARGE", "NOT_JSON"]);
        let minutes = ingest_stats.minutes(at(60));
        assert_eq!(minutes.len(), MINUTES);
        assert_eq!(minutes[MINUTES - 2], Minute { at: at(0), accepted: 7, repeated: 1, refused: 0 });
        assert_eq!(minutes[MINUTES - 1], Minute { at: at(60), accepted: 0, repeated: 0, refused: 3 });
        assert_eq!(ingest_stats.refused(), [("NOT_JSON", 2), ("TOO_LARGE", 1)]);

        let later = ingest_stats.minutes(at(61 * 60));
        assert_eq!(later.iter().map(|it| it.accepted + it.refused).sum::<u64>(), 0);
        assert_eq!(later[0].at, at(120));
    }

    #[test]
    fn no_more_than_an_hour_of_minutes_is_kept() {
        let ingest_stats = IngestStats::new(at(0));
        for minute in 0..24 * 60 {
            ingest_stats.count_accepted(at(minute * 60), 1, 0);
        }
        assert_eq!(ingest_stats.counted.lock().expect("no thread panicked").minutes.len(), MINUTES);
        assert_eq!(ingest_stats.minutes(at(24 * 60 * 60 - 1)).iter().map(|it| it.accepted).sum::<u64>(), 60);
    }
}
