//! Other people's ways of sending: Segment's tracking API and the DFINERY Open API.

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
async fn a_call_of_segment_is_answered_with_what_became_of_it() {
    let base = Base::new();
    let server = base.serve();
    let at = "2025-03-01T10:00:00Z";
    let identify = json!({ "messageId": "s1", "userId": "u1", "anonymousId": "a1", "timestamp": at, "traits": { "email": "a@example.com" } });
    let (status, answer) = post(&server, "/v1/identify", &identify).await;
    assert_eq!((status, outcomes(&answer)), (StatusCode::OK, vec![["s1", "CREATED", ""]]), "{answer}");
    // The same again changes nothing.
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
    let (status, answer) = post(&server, "/v1/track", &json!({ "messageId": "s7", "event": "Nobody's" })).await;
    assert_eq!((status, &answer["success"]), (StatusCode::BAD_REQUEST, &json!(false)));
    assert_eq!(outcomes(&answer), [["s7", "REFUSED", "NO_USABLE_IDENTIFIER"]]);

    // Of a batch, packed, each is answered; one that is bad costs the others nothing. An ID is made where there is none.
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
        [["b2", "REFUSED", "UNKNOWN_TYPE"], ["", "REFUSED", "UNKNOWN_TYPE"], ["b4", "REFUSED", "TIMESTAMP_MALFORMED"]]
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
    // What a page of another site can send without being asked whether it may.
    let plain =
        server.http.post(server.url("/v1/batch")).header(header::CONTENT_TYPE, "text/plain").body(batch.to_string());
    assert_eq!(plain.send().await.expect("it answers").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let other = server.http.get(server.url("/v1/batch")).send().await.expect("it answers");
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("7 messages, 4 identifiers,"));
}

#[tokio::test]
async fn a_call_of_the_open_api_is_answered_as_there_and_with_what_became_of_it() {
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

    let (got, answer) = post(&server, "/api/v1/identities", &json!({ "identity": {} })).await;
    assert_eq!((got, &answer["status"], &answer["data"]), (StatusCode::BAD_REQUEST, &json!(false), &json!(false)));
    assert_eq!(outcomes(&answer)[0][2], "NO_USABLE_IDENTIFIER");
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

/// Fields of the customer whose external ID is u1, as of a day in 2024. The list may show it a moment later.
async fn u1(server: &Server, fields: &str) -> Value {
    let key = r#"{ identifier: { kind: "external_id", value: "u1" } }"#;
    let query = format!("{{ profile(by: {key}, asOf: \"2024-07-01\") {{ {fields} }} }}");
    server.ask(&query, Value::Null).await["profile"].take()
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_on_every_route_and_nothing_of_it_is_taken() {
    let base = Base::new();
    let server = base.serve();
    let before = server.peak_memory();
    let call = r#"{"userId":"u1","anonymousId":"a1","identity":{"external_id":"u1"},"messageId":"m","query":"{ viewer { role } }",
        "variables":{"n":VALUE},"traits":{"n":VALUE},"user_properties":{"n":VALUE}}"#;
    let with = |value: &str| call.replace("VALUE", value).into_bytes();
    let packed = gzip(&with("1"));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    // What is wrong, packing, body; status and code of the others, and of GraphQL, which takes nothing that is packed.
    let cases = [
        ("cut gzip", "gzip", packed[..packed.len() / 2].to_vec(), (400, "BODY_CUT")),
        ("no gzip", "gzip", with("1"), (400, "BODY_DAMAGED")),
        ("zip bomb", "gzip", gzip(&vec![b' '; 512 << 20]), (413, "REQUEST_TOO_LARGE")),
        ("other packing", "br", with("1"), (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("no UTF-8", "", [&b"{\"userId\":\""[..], b"\xff\xfe", b"\"}"].concat(), (400, "BODY_MALFORMED")),
        ("a field twice", "", with("{\"a\":1,\"a\":2}"), (400, "BODY_MALFORMED")),
        ("a number that would be rounded", "", with("123456789012345678901234"), (400, "BODY_MALFORMED")),
        ("deep nesting", "", with(&deep), (400, "BODY_MALFORMED")),
        ("cut JSON", "", with("1")[..40].to_vec(), (400, "BODY_MALFORMED")),
        ("no object", "", b"[1]".to_vec(), (400, "BODY_MALFORMED")),
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
            let (told, sentence) = match is_graphql {
                true => (&answer["errors"][0]["extensions"]["code"], &answer["errors"][0]["message"]),
                false => (&answer["code"], &answer["detail"]),
            };
            assert_eq!(told, code, "{path} {what}: {answer}");
            assert!(sentence.as_str().is_some_and(|it| !it.is_empty()), "{path} {what}: {answer}");
        }
    }
    let grown = server.peak_memory().saturating_sub(before) >> 20;
    // Each of them may unpack to 16 MiB before it is refused, in a thread that keeps some of that.
    assert!(grown < 256, "{grown} MiB more");
    assert!(!server.log().contains("ERROR"), "nothing of this is a fault of the server: {}", server.log());
    // Large numbers that are kept as they are, are taken.
    let whole =
        json!({ "userId": "u1", "messageId": "m", "timestamp": "2025-03-01T10:00:00Z", "traits": { "n": u64::MAX } });
    let (status, answer) = post(&server, "/v1/identify", &whole).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(u1(&server, "attributes { value }").await, json!({ "attributes": [{ "value": u64::MAX }] }));
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("1 messages,"));
}

#[tokio::test]
async fn the_older_form_of_the_open_api_is_read_and_what_cannot_be_done_is_said() {
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
    // Nobody is told that a customer is gone who is not.
    let (status, answer) =
        post(&server, "/api/v1/identities/delete", &json!({ "identity": { "external_id": "u1" } })).await;
    assert_eq!(
        (status, &answer["status"], &answer["data"]),
        (StatusCode::NOT_IMPLEMENTED, &json!(false), &json!(false))
    );
    assert_eq!(u1(&server, "basic { name }").await["basic"]["name"], "하나");
}
