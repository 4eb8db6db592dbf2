//! `profile360 map`: proposes what the columns of a table mean.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use profile360_ingest::csv::{self, Encoding};

use super::source::{Looks, Source};
use crate::clock;

/// Proposes what the columns of a CSV file mean, and prints it, to be looked over and given to `import --map`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    file: PathBuf,
    /// The encoding of the file.
    #[arg(long, env = "PROFILE360_ENCODING", value_enum, default_value_t = Encoding::Auto)]
    encoding: Encoding,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let source = Source::open(&options.file)?;
    if matches!(source.looks, Looks::Messages | Looks::Array) {
        bail!("{} holds JSON and no table; import it without a map", options.file.display());
    }
    let name = options.file.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let text = csv::decoded(source.bytes, options.encoding)?;
    print!("{}", csv::infer(text, &name, clock::now())?);
    Ok(ExitCode::SUCCESS)
}
