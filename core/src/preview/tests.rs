//! The laws of previews over random messages: what is previewed is what all facts give once it is so.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    decision::{Decision, Relation, Revocation},
    facts::Facts,
    identifier::{Identifier, Kind},
    link::Pair,
    message::{Message, parse_message},
    plan::{CellKey, LinkState},
    policy::{CompiledPolicy, Policy},
    time::Timestamp,
    unified_id::{IdSecret, unified_id},
};

/// A policy with limits that random messages soon reach.
fn tight_policy() -> Policy {
    let mut policy = Policy { max_links: 3, ..Policy::default() };
    for kind in &mut policy.kinds {
        kind.limit = kind.limit.min(3);
    }
    policy
}

fn compiled(policy: &Policy) -> CompiledPolicy {
    CompiledPolicy::new(policy.clone()).expect("a sound policy")
}

const KINDS: [(&str, &str); 4] = [("external_id", "x"), ("email", "e"), ("customer_card", "c"), ("device_id", "d")];

/// Identifiers (kind, value), second, what it says.
type Parts = (Vec<(usize, u8)>, u8, u8);

/// Messages of few possible identifiers and times, so that they meet often; each is of its own ID.
fn messages() -> impl Strategy<Value = Vec<Message>> {
    let parts = (prop::collection::vec((0..4usize, 0..5u8), 1..4), 0..20u8, any::<u8>());
    prop::collection::vec(parts, 1..30).prop_map(|all| {
        let policy = compiled(&tight_policy());
        all.iter().enumerate().map(|(number, it)| message(number, it, &policy)).collect()
    })
}

fn message(number: usize, (identifiers, second, says): &Parts, policy: &CompiledPolicy) -> Message {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, value) in identifiers {
        let (kind, letter) = KINDS[*kind];
        let suffix = if kind == "email" { "@example.com" } else { "" };
        named.entry(kind).or_default().push(format!("{letter}{value}{suffix}"));
    }
    let item = json!({
        "df_item_id": format!("i{}", says % 3), "df_item_name": format!("Item {}", says % 4),
        "df_category1": format!("Category {}", says % 2), "df_price": f64::from(*says) * 2.5, "df_quantity": says % 3,
    });
    let bought = json!({ "df_order_id": format!("o{}", says % 7), "df_items": [item] });
    let (event, properties) = match says % 5 {
        0 => ("df_view_home", Value::Null),
        1 => ("df_refund", bought),
        _ => ("df_purchase", bought),
    };
    let message = json!({
        "message_id": format!("m{number}"), "type": "event", "event": event, "properties": properties,
        "timestamp": format!("2026-0{}-11T00:00:{second:02}Z", 1 + says % 6),
        "source": if number % 2 == 0 { "app" } else { "web" },
        "platform": if says % 2 == 0 { "iOS" } else { "Web" },
        "identifiers": named, "session_id": format!("s{}", says % 6),
        "attributes": {
            "df_name": format!("n{}", says % 3), "df_push_optin": says % 2 == 0, "df_birth": "1990-02-03", "tier": says % 4,
        },
        "device": { "device_id": format!("d{}", says % 5), "model": format!("M{}", says % 2), "city": "Seoul" },
    });
    parse_message(&message.to_string(), policy).expect("accepted").message
}

/// What the server would send of a whole base.
fn profile_facts(facts: &Facts, policy: &Policy) -> ProfileFacts {
    let policy = compiled(policy);
    let resolution = facts.resolve(&policy);
    let id_of = |it: &Identifier| unified_id(it, &IdSecret::public());
    let key_of = |cell: usize| {
        let members = resolution.partition.cells[cell].iter();
        members.map(|it| id_of(resolution.identifiers[*it].0)).min().expect("no cell is empty")
    };
    let identifiers = resolution.identifiers.iter().zip(&resolution.partition.cell_of);
    ProfileFacts {
        policy_version: 7,
        policy: Policy::clone(&policy),
        identifiers: identifiers
            .map(|((identifier, known), cell)| IdentifierOfFacts {
                identifier: Identifier::clone(identifier),
                unified_id: id_of(identifier),
                cell: CellKey(key_of(*cell)),
                retired_at: None,
                facts: (*known).clone(),
                orders: facts.orders.values().filter(|(home, _)| home == *identifier).map(|it| it.1.clone()).collect(),
                refunds: facts
                    .refunds
                    .values()
                    .filter(|(home, _)| home == *identifier)
                    .map(|it| it.1.clone())
                    .collect(),
            })
            .collect(),
        ends: Vec::new(),
        links: resolution
            .links
            .iter()
            .zip(&resolution.partition.withheld)
            .map(|((pair, seen), withheld)| {
                (Pair::clone(pair), LinkState { seen: (*seen).clone(), withheld: withheld.clone() })
            })
            .collect(),
        decisions: facts.decisions.clone(),
    }
}

