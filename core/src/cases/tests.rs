use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{CaseKind, Cases, Role, case_of};
use crate::{
    evidence::link::{Observations, Pair},
    graph::{rows::LinkState, withheld::Withheld},
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

fn identifier(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

fn pair(a: &str, b: &str) -> Pair {
    Pair::new(&identifier(a), &identifier(b)).expect("two identifiers")
}

fn link(withheld: Option<Withheld>, count: u64, last_seen: i64) -> LinkState {
    let last_seen = Timestamp::from_micros(last_seen);
    LinkState { seen: Observations { first_seen: last_seen, last_seen, count, sources: BTreeSet::new() }, withheld }
}

#[test]
fn the_cause_is_the_value_that_several_claim() {
    let policy = CompiledPolicy::initial();
    let limit = |kind: &str| Withheld::Limit(Kind::new(kind));
    let table = [
        ("external_id:1", "phone:+821012345678", limit("external_id"), Role::Claimed, "phone:+821012345678"),
        ("external_id:1", "phone:+821012345678", limit("phone"), Role::Claimed, "external_id:1"),
        ("email:a@example.com", "phone:+821012345678", limit("external_id"), Role::Claimed, "email:a@example.com"),
        ("device_id:d", "external_id:1", Withheld::Shared, Role::Shared, "external_id:1"),
        ("device_id:shared", "external_id:1", Withheld::Shared, Role::Shared, "device_id:shared"),
        ("device_id:unknown", "external_id:1", Withheld::Blocked, Role::Blocked, "device_id:unknown"),
        ("device_id:d", "external_id:null", Withheld::Blocked, Role::Blocked, "external_id:null"),
        ("external_id:1", "phone:+821012345678", Withheld::Different("d".into()), Role::Claimed, "phone:+821012345678"),
    ];
    let is_shared = |it: &Identifier| matches!(&*it.value, "shared" | "1");
    for (a, b, withheld, role, value) in table {
        let found = case_of(&pair(a, b), &withheld, &policy, is_shared);
        assert_eq!((found.role, found.value), (role, identifier(value)), "{a} {b} {withheld:?}");
    }
}

#[test]
fn a_case_needs_a_decision_until_each_of_its_links_has_one() {
    let policy = CompiledPolicy::initial();
    let mut cases = Cases::default();
    let limit = || Some(Withheld::Limit(Kind::new("external_id")));
    let phone = "phone:+821012345678";
    let (first, second) = (pair("external_id:1", phone), pair("external_id:2", phone));
    cases.put(&first, &link(limit(), 2, 10), &policy, |_| false, false);
    cases.put(&second, &link(limit(), 3, 20), &policy, |_| false, false);
    let key = cases.of_link(&first).expect("a case").clone();
    let (kind, case) = cases.get(&key).expect("a case");
    assert_eq!((kind, case.n_links(), case.n_open(), case.evidence()), (CaseKind::Contested, 2, 2, 5));
    assert_eq!(case.newest(), Timestamp::from_micros(20));

    cases.put(&first, &link(Some(Withheld::Different("d".into())), 2, 10), &policy, |_| false, true);
    assert_eq!((cases.count(CaseKind::Contested), cases.count(CaseKind::Settled)), (1, 0));
    cases.put(&second, &link(Some(Withheld::Different("e".into())), 3, 20), &policy, |_| false, true);
    assert_eq!((cases.count(CaseKind::Contested), cases.count(CaseKind::Settled)), (0, 1));

    // A shared device stays withheld for that; decisions about its links settle it all the same.
    let tablet = pair("device_id:d", "external_id:1");
    cases.put(&tablet, &link(Some(Withheld::Shared), 1, 5), &policy, |_| false, false);
    assert_eq!(cases.count(CaseKind::Shared), 1);
    cases.put(&tablet, &link(Some(Withheld::Shared), 1, 5), &policy, |_| false, true);
    assert_eq!((cases.count(CaseKind::Shared), cases.count(CaseKind::Settled)), (0, 2));

    // A link that is followed again leaves its case.
    cases.put(&second, &link(None, 3, 20), &policy, |_| false, false);
    assert_eq!(cases.get(&key).map(|(_, case)| (case.n_links(), case.evidence())), Some((1, 2)));
    cases.remove(&first);
    cases.remove(&tablet);
    assert_eq!(cases, Cases::default(), "nothing is left");
}

fn any_link() -> impl Strategy<Value = (Pair, LinkState, bool)> {
    let withheld = prop_oneof![
        Just(None),
        Just(Some(Withheld::Limit(Kind::new("external_id")))),
        Just(Some(Withheld::Limit(Kind::new("phone")))),
        Just(Some(Withheld::Shared)),
        Just(Some(Withheld::Blocked)),
        Just(Some(Withheld::Different("d".into()))),
    ];
    (0..4_u8, 0..4_u8, withheld, 1..5_u64, 0..4_i64, any::<bool>()).prop_map(|(a, b, withheld, count, at, is_apart)| {
        let pair = pair(&format!("external_id:e{a}"), &format!("device_id:d{b}"));
        (pair, link(withheld, count, at), is_apart)
    })
}

proptest! {
    /// Cases depend on the last state of each link alone: not on the order in which links came, and not on earlier states.
    #[test]
    fn cases_do_not_depend_on_order(history in prop::collection::vec(any_link(), 0..40), seed in any::<u64>()) {
        let policy = CompiledPolicy::initial();
        let is_shared = |it: &Identifier| matches!(&*it.value, "e1" | "d1" | "d2");
        let mut cases = Cases::default();
        let mut last = std::collections::BTreeMap::new();
        for (pair, link, is_apart) in &history {
            cases.put(pair, link, &policy, is_shared, *is_apart);
            last.insert(pair.clone(), (link.clone(), *is_apart));
        }
        let mut others: Vec<_> = last.into_iter().collect();
        let n = others.len().max(1);
        others.rotate_left(usize::try_from(seed % n as u64).unwrap_or(0));
        let mut again = Cases::default();
        for (pair, (link, is_apart)) in others.iter().rev() {
            again.put(pair, link, &policy, is_shared, *is_apart);
        }
        prop_assert_eq!(&cases, &again);
        let n_of_kinds: usize = CaseKind::ALL.iter().map(|kind| cases.count(*kind)).sum();
        prop_assert_eq!(n_of_kinds, cases.iter().count());
        let n_links: usize = cases.iter().map(|(_, _, case)| case.n_links()).sum();
        prop_assert_eq!(n_links, others.iter().filter(|(_, (link, _))| link.withheld.is_some()).count());
    }
}
