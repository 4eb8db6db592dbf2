//! GraphQL over WebSocket: the protocol frame by frame, and subscriptions.

use profile360_tests::{Base, Deadline, Heard, Socket, messages};
use serde_json::{Value, json};

const PROTOCOL: &str = "graphql-transport-ws";
const BEGIN: &str = r#"{"type":"connection_init"}"#;

/// A message whose ID is its day.
fn identify(day: u32, identifiers: Value, name: &str) -> Value {
    let at = format!("2025-03-{day:02}T10:00:00Z");
    messages::identify(&day.to_string(), &at, identifiers, json!({ "df_name": name }))
}

fn subscribe(id: &str, query: &str, variables: Value) -> String {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } }).to_string()
}

#[tokio::test]
async fn the_protocol_is_followed_exactly() {
    const SUBSCRIBE: &str =
        r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { profileChanged { id } }"}}"#;
    const TWICE: Heard = Heard::Closed(4409);
    let base = Base::new();
    let server = base.serve();
    let host = server.address.clone();
    // Protocol, origin, frames, and the close code.
    let cases: [(&'static str, Option<&str>, &[&str], Heard); 13] = [
        ("", None, &[], Heard::Closed(4406)),
        (PROTOCOL, None, &["nonsense"], Heard::Closed(4400)),
        (PROTOCOL, None, &["[]"], Heard::Closed(4400)),
        (PROTOCOL, None, &["{\"type\":\"start\"}"], Heard::Closed(4400)),
        (PROTOCOL, None, &["{\"type\":\"connection_init\",\"payload\":1}"], Heard::Closed(4400)),
        (PROTOCOL, None, &[SUBSCRIBE], Heard::Closed(4401)),
        (PROTOCOL, None, &[BEGIN, BEGIN], Heard::Closed(4429)),
        (PROTOCOL, None, &[BEGIN, "{\"type\":\"subscribe\",\"payload\":{\"query\":\"{ x }\"}}"], Heard::Closed(4400)),
        (
            PROTOCOL,
            None,
            &[BEGIN, "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{ x }\"}}"],
            Heard::Closed(4400),
        ),
        (
            PROTOCOL,
            None,
            &[BEGIN, "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"\"}}"],
            Heard::Closed(4400),
        ),
        (PROTOCOL, None, &[BEGIN, "{\"type\":\"subscribe\",\"id\":\"1\"}"], Heard::Closed(4400)),
        (PROTOCOL, Some(&host), &[BEGIN, SUBSCRIBE, SUBSCRIBE], TWICE),
        // A client that completes an operation may use its ID again.
        (PROTOCOL, None, &[BEGIN, SUBSCRIBE, "{\"type\":\"complete\",\"id\":\"1\"}", SUBSCRIBE, SUBSCRIBE], TWICE),
    ];
    for (protocol, origin, frames, end) in cases {
        let mut socket = Socket::open(&server, protocol, origin).await;
        for frame in frames {
            socket.say(*frame).await;
        }
        let mut heard = socket.hear().await;
        if heard == Heard::Said(json!({ "type": "connection_ack" })) {
            heard = socket.hear().await;
        }
        assert_eq!(heard, end, "{protocol} {origin:?} {frames:?}");
    }
    let mut socket = Socket::begin(&server).await;
    socket.say_bytes(BEGIN.as_bytes()).await;
    assert_eq!(socket.hear().await, Heard::Closed(4400));

    // Pings are answered before and after initialization.
    let mut socket = Socket::open(&server, PROTOCOL, None).await;
    socket.say(r#"{"type":"ping","payload":{"n":1}}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.say(r#"{"type":"connection_init","payload":{"key":"none"}}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "connection_ack" }));
    for frame in [r#"{"type":"pong"}"#, r#"{"type":"complete","id":"never begun"}"#, r#"{"type":"ping"}"#] {
        socket.say(frame).await;
    }
    assert_eq!(socket.said().await, json!({ "type": "pong" }));

    // Queries and mutations have one result; invalid documents are errors.
    socket.say(subscribe("q", "{ viewer { role } }", Value::Null)).await;
    assert_eq!(
        socket.said().await,
        json!({ "id": "q", "type": "next", "payload": { "data": { "viewer": { "role": "ADMIN" } } } })
    );
    assert_eq!(socket.said().await, json!({ "id": "q", "type": "complete" }));
    for (query, code) in [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.say(subscribe("e", query, Value::Null)).await;
        let error = socket.said().await;
        assert_eq!((&error["id"], &error["type"]), (&json!("e"), &json!("error")), "{error}");
        assert_eq!(error["payload"][0]["extensions"]["code"], code, "{error}");
    }
    socket.say(subscribe("w", "subscription { profileChanged(unifiedId: \"me\") { id } }", Value::Null)).await;
    let answer = socket.said().await;
    assert_eq!(answer["payload"]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    assert_eq!(socket.said().await, json!({ "id": "w", "type": "complete" }));
}

#[tokio::test]
async fn subscriptions_by_any_id_receive_each_change() {
    const CHANGED: &str = "subscription($id: ID) {
        profileChanged(unifiedId: $id) { unifiedId supersededIds basic { name } identifiers { value } revision }
    }";
    let base = Base::new();
    let server = base.serve();
    let first = server.ingest(&[identify(1, json!({ "external_id": "u1" }), "하나")]).await;
    let device = server.ingest(&[identify(2, json!({ "device_id": "d1" }), "기기")]).await;
    let ids = [&first, &device].map(|it| it[0]["unifiedId"].clone());
    let mut socket = Socket::begin(&server).await;
    for (name, id) in [("one", &ids[0]), ("other", &ids[1]), ("all", &Value::Null)] {
        socket.say(subscribe(name, CHANGED, json!({ "id": id }))).await;
    }
    // Frames are handled in order: a result of this means that earlier subscriptions have started.
    socket.say(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "pong" }));
    let mut events = async |n: usize| {
        let mut events: Vec<(String, Value)> = Vec::new();
        for _ in 0..n {
            let mut message = socket.said().await;
            assert_eq!(message["type"], "next", "{message}");
            assert_eq!(message["payload"]["errors"], Value::Null, "{message}");
            let profile = message["payload"]["data"]["profileChanged"].take();
            events.push((message["id"].as_str().unwrap_or_default().to_owned(), profile));
        }
        events.sort_by(|a, b| a.0.cmp(&b.0));
        events
    };
    let names = |events: &[(String, Value)]| events.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();

    // A change reaches only subscriptions of that customer.
    server.ingest(&[identify(3, json!({ "external_id": "u1" }), "두리")]).await;
    let changed = events(2).await;
    assert_eq!(names(&changed), ["all", "one"]);
    assert!(changed.iter().all(|(_, it)| it["basic"]["name"] == "두리" && it["unifiedId"] == ids[0]), "{changed:?}");
    // A new customer reaches only the subscription of all.
    server.ingest(&[identify(4, json!({ "external_id": "u9" }), "남")]).await;
    assert_eq!(names(&events(1).await), ["all"]);

    // A merge reaches subscriptions by both IDs, with the same result as a query.
    server.ingest(&[identify(5, json!({ "external_id": "u1", "device_id": "d1" }), "세나")]).await;
    let merged = events(3).await;
    assert_eq!(names(&merged), ["all", "one", "other"]);
    let query = "query($id: ID) { profile(by: { unifiedId: $id }) { unifiedId supersededIds basic { name } identifiers { value } revision } }";
    let found = server.ask(query, json!({ "id": ids[1] })).await["profile"].take();
    assert!(merged.iter().all(|(_, it)| *it == found), "{merged:?} {found}");
    // A duplicate is no change: the next event is the next change.
    server.ingest(&[identify(5, json!({ "external_id": "u1", "device_id": "d1" }), "세나")]).await;
    server.ingest(&[identify(6, json!({ "device_id": "d1" }), "네모")]).await;
    let changed = events(3).await;
    assert_eq!(names(&changed), ["all", "one", "other"]);
    assert!(changed.iter().all(|(_, it)| it["unifiedId"] == found["unifiedId"]), "{changed:?}");

    // A completed subscription receives nothing.
    socket.say(r#"{"type":"complete","id":"all"}"#).await;
    socket.say(r#"{"type":"complete","id":"one"}"#).await;
    socket.say(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "pong" }));
    server.ingest(&[identify(7, json!({ "external_id": "u1" }), "다섯")]).await;
    assert_eq!(socket.said().await["id"], "other");

    // A server that shuts down closes with a code.
    server.terminate();
    assert_eq!(socket.hear().await, Heard::Closed(1001));
    assert_eq!(server.wait(), Some(0));
}

