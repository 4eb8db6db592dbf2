//! Masking and the audit log: masked roles never see raw values on any route, and every reader is recorded.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use profile360_tests::{Base, Deadline, Heard, Server, Socket, messages};
use serde_json::{Value, json};

/// Parts of values that masks hide. Masks show the last digits of a phone number and the domain of an email address.
const TOKENS: [&str; 17] = [
    "한비밀",
    "97532468",
    "05318642",
    "mailtoken",
    "ext-token",
    "kakao-token",
    "line-token",
    "card-token",
    "device-token",
    "session-token",
    "1987-06-05",
    "city-token",
    "habit-token",
    "7777001",
    "prop-token",
    "reason-token",
    "blocked-token",
];

const AT: &str = "2025-03-01T10:00:00Z";

fn sent_messages() -> Vec<Value> {
    let all = json!({
        "external_id": "ext-token-01", "phone": "010-9753-2468", "email": "mailtoken@example.com", "kakao_id": "kakao-token-01",
        "line_id": "line-token-01", "customer_card": "card-token-01", "device_id": "device-token-01",
    });
    let attributes = json!({ "df_name": "한비밀", "df_birth": "1987-06-05", "habit": "habit-token", "weight": 7777001, "tags": ["habit-token"] });
    let mut event = messages::event(
        "e1",
        AT,
        all.clone(),
        "df_view_home",
        json!({ "note": "prop-token", "deep": { "a": ["prop-token"] } }),
    );
    event["session_id"] = json!("session-token");
    event["device"] = json!({ "model": "SM-X210", "country": "KR", "region": "서울", "city": "city-token" });
    vec![
        messages::identify("i1", AT, all.clone(), attributes),
        messages::identify("i2", "2025-03-02T10:00:00Z", all.clone(), json!({ "df_name": "한비밀이" })),
        event,
        messages::purchase("p1", AT, all, "o1", "12900"),
        // The same phone number with another external ID: a withheld link.
        messages::identify(
            "i3",
            "2025-03-03T10:00:00Z",
            json!({ "external_id": "ext-token-02", "phone": "010-9753-2468" }),
            json!({ "df_name": "한비밀" }),
        ),
        messages::identify("i4", AT, json!({ "email": "mailtoken3@example.com" }), json!({})),
    ]
}

const FIELDS: &str = "{ kind value unifiedId sources shared retiredAt }";

