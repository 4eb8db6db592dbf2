use proptest::{collection::vec, prelude::*, sample::select};
use std::{collections::BTreeSet, sync::Arc};

use chrono::NaiveDate;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    attributes::STRICTEST,
    avatar::avatar,
    devices::area,
    fold::fold,
    model::{BasicInfo, Gender, Member, Profile},
};
use crate::{
    evidence::identifier_summary::IdentifierSummary,
    identifier::{Identifier, Kind, UnifiedId},
    message::{
        Message, Platform,
        attribute_value::AttributeValue,
        device::{DeviceField, DeviceSeen},
    },
    policy::{document::Policy, survivorship::Rule},
    time::Timestamp,
};

/// An identifier that owns what it says, so that members can borrow from it.
#[derive(Debug, Clone)]
struct Owner {
    identifier: Identifier,
    uid: UnifiedId,
    first_seen: i64,
    last_seen: i64,
    sources: BTreeSet<Arc<str>>,
    retired_at: Option<Timestamp>,
    summary: IdentifierSummary,
}

fn owner(kind: &str, value: &str, n: u128, messages: &[Message]) -> Owner {
    let mut summary = IdentifierSummary::default();
    for message in messages {
        summary.add(message);
    }
    Owner {
        identifier: Identifier::new(Kind::new(kind), value),
        uid: UnifiedId(Uuid::from_u128(n)),
        first_seen: messages.iter().map(|it| it.at.micros()).min().unwrap_or(1),
        last_seen: messages.iter().map(|it| it.at.micros()).max().unwrap_or(1),
        sources: messages.iter().map(|it| it.source.clone()).collect(),
        retired_at: None,
        summary,
    }
}

fn profile(owners: &[Owner], policy: &Policy) -> Profile {
    let members: Vec<Member<'_>> = owners
        .iter()
        .map(|owner| Member {
            identifier: &owner.identifier,
            uid: owner.uid,
            first_seen: Timestamp::from_micros(owner.first_seen),
            last_seen: Timestamp::from_micros(owner.last_seen),
            sources: &owner.sources,
            shared: false,
            retired_at: owner.retired_at,
            summary: &owner.summary,
        })
        .collect();
    fold(&members, UnifiedId(Uuid::from_u128(1)), policy)
}

/// A message of the CRM at so many microseconds that says the attributes of a JSON object.
fn says(at: i64, attributes: Value) -> Message {
    let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
    let attributes = attributes
        .into_iter()
        .map(|(name, it)| (name, AttributeValue::new(&it).expect("a scalar or a list")))
        .collect();
    Message {
        id: Arc::from("m"),
        at: Timestamp::from_micros(at),
        source: Arc::from("crm"),
        platform: None,
        identifiers: Vec::new(),
        attributes,
        event: None,
        session_id: None,
        device: None,
        order: None,
        refund: None,
    }
}

fn event(at: i64, name: &str) -> Message {
    Message { event: Some(Arc::from(name)), ..says(at, json!({})) }
}

fn uses(at: i64, device_id: &str, fields: &[(DeviceField, &str)]) -> Message {
    let fields = fields.iter().map(|(field, value)| (*field, Arc::from(*value))).collect();
    Message { device: Some(DeviceSeen { device_id: Arc::from(device_id), fields }), ..says(at, json!({})) }
}

fn as_of() -> NaiveDate {
    "2026-03-15".parse().expect("a date")
}

fn basic(owners: &[Owner]) -> BasicInfo {
    profile(owners, &Policy::default()).basic(as_of())
}

#[test]
fn a_device_is_shared_unless_its_id_is_linked() {
    let user = owner("external_id", "7", 1, &[uses(2, "d1", &[]), uses(1, "d2", &[])]);
    let linked = [user.clone(), owner("device_id", "d1", 2, &[])];
    let shared = |owners: &[Owner]| -> Vec<(String, bool)> {
        let profile = profile(owners, &Policy::default());
        profile.devices.iter().map(|it| (it.device_id.to_string(), it.shared)).collect()
    };
    assert_eq!(shared(&[user]), [("d1".to_owned(), true), ("d2".to_owned(), true)]);
    assert_eq!(shared(&linked), [("d1".to_owned(), false), ("d2".to_owned(), true)]);
}

