//! The audit log: who read personal data. A response is sent only after its record is durable, and fails if the record cannot be
//! written. Concurrent records share one write.

use profile360_core::time::Timestamp;
use profile360_store::{AuditRow, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    auth::access::{RESERVED_NAMES, Role},
    clock,
    engine::snapshot::Snapshot,
};

/// A handle to the task that writes audit records.
#[derive(Debug, Clone)]
pub struct Audit {
    queue: mpsc::Sender<PendingRecord>,
}

/// The audit record could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written now, and personal data is not sent without a record; try again later")]
pub struct NotRecorded;

#[derive(Debug)]
struct PendingRecord {
    rows: Vec<AuditRow>,
    written: oneshot::Sender<bool>,
}

/// The most records that wait for a write; further responses wait for room in the queue.
const QUEUE: usize = 1_000;
/// The most responses whose records share one write.
const MAX_BATCH: usize = 100;
/// How often a write is retried that conflicts with another server's.
const MAX_ATTEMPTS: usize = 20;

impl Audit {
    /// Starts the task, which ends when every handle is dropped.
    pub fn start(snapshots: watch::Receiver<Snapshot>) -> Self {
        let (queue, mut pending) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            let mut last = None;
            while 0 < pending.recv_many(&mut batch, MAX_BATCH).await {
                let (rows, replies): (Vec<Vec<AuditRow>>, Vec<_>) =
                    batch.drain(..).map(|PendingRecord { rows, written }| (rows, written)).unzip();
                let rows = rows.concat();
                let result = write(&snapshots, &mut last, &rows).await;
                if let Err(error) = &result {
                    tracing::error!(%error, "the audit log cannot be written: personal data is withheld until it can");
                }
                for reply in replies {
                    // The client may have disconnected.
                    reply.send(result.is_ok()).ok();
                }
            }
        });
        Self { queue }
    }

    /// Writes the rows, all or none; returns when they are durable.
    pub async fn record(&self, rows: Vec<AuditRow>) -> Result<(), NotRecorded> {
        let (written, reply) = oneshot::channel();
        self.queue.send(PendingRecord { rows, written }).await.map_err(|_| NotRecorded)?;
        if reply.await.unwrap_or(false) { Ok(()) } else { Err(NotRecorded) }
    }
}

/// Records a command on the whole database, with the operator of this machine as the actor.
///
/// # Errors
///
/// If the row cannot be written.
pub async fn record_command(store: &Store, action: &str, command: &str) -> Result<(), StoreError> {
    let row = AuditRow {
        at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
        key: String::new(),
        actor: RESERVED_NAMES[0].to_owned(),
        role: Role::Admin.as_str().to_owned(),
        action: action.to_owned(),
        operation: vec![command.to_owned()],
        by: Vec::new(),
        subjects: Vec::new(),
        n_subjects: 0,
    };
    let mut result = Ok(());
    for _ in 0..MAX_ATTEMPTS {
        let n_before = store.n_audited().await?;
        result = store.add_audit(n_before, std::slice::from_ref(&row)).await.map(|_| ());
        if !matches!(result, Err(StoreError::Conflict)) {
            break;
        }
    }
    result
}

async fn write(
    snapshots: &watch::Receiver<Snapshot>,
    last: &mut Option<i64>,
    rows: &[AuditRow],
) -> Result<(), StoreError> {
    let mut result = Ok(());
    for _ in 0..MAX_ATTEMPTS {
        let store = snapshots.borrow().store.clone();
        let n_before = match *last {
            Some(number) => number,
            None => store.n_audited().await?,
        };
        match store.add_audit(n_before, rows).await {
            Ok(number) => {
                *last = Some(number);
                return Ok(());
            }
            Err(error) => {
                // The commit may have succeeded in spite of the error: read the number again.
                *last = None;
                result = Err(error);
                if !matches!(result, Err(StoreError::Conflict)) {
                    break;
                }
            }
        }
    }
    result
}
