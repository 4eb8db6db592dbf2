//! The background task that keeps the customer list up to date.

use std::time::Duration;

use tokio::sync::watch;

use super::snapshot::Snapshot;

/// Lists what commits touch, in the current edition, until `stop` is set and nothing is pending.
pub async fn run(mut editions: watch::Receiver<Snapshot>, mut stop: watch::Receiver<bool>) {
    const CALENDAR: Duration = Duration::from_secs(60);
    const AFTER_ERROR: Duration = Duration::from_secs(1);
    // Per edition, because another policy may have another time zone and so another date.
    let mut looked_at = None;
    loop {
        let Snapshot { store, directory, policy, states, .. } = editions.borrow_and_update().clone();
        let today = directory.today(&policy);
        if looked_at.replace((policy.version, today)) != Some((policy.version, today)) {
            directory.touch_due(today);
        }
        let pause = match directory.catch_up(&store, &states, |_| {}).await {
            Ok(()) => CALENDAR,
            Err(error) => {
                tracing::error!(%error, "the customer list could not be updated; retrying");
                AFTER_ERROR
            }
        };
        if *stop.borrow() {
            directory.release_snapshot();
            return;
        }
        // Holds no edition while it waits: another one may replace it.
        drop((store, policy, states));
        tokio::select! {
            () = directory.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            // An error means that the pipeline has ended. Shutdown follows.
            changed = editions.changed() => if changed.is_err() { stop.changed().await.ok(); },
            // Also stop once no sender is left.
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}
