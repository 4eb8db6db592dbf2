use super::{
    MessageReader, Purchases,
    accepted::Accepted,
    device::{Description, DeviceHints},
    parse_described, parse_kept, parse_message,
};
use crate::money::Currency;
use crate::{
    message::{
        attribute_value::AttributeValue,
        device::DeviceField,
        limits::{MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_LIST_ITEMS, MAX_MESSAGE_BYTES, MAX_NAME_BYTES},
        order::{OrderKey, Refund},
        refusal::{Refusal, RefusalCode},
    },
    policy::compiled::CompiledPolicy,
};

const VALID: &str = r#"{"message_id":"m1","type":"identify","timestamp":"2026-01-31T09:00:00+09:00","source":"crm",
    "identifiers":{"external_id":"1230102301","phone_no":["010-1234-5678","821012345678"]}}"#;

fn parse(json: &str) -> Result<Accepted, Refusal> {
    parse_message(json, &CompiledPolicy::initial())
}

/// The valid message with one field set to other JSON, or removed where that is empty.
fn with(field: &str, json: &str) -> String {
    let mut message: serde_json::Map<String, serde_json::Value> = serde_json::from_str(VALID).expect("valid");
    if json.is_empty() {
        message.remove(field);
    } else {
        message.insert(field.to_owned(), serde_json::from_str(json).expect("json"));
    }
    serde_json::Value::Object(message).to_string()
}

fn purchase(properties: &str) -> String {
    format!(
        r#"{{"message_id":"m1","type":"event","timestamp":"2026-01-31T00:00:00Z","source":"shop",
        "identifiers":{{"external_id":"1230102301"}},"event":"df_purchase","properties":{properties}}}"#
    )
}

#[test]
fn a_message_is_normalized_and_its_identifiers_come_strongest_first() {
    let accepted = parse(VALID).expect("accepted");
    let identifiers: Vec<String> =
        accepted.message.identifiers.iter().map(|it| format!("{}={}", it.kind, it.value)).collect();
    assert_eq!(identifiers, ["external_id=1230102301", "phone=+821012345678"]);
    assert_eq!(accepted.message.at.to_rfc3339(), "2026-01-31T00:00:00Z");
    assert_eq!(accepted.warnings, []);
}

