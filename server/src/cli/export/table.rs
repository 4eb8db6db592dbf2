//! Customers as a Parquet file: typed columns, a row group at a time.
//!
//! The footer of a Parquet file describes everything before it, so a truncated file is unreadable. The part is therefore a sequence
//! of complete files, one per row group, which are assembled at the end by copying bytes.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom, Take},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate};
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel},
    column::writer::{ColumnCloseResult, ColumnWriter},
    data_type::{ByteArray, FixedLenByteArray},
    errors::Result as ParquetResult,
    file::{
        metadata::{KeyValue, ParquetMetaDataReader},
        properties::{EnabledStatistics, WriterProperties},
        reader::{ChunkReader, Length},
        writer::SerializedFileWriter,
    },
    schema::types::{PrimitiveTypeBuilder, Type as Node, TypePtr},
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    columns::{AS_OF, Column, Type, columns, row},
    exported::Exported,
    part::{Progress, Question},
};
use crate::engine::active_policy::ActivePolicy;

/// Decimal places of amounts: enough for all currencies and for averages.
pub(super) const SCALE: u32 = 6;
const PRECISION: i32 = 38;
/// Bytes of a decimal.
const LENGTH: i32 = 16;

pub(super) struct Table {
    file: File,
    columns: Vec<Column>,
    schema: TypePtr,
    properties: Arc<WriterProperties>,
    /// Pending values by column.
    pending: Vec<Values>,
    n_rounded: u64,
}

impl Table {
    pub(super) fn new(file: File, question: &Question, policy: &ActivePolicy) -> anyhow::Result<Self> {
        let columns = columns(policy);
        let fields = columns.iter().map(|it| Ok(Arc::new(node(it)?))).collect::<ParquetResult<Vec<_>>>()?;
        let schema = Arc::new(Node::group_type_builder("customers").with_fields(fields).build()?);
        let known = [
            ("as_of", question.as_of.to_string()),
            ("as_of_columns", AS_OF.join(",")),
            ("policy_version", question.policy_version.to_string()),
        ];
        let known = known.map(|(name, value)| KeyValue::new(format!("profile360.{name}"), value));
        let properties = WriterProperties::builder()
            .set_created_by(concat!("profile360 ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(known.to_vec()))
            .build();
        let pending = columns.iter().map(|it| Values::of(it.holds)).collect();
        Ok(Self { file, columns, schema, properties: Arc::new(properties), pending, n_rounded: 0 })
    }

    pub(super) fn write(&mut self, exported: &Exported<'_>) -> anyhow::Result<()> {
        let row = row(&self.columns, exported)?;
        for ((column, values), value) in self.columns.iter().zip(&mut self.pending).zip(row) {
            let wrong = || anyhow!("{} is {value}, which is not of its type", column.name);
            values.add(column.holds, &value, &mut self.n_rounded).ok_or_else(wrong)?;
        }
        Ok(())
    }

    /// Writes pending values as a row group.
    pub(super) fn seal(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        if self.pending.iter().all(Values::is_empty) {
            return Ok(());
        }
        let mut writer = SerializedFileWriter::new(&mut self.file, self.schema.clone(), self.properties.clone())?;
        let mut group = writer.next_row_group()?;
        for (column, pending) in self.columns.iter().zip(&mut self.pending) {
            let values = std::mem::replace(pending, Values::of(column.holds));
            let mut writer = group.next_column()?.context("there is a column for each")?;
            values.write(writer.untyped())?;
            writer.close()?;
        }
        group.close()?;
        writer.close()?;
        progress.pieces.push(self.file.stream_position()?);
        progress.rounded += std::mem::take(&mut self.n_rounded);
        Ok(())
    }

    /// Assembles the pieces of a part.
    pub(super) fn assemble(&self, part: &File, made: &mut File, pieces: &[u64]) -> anyhow::Result<()> {
        let mut writer = SerializedFileWriter::new(made, self.schema.clone(), self.properties.clone())?;
        let mut start = 0;
        for end in pieces {
            let piece = Piece { file: part.try_clone()?, start, length: end - start };
            start = *end;
            let found = ParquetMetaDataReader::new().parse_and_finish(&piece)?;
            for group in found.row_groups() {
                let mut copied = writer.next_row_group()?;
                for column in group.columns() {
                    let closed = ColumnCloseResult {
                        bytes_written: u64::try_from(column.compressed_size())?,
                        rows_written: u64::try_from(group.num_rows())?,
                        metadata: column.clone(),
                        bloom_filter: None,
                        column_index: None,
                        offset_index: None,
                    };
                    copied.append_column(&piece, closed)?;
                }
                copied.close()?;
            }
        }
        writer.close()?;
        Ok(())
    }
}

/// A complete Parquet file within another file.
struct Piece {
    file: File,
    start: u64,
    length: u64,
}

impl Length for Piece {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Piece {
    type T = BufReader<Take<File>>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(self.start + start))?;
        Ok(BufReader::new(file.take(self.length.saturating_sub(start))))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A column in the schema.
fn node(column: &Column) -> ParquetResult<Node> {
    let name = &*column.name;
    match column.holds {
        Type::Text => optional(name, Physical::BYTE_ARRAY, Some(LogicalType::String)).build(),
        Type::Json => optional(name, Physical::BYTE_ARRAY, Some(LogicalType::Json)).build(),
        Type::Number => optional(name, Physical::INT64, None).build(),
        Type::Date => optional(name, Physical::INT32, Some(LogicalType::Date)).build(),
        Type::Time => {
            let unit = TimeUnit::MICROS(parquet::format::MicroSeconds::new());
            optional(name, Physical::INT64, Some(LogicalType::Timestamp { is_adjusted_to_u_t_c: true, unit })).build()
        }
        Type::Amount => {
            let scale = SCALE.cast_signed();
            optional(name, Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Decimal { scale, precision: PRECISION }))
                .with_length(LENGTH)
                .with_precision(PRECISION)
                .with_scale(scale)
                .build()
        }
        // The three levels that the format requires for lists.
        Type::Texts => {
            let element = optional("element", Physical::BYTE_ARRAY, Some(LogicalType::String))
                .with_repetition(Repetition::REQUIRED)
                .build()?;
            let list = Node::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(element)])
                .build()?;
            Node::group_type_builder(name)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
        }
    }
}

