//! The lowest throughput of a client that sends a request or reads a response: a rate on average, after a grace period.
//!
//! Only the time that the server waits for the client counts. Each byte adds to the remaining time, up to the grace period, so that a
//! client that was fast before cannot stall forever.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// The lowest rate, and how long a client may stay below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct MinRate {
    /// In bytes a second.
    pub(super) rate: u64,
    pub(super) grace: Duration,
}

impl MinRate {
    pub(super) fn of(limits: &Limits) -> Self {
        // With `--limit-time 0s` there is still time to send and read.
        Self { rate: limits.rate, grace: limits.time.max(Duration::from_secs(1)) }
    }
}

/// Measures the throughput of a client.
#[derive(Debug)]
pub(super) struct Throughput {
    credit: Credit,
    end: Option<Pin<Box<Sleep>>>,
}

impl Throughput {
    pub(super) const fn new(least: MinRate) -> Self {
        Self { credit: Credit { least, left: least.grace, since: None }, end: None }
    }

    /// Ready when the client is too slow. Poll it whenever the server waits for the client.
    pub(super) fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let credit = &mut self.credit;
        self.end.get_or_insert_with(|| Box::pin(sleep_until(credit.wait(Instant::now())))).as_mut().poll(context)
    }

    pub(super) fn moved(&mut self, n_bytes: usize) {
        self.end = None;
        self.credit.moved(Instant::now(), n_bytes);
    }
}

/// The time that the client has left.
#[derive(Debug)]
struct Credit {
    least: MinRate,
    left: Duration,
    /// Since when the server waits for the client.
    since: Option<Instant>,
}

impl Credit {
    /// Starts to wait; returns the deadline.
    fn wait(&mut self, now: Instant) -> Instant {
        *self.since.get_or_insert(now) + self.left
    }

    fn moved(&mut self, now: Instant, n_bytes: usize) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(now - since);
        }
        let bought = (n_bytes as u64).saturating_mul(1_000_000) / self.least.rate.max(1);
        self.left = self.left.saturating_add(Duration::from_micros(bought)).min(self.least.grace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_must_keep_the_rate_on_average() {
        let seconds = Duration::from_secs;
        let grace = seconds(30);
        // The seconds of each wait and the bytes that end it; whether a last wait of so many seconds is in time.
        type Row<'r> = (&'r [(u64, usize)], u64, bool);
        let table: [Row<'_>; 6] = [
            (&[], 29, true),
            (&[], 31, false),
            (&[(20, 3)], 20, false),
            // Bursts that keep the rate on average go on forever.
            (&[(25, 2_500), (25, 2_500), (25, 2_500), (25, 2_500)], 25, true),
            (&[(25, 1_000), (10, 1_000)], 16, false),
            (&[(1, 1 << 30)], 31, false),
        ];
        for (moves, last, is_in_time) in table {
            let mut credit = Credit { least: MinRate { rate: 100, grace }, left: grace, since: None };
            let mut now = Instant::now();
            for (wait, n_bytes) in moves {
                assert!(now + seconds(*wait) <= credit.wait(now), "{moves:?}");
                now += seconds(*wait);
                credit.moved(now, *n_bytes);
                // The server's own work does not count.
                now += seconds(1_000);
            }
            assert_eq!(now + seconds(last) <= credit.wait(now), is_in_time, "{moves:?} {last}");
        }
    }
}