/// Queries for everything except the profile.
fn questions(id: &str) -> Vec<(String, Value)> {
    let link = format!("a {FIELDS} b {FIELDS} sources decision {{ id relation a {FIELDS} b {FIELDS} reason actor }}");
    let phone = "{ kind: \"phone\", value: \"010-9753-2468\" }";
    let external = |n: u32| format!("{{ kind: \"external_id\", value: \"ext-token-0{n}\" }}");
    let queries = [
        "{ profiles(first: 10) { edges { cursor node { id basic { name phone email birthDate age } } } totalCount } }"
            .to_owned(),
        format!("{{ profiles(search: \"010-9753-2468\") {{ nodes {{ basic {{ name }} identifiers {FIELDS} }} }} }}"),
        format!("{{ profile(by: {{ identifier: {phone} }}) {{ basic {{ name phone email recentArea }} }} }}"),
        format!(
            "{{ withheldLinks(first: 1) {{ edges {{ cursor node {{ reason detail link {{ {link} }} }} }} pageInfo {{ endCursor }} }} }}"
        ),
        format!(
            "{{ reviewCases(first: 1) {{ edges {{ cursor node {{ id revision value {FIELDS} score reasons {{ signal points years }} customers {{ profile {{ basic {{ name birthDate }} }} links {{ detail link {{ {link} }} }} }} }} }} }} reviewCounts {{ contested }} }}"
        ),
        format!(
            "{{ explain(a: {}, b: {}) {{ path {{ {link} }} blockedBy {{ detail link {{ {link} }} }} }} }}",
            external(1),
            external(2)
        ),
        format!(
            "{{ decisions(includeRevoked: true) {{ edges {{ cursor node {{ id reason actor revokedBy a {FIELDS} b {FIELDS} }} }} }} }}"
        ),
        "{ retirements(includeRevoked: true) { id kind value reason actor } }".to_owned(),
        format!(
            "{{ operatorActions {{ actors edges {{ cursor node {{ id kind actor reason revokedReason customers {{ unifiedId name avatar {{ letter }} }} decisions {{ reason a {FIELDS} b {FIELDS} }} retirement {{ value reason revokedReason }} }} }} }} }}"
        ),
        format!("{{ sightings(identifier: {phone}) {{ complete months {{ month count }} }} }}"),
        format!(
            "{{ lineage {{ edges {{ cursor node {{ kind kept others customers {{ unifiedId name }} cause decision {{ reason a {FIELDS} }} retirement {{ value reason }} }} }} }} }}"
        ),
        format!(
            "{{ node(id: \"{id}\") {{ id ... on Profile {{ basic {{ name }} attributes {{ name value others {{ value }} }} devices {{ deviceId city area region }} }} }} }}"
        ),
        format!(
            "{{ node(id: \"{id}\") {{ ... on Profile {{ eventNames {{ names {{ name count }} countedFrom }} timeline(first: 9) {{ nodes {{ session purchase {{ amount items {{ name price }} }} }} }} }} }} }}"
        ),
        "{ policies { version reason document } policy { document } }".to_owned(),
        // Errors must not reveal anything, either.
        "{ profile(by: { identifier: { kind: \"nothing\", value: \"x\" } }) { id } }".to_owned(),
        "{ profiles(after: \"x\") { totalCount } profiles(orderBy: { field: NAME, direction: ASC }) { totalCount } }"
            .to_owned(),
    ];
    queries.into_iter().map(|it| (it, Value::Null)).collect()
}

/// Everything that a key can see, as text, with decoded cursors and global IDs.
async fn everything(server: &Server, key: &str, steward: &str) -> String {
    let mut seen = String::new();
    let mut keep = |answer: String| {
        for word in answer.split(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_') {
            if let Some(opened) = URL_SAFE_NO_PAD.decode(word).ok().and_then(|it| String::from_utf8(it).ok()) {
                seen.push_str(&opened);
                seen.push('\n');
            }
        }
        seen.push_str(&answer);
        seen.push('\n');
    };
    let ask = async |key: &str, query: &str, variables: Value| {
        let request = server.http.post(server.url("/graphql")).bearer_auth(key);
        let request = request.json(&json!({ "query": query, "variables": variables }));
        request.send().await.expect("it answers").text().await.expect("it is text")
    };
    for (id, customer) in server.everything("2025-04-01").await {
        keep(format!("{id} {customer}"));
        let global = customer["id"].as_str().expect("it has one").to_owned();
        for (query, variables) in questions(&global) {
            let answer = ask(key, &query, variables).await;
            // The next page.
            let cursor = serde_json::from_str::<Value>(&answer).ok();
            if let Some(cursor) =
                cursor.and_then(|it| it["data"]["withheldLinks"]["pageInfo"]["endCursor"].as_str().map(str::to_owned))
            {
                let next = "query($after: String) { withheldLinks(first: 1, after: $after) { nodes { detail } pageInfo { hasPreviousPage } } }";
                let next = ask(key, next, json!({ "after": cursor })).await;
                assert!(next.contains("\"hasPreviousPage\":true"), "{next}");
                keep(next);
            }
            keep(answer);
        }
    }
    // Subscriptions: a changed customer, and a merge.
    let (mut socket, _) = Socket::begin_with(server, &json!({ "authorization": key })).await;
    let watch = [
        format!(
            "subscription {{ profileChanged {{ basic {{ name phone email }} identifiers {FIELDS} attributes {{ value }} }} }}"
        ),
        format!("subscription {{ lineageAdded {{ kept others decision {{ reason a {FIELDS} b {FIELDS} }} }} }}"),
    ];
    for (n, query) in watch.iter().enumerate() {
        let payload = json!({ "query": query });
        socket.say(json!({ "id": n.to_string(), "type": "subscribe", "payload": payload }).to_string()).await;
    }
    socket.say(json!({ "type": "ping" }).to_string()).await;
    assert_eq!(socket.said().await["type"], "pong");
    let pair = "a: { kind: \"external_id\", value: \"ext-token-01\" }, b: { kind: \"email\", value: \"mailtoken3@example.com\" }";
    let decide = format!(
        "mutation {{ decide(relation: SAME, {pair}, reason: \"reason-token\") {{ status decision {{ id }} }} }}"
    );
    let answer: Value = serde_json::from_str(&ask(steward, &decide, Value::Null).await).expect("JSON");
    assert_eq!(answer["data"]["decide"]["status"], "APPLIED", "{answer}");
    let mut heard = BTreeSet::new();
    let deadline = Deadline::new("an event of each subscription");
    while heard.len() < watch.len() {
        deadline.check(&heard);
        match socket.hear().await {
            Heard::Said(said) => {
                heard.insert(said["id"].as_str().unwrap_or_default().to_owned());
                keep(said.to_string());
            }
            other => panic!("{other:?}"),
        }
    }
    let id = &answer["data"]["decide"]["decision"]["id"];
    let revoke = format!("mutation {{ revokeDecision(id: {id}, reason: \"reason-token\") {{ status }} }}");
    let answer = ask(steward, &revoke, Value::Null).await;
    assert!(answer.contains("APPLIED"), "{answer}");
    seen
}

