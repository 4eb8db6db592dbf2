//! The laws of previews over random messages: what is previewed is what all facts give once it is so.

use std::collections::{BTreeMap, BTreeSet};

use profile360_compact_json::json_writer::to_text;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    answer::{read_params, write_answer},
    check_policy,
    checked::CheckedFacts,
    difference::PreviewStatus,
    error::PreviewError,
    explanation::ExplainParams,
    facts::ProfileFacts,
    merge::{Comparison, MergeParams},
    policy::PolicyParams,
    profile_view::{Figures, ProfileParams, ProfileView},
    ranking::RankingParams,
    unmerge::{Change, UnmergeParams},
};
use crate::{
    evidence::{
        decision::{Decision, Relation, Revocation},
        facts::Facts,
        link::Pair,
    },
    graph::input::is_shared,
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    json_value::JsonValue,
    message::{Message, parse::parse_message},
    policy::{compiled::CompiledPolicy, document::Policy},
    purchases::ranking::{RankBy, RankedItem, TieBreak},
    time::Timestamp,
};

use proptest::prelude::*;

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
        "source": if number.is_multiple_of(2) { "app" } else { "web" },
        "platform": if says % 2 == 0 { "iOS" } else { "Web" },
        "identifiers": named, "session_id": format!("s{}", says % 6),
        "attributes": {
            "df_name": format!("n{}", says % 3), "df_push_optin": says % 2 == 0, "df_birth": "1990-02-03", "tier": says % 4,
        },
        "device": { "device_id": format!("d{}", says % 5), "model": format!("M{}", says % 2), "city": "Seoul" },
    });
    parse_message(&message.to_string(), policy).expect("accepted").message
}

/// What the server would send of some profiles.
fn facts_of(base: &Facts, named: &[UnifiedId]) -> ProfileFacts {
    ProfileFacts::of(base, named, 7, &compiled(&tight_policy()), &IdSecret::public())
}

/// The same of all profiles.
fn facts_of_all(base: &Facts) -> ProfileFacts {
    facts_under(base, &tight_policy())
}

fn facts_under(base: &Facts, policy: &Policy) -> ProfileFacts {
    let ids: Vec<UnifiedId> = base.identifiers.keys().map(id_of).collect();
    ProfileFacts::of(base, &ids, 7, &compiled(policy), &IdSecret::public())
}

fn checked(facts: ProfileFacts) -> CheckedFacts {
    CheckedFacts::new(facts).expect("sound facts")
}

fn id_of(it: &Identifier) -> UnifiedId {
    unified_id(it, &IdSecret::public())
}

fn collected(messages: &[Message]) -> Facts {
    let mut facts = Facts::default();
    for message in messages {
        facts.add(message);
    }
    facts
}