fn optional(name: &str, physical: Physical, logical: Option<LogicalType>) -> PrimitiveTypeBuilder<'_> {
    Node::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL).with_logical_type(logical)
}

/// The values of a column with definition levels (1: present) and repetition levels (0: first of a row).
struct Values {
    data: Data,
    definitions: Vec<i16>,
    repetitions: Option<Vec<i16>>,
}

enum Data {
    Texts(Vec<ByteArray>),
    Days(Vec<i32>),
    Numbers(Vec<i64>),
    Amounts(Vec<FixedLenByteArray>),
}

impl Values {
    fn of(holds: Type) -> Self {
        let data = match holds {
            Type::Text | Type::Texts | Type::Json => Data::Texts(Vec::new()),
            Type::Date => Data::Days(Vec::new()),
            Type::Number | Type::Time => Data::Numbers(Vec::new()),
            Type::Amount => Data::Amounts(Vec::new()),
        };
        Self { data, definitions: Vec::new(), repetitions: (holds == Type::Texts).then(Vec::new) }
    }

    fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// Adds the value of a row. `None` if it has another type.
    fn add(&mut self, holds: Type, value: &Value, n_rounded: &mut u64) -> Option<()> {
        if let Some(repetitions) = &mut self.repetitions {
            let items = value.as_array()?;
            for (n, item) in items.iter().enumerate() {
                repetitions.push(i16::from(0 < n));
                self.definitions.push(1);
                self.data.push(holds, item, n_rounded)?;
            }
            if items.is_empty() {
                repetitions.push(0);
                self.definitions.push(0);
            }
            return Some(());
        }
        self.definitions.push(i16::from(!value.is_null()));
        if value.is_null() { Some(()) } else { self.data.push(holds, value, n_rounded) }
    }

    fn write(self, writer: &mut ColumnWriter<'_>) -> anyhow::Result<()> {
        let (definitions, repetitions) = (Some(&self.definitions[..]), self.repetitions.as_deref());
        match (self.data, writer) {
            (Data::Texts(it), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&it, definitions, repetitions)?;
            }
            (Data::Days(it), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(&it, definitions, repetitions)?;
            }
            (Data::Numbers(it), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&it, definitions, repetitions)?;
            }
            (Data::Amounts(it), ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                writer.write_batch(&it, definitions, repetitions)?;
            }
            _ => return Err(anyhow!("a column is not of its type")),
        }
        Ok(())
    }
}

impl Data {
    fn push(&mut self, holds: Type, value: &Value, n_rounded: &mut u64) -> Option<()> {
        match self {
            Self::Texts(values) if holds == Type::Json => values.push(ByteArray::from(&*value.to_string())),
            Self::Texts(values) => values.push(ByteArray::from(value.as_str()?)),
            Self::Numbers(values) if holds == Type::Time => {
                values.push(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_micros());
            }
            Self::Numbers(values) => values.push(value.as_i64()?),
            Self::Days(values) => {
                let date: NaiveDate = value.as_str()?.parse().ok()?;
                values.push(i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()?);
            }
            Self::Amounts(values) => {
                let exact = Decimal::from_str_exact(value.as_str()?).ok()?;
                let rounded = exact.round_dp(SCALE);
                *n_rounded += u64::from(rounded != exact);
                let factor = 10_i128.pow(SCALE.checked_sub(rounded.scale())?);
                let bytes = rounded.mantissa().checked_mul(factor)?.to_be_bytes();
                values.push(FixedLenByteArray::from(bytes.to_vec()));
            }
        }
        Some(())
    }
}
