//! Messages from tables: each row of a CSV file, or each group of rows, becomes a message, as a column mapping says.

mod about;
mod apostrophe;
mod cell;
mod clock;
mod delimiter;
mod encoding;
mod infer;
mod shops;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, Chain, Cursor, Read},
    sync::Arc,
};

use crate::{
    enrich::Enricher,
    framing::{Item, ReadError, made_id},
};
use anyhow::{Context, bail};
use chrono_tz::Tz;
use csv::{ByteRecord, ErrorKind, StringRecord};
use profile360_core::{
    message::{
        limits::MAX_MESSAGE_BYTES,
        refusal::{Refusal, RefusalCode, Warning},
    },
    policy::compiled::CompiledPolicy,
    search::names,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::cell::{Decimal, Kind, Reading};
pub use self::{
    apostrophe::{is_invisible, marked},
    encoding::{Encoding, decoded},
    infer::infer,
};

/// What the columns of a table mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    /// The delimiter; detected in the header if left out.
    delimiter: Option<char>,
    /// The lines before the header.
    #[serde(default)]
    skip: usize,
    /// The decimal separator of numbers.
    #[serde(default)]
    decimal: Decimal,
    /// The time zone of times without one; the policy's if left out.
    time_zone: Option<Tz>,
    /// A column: consecutive rows with the same value are one message, with an item a row.
    group: Option<String>,
    /// A column of JSON objects of attributes.
    attributes_from: Option<String>,
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
    /// The fields of an item in `df_items`.
    #[serde(default)]
    items: BTreeMap<String, Field>,
    /// Values by column whose rows are left out, such as those of a canceled order; `*` is any value. An empty cell has the value of
    /// the first row of its group.
    #[serde(default)]
    leave_out: BTreeMap<String, Vec<String>>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Field {
    Column(String),
    /// Several values, such as those of an identifier.
    Columns(Vec<String>),
    Rule(Rule),
    Name(FullName),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    column: Option<String>,
    /// A constant.
    value: Option<String>,
    #[serde(default, rename = "type")]
    kind: Kind,
    /// The format of a date or a time, such as `%d.%m.%Y %H:%M`.
    format: Option<String>,
    /// Translations of the table's values.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// The decimal separator, where it is not the table's.
    decimal: Option<Decimal>,
    /// The separator between several values of a cell.
    separator: Option<String>,
}

/// The columns of a name in two parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullName {
    first: String,
    last: String,
}

