//! Customers next to each other, or one customer on several dates, field by field. Nothing is merged.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    calendar::Months,
    message::standard::{CONSENTS, is_standard},
    policy::{compiled::CompiledPolicy, document::Form},
    profile::model::{Device, Profile},
    purchases::{
        figures::Purchases,
        ranking::{RankBy, RankTarget},
    },
};

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    pub profile: &'a Profile,
    /// The date for which age and purchases are computed.
    pub as_of: NaiveDate,
    /// The purchases as of that date.
    pub purchases: &'a Purchases<'a>,
}

/// Fields that belong together, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Identity,
    Contact,
    Consents,
    Attributes,
    Activity,
    Purchases,
}

/// What a field holds, which decides how it is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing personal.
    Open,
    Name,
    /// A date of birth, or what reveals it.
    Birth,
    /// A place narrower than a region.
    Place,
    /// Identifiers of a form.
    Identifiers(Form),
    Attribute,
}

/// One field on every side.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedField {
    pub group: Group,
    /// The name of the field in schema.graphql, a kind of identifiers, a channel, or the name of an attribute.
    pub name: String,
    pub content: Content,
    /// One value for each side; null where a side has none. Amounts are objects with `amount` and `currency`.
    pub values: Vec<Value>,
}

impl ComparedField {
    /// Whether the sides differ.
    pub fn differs(&self) -> bool {
        self.values.windows(2).any(|pair| pair[0] != pair[1])
    }
}

/// Compares the sides: all fields that one of them has, by group. If all sides are one customer, only what depends on the date is
/// compared: age and purchases.
pub fn compare(sides: &[Side<'_>], policy: &CompiledPolicy) -> Vec<ComparedField> {
    let ids: BTreeSet<_> = sides.iter().map(|it| it.profile.unified_id).collect();
    let is_one_customer = ids.len() <= 1;
    let mut table = Table { sides, fields: Vec::new() };
    if is_one_customer {
        table.age();
    } else {
        table.identity(policy);
        table.consents();
        table.attributes();
        table.activity();
    }
    table.purchases();
    let mut fields = table.fields;
    fields.retain(|it| it.values.iter().any(|value| !value.is_null()));
    fields.sort_by_key(|it| it.group);
    fields
}

struct Table<'a> {
    sides: &'a [Side<'a>],
    fields: Vec<ComparedField>,
}

