//! `profile360 import`: imports files into a database.

use std::{
    path::{Path, PathBuf},
    pin::{Pin, pin},
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use indicatif::{ProgressBar, ProgressStyle};
use profile360_core::message::{parse::accepted::Accepted, refusal::Warning};
use profile360_ingest::csv::{ColumnMapping, Encoding};
use tokio::sync::mpsc;

use super::{
    DatabaseOptions, Describing, Opened,
    input::{self, Format, Messages, Part, RefusedFile},
    plain::for_terminal,
};
use crate::engine::{
    events::Events,
    ingest::{Batch, IngestCounts, IngestError, IngestService, IngestStatus, Ingestion, Sender},
    pipeline::{Budget, Pipeline},
    policy_rollout::PolicyRollout,
    snapshot::Snapshot,
};

/// Parts of a file that are stored at once: while one batch of them is written, the next is planned.
const PARTS_AT_ONCE: usize = 24;

/// Imports messages from files (NDJSON or CSV, also compressed with gzip or Zstandard). Safe to interrupt and to repeat: a
/// message that is there is counted as a duplicate and changes nothing. Rejected lines go to FILE.refused.ndjson.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The format of the files, messages or tables; by their names and first bytes if left out.
    #[arg(long, env = "PROFILE360_FORMAT", value_enum)]
    format: Option<Format>,
    /// The file that says what the columns of tables mean (TOML); `profile360 map FILE` proposes one.
    #[arg(long, env = "PROFILE360_MAP", required_if_eq("format", "csv"))]
    map: Option<PathBuf>,
    /// The encoding of tables.
    #[arg(long, env = "PROFILE360_ENCODING", value_enum, default_value_t = Encoding::Auto)]
    encoding: Encoding,
    #[command(flatten)]
    describing: Describing,
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Debug, thiserror::Error)]
#[error("interrupted; what was counted is in the database, run the same command again for the rest")]
struct Interrupted;

/// The lines of a part of the file, and the result of ingesting it.
type Stored = (Vec<u64>, Result<Ingestion, IngestError>);

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let map = match &options.map {
        Some(path) if options.format != Some(Format::Ndjson) => {
            let failed = || format!("the map {} cannot be read", path.display());
            let text = std::fs::read_to_string(path).with_context(failed)?;
            Some((Arc::new(ColumnMapping::parse(&text).with_context(failed)?), options.encoding))
        }
        _ => None,
    };
    let intake = options.describing.intake()?;
    // A missing file is reported before a database is created for it.
    let mut opened = Vec::new();
    let mut failures = Vec::new();
    let mut n_empty = 0;
    for path in &options.files {
        match Messages::open(path, options.format, map.as_ref(), &intake) {
            Ok(messages) if messages.is_empty => {
                n_empty += 1;
                eprintln!("{} is empty: it holds no messages", path.display());
            }
            Ok(messages) => opened.push((path, messages)),
            Err(failure) => failures.push(failure),
        }
    }
    if opened.is_empty() {
        // Without messages, do not create a database.
        if 0 < n_empty {
            println!("{}", to_line(&IngestCounts::default()));
        }
        for failure in &failures {
            eprintln!("error: {failure:#}");
        }
        return Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let Some(path) = &options.map
        && !opened.iter().any(|(_, messages)| messages.is_table())
    {
        eprintln!("the map {} is not used: no file is a table; --format csv reads files as tables", path.display());
    }
    let memory = options.database.memory();
    let Opened { store, policy, secret } = options.database.open().await?;
    let snapshot = Snapshot::open(store, policy, secret, Arc::new(Events::keeping(1)), memory.caches()).await?;
    let (pipeline, working) = Pipeline::start_with(snapshot, Budget::bulk(memory.engine()));
    PolicyRollout::default().bring_up_to_date(&pipeline).await?;
    let Snapshot { store, directory, states, .. } = pipeline.snapshot();
    let service = IngestService::new(pipeline, intake, memory.queue_of_import());
    let mut counts = IngestCounts::default();
    let mut n_left_out = 0;
    let mut interruption = pin!(tokio::signal::ctrl_c());
    for (path, mut messages) in opened {
        messages.part_bytes = memory.part_of_file();
        let imported = import(path, messages, &service, interruption.as_mut(), &mut counts, &mut n_left_out);
        if let Err(failure) = imported.await {
            // An unreadable file does not stop the others; a database that cannot be written does.
            let is_over = failure.is::<IngestError>() || failure.is::<Interrupted>();
            failures.push(failure);
            if is_over {
                break;
            }
        }
    }
    drop(service);
    working.await.context("the pipeline stopped before everything was written")?;
    println!("{}", to_line(&counts));
    if 0 < n_left_out {
        eprintln!("{n_left_out} rows were left out, as the map says");
    }
    for failure in &failures {
        eprintln!("error: {}", for_terminal(&format!("{failure:#}")));
    }

    let bar = bar(directory.n_pending() as u64, "listing {bar:30} {pos} of {len} customers");
    let listed = directory.catch_up(&store, &states, |n_done| bar.set_position(n_done as u64)).await;
    bar.finish_and_clear();
    store.close().await;
    listed.context("the list could not be brought up to date; the next server or import does that")?;
    println!("{} customers in the database", directory.read(profile360_directory::Index::len));
    Ok(match (failures.len(), counts.refused) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    })
}

