//! Rate limits by key.
//!
//! A mask leaves 10,000 possible phone numbers, which a program tries within seconds. The limit on look-ups slows that down to hours,
//! and the audit log shows it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

type Limiter<C> = RateLimiter<Arc<str>, HashMapStateStore<Arc<str>>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limit of `n` uses a minute for each key: a key has `n` permits, and gets one back each `n`-th of a minute (GCRA).
#[derive(Debug)]
pub struct RateLimit<C: Clock = MonotonicClock> {
    /// `None` if the limit is 0.
    limiter: Option<Limiter<C>>,
    clock: C,
}

impl RateLimit {
    /// A limit of `n` a minute for each key.
    pub fn per_minute(n: usize) -> Self {
        Self::with_clock(n, MonotonicClock)
    }
}

impl<C: Clock + Clone> RateLimit<C> {
    fn with_clock(n: usize, clock: C) -> Self {
        let n = NonZeroU32::new(u32::try_from(n).unwrap_or(u32::MAX));
        let limiter = n.map(|n| RateLimiter::new(Quota::per_minute(n), HashMapStateStore::default(), clock.clone()));
        Self { limiter, clock }
    }

    /// Uses a permit of a key.
    ///
    /// # Errors
    ///
    /// How long to wait for the next permit, if the key has none left.
    pub fn check(&self, key: &Arc<str>) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Err(Duration::MAX) };
        limiter.check_key(key).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::RateLimit;

    #[test]
    fn each_key_has_n_permits_a_minute() {
        let clock = FakeRelativeClock::default();
        let limit = RateLimit::with_clock(2, clock.clone());
        let (one, other) = ("1".into(), "2".into());
        assert_eq!([limit.check(&one), limit.check(&one)], [Ok(()); 2]);
        assert_eq!(limit.check(&one), Err(Duration::from_secs(30)));
        assert_eq!(limit.check(&other), Ok(()), "another key");
        clock.advance(Duration::from_secs(30));
        assert_eq!([limit.check(&one), limit.check(&one)], [Ok(()), Err(Duration::from_secs(30))]);
        clock.advance(Duration::from_secs(60));
        assert_eq!([limit.check(&one), limit.check(&one)], [Ok(()); 2], "all are back after a minute");
        assert!(RateLimit::with_clock(0, clock).check(&one).is_err());
    }
}