fn gathered(messages: &[Message]) -> Facts {
    let mut facts = Facts::default();
    for message in messages {
        facts.add(message);
    }
    facts
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let relation = prop_oneof![Just(Relation::Same), Just(Relation::Different)];
    let decision = (relation, (0..4usize, 0..5u8), (0..4usize, 0..5u8), prop::bool::weighted(0.2));
    prop::collection::vec(decision, 0..4).prop_map(|all| {
        let policy = compiled(&tight_policy());
        let identifier = |it: &(usize, u8)| message(0, &(vec![*it], 0, 0), &policy).home().clone();
        let decision =
            |(number, (relation, a, b, is_revoked)): (usize, &(Relation, (usize, u8), (usize, u8), bool))| {
                Some(Decision {
                    id: format!("d{number}").into(),
                    relation: *relation,
                    pair: Pair::new(&identifier(a), &identifier(b))?,
                    at: Timestamp::from_micros(i64::try_from(number).expect("few")),
                    reason: "because".into(),
                    actor: "someone".into(),
                    revoked: is_revoked.then(|| Revocation {
                        at: Timestamp::EARLIEST,
                        reason: "a mistake".into(),
                        actor: "someone".into(),
                    }),
                })
            };
        all.iter().enumerate().filter_map(decision).collect()
    })
}

fn figures() -> Figures {
    Figures {
        as_of: "2026-06-15".parse().expect("a date"),
        currency: None,
        net_of_refunds: true,
        by: crate::ranking::RankBy::Units,
    }
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("it serialises")
}

/// All profiles that facts show, without their revisions, by their unified IDs.
fn all_profiles(facts: &CheckedFacts) -> BTreeMap<UnifiedId, String> {
    let profile = |it: UnifiedId| facts.profile(&ProfileQuestion { unified_id: it, figures: figures() });
    facts.unified_ids().into_iter().map(|it| (it, without_revision(&profile(it).expect("it is there")))).collect()
}

fn without_revision(profile: &ShownProfile) -> String {
    let text = text(profile);
    match profile.revision() {
        Some(revision) => text.replace(&format!(r#""revision":"{revision}","#), ""),
        None => text,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_the_same_after_json_and_in_any_sequence(
        (messages, decisions) in (messages(), decisions()),
        seed in any::<u64>(),
    ) {
        let mut all = gathered(&messages);
        all.decisions = decisions;
        let sent = profile_facts(&all, &tight_policy());
        let read: ProfileFacts = serde_json::from_str(&text(&sent)).expect("facts");
        prop_assert_eq!(&read, &sent);
        // As they come out of a GraphQL answer: the keys of every object in another order.
        let reordered: Value = serde_json::from_str(&text(&sent)).expect("facts");
        let reread: ProfileFacts = serde_json::from_str(&reordered.to_string()).expect("facts");
        prop_assert_eq!(&reread, &sent);

        let mut shuffled = sent.clone();
        shuffle(&mut shuffled.identifiers, seed);
        shuffle(&mut shuffled.links, seed);
        shuffle(&mut shuffled.decisions, seed);
        for it in &mut shuffled.identifiers {
            shuffle(&mut it.orders, seed);
            shuffle(&mut it.refunds, seed);
        }
        let (one, other) = (CheckedFacts::new(sent).expect("sound"), CheckedFacts::new(shuffled).expect("sound"));
        prop_assert_eq!(all_profiles(&one), all_profiles(&other));
        let ids = one.unified_ids();
        prop_assert_eq!(one.revision(&ids).expect("there"), other.revision(&ids).expect("there"));
    }
}

/// Some other sequence, chosen by a number.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let n_items = items.len().max(1);
    items.reverse();
    items.rotate_left(usize::try_from(seed % n_items as u64).expect("small"));
}
