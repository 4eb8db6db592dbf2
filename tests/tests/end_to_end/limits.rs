//! Limits of GraphQL: bounded work, audit records for personal data, and errors that repeat no input.

use std::{collections::BTreeSet, time::Duration};

use profile360_tests::{Base, Heard, Server, Socket, messages};
use serde_json::{Value, json};

const AT: &str = "2025-03-01T10:00:00+09:00";
/// Longer than anything here. Only a server that hangs reaches it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Fragments that each spread the next one `width` times; the last spreads `last`.
fn bomb(levels: usize, width: usize, last: &str) -> String {
    let fragment = |n: usize| {
        let next = if n + 1 < levels { format!("...f{}", n + 1) } else { last.to_owned() };
        format!(" fragment f{n} on Query {{ {} }}", vec![next; width].join(" "))
    };
    format!("query {{ ...f0 }}{}", (0..levels).map(fragment).collect::<String>())
}

/// Documents that expand exponentially or contain themselves, each with the code of its refusal.
fn bombs() -> Vec<(String, &'static str)> {
    const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
    const COMPLEX: &str = "QUERY_TOO_COMPLEX";
    const DEEP: &str = "QUERY_TOO_DEEP";
    let inline = |open: &str| format!("{{ {} viewer {{ role }} {} }}", open.repeat(40), "}".repeat(40));
    let circular = "fragment a on Query { ...b ...b } fragment b on Query { ...a ...a }";
    let used = "fragment x on Query { viewer { role } }";
    let conflicts: String = (0..300).map(|n| format!("policy(version: {}) {{ version }} ", n % 2)).collect();
    vec![
        (bomb(30, 3, "...missing"), INVALID),
        (bomb(28, 3, "...f0"), INVALID),
        (bomb(20, 3, "viewer { role }"), COMPLEX),
        (bomb(20, 3, "... on Query { ... { __typename } }"), COMPLEX),
        (bomb(40, 1, "viewer { role }"), DEEP),
        (format!("{{ viewer {{ role }} }} {}", bomb(30, 3, "...missing").replacen("query { ...f0 }", "", 1)), INVALID),
        (format!("{{ ...a }} {circular}"), INVALID),
        (format!("query A {{ ...x }} query B {{ ...a }} {used} {circular}"), INVALID),
        (format!("{{ {} }} {used} fragment x on Query {{ viewer {{ name }} }}", "...x "), "GRAPHQL_PARSE_FAILED"),
        (format!("{{ {} }} {used}", "...x ".repeat(2_000)), "ok"),
        (inline("... {"), DEEP),
        (inline("... on Query {"), DEEP),
        (format!("{{ {conflicts} }}"), INVALID),
        (format!("{{ {} {conflicts} {conflicts} {} }}", "... { ".repeat(20), "}".repeat(20)), INVALID),
        (circles(), COMPLEX),
        (format!("{{ profile(by: {}{}) {{ id }} }}", "[".repeat(2_000), "]".repeat(2_000)), DEEP),
        (format!("query($a: {}Int{}) {{ viewer {{ role }} }}", "[".repeat(2_000), "]".repeat(2_000)), DEEP),
        (format!("query($a: Int = {}1{}) {{ viewer {{ role }} }}", "[".repeat(200), "]".repeat(200)), DEEP),
        (
            format!(
                "query({}) {{ viewer {{ role }} }}",
                (0..2_000).map(|n| format!("$v{n}: Int ")).collect::<String>()
            ),
            COMPLEX,
        ),
        (format!("{{ {}: viewer {{ role }} }}", "a".repeat(5_000)), "GRAPHQL_PARSE_FAILED"),
        (format!("{{ viewer {{ role }} }} #{}", "x".repeat(400_000)), "TOO_MANY_TOKENS"),
        ("subscription { a: profileChanged { id } b: profileChanged { id } }".to_owned(), INVALID),
        ("subscription { ...s } fragment s on Subscription { profileChanged { id } }".to_owned(), INVALID),
        ("query A { viewer { role } } query B { viewer { role } }".to_owned(), INVALID),
    ]
}

/// A query in a URL.
fn address(server: &Server, query: &str) -> reqwest::Url {
    let mut url = reqwest::Url::parse(&server.url("/graphql")).expect("a URL");
    url.query_pairs_mut().append_pair("query", query);
    url
}

fn code_of(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok")
}

/// Awaits an answer with a timeout.
async fn within<T>(what: &str, answer: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(answer) => answer,
        Err(_) => panic!("no answer to {}", what.chars().take(200).collect::<String>()),
    }
}

/// Nested introspection.
fn circles() -> String {
    let inner = (0..4).fold("name".to_owned(), |inner, _| format!("fields {{ type {{ {inner} }} }}"));
    format!("{{ __schema {{ types {{ {inner} }} }} }}")
}

