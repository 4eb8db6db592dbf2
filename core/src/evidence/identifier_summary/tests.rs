use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use crate::{
    evidence::link::{MAX_SOURCES, Observations},
    identifier::{Identifier, Kind},
    message::{
        attribute_value::AttributeValue,
        device::{DeviceField, DeviceSeen},
    },
    time::Timestamp,
};

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;

/// Few names, values and times, so that messages collide in all of them.
fn messages() -> impl Strategy<Value = Vec<Message>> {
    vec(message(), 0..8)
}

fn message() -> impl Strategy<Value = Message> {
    let attribute_value = select(vec![json!("Kim"), json!("Lee"), json!(1), json!(true), json!(["a", "b"])]);
    let attributes = btree_map(select(vec!["df_name", "color"]), attribute_value, 0..3);
    let fields = btree_map(select(vec![DeviceField::Model, DeviceField::City]), select(vec!["x", "y"]), 0..3);
    let device = option::of((select(vec!["d1", "d2"]), fields));
    (
        0..4_i64,
        select(vec!["crm", "app"]),
        option::of(select(vec![Platform::Ios, Platform::Web])),
        attributes,
        option::of(select(vec!["df_start_session", "df_login", "a"])),
        option::of(Just("s1")),
        device,
    )
        .prop_map(|(at, source, platform, attributes, event, session_id, device)| Message {
            id: Arc::from("m"),
            at: Timestamp::from_micros(at),
            source: Arc::from(source),
            platform,
            identifiers: vec![Identifier::new(Kind::new("phone"), "+821012345678")],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), AttributeValue::new(&value).expect("a scalar or a list")))
                .collect(),
            event: event.map(Arc::from),
            session_id: session_id.map(Arc::from),
            device: device.map(|(device_id, fields)| DeviceSeen {
                device_id: Arc::from(device_id),
                fields: fields.into_iter().map(|(field, value)| (field, Arc::from(value))).collect(),
            }),
            order: None,
            refund: None,
        })
}

fn summary(messages: &[Message]) -> IdentifierSummary {
    let mut summary = IdentifierSummary::default();
    for message in messages {
        summary.add(message);
    }
    summary
}

fn merged(a: &IdentifierSummary, b: &IdentifierSummary) -> IdentifierSummary {
    let mut it = a.clone();
    it.merge(b);
    it
}

