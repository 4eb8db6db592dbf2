//! Faulty files: each bad line is reported and fails alone.

use std::{collections::BTreeSet, io::Write};

use flate2::{Compression, write::GzEncoder};
use profile360_core::message::limits::MAX_MESSAGE_BYTES;
use profile360_tests::{Base, messages};
use serde_json::{Value, json};

/// Part of bad values, which no output may repeat.
const PRIVATE: &str = "s3cret";

fn message(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut message = messages::identify(
        "m",
        "2025-03-01T10:00:00+09:00",
        json!({ "external_id": "u1" }),
        json!({ "df_name": "김하나" }),
    );
    change(&mut message);
    message.to_string().into_bytes()
}

fn with(field: &str, value: Value) -> Vec<u8> {
    message(|it| it[field] = value)
}

fn without(field: &str) -> Vec<u8> {
    message(|it| drop(it.as_object_mut().expect("an object").remove(field)))
}

fn event(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    message(|message| {
        message["type"] = json!("event");
        message["event"] = json!("df_purchase");
        change(message);
    })
}

fn purchase(properties: Value) -> Vec<u8> {
    event(|it| it["properties"] = properties)
}

fn item(field: &str, value: Value) -> Vec<u8> {
    let mut item = json!({ "df_item_id": "P1", "df_price": 1000, "df_quantity": 1 });
    item[field] = value;
    purchase(json!({ "df_items": [item] }))
}

