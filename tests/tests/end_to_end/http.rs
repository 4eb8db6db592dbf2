//! HTTP, and the lifecycle of a server.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use profile360_tests::{Base, Ran, messages};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

const BOTH: &str = "application/graphql-response+json, application/json;q=0.9";
const NEW: &str = "application/graphql-response+json";
const OLD: &str = "application/json";

#[tokio::test]
async fn graphql_over_http_follows_its_specification() {
    let base = Base::new();
    let server = base.serve();
    let good = json!({ "query": "{ viewer { role } }" }).to_string();
    let mutation = json!({ "query": "mutation { ingest(messages: []) { results { status } } }" }).to_string();
    let unparsed = json!({ "query": "{ viewer" }).to_string();
    let empty = json!({ "query": " " }).to_string();
    let invalid = json!({ "query": "{ nothing }" }).to_string();
    let failed = json!({ "query": "{ profiles(first: 0) { totalCount } }" }).to_string();
    let batch = format!("[{good}, {good}]");
    // Method, accept, content type, body: status.
    let posts = [
        (BOTH, OLD, good.as_str(), StatusCode::OK),
        (OLD, OLD, &good, StatusCode::OK),
        ("*/*", OLD, &good, StatusCode::OK),
        ("", "application/json; charset=utf-8", &good, StatusCode::OK),
        (BOTH, OLD, &mutation, StatusCode::OK),
        ("text/html", OLD, &good, StatusCode::NOT_ACCEPTABLE),
        ("*/*;q=0", OLD, &good, StatusCode::NOT_ACCEPTABLE),
        (BOTH, "text/plain", &good, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (BOTH, "", &good, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (BOTH, OLD, "", StatusCode::BAD_REQUEST),
        (BOTH, OLD, "{}", StatusCode::BAD_REQUEST),
        (BOTH, OLD, "{\"query\": 1}", StatusCode::BAD_REQUEST),
        (BOTH, OLD, &batch, StatusCode::BAD_REQUEST),
        (BOTH, OLD, "{\"query\": \"{ viewer { role } }\", \"variables\": 1e300}", StatusCode::BAD_REQUEST),
        (BOTH, OLD, "{\"query\": \"{ viewer { role } }\", \"extensions\": 1e300}", StatusCode::BAD_REQUEST),
        (NEW, OLD, &unparsed, StatusCode::BAD_REQUEST),
        (NEW, OLD, &empty, StatusCode::BAD_REQUEST),
        (NEW, OLD, &invalid, StatusCode::BAD_REQUEST),
        (NEW, OLD, &failed, StatusCode::OK),
        (OLD, OLD, "{\"query\": \"{ viewer { role } }\", \"variables\": {}, \"more\": 1e300}", StatusCode::OK),
        (OLD, OLD, &unparsed, StatusCode::OK),
        (OLD, OLD, &empty, StatusCode::OK),
        (OLD, OLD, &invalid, StatusCode::OK),
    ];
    for (accept, content_type, body, status) in posts {
        let mut request = server.http.post(server.url("/graphql")).body(body.to_owned());
        for (name, value) in [(header::ACCEPT, accept), (header::CONTENT_TYPE, content_type)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.expect("it answers");
        assert_eq!(response.status(), status, "{accept} {content_type} {body}");
        let answered_in = response.headers()[header::CONTENT_TYPE].to_str().unwrap_or_default().to_owned();
        let wanted = if accept.contains(NEW) { NEW } else { OLD };
        assert_eq!(answered_in, format!("{wanted}; charset=utf-8"), "{accept} {content_type} {body}");
        let answer: Value = response.json().await.expect("every answer is JSON");
        let is_error = answer["errors"][0]["extensions"]["code"].is_string();
        assert_eq!(
            is_error,
            status != StatusCode::OK || [&unparsed, &empty, &invalid, &failed].into_iter().any(|it| body == it),
            "{answer}"
        );
    }

    let gets = [
        ("query={viewer{role}}", StatusCode::OK),
        ("query=query($n:Int){profiles(first:$n){totalCount}}&variables={\"n\":1}", StatusCode::OK),
        ("query=mutation{ingest(messages:[]){results{status}}}", StatusCode::METHOD_NOT_ALLOWED),
        (
            "query=query A{viewer{role}} mutation B{ingest(messages:[]){results{status}}}&operationName=A",
            StatusCode::OK,
        ),
        (
            "query=query A{viewer{role}} mutation B{ingest(messages:[]){results{status}}}&operationName=B",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        ("query={viewer{role}}&variables=null&extensions=", StatusCode::OK),
        ("query={viewer{role}}&variables=[]", StatusCode::BAD_REQUEST),
        ("query={viewer{role}}&variables=1e300", StatusCode::BAD_REQUEST),
        ("query={viewer{role}}&extensions=1e300", StatusCode::BAD_REQUEST),
        ("variables={", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
    ];
    for (query, status) in gets {
        let mut url = reqwest::Url::parse(&server.url("/graphql")).expect("a URL");
        url.set_query(Some(query));
        let response = server.http.get(url).header(header::ACCEPT, NEW).send().await.expect("it answers");
        assert_eq!(response.status(), status, "{query}");
        let allow = response.headers().get(header::ALLOW).and_then(|it| it.to_str().ok());
        assert_eq!(allow == Some("GET, POST"), status == StatusCode::METHOD_NOT_ALLOWED, "{query}");
    }
    let response = server.http.request(Method::PUT, server.url("/graphql")).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer: Value = response.json().await.expect("every answer is JSON");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "METHOD_NOT_ALLOWED");
}

/// Like clients that send everything before they read the response.
#[test]
fn oversized_bodies_are_answered_while_the_client_still_sends() {
    let base = Base::new();
    let server = base.serve();
    let address = server.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let n_bytes = 24 << 20;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {n_bytes}\r\n\r\n"
    );
    let mut connection = TcpStream::connect(&address).expect("it listens");
    connection.write_all(head.as_bytes()).expect("it is read");
    connection.write_all(&vec![b' '; n_bytes]).expect("it is read to its end");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("REQUEST_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn each_limit_has_an_option_and_a_code() {
    let base = Base::new();
    let small = [
        "--limit-depth=4",
        "--limit-complexity=30",
        "--limit-aliases=2",
        "--limit-directives=2",
        "--limit-tokens=60",
        "--limit-batch=2",
        "--limit-body=2000",
        "--limit-page=10",
        "--limit-time=0ms",
    ];
    let server = base.serve_with(&small);
    let message = |n: u32| {
        messages::identify(&format!("m{n}"), "2025-03-01T10:00:00Z", json!({ "external_id": "u1" }), json!({}))
    };
    let ingest = "mutation($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }";
    let batch = |n: u32| json!({ "messages": (0..n).map(|it| messages::input(&message(it))).collect::<Vec<_>>() });
    let cases = [
        ("{ viewer { role } }", Value::Null, "none"),
        ("{ profiles { nodes { basic { name } } } }", Value::Null, "QUERY_TOO_COMPLEX"),
        ("{ profiles(first: 1) { nodes { basic { avatar { letter } } } } }", Value::Null, "QUERY_TOO_DEEP"),
        ("{ a: viewer { role } b: viewer { c: role } }", Value::Null, "TOO_MANY_ALIASES"),
        ("{ viewer @skip(if: false) { role @skip(if: false) name @skip(if: false) } }", Value::Null, "TOO_MANY_DIRECTIVES"),
        ("{ viewer { role role role role role role role role role role role role role role role role role role role role role
            role role role role role role role role role role role role role role role role role role role role role role
            role role role role role role role role role role role role role role role role role role role role } }",
            Value::Null, "TOO_MANY_TOKENS"),
        ("{ profiles(first: 11) { totalCount } }", Value::Null, "PAGE_SIZE_OUT_OF_RANGE"),
        (ingest, batch(3), "TOO_MANY_MESSAGES"),
        (ingest, batch(2), "TIMED_OUT"),
    ];
    for (query, variables, code) in cases {
        let request = json!({ "query": query, "variables": variables });
        let response = server
            .http
            .post(server.url("/graphql"))
            .header(header::ACCEPT, NEW)
            .json(&request)
            .send()
            .await
            .expect("it answers");
        let status = response.status();
        let answer: Value = response.json().await.expect("every answer is JSON");
        assert_eq!(answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none"), code, "{answer}");
        // A request that did not run is a bad request without data.
        assert_eq!(status == StatusCode::BAD_REQUEST, answer.get("data").is_none(), "{query}");
    }
    let large = json!({ "query": format!("{{ viewer {{ role }} }} # {}", "x".repeat(2_000)) });
    let response = server.http.post(server.url("/graphql")).json(&large).send().await.expect("it answers");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let answer: Value = response.json().await.expect("every answer is JSON");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "REQUEST_TOO_LARGE");
    // The messages of the request that timed out are stored, as its error says is possible: sending them again changes nothing.
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("2 messages,"));
    for option in ["--limit-page=0", "--limit-page=1001", "--limit-time=soon", "--limit-depth=-1"] {
        assert_eq!(base.run(&["serve", option]).status, Some(2), "{option}");
    }
}

#[tokio::test]
async fn requests_beyond_the_concurrency_limit_are_refused() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-requests", "0"]);
    let retry = |response: &reqwest::Response| {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        response.headers()[header::RETRY_AFTER].to_str().map(str::to_owned).expect("a number of seconds")
    };
    let request = server.http.post(server.url("/graphql")).json(&json!({ "query": "{ viewer { role } }" }));
    let response = request.send().await.expect("it answers");
    assert_eq!(retry(&response), "1");
    let answer: Value = response.json().await.expect("every answer is JSON");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "OVERLOADED");
    for path in ["/v1/track", "/v1/batch", "/api/v1/identities", "/api/v1/events"] {
        let response = server.http.post(server.url(path)).json(&json!({})).send().await.expect("it answers");
        assert_eq!(retry(&response), "1");
        assert_eq!(response.json::<Value>().await.expect("every answer is JSON")["code"], "OVERLOADED");
    }
    // Health checks are answered all the same.
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        let response = server.http.get(server.url(path)).send().await.expect("it answers");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn persisted_and_trusted_documents_work() {
    // By sha256sum.
    const ROLE: &str = "{ viewer { role } }";
    const HASH: &str = "f63c1d1d984628060baf66f876c2c675ee7a472f114e839c75f247e0cc7ba64f";
    let base = Base::new();
    let named = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let post = async |server: &profile360_tests::Server, body: &Value| {
        let request = server.http.post(server.url("/graphql")).header(header::ACCEPT, NEW).json(body);
        let response = request.send().await.expect("it answers");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("every answer is JSON");
        let outcome = answer["errors"][0]["extensions"]["code"].as_str().or(answer["data"]["viewer"]["role"].as_str());
        (status, outcome.unwrap_or_default().to_owned())
    };
    let get = async |server: &profile360_tests::Server, extensions: &Value| {
        let mut url = reqwest::Url::parse(&server.url("/graphql")).expect("a URL");
        url.query_pairs_mut().append_pair("extensions", &extensions.to_string());
        let response = server.http.get(url).header(header::ACCEPT, NEW).send().await.expect("it answers");
        response.status().as_u16()
    };
    let outcome = |status: u16, it: &str| (status, it.to_owned());

    let server = base.serve();
    assert_eq!(get(&server, &named(HASH)).await, 400);
    let by_name = json!({ "extensions": named(HASH) });
    assert_eq!(post(&server, &by_name).await, outcome(400, "PERSISTED_QUERY_NOT_FOUND"));
    let other = json!({ "query": "{ viewer { name } }", "extensions": named(HASH) });
    assert_eq!(post(&server, &other).await, outcome(400, "PERSISTED_QUERY_MISMATCH"));
    let both = json!({ "query": ROLE, "extensions": named(HASH) });
    assert_eq!(post(&server, &both).await, outcome(200, "ADMIN"));
    assert_eq!(post(&server, &by_name).await, outcome(200, "ADMIN"));
    assert_eq!(get(&server, &named(HASH)).await, 200);
    let by_id = json!({ "documentId": format!("sha256:{HASH}") });
    assert_eq!(post(&server, &by_id).await, outcome(200, "ADMIN"));
    let url = server.url(&format!("/graphql?documentId={HASH}"));
    assert_eq!(server.http.get(url).send().await.expect("it answers").status(), StatusCode::OK);
    for twice in [
        json!({ "query": ROLE, "documentId": HASH }),
        json!({ "documentId": HASH, "extensions": named(HASH) }),
        json!({ "documentId": 7 }),
    ] {
        assert_eq!(post(&server, &twice).await, outcome(400, "GRAPHQL_PARSE_FAILED"), "{twice}");
    }
    assert_eq!(server.stop(), Some(0));

    base.write("documents.json", json!({ "role": ROLE }).to_string());
    let server = base.serve_with(&["--trusted-documents", "documents.json"]);
    for (body, wanted) in [
        (json!({ "query": ROLE }), outcome(200, "ADMIN")),
        (by_name, outcome(200, "ADMIN")),
        (json!({ "extensions": named("role") }), outcome(200, "ADMIN")),
        (json!({ "documentId": "role" }), outcome(200, "ADMIN")),
        (json!({ "documentId": "other" }), outcome(400, "DOCUMENT_NOT_TRUSTED")),
        (json!({ "query": "{ viewer { name } }" }), outcome(400, "DOCUMENT_NOT_TRUSTED")),
        (json!({ "extensions": named("other") }), outcome(400, "DOCUMENT_NOT_TRUSTED")),
        (json!({ "query": "{ __schema { queryType { name } } }" }), outcome(400, "DOCUMENT_NOT_TRUSTED")),
    ] {
        assert_eq!(post(&server, &body).await, wanted, "{body}");
    }
    assert_eq!(get(&server, &named("role")).await, 200);
    base.write("faulty.json", "[]");
    for file in ["missing.json", "faulty.json"] {
        assert_eq!(base.run(&["serve", "--trusted-documents", file]).status, Some(1), "{file}");
    }
}

