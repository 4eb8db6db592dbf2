//! A row of the customer list: the values that it is filtered, sorted and searched by.

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use profile360_core::{
    calendar::{Months, window},
    identifier::UnifiedId,
    message::{
        Platform,
        order::{Order, Refund},
    },
    money::Currency,
    policy::{
        compiled::CompiledPolicy,
        document::{Form, KindRule},
    },
    profile::{
        age::{age_group, full_years},
        model::Profile,
    },
    purchases::figures::{PurchaseParams, purchases},
    search::{names::normal_name, terms::is_reference},
    time::Timestamp,
    time_zone::local_date,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A customer in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListRow {
    pub unified_id: UnifiedId,
    pub name: Option<String>,
    /// The kinds of its identifiers.
    pub kinds: Vec<Arc<str>>,
    /// All email addresses, normalized.
    pub emails: Vec<Arc<str>>,
    /// All phone numbers, normalized.
    pub phones: Vec<Arc<str>>,
    /// The identifiers that a search finds by their beginning.
    pub references: Vec<Arc<str>>,
    pub platforms: Vec<Platform>,
    pub gender: Option<String>,
    pub age_group: Option<String>,
    pub membership_level: Option<String>,
    pub country: Option<Arc<str>>,
    pub recent_area: Option<String>,
    pub last_activity: Timestamp,
    pub first_access: Timestamp,
    pub last_updated: Timestamp,
    pub window: Window12,
    pub n_identifiers: u64,
    pub n_events: u64,
    /// The value of each attribute in canonical JSON.
    pub attributes: BTreeMap<Arc<str>, Arc<str>>,
    /// The date that ages and windows are computed for.
    pub as_of: NaiveDate,
    /// The first date for which they change. `None` if they never do.
    pub due: Option<NaiveDate>,
}

/// The purchases of the last twelve months, as a card shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window12 {
    pub currency: Currency,
    pub count: u64,
    pub amount: Decimal,
}

impl ListRow {
    /// The row of a customer as of a day.
    pub fn new(
        profile: &Profile,
        orders: &[Order],
        refunds: &[Refund],
        policy: &CompiledPolicy,
        today: NaiveDate,
    ) -> Self {
        let basic = profile.basic(today);
        let orders: Vec<_> = orders.iter().collect();
        let refunds: Vec<_> = refunds.iter().collect();
        let params = PurchaseParams { as_of: today, currency: None, net_of_refunds: false };
        let computed = purchases(&orders, &refunds, policy, &params);
        let year = computed.window(Months::YEAR);
        let mut kinds: Vec<Arc<str>> = profile.identifiers.iter().map(|it| it.kind.clone()).collect();
        kinds.dedup();
        let values_of = |is_wanted: &dyn Fn(&KindRule) -> bool| {
            let is_of_kind = |kind: &str| policy.kind(kind).is_some_and(is_wanted);
            profile.identifiers.iter().filter(|it| is_of_kind(&it.kind)).map(|it| it.value.clone()).collect()
        };
        let country = profile.devices.iter().find_map(|it| it.country.clone());
        let days = orders.iter().map(|it| local_date(it.at, policy.time_zone));
        Self {
            unified_id: profile.unified_id,
            name: basic.name,
            kinds,
            emails: values_of(&|kind: &KindRule| kind.form == Form::Email),
            phones: values_of(&|kind: &KindRule| kind.form == Form::Phone),
            references: values_of(&|kind: &KindRule| is_reference(kind, policy)),
            platforms: basic.platforms,
            gender: basic.gender.map(|it| it.as_str().to_owned()),
            age_group: basic.age_group.map(str::to_owned),
            membership_level: basic.membership_level,
            country,
            recent_area: basic.recent_area,
            last_activity: profile.activity.last_activity_at,
            first_access: profile.activity.first_access_at,
            last_updated: profile.activity.last_updated_at,
            window: Window12 { currency: computed.currency(), count: year.count, amount: year.amount },
            n_identifiers: profile.identifiers.len() as u64,
            n_events: profile.activity.event_count,
            attributes: profile.attributes.iter().map(|it| (it.name.clone(), Arc::from(it.value.as_json()))).collect(),
            as_of: today,
            due: due(days, basic.birth_date, today),
        }
    }

    /// A row with nothing to filter or search by.
    pub fn empty() -> Self {
        let (nil, never, day) = (UnifiedId(uuid::Uuid::nil()), Timestamp::from_micros(0), NaiveDate::default());
        Self {
            unified_id: nil,
            name: None,
            kinds: Vec::new(),
            emails: Vec::new(),
            phones: Vec::new(),
            references: Vec::new(),
            platforms: Vec::new(),
            gender: None,
            age_group: None,
            membership_level: None,
            country: None,
            recent_area: None,
            last_activity: never,
            first_access: never,
            last_updated: never,
            window: Window12 { currency: Currency::KRW, count: 0, amount: Decimal::ZERO },
            n_identifiers: 0,
            n_events: 0,
            attributes: BTreeMap::new(),
            as_of: day,
            due: None,
        }
    }

    /// The name as it is sorted and searched. Empty if there is none.
    pub fn normal_name(&self) -> String {
        self.name.as_deref().map(normal_name).unwrap_or_default()
    }

    /// Whether ages or windows are outdated on a date.
    pub fn is_due(&self, today: NaiveDate) -> bool {
        self.due.is_some_and(|it| it <= today)
    }
}

/// The next date on which an order enters or leaves the window, or the customer's age group changes.
fn due(orders: impl Iterator<Item = NaiveDate>, birth_date: Option<NaiveDate>, today: NaiveDate) -> Option<NaiveDate> {
    let mut due: Option<NaiveDate> = None;
    let mut consider = |date: Option<NaiveDate>| {
        if let Some(date) = date.filter(|it| today < *it) {
            due = Some(due.map_or(date, |it| it.min(date)));
        }
    };
    for day in orders {
        consider(day.succ_opt());
        consider(leaves(day));
    }
    if let Some(birth) = birth_date {
        let group = |date: NaiveDate| full_years(birth, date).map(age_group);
        // The next round birthday, a day later for those born on a 29th of February.
        let decade = full_years(birth, today).map_or(0, |it| it / 10 + 1);
        let birthday = birth.checked_add_months(chrono::Months::new(decade * 120));
        for date in [birthday, birthday.and_then(|it| it.succ_opt())].into_iter().flatten() {
            if group(date) != group(today) {
                consider(Some(date));
            }
        }
    }
    due
}

/// The first date whose window no longer includes an order of `day`. Near the end of a month that is not always a year and a day
/// later, so this asks the window itself.
fn leaves(day: NaiveDate) -> Option<NaiveDate> {
    let year = day.checked_add_months(chrono::Months::new(Months::YEAR.get()))?;
    year.iter_days().take(4).find(|it| day < window(*it, Months::YEAR).from)
}

#[cfg(test)]
mod tests;