/// All kinds of bad lines, with code and path of their refusal.
fn bad_lines() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let long = |n_bytes: usize| json!(PRIVATE.repeat(n_bytes / PRIVATE.len() + 1));
    let total = |value: Value| purchase(json!({ "df_total_purchase_amount": value }));
    let note = |n_bytes: usize| with("attributes", json!({ "note": "x".repeat(n_bytes) }));
    let barely_too_large = note(MAX_MESSAGE_BYTES + 1 - note(0).len());
    let mut cut = message(|_| {});
    cut.truncate(60);
    vec![
        (PRIVATE.as_bytes().to_vec(), "NOT_JSON", ""),
        (format!("[\"{PRIVATE}\"]").into_bytes(), "NOT_JSON", ""),
        (cut, "NOT_JSON", ""),
        (b"{\"message_id\": \"\xff\xfe\"}".to_vec(), "NOT_JSON", ""),
        (b"{}".to_vec(), "MISSING_FIELD", "message_id"),
        (without("message_id"), "MISSING_FIELD", "message_id"),
        (without("type"), "MISSING_FIELD", "type"),
        (without("timestamp"), "MISSING_FIELD", "timestamp"),
        (without("source"), "MISSING_FIELD", "source"),
        (without("identifiers"), "MISSING_FIELD", "identifiers"),
        (with("type", json!("event")), "MISSING_FIELD", "event"),
        (b"{\"source\":\"crm\",\"source\":\"app\"}".to_vec(), "DUPLICATE_FIELD", "source"),
        (with("message_id", json!("")), "MISSING_FIELD", "message_id"),
        (with("message_id", json!(17)), "WRONG_TYPE", "message_id"),
        (with("identifiers", json!([PRIVATE])), "WRONG_TYPE", "identifiers"),
        (with("attributes", json!(PRIVATE)), "WRONG_TYPE", "attributes"),
        (with("device", json!(PRIVATE)), "WRONG_TYPE", "device"),
        (with("message_id", long(129)), "TOO_LONG", "message_id"),
        (with("source", long(65)), "TOO_LONG", "source"),
        (with("session_id", long(129)), "TOO_LONG", "session_id"),
        (event(|it| it["event"] = long(129)), "TOO_LONG", "event"),
        (with("type", json!(PRIVATE)), "UNKNOWN_TYPE", "type"),
        (with("platform", json!(PRIVATE)), "UNKNOWN_PLATFORM", "platform"),
        (with("timestamp", json!("2025-03-01T10:00:00")), "TIMESTAMP_WITHOUT_ZONE", "timestamp"),
        (with("timestamp", json!("2025-02-30T10:00:00Z")), "TIMESTAMP_MALFORMED", "timestamp"),
        (with("timestamp", json!(PRIVATE)), "TIMESTAMP_MALFORMED", "timestamp"),
        (with("timestamp", json!("1969-12-31T23:59:59Z")), "TIMESTAMP_OUT_OF_RANGE", "timestamp"),
        (with("timestamp", json!("2200-01-01T00:00:00Z")), "TIMESTAMP_OUT_OF_RANGE", "timestamp"),
        (with("identifiers", json!({})), "NO_USABLE_IDENTIFIER", "identifiers"),
        (with("identifiers", json!({ "phone": "+1 650 253 0000" })), "NO_USABLE_IDENTIFIER", "identifiers.phone"),
        (with("identifiers", json!({ "email": [PRIVATE] })), "NO_USABLE_IDENTIFIER", "identifiers.email[0]"),
        (with("identifiers", json!({ "external_id": "null" })), "NO_USABLE_IDENTIFIER", "identifiers.external_id"),
        (with("identifiers", json!({ "passport": PRIVATE })), "NO_USABLE_IDENTIFIER", "identifiers.passport"),
        (
            with("identifiers", json!({ "device_id": (0..101).map(|it| format!("d{it}")).collect::<Vec<_>>() })),
            "TOO_MANY_IDENTIFIERS",
            "identifiers",
        ),
        (event(|_| {}), "MISSING_FIELD", "properties"),
        (purchase(json!({})), "MISSING_FIELD", "properties.df_total_purchase_amount"),
        (purchase(json!({ "df_items": PRIVATE })), "WRONG_TYPE", "properties.df_items"),
        (
            purchase(json!({ "df_order_id": long(129), "df_total_purchase_amount": 1 })),
            "TOO_LONG",
            "properties.df_order_id",
        ),
        (item("df_quantity", json!(-1)), "QUANTITY_OUT_OF_RANGE", "properties.df_items[0].df_quantity"),
        (item("df_quantity", json!(0.5)), "QUANTITY_OUT_OF_RANGE", "properties.df_items[0].df_quantity"),
        (item("df_quantity", json!(1_000_001)), "QUANTITY_OUT_OF_RANGE", "properties.df_items[0].df_quantity"),
        (item("df_quantity", json!(PRIVATE)), "QUANTITY_OUT_OF_RANGE", "properties.df_items[0].df_quantity"),
        (item("df_price", json!(PRIVATE)), "AMOUNT_MALFORMED", "properties.df_items[0].df_price"),
        (total(json!(PRIVATE)), "AMOUNT_MALFORMED", "properties.df_total_purchase_amount"),
        (total(json!("1,000")), "AMOUNT_MALFORMED", "properties.df_total_purchase_amount"),
        (total(json!(-1)), "AMOUNT_OUT_OF_RANGE", "properties.df_total_purchase_amount"),
        (total(json!(1_000_000_000_000_000_u64)), "AMOUNT_OUT_OF_RANGE", "properties.df_total_purchase_amount"),
        (
            purchase(json!({ "df_total_purchase_amount": 1, "df_currency": PRIVATE })),
            "CURRENCY_MALFORMED",
            "properties.df_currency",
        ),
        (note(1 << 20), "TOO_LARGE", ""),
        (barely_too_large, "TOO_LARGE", ""),
    ]
}

