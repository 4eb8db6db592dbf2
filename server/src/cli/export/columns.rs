//! The columns of a table of customers: one list for CSV and Parquet.

use profile360_core::policy::compiled::CompiledPolicy;
use serde_json::{Map, Value};

use super::exported::Exported;

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    /// Texts, of which there may be none.
    Texts,
    /// An object.
    Json,
    Number,
    /// An exact number.
    Amount,
    Date,
    /// A time in UTC.
    Time,
}

/// A column, and where in a customer its value is.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub holds: Type,
    from: Origin,
}

#[derive(Debug)]
enum Origin {
    /// By a JSON pointer.
    Path(&'static str),
    /// The values of identifiers of a kind.
    Kind(String),
    /// The attributes with their surviving values.
    Attributes,
    /// The consents, each by its channel.
    Consents,
}

type Named = (&'static str, Type, &'static str);

/// The columns as of the reporting date: ages, and purchases up to the day before. All others are as of the time of the export.
pub(super) const AS_OF: [&str; 16] = [
    "age",
    "age_group",
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
    "as_of",
];

const UNIFIED_ID: Named = ("unified_id", Type::Text, "/unifiedId");

/// Purchase figures are those of the profile.
const REST: [Named; 28] = [
    ("name", Type::Text, "/basic/name"),
    ("gender", Type::Text, "/basic/gender"),
    ("birth_date", Type::Date, "/basic/birthDate"),
    ("age", Type::Number, "/basic/age"),
    ("age_group", Type::Text, "/basic/ageGroup"),
    ("membership_level", Type::Text, "/basic/membershipLevel"),
    ("recent_area", Type::Text, "/basic/recentArea"),
    ("platforms", Type::Texts, "/basic/platforms"),
    ("device_count", Type::Number, "/basic/deviceCount"),
    ("first_access_at", Type::Time, "/activity/firstAccessAt"),
    ("last_activity_at", Type::Time, "/activity/lastActivityAt"),
    ("last_updated_at", Type::Time, "/activity/lastUpdatedAt"),
    ("event_count", Type::Number, "/activity/eventCount"),
    ("session_count", Type::Number, "/activity/sessionCount"),
    ("currency", Type::Text, "/purchases/currency"),
    ("purchase_count_3m", Type::Number, "/purchases/windows/0/count"),
    ("purchase_amount_3m", Type::Amount, "/purchases/windows/0/amount"),
    ("purchase_count_6m", Type::Number, "/purchases/windows/1/count"),
    ("purchase_amount_6m", Type::Amount, "/purchases/windows/1/amount"),
    ("purchase_count_12m", Type::Number, "/purchases/windows/2/count"),
    ("purchase_amount_12m", Type::Amount, "/purchases/windows/2/amount"),
    ("peak_weekday", Type::Text, "/purchases/peakWeekday"),
    ("peak_hour", Type::Number, "/purchases/peakHour"),
    ("first_purchase_date", Type::Date, "/purchases/firstPurchaseDate"),
    ("last_purchase_date", Type::Date, "/purchases/lastPurchaseDate"),
    ("top_category_12m", Type::Text, "/purchases/topCategories/2/items/0/name"),
    ("top_product_12m", Type::Text, "/purchases/topProducts/2/items/0/name"),
    ("as_of", Type::Date, "/asOf"),
];

/// All columns, with one for each kind of identifier of the policy.
pub(super) fn columns(policy: &CompiledPolicy) -> Vec<Column> {
    let by_path = |(name, holds, path): Named| Column { name: name.to_owned(), holds, from: Origin::Path(path) };
    let by_kind = |kind: &str| {
        let is_taken =
            [UNIFIED_ID].iter().chain(&REST).any(|it| it.0 == kind) || ["attributes", "consents"].contains(&kind);
        let name = if is_taken { format!("identifier_{kind}") } else { kind.to_owned() };
        Column { name, holds: Type::Texts, from: Origin::Kind(kind.to_owned()) }
    };
    let object = |name: &str, from| Column { name: name.to_owned(), holds: Type::Json, from };
    let mut columns = vec![by_path(UNIFIED_ID)];
    columns.extend(policy.kinds.iter().map(|it| by_kind(it.name.as_str())));
    columns.extend(REST.map(by_path));
    columns.extend([object("attributes", Origin::Attributes), object("consents", Origin::Consents)]);
    columns
}

/// The values of a customer by column. Null without one.
pub(super) fn row(columns: &[Column], exported: &Exported<'_>) -> anyhow::Result<Vec<Value>> {
    let whole = serde_json::to_value(exported)?;
    let profile = exported.profile;
    let value = |column: &Column| match &column.from {
        Origin::Path(path) => whole.pointer(path).cloned().unwrap_or_default(),
        Origin::Kind(kind) => {
            let values = profile.identifiers.iter().filter(|identifier| *identifier.kind == **kind);
            values.map(|identifier| Value::from(&*identifier.value)).collect()
        }
        Origin::Attributes => {
            let values =
                profile.attributes.iter().map(|attribute| (attribute.name.to_string(), attribute.value.to_value()));
            Value::Object(values.collect::<Map<_, _>>())
        }
        Origin::Consents => {
            let values =
                profile.consents.iter().map(|consent| (consent.channel.to_owned(), Value::from(consent.granted)));
            Value::Object(values.collect::<Map<_, _>>())
        }
    };
    Ok(columns.iter().map(value).collect())
}
