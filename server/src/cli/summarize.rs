//! `profile360 summarize`: purchases of every customer in files of messages, without a database.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use chrono::NaiveDate;
use profile360_core::{
    evidence::facts::Facts,
    identifier::{Identifier, unified_id::unified_id},
    purchases::summary::summary,
};

use super::{Given, input};

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

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (policy, secret) = options.given.without_base()?;
    let mut facts = Facts::default();
    let is_clean = input::for_each_message(&options.files, &policy, |accepted| {
        facts.add(&accepted.message);
    })?;
    let resolution = facts.resolve(&policy);
    let partition = &resolution.partition;
    let mut orders = vec![Vec::new(); partition.clusters.len()];
    let mut refunds = vec![Vec::new(); partition.clusters.len()];
    let cluster_of = |home: &Identifier| {
        let node = resolution.identifiers.binary_search_by_key(&home, |(it, _)| *it).ok()?;
        partition.cluster_of.get(node).copied()
    };
    for (home, order) in facts.orders.values() {
        if let Some(cluster) = cluster_of(home) {
            orders[cluster].push(order);
        }
    }
    for (home, refund) in facts.refunds_in_place() {
        if let Some(cluster) = cluster_of(home) {
            refunds[cluster].push(refund);
        }
    }
    let failed = || format!("{} cannot be written", options.out.display());
    let mut out = BufWriter::new(File::create(&options.out).with_context(failed)?);
    for (cluster, anchor) in partition.anchors.iter().enumerate() {
        let id = unified_id(resolution.identifiers[*anchor].0, &secret);
        let line = summary(id, &orders[cluster], &refunds[cluster], &policy, options.as_of);
        serde_json::to_writer(&mut out, &line).with_context(failed)?;
        writeln!(out).with_context(failed)?;
    }
    out.flush().with_context(failed)?;
    eprintln!("{} customers as of {}", partition.clusters.len(), options.as_of);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