#[test]
fn the_json_is_that_of_the_api() {
    let facts = json!({"df_name": "김하늘", "df_gender": "NonBinary", "df_birth": "1990-05-20", "df_push_optin": true, "tier": 3});
    let described = uses(2_000_000, "d1", &[(DeviceField::Region, "Busan"), (DeviceField::City, "Haeundae-gu")]);
    let owners = [
        owner("external_id", "7", 1, &[says(1_000_000, facts), Message { platform: Some(Platform::Ios), ..described }]),
        owner(
            "phone",
            "+821012345678",
            2,
            &[Message { source: Arc::from("app"), ..says(3_500_000, json!({"tier": 4})) }],
        ),
    ];
    let profile = profile(&owners, &Policy::default());
    let external_id = json!({
        "kind": "external_id", "value": "7", "unifiedId": "00000000-0000-0000-0000-000000000001",
        "firstSeenAt": "1970-01-01T00:00:01Z", "lastSeenAt": "1970-01-01T00:00:02Z",
        "sources": ["crm"], "shared": false, "retiredAt": null,
    });
    let phone = json!({
        "kind": "phone", "value": "+821012345678", "unifiedId": "00000000-0000-0000-0000-000000000002",
        "firstSeenAt": "1970-01-01T00:00:03.500Z", "lastSeenAt": "1970-01-01T00:00:03.500Z",
        "sources": ["app"], "shared": false, "retiredAt": null,
    });
    let device = json!({
        "deviceId": "d1", "model": null, "os": null, "osVersion": null, "browser": null, "browserVersion": null,
        "carrier": null, "language": null, "timeZone": null, "country": null, "region": "Busan", "city": "Haeundae-gu",
        "area": "Busan Haeundae-gu", "libraryPlatform": null, "libraryVersion": null, "shared": true,
        "lastUsedAt": "1970-01-01T00:00:02Z",
    });
    let attribute = |name: &str, standard: bool, value: Value, rule: &str| {
        json!({
            "name": name, "standard": standard, "value": value, "rule": rule, "observedAt": "1970-01-01T00:00:01Z",
            "source": "crm", "identifier": external_id, "others": [],
        })
    };
    let tier = json!({
        "name": "tier", "standard": false, "value": 4, "rule": "latest", "observedAt": "1970-01-01T00:00:03.500Z",
        "source": "app", "identifier": phone,
        "others": [{"value": 3, "observedAt": "1970-01-01T00:00:01Z", "source": "crm", "identifier": external_id}],
    });
    let expected = json!({
        "unifiedId": "00000000-0000-0000-0000-000000000001",
        "supersededIds": ["00000000-0000-0000-0000-000000000002"],
        "identifiers": [external_id, phone],
        "recentDevice": device,
        "devices": [device],
        "attributes": [
            attribute("df_birth", true, json!("1990-05-20"), "latest"),
            attribute("df_gender", true, json!("NonBinary"), "latest"),
            attribute("df_name", true, json!("김하늘"), "latest"),
            attribute("df_push_optin", true, json!(true), "strictest"),
            tier,
        ],
        "consents": [{"channel": "push", "granted": true, "observedAt": "1970-01-01T00:00:01Z", "source": "crm"}],
        "activity": {
            "firstAccessAt": "1970-01-01T00:00:01Z", "lastActivityAt": "1970-01-01T00:00:03.500Z",
            "eventCount": 0, "sessionCount": 0, "lastUpdatedAt": "1970-01-01T00:00:03.500Z",
        },
    });
    assert_eq!(serde_json::to_value(&profile).expect("a profile serializes"), expected);
    let expected = json!({
        "avatar": {"letter": "김", "color": avatar(Some("김")).color},
        "name": "김하늘", "platforms": ["IOS"], "deviceCount": 1, "phone": "+821012345678", "email": null,
        "gender": "NON_BINARY", "birthDate": "1990-05-20", "age": 35, "ageGroup": "30s", "membershipLevel": null,
        "recentArea": "Busan Haeundae-gu",
    });
    assert_eq!(serde_json::to_value(profile.basic(as_of())).expect("it serializes"), expected);
}

