//! `profile360 summarize`: purchases of every customer in files of messages, without a database.

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
    panic::resume_unwind,
    path::PathBuf,
    process::ExitCode,
    thread::ScopedJoinHandle,
};

use anyhow::Context;
use chrono::NaiveDate;
use profile360_core::{identifier::unified_id::unified_id, message::parse::Purchases, purchases::summary::summary};

use super::{
    Given,
    gather::{self, Reading},
};

/// Sums up purchases as of a date, without a database: a line of JSON for each customer.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// NDJSON files, plain or .gz.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The reporting date, yyyy-MM-dd; windows end the day before.
    #[arg(long, env = "PROFILE360_AS_OF", value_parser = super::date)]
    as_of: NaiveDate,
    /// The NDJSON file to write.
    #[arg(long, env = "PROFILE360_OUT")]
    out: PathBuf,
    #[command(flatten)]
    given: Given,
}

/// How many customers one core sums up at a time. The lines of all cores are in memory until they are written.
const CUSTOMERS_AT_ONCE: usize = 256;

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (policy, secret) = options.given.without_base()?;
    let Reading { gathered, is_clean } = gather::read(&options.files, &policy, Purchases::Kept)?;
    let resolved = gathered.resolve(&policy);
    let failed = || format!("{} cannot be written", options.out.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&options.out).with_context(failed)?);
    let n_customers = resolved.partition.clusters.len();
    let lines_of = |clusters: Range<usize>| {
        let mut lines = Vec::new();
        for cluster in clusters {
            let anchor = resolved.identifiers[resolved.partition.anchors[cluster]];
            let (orders, refunds) = (&resolved.orders[cluster], &resolved.refunds[cluster]);
            let line = summary(unified_id(anchor, &secret), orders, refunds, &policy, options.as_of);
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        Ok(lines)
    };
    let mut next = 0;
    while next < n_customers {
        // In the sequence of the customers, whichever core is the first.
        let lines: Vec<serde_json::Result<Vec<u8>>> = std::thread::scope(|scope| {
            let mut running = Vec::new();
            for _ in 0..gather::cores() {
                let clusters = next..n_customers.min(next + CUSTOMERS_AT_ONCE);
                next = clusters.end;
                let lines_of = &lines_of;
                running.push(scope.spawn(move || lines_of(clusters)));
            }
            let joined = |it: ScopedJoinHandle<'_, _>| it.join().unwrap_or_else(|panic| resume_unwind(panic));
            running.into_iter().map(joined).collect()
        });
        for lines in lines {
            out.write_all(&lines.with_context(failed)?).with_context(failed)?;
        }
    }
    out.flush().with_context(failed)?;
    eprintln!("{n_customers} customers as of {}", options.as_of);
    // The process ends: to free each of a million texts would only take time.
    std::mem::forget(gathered);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
