//! `profile360 resolve`: resolves the messages of files without a database.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use profile360_core::{graph::gathered::Resolved, identifier::unified_id::unified_id, message::parse::Purchases};

use super::{
    Given,
    gather::{self, Reading},
};
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
    let Reading { gathered, is_clean } = gather::read(&options.files, &policy, Purchases::Checked)?;
    let Resolved { identifiers, partition, .. } = gathered.resolve(&policy);
    let ids: Vec<String> =
        partition.anchors.iter().map(|anchor| unified_id(identifiers[*anchor], &secret).to_string()).collect();
    let failed = || format!("{} cannot be written", options.out.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&options.out).with_context(failed)?);
    writeln!(out, "kind,value,unified_id").with_context(failed)?;
    for (identifier, cluster) in identifiers.iter().zip(&partition.cluster_of) {
        let (kind, value, id) = (&identifier.kind, csv_field(&identifier.value), &ids[*cluster]);
        writeln!(out, "{kind},{value},{id}").with_context(failed)?;
    }
    out.flush().with_context(failed)?;
    eprintln!("{} identifiers of {} customers", identifiers.len(), ids.len());
    // The process ends: to free each of a million texts would only take time.
    std::mem::forget(gathered);
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
