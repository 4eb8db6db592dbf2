//! Access and resource limits: requests without a key, host names and origins, connections, bodies and memory.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use profile360_tests::{Base, Heard, KEYS, Server, Socket, messages};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

/// The routes with data, each with a body.
fn ways() -> Vec<(&'static str, Value)> {
    let ingest = "mutation { ingest(messages: [{ messageId: \"x\", type: IDENTIFY, timestamp: \"2025-03-01T10:00:00Z\",
        source: \"s\", identifiers: [{ kind: \"external_id\", value: \"x\" }] }]) { results { status } } }";
    let publish = "mutation { publishPolicy(policy: { document: {} }, reason: \"r\") { version } }";
    let who = json!({ "external_id": "x" });
    let call = json!({ "userId": "x", "previousId": "y", "groupId": "g", "event": "Signed In", "name": "x" });
    vec![
        ("/graphql", json!({ "query": "{ viewer { name role } profiles(first: 2) { totalCount } }" })),
        ("/graphql", json!({ "query": ingest })),
        ("/graphql", json!({ "query": publish })),
        ("/graphql?query={viewer{role}profiles(first:2){totalCount}}", Value::Null),
        ("/v1/messages", json!([messages::identify("x", "2025-03-01T10:00:00Z", who.clone(), json!({}))])),
        ("/v1/batch", json!({ "batch": [{ "type": "track", "userId": "x", "event": "Signed In" }] })),
        ("/v1/identify", call.clone()),
        ("/v1/track", call.clone()),
        ("/v1/page", call.clone()),
        ("/v1/screen", call.clone()),
        ("/v1/alias", call.clone()),
        ("/v1/group", call),
        ("/api/v1/identities", json!({ "identity": who })),
        ("/api/v1/profiles", json!({ "identity": who })),
        ("/api/v1/identities/delete", json!({ "identity": who })),
        ("/api/v1/events", json!({ "identity": who, "events": [{ "event_name": "df_login" }] })),
    ]
}

