//! API keys and roles: authentication on every route, permissions per role, and revocation.

use std::fs;

use profile360_tests::{Base, Heard, KEYS, Ran, Server, Socket, messages};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

const ROLES: [&str; 5] = ["INGEST", "READER", "ANALYST", "STEWARD", "ADMIN"];
const UNKNOWN_KEY: &str = "p360_000000000000_0000000000000000000000000000000000000000000000000000000000000000";

/// A route, and how it receives a key.
struct RouteAuth {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    show: fn(RequestBuilder, &str) -> RequestBuilder,
}

fn bearer(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.bearer_auth(key)
}

fn ways() -> Vec<(RouteAuth, [u16; 7])> {
    let who = json!({ "external_id": "u1" });
    let at = "2025-03-01T10:00:00Z";
    let query = json!({ "query": "{ viewer { role } }" });
    let track = json!({ "messageId": "s2", "userId": "u1", "event": "Signed In", "timestamp": at });
    let identities = json!({ "identity": who, "request_datetime": at });
    let user_name = |request: RequestBuilder, key: &str| request.basic_auth(key, Some(""));
    let access_token = |request: RequestBuilder, key: &str| request.header("access_token", key);
    let way = |method, path, body, show| RouteAuth { method, path, body, show };
    // The statuses without a key, with an unknown one, then by role.
    let everyone = [401, 401, 200, 200, 200, 200, 200];
    let senders = [401, 401, 200, 403, 403, 403, 200];
    let readers = [401, 401, 403, 200, 200, 200, 200];
    let open = [200; 7];
    let lines = Some(json!([messages::identify("m1", at, who, json!({}))]));
    vec![
        (way(Method::POST, "/graphql", Some(query), bearer), everyone),
        (way(Method::GET, "/graphql?query={viewer{role}}", None, bearer), everyone),
        (way(Method::POST, "/v1/messages", lines, bearer), senders),
        (way(Method::POST, "/v1/export", Some(json!({})), bearer), readers),
        (way(Method::POST, "/v1/track", Some(track.clone()), user_name), senders),
        (way(Method::POST, "/v1/track", Some(track), bearer), senders),
        (way(Method::POST, "/api/v1/identities?service_id=s", Some(identities.clone()), access_token), senders),
        (way(Method::POST, "/api/v1/identities", Some(identities), bearer), senders),
        (way(Method::GET, "/healthz", None, bearer), open),
        (way(Method::GET, "/readyz", None, bearer), open),
        (way(Method::GET, "/leaderz", None, bearer), open),
    ]
}