impl ColumnMapping {
    /// Parses a column mapping (TOML).
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let map: Self = toml::from_str(text)?;
        if map.delimiter.is_some_and(|sign| !sign.is_ascii()) {
            bail!("delimiter is one character, such as ',' or ';'");
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

    /// Every column that the map names.
    fn columns(&self) -> impl Iterator<Item = &String> {
        let others = self.group.iter().chain(&self.attributes_from).chain(self.leave_out.keys());
        self.fields().flat_map(Field::columns).chain(others)
    }
}

impl Field {
    fn columns(&self) -> Vec<&String> {
        match self {
            Self::Column(column) => vec![column],
            Self::Columns(columns) => columns.iter().collect(),
            Self::Rule(rule) => rule.column.iter().collect(),
            Self::Name(name) => vec![&name.first, &name.last],
        }
    }
}

/// Reads the rows of a table as messages.
pub struct Table<R> {
    rows: csv::Reader<Watched<Chain<Cursor<Vec<u8>>, R>>>,
    map: Arc<ColumnMapping>,
    enricher: Enricher,
    delimiter: u8,
    columns: BTreeMap<String, usize>,
    /// The row that belongs to the next message.
    next: Option<Row>,
    /// Hashes of the groups so far, to detect one whose rows are not consecutive.
    grouped: HashSet<u64>,
    /// The lines before the header. With CRLF the reader consumes the end of a row with the next one, and its line number is one behind.
    n_before: u64,
    /// The number of the line that was read last.
    pub number: u64,
    /// Rows that the map leaves out.
    pub n_left_out: u64,
}

type Row = Result<(u64, StringRecord), (u64, Refusal)>;

/// The most bytes of a row. Without a limit an unclosed quote would consume the rest of the file.
const MAX_ROW_BYTES: u64 = 2 * MAX_MESSAGE_BYTES as u64;
/// The most bytes of the rows of one message. They may exceed those of the message, which uses only some of the cells.
const MAX_GROUP_BYTES: usize = 32 * MAX_MESSAGE_BYTES;

/// The rows of one message.
struct Group {
    /// The line of the first.
    number: u64,
    rows: Vec<StringRecord>,
    n_bytes: usize,
    /// Earlier rows of the table, not next to these, belong to the same group.
    is_apart: bool,
}

/// The unique names of the columns: the second of two with one name is `name#2`, and one without a name is `#` and its number.
fn names(header: &StringRecord) -> Vec<String> {
    let bare: Vec<&str> = header.iter().map(|it| it.trim_start_matches('\u{feff}').trim()).collect();
    let mut names: Vec<String> = Vec::with_capacity(bare.len());
    for (n, name) in bare.iter().enumerate() {
        let is_taken = |it: &String, names: &[String]| names.contains(it) || bare.contains(&it.as_str());
        let mut count = 1 + bare[..n].iter().filter(|it| *it == name).count();
        let mut unique = match (name.is_empty(), count) {
            (true, _) => format!("#{}", n + 1),
            (false, 1) => (*name).to_owned(),
            (false, _) => format!("{name}#{count}"),
        };
        while (name.is_empty() || 1 < count) && is_taken(&unique, &names) {
            count += 1;
            unique = format!("{name}#{count}");
        }
        names.push(unique);
    }
    names
}

impl<R: BufRead> Table<R> {
    /// Reads the header, which must have every column of the mapping.
    pub fn new(mut inner: R, map: Arc<ColumnMapping>, enricher: Enricher) -> anyhow::Result<Self> {
        let head = delimiter::Head::read(&mut inner, map.skip)?;
        let has_all = |delimiter| head.has(delimiter, &mut map.columns());
        let delimiter = match (head.named, map.delimiter) {
            (Some(named), _) => named,
            (None, Some(sign)) => u8::try_from(sign).unwrap_or(b','),
            (None, None) if has_all(b',') => b',',
            (None, None) => head.shown(),
        };
        let n_skipped = head.n_skipped;
        let mut rows = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(Watched { inner: Cursor::new(head.line).chain(inner), n_read: Cell::new(0) });
        let header = rows
            .headers()
            .context("the first line is not a header in this encoding; name another with --encoding")?
            .clone();
        if header.is_empty() {
            bail!("it is empty: the first line of a table has the names of the columns");
        }
        let names = names(&header);
        let columns: BTreeMap<String, usize> = names.iter().enumerate().map(|(n, it)| (it.clone(), n)).collect();
        for column in map.columns() {
            if !columns.contains_key(column) {
                bail!("the table has no column {column:?} that the map names; it has {}", names.join(", "));
            }
        }
        let n_before = n_skipped + u64::from(rows.position().line() == 1);
        let grouped = HashSet::new();
        Ok(Self { rows, map, enricher, delimiter, columns, next: None, grouped, n_before, number: 1, n_left_out: 0 })
    }

    /// The next message, parsed; none at the end.
    pub fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        loop {
            let Some(row) = self.next_row()? else { return Ok(None) };
            let (number, first) = match row {
                Ok(row) => row,
                Err((number, refusal)) => return Ok(Some(Item { number, text: None, parsed: Err(refusal) })),
            };
            let mut group = self.group(number, first)?;
            let n_rows = group.rows.len();
            if !self.map.leave_out.is_empty() {
                let first = group.rows[0].clone();
                group.rows.retain(|row| !self.is_left_out(row, &first));
                self.n_left_out += (n_rows - group.rows.len()) as u64;
                if group.rows.is_empty() {
                    continue;
                }
                // The first row has the values of the whole group, even if the row itself is left out.
                return Ok(Some(self.item(&group, &first, policy)));
            }
            return Ok(Some(self.item(&group, &group.rows[0], policy)));
        }
    }

    /// The group that starts with a row.
    fn group(&mut self, number: u64, first: StringRecord) -> Result<Group, ReadError> {
        let n_bytes = first.as_slice().len();
        let mut group = Group { number, rows: vec![first], n_bytes, is_apart: false };
        let Some(column) = self.map.group.clone() else { return Ok(group) };
        let Some(key) = self.cell(&group.rows[0], &column).map(str::to_owned) else { return Ok(group) };
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        group.is_apart = !self.grouped.insert(hasher.finish());
        loop {
            match self.next_row()? {
                Some(Ok((_, row))) if self.cell(&row, &column) == Some(&*key) => {
                    group.n_bytes += row.as_slice().len();
                    if group.n_bytes <= MAX_GROUP_BYTES {
                        group.rows.push(row);
                    }
                }
                other => {
                    self.next = other;
                    return Ok(group);
                }
            }
        }
    }

    fn is_left_out(&self, row: &StringRecord, first: &StringRecord) -> bool {
        self.map.leave_out.iter().any(|(column, words)| {
            let value = self.cell(row, column).or_else(|| self.cell(first, column));
            value.is_some_and(|value| words.iter().any(|word| word == "*" || word.eq_ignore_ascii_case(value)))
        })
    }