/// Headers that belong to other protocols.
const UPGRADES: [&[(&str, &str)]; 14] = [
    &[],
    &[("upgrade", "x")],
    &[("upgrade", "")],
    &[("upgrade", "h2c")],
    &[("upgrade", "websocket")],
    &[("upgrade", "WebSocket, h2c")],
    &[("upgrade", "TLS/1.0")],
    &[("connection", "upgrade")],
    &[("connection", "upgrade"), ("upgrade", "websocket")],
    &[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA")],
    &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="), ("sec-websocket-version", "13")],
    &[
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "12"),
        ("sec-websocket-protocol", "graphql-transport-ws"),
    ],
    &[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")],
    &[("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("x-http-method-override", "GET")],
];

#[tokio::test]
async fn no_header_or_method_bypasses_authentication() {
    let base = Base::with(&messages::generated(3, 1));
    let admin = base.key("ADMIN");
    let mut server = base.serve_with_keys(&[]);
    let holds =
        "{ profiles(first: 200) { totalCount nodes { revision } } policies { version } decisions { nodes { id } } }";
    let strangers = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    server.show(&admin);
    let before = server.ask(holds, Value::Null).await;
    let methods =
        [Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    for (path, body) in ways() {
        for method in &methods {
            for headers in UPGRADES {
                let mut request = strangers.request(method.clone(), server.url(path));
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if !body.is_null() {
                    request = request.json(&body);
                }
                let response = request.send().await.expect("it answers");
                let status = response.status();
                let case = format!("{method} {path} {headers:?}: {status}");
                if *method == Method::POST || (*method == Method::GET && path.starts_with("/graphql")) {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{case}");
                }
                let answer = response.text().await.expect("an answer is text");
                // A preflight request is allowed: its response has no data.
                let is_preflight = *method == Method::OPTIONS && answer.is_empty();
                assert!(status.is_client_error() || is_preflight, "{case}");
                assert!(!answer.contains("\"data\"") && !answer.contains("\"results\""), "{case} {answer}");
            }
        }
    }
    // HTTP/2 with prior knowledge: not supported.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = talk(&server, preface);
    assert!(!answer.windows(9).any(|it| it[3] == 4 && it[..3] == [0, 0, 0]), "it has no settings: {answer:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
    assert_eq!(server.ask(holds, Value::Null).await, before, "nothing was changed");

    // With a key, headers of another protocol are ignored.
    let request = server.http.get(server.url("/graphql?query={viewer{role}}")).header("upgrade", "h2c");
    let answer: Value = request.send().await.expect("it answers").json().await.expect("JSON");
    assert_eq!(answer["data"]["viewer"]["role"], "ADMIN");
    // A handshake opens a socket, which answers nothing before a key.
    let mut socket = Socket::open(&server, "graphql-transport-ws", None).await;
    socket.say(r#"{"id":"1","type":"subscribe","payload":{"query":"{ viewer { role } }"}}"#).await;
    assert_eq!(socket.hear().await, Heard::Closed(4401));
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("it listens");
    // So that the test cannot hang.
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it can be set");
    stream
}

/// Sends bytes, and reads until the server closes the connection.
fn talk(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(server);
    stream.write_all(bytes).expect("it is read");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is closed");
    answer
}

/// The status and the body of the response to a request with those header lines.
fn ask(server: &Server, first: &str, lines: &[&str], body: &str) -> (u16, String) {
    let lines: String = lines.iter().map(|it| format!("{it}\r\n")).collect();
    let head = format!("{first} HTTP/1.1\r\n{lines}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = String::from_utf8(talk(server, head.as_bytes())).expect("it is text");
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

#[tokio::test]
async fn without_keys_foreign_hosts_and_origins_are_refused() {
    let base = Base::with(&messages::generated(3, 1));
    let server = base.serve();
    let port = server.address.rsplit(':').next().expect("it has a port").to_owned();
    let own = format!("host: 127.0.0.1:{port}");
    let foreign = format!("host: evil.example:{port}");
    let is_refused = |answer: &str, code: &str| answer.contains(code) && answer.contains("--");
    for (path, body) in ways() {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        for method in ["GET", "POST", "PUT", "OPTIONS"] {
            let first = format!("{method} {path}");
            let json = "content-type: application/json";
            let (status, answer) = ask(&server, &first, &[&foreign, json], &body);
            assert!(status == 421 && is_refused(&answer, "HOST_NOT_ALLOWED"), "{first} {status} {answer}");
            assert!(!answer.contains("evil"), "no error repeats what was sent");
            for line in [
                "origin: https://evil.example",
                "origin: null",
                "sec-fetch-site: cross-site",
                "sec-fetch-site: same-site",
            ] {
                let (status, answer) = ask(&server, &first, &[&own, json, line], &body);
                assert!(status == 403 && is_refused(&answer, "CROSS_SITE_REFUSED"), "{first} {line} {status} {answer}");
            }
        }
    }
    let query = "GET /graphql?query={viewer{role}}";
    let whole = |host: &str| format!("GET http://{host}:{port}/graphql?query={{viewer{{role}}}}");
    let handshake = "GET /graphql";
    let upgrade = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let with_upgrade = |lines: &[&'static str]| [&upgrade[..], lines].concat();
    let other_port = "host: localhost:1";
    let cases: Vec<(String, Vec<&str>, u16)> = vec![
        (query.to_owned(), vec![&own], 200),
        (query.to_owned(), vec![], 421),
        (query.to_owned(), vec![&own, &own], 421),
        (query.to_owned(), vec![&own, &foreign], 421),
        (query.to_owned(), vec![other_port], 421),
        (whole("127.0.0.1"), vec![&own], 200),
        (whole("evil.example"), vec![&own], 421),
        (whole("127.0.0.1"), vec![&foreign], 421),
        (handshake.to_owned(), [with_upgrade(&["origin: https://evil.example"]), vec![&own]].concat(), 403),
        (handshake.to_owned(), [with_upgrade(&["origin: null"]), vec![&own]].concat(), 403),
        (handshake.to_owned(), [with_upgrade(&["sec-fetch-site: cross-site"]), vec![&own]].concat(), 403),
        (handshake.to_owned(), [with_upgrade(&[]), vec![&foreign]].concat(), 421),
        ("GET /assets/index.js".to_owned(), vec![&own, "sec-fetch-site: cross-site"], 403),
        ("GET /openapi.json".to_owned(), vec![&foreign], 421),
        // Health checks are public.
        ("GET /healthz".to_owned(), vec![&foreign], 200),
        ("GET /readyz".to_owned(), vec![&own, "origin: https://evil.example"], 200),
    ];
    for (first, lines, wanted) in cases {
        let (status, answer) = ask(&server, &first, &lines, "");
        assert_eq!(status, wanted, "{first} {lines:?} {answer}");
        if !first.contains("graphql") && wanted == 200 {
            assert!(answer == r#"{"status":"ok"}"# || answer == r#"{"status":"ready"}"#, "{answer}");
        }
    }
    // Links from other sites lead to the page, whether it was built or not.
    let visit = ["sec-fetch-site: cross-site", "sec-fetch-mode: navigate", "sec-fetch-dest: document"];
    for (path, is_answered) in [("/", true), ("/customers", true), ("/graphql?query={viewer{role}}", false)] {
        let (status, _) = ask(&server, &format!("GET {path}"), &[&[own.as_str()], &visit[..]].concat(), "");
        assert_eq!(status != 403, is_answered, "{path} {status}");
    }
    assert_eq!(server.stop(), Some(0));

    let allowed = ["--allowed-hosts", "Profiles.example.com,localhost:9000"];
    let hosts = ["profiles.example.com", "profiles.example.com:8443", "localhost:9000", "localhost:9001", "127.0.0.1"];
    let server = base.serve_with(&allowed);
    let port = server.address.rsplit(':').next().expect("it has a port").to_owned();
    let status_of = |server: &Server, host: &str| {
        ask(server, "GET /graphql?query={viewer{role}}", &[&format!("host: {host}")], "").0
    };
    assert_eq!(hosts.map(|host| status_of(&server, host)), [200, 200, 200, 421, 421]);
    assert_eq!(status_of(&server, &format!("127.0.0.1:{port}")), 200);
    assert_eq!(server.stop(), Some(0));
    // With keys the allowed hosts are enforced, and without allowed hosts all are accepted.
    base.key("ADMIN");
    let server = base.serve_with_keys(&allowed);
    let port = server.address.rsplit(':').next().expect("it has a port").to_owned();
    assert_eq!(hosts.map(|host| status_of(&server, host)), [401, 401, 401, 421, 421]);
    assert_eq!(status_of(&server, &format!("127.0.0.1:{port}")), 421);
    assert_eq!(server.stop(), Some(0));
    let server = base.serve_with_keys(&[]);
    assert_eq!(hosts.map(|host| status_of(&server, host)), [401; 5]);
    // Pages of other origins cannot open sockets, with or without keys.
    for origin in ["https://evil.example", "null"] {
        let mut socket = Socket::open(&server, "graphql-transport-ws", Some(origin)).await;
        socket.say(r#"{"type":"connection_init"}"#).await;
        assert_eq!(socket.hear().await, Heard::Closed(4403), "{origin}");
    }
    assert_eq!(base.run(&["serve", "--allowed-hosts", "https://evil.example"]).status, Some(2));
}

/// Sends an incomplete request head.
fn half_a_head(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nX-A: ").expect("it is read");
    stream
}

/// Reads until the server closes the connection.
fn end_of(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it is closed"),
    }
    said
}

#[test]
fn incomplete_heads_and_idle_connections_are_closed() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-head", "200ms", "--limit-idle", "200ms"]);
    assert!(!end_of(half_a_head(&server)).starts_with(b"HTTP/1.1 2"));
    // One without any request, and one that is idle after a request.
    assert_eq!(end_of(connect(&server)), b"");
    let mut stream = connect(&server);
    let host = server.address.trim_start_matches("http://");
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).expect("it is read");
    assert!(end_of(stream).starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones() {
    let base = Base::new();
    let limits = [
        "--limit-connections",
        "8",
        "--limit-connections-per-address",
        "4",
        "--limit-head",
        "600s",
        "--limit-idle",
        "600s",
    ];
    let server = base.serve_with(&limits);
    // The oldest idle connection of the address is closed.
    let half: Vec<TcpStream> = (0..12).map(|_| half_a_head(&server)).collect();
    let response = server.http.get(server.url("/healthz")).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    let mut half = half.into_iter();
    for stream in half.by_ref().take(8) {
        end_of(stream);
    }
    drop(half);
    // Active ones are not: a new one is refused.
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(Socket::begin(&server).await);
    }
    let mut answer = Vec::new();
    connect(&server).read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(body).map(|it| it["code"].clone()).ok(), Some(json!("OVERLOADED")));
    sockets[0].say(r#"{"type":"ping"}"#).await;
    assert_eq!(sockets[0].said().await, json!({ "type": "pong" }));
}

/// Like `ulimit -n` of a shell or a service manager.
#[tokio::test]
async fn with_few_open_files_the_database_keeps_its_share() {
    let base = Base::new();
    let server = base.serve_with_files(256);
    let client = server.http.clone();
    let n_half = 400;
    let half: Vec<TcpStream> = (0..n_half).map(|_| half_a_head(&server)).collect();
    let lines: Vec<Value> = (0..2_000)
        .map(|n| {
            messages::identify(
                &format!("m{n}"),
                "2025-03-01T10:00:00Z",
                json!({ "external_id": format!("u{n}") }),
                json!({ "pad": "x".repeat(2_000) }),
            )
        })
        .collect();
    let request =
        client.post(server.url("/v1/messages?results=none")).header(header::CONTENT_TYPE, "application/x-ndjson");
    let answer = request.body(messages::ndjson(&lines)).send().await.expect("it answers").text().await.expect("text");
    assert!(answer.contains(r#""end":"COMPLETE","taken":2000"#), "{answer}");
    assert!(!server.log().contains("Too many open files"), "{}", server.log());
    drop(half);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

fn head_of_post(server: &Server, path: &str, key: &str, n_bytes: usize) -> String {
    let host = server.address.trim_start_matches("http://");
    let form = if path == "/v1/messages" { "application/x-ndjson" } else { "application/json" };
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: {form}\r\n\
         content-length: {n_bytes}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    )
}

/// Starts a request. Returns once the server reads its body.
fn begun(server: &Server, path: &str, key: &str, n_bytes: usize) -> TcpStream {
    const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut stream = connect(server);
    stream.write_all(head_of_post(server, path, key, n_bytes).as_bytes()).expect("it is read");
    let mut said = [0; GO_ON.len()];
    stream.read_exact(&mut said).expect("it says to go on");
    assert_eq!(said, GO_ON);
    stream
}

/// Repeats a check until it succeeds.
async fn until(sentence: &str, mut is_so: impl AsyncFnMut() -> bool) {
    const AT_MOST: usize = 100_000;
    for _ in 0..AT_MOST {
        if is_so().await {
            return;
        }
    }
    panic!("{sentence} never");
}

/// Sends a body byte by byte, slowly. Returns the response, or nothing if the server keeps reading.
fn drip(mut stream: TcpStream) -> String {
    const MOMENT: Duration = Duration::from_millis(100);
    const AT_MOST: usize = 300;
    stream.set_read_timeout(Some(MOMENT)).expect("it can be set");
    let mut said = Vec::new();
    for _ in 0..AT_MOST {
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => said.extend_from_slice(&buffer[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // The server may have closed the connection.
                stream.write_all(b" ").ok();
            }
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn slow_bodies_are_cut_off() {
    let base = Base::new();
    let admin = base.key("ADMIN");
    let paths = ["/graphql", "/v1/track", "/v1/batch", "/api/v1/events", "/v1/messages"];
    // Too slow on average, without long pauses; and fast enough, but endless.
    for (limits, endless) in [
        (["--limit-time=1s", "--limit-rate=1000", "--limit-upload=600s"], false),
        (["--limit-time=30s", "--limit-rate=1", "--limit-upload=1s"], true),
    ] {
        let server = base.serve_with_keys(&limits);
        let dripping: Vec<_> = paths
            .into_iter()
            // A stream may continue as long as it keeps its pace.
            .filter(|path| !endless || *path != "/v1/messages")
            .map(|path| {
                let stream = begun(&server, path, &admin, 1_000_000);
                (path, std::thread::spawn(move || drip(stream)))
            })
            .collect();
        for (path, dripping) in dripping {
            let answer = dripping.join().expect("it does not panic");
            assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("TIMED_OUT"), "{path} {limits:?}: {answer}");
        }
        assert_eq!(server.stop(), Some(0));
    }
}

#[tokio::test]
async fn one_client_cannot_use_all_connections() {
    let base = Base::new();
    let [greedy, other] = [base.key("ADMIN"), base.key("INGEST")];
    let limits = [
        "--limit-requests=2",
        "--limit-requests-per-client=1",
        "--limit-streams=2",
        "--limit-streams-per-client=1",
        "--limit-sockets-per-client=1",
    ];
    let server = base.serve_with_keys(&limits);
    let status = async |path: &str, key: &str| {
        let body = if path == "/graphql" { json!({ "query": "{ viewer { role } }" }) } else { json!([]) };
        let response =
            server.http.post(server.url(path)).bearer_auth(key).json(&body).send().await.expect("it answers");
        (response.status().as_u16(), response.headers().contains_key(header::RETRY_AFTER))
    };
    for path in ["/graphql", "/v1/messages"] {
        let held = begun(&server, path, &greedy, 100);
        assert_eq!(status(path, &greedy).await, (503, true), "{path}");
        assert_eq!(status(path, &other).await, (200, false), "{path}");
        drop(held);
        until("the place is free again", async || status(path, &greedy).await == (200, false)).await;
    }
    let shown = json!({ "authorization": greedy });
    let ack = Heard::Said(json!({ "type": "connection_ack" }));
    let (first, heard) = Socket::begin_with(&server, &shown).await;
    assert_eq!(heard, ack);
    let (_second, heard) = Socket::begin_with(&server, &shown).await;
    assert_eq!(heard, Heard::Closed(1013));
    drop(first);
    until("the place is free again", async || Socket::begin_with(&server, &shown).await.1 == ack).await;
}

#[tokio::test]
async fn sockets_are_limited_before_connection_init() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-handshakes", "2", "--limit-init", "600s"]);
    let ping = |n: usize| json!({ "type": "ping", "payload": { "x": "x".repeat(n) } }).to_string();
    let mut socket = Socket::open(&server, "graphql-transport-ws", None).await;
    socket.say(ping(10_000)).await;
    assert_eq!(socket.said().await["type"], "pong");
    // One address may have half of the sockets that are not initialized.
    let mut request = server.address.replacen("http", "ws", 1).into_client_request().expect("an address");
    *request.uri_mut() = format!("{}/graphql", server.address.replacen("http", "ws", 1)).parse().expect("an address");
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status().as_u16(), 503),
        other => panic!("{other:?}"),
    }
    // An initialized socket makes room for the next, and may send larger frames.
    socket.say(r#"{"type":"connection_init"}"#).await;
    assert_eq!(socket.said().await, json!({ "type": "connection_ack" }));
    socket.say(ping(200_000)).await;
    assert_eq!(socket.said().await["type"], "pong");
    let mut next = Socket::open(&server, "graphql-transport-ws", None).await;
    next.try_say(ping(200_000)).await;
    assert_eq!(next.hear().await, Heard::Nothing);
}

#[tokio::test]
async fn memory_for_bodies_is_limited_in_total() {
    let base = Base::new();
    let keys = ["ADMIN", "INGEST", "READER"].map(|role| base.key(role));
    let [admin, ingest, reader] = &keys;
    let server = base.serve_with_keys(&["--limit-work=40000000"]);
    let zeros = |n: usize| vec!["0"; n].join(",");
    let post = async |path: &str, key: &str, body: String| {
        let request =
            server.http.post(server.url(path)).bearer_auth(key).header(header::CONTENT_TYPE, "application/json");
        let response = request.body(body).send().await.expect("it answers");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("every answer is JSON");
        let code = answer["code"].as_str().or(answer["errors"][0]["extensions"]["code"].as_str()).unwrap_or("none");
        (status, code.to_owned())
    };
    let outcome = |status: u16, code: &str| (status, code.to_owned());
    let request =
        |query: &str, name: &str, n: usize| format!(r#"{{"query":"{query}","variables":{{"{name}":[{}]}}}}"#, zeros(n));
    let messages = "mutation($x: [MessageInput!]!) { ingest(messages: $x) { results { status } } }";
    let peak_before = server.peak_memory();
    let cases = [
        // A body without a declared length is refused, and one with a length is read if memory is available.
        ("/graphql", admin, request("{ viewer { role } }", "x", 100), outcome(200, "GRAPHQL_VALIDATION_FAILED")),
        (
            "/graphql",
            admin,
            request("query($x: [Int!]) { viewer { role } }", "x", 400_000),
            outcome(413, "REQUEST_TOO_LARGE"),
        ),
        // Only bodies with messages may be large, and only with a key that may send.
        (
            "/graphql",
            admin,
            request("query($x: [Int!]) { viewer { role } }", "x", 600_000),
            outcome(413, "REQUEST_TOO_LARGE"),
        ),
        ("/graphql", admin, request(messages, "x", 7_000_000), outcome(413, "REQUEST_TOO_LARGE")),
        (
            "/graphql",
            ingest,
            format!("{}{}", " ".repeat(2_000_000), request(messages, "y", 1)),
            outcome(200, "GRAPHQL_VALIDATION_FAILED"),
        ),
        (
            "/graphql",
            reader,
            format!("{}{}", " ".repeat(2_000_000), request(messages, "y", 1)),
            outcome(413, "REQUEST_TOO_LARGE"),
        ),
        (
            "/graphql",
            ingest,
            format!("{}{}", " ".repeat(2_000_000), request("{ viewer { role } }", "x", 1)),
            outcome(413, "REQUEST_TOO_LARGE"),
        ),
        (
            "/v1/batch",
            ingest,
            format!(r#"{{"batch":[],"x":[{}]}}"#, zeros(7_000_000)),
            outcome(413, "REQUEST_TOO_LARGE"),
        ),
        ("/v1/batch", ingest, r#"{"batch":[]}"#.to_owned(), outcome(200, "none")),
    ];
    for (path, key, body, wanted) in cases {
        let beginning: String = body.chars().take(200).collect();
        assert_eq!(post(path, key, body).await, wanted, "{path} {beginning}");
    }
    // Where the key may be in the body, the smaller limit applies before authentication.
    let unread =
        server.http.post(server.url("/v1/batch")).body(" ".repeat(2_000_000)).send().await.expect("it answers");
    assert_eq!(unread.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let grown = server.peak_memory().saturating_sub(peak_before) >> 20;
    assert!(grown < 150, "{grown} MiB more");
    // Memory in use by others is not available: a body that exceeds the rest is refused for now.
    let large = || request("query($x: [Int!]) { viewer { role } }", "x", 200_000);
    let mut held = Vec::new();
    until("there is too much at work", async || {
        // One of them may have been refused while the previous request held memory.
        held.clear();
        held.extend([admin, ingest].map(|key| {
            let n_bytes = 15_000_000;
            let mut stream = begun(&server, "/graphql", key, n_bytes);
            stream.write_all(&vec![b' '; n_bytes - 1]).ok();
            stream
        }));
        post("/graphql", reader, large()).await == outcome(503, "OVERLOADED")
    })
    .await;
    assert_eq!(post("/graphql", reader, r#"{"query":"{ viewer { role } }"}"#.to_owned()).await, outcome(200, "none"));
    drop(held);
    until("there is room again", async || post("/graphql", reader, large()).await != outcome(503, "OVERLOADED")).await;
}

#[tokio::test]
async fn clients_that_do_not_read_are_disconnected() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-time", "1s", "--limit-rate", "1000", "--limit-requests-per-client", "1"]);
    let large: Vec<Value> = (0..40)
        .map(|n| {
            let properties = json!({ "text": "x".repeat(400_000) });
            messages::event(
                &format!("m{n}"),
                "2025-03-01T10:00:00Z",
                json!({ "external_id": "u1" }),
                "read",
                properties,
            )
        })
        .collect();
    let lines = server.http.post(server.url("/v1/messages")).header(header::CONTENT_TYPE, "application/x-ndjson");
    let status = lines.body(messages::ndjson(&large)).send().await.expect("it answers").status();
    assert_eq!(status, StatusCode::OK);
    let query = r#"{"query":"{ profile(by: { identifier: { kind: \"external_id\", value: \"u1\" } }) { timeline(first: 40) { nodes { properties } } } }"}"#;
    let mut stream = begun(&server, "/graphql", "none", query.len());
    stream.write_all(query.as_bytes()).expect("it is read");
    let is_free = async || {
        let request = server.http.post(server.url("/graphql")).json(&json!({ "query": "{ viewer { role } }" }));
        request.send().await.expect("it answers").status() == StatusCode::OK
    };
    assert!(!is_free().await, "it uses the only slot");
    until("its place is free again", is_free).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.len() < 40 * 400_000, "{} bytes of it came", answer.len());
}

#[tokio::test]
async fn responses_are_not_cached_and_health_reveals_nothing() {
    let base = Base::with(&messages::generated(3, 1));
    let keys = ["ADMIN", "INGEST", "READER"].map(|role| base.key(role));
    let [admin, ingest, reader] = &keys;
    let server = base.serve_with_keys(&[]);
    let paths = [
        "/graphql?query={viewer{role}profiles(first:1){nodes{basic{name}}}}",
        "/graphql?query={",
        "/v1/messages",
        "/healthz",
        "/readyz",
        "/nothing.txt",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST] {
            for key in [Some(admin), None] {
                let mut request = server.http.request(method.clone(), server.url(path)).body("{}");
                request = request.header(header::CONTENT_TYPE, "application/json");
                if let Some(key) = key {
                    request = request.bearer_auth(key);
                }
                let response = request.send().await.expect("it answers");
                let headers = response.headers();
                for (name, value) in [
                    ("cache-control", "no-store"),
                    ("cross-origin-opener-policy", "same-origin"),
                    ("cross-origin-resource-policy", "same-origin"),
                    ("x-frame-options", "DENY"),
                    ("x-content-type-options", "nosniff"),
                ] {
                    assert_eq!(
                        headers.get(name).and_then(|it| it.to_str().ok()),
                        Some(value),
                        "{method} {path} {name}"
                    );
                }
            }
        }
    }
    let health = async |path: &str, key: Option<&str>| {
        let request = server.http.get(server.url(path));
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        let response = request.send().await.expect("it answers");
        assert_eq!(response.status(), StatusCode::OK);
        response.json::<Value>().await.expect("JSON")
    };
    let unknown = "p360_000000000000_0000000000000000000000000000000000000000000000000000000000000000";
    for key in [None, Some(unknown), Some(ingest.as_str())] {
        assert_eq!(health("/healthz", key).await, json!({ "status": "ok" }));
        assert_eq!(health("/readyz", key).await, json!({ "status": "ready" }));
    }
    for key in [reader, admin] {
        let seen = health("/healthz", Some(key)).await;
        assert!(seen["customers"].is_u64() && seen["policyVersion"] == 1 && seen["customersToList"] == 0, "{seen}");
        assert!(health("/readyz", Some(key)).await["schemaVersion"].is_u64());
    }
    assert!(base.path(KEYS).exists());
}
