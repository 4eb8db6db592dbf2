//! The columns of an export: their names, what GraphQL is asked for them, and where in the answer their values are.

use serde_json::{Map, Value};

/// Columns in their order.
#[derive(Debug)]
pub(super) struct Columns(Vec<Column>);

#[derive(Debug)]
struct Column {
    name: String,
    from: Origin,
}

#[derive(Debug)]
enum Origin {
    /// What is asked, and where it is in the answer: names with slashes between them.
    Field {
        asked: &'static str,
        place: &'static str,
    },
    /// The values of identifiers of a kind.
    Identifier(String),
    /// The values of identifiers by kind.
    Identifiers,
    Attribute(String),
    Attributes,
    Consent(String),
    Consents,
}

type Named = (&'static str, &'static str, &'static str);

/// Each with its field and the place of its value. The names are those of `profile360 export`.
const FIELDS: [Named; 46] = [
    ("unified_id", "unifiedId", "unifiedId"),
    ("name", "basic { name }", "basic/name"),
    ("phone", "basic { phone }", "basic/phone"),
    ("email", "basic { email }", "basic/email"),
    ("gender", "basic { gender }", "basic/gender"),
    ("birth_date", "basic { birthDate }", "basic/birthDate"),
    ("age", "basic { age }", "basic/age"),
    ("age_group", "basic { ageGroup }", "basic/ageGroup"),
    ("membership_level", "basic { membershipLevel }", "basic/membershipLevel"),
    ("recent_area", "basic { recentArea }", "basic/recentArea"),
    ("platforms", "basic { platforms }", "basic/platforms"),
    ("device_count", "basic { deviceCount }", "basic/deviceCount"),
    ("country", "recentDevice { country }", "recentDevice/country"),
    ("device_model", "recentDevice { model }", "recentDevice/model"),
    ("device_os", "recentDevice { os }", "recentDevice/os"),
    ("device_os_version", "recentDevice { osVersion }", "recentDevice/osVersion"),
    ("device_browser", "recentDevice { browser }", "recentDevice/browser"),
    ("device_carrier", "recentDevice { carrier }", "recentDevice/carrier"),
    ("device_language", "recentDevice { language }", "recentDevice/language"),
    ("first_access_at", "activity { firstAccessAt }", "activity/firstAccessAt"),
    ("last_activity_at", "activity { lastActivityAt }", "activity/lastActivityAt"),
    ("last_updated_at", "activity { lastUpdatedAt }", "activity/lastUpdatedAt"),
    ("event_count", "activity { eventCount }", "activity/eventCount"),
    ("session_count", "activity { sessionCount }", "activity/sessionCount"),
    ("currency", "purchases { currency }", "purchases/currency"),
    ("purchase_count_3m", "purchases { m3: window(months: 3) { count } }", "purchases/m3/count"),
    ("purchase_amount_3m", "purchases { m3: window(months: 3) { amount } }", "purchases/m3/amount"),
    ("purchase_average_3m", "purchases { m3: window(months: 3) { average } }", "purchases/m3/average"),
    ("purchase_count_6m", "purchases { m6: window(months: 6) { count } }", "purchases/m6/count"),
    ("purchase_amount_6m", "purchases { m6: window(months: 6) { amount } }", "purchases/m6/amount"),
    ("purchase_average_6m", "purchases { m6: window(months: 6) { average } }", "purchases/m6/average"),
    ("purchase_count_12m", "purchases { m12: window(months: 12) { count } }", "purchases/m12/count"),
    ("purchase_amount_12m", "purchases { m12: window(months: 12) { amount } }", "purchases/m12/amount"),
    ("purchase_average_12m", "purchases { m12: window(months: 12) { average } }", "purchases/m12/average"),
    ("peak_weekday", "purchases { peakWeekday }", "purchases/peakWeekday"),
    ("peak_hour", "purchases { peakHour }", "purchases/peakHour"),
    ("first_purchase_date", "purchases { firstPurchaseDate }", "purchases/firstPurchaseDate"),
    ("last_purchase_date", "purchases { lastPurchaseDate }", "purchases/lastPurchaseDate"),
    ("refund_count", "purchases { refundCount }", "purchases/refundCount"),
    ("refund_amount", "purchases { refundAmount }", "purchases/refundAmount"),
    (
        "top_category_12m",
        "purchases { category: topCategories(months: 12, first: 1) { name } }",
        "purchases/category/0/name",
    ),
    (
        "top_product_12m",
        "purchases { product: topProducts(months: 12, first: 1) { name } }",
        "purchases/product/0/name",
    ),
    ("superseded_ids", "supersededIds", "supersededIds"),
    ("as_of", "asOf", "asOf"),
    // As JSON, with everything that is known of them.
    ("devices", "devices { deviceId model os osVersion lastUsedAt }", "devices"),
    ("recent_device", "recentDevice { deviceId model os osVersion browser carrier lastUsedAt }", "recentDevice"),
];

/// What is exported if no columns are chosen, without the identifiers of each kind, which follow the unified ID.
fn is_default(name: &str) -> bool {
    !["devices", "recent_device", "superseded_ids", "phone", "email"].contains(&name)
}

const MAX_COLUMNS: usize = 200;
const MAX_NAME_BYTES: usize = 200;

impl Columns {
    /// The wanted columns; all, with one for each kind of identifier, if none are named.
    ///
    /// # Errors
    ///
    /// The sentence about an unknown or repeated column.
    pub(super) fn parse<'k>(wanted: Option<Vec<String>>, kinds: impl Iterator<Item = &'k str>) -> Result<Self, String> {
        let names = match wanted {
            Some(names) => names,
            None => {
                let mut names = vec!["unified_id".to_owned()];
                names.extend(kinds.map(|kind| format!("identifier.{kind}")));
                names.extend(
                    FIELDS.iter().skip(1).map(|(name, ..)| *name).filter(|it| is_default(it)).map(str::to_owned),
                );
                names.extend(["attributes", "consents"].map(str::to_owned));
                names
            }
        };
        if names.is_empty() || MAX_COLUMNS < names.len() {
            return Err(format!("columns: use 1 to {MAX_COLUMNS}, or leave them out for all"));
        }
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        for (position, name) in names.into_iter().enumerate() {
            if columns.iter().any(|column| column.name == name) {
                return Err(format!("columns[{position}]: this column is named twice; name it once"));
            }
            let from = Origin::of(&name).ok_or_else(|| {
                let known: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
                format!(
                    "columns[{position}]: there is no such column; there are {}, identifiers, attributes, consents, \
                     identifier.KIND, attribute.NAME and consent.CHANNEL",
                    known.join(", ")
                )
            })?;
            columns.push(Column { name, from });
        }
        Ok(Self(columns))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.name.as_str())
    }

    /// The names of the attributes that are read; `None` for all.
    pub(super) fn attribute_names(&self) -> Option<Vec<&str>> {
        let is_all = self.0.iter().any(|column| matches!(column.from, Origin::Attributes));
        let named = self.0.iter().filter_map(|column| match &column.from {
            Origin::Attribute(name) => Some(name.as_str()),
            _ => None,
        });
        (!is_all).then(|| named.collect())
    }

    /// The fields of a profile that are asked for. GraphQL merges fields of one name.
    pub(super) fn selection(&self) -> String {
        let mut asked: Vec<&str> = vec!["unifiedId"];
        for column in &self.0 {
            asked.push(match &column.from {
                Origin::Field { asked: field, .. } => *field,
                Origin::Identifier(_) | Origin::Identifiers => "identifiers { kind value }",
                Origin::Attribute(_) | Origin::Attributes => "attributes(names: $names) { name value }",
                Origin::Consent(_) | Origin::Consents => "consents { channel granted }",
            });
        }
        asked.sort_unstable();
        asked.dedup();
        asked.join(" ")
    }

    /// The values of a profile, each with its column's name.
    pub(super) fn values(&self, profile: &Value) -> Vec<(&str, Value)> {
        self.0.iter().map(|column| (column.name.as_str(), column.from.value(profile))).collect()
    }
}

