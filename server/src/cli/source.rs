//! Opens files: detects compression and content by the first bytes, regardless of the name.

use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, bail};
use flate2::bufread::MultiGzDecoder;

/// An open file, decompressed, at its first byte.
pub(super) struct Source {
    pub bytes: Box<dyn BufRead + Send>,
    pub looks: Looks,
    /// Whether it is UTF-16, by its byte-order mark or its first character.
    pub is_utf16: bool,
    /// Bytes of the file that are read, shared with the progress bar.
    pub n_read: Arc<AtomicU64>,
    pub n_bytes: u64,
}

/// The content of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// JSON objects.
    Messages,
    /// A JSON array of objects.
    Array,
    /// Text that is no JSON.
    Table,
    Nothing,
}

/// The number of bytes for detection.
const HEAD: u64 = 4_096;
/// The most nested compressions, such as an archive that was compressed in transfer.
const MAX_PACKED: usize = 3;

const TO_CSV: &str = "save the sheet as CSV (UTF-8), and import that";
const TO_UNPACK: &str = "unpack it, and import the files in it";

/// Magic bytes, their position, the name of the format, and what to do with it.
const OTHERS: [(usize, &[u8], &str, &str); 14] = [
    (0, b"PK\x03\x04", "an Excel workbook or a ZIP archive", "save the sheet as CSV (UTF-8), or unpack the archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive", TO_UNPACK),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook, old or with a password", TO_CSV),
    (257, b"ustar", "a tar archive", TO_UNPACK),
    (0, b"BZh", "packed with bzip2", "unpack it first; gzip and Zstandard are read as they are"),
    (0, b"\xfd7zXZ\0", "packed with xz", "unpack it first; gzip and Zstandard are read as they are"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", TO_UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", TO_UNPACK),
    (0, b"PAR1", "a Parquet file", "write it as CSV or NDJSON, and import that"),
    (0, b"Obj\x01", "an Avro file", "write it as CSV or NDJSON, and import that"),
    (0, b"ARROW1", "an Arrow file", "write it as CSV or NDJSON, and import that"),
    (0, b"SQLite format 3\0", "an SQLite database", "write its tables as CSV, and import those"),
    (0, b"%PDF-", "a PDF document", "export the table itself as CSV"),
    (0, b"{\\rtf", "a text document (RTF)", "save it as plain text or CSV (UTF-8)"),
];

impl Source {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("{name} cannot be opened"))?;
        let metadata = file.metadata().with_context(|| format!("{name} cannot be opened"))?;
        if metadata.is_dir() {
            bail!("{name} is a directory; name the files in it");
        }
        let n_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: file, n_read: n_read.clone() };
        let mut bytes: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 20, counted));
        let mut n_packed = 0;
        let head = loop {
            let mut head = Vec::new();
            bytes.by_ref().take(HEAD).read_to_end(&mut head).with_context(|| format!("{name} cannot be read"))?;
            let is_gzip = head.starts_with(&[0x1f, 0x8b]);
            let is_zstandard = head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
            let rest = Box::new(Cursor::new(head.clone()).chain(bytes));
            if !is_gzip && !is_zstandard {
                bytes = rest;
                break head;
            }
            n_packed += 1;
            if MAX_PACKED < n_packed {
                bail!("{name} is packed more than {MAX_PACKED} times; unpack it first");
            }
            bytes = if is_gzip {
                Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(rest)))
            } else {
                let decoder = zstd::Decoder::with_buffer(rest).with_context(|| format!("{name} cannot be unpacked"))?;
                Box::new(BufReader::with_capacity(1 << 20, decoder))
            };
        };
        let other = OTHERS.iter().find(|(place, bytes, ..)| head.get(*place..).is_some_and(|it| it.starts_with(bytes)));
        if let Some((_, _, what, to_do)) = other {
            bail!("{name} is {what}; {to_do}");
        }
        let is_utf16 = matches!(head[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0xff, ..] | [1..=0xff, 0, ..]);
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf\xff\xfe\0".contains(byte));
        let looks = match first {
            Some(b'{') => Looks::Messages,
            Some(b'[') => Looks::Array,
            Some(b'<') => bail!(
                "{name} is a page (HTML or XML), as some shops' .xls files are; open it in a spreadsheet and {TO_CSV}"
            ),
            Some(_) => Looks::Table,
            None if (head.len() as u64) < HEAD => Looks::Nothing,
            // Blank as far as it is read.
            None => Looks::Messages,
        };
        Ok(Self { bytes, looks, is_utf16, n_read, n_bytes: metadata.len() })
    }
}

struct Counted<R> {
    inner: R,
    n_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
