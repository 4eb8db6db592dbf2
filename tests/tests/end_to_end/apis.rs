//! Compatible APIs for sending: Segment's tracking API and the DFINERY Open API.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use profile360_tests::{Base, Server};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

async fn post(server: &Server, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = server.http.post(server.url(path)).basic_auth("a write key", None::<&str>).json(body);
    let response = request.send().await.unwrap_or_else(|error| panic!("{error}: {}", server.log()));
    (response.status(), response.json().await.expect("every answer is JSON"))
}

fn outcomes(answer: &Value) -> Vec<[&str; 3]> {
    let results = answer["results"].as_array().expect("results are a list");
    results
        .iter()
        .map(|it| ["message_id", "status", "code"].map(|name| it[name].as_str().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn segment_calls_are_answered_with_their_results() {
    let base = Base::new();
    let server = base.serve();
    let at = "2025-03-01T10:00:00Z";
    let identify = json!({ "messageId": "s1", "userId": "u1", "anonymousId": "a1", "timestamp": at, "traits": { "email": "a@example.com" } });
    let (status, answer) = post(&server, "/v1/identify", &identify).await;
    assert_eq!((status, outcomes(&answer)), (StatusCode::OK, vec![["s1", "CREATED", ""]]), "{answer}");
    // A repetition changes nothing.
    let (_, answer) = post(&server, "/v1/identify", &identify).await;
    assert_eq!(outcomes(&answer), [["s1", "DUPLICATE", ""]]);
    for (path, body, outcome) in [
        (
            "/v1/track",
            json!({ "messageId": "s2", "userId": "u1", "event": "Signed In", "timestamp": at }),
            ["s2", "UPDATED", ""],
        ),
        ("/v1/page", json!({ "messageId": "s3", "anonymousId": "a1", "timestamp": at }), ["s3", "UPDATED", ""]),
        ("/v1/screen", json!({ "messageId": "s4", "anonymousId": "a2", "timestamp": at }), ["s4", "CREATED", ""]),
        (
            "/v1/alias",
            json!({ "messageId": "s5", "userId": "u1", "previousId": "a2", "timestamp": at }),
            ["s5", "MERGED", ""],
        ),
        (
            "/v1/group",
            json!({ "messageId": "s6", "userId": "u1", "groupId": "g1", "timestamp": at }),
            ["s6", "UPDATED", ""],
        ),
    ] {
        let (status, answer) = post(&server, path, &body).await;
        assert_eq!((status, outcomes(&answer)), (StatusCode::OK, vec![outcome]), "{answer}");
    }
    let (status, answer) = post(&server, "/v1/track", &json!({ "messageId": "s7", "event": "No ID" })).await;
    assert_eq!((status, &answer["success"]), (StatusCode::OK, &json!(false)));
    assert_eq!(outcomes(&answer), [["s7", "REFUSED", "NO_USABLE_IDENTIFIER"]]);

    // Each call of a compressed batch is answered, a bad one fails alone, and a missing ID is generated.
    let call = json!({ "type": "track", "userId": "u1", "event": "Level Up", "timestamp": at });
    let batch = json!({ "sentAt": at, "batch": [call, call, { "type": "dance", "messageId": "b2" }, 7,
        { "type": "track", "messageId": "b4", "userId": "u1", "event": "Order Completed", "timestamp": "yesterday" }] });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let packed = gzip.write_all(batch.to_string().as_bytes()).and_then(|()| gzip.finish()).expect("it can be packed");
    let request = server.http.post(server.url("/v1/batch")).header(header::CONTENT_TYPE, "application/json");
    let response = request.header(header::CONTENT_ENCODING, "gzip").body(packed).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = response.json().await.expect("JSON");
    let [first, second, rest @ ..] = &outcomes(&answer)[..] else { panic!("{answer}") };
    assert!(first[0].starts_with("made-") && first[0] == second[0], "{answer}");
    assert_eq!((first[1], second[1]), ("UPDATED", "DUPLICATE"));
    assert_eq!(
        rest,
        [["b2", "REFUSED", "UNKNOWN_TYPE"], ["", "REFUSED", "NOT_JSON"], ["b4", "REFUSED", "TIMESTAMP_MALFORMED"]]
    );

    for (body, status, code) in [
        (json!([]), StatusCode::BAD_REQUEST, "BODY_MALFORMED"),
        (json!({ "batch": 1 }), StatusCode::BAD_REQUEST, "BODY_MALFORMED"),
        (json!({ "batch": vec![0; 2_001] }), StatusCode::PAYLOAD_TOO_LARGE, "TOO_MANY_MESSAGES"),
        (json!({ "batch": ["x".repeat(17 << 20)] }), StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE"),
    ] {
        let (got, answer) = post(&server, "/v1/batch", &body).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)));
    }
    let other = server.http.get(server.url("/v1/batch")).send().await.expect("it answers");
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("7 messages, 4 identifiers,"));
}