#[tokio::test]
async fn unknown_addresses_are_answered_in_the_form_of_their_api() {
    let base = Base::new();
    let server = base.serve();
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (method, path, accept, status, code) in [
        (Method::GET, "/v1/nothing", html, 404, "NOT_FOUND"),
        (Method::GET, "/v1", "*/*", 404, "NOT_FOUND"),
        (Method::POST, "/v1/batches", "*/*", 404, "NOT_FOUND"),
        (Method::POST, "/api/v2/identities", "application/json", 404, "NOT_FOUND"),
        (Method::GET, "/graphq", html, 404, "NOT_FOUND"),
        (Method::POST, "/graphqll", "*/*", 404, "NOT_FOUND"),
        (Method::GET, "/customer", "application/json", 404, "NOT_FOUND"),
        (Method::GET, "/customers/1/2/3", "*/*", 404, "NOT_FOUND"),
        (Method::GET, "/nothing.js", "*/*", 404, "NOT_FOUND"),
        (Method::DELETE, "/customer", "*/*", 404, "NOT_FOUND"),
        (Method::GET, "/customers", "application/json", 404, "NOT_FOUND"),
        (Method::POST, "/customers", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::PUT, "/", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/v1/batch", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/v1/projects/k/settings", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/healthz", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::DELETE, "/readyz", html, 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/openapi.json", html, 405, "METHOD_NOT_ALLOWED"),
    ] {
        let request = server.http.request(method.clone(), server.url(path)).header(header::ACCEPT, accept);
        let response = request.send().await.expect("it answers");
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(response.headers().contains_key(header::ALLOW), status == 405, "{method} {path}");
        let answer: Value = response.json().await.expect("it is JSON");
        assert_eq!(answer["code"], code, "{method} {path}");
    }
    // A browser gets the page if it was built, at the addresses of the page only.
    let mut page_is_built = false;
    for (path, is_there) in
        [("/", true), ("/customers/58b3f907-09ef-8b3e-918d-c8c619c8fa77/identity", true), ("/nothing", false)]
    {
        let response = server.http.get(server.url(path)).header(header::ACCEPT, html).send().await.expect("it answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("it is text");
        let is_built = !text.contains("built without the page");
        page_is_built |= is_built;
        assert_eq!(status, if is_there && is_built { 200 } else { 404 }, "{path}");
        assert!(!is_built || text.starts_with("<!doctype html>") || text.starts_with("<!DOCTYPE html>"), "{path}");
    }
    if !page_is_built {
        return;
    }
    // What a browser has already is not sent again, and each coding has a tag of its own.
    let get = async |encoding: &str, tag: &str| {
        let request = server.http.get(server.url("/")).header(header::ACCEPT, html);
        let request = request.header(header::ACCEPT_ENCODING, encoding).header(header::IF_NONE_MATCH, tag);
        request.send().await.expect("it answers")
    };
    let mut tags = Vec::new();
    // The client unpacks gzip itself and removes its header, so that only the tag shows it.
    for (encoding, coding) in [("gzip;q=0.5, br", Some("br")), ("br;q=0, gzip", None), ("br;q=0", None)] {
        let response = get(encoding, "\"other\"").await;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(
            (response.status(), header(header::CONTENT_ENCODING).as_deref()),
            (StatusCode::OK, coding),
            "{encoding}"
        );
        let tag = header(header::ETAG).expect("it has a tag");
        let again = get(encoding, &tag).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{encoding}");
        assert_eq!(again.headers()[header::ETAG].to_str().ok(), Some(tag.as_str()));
        assert!(again.bytes().await.expect("it answers").is_empty());
        assert!(!tags.contains(&tag), "{encoding}");
        tags.push(tag);
    }
}

#[tokio::test]
async fn health_and_readiness_are_reported() {
    let base = Base::with(&messages::generated(5, 1));
    let server = base.serve();
    let get = async |path: &str| {
        let response = server.http.get(server.url(path)).send().await.expect("it answers");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        (headers, response.json::<Value>().await.expect("it is JSON"))
    };
    let (headers, health) = get("/healthz").await;
    assert_eq!(health["status"], "ok");
    assert_eq!(health["customers"].as_u64(), Some(server.unified_ids().await.len() as u64));
    assert_eq!(health["customersToList"], 0);
    let policy = headers["content-security-policy"].to_str().unwrap_or_default();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers.contains_key("x-request-id"));
    let (_, ready) = get("/readyz").await;
    assert_eq!(ready["status"], "ready");

    // A server that cannot start says why, and does not disturb the running one.
    let in_use = server.address.trim_start_matches("http://").to_owned();
    let other = Base::new();
    let one = messages::ndjson(&[messages::identify(
        "m1",
        "2025-03-01T10:00:00Z",
        json!({ "phone": "010-1234-5678" }),
        json!({}),
    )]);
    other.write("one.ndjson", &one);
    assert_eq!(other.import("one.ndjson").status, Some(0));
    other.write("other.json", "{ \"currency\": \"USD\" }");
    other.write("faulty.json", "{ \"blocked_patterns\": [\"(\"] }");
    other.write("misspelt.json", "{ \"curency\": \"USD\" }");
    let cases = [
        (base.run(&["serve", "--listen", "127.0.0.1:0"]), "another process has it open"),
        (base.import("messages.ndjson"), "another process has it open"),
        (other.run(&["serve", "--listen", &in_use]), "cannot be listened on"),
        (other.run(&["serve", "--listen", "0.0.0.0:0"]), "listens on this machine only"),
        (Base::new().run(&["check"]), "there is no database"),
        (other.run(&["import", "one.ndjson", "--db", "postgres://localhost"]), "cannot be used"),
        (other.run(&["check", "--policy", "other.json"]), "has a policy already"),
        (other.run(&["check", "--policy", "faulty.json"]), "the policy has faults"),
        (other.run(&["check", "--policy", "misspelt.json"]), "is not a policy document"),
        (other.run(&["check", "--policy", "missing.json"]), "cannot be read"),
        (Ran::of(other.command(&["check"]).env("PROFILE360_ID_SECRET", "another")), "another secret"),
    ];
    for (Ran { status, stdout, stderr }, reason) in cases {
        assert_eq!(status, Some(1), "{reason}: {stdout}{stderr}");
        let error = stderr.lines().find(|it| it.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(reason), "{stderr}");
    }
    get("/readyz").await;
    assert_eq!(server.stop(), Some(0));

    // An invalid policy does not become the policy of a new database.
    let new = Base::new();
    new.write("faulty.json", "{ \"blocked_patterns\": [\"(\"] }");
    new.write("one.ndjson", &one);
    assert_eq!(new.run(&["import", "one.ndjson", "--policy", "faulty.json"]).status, Some(1));
    assert_eq!(new.import("one.ndjson").status, Some(0));
}