fn sha256(text: &str) -> String {
    use std::process::{Command, Stdio};
    let mut command = Command::new("sha256sum");
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is there");
    std::io::Write::write_all(&mut process.stdin.take().expect("it is piped"), text.as_bytes()).expect("it listens");
    let output = process.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn documents_of_unbounded_work_are_refused_on_every_transport() {
    let base = Base::new();
    let [ingest, reader] = ["INGEST", "READER"].map(|role| base.key(role));
    let bombs = bombs();
    let trusted: serde_json::Map<String, Value> =
        bombs.iter().enumerate().map(|(n, (query, _))| (format!("bomb-{n}"), json!(query))).collect();
    base.write("documents.json", Value::Object(trusted).to_string());

    let mut server = base.serve_with_keys(&[]);
    server.show(&ingest);
    for (query, code) in &bombs {
        let answer = within(query, server.answer(query, Value::Null)).await;
        assert_eq!(code_of(&answer), *code, "by POST: {}", query.chars().take(200).collect::<String>());
        let get = server.http.get(address(&server, query)).send();
        if query.len() < 3_000 && !query.starts_with("subscription") {
            let answer: Value = within(query, get).await.expect("it answers").json().await.expect("JSON");
            assert_eq!(code_of(&answer), *code, "by GET: {}", query.chars().take(200).collect::<String>());
        }
    }
    server.show(&reader);
    for (query, code) in &bombs {
        // A document that exceeds the size of a frame ends its connection.
        if query.len() < 200_000 {
            let (mut socket, heard) =
                Socket::begin_with(&server, &json!({ "authorization": format!("Bearer {reader}") })).await;
            assert_eq!(heard, Heard::Said(json!({ "type": "connection_ack" })));
            socket.say(json!({ "id": "1", "type": "subscribe", "payload": { "query": query } }).to_string()).await;
            let heard = within(query, socket.said()).await;
            if *code == "ok" {
                assert_eq!(heard["type"], "next", "{heard}");
                assert_eq!(socket.said().await["type"], "complete");
            } else {
                assert_eq!(heard["payload"][0]["extensions"]["code"], *code, "by WebSocket: {heard}");
            }
        }
        // As a persisted query.
        let named = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(query) } });
        for body in [json!({ "query": query, "extensions": named }), json!({ "extensions": named })] {
            let request = server.http.post(server.url("/graphql")).json(&body).send();
            let answer: Value = within(query, request).await.expect("it answers").json().await.expect("JSON");
            assert_eq!(code_of(&answer), *code, "by its hash: {answer}");
        }
        let batch = server.http.post(server.url("/graphql")).json(&json!([{ "query": query }])).send();
        let answer: Value = within(query, batch).await.expect("it answers").json().await.expect("JSON");
        assert_eq!(code_of(&answer), "BATCH_REFUSED");
    }
    is_well(&server).await;
    assert_eq!(server.stop(), Some(0));

    let mut server = base.serve_with_keys(&["--trusted-documents", "documents.json"]);
    server.show(&reader);
    for (n, (query, code)) in bombs.iter().enumerate() {
        let body = json!({ "extensions": { "persistedQuery": { "sha256Hash": format!("bomb-{n}") } } });
        let request = server.http.post(server.url("/graphql")).json(&body).send();
        let answer: Value = within(query, request).await.expect("it answers").json().await.expect("JSON");
        assert_eq!(code_of(&answer), *code, "a trusted document: {answer}");
    }
    is_well(&server).await;
    assert_eq!(server.stop(), Some(0));
}

/// The server still answers.
async fn is_well(server: &Server) {
    let healthz = within("healthz", server.http.get(server.url("/healthz")).send()).await.expect("it answers");
    assert_eq!(healthz.status(), 200);
}

/// Some customers, the first with all kinds of personal data.
fn customers(n: usize) -> String {
    let one = |n: usize| {
        let identifiers = json!({ "external_id": format!("u{n:04}"), "phone": format!("0109753{n:04}") });
        let attributes = json!({ "df_name": format!("김지아{n}"), "df_birth": "1987-06-05", "tags": ["a", 1, 2.50] });
        messages::identify(&format!("m{n}"), AT, identifiers, attributes)
    };
    messages::ndjson(&(0..n).map(one).collect::<Vec<_>>())
}

