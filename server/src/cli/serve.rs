//! `profile360 serve`: the server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{ArgAction, builder::BoolishValueParser};
use profile360_store::StoreError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Semaphore, watch},
};

use super::{
    DatabaseOptions, Describing, Opened,
    listen::{self, Listen},
    supervise,
};
use crate::{
    auth::{audit::Audit, authenticator::Authentication, rate_limit::RateLimit},
    engine::{
        directory_updater,
        events::Events,
        ingest::{IngestService, Sender},
        ingest_history, leadership,
        pipeline::Pipeline,
        policy_rollout::PolicyRollout,
        snapshot::Snapshot,
    },
    graphql::{self, Current},
    http::{self, AllowedHost},
    limits::Limits,
    sample_data,
};

/// Serves the page and GraphQL.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where to listen: an address or a host name and a port, or a port of 127.0.0.1 alone. Without keys only this machine's own
    /// addresses are allowed.
    #[arg(long, env = "PROFILE360_LISTEN", default_value = "127.0.0.1:8360")]
    listen: Listen,
    /// The file of the keys, which `profile360 key` makes; with it every request needs a key.
    #[arg(long, env = "PROFILE360_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Hosts that requests may name in addition to the server's own names, such as profiles.example.com or localhost:9000 (with
    /// a port only that one), with commas between them. With keys: these only; without this option, any.
    #[arg(long, env = "PROFILE360_ALLOWED_HOSTS", value_name = "HOST[:PORT]", value_delimiter = ',')]
    allowed_hosts: Vec<AllowedHost>,
    /// Fills an empty database with made-up customers.
    #[arg(long, env = "PROFILE360_DEMO", value_parser = BoolishValueParser::new())]
    demo: bool,
    /// A list of GraphQL documents (JSON, hash to text); only these and the page's own are answered.
    #[arg(long, value_name = "FILE", env = "PROFILE360_TRUSTED_DOCUMENTS")]
    trusted_documents: Option<PathBuf>,
    /// Whether a small parent process starts the server again after it had to end itself (exit status 75) or was killed. Only
    /// for a database in a folder.
    #[arg(long, env = "PROFILE360_SUPERVISE", value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          value_parser = BoolishValueParser::new())]
    supervise: bool,
    /// The parent's process ID.
    #[arg(long, hide = true, value_name = "PID")]
    supervised_by: Option<i32>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    describing: Describing,
    #[command(flatten)]
    database: DatabaseOptions,
}

