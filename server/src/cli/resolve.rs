//! `profile360 resolve`: resolves the messages of files without a database.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use profile360_core::{evidence::facts::Facts, identifier::unified_id::unified_id};

use super::{Given, input};
use crate::spreadsheet::for_spreadsheet;

/// Finds out who is who in the messages of files, without a database: a line `kind,value,unified_id` for each identifier. Text
/// that a spreadsheet would run as a formula has an apostrophe in front.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// NDJSON files, plain or .gz.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The CSV file to write.
    #[arg(long, env = "PROFILE360_OUT")]
    out: PathBuf,
    #[command(flatten)]
    given: Given,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (policy, secret) = options.given.without_base()?;
    let mut facts = Facts::default();
    let is_clean = input::for_each_message(&options.files, &policy, |mut accepted| {
        // Purchases say nothing about identity, and are most of the memory.
        accepted.message.order = None;
        accepted.message.refund = None;
        facts.add(&accepted.message);
    })?;
    let resolution = facts.resolve(&policy);
    let partition = &resolution.partition;
    let failed = || format!("{} cannot be written", options.out.display());
    let mut out = BufWriter::new(File::create(&options.out).with_context(failed)?);
    writeln!(out, "kind,value,unified_id").with_context(failed)?;
    for (node, (identifier, _)) in resolution.identifiers.iter().enumerate() {
        let anchor = resolution.identifiers[partition.anchors[partition.cluster_of[node]]].0;
        let id = unified_id(anchor, &secret);
        writeln!(out, "{},{},{id}", identifier.kind, csv_field(&identifier.value)).with_context(failed)?;
    }
    out.flush().with_context(failed)?;
    eprintln!("{} identifiers of {} customers", resolution.identifiers.len(), partition.clusters.len());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn csv_field(value: &str) -> String {
    let value = for_spreadsheet(value);
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.into_owned()
    }
}
