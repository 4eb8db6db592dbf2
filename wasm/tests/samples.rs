//! `web/src/rules/samples.ts` has answers of every sort, and the page's compiler checks them against the types in `preview.ts`:
//! the types are written from Rust's, and what serializes by hand could differ from them. After an intended change,
//! `make types` writes the samples again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, path::Path};

use profile360_core::{
    evidence::{
        decision::{Decision, Relation},
        facts::Facts as Base,
        link::Pair,
    },
    identifier::{
        Identifier, Kind, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::parse::parse_message,
    policy::compiled::CompiledPolicy,
    preview::ProfileFacts,
    time::Timestamp,
};
use profile360_wasm::{Facts, check_policy, normalize_identifier};
use serde_json::{Value, json};

#[test]
fn the_page_has_samples_of_every_answer() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/rules/samples.ts");
    let samples = samples();
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &samples).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), samples);
}

fn samples() -> String {
    let facts = Facts::new(&serde_json::to_string(&facts()).unwrap());
    let figures = json!({ "asOf": "2026-06-15", "netOfRefunds": true });
    let [ann, bob, cho] = ["ann", "bob", "cho"].map(|it| named("external_id", it));
    let [ann_id, bob_id, cho_id] = [&ann, &bob, &cho].map(id_of);
    let merge =
        |ids: [UnifiedId; 2]| facts.merge_preview(&json!({ "unifiedIds": ids, "figures": figures }).to_string());
    let change = |it: Value| facts.unmerge_preview(&json!({ "change": it, "figures": figures }).to_string());
    let ranking = json!({ "unifiedId": ann_id, "figures": figures });
    let spend = json!({ "unifiedId": ann_id, "figures": figures, "months": 3 });
    let policy = |it: Value| facts.policy_preview(&json!({ "document": it, "figures": figures }).to_string());
    let profile = json!({ "unifiedId": ann_id, "figures": figures }).to_string();
    let answers = [
        ("NormalForm", "normalForm", normalize_identifier("external_id", "kim@example.com", None)),
        ("Contents", "contents", facts.contents()),
        ("ProfileView", "profile", facts.profile(&profile)),
        ("AsOfView", "profileAsOf", facts.profile_as_of(&profile)),
        ("MergePreview", "merge", merge([ann_id, bob_id])),
        ("MergePreview", "contradictedMerge", merge([ann_id, cho_id])),
        (
            "UnmergePreview",
            "unmerge",
            change(json!({ "different": { "a": ann, "b": named("email", "ann@example.com") } })),
        ),
        ("UnmergePreview", "revoked", change(json!({ "revoke": { "decision": "d1" } }))),
        ("RankingPreview", "ranking", facts.ranking_preview(&ranking.to_string())),
        ("Spend", "spend", facts.spend(&spend.to_string())),
        (
            "PolicyPreview",
            "policy",
            policy(json!({ "kinds": kinds_with_limit_2(), "survivorship": { "default": "union" } })),
        ),
        ("ErrorAnswer", "faultyPolicy", policy(json!({ "max_links": "many" }))),
        ("PolicyCheck", "checkedPolicy", check_policy(&json!({ "max_links": "many" }).to_string())),
        (
            "ExplanationView",
            "together",
            facts.explain(&json!({ "a": bob, "b": named("phone", "+821012345678") }).to_string()),
        ),
        ("ExplanationView", "apart", facts.explain(&json!({ "a": ann, "b": bob }).to_string())),
    ];
    let mut types: Vec<&str> = answers.iter().map(|(name, ..)| *name).collect();
    types.sort_unstable();
    types.dedup();
    let mut text = format!(
        "// Written by `make types`: answers of the module. The compiler checks them against the types.\n\
         import type {{ {} }} from \"./preview\";\n\n",
        types.join(", ")
    );
    for (name, variable, answer) in answers {
        text += &format!("export const {variable}: {name} = {answer};\n");
    }
    text
}

fn facts() -> ProfileFacts {
    let policy = CompiledPolicy::initial();
    let mut base = Base::default();
    let messages = [
        (
            "m1",
            json!({ "external_id": "ann", "email": "ann@example.com", "device_id": "d1" }),
            "2026-03-01T09:00:00+09:00",
        ),
        (
            "m2",
            json!({ "external_id": "bob", "email": "ann@example.com", "phone": "010-1234-5678" }),
            "2026-04-02T21:30:00Z",
        ),
        ("m3", json!({ "external_id": "cho" }), "2026-05-03T00:00:00Z"),
        ("m4", json!({ "external_id": "ann" }), "2026-05-04T00:00:00.5Z"),
    ];
    for (id, identifiers, timestamp) in messages {
        let message = json!({
            "message_id": id, "type": "event", "event": "df_purchase", "timestamp": timestamp, "source": "app",
            "platform": "iOS", "identifiers": identifiers, "session_id": id,
            "attributes": {
                "df_name": format!("Kim {id}"), "df_gender": "Female", "df_birth": "1990-02-03", "df_push_optin": id != "m4",
                "score": id.len(), "tags": ["a", id],
            },
            "properties": {
                "df_order_id": id,
                "df_items": [
                    { "df_item_id": "i1", "df_item_name": "Tea", "df_category1": "Food", "df_price": "12.50" },
                    { "df_item_id": id, "df_item_name": id, "df_category1": "Food", "df_price": 12.5 },
                ],
            },
            "device": { "device_id": "d1", "model": "iPhone 16", "country": "KR", "region": "서울특별시" },
        });
        base.add(&parse_message(&message.to_string(), &policy).unwrap().message);
    }
    let pairs = [("d1", Relation::Different, "ann", "cho"), ("d2", Relation::Same, "bob", "bob")];
    for (id, relation, a, b) in pairs {
        let b = if relation == Relation::Same { named("phone", "+821012345678") } else { named("external_id", b) };
        base.decisions.push(Decision {
            id: id.into(),
            relation,
            pair: Pair::new(&named("external_id", a), &b).unwrap(),
            at: Timestamp::parse("2026-05-05T00:00:00Z").unwrap(),
            reason: "they called".into(),
            actor: "local".into(),
            revoked: None,
        });
    }
    let ids: Vec<UnifiedId> = base.identifiers.keys().map(id_of).collect();
    ProfileFacts::of(&base, &ids, 1, &policy, &IdSecret::public())
}

fn kinds_with_limit_2() -> Value {
    let mut kinds = serde_json::to_value(&CompiledPolicy::initial().kinds).unwrap();
    for kind in kinds.as_array_mut().unwrap() {
        kind["limit"] = 2.into();
    }
    kinds
}

fn named(kind: &str, value: &str) -> Identifier {
    Identifier::new(Kind::new(kind), value)
}

fn id_of(it: &Identifier) -> UnifiedId {
    unified_id(it, &IdSecret::public())
}