proptest! {
    #[test]
    fn merging_is_associative(a in messages(), b in messages(), c in messages()) {
        let (a, b, c) = (summary(&a), summary(&b), summary(&c));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    #[test]
    fn merging_is_commutative(a in messages(), b in messages(), sessions in (-3..3_i64, -3..3_i64)) {
        let (mut a, mut b) = (summary(&a), summary(&b));
        (a.activity.session_count, b.activity.session_count) = sessions;
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
    }

    #[test]
    fn the_empty_facet_changes_nothing(a in messages()) {
        let a = summary(&a);
        prop_assert_eq!(&merged(&a, &IdentifierSummary::default()), &a);
        prop_assert_eq!(&merged(&IdentifierSummary::default(), &a), &a);
    }

    #[test]
    fn adding_is_merging_the_facet_of_one(a in messages(), message in message()) {
        let before = summary(&a);
        let mut added = before.clone();
        added.add(&message);
        prop_assert_eq!(added, merged(&before, &IdentifierSummary::of(&message)));
    }

    #[test]
    fn order_and_batches_change_nothing(
        (messages, shuffled) in messages().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        cut in 0..8_usize,
    ) {
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        prop_assert_eq!(summary(&messages), merged(&summary(right), &summary(left)));
    }

    #[test]
    fn the_stored_form_reads_back(a in messages()) {
        let summary = summary(&a);
        let text = serde_json::to_string(&summary).expect("a summary serializes");
        prop_assert_eq!(serde_json::from_str::<IdentifierSummary>(&text).expect("it reads back"), summary);
    }
}

#[test]
fn the_stored_form_is_short() {
    let mut message = Message {
        id: Arc::from("m1"),
        at: Timestamp::from_micros(1_000),
        source: Arc::from("crm"),
        platform: Some(Platform::Ios),
        identifiers: vec![Identifier::new(Kind::new("external_id"), "1")],
        attributes: BTreeMap::from([("df_name".to_owned(), AttributeValue::new(&json!("Kim")).expect("a string"))]),
        event: None,
        session_id: None,
        device: None,
        order: None,
        refund: None,
    };
    let mut summary = IdentifierSummary::of(&message);
    message.at = Timestamp::from_micros(3_000);
    message.event = Some(Arc::from("df_login"));
    message.attributes.clear();
    message.device = Some(DeviceSeen {
        device_id: Arc::from("d1"),
        fields: BTreeMap::from([(DeviceField::OsVersion, Arc::from("18.1"))]),
    });
    summary.add(&message);
    assert_eq!(
        serde_json::to_string(&summary).expect("a summary serializes"),
        concat!(
            r#"{"a":{"df_name":{"\"Kim\"":{"crm":[1000,0,1]}}},"#,
            r#""v":{"f":1000,"l":3000,"e":[3000,"df_login"],"n":1},"#,
            r#""d":{"d1":{"u":3000,"f":{"os_version":[3000,"18.1"]}}},"p":["iOS"]}"#
        )
    );
    assert_eq!(serde_json::to_string(&IdentifierSummary::default()).expect("a summary serializes"), "{}");
}

#[test]
fn only_session_starts_without_an_id_are_counted_here() {
    let start = |session_id: Option<&str>| Message {
        id: Arc::from("m1"),
        at: Timestamp::from_micros(1),
        source: Arc::from("app"),
        platform: None,
        identifiers: vec![Identifier::new(Kind::new("external_id"), "1")],
        attributes: BTreeMap::new(),
        event: Some(Arc::from("df_start_session")),
        session_id: session_id.map(Arc::from),
        device: None,
        order: None,
        refund: None,
    };
    let mut summary = summary(&[start(None), start(Some("s1")), start(None)]);
    assert_eq!((summary.activity.session_starts, summary.activity.session_count), (2, 0));
    summary.activity.session_count = 3;
    assert_eq!(summary.activity.sessions(), 5);
    summary.activity.session_count = -1;
    assert_eq!(summary.activity.sessions(), 2);
}

#[test]
fn an_identifier_holds_so_many_attributes_and_the_same_in_any_order() {
    let says = |name: String| Message {
        id: Arc::from("m1"),
        at: Timestamp::from_micros(1),
        source: Arc::from("crm"),
        platform: None,
        identifiers: vec![Identifier::new(Kind::new("external_id"), "1")],
        attributes: BTreeMap::from([(name, AttributeValue::new(&json!(1)).expect("a number"))]),
        event: None,
        session_id: None,
        device: None,
        order: None,
        refund: None,
    };
    let mut messages: Vec<Message> = (0..MAX_CUSTOM_ATTRIBUTES).map(|it| says(format!("n{it:04}"))).collect();
    messages.extend(["df_name", "df_sms_ads_optin"].map(|it| says(it.to_owned())));
    let mut full = IdentifierSummary::default();
    assert!(messages.iter().all(|it| full.add(it).is_empty()), "there is room for all");
    assert_eq!(full.attributes.iter().count(), MAX_CUSTOM_ATTRIBUTES + 2);
    assert!(full.add(&messages[0]).is_empty(), "what is known needs none");

    // One more whose name comes last finds no room; one whose name comes first replaces the last one.
    let before = full.clone();
    assert_eq!(full.add(&says("z".to_owned())), BTreeSet::from([Full::Attributes]));
    assert_eq!(full.attributes.iter().count(), MAX_CUSTOM_ATTRIBUTES + 2);
    assert!(full.attributes.get("z").is_none() && full.attributes == before.attributes);
    assert_eq!(full.add(&says("a".to_owned())), BTreeSet::from([Full::Attributes]));
    let last = format!("n{:04}", MAX_CUSTOM_ATTRIBUTES - 1);
    assert!(full.attributes.get("a").is_some() && full.attributes.get(&last).is_none());

    messages.extend([messages[0].clone(), says("z".to_owned()), says("a".to_owned())]);
    messages.reverse();
    assert_eq!(summary(&messages), full);
    messages.rotate_left(500);
    assert_eq!(summary(&messages), full);
}

/// A message of one device and one source, at a time.
fn used(n: i64, at: i64, model: Option<&str>) -> Message {
    Message {
        id: Arc::from("m1"),
        at: Timestamp::from_micros(at),
        source: Arc::from(format!("s{n:03}")),
        platform: None,
        identifiers: vec![Identifier::new(Kind::new("external_id"), "1")],
        attributes: BTreeMap::new(),
        event: None,
        session_id: None,
        device: Some(DeviceSeen {
            device_id: Arc::from(format!("d{n:03}")),
            fields: model.map(|model| (DeviceField::Model, Arc::from(model))).into_iter().collect(),
        }),
        order: None,
        refund: None,
    }
}

#[test]
fn an_identifier_holds_so_many_devices_and_sources_and_the_same_in_any_order() {
    // The later half is used a second time, without a word about the model.
    let mut messages: Vec<Message> = (0..200).map(|n| used(n, n, Some("x"))).collect();
    messages.extend((100..200).map(|n| used(n, 1_000 - n, None)));
    let mut full = IdentifierSummary::default();
    let mut seen = Observations::of(&messages[0]);
    let had_room: Vec<bool> = messages.iter().map(|message| full.add(message).is_empty()).collect();
    let first_without = |had_room: &[bool]| had_room.iter().position(|had_room| !had_room);
    assert_eq!(first_without(&had_room), Some(MAX_DEVICES + 10), "those in front and those used last");
    let had_room: Vec<bool> = messages.iter().map(|message| seen.add(message)).collect();
    assert_eq!(first_without(&had_room), Some(MAX_SOURCES));
    assert_eq!((full.devices.len(), seen.sources.len()), (MAX_DEVICES + 10, MAX_SOURCES));
    let newest = full.devices.values().map(|state| state.last_used_at).max();
    assert_eq!(newest, Some(Timestamp::from_micros(900)));
    for turn in [37, 111, 250] {
        let mut messages = messages.clone();
        messages.rotate_left(turn);
        let mut seen_again = Observations::of(&messages[0]);
        messages.iter().for_each(|message| _ = seen_again.add(message));
        assert_eq!(summary(&messages), full, "{turn}");
        assert_eq!(seen_again.sources, seen.sources, "{turn}");
        let (left, right) = messages.split_at(turn);
        assert_eq!(merged(&summary(right), &summary(left)), full, "{turn}");
    }
}

proptest! {
    #[test]
    fn devices_that_are_left_out_depend_on_no_sequence(
        (uses, shuffled) in vec((0..90_i64, 0..200_i64, option::of(select(vec!["x", "y"]))), 0..150)
            .prop_flat_map(|uses| (Just(uses.clone()), Just(uses).prop_shuffle())),
        cut in 0..150_usize,
    ) {
        let messages = |uses: &[(i64, i64, Option<&'static str>)]| -> Vec<Message> {
            uses.iter().map(|(n, at, model)| used(*n, *at, *model)).collect()
        };
        let mut all: BTreeMap<Arc<str>, DeviceState> = BTreeMap::new();
        for message in messages(&uses) {
            let one = IdentifierSummary::of(&message).devices;
            one.into_iter().for_each(|(device_id, state)| match all.get_mut(&device_id) {
                Some(known) => known.merge(&state),
                None => drop(all.insert(device_id, state)),
            });
        }
        device::keep(&mut all);
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        prop_assert_eq!(&summary(&messages(&shuffled)).devices, &all);
        prop_assert_eq!(&merged(&summary(&messages(left)), &summary(&messages(right))).devices, &all);
    }
}
