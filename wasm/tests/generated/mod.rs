//! Bases of a few customers and questions about them, always the same ones.

use profile360_core::{
    evidence::{
        decision::{Decision, Relation},
        facts::Facts,
        link::Pair,
    },
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::{Message, parse::parse_message},
    policy::{compiled::CompiledPolicy, document::Policy},
    preview::ProfileFacts,
    time::Timestamp,
};
use serde_json::{Value, json};

pub(crate) const N_BASES: u64 = 24;

/// The facts of a base, as text, and questions: the method and its argument.
pub(crate) fn base(number: u64) -> (String, Vec<(&'static str, String)>) {
    let mut dice = Dice(number);
    let policy = policy(number);
    let mut base = Facts::default();
    for position in 0..30 + dice.below(40) {
        base.add(&message(position, &mut dice, &policy));
    }
    let known: Vec<Identifier> = base.identifiers.keys().cloned().collect();
    // The first is about those that name their profiles: a merge of these is contradicted.
    let resolution = base.resolve(&policy);
    let anchor = |it: &usize| resolution.identifiers[*it].0.clone();
    let anchors: Vec<Identifier> = resolution.partition.anchors.iter().map(anchor).collect();
    for position in 0..1 + dice.below(5) {
        let is_different = position == 0 || dice.below(3) == 0;
        let relation = if is_different { Relation::Different } else { Relation::Same };
        let among = if position == 0 { &anchors } else { &known };
        let Some(pair) = Pair::new(dice.pick(among), dice.pick(among)) else { continue };
        base.decisions.push(Decision {
            id: format!("decision-{position}").into(),
            relation,
            pair,
            at: Timestamp::from_micros(1_770_000_000_000_000 + i64::try_from(position).unwrap()),
            reason: "seen on the same card \"twice\"".into(),
            actor: "김 지원".into(),
            revoked: None,
        });
    }
    let ids: Vec<UnifiedId> = known.iter().map(|it| unified_id(it, &IdSecret::public())).collect();
    let mut facts = ProfileFacts::of(&base, &ids, i64::try_from(number).unwrap(), &policy, &IdSecret::public());
    facts.zones.push(facts.offsets_of(serde_json::from_str(r#""America/New_York""#).unwrap()));
    let calls = calls(&known, &ids, &base.decisions, &mut dice);
    (serde_json::to_string(&facts).unwrap(), calls)
}

fn calls(
    known: &[Identifier],
    ids: &[UnifiedId],
    decisions: &[Decision],
    dice: &mut Dice,
) -> Vec<(&'static str, String)> {
    let mut calls = vec![
        ("contents", String::new()),
        (
            "profile",
            json!({ "unifiedId": "00000000-0000-8000-8000-000000000000", "figures": figures(dice) }).to_string(),
        ),
        ("profile", "{}".to_owned()),
    ];
    for _ in 0..6 {
        calls.push(("profile", json!({ "unifiedId": dice.pick(ids), "figures": figures(dice) }).to_string()));
    }
    calls.push(("profileAsOf", json!({ "unifiedId": dice.pick(ids), "figures": figures(dice) }).to_string()));
    for decision in decisions {
        let ends = [&decision.pair.a, &decision.pair.b].map(|it| unified_id(it, &IdSecret::public()));
        calls.push(("mergePreview", json!({ "unifiedIds": ends, "figures": figures(dice) }).to_string()));
    }
    for n_ids in [1, 2, 2, 2, 2, 3, 3, 4] {
        let wanted: Vec<UnifiedId> = (0..n_ids).map(|_| *dice.pick(ids)).collect();
        calls.push(("mergePreview", json!({ "unifiedIds": wanted, "figures": figures(dice) }).to_string()));
    }
    for _ in 0..5 {
        let (a, b) = (dice.pick(known), dice.pick(known));
        for change in ["cut", "different"] {
            let change = json!({ change: { "a": a, "b": b } });
            calls.push(("unmergePreview", json!({ "change": change, "figures": figures(dice) }).to_string()));
        }
        calls.push(("explain", json!({ "a": a, "b": b }).to_string()));
    }
    for decision in decisions {
        let change = json!({ "revoke": { "decision": decision.id } });
        calls.push(("unmergePreview", json!({ "change": change, "figures": figures(dice) }).to_string()));
        let change = json!({ "different": decision.pair });
        calls.push(("unmergePreview", json!({ "change": change, "figures": figures(dice) }).to_string()));
    }
    for from in ["2026-01-01T00:00:00Z", "2030-01-01T00:00:00+09:00"] {
        let change = json!({ "retire": { "identifier": dice.pick(known), "from": from } });
        calls.push(("unmergePreview", json!({ "change": change, "figures": figures(dice) }).to_string()));
    }
    for _ in 0..2 {
        let params = json!({ "unifiedId": dice.pick(ids), "figures": figures(dice), "first": 1 + dice.below(6) });
        calls.push(("rankingPreview", params.to_string()));
    }
    let params = json!({ "unifiedId": dice.pick(ids), "figures": figures(dice), "months": 1 + dice.below(24) });
    calls.push(("spend", params.to_string()));
    for document in [
        json!({ "max_links": 1 + dice.below(6), "survivorship": { "default": "union" } }),
        json!({ "time_zone": "America/New_York", "currency": "USD", "survivorship": { "default": "max" } }),
        json!({ "survivorship": { "attributes": { "score": "min", "df_name": "earliest" } } }),
        json!({ "blocked_values": ["x1"] }),
        json!({ "max_links": 0, "kinds": [{ "name": "Phone", "form": { "pattern": "(" }, "limit": 0, "priority": 1 }] }),
        json!({ "kinds": [{ "name": "phone", "limit": "three" }], "time_zone": 9, "color": "red" }),
        json!({ "time_zone": "Europe/Lisbon" }),
    ] {
        calls.push(("policyPreview", json!({ "document": document, "figures": figures(dice) }).to_string()));
    }
    calls
}

fn figures(dice: &mut Dice) -> Value {
    json!({
        "asOf": format!("2026-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28)),
        "currency": dice.pick(&[Value::Null, Value::Null, json!("USD")]),
        "netOfRefunds": dice.below(2) == 0,
        "by": dice.pick(&["UNITS", "ORDERS", "AMOUNT"]),
    })
}

fn policy(number: u64) -> CompiledPolicy {
    let mut policy = Policy::default();
    if !number.is_multiple_of(3) {
        policy.max_links = 3;
    }
    CompiledPolicy::new(policy).unwrap()
}

const KINDS: [(&str, &str, &str); 5] = [
    ("external_id", "x", ""),
    ("email", "e", "@example.com"),
    ("phone", "010-1234-567", ""),
    ("customer_card", "c", ""),
    ("device_id", "d", ""),
];

fn message(position: u64, dice: &mut Dice, policy: &CompiledPolicy) -> Message {
    let mut identifiers = serde_json::Map::new();
    for _ in 0..1 + dice.below(3) {
        let (kind, before, after) = dice.pick(&KINDS);
        identifiers.insert((*kind).to_owned(), format!("{before}{}{after}", dice.below(6)).into());
    }
    let items: Vec<Value> = (0..1 + dice.below(3)).map(|_| item(dice)).collect();
    let event = dice.pick(&["df_purchase", "df_purchase", "df_refund", "df_view_home"]);
    let mut properties = json!({ "df_items": items, "df_currency": dice.pick(&["KRW", "KRW", "KRW", "USD"]) });
    if dice.below(3) != 0 {
        properties["df_order_id"] = format!("o{}", dice.below(30)).into();
    }
    let attributes = json!({
        "df_name": dice.pick(&["김민지", "Émile", "이 서준", "ßeta"]), "df_birth": "1990-02-03",
        "df_gender": dice.pick(&["Male", "Female", "NonBinary"]), "df_push_optin": dice.below(2) == 0,
        "score": dice.pick(&[json!(1), json!(0.1), json!(-2.5e-7), json!("high"), json!(["a", 1.5, "\u{1}\"\\"]), json!(true)]),
    });
    let message = json!({
        "message_id": format!("m{position}"),
        "type": "event", "event": event, "properties": properties, "attributes": attributes,
        "timestamp": format!(
            "2026-{:02}-{:02}T{:02}:{:02}:00.{:03}Z",
            1 + dice.below(11), 1 + dice.below(28), dice.below(24), dice.below(60), dice.below(1000)
        ),
        "source": dice.pick(&["crm", "app", "web"]), "platform": dice.pick(&["Android", "iOS", "Web", "API"]),
        "identifiers": identifiers, "session_id": format!("s{}", dice.below(20)),
        "device": {
            "device_id": format!("d{}", dice.below(6)), "model": dice.pick(&["Galaxy S24", "iPhone 16"]),
            "country": "KR", "region": dice.pick(&["서울특별시", "경기도"]), "city": "성남시",
        },
    });
    parse_message(&message.to_string(), policy).unwrap().message
}

fn item(dice: &mut Dice) -> Value {
    json!({
        "df_item_id": format!("i{}", dice.below(5)), "df_item_name": format!("상품 {}", dice.below(6)),
        "df_category1": dice.pick(&["식품", "Books", "Toys"]), "df_price": format!("{}.{}", dice.below(500), dice.below(100)),
        "df_quantity": dice.below(4),
    })
}

/// Numbers that look random, from a number (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}
