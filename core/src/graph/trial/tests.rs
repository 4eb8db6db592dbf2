use std::collections::BTreeSet;

use uuid::Uuid;

use super::Graph;
use crate::{
    evidence::facts::Facts,
    graph::compare::{Change, Parts, compare},
    identifier::{Identifier, UnifiedId},
    message::parse::parse_message,
    policy::{compiled::CompiledPolicy, document::Policy},
};

fn id(number: u128) -> UnifiedId {
    UnifiedId(Uuid::from_u128(number))
}

fn parts(part_of: &[Option<usize>], names: &[u128]) -> Parts {
    Parts { part_of: part_of.to_vec(), names: names.iter().map(|it| id(*it)).collect() }
}

#[test]
fn what_merges_parts_and_stays_is_counted_and_named() {
    let before = parts(&[Some(0), Some(1), Some(2), Some(2), Some(3), Some(4)], &[10, 11, 12, 13, 14]);
    // 10 and 11 become one, 12 parts, 13 stays under another name, and who was in 14 is not read any more.
    let after = parts(&[Some(0), Some(0), Some(1), Some(2), Some(3), None], &[10, 12, 20, 21]);
    let found = compare(&before, &after);
    assert_eq!((found.before, found.after, found.merging, found.splitting), (5, 4, 1, 1));
    let change = |before: &[u128], after: &[u128]| Change {
        before: before.iter().map(|it| id(*it)).collect(),
        after: after.iter().map(|it| id(*it)).collect(),
    };
    assert_eq!(found.changes, [change(&[10, 11], &[10]), change(&[12], &[12, 20])]);
}

#[test]
fn the_graph_says_what_all_facts_say() {
    let texts = meeting_messages();
    for (limit, max_links) in [(1, 10), (5, 10), (1, 2), (5, 2)] {
        let mut policy = Policy { max_links, ..Policy::default() };
        policy.kinds[0].limit = limit;
        let policy = CompiledPolicy::new(policy).expect("a sound policy");
        let (mut graph, mut facts) = (Graph::default(), Facts::default());
        for text in &texts {
            let message = parse_message(text, &policy).expect("a good message").message;
            graph.add(&message);
            facts.add(&message);
        }
        // A message that comes again changes nothing.
        graph.add(&parse_message(&texts[0], &policy).expect("a good message").message);
        let expected = facts.resolve(&policy);
        let found = graph.resolve(std::iter::empty(), &policy);
        let mut clusters: Vec<Vec<&Identifier>> = found
            .clusters
            .iter()
            .map(|cluster| {
                cluster.iter().filter_map(|it| graph.identifier(*it)).collect::<BTreeSet<_>>().into_iter().collect()
            })
            .collect();
        clusters.sort_unstable();
        let mut expected_clusters: Vec<Vec<&Identifier>> = expected
            .partition
            .clusters
            .iter()
            .map(|cluster| cluster.iter().map(|it| expected.identifiers[*it].0).collect())
            .collect();
        expected_clusters.sort_unstable();
        assert_eq!(clusters, expected_clusters, "limit {limit}, max_links {max_links}");
        let anchors: BTreeSet<&Identifier> = found.anchors.iter().filter_map(|it| graph.identifier(*it)).collect();
        let expected_anchors: BTreeSet<&Identifier> =
            expected.partition.anchors.iter().map(|it| expected.identifiers[*it].0).collect();
        assert_eq!(anchors, expected_anchors);
    }
}

/// Customers whose phones, cards and devices meet in many ways.
fn meeting_messages() -> Vec<String> {
    (0..200_u32)
        .map(|number| {
            let (customer, phone, device) = (number % 37, (number * 7) % 41, (number * 3) % 11);
            serde_json::json!({
                "message_id": number.to_string(), "type": "identify", "source": "crm",
                "timestamp": format!("2026-01-01T00:{:02}:{:02}Z", (number * 13) % 60, number % 60),
                "identifiers": {
                    "external_id": format!("c{customer}"), "phone": format!("010-1234-{:04}", 1000 + phone),
                    "device_id": format!("d{device}"),
                },
            })
            .to_string()
        })
        .collect()
}
