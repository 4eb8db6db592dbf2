//! `POST /v1/messages`: bodies of every format and size, and incomplete ones.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use profile360_tests::{Base, Server, messages};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const LINES: &str = "application/x-ndjson";
const ARRAY: &str = "application/json";

fn login(n: usize) -> Value {
    let who = json!({ "external_id": format!("u{}", n % 5) });
    messages::event(&format!("m{n}"), "2025-03-01T10:00:00Z", who, "df_login", json!({}))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("it can be packed")
}

/// Format, encoding, body; status, the end, and the codes of refusals.
type Case = (&'static str, &'static str, Vec<u8>, u16, Option<&'static str>, &'static [&'static str]);

/// Status and lines of a response.
async fn post(server: &Server, path: &str, form: &str, packing: &str, body: Vec<u8>) -> (StatusCode, Vec<Value>) {
    let request = server.http.post(server.url(path)).header(header::CONTENT_TYPE, form).body(body);
    let request = if packing.is_empty() { request } else { request.header(header::CONTENT_ENCODING, packing) };
    let response = request.send().await.unwrap_or_else(|error| panic!("{error}: {}", server.log()));
    let status = response.status();
    let text = response.text().await.expect("an answer is text");
    (status, text.lines().map(|it| serde_json::from_str(it).expect("each line is JSON")).collect())
}

#[tokio::test]
async fn messages_are_answered_in_order() {
    let good: Vec<Value> = (0..2_500).map(login).collect();
    let warned = messages::identify(
        "warned",
        "2025-03-01T10:00:00Z",
        json!({ "external_id": "u1", "phone": "+1 650 253 0000" }),
        json!({}),
    );
    let mut bad = login(9_999);
    bad["timestamp"] = json!("yesterday");
    let all: Vec<Value> = good.iter().cloned().chain([bad, warned, good[0].clone()]).collect();
    let lines = messages::ndjson(&all).into_bytes();
    let array = json!(all).to_string().into_bytes();
    let zstd = zstd::encode_all(&lines[..], 0).expect("it can be packed");
    let bodies = [
        (LINES, "", lines.clone()),
        (ARRAY, "", array.clone()),
        (LINES, "gzip", gzip(&lines)),
        (ARRAY, "gzip", gzip(&array)),
        (LINES, "zstd", zstd),
    ];
    for (form, packing, body) in bodies {
        let base = Base::new();
        let server = base.serve();
        let (status, answers) = post(&server, "/v1/messages", form, packing, body.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answers.len(), all.len() + 1);
        for (n, (answer, message)) in answers.iter().zip(&all).enumerate() {
            assert_eq!(
                (&answer["line"], &answer["message_id"]),
                (&json!(n + 1), &message["message_id"]),
                "{form} {packing}"
            );
            assert_eq!(answer["unified_id"].is_string(), answer["status"] != "REFUSED", "{answer}");
        }
        let [.., bad, warned, again, end] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!((&bad["code"], &bad["path"]), (&json!("TIMESTAMP_MALFORMED"), &json!("timestamp")));
        assert_eq!(warned["warnings"][0]["code"], "PHONE_FOREIGN");
        assert_eq!(again["status"], "DUPLICATE");
        let counted = json!({ "end": "COMPLETE", "taken": 2_501, "duplicates": 1, "refused": 1, "warnings": 1 });
        assert_eq!(*end, counted);

        // Again, with results for faulty messages only; then with the end only.
        let (_, answers) = post(&server, "/v1/messages?results=faulty", form, packing, body.clone()).await;
        let ids: Vec<&Value> = answers.iter().map(|it| &it["message_id"]).collect();
        assert_eq!(ids, [&json!("m9999"), &json!("warned"), &Value::Null]);
        let (_, answers) = post(&server, "/v1/messages?results=none", form, packing, body).await;
        assert_eq!(
            answers,
            [json!({ "end": "COMPLETE", "taken": 0, "duplicates": 2_502, "refused": 1, "warnings": 1 })]
        );
        assert_eq!(server.stop(), Some(0));
        assert!(base.check().starts_with("2501 messages, 5 identifiers,"), "nothing else is stored");
    }
}

#[tokio::test]
async fn incomplete_and_invalid_bodies_are_refused_with_a_sentence() {
    let base = Base::new();
    let server = base.serve();
    let lines = |n: std::ops::Range<usize>| messages::ndjson(&n.map(login).collect::<Vec<_>>());
    let cut = gzip(lines(0..2_000).as_bytes());
    let mut damaged = gzip(lines(0..10).as_bytes());
    for byte in &mut damaged[20..40] {
        *byte ^= 0x55;
    }
    let zeros = gzip(&vec![b'0'; 64 << 20]);
    let not_utf8 = [lines(0..1).as_bytes(), b"{\"message_id\":\"\xff\"}\n", lines(1..2).as_bytes()].concat();
    let deep = format!("{}\n{}1{}\n", lines(0..1).trim_end(), "[".repeat(100_000), "]".repeat(100_000));
    let nested = lines(0..1).replace(
        "\"properties\":{}",
        &format!("\"properties\":{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
    );
    let cases: Vec<Case> = vec![
        ("", "", lines(0..1).into(), 415, Some("UNSUPPORTED_MEDIA_TYPE"), &[]),
        ("text/csv", "", lines(0..1).into(), 415, Some("UNSUPPORTED_MEDIA_TYPE"), &[]),
        (LINES, "br", lines(0..1).into(), 415, Some("UNSUPPORTED_MEDIA_TYPE"), &[]),
        (LINES, "gzip", cut[..cut.len() / 2].to_vec(), 400, Some("BODY_CUT"), &[]),
        (LINES, "gzip", damaged, 400, Some("BODY_DAMAGED"), &[]),
        (LINES, "gzip", lines(0..1).into(), 400, Some("BODY_DAMAGED"), &[]),
        (LINES, "zstd", lines(0..1).into(), 400, Some("BODY_DAMAGED"), &[]),
        (LINES, "gzip", zeros, 413, Some("REQUEST_TOO_LARGE"), &[]),
        (ARRAY, "", format!("[{}", login(0)).into(), 400, Some("BODY_CUT"), &[]),
        (ARRAY, "", format!("[{} {}]", login(0), login(1)).into(), 400, Some("BODY_MALFORMED"), &[]),
        (LINES, "", not_utf8, 200, None, &["NOT_JSON"]),
        (LINES, "", deep.into(), 200, None, &["NOT_JSON"]),
        (LINES, "", nested.into(), 200, None, &[]),
        (LINES, "", lines(0..1).replacen('{', "{\"message_id\":\"other\",", 1).into(), 200, None, &["DUPLICATE_FIELD"]),
        (LINES, "", vec![b' '; 3 << 20], 200, None, &["TOO_LARGE"]),
        (LINES, "", Vec::new(), 200, None, &[]),
    ];
    for (n, (form, packing, body, status, code, refused)) in cases.into_iter().enumerate() {
        let (got, answers) = post(&server, "/v1/messages", form, packing, body).await;
        let last = answers.last().unwrap_or_else(|| panic!("case {n} is answered"));
        assert_eq!((got.as_u16(), last["code"].as_str()), (status, code), "case {n}: {last}");
        assert_eq!(code.is_some(), last["detail"].as_str().is_some_and(|it| !it.is_empty()), "case {n}: {last}");
        let codes: Vec<&str> =
            answers.iter().filter(|it| it["status"] == "REFUSED").filter_map(|it| it["code"].as_str()).collect();
        assert_eq!(codes, refused, "case {n}");
    }
    // Everything before a cut is accepted and answered.
    let (_, answers) = post(&server, "/v1/messages", LINES, "gzip", cut[..cut.len() / 2].to_vec()).await;
    let end = answers.last().expect("it is answered");
    assert!(answers.len() > 500, "{end}");
    assert_eq!(
        end.get("taken").and_then(Value::as_u64).unwrap_or(0) + end["duplicates"].as_u64().unwrap_or(0),
        answers.len() as u64 - 1
    );

    let other = server.http.request(Method::PUT, server.url("/v1/messages")).send().await.expect("it answers");
    assert_eq!(
        (other.status(), other.headers()[header::ALLOW].to_str().ok()),
        (StatusCode::METHOD_NOT_ALLOWED, Some("POST"))
    );
    assert_eq!(other.json::<Value>().await.expect("JSON")["code"], "METHOD_NOT_ALLOWED");
    for mistyped in ["results=some", "result=none"] {
        let (status, _) = post(&server, &format!("/v1/messages?{mistyped}"), LINES, "", Vec::new()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mistyped}");
    }
    assert!(!server.log().contains("ERROR"), "nothing of this is a fault of the server: {}", server.log());
}

/// Starts a request without its body.
async fn begin(server: &Server, header: &str) -> BufReader<TcpStream> {
    let address = server.address.trim_start_matches("http://");
    let mut stream = BufReader::new(TcpStream::connect(address).await.expect("it listens"));
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {LINES}\r\n{header}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    stream
}

async fn send_chunk(stream: &mut BufReader<TcpStream>, text: &str) {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.expect("it reads");
}

/// The next line of the response that contains a text.
async fn line_with(stream: &mut BufReader<TcpStream>, text: &str) -> String {
    loop {
        let mut line = String::new();
        let n = stream.read_line(&mut line).await.expect("it answers");
        assert_ne!(n, 0, "the answer ended without {text}");
        if line.contains(text) {
            return line;
        }
    }
}

#[tokio::test]
async fn streams_are_answered_while_they_arrive_and_are_limited() {
    let base = Base::new();
    let server = base.serve_with(&["--limit-streams", "1"]);
    let mut stream = begin(&server, "transfer-encoding: chunked").await;
    for n in 0..3 {
        // Each is answered before the next is sent, even if a line is split over chunks.
        let text = format!("{}\n", login(n));
        let (a, b) = text.split_at(n * 40);
        for part in [a, b].into_iter().filter(|it| !it.is_empty()) {
            send_chunk(&mut stream, part).await;
        }
        line_with(&mut stream, &format!("\"message_id\":\"m{n}\"")).await;
    }
    let (status, answers) = post(&server, "/v1/messages", LINES, "", Vec::new()).await;
    assert_eq!((status, &answers[0]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("OVERLOADED")));
    // Shutdown does not wait for the rest.
    server.terminate();
    let end = line_with(&mut stream, "\"end\"").await;
    assert!(end.contains("\"FAILED\"") && end.contains("\"UNAVAILABLE\"") && end.contains(r#""taken":3"#), "{end}");
    assert_eq!(server.wait(), Some(0));

    // A client that disconnects: complete messages are accepted.
    let server = base.serve();
    let text = messages::ndjson(&(0..7).map(login).collect::<Vec<_>>());
    let mut stream = begin(&server, &format!("content-length: {}", text.len())).await;
    stream.write_all(&text.as_bytes()[..text.len() - 50]).await.expect("it reads");
    stream.shutdown().await.expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\"code\":\"BODY_CUT\"") && answer.contains(r#""taken":3,"duplicates":3"#), "{answer}");
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("6 messages,"));
}

#[tokio::test]
async fn memory_is_independent_of_the_size_of_the_body() {
    const MIB: usize = 1 << 20;
    let base = Base::new();
    let server = base.serve();
    post(&server, "/v1/messages", LINES, "", messages::ndjson(&[login(0)]).into_bytes()).await;
    let before = server.peak_memory();
    // Invalid lines, a line longer than any message, and endless zeros, compressed.
    let line = format!("{}\n", "x".repeat(1_000));
    let lines = line.repeat(200 * MIB / line.len()).into_bytes();
    let (status, answers) = post(&server, "/v1/messages?results=none", LINES, "", lines).await;
    assert_eq!((status, &answers[0]["end"]), (StatusCode::OK, &json!("COMPLETE")));
    let (_, answers) = post(&server, "/v1/messages", LINES, "", vec![b'x'; 200 * MIB]).await;
    assert_eq!(answers[0]["code"], "TOO_LARGE");
    let bomb = gzip(&vec![b'0'; 500 * MIB]);
    let (status, _) = post(&server, "/v1/messages", LINES, "gzip", bomb).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let grown = server.peak_memory().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB more");
}