impl Origin {
    fn of(name: &str) -> Option<Self> {
        if MAX_NAME_BYTES < name.len() {
            return None;
        }
        if let Some(&(_, asked, place)) = FIELDS.iter().find(|(known, ..)| *known == name) {
            return Some(Self::Field { asked, place });
        }
        match name.split_once('.') {
            None if name == "identifiers" => Some(Self::Identifiers),
            None if name == "attributes" => Some(Self::Attributes),
            None if name == "consents" => Some(Self::Consents),
            Some(("identifier", kind)) if !kind.is_empty() => Some(Self::Identifier(kind.to_owned())),
            Some(("attribute", name)) if !name.is_empty() => Some(Self::Attribute(name.to_owned())),
            Some(("consent", channel)) if !channel.is_empty() => Some(Self::Consent(channel.to_owned())),
            _ => None,
        }
    }

    fn value(&self, profile: &Value) -> Value {
        let list = |field: &str| profile[field].as_array().map(Vec::as_slice).unwrap_or_default();
        let first = |field: &str, key: &str, name: &str, value: &str| {
            list(field).iter().find(|it| it[key] == *name).map(|it| it[value].clone()).unwrap_or_default()
        };
        match self {
            Self::Field { place, .. } => profile.pointer(&["", *place].join("/")).cloned().unwrap_or_default(),
            Self::Identifier(kind) => {
                list("identifiers").iter().filter(|it| it["kind"] == **kind).map(|it| it["value"].clone()).collect()
            }
            Self::Identifiers => {
                let mut by_kind: Map<String, Value> = Map::new();
                for identifier in list("identifiers") {
                    let kind = identifier["kind"].as_str().unwrap_or_default().to_owned();
                    let values = by_kind.entry(kind).or_insert_with(|| Value::Array(Vec::new()));
                    if let Some(values) = values.as_array_mut() {
                        values.push(identifier["value"].clone());
                    }
                }
                Value::Object(by_kind)
            }
            Self::Attribute(name) => first("attributes", "name", name, "value"),
            Self::Attributes => object(list("attributes"), "name", "value"),
            Self::Consent(channel) => first("consents", "channel", channel, "granted"),
            Self::Consents => object(list("consents"), "channel", "granted"),
        }
    }
}