#[tokio::test]
async fn late_initialization_excess_operations_and_slow_consumers_get_codes() {
    let base = Base::new();
    let server = base.serve_with(&[
        "--limit-init",
        "1ms",
        "--limit-operations",
        "2",
        "--limit-behind",
        "2",
        "--limit-sockets",
        "1",
    ]);
    let mut late = Socket::open(&server, PROTOCOL, None).await;
    assert_eq!(late.hear().await, Heard::Closed(4408));
    drop(late);
    server.stop();

    let server = base.serve_with(&["--limit-operations", "2", "--limit-behind", "2", "--limit-sockets", "1"]);
    let mut socket = Socket::begin(&server).await;
    let refused = server
        .http
        .get(server.url("/graphql"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .send()
        .await
        .expect("it answers");
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], "OVERLOADED");

    const CHANGED: &str = "subscription { profileChanged { unifiedId } }";
    for name in ["a", "b", "c"] {
        socket.say(subscribe(name, CHANGED, Value::Null)).await;
    }
    let error = socket.said().await;
    assert_eq!((&error["id"], &error["type"]), (&json!("c"), &json!("error")));
    assert_eq!(error["payload"][0]["extensions"]["code"], "TOO_MANY_OPERATIONS");

    // Two hundred customers are listed at once, more than the buffer of two.
    let many: Vec<Value> = (0..200)
        .map(|n| {
            messages::identify(
                &format!("m{n}"),
                "2025-03-01T10:00:00Z",
                json!({ "external_id": format!("u{n}") }),
                json!({}),
            )
        })
        .collect();
    server.ingest(&many).await;
    let mut cut_off = Vec::new();
    let deadline = Deadline::new("both subscriptions to end");
    while cut_off.len() < 2 {
        deadline.check(&cut_off);
        let message = socket.said().await;
        if message["type"] == "error" {
            assert_eq!(message["payload"][0]["extensions"]["code"], "SLOW_CONSUMER", "{message}");
            cut_off.push(message["id"].clone());
        }
    }
    cut_off.sort_by_key(ToString::to_string);
    assert_eq!(cut_off, ["a", "b"]);
    // The connection stays open, and new subscriptions work.
    socket.say(subscribe("a", CHANGED, Value::Null)).await;
    socket.say(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "pong" }));
    let changed = server.ingest(&[identify(30, json!({ "external_id": "u1" }), "나")]).await;
    assert_eq!(socket.said().await["payload"]["data"]["profileChanged"]["unifiedId"], changed[0]["unifiedId"]);
}

