//! How many identifiers those may look for who see masks: a mask leaves so much of a phone number that whoever tries all that it
//! could be finds it, unless trying takes years.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// The look-ups of each key in its current minute.
#[derive(Debug, Default)]
pub struct LookupLimit(Mutex<HashMap<Arc<str>, Minute>>);

#[derive(Debug)]
struct Minute {
    began: Instant,
    n_lookups: usize,
}

impl LookupLimit {
    /// Takes a look-up from what a key has left of `most` a minute; `false` where nothing is left.
    pub fn take(&self, key: &Arc<str>, most: usize) -> bool {
        self.take_at(key, most, Instant::now())
    }

    fn take_at(&self, key: &Arc<str>, most: usize, now: Instant) -> bool {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = minutes.entry(key.clone()).or_insert(Minute { began: now, n_lookups: 0 });
        if MINUTE <= now.saturating_duration_since(minute.began) {
            *minute = Minute { began: now, n_lookups: 0 };
        }
        if most <= minute.n_lookups {
            return false;
        }
        minute.n_lookups += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, LookupLimit, MINUTE};

    #[test]
    fn a_key_has_so_many_a_minute_and_takes_nothing_from_another() {
        let lookups = LookupLimit::default();
        let (one, other) = ("1".into(), "2".into());
        let now = Instant::now();
        assert!(lookups.take_at(&one, 2, now) && lookups.take_at(&one, 2, now));
        assert!(!lookups.take_at(&one, 2, now));
        assert!(lookups.take_at(&other, 2, now));
        assert!(lookups.take_at(&one, 2, now + MINUTE));
    }
}