#[tokio::test]
async fn query_cost_counts_repeated_fields() {
    let base = Base::with(&customers(3));
    let server = base.serve();
    let graph = "graph { links { count } bridges { leaving { kind } } } timeline(first: 1) { nodes { name } }";
    let nodes = |n: usize| {
        format!(
            "query($ids: [ID!]!) {{ {} }} fragment f on Query {{ nodes(ids: $ids) {{ ... on Profile {{ {graph} }} }} }}",
            "...f ".repeat(n)
        )
    };
    let ids = server.ask("{ profiles(first: 200) { nodes { id } } }", Value::Null).await;
    let ids: Vec<Value> =
        ids["profiles"]["nodes"].as_array().into_iter().flatten().map(|node| node["id"].clone()).collect();
    let many: Vec<&Value> = ids.iter().cycle().take(200).collect();
    assert_eq!(server.codes(&nodes(1), json!({ "ids": ids })).await, [""; 0]);
    assert_eq!(server.codes(&nodes(1), json!({ "ids": many })).await, [""; 0]);
    assert_eq!(server.codes(&nodes(10), json!({ "ids": many })).await, ["QUERY_TOO_COMPLEX"]);
    let spread =
        |n: usize, root: &str, field: &str| format!("{{ {} }} fragment f on {root} {{ {field} }}", "...f ".repeat(n));
    let times = |n: usize, field: &str| spread(n, "Query", field);
    let explain =
        "explain(a: { kind: \"external_id\", value: \"1\" }, b: { kind: \"phone\", value: \"2\" }) { together }";
    let simulate = "simulatePolicy(policy: { document: { max_links: 9 } }) { merging }";
    let list = |arguments: &str| format!("{{ profiles({arguments}) {{ totalCount }} }}");
    let kinds = |n: usize| format!("filter: {{ hasIdentifier: [{}] }}", "\"phone\" ".repeat(n));
    let attributes = |n: usize| format!("filter: {{ attribute: [{}] }}", "{ name: \"a\", equals: 1 } ".repeat(n));
    for (query, code) in [
        (times(1_000, explain), "QUERY_TOO_COMPLEX"),
        (times(2, simulate), "QUERY_TOO_COMPLEX"),
        (times(1_000, "policies { document }"), "QUERY_TOO_COMPLEX"),
        (times(300, "profiles(first: 200) { nodes { id } }"), "QUERY_TOO_COMPLEX"),
        (times(80, "profiles(first: 1) { nodes { graph { links { count } } } }"), "ok"),
        (
            format!("mutation {}", spread(300, "Mutation", "revokeDecision(id: \"x\", reason: \"x\") { status }")),
            "QUERY_TOO_COMPLEX",
        ),
        (list(&format!("search: \"{}\"", "김".repeat(170))), "ok"),
        (list(&format!("search: \"{}\"", "김".repeat(171))), "BAD_USER_INPUT"),
        (list(&kinds(20)), "ok"),
        (list(&kinds(21)), "BAD_USER_INPUT"),
        (list(&attributes(21)), "BAD_USER_INPUT"),
        (
            format!("mutation {{ mergeProfiles(unifiedIds: [{}], reason: \"x\") {{ status }} }}", "\"x\" ".repeat(101)),
            "BAD_USER_INPUT",
        ),
    ] {
        let answer = within(&query, server.answer(&query, Value::Null)).await;
        assert_eq!(code_of(&answer), code, "{}", query.chars().take(150).collect::<String>());
    }
    // A value that is read repeatedly, and one that is read per entry of a page.
    let repeated = format!(
        "query($a: [String!]) {{ {} }}",
        "profile(by: { unifiedId: \"00000000-0000-8000-8000-000000000000\" }) { attributes(names: $a) { name } } "
            .repeat(50)
    );
    let names = |n: usize| json!({ "a": vec!["name"; n] });
    assert_eq!(server.codes(&repeated, names(150)).await, [""; 0]);
    assert_eq!(server.codes(&repeated, names(300)).await, ["QUERY_TOO_COMPLEX"]);
    let root =
        format!("query($a: [ID!]!) {{ {} }} fragment f on Query {{ nodes(ids: $a) {{ id }} }}", "...f ".repeat(1_000));
    assert_eq!(server.codes(&root, names(10_000)).await, ["QUERY_TOO_COMPLEX"]);
    is_well(&server).await;
}

