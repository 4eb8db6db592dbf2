//! How much comes in: messages by the minute of the last hour, and refusals by their code. In memory and of this process alone: a
//! restart begins anew.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// How many minutes are told of.
pub const MINUTES: usize = 60;

/// The messages of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Messages that are in the base since.
    pub taken: u64,
    /// Messages that were there already.
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
    /// By the minute's start; those that are long over are dropped when a new one begins.
    minutes: BTreeMap<DateTime<Utc>, Minute>,
    refused: BTreeMap<&'static str, u64>,
}

impl IngestStats {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { since: now, counted: Mutex::default() }
    }

    /// Since when it counts.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Counts messages that were accepted, some of them repeats.
    pub fn take(&self, now: DateTime<Utc>, taken: u64, repeated: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = counted.minute(now);
        minute.taken += taken;
        minute.repeated += repeated;
    }

    /// Counts messages that were refused, each by its code.
    pub fn refuse(&self, now: DateTime<Utc>, codes: impl IntoIterator<Item = &'static str>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for code in codes {
            counted.minute(now).refused += 1;
            *counted.refused.entry(code).or_default() += 1;
        }
    }

    /// The last minutes, the oldest first; the last is not over.
    pub fn minutes(&self, now: DateTime<Utc>) -> Vec<Minute> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let last = start_of(now);
        (0..MINUTES)
            .rev()
            .filter_map(|back| {
                let at = last.checked_sub_signed(TimeDelta::minutes(i64::try_from(back).ok()?))?;
                Some(counted.minutes.get(&at).copied().unwrap_or(Minute { at, taken: 0, repeated: 0, refused: 0 }))
            })
            .collect()
    }

    /// How many messages were refused for each reason, by its code; the most first.
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
        self.minutes.entry(at).or_insert(Minute { at, taken: 0, repeated: 0, refused: 0 })
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
    fn an_hour_is_told_and_no_more() {
        let ingest_stats = IngestStats::new(at(0));
        ingest_stats.take(at(1), 5, 1);
        ingest_stats.take(at(59), 2, 0);
        ingest_stats.refuse(at(61), ["NOT_JSON", "TOO_LARGE", "NOT_JSON"]);
        let told = ingest_stats.minutes(at(60));
        assert_eq!(told.len(), MINUTES);
        assert_eq!(told[MINUTES - 2], Minute { at: at(0), taken: 7, repeated: 1, refused: 0 });
        assert_eq!(told[MINUTES - 1], Minute { at: at(60), taken: 0, repeated: 0, refused: 3 });
        assert_eq!(ingest_stats.refused(), [("NOT_JSON", 2), ("TOO_LARGE", 1)]);

        let later = ingest_stats.minutes(at(61 * 60));
        assert_eq!(later.iter().map(|it| it.taken + it.refused).sum::<u64>(), 0);
        assert_eq!(later[0].at, at(120));
    }

    #[test]
    fn a_day_of_minutes_is_not_kept() {
        let ingest_stats = IngestStats::new(at(0));
        for minute in 0..24 * 60 {
            ingest_stats.take(at(minute * 60), 1, 0);
        }
        assert_eq!(ingest_stats.counted.lock().expect("nobody panicked").minutes.len(), MINUTES);
        assert_eq!(ingest_stats.minutes(at(24 * 60 * 60 - 1)).iter().map(|it| it.taken).sum::<u64>(), 60);
    }
}
