//! `--memory`: what a server does when its clients send more than that at once.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use futures::future::join_all;
use profile360_tests::{Base, Deadline, Server};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

const UPLOADS: usize = 6;
const CALLS: usize = 40;

/// An upload of 8 MB. Each of its calls is of another customer.
fn upload(n: usize) -> String {
    let text = "x".repeat(200_000);
    let call = |call: usize| {
        let id = format!("u{n}-{call}");
        json!({ "type": "track", "messageId": id, "userId": id, "event": "read", "properties": { "text": text } })
    };
    json!({ "batch": (0..CALLS).map(call).collect::<Vec<Value>>() }).to_string()
}

async fn send(server: &Server, upload: &str) -> StatusCode {
    let request = server.http.post(server.url("/v1/batch")).body(upload.to_owned());
    let response = request.send().await.expect("it answers");
    let status = response.status();
    let has_retry_after = response.headers().contains_key(header::RETRY_AFTER);
    let answer = response.text().await.expect("an answer is text");
    if status == StatusCode::OK {
        assert_eq!(answer.matches("\"CREATED\"").count(), CALLS, "{answer}");
    } else {
        assert!(status == StatusCode::SERVICE_UNAVAILABLE && has_retry_after, "{status} {answer}");
        assert!(answer.contains("OVERLOADED"), "{answer}");
    }
    status
}

/// Begins a stream of messages and sends no more of it. Returns it and the status, if there is one yet.
fn slow_stream(server: &Server) -> (TcpStream, Option<u16>) {
    const GO_ON: u16 = 100;
    let address = server.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-ndjson\r\n\
         content-length: 1000000\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is read");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("it answers");
    let status = std::str::from_utf8(&status[9..]).ok().and_then(|it| it.parse().ok()).expect("a status");
    (stream, (status != GO_ON).then_some(status))
}

async fn n_customers(server: &Server) -> Value {
    server.ask("{ profiles(first: 1) { totalCount } }", Value::Null).await["profiles"]["totalCount"].take()
}

#[tokio::test]
async fn uploads_beyond_the_memory_are_refused_and_none_that_is_acknowledged_is_lost() {
    let base = Base::new();
    let server = base.serve_with(&["--memory", "256M"]);
    let before = server.peak_memory();
    let uploads: Vec<String> = (0..UPLOADS).map(upload).collect();

    // Streams reserve their memory before they send anything, and leave none for an upload.
    let (streams, refused): (Vec<_>, Vec<_>) =
        (0..8).map(|_| slow_stream(&server)).partition(|(_, status)| status.is_none());
    assert!(2 < streams.len(), "{refused:?}");
    assert!(refused.iter().all(|(_, status)| *status == Some(503)), "{refused:?}");
    assert_eq!(send(&server, &uploads[0]).await, StatusCode::SERVICE_UNAVAILABLE);
    drop(streams);

    let sending = uploads.iter().map(async |upload| {
        let deadline = Deadline::new("an acknowledged upload");
        let mut n_refused = 0;
        while send(&server, upload).await != StatusCode::OK {
            n_refused += 1;
            deadline.check(n_refused);
        }
        n_refused
    });
    let n_refused: usize = join_all(sending).await.into_iter().sum();
    assert!(0 < n_refused, "all of them fit at once");
    let grown = server.peak_memory().saturating_sub(before) >> 20;
    assert!(grown < 256, "{grown} MiB more");

    let deadline = Deadline::new("all customers in the list");
    while n_customers(&server).await != json!(UPLOADS * CALLS) {
        deadline.check("fewer");
    }
    server.kill();
    let server = base.serve_with(&["--memory", "256M"]);
    assert_eq!(n_customers(&server).await, json!(UPLOADS * CALLS));
    let recovered = server.peak_memory().saturating_sub(before) >> 20;
    assert!(recovered < 256, "{recovered} MiB more");
}

#[test]
fn sizes_that_are_wrong_or_too_small_are_refused() {
    let base = Base::new();
    for (size, sentence) in [("1M", "at least 256M"), ("much", "512M, 2GiB")] {
        let ran = base.run(&["import", "messages.ndjson", "--memory", size]);
        assert_eq!(ran.status, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(sentence), "{ran:?}");
    }
}
