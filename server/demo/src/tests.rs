use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::*;

fn options(profiles: u64, seed: u64) -> GenerateOptions {
    GenerateOptions { profiles, seed, until: NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date") }
}

struct Generated {
    counts: GenerateCounts,
    messages: String,
    truth: String,
}

fn run(profiles: u64, seed: u64) -> Generated {
    let (mut messages, mut truth) = (Vec::new(), Vec::new());
    let counts = generate(&options(profiles, seed), &mut messages, &mut truth).expect("writes to a Vec succeed");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Generated { counts, messages: text(messages), truth: text(truth) }
}

impl Generated {
    fn parsed(&self) -> Vec<Value> {
        self.messages.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// (kind, value) with its customer and whether it is shared.
    fn owners(&self) -> BTreeMap<(String, String), (u64, bool)> {
        let mut lines = self.truth.lines();
        assert_eq!(lines.next(), Some("kind,value,customer,shared"));
        lines
            .map(|line| {
                let row: Vec<&str> = line.split(',').collect();
                assert_eq!(row.len(), 4, "{line}");
                let owner = (customer_of(row[2]), row[3].parse().expect("a flag"));
                ((row[0].to_owned(), row[1].to_owned()), owner)
            })
            .collect()
    }
}

/// The customer number in an ID of the form `…-seed-number-…`.
fn customer_of(id: &str) -> u64 {
    id.split('-').nth(1).expect("it holds both").parse().expect("a number")
}

fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    values.iter().map(|it| it.as_str().expect("a string").to_owned()).collect()
}

/// The normalized identifiers of a message without junk: a short reimplementation of what `core` does.
fn identifiers(message: &Value) -> Vec<(String, String)> {
    const JUNK: [&str; 8] = ["", "null", "none", "n/a", "unknown", "undefined", "[object object]", "test@test.com"];
    let mut found = Vec::new();
    for (name, value) in message["identifiers"].as_object().expect("an object") {
        let kind = match name.as_str() {
            "phone_no" => "phone",
            "kakao_user_id" => "kakao_id",
            "line_user_id" => "line_id",
            other => other,
        };
        for text in texts(value) {
            let is_zero = !text.is_empty() && text.chars().all(|it| it == '0' || it == '-');
            if JUNK.contains(&text.to_lowercase().as_str()) || is_zero {
                continue;
            }
            let normal = match kind {
                "phone" => {
                    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                    let national = digits.strip_prefix("82").unwrap_or(&digits);
                    format!("+82{}", national.strip_prefix('0').unwrap_or(national))
                }
                "email" => text.to_lowercase(),
                _ => text,
            };
            found.push((kind.to_owned(), normal));
        }
    }
    found
}

fn happened_at(message: &Value) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(message["timestamp"].as_str().expect("a string")).expect("RFC 3339")
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_platform() {
    let it = run(500, 7);
    let again = run(500, 7);
    assert_eq!((&it.messages, &it.truth), (&again.messages, &again.truth));
    assert_ne!(it.messages, run(500, 8).messages);
    // FNV-1a. Update it, and the counts, after an intended change of the generator.
    let digest = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, it| (hash ^ u64::from(it)).wrapping_mul(0x100_0000_01b3))
    };
    assert_eq!((digest(&it.messages), digest(&it.truth)), (9_020_685_946_390_739_690, 549_447_531_292_401_912));
    let expected = GenerateCounts {
        customers: 500,
        messages: 13_799,
        identifiers: 2_472,
        orders: 1_324,
        corrections: 28,
        refunds: 51,
        late: 702,
        repeated: 186,
        shared_phones: 7,
        family_tablets: 16,
        shop_tablets: 2,
        recycled_phones: 4,
        junk: 21,
        anonymous_first: 161,
        messenger_first: 41,
    };
    assert_eq!(it.counts, expected);
}

#[test]
fn a_customer_does_not_depend_on_how_many_there_are() {
    let (few, more) = (run(300, 3), run(600, 3));
    // The last group of the smaller data may be cut.
    let of_200 = |generated: &Generated| -> BTreeSet<String> {
        generated.messages.lines().filter(|line| customer_of(line) <= 200).map(str::to_owned).collect()
    };
    assert_eq!(of_200(&few), of_200(&more));
}

