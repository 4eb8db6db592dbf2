//! Reads messages from files: JSON or tables, compressed or not, with the artifacts of editors and transfers.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::{Context, bail};
use profile360_core::{
    message::{
        parse::accepted::Accepted,
        refusal::{Refusal, Warning},
    },
    policy::compiled::CompiledPolicy,
};
use profile360_ingest::{
    csv::{ColumnMapping, Encoding, Table, decoded},
    enrich::Enricher,
    framing::{Framing, Item, ReadError, Reader},
};
use serde_json::json;

use super::{
    own_export,
    plain::for_terminal,
    source::{Looks, Source},
};

/// The most lines of a part.
const MAX_LINES: u64 = 2_000;
const DEFAULT_PART_BYTES: usize = 4 * 1024 * 1024;

/// The messages of a part of a file.
#[derive(Default)]
pub(super) struct Part {
    pub accepted: Vec<Accepted>,
    /// The line number of each message.
    pub lines: Vec<u64>,
    pub refused: Vec<Refused>,
    /// Warnings of accepted messages, by line.
    pub warnings: Vec<(u64, Warning)>,
    /// Rows that the map leaves out.
    pub n_left_out: u64,
    /// Whether it contains lines of an export.
    pub is_own_export: bool,
}

/// A line that was refused.
pub(super) struct Refused {
    pub line: u64,
    pub refusal: Refusal,
    /// The original line, if it is short enough to keep.
    pub text: Option<String>,
}

/// An explicit format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Ndjson,
    Csv,
}

/// A file of messages.
pub(super) struct Messages {
    path: PathBuf,
    rows: Rows,
    intake: Enricher,
    /// Further messages of the last line.
    pending: VecDeque<Item>,
    is_own_export: bool,
    /// Why the rest could not be read, reported after everything before it is processed.
    failure: Option<anyhow::Error>,
    /// Bytes of the file that are read, shared with the progress bar.
    pub n_read: Arc<AtomicU64>,
    pub n_bytes: u64,
    pub is_empty: bool,
    /// About how many bytes a part has at most.
    pub part_bytes: usize,
}

/// How a file is read.
enum Rows {
    Lines(Reader<Box<dyn BufRead + Send>>),
    Table(Box<Table<Box<dyn BufRead + Send>>>),
}

impl Messages {
    /// Opens a file of messages or, with a map, a table. `format` decides, or else the name, or else the first bytes.
    pub(super) fn open(
        path: &Path,
        format: Option<Format>,
        map: Option<&(Arc<ColumnMapping>, Encoding)>,
        intake: &Enricher,
    ) -> anyhow::Result<Self> {
        Self::of_source(Source::open(path)?, path, format, map, intake)
    }

    /// As [`Messages::open`], of a file that is open.
    pub(super) fn of_source(
        source: Source,
        path: &Path,
        format: Option<Format>,
        map: Option<&(Arc<ColumnMapping>, Encoding)>,
        intake: &Enricher,
    ) -> anyhow::Result<Self> {
        let Source { bytes, looks, is_utf16, n_read, n_bytes } = source;
        let opened = || path.display().to_string();
        let is_empty = looks == Looks::Nothing;
        let format = format.unwrap_or_else(|| format_of(path, looks, map.is_some()));
        let rows = match (format, map) {
            (Format::Csv, _) if is_empty => {
                bail!("{} is empty: the first line of a table has the names of the columns", path.display())
            }
            (Format::Csv, None) => bail!(
                "{0} is a table: `profile360 map {0} > map.toml` proposes what its columns mean; look it over, then import with \
                 --map map.toml",
                path.display()
            ),
            (Format::Csv, Some((map, encoding))) => {
                let rows = decoded(bytes, *encoding).with_context(opened)?;
                let table = Table::new(rows, map.clone(), intake.clone()).with_context(opened)?;
                Rows::Table(Box::new(table))
            }
            (Format::Ndjson, _) => {
                let bytes = if is_utf16 { decoded(bytes, Encoding::Auto).with_context(opened)? } else { bytes };
                let form = if looks == Looks::Array { Framing::Array } else { Framing::Lines };
                Rows::Lines(Reader::new(bytes, form, intake.clone()))
            }
        };
        let (path, intake, pending) = (path.to_owned(), intake.clone(), VecDeque::new());
        Ok(Self {
            path,
            rows,
            intake,
            pending,
            is_own_export: false,
            failure: None,
            n_read,
            n_bytes,
            is_empty,
            part_bytes: DEFAULT_PART_BYTES,
        })
    }