#[test]
fn a_bad_line_fails_alone_with_its_reason() {
    let bad = bad_lines();
    let mut file = Vec::new();
    for (n, (line, ..)) in bad.iter().enumerate() {
        let good = messages::event(
            &format!("good-{n}"),
            "2025-03-01T10:00:00+09:00",
            json!({ "external_id": "u1" }),
            "df_login",
            Value::Null,
        );
        writeln!(file, "{good}").expect("there is room");
        file.extend(line);
        file.push(b'\n');
    }
    let base = Base::new();
    base.write("messages.ndjson", &file);

    let ran = base.import("messages.ndjson");
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    let n = bad.len();
    let counts = format!(
        "{n} messages accepted (1 created, {} updated, 0 linked, 0 merged, 0 withheld), 0 duplicates, {n} refused, 0 warnings",
        n - 1
    );
    assert_eq!(ran.counts(), counts);
    assert_eq!(base.check(), format!("{n} messages, 1 identifiers, 0 links, 1 profiles, 0 orders"));

    let kept = base.read("messages.ndjson.refused.ndjson");
    let kept: Vec<Value> = kept.lines().map(|it| serde_json::from_str(it).expect("refused lines are JSON")).collect();
    assert_eq!(kept.len(), n);
    for (position, ((line, code, path), refused)) in bad.iter().zip(&kept).enumerate() {
        let number = 2 * position + 2;
        assert_eq!(
            (&refused["line"], &refused["code"], &refused["path"]),
            (&json!(number), &json!(code), &json!(path))
        );
        let sentence = refused["detail"].as_str().expect("a sentence");
        assert!(!sentence.is_empty() && !sentence.contains(PRIVATE), "line {number}: {sentence}");
        // Lines that are no text or too long are not kept; all others are, for correction.
        let text = std::str::from_utf8(line).ok().filter(|it| it.len() < 1 << 20);
        assert!(refused["message"].as_str() == text, "line {number}");
    }
    assert!(ran.stderr.contains("messages.ndjson:2: NOT_JSON: "), "the first few are printed: {}", ran.stderr);
    assert!(!ran.stderr.contains(PRIVATE));

    // Corrected lines are accepted; lines that were accepted before are duplicates.
    base.write("messages.ndjson", String::from_utf8_lossy(&file).replace("\"+1 650 253 0000\"", "\"02-312-3456\""));
    let ran = base.import("messages.ndjson");
    assert_eq!(ran.status, Some(3));
    assert!(ran.counts().starts_with("1 messages accepted (1 created"), "{}", ran.counts());
    assert!(ran.counts().contains(&format!("{n} duplicates, {} refused", n - 1)), "{}", ran.counts());
}

#[test]
fn byte_order_marks_and_line_endings_are_accepted() {
    let plain = messages::generated(20, 3);
    let n = plain.lines().count();
    let base = Base::with(&plain);
    // A byte-order mark, Windows line endings, empty lines, and no newline at the end.
    let edited = format!("\u{feff}{}", plain.trim_end().replace('\n', "\r\n\r\n"));
    let gzip = |text: &str| gzip(text.as_bytes());
    base.write("edited.ndjson", &edited);
    base.write("edited.ndjson.gz", gzip(&edited));
    // Concatenated gzip files are one file.
    base.write("twice.ndjson.gz", [gzip("\n"), gzip(&plain)].concat());
    for file in ["edited.ndjson", "edited.ndjson.gz", "twice.ndjson.gz"] {
        let ran = base.import(file);
        assert_eq!(ran.status, Some(0), "{file}: {}", ran.stderr);
        assert!(ran.counts().starts_with("0 messages accepted"), "{file}: {}", ran.counts());
        assert!(ran.counts().contains(&format!("{n} duplicates, 0 refused")), "{file}: {}", ran.counts());
        assert!(!base.path(&format!("{file}.refused.ndjson")).exists(), "no refused lines, no file");
    }

    let other = Base::new();
    other.write("edited.ndjson.gz", gzip(&edited));
    assert_eq!(other.import("edited.ndjson.gz").status, Some(0));
    assert_eq!(other.check(), base.check());
}