#[tokio::test]
async fn every_route_requires_a_key_with_a_role() {
    let base = Base::new();
    let keys = ROLES.map(|role| base.key(role));
    let server = base.serve_with_keys(&[]);
    for (way, statuses) in ways() {
        let shown = [None, Some(UNKNOWN_KEY)].into_iter().chain(keys.iter().map(|it| Some(it.as_str())));
        for (key, status) in shown.zip(statuses) {
            let mut request = server.http.request(way.method.clone(), server.url(way.path));
            if let Some(body) = &way.body {
                request = request.json(body);
            }
            if let Some(key) = key {
                request = (way.show)(request, key);
            }
            let response = request.send().await.expect("it answers");
            assert_eq!(response.status(), status, "{} {key:?}", way.path);
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), status == 401, "{}", way.path);
            if status < 400 {
                continue;
            }
            let answer: Value = response.json().await.expect("every refusal is JSON");
            let code = answer["code"].as_str().or(answer["errors"][0]["extensions"]["code"].as_str());
            assert_eq!(code, Some(if status == 401 { "UNAUTHENTICATED" } else { "FORBIDDEN" }), "{answer}");
        }
    }

    // A key in the wrong form for the route, two different keys, and a key in the URL.
    let [ingest, .., admin] = &keys;
    let track = || server.http.post(server.url("/v1/track")).json(&json!({ "userId": "u1", "event": "Signed In" }));
    let messages = || server.http.post(server.url("/v1/messages")).json(&json!([]));
    let cases = [
        (messages().basic_auth(ingest, None::<&str>), StatusCode::UNAUTHORIZED),
        (messages().header("access_token", ingest), StatusCode::UNAUTHORIZED),
        (
            messages().bearer_auth(ingest).header(header::AUTHORIZATION, format!("Bearer {admin}")),
            StatusCode::UNAUTHORIZED,
        ),
        (track().header(header::AUTHORIZATION, "Basic ?"), StatusCode::UNAUTHORIZED),
        (track().header(header::AUTHORIZATION, ingest), StatusCode::UNAUTHORIZED),
        (
            server.http.get(server.url(&format!("/graphql?query={{viewer{{role}}}}&key={admin}"))),
            StatusCode::BAD_REQUEST,
        ),
        (server.http.get(server.url(&format!("/customers?k={admin}"))).bearer_auth(admin), StatusCode::BAD_REQUEST),
        (server.http.get(server.url("/graphql?access_token=x")).bearer_auth(admin), StatusCode::BAD_REQUEST),
    ];
    for (request, status) in cases {
        let response = request.send().await.expect("it answers");
        assert_eq!(response.status(), status);
        let answer: Value = response.json().await.expect("every refusal is JSON");
        let code = if status == StatusCode::BAD_REQUEST { "KEY_IN_ADDRESS" } else { "UNAUTHENTICATED" };
        assert_eq!(answer["code"], code, "{answer}");
    }
    let settings = [
        format!("/v1/projects/{admin}/settings"),
        format!("/sourceConfig/?writeKey={admin}"),
        format!("/beacon/v1/batch?writeKey={admin}"),
        format!("/v1/batch?writeKey={ingest}"),
        format!("/projects/{ingest}/settings?key={admin}"),
    ];
    for path in settings {
        let response = server.http.get(server.url(&path)).send().await.expect("it answers");
        assert_eq!(
            response.status(),
            StatusCode::BAD_REQUEST,
            "only a key that reads nothing may be in an address, and only there"
        );
        assert_eq!(response.json::<Value>().await.expect("JSON")["code"], "KEY_IN_ADDRESS");
    }
    // The page has no data, so it needs no key, whether it was built or not.
    let page = server.http.get(server.url("/")).send().await.expect("it answers");
    assert_ne!(page.status(), StatusCode::UNAUTHORIZED);
    assert!(!server.log().contains("p360_"), "no key is in the log");
}

