//! Messages out of tables: each row of a CSV file, or some rows that belong together, are a message, as a map says.

mod cell;
mod encoding;
mod propose;

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{BufRead, Read},
    sync::Arc,
};

use anyhow::{Context, bail};
use chrono_tz::Tz;
use csv::{ByteRecord, ErrorKind, StringRecord};
use profile360_core::{
    message::{Accepted, MAX_MESSAGE_BYTES, Refusal, RefusalCode},
    policy::CompiledPolicy,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::cell::Kind;
pub use self::{
    encoding::{Encoding, decoded},
    propose::propose,
};
use crate::{
    intake::Intake,
    reader::{Item, ReadError, made_id},
};

/// What the columns of a table mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    #[serde(default = "comma")]
    delimiter: char,
    /// The zone of times that name none; the policy's if it is left out.
    time_zone: Option<Tz>,
    /// A column: rows behind one another that have the same there are one message, whose items are a row each.
    group: Option<String>,
    #[serde(rename = "type")]
    message_type: String,
    source: String,
    timestamp: Field,
    message_id: Option<Field>,
    platform: Option<Field>,
    event: Option<Field>,
    session_id: Option<Field>,
    identifiers: BTreeMap<String, Field>,
    #[serde(default)]
    attributes: BTreeMap<String, Field>,
    #[serde(default)]
    properties: BTreeMap<String, Field>,
    #[serde(default)]
    device: BTreeMap<String, Field>,
    /// Of each row, for `df_items`.
    #[serde(default)]
    items: BTreeMap<String, Field>,
}

fn comma() -> char {
    ','
}

/// Where a value comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Field {
    Column(String),
    /// Several values, as of an identifier.
    Columns(Vec<String>),
    Rule(Rule),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    column: Option<String>,
    /// What it is in every row.
    value: Option<String>,
    #[serde(default, rename = "type")]
    kind: Kind,
    /// How a date or a time is written, as `%d.%m.%Y %H:%M`.
    format: Option<String>,
    /// What the words of the table are called here.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

impl Map {
    /// Reads a map (TOML).
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let map: Self = toml::from_str(text)?;
        if !map.delimiter.is_ascii() {
            bail!("delimiter is one sign, such as ',' or ';'");
        }
        Ok(map)
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let single = [
            Some(&self.timestamp),
            self.message_id.as_ref(),
            self.platform.as_ref(),
            self.event.as_ref(),
            self.session_id.as_ref(),
        ];
        let several = [&self.identifiers, &self.attributes, &self.properties, &self.device, &self.items];
        single.into_iter().flatten().chain(several.into_iter().flat_map(BTreeMap::values))
    }
}

impl Field {
    fn columns(&self) -> Vec<&String> {
        match self {
            Self::Column(column) => vec![column],
            Self::Columns(columns) => columns.iter().collect(),
            Self::Rule(rule) => rule.column.iter().collect(),
        }
    }
}

/// Rows of a table, as messages.
pub struct Table<R> {
    rows: csv::Reader<Watched<R>>,
    map: Arc<Map>,
    intake: Intake,
    columns: BTreeMap<String, usize>,
    /// The row that belongs to the next message.
    next: Option<Row>,
    /// Where lines end as in Windows, the end of a row is read with the next, and the count of lines is one behind.
    n_behind: u64,
    /// The last line that was read.
    pub number: u64,
}

type Row = Result<(u64, StringRecord), (u64, Refusal)>;

/// More bytes than any row has. A quote that is never closed would swallow the rest of the file.
const MAX_ROW_BYTES: u64 = 2 * MAX_MESSAGE_BYTES as u64;
const MAX_ROWS: usize = 1_000;

impl<R: BufRead> Table<R> {
    /// A table with a header, which must have every column that the map names.
    pub fn new(inner: R, map: Arc<Map>, intake: Intake) -> anyhow::Result<Self> {
        let mut rows = csv::ReaderBuilder::new()
            .delimiter(u8::try_from(map.delimiter).unwrap_or(b','))
            .trim(csv::Trim::All)
            .from_reader(Watched { inner, n_read: Cell::new(0) });
        let header =
            rows.headers().context("the first line is no header in this encoding; --encoding names another")?.clone();
        let name = |it: &str| it.trim_start_matches('\u{feff}').trim().to_owned();
        let columns: BTreeMap<String, usize> = header.iter().enumerate().map(|(n, it)| (name(it), n)).collect();
        for column in map.fields().flat_map(Field::columns).chain(&map.group) {
            if !columns.contains_key(column) {
                let there: Vec<&str> = columns.keys().map(String::as_str).collect();
                bail!("the table has no column {column:?} that the map names; it has {}", there.join(", "));
            }
        }
        let n_behind = u64::from(rows.position().line() == 1);
        Ok(Self { rows, map, intake, columns, next: None, n_behind, number: 1 })
    }

