//! The clock: the only place that reads it.

use chrono::{DateTime, NaiveDate, Utc};
use profile360_core::policy::document::Policy;

/// A source of the current time: [`now`], or a fixed one in tests.
pub type Clock = fn() -> DateTime<Utc>;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "the edge: time comes into the program here")]
pub fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Today in the policy's time zone: the reporting date unless a query names one.
pub fn today(policy: &Policy) -> NaiveDate {
    date_at(now(), policy)
}

/// The date in the policy's time zone at some time.
pub fn date_at(time: DateTime<Utc>, policy: &Policy) -> NaiveDate {
    time.with_timezone(&policy.time_zone).date_naive()
}
