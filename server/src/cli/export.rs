//! `profile360 export`: every customer of a base, into one file.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use profile360_core::{
    profile::{BasicInfo, Profile},
    summary::{Summary, summary},
};
use serde::Serialize;
use serde_json::Value;

use super::{Base, Opened};
use crate::{
    clock,
    customer::{self, Customer},
    rules::Rules,
    store::Store,
};

/// Writes every customer as of a date into a file: whole as NDJSON, or a row each as CSV.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where it goes; `.gz` behind the name packs it.
    #[arg(long, env = "PROFILE360_OUT")]
    out: PathBuf,
    /// What the file is; by its name if this is left out.
    #[arg(long, env = "PROFILE360_FORMAT", value_enum)]
    format: Option<Format>,
    /// The reporting date, yyyy-MM-dd; today if it is left out.
    #[arg(long, env = "PROFILE360_AS_OF")]
    as_of: Option<NaiveDate>,
    #[command(flatten)]
    base: Base,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Ndjson,
    Csv,
}

/// Customers that are read at once.
const CHUNK: usize = 200;

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let format = match options.format {
        Some(format) => format,
        None => format_of(&options.out)?,
    };
    let Opened { store, policy, .. } = options.base.open().await?;
    let as_of = options.as_of.unwrap_or_else(|| clock::today(&policy));
    let failed = || format!("{} cannot be written", options.out.display());
    // Complete before it has its name: whoever finds the file finds all of it.
    let folder = options.out.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    let mut out = writer(&options.out, unfinished.as_file().try_clone().with_context(failed)?);
    let n = write_all(&store, &policy, as_of, format, &mut out).await?;
    out.finish().with_context(failed)?;
    unfinished.persist(&options.out).with_context(failed)?;
    store.close().await;
    println!("{n} customers as of {as_of}");
    Ok(ExitCode::SUCCESS)
}

fn format_of(path: &Path) -> anyhow::Result<Format> {
    let name = path.file_name().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default();
    match name.trim_end_matches(".gz").rsplit('.').next() {
        Some("ndjson" | "jsonl" | "json") => Ok(Format::Ndjson),
        Some("csv") => Ok(Format::Csv),
        _ => bail!("the name {name:?} does not say what to write; give --format ndjson or csv"),
    }
}

enum Out {
    Plain(BufWriter<File>),
    Packed(flate2::write::GzEncoder<BufWriter<File>>),
}

fn writer(path: &Path, file: File) -> Out {
    let file = BufWriter::new(file);
    if path.extension().is_some_and(|it| it == "gz") {
        Out::Packed(flate2::write::GzEncoder::new(file, flate2::Compression::default()))
    } else {
        Out::Plain(file)
    }
}

impl Out {
    fn finish(self) -> std::io::Result<()> {
        let mut file = match self {
            Self::Plain(file) => file,
            Self::Packed(packed) => packed.finish()?,
        };
        file.flush()?;
        file.get_ref().sync_all()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Packed(packed) => packed.flush(),
        }
    }
}

async fn write_all(
    store: &Store,
    policy: &Rules,
    as_of: NaiveDate,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<u64> {
    const FAILED: &str = "the file cannot be written";
    if format == Format::Csv {
        // Spreadsheets take a file for their own old encoding unless it begins so.
        out.write_all("\u{feff}".as_bytes()).context(FAILED)?;
        out.write_all(&csv_line(&HEADER.map(str::to_owned))?).context(FAILED)?;
    }
    let mut n = 0;
    for first_byte in 0..=u8::MAX {
        let keys: Vec<_> = store.cells_of(first_byte).await?.into_iter().map(|(key, _)| key).collect();
        for chunk in keys.chunks(CHUNK) {
            for customer in customer::load(store, policy, chunk).await?.values() {
                let exported = Exported::read(store, policy, as_of, customer).await?;
                match format {
                    Format::Ndjson => {
                        serde_json::to_writer(&mut *out, &exported).context(FAILED)?;
                        out.write_all(b"\n").context(FAILED)?;
                    }
                    Format::Csv => out.write_all(&csv_line(&exported.to_row()?)?).context(FAILED)?,
                }
                n += 1;
            }
        }
    }
    Ok(n)
}

/// A customer with the names and forms of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported<'c> {
    #[serde(flatten)]
    profile: &'c Profile,
    as_of: NaiveDate,
    basic: BasicInfo,
    purchases: Summary,
}

