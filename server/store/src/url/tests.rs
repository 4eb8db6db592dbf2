use super::DatabaseUrl;

/// The parsed address, or the reason of the refusal.
fn read(url: &str) -> String {
    match DatabaseUrl::parse(url) {
        Ok(parsed) => parsed.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn addresses_are_read() {
    let table = [
        ("surrealkv://./data/profiles", "surrealkv://./data/profiles?sync=every"),
        ("surrealkv:///srv/profiles?sync=never", "surrealkv:///srv/profiles?sync=never"),
        ("surrealkv://x?sync=1s", "surrealkv://x?sync=1s"),
        ("mem://", "mem://"),
        ("ws://127.0.0.1:8000", "ws://127.0.0.1:8000"),
        ("wss://root:secret@db.example", "wss://db.example"),
        ("wss://root:a@b@db.example", "wss://db.example"),
    ];
    for (url, expected) in table {
        assert_eq!(read(url), expected, "{url}");
    }
}

#[test]
fn invalid_addresses_are_refused_with_a_hint() {
    let table = [
        ("surrealkv:/./data/x", "did you mean surrealkv://./data/x?"),
        ("surrealkv:/srv/x", "did you mean surrealkv:///srv/x?"),
        ("data/x", "did you mean surrealkv://data/x?"),
        ("surrealkv://", "name a folder"),
        ("surrealkv://x?sync=alwas", "sync is every, never, or a time longer than 100ms"),
        ("surrealkv://x?sync=50ms", "sync is every, never, or a time longer than 100ms"),
        ("surrealkv://x?sync=", "sync is every, never, or a time longer than 100ms"),
        ("surrealkv://x?sync=every&sync=never", "it is given once"),
        ("surrealkv://x?snyc=every", "the option snyc=every is not known"),
        ("mem://x", "nothing may follow mem://"),
        ("ws://", "name a server"),
        ("http://127.0.0.1:8000", "http is no engine here; use surrealkv://PATH"),
        ("root:secret@db.example", "use surrealkv://PATH"),
    ];
    for (url, expected) in table {
        let read = read(url);
        assert!(read.starts_with("error: ") && read.contains(expected), "{url}: {read}");
    }
}

#[test]
fn an_engine_that_is_not_built_in_is_refused() {
    let read = read("rocksdb://./data?sync=1s");
    if cfg!(feature = "rocksdb") {
        assert_eq!(read, "rocksdb://./data?sync=1s");
    } else {
        assert!(read.contains("built without RocksDB; use surrealkv://PATH"), "{read}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for url in ["wss://root:secret@", "http://root:secret@db", "root:secret@db", "wss:root:secret@db"] {
        assert!(!read(url).contains("secret"), "{url}: {}", read(url));
    }
    let parsed = DatabaseUrl::parse("wss://root:secret@db").expect("valid");
    assert!(!format!("{parsed:?}").contains("secret"));
}