#[test]
fn invalid_standard_values_are_passed_over_for_the_next() {
    let owners = [owner(
        "external_id",
        "7",
        1,
        &[
            says(1, json!({"df_birth": "1990-05-20", "df_gender": "Male", "df_name": "Kim", "df_membership": "Gold"})),
            says(2, json!({"df_birth": "1991-02-29", "df_gender": "unknown", "df_name": " ", "df_membership": 4})),
            says(3, json!({"df_birth": "1991-2-3", "df_gender": true, "df_name": ["Lee"], "df_membership": ""})),
        ],
    )];
    let it = basic(&owners);
    assert_eq!(
        (it.name.as_deref(), it.gender, it.membership_level.as_deref()),
        (Some("Kim"), Some(Gender::Male), Some("Gold"))
    );
    assert_eq!((it.birth_date, it.age), ("1990-05-20".parse().ok(), Some(35)));
    // They are attributes all the same.
    let attributes = profile(&owners, &Policy::default()).attributes;
    assert_eq!(
        attributes.iter().map(|it| it.value.to_value()).collect::<Vec<_>>()[..2],
        [json!("1991-2-3"), json!(true)]
    );
}

#[test]
fn basic_information_follows_the_attributes_rule() {
    let mut policy = Policy::default();
    policy.survivorship.attributes.insert("df_name".to_owned(), Rule::Earliest);
    let owners =
        [owner("external_id", "7", 1, &[says(1, json!({"df_name": "Kim"})), says(2, json!({"df_name": "Lee"}))])];
    let profile = profile(&owners, &policy);
    assert_eq!(profile.basic(as_of()).name.as_deref(), Some("Kim"));
    let attribute = &profile.attributes[0];
    assert_eq!((attribute.rule, attribute.observed_at.micros()), ("earliest", 1));
    assert_eq!(attribute.others[0].value.to_value(), json!("Lee"));
}

#[test]
fn a_birth_ahead_has_no_age() {
    let it = basic(&[owner("external_id", "7", 1, &[says(1, json!({"df_birth": "2026-03-16"}))])]);
    assert_eq!((it.birth_date, it.age, it.age_group), ("2026-03-16".parse().ok(), None, None));
}

