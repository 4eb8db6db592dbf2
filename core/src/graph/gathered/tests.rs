use std::sync::Arc;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{evidence::facts::Facts, message::Message, money::Currency, policy::document::Policy};

/// What a message is made of: its ID, its time, its identifiers (kind and value), and its order or refund (which ID).
type Parts = (u8, u8, Vec<(usize, u8)>, Option<(bool, u8)>);

const KINDS: [&str; 4] = ["external_id", "phone", "email", "device_id"];

fn parts() -> impl Strategy<Value = Parts> {
    let identifier = (0..KINDS.len(), 0..6u8);
    (0..30u8, 0..90u8, prop::collection::vec(identifier, 1..4), prop::option::of((any::<bool>(), 0..6u8)))
}

fn build((id, day, identifiers, purchase): &Parts, policy: &CompiledPolicy) -> Message {
    let id: Arc<str> = format!("m{id}").into();
    let at = Timestamp::from_micros(i64::from(*day) * 20 * 3_600 * 1_000_000);
    let mut found: Vec<(u32, Identifier)> = identifiers
        .iter()
        .map(|(kind, value)| Identifier::new(Kind::new(KINDS[*kind]), &format!("v{value}")))
        .map(|it| (policy.priority(&it.kind), it))
        .collect();
    found.sort();
    found.dedup();
    let order_id = |id: u8| Arc::from(format!("o{id}"));
    let order = purchase.filter(|(is_order, _)| *is_order).map(|(_, order)| Order {
        key: if order == 0 { OrderKey::Message(id.clone()) } else { OrderKey::Order(order_id(order)) },
        message_id: id.clone(),
        at,
        by_date: false,
        currency: Currency::KRW,
        amount: Decimal::from(*day),
        lines: Vec::new(),
    });
    let refund = purchase.filter(|(is_order, _)| !*is_order).map(|(_, order)| Refund {
        message_id: id.clone(),
        at,
        order_id: (order != 0).then(|| order_id(order)),
        refund_id: None,
        currency: None,
        amount: Some(Decimal::ONE),
        lines: Vec::new(),
    });
    Message {
        id,
        at,
        source: "s".into(),
        platform: None,
        identifiers: found.into_iter().map(|(_, it)| it).collect(),
        attributes: BTreeMap::new(),
        event: None,
        session_id: None,
        device: None,
        order,
        refund,
    }
}

/// Everything that is read of a resolution, in one order.
fn said(resolved: &Resolved<'_>) -> String {
    fn sorted<T: std::fmt::Debug>(lists: &[Vec<T>]) -> Vec<Vec<String>> {
        let sorted = |list: &Vec<T>| {
            let mut texts: Vec<String> = list.iter().map(|it| format!("{it:?}")).collect();
            texts.sort();
            texts
        };
        lists.iter().map(sorted).collect()
    }

    let Resolved { identifiers, partition: Partition { cluster_of, anchors, .. }, orders, refunds } = resolved;
    format!("{:?}", (identifiers, cluster_of, anchors, sorted(orders), sorted(refunds)))
}

/// The same from the facts of a whole base.
fn said_by_facts(messages: &[Message], policy: &CompiledPolicy) -> String {
    let mut facts = Facts::default();
    for message in messages {
        facts.add(message);
    }
    let resolution = facts.resolve(policy);
    let identifiers: Vec<&Identifier> = resolution.identifiers.iter().map(|(it, _)| *it).collect();
    let partition = resolution.partition.clone();
    let cluster = |home: &Identifier| partition.cluster_of[identifiers.binary_search(&home).expect("it is known")];
    let (mut orders, mut refunds) =
        (vec![Vec::new(); partition.clusters.len()], vec![Vec::new(); partition.clusters.len()]);
    facts.orders.values().for_each(|(home, order)| orders[cluster(home)].push(order));
    facts.refunds_in_place().for_each(|(home, refund)| refunds[cluster(home)].push(refund));
    said(&Resolved { identifiers, partition, orders, refunds })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn parts_merged_in_any_order_come_to_the_facts_of_all_messages(
        all in prop::collection::vec(parts(), 0..60),
        part_of in prop::collection::vec(0..5usize, 60),
        order in Just((0..5usize).collect::<Vec<_>>()).prop_shuffle(),
        max_links in 1..5u32,
        max_users_a_month in 1..3u32,
    ) {
        let policy = Policy { max_links, max_users_a_month, ..Policy::default() };
        let policy = CompiledPolicy::new(policy).expect("a sound policy");
        let messages: Vec<Message> = all.iter().map(|it| build(it, &policy)).collect();
        let mut split: Vec<Gathered> = (0..5).map(|_| Gathered::default()).collect();
        for (place, message) in messages.iter().enumerate() {
            split[part_of[place]].add(place as u64, message.clone());
        }
        let merged = order.iter().fold(Gathered::default(), |merged, it| merged.merge(std::mem::take(&mut split[*it])));
        prop_assert_eq!(said(&merged.resolve(&policy)), said_by_facts(&messages, &policy));
    }
}