#[tokio::test]
async fn shutdown_finishes_acknowledged_requests() {
    let base = Base::new();
    let server = base.serve();
    let batch = |n: usize| -> Vec<Value> {
        let message = |position: usize| {
            let who = json!({ "external_id": format!("u{n}"), "device_id": format!("d{}", position % 7) });
            messages::event(&format!("{n}-{position}"), "2025-03-01T10:00:00Z", who, "df_login", json!({}))
        };
        (0..60).map(message).collect()
    };
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..12 {
        let request = json!({
            "query": "mutation($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }",
            "variables": { "messages": batch(n).iter().map(messages::input).collect::<Vec<_>>() },
        });
        let sent = server.http.post(server.url("/graphql")).json(&request).send();
        requests.spawn(async move {
            // Requests during shutdown get no connection or an error, which is no acknowledgment.
            let answer: Value = sent.await.ok()?.json().await.ok()?;
            answer["data"]["ingest"]["results"].is_array().then_some(n)
        });
    }
    let mut acknowledged = Vec::new();
    while acknowledged.is_empty() {
        let answer = requests.join_next().await.expect("one of them is acknowledged").expect("it does not panic");
        acknowledged.extend(answer);
    }
    server.terminate();
    acknowledged.extend(requests.join_all().await.into_iter().flatten());
    assert_eq!(server.wait(), Some(0));

    base.check();
    let server = base.serve();
    for n in acknowledged {
        let results = server.ingest(&batch(n)).await;
        assert!(results.iter().all(|it| it["status"] == "DUPLICATE"), "batch {n} was acknowledged");
    }
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let Ran { status, stdout, .. } = Base::new().run(&["schema"]);
    assert_eq!(status, Some(0));
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let contract = std::fs::read_to_string(contract).expect("it is there");
    assert!(stdout == contract, "update it: profile360 schema > schema.graphql");
}