fn object(entries: &[Value], key: &str, value: &str) -> Value {
    let named = entries.iter().map(|it| (it[key].as_str().unwrap_or_default().to_owned(), it[value].clone()));
    Value::Object(named.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Columns;

    fn parse(names: &[&str]) -> Result<Columns, String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Columns::parse(Some(names), std::iter::empty())
    }

    #[test]
    fn values_are_where_the_columns_say() {
        let names = [
            "name",
            "identifier.phone",
            "identifiers",
            "attribute.df_name",
            "attribute.none",
            "consent.sms",
            "consents",
            "purchase_count_12m",
            "attributes",
        ];
        let columns = parse(&names).expect("known columns");
        let profile = json!({
            "basic": { "name": "홍길동" },
            "identifiers": [
                { "kind": "phone", "value": "1" }, { "kind": "email", "value": "a" }, { "kind": "phone", "value": "2" },
            ],
            "attributes": [{ "name": "df_name", "value": "홍길동" }, { "name": "n", "value": [1] }],
            "consents": [{ "channel": "sms", "granted": true }],
            "purchases": { "m12": { "count": 3 } },
        });
        let values: Vec<_> = columns.values(&profile).into_iter().map(|(_, value)| value).collect();
        let expected = json!([
            "홍길동", ["1", "2"], { "phone": ["1", "2"], "email": ["a"] }, "홍길동", null, true, { "sms": true }, 3,
            { "df_name": "홍길동", "n": [1] },
        ]);
        assert_eq!(json!(values), expected);
        assert_eq!(columns.names().collect::<Vec<_>>(), names);
    }

    #[test]
    fn only_what_is_exported_is_asked() {
        assert_eq!(parse(&["attribute.a", "attribute.b"]).expect("known").attribute_names(), Some(vec!["a", "b"]));
        assert_eq!(parse(&["attribute.a", "attributes"]).expect("known").attribute_names(), None);
        assert_eq!(parse(&["name"]).expect("known").attribute_names(), Some(vec![]));
        let all = Columns::parse(None, ["phone", "line_id"].into_iter()).expect("all are known");
        assert_eq!(all.names().take(3).collect::<Vec<_>>(), ["unified_id", "identifier.phone", "identifier.line_id"]);
    }

    #[test]
    fn unknown_and_repeated_columns_are_refused() {
        for names in [&["secret"][..], &["name", "name"], &[], &["identifier."], &["other.name"], &["attribute"]] {
            let sentence = parse(names).expect_err("not a column");
            assert!(!sentence.contains("secret") && sentence.starts_with("columns"), "{sentence}");
        }
    }
}