    fn item(&self, group: &Group, first: &StringRecord, policy: &CompiledPolicy) -> Item {
        let number = group.number;
        if MAX_GROUP_BYTES < group.n_bytes {
            let detail = "the rows of this message are longer than any message";
            return Item { number, text: None, parsed: Err(refused(RefusalCode::TooLarge, detail)) };
        }
        let mut warnings = Vec::new();
        let (message, is_id_made) = self.message(&group.rows, first, policy, &mut warnings);
        let mut parsed = self.enricher.parse(&message.to_string(), policy);
        if let Ok(accepted) = &mut parsed {
            accepted.is_id_made = is_id_made;
            accepted.warnings.append(&mut warnings);
            if group.is_apart {
                accepted.warnings.push(Warning {
                    code: "ROWS_APART",
                    path: "properties.df_items".to_owned(),
                    detail: "earlier rows of the table have the same value in the column that groups rows; only consecutive rows \
                             are one message, so sort the table by that column"
                        .to_owned(),
                });
            }
        }
        let is_kept = parsed.is_err() && group.n_bytes <= MAX_MESSAGE_BYTES;
        let text = is_kept.then(|| group.rows.iter().map(|row| to_text(row, self.delimiter)).collect());
        Item { number, text, parsed }
    }

    fn next_row(&mut self) -> Result<Option<Row>, ReadError> {
        if let Some(row) = self.next.take() {
            return Ok(Some(row));
        }
        self.rows.get_ref().n_read.set(0);
        let mut bytes = ByteRecord::new();
        let row = match self.rows.read_byte_record(&mut bytes) {
            Ok(false) => return Ok(None),
            Ok(true) => {
                let number = bytes.position().map_or(self.number + 1, |it| it.line() + self.n_before);
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
                    let number = pos.map_or(self.number + 1, |it| it.line() + self.n_before);
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

    /// A cell without white space and the apostrophe of spreadsheets; none where it is empty.
    fn cell<'r>(&self, row: &'r StringRecord, column: &str) -> Option<&'r str> {
        let cell = row.get(*self.columns.get(column)?)?;
        Some(apostrophe::unmarked(cell).trim()).filter(|it| !it.is_empty())
    }

    /// The message, and whether its ID is derived from its contents.
    fn message(
        &self,
        rows: &[StringRecord],
        first: &StringRecord,
        policy: &CompiledPolicy,
        warnings: &mut Vec<Warning>,
    ) -> (Value, bool) {
        let map = &*self.map;
        let zone = map.time_zone.unwrap_or(policy.time_zone);
        let mut reader = RowReader { table: self, zone, days: policy.time_zone, warnings };
        let mut message = serde_json::Map::new();
        message.insert("type".to_owned(), json!(map.message_type));
        message.insert("source".to_owned(), json!(map.source));
        if let Some(text) = self.text(&map.timestamp, first) {
            let time = cell::time(&text, format_of(&map.timestamp), zone).unwrap_or(text);
            message.insert("timestamp".to_owned(), json!(time));
        }
        for (name, field) in [("platform", &map.platform), ("event", &map.event), ("session_id", &map.session_id)] {
            if let Some(value) = field.as_ref().and_then(|it| reader.value("", name, it, first)) {
                message.insert(name.to_owned(), value);
            }
        }
        let identifiers = reader.object("identifiers", &map.identifiers, first);
        message.insert("identifiers".to_owned(), Value::Object(identifiers));
        let mut attributes = reader.attributes_from(first);
        attributes.extend(reader.object("attributes", &map.attributes, first));
        let device = reader.object("device", &map.device, first);
        for (name, values) in [("attributes", attributes), ("device", device)] {
            if !values.is_empty() {
                message.insert(name.to_owned(), Value::Object(values));
            }
        }
        let mut properties = reader.object("properties", &map.properties, first);
        if !map.items.is_empty() {
            let items: Vec<Value> = rows
                .iter()
                .map(|row| reader.object("properties.df_items", &map.items, row))
                .filter(|item| !item.is_empty())
                .map(Value::Object)
                .collect();
            if !items.is_empty() {
                properties.insert("df_items".to_owned(), Value::Array(items));
            }
        }
        if !properties.is_empty() {
            message.insert("properties".to_owned(), Value::Object(properties));
        }
        // The same row is the same message in every file.
        let id = map.message_id.as_ref().and_then(|it| self.text(it, first));
        let is_id_made = id.is_none();
        let id = id.unwrap_or_else(|| made_id(&Value::Object(message.clone())));
        message.insert("message_id".to_owned(), json!(id));
        // After the ID, which is derived from the full time: a date without a time of day stays a date.
        if map.message_type == "event"
            && let Some(text) = self.text(&map.timestamp, first)
            && let Some(day) = cell::day_alone(&text, format_of(&map.timestamp), zone)
        {
            message.insert("timestamp".to_owned(), json!(day));
        }
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
            Field::Name(name) => full_name(self.cell(row, &name.first), self.cell(row, &name.last)),
        }
    }
}

