//! How often a value was seen in each month, counted from the stored messages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate};
use profile360_core::{
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::parse::parse_kept,
    plan::retire::homes_of_value,
    time::Timestamp,
    time_zone::local_date,
};
use profile360_store::StoreError;

use crate::engine::state::{Reading, State};

/// The most messages that one answer reads.
const MAX_MESSAGES: usize = 20_000;
/// The most identifiers whose messages one answer reads.
const MAX_HOMES: usize = 1_000;

/// The sightings of a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    /// By the first day of the month, without gaps.
    pub months: BTreeMap<NaiveDate, u64>,
    /// Whether every message was counted; otherwise the oldest months were left out.
    pub is_complete: bool,
}

/// Counts the messages that name a value, whichever owner it had, in the `n_months` calendar months up to that of `today`.
/// Reads the newest month first, and stops before it has read too much.
pub async fn sightings(
    reading: &Reading,
    secret: &IdSecret,
    value: &Identifier,
    today: NaiveDate,
    n_months: u32,
) -> Result<Sightings, StoreError> {
    let State { policy, .. } = &*reading.state().await?;
    let store = &reading.store;
    let owners = policy.retirements().owners(value);
    let links = store.links_of(&owners).await?;
    let homes: BTreeSet<UnifiedId> =
        homes_of_value(&owners, links.keys(), policy).into_iter().map(|home| unified_id(home, secret)).collect();
    let mut found = Sightings { months: BTreeMap::new(), is_complete: homes.len() <= MAX_HOMES };
    let this_month = today.with_day(1).unwrap_or(today);
    let months: Vec<NaiveDate> =
        (0..n_months).map_while(|back| this_month.checked_sub_months(Months::new(back))).collect();
    let mut n_read = 0_usize;
    for (position, month) in months.iter().enumerate() {
        // Months of UTC, which begin up to a day before or after those of the policy's time zone.
        let is_last = position + 1 == months.len();
        let from = midnight(*month).micros() - if is_last { DAY } else { 0 };
        let next = month.checked_add_months(Months::new(1)).unwrap_or(*month);
        let to = midnight(next).micros() + if position == 0 { DAY } else { -1 };
        found.months.entry(*month).or_default();
        for home in homes.iter().take(MAX_HOMES) {
            for event in store.events(*home, Timestamp::from_micros(from), Timestamp::from_micros(to)).await? {
                n_read += 1;
                let message = parse_kept(&event.payload, policy).ok().map(|accepted| accepted.message);
                let names_it = |it: &Identifier| it.is_same_value(value);
                if !message.is_some_and(|message| message.identifiers.iter().any(names_it)) {
                    continue;
                }
                let day = local_date(event.at, policy.time_zone);
                let own_month = day.with_day(1).unwrap_or(day);
                if months.contains(&own_month) {
                    *found.months.entry(own_month).or_default() += 1;
                }
            }
        }
        if MAX_MESSAGES < n_read && !is_last {
            found.is_complete = false;
            // Its first hours, in the policy's time zone, may be in the month that was not read.
            found.months.retain(|it, _| position == 0 || *month < *it);
            break;
        }
    }
    Ok(found)
}

const DAY: i64 = 24 * 3_600 * 1_000_000;

fn midnight(day: NaiveDate) -> Timestamp {
    Timestamp::from_datetime(day.and_time(chrono::NaiveTime::MIN).and_utc()).unwrap_or(Timestamp::EARLIEST)
}