#[test]
fn every_line_is_a_message_of_two_years() {
    let it = run(1_000, 1);
    let parsed = it.parsed();
    assert_eq!(parsed.len() as u64, it.counts.messages);
    let (first, end) = ("2024-01-03T00:00:00+09:00", "2026-01-02T00:00:00+09:00");
    let (first, end) =
        (DateTime::parse_from_rfc3339(first).expect("a time"), DateTime::parse_from_rfc3339(end).expect("a time"));
    let mut by_id: BTreeMap<String, &Value> = BTreeMap::new();
    let mut orders = BTreeSet::new();
    for message in &parsed {
        let id = message["message_id"].as_str().expect("a string").to_owned();
        // A message with a known ID is a repetition.
        assert_eq!(*by_id.entry(id.clone()).or_insert(message), message);
        assert!((first..end).contains(&happened_at(message)), "{message}");
        assert!(message["source"].as_str().is_some_and(|it| !it.is_empty()), "{message}");
        assert!(message["identifiers"].as_object().is_some_and(|it| !it.is_empty()), "{message}");
        assert!(!identifiers(message).is_empty(), "without an identifier: {message}");
        match message["type"].as_str() {
            Some("event") => assert!(message["event"].is_string(), "{message}"),
            Some("identify" | "alias") => assert!(message["event"].is_null() && message["properties"].is_null()),
            other => panic!("{other:?}"),
        }
        if !message["device"].is_null() {
            assert!(message["identifiers"]["device_id"].is_string(), "{message}");
        }
        if message["event"] == "df_purchase" {
            let properties = &message["properties"];
            let order_id = properties["df_order_id"].as_str().map_or(id, str::to_owned);
            orders.insert(order_id);
            let lines = properties["df_items"].as_array().expect("a list");
            assert!(!lines.is_empty());
            let sum: i64 = lines
                .iter()
                .map(|line| {
                    let number = |name: &str, default| line[name].as_i64().unwrap_or(default);
                    number("df_price", 0) * number("df_quantity", 1) - number("df_discount", 0)
                })
                .sum();
            assert!(sum > 0);
            if let Some(total) = properties["df_total_purchase_amount"].as_i64() {
                let delivery = properties["df_delivery_charge"].as_i64().expect("a number");
                assert_eq!(total, sum + delivery - properties["df_discount"].as_i64().unwrap_or(0));
            }
        }
    }
    assert_eq!(by_id.len() as u64, it.counts.messages - it.counts.repeated);
    assert_eq!(orders.len() as u64, it.counts.orders);
}

#[test]
fn the_truth_has_exactly_the_identifiers_that_were_sent() {
    let it = run(2_500, 1);
    let owners = it.owners();
    let sent: BTreeSet<(String, String)> = it.parsed().iter().flat_map(identifiers).collect();
    assert_eq!(owners.keys().cloned().collect::<BTreeSet<_>>(), sent);
    assert_eq!(owners.len() as u64, it.counts.identifiers);
    let customers: BTreeSet<u64> = owners.values().map(|(customer, _)| *customer).collect();
    assert!(customers.iter().all(|it| (1..=2_500).contains(it)));
    let junk = owners.get(&("phone".to_owned(), "+821000000000".to_owned()));
    assert!(junk.is_some_and(|(_, is_shared)| *is_shared));
}

#[test]
fn the_owner_of_a_shared_value_is_its_first_user() {
    let it = run(2_500, 1);
    let mut first: BTreeMap<(String, String), (DateTime<FixedOffset>, u64)> = BTreeMap::new();
    let mut users: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    for message in it.parsed() {
        let customer = customer_of(message["message_id"].as_str().expect("an ID"));
        for identifier in identifiers(&message) {
            users.entry(identifier.clone()).or_default().insert(customer);
            let use_of_it = (happened_at(&message), customer);
            first.entry(identifier).and_modify(|it| *it = (*it).min(use_of_it)).or_insert(use_of_it);
        }
    }
    for (identifier, (customer, is_shared)) in it.owners() {
        assert_eq!(is_shared, users[&identifier].len() > 1, "{identifier:?}");
        assert_eq!(customer, first[&identifier].1, "{identifier:?}");
    }
}

