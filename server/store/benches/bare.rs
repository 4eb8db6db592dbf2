//! How fast the engine inserts the rows of a database, bare: `cargo bench --bench bare -- surrealkv://FOLDER?sync=every`.
//!
//! Each row is inserted once, in batches, into a new database of the same engine and with the same definitions. It is what an
//! import could reach at most that had nothing to compute and rewrote no row. `make bench` compares the two.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use surrealdb::{
    Surreal,
    engine::any::{Any, connect},
    types::{Value, Variables},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_ROWS: usize = 5_000;
/// A transaction must be well below the size of a memtable.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

fn main() -> anyhow::Result<()> {
    let Some(url) = std::env::args().skip(1).find(|it| !it.starts_with("--")) else {
        bail!("name a database, as surrealkv://FOLDER?sync=every");
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(10 * 1024 * 1024).build()?;
    runtime.block_on(async { tokio::spawn(measure(url)).await })?
}

async fn measure(url: String) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some((scheme, _)) = url.split_once("://") else { bail!("{url} is no address of a database") };
    let from = connect(&url).await.with_context(|| format!("{url} cannot be opened"))?;
    let to = connect(format!("{scheme}://{}?sync=every", folder.path().join("bare").display())).await?;
    for db in [&from, &to] {
        db.use_ns("profile360").await?;
    }
    let mut n_rows = 0;
    let mut inserting = Duration::ZERO;
    for (database, _) in texts(&from, "INFO FOR NS", "databases").await? {
        for db in [&from, &to] {
            db.use_ns("profile360").use_db(&database).await?;
        }
        let copied = copy(&from, &to).await?;
        n_rows += copied.0;
        inserting += copied.1;
    }
    let seconds = inserting.as_secs_f64();
    println!("{n_rows} rows in {seconds:.2} s, {:.0} a second", n_rows as f64 / seconds);
    Ok(())
}

/// Inserts all rows of the selected database. Returns how many there are, and how long the inserts were.
async fn copy(from: &Surreal<Any>, to: &Surreal<Any>) -> anyhow::Result<(usize, Duration)> {
    let mut n_rows = 0;
    let mut inserting = Duration::ZERO;
    let mut tables = texts(from, "INFO FOR DB", "tables").await?;
    let is_relation = |definition: &str| definition.contains(" TYPE RELATION");
    // The records that an edge connects must be there.
    tables.sort_by_key(|(_, definition)| is_relation(definition));
    for (table, definition) in tables {
        to.query(definition.clone()).await?.check()?;
        for section in ["fields", "indexes"] {
            for (_, definition) in texts(from, &format!("INFO FOR TABLE {table}"), section).await? {
                // The definition of a relation implies two of its fields.
                to.query(definition.replacen("DEFINE FIELD ", "DEFINE FIELD OVERWRITE ", 1)).await?.check()?;
            }
        }
        let Value::Array(rows) = from.query(format!("SELECT * FROM {table}")).await?.take::<Value>(0)? else {
            bail!("{table} has no rows to read");
        };
        let relation = if is_relation(&definition) { "RELATION " } else { "" };
        let insert = format!("INSERT {relation}INTO {table} $rows RETURN NONE");
        n_rows += rows.len();
        for batch in batches(rows.into_vec()) {
            let variables: Variables = [("rows".to_owned(), Value::from_iter(batch))].into_iter().collect();
            let started = Instant::now();
            let inserted = to.query(&insert).bind(variables).await?;
            inserting += started.elapsed();
            inserted.check().with_context(|| format!("{table} was not written"))?;
        }
    }
    Ok((n_rows, inserting))
}

/// Names and definitions in a section of what the database says about itself.
async fn texts(db: &Surreal<Any>, question: &str, section: &str) -> anyhow::Result<Vec<(String, String)>> {
    let Value::Object(mut answer) = db.query(question).await?.take::<Value>(0)? else { bail!("{question} failed") };
    let Some(Value::Object(found)) = answer.remove(section) else { bail!("{question} has no {section}") };
    let text = |(name, definition): (String, Value)| match definition {
        Value::String(text) => Ok((name, text)),
        _ => bail!("the definition of {name} is no text"),
    };
    found.into_inner().into_iter().map(text).collect()
}

fn batches(rows: Vec<Value>) -> Vec<Vec<Value>> {
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut n_bytes = BATCH_BYTES;
    for row in rows {
        let size = size_of(&row);
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ROWS && n_bytes + size <= BATCH_BYTES => {
                n_bytes += size;
                batch.push(row);
            }
            _ => {
                n_bytes = size;
                batches.push(vec![row]);
            }
        }
    }
    batches
}

/// About how many bytes a value needs, without keys.
fn size_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => values.iter().map(size_of).sum(),
        Value::Object(object) => object.values().map(size_of).sum(),
        _ => 16,
    }
}
