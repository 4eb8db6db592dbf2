//! Synthetic customers: messages that look like two years of a Korean online shop, and the truth about who is who.
//!
//! The output depends on [`GenerateOptions`] alone, on every platform: all draws are integers of `ChaCha8`, and each group of
//! customers has a stream of its own. No person in it is real: names are combined, email addresses are in the `example` domains,
//! mobile numbers (010-0010-0000 to 010-1999-9999) are enumerated. The numbers could have subscribers: never send anything to
//! them.
//!
//! Customers come in groups that share something, or alone. The share of customers in each kind of group, and the other
//! hard cases:
//!
//! | case | rate |
//! |---|---|
//! | a family of 2 to 4 with one phone number | 6 % of customers |
//! | a family of 2 to 4 with one tablet (one `device_id`) | 8 % of customers |
//! | a shop's tablet, 12 to 40 customers | 3 % of customers |
//! | a phone number that moves on to a second customer, 100 days later or more | 2 % of customers |
//! | guests, without an external ID | 7 % of customers who are in no group |
//! | visitors, a device and nothing else | 5 % of customers who are in no group |
//! | known only by a Kakao or LINE ID at first | a quarter of the customers who have one and are no guests |
//! | anonymous before they sign up | 40 % of customers with an account |
//! | junk in a form (`unknown`, `0000`, `test@test.com`, `010-0000-0000`, …) | 6 % of customers with an account |
//! | phone not in E.164, email not in lower case | 55 %, 12 % of the messages that carry one |
//! | late messages, by 5 minutes to 3 weeks | 5 % of messages |
//! | repeated messages, the same line again up to 2 days later | 1.5 % of messages |
//! | orders corrected later under the same `df_order_id` | 3 % of orders |
//! | orders refunded, in part | 5 % of orders |
//!
//! A shared value always comes with the external ID of its user, so the messages determine the customers: without the values
//! that the truth calls shared, each connected component is exactly one customer. The first groups include each kind once, so
//! that small data has every case.

mod calendar;
mod catalog;
mod dice;
mod identifier;
mod journey;
mod outbox;
mod person;
mod wire;

use std::{collections::BTreeMap, io};

use chrono::{Datelike, NaiveDate};

use self::{
    dice::Dice,
    outbox::{Outbox, Owner},
    person::Group,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// The number of customers, at most [`MAX_PROFILES`].
    pub profiles: u64,
    /// Another seed gives other customers that share no ID with these, so files of two seeds can be imported into one database.
    /// Phone numbers are too few for that to hold for all seeds: seeds below 1,000 share none up to 9,700 customers each, seeds
    /// below 100 up to 77,000, seeds below 10 up to 620,000. Junk values are always the same.
    pub seed: u64,
    /// The last day of activity, in Korean time. The first is two years earlier. With yesterday, nothing is in the future.
    pub until: NaiveDate,
}

/// The most customers that phone numbers suffice for.
pub const MAX_PROFILES: u64 = 5_000_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GenerateCounts {
    pub customers: u64,
    /// Lines of the message file, including repeated ones.
    pub messages: u64,
    /// Lines of the truth, without its header.
    pub identifiers: u64,
    /// Distinct orders.
    pub orders: u64,
    /// Later messages about a known order.
    pub corrections: u64,
    pub refunds: u64,
    /// Messages that arrive 5 minutes or more after they happened.
    pub late: u64,
    /// Repeated lines.
    pub repeated: u64,
    /// Families with one phone number.
    pub shared_phones: u64,
    /// Families with one tablet.
    pub family_tablets: u64,
    pub shop_tablets: u64,
    /// Phone numbers that moved on to a second customer.
    pub recycled_phones: u64,
    /// Messages that carry a junk value.
    pub junk: u64,
    /// Customers whose device was seen before they signed up.
    pub anonymous_first: u64,
    /// Customers known only by a Kakao or LINE ID at first.
    pub messenger_first: u64,
}

/// Customers whose messages are sorted by arrival in memory (about 60 MB).
const BLOCK: u64 = 2_000;