#[test]
fn a_message_with_another_id_is_as_if_it_had_been_sent_with_it() {
    let refund = purchase(r#"{"df_total_refund_amount":1}"#).replace("df_purchase", "df_refund");
    let order_of_message = purchase(r#"{"df_total_purchase_amount":1}"#);
    let order = purchase(r#"{"df_order_id":"o1","df_total_purchase_amount":1}"#);
    for text in [VALID.to_owned(), refund, order_of_message, order] {
        let mut message = parse(&text).expect("accepted").message;
        message.set_id("m2".into());
        assert_eq!(message, parse(&text.replace("m1", "m2")).expect("accepted").message, "{text}");
    }
}

#[test]
fn bad_messages_are_refused_with_code_and_path() {
    let long = format!("\"{}\"", "x".repeat(129));
    let cases: [(String, &str, &str); 30] = [
        ("not json".to_owned(), "NOT_JSON", ""),
        (VALID.chars().take(60).collect(), "NOT_JSON", ""),
        ("[1]".to_owned(), "NOT_JSON", ""),
        (String::new(), "NOT_JSON", ""),
        (format!("{VALID}{VALID}"), "NOT_JSON", ""),
        (with("attributes", &format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000))), "TOO_LARGE", ""),
        (with("message_id", ""), "MISSING_FIELD", "message_id"),
        (with("message_id", "null"), "MISSING_FIELD", "message_id"),
        (with("message_id", "\" \""), "MISSING_FIELD", "message_id"),
        (with("message_id", "7"), "WRONG_TYPE", "message_id"),
        (with("message_id", &long), "TOO_LONG", "message_id"),
        (with("type", "\"page\""), "UNKNOWN_TYPE", "type"),
        (with("platform", "\"Windows\""), "UNKNOWN_PLATFORM", "platform"),
        (with("timestamp", "\"2026-01-31T09:00:00\""), "TIMESTAMP_WITHOUT_ZONE", "timestamp"),
        (with("timestamp", "\"yesterday\""), "TIMESTAMP_MALFORMED", "timestamp"),
        (with("timestamp", "\"1969-12-31T23:59:59Z\""), "TIMESTAMP_OUT_OF_RANGE", "timestamp"),
        (with("source", ""), "MISSING_FIELD", "source"),
        (with("identifiers", ""), "MISSING_FIELD", "identifiers"),
        (with("identifiers", "{}"), "NO_USABLE_IDENTIFIER", "identifiers"),
        (with("identifiers", "[]"), "WRONG_TYPE", "identifiers"),
        (with("identifiers", r#"{"phone":"+1 415 555 0132"}"#), "NO_USABLE_IDENTIFIER", "identifiers.phone"),
        (with("identifiers", r#"{"phone":[null,"unknown"]}"#), "NO_USABLE_IDENTIFIER", "identifiers.phone[1]"),
        (with("type", "\"event\""), "MISSING_FIELD", "event"),
        (
            purchase(r#"{"df_items":[{"df_price":1},{"df_price":1,"df_quantity":-1}]}"#),
            "QUANTITY_OUT_OF_RANGE",
            "properties.df_items[1].df_quantity",
        ),
        (
            purchase(r#"{"df_items":[{"df_price":1,"df_quantity":1000001}]}"#),
            "QUANTITY_OUT_OF_RANGE",
            "properties.df_items[0].df_quantity",
        ),
        (
            purchase(r#"{"df_items":[{"df_price":1,"df_quantity":1.5}]}"#),
            "QUANTITY_OUT_OF_RANGE",
            "properties.df_items[0].df_quantity",
        ),
        (
            purchase(r#"{"df_total_purchase_amount":"12,900"}"#),
            "AMOUNT_MALFORMED",
            "properties.df_total_purchase_amount",
        ),
        (purchase(r#"{"df_total_purchase_amount":-1}"#), "AMOUNT_OUT_OF_RANGE", "properties.df_total_purchase_amount"),
        (
            purchase(r#"{"df_total_purchase_amount":1e15}"#),
            "AMOUNT_OUT_OF_RANGE",
            "properties.df_total_purchase_amount",
        ),
        (
            purchase(r#"{"df_total_purchase_amount":1,"df_currency":"원"}"#),
            "CURRENCY_MALFORMED",
            "properties.df_currency",
        ),
    ];
    for (json, code, path) in cases {
        let shown: String = json.chars().take(200).collect();
        let refusal = parse(&json).expect_err(&shown);
        assert_eq!((refusal.code.as_str(), refusal.path.as_str()), (code, path), "{shown}");
        assert!(!refusal.detail.is_empty());
    }
}

#[test]
fn what_can_be_left_out_is_left_out_with_a_warning() {
    let cases = [
        (with("identifiers", r#"{"external_id":"1","phone":"+1 415 555 0132"}"#), "PHONE_FOREIGN", "identifiers.phone"),
        (with("identifiers", r#"{"external_id":"1","phone":{}}"#), "WRONG_TYPE", "identifiers.phone"),
        (with("identifiers", r#"{"external_id":"1","fax":"1"}"#), "UNKNOWN_KIND", "identifiers.fax"),
        (with("identifiers", r#"{"external_id":["1","guest"]}"#), "IDENTIFIER_BLOCKED", "identifiers.external_id[1]"),
        (
            with("identifiers", r#"{"external_id":"kim@example.com"}"#),
            "SUSPICIOUS_IDENTIFIER",
            "identifiers.external_id",
        ),
        (with("attributes", r#"{"df_gender":"M"}"#), "ATTRIBUTE_VALUE", "attributes.df_gender"),
        (with("attributes", r#"{"df_birth":"1990-02-30"}"#), "ATTRIBUTE_VALUE", "attributes.df_birth"),
        (with("attributes", r#"{"df_push_optin":"yes"}"#), "ATTRIBUTE_VALUE", "attributes.df_push_optin"),
        (with("attributes", r#"{"a":{"b":1}}"#), "ATTRIBUTE_TYPE", "attributes.a"),
        (with("attributes", r#"{"a":[1,null]}"#), "ATTRIBUTE_TYPE", "attributes.a"),
        (with("attributes", r#"{"df_push_optin":null}"#), "ATTRIBUTE_VALUE", "attributes.df_push_optin"),
        (with("device", r#"{"model":"Galaxy S24"}"#), "DEVICE_WITHOUT_ID", "device"),
        (with("traits", "{}"), "UNKNOWN_FIELD", "traits"),
        (with("properties", "{}"), "NOT_AN_EVENT", "properties"),
    ];
    for (json, code, path) in cases {
        let accepted = parse(&json).expect(&json);
        let found: Vec<(&str, &str)> = accepted.warnings.iter().map(|it| (it.code, it.path.as_str())).collect();
        assert_eq!(found, [(code, path)], "{json}");
    }
}

#[test]
fn a_bad_value_costs_only_itself_and_is_reported() {
    let half = |field: &str, json: &str| with(field, &json.replace("HALF", "half")).replace("half", r"cut \ud83d");
    // The message; the codes and paths of the warnings; the values.
    type Case<'c> = (String, &'c [(&'c str, &'c str)], &'c str);
    let cases: [Case<'_>; 13] = [
        // Of a name that is refused nothing is kept, so that what is kept says the same.
        (with("attributes", r#"{"a\u0000b":1,"c":2}"#), &[("ATTRIBUTE_NAME", "attributes.a\u{0}b")], "{\"c\":2}"),
        (
            half("attributes", r#"{"bio":"HALF","b":1}"#),
            &[("HALF_CHARACTER", "")],
            "{\"b\":1,\"bio\":\"cut \u{fffd}\"}",
        ),
        (with("attributes", r#"{"bio":"A"}"#).replace('A', r"\ud83d\ude00 \\ud83d"), &[], "{\"bio\":\"😀 \\\\ud83d\"}"),
        (
            with("attributes", r#"{"bio":"A"}"#).replace('A', r"\udE00\uD83D"),
            &[("HALF_CHARACTER", "")],
            "{\"bio\":\"\u{fffd}\u{fffd}\"}",
        ),
        (
            half("identifiers", r#"{"external_id":["1","HALF"]}"#),
            &[("IDENTIFIER_DAMAGED", "identifiers.external_id[1]"), ("HALF_CHARACTER", "")],
            "{}",
        ),
        (with("identifiers", r#"{"external_id":["1",true]}"#), &[("WRONG_TYPE", "identifiers.external_id[1]")], "{}"),
        (
            with("attributes", r#"{"A":1}"#).replace(r#""A":1"#, r#""a":1,"b":0,"a":2"#),
            &[("DUPLICATE_FIELD", "attributes.a")],
            "{\"a\":2,\"b\":0}",
        ),
        (with("attributes", r#"{"a":"N"}"#).replace("\"N\"", "29.949999999999999"), &[], "{\"a\":29.95}"),
        (
            with("attributes", r#"{"a":"N"}"#).replace("\"N\"", "12345678901234567890123"),
            &[("NUMBER_ROUNDED", "attributes.a")],
            "{\"a\":1.2345678901234568e+22}",
        ),
        (
            with("attributes", r#"{"a":"N"}"#).replace("\"N\"", "[18446744073709551615,0.12345678901234567891]"),
            &[("NUMBER_ROUNDED", "attributes.a")],
            "{\"a\":[18446744073709551615,0.12345678901234568]}",
        ),
        (with("attributes", r#"{"a":"N"}"#).replace("\"N\"", "1e300"), &[], "{\"a\":1e+300}"),
        (
            with("attributes", r#"{"a":"N","b":1}"#).replace("\"N\"", "1e999"),
            &[("ATTRIBUTE_TYPE", "attributes.a")],
            "{\"b\":1}",
        ),
        (
            with("attributes", r#"{"a":"N","b":1}"#)
                .replace("\"N\"", &format!("{}{}", "[".repeat(1_000), "]".repeat(1_000))),
            &[("ATTRIBUTE_TYPE", "attributes.a")],
            "{\"b\":1}",
        ),
    ];
    for (json, order_notes, kept) in cases {
        let accepted = parse(&json).expect(&json);
        let found: Vec<(&str, &str)> = accepted.warnings.iter().map(|it| (it.code, it.path.as_str())).collect();
        assert_eq!(found, order_notes, "{json}");
        let attributes: Vec<String> =
            accepted.message.attributes.iter().map(|(name, it)| format!("\"{name}\":{}", it.as_json())).collect();
        assert_eq!(format!("{{{}}}", attributes.join(",")), kept, "{json}");
        // What is kept can be read again, and says the same.
        let again = parse_kept(&accepted.payload, &CompiledPolicy::initial()).expect("it is kept as it can be read");
        assert_eq!(again.message, accepted.message, "{json}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&accepted.payload).is_ok() || !json.contains("cut"),
            "{json}"
        );
    }
    let order = |id: &str| purchase(&format!(r#"{{"df_order_id":"{id}","df_total_purchase_amount":1}}"#));
    for (json, path) in [
        (half("message_id", "\"HALF\""), "message_id"),
        (order(r"A\ud83d"), "properties.df_order_id"),
        (order(r"A\ud83d").replace("df_purchase\"", "df_refund\""), "properties.df_order_id"),
    ] {
        let refusal = parse(&json).expect_err(&json);
        assert_eq!((refusal.code.as_str(), refusal.path.as_str()), ("WRONG_TYPE", path), "{json}");
    }
    for (properties, path) in [
        (r#"{"df_total_purchase_amount":1,"df_total_purchase_amount":2}"#, "properties.df_total_purchase_amount"),
        (r#"{"df_items":[{"df_price":1,"df_price":2}]}"#, "properties.df_items[0].df_price"),
    ] {
        let refusal = parse(&purchase(properties)).expect_err(properties);
        assert_eq!((refusal.code.as_str(), refusal.path.as_str()), ("DUPLICATE_FIELD", path));
    }
    let login = purchase(r#"{"a":1,"a":2}"#).replace("df_purchase", "df_login");
    let warnings = parse(&login).expect("it costs only itself").warnings;
    assert_eq!(warnings.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["properties.a"]);
}

#[test]
fn an_amount_is_the_nearest_decimal_of_28_digits() {
    let table = [
        ("29.949999999999999", Ok("29.949999999999999")),
        ("0.45000000000000001", Ok("0.45000000000000001")),
        ("\"0.45000000000000001\"", Ok("0.45000000000000001")),
        ("123456789012.12345678901234567890", Ok("123456789012.12345678901234568")),
        ("0.00000000000000000000000000000000001", Ok("0")),
        ("1e-400", Ok("0")),
        ("0e999999999999999999999", Ok("0")),
        ("2.9949999999999999e1", Ok("29.949999999999999")),
        ("29949999999999999.00000000000000000000000000000e-15", Ok("29.949999999999999")),
        ("1.5E+3", Ok("1500")),
        ("15e2", Ok("1500")),
        ("1e300", Err("AMOUNT_OUT_OF_RANGE")),
        ("1e999999999999999999999", Err("AMOUNT_OUT_OF_RANGE")),
        ("123456789012345678901234567890123", Err("AMOUNT_OUT_OF_RANGE")),
        ("\"1e\"", Err("AMOUNT_MALFORMED")),
        ("\"e5\"", Err("AMOUNT_MALFORMED")),
        ("\"1.2.3\"", Err("AMOUNT_MALFORMED")),
        ("\"NaN\"", Err("AMOUNT_MALFORMED")),
        ("true", Err("AMOUNT_MALFORMED")),
    ];
    for (sent, read) in table {
        let parsed = parse(&purchase(&format!("{{\"df_total_purchase_amount\":{sent}}}")));
        let amount = parsed.map(|it| it.message.order.expect("an order").amount.to_string());
        let amount = amount.as_deref().map_err(|it| it.code.as_str());
        assert_eq!(amount, read, "{sent}");
    }
}

#[test]
fn a_birth_date_is_a_day_on_which_a_living_customer_can_be_born() {
    // Messages are of 31 January 2026, nine in the morning in Seoul.
    for (sent, day) in [
        ("1991-03-14", Some("1991-03-14")),
        ("1900-01-01", Some("1900-01-01")),
        ("2026-02-01", Some("2026-02-01")),
        // An instant is the day that it is in the policy's time zone.
        ("1991-03-13T15:00:00Z", Some("1991-03-14")),
        ("1991-03-13T14:59:59.999Z", Some("1991-03-13")),
        ("1991-03-14T00:00:00+09:00", Some("1991-03-14")),
        ("1991-03-14T23:30:00", Some("1991-03-14")),
        ("1899-12-31", None),
        ("0091-03-14", None),
        ("91-03-14", None),
        ("2026-02-02", None),
        ("2091-03-14", None),
        ("2091-03-14T00:00:00Z", None),
        ("1991-3-14", None),
        ("+1991-03-14T00:00:00", None),
    ] {
        let accepted = parse(&with("attributes", &format!("{{\"df_birth\":\"{sent}\"}}"))).expect(sent);
        let found = accepted.message.attributes.get("df_birth").and_then(AttributeValue::to_text);
        assert_eq!(found.as_deref(), day, "{sent}");
        let codes: Vec<&str> = accepted.warnings.iter().map(|it| it.code).collect();
        assert_eq!(codes, if day.is_some() { vec![] } else { vec!["ATTRIBUTE_VALUE"] }, "{sent}");
    }
}

#[test]
fn the_obvious_is_tolerated() {
    let spaced = format!("\u{feff}{VALID}\r");
    assert!(parse(&spaced).is_ok());
    let numeric = parse(&with("identifiers", r#"{"external_id":1230102301}"#)).expect("a number is read as its digits");
    assert_eq!(&*numeric.message.home().value, "1230102301");
    let gender = parse(&with("attributes", r#"{"df_gender":"female"}"#)).expect("accepted");
    assert_eq!(gender.message.attributes["df_gender"].as_json(), "\"Female\"");
    let gender = parse(&with("attributes", r#"{"df_gender":"NON_BINARY"}"#)).expect("as an export writes it");
    assert_eq!(gender.message.attributes["df_gender"].as_json(), "\"NonBinary\"");
    let text = parse(&purchase(r#"{"df_total_purchase_amount":"12900.50","df_order_id":7}"#)).expect("accepted");
    let order = text.message.order.expect("an order");
    assert_eq!(order.amount.to_string(), "12900.5");
    assert_eq!(order.key, OrderKey::Order("7".into()));
}

#[test]
fn an_order_without_a_total_is_the_sum_of_its_lines() {
    let json = purchase(
        r#"{"df_items":[{"df_item_id":"a","df_price":0.1,"df_quantity":3},{"df_price":100,"df_discount":"0.2"},
        {"df_line_amount":5,"df_price":900,"df_quantity":0}]}"#,
    );
    let order = parse(&json).expect("accepted").message.order.expect("an order");
    assert_eq!(order.amount.to_string(), "105.1");
    assert_eq!(order.lines.iter().map(|it| it.quantity).collect::<Vec<_>>(), [3, 1, 0]);
    assert_eq!(order.key, OrderKey::Message("m1".into()));
}

#[test]
fn the_address_of_a_device_is_not_kept() {
    let json = with("device", r#"{"ip":"203.0.113.9","model":"Pixel"}"#).replace("1230102301", "9");
    let accepted =
        parse(&json.replace("\"external_id\":\"9\"", "\"external_id\":\"9\",\"device_id\":\"d\"")).expect("accepted");
    assert!(!accepted.payload.contains("203.0.113.9"));
    let again = parse(&accepted.payload).expect("the kept text is a message");
    assert_eq!(again.message, accepted.message);
    assert_eq!(again.payload, accepted.payload);
}

#[test]
fn what_is_kept_without_the_address_keeps_every_digit() {
    let json = purchase(r#"{"df_total_purchase_amount":900719925474099.31,"note":1e400}"#).replacen(
        '{',
        r#"{"device":{"ip":"203.0.113.9","model":"가 \" b"},"#,
        1,
    );
    let accepted = parse(&json).expect("accepted");
    assert!(!accepted.payload.contains("203.0.113.9"));
    assert!(accepted.payload.contains("900719925474099.31") && accepted.payload.contains("1e400"));
    assert_eq!(parse(&accepted.payload).expect("the kept text is a message").message, accepted.message);
}

#[test]
fn a_rejection_for_no_usable_identifier_names_every_reason() {
    let json = with("identifiers", r#"{"external_id":"guest","phone":"+1 415 555 0132","fax":"1"}"#);
    let refusal = parse(&json).expect_err("nothing is left");
    assert_eq!(
        refusal.detail,
        "no identifier can be used (identifiers.external_id: this value says nothing about who it is; \
         identifiers.fax: the policy knows no identifiers of this kind; \
         identifiers.phone: it is a foreign number; only numbers of +82 are taken)"
    );
}

#[test]
fn attributes_are_accepted_up_to_their_limits() {
    let long = |n: usize| "x".repeat(n);
    let named = |name: &str, value: &str| with("attributes", &format!("{{\"{name}\":{value}}}"));
    let many = |n: usize| {
        let all: Vec<String> = (0..n).map(|it| format!("\"a{it}\":1")).collect();
        with("attributes", &format!("{{{}}}", all.join(",")))
    };
    let list = |n: usize| named("a", &format!("[{}]", vec!["1"; n].join(",")));
    // The text of a value, quotes included.
    let text = |n: usize| named("a", &format!("\"{}\"", long(n - 2)));
    let at_the_limit = [
        (named(&long(MAX_NAME_BYTES), "1"), 1),
        (text(MAX_ATTRIBUTE_BYTES), 1),
        (list(MAX_LIST_ITEMS), 1),
        (many(MAX_ATTRIBUTES), MAX_ATTRIBUTES),
    ];
    for (json, n_accepted) in at_the_limit {
        let accepted = parse(&json).expect("accepted");
        assert_eq!((accepted.message.attributes.len(), accepted.warnings), (n_accepted, Vec::new()));
    }
    let beyond = [
        (named("", "1"), "ATTRIBUTE_NAME", 0),
        (named(&long(MAX_NAME_BYTES + 1), "1"), "ATTRIBUTE_NAME", 0),
        (text(MAX_ATTRIBUTE_BYTES + 1), "ATTRIBUTE_TOO_LONG", 0),
        (list(MAX_LIST_ITEMS + 1), "ATTRIBUTE_TOO_LONG", 0),
        (VALID.replacen('{', "{\"attributes\":{\"a\":1e400},", 1), "ATTRIBUTE_TYPE", 0),
        (many(MAX_ATTRIBUTES + 1), "ATTRIBUTES_TOO_MANY", MAX_ATTRIBUTES),
    ];
    for (json, code, n_accepted) in beyond {
        let accepted = parse(&json).expect("accepted");
        let codes: Vec<&str> = accepted.warnings.iter().map(|it| it.code).collect();
        assert_eq!((codes, accepted.message.attributes.len()), (vec![code], n_accepted));
    }
}

#[test]
fn what_clues_say_is_kept_as_if_it_had_been_named() {
    let sent = r#"{"identifiers":{"device_id":"d"},"device":{"ip":" 203.0.113.9 ","os":"Android","browser":"","user_agent":"an agent"}}"#;
    let mut message: serde_json::Value = serde_json::from_str(VALID).expect("valid");
    for (name, value) in serde_json::from_str::<serde_json::Map<_, _>>(sent).expect("json") {
        message[name] = value;
    }
    let policy = CompiledPolicy::initial();
    let accepted = parse_described(&message.to_string(), &policy, &|clues| {
        assert_eq!(clues.user_agent, Some("an agent"));
        assert_eq!(clues.address, "203.0.113.9".parse().ok());
        assert_eq!(clues.named.get(&DeviceField::Os).map(|it| &**it), Some("Android"));
        let order_notes = [
            (DeviceField::Os, "iOS".to_owned()),
            (DeviceField::Browser, "Safari \"17\"".to_owned()),
            (DeviceField::City, "  ".to_owned()),
            (DeviceField::Model, "x".repeat(256)),
        ];
        Description::from(order_notes)
    })
    .expect("accepted");
    assert_eq!(accepted.warnings, []);
    let device = accepted.message.device.as_ref().expect("a device");
    let fields: Vec<(DeviceField, &str)> = device.fields.iter().map(|(field, text)| (*field, &**text)).collect();
    assert_eq!(fields, [(DeviceField::Os, "Android"), (DeviceField::Browser, "Safari \"17\"")]);
    let kept: serde_json::Value = serde_json::from_str(&accepted.payload).expect("json");
    let expected = serde_json::json!({ "os": "Android", "browser": "Safari \"17\"", "user_agent": "an agent" });
    assert_eq!(kept["device"], expected);
    let again = parse_kept(&accepted.payload, &policy).expect("the kept text is a message");
    assert_eq!((again.message, again.payload), (accepted.message, accepted.payload));
}

#[test]
fn what_is_kept_of_the_longest_message_is_read_again() {
    let mut message: serde_json::Value = serde_json::from_str(VALID).expect("valid");
    message["identifiers"]["device_id"] = "d".into();
    message["device"] = serde_json::json!({ "user_agent": "an agent", "padding": "" });
    let n_bytes = message.to_string().len();
    message["device"]["padding"] = "x".repeat(MAX_MESSAGE_BYTES - n_bytes).into();
    let policy = CompiledPolicy::initial();
    let describe = |_: &DeviceHints<'_>| Description::from([(DeviceField::Os, "iOS".to_owned())]);
    let accepted = parse_described(&message.to_string(), &policy, &describe).expect("accepted");
    assert!(MAX_MESSAGE_BYTES < accepted.payload.len());
    assert_eq!(parse_kept(&accepted.payload, &policy).expect("read again").message, accepted.message);
}

#[test]
fn bad_fields_of_a_device_are_left_out_with_a_warning() {
    for (device, expected) in [
        (r#"{"ip":"203.0.113"}"#, vec![("ADDRESS_MALFORMED", "device.ip")]),
        (r#"{"ip":"fe80::1%eth0"}"#, vec![("ADDRESS_MALFORMED", "device.ip")]),
        (r#"{"ip":7}"#, vec![("ADDRESS_MALFORMED", "device.ip")]),
        (r#"{"ip":["203.0.113.9"]}"#, vec![("WRONG_TYPE", "device.ip")]),
        (r#"{"ip":"","user_agent":null,"os":" "}"#, vec![]),
        (r#"{"ip":"::ffff:203.0.113.9"}"#, vec![]),
        (r#"{"user_agent":{}}"#, vec![("WRONG_TYPE", "device.user_agent")]),
        (&format!(r#"{{"user_agent":"{}"}}"#, "x".repeat(1024)), vec![]),
        (&format!(r#"{{"user_agent":"{}"}}"#, "x".repeat(1025)), vec![("TOO_LONG", "device.user_agent")]),
        (&format!(r#"{{"model":"{}"}}"#, "x".repeat(256)), vec![("TOO_LONG", "device.model")]),
        (r#"{"color":"red"}"#, vec![("UNKNOWN_FIELD", "device.color")]),
    ] {
        let accepted = parse(&with("device", device)).expect("accepted");
        let found: Vec<(&str, &str)> = accepted.warnings.iter().map(|it| (it.code, it.path.as_str())).collect();
        assert_eq!(found, expected, "{device}");
        assert!(!accepted.payload.contains("203.0.113") && !accepted.payload.contains("fe80"));
    }
}

#[test]
fn a_refund_says_what_it_gives_back_or_leaves_it_to_the_order() {
    let refund = |properties: &str| parse(&purchase(properties).replace("df_purchase", "df_refund"));
    let check = |properties: &str, amount: Option<&str>, currency: Option<&str>, warnings: &[&str]| {
        let accepted = refund(properties).expect(properties);
        let codes: Vec<&str> = accepted.warnings.iter().map(|it| it.code).collect();
        assert_eq!(codes, warnings, "{properties}");
        let refund = accepted.message.refund.expect("a refund");
        assert_eq!(refund.amount.map(|it| it.to_string()).as_deref(), amount, "{properties}");
        assert_eq!(refund.currency.as_ref().map(Currency::as_str), currency, "{properties}");
        refund
    };
    check(r#"{"df_total_refund_amount":-30,"df_currency":"usd"}"#, Some("30"), Some("USD"), &[]);
    check(r#"{"df_order_id":"o"}"#, None, None, &[]);
    check(r#"{"df_items":[{"df_item_id":"a","df_price":5,"df_quantity":2}]}"#, Some("10"), None, &[]);
    let by_order = check(r#"{"df_order_id":"o","df_items":[{"df_item_id":"a","df_quantity":2}]}"#, None, None, &[]);
    assert!(by_order.lines[0].unpriced);
    check(r#"{"df_items":[{"df_item_id":"a","df_quantity":2}]}"#, None, None, &["AMOUNT_MISSING"]);
    let repeated =
        check(r#"{"df_order_id":"o","df_refund_id":7,"df_total_refund_amount":"1.50"}"#, Some("1.5"), None, &[]);
    assert_eq!(repeated.refund_id.as_deref(), Some("7"));
    // A row holds it as it is here.
    let text = serde_json::to_string(&by_order).expect("it serializes");
    assert_eq!(serde_json::from_str::<Refund>(&text).expect("it is read again"), by_order);
    let nothing = refund("{}").expect_err("it gives nothing back");
    assert_eq!((nothing.code, nothing.path.as_str()), (RefusalCode::MissingField, "properties.df_total_refund_amount"));
}

#[test]
fn an_order_without_an_amount_has_a_warning() {
    let table = [
        (r#"{"df_order_id":"o","df_items":[{"df_item_id":"a"},{"df_item_id":"b","df_quantity":3}]}"#, true),
        (r#"{"df_order_id":"o","df_items":[{"df_item_id":"a"},{"df_item_id":"b","df_price":0}]}"#, false),
        (r#"{"df_order_id":"o","df_total_purchase_amount":0,"df_items":[{"df_item_id":"a"}]}"#, false),
        (r#"{"df_order_id":"o","df_items":[{"df_item_id":"a","df_line_amount":0}]}"#, false),
    ];
    for (properties, has_warning) in table {
        let accepted = parse(&purchase(properties)).expect("accepted");
        let codes: Vec<&str> = accepted.warnings.iter().map(|it| it.code).collect();
        assert_eq!(codes == ["AMOUNT_MISSING"], has_warning, "{properties}");
        assert!(accepted.message.order.expect("an order").lines.iter().all(|it| !it.unpriced));
    }
}

#[test]
fn order_ids_are_of_their_source_where_the_policy_says_so() {
    let by_source =
        crate::policy::document::Policy { order_ids: crate::policy::document::OrderIds::Source, ..Default::default() };
    let by_source = CompiledPolicy::new(by_source).expect("it has no faults");
    let key = |json: &str, policy: &CompiledPolicy| {
        let message = parse_message(json, policy).expect(json).message;
        message
            .order
            .map(|it| it.key)
            .or_else(|| message.refund?.order_id.map(OrderKey::Order))
            .expect("it names an order")
    };
    let shop = purchase(r#"{"df_order_id":"777","df_total_purchase_amount":1}"#);
    let other = shop.replace("\"shop\"", "\"toys\"");
    assert_eq!(key(&shop, &CompiledPolicy::initial()), key(&other, &CompiledPolicy::initial()));
    assert_ne!(key(&shop, &by_source), key(&other, &by_source));
    // Another system that gives it back names the shop.
    let erp = r#"{"df_order_id":"777","df_order_source":"shop"}"#;
    let erp = purchase(erp).replace("df_purchase", "df_refund").replace("\"source\":\"shop\"", "\"source\":\"erp\"");
    assert_eq!(key(&erp, &by_source), key(&shop, &by_source));
    // No two pairs of a source and an ID make one key.
    let pairs = [("1:a", "b"), ("1", "a:b"), ("", "1:1:a:b")].map(|(source, id)| {
        let properties =
            serde_json::json!({ "df_order_id": id, "df_order_source": source, "df_total_purchase_amount": 1 });
        key(&purchase(&properties.to_string()), &by_source)
    });
    assert!(pairs[0] != pairs[1] && pairs[1] != pairs[2] && pairs[0] != pairs[2], "{pairs:?}");
}

#[test]
fn an_order_by_date_alone_has_no_time_of_day() {
    let on = |timestamp: &str| {
        let json = purchase(r#"{"df_total_purchase_amount":1}"#).replace("\"2026-01-31T00:00:00Z\"", timestamp);
        let message = parse(&json).expect(timestamp).message;
        (message.at.to_rfc3339(), message.order.expect("an order").by_date)
    };
    assert_eq!(on("\"2026-01-31+09:00\""), ("2026-01-30T15:00:00Z".to_owned(), true));
    assert_eq!(on("\"2026-01-31T00:00:00+09:00\""), ("2026-01-30T15:00:00Z".to_owned(), false));
    assert_eq!(on("1719208800"), ("2024-06-24T06:00:00Z".to_owned(), false));
}

#[test]
fn names_hold_no_control_characters() {
    let policy = CompiledPolicy::initial();
    for (field, value) in [
        ("message_id", "m\\u001b[31m"),
        ("message_id", "\\u0000"),
        ("source", "a\\u0000pp"),
        ("event", "lo\\u0007gout"),
        ("event", "a\\nb"),
        ("session_id", "s\\u0085t"),
    ] {
        let mut message = serde_json::json!({
            "message_id": "m1", "type": "event", "event": "e", "timestamp": "2026-01-31T00:00:00Z", "source": "s",
            "identifiers": { "external_id": "1" },
        });
        message[field] = serde_json::from_str(&format!("\"{value}\"")).expect("a text");
        let refusal = parse_message(&message.to_string(), &policy).expect_err(field);
        assert_eq!((refusal.code.as_str(), &*refusal.path), ("CONTROL_CHARACTER", field));
        // What was accepted before is still read.
        assert!(parse_kept(&message.to_string(), &policy).is_ok(), "{field}");
    }
    let text = r#"{"message_id":"m1","type":"identify","timestamp":"2026-01-31T00:00:00Z","source":"s",
        "identifiers":{"external_id":"1"},"attributes":{"a\u001bb":1,"c":2}}"#;
    let accepted = parse_message(text, &policy).expect("the rest is good");
    assert_eq!(accepted.message.attributes.keys().collect::<Vec<_>>(), ["c"]);
    assert_eq!(accepted.warnings.iter().map(|it| it.code).collect::<Vec<_>>(), ["ATTRIBUTE_NAME"]);
}

#[test]
fn too_deep_nesting_has_a_warning() {
    let policy = CompiledPolicy::initial();
    let event = |properties: &str, attributes: &str| {
        format!(
            r#"{{"message_id":"m1","type":"event","event":"e","timestamp":"2026-01-31T00:00:00Z","source":"s",
                "identifiers":{{"external_id":"1"}},"properties":{properties},"attributes":{attributes}}}"#
        )
    };
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let codes = |properties: &str, attributes: &str| -> Vec<&str> {
        let accepted = parse_message(&event(properties, attributes), &policy).expect("it is kept");
        accepted.warnings.iter().map(|it| it.code).collect()
    };
    assert_eq!(codes(&format!(r#"{{"a":{}}}"#, nested(99)), "{}"), [""; 0]);
    assert_eq!(codes(&format!(r#"{{"a":{}}}"#, nested(100)), "{}"), ["TOO_DEEP"]);
    assert_eq!(codes(&format!(r#"{{"a":{}}}"#, nested(100_000)), "{}"), ["TOO_DEEP"]);
    let text = "[".repeat(1_000);
    assert_eq!(codes(&format!(r#"{{"a":"\"{text}"}}"#), "{}"), [""; 0], "brackets of a text nest nothing");
    assert_eq!(codes("{}", &format!(r#"{{"a":{}}}"#, nested(200))), ["ATTRIBUTE_TYPE"]);
}

#[test]
fn only_the_server_says_which_key_a_message_came_by() {
    let policy = CompiledPolicy::initial();
    let forged = r#"{"received_by":"admin","message_id":"m1","type":"identify","timestamp":"2026-01-31T00:00:00Z","source":"s",
        "identifiers":{"external_id":"1"}}"#;
    let mut accepted = parse_message(forged, &policy).expect("the rest is good");
    assert_eq!(accepted.warnings.iter().map(|it| it.code).collect::<Vec<_>>(), ["UNKNOWN_FIELD"]);
    assert!(!accepted.payload.contains("received_by"));
    accepted.receive_by("0a1b");
    let kept: serde_json::Value = serde_json::from_str(&accepted.payload).expect("it is JSON");
    assert_eq!((&kept["received_by"], &kept["message_id"]), (&serde_json::json!("0a1b"), &serde_json::json!("m1")));
    let again = parse_kept(&accepted.payload, &policy).expect("it is read again");
    assert_eq!((again.message, again.payload), (accepted.message, accepted.payload));
}

#[test]
fn a_reader_of_many_messages_says_of_each_what_is_said_of_it_alone() {
    let policy = CompiledPolicy::initial();
    let messages = [
        VALID.to_owned(),
        with("identifiers", r#"{"phone":["010-1234-5678","+82 10 1234 5678","none"],"device_id":"d"}"#),
        with("identifiers", r#"{"phone":"none"}"#),
        with("device", r#"{"ip":"203.0.113.9","os":"Android"}"#),
        purchase(r#"{"df_order_id":"o","df_items":[{"df_item_id":"a","df_item_name":"\u00e9","df_price":"1.50"}]}"#),
        purchase(r#"{"df_order_id":"0","df_items":[{"df_item_id":"a","df_price":1},{"df_price":"x"}]}"#),
        purchase(r#"{"df_total_purchase_amount":-1}"#),
        "{".to_owned(),
    ];
    for purchases in [Purchases::Kept, Purchases::Checked] {
        let mut reader = MessageReader::new(&policy, purchases);
        // The second time it remembers.
        for json in messages.iter().chain(&messages) {
            let expected = parse(json).map(|accepted| {
                let mut message = accepted.message;
                if purchases == Purchases::Checked {
                    (message.order, message.refund) = (None, None);
                }
                (message, accepted.warnings)
            });
            assert_eq!(reader.read(json), expected, "{json}");
        }
    }
}
