//! Compares the throughput of an import with the bare `INSERT` of the resulting rows into the same engine, in one run:
//! `make bench FILE=messages.ndjson`.
//!
//! The import includes parsing, resolution and every rewrite of a row. The bare run inserts each final row once, in batches of
//! the same size.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::{sync::Arc, time::Instant};

use anyhow::{Context, bail};
use profile360_core::{
    identifier::unified_id::IdSecret,
    message::parse::parse_message,
    policy::{compiled::CompiledPolicy, document::Policy},
};
use profile360_server::engine::{active_policy::ActivePolicy, events::Events, pipeline::Pipeline, snapshot::Snapshot};
use surrealdb::{
    Surreal,
    engine::local::{Db, SurrealKv},
    types::{Value, Variables},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 5_000;
/// Each table with its queries.
const TABLES: [(&str, &str, &str); 10] = [
    ("identifier", "SELECT * FROM identifier", "INSERT INTO identifier $rows RETURN NONE"),
    ("message", "SELECT * FROM message", "INSERT INTO message $rows RETURN NONE"),
    ("event", "SELECT * FROM event", "INSERT INTO event $rows RETURN NONE"),
    ("latent", "SELECT * FROM latent", "INSERT INTO latent $rows RETURN NONE"),
    ("linked", "SELECT * FROM linked", "INSERT RELATION INTO linked $rows RETURN NONE"),
    ("cell", "SELECT * FROM cell", "INSERT INTO cell $rows RETURN NONE"),
    ("purchase", "SELECT * FROM purchase", "INSERT INTO purchase $rows RETURN NONE"),
    ("order_claim", "SELECT * FROM order_claim", "INSERT INTO order_claim $rows RETURN NONE"),
    ("session_claim", "SELECT * FROM session_claim", "INSERT INTO session_claim $rows RETURN NONE"),
    ("withheld", "SELECT * FROM withheld", "INSERT INTO withheld $rows RETURN NONE"),
];

fn main() -> anyhow::Result<()> {
    let file = std::env::args().skip(1).find(|it| !it.starts_with("--"));
    let Some(file) = file else { bail!("name a file of messages: make bench FILE=messages.ndjson") };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(10 * 1024 * 1024).build()?;
    runtime.block_on(async { tokio::spawn(compare(file)).await })?
}

async fn compare(file: String) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let started = Instant::now();
    let n_messages = import(&file, &path("import")).await?;
    let import_seconds = started.elapsed().as_secs_f64();

    // Creates the schema. The rows come from the other database.
    profile360_store::connect(&format!("surrealkv://{}?sync=every", path("bare"))).await?.close().await;
    let from = open(&path("import")).await?;
    let to = open(&path("bare")).await?;
    let mut n_rows = 0;
    let mut bare_seconds = 0.0;
    for (table, select, insert) in TABLES {
        let Value::Array(rows) = from.query(select).await?.take::<Value>(0)? else { bail!("{table} is no table") };
        n_rows += rows.len();
        let rows: Vec<Value> = rows.into_iter().collect();
        for batch in rows.chunks(BATCH) {
            let mut variables = Variables::new();
            variables.insert("rows", Value::from_iter(batch.iter().cloned()));
            let started = Instant::now();
            to.query(insert).bind(variables).await?.check().with_context(|| format!("{table} was not written"))?;
            bare_seconds += started.elapsed().as_secs_f64();
        }
    }
    println!(
        "import: {n_messages} messages in {import_seconds:.1} s, {:.0} a second",
        n_messages as f64 / import_seconds
    );
    println!(
        "bare INSERT of its {n_rows} rows: {bare_seconds:.1} s, {:.0} rows a second",
        n_rows as f64 / bare_seconds
    );
    println!("the import runs at {:.2} of the bare rate", bare_seconds / import_seconds);
    Ok(())
}

async fn import(file: &str, path: &str) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    let store = Arc::new(profile360_store::connect(&format!("surrealkv://{path}?sync=every")).await?);
    let Ok(policy) = CompiledPolicy::new(Policy::default()) else { bail!("the default policy is invalid") };
    let policy = Arc::new(ActivePolicy::load(&store, 1, policy).await?);
    let snapshot =
        Snapshot::open(store.clone(), policy.clone(), IdSecret::public(), Arc::new(Events::keeping(1))).await?;
    let directory = snapshot.directory.clone();
    let (pipeline, working) = Pipeline::start(snapshot);
    let mut n_messages = 0;
    let lines: Vec<&str> = text.lines().collect();
    for batch in lines.chunks(BATCH) {
        let accepted: Vec<_> = batch.iter().filter_map(|it| parse_message(it, &policy).ok()).collect();
        n_messages += accepted.len();
        pipeline.ingest(accepted, policy.version).await?;
    }
    drop(pipeline);
    working.await?;
    directory.catch_up(&store, &policy, |_| {}).await?;
    store.close().await;
    Ok(n_messages)
}

async fn open(path: &str) -> anyhow::Result<Surreal<Db>> {
    let db = Surreal::new::<SurrealKv>(path.to_owned()).await?;
    db.use_ns("profile360").use_db("profile360").await?;
    Ok(db)
}
