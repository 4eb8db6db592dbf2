//! The clock: the only place that reads it.

use chrono::{DateTime, NaiveDate, Utc};
use profile360_core::policy::Policy;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "the edge: time comes into the program here")]
pub fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Today in the policy's time zone: the reporting date unless a query names one.
pub fn today(policy: &Policy) -> NaiveDate {
    now().with_timezone(&policy.time_zone).date_naive()
}
