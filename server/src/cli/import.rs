//! `profile360 import`: imports files into a database.

use std::{
    path::{Path, PathBuf},
    pin::{Pin, pin},
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use profile360_ingest::csv::{ColumnMapping, Encoding};
use tokio::sync::mpsc;

use super::{
    DatabaseOptions, Describing, Opened,
    input::{self, Format, Messages, Part, RefusedFile},
    plain::for_terminal,
};
use crate::{
    engine::{
        active_policy::ActivePolicy,
        events::Events,
        pipeline::{Pipeline, PipelineError},
        policy_rollout::PolicyRollout,
        snapshot::Snapshot,
    },
    ingest_outcome::{IngestCounts, IngestStatus},
};

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
    let Opened { store, policy, secret } = options.database.open().await?;
    let snapshot = Snapshot::open(store, policy, secret, Arc::new(Events::keeping(1))).await?;
    let (pipeline, working) = Pipeline::start(snapshot);
    PolicyRollout::default().bring_up_to_date(&pipeline).await?;
    let Snapshot { store, directory, policy, .. } = pipeline.snapshot();
    let mut counts = IngestCounts::default();
    let mut n_left_out = 0;
    let mut interruption = pin!(tokio::signal::ctrl_c());
    for (path, messages) in opened {
        let imported = import(path, messages, &policy, &pipeline, interruption.as_mut(), &mut counts, &mut n_left_out);
        if let Err(failure) = imported.await {
            // An unreadable file does not stop the others; a database that cannot be written does.
            let is_over = failure.is::<PipelineError>() || failure.is::<Interrupted>();
            failures.push(failure);
            if is_over {
                break;
            }
        }
    }
    drop(pipeline);
    working.await.context("the pipeline stopped before everything was written")?;
    println!("{}", to_line(&counts));
    if 0 < n_left_out {
        eprintln!("{n_left_out} rows were left out, as the map says");
    }
    for failure in &failures {
        eprintln!("error: {}", for_terminal(&format!("{failure:#}")));
    }

    let bar = bar(directory.n_pending() as u64, "listing {bar:30} {pos} of {len} customers");
    let listed = directory.catch_up(&store, &policy, |n_done| bar.set_position(n_done as u64)).await;
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
    policy: &Arc<ActivePolicy>,
    pipeline: &Pipeline,
    mut interruption: Pin<&mut impl Future<Output = std::io::Result<()>>>,
    counts: &mut IngestCounts,
    n_left_out: &mut u64,
) -> anyhow::Result<()> {
    let n_read = messages.n_read.clone();
    let bar = bar(messages.n_bytes, "{wide_bar} {percent}%  {msg}  {eta} left");
    let (parts, mut incoming) = mpsc::channel::<Part>(2);
    let (policy, read_by) = (policy.clone(), policy.version);
    // Parsing continues while the database writes.
    let reading = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
        while let Some(part) = messages.next_part(&policy)? {
            if parts.blocking_send(part).is_err() {
                break;
            }
        }
        Ok(())
    });
    let mut refused_file = RefusedFile::of(path);
    let mut n_refused = 0;
    let mut n_messages = 0_u64;
    let mut is_own_export = false;
    loop {
        // Check for a signal only here, so that pending writes are awaited and counted.
        let part = tokio::select! {
            biased;
            signal = &mut interruption => {
                signal.context("the keyboard cannot be listened to")?;
                anyhow::bail!(Interrupted);
            }
            part = incoming.recv() => part,
        };
        let Some(part) = part else { break };
        for (line, warning) in &part.warnings {
            counts.warnings += 1;
            let n_warnings = counts.warnings;
            bar.suspend(|| input::report_warning(path, *line, warning, n_warnings));
        }
        for refused in &part.refused {
            n_refused += 1;
            counts.add(IngestStatus::Refused);
            bar.suspend(|| input::report(path, refused, n_refused));
            refused_file.keep(refused)?;
        }
        *n_left_out += part.n_left_out;
        is_own_export |= part.is_own_export;
        n_messages += part.accepted.len() as u64;
        if !part.accepted.is_empty() {
            let receipt = pipeline.ingest(part.accepted, read_by).await?;
            for (line, accepted) in part.lines.iter().zip(&receipt.ingested) {
                counts.add(IngestStatus::from(&accepted.outcome));
                for warning in &accepted.warnings {
                    counts.warnings += 1;
                    let n_warnings = counts.warnings;
                    bar.suspend(|| input::report_warning(path, *line, warning, n_warnings));
                }
            }
        }
        bar.set_position(n_read.load(Ordering::Relaxed));
        let rate = n_messages as f64 / bar.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{n_messages} messages, {rate:.0} a second"));
    }
    let kept_in = refused_file.path().to_owned();
    refused_file.finish()?;
    bar.finish_and_clear();
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
