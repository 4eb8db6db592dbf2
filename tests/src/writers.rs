//! Pipelines in the test process, for what no command does: several writers on one database.

use std::sync::Arc;

use profile360_core::{
    identifier::unified_id::IdSecret,
    message::parse::accepted::Accepted,
    policy::{compiled::CompiledPolicy, document::Policy},
};
use profile360_ingest::enrich::Enricher;
use profile360_server::{
    engine::{
        active_policy::ActivePolicy,
        events::Events,
        pipeline::{Budget, Pipeline},
        snapshot::Snapshot,
    },
    memory::CacheSizes,
};
use profile360_store::{EngineMemory, Store};

use crate::SECRET;

/// SurrealDB's executor nests deeply. The program's threads have the same stack size.
const STACK_BYTES: usize = 10 * 1024 * 1024;

/// Runs a future on threads with the stack that the database needs.
pub fn in_process<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .expect("threads can be started");
    // On a thread of its own: the test may be in a runtime itself.
    let running = std::thread::spawn(move || runtime.block_on(async { tokio::spawn(future).await }));
    match running.join() {
        Ok(result) => result.expect("it does not panic"),
        Err(_) => panic!("it does not panic"),
    }
}

/// An open database and its pipelines.
#[derive(Debug)]
pub struct Writers {
    pub store: Arc<Store>,
    working: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    /// Opens a database that a command has created, with the default policy and the secret of the tests.
    pub async fn open(database: &str) -> anyhow::Result<Self> {
        Ok(Self { store: Arc::new(profile360_store::connect(database).await?), working: Vec::new() })
    }

    /// As [`Self::open`], with transactions of at most so many bytes.
    pub async fn open_with_transactions_of(n_bytes: usize, database: &str) -> anyhow::Result<Self> {
        let memory = EngineMemory { memtable: n_bytes, ..EngineMemory::default() };
        Ok(Self { store: Arc::new(profile360_store::connect_with(database, memory).await?), working: Vec::new() })
    }

    /// Starts another, independent pipeline.
    pub async fn pipeline(&mut self) -> anyhow::Result<Pipeline> {
        self.start(Budget::DEFAULT).await
    }

    /// Starts another pipeline with a tiny budget, which defers almost every request.
    pub async fn pipeline_with_tiny_budget(&mut self) -> anyhow::Result<Pipeline> {
        self.start(Budget { read: 0, write: 6, ahead: 1, ..Budget::DEFAULT }).await
    }

    /// Starts another pipeline that plans ahead once so many messages wait.
    pub async fn pipeline_by(&mut self, has_tiny_budget: bool, ahead: usize) -> anyhow::Result<Pipeline> {
        let budget = if has_tiny_budget {
            Budget { read: 0, write: 6, ahead, ..Budget::DEFAULT }
        } else {
            Budget { ahead, ..Budget::DEFAULT }
        };
        self.start(budget).await
    }

    /// Like another server on the same database: they share nothing else.
    async fn start(&mut self, budget: Budget) -> anyhow::Result<Pipeline> {
        let (pipeline, working) = Pipeline::start_with(self.snapshot().await?, budget);
        self.working.push(working);
        Ok(pipeline)
    }

    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let policy = Arc::new(ActivePolicy::load(&self.store, POLICY_VERSION, policy()).await?);
        let events = Arc::new(Events::keeping(1));
        Ok(Snapshot::open(self.store.clone(), policy, IdSecret::new(SECRET), events, CacheSizes::default()).await?)
    }

    /// Waits until everything is written. The pipelines must be dropped.
    pub async fn finish(&mut self) -> anyhow::Result<()> {
        for working in std::mem::take(&mut self.working) {
            working.await?;
        }
        Ok(())
    }

    /// Waits until everything is written and listed, and closes the database. The pipelines must be dropped.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.finish().await?;
        let Snapshot { store, directory, states, .. } = self.snapshot().await?;
        directory.catch_up(&store, &states, |_| {}).await?;
        store.close().await;
        Ok(())
    }
}

/// The policy version of a new database.
pub const POLICY_VERSION: i64 = 1;

/// The policy of a new database.
pub fn policy() -> CompiledPolicy {
    CompiledPolicy::new(Policy::default()).expect("the default policy has no faults")
}

/// Parses lines under the default policy.
pub fn accepted(lines: &str) -> Vec<Accepted> {
    accepted_by(&policy(), lines)
}

/// Parses lines under a policy.
pub fn accepted_by(policy: &CompiledPolicy, lines: &str) -> Vec<Accepted> {
    let enricher = Enricher::new(None, profile360_server::clock::now).expect("needs no file");
    lines.lines().map(|line| enricher.parse(line, policy).expect("a valid message")).collect()
}
