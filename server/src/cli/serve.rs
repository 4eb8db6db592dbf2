//! `profile360 serve`: the server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Semaphore, watch},
};

use super::{
    Base, Describing, Opened,
    listen::{self, Listen},
};
use crate::{
    audit::Audit,
    clock,
    generate::{GenerateOptions, generate},
    graphql::{self, Current},
    http,
    intake::Intake,
    keys::Gate,
    limits::Limits,
    list,
    news::News,
    pipeline::{Pipeline, Workshop},
    publication::Publication,
    rules::Rules,
};

/// Serves the page and GraphQL.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where to listen: an address or a host name and a port, or a port of 127.0.0.1 alone. Without keys only this machine's own
    /// addresses are allowed.
    #[arg(long, env = "PROFILE360_LISTEN", default_value = "127.0.0.1:8360")]
    listen: Listen,
    /// The file of the keys, which `profile360 key` makes: with it every request needs one.
    #[arg(long, env = "PROFILE360_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Fills an empty base with made-up customers.
    #[arg(long, env = "PROFILE360_DEMO", value_parser = clap::builder::BoolishValueParser::new())]
    demo: bool,
    /// A list of GraphQL documents (JSON, hash to text); no others are answered but the page's own.
    #[arg(long, value_name = "FILE", env = "PROFILE360_TRUSTED_DOCUMENTS")]
    trusted_documents: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    describing: Describing,
    #[command(flatten)]
    base: Base,
}

/// Connections that the kernel accepts before the server does.
const BACKLOG: u32 = 1_024;

/// Customers of a demo.
const DEMO_PROFILES: u64 = 300;
const DEMO_SEED: u64 = 360;

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let address = options.listen.resolve().await?;
    if options.keys.is_none() && !address.ip().is_loopback() {
        bail!(
            "without keys the server listens on this machine only; use an address such as 127.0.0.1:8360, or make keys with \
             `profile360 key create` and give their file with --keys"
        );
    }
    // Before a base is made or filled: a port that is in use is an error at once.
    let socket = listen::bind(address)?;
    let trusted = options.trusted_documents.as_deref().map(read_documents).transpose()?;
    let intake = options.describing.intake()?;
    let gate = options.keys.map(Gate::open).transpose()?.map(Arc::new);
    let Opened { store, policy, secret } = options.base.open().await?;
    let news = Arc::new(News::keeping(options.limits.behind));
    let workshop = Workshop::open(store, policy, secret, news).await?;
    let (pipeline, working) = Pipeline::start(workshop);
    let Workshop { store, list, policy, .. } = pipeline.workshop();
    if options.demo && list.read(list::Index::is_empty) && list.n_waiting() == 0 {
        fill(&pipeline, &intake, &policy).await?;
    }
    // What the last process left unlisted, and the demo, before anyone looks.
    list.catch_up(&store, &policy, |_| {}).await?;
    drop((store, list, policy));

    let (stop, stopping) = watch::channel(false);
    let listing = tokio::spawn(list::run(pipeline.editions(), stopping.clone()));
    let listener = socket.listen(BACKLOG).with_context(|| listen::failed(address))?;
    let address = listener.local_addr()?;
    let publication = Arc::new(Publication::default());
    publication.resume(&pipeline).await?;
    let editions = pipeline.editions();
    let audit = gate.as_ref().map(|_| Audit::start(pipeline.editions()));
    let current = Current {
        pipeline,
        intake,
        limits: Arc::new(options.limits),
        publication: publication.clone(),
        audit,
        lookups: Arc::default(),
        listening: graphql::Listening::default(),
        simulating: Arc::new(Semaphore::new(1)),
    };
    let serving = tokio::spawn(http::serve(listener, graphql::schema(), current, gate, trusted, stopping));
    println!("listening on http://{address}");
    tracing::info!(%address, "serving");

    wait_for_signal().await?;
    tracing::info!("stopping: finishing what is open");
    stop.send_replace(true);
    publication.stop().await;
    serving.await.context("the server stopped")??;
    // Serving held the last way into the pipeline; what it took is written now.
    working.await.context("the pipeline stopped before everything was written")?;
    listing.await.context("the list stopped")?;
    let store = editions.borrow().store.clone();
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Reads a list of documents, as GraphQL Code Generator writes it.
fn read_documents(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!("{} is no list of documents: it is a JSON object of texts by their hashes", path.display())
    })
}

async fn wait_for_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("the keyboard cannot be listened to"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Takes made-up customers in, whose last day is yesterday: nothing of them lies in the future.
async fn fill(pipeline: &Pipeline, intake: &Intake, rules: &Rules) -> anyhow::Result<()> {
    const BATCH: usize = 1_000;
    let options = GenerateOptions {
        profiles: DEMO_PROFILES,
        seed: DEMO_SEED,
        until: clock::today(rules).pred_opt().unwrap_or_default(),
    };
    let mut lines = Vec::new();
    generate(&options, &mut lines, &mut std::io::sink())?;
    let text = String::from_utf8(lines).context("the demo is not text")?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut n_messages = 0_usize;
    eprintln!("filling the empty base with {DEMO_PROFILES} made-up customers …");
    for line in text.lines() {
        // The demo has bad messages, too, as real sources do.
        if let Ok(accepted) = intake.parse(line, rules) {
            batch.push(accepted);
        }
        if batch.len() == BATCH {
            n_messages += batch.len();
            pipeline.ingest(std::mem::take(&mut batch), rules.version).await?;
        }
    }
    n_messages += batch.len();
    if !batch.is_empty() {
        pipeline.ingest(batch, rules.version).await?;
    }
    eprintln!("{n_messages} messages taken");
    Ok(())
}
