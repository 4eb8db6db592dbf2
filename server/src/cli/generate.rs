//! `profile360 generate`: made-up customers with the truth beside them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use chrono::NaiveDate;

use crate::generate::{GenerateOptions, generate};

/// Writes messages of made-up customers, with the difficulties of real ones, and who is who.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How many customers.
    #[arg(long)]
    profiles: u64,
    /// The same seed gives the same file.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The last day of activity.
    #[arg(long, default_value = "2026-01-01")]
    until: NaiveDate,
    /// Where the messages go (NDJSON).
    #[arg(long)]
    out: PathBuf,
    /// Where the truth goes (CSV: kind, value, customer, shared).
    #[arg(long)]
    truth: PathBuf,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let create = |path: &Path| -> anyhow::Result<BufWriter<File>> {
        Ok(BufWriter::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?))
    };
    let mut messages = create(&options.out)?;
    let mut truth = create(&options.truth)?;
    let asked = GenerateOptions { profiles: options.profiles, seed: options.seed, until: options.until };
    let counts = generate(&asked, &mut messages, &mut truth).context("the messages cannot be written")?;
    messages.flush().and_then(|()| truth.flush()).context("the messages cannot be written")?;
    eprintln!("{counts:?}");
    Ok(ExitCode::SUCCESS)
}
