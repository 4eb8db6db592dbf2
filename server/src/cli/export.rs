//! `profile360 export`: writes every customer into one file.
//!
//! Customers are sorted by unified ID, so that equal databases give equal files, regardless of the arrival order of messages. Output
//! goes into a part file next to the final one, which is sealed in chunks: an interrupted export resumes at the last one.

mod columns;
mod exported;
mod lines;
mod packing;
mod part;
mod table;

use std::{
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use profile360_core::{graph::rows::ClusterKey, identifier::UnifiedId, time_zone::local_date};
use profile360_store::Store;
use serde::{Deserialize, Serialize};

use self::{
    exported::Exported,
    lines::Lines,
    packing::Packing,
    part::{Part, Progress, Question},
    table::Table,
};
use super::{DatabaseOptions, Opened};
use crate::{auth::audit, clock, engine::active_policy::ActivePolicy, views::profile_view};

/// Writes every customer into a file, in the order of unified IDs: whole as NDJSON, or a row each as CSV or Parquet. Ages and
/// purchase figures are as of a date; identity, attributes, consents, devices and activity are today's.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The file to write; a name that ends in `.gz` compresses NDJSON and CSV.
    #[arg(long, env = "PROFILE360_OUT")]
    out: PathBuf,
    /// The file's format; by its name if left out.
    #[arg(long, env = "PROFILE360_FORMAT", value_enum)]
    format: Option<Format>,
    /// The reporting date of ages and purchases, yyyy-MM-dd; if left out, today, or the date of the export that is resumed.
    /// Everything else is as the database has it now, customers who arrived later included.
    #[arg(long, env = "PROFILE360_AS_OF", value_parser = super::date)]
    as_of: Option<NaiveDate>,
    /// Continues an interrupted export into the same file; starts one where there is none.
    #[arg(long, env = "PROFILE360_RESUME", value_parser = clap::builder::BoolishValueParser::new())]
    resume: bool,
    /// Customers in a chunk, at whose end an export can be resumed; for Parquet, the rows of a row group.
    #[arg(long, env = "PROFILE360_CHUNK", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    chunk: u32,
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
enum Format {
    Ndjson,
    Csv,
    Parquet,
}

/// Customers per read.
const CHUNK: usize = 200;

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let format = match options.format {
        Some(format) => format,
        None => format_of(&options.out)?,
    };
    let packing = Packing::of(&options.out);
    if format == Format::Parquet && packing == Packing::Gzip {
        bail!("Parquet is packed within; leave .gz away");
    }
    let Opened { store, policy, .. } = options.database.open_existing().await?;
    let question = Question {
        format,
        packing,
        as_of: options.as_of.unwrap_or_else(|| clock::today(&policy)),
        policy_version: policy.version,
        projection: store.projection(),
        // Distinguishes databases, and reveals nothing.
        base: store.setting("secret_check").await?.unwrap_or_default(),
    };
    let part = match options.resume {
        true => Part::resume(&options.out, &question, options.as_of.is_some())?,
        false => None,
    };
    let began_at = store.last_commit().await?;
    let part = match part {
        Some(part) => {
            eprintln!("going on after {} customers", part.progress.customers);
            if part.progress.commit != began_at {
                eprintln!(
                    "the database has changed since: customers are as of when each was written; one that was merged in between can \
                     be there twice or not at all. For one moment for all, run this again without --resume"
                );
            }
            part
        }
        None => Part::begin(&options.out, question, began_at)?,
    };
    let as_of = part.question.as_of;
    let began_at = part.progress.commit;
    // Before the first customer is written: no data leaves before its audit record.
    audit::record_command(&store, "EXPORT", "export").await?;
    let written = write_all(&store, &policy, part, options.chunk).await?;
    let Written::All(n) = written else {
        bail!("interrupted; run the same command with --resume to go on");
    };
    if store.last_commit().await? != began_at {
        eprintln!("the database changed while it was exported: customers are as of when each was written");
    }
    store.close().await;
    println!("{n} customers as of {as_of}");
    Ok(ExitCode::SUCCESS)
}

fn format_of(path: &Path) -> anyhow::Result<Format> {
    let name = path.file_name().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default();
    match name.trim_end_matches(".gz").rsplit('.').next() {
        Some("ndjson" | "jsonl" | "json") => Ok(Format::Ndjson),
        Some("csv") => Ok(Format::Csv),
        Some("parquet") => Ok(Format::Parquet),
        _ => bail!("the name {name:?} does not say what to write; give --format ndjson, csv or parquet"),
    }
}