/// Pending connections in the kernel's queue.
const BACKLOG: u32 = 1_024;

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let address = options.listen.resolve().await?;
    if options.keys.is_none() && !address.ip().is_loopback() {
        bail!(
            "without keys the server listens on this machine only; use an address such as 127.0.0.1:8360, or make keys with \
             `profile360 key create` and give their file with --keys"
        );
    }
    // Before a database is created or filled, so that a port in use is an immediate error.
    let socket = match options.supervised_by {
        Some(parent) => supervise::inherited_socket(parent)?,
        None => listen::bind(address)?,
    };
    if options.supervise && options.supervised_by.is_none() && options.database.is_embedded() {
        return supervise::run(socket).await;
    }
    let mut limits = options.limits;
    let wanted = limits.connections;
    limits.connections = connections_of(wanted, raise_open_files());
    if limits.connections < wanted {
        // One address must not use all connections.
        limits.connections_per_address = limits.connections_per_address.min(limits.connections.div_ceil(2));
    }
    let trusted = options.trusted_documents.as_deref().map(read_documents).transpose()?;
    let intake = options.describing.intake()?;
    let authentication = Authentication::open(options.keys)?;
    let memory = options.database.memory();
    let Opened { store, policy, secret } = options.database.open().await?;
    let events = Arc::new(Events::keeping(limits.behind));
    let snapshot = Snapshot::open(store, policy, secret, events, memory.caches()).await?;
    let (pipeline, working) = Pipeline::start(snapshot);
    let ingest = IngestService::new(pipeline.clone(), intake, memory.queue());
    let Snapshot { store, directory, states, .. } = pipeline.snapshot();
    if options.demo && directory.read(profile360_directory::Index::is_empty) && directory.n_pending() == 0 {
        fill(&ingest).await?;
    }
    // List what the last process left pending, and the demo, before serving.
    match directory.catch_up(&store, &states, |_| {}).await {
        // A customer that cannot be read must not prevent serving the others. The background task retries it.
        Err(error @ StoreError::Contradictory) => tracing::error!(%error, "the list is not up to date"),
        caught_up => caught_up?,
    }
    let ingest_stats = pipeline.ingest_stats().clone();
    ingest_history::restore(&store, &ingest_stats).await?;
    drop((store, directory, states));

    let (stop, stopping) = watch::channel(false);
    let listing = tokio::spawn(directory_updater::run(pipeline.editions(), stopping.clone()));
    let counting = tokio::spawn(ingest_history::run(pipeline.editions(), ingest_stats.clone(), stopping.clone()));
    let listener = socket.listen(BACKLOG).with_context(|| listen::failed(address))?;
    let address = listener.local_addr()?;
    let rollout = Arc::new(PolicyRollout::default());
    let leading = if pipeline.snapshot().store.is_shared() {
        Some(tokio::spawn(leadership::run(pipeline.clone(), rollout.clone(), stopping.clone())))
    } else {
        rollout.resume(&pipeline).await?;
        None
    };
    let editions = pipeline.editions();
    let audit = authentication.requires_keys().then(|| Audit::start(pipeline.editions()));
    let current = Current {
        pipeline,
        ingest,
        memory,
        lookup_limit: Arc::new(RateLimit::per_minute(limits.lookups)),
        limits: Arc::new(limits),
        rollout: rollout.clone(),
        audit,
        subscription_limit: graphql::SubscriptionLimit::default(),
        simulation_permits: Arc::new(Semaphore::new(1)),
    };
    let serving = tokio::spawn(http::serve(
        listener,
        graphql::schema(),
        current,
        authentication,
        trusted,
        options.allowed_hosts,
        stopping,
    ));
    // Before the address is printed: a signal that comes then stops the server cleanly.
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    println!("listening on http://{address}");
    tracing::info!(%address, "serving");

    wait_for_signal(&mut terminate).await?;
    tracing::info!("stopping: finishing what is open");
    stop.send_replace(true);
    rollout.stop().await;
    if let Some(leading) = leading {
        leading.await.context("the lead was not left to other servers")?;
    }
    serving.await.context("the server stopped")??;
    // Serving held the last sender of the pipeline; what it accepted is written now.
    working.await.context("the pipeline stopped before everything was written")?;
    listing.await.context("the list stopped")?;
    counting.await.context("the ingestion counters stopped")?;
    let last = editions.borrow().clone();
    ingest_history::observe(&last, &ingest_stats);
    ingest_history::write(&last.store, &ingest_stats).await;
    last.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Raises the soft limit of open files to the hard limit. Returns it, if there is one.
fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the number of open files cannot be raised");
        }
    }
    getrlimit(Resource::Nofile).current
}

/// The maximum number of connections that leaves enough files for the database.
fn connections_of(wanted: usize, open_files: Option<u64>) -> usize {
    /// Files of the database and of the program itself, with a margin. Half of all files are reserved in addition: a library of the
    /// engine (sysinfo) keeps up to that many files of other processes open.
    const RESERVED: usize = 512;
    let Some(open_files) = open_files.and_then(|it| usize::try_from(it).ok()) else { return wanted };
    let most = (open_files / 2).saturating_sub(RESERVED).max(open_files / 4);
    if most < wanted {
        tracing::warn!(
            most,
            open_files,
            "fewer connections are accepted than --limit-connections says; raise the limit of open files"
        );
    }
    wanted.min(most)
}

/// Reads a list of documents in the format of GraphQL Code Generator.
fn read_documents(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!("{} is no list of documents: it is a JSON object of texts by their hashes", path.display())
    })
}

async fn wait_for_signal(terminate: &mut Signal) -> anyhow::Result<()> {
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("the keyboard cannot be listened to"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Imports made-up customers into an empty database.
async fn fill(service: &IngestService) -> anyhow::Result<()> {
    eprintln!("filling the empty database with {} made-up customers …", sample_data::N_CUSTOMERS);
    let messages = sample_data::messages(&service.policy())?;
    let n_messages = sample_data::ingest(service, Sender::Operator, &messages).await?;
    eprintln!("{n_messages} messages accepted");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::connections_of;

    #[test]
    fn the_base_has_files_left() {
        for (wanted, open_files, accepted) in [
            (4_096, None, 4_096),
            (4_096, Some(1 << 20), 4_096),
            (4_096, Some(4_096), 1_536),
            (4_096, Some(1_024), 256),
            (4_096, Some(256), 64),
            (100, Some(1_024), 100),
        ] {
            assert_eq!(connections_of(wanted, open_files), accepted, "{wanted} {open_files:?}");
        }
    }
}