#[tokio::test]
async fn every_field_requires_a_role() {
    let base = Base::with(&messages::generated(5, 1));
    let keys = ROLES.map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    server.show(&keys[4]);
    let id = server.unified_ids().await[0].clone();
    let pair = "a: { kind: \"external_id\", value: \"unknown-1\" }, b: { kind: \"external_id\", value: \"unknown-2\" }";
    // Who may use it: INGEST, READER, ANALYST, STEWARD, ADMIN.
    let all = [true; 5];
    let readers = [false, true, true, true, true];
    let unmasked = [false, false, true, true, true];
    let stewards = [false, false, false, true, true];
    let admins = [false, false, false, false, true];
    let cases = [
        ("{ viewer { role } }".to_owned(), all),
        ("{ __schema { queryType { name } } __typename }".to_owned(), all),
        ("{ profiles(first: 1) { totalCount } }".to_owned(), readers),
        (format!("{{ profile(by: {{ unifiedId: \"{id}\" }}) {{ unifiedId }} }}"), readers),
        ("{ node(id: \"x\") { id } nodes(ids: []) { id } }".to_owned(), readers),
        (format!("{{ explain({pair}) {{ together }} }}"), readers),
        ("{ withheldLinks { totalCount } decisions { pageInfo { endCursor } } }".to_owned(), readers),
        ("{ retirements { id } lineage { pageInfo { endCursor } } }".to_owned(), readers),
        ("{ operatorActions { totalCount } }".to_owned(), readers),
        ("{ sightings(identifier: { kind: \"external_id\", value: \"x\" }) { complete } }".to_owned(), unmasked),
        ("{ policy { version } policies { version } }".to_owned(), readers),
        (format!("{{ profileFacts(unifiedIds: [\"{id}\"]) {{ revision }} }}"), unmasked),
        ("{ profiles(first: 1, orderBy: { field: NAME, direction: ASC }) { totalCount } }".to_owned(), unmasked),
        (
            "{ profiles(filter: { attribute: [{ name: \"df_name\", equals: \"x\" }] }) { totalCount } }".to_owned(),
            unmasked,
        ),
        ("{ profiles(filter: { recentArea: [\"x\"] }) { totalCount } }".to_owned(), unmasked),
        ("{ simulatePolicy(policy: { document: {} }) { merging } }".to_owned(), stewards),
        (format!("mutation {{ decide(relation: DIFFERENT, {pair}, reason: \"r\") {{ status }} }}"), stewards),
        ("mutation { mergeProfiles(unifiedIds: [], reason: \"r\") { status } }".to_owned(), stewards),
        ("mutation { revokeDecision(id: \"x\", reason: \"r\") { status } }".to_owned(), stewards),
        (
            "mutation { retireIdentifier(identifier: { kind: \"phone\", value: \"010-1234-5678\" },
                from: \"2025-03-01T00:00:00Z\", reason: \"r\") { status } }"
                .to_owned(),
            stewards,
        ),
        ("{ auditLog { pageInfo { endCursor } } }".to_owned(), admins),
        ("mutation { publishPolicy(policy: { document: {} }, reason: \"\") { version } }".to_owned(), admins),
        ("mutation { ingest(messages: []) { results { status } } }".to_owned(), [true, false, false, false, true]),
    ];
    for (n, key) in keys.iter().enumerate() {
        server.show(key);
        for (query, allowed) in &cases {
            let codes = server.codes(query, Value::Null).await;
            // With permission the request may still be invalid.
            assert_eq!(codes.iter().all(|it| it != "FORBIDDEN"), allowed[n], "{} {query}: {codes:?}", ROLES[n]);
        }
        let viewer = server.ask("{ viewer { name role seesPersonalData } }", Value::Null).await["viewer"].take();
        let name = ROLES[n].to_lowercase();
        assert_eq!(viewer, json!({ "name": name, "role": ROLES[n], "seesPersonalData": n >= 2 }));
    }
    // Fields without permission are errors with their path; the rest is answered.
    server.show(&keys[1]);
    let answer =
        server.answer("{ viewer { role } simulatePolicy(policy: { document: {} }) { merging } }", Value::Null).await;
    assert_eq!(answer["errors"][0]["path"], json!(["simulatePolicy"]), "{answer}");
    // A client can say in its own words which role to ask for.
    let extensions = json!({ "code": "FORBIDDEN", "role": "READER", "requires": "STEWARD" });
    assert_eq!(answer["errors"][0]["extensions"], extensions);

    // The decision records its author.
    server.show(&keys[3]);
    let decisions = server.ask("{ decisions { nodes { actor } } retirements { actor } }", Value::Null).await;
    assert_eq!(
        decisions,
        json!({ "decisions": { "nodes": [{ "actor": "steward" }] }, "retirements": [{ "actor": "steward" }] })
    );
}

#[tokio::test]
async fn sockets_require_a_key() {
    let base = Base::with(&messages::generated(3, 1));
    let keys = ROLES.map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    let ack = || Heard::Said(json!({ "type": "connection_ack" }));
    let [ingest, reader, .., admin] = &keys;
    let cases = [
        (json!({}), Heard::Closed(4401)),
        (json!({ "authorization": null }), Heard::Closed(4401)),
        (json!({ "authorization": format!("Bearer {UNKNOWN_KEY}") }), Heard::Closed(4401)),
        (json!({ "authorization": format!("Basic {reader}") }), Heard::Closed(4401)),
        (json!({ "authorization": format!("Bearer {ingest}") }), Heard::Closed(4403)),
        (json!({ "authorization": format!("Bearer {reader}") }), ack()),
        (json!({ "Authorization": reader }), ack()),
    ];
    for (payload, heard) in cases {
        let (_socket, got) = Socket::begin_with(&server, &payload).await;
        assert_eq!(got, heard, "{payload}");
    }

    // A revoked key ends subscriptions at their next event, and fails queries.
    let shown = json!({ "authorization": format!("Bearer {reader}") });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": "subscription { profileChanged { unifiedId } }" } });
    let (mut following, _) = Socket::begin_with(&server, &shown).await;
    let (mut asking, _) = Socket::begin_with(&server, &shown).await;
    following.say(subscribe.to_string()).await;
    // Answered after everything before it.
    following.say(json!({ "type": "ping" }).to_string()).await;
    assert_eq!(following.said().await["type"], "pong");
    server.show(admin);
    let change = |id: &str| messages::identify(id, "2025-03-01T10:00:00Z", json!({ "external_id": "s1" }), json!({}));
    server.ingest(&[change("k1")]).await;
    assert_eq!(following.said().await["type"], "next");
    base.revoke(reader);
    server.ingest(&[change("k2")]).await;
    assert_eq!(following.hear().await, Heard::Closed(4401));
    asking.say(subscribe.to_string()).await;
    assert_eq!(asking.hear().await, Heard::Closed(4401));
}

