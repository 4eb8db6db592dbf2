//! Records of who read personal data. An answer leaves when its record is on disk, and not at all where that fails; answers that
//! are ready at the same time share one write.

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    pipeline::Workshop,
    store::{AuditRow, StoreError},
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
    row: AuditRow,
    written: oneshot::Sender<bool>,
}

/// Records that wait for a write at most; whoever comes then waits for a place.
const QUEUE: usize = 1_000;
/// Records of one write.
const AT_ONCE: usize = 500;
/// How often a write that another server was faster with is made again.
const MAX_ATTEMPTS: usize = 20;

impl Audit {
    /// Starts writing; it ends when nobody can hand anything in any more.
    pub fn start(editions: watch::Receiver<Workshop>) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            let mut last = None;
            while 0 < waiting.recv_many(&mut batch, AT_ONCE).await {
                let (rows, answers): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|Waiting { row, written }| (row, written)).unzip();
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

    /// Returns when the record is on disk.
    pub async fn record(&self, row: AuditRow) -> Result<(), NotRecorded> {
        let (written, answer) = oneshot::channel();
        self.queue.send(Waiting { row, written }).await.map_err(|_| NotRecorded)?;
        if answer.await.unwrap_or(false) { Ok(()) } else { Err(NotRecorded) }
    }
}

async fn write(
    editions: &watch::Receiver<Workshop>,
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
