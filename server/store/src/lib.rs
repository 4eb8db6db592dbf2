//! The store: everything that knows SurrealQL.
//!
//! No other crate contains a query. Values are bound, never formatted in; ranges are bounded at both ends and read forward. A
//! write is one transaction that inserts the next commit number, so that a plan from older state fails with
//! [`StoreError::Conflict`] and is retried.

// The futures of SurrealDB's executor nest deeply.
#![recursion_limit = "256"]

mod audit;
mod conflict_map;
mod connect;
mod engine;
mod exit;
mod handle;
mod ingest_hours;
mod journal;
mod keys;
mod lead;
mod migrate;
mod projection;
mod read;
mod records;
mod recovery;
mod rows;
mod saved_views;
mod snapshot;
mod tx;
mod upgrade;
mod url;
mod watch;
mod write;

pub use self::{
    audit::AuditRow,
    connect::{EngineMemory, connect, connect_existing, connect_with, is_embedded},
    ingest_hours::HourRow,
    journal::{Entry, NewMessage, Position, Switch},
    lead::{Candidate, LeadChange},
    projection::{HistoryDue, Projection, ProjectionState, RowCounts},
    read::{EventRow, PurchaseRow},
    recovery::RecoveryError,
    rows::{Cause, LineageRow},
    saved_views::SavedView,
    watch::watch,
    write::{Commit, Encoded, Filled, Filling, KeptMessage, ProfileWrite, Rows, Unfinished},
};

use std::sync::Arc;

use surrealdb::types::RecordId;

use self::{handle::Handle, lead::Lead};

/// Keys per query. One query is one snapshot, so this covers a customer, and a page of them. The cost per row grows with their
/// number: with 100,000 keys it is fifteen times that of one.
const KEYS_AT_ONCE: usize = 2_500;

/// An open database with the schema of this program.
#[derive(Debug, Clone)]
pub struct Store {
    handle: Arc<Handle>,
    /// The number of the projection that this reads and writes.
    projection: i64,
    /// Whether it is filled from the journal, so that commits do not reach it automatically.
    is_filled: bool,
    lead: Arc<Lead>,
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database URL {url} cannot be used: {reason}")]
    Url { url: String, reason: String },
    #[error("there is no database at {url}; check the address, or create one with `serve` or `import`")]
    NoBase { url: String },
    #[error(
        "the database has schema version {found}, newer than the {known} that this program knows; run a newer profile360"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "the database has normal forms of version {found}, newer than the {known} that this program knows; run a newer profile360"
    )]
    NewerNormalForms { found: i64, known: i64 },
    #[error("another writer was faster")]
    Conflict,
    #[error("another server leads now, so this one does not write what only the leader writes")]
    Deposed,
    #[error("the database server does not answer; whether it has done the last write is not known")]
    Silent,
    #[error("the change needs a larger transaction than the database can take ({n_bytes} bytes of {at_most})")]
    TooLarge { n_bytes: usize, at_most: usize },
    #[error("another server has published a policy; ask again")]
    Superseded,
    #[error("a row of {table} cannot be read ({reason}); run `profile360 check`")]
    Corrupt { table: &'static str, reason: String },
    #[error("the rows of a customer contradict each other; run `profile360 check`")]
    Contradictory,
    #[error("the next projection is not complete ({reason}), so the active one stays; run `profile360 check`")]
    Incomplete { reason: String },
    #[error("the log of the database cannot be kept: {0}")]
    Log(#[from] RecoveryError),
    #[error("the database failed: {0}")]
    Database(Box<surrealdb::Error>),
}

impl From<surrealdb::Error> for StoreError {
    fn from(error: surrealdb::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    pub(crate) fn new(handle: Arc<Handle>, projection: i64) -> Self {
        let lead = Arc::new(Lead::of(&handle));
        Self { handle, projection, is_filled: false, lead }
    }

    /// One round trip to the database; for readiness.
    pub async fn ping(&self) -> Result<()> {
        self.handle.run("RETURN 1", tx::no_variables()).await?;
        Ok(())
    }

    /// How many messages to write in one transaction, at most `at_most`.
    ///
    /// In memory (surrealmx 0.27.0) each write copies everything that the transaction has written before, so its cost is
    /// quadratic.
    pub fn messages_at_once(&self, at_most: usize) -> usize {
        const IN_MEMORY: usize = 200;
        if matches!(*self.handle, Handle::Memory(_)) { at_most.min(IN_MEMORY) } else { at_most }
    }

    /// Bytes of texts of messages whose rows are planned and written at once, so that they fit into a transaction.
    pub fn texts_at_once(&self) -> usize {
        /// The rows need up to three times as many.
        const BYTES_PER_BYTE: usize = 4;
        let memtable = match self.handle.embedded_base() {
            Some(base) => base.engine.largest_transaction.min(EngineMemory::LARGEST_MEMTABLE),
            None => EngineMemory::SMALLEST_MEMTABLE,
        };
        memtable / BYTES_PER_BYTE
    }

    /// Closes an embedded database. Later calls fail.
    pub async fn close(&self) {
        self.handle.close().await;
    }

    /// The version of the schema that the database has.
    pub async fn schema_version(&self) -> Result<i64> {
        migrate::version(&self.handle).await
    }

    async fn select(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, String)>> {
        with_payloads(self.handle.get(ids).await?)
    }
}

fn with_payloads(rows: Vec<(RecordId, rows::Fields)>) -> Result<Vec<(RecordId, String)>> {
    rows.into_iter().map(|(id, fields)| Ok((id, rows::payload_of(fields)?))).collect()
}
