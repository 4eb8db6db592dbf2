//! Snapshots: stores whose reads all see one commit.
//!
//! A customer is several rows that several queries read, so they share one open transaction, which the engine isolates from
//! later commits. An embedded database has transactions that only read. They cost less than the sessions of the SDK, run
//! concurrent queries, and survive a query that its caller abandons. Elsewhere it is a transaction of the SDK that is always
//! canceled.
//!
//! Hold a snapshot for an answer or a page, not for minutes: the engine keeps old versions of rows for it, and SurrealKV 0.21.4
//! keeps them only until another snapshot of the same commit ends, so that a compaction could remove rows that this one sees.
//! A compaction takes far longer than an answer.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use surrealdb::types::{Value, Variables};
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit};

use super::{
    Result, Store,
    handle::{Handle, Open, nested},
    records::Records,
};

/// One commit, from the first read on.
#[derive(Debug)]
pub(super) struct Snapshot {
    of: Arc<Handle>,
    current: Mutex<Option<Arc<Reads>>>,
}

/// An open transaction.
#[derive(Debug)]
struct Reads {
    transaction: Kind,
    /// The number of the last commit that it sees, once it was asked for.
    commit: OnceCell<i64>,
}

#[derive(Debug)]
enum Kind {
    Embedded(Records),
    Any(Arc<Canceled>),
}

/// A transaction of the SDK, which is canceled when nothing uses it any more.
#[derive(Debug)]
struct Canceled {
    open: Option<Open>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Canceled {
    fn drop(&mut self) {
        let (Some(open), permit) = (self.open.take(), self.permit.take()) else { return };
        // Without a runtime, the transaction ends with its session.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                open.cancel().await;
                drop(permit);
            });
        }
    }
}

impl Snapshot {
    fn of(handle: Arc<Handle>) -> Self {
        Self { of: handle, current: Mutex::new(None) }
    }

    /// The client that it is of.
    pub(super) fn plain(&self) -> &Handle {
        &self.of
    }

    pub(super) async fn read(&self, query: Cow<'static, str>, variables: Variables) -> Result<Value> {
        self.current().await?.run(query, variables).await
    }

    /// The transaction of an embedded database.
    pub(super) async fn records(&self) -> Result<Option<Records>> {
        match &self.current().await?.transaction {
            Kind::Embedded(records) => Ok(Some(records.clone())),
            Kind::Any(_) => Ok(None),
        }
    }

    /// Lets it see a later commit.
    pub(super) async fn refresh(&self) {
        self.current.lock().await.take();
    }

    async fn current(&self) -> Result<Arc<Reads>> {
        let mut current = self.current.lock().await;
        if let Some(reads) = &*current {
            return Ok(reads.clone());
        }
        let reads = Arc::new(Reads { transaction: Kind::begin(&self.of).await?, commit: OnceCell::new() });
        *current = Some(reads.clone());
        Ok(reads)
    }
}

impl Kind {
    async fn begin(handle: &Handle) -> Result<Self> {
        match handle {
            Handle::Embedded(base) => Records::read(base).await.map(Self::Embedded),
            Handle::Remote(_, permits) => {
                // The semaphore is never closed.
                let permit = permits.clone().acquire_owned().await.ok();
                Ok(Self::Any(Arc::new(Canceled { open: Some(handle.begin().await?), permit })))
            }
            Handle::Memory(_) => Ok(Self::Any(Arc::new(Canceled { open: Some(handle.begin().await?), permit: None }))),
            Handle::Snapshot(_) => Err(nested()),
        }
    }
}

impl Reads {
    async fn run(&self, query: Cow<'static, str>, variables: Variables) -> Result<Value> {
        match &self.transaction {
            Kind::Embedded(records) => records.run(&query, variables).await,
            Kind::Any(canceled) => {
                // The SDK gives up a transaction if one of its queries is dropped, and other readers may still need it.
                let canceled = canceled.clone();
                let running = tokio::spawn(async move {
                    match &canceled.open {
                        Some(open) => open.run(query, variables).await,
                        None => Ok(Value::None),
                    }
                });
                running.await.map_err(|error| surrealdb::Error::internal(error.to_string()))?
            }
        }
    }
}

/// Whether a query of ours only reads. A write would be lost, because the transaction is never committed.
pub(super) fn reads_only(query: &str) -> bool {
    let is_read = |statement: &str| ["SELECT", "RETURN", "LET"].iter().any(|it| statement.starts_with(it));
    query.split(';').map(str::trim).filter(|it| !it.is_empty()).all(is_read)
}

impl Store {
    /// A store whose reads all see one commit: the last one when it is first read. Hold it for an answer or a page. Writes go to the
    /// database, and reads after a write see a later commit.
    pub fn snapshot(&self) -> Self {
        match &*self.handle {
            Handle::Snapshot(_) => self.clone(),
            _ => {
                let snapshot = Handle::Snapshot(Arc::new(Snapshot::of(self.handle.clone())));
                Self { handle: Arc::new(snapshot), ..self.clone() }
            }
        }
    }

    /// Lets a snapshot see a later commit: the last one when it is next read. Other stores always see the last commit.
    pub async fn refresh(&self) {
        self.handle.refresh().await;
    }

    /// Whether a snapshot may be held until there is a later commit. A server may end transactions that stay open, and a projection
    /// that is being filled changes without commits.
    pub fn may_hold_snapshots(&self) -> bool {
        matches!(&*self.handle, Handle::Embedded(_)) && !self.is_filled
    }

    /// Lets a snapshot that was not read yet see what another one sees.
    pub async fn see(&self, other: &Self) -> Result<()> {
        if let (Handle::Snapshot(snapshot), Handle::Snapshot(other)) = (&*self.handle, &*other.handle) {
            let mut current = snapshot.current.lock().await;
            if current.is_none() {
                *current = Some(other.current().await?);
            }
        }
        Ok(())
    }

    /// The number of the commit that a snapshot sees; `None` if nothing was read from it.
    pub async fn commit_read(&self) -> Result<Option<i64>> {
        let Handle::Snapshot(snapshot) = &*self.handle else { return Ok(None) };
        let Some(reads) = snapshot.current.lock().await.clone() else { return Ok(None) };
        let commit = reads.commit.get_or_try_init(|| self.last_commit());
        Ok(Some(*commit.await?))
    }
}