#[test]
fn files_without_messages_are_reported() {
    const NOTHING: &str = "0 messages accepted (0 created, 0 updated, 0 linked, 0 merged, 0 withheld), 0 duplicates, 0 refused, 0 warnings";
    let base = Base::new();
    base.write("empty.ndjson", "");
    base.write("lines.ndjson", "\u{feff}\r\n\n   \n");
    base.write("empty.csv", "");
    base.write("map.toml", MAP);
    for file in ["empty.ndjson", "lines.ndjson"] {
        let ran = base.import(file);
        assert_eq!((ran.status, ran.counts()), (Some(0), NOTHING), "{file}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("{file} is empty")), "{file}: {}", ran.stderr);
    }
    for (arguments, reason) in [
        (&["import", "missing.ndjson"][..], "missing.ndjson cannot be opened"),
        (&["import", "."], ". is a directory"),
        (&["import", "empty.csv", "--map", "map.toml"], "empty.csv is empty"),
        (&["map", "empty.csv"], "empty.csv is empty"),
        (&["map", "."], ". is a directory"),
    ] {
        let ran = base.run(arguments);
        assert_eq!(ran.status, Some(1), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("error: {reason}")), "{arguments:?}: {}", ran.stderr);
    }
    let with_a_missing_file = base.run(&["import", "missing.ndjson", "empty.ndjson"]);
    assert_eq!(
        (with_a_missing_file.status, with_a_missing_file.counts()),
        (Some(1), NOTHING),
        "{}",
        with_a_missing_file.stderr
    );
    assert_eq!(base.run(&["import"]).status, Some(2));
    assert_ne!(base.run(&["check"]).status, Some(0), "no database was created");
}

const MAP: &str = "type = \"identify\"\nsource = \"crm\"\ntimestamp = { column = \"at\", type = \"time\" }\n[identifiers]\n\
    external_id = \"id\"\n";