#[tokio::test]
async fn policies_with_costly_patterns_are_refused() {
    let base = Base::with(&customers(3));
    let server = base.serve();
    let query = "query($document: JSON!) { simulatePolicy(policy: { document: $document }) { merging } }";
    let patterns = |patterns: &[&str]| json!({ "document": { "blocked_patterns": patterns } });
    for pattern in ["((.{0,60}){0,60}){0,1}z", "(x{1000}){1000}", "(.{0,60}){0,60}z"] {
        let answer = within(pattern, server.answer(query, patterns(&[pattern]))).await;
        assert_eq!(code_of(&answer), "POLICY_FAULTY", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["faults"][0]["path"], "blocked_patterns[0]", "{answer}");
    }
    let many: Vec<String> = (0..50_000).map(|n| format!("a{n}.*")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(server.codes(query, patterns(&many)).await, ["POLICY_FAULTY"]);
    assert_eq!(server.codes(query, patterns(&["demo-[0-9]+", "(?i)test.*"])).await, [""; 0]);
    let values: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(server.codes(query, json!({ "document": { "blocked_values": values } })).await, ["POLICY_FAULTY"]);
    base.write("policy.json", json!({ "blocked_patterns": ["(x{1000}){1000}"] }).to_string());
    let ran = Base::run(&Base::new(), &["serve", "--policy", &base.path("policy.json").display().to_string()]);
    assert!(ran.status == Some(1) && ran.stderr.contains("blocked_patterns[0]"), "{}", ran.stderr);
    is_well(&server).await;
}

#[tokio::test]
async fn errors_say_what_is_valid_and_never_repeat_input() {
    const SECRET: &str = "zx9753w2468";
    let base = Base::with(&customers(1));
    let server = base.serve();
    let by = |key: &str| format!("{{ profile(by: {key}) {{ id }} }}");
    let invalid = "GRAPHQL_VALIDATION_FAILED";
    let secret = json!({ "v": SECRET });
    let nothing = Value::Null;
    // The query, its variables, status and code, and words that help.
    let cases: Vec<(String, &Value, u16, &str, &str)> = vec![
        (format!("{{ profiles(search: \"{SECRET}\" "), &nothing, 400, "GRAPHQL_PARSE_FAILED", "not GraphQL"),
        (
            format!("{{ profiles(search: \"{SECRET}\n\") {{ totalCount }} }}"),
            &nothing,
            400,
            "GRAPHQL_PARSE_FAILED",
            "not GraphQL",
        ),
        (
            "query($a: String!) { profiles(search: $a) { totalCount } }".to_owned(),
            &nothing,
            400,
            invalid,
            "$a has no value",
        ),
        (
            "query($v: Int) { profiles(first: $v) { totalCount } }".to_owned(),
            &secret,
            400,
            invalid,
            "$v: send a whole number",
        ),
        (
            "query($v: [Gender!]) { profiles(filter: { gender: $v }) { totalCount } }".to_owned(),
            &secret,
            400,
            invalid,
            "MALE, FEMALE",
        ),
        (
            "query($v: ProfileOrder) { profiles(orderBy: $v) { totalCount } }".to_owned(),
            &secret,
            400,
            invalid,
            "{ field:",
        ),
        (
            "query($v: Date) { profile(by: { unifiedId: \"x\" }, asOf: $v) { id } }".to_owned(),
            &secret,
            400,
            "BAD_USER_INPUT",
            "yyyy-MM-dd",
        ),
        (
            "{ profiles(orderBy: NAME) { totalCount } }".to_owned(),
            &nothing,
            400,
            invalid,
            "{ field: NAME, direction: ASC }",
        ),
        (
            format!("{{ profiles(filter: {{ gender: {SECRET} }}) {{ totalCount }} }}"),
            &nothing,
            400,
            invalid,
            "MALE, FEMALE",
        ),
        (format!("{{ profiles(first: \"{SECRET}\") {{ totalCount }} }}"), &nothing, 400, invalid, "whole number"),
        (
            format!("{{ profiles(filter: {{ purchaseAmount12m: {{ min: \"{SECRET}\" }} }}) {{ totalCount }} }}"),
            &nothing,
            400,
            "BAD_USER_INPUT",
            "12.50",
        ),
        (format!("{{ viewer @include(if: \"{SECRET}\") {{ role }} }}"), &nothing, 400, invalid, "does not match"),
        (format!("{{ __type(name: [\"{SECRET}\"]) {{ name }} }}"), &nothing, 400, invalid, "does not match"),
        (by(&format!("{{ unifiedId: \"{SECRET}\" }}")), &nothing, 200, "BAD_USER_INPUT", "not a unified ID"),
        (
            by(&format!("{{ identifier: {{ kind: \"{SECRET}\", value: \"1\" }} }}")),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "external_id, customer_card, phone",
        ),
        (
            by(&format!("{{ identifier: {{ kind: \"phone\", value: \"{SECRET}\" }} }}")),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "phone",
        ),
        (
            by(&format!("{{ identifier: {{ kind: \"email\", value: \"{SECRET}\" }} }}")),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "",
        ),
        (format!("{{ profiles(after: \"{SECRET}\") {{ totalCount }} }}"), &nothing, 200, "BAD_CURSOR", "cursor"),
        (
            format!("{{ profiles(filter: {{ hasIdentifier: [\"{SECRET}\"] }}) {{ totalCount }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "external_id, ",
        ),
        (
            format!("{{ profiles(filter: {{ ageGroup: [\"{SECRET}\"] }}) {{ totalCount }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "10s, 20s",
        ),
        (
            format!("{{ profiles(filter: {{ lastActivity: {{ from: \"{SECRET}\" }} }}) {{ totalCount }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "lastActivity",
        ),
        (
            format!("{{ auditLog(action: \"{SECRET}\") {{ nodes {{ at }} }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "READ, LOOK_UP",
        ),
        (
            format!("{{ lineage(unifiedId: \"{SECRET}\") {{ nodes {{ at }} }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "not a unified ID",
        ),
        ("{ policy(version: 97532468) { version } }".to_owned(), &nothing, 200, "BAD_USER_INPUT", "policies"),
        (
            format!("{{ profileFacts(unifiedIds: [\"{SECRET}\"]) {{ revision }} }}"),
            &nothing,
            200,
            "BAD_USER_INPUT",
            "unified ID",
        ),
        (
            format!("{{ simulatePolicy(policy: {{ document: {{ max_links: \"{SECRET}\" }} }}) {{ merging }} }}"),
            &nothing,
            200,
            "POLICY_FAULTY",
            "max_links",
        ),
        (
            format!("{{ simulatePolicy(policy: {{ document: {{ currency: \"{SECRET}\" }} }}) {{ merging }} }}"),
            &nothing,
            200,
            "POLICY_FAULTY",
            "currency",
        ),
        (
            format!(
                "{{ simulatePolicy(policy: {{ document: {{ survivorship: {{ default: \"{SECRET}\" }} }} }}) {{ merging }} }}"
            ),
            &nothing,
            200,
            "POLICY_FAULTY",
            "latest",
        ),
        (
            format!(
                "{{ simulatePolicy(policy: {{ document: {{ blocked_patterns: [\"{SECRET}(\"] }} }}) {{ merging }} }}"
            ),
            &nothing,
            200,
            "POLICY_FAULTY",
            "blocked_patterns[0]",
        ),
    ];
    for (query, variables, status, code, word) in cases {
        let body = json!({ "query": query, "variables": variables });
        let request =
            server.http.post(server.url("/graphql")).header("accept", "application/graphql-response+json").json(&body);
        let response = request.send().await.expect("it answers");
        let found = response.status().as_u16();
        let text = response.text().await.expect("a text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((found, code_of(&answer)), (status, code), "{query}: {text}");
        let sentence = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(sentence.contains(word), "{query}: {sentence}");
        assert!(!text.contains(SECRET) && !text.contains("97532468"), "{text}");
    }
    assert!(!server.log().contains(SECRET), "{}", server.log());
    // Null means absent, and an empty operation name means none.
    let nulls = json!({ "query": "{ viewer { role } }", "variables": null, "operationName": null, "extensions": null });
    let query = "query($show: Boolean!) { viewer { role @include(if: $show) } }";
    let empty = json!({ "query": query, "operationName": "", "variables": { "show": true } });
    for body in [nulls, empty] {
        let answer = server.http.post(server.url("/graphql")).json(&body).send().await.expect("it answers");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["data"]["viewer"]["role"], "ADMIN", "{answer}");
    }
}

/// The audit entries of an actor: action, fields, selection criteria, count, and unified IDs.
async fn record(server: &Server, actor: &str) -> Vec<Value> {
    let query = "query($actor: String) { auditLog(actor: $actor, first: 200) { nodes { action detail } } }";
    let log = server.ask(query, json!({ "actor": actor })).await;
    log["auditLog"]["nodes"].as_array().expect("a list").clone()
}

/// The data of an answer over a WebSocket with a key.
async fn ask_by_socket(server: &Server, key: &str, query: &str) -> Value {
    let (mut socket, _) = Socket::begin_with(server, &json!({ "authorization": format!("Bearer {key}") })).await;
    socket.say(json!({ "id": "1", "type": "subscribe", "payload": { "query": query } }).to_string()).await;
    let answer = socket.said().await;
    assert_eq!(answer["type"], "next", "{answer}");
    assert_eq!(answer["payload"]["errors"], Value::Null, "{answer}");
    assert_eq!(socket.said().await["type"], "complete");
    answer["payload"]["data"].clone()
}

#[tokio::test]
async fn all_reads_of_personal_data_are_audited() {
    const N: usize = 120;
    let base = Base::with(&customers(N));
    let [reader, analyst, steward, admin] = ["READER", "ANALYST", "STEWARD", "ADMIN"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    let by_phone = "{ profile(by: { identifier: { kind: \"phone\", value: \"010-9753-0007\" } }) { unifiedId } }";
    let found = ask_by_socket(&server, &reader, by_phone).await;
    let id = found["profile"]["unifiedId"].clone();
    assert!(id.is_string());
    // These answers contain no personal data except unified IDs.
    let (by_name, by_birth) = ("김지아7", "{ name: \"df_birth\", equals: \"1987-06-05\" }");
    for query in [
        by_phone.to_owned(),
        format!("{{ profiles(search: \"{by_name}\") {{ totalCount nodes {{ unifiedId }} }} }}"),
        format!("{{ profiles(first: 5, filter: {{ attribute: [{by_birth}] }}) {{ totalCount }} }}"),
        "{ profiles(first: 5, orderBy: { field: NAME, direction: ASC }) { edges { cursor } } }".to_owned(),
        "{ explain(a: { kind: \"external_id\", value: \"u0007\" }, b: { kind: \"phone\", value: \"010-9753-0008\" }) { together } }".to_owned(),
        // This is no look-up: it reveals nothing about a customer.
        "{ profiles(first: 5) { nodes { unifiedId purchases { windows { count } } } } }".to_owned(),
    ] {
        ask_by_socket(&server, &analyst, &query).await;
        server.show(&analyst);
        server.ask(&query, Value::Null).await;
    }
    let all = server.ask("{ profiles(first: 200) { nodes { id unifiedId } } }", Value::Null).await;
    let all = all["profiles"]["nodes"].as_array().expect("a list").clone();
    let ids: Vec<&Value> = all.iter().map(|node| &node["id"]).collect();
    server
        .ask("query($ids: [ID!]!) { nodes(ids: $ids) { ... on Profile { basic { name } } } }", json!({ "ids": ids }))
        .await;
    let decide = "mutation { decide(relation: DIFFERENT, a: { kind: \"external_id\", value: \"u0001\" }, b: { kind: \"external_id\", value: \"u0002\" }, reason: \"twins\") { status } }";
    server.show(&steward);
    server.ask(decide, Value::Null).await;

    server.show(&admin);
    let shape = |entry: &Value| {
        json!([entry["action"], entry["detail"]["operation"], entry["detail"]["by"], entry["detail"]["count"]])
    };
    let of_reader = record(&server, "reader").await;
    assert_eq!(of_reader.iter().map(shape).collect::<Vec<_>>(), [json!(["LOOK_UP", ["profile"], ["identifier"], 1])]);
    assert_eq!(of_reader[0]["detail"]["unifiedIds"], json!([id]));
    let mut of_analyst = record(&server, "analyst").await;
    of_analyst.reverse();
    let twice = |entry: Value| [entry.clone(), entry];
    let expected: Vec<Value> = [
        twice(json!(["LOOK_UP", ["profile"], ["identifier"], 1])),
        twice(json!(["LOOK_UP", ["profiles"], ["search"], 11])),
        twice(json!(["LOOK_UP", ["profiles"], ["filter"], 5])),
        twice(json!(["LOOK_UP", ["profiles"], ["orderBy"], 5])),
        twice(json!(["LOOK_UP", ["explain"], ["identifier"], 2])),
        twice(json!(["READ", ["nodes"], [], N])),
    ]
    .concat();
    assert_eq!(of_analyst.iter().map(shape).collect::<Vec<_>>(), expected);
    // All customers are recorded, in as many entries as necessary.
    let named = |entries: &[Value]| -> Vec<Value> {
        let lists = entries.iter().filter_map(|entry| entry["detail"]["unifiedIds"].as_array());
        lists.flatten().cloned().collect()
    };
    let recorded: BTreeSet<String> = named(&of_analyst[10..]).iter().map(ToString::to_string).collect();
    assert_eq!(recorded, all.iter().map(|node| node["unifiedId"].to_string()).collect());
    let of_steward = record(&server, "steward").await;
    assert_eq!(of_steward.iter().map(shape).collect::<Vec<_>>(), [json!(["CHANGE", ["decide"], [], 2])]);
    // Reading the audit log is recorded, too.
    let of_admin = record(&server, "admin").await;
    assert!(!of_admin.is_empty() && of_admin.iter().all(|entry| entry["action"] == "AUDIT"), "{of_admin:?}");
    // So is an export by the command line.
    assert_eq!(server.stop(), Some(0));
    assert_eq!(base.run(&["export", "--out", "all.ndjson"]).status, Some(0));
    let mut server = base.serve_with_keys(&[]);
    server.show(&admin);
    let of_local = record(&server, "local").await;
    assert_eq!(of_local.iter().map(shape).collect::<Vec<_>>(), [json!(["EXPORT", ["export"], [], 0])]);
    let (record, log) = (format!("{of_reader:?}{of_analyst:?}{of_steward:?}"), server.log());
    assert!(
        ["김지아", "9753", "twins", "1987"].iter().all(|value| !record.contains(value) && !log.contains(value)),
        "{log}"
    );
}

#[tokio::test]
async fn refusals_are_logged_without_the_query() {
    let base = Base::with(&customers(2));
    let reader = base.key("READER");
    let mut server = base.serve_with_keys(&["--limit-lookups=1"]);
    server.show(&reader);
    server.codes("{ auditLog { nodes { at } } }", Value::Null).await;
    let by_phone = "{ profile(by: { identifier: { kind: \"phone\", value: \"010-9753-0001\" } }) { unifiedId } }";
    server.codes(by_phone, Value::Null).await;
    server.codes(by_phone, Value::Null).await;
    let log = server.log();
    for code in ["FORBIDDEN", "TOO_MANY_LOOKUPS"] {
        assert!(
            log.lines().any(|line| line.contains("refused") && line.contains(code) && line.contains("READER")),
            "{log}"
        );
    }
    assert!(!log.contains("9753") && !log.contains("p360_"), "{log}");
}

#[tokio::test]
async fn cursors_reveal_nothing() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let base = Base::with(&customers(3));
    let server = base.serve();
    let query = "query($after: String, $before: String, $first: Int, $last: Int) {
        profiles(orderBy: { field: NAME, direction: ASC }, first: $first, after: $after, last: $last, before: $before) {
            edges { cursor node { basic { name } timeline { pageInfo { endCursor } } } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";
    let page = async |variables: Value| server.ask(query, variables).await["profiles"].take();
    let all = page(json!({})).await;
    let cursors: Vec<&str> =
        all["edges"].as_array().into_iter().flatten().filter_map(|edge| edge["cursor"].as_str()).collect();
    assert_eq!(cursors.len(), 3);
    for cursor in &cursors {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("김") && !text.contains("Name") && cursor.len() == cursors[0].len(), "{text}");
    }
    // Overlapping pages have the same cursors in both directions, and the flags of the Relay specification.
    let flags = |page: &Value| json!([page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]]);
    let second = page(json!({ "first": 1, "after": cursors[0] })).await;
    assert_eq!((&second["edges"][0]["cursor"], flags(&second)), (&json!(cursors[1]), json!([true, true])));
    let before_third = page(json!({ "last": 1, "before": cursors[2] })).await;
    assert_eq!((&before_third["pageInfo"], &before_third["edges"]), (&second["pageInfo"], &second["edges"]));
    let first = page(json!({ "last": 2, "before": cursors[1] })).await;
    assert_eq!((first["edges"].as_array().map(Vec::len), flags(&first)), (Some(1), json!([false, true])));
    // Of another list, tampered with, or in the form of an older version.
    let old = URL_SAFE_NO_PAD.encode("{\"order\":\"Name\",\"place\":{\"key\":{\"Text\":\"김지아1\"},\"id\":\"00000000-0000-8000-8000-000000000000\"}}");
    let other =
        server.ask("{ lineage { pageInfo { endCursor } } decisions { pageInfo { endCursor } } }", Value::Null).await;
    assert_eq!(other["lineage"]["pageInfo"]["endCursor"], Value::Null);
    for cursor in [old, cursors[0].replacen(['A', 'B'], "C", 1) + "A", String::new()] {
        assert_eq!(server.codes(query, json!({ "after": cursor })).await, ["BAD_CURSOR"]);
    }
    let lineage = "query($after: String) { lineage(after: $after) { nodes { at } } }";
    assert_eq!(server.codes(lineage, json!({ "after": cursors[0] })).await, ["BAD_CURSOR"]);
}

#[tokio::test]
async fn introspection_needs_a_role_and_can_be_disabled() {
    let base = Base::new();
    let [ingest, reader] = ["INGEST", "READER"].map(|role| base.key(role));
    let introspection = "{ __schema { queryType { name } } }";
    let aliased = "{ ...f } fragment f on Query { a: __type(name: \"Query\") { name } }";
    let mistaken = "{ viewer { nam } }";
    let wrong = "mutation { ingest(messages: [{ messageId: \"1\", type: WRONG, timestamp: \"2025-03-01T10:00:00Z\", source: \"s\", identifiers: [] }]) { results { status } } }";
    let mut server = base.serve_with_keys(&[]);
    let visit = async |server: &Server, path: &str| {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let request = http.expect("a client can be made").get(server.url(path)).header("accept", "text/html,*/*;q=0.8");
        request.send().await.expect("it answers")
    };
    server.show(&reader);
    for query in [introspection, aliased] {
        assert_eq!(server.codes(query, Value::Null).await, [""; 0]);
    }
    let answer = server.answer(mistaken, Value::Null).await;
    assert!(answer["errors"][0]["message"].as_str().is_some_and(|it| it.contains("Did you mean")), "{answer}");
    // A browser gets GraphiQL at this address, without a key.
    let visited = visit(&server, "/graphql").await;
    assert_eq!(
        (visited.status().as_u16(), &visited.headers()["location"]),
        (303, &"/graphiql".parse().expect("a header"))
    );
    assert_eq!(visit(&server, "/graphql?query=%7Bviewer%7Brole%7D%7D").await.status(), 401);
    let silent = async |server: &Server| {
        for query in [introspection, aliased] {
            assert_eq!(server.codes(query, Value::Null).await, ["INTROSPECTION_DISABLED"]);
        }
        let answer = server.answer(mistaken, Value::Null).await;
        assert_eq!(code_of(&answer), "GRAPHQL_VALIDATION_FAILED");
        assert!(!answer.to_string().contains("Did you mean"), "{answer}");
        let answer = server.answer(wrong, Value::Null).await;
        assert_eq!(code_of(&answer), "GRAPHQL_VALIDATION_FAILED");
        assert!(!answer.to_string().contains("IDENTIFY"), "{answer}");
    };
    server.show(&ingest);
    silent(&server).await;
    assert_eq!(server.stop(), Some(0));

    let mut server = base.serve_with_keys(&["--no-introspection"]);
    server.show(&reader);
    silent(&server).await;
    assert_eq!(visit(&server, "/graphql").await.status(), 401);
    for path in ["/graphiql", "/graphiql.html"] {
        assert_eq!(visit(&server, path).await.status(), 404, "{path}");
    }
    assert_eq!(server.codes("{ viewer { role __typename } }", Value::Null).await, [""; 0]);
}

/// The checks of graphql-cop 1.15.
#[tokio::test]
async fn checks_of_security_scanners_find_nothing() {
    let base = Base::new();
    let server = base.serve();
    let url = server.url("/graphql");
    let post = async |body: Value| -> (u16, Value) {
        let response = server.http.post(&url).json(&body).send().await.expect("it answers");
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    };
    let aliases: String = (0..101).map(|n| format!("alias{n}: __typename ")).collect();
    let fields = "__typename \n".repeat(500);
    let directives = format!("{{ __typename {} }}", "@aa".repeat(52));
    for (name, query, code) in [
        ("alias overloading", format!("{{ {aliases} }}"), "TOO_MANY_ALIASES"),
        ("directive overloading", directives, "TOO_MANY_DIRECTIVES"),
        ("circular introspection", circles(), "QUERY_TOO_COMPLEX"),
        ("unhandled errors", "qwerty cop { abc }".to_owned(), "GRAPHQL_PARSE_FAILED"),
        // A name that costs nothing, as often as a query has words for it.
        ("field duplication", format!("{{ {fields} }}"), "ok"),
    ] {
        let (_, answer) = post(json!({ "query": query })).await;
        assert_eq!(code_of(&answer), code, "{name}: {answer}");
        assert!(
            !answer.to_string().contains("stack") && answer["errors"][0]["extensions"]["exception"].is_null(),
            "{name}"
        );
    }
    let (status, answer) = post(json!(vec![json!({ "query": "{ __typename }" }); 10])).await;
    assert_eq!((status, code_of(&answer)), (400, "BATCH_REFUSED"), "array-based batching");
    let traced = post(json!({ "query": "{ __typename }", "extensions": { "tracing": true } })).await;
    assert_eq!(traced.1["extensions"], Value::Null, "trace mode");
    let mutation = server.http.get(address(&server, "mutation { __typename }")).send().await.expect("it answers");
    assert_eq!(mutation.status(), 405, "mutations by GET");
    let form = server
        .http
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("query=%7B__typename%7D");
    assert_eq!(form.send().await.expect("it answers").status(), 415, "requests that a form can make");
    let ide = server.http.get(&url).header("accept", "text/html").send().await.expect("it answers");
    assert_ne!(ide.url().path(), "/graphql", "a page at the address of the API");
}

#[tokio::test]
async fn filters_by_attributes_compare_values() {
    let person = |n: usize, attributes: Value| {
        messages::identify(&format!("m{n}"), AT, json!({ "external_id": format!("u{n}") }), attributes)
    };
    let base = Base::with(&messages::ndjson(&[
        person(1, json!({ "tags": ["vip", 1], "points": 1 })),
        person(2, json!({ "tags": "vip", "points": 1.0 })),
        person(3, json!({ "tags": ["news"], "points": "1" })),
        person(4, json!({ "tags": ["vip", "news"], "points": 10 })),
        person(5, json!({ "points": [1.50, 2] })),
    ]));
    let server = base.serve();
    let find = async |name: &str, equals: Value| -> Vec<String> {
        let query = "query($filter: ProfileFilter) { profiles(filter: $filter) { nodes { identifiers { value } } } }";
        let filter = json!({ "filter": { "attribute": [{ "name": name, "equals": equals }] } });
        let found = server.ask(query, filter).await;
        let nodes = found["profiles"]["nodes"].as_array().cloned().unwrap_or_default();
        let mut values: Vec<String> =
            nodes.iter().filter_map(|node| node["identifiers"][0]["value"].as_str().map(str::to_owned)).collect();
        values.sort();
        values
    };
    let table: [(&str, Value, &[&str]); 11] = [
        ("tags", json!("vip"), &["u1", "u2", "u4"]),
        ("tags", json!(["vip", 1]), &["u1"]),
        ("tags", json!(["vip", 1.0]), &["u1"]),
        ("tags", json!([1, "vip"]), &[]),
        ("tags", json!(1), &["u1"]),
        ("tags", json!("vi"), &[]),
        ("points", json!(1), &["u1", "u2"]),
        ("points", json!(1.0), &["u1", "u2"]),
        ("points", json!("1"), &["u3"]),
        ("points", json!(1.5), &["u5"]),
        ("points", json!(10.0), &["u4"]),
    ];
    for (name, equals, expected) in table {
        assert_eq!(find(name, equals.clone()).await, expected, "{name} = {equals}");
    }
    // A removed item of a list no longer matches.
    server
        .ingest(&[messages::identify(
            "later",
            "2025-03-02T10:00:00Z",
            json!({ "external_id": "u4" }),
            json!({ "tags": ["news"] }),
        )])
        .await;
    assert_eq!(find("tags", json!("vip")).await, ["u1", "u2"]);
    assert_eq!(find("tags", json!("news")).await, ["u3", "u4"]);
}

#[tokio::test]
async fn subscriptions_are_limited_per_key_over_all_sockets() {
    let base = Base::with(&customers(1));
    let [one, other] = ["READER", "ANALYST"].map(|role| base.key(role));
    let server = base.serve_with_keys(&["--limit-subscriptions=3"]);
    let open =
        async |key: &str| Socket::begin_with(&server, &json!({ "authorization": format!("Bearer {key}") })).await.0;
    let subscribe = |id: &str| {
        json!({ "id": id, "type": "subscribe", "payload": { "query": "subscription { profileChanged { unifiedId } }" } }).to_string()
    };
    let (mut first, mut second) = (open(&one).await, open(&one).await);
    for id in ["a", "b"] {
        first.say(subscribe(id)).await;
    }
    first.say(r#"{"type":"ping"}"#).await;
    assert_eq!(first.said().await["type"], "pong");
    second.say(subscribe("c")).await;
    second.say(subscribe("d")).await;
    let refused = second.said().await;
    assert_eq!(
        (&refused["id"], &refused["payload"]["errors"][0]["extensions"]["code"]),
        (&json!("d"), &json!("TOO_MANY_OPERATIONS"))
    );
    assert_eq!(second.said().await, json!({ "id": "d", "type": "complete" }));
    let mut stranger = open(&other).await;
    stranger.say(subscribe("a")).await;
    // Completing a subscription frees its slot.
    first.say(r#"{"type":"complete","id":"a"}"#).await;
    first.say(r#"{"type":"ping"}"#).await;
    assert_eq!(first.said().await["type"], "pong");
    second.say(subscribe("e")).await;
    second.say(r#"{"type":"ping"}"#).await;
    assert_eq!(second.said().await["type"], "pong", "nothing was refused");
    // Subscribing to an unknown customer is an error.
    second.say(json!({ "id": "f", "type": "subscribe", "payload": { "query": "subscription { profileChanged(unifiedId: \"00000000-0000-8000-8000-000000000000\") { unifiedId } }" } }).to_string()).await;
    let refused = second.said().await;
    let code = &refused["payload"]["errors"][0]["extensions"]["code"];
    assert!(code == "BAD_USER_INPUT" || code == "TOO_MANY_OPERATIONS", "{refused}");
}
