use std::collections::BTreeMap;

use super::resolve;
use crate::{
    evidence::{
        decision::{Decision, Relation, Revocation},
        link::Pair,
        neighbors::Neighbors,
    },
    graph::input::{Constraint, Edge, Input, Node, is_shared},
    identifier::{Identifier, Kind},
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};

/// Resolves a graph that is written down: nodes as `kind:value`, links as (node, node, seconds), and says which nodes
/// are together and which links are withheld.
fn outcome(
    links: &[(&str, &str, i64)],
    decisions: &[(Relation, &str, &str)],
    policy: Policy,
) -> (Vec<String>, Vec<String>) {
    let policy = CompiledPolicy::new(policy).expect("a sound policy");
    let mut identifiers: Vec<Identifier> = links
        .iter()
        .flat_map(|(a, b, _)| [*a, *b])
        .chain(decisions.iter().flat_map(|(_, a, b)| [*a, *b]))
        .map(identifier)
        .collect();
    identifiers.sort();
    identifiers.dedup();
    let position = |name: &str| identifiers.binary_search(&identifier(name)).expect("a node");
    let mut neighbors: Vec<BTreeMap<Kind, Neighbors>> = vec![BTreeMap::new(); identifiers.len()];
    for (a, b, _) in links {
        for (one, other) in [(a, b), (b, a)] {
            neighbors[position(one)].entry(identifier(other).kind).or_default().add(None);
        }
    }
    let nodes: Vec<Node<'_>> = identifiers
        .iter()
        .zip(&neighbors)
        .map(|(identifier, neighbors)| Node {
            identifier,
            first_seen: Timestamp::EARLIEST,
            is_shared: is_shared(&identifier.kind, neighbors, &policy),
        })
        .collect();
    let edges: Vec<Edge> = links
        .iter()
        .map(|(a, b, at)| Edge { a: position(a), b: position(b), first_seen: Timestamp::from_micros(*at) })
        .collect();
    let decisions: Vec<Decision> = decisions
        .iter()
        .enumerate()
        .map(|(n, (relation, a, b))| Decision {
            id: format!("d{n}").into(),
            relation: *relation,
            pair: Pair::new(&identifier(a), &identifier(b)).expect("two identifiers"),
            at: Timestamp::from_micros(i64::try_from(n).expect("few")),
            reason: "test".into(),
            actor: "test".into(),
            revoked: None::<Revocation>,
        })
        .collect();
    let constraints: Vec<Constraint<'_>> = decisions
        .iter()
        .map(|decision| {
            let at = |it: &Identifier| identifiers.binary_search(it).expect("a node");
            Constraint { a: at(&decision.pair.a), b: at(&decision.pair.b), decision }
        })
        .collect();
    let input = Input { nodes, edges, links: Vec::new(), constraints, decisions: Vec::new() };
    let partition = resolve(&input, &policy);
    let name = |it: usize| identifiers[it].value.to_string();
    let mut clusters: Vec<String> = partition
        .clusters
        .iter()
        .map(|members| members.iter().map(|it| name(*it)).collect::<Vec<_>>().join(" "))
        .collect();
    clusters.sort();
    let withheld = input
        .edges
        .iter()
        .zip(&partition.withheld)
        .filter_map(|(edge, reason)| Some(format!("{}-{} {}", name(edge.a), name(edge.b), reason.as_ref()?.code())))
        .collect();
    (clusters, withheld)
}

fn identifier(name: &str) -> Identifier {
    let (kind, value) = name.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

#[test]
fn links_join_and_limits_withhold_the_weaker_and_later_link() {
    let links = [
        ("external_id:e1", "phone:p", 5),
        ("external_id:e2", "phone:p", 3),
        ("external_id:e1", "device_id:d", 1),
        ("external_id:e2", "device_id:d", 2),
    ];
    let (clusters, withheld) = outcome(&links, &[], Policy::default());
    // The phone's links come before the device's, and among them the earlier one.
    assert_eq!(clusters, ["d e1", "e2 p"]);
    assert_eq!(withheld, ["e1-p LIMIT", "e2-d LIMIT"]);
}

#[test]
fn same_overrides_limits_and_different_overrides_everything() {
    let links = [("external_id:e1", "phone:p", 1), ("external_id:e2", "phone:p", 2)];
    let same = (Relation::Same, "external_id:e1", "external_id:e2");
    let different = (Relation::Different, "external_id:e1", "external_id:e2");
    assert_eq!(outcome(&links, &[same], Policy::default()).0, ["e1 e2 p"]);
    assert_eq!(outcome(&links, &[same, different], Policy::default()).0, ["e1 p", "e2"]);
    let apart = (Relation::Different, "external_id:e1", "phone:p");
    let (clusters, withheld) = outcome(&links[..1], &[apart], Policy::default());
    assert_eq!(clusters, ["e1", "p"]);
    assert_eq!(withheld, ["e1-p DIFFERENT"]);
}

#[test]
fn different_keeps_apart_what_would_meet_through_others() {
    let links = [
        ("external_id:e1", "email:a", 1),
        ("external_id:e1", "email:b", 2),
        ("phone:p", "email:b", 3),
        ("phone:p", "email:c", 4),
    ];
    let apart = (Relation::Different, "email:a", "email:c");
    let (clusters, withheld) = outcome(&links, &[apart], Policy::default());
    assert_eq!(clusters, ["a b e1 p", "c"]);
    assert_eq!(withheld, ["p-c DIFFERENT"]);
}

#[test]
fn a_value_that_links_to_too_many_of_one_kind_carries_no_link() {
    let names: Vec<String> = (0..11).map(|it| format!("external_id:e{it:02}")).collect();
    let links: Vec<(&str, &str, i64)> = names.iter().map(|it| (it.as_str(), "device_id:tablet", 1)).collect();
    let (clusters, withheld) = outcome(&links[..10], &[], Policy::default());
    assert_eq!(
        (clusters.len(), withheld.len()),
        (10, 9),
        "ten are not too many: one keeps the device, the limit holds nine"
    );
    let (clusters, withheld) = outcome(&links, &[], Policy::default());
    assert_eq!(clusters.len(), 12);
    assert!(withheld.iter().all(|it| it.ends_with("SHARED")) && withheld.len() == 11);
}

#[test]
fn blocked_values_carry_no_link() {
    let policy = Policy { blocked_values: vec!["p".to_owned()], ..Policy::default() };
    let (clusters, withheld) = outcome(&[("external_id:e1", "phone:p", 1)], &[], policy);
    assert_eq!(clusters, ["e1", "p"]);
    assert_eq!(withheld, ["e1-p BLOCKED"]);
}