#[tokio::test]
async fn keys_are_created_and_revoked_while_the_server_runs() {
    let base = Base::new();
    let admin = base.key("ADMIN");
    let mut server = base.serve_with_keys(&[]);
    let status = async |server: &Server, key: &str| {
        let query = json!({ "query": "{ viewer { role } }" });
        let request = server.http.post(server.url("/graphql")).bearer_auth(key).json(&query);
        request.send().await.expect("it answers").status().as_u16()
    };
    assert_eq!(status(&server, &admin).await, 200);
    // Rotation: the next key exists before the last one is revoked.
    let next = base.run(&["key", "create", "--role", "ADMIN", "--name", "next", "--keys", KEYS]).stdout;
    let next = next.trim();
    assert_eq!((status(&server, &admin).await, status(&server, next).await), (200, 200));
    base.revoke(&admin);
    assert_eq!((status(&server, &admin).await, status(&server, next).await), (401, 200));

    let listed = base.run(&["key", "list", "--keys", KEYS]).stdout;
    let rows: Vec<Vec<&str>> = listed.lines().skip(1).map(|it| it.split_whitespace().collect()).collect();
    let [first, second] = &rows[..] else { panic!("{listed}") };
    assert_eq!((first[1], first[4], second[1], second[3], second[4]), ("ADMIN", "admin", "ADMIN", "-", "next"));
    assert!(!listed.contains(next) && first[3].ends_with('Z'), "{listed}");

    // If the file cannot be read, revoked keys are unknown: all requests fail.
    let file = base.read(KEYS);
    fs::remove_file(base.path(KEYS)).expect("it is there");
    assert_eq!(status(&server, next).await, 503);
    base.write(KEYS, "{");
    assert_eq!(status(&server, next).await, 503);
    base.write(KEYS, file);
    assert_eq!(status(&server, next).await, 200);
    server.show(next);
    assert!(!server.log().contains("p360_"), "no key is in the log");

    let cases = [
        (vec!["key", "list"], 1, "--keys FILE"),
        (vec!["key", "list", "--keys", "missing.json"], 1, "there is no keys file"),
        (vec!["key", "revoke", "abc", "--keys", KEYS], 1, "no key of this ID"),
        (vec!["key", "create", "--role", "ADMIN", "--name", "next", "--keys", KEYS], 1, "another key in use"),
        (vec!["key", "create", "--role", "KING", "--keys", KEYS], 2, "possible values"),
    ];
    for (arguments, code, sentence) in cases {
        let Ran { status, stderr, .. } = base.run(&arguments);
        assert!(status == Some(code) && stderr.contains(sentence), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_server_does_not_start_with_an_unreadable_keys_file() {
    let base = Base::new();
    base.key("ADMIN");
    let good = base.read(KEYS);
    let torn = &good.as_bytes()[..good.len() / 2];
    base.write("torn.json", torn);
    base.write("other.json", "{ \"currency\": \"KRW\" }");
    base.write("newer.json", "{ \"version\": 7, \"keys\": {} }");
    base.write("open.json", &good);
    let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
    fs::set_permissions(base.path("open.json"), open).expect("it is ours");
    for (file, sentence) in [
        ("missing.json", "profile360 key create"),
        ("torn.json", "is not one that `profile360 key` wrote"),
        ("other.json", "is not one that `profile360 key` wrote"),
        ("newer.json", "run a newer profile360"),
        ("open.json", "chmod 600"),
        (".", "cannot be read"),
    ] {
        let Ran { status, stderr, .. } = base.run(&["serve", "--listen", "127.0.0.1:0", "--keys", file]);
        let error = stderr.lines().find(|it| it.starts_with("error: ")).unwrap_or_default();
        assert!(status == Some(1) && error.contains(sentence), "{file}: {stderr}");
    }
    assert!(!base.path("data").exists(), "the database was not created");
}

#[tokio::test]
async fn sdks_send_keys_in_all_their_places_and_from_any_origin() {
    let base = Base::new();
    let ingest = base.key("INGEST");
    let reader = base.key("READER");
    let server = base.serve_with_keys(&[]);
    let call = |key: Option<&str>| {
        let mut call = json!({ "type": "track", "userId": "u1", "event": "Seen", "timestamp": "2025-03-01T10:00:00Z" });
        if let Some(key) = key {
            call["writeKey"] = json!(key);
        }
        call
    };
    let batch = |key: Option<&str>, calls: Value| {
        let mut batch = json!({ "batch": calls });
        if let Some(key) = key {
            batch["writeKey"] = json!(key);
        }
        batch
    };
    let own = Some(ingest.as_str());
    for (path, body, status) in [
        ("/v1/t", call(own), 200),
        ("/v1/t", call(Some(&reader)), 403),
        ("/v1/t", call(Some(UNKNOWN_KEY)), 401),
        ("/v1/t", call(None), 401),
        ("/v1/b", batch(own, json!([call(None)])), 200),
        ("/v1/b", batch(None, json!([call(own), call(own)])), 200),
        ("/v1/b", batch(None, json!([call(own), call(Some(UNKNOWN_KEY))])), 401),
        ("/v1/b", batch(None, json!([call(None)])), 401),
        ("/api/v1/identities", json!({ "identity": { "external_id": "u1" }, "writeKey": ingest }), 401),
    ] {
        let response = server.http.post(server.url(path)).json(&body).send().await.expect("it answers");
        assert_eq!(response.status(), status, "{path} {body}");
        assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), status == 401, "{path}");
    }
    let beacon = server
        .http
        .post(server.url(&format!("/beacon/v1/batch?writeKey={ingest}")))
        .body(json!({ "batch": [call(None)] }).to_string());
    assert_eq!(beacon.send().await.expect("it answers").status(), StatusCode::OK);

    // Preflight requests from other origins are answered, and so are the calls that follow.
    let from_shop = |request: RequestBuilder| request.header(header::ORIGIN, "https://shop.example");
    for path in [
        format!("/v1/projects/{ingest}/settings"),
        format!("/projects/{ingest}/settings"),
        format!("/sourceConfig/?p=web&writeKey={ingest}"),
    ] {
        let response = from_shop(server.http.get(server.url(&path))).send().await.expect("it answers");
        assert_eq!(
            (response.status(), response.headers()["access-control-allow-origin"].as_bytes()),
            (StatusCode::OK, &b"*"[..])
        );
        let settings: Value = response.json().await.expect("JSON");
        let segment = &settings["integrations"]["Segment.io"];
        let host = server.address.trim_start_matches("http://");
        let (key, to) = match segment.is_object() {
            true => (&segment["apiKey"], json!(format!("{host}/v1"))),
            false => (&settings["source"]["writeKey"], Value::Null),
        };
        assert_eq!((key, &segment["apiHost"]), (&json!(ingest), &to), "{settings}");
    }
    let preflight = |path: &str| {
        from_shop(server.http.request(Method::OPTIONS, server.url(path)))
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,anonymousid")
    };
    let response = preflight("/v1/t").send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["access-control-allow-headers"], "authorization,content-type,anonymousid");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    let refused = from_shop(server.http.post(server.url("/v1/t"))).json(&call(None)).send().await.expect("it answers");
    assert_eq!(
        (refused.status().as_u16(), refused.headers()["access-control-allow-origin"].as_bytes()),
        (401, &b"*"[..])
    );
    for path in ["/graphql", "/v1/messages", "/api/v1/identities", "/healthz", "/"] {
        let response = preflight(path).send().await.expect("it answers");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    assert!(!server.log().contains("p360_"), "no key is in the log");
    assert_eq!(server.stop(), Some(0));

    // Without keys no other origin is allowed.
    let keyless = Base::new();
    let server = keyless.serve();
    let preflight = from_shop(server.http.request(Method::OPTIONS, server.url("/v1/t")))
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.expect("it answers");
    assert!(!response.status().is_success() && !response.headers().contains_key("access-control-allow-origin"));
}
