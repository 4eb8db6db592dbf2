//! One line per customer: NDJSON and CSV, compressed or not.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use flate2::{Compression, write::GzEncoder};

use super::{
    Format,
    columns::{Column, columns, row},
    exported::Exported,
    packing::Packing,
    part::{Progress, Question},
};
use crate::{
    engine::active_policy::ActivePolicy,
    spreadsheet::{BYTE_ORDER_MARK, line, text_of},
};

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
            let header = [BYTE_ORDER_MARK.as_bytes(), &line(&header)?].concat();
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
                self.out.write_all(&line(&cells)?)?;
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