#[tokio::test]
async fn a_client_stays_connected_as_long_as_it_answers_pings() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-silence", "300ms", "--limit-sockets", "2"]);
    let mut lively = Socket::begin(&server).await;
    for _ in 0..4 {
        // Reading the next frame answers the last ping.
        lively.is_asked().await;
    }
    lively.say(r#"{"type":"ping"}"#).await;
    assert_eq!(lively.said().await, json!({ "type": "pong" }));

    // A client that reads nothing, so that it answers no ping, is disconnected, which frees its slot.
    let silent = Socket::begin(&server).await;
    let is_full = |status: reqwest::StatusCode| status == reqwest::StatusCode::SERVICE_UNAVAILABLE;
    let mut n_refused = 0;
    loop {
        lively.is_asked().await;
        let handshake = server.http.get(server.url("/graphql")).header("upgrade", "websocket");
        let handshake = handshake.header("connection", "upgrade").header("sec-websocket-version", "13");
        let handshake = handshake.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let status = handshake.send().await.expect("it answers").status();
        if !is_full(status) {
            break;
        }
        n_refused += 1;
        assert!(n_refused < 20, "it is still there");
    }
    drop(silent);
}

#[tokio::test]
async fn persisted_queries_work_over_a_socket() {
    let base = Base::new();
    let server = base.serve();
    let query = "{ viewer { role } }";
    let hash = "b8f9ba4bff3e2b1e7d8b3fc2e1a1d0d2";
    let named = |query: &str, hash: &str| {
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let payload = json!({ "query": query, "extensions": extensions });
        json!({ "id": "1", "type": "subscribe", "payload": payload }).to_string()
    };
    let mut socket = Socket::begin(&server).await;
    for (query, code) in [("", "PERSISTED_QUERY_NOT_FOUND"), (query, "PERSISTED_QUERY_MISMATCH")] {
        socket.say(named(query, hash)).await;
        let error = socket.said().await;
        assert_eq!((&error["type"], &error["payload"][0]["extensions"]["code"]), (&json!("error"), &json!(code)));
    }
    let payload = json!({ "documentId": hash });
    socket.say(json!({ "id": "2", "type": "subscribe", "payload": payload }).to_string()).await;
    assert_eq!(socket.said().await["payload"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
}
