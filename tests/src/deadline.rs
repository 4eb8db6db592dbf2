//! A bound for loops that wait, so that a bug fails a test instead of hanging it.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// Far longer than any wait of a test, also on a busy machine.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How long a loop may wait.
#[derive(Debug)]
pub struct Deadline {
    awaited: &'static str,
    began: Instant,
}

impl Deadline {
    /// Starts the wait for something, which the panic names.
    pub fn new(awaited: &'static str) -> Self {
        Self { awaited, began: Instant::now() }
    }

    pub fn is_over(&self) -> bool {
        LONGEST_WAIT <= self.began.elapsed()
    }

    /// Panics, with the state that was seen last, once the wait is too long.
    #[track_caller]
    pub fn check(&self, last_seen: impl Debug) {
        assert!(
            !self.is_over(),
            "after {} seconds still waiting for {}; last seen: {last_seen:?}",
            LONGEST_WAIT.as_secs(),
            self.awaited
        );
    }
}
