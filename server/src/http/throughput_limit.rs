//! How slowly the other side may send or take: so many bytes a second on average, after a time of grace.
//!
//! Only the time that is spent waiting for the other side counts. Each byte buys some more of it, and never more than the grace: a side
//! that was quick before cannot stop for ever.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// The least pace, and how long it may be missed.
#[derive(Debug, Clone, Copy)]
pub(super) struct MinRate {
    /// In bytes a second.
    pub(super) rate: u64,
    pub(super) grace: Duration,
}

impl MinRate {
    pub(super) fn of(limits: &Limits) -> Self {
        // Where answers may take no time at all there is still some to send and take them.
        Self { rate: limits.rate, grace: limits.time.max(Duration::from_secs(1)) }
    }
}

/// Watches the pace of one side.
#[derive(Debug)]
pub(super) struct Throughput {
    credit: Credit,
    end: Option<Pin<Box<Sleep>>>,
}

impl Throughput {
    pub(super) const fn new(least: MinRate) -> Self {
        Self { credit: Credit { least, left: least.grace, since: None }, end: None }
    }

    /// Ready when the other side is too slow. To be asked whenever it is waited for.
    pub(super) fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let credit = &mut self.credit;
        self.end.get_or_insert_with(|| Box::pin(sleep_until(credit.wait(Instant::now())))).as_mut().poll(context)
    }

    /// The other side has sent or taken something.
    pub(super) fn moved(&mut self, n_bytes: usize) {
        self.end = None;
        self.credit.moved(Instant::now(), n_bytes);
    }
}

/// The time that the other side has left.
#[derive(Debug)]
struct Credit {
    least: MinRate,
    left: Duration,
    /// Since when it is waited for.
    since: Option<Instant>,
}

impl Credit {
    /// It is waited for; until when at most.
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
    fn a_byte_now_and_then_is_not_enough() {
        let seconds = Duration::from_secs;
        let grace = seconds(30);
        // How long each wait takes and how many bytes end it; whether there is time for a last wait of so many seconds.
        type Row<'r> = (&'r [(u64, usize)], u64, bool);
        let table: [Row<'_>; 6] = [
            (&[], 29, true),
            (&[], 31, false),
            (&[(20, 3)], 20, false),
            // Bursts that keep the pace on average go on for ever.
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
                // What the server does with it is nobody's time.
                now += seconds(1_000);
            }
            assert_eq!(now + seconds(last) <= credit.wait(now), is_in_time, "{moves:?} {last}");
        }
    }
}
