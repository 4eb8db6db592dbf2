//! One line per customer: NDJSON and CSV, compressed or not.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use super::{
    Format,
    columns::{Column, columns, row},
    exported::Exported,
    packing::Packing,
    part::{Progress, Question},
};
use crate::{cli::plain::for_spreadsheet, engine::active_policy::ActivePolicy};

pub(super) struct Lines {
    out: Out,
    /// For CSV.
    columns: Option<Vec<Column>>,
}

enum Out {
    Plain(BufWriter<File>),
    /// An open gzip member. Sealing ends it; readers treat all members as one file.
    Member(GzEncoder<BufWriter<File>>),
    /// Between gzip members.
    Sealed(BufWriter<File>),
    /// After a failed write.
    Broken,
}

impl Lines {
    pub(super) fn new(
        file: File,
        question: &Question,
        progress: &Progress,
        policy: &ActivePolicy,
    ) -> anyhow::Result<Self> {
        let file = BufWriter::new(file);
        let out = match question.packing {
            Packing::Plain => Out::Plain(file),
            Packing::Gzip => Out::Sealed(file),
        };
        let columns = (question.format == Format::Csv).then(|| columns(policy));
        let mut lines = Self { out, columns };
        if let (Some(columns), 0) = (&lines.columns, progress.bytes) {
            let header: Vec<String> = columns.iter().map(|it| it.name.clone()).collect();
            // Without a byte-order mark spreadsheets assume a legacy encoding.
            let header = ["\u{feff}".as_bytes(), &csv_line(&header)?].concat();
            lines.out.write_all(&header)?;
        }
        Ok(lines)
    }

    pub(super) fn write(&mut self, exported: &Exported<'_>) -> anyhow::Result<()> {
        match &self.columns {
            None => {
                serde_json::to_writer(&mut self.out, exported)?;
                self.out.write_all(b"\n")?;
            }
            Some(columns) => {
                let cells: Vec<String> = row(columns, exported)?.iter().map(text_of).collect();
                self.out.write_all(&csv_line(&cells)?)?;
            }
        }
        Ok(())
    }

    pub(super) fn seal(&mut self) -> anyhow::Result<()> {
        self.out = match std::mem::replace(&mut self.out, Out::Broken) {
            Out::Member(encoder) => Out::Sealed(encoder.finish()?),
            out => out,
        };
        Ok(self.out.flush()?)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self = match std::mem::replace(self, Self::Broken) {
            Self::Sealed(file) => Self::Member(GzEncoder::new(file, Compression::default())),
            out => out,
        };
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Member(encoder) => encoder.write(bytes),
            Self::Sealed(_) | Self::Broken => Err(std::io::Error::other("it could not be written before")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) | Self::Sealed(file) => file.flush(),
            Self::Member(encoder) => encoder.flush(),
            Self::Broken => Ok(()),
        }
    }
}

/// A value as a cell, several with semicolons between them. Texts that contain a semicolon are a JSON list.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(text_of).collect();
            let is_ambiguous = |it: &String| it.contains(';') || it.starts_with('[') || it.trim() != it;
            if texts.iter().any(is_ambiguous) { value.to_string() } else { texts.join(";") }
        }
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// A row as a line of CSV, with an apostrophe in front of formulas.
fn csv_line(cells: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for cell in cells {
        writer.write_field(for_spreadsheet(cell).as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
}