#[test]
fn others_are_the_losers_newest_first() {
    let phone = owner("phone", "+821012345678", 2, &[says(5, json!({"x": "b"})), says(2, json!({"x": "a"}))]);
    let owners = [owner("external_id", "7", 1, &[says(4, json!({"x": "a"})), says(9, json!({"x": "c"}))]), phone];
    let attribute = &profile(&owners, &Policy::default()).attributes[0];
    let others: Vec<String> = attribute
        .others
        .iter()
        .map(|it| format!("{} {} {}", it.value.as_json(), it.observed_at.micros(), it.identifier.kind))
        .collect();
    assert_eq!(others, [r#""b" 5 phone"#, r#""a" 4 external_id"#]);
}

#[test]
fn a_union_lists_all_values_and_the_items_of_lists_oldest_first() {
    let mut policy = Policy::default();
    policy.survivorship.default = Rule::Union;
    let owners = [
        owner("external_id", "7", 1, &[says(2, json!({"x": ["b", "a"]})), says(3, json!({"x": "c"}))]),
        owner("phone", "+821012345678", 2, &[says(1, json!({"x": "c"})), says(4, json!({"x": ["b", 1]}))]),
    ];
    let attribute = &profile(&owners, &policy).attributes[0];
    assert_eq!(attribute.value.to_value(), json!(["c", "a", "b", 1]));
    assert_eq!((attribute.rule, attribute.others.len(), attribute.observed_at.micros()), ("union", 0, 4));
}

#[test]
fn an_attribute_that_was_unset_has_what_was_said_since() {
    let check = |messages: &[(i64, Value)], rule: Rule, expected: Option<Value>| {
        let mut policy = Policy::default();
        policy.survivorship.default = rule;
        let said: Vec<Message> = messages.iter().map(|(at, value)| says(*at, json!({ "df_name": value }))).collect();
        let (ours, theirs) = said.split_at(said.len() / 2);
        let owners = [owner("external_id", "7", 1, ours), owner("phone", "+821012345678", 2, theirs)];
        let it = profile(&owners, &policy);
        assert_eq!(it.attributes.first().map(|it| it.value.to_value()), expected, "{messages:?}");
        let name = expected.as_ref().and_then(|value| value.as_array().map_or(Some(value), |items| items.last()));
        assert_eq!(it.basic(as_of()).name.map(Value::from).as_ref(), name);
    };
    for rule in [Rule::Latest, Rule::Earliest, Rule::MostFrequent, Rule::Max, Rule::Min, Rule::SourcePriority] {
        check(&[(1, json!("A")), (2, json!(null))], rule, None);
        check(&[(2, json!(null)), (1, json!("A")), (1, json!("A"))], rule, None);
        check(&[(1, json!("A")), (1, json!("A")), (2, json!(null)), (3, json!("B"))], rule, Some(json!("B")));
        // At one time it is unset.
        check(&[(2, json!("A")), (2, json!(null))], rule, None);
        check(&[(2, json!(null))], rule, None);
    }
    check(&[(1, json!("A")), (2, json!(null)), (3, json!("B")), (4, json!("C"))], Rule::Union, Some(json!(["B", "C"])));
}

#[test]
fn what_is_unset_is_unset_with_its_parts() {
    let said = [
        says(
            1,
            json!({ "address.city": "Seoul", "address.zip": "04524", "address.geo.lat": 37.5, "addressee": "Kim" }),
        ),
        says(2, json!({ "address": null, "address-2": "Busan", "address.zip": "04525" })),
        says(3, json!({ "address.street": "Sejong-daero" })),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let messages: Vec<Message> = order.iter().map(|it| said[*it].clone()).collect();
        let owners = [owner("external_id", "7", 1, &messages[..1]), owner("phone", "+821012345678", 2, &messages[1..])];
        let profile = profile(&owners, &Policy::default());
        let names: Vec<&str> = profile.attributes.iter().map(|it| it.name.as_ref()).collect();
        assert_eq!(names, ["address-2", "address.street", "addressee"], "what is said at that very time is unset, too");
    }
}

#[test]
fn consents_are_the_latest_of_each_identifier_and_the_strictest_of_those() {
    let check = |of_id: &[(i64, bool)], of_phone: &[(i64, bool)], expected: (bool, i64), others: usize| {
        let messages = |of: &[(i64, bool)]| -> Vec<Message> {
            of.iter().map(|(at, granted)| says(*at, json!({"df_sms_ads_optin": granted}))).collect()
        };
        let owners =
            [owner("external_id", "7", 1, &messages(of_id)), owner("phone", "+821012345678", 2, &messages(of_phone))];
        let it = profile(&owners, &Policy::default());
        assert_eq!((it.consents[0].granted, it.consents[0].observed_at.micros()), expected);
        assert_eq!(it.consents[0].channel, "sms_ads");
        assert_eq!(it.attributes[0].value.to_value(), json!(expected.0));
        assert_eq!(it.attributes[0].others.len(), others);
    };
    check(&[(1, false), (2, true)], &[], (true, 2), 1);
    check(&[(1, true), (2, false)], &[], (false, 2), 1);
    // A later yes under another identifier does not lift a no.
    check(&[(1, false)], &[(9, true)], (false, 1), 1);
    check(&[(1, false), (3, true)], &[(2, true)], (true, 3), 1);
    check(&[(1, false)], &[(5, false)], (false, 5), 0);
    // At one time the no is the later.
    check(&[(1, true), (1, false)], &[], (false, 1), 1);
}

#[test]
fn the_phone_is_the_one_seen_last() {
    let phone = |value: &str, first_seen, last_seen| Owner { first_seen, last_seen, ..owner("phone", value, 1, &[]) };
    let check = |phones: &[Owner], expected: Option<&str>| assert_eq!(basic(phones).phone.as_deref(), expected);
    check(&[], None);
    check(&[phone("+8210a", 1, 5), phone("+8210b", 2, 4)], Some("+8210a"));
    check(&[phone("+8210a", 2, 5), phone("+8210b", 1, 5)], Some("+8210b"));
    check(&[phone("+8210b", 1, 5), phone("+8210a", 1, 5)], Some("+8210a"));
    let retired = Owner { retired_at: Some(Timestamp::from_micros(9)), ..phone("+8210a", 1, 8) };
    check(&[retired.clone(), phone("+8210b", 1, 5)], Some("+8210b"));
    check(&[retired], None);
}

#[test]
fn devices_are_described_last_used_first() {
    let owners = [
        owner(
            "external_id",
            "7",
            1,
            &[
                uses(1, "old", &[(DeviceField::Country, "KR"), (DeviceField::Model, "A")]),
                uses(5, "new", &[(DeviceField::Model, "B")]),
            ],
        ),
        owner(
            "phone",
            "+821012345678",
            2,
            &[uses(3, "old", &[(DeviceField::City, "Seoul"), (DeviceField::Region, "Seoul")])],
        ),
        // No message describes it.
        Owner { last_seen: 4, ..owner("device_id", "bare", 3, &[]) },
        owner("device_id", "old", 4, &[]),
    ];
    let it = profile(&owners, &Policy::default());
    let devices: Vec<String> =
        it.devices.iter().map(|it| format!("{} {}", it.device_id, it.last_used_at.micros())).collect();
    assert_eq!(devices, ["new 5", "bare 4", "old 3"]);
    assert_eq!(it.recent_device, it.devices.first().cloned());
    assert_eq!(it.devices[2].model.as_deref(), Some("A"));
    let basic = it.basic(as_of());
    assert_eq!((basic.device_count, basic.recent_area.as_deref()), (3, Some("Seoul")));
}

#[test]
fn areas_are_region_and_city_or_the_country() {
    for (country, region, city, expected) in [
        (Some("KR"), Some("Gyeonggi-do"), Some("Suwon"), Some("Gyeonggi-do Suwon")),
        (Some("KR"), Some("Seoul"), Some("Seoul"), Some("Seoul")),
        (Some("KR"), Some("Gyeonggi-do"), None, Some("Gyeonggi-do")),
        (Some("KR"), None, Some("Suwon"), Some("Suwon")),
        (Some("KR"), None, None, Some("KR")),
        (None, None, None, None),
    ] {
        assert_eq!(area(country, region, city).as_deref(), expected);
    }
}

#[test]
fn activity_adds_up() {
    let mut with_sessions =
        owner("external_id", "7", 1, &[says(2, json!({})), event(7, "df_login"), event(5, "df_start_session")]);
    with_sessions.summary.activity.session_count = 2;
    with_sessions.first_seen = 1;
    let owners = [with_sessions, owner("phone", "+821012345678", 2, &[event(3, "df_login"), says(9, json!({}))])];
    let it = profile(&owners, &Policy::default()).activity;
    let times = [it.first_access_at, it.last_activity_at, it.last_updated_at].map(Timestamp::micros);
    assert_eq!((times, it.event_count, it.session_count), ([1, 7, 9], 3, 3));
    // Without events the latest message counts, and without messages the latest observation.
    let it = profile(&owners[1..], &Policy::default()).activity;
    assert_eq!(it.first_access_at.micros(), 3);
    let it = profile(&[Owner { last_seen: 4, ..owner("phone", "+821012345678", 1, &[]) }], &Policy::default()).activity;
    assert_eq!((it.last_activity_at.micros(), it.last_updated_at.micros()), (4, 4));
}

#[test]
fn a_profile_of_nothing_does_not_panic() {
    let it = profile(&[], &Policy::default());
    assert_eq!((it.identifiers.len(), it.basic(as_of()).avatar.letter.as_str()), (0, "?"));
}

proptest! {
    #[test]
    fn the_sequence_of_members_and_the_spread_of_messages_over_them_are_all_the_same(
        (owners, shuffled) in vec((select(vec!["external_id", "phone", "device_id"]), vec((0..4_i64, select(vec![
            json!({"df_name": "Kim", "df_push_optin": true}),
            json!({"df_name": "Lee", "x": [1, 2]}),
            json!({"df_push_optin": false, "x": 2}),
        ])), 0..4)), 1..5).prop_flat_map(|rows| {
            let owners: Vec<Owner> = rows
                .into_iter()
                .enumerate()
                .map(|(n, (kind, messages))| {
                    let messages: Vec<Message> = messages.into_iter().map(|(at, it)| says(at, it)).collect();
                    owner(kind, &n.to_string(), n as u128, &messages)
                })
                .collect();
            (Just(owners.clone()), Just(owners).prop_shuffle())
        }),
        rule in select(vec![Rule::Latest, Rule::Earliest, Rule::MostFrequent, Rule::Max, Rule::Min, Rule::SourcePriority, Rule::Union]),
    ) {
        let mut policy = Policy::default();
        policy.survivorship.default = rule;
        prop_assert_eq!(profile(&owners, &policy), profile(&shuffled, &policy));
        // A merge of summaries says the same of every attribute that is no consent.
        let mut merged = owners[0].clone();
        for other in &owners[1..] {
            merged.summary.merge(&other.summary);
        }
        let values = |profile: &Profile| -> Vec<(Arc<str>, AttributeValue)> {
            profile.attributes.iter().filter(|it| it.rule != STRICTEST).map(|it| (it.name.clone(), it.value.clone())).collect()
        };
        prop_assert_eq!(values(&profile(&owners, &policy)), values(&profile(&[merged], &policy)));
    }
}