fn format_of(field: &Field) -> Option<&str> {
    match field {
        Field::Rule(rule) => rule.format.as_deref(),
        Field::Column(_) | Field::Columns(_) | Field::Name(_) => None,
    }
}

/// Reads cells as the mapping says, and collects warnings about those that cannot be read.
struct RowReader<'t, 'w, R> {
    table: &'t Table<R>,
    zone: Tz,
    days: Tz,
    warnings: &'w mut Vec<Warning>,
}

impl<R: BufRead> RowReader<'_, '_, R> {
    fn object(
        &mut self,
        part: &str,
        fields: &BTreeMap<String, Field>,
        row: &StringRecord,
    ) -> serde_json::Map<String, Value> {
        fields.iter().filter_map(|(name, field)| Some((name.clone(), self.value(part, name, field, row)?))).collect()
    }

    fn value(&mut self, part: &str, name: &str, field: &Field, row: &StringRecord) -> Option<Value> {
        let text = match field {
            Field::Columns(columns) => {
                let values: Vec<&str> = columns.iter().filter_map(|it| self.table.cell(row, it)).collect();
                return (!values.is_empty()).then(|| json!(values));
            }
            Field::Column(_) | Field::Name(_) => return self.table.text(field, row).map(Value::from),
            Field::Rule(_) => self.table.text(field, row)?,
        };
        let Field::Rule(rule) = field else { return Some(json!(text)) };
        let reading = Reading {
            kind: rule.kind,
            format: rule.format.as_deref(),
            decimal: rule.decimal.unwrap_or(self.table.map.decimal),
            zone: self.zone,
            days: self.days,
            // Amounts and quantities keep every digit; attributes are numbers, because segments compare them.
            keeps_digits: part != "attributes" && name.starts_with("df_"),
        };
        let Some(separator) = &rule.separator else { return self.read(part, name, reading, &text) };
        let values: Vec<Value> =
            split(&text, separator).iter().filter_map(|it| self.read(part, name, reading, it)).collect();
        (!values.is_empty()).then_some(Value::Array(values))
    }

    fn read(&mut self, part: &str, name: &str, reading: Reading<'_>, text: &str) -> Option<Value> {
        let sentence = match reading.read(text) {
            Ok(value) => return Some(value),
            Err(sentence) => sentence,
        };
        let is_attribute = part == "attributes";
        let (code, end) =
            if is_attribute { ("ATTRIBUTE_VALUE", "it was left out") } else { ("CELL_UNREADABLE", "it stays a text") };
        let path = if part.is_empty() { name.to_owned() } else { format!("{part}.{name}") };
        self.warnings.push(Warning { code, path, detail: format!("{sentence}; {end}") });
        (!is_attribute).then(|| json!(text))
    }

    fn attributes_from(&mut self, row: &StringRecord) -> serde_json::Map<String, Value> {
        let text = self.table.map.attributes_from.as_ref().and_then(|column| self.table.cell(row, column));
        let Some(text) = text else { return serde_json::Map::new() };
        serde_json::from_str(text).unwrap_or_else(|_| {
            self.warnings.push(Warning {
                code: "ATTRIBUTE_VALUE",
                path: "attributes".to_owned(),
                detail: "the cell is not a JSON object of attributes; it was left out".to_owned(),
            });
            serde_json::Map::new()
        })
    }
}

/// The values of a cell with several: a JSON list, which an export writes where a value contains the separator, or separated ones.
fn split(text: &str, separator: &str) -> Vec<String> {
    if let Ok(values) = serde_json::from_str::<Vec<String>>(text) {
        return values;
    }
    text.split(separator).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// First and last name as one, where there is either.
fn full_name(first: Option<&str>, last: Option<&str>) -> Option<String> {
    let name = names::full_name(first.unwrap_or_default(), last.unwrap_or_default());
    (!name.is_empty()).then_some(name)
}

fn refused(code: RefusalCode, detail: &str) -> Refusal {
    Refusal { code, path: String::new(), detail: detail.to_owned() }
}

/// A row as a line of CSV, for the file of refused lines.
fn to_text(row: &StringRecord, delimiter: u8) -> String {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(row).ok();
    writer.into_inner().ok().and_then(|it| String::from_utf8(it).ok()).unwrap_or_default()
}

/// Counts the bytes of a row.
struct Watched<R> {
    inner: R,
    n_read: Cell<u64>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if MAX_ROW_BYTES < self.n_read.get() {
            let sentence = "a row is longer than any message; check for a quote that is never closed";
            return Err(std::io::Error::other(sentence));
        }
        let n = self.inner.read(buffer)?;
        self.n_read.set(self.n_read.get() + n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