#[tokio::test]
async fn masked_roles_never_see_raw_values() {
    let base = Base::new();
    base.write("policy.json", json!({ "blocked_values": ["blocked-token"] }).to_string());
    base.write("messages.ndjson", messages::ndjson(&sent_messages()));
    assert_eq!(base.run(&["import", "messages.ndjson", "--policy", "policy.json"]).status, Some(0));
    let [reader, analyst, steward, admin] = ["READER", "ANALYST", "STEWARD", "ADMIN"].map(|it| base.key(it));
    let mut server = base.serve_with_keys(&[]);
    server.show(&steward);
    let retire = "mutation { retireIdentifier(identifier: { kind: \"phone\", value: \"010-0531-8642\" },
        from: \"2026-01-01T00:00:00Z\", reason: \"reason-token\") { status } }";
    assert_eq!(server.ask(retire, Value::Null).await["retireIdentifier"]["status"], "APPLIED");

    server.show(&analyst);
    let seen = everything(&server, &analyst, &steward).await;
    let missing: Vec<_> = TOKENS.iter().filter(|it| !seen.contains(**it)).collect();
    // Session IDs are counted and never shown.
    assert_eq!(missing, [&"session-token"], "the queries ask for everything");

    server.show(&reader);
    let seen = everything(&server, &reader, &steward).await;
    let leaked: Vec<_> = TOKENS.iter().filter(|it| seen.contains(**it)).collect();
    assert!(leaked.is_empty(), "{leaked:?} in {seen}");
    for mask in ["한*밀", "010-****-2468", "m***@example.com", "ex***01", "ka***01", "de***01"] {
        assert!(seen.contains(mask), "{mask}");
    }

    // Guessing finds nothing: neither a part of a name, nor the day on which an age changes.
    let by_token = "{ profiles(search: \"ext-token-01\") { nodes { unifiedId } } }";
    let id = server.ask(by_token, Value::Null).await["profiles"]["nodes"][0]["unifiedId"].take();
    let id = id.as_str().expect("it is found");
    let with_name = format!("{} 한비", messages::beginning(id, 8));
    let by_identifier = json!([{ "by": "IDENTIFIER" }]);
    let by_id = json!([{ "by": "UNIFIED_ID" }]);
    for (search, matches) in [
        ("한비", None),
        ("한비밀", None),
        ("비밀", None),
        ("ext-token-01", Some(&by_identifier)),
        ("ext-token", None),
        ("010 9753 2468", Some(&by_identifier)),
        ("010 9753 24", None),
        (messages::beginning(id, 8), Some(&by_id)),
        (&with_name, None),
    ] {
        let query = "query($search: String!) {
            profiles(search: $search) { totalCount }
            suggestCustomers(search: $search) { totalCount filters { field } customers { matches { by } } }
        }";
        let found = server.ask(query, json!({ "search": search })).await;
        let n_found = usize::from(matches.is_some());
        assert_eq!(found["profiles"]["totalCount"], n_found, "{search}");
        let suggested = &found["suggestCustomers"];
        assert_eq!(suggested["totalCount"], n_found, "{search}");
        assert_eq!(suggested["customers"][0].get("matches"), matches, "{search}");
        assert_eq!(suggested["filters"], json!([]), "{search}");
    }
    let groups = "query($a: Date, $b: Date) { a: profile(by: $by, asOf: $a) { basic { age ageGroup } } b: profile(by: $by, asOf: $b) { basic { age ageGroup } } }"
        .replace("($a: Date", "($by: ProfileKey!, $a: Date");
    let by = json!({ "identifier": { "kind": "external_id", "value": "ext-token-01" } });
    let days = json!({ "by": by, "a": "2007-06-04", "b": "2007-06-05" });
    let found = server.ask(&groups, days.clone()).await;
    assert_eq!(found["a"], found["b"]);
    assert_eq!(found["a"]["basic"]["age"], Value::Null);
    server.show(&analyst);
    let found = server.ask(&groups, days).await;
    assert_eq!((&found["a"]["basic"]["ageGroup"], &found["b"]["basic"]["ageGroup"]), (&json!("10s"), &json!("20s")));

    // Neither the log nor the audit log contains personal data.
    server.show(&admin);
    let log = server.log();
    assert!(TOKENS.iter().all(|it| !log.contains(it)) && !log.contains("p360_"), "{log}");
    let query =
        "query($actor: String) { auditLog(actor: $actor, first: 200) { nodes { at actor action subject detail } } }";
    for (actor, actions) in [("analyst", &["READ", "LOOK_UP"][..]), ("reader", &["LOOK_UP"])] {
        let found = server.ask(query, json!({ "actor": actor })).await["auditLog"]["nodes"].take();
        let entries = found.as_array().expect("a list");
        let found_actions: BTreeSet<&str> = entries.iter().filter_map(|it| it["action"].as_str()).collect();
        assert_eq!(found_actions, actions.iter().copied().collect(), "{found}");
        let text = found.to_string();
        assert!(TOKENS.iter().all(|it| !text.contains(it)), "{text}");
    }
}