    /// Whether the map is used.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.rows, Rows::Table(_))
    }

    /// The next parsed lines. `None` at the end. Before an error it returns all complete lines.
    pub(super) fn next_part(&mut self, policy: &CompiledPolicy) -> anyhow::Result<Option<Part>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut part = Part::default();
        let mut n_bytes = 0;
        let number_before = self.rows.number();
        while !self.pending.is_empty() || (self.rows.number() - number_before < MAX_LINES && n_bytes < self.part_bytes)
        {
            let item = match self.next(policy) {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(error) => {
                    let context =
                        format!("{} cannot be read on after line {}", self.path.display(), self.rows.number());
                    let failure = anyhow::Error::from(error).context(context);
                    if part.is_empty() {
                        return Err(failure);
                    }
                    self.failure = Some(failure);
                    break;
                }
            };
            n_bytes += match &item.parsed {
                Ok(accepted) => accepted.payload.len(),
                Err(_) => item.text.as_ref().map_or(0, String::len),
            };
            let line = item.number;
            match item.parsed {
                Ok(accepted) => {
                    part.warnings.extend(accepted.warnings.iter().map(|it| (line, it.clone())));
                    part.accepted.push(accepted);
                    part.lines.push(line);
                }
                Err(refusal) => part.refused.push(Refused { line, refusal, text: item.text }),
            }
        }
        part.is_own_export = self.is_own_export;
        if let Rows::Table(table) = &mut self.rows {
            part.n_left_out = std::mem::take(&mut table.n_left_out);
        }
        Ok((!part.is_empty()).then_some(part))
    }

    /// The next message. A line of an export gives several messages, one per time.
    fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        if let Some(item) = self.pending.pop_front() {
            return Ok(Some(item));
        }
        let item = self.rows.next(policy)?;
        let exported = item.as_ref().and_then(|item| match (&item.parsed, &item.text) {
            (Err(_), Some(text)) => own_export::messages_of(text),
            _ => None,
        });
        let (Some(item), Some((messages, warnings))) = (&item, exported) else { return Ok(item) };
        self.is_own_export = true;
        for message in messages {
            let parsed = self.intake.parse(&message, policy).map(|it| Accepted { is_id_made: true, ..it });
            self.pending.push_back(Item { number: item.number, text: item.text.clone(), parsed });
        }
        if let Some(Item { parsed: Ok(accepted), .. }) = self.pending.front_mut() {
            accepted.warnings.extend(warnings);
        }
        Ok(self.pending.pop_front())
    }
}

/// The format of a file by its name, or else by its first bytes. With a map, everything that is no JSON is a table.
pub(super) fn format_of(path: &Path, looks: Looks, has_map: bool) -> Format {
    let name = path.file_name().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default();
    let bare = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let is_json = matches!(looks, Looks::Messages | Looks::Array);
    match bare.rsplit('.').next() {
        Some("csv" | "tsv" | "tab") if !is_json || has_map => Format::Csv,
        Some("ndjson" | "jsonl" | "json") if is_json || !has_map => Format::Ndjson,
        _ if looks == Looks::Table || (looks == Looks::Nothing && has_map) => Format::Csv,
        _ => Format::Ndjson,
    }
}

impl Rows {
    fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        match self {
            Self::Lines(reader) => reader.next(policy),
            Self::Table(table) => table.next(policy),
        }
    }

    /// The number of the last line that was read.
    fn number(&self) -> u64 {
        match self {
            Self::Lines(reader) => reader.number,
            Self::Table(table) => table.number,
        }
    }
}

impl Part {
    fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.refused.is_empty() && self.n_left_out == 0
    }
}

/// The file of rejected lines, next to the input. Created with the first of them.
pub(super) struct RefusedFile {
    path: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl RefusedFile {
    pub(super) fn of(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".refused.ndjson");
        Self { path: PathBuf::from(name), writer: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a refused line with its number, code, path and sentence.
    pub(super) fn keep(&mut self, refused: &Refused) -> anyhow::Result<()> {
        let context = || format!("{} cannot be written", self.path.display());
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(BufWriter::new(File::create(&self.path).with_context(context)?)),
        };
        let line = json!({
            "line": refused.line,
            "code": refused.refusal.code,
            "path": refused.refusal.path,
            "detail": refused.refusal.detail,
            "message": refused.text.as_deref().map(str::trim_end),
        });
        writeln!(writer, "{line}").with_context(|| format!("{} cannot be written", self.path.display()))
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        if let Some(mut writer) = self.writer {
            writer.flush().with_context(|| format!("{} cannot be written", self.path.display()))?;
        }
        Ok(())
    }
}

/// How many refusals, and how many warnings, are printed one by one.
pub(super) const SHOWN: u64 = 10;

/// Prints the first few refusals.
pub(super) fn report(path: &Path, refused: &Refused, n_refused: u64) {
    let Refused { line, refusal, .. } = refused;
    let at = if refusal.path.is_empty() { String::new() } else { format!(" at {}", refusal.path) };
    if n_refused <= SHOWN {
        let text = format!("{}:{line}: {}{at}: {}", path.display(), refusal.code, refusal.detail);
        eprintln!("{}", for_terminal(&text));
    } else if n_refused == SHOWN + 1 {
        eprintln!("… and more refusals");
    }
}

/// Prints the first few warnings.
pub(super) fn report_warning(path: &Path, line: u64, warning: &Warning, n_warnings: u64) {
    if n_warnings <= SHOWN {
        let Warning { code, path: place, detail } = warning;
        let text = format!("{}:{line}: warning {code} at {place}: {detail}", path.display());
        eprintln!("{}", for_terminal(&text));
    } else if n_warnings == SHOWN + 1 {
        eprintln!("… and more warnings");
    }
}