#[test]
fn binary_files_are_recognized_by_their_first_bytes() {
    let base = Base::new();
    base.write("map.toml", MAP);
    let mut names = ["kunden.xlsx", "shop.ndjson", "table.csv", "file"].into_iter().cycle();
    let tar = [&b"shop.ndjson"[..], &[0; 246], b"ustar\x0000"].concat();
    for (bytes, reason) in [
        (b"PK\x03\x04\x14\x00\x06\x00".to_vec(), "an Excel workbook or a ZIP archive; save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00".to_vec(), "an Excel workbook"),
        (tar.clone(), "a tar archive; unpack it"),
        (gzip(&tar), "a tar archive; unpack it"),
        (zstd::encode_all(&tar[..], 1).expect("it can be packed"), "a tar archive; unpack it"),
        (gzip(b"PK\x03\x04"), "an Excel workbook or a ZIP archive"),
        (b"BZh91AY&SY".to_vec(), "bzip2"),
        (b"\xfd7zXZ\x00\x00".to_vec(), "packed with xz"),
        (b"PAR1\x15\x04".to_vec(), "a Parquet file"),
        (b"%PDF-1.7\n".to_vec(), "a PDF"),
        (b"SQLite format 3\x00".to_vec(), "an SQLite database"),
        (b"\xef\xbb\xbf<html><table><tr><td>id".to_vec(), "a page (HTML or XML)"),
    ] {
        // Regardless of the name.
        let name = names.next().expect("names go round");
        base.write(name, &bytes);
        for arguments in [&["import", name][..], &["import", name, "--map", "map.toml"], &["map", name]] {
            let ran = base.run(arguments);
            assert_eq!((ran.status, &*ran.stdout), (Some(1), ""), "{arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("error: {name} is ")), "{arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(reason), "{arguments:?}, {reason}: {}", ran.stderr);
        }
        assert!(!base.path(&format!("{name}.refused.ndjson")).exists());
    }
    assert_ne!(base.run(&["check"]).status, Some(0), "no database was created");
}

#[test]
fn the_format_of_a_file_is_detected() {
    let plain = messages::generated(10, 3);
    let n = plain.lines().count();
    let table = "id,at\n1,2025-03-01\n";
    let utf16 = |text: &str| -> Vec<u8> {
        let units = format!("\u{feff}{text}");
        units.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let zstandard = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("it can be packed");
    let base = Base::with(&plain);
    base.write("map.toml", MAP);
    let list = format!("\u{feff}[{}]", plain.lines().collect::<Vec<_>>().join(","));
    for (name, bytes) in [
        ("packed", gzip(plain.as_bytes())),
        ("packed.ndjson", gzip(plain.as_bytes())),
        ("packed.ndjson.zst", zstandard(&plain)),
        ("twice.gz", gzip(&gzip(plain.as_bytes()))),
        ("list.json", list.into_bytes()),
        ("powershell.ndjson", utf16(&plain)),
        ("nothing.gz", plain.clone().into_bytes()),
    ] {
        base.write(name, bytes);
        let ran = base.import(name);
        assert_eq!(ran.status, Some(0), "{name}: {}", ran.stderr);
        assert!(ran.counts().contains(&format!("{n} duplicates, 0 refused")), "{name}: {}", ran.counts());
    }
    for (name, bytes) in [
        ("table.csv", table.as_bytes().to_vec()),
        ("table.tsv", table.replace(',', "\t").into_bytes()),
        ("table.txt", table.as_bytes().to_vec()),
        ("table", gzip(table.as_bytes())),
        ("table.csv.zst", zstandard(table)),
        ("unicode.txt", utf16(table)),
        // The name says otherwise, but a map is given.
        ("table.json", table.as_bytes().to_vec()),
    ] {
        base.write(name, bytes);
        let ran = base.run(&["import", name, "--map", "map.toml"]);
        let counts = if name == "table.csv" { "1 messages accepted" } else { "0 messages accepted" };
        assert!(ran.status == Some(0) && ran.counts().starts_with(counts), "{name}: {} {}", ran.counts(), ran.stderr);
        if name != "table.json" {
            let ran = base.import(name);
            assert_eq!(ran.status, Some(1), "{name}: {}", ran.stderr);
            assert!(ran.stderr.contains("is a table: `profile360 map"), "{name}: {}", ran.stderr);
            assert!(!base.path(&format!("{name}.refused.ndjson")).exists());
        }
    }
    // Several files of different formats; an unused map is reported.
    let ran = base.run(&["import", "table.csv", "packed", "--map", "map.toml"]);
    assert!(ran.counts().contains(&format!("{} duplicates, 0 refused", n + 1)), "{} {}", ran.counts(), ran.stderr);
    let ran = base.run(&["import", "packed", "--map", "map.toml"]);
    assert!(ran.status == Some(0) && ran.stderr.contains("the map map.toml is not used"), "{}", ran.stderr);
    let ran = base.run(&["map", "packed"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("holds JSON and no table"), "{}", ran.stderr);
    // An explicit format takes precedence.
    let ran = base.run(&["import", "table.csv", "--format", "ndjson"]);
    assert!(ran.status == Some(3) && ran.counts().contains("2 refused"), "{} {}", ran.counts(), ran.stderr);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("it can be compressed")
}

#[test]
fn complete_lines_of_a_truncated_file_are_accepted() {
    let plain = messages::generated(20, 4);
    let lines: Vec<&str> = plain.lines().collect();
    let (whole, rest) = lines.split_at(lines.len() / 2);
    let cut: String = rest[0].chars().take(40).collect();
    // Some lines are repeated, as by a sender that retries.
    let n_distinct = |lines: &[&str]| lines.iter().collect::<BTreeSet<_>>().len();
    let base = Base::new();
    base.write("cut.ndjson", format!("{}\n{cut}", whole.join("\n")));
    let ran = base.import("cut.ndjson");
    assert_eq!(ran.status, Some(3));
    let refused: Value = serde_json::from_str(&base.read("cut.ndjson.refused.ndjson")).expect("one line of JSON");
    assert_eq!((&refused["line"], &refused["code"]), (&json!(whole.len() + 1), &json!("NOT_JSON")));
    assert!(base.check().starts_with(&format!("{} messages,", n_distinct(whole))));

    // If a compressed file is truncated, everything before the cut is accepted and counted.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(plain.as_bytes()).expect("it can be compressed");
    let gzip = gzip.finish().expect("it can be compressed");
    let base = Base::new();
    base.write("cut.ndjson.gz", &gzip[..gzip.len() * 3 / 4]);
    base.write("whole.ndjson", &plain);
    let ran = base.import("cut.ndjson.gz");
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("error: cut.ndjson.gz cannot be read on after line "), "{}", ran.stderr);
    let n_accepted: usize = ran.counts().split(' ').next().and_then(|it| it.parse().ok()).expect("it is counted");
    assert!(0 < n_accepted && n_accepted < lines.len(), "{}", ran.counts());
    assert!(base.check().starts_with(&format!("{n_accepted} messages,")));
    // The next file is imported all the same.
    let ran = base.run(&["import", "cut.ndjson.gz", "whole.ndjson"]);
    assert_eq!(ran.status, Some(1));
    assert!(base.check().starts_with(&format!("{} messages,", n_distinct(&lines))));
}

#[tokio::test]
async fn repeated_imports_change_nothing() {
    let plain = messages::generated(40, 5);
    let n_lines = plain.lines().count();
    let base = Base::with(&plain);
    let server = base.serve();
    let before = server.everything("2026-01-01").await;
    assert_eq!(server.stop(), Some(0));

    base.write("again.ndjson", messages::shuffled(&plain));
    let ran = base.run(&["import", "again.ndjson", "messages.ndjson"]);
    assert_eq!(ran.status, Some(0));
    let counts = format!(
        "0 messages accepted (0 created, 0 updated, 0 linked, 0 merged, 0 withheld), {} duplicates, 0 refused",
        2 * n_lines
    );
    assert!(ran.counts().starts_with(&counts), "{}", ran.counts());
    base.check();
    let server = base.serve();
    assert_eq!(server.everything("2026-01-01").await, before);
}

#[tokio::test]
async fn an_order_id_used_twice_is_a_correction() {
    let buyer = |n: u32| json!({ "external_id": format!("u{n}") });
    let first = messages::purchase("m1", "2025-03-01T10:00:00+09:00", buyer(1), "o1", "1000");
    let second = messages::purchase("m2", "2025-03-02T10:00:00+09:00", buyer(1), "o1", "700");
    // With equal times the greater message ID is the later one; it belongs to another customer, and the order moves there.
    let third = messages::purchase("m3", "2025-03-02T10:00:00+09:00", buyer(2), "o1", "900");
    let fields = "purchases { window(months: 3) { count amount } lastPurchaseDate }
        timeline(first: 10) { nodes { messageId } }";
    let bought = |count: u32, amount: &str, date: Value, events: &[&str]| {
        json!({
            "purchases": { "window": { "count": count, "amount": amount }, "lastPurchaseDate": date },
            "timeline": { "nodes": events.iter().map(|it| json!({ "messageId": it })).collect::<Vec<_>>() },
        })
    };
    let orders = [[&first, &second, &third], [&third, &second, &first], [&second, &third, &first]];
    for messages in orders {
        let base = Base::new();
        for message in messages {
            base.write("one.ndjson", format!("{message}\n"));
            assert_eq!(base.import("one.ndjson").status, Some(0));
        }
        assert_eq!(base.check(), "3 messages, 2 identifiers, 0 links, 2 profiles, 1 orders");
        let server = base.serve();
        let customers: Vec<Value> = server.customers("2025-04-01", fields).await.into_values().collect();
        assert_eq!(customers.len(), 2);
        assert!(customers.contains(&bought(0, "0", Value::Null, &["m2", "m1"])), "{customers:#?}");
        assert!(customers.contains(&bought(1, "900", json!("2025-03-02"), &["m3"])), "{customers:#?}");
    }
}