#[tokio::test]
async fn open_api_calls_are_answered_like_dfinery_with_their_results() {
    let base = Base::new();
    let server = base.serve();
    let identity = json!({ "external_id": "u1", "phone_no": "821012345678", "email": "a@example.com" });
    let call = json!({ "identity": identity, "request_datetime": "2024-06-24T06:01:48.501Z", "user_properties": { "df_name": "하나" } });
    for status in ["CREATED", "DUPLICATE"] {
        let (got, answer) = post(&server, "/api/v1/identities?service_id=s", &call).await;
        assert_eq!(
            (got, &answer["status"], &answer["code"], &answer["data"]),
            (StatusCode::OK, &json!(true), &json!("20000"), &json!(true))
        );
        assert_eq!(outcomes(&answer)[0][1], status, "{answer}");
    }
    let item = json!({ "df_item_id": "p1", "df_item_name": "차", "df_price": 12900, "df_quantity": 2, "df_category1": "식품" });
    let login = json!({ "event_name": "df_login" });
    let call = json!({ "identity": identity, "request_datetime": "2024-06-24T06:01:48.501Z", "events": [
        { "event_name": "df_purchase", "event_datetime": "2024-06-24T06:00:00Z", "event_items": [item], "event_properties": { "df_order_id": "o1" } },
        login, login, { "event_name": "df_purchase", "event_properties": {} }] });
    let (got, answer) = post(&server, "/api/v1/events", &call).await;
    assert_eq!((got, &answer["status"]), (StatusCode::OK, &json!(true)), "{answer}");
    let results: Vec<[&str; 2]> = outcomes(&answer).iter().map(|it| [it[1], it[2]]).collect();
    assert_eq!(results, [["UPDATED", ""], ["UPDATED", ""], ["UPDATED", ""], ["REFUSED", "MISSING_FIELD"]]);
    let (_, answer) = post(&server, "/api/v1/events", &call).await;
    assert!(outcomes(&answer)[..3].iter().all(|it| it[1] == "DUPLICATE"), "{answer}");

    // The status says whether a call can be read, the answer whether anything of it is stored.
    let no_customer = json!({ "email": "unknown" });
    for (path, body) in [
        ("/api/v1/identities", json!({ "identity": no_customer })),
        ("/api/v1/events", json!({ "identity": no_customer, "events": [login] })),
        ("/api/v1/events", json!({ "event_attributes": { "event_name": "login" } })),
    ] {
        let (got, answer) = post(&server, path, &body).await;
        let answered = (got, &answer["status"], &answer["code"], &answer["data"]);
        assert_eq!(answered, (StatusCode::OK, &json!(false), &json!("40000"), &json!(false)), "{answer}");
        assert_eq!(outcomes(&answer)[0][2], "NO_USABLE_IDENTIFIER");
        assert!(answer["message"].as_str().is_some_and(|it| it.contains("identifier")), "{answer}");
    }
    for (path, body) in [
        ("/api/v1/identities", json!({})),
        ("/api/v1/identities", json!({ "identity": {} })),
        ("/api/v1/identities", json!({ "identity": [] })),
        ("/api/v1/profiles", json!({ "identity": "u1" })),
        ("/api/v1/events", json!({ "identity": {}, "events": [] })),
        ("/api/v1/events", json!({ "events": [login] })),
        ("/api/v1/events", json!({ "identity": identity })),
        ("/api/v1/events", json!({ "identity": identity, "events": login })),
        ("/api/v1/events", json!({ "event_attributes": [login] })),
    ] {
        let (got, answer) = post(&server, path, &body).await;
        assert_eq!((got, answer["code"].as_str()), (StatusCode::BAD_REQUEST, Some("BODY_MALFORMED")), "{path} {body}");
    }
    let many = json!({ "identity": identity, "events": vec![login; 101] });
    let (got, answer) = post(&server, "/api/v1/events", &many).await;
    assert_eq!((got, answer["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("TOO_MANY_MESSAGES")));
    let fields = "basic { name phone } purchases { window(months: 12) { count amount } } timeline { nodes { name } }";
    let customers: Vec<Value> = server.customers("2025-01-01", fields).await.into_values().collect();
    let nodes = ["df_login", "df_login", "df_purchase"].map(|it| json!({ "name": it }));
    assert_eq!(
        customers,
        [json!({ "basic": { "name": "하나", "phone": "+821012345678" },
        "purchases": { "window": { "count": 1, "amount": "25800" } }, "timeline": { "nodes": nodes } })]
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("it can be packed")
}

/// Fields of the customer with external ID u1, as of a day in 2024. Waits until the list has it.
async fn u1(server: &Server, fields: &str) -> Value {
    let key = r#"{ identifier: { kind: "external_id", value: "u1" } }"#;
    let query = format!("{{ profile(by: {key}, asOf: \"2024-07-01\") {{ {fields} }} }}");
    server.ask(&query, Value::Null).await["profile"].take()
}

#[tokio::test]
async fn unreadable_bodies_are_refused_as_a_whole_on_every_route() {
    let base = Base::new();
    let server = base.serve();
    let before = server.peak_memory();
    let call =
        r#"{"userId":"u1","identity":{"external_id":"u1"},"messageId":"m","event":"x","query":"{ viewer { role } }"}"#;
    let packed = gzip(call.as_bytes());
    // The fault, encoding, body, and the status and code: of most routes, and of GraphQL, which accepts no encoding.
    let cases = [
        ("cut gzip", "gzip", packed[..packed.len() / 2].to_vec(), (400, "BODY_CUT")),
        ("no gzip", "gzip", call.as_bytes().to_vec(), (400, "BODY_DAMAGED")),
        ("zip bomb", "gzip", gzip(&vec![b' '; 512 << 20]), (413, "REQUEST_TOO_LARGE")),
        ("other packing", "br", call.as_bytes().to_vec(), (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            "a field twice",
            "",
            call.replacen('{', "{\"query\":1,\"userId\":1,\"identity\":1,", 1).into_bytes(),
            (400, "BODY_MALFORMED"),
        ),
        ("cut JSON", "", call.as_bytes()[..40].to_vec(), (400, "BODY_MALFORMED")),
        ("no object", "", b"7".to_vec(), (400, "BODY_MALFORMED")),
        ("something behind it", "", format!("{call} 1").into_bytes(), (400, "BODY_MALFORMED")),
    ];
    for path in [
        "/v1/track",
        "/v1/identify",
        "/v1/batch",
        "/api/v1/identities",
        "/api/v1/profiles",
        "/api/v1/events",
        "/graphql",
    ] {
        for (what, packing, body, (status, code)) in &cases {
            let request = server.http.post(server.url(path)).header(header::CONTENT_TYPE, "application/json");
            let request = if packing.is_empty() { request } else { request.header(header::CONTENT_ENCODING, *packing) };
            let response = request.body(body.clone()).send().await.expect("it answers");
            let is_graphql = path == "/graphql";
            let (status, code) = match is_graphql {
                true if !packing.is_empty() => (415, "UNSUPPORTED_MEDIA_TYPE"),
                true => (400, "GRAPHQL_PARSE_FAILED"),
                false => (*status, *code),
            };
            assert_eq!(response.status().as_u16(), status, "{path} {what}");
            let answer: Value = response.json().await.expect("every answer is JSON");
            let (found, sentence) = match is_graphql {
                true => (&answer["errors"][0]["extensions"]["code"], &answer["errors"][0]["message"]),
                false => (&answer["code"], &answer["detail"]),
            };
            assert_eq!(found, code, "{path} {what}: {answer}");
            assert!(sentence.as_str().is_some_and(|it| !it.is_empty()), "{path} {what}: {answer}");
            // RudderStack's SDK for Python sends again what is refused without a `message`.
            assert!(is_graphql || answer["message"] == *sentence, "{path} {what}: {answer}");
        }
    }
    let grown = server.peak_memory().saturating_sub(before) >> 20;
    // Each may decompress to 16 MiB before it is refused, in a thread that keeps some of that.
    assert!(grown < 256, "{grown} MiB more");
    assert!(!server.log().contains("ERROR"), "nothing of this is a fault of the server: {}", server.log());
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("0 messages,"));
}

/// A value that some parsers reject or change, in an attribute and in an amount.
struct Bad {
    value: &'static str,
    /// The status and the warning code of a message with the value as an attribute, and as a property of an event.
    attribute: [&'static str; 2],
    property: [&'static str; 2],
    /// The refusal code of an order with the value as its amount, or the stored amount.
    amount: &'static str,
}

const BAD: [Bad; 10] = [
    Bad {
        value: "29.949999999999999",
        attribute: ["UPDATED", ""],
        property: ["UPDATED", ""],
        amount: "29.949999999999999",
    },
    Bad {
        value: "0.12345678901234567890123456789012345",
        attribute: ["UPDATED", "NUMBER_ROUNDED"],
        property: ["UPDATED", ""],
        amount: "0.1234567890123456789012345679",
    },
    Bad {
        value: "123456789012345678901234",
        attribute: ["UPDATED", "NUMBER_ROUNDED"],
        property: ["UPDATED", ""],
        amount: "AMOUNT_OUT_OF_RANGE",
    },
    Bad { value: "1e300", attribute: ["UPDATED", ""], property: ["UPDATED", ""], amount: "AMOUNT_OUT_OF_RANGE" },
    Bad {
        value: "1e999",
        attribute: ["UPDATED", "ATTRIBUTE_TYPE"],
        property: ["UPDATED", ""],
        amount: "AMOUNT_OUT_OF_RANGE",
    },
    Bad {
        value: "\"cut \\ud83d\"",
        attribute: ["UPDATED", "HALF_CHARACTER"],
        property: ["UPDATED", "HALF_CHARACTER"],
        amount: "AMOUNT_MALFORMED",
    },
    Bad { value: "\"\\u0000\"", attribute: ["UPDATED", ""], property: ["UPDATED", ""], amount: "AMOUNT_MALFORMED" },
    Bad {
        value: "[[[{}]]]",
        attribute: ["UPDATED", "ATTRIBUTE_TYPE"],
        property: ["UPDATED", ""],
        amount: "AMOUNT_MALFORMED",
    },
    Bad {
        value: "DEEP",
        attribute: ["UPDATED", "ATTRIBUTE_TYPE"],
        property: ["UPDATED", "TOO_DEEP"],
        amount: "AMOUNT_MALFORMED",
    },
    Bad {
        value: "1,\"SAME\":2",
        attribute: ["UPDATED", "DUPLICATE_FIELD"],
        property: ["UPDATED", "DUPLICATE_FIELD"],
        amount: "DUPLICATE_FIELD",
    },
];

/// For each route, a body with an attribute, a property and an order that have the value, between two valid messages.
fn bodies(name: &str, value: &str) -> [(&'static str, &'static str, String); 5] {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let with = |field: &str| format!("\"{field}\":{}", value.replace("SAME", field).replace("DEEP", &deep));
    let (attribute, property, amount) = (with("a"), with("p"), with("df_total_purchase_amount"));
    let total = with("total");
    let at = "2024-06-24T06:00:00Z";
    let message = |n: u8, rest: String| {
        format!(
            r#"{{"message_id":"{name}-{n}","timestamp":"{at}","source":"s","identifiers":{{"external_id":"u1"}},{rest}}}"#
        )
    };
    let messages = [
        message(1, r#""type":"event","event":"before""#.to_owned()),
        message(2, format!(r#""type":"identify","attributes":{{{attribute}}}"#)),
        message(3, format!(r#""type":"event","event":"e","properties":{{{property}}}"#)),
        message(4, format!(r#""type":"event","event":"df_purchase","properties":{{"df_order_id":"{name}",{amount}}}"#)),
        message(5, r#""type":"event","event":"after""#.to_owned()),
    ];
    let segment =
        |n: u8, rest: String| format!(r#"{{"messageId":"{name}-{n}","timestamp":"{at}","userId":"u1",{rest}}}"#);
    let calls = [
        segment(1, r#""type":"track","event":"before""#.to_owned()),
        segment(2, format!(r#""type":"identify","traits":{{{attribute}}}"#)),
        segment(3, format!(r#""type":"track","event":"e","properties":{{{property}}}"#)),
        segment(4, format!(r#""type":"track","event":"Order Completed","properties":{{"order_id":"{name}",{total}}}"#)),
        segment(5, r#""type":"track","event":"after""#.to_owned()),
    ];
    let event = |n: u8, rest: String| format!(r#"{{"event_id":"{name}-{n}","event_datetime":"{at}",{rest}}}"#);
    let events = [
        event(1, r#""event_name":"before""#.to_owned()),
        event(3, format!(r#""event_name":"e","event_properties":{{{property}}}"#)),
        event(4, format!(r#""event_name":"df_purchase","event_properties":{{"df_order_id":"{name}",{amount}}}"#)),
        event(5, r#""event_name":"after""#.to_owned()),
    ];
    let input = |n: u8, kind: &str, rest: String| {
        format!(
            r#"{{"messageId":"{name}-{n}","type":"{kind}","timestamp":"{at}","source":"s","identifiers":[{{"kind":"external_id","value":"u1"}}]{rest}}}"#
        )
    };
    let inputs = [
        input(1, "EVENT", r#","event":"before""#.to_owned()),
        input(2, "IDENTIFY", format!(r#","attributes":{{{attribute}}}"#)),
        input(3, "EVENT", format!(r#","event":"e","properties":{{{property}}}"#)),
        input(4, "EVENT", format!(r#","event":"df_purchase","properties":{{"df_order_id":"{name}",{amount}}}"#)),
        input(5, "EVENT", r#","event":"after""#.to_owned()),
    ];
    let query =
        "mutation($m:[MessageInput!]!){ingest(messages:$m){results{message_id:messageId status code warnings{code}}}}";
    [
        ("/v1/messages", "application/x-ndjson", messages.join("\n")),
        ("/v1/messages", "application/json", format!("[{}]", messages.join(","))),
        ("/v1/batch", "application/json", format!(r#"{{"batch":[{}],"sentAt":null}}"#, calls.join(","))),
        (
            "/api/v1/events",
            "application/json",
            format!(r#"{{"identity":{{"external_id":"u1"}},"events":[{}]}}"#, events.join(",")),
        ),
        (
            "/graphql",
            "application/json",
            format!(r#"{{"query":"{query}","variables":{{"m":[{}]}}}}"#, inputs.join(",")),
        ),
    ]
}

#[tokio::test]
async fn a_bad_value_fails_alone_on_every_route() {
    for way in 0..5 {
        let base = Base::new();
        let server = base.serve();
        let mut amounts = Vec::new();
        for (n, bad) in BAD.iter().enumerate() {
            let name = format!("b{n}");
            let (path, media_type, body) = bodies(&name, bad.value)[way].clone();
            let request = server.http.post(server.url(path)).header(header::CONTENT_TYPE, media_type).body(body);
            let response = request.send().await.expect("it answers");
            assert_eq!(response.status(), StatusCode::OK, "{path} {}", bad.value);
            let text = response.text().await.expect("it is text");
            let answers: Vec<Value> = match path {
                "/v1/messages" => text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
                _ => {
                    let answer: Value = serde_json::from_str(&text).expect("JSON");
                    let results = answer.get("results").unwrap_or(&answer["data"]["ingest"]["results"]);
                    results.as_array().unwrap_or_else(|| panic!("{path} {}: {answer}", bad.value)).clone()
                }
            };
            let answered = |n: u8| {
                let id = format!("{name}-{n}");
                let answer = answers.iter().find(|it| it["message_id"] == id.as_str());
                answer.map(|result| {
                    let warning = result["warnings"][0]["code"].as_str().unwrap_or_default();
                    [result["status"].as_str().unwrap_or_default(), result["code"].as_str().unwrap_or(warning)]
                        .map(str::to_owned)
                })
            };
            let created = |answered: Option<[String; 2]>| {
                answered.is_some_and(|it| ["CREATED", "UPDATED"].contains(&&*it[0]) && it[1].is_empty())
            };
            assert!(
                created(answered(1)) && created(answered(5)),
                "the valid messages are accepted: {path} {} {text}",
                bad.value
            );
            if let Some(answered) = answered(2) {
                let attribute =
                    if path == "/graphql" && bad.value.contains("ud83d") { ["UPDATED", ""] } else { bad.attribute };
                assert_eq!(answered, attribute, "{path} {} {text}", bad.value);
            }
            // Values of GraphQL are valid Unicode, so the half of a character is lost earlier.
            let property =
                if path == "/graphql" && bad.value.contains("ud83d") { ["UPDATED", ""] } else { bad.property };
            assert_eq!(answered(3), Some(property.map(str::to_owned)), "{path} {} {text}", bad.value);
            let order = answered(4).expect("the order is answered");
            if order[0] == "REFUSED" {
                assert_eq!(order[1], bad.amount, "{path} {} {text}", bad.value);
            } else {
                amounts.push(bad.amount);
            }
        }
        assert_eq!(amounts, ["29.949999999999999", "0.1234567890123456789012345679"]);
        let fields = "purchases { window(months: 3) { amount } } timeline(first: 200) { nodes { name properties } }";
        let customer = u1(&server, fields).await;
        let amount = customer["purchases"]["window"]["amount"].as_str().unwrap_or_default();
        assert!(amount.starts_with("30.073456789012344"), "{amount}");
        // The values next to one that a response cannot represent are shown.
        let nodes = customer["timeline"]["nodes"].as_array().expect("a list");
        assert_eq!(
            nodes.iter().filter(|it| it["name"] == "e" && it["properties"]["p"] != Value::Null).count(),
            BAD.len()
        );
        assert_eq!(server.stop(), Some(0));
        base.check();
    }
}

#[tokio::test]
async fn any_content_type_of_sdks_is_accepted() {
    let base = Base::new();
    let server = base.serve();
    let call = |n: usize| {
        json!({ "type": "track", "messageId": format!("t{n}"), "userId": "u1", "event": "Seen", "groupId": "g",
        "previousId": "a0", "timestamp": "2024-06-24T06:00:00Z" })
    };
    let batches = ["/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch?writeKey=any"];
    let calls = ["identify", "track", "page", "screen", "alias", "group", "i", "t", "p", "s", "a", "g"]
        .map(|it| format!("/v1/{it}"));
    let media_types = [
        "application/json",
        "application/json; charset=UTF-8",
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "",
    ];
    let mut n = 0;
    for path in batches.into_iter().chain(calls.iter().map(String::as_str)) {
        let with_slash = match path.split_once('?') {
            Some((path, query)) => format!("{path}/?{query}"),
            None => format!("{path}/"),
        };
        for path in [path, &with_slash] {
            n += 1;
            let body =
                if path.contains("/v1/b") || path.contains("import") { json!({ "batch": [call(n)] }) } else { call(n) };
            let request = server.http.post(server.url(path)).json(&body);
            let response = request.send().await.expect("it answers");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let answer: Value = response.json().await.expect("JSON");
            assert_eq!((&answer["success"], outcomes(&answer).len()), (&json!(true), 1), "{path}: {answer}");
        }
    }
    for media_type in media_types {
        for encoding in ["", "gzip", "none of it is said"] {
            n += 1;
            let bytes = json!({ "batch": [call(n)] }).to_string().into_bytes();
            let body = if encoding.is_empty() { bytes } else { gzip(&bytes) };
            let request = server.http.post(server.url("/v1/batch")).body(body);
            let request =
                if media_type.is_empty() { request } else { request.header(header::CONTENT_TYPE, media_type) };
            let request = if encoding == "gzip" { request.header(header::CONTENT_ENCODING, encoding) } else { request };
            let response = request.send().await.expect("it answers");
            let (status, answer) = (response.status(), response.json::<Value>().await.expect("JSON"));
            assert_eq!(
                (status, outcomes(&answer)[0][1]),
                (StatusCode::OK, "UPDATED"),
                "{media_type} {encoding}: {answer}"
            );
        }
    }
    let metrics = server.http.post(server.url("/v1/m")).body("{\"series\":[]}").send().await.expect("it answers");
    assert_eq!(metrics.json::<Value>().await.expect("JSON"), json!({ "success": true }));
    assert_eq!(u1(&server, "activity { eventCount }").await["activity"]["eventCount"], n - 12);
}

#[tokio::test]
async fn null_removes_a_value_on_every_route() {
    let base = Base::new();
    let server = base.serve();
    let traits = |id: &str, at: &str, traits: Value| json!({ "messageId": id, "userId": "u1", "timestamp": at, "traits": traits });
    let said = traits(
        "n1",
        "2024-06-01T09:00:00Z",
        json!({ "plan": "gold", "tier": 3, "name": "하나", "address": { "city": "서울", "geo": { "lat": 1 } } }),
    );
    let unset =
        traits("n2", "2024-06-02T09:00:00Z", json!({ "plan": null, "name": null, "address": { "city": null } }));
    // The later message counts, regardless of arrival order.
    for call in [&unset, &said] {
        let (status, answer) = post(&server, "/v1/identify", call).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let names = async || {
        let customer = u1(&server, "basic { name } attributes { name }").await;
        let names: Vec<String> = customer["attributes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        (customer["basic"]["name"].clone(), names.join(" "))
    };
    assert_eq!(names().await, (Value::Null, "address.geo.lat tier".to_owned()));
    let whole = json!({ "identity": { "external_id": "u1" }, "request_datetime": "2024-06-03T09:00:00Z", "user_properties": { "address": null, "tier": null } });
    let (status, answer) = post(&server, "/api/v1/identities", &whole).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(names().await, (Value::Null, String::new()));
}

#[tokio::test]
async fn the_older_open_api_is_supported_and_unsupported_calls_are_refused() {
    let base = Base::new();
    let server = base.serve();
    let call = json!({
        "event_attributes": {
            "event_id": "5b0f", "event_name": "purchase", "event_datetime": 1_719_208_800_000_i64, "order_id": "o1", "order_sales": 25_800,
            "items": [{ "product_id": "p1", "product_name": "차", "category1": "식품", "quantity": 2, "price": 12_900 }],
        },
        "user_attributes": { "user_id": "u1", "user_name": "하나" },
    });
    for status in ["CREATED", "DUPLICATE"] {
        let (got, answer) = post(&server, "/api/v1/events", &call).await;
        assert_eq!((got, outcomes(&answer)[0][1]), (StatusCode::OK, status), "{answer}");
    }
    let fields = "basic { name } purchases { window(months: 3) { count amount } }";
    assert_eq!(
        u1(&server, fields).await,
        json!({ "basic": { "name": "하나" }, "purchases": { "window": { "count": 1, "amount": "25800" } } })
    );
    // A deletion is not confirmed, because the customer is not deleted.
    let (status, answer) =
        post(&server, "/api/v1/identities/delete", &json!({ "identity": { "external_id": "u1" } })).await;
    assert_eq!((status, &answer["status"], &answer["data"]), (StatusCode::FORBIDDEN, &json!(false), &json!(false)));
    assert_eq!(u1(&server, "basic { name }").await["basic"]["name"], "하나");
}
