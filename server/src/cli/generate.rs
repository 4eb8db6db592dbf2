//! `profile360 generate`: made-up customers, and the truth about them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use chrono::NaiveDate;
use profile360_demo::{GenerateOptions, generate};

/// Writes messages of made-up customers, with the difficulties of real ones, and the truth about who is who.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How many customers.
    #[arg(long, env = "PROFILE360_PROFILES")]
    profiles: u64,
    /// The same seed gives the same file.
    #[arg(long, env = "PROFILE360_SEED", default_value_t = 1)]
    seed: u64,
    /// The last day of activity.
    #[arg(long, env = "PROFILE360_UNTIL", default_value = "2026-01-01", value_parser = super::date)]
    until: NaiveDate,
    /// The file for the messages (NDJSON).
    #[arg(long, env = "PROFILE360_OUT")]
    out: PathBuf,
    /// The file for the truth (CSV: kind, value, customer, shared).
    #[arg(long, env = "PROFILE360_TRUTH")]
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
    eprintln!(
        "{} messages of {} customers: {} identifiers, {} orders, {} refunds",
        counts.messages, counts.customers, counts.identifiers, counts.orders, counts.refunds
    );
    eprintln!(
        "difficulties: {} shared phones, {} family tablets, {} shop tablets, {} recycled numbers, {} junk values, \
         {} late and {} repeated messages",
        counts.shared_phones,
        counts.family_tablets,
        counts.shop_tablets,
        counts.recycled_phones,
        counts.junk,
        counts.late,
        counts.repeated
    );
    Ok(ExitCode::SUCCESS)
}