#[tokio::test]
async fn lookups_of_identifiers_are_rate_limited() {
    let base = Base::new();
    let [reader, analyst] = ["READER", "ANALYST"].map(|it| base.key(it));
    let mut server = base.serve_with_keys(&["--limit-lookups=3"]);
    let look = |n: u32| {
        format!("p{n}: profile(by: {{ identifier: {{ kind: \"phone\", value: \"010-1234-567{n}\" }} }}) {{ id }}")
    };
    let all = format!("{{ {} }}", (0..5).map(look).collect::<Vec<_>>().join(" "));
    server.show(&reader);
    assert_eq!(server.codes(&all, Value::Null).await, ["TOO_MANY_LOOKUPS"; 2]);
    assert_eq!(
        server.codes("{ profiles(search: \"010-1234-5678\") { totalCount } }", Value::Null).await,
        ["TOO_MANY_LOOKUPS"]
    );
    assert_eq!(server.codes("{ profiles { totalCount } }", Value::Null).await, [""; 0]);
    server.show(&analyst);
    assert_eq!(server.codes(&all, Value::Null).await, [""; 0]);
}

#[tokio::test]
async fn reads_are_audited_before_they_are_answered() {
    let base = Base::with(&messages::ndjson(&sent_messages()));
    let [analyst, admin] = ["ANALYST", "ADMIN"].map(|it| base.key(it));
    let mut server = base.serve_with_keys(&[]);
    server.show(&analyst);
    let ids = server.unified_ids().await;
    let id = &ids[0];
    // Statistics are no personal data, and neither is an absent customer.
    let figures = "query($id: ID) { profile(by: { unifiedId: $id }) { purchases { windows { count } } activity { eventCount } } }";
    server.ask(figures, json!({ "id": id })).await;
    server
        .ask(
            "{ profile(by: { identifier: { kind: \"phone\", value: \"010-5555-5555\" } }) { basic { name } } }",
            Value::Null,
        )
        .await;
    let card = "query Anything($id: ID) { viewer { name } profile(by: { unifiedId: $id }) { basic { name } identifiers { value } } }";
    server.ask(card, json!({ "id": id })).await;
    server.ask("{ withheldLinks { nodes { link { a { value } b { value } } } } }", Value::Null).await;
    server.ask("{ profiles { nodes { basic { name } } } }", Value::Null).await;

    server.show(&admin);
    let query = "query($after: String, $before: String, $first: Int, $last: Int) {
        auditLog(actor: \"analyst\", after: $after, before: $before, first: $first, last: $last) {
            nodes { at actor action subject detail } pageInfo { hasNextPage endCursor startCursor }
        } }";
    let read = async |server: &Server, variables: Value| server.ask(query, variables).await["auditLog"].take();
    let log = read(&server, json!({})).await;
    let entries = log["nodes"].as_array().expect("a list").clone();
    let recorded: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let detail = &entry["detail"];
            json!([
                entry["actor"],
                entry["action"],
                entry["subject"],
                detail["operation"],
                detail["count"],
                detail["role"]
            ])
        })
        .collect();
    let n_customers = ids.len();
    assert_eq!(
        recorded,
        [
            json!(["analyst", "READ", null, ["profiles"], n_customers, "ANALYST"]),
            json!(["analyst", "READ", null, ["withheldLinks"], 2, "ANALYST"]),
            json!(["analyst", "READ", id, ["profile", "viewer"], 1, "ANALYST"]),
            // A look-up without a result is recorded, too.
            json!(["analyst", "LOOK_UP", null, ["profile"], 0, "ANALYST"]),
        ]
    );
    let first = read(&server, json!({ "first": 1 })).await;
    assert_eq!((&first["nodes"][0], &first["pageInfo"]["hasNextPage"]), (&entries[0], &json!(true)));
    let rest = read(&server, json!({ "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest["nodes"].as_array().map(Vec::as_slice), Some(&entries[1..]));
    let last = read(&server, json!({ "last": 1 })).await;
    assert_eq!(last["nodes"][0], entries[3]);

    // The audit log survives a policy rollout and a restart.
    let publish =
        "mutation { publishPolicy(policy: { document: { max_links: 9 } }, reason: \"try\") { version publishedBy } }";
    let answer = server.answer(publish, Value::Null).await;
    if answer["errors"].is_null() {
        assert_eq!(answer["data"]["publishPolicy"]["publishedBy"], "admin");
        super::policy::wait_until_in_force(&server, &answer["data"]["publishPolicy"]["version"]).await;
    } else {
        panic!("{answer}");
    }
    assert_eq!(read(&server, json!({})).await["nodes"], log["nodes"]);
    server.ask("{ profiles { nodes { basic { phone } } } }", Value::Null).await;
    assert_eq!(server.stop(), Some(0));
    let mut server = base.serve_with_keys(&[]);
    server.show(&admin);
    let after = read(&server, json!({})).await;
    assert_eq!(after["nodes"].as_array(), Some(&entries));
    let of_admin = server.ask("{ auditLog(actor: \"admin\") { nodes { action detail } } }", Value::Null).await;
    let of_admin = of_admin["auditLog"]["nodes"].as_array().expect("a list").clone();
    let fields = |action: &str| -> Vec<&Value> {
        of_admin.iter().filter(|it| it["action"] == action).map(|it| &it["detail"]["operation"]).collect()
    };
    assert_eq!((fields("READ"), fields("CHANGE")), (vec![&json!(["profiles"])], vec![&json!(["publishPolicy"])]));
    assert!(!fields("AUDIT").is_empty(), "reading the audit log is recorded");
    assert_eq!(server.stop(), Some(0));
    base.check();
}