/// The columns of a table; the figures of purchases are those of a card.
const HEADER: [&str; 35] = [
    "unified_id",
    "external_id",
    "customer_card",
    "phone",
    "email",
    "kakao_id",
    "line_id",
    "device_id",
    "name",
    "gender",
    "birth_date",
    "age",
    "age_group",
    "membership_level",
    "recent_area",
    "platforms",
    "device_count",
    "first_access_at",
    "last_activity_at",
    "last_updated_at",
    "event_count",
    "session_count",
    "currency",
    "purchase_count_3m",
    "purchase_amount_3m",
    "purchase_count_6m",
    "purchase_amount_6m",
    "purchase_count_12m",
    "purchase_amount_12m",
    "peak_weekday",
    "peak_hour",
    "first_purchase_date",
    "last_purchase_date",
    "top_category_12m",
    "top_product_12m",
];

impl<'c> Exported<'c> {
    async fn read(store: &Store, policy: &Rules, as_of: NaiveDate, customer: &'c Customer) -> anyhow::Result<Self> {
        let purchased = customer::purchases(store, customer).await?;
        let profile = &customer.profile;
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let purchases = summary(profile.unified_id, &orders, &refunds, policy, as_of);
        Ok(Self { profile, as_of, basic: profile.basic(as_of), purchases })
    }

    /// The customer as a row; of several values in one cell there are semicolons between.
    fn to_row(&self) -> anyhow::Result<[String; HEADER.len()]> {
        let it = serde_json::to_value(self)?;
        let text = |path: &str| text_of(it.pointer(path));
        let identifiers = |kind: &str| {
            let values: Vec<&str> =
                self.profile.identifiers.iter().filter(|it| &*it.kind == kind).map(|it| &*it.value).collect();
            values.join(";")
        };
        Ok(HEADER.map(|column| match column {
            "unified_id" => text("/unifiedId"),
            "external_id" | "customer_card" | "phone" | "email" | "kakao_id" | "line_id" | "device_id" => {
                identifiers(column)
            }
            "name" => text("/basic/name"),
            "gender" => text("/basic/gender"),
            "birth_date" => text("/basic/birthDate"),
            "age" => text("/basic/age"),
            "age_group" => text("/basic/ageGroup"),
            "membership_level" => text("/basic/membershipLevel"),
            "recent_area" => text("/basic/recentArea"),
            "platforms" => text("/basic/platforms"),
            "device_count" => text("/basic/deviceCount"),
            "first_access_at" => text("/activity/firstAccessAt"),
            "last_activity_at" => text("/activity/lastActivityAt"),
            "last_updated_at" => text("/activity/lastUpdatedAt"),
            "event_count" => text("/activity/eventCount"),
            "session_count" => text("/activity/sessionCount"),
            "currency" => text("/purchases/currency"),
            "purchase_count_3m" => text("/purchases/windows/0/count"),
            "purchase_amount_3m" => text("/purchases/windows/0/amount"),
            "purchase_count_6m" => text("/purchases/windows/1/count"),
            "purchase_amount_6m" => text("/purchases/windows/1/amount"),
            "purchase_count_12m" => text("/purchases/windows/2/count"),
            "purchase_amount_12m" => text("/purchases/windows/2/amount"),
            "peak_weekday" => text("/purchases/peakWeekday"),
            "peak_hour" => text("/purchases/peakHour"),
            "first_purchase_date" => text("/purchases/firstPurchaseDate"),
            "last_purchase_date" => text("/purchases/lastPurchaseDate"),
            "top_category_12m" => text("/purchases/topCategories/2/items/0/name"),
            "top_product_12m" => text("/purchases/topProducts/2/items/0/name"),
            _ => String::new(),
        }))
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|it| text_of(Some(it))).collect::<Vec<_>>().join(";"),
        Some(other) => other.to_string(),
    }
}

/// A row as a line of CSV. What a spreadsheet would run as a formula is kept from that by an apostrophe.
fn csv_line(cells: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for cell in cells {
        let is_formula = cell.starts_with(['=', '@', '\t', '\r', '-', '+']) && !is_number_like(cell);
        let safe = if is_formula { format!("'{cell}") } else { cell.clone() };
        writer.write_field(safe)?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
}

/// A phone number or an amount: what stands there may begin with a sign and is no formula.
fn is_number_like(cell: &str) -> bool {
    cell.chars().skip(1).all(|it| it.is_ascii_digit() || matches!(it, '.' | ';' | '+'))
}