async fn import(
    path: &Path,
    mut messages: Messages,
    service: &IngestService,
    mut interruption: Pin<&mut impl Future<Output = std::io::Result<()>>>,
    counts: &mut IngestCounts,
    n_left_out: &mut u64,
) -> anyhow::Result<()> {
    let n_read = messages.n_read.clone();
    let bar = bar(messages.n_bytes, "{wide_bar} {percent}%  {msg}  {eta} left");
    let (parts, mut incoming) = mpsc::channel::<(Part, Batch)>(1);
    let reading_service = service.clone();
    // Parsing continues while the database writes.
    let reading = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
        loop {
            let batch = reading_service.batch();
            let Some(part) = messages.next_part(batch.policy())? else { return Ok(()) };
            if parts.blocking_send((part, batch)).is_err() {
                return Ok(());
            }
        }
    });
    let mut refused_file = RefusedFile::of(path);
    let mut n_refused = 0;
    let mut n_messages = 0_u64;
    let mut is_own_export = false;
    let mut is_interrupted = false;
    let mut is_read = false;
    let mut storing: FuturesOrdered<BoxFuture<'_, Stored>> = FuturesOrdered::new();
    let report_warnings = |lines_and_warnings: Vec<(u64, Warning)>, counts: &mut IngestCounts| {
        for (line, warning) in lines_and_warnings {
            counts.warnings += 1;
            let n_warnings = counts.warnings;
            bar.suspend(|| input::report_warning(path, line, &warning, n_warnings));
        }
    };
    while !is_read || !storing.is_empty() {
        tokio::select! {
            biased;
            // What is being stored is awaited and counted.
            signal = &mut interruption, if !is_interrupted => {
                signal.context("the keyboard cannot be listened to")?;
                (is_interrupted, is_read) = (true, true);
                incoming.close();
            }
            Some((lines, stored)) = storing.next() => {
                for (line, outcome) in lines.into_iter().zip(stored?.outcomes) {
                    counts.add(outcome.status);
                    report_warnings(outcome.warnings.into_iter().map(|warning| (line, warning)).collect(), counts);
                }
            }
            part = incoming.recv(), if !is_read && storing.len() < PARTS_AT_ONCE => {
                let Some((part, mut batch)) = part else {
                    is_read = true;
                    continue;
                };
                report_warnings(part.warnings, counts);
                for refused in &part.refused {
                    n_refused += 1;
                    counts.add(IngestStatus::Refused);
                    bar.suspend(|| input::report(path, refused, n_refused));
                    refused_file.keep(refused)?;
                }
                *n_left_out += part.n_left_out;
                is_own_export |= part.is_own_export;
                n_messages += part.accepted.len() as u64;
                let lines = part.lines;
                for accepted in part.accepted {
                    // These warnings are reported already.
                    batch.add(Ok(Accepted { warnings: Vec::new(), ..accepted }));
                }
                storing.push_back(async move { (lines, batch.ingest(Sender::Operator).await) }.boxed());
            }
        }
        bar.set_position(n_read.load(Ordering::Relaxed));
        let rate = n_messages as f64 / bar.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{n_messages} messages, {rate:.0} a second"));
    }
    let kept_in = refused_file.path().to_owned();
    refused_file.finish()?;
    bar.finish_and_clear();
    if is_interrupted {
        anyhow::bail!(Interrupted);
    }
    if is_own_export {
        eprintln!(
            "{} is an export of this program: identifiers, attributes, consents and devices are imported; purchases and events are \
             not in it",
            path.display()
        );
    }
    if 0 < n_refused {
        eprintln!("{n_refused} lines of {} were refused; they are in {}", path.display(), kept_in.display());
    }
    reading.await.context("the reader stopped")?
}

fn to_line(counts: &IngestCounts) -> String {
    let IngestCounts { created, updated, linked, merged, withheld, duplicates, refused, warnings, .. } = counts;
    format!(
        "{} messages accepted ({created} created, {updated} updated, {linked} linked, {merged} merged, {withheld} withheld), \
         {duplicates} duplicates, {refused} refused, {warnings} warnings",
        counts.n_stored()
    )
}

fn bar(length: u64, template: &str) -> ProgressBar {
    const OFTEN: Duration = Duration::from_millis(200);
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(OFTEN);
    bar
}
