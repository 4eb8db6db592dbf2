//! `profile360 map`: proposes what the columns of a table mean.

use std::{fs::File, path::PathBuf, process::ExitCode};

use anyhow::Context;

use crate::{clock, table};

/// Proposes a map for a CSV file: what its columns mean, for `import --format csv --map`. Prints it; look it over.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    file: PathBuf,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let file = File::open(&options.file).with_context(|| format!("{} cannot be opened", options.file.display()))?;
    let name = options.file.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    print!("{}", table::propose(file, &name, clock::now())?);
    Ok(ExitCode::SUCCESS)
}
