//! `POST /v1/export`: the customer list as CSV and NDJSON.

use profile360_tests::{Base, Server, messages};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// All pages of the list, as an export of these columns has them.
async fn listed(server: &Server, question: &Value) -> Vec<Value> {
    const PAGE: &str = "query($filter: ProfileFilter, $search: String, $orderBy: ProfileOrder, $after: String) {
        profiles(filter: $filter, search: $search, orderBy: $orderBy, first: 5, after: $after) {
            nodes { unifiedId basic { name phone } purchases { window(months: 12) { count } } }
            pageInfo { hasNextPage endCursor }
        }
    }";
    let mut rows = Vec::new();
    let mut variables = question.clone();
    loop {
        let page = server.ask(PAGE, variables.clone()).await["profiles"].take();
        rows.extend(page["nodes"].as_array().into_iter().flatten().map(|node| {
            json!({
                "unified_id": node["unifiedId"], "name": node["basic"]["name"], "phone": node["basic"]["phone"],
                "purchase_count_12m": node["purchases"]["window"]["count"],
            })
        }));
        if page["pageInfo"]["hasNextPage"] != true {
            return rows;
        }
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

const COLUMNS: [&str; 4] = ["unified_id", "name", "phone", "purchase_count_12m"];

async fn export(server: &Server, body: &Value) -> Response {
    server.http.post(server.url("/v1/export")).json(body).send().await.expect("it answers")
}

async fn text(server: &Server, body: &Value) -> String {
    let response = export(server, body).await;
    assert_eq!(response.status(), StatusCode::OK, "{body}");
    response.text().await.expect("the export ends")
}

async fn ndjson(server: &Server, mut body: Value) -> Vec<Value> {
    body["format"] = json!("NDJSON");
    let text = text(server, &body).await;
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[tokio::test]
async fn an_export_is_the_list_in_its_order() {
    let base = Base::with(&messages::generated(60, 11));
    // Pages are smaller than the list.
    let server = base.serve_with(&["--limit-page", "7", "--limit-complexity", "900", "--limit-aliases", "1"]);
    let order = json!({ "field": "NAME", "direction": "ASC" });
    for (filter, search, n_least) in [
        (Value::Null, Value::Null, 40),
        (json!({ "platform": ["WEB"] }), Value::Null, 8),
        (Value::Null, json!("010"), 8),
    ] {
        let question = json!({ "filter": filter, "search": search, "orderBy": order });
        let expected = listed(&server, &question).await;
        let mut body = question.clone();
        body["columns"] = json!(COLUMNS);
        let response = export(&server, &body).await;
        assert_eq!(response.headers()["x-total-count"], expected.len().to_string());
        let table = response.text().await.expect("the export ends");
        assert_eq!(table.lines().count(), expected.len() + 1, "a line each, and the head");
        assert_eq!(ndjson(&server, body).await, expected, "{question}");
        assert!(n_least < expected.len(), "several pages");
    }

    // Chosen customers, in the order in which they were chosen; an unknown one is not there, and one that is named twice is there once.
    let all = listed(&server, &json!({ "orderBy": order })).await;
    let mut ids: Vec<Value> = all.iter().rev().map(|it| it["unified_id"].clone()).collect();
    ids.truncate(20);
    let mut asked = ids.clone();
    asked.extend([json!("00000000-0000-8000-8000-000000000000"), ids[0].clone(), json!("no ID")]);
    let chosen = ndjson(&server, json!({ "unifiedIds": asked, "columns": COLUMNS })).await;
    let found: Vec<Value> = chosen.iter().map(|it| it["unified_id"].clone()).collect();
    assert_eq!(found, ids);
}

#[tokio::test]
async fn a_table_opens_in_a_spreadsheet_and_runs_nothing() {
    let at = "2025-03-01T10:00:00Z";
    let who = |n: u32| json!({ "external_id": format!("e{n}"), "phone": format!("010-1111-000{n}") });
    let attributes = json!({ "df_name": "=cmd|' /C calc'!A0", "note": "two\nlines, \"quoted\"", "lucky": 7 });
    let base = Base::with(&messages::ndjson(&[
        messages::identify("m1", at, who(1), attributes),
        messages::identify("m2", at, who(2), json!({ "df_name": "홍길동", "lucky": [1, 2] })),
    ]));
    let server = base.serve();
    let columns = json!([
        "name",
        "identifier.external_id",
        "phone",
        "attribute.note",
        "attribute.lucky",
        "attribute.missing",
        "identifiers",
    ]);
    let order = json!({ "field": "NAME", "direction": "ASC" });
    let table = text(&server, &json!({ "columns": columns, "orderBy": order })).await;
    let expected = "\u{feff}name,identifier.external_id,phone,attribute.note,attribute.lucky,attribute.missing,identifiers\r\n\
        '=cmd|' /C calc'!A0,e1,+821011110001,\"two\nlines, \"\"quoted\"\"\",7,,\
        \"{\"\"external_id\"\":[\"\"e1\"\"],\"\"phone\"\":[\"\"+821011110001\"\"]}\"\r\n\
        홍길동,e2,+821011110002,,1;2,,\"{\"\"external_id\"\":[\"\"e2\"\"],\"\"phone\"\":[\"\"+821011110002\"\"]}\"\r\n";
    assert_eq!(table, expected);

    // Without columns: all of them, with one for each kind of identifier.
    let all = text(&server, &json!({})).await;
    let header = all.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    for column in ["unified_id", "identifier.kakao_id", "birth_date", "top_product_12m", "attributes", "consents"] {
        assert!(header.split(',').any(|it| it == column), "{header}");
    }
    assert_eq!(ndjson(&server, json!({})).await.len(), 2);

    // A client that decodes the body would hide how it was sent.
    let plain = reqwest::Client::builder().no_proxy().no_gzip().build().expect("a client can be made");
    let request = plain.post(server.url("/v1/export")).header("accept-encoding", "gzip").json(&json!({}));
    let compressed = request.send().await.expect("it answers");
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    compressed.bytes().await.expect("the export ends");
}

#[tokio::test]
async fn an_export_is_masked_by_role_and_audited() {
    let base = Base::with(&messages::ndjson(&[messages::identify(
        "m1",
        "2025-03-01T10:00:00Z",
        json!({ "external_id": "customer-0001", "phone": "010-1234-5678" }),
        json!({ "df_name": "홍길동", "note": "secret" }),
    )]));
    let (ingest, reader, analyst, admin) =
        (base.key("INGEST"), base.key("READER"), base.key("ANALYST"), base.key("ADMIN"));
    let mut server = base.serve_with_keys(&[]);
    assert_eq!(export(&server, &json!({})).await.status(), StatusCode::UNAUTHORIZED);
    server.show(&ingest);
    assert_eq!(export(&server, &json!({})).await.status(), StatusCode::FORBIDDEN);

    server.show(&reader);
    let columns = json!(["name", "phone", "birth_date", "identifier.external_id", "attribute.note", "attributes"]);
    let masked = ndjson(&server, json!({ "columns": columns })).await;
    let expected = json!({
        "name": "홍*동", "phone": "010-****-5678", "birth_date": null, "identifier.external_id": ["cu***01"],
        "attribute.note": "***", "attributes": { "df_name": "***", "note": "***" },
    });
    assert_eq!(masked, [expected]);
    // What a reader may not filter by, no export reveals.
    let by_attribute = json!({ "filter": { "attribute": [{ "name": "note", "equals": "secret" }] } });
    let response = export(&server, &by_attribute).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.json::<Value>().await.expect("JSON")["code"], "FORBIDDEN");

    server.show(&analyst);
    assert_eq!(ndjson(&server, json!({ "columns": ["name"] })).await, [json!({ "name": "홍길동" })]);
    server.show(&admin);
    let log = "{ auditLog(first: 50) { nodes { action actor detail } } }";
    let log = server.ask(log, Value::Null).await["auditLog"]["nodes"].take();
    let of = |action: &str| log.as_array().into_iter().flatten().filter(|it| it["action"] == action).count();
    assert_eq!(of("EXPORT"), 2, "one for each export that was begun: {log}");
    assert_eq!(of("READ"), 1, "the analyst's; the reader saw masks: {log}");
    assert!(!log.to_string().contains("홍길동"));
}

#[tokio::test]
async fn bad_requests_are_refused_and_exports_are_limited() {
    let base = Base::with(&messages::generated(3, 7));
    let server = base.serve();
    for (body, code) in [
        (json!({ "format": "XLSX" }), "BAD_USER_INPUT"),
        (json!({ "colums": ["name"] }), "BAD_USER_INPUT"),
        (json!({ "columns": ["secret-column"] }), "BAD_USER_INPUT"),
        (json!({ "columns": [] }), "BAD_USER_INPUT"),
        (json!({ "filter": { "gender": ["secret-column"] } }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "filter": [] }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "orderBy": { "field": "NAME" } }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "unifiedIds": ["x"], "search": "010" }), "BAD_USER_INPUT"),
        (json!({ "unifiedIds": vec!["x"; 10_001] }), "BAD_USER_INPUT"),
        (json!([]), "BAD_USER_INPUT"),
    ] {
        let response = export(&server, &body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let refusal: Value = response.json().await.expect("refusals are JSON");
        assert_eq!(refusal["code"], code, "{refusal}");
        assert!(!refusal.to_string().contains("secret-column"), "{refusal}");
    }
    let plain = server.http.post(server.url("/v1/export")).body("{}").send().await.expect("it answers");
    assert_eq!(plain.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let get = server.http.get(server.url("/v1/export")).send().await.expect("it answers");
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    drop(server);

    let server = base.serve_with(&["--limit-exports", "0"]);
    let response = export(&server, &json!({})).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.json::<Value>().await.expect("JSON")["code"], "OVERLOADED");
}