impl Table<'_> {
    fn add(&mut self, group: Group, name: &str, content: Content, value: impl Fn(&Side<'_>) -> Value) {
        let values = self.sides.iter().map(value).collect();
        self.fields.push(ComparedField { group, name: name.to_owned(), content, values });
    }

    fn age(&mut self) {
        self.add(Group::Identity, "age", Content::Birth, |side| json!(side.profile.basic(side.as_of).age));
    }

    fn identity(&mut self, policy: &CompiledPolicy) {
        use Group::{Contact, Identity};
        self.add(Identity, "name", Content::Name, |side| json!(side.profile.undated.name));
        self.add(Identity, "gender", Content::Open, |side| json!(side.profile.undated.gender));
        let birth_date = |side: &Side<'_>| json!(side.profile.undated.birth_date.map(|it| it.to_string()));
        self.add(Identity, "birthDate", Content::Birth, birth_date);
        self.age();
        self.add(Identity, "membershipLevel", Content::Open, |side| json!(side.profile.undated.membership_level));
        let area = |side: &Side<'_>| json!(side.profile.devices.iter().find_map(|device| device.area.as_deref()));
        self.add(Contact, "recentArea", Content::Place, area);
        for kind in &policy.kinds {
            let group = if matches!(kind.form, Form::Phone | Form::Email) { Contact } else { Identity };
            self.add(group, kind.name.as_str(), Content::Identifiers(kind.form.clone()), |side| {
                let of_kind = side.profile.identifiers.iter().filter(|it| *it.kind == *kind.name.as_str());
                list(of_kind.map(|it| it.value.clone()))
            });
        }
    }

    fn consents(&mut self) {
        for (_, channel) in CONSENTS {
            self.add(Group::Consents, channel, Content::Open, |side| {
                json!(side.profile.consents.iter().find(|it| it.channel == channel).map(|it| it.granted))
            });
        }
    }

    fn attributes(&mut self) {
        let names = self.sides.iter().flat_map(|side| &side.profile.attributes).map(|it| it.name.clone());
        let names: BTreeSet<Arc<str>> = names.filter(|it| !is_standard(it)).collect();
        for name in names {
            self.add(Group::Attributes, &name, Content::Attribute, |side| {
                let found = side.profile.attributes.iter().find(|it| it.name == name);
                found.map_or(Value::Null, |it| it.value.to_value())
            });
        }
    }

    fn activity(&mut self) {
        use Group::Activity;
        let first_access = |side: &Side<'_>| json!(side.profile.activity.first_access_at.to_rfc3339());
        self.add(Activity, "firstAccessAt", Content::Open, first_access);
        let last_activity = |side: &Side<'_>| json!(side.profile.activity.last_activity_at.to_rfc3339());
        self.add(Activity, "lastActivityAt", Content::Open, last_activity);
        self.add(Activity, "eventCount", Content::Open, |side| json!(side.profile.activity.event_count));
        self.add(Activity, "sessionCount", Content::Open, |side| json!(side.profile.activity.session_count));
        self.add(Activity, "deviceCount", Content::Open, |side| json!(side.profile.devices.len()));
        self.add(Activity, "platforms", Content::Open, |side| {
            json!(side.profile.basic(side.as_of))["platforms"].take()
        });
        let recent_device = |side: &Side<'_>| side.profile.recent_device.as_ref().map_or(Value::Null, device);
        self.add(Activity, "recentDevice", Content::Open, recent_device);
    }

    fn purchases(&mut self) {
        use Group::Purchases;
        for months in Months::STANDARD {
            let n = months.get();
            let window = |side: &Side<'_>| side.purchases.window(months);
            self.add(Purchases, &format!("count{n}"), Content::Open, |side| json!(window(side).count));
            self.add(Purchases, &format!("amount{n}"), Content::Open, |side| money(side, Some(window(side).amount)));
            self.add(Purchases, &format!("average{n}"), Content::Open, |side| money(side, window(side).average));
        }
        let date = |day: Option<NaiveDate>| json!(day.map(|it| it.to_string()));
        self.add(Purchases, "firstPurchaseDate", Content::Open, |side| date(side.purchases.info().first_purchase_date));
        self.add(Purchases, "lastPurchaseDate", Content::Open, |side| date(side.purchases.info().last_purchase_date));
        self.add(Purchases, "peakWeekday", Content::Open, |side| json!(side.purchases.info().peak_weekday));
        self.add(Purchases, "peakHour", Content::Open, |side| json!(side.purchases.info().peak_hour));
        self.add(Purchases, "refundCount", Content::Open, |side| json!(side.purchases.info().refund_count));
        self.add(Purchases, "refundAmount", Content::Open, |side| {
            money(side, Some(side.purchases.info().refund_amount))
        });
        for (name, target) in [("topCategories", RankTarget::Categories), ("topProducts", RankTarget::Products)] {
            const RANKS: usize = 3;
            let top = |side: &Side<'_>| side.purchases.top(target, Months::YEAR, RANKS, RankBy::Units);
            self.add(Purchases, name, Content::Open, |side| list(top(side).into_iter().map(|it| it.name)));
        }
    }
}

fn money(side: &Side<'_>, amount: Option<Decimal>) -> Value {
    let currency = side.purchases.currency();
    amount.map_or(Value::Null, |it| json!({ "amount": it.normalize().to_string(), "currency": currency.as_str() }))
}

/// A list of texts; null if it is empty.
fn list(texts: impl Iterator<Item = Arc<str>>) -> Value {
    let texts: Vec<Arc<str>> = texts.collect();
    if texts.is_empty() { Value::Null } else { json!(texts) }
}

/// What describes a device, without its ID.
fn device(it: &Device) -> Value {
    let Device { model, os, os_version, browser, browser_version, carrier, .. } = it;
    let fields = [
        ("model", model),
        ("os", os),
        ("osVersion", os_version),
        ("browser", browser),
        ("browserVersion", browser_version),
        ("carrier", carrier),
    ];
    let known: BTreeMap<&str, &Arc<str>> =
        fields.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?))).collect();
    if known.is_empty() { Value::Null } else { json!(known) }
}