    /// The next message, parsed; nothing at the end.
    pub fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        let Some(row) = self.next_row()? else { return Ok(None) };
        let (number, first) = match row {
            Ok(row) => row,
            Err((number, refusal)) => return Ok(Some(Item { number, text: None, parsed: Err(refusal) })),
        };
        let mut rows = vec![first];
        if let Some(group) = self.map.group.clone() {
            loop {
                match self.next_row()? {
                    Some(Ok((_, row)))
                        if self.cell(&row, &group) == self.cell(&rows[0], &group) && rows.len() < MAX_ROWS =>
                    {
                        rows.push(row);
                    }
                    other => {
                        self.next = other;
                        break;
                    }
                }
            }
        }
        let (message, is_id_made) = self.message(&rows, policy);
        let parsed = self.intake.parse(&message.to_string(), policy).map(|it| Accepted { is_id_made, ..it });
        let text = parsed.is_err().then(|| rows.iter().map(to_text).collect());
        Ok(Some(Item { number, text, parsed }))
    }

    fn next_row(&mut self) -> Result<Option<Row>, ReadError> {
        if let Some(row) = self.next.take() {
            return Ok(Some(row));
        }
        self.rows.get_ref().n_read.set(0);
        let mut bytes = ByteRecord::new();
        let refused = |code, detail: &str| Refusal { code, path: String::new(), detail: detail.to_owned() };
        let row = match self.rows.read_byte_record(&mut bytes) {
            Ok(false) => return Ok(None),
            Ok(true) => {
                let number = bytes.position().map_or(self.number + 1, |it| it.line() + self.n_behind);
                match StringRecord::from_byte_record(bytes) {
                    Ok(row) => Ok((number, row)),
                    Err(_) => {
                        let detail = "the row is not in the encoding of the file; name it with --encoding, or save the file as UTF-8";
                        Err((number, refused(RefusalCode::NotJson, detail)))
                    }
                }
            }
            Err(error) => match error.into_kind() {
                ErrorKind::Io(error) => return Err(error.into()),
                ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let detail = format!(
                        "the row has {len} cells and the header {expected_len}; put quotes around cells that hold the delimiter"
                    );
                    let number = pos.map_or(self.number + 1, |it| it.line() + self.n_behind);
                    Err((number, refused(RefusalCode::WrongType, &detail)))
                }
                _ => Err((self.number + 1, refused(RefusalCode::NotJson, "the row cannot be read"))),
            },
        };
        self.number = match &row {
            Ok((number, _)) | Err((number, _)) => *number,
        };
        Ok(Some(row))
    }

    fn cell<'r>(&self, row: &'r StringRecord, column: &str) -> Option<&'r str> {
        row.get(*self.columns.get(column)?).filter(|it| !it.is_empty())
    }

    /// The message, and whether its ID was made of its contents.
    fn message(&self, rows: &[StringRecord], policy: &CompiledPolicy) -> (Value, bool) {
        let map = &*self.map;
        let zone = map.time_zone.unwrap_or(policy.time_zone);
        let first = &rows[0];
        let mut message = serde_json::Map::new();
        let object = |fields: &BTreeMap<String, Field>, row| -> serde_json::Map<String, Value> {
            fields.iter().filter_map(|(name, field)| Some((name.clone(), self.value(field, row, zone)?))).collect()
        };
        message.insert("type".to_owned(), json!(map.message_type));
        message.insert("source".to_owned(), json!(map.source));
        if let Some(text) = self.text(&map.timestamp, first) {
            let format = match &map.timestamp {
                Field::Rule(rule) => rule.format.as_deref(),
                Field::Column(_) | Field::Columns(_) => None,
            };
            message.insert("timestamp".to_owned(), json!(cell::time(&text, format, zone)));
        }
        for (name, field) in [("platform", &map.platform), ("event", &map.event), ("session_id", &map.session_id)] {
            if let Some(value) = field.as_ref().and_then(|it| self.value(it, first, zone)) {
                message.insert(name.to_owned(), value);
            }
        }
        message.insert("identifiers".to_owned(), Value::Object(object(&map.identifiers, first)));
        for (name, fields) in [("attributes", &map.attributes), ("device", &map.device)] {
            let values = object(fields, first);
            if !values.is_empty() {
                message.insert(name.to_owned(), Value::Object(values));
            }
        }
        let mut properties = object(&map.properties, first);
        if !map.items.is_empty() {
            properties
                .insert("df_items".to_owned(), rows.iter().map(|row| Value::Object(object(&map.items, row))).collect());
        }
        if !properties.is_empty() {
            message.insert("properties".to_owned(), Value::Object(properties));
        }
        // The same row is the same message, in whatever file it comes again.
        let id = map.message_id.as_ref().and_then(|it| self.text(it, first));
        let is_id_made = id.is_none();
        let id = id.unwrap_or_else(|| made_id(&Value::Object(message.clone())));
        message.insert("message_id".to_owned(), json!(id));
        (Value::Object(message), is_id_made)
    }

    fn text(&self, field: &Field, row: &StringRecord) -> Option<String> {
        match field {
            Field::Column(column) => self.cell(row, column).map(str::to_owned),
            Field::Columns(columns) => columns.iter().find_map(|it| self.cell(row, it)).map(str::to_owned),
            Field::Rule(rule) => {
                let cell = rule.column.as_ref().and_then(|it| self.cell(row, it));
                let text = cell.map(|it| rule.values.get(it).map_or(it, String::as_str));
                text.or(rule.value.as_deref()).map(str::to_owned)
            }
        }
    }

    fn value(&self, field: &Field, row: &StringRecord, zone: Tz) -> Option<Value> {
        match field {
            Field::Columns(columns) => {
                let values: Vec<&str> = columns.iter().filter_map(|it| self.cell(row, it)).collect();
                (!values.is_empty()).then(|| json!(values))
            }
            Field::Column(_) => self.text(field, row).map(Value::from),
            Field::Rule(rule) => Some(rule.kind.read(&self.text(field, row)?, rule.format.as_deref(), zone)),
        }
    }
}

/// A row as a line of CSV, to be mended and sent again.
fn to_text(row: &StringRecord) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(row).ok();
    writer.into_inner().ok().and_then(|it| String::from_utf8(it).ok()).unwrap_or_default()
}

/// Counts what a row takes.
struct Watched<R> {
    inner: R,
    n_read: Cell<u64>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if MAX_ROW_BYTES < self.n_read.get() {
            let sentence = "a row is longer than any message; perhaps a quote in it is never closed";
            return Err(std::io::Error::other(sentence));
        }
        let n = self.inner.read(buffer)?;
        self.n_read.set(self.n_read.get() + n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
