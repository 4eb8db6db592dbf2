//! Records of who read personal data. An answer leaves when its record is on disk, and not at all where that fails; answers that
//! are ready at the same time share one write.

use profile360_core::time::Timestamp;
use profile360_store::{AuditRow, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    auth::access::{RESERVED_NAMES, Role},
    clock,
    engine::snapshot::Snapshot,
};

/// Where records are handed in.
#[derive(Debug, Clone)]
pub struct Audit {
    queue: mpsc::Sender<Waiting>,
}

/// The record could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("who reads personal data is recorded, and the record cannot be written now; try again later")]
pub struct NotRecorded;

#[derive(Debug)]
struct Waiting {
    rows: Vec<AuditRow>,
    written: oneshot::Sender<bool>,
}

/// Records that wait for a write at most; whoever comes then waits for a place.
const QUEUE: usize = 1_000;
/// Answers whose records share one write.
const AT_ONCE: usize = 100;
/// How often a write that another server was faster with is made again.
const MAX_ATTEMPTS: usize = 20;

impl Audit {
    /// Starts writing; it ends when nobody can hand anything in any more.
    pub fn start(editions: watch::Receiver<Snapshot>) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            let mut last = None;
            while 0 < waiting.recv_many(&mut batch, AT_ONCE).await {
                let (rows, answers): (Vec<Vec<AuditRow>>, Vec<_>) =
                    batch.drain(..).map(|Waiting { rows, written }| (rows, written)).unzip();
                let rows = rows.concat();
                let result = write(&editions, &mut last, &rows).await;
                if let Err(error) = &result {
                    tracing::error!(%error, "the audit log cannot be written: nobody reads personal data until it can");
                }
                for answer in answers {
                    // Whoever asked may have gone.
                    answer.send(result.is_ok()).ok();
                }
            }
        });
        Self { queue }
    }

    /// Returns when the rows are on disk: all of them, or none.
    pub async fn record(&self, rows: Vec<AuditRow>) -> Result<(), NotRecorded> {
        let (written, answer) = oneshot::channel();
        self.queue.send(Waiting { rows, written }).await.map_err(|_| NotRecorded)?;
        if answer.await.unwrap_or(false) { Ok(()) } else { Err(NotRecorded) }
    }
}

/// Records what a command does with the whole base. It is no key's, but whoever works at this machine.
///
/// # Errors
///
/// Where the row cannot be written.
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
    editions: &watch::Receiver<Snapshot>,
    last: &mut Option<i64>,
    rows: &[AuditRow],
) -> Result<(), StoreError> {
    let mut result = Ok(());
    for _ in 0..MAX_ATTEMPTS {
        let store = editions.borrow().store.clone();
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
                // Whether it was written nobody can say before the number is read again.
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
