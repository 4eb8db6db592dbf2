//! What the list holds of a customer: all that it filters, sorts and searches by.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{Months, NaiveDate};
use profile360_core::{
    age::{age_group, full_years},
    identifier::UnifiedId,
    message::Platform,
    policy::CompiledPolicy,
    profile::Gender,
    purchase::Currency,
    purchases::{Question, purchases},
    time::Timestamp,
    window::{self, local_date},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::customer::{Customer, Purchased};

/// A customer in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListRow {
    pub unified_id: UnifiedId,
    pub name: Option<String>,
    /// Kinds of identifiers that it has.
    pub kinds: Vec<Arc<str>>,
    pub platforms: Vec<Platform>,
    pub gender: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub age_group: Option<String>,
    pub membership_level: Option<String>,
    pub country: Option<Arc<str>>,
    pub recent_area: Option<String>,
    pub last_activity: Timestamp,
    pub first_access: Timestamp,
    pub last_updated: Timestamp,
    pub window: Window12,
    /// The value of each attribute in canonical JSON.
    pub attributes: BTreeMap<Arc<str>, Arc<str>>,
    /// The date that ages and windows are computed for.
    pub as_of: NaiveDate,
    /// The first date for which they are others; none where they stay.
    pub due: Option<NaiveDate>,
}

/// The purchases of the last twelve months, as a card shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window12 {
    pub currency: Currency,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub count: u64,
    pub amount: Decimal,
    pub average: Option<Decimal>,
}

impl ListRow {
    /// The row of a customer as of a day.
    pub fn new(customer: &Customer, purchased: &Purchased, policy: &CompiledPolicy, today: NaiveDate) -> Self {
        let profile = &customer.profile;
        let basic = profile.basic(today);
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let question = Question { as_of: today, currency: None, net_of_refunds: false };
        let computed = purchases(&orders, &refunds, policy, &question);
        let year = computed.window(window::Months::YEAR);
        let mut kinds: Vec<Arc<str>> = profile.identifiers.iter().map(|it| it.kind.clone()).collect();
        kinds.dedup();
        let country = profile.devices.iter().find_map(|it| it.country.clone());
        let days = orders.iter().map(|it| local_date(it.at, policy.time_zone));
        Self {
            unified_id: profile.unified_id,
            name: basic.name,
            kinds,
            platforms: basic.platforms,
            gender: basic.gender.map(|it| gender_code(it).to_owned()),
            birth_date: basic.birth_date,
            age_group: basic.age_group.map(str::to_owned),
            membership_level: basic.membership_level,
            country,
            recent_area: basic.recent_area,
            last_activity: profile.activity.last_activity_at,
            first_access: profile.activity.first_access_at,
            last_updated: profile.activity.last_updated_at,
            window: Window12 {
                currency: computed.currency(),
                from: year.from,
                to: year.to,
                count: year.count,
                amount: year.amount,
                average: year.average,
            },
            attributes: profile.attributes.iter().map(|it| (it.name.clone(), Arc::from(it.value.as_json()))).collect(),
            as_of: today,
            due: due(days, basic.birth_date, today),
        }
    }

    /// Whether ages or windows are others on that date than when the row was made.
    pub(super) fn is_due(&self, today: NaiveDate) -> bool {
        self.due.is_some_and(|it| it <= today)
    }
}

/// The code that filters use.
pub(super) fn gender_code(gender: Gender) -> &'static str {
    match gender {
        Gender::Male => "MALE",
        Gender::Female => "FEMALE",
        Gender::NonBinary => "NON_BINARY",
        Gender::Other => "OTHER",
    }
}

/// The next date on which an order enters or leaves the window, or the customer's age group changes.
///
/// Early is harmless and late is not: near the ends of months an order may leave up to three days after a calendar year, so
/// the year is all that is counted and the row is looked at again on each of the days after.
fn due(orders: impl Iterator<Item = NaiveDate>, birth_date: Option<NaiveDate>, today: NaiveDate) -> Option<NaiveDate> {
    let mut due: Option<NaiveDate> = None;
    let mut consider = |date: Option<NaiveDate>| {
        if let Some(date) = date.filter(|it| today < *it) {
            due = Some(due.map_or(date, |it| it.min(date)));
        }
    };
    for day in orders {
        consider(day.succ_opt());
        for n_days in 0..=4 {
            let leaves =
                day.checked_add_months(Months::new(12)).and_then(|it| it.checked_add_days(chrono::Days::new(n_days)));
            consider(leaves);
        }
    }
    if let Some(birth) = birth_date {
        let group = |date: NaiveDate| full_years(birth, date).map(age_group);
        // The next round birthday, a day later for those born on a 29th of February.
        let decade = full_years(birth, today).map_or(0, |it| it / 10 + 1);
        let birthday = birth.checked_add_months(Months::new(decade * 120));
        for date in [birthday, birthday.and_then(|it| it.succ_opt())].into_iter().flatten() {
            if group(date) != group(today) {
                consider(Some(date));
            }
        }
    }
    due
}

#[cfg(test)]
mod tests;