/// Writes the messages as NDJSON, and the truth as CSV with the columns `kind,value,customer,shared`.
///
/// Messages come in blocks of about 2,000 customers, each in the order of arrival. The truth names every identifier that
/// was sent, normalized, except for values that are always blocked. `customer` is the seed and a number from 1, as `7-1`. A value
/// that several customers used has `shared` = true and its first user. Writes are many and small: pass buffered writers.
///
/// # Errors
///
/// `InvalidInput` if `profiles` is above [`MAX_PROFILES`] or `until` is not in the years 1975 to 2199. Errors of the writers.
pub fn generate(
    options: &GenerateOptions,
    messages: &mut dyn io::Write,
    truth: &mut dyn io::Write,
) -> io::Result<GenerateCounts> {
    if MAX_PROFILES < options.profiles {
        let detail = format!("at most {MAX_PROFILES} customers can be generated");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
    }
    if !(1975..=2199).contains(&options.until.year()) {
        let detail = "the last day must lie in the years 1975 to 2199";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
    }
    truth.write_all(b"kind,value,customer,shared\n")?;
    let mut groups = Groups::new(options);
    let mut outbox = Outbox::new(options.until);
    // Customers of many groups use junk that looks like a number, so its rows are written last.
    let mut everywhere = BTreeMap::new();
    let mut in_block = 0;
    while let Some((group, mut dice)) = groups.next_group() {
        in_block += group.people.len() as u64;
        journey::travel(&group, &mut dice, &mut outbox);
        write_truth(options.seed, &outbox.take_owners(), &mut everywhere, &mut outbox.counts, truth)?;
        if BLOCK <= in_block {
            outbox.flush(messages)?;
            in_block = 0;
        }
    }
    outbox.flush(messages)?;
    for ((kind, value), owner) in &everywhere {
        write_row(options.seed, kind, value, owner, &mut outbox.counts, truth)?;
    }
    Ok(outbox.counts)
}

type Owners = BTreeMap<(&'static str, String), Owner>;

/// Writes the identifiers of a group, except for those that customers of other groups use too.
fn write_truth(
    seed: u64,
    owners: &Owners,
    everywhere: &mut Owners,
    counts: &mut GenerateCounts,
    truth: &mut dyn io::Write,
) -> io::Result<()> {
    for ((kind, value), owner) in owners {
        if identifier::is_used_everywhere(value) {
            everywhere.entry((kind, value.clone())).and_modify(|it| it.meet(*owner)).or_insert(*owner);
        } else {
            write_row(seed, kind, value, owner, counts, truth)?;
        }
    }
    Ok(())
}

/// Values contain no comma, quote or line break.
fn write_row(
    seed: u64,
    kind: &str,
    value: &str,
    owner: &Owner,
    counts: &mut GenerateCounts,
    truth: &mut dyn io::Write,
) -> io::Result<()> {
    counts.identifiers += 1;
    writeln!(truth, "{kind},{value},{seed}-{},{}", owner.customer, owner.shared)
}

/// Distributes customers over groups. A group depends only on the seed and its position.
struct Groups {
    dice: Dice,
    seed: u64,
    profiles: u64,
    n_groups: u64,
    n_customers: u64,
}

impl Groups {
    fn new(options: &GenerateOptions) -> Self {
        let dice = Dice::new(options.seed, 0);
        Self { dice, seed: options.seed, profiles: options.profiles, n_groups: 0, n_customers: 0 }
    }

    fn next_group(&mut self) -> Option<(Group, Dice)> {
        let left = self.profiles - self.n_customers;
        if left == 0 {
            return None;
        }
        let (sharing, size) = person::draw_group(&mut self.dice, self.n_groups);
        let (sharing, size) = if size <= left { (sharing, size) } else { (person::Sharing::Nothing, 1) };
        self.n_groups += 1;
        let mut dice = Dice::new(self.seed, self.n_groups);
        let group = Group::new(sharing, self.n_customers + 1, size, &mut dice);
        self.n_customers += size;
        Some((group, dice))
    }
}

#[cfg(test)]
mod tests;