/// The result of writing.
enum Written {
    All(u64),
    /// Interrupted. Everything before is sealed.
    Interrupted,
}

/// The writer of a format.
enum Writer {
    Lines(Lines),
    Table(Box<Table>),
}

impl Writer {
    fn new(part: &Part, policy: &ActivePolicy) -> anyhow::Result<Self> {
        let file = part.file()?;
        Ok(match part.question.format {
            Format::Ndjson | Format::Csv => Self::Lines(Lines::new(file, &part.question, &part.progress, policy)?),
            Format::Parquet => Self::Table(Box::new(Table::new(file, &part.question, policy)?)),
        })
    }

    fn write(&mut self, exported: &Exported<'_>) -> anyhow::Result<()> {
        match self {
            Self::Lines(lines) => lines.write(exported),
            Self::Table(table) => table.write(exported),
        }
    }

    /// Seals what was written, so that an export can be resumed here.
    fn seal(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        match self {
            Self::Lines(lines) => lines.seal(),
            Self::Table(table) => table.seal(progress),
        }
    }
}

async fn write_all(store: &Store, policy: &ActivePolicy, mut part: Part, chunk: u32) -> anyhow::Result<Written> {
    let failed = part.failed();
    let mut writer = Writer::new(&part, policy)?;
    let mut interruption = pin!(tokio::signal::ctrl_c());
    let from = part.progress.last;
    let mut n_unsealed = 0;
    let snapshot = store.snapshot();
    let found = tokio::select! {
        biased;
        signal = &mut interruption => {
            signal.context("the keyboard cannot be listened to")?;
            return Ok(Written::Interrupted);
        }
        found = in_order(&snapshot, from) => found?,
    };
    drop(snapshot);
    // The previous day ends where the date begins, in the policy's time zone.
    let as_of = part.question.as_of;
    for keys in found.chunks(CHUNK) {
        let keys: Vec<ClusterKey> = keys.iter().map(|(_, key)| *key).collect();
        let snapshot = store.snapshot();
        let customers = tokio::select! {
            biased;
            signal = &mut interruption => {
                signal.context("the keyboard cannot be listened to")?;
                writer.seal(&mut part.progress).with_context(|| failed.clone())?;
                part.keep()?;
                return Ok(Written::Interrupted);
            }
            customers = profile_view::load(&snapshot, policy, &keys) => customers?,
        };
        for customer in keys.iter().filter_map(|key| customers.get(key)) {
            let exported = Exported::read(&snapshot, policy, as_of, customer).await?;
            writer.write(&exported).with_context(|| failed.clone())?;
            part.progress.last = Some(customer.profile.unified_id);
            part.progress.customers += 1;
            let is_later = as_of <= local_date(customer.profile.activity.first_access_at, policy.time_zone);
            part.progress.later += u64::from(is_later);
            n_unsealed += 1;
            if chunk <= n_unsealed {
                writer.seal(&mut part.progress).with_context(|| failed.clone())?;
                part.keep()?;
                n_unsealed = 0;
            }
        }
    }
    writer.seal(&mut part.progress).with_context(|| failed.clone())?;
    part.keep()?;
    let (n, n_rounded, n_later) = (part.progress.customers, part.progress.rounded, part.progress.later);
    if let Writer::Table(table) = &writer {
        let pieces = std::mem::take(&mut part.progress.pieces);
        part.replace(|from, to| table.assemble(from, to, &pieces))?;
    }
    part.finish()?;
    if 0 < n_rounded {
        eprintln!("{n_rounded} amounts have more than {} decimal places and were rounded to as many", table::SCALE);
    }
    if 0 < n_later && as_of < clock::today(policy) {
        eprintln!(
            "{n_later} of the customers were seen first on {as_of} or later; only ages and purchases are as of that date"
        );
    }
    Ok(Written::All(n))
}

/// All customers after a unified ID, or all, sorted by unified ID.
async fn in_order(store: &Store, from: Option<UnifiedId>) -> anyhow::Result<Vec<(UnifiedId, ClusterKey)>> {
    let mut found = Vec::new();
    for ids in store.shares().await? {
        let clusters = store.clusters_in(&ids).await?;
        let behind = clusters.into_iter().map(|(key, cluster)| (cluster.unified_id, key));
        found.extend(behind.filter(|(unified_id, _)| from.is_none_or(|from| from < *unified_id)));
    }
    found.sort_unstable();
    Ok(found)
}
