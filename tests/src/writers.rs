//! Writers in the tests' own process, for what no command does: several of them on one base.

use std::sync::Arc;

use profile360_core::{
    identifier::unified_id::IdSecret,
    message::parse::accepted::Accepted,
    policy::{compiled::CompiledPolicy, document::Policy},
};
use profile360_ingest::enrich::Enricher;
use profile360_server::engine::{
    active_policy::ActivePolicy,
    events::Events,
    pipeline::{Bounds, Pipeline, Snapshot},
};
use profile360_store::Store;

use crate::SECRET;

/// SurrealDB's executor nests deeply; the program's own threads have as much.
const STACK_BYTES: usize = 10 * 1024 * 1024;

/// Runs a future where the database has the stack that it needs.
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

/// An open base and what writes to it.
#[derive(Debug)]
pub struct Writers {
    pub store: Arc<Store>,
    working: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    /// Opens a base with the default policy and the tests' secret; a command must have made it.
    pub async fn open(database: &str) -> anyhow::Result<Self> {
        Ok(Self { store: Arc::new(profile360_store::connect(database).await?), working: Vec::new() })
    }

    /// One more pipeline, that knows nothing of the others.
    pub async fn pipeline(&mut self) -> anyhow::Result<Pipeline> {
        self.start(Bounds::NEAR).await
    }

    /// One more pipeline, in which every request steps aside that needs anything beside what it names, or changes more than
    /// very little.
    pub async fn impatient_pipeline(&mut self) -> anyhow::Result<Pipeline> {
        self.start(Bounds { read: 0, write: 6 }).await
    }

    /// As another server on the same base: it shares nothing but that.
    async fn start(&mut self, bounds: Bounds) -> anyhow::Result<Pipeline> {
        let (pipeline, working) = Pipeline::start_with(self.snapshot().await?, bounds);
        self.working.push(working);
        Ok(pipeline)
    }

    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let rules = Arc::new(ActivePolicy::load(&self.store, POLICY_VERSION, policy()).await?);
        let news = Arc::new(Events::keeping(1));
        Ok(Snapshot::open(self.store.clone(), rules, IdSecret::new(SECRET), news).await?)
    }

    /// Waits until everything is written and listed, and closes the base. The pipelines must be gone.
    pub async fn close(mut self) -> anyhow::Result<()> {
        for working in std::mem::take(&mut self.working) {
            working.await?;
        }
        let Snapshot { store, list, policy, .. } = self.snapshot().await?;
        list.catch_up(&store, &policy, |_| {}).await?;
        store.close().await;
        Ok(())
    }
}

/// The version of the policy of a new base.
pub const POLICY_VERSION: i64 = 1;

/// The policy of a new base.
pub fn policy() -> CompiledPolicy {
    CompiledPolicy::new(Policy::default()).expect("the default policy has no faults")
}

/// The messages of a file's lines.
pub fn accepted(lines: &str) -> Vec<Accepted> {
    accepted_by(&policy(), lines)
}

/// The messages of a file's lines, as some policy reads them.
pub fn accepted_by(policy: &CompiledPolicy, lines: &str) -> Vec<Accepted> {
    let intake = Enricher::new(None, profile360_server::clock::now).expect("there is no file to be wrong");
    lines.lines().map(|line| intake.parse(line, policy).expect("the line is a good message")).collect()
}