/// A relation, two identifiers, and whether it was revoked.
type Constraint = (Relation, (usize, u8), (usize, u8), bool);

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let relation = prop_oneof![Just(Relation::Same), Just(Relation::Different)];
    let decision = (relation, (0..4usize, 0..5u8), (0..4usize, 0..5u8), prop::bool::weighted(0.2));
    prop::collection::vec(decision, 0..4).prop_map(|all| {
        let policy = compiled(&tight_policy());
        let identifier = |it: &(usize, u8)| message(0, &(vec![*it], 0, 0), &policy).home().clone();
        let decision = |(number, (relation, a, b, is_revoked)): (usize, &Constraint)| {
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
    Figures { as_of: "2026-06-15".parse().expect("a date"), currency: None, net_of_refunds: true, by: RankBy::Units }
}

fn text<T: Serialize>(value: &T) -> String {
    let text = to_text(value).expect("it serializes");
    assert_eq!(text, serde_json::to_string(value).expect("it serializes"));
    text
}

/// All profiles that facts show, without their revisions, by their unified IDs.
fn all_profiles(facts: &CheckedFacts) -> BTreeMap<UnifiedId, String> {
    let profile = |it: UnifiedId| facts.profile(&ProfileParams { unified_id: it, figures: figures() });
    facts.unified_ids().into_iter().map(|it| (it, without_revision(&profile(it).expect("it is there")))).collect()
}

fn without_revision(profile: &ProfileView) -> String {
    let text = text(profile);
    match profile.revision() {
        Some(revision) => text.replace(&format!(r#""revision":"{revision}","#), ""),
        None => text,
    }
}

/// A base of messages and decisions.
fn bases() -> impl Strategy<Value = Facts> {
    (messages(), decisions()).prop_map(|(messages, decisions)| {
        let mut base = collected(&messages);
        base.decisions = decisions;
        base
    })
}

/// One of some items, chosen by a number.
fn pick<T>(items: &[T], number: usize) -> &T {
    &items[number % items.len()]
}

/// Holds what a preview says to all profiles as they are and as they come to be.
fn check_change(
    before: &CheckedFacts,
    after: &CheckedFacts,
    view_before: &[&ProfileView],
    view_after: &[&ProfileView],
) -> Result<(), TestCaseError> {
    let all = |facts: &CheckedFacts| all_profiles(facts).into_values().collect::<BTreeSet<String>>();
    let (all_before, all_after) = (all(before), all(after));
    let texts = |shown: &[&ProfileView]| shown.iter().map(|it| without_revision(it)).collect::<BTreeSet<String>>();
    let (view_before, view_after) = (texts(view_before), texts(view_after));
    prop_assert!(view_before.is_subset(&all_before));
    prop_assert!(view_after.is_subset(&all_after), "{:#?}\nof\n{:#?}", view_after, all_after);
    // Nothing else changes.
    let unchanged_before: Vec<&String> = all_before.difference(&view_before).collect();
    let unchanged_after: Vec<&String> = all_after.difference(&view_after).collect();
    prop_assert_eq!(unchanged_before, unchanged_after);
    Ok(())
}

fn decided(id: &str, relation: Relation, pair: &Pair) -> Decision {
    let at = Timestamp::parse("2026-07-01T00:00:00Z").expect("a time");
    Decision { id: id.into(), relation, pair: pair.clone(), at, reason: "".into(), actor: "".into(), revoked: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_the_same_after_json_and_in_any_sequence(
        base in bases(),
        seed in any::<u64>(),
    ) {
        let sent = facts_of_all(&base);
        let read: ProfileFacts = serde_json::from_str(&text(&sent)).expect("facts");
        prop_assert_eq!(&read, &sent);
        prop_assert_eq!(&JsonValue::parse(&text(&sent)).and_then(|it| it.read::<ProfileFacts>()), &Ok(sent.clone()));
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
        let (one, other) = (checked(sent), checked(shuffled));
        prop_assert_eq!(all_profiles(&one), all_profiles(&other));
        let ids = one.unified_ids();
        prop_assert_eq!(one.revision(&ids).expect("there"), other.revision(&ids).expect("there"));
    }

    #[test]
    fn a_profile_needs_the_facts_of_its_component_alone(base in bases()) {
        let all = checked(facts_of_all(&base));
        for id in all.unified_ids() {
            let own = checked(facts_of(&base, &[id]));
            let params = ProfileParams { unified_id: id, figures: figures() };
            prop_assert_eq!(text(&own.profile(&params).expect("there")), text(&all.profile(&params).expect("there")));
        }
    }

    #[test]
    fn a_merge_is_previewed_as_its_decisions_make_it(
        base in bases(),
        picked in prop::collection::vec(any::<usize>(), 2..4),
        letters in "[a-z0-9]{6}",
    ) {
        let before = checked(facts_of_all(&base));
        let ids: Vec<UnifiedId> = picked.iter().map(|it| *pick(&before.unified_ids(), *it)).collect();
        let own = checked(facts_of(&base, &ids));
        let preview = own.merge_preview(&MergeParams { unified_ids: ids.clone(), figures: figures() });
        let preview = preview.expect("the component is enough");
        prop_assert_eq!(&preview.expected_revision, &before.revision(&ids).expect("there"));
        let distinct: BTreeSet<UnifiedId> = ids.iter().copied().collect();
        prop_assert_eq!(preview.before.len(), distinct.len());
        prop_assert_eq!(preview.status == PreviewStatus::NoChange, distinct.len() == 1);

        let mut decided_base = base;
        for (number, pair) in preview.decisions.iter().enumerate() {
            decided_base.decisions.push(decided(&format!("{letters}{number}"), Relation::Same, pair));
        }
        let after = checked(facts_of_all(&decided_base));
        let together: BTreeSet<String> = distinct
            .iter()
            .map(|it| text(&after.profile(&ProfileParams { unified_id: *it, figures: figures() }).expect("there")))
            .collect();
        let Some(merged) = preview.after else {
            prop_assert_eq!(preview.status, PreviewStatus::Contradicted);
            prop_assert!(!preview.contradictions.is_empty());
            prop_assert!(has_unmet(&decided_base, &after), "nothing excludes it");
            return Ok(());
        };
        prop_assert_eq!(together.len(), 1);
        prop_assert_eq!(preview.unified_id, Some(merged.profile().unified_id));
        let view_before: Vec<_> = preview.before.iter().chain(&preview.others_before).collect();
        let view_after: Vec<_> = std::iter::once(&merged).chain(&preview.others_after).collect();
        check_change(&before, &after, &view_before, &view_after)?;
        for limit in &preview.limits {
            let count = merged.profile().identifiers.iter().filter(|it| *it.kind == *limit.kind.as_str()).count();
            prop_assert_eq!(u32::try_from(count).expect("few"), limit.count);
            prop_assert!(limit.limit < limit.count);
        }
        for field in &preview.fields {
            let claims = field.winner.iter().chain(&field.losers).flat_map(|it| &it.unified_ids);
            prop_assert!(claims.clone().count() <= preview.before.len());
            prop_assert!(claims.clone().all(|it| distinct.contains(it)));
            let n_values = field.winner.iter().chain(&field.losers).filter(|it| !it.unified_ids.is_empty()).count();
            prop_assert_eq!(field.differs, 1 < n_values);
        }
    }

    #[test]
    fn a_decision_that_parts_is_previewed_as_it_will_be(base in bases(), a in any::<usize>(), b in any::<usize>()) {
        let known: Vec<Identifier> = base.identifiers.keys().cloned().collect();
        let Some(pair) = Pair::new(pick(&known, a), pick(&known, b)) else { return Ok(()) };
        let before = checked(facts_of_all(&base));
        let own = checked(facts_of(&base, &[id_of(&pair.a), id_of(&pair.b)]));
        let change = Change::Different { a: pair.a.clone(), b: pair.b.clone() };
        let preview = own.unmerge_preview(&UnmergeParams { change, figures: figures() }).expect("enough");
        prop_assert_eq!(&preview.expected_revision, &before.revision(&[id_of(&pair.a), id_of(&pair.b)]).expect("there"));
        if preview.status == PreviewStatus::Contradicted {
            prop_assert!(preview.contradictions.iter().all(|it| it.relation == Relation::Same));
            let mut decided_base = base;
            decided_base.decisions.push(decided("new", Relation::Different, &pair));
            prop_assert!(has_unmet(&decided_base, &checked(facts_of_all(&decided_base))), "nothing excludes it");
            return Ok(());
        }
        let mut decided_base = base;
        if preview.status == PreviewStatus::Applied {
            decided_base.decisions.push(decided("new", Relation::Different, &pair));
        }
        let after = checked(facts_of_all(&decided_base));
        check_change(&before, &after, &refs(&preview.before), &refs(&preview.after))?;
        let cluster_of = |it: &Identifier| after.cluster_of_id(id_of(it)).expect("there");
        prop_assert_ne!(cluster_of(&pair.a), cluster_of(&pair.b));
    }

    #[test]
    fn a_revoked_decision_is_previewed_as_if_it_had_never_been(base in bases(), picked in any::<usize>()) {
        prop_assume!(!base.decisions.is_empty());
        let decision = pick(&base.decisions, picked).clone();
        let ends = [id_of(&decision.pair.a), id_of(&decision.pair.b)];
        let before = checked(facts_of_all(&base));
        let own = checked(facts_of(&base, &ends));
        let change = Change::Revoke { decision: decision.id.to_string() };
        let preview = own.unmerge_preview(&UnmergeParams { change, figures: figures() });
        if !own.facts.decisions.contains(&decision) {
            prop_assert_eq!(preview.map(|it| it.status).expect_err("not there"), PreviewError::UnknownDecision);
            return Ok(());
        }
        let preview = preview.expect("enough");
        prop_assert_eq!(preview.status == PreviewStatus::NoChange, !decision.is_active());
        let mut after = base;
        after.decisions.retain(|it| it.id != decision.id);
        check_change(&before, &checked(facts_of_all(&after)), &refs(&preview.before), &refs(&preview.after))?;
    }

    #[test]
    fn a_cut_link_is_previewed_as_if_it_had_never_been(base in bases(), picked in any::<usize>()) {
        prop_assume!(!base.links.is_empty());
        let pair = base.links.keys().nth(picked % base.links.len()).expect("one").clone();
        let before = checked(facts_of_all(&base));
        let mut cut = base.clone();
        cut.links.remove(&pair);
        for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
            let neighbors = &mut cut.identifiers.get_mut(one).expect("seen").neighbors;
            let first_seen = base.links[&pair].first_seen;
            neighbors.get_mut(&other.kind).expect("a neighbor").remove(Some(first_seen));
            neighbors.retain(|_, of_kind| !of_kind.is_empty());
        }
        let after = checked(facts_of_all(&cut));
        let params = UnmergeParams { change: Change::Cut { a: pair.a.clone(), b: pair.b.clone() }, figures: figures() };
        let preview = before.unmerge_preview(&params).expect("all is enough");
        check_change(&before, &after, &refs(&preview.before), &refs(&preview.after))?;
        for named in [&[id_of(&pair.a), id_of(&pair.b)][..], &[id_of(&pair.a)], &[id_of(&pair.b)]] {
            match checked(facts_of(&base, named)).unmerge_preview(&params) {
                Ok(own) => check_change(&before, &after, &refs(&own.before), &refs(&own.after))?,
                // The other end's component was not asked for.
                Err(PreviewError::UnknownLink) => prop_assert_eq!(named.len(), 1),
                Err(error) => {
                    prop_assert_eq!(error, PreviewError::IncompleteFacts);
                    let policy = compiled(&tight_policy());
                    let is_closed =
                        |base: &Facts, it: &Identifier| is_shared(&it.kind, &base.identifiers[it].neighbors, &policy);
                    let opens = |it| is_closed(&base, it) && !is_closed(&cut, it);
                    prop_assert!(opens(&pair.a) || opens(&pair.b), "only what opens needs more");
                }
            }
        }
    }

    #[test]
    fn another_policy_is_previewed_as_it_will_resolve(
        base in bases(),
        (limit, max_links) in (1..4u32, 1..6u32),
        rule in prop::sample::select(vec!["latest", "earliest", "most_frequent", "max", "union"]),
        zone in prop::sample::select(vec!["Asia/Seoul", "UTC", "America/New_York"]),
    ) {
        let mut policy = tight_policy();
        policy.max_links = max_links;
        for kind in &mut policy.kinds {
            kind.limit = limit;
        }
        let document = json!({
            "kinds": policy.kinds, "max_links": max_links, "survivorship": { "default": rule }, "time_zone": zone,
        });
        policy.survivorship.default = serde_json::from_value(json!(rule)).expect("a rule");
        policy.time_zone = zone.parse().expect("a zone");
        let after = checked(facts_under(&base, &policy));
        let params = PolicyParams { document: (&document).into(), figures: figures() };
        let mut facts = facts_of_all(&base);
        facts.zones.push(facts.offsets_of(policy.time_zone));
        let before = checked(facts);
        let preview = before.policy_preview(&params).expect("all is enough");
        prop_assert_eq!(&preview.policy, &policy);
        let shown: BTreeSet<String> = preview.after.iter().map(without_revision).collect();
        prop_assert_eq!(shown, all_profiles(&after).into_values().collect::<BTreeSet<_>>());
        let members = |facts: &CheckedFacts| -> BTreeSet<Vec<usize>> {
            facts.resolved().partition.clusters.iter().cloned().collect()
        };
        let n_before: usize = preview.changes.iter().map(|it| it.before.len()).sum();
        prop_assert_eq!(n_before, members(&before).difference(&members(&after)).count());
        let n_after: usize = preview.changes.iter().map(|it| it.after.len()).sum();
        prop_assert_eq!(n_after, members(&after).difference(&members(&before)).count());

        // A component alone says the same, or that it does not know.
        let own = checked(facts_of(&base, &before.unified_ids()[..1]));
        match own.policy_preview(&params) {
            Ok(own) => {
                let all: BTreeSet<String> = preview.after.iter().map(without_revision).collect();
                prop_assert!(own.after.iter().all(|it| all.contains(&without_revision(it))));
            }
            Err(PreviewError::UnknownZone) => prop_assert_ne!(policy.time_zone, tight_policy().time_zone),
            Err(error) => prop_assert_eq!(error, PreviewError::IncompleteFacts),
        }
    }

    #[test]
    fn an_explanation_needs_the_facts_of_the_two_alone(base in bases(), a in any::<usize>(), b in any::<usize>()) {
        let known: Vec<Identifier> = base.identifiers.keys().cloned().collect();
        let (a, b) = (pick(&known, a), pick(&known, b));
        let params = ExplainParams { a: a.clone(), b: b.clone() };
        let all = checked(facts_of_all(&base));
        let own = checked(facts_of(&base, &[id_of(a), id_of(b)]));
        let shown = own.explain(&params).expect("there");
        prop_assert_eq!(shown.together, all.cluster_of_id(id_of(a)) == all.cluster_of_id(id_of(b)));
        prop_assert_eq!(text(&shown), text(&all.explain(&params).expect("there")));
    }

    #[test]
    fn a_ranking_is_that_of_the_profile_and_says_what_decides(base in bases(), first in 1..5u32) {
        let all = checked(facts_of_all(&base));
        for unified_id in all.unified_ids() {
            let profile = all.profile(&ProfileParams { unified_id, figures: figures() }).expect("there");
            let params = RankingParams { unified_id, figures: figures(), first };
            let ranking = all.ranking_preview(&params).expect("there").rankings.pop().expect("12 months");
            let items: Vec<RankedItem> = ranking.products.iter().map(|it| it.item.clone()).collect();
            let wanted = &profile.purchases.top_products12;
            let n_shared = items.len().min(wanted.len());
            prop_assert_eq!(&items[..n_shared], &wanted[..n_shared]);
            for two in ranking.products.windows(2) {
                let (one, next) = (&two[0].item, &two[1].item);
                let expected = if one.units != next.units {
                    TieBreak::Measure
                } else if one.amount != next.amount {
                    TieBreak::Amount
                } else if one.last_purchased_at != next.last_purchased_at {
                    TieBreak::Recency
                } else if one.name != next.name {
                    TieBreak::Name
                } else {
                    TieBreak::Key
                };
                prop_assert_eq!(two[0].before_next, Some(expected));
            }
        }
    }
}

/// Whether some `SAME` decision is not followed.
fn has_unmet(base: &Facts, resolved: &CheckedFacts) -> bool {
    let cluster_of = |it: &Identifier| resolved.cluster_of_id(id_of(it)).ok();
    let is_unmet = |decision: &Decision| match (cluster_of(&decision.pair.a), cluster_of(&decision.pair.b)) {
        (Some(a), Some(b)) => a != b,
        _ => false,
    };
    base.decisions.iter().any(|it| it.is_active() && it.relation == Relation::Same && is_unmet(it))
}

fn refs(shown: &[ProfileView]) -> Vec<&ProfileView> {
    shown.iter().collect()
}

/// Some other sequence, chosen by a number.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let n_items = items.len().max(1);
    items.reverse();
    items.rotate_left(usize::try_from(seed % n_items as u64).expect("small"));
}

/// Two customers, one of them merged by hand, and a link between two identifiers of the other.
fn small_base() -> Facts {
    let policy = compiled(&tight_policy());
    let naming = |number: usize, identifiers: &[(usize, u8)]| message(number, &(identifiers.to_vec(), 3, 2), &policy);
    let mut base = collected(&[
        naming(0, &[(0, 0), (1, 0)]),
        naming(1, &[(0, 1), (1, 1)]),
        naming(2, &[(2, 2)]),
        naming(3, &[(0, 3), (3, 4)]),
    ]);
    let pair = Pair::new(&identifier("external_id", "x1"), &identifier("customer_card", "c2")).expect("two");
    base.decisions.push(Decision { revoked: None, ..decided("same", Relation::Same, &pair) });
    base
}

fn identifier(kind: &str, value: &str) -> Identifier {
    Identifier::new(crate::identifier::Kind::new(kind), value)
}

#[test]
fn unreadable_input_has_a_code() {
    let good = text(&facts_of_all(&small_base()));
    let twice = {
        let mut facts = facts_of_all(&small_base());
        facts.identifiers.push(facts.identifiers[0].clone());
        text(&facts)
    };
    let without_zones = text(&ProfileFacts { zones: Vec::new(), ..facts_of_all(&small_base()) });
    let faulty = good.replace(r#""max_links":3"#, r#""max_links":0"#);
    let table = [
        ("", "FACTS_UNREADABLE"),
        ("null", "FACTS_UNREADABLE"),
        ("{}", "FACTS_UNREADABLE"),
        (good.trim_end_matches('}'), "FACTS_UNREADABLE"),
        (&twice, "FACTS_UNREADABLE"),
        (&good.replace("Asia/Seoul", "Asia/Nowhere"), "FACTS_UNREADABLE"),
        (&good.replace("KRW", "WON1"), "FACTS_UNREADABLE"),
        (&faulty, "POLICY_FAULTS"),
        (&good.replace(r#""zones":["#, r#""zones":[],"more":["#), "FACTS_UNREADABLE"),
        (&without_zones, "UNKNOWN_ZONE"),
    ];
    for (facts, code) in table {
        let error = CheckedFacts::parse(facts).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
    }
    CheckedFacts::parse(&good).expect("sound");
}

#[test]
fn unanswerable_params_have_a_code() {
    let facts = checked(facts_of_all(&small_base()));
    let figures = r#""figures":{"asOf":"2026-06-15"}"#;
    let no_profile = r#""00000000-0000-8000-8000-000000000000""#;
    let someone = text(&id_of(&identifier("external_id", "x0")));
    let known = r#"{"kind":"external_id","value":"x0"}"#;
    let other = r#"{"kind":"external_id","value":"x1"}"#;
    let unknown = r#"{"kind":"external_id","value":"stranger"}"#;
    let profile = |params: String| write_answer(&read_params(&params).and_then(|it| facts.profile(&it)));
    let merge = |params: String| write_answer(&read_params(&params).and_then(|it| facts.merge_preview(&it)));
    let unmerge = |change: String| {
        let params = read_params(&format!(r#"{{"change":{change},{figures}}}"#));
        write_answer(&params.and_then(|it| facts.unmerge_preview(&it)))
    };
    let ranking = |rest: &str| {
        let params = read_params(&format!(r#"{{"unifiedId":{someone},{figures},{rest}}}"#));
        write_answer(&params.and_then(|it| facts.ranking_preview(&it)))
    };
    let policy = |document: &str| {
        let params = read_params(&format!(r#"{{"document":{document},{figures}}}"#));
        write_answer(&params.and_then(|it| facts.policy_preview(&it)))
    };
    let explain = |a: &str, b: &str| {
        write_answer(&read_params(&format!(r#"{{"a":{a},"b":{b}}}"#)).and_then(|it| facts.explain(&it)))
    };
    let table = [
        (profile(String::new()), "QUESTION_UNREADABLE"),
        (profile(format!(r#"{{"unifiedId":"x",{figures}}}"#)), "QUESTION_UNREADABLE"),
        (profile(format!(r#"{{"unifiedId":{no_profile},{figures}}}"#)), "UNKNOWN_PROFILE"),
        (profile(format!(r#"{{"unifiedId":{someone}}}"#)), "QUESTION_UNREADABLE"),
        (profile(format!(r#"{{"unifiedId":{someone},"figures":{{"asOf":"2026-6-15"}}}}"#)), "QUESTION_UNREADABLE"),
        (profile(format!(r#"{{"unifiedId":{someone},"figures":{{"asOf":"2026-02-30"}}}}"#)), "QUESTION_UNREADABLE"),
        (profile(format!(r#"{{"unifiedId":{someone},{figures},"more":1}}"#)), "QUESTION_UNREADABLE"),
        (merge(format!(r#"{{"unifiedIds":[],{figures}}}"#)), "QUESTION_UNREADABLE"),
        (merge(format!(r#"{{"unifiedIds":[{someone},{no_profile}],{figures}}}"#)), "UNKNOWN_PROFILE"),
        (unmerge(r#"{"burn":{}}"#.to_owned()), "QUESTION_UNREADABLE"),
        (unmerge(format!(r#"{{"cut":{{"a":{known},"b":{known}}}}}"#)), "ONE_IDENTIFIER"),
        (unmerge(format!(r#"{{"cut":{{"a":{known},"b":{other}}}}}"#)), "UNKNOWN_LINK"),
        (unmerge(format!(r#"{{"different":{{"a":{known},"b":{unknown}}}}}"#)), "UNKNOWN_IDENTIFIER"),
        (unmerge(r#"{"revoke":{"decision":"none"}}"#.to_owned()), "UNKNOWN_DECISION"),
        (unmerge(format!(r#"{{"retire":{{"identifier":{known},"from":"2026-01-01"}}}}"#)), "QUESTION_UNREADABLE"),
        (unmerge(format!(r#"{{"retire":{{"identifier":{known},"from":"2020-01-01T00:00:00Z"}}}}"#)), "NEEDS_MESSAGES"),
        (
            unmerge(format!(r#"{{"retire":{{"identifier":{unknown},"from":"2030-01-01T00:00:00Z"}}}}"#)),
            "UNKNOWN_IDENTIFIER",
        ),
        (ranking(r#""first":0"#), "QUESTION_UNREADABLE"),
        (ranking(r#""first":101"#), "QUESTION_UNREADABLE"),
        (policy("[]"), "POLICY_FAULTS"),
        (policy(r#"{"max_links":"many"}"#), "POLICY_FAULTS"),
        (policy(r#"{"max_links":0}"#), "POLICY_FAULTS"),
        (policy(r#"{"color":"red"}"#), "POLICY_FAULTS"),
        (policy(r#"{"time_zone":"UTC"}"#), "UNKNOWN_ZONE"),
        (policy(r#"{"blocked_values":["x9"]}"#), "NEEDS_MESSAGES"),
        (policy(r#"{"kinds":[{"name":"phone","form":"phone","limit":3,"priority":1}]}"#), "NEEDS_MESSAGES"),
        (explain(known, unknown), "UNKNOWN_IDENTIFIER"),
        (explain(known, "7"), "QUESTION_UNREADABLE"),
    ];
    for (answer, code) in table {
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(
            answer["error"]["detail"].as_str().is_some_and(|it| !it.is_empty() && !it.contains("stranger")),
            "{answer}"
        );
    }
}

#[test]
fn a_change_that_opens_what_is_shared_needs_more_facts() {
    let policy = compiled(&tight_policy());
    // One card that four external IDs are linked to: more than three, so it says nothing.
    let naming = |number: u8| message(usize::from(number), &(vec![(0, number), (2, 0)], number, 2), &policy);
    let base = collected(&(0..4).map(naming).collect::<Vec<_>>());
    let (one, card) = (identifier("external_id", "x0"), identifier("customer_card", "c0"));
    let facts = facts_of(&base, &[id_of(&one)]);
    assert_eq!(facts.identifiers.len(), 1);
    assert_eq!(facts.ends.len(), 1);
    let facts = checked(facts);
    let higher = PolicyParams { document: (&json!({ "max_links": 4 })).into(), figures: figures() };
    assert_eq!(facts.policy_preview(&higher).map(|_| ()), Err(PreviewError::IncompleteFacts));
    let lower = PolicyParams { document: (&json!({ "max_links": 1 })).into(), figures: figures() };
    facts.policy_preview(&lower).expect("what is closed stays closed");
    let cut = UnmergeParams { change: Change::Cut { a: one, b: card }, figures: figures() };
    assert_eq!(facts.unmerge_preview(&cut).map(|_| ()), Err(PreviewError::IncompleteFacts));
}

#[test]
fn faults_of_a_policy_are_reported_by_their_paths() {
    let document = json!({
        "kinds": [
            { "name": "phone", "form": "phone", "limit": -1, "priority": "first" },
            { "name": "email", "form": "post", "limit": 1, "priority": 2, "color": 3 },
        ],
        "blocked_values": "x",
        "survivorship": { "default": "best" },
        "time_zone": "Asia/Nowhere",
        "color": null,
    });
    let faults = Policy::default().amended(&(&document).into()).expect_err("faults");
    let mut paths: Vec<&str> = faults.iter().map(|it| it.path.as_str()).collect();
    paths.sort_unstable();
    let expected = [
        "blocked_values",
        "color",
        "kinds[0].limit",
        "kinds[0].priority",
        "kinds[1].color",
        "kinds[1].form",
        "survivorship",
        "time_zone",
    ];
    assert_eq!(paths, expected);
    assert!(faults.iter().all(|it| !it.detail.is_empty()));
    let code_at = |path: &str| faults.iter().find(|fault| fault.path == path).map(|fault| fault.code.as_str());
    assert_eq!(code_at("time_zone"), Some("UNKNOWN_TIME_ZONE"));
    assert_eq!(code_at("kinds[1].color"), Some("UNKNOWN_FIELD"));
    let missing = Policy::default().amended(&(&json!({ "kinds": [{ "name": "phone" }] })).into()).expect_err("faults");
    assert_eq!(missing.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["kinds[0]"]);
    let kept = Policy::default().amended(&(&json!({ "max_links": 5 })).into()).expect("no faults");
    assert_eq!(kept, Policy { max_links: 5, ..Policy::default() });
}

#[test]
fn the_editor_gets_the_faults_that_a_publication_would_get() {
    let paths_of = |document: Value| -> Vec<(String, &'static str)> {
        let checked = check_policy(&document.to_string()).expect("it is JSON");
        checked.faults.into_iter().map(|fault| (fault.path, fault.code.as_str())).collect()
    };
    assert_eq!(paths_of(json!({})), []);
    let emptied = json!({ "kinds": [{ "name": "phone", "form": "phone", "limit": null, "priority": 1 }] });
    assert_eq!(paths_of(emptied), [("kinds[0].limit".to_owned(), "MISSING_FIELD")]);
    for (document, path, code) in [
        (json!({ "max_links": null }), "max_links", "WRONG_TYPE"),
        (json!({ "max_links": 0 }), "max_links", "BELOW_ONE"),
        (json!({ "currency": "₩" }), "currency", "MALFORMED_CURRENCY"),
        (json!({ "blocked_patterns": ["a", "("] }), "blocked_patterns[1]", "MALFORMED_PATTERN"),
        (json!({ "blocked_patterns": ["((.{0,60}){0,60}){0,1}z"] }), "blocked_patterns[0]", "PATTERNS_TOO_LARGE"),
        (json!({ "blocked_values": ["a".repeat(256)] }), "blocked_values[0]", "TOO_LONG"),
        (json!({ "kinds": [] }), "kinds", "NO_KINDS"),
    ] {
        assert_eq!(paths_of(document), [(path.to_owned(), code)]);
    }
    let several = json!({
        "kinds": [{ "name": "phone", "form": "phone", "limit": null, "priority": 1 }],
        "blocked_patterns": ["("], "max_links": 0, "shoe_size": 1,
    });
    let paths: Vec<String> = paths_of(several).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["kinds[0].limit", "shoe_size", "blocked_patterns[0]", "max_links"]);
    assert!(check_policy("{").is_err());
}

#[test]
fn a_retirement_after_the_last_sighting_changes_its_date_alone() {
    let facts = checked(facts_of_all(&small_base()));
    let email = identifier("email", "e0@example.com");
    let change = Change::Retire {
        identifier: identifier("email", " E0@EXAMPLE.com "),
        from: Timestamp::parse("2026-06-01T00:00:00Z").expect("a time"),
    };
    let preview = facts.unmerge_preview(&UnmergeParams { change, figures: figures() }).expect("an answer");
    let [before] = preview.before.as_slice() else { panic!("one profile") };
    let [after] = preview.after.as_slice() else { panic!("one profile") };
    assert_eq!(before.basic.email.as_deref(), Some(&*email.value));
    assert_eq!(after.basic.email, None, "it is someone else's from then on");
    let retired_at = after.profile().identifiers.iter().filter_map(|it| it.retired_at).collect::<Vec<_>>();
    assert_eq!(retired_at.len(), 1);
}

#[test]
fn a_merge_shows_winners_losers_and_limits() {
    let facts = checked(facts_of_all(&small_base()));
    let ids = ["x0", "x3"].map(|it| id_of(&identifier("external_id", it)));
    let params = MergeParams { unified_ids: ids.into(), figures: figures() };
    let preview = facts.merge_preview(&params).expect("an answer");
    assert_eq!(preview.status, PreviewStatus::Applied);
    let limits = preview.limits.iter().map(|it| (it.kind.as_str(), it.limit, it.count)).collect::<Vec<_>>();
    assert_eq!(limits, [("external_id", 1, 2)]);
    let email = preview.fields.iter().find(|it| it.name == "email").expect("the email address");
    assert_eq!(email.winner.as_ref().map(|it| it.unified_ids.len()), Some(1));
    assert!(email.losers.is_empty());
}

/// Two customers, and how their merge compares: phone, email, name, birth date, gender; whether it looks like two people.
#[test]
fn the_evidence_of_a_merge_says_what_matches_and_what_contradicts() {
    use Comparison::{Differ, Match, Unknown};
    let policy = compiled(&Policy::default());
    let person = |number: usize, identifiers: Value, attributes: Value| {
        let message = json!({
            "message_id": format!("m{number}"), "type": "identify", "timestamp": format!("2026-01-0{}T00:00:00Z", number + 1),
            "source": "crm", "identifiers": identifiers, "attributes": attributes,
        });
        parse_message(&message.to_string(), &policy).expect("accepted").message
    };
    let hana = || json!({ "df_name": "Kim Hana", "df_birth": "1989-01-02", "df_gender": "Male" });
    let table = [
        (
            json!({ "df_name": "kim  hana", "df_birth": "1989-01-02" }),
            false,
            [Unknown, Differ, Match, Match, Unknown],
            false,
        ),
        (hana(), true, [Match, Differ, Match, Match, Match], false),
        (json!({ "df_name": "Ahn Yeeun" }), false, [Unknown, Differ, Differ, Unknown, Unknown], false),
        (
            json!({ "df_name": "Ahn Yeeun", "df_gender": "Female" }),
            false,
            [Unknown, Differ, Differ, Unknown, Differ],
            true,
        ),
        (
            json!({ "df_name": "Ahn Yeeun", "df_birth": "2005-01-02" }),
            true,
            [Match, Differ, Differ, Differ, Unknown],
            true,
        ),
        (json!({ "df_birth": "2005-01-02" }), false, [Unknown, Differ, Unknown, Differ, Unknown], false),
    ];
    for (attributes, shares_phone, expected, is_contradictory) in table {
        let mut messages = vec![
            person(0, json!({ "external_id": "a1", "phone": "010-1111-2222", "email": "a@example.com" }), hana()),
            person(1, json!({ "external_id": "b2", "email": "b@example.com" }), attributes.clone()),
        ];
        if shares_phone {
            // The phone belongs to the first one, as one customer has one external ID.
            messages.push(person(2, json!({ "external_id": "b2", "phone": "010-1111-2222" }), json!({})));
        }
        let facts = checked(facts_under(&collected(&messages), &Policy::default()));
        let ids = ["a1", "b2"].map(|it| id_of(&identifier("external_id", it)));
        let params = MergeParams { unified_ids: ids.into(), figures: figures() };
        let evidence = facts.merge_preview(&params).expect("an answer").evidence;
        let results: Vec<Comparison> = evidence.compared.iter().map(|it| it.result).collect();
        assert_eq!(results, expected, "{attributes}");
        assert_eq!((evidence.seen_together, evidence.contradictory), (u64::from(shares_phone), is_contradictory));
    }
}

#[test]
fn a_value_that_was_retired_means_its_owner_since() {
    let mut facts = facts_of_all(&small_base());
    let email = identifier("email", "e0@example.com");
    let position = facts.position_of(&email).expect("it is there");
    let mut next = facts.identifiers[position].clone();
    next.identifier = email.of_generation(1);
    next.unified_id = id_of(&next.identifier);
    next.facts.neighbors.clear();
    facts.identifiers[position].retired_at = Some(Timestamp::parse("2026-05-01T00:00:00Z").expect("a time"));
    facts.identifiers.push(next);
    let facts = checked(facts);
    let owner = identifier("external_id", "x0");
    assert!(facts.explain(&ExplainParams { a: owner.clone(), b: email.of_generation(1) }).is_ok_and(|it| !it.together));
    assert!(facts.explain(&ExplainParams { a: owner.clone(), b: email.clone() }).is_ok_and(|it| !it.together));
    // The link of the first owner is named as it is.
    let cut = UnmergeParams { change: Change::Cut { a: owner, b: email }, figures: figures() };
    assert_eq!(facts.unmerge_preview(&cut).expect("a link").after.len(), 2);
}