#[test]
fn without_shared_values_each_component_is_one_customer() {
    let it = run(2_500, 1);
    let owners = it.owners();
    let positions: BTreeMap<&(String, String), usize> = owners.keys().zip(0..).collect();
    let mut parents: Vec<usize> = (0..owners.len()).collect();
    fn root(parents: &[usize], mut it: usize) -> usize {
        while parents[it] != it {
            it = parents[it];
        }
        it
    }
    for message in it.parsed() {
        let own: Vec<usize> =
            identifiers(&message).iter().filter(|it| !owners[*it].1).map(|it| positions[it]).collect();
        for pair in own.windows(2) {
            let (a, b) = (root(&parents, pair[0]), root(&parents, pair[1]));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut joined: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for (identifier, (customer, is_shared)) in &owners {
        if !is_shared {
            joined.entry(root(&parents, positions[identifier])).or_default().insert(*customer);
        }
    }
    let customers: BTreeSet<&BTreeSet<u64>> = joined.values().collect();
    assert!(customers.iter().all(|it| it.len() == 1), "two customers were joined");
    assert_eq!(customers.len(), joined.len(), "a customer is in two parts");
    assert_eq!(joined.len(), 2_500);
}

#[test]
fn small_data_has_every_case() {
    let counts = run(120, 1).counts;
    assert_eq!(counts.customers, 120);
    for (n, what) in [
        (counts.shop_tablets, "shop tablets"),
        (counts.shared_phones, "shared phones"),
        (counts.family_tablets, "family tablets"),
        (counts.recycled_phones, "recycled phones"),
        (counts.late, "late messages"),
        (counts.repeated, "repeated messages"),
        (counts.corrections, "corrections"),
        (counts.refunds, "refunds"),
        (counts.junk, "junk"),
        (counts.anonymous_first, "anonymous at first"),
        (counts.messenger_first, "messenger at first"),
    ] {
        assert!(n > 0, "no {what}");
    }
}

/// The table in the documentation of the crate.
#[test]
fn rates_are_as_documented() {
    let it = run(20_000, 1);
    let counts = it.counts;
    let distinct = counts.messages - counts.repeated;
    #[track_caller]
    fn about(n: u64, of: u64, per_mille: u64) {
        let expected = of * per_mille / 1_000;
        // 15 %, or three standard deviations of a small number.
        let slack = (expected * 15 / 100).max(3 * expected.isqrt());
        assert!(expected.abs_diff(n) <= slack, "{n} of {of}, not {expected}");
    }
    let all = counts.customers;
    about(counts.shared_phones, all / 3, 60);
    about(counts.family_tablets, all / 3, 80);
    about(counts.shop_tablets, all / 26, 30);
    about(counts.recycled_phones, all / 2, 20);
    let shared =
        |kind: &str| it.owners().iter().filter(|(it, (_, is_shared))| it.0 == kind && *is_shared).count() as u64;
    about(shared("device_id"), counts.family_tablets + counts.shop_tablets, 1_000);
    about(shared("phone"), counts.shared_phones + counts.recycled_phones, 1_000);
    about(counts.late, distinct, 50);
    about(counts.repeated, distinct, 15);
    // Orders in a shop are neither corrected nor refunded, and messages after the last day are not sent.
    about(counts.corrections, counts.orders * 3 / 4, 30);
    about(counts.refunds, counts.orders * 3 / 4, 50);
    let accounts = it.owners().keys().filter(|(kind, _)| kind == "external_id").count() as u64;
    about(all - accounts, all, 810 * 12 / 100);
    about(counts.junk, accounts, 60);
    about(counts.anonymous_first, accounts, 400);

    let mut phones = (0, 0);
    let mut emails = (0, 0);
    for line in it.messages.lines() {
        let message: Value = serde_json::from_str(line).expect(line);
        let own = &message["identifiers"];
        for phone in own.get("phone").or(own.get("phone_no")).map(texts).unwrap_or_default() {
            phones = (phones.0 + u64::from(!phone.starts_with("+821")), phones.1 + 1);
        }
        for email in own.get("email").map(texts).unwrap_or_default() {
            emails = (emails.0 + u64::from(email != email.to_lowercase()), emails.1 + 1);
        }
    }
    about(phones.0, phones.1, 550);
    about(emails.0, emails.1, 120);
}

#[test]
fn two_seeds_share_no_id() {
    let ids = |generated: &Generated| -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for message in generated.parsed() {
            let own = [&message["message_id"], &message["session_id"], &message["properties"]["df_order_id"]];
            ids.extend(own.into_iter().filter_map(Value::as_str).map(str::to_owned));
        }
        let of_one = generated.owners().into_keys().filter(|(_, value)| !identifier::is_used_everywhere(value));
        ids.extend(of_one.map(|(_, value)| value));
        ids.extend(generated.truth.lines().skip(1).filter_map(|line| line.split(',').nth(2)).map(str::to_owned));
        ids
    };
    let all: Vec<BTreeSet<String>> = [0, 1, 2, 7, 11, 20_260_101].map(|seed| ids(&run(300, seed))).into();
    for (place, one) in all.iter().enumerate() {
        for other in all.iter().skip(place + 1) {
            assert_eq!(one.intersection(other).next(), None);
        }
    }
}

#[test]
fn phone_numbers_come_once_and_are_of_no_subscriber() {
    let it = run(2_500, 1);
    for ((kind, value), (_, is_shared)) in it.owners() {
        if kind == "phone" && !(is_shared && identifier::is_used_everywhere(&value)) {
            let number: u64 = value.strip_prefix("+8210").expect("a mobile number").parse().expect("digits");
            assert!((100_000..20_000_000).contains(&number) && number != 12_345_678, "{value}");
        }
    }
}

#[test]
fn invalid_options_are_refused() {
    let (mut messages, mut truth) = (Vec::new(), Vec::new());
    let mut kind_of =
        |options: &GenerateOptions| generate(options, &mut messages, &mut truth).expect_err("refused").kind();
    assert_eq!(kind_of(&options(MAX_PROFILES + 1, 1)), io::ErrorKind::InvalidInput);
    let far = GenerateOptions { until: NaiveDate::MAX, ..options(1, 1) };
    assert_eq!(kind_of(&far), io::ErrorKind::InvalidInput);
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = generate(&options(10, 1), &mut Full, &mut io::sink()).expect_err("a full disk");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn no_customers_give_no_messages() {
    let it = run(0, 1);
    assert_eq!((it.messages.as_str(), it.truth.as_str()), ("", "kind,value,customer,shared\n"));
}
