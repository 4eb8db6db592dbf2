use std::io::Write;

use profile360_core::{evidence::facts::Facts, identifier::Identifier, message::order::Order};
use proptest::prelude::*;

use super::*;

/// Lines as they may come: messages, some with one ID, damaged ones, blanks, and a line of an export.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let message = (0..12u8, 0..6u8, 0..6u8, any::<bool>()).prop_map(|(id, phone, device, is_order)| {
        let event = if is_order {
            let items = r#"[{"df_item_id":"i","df_quantity":1,"df_line_amount":2.5}]"#;
            format!(r#""type":"event","event":"df_purchase","properties":{{"df_order_id":"9{id}","df_items":{items}}}"#)
        } else {
            r#""type":"identify""#.to_owned()
        };
        format!(
            r#"{{"message_id":"m{id}",{event},"timestamp":"2026-01-0{}T00:00:00Z","source":"s","color":1,
            "identifiers":{{"phone":"010-1234-567{phone}","device_id":"d{device}"}}}}"#,
            1 + phone,
        )
        .replace('\n', " ")
    });
    let export = r#"{"unifiedId":"x","identifiers":[{"kind":"phone","value":"+821012345670","sources":["s"],
        "firstSeenAt":"2026-01-01T00:00:00Z"},{"kind":"device_id","value":"d9","shared":true}],
        "activity":{"lastUpdatedAt":"2026-01-02T00:00:00Z"}}"#;
    prop_oneof![
        8 => message.prop_map(String::into_bytes),
        1 => Just(export.replace('\n', " ").into_bytes()),
        1 => Just(b" \t\r".to_vec()),
        1 => Just(b"{\"message_id\":\"m\"".to_vec()),
        1 => Just(b"{\"message_id\":\"\xff\"}".to_vec()),
    ]
}

/// What is said of the lines of a file, as texts: refusals, warnings, and the customers.
fn said(path: &Path, n_cores: usize, block_bytes: usize, policy: &CompiledPolicy) -> [String; 3] {
    let mut cores = Cores::new(n_cores, block_bytes, policy, Purchases::Kept);
    let Said { refused, warnings, failure } = cores.read(path).expect("it is read");
    assert!(failure.is_none());
    let gathered = cores.gathered();
    let resolved = gathered.resolve(policy);
    let sorted = |of_customer: &Vec<&Order>| {
        let mut texts: Vec<String> = of_customer.iter().map(|order| format!("{order:?}")).collect();
        texts.sort();
        texts
    };
    let orders: Vec<Vec<String>> = resolved.orders.iter().map(sorted).collect();
    [
        format!("{} {:?}", refused.n, refused.first),
        format!("{} {:?}", warnings.n, warnings.first),
        format!("{:?} {:?} {orders:?}", resolved.identifiers, resolved.partition.cluster_of),
    ]
}

/// The customers of the messages that one core reads in their sequence.
fn identifiers_by_facts(path: &Path, policy: &CompiledPolicy) -> String {
    let mut messages = Messages::open(path, None, None, &Enricher::plain()).expect("it is opened");
    let mut facts = Facts::default();
    while let Some(part) = messages.next_part(policy).expect("it is read") {
        for accepted in part.accepted {
            facts.add(&accepted.message);
        }
    }
    let resolution = facts.resolve(policy);
    let identifiers: Vec<&Identifier> = resolution.identifiers.iter().map(|(identifier, _)| *identifier).collect();
    format!("{identifiers:?} {:?}", resolution.partition.cluster_of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn several_cores_say_what_one_says(
        lines in prop::collection::vec(line(), 0..60),
        n_cores in 1..5usize,
        block_bytes in 1..2_000usize,
        ends in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("messages.ndjson");
        let mut bytes = "\u{feff}{\"message_id\":1}\n".as_bytes().to_vec();
        bytes.extend(lines.join(&b'\n'));
        if ends {
            bytes.push(b'\n');
        }
        std::fs::File::create(&path).and_then(|mut it| it.write_all(&bytes)).expect("it is written");
        let policy = CompiledPolicy::initial();
        let expected = said(&path, 1, 1 << 20, &policy);
        prop_assert_eq!(&said(&path, n_cores, block_bytes, &policy), &expected);
        let mut cores = Cores::new(n_cores, block_bytes, &policy, Purchases::Checked);
        cores.read(&path).expect("it is read");
        let gathered = cores.gathered();
        let resolved = gathered.resolve(&policy);
        prop_assert!(resolved.orders.iter().all(Vec::is_empty));
        let by_cores = format!("{:?} {:?}", resolved.identifiers, resolved.partition.cluster_of);
        prop_assert_eq!(by_cores, identifiers_by_facts(&path, &policy));
    }
}
