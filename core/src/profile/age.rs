//! Ages as of a date.

use chrono::{Datelike, NaiveDate};

/// Full years from a birth date to a date. Who was born on 29 February is a year older on 1 March in common years. `None`
/// where the birth lies after the date.
pub fn full_years(birth: NaiveDate, as_of: NaiveDate) -> Option<u32> {
    if as_of < birth {
        return None;
    }
    let is_before_birthday = (as_of.month(), as_of.day()) < (birth.month(), birth.day());
    let years = as_of.year() - birth.year() - i32::from(is_before_birthday);
    u32::try_from(years).ok()
}

/// Age groups in ascending order: decades, with all from 70 on in one.
pub const AGE_GROUPS: [&str; 8] = ["0s", "10s", "20s", "30s", "40s", "50s", "60s", "70s+"];

/// The group of an age in full years.
pub fn age_group(years: u32) -> &'static str {
    let decade = usize::try_from(years / 10).unwrap_or(usize::MAX);
    AGE_GROUPS.get(decade).copied().unwrap_or("70s+")
}

#[cfg(test)]
mod tests;
