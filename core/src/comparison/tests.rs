use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Content, Group, Side, compare};
use crate::{
    evidence::identifier_summary::IdentifierSummary,
    identifier::{Identifier, Kind, UnifiedId},
    message::parse::parse_message,
    policy::{compiled::CompiledPolicy, document::Policy},
    profile::{
        fold::fold,
        model::{Member, Profile},
    },
    purchases::figures::{PurchaseParams, purchases},
};

fn policy() -> CompiledPolicy {
    CompiledPolicy::new(Policy::default()).expect("a valid policy")
}

/// A customer with one external ID, of which one message says the attributes.
fn customer(n: u128, value: &str, attributes: &Value) -> Profile {
    let policy = policy();
    let message = json!({
        "message_id": "m", "type": "identify", "timestamp": "2026-03-01T00:00:00Z", "source": "crm",
        "identifiers": { "external_id": value }, "attributes": attributes,
    });
    let message = parse_message(&message.to_string(), &policy).expect("an accepted message").message;
    let mut summary = IdentifierSummary::default();
    summary.add(&message);
    let identifier = Identifier::new(Kind::new("external_id"), value);
    let sources: BTreeSet<Arc<str>> = BTreeSet::from([message.source.clone()]);
    let uid = UnifiedId(Uuid::from_u128(n));
    let member = Member {
        identifier: &identifier,
        uid,
        first_seen: message.at,
        last_seen: message.at,
        sources: &sources,
        shared: false,
        retired_at: None,
        summary: &summary,
    };
    fold(&[member], uid, &policy)
}

/// The fields of a comparison, as `group name: values`, with `!` where they differ.
fn compared(sides: &[(&Profile, &str)]) -> Vec<String> {
    let policy = policy();
    let none = |as_of: &str| {
        let params = PurchaseParams { as_of: as_of.parse().expect("a date"), currency: None, net_of_refunds: false };
        purchases(&[], &[], &policy, &params)
    };
    let all: Vec<_> = sides.iter().map(|(_, as_of)| none(as_of)).collect();
    let sides: Vec<Side<'_>> = sides
        .iter()
        .zip(&all)
        .map(|((profile, as_of), purchases)| Side { profile, as_of: as_of.parse().expect("a date"), purchases })
        .collect();
    let fields = compare(&sides, &policy);
    assert!(fields.is_sorted_by_key(|it| it.group));
    assert!(fields.iter().all(|it| it.values.len() == sides.len()));
    let shown = fields.iter().filter(|it| it.group != Group::Purchases && it.group != Group::Activity);
    let mark = |differs| if differs { "!" } else { "" };
    shown.map(|it| format!("{:?} {}{}: {}", it.group, mark(it.differs()), it.name, json!(it.values))).collect()
}

#[test]
fn customers_are_compared_field_by_field() {
    let one = customer(
        1,
        "u1",
        &json!({ "df_name": "김하나", "df_birth": "1991-03-15", "df_sms_ads_optin": true, "points": 3 }),
    );
    let other = customer(2, "u2", &json!({ "df_name": "김하나", "df_birth": "1992-03-15", "shoe": "240" }));
    assert_eq!(
        compared(&[(&one, "2026-03-15"), (&other, "2026-03-15")]),
        [
            r#"Identity name: ["김하나","김하나"]"#,
            r#"Identity !birthDate: ["1991-03-15","1992-03-15"]"#,
            r#"Identity !age: [35,34]"#,
            r#"Identity !external_id: [["u1"],["u2"]]"#,
            r#"Consents !sms_ads: [true,null]"#,
            r#"Attributes !points: [3,null]"#,
            r#"Attributes !shoe: [null,"240"]"#,
        ]
    );
}

#[test]
fn of_one_customer_only_what_depends_on_the_date_is_compared() {
    let one = customer(1, "u1", &json!({ "df_name": "김하나", "df_birth": "1991-03-15" }));
    assert_eq!(compared(&[(&one, "2026-03-14"), (&one, "2026-03-15")]), [r#"Identity !age: [34,35]"#]);
}

#[test]
fn what_identifies_a_person_is_marked() {
    let one = customer(1, "u1", &json!({ "df_name": "김하나", "df_birth": "1991-03-15", "points": 3 }));
    let other = customer(2, "u2", &json!({}));
    let policy = policy();
    let params = PurchaseParams { as_of: "2026-03-15".parse().expect("a date"), currency: None, net_of_refunds: false };
    let none = purchases(&[], &[], &policy, &params);
    let side = |profile| Side { profile, as_of: params.as_of, purchases: &none };
    let fields = compare(&[side(&one), side(&other)], &policy);
    let marked: Vec<&str> = fields.iter().filter(|it| it.content != Content::Open).map(|it| it.name.as_str()).collect();
    assert_eq!(marked, ["name", "birthDate", "age", "external_id", "points"]);
}
