//! CSV and Parquet: imports with a map, and exports.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path, process::Stdio};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row},
};
use profile360_tests::{Base, Deadline, Ran, messages};
use serde_json::{Value, json};

const CUSTOMERS: &str = "\u{feff}회원번호,이름,성별,생년월일,휴대폰,이메일,등급,SMS 수신,가입일,메모\r\n\
    1001,김하나,여,1991.03.14,010-1234-5678,One@Example.com,VIP,Y,2025-03-01 10:00,=1+1\r\n\
    1002,Jo,M,19800101,,,,N,2025/03/02,\r\n\
    ,No ID,M,19800101,,,,N,2025/03/02,\r\n";

const ORDERS: &str = "customer_id;order_no;ordered_at;sku;product;qty;price;category\n\
    1001;o-1;2025-03-01 10:00;p-1;차;2;1,500;식품\n\
    1001;o-1;2025-03-01 10:00;p-2;컵;1;9000원;생활\n";

#[test]
fn csv_is_imported_by_a_map_and_customers_are_exported() {
    let base = Base::new();
    base.write("customers.csv", CUSTOMERS);
    base.write("orders.csv", ORDERS);
    for name in ["customers", "orders"] {
        let Ran { status, stdout, stderr } = base.run(&["map", &format!("{name}.csv")]);
        assert_eq!(status, Some(0), "{stderr}");
        base.write(&format!("{name}.toml"), stdout);
    }
    let import =
        |name: &str| base.run(&["import", &format!("{name}.csv"), "--format", "csv", "--map", &format!("{name}.toml")]);
    let ran = import("customers");
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    assert!(
        ran.counts().starts_with("2 messages accepted (2 created") && ran.counts().contains("1 refused"),
        "{}",
        ran.counts()
    );
    let refused: Value = serde_json::from_str(&base.read("customers.csv.refused.ndjson")).expect("one line of JSON");
    assert_eq!((&refused["line"], &refused["code"]), (&json!(4), &json!("NO_USABLE_IDENTIFIER")));
    assert_eq!(refused["message"], ",No ID,M,19800101,,,,N,2025/03/02,");
    let ran = import("orders");
    assert_eq!(
        (ran.status, ran.counts().starts_with("1 messages accepted (0 created, 1 updated")),
        (Some(0), true),
        "{}",
        ran.counts()
    );
    // An accepted row is a duplicate next time.
    assert!(import("customers").counts().contains("2 duplicates"));
    assert_eq!(base.check(), "3 messages, 4 identifiers, 2 links, 2 profiles, 1 orders");

    let export = |out: &str| {
        let ran = base.run(&["export", "--out", out, "--as-of", "2025-04-01"]);
        assert_eq!((ran.status, &*ran.stdout), (Some(0), "2 customers as of 2025-04-01\n"), "{}", ran.stderr);
    };
    export("out.csv");
    let table = base.read("out.csv");
    let rows: Vec<&str> = table.trim_start_matches('\u{feff}').lines().collect();
    assert!(rows[0].starts_with("unified_id,external_id,customer_card,phone,email,"), "{}", rows[0]);
    let hana = rows.iter().find(|it| it.contains(",1001,")).expect("she is there");
    assert!(hana.contains(",1001,,+821012345678,one@example.com,,,,김하나,FEMALE,1991-03-14,34,30s,VIP,"), "{hana}");
    assert!(hana.contains(",KRW,1,12000,1,12000,1,12000,SATURDAY,10,2025-03-01,2025-03-01,식품,차"), "{hana}");
    assert_eq!(rows.len(), 3);

    export("out.ndjson");
    let whole = base.read("out.ndjson");
    let customers: Vec<Value> = whole.lines().map(|it| serde_json::from_str(it).expect("each line is JSON")).collect();
    let hana = customers.iter().find(|it| it["basic"]["name"] == "김하나").expect("she is there");
    assert_eq!((&hana["asOf"], &hana["purchases"]["windows"][2]["amount"]), (&json!("2025-04-01"), &json!("12000")));
    assert_eq!(hana["identifiers"].as_array().map(Vec::len), Some(3));
    export("out.ndjson.gz");
    let packed = File::open(base.path("out.ndjson.gz")).expect("it is there");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).expect("it is gzip");
    assert_eq!(unpacked, whole);

    base.write("faulty.toml", "type = 1");
    for (arguments, status, reason) in [
        (&["import", "orders.csv", "--format", "csv"][..], 2, "--map"),
        (&["import", "orders.csv"], 1, "profile360 map orders.csv > map.toml"),
        (&["import", "orders.csv", "--format", "csv", "--map", "faulty.toml"], 1, "the map faulty.toml cannot be read"),
        (&["import", "orders.csv", "--format", "csv", "--map", "customers.toml"], 1, "has no column"),
        (&["export", "--out", "out.xlsx"], 1, "does not say what to write"),
        (&["map", "missing.csv"], 1, "cannot be opened"),
    ] {
        let ran = base.run(arguments);
        assert_eq!(ran.status, Some(status), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn encodings_of_spreadsheets_are_detected() {
    let (korean, _, _) = encoding_rs::EUC_KR.encode("회원번호,이름,가입일\r\n1001,똠방각하,2025-03-01\r\n");
    let utf16: Vec<u8> =
        "\u{feff}회원번호,이름,가입일\n1002,펲시,2025-03-01\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    // A row with an invalid encoding fails alone.
    let damaged = [&korean[..], b"1003,\xff\xff,2025-03-01\r\n1004,Jo,2025-03-01\r\n"].concat();
    let base = Base::new();
    for (name, bytes, accepted, refused) in
        [("korean.csv", korean.to_vec(), 1, 0), ("utf16.csv", utf16, 1, 0), ("damaged.csv", damaged, 1, 1)]
    {
        base.write(name, bytes);
        let Ran { status, stdout, stderr } = base.run(&["map", name]);
        assert_eq!(status, Some(0), "{stderr}");
        base.write("map.toml", stdout);
        let ran = base.run(&["import", name, "--format", "csv", "--map", "map.toml"]);
        let counts = ran.counts();
        assert!(counts.starts_with(&format!("{accepted} messages accepted")), "{name}: {counts}");
        assert!(counts.contains(&format!("{refused} refused")), "{name}: {counts} {}", ran.stderr);
    }
    let ran = base.run(&["import", "korean.csv", "--format", "csv", "--map", "map.toml", "--encoding", "utf-16"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("has no column"), "{}", ran.stderr);
    let ran = base.run(&["export", "--out", "out.csv"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let out = base.read("out.csv");
    assert!(["똠방각하", "펲시", "Jo"].iter().all(|it| out.contains(it)), "{out}");
}

/// Customers with everything that a format could lose: leading signs, several values, all types of attributes.
fn many_sided() -> String {
    let hana = json!({ "external_id": "=1+1", "email": ["a@example.com", "b@example.com"], "phone": "010-0000-8001" });
    let duri = json!({ "external_id": "'=u;2", "device_id": ["d1", "d2"] });
    messages::ndjson(&[
        messages::identify(
            "m1",
            "2025-03-01T10:00:00+09:00",
            hana.clone(),
            json!({ "df_name": "-하나-", "df_gender": "NonBinary", "df_birth": "1991-03-14", "df_membership": "＝VIP",
                "df_push_optin": true, "df_sms_ads_optin": false, "points": 1000, "tags": ["a;b", "c"] }),
        ),
        messages::identify("m2", "2025-03-02T10:00:00+09:00", hana, json!({ "tier": "gold" })),
        messages::identify(
            "m3",
            "2025-03-03T10:00:00+09:00",
            duri,
            json!({ "df_name": "'-두리", "df_gender": "Female" }),
        ),
    ])
}

/// The values of each customer, without times and sources.
fn known(export: &str) -> Vec<Value> {
    let mut known: Vec<Value> = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"))
        .map(|customer| {
            let pick = |list: &str, names: [&str; 2]| -> Vec<Value> {
                let items = customer[list].as_array().expect("a list").iter();
                items.map(|item| json!([item[names[0]], item[names[1]]])).collect()
            };
            let mut identifiers = pick("identifiers", ["kind", "value"]);
            identifiers.sort_by_key(Value::to_string);
            json!([
                identifiers,
                pick("attributes", ["name", "value"]),
                pick("consents", ["channel", "granted"]),
                customer["basic"]
            ])
        })
        .collect();
    known.sort_by_key(Value::to_string);
    known
}

#[test]
fn exports_can_be_imported_without_loss() {
    let base = Base::with(&many_sided());
    for out in ["out.csv", "out.ndjson", "out.csv.gz"] {
        let ran = base.run(&["export", "--out", out, "--as-of", "2025-04-01"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    }
    let before = base.read("out.ndjson");
    let bytes = |name: &str| std::fs::read(base.path(name)).expect("it is there");

    let tables = Base::new();
    for name in ["out.csv", "out.csv.gz"] {
        tables.write(name, bytes(name));
        let ran = tables.run(&["map", name]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("type = \"identify\"") && ran.stdout.contains("# \"currency\""), "{}", ran.stdout);
        tables.write("map.toml", &ran.stdout);
        let ran = tables.run(&["import", name, "--map", "map.toml"]);
        let counts = if name == "out.csv" { "2 messages accepted (2 created" } else { "0 messages accepted" };
        assert!(ran.status == Some(0) && ran.counts().starts_with(counts), "{name}: {} {}", ran.counts(), ran.stderr);
        assert!(ran.counts().ends_with("0 refused, 0 warnings"), "{name}: {} {}", ran.counts(), ran.stderr);
    }
    let lines = Base::new();
    lines.write("out.ndjson", &before);
    let ran = lines.import("out.ndjson");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("purchases and events are not in it"), "{}", ran.stderr);
    for again in [&tables, &lines] {
        let ran = again.run(&["export", "--out", "again.ndjson", "--as-of", "2025-04-01"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(known(&again.read("again.ndjson")), known(&before));
    }
    // NDJSON keeps times, sources and unified IDs.
    let of = |text: &str, pointer: &str| -> Vec<Value> {
        text.lines()
            .map(|it| serde_json::from_str::<Value>(it).expect("each line is JSON"))
            .map(|it| it.pointer(pointer).cloned().unwrap_or_default())
            .collect()
    };
    for pointer in ["/unifiedId", "/activity/firstAccessAt", "/attributes/0/observedAt", "/attributes/0/source"] {
        assert_eq!(of(&lines.read("again.ndjson"), pointer), of(&before, pointer), "{pointer}");
    }
}

#[test]
fn equal_databases_export_equal_files() {
    let plain = messages::generated(60, 11);
    let one = Base::with(&plain);
    let other = Base::new();
    other.write("messages.ndjson", messages::shuffled(&plain));
    // In another order and in two parts, so that customers merge in another way.
    let shuffled = other.read("messages.ndjson");
    let (first, second): (Vec<_>, Vec<_>) = shuffled.lines().enumerate().partition(|(n, _)| n % 2 == 0);
    for (name, lines) in [("first.ndjson", first), ("second.ndjson", second)] {
        let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        other.write(name, text);
        assert_eq!(other.import(name).status, Some(0));
    }
    for ending in ["ndjson", "csv", "parquet"] {
        let out = format!("out.{ending}");
        for base in [&one, &other] {
            let ran = base.run(&["export", "--out", &out, "--as-of", "2020-01-01"]);
            assert_eq!(ran.status, Some(0), "{}", ran.stderr);
            assert!(ran.stderr.contains("were seen first on 2020-01-01 or later"), "{}", ran.stderr);
        }
        let bytes = |base: &Base| std::fs::read(base.path(&out)).expect("it is there");
        assert!(bytes(&one) == bytes(&other), "{ending}");
    }
    let ids: Vec<String> =
        one.read("out.csv").lines().skip(1).map(|it| it.split(',').next().unwrap_or_default().to_owned()).collect();
    assert!(ids.is_sorted() && 30 < ids.len(), "sorted by unified ID");
}

#[test]
fn numbers_of_tables_are_numbers() {
    let base = Base::new();
    base.write("points.csv", "id,points,at\n1,900,2025-06-01\n1,\"1,000\",2025-06-02\n2,\"12,50\",2025-06-02\n");
    base.write(
        "map.toml",
        "type = \"identify\"\nsource = \"crm\"\ntimestamp = { column = \"at\", type = \"time\" }\n[identifiers]\n\
         external_id = \"id\"\n[attributes]\npoints = { column = \"points\", type = \"number\" }\n",
    );
    let ran = base.run(&["import", "points.csv", "--map", "map.toml"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("points.csv:4: warning ATTRIBUTE_VALUE at attributes.points: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("12,50"), "the contents of a cell are not printed: {}", ran.stderr);
    let ran = base.run(&["export", "--out", "out.ndjson"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let out = base.read("out.ndjson");
    assert!(out.contains("\"value\":1000,") && !out.contains("\"12,50\""), "{out}");
}

#[test]
fn a_bad_row_is_reported_by_its_line() {
    let map = "type = \"identify\"\nsource = \"crm\"\ntimestamp = { column = \"at\", type = \"time\" }\n[identifiers]\n\
        external_id = \"id\"\n";
    for end in ["\n", "\r\n"] {
        let base = Base::new();
        base.write("map.toml", map);
        let table =
            ["id,note,at", "1,\"two", "lines\",2025-06-01", "2,x,2025-06-01", "3,\"y\",soon", "4,z,2025-06-01", ""];
        base.write("table.csv", table.join(end));
        let ran = base.run(&["import", "table.csv", "--map", "map.toml"]);
        assert!(ran.stderr.contains("table.csv:5: TIMESTAMP_MALFORMED"), "{end:?}: {}", ran.stderr);
        assert!(ran.counts().starts_with("3 messages accepted"), "{}", ran.counts());
    }
}

/// The rows of a Parquet file by column name.
fn rows(path: &Path) -> Vec<BTreeMap<String, Field>> {
    let file = File::open(path).expect("it is there");
    let reader = SerializedFileReader::new(file).expect("it is a Parquet file");
    let rows = reader.get_row_iter(None).expect("it has rows");
    let fields = |it: Row| it.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect();
    rows.map(|it| fields(it.expect("it can be read"))).collect()
}

#[test]
fn parquet_exports_have_typed_columns() {
    let who = json!({ "external_id": "u1", "email": ["a@example.com", "b@example.com"] });
    let known = json!({ "df_name": "하나", "df_birth": "1991-03-14", "tier": 7 });
    let base = Base::with(&messages::ndjson(&[
        messages::identify("m1", "2025-03-01T10:00:00.123456Z", who.clone(), known),
        messages::purchase("m2", "2025-03-02T10:00:00+09:00", who, "o1", "12900.123456789"),
        messages::identify("m3", "2025-03-01T10:00:00Z", json!({ "device_id": "d1" }), json!({})),
    ]));
    let ran = base.run(&["export", "--out", "out.parquet", "--as-of", "2025-04-01"]);
    assert_eq!((ran.status, &*ran.stdout), (Some(0), "2 customers as of 2025-04-01\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("were rounded"), "rounding is reported: {}", ran.stderr);
    let rows = rows(&base.path("out.parquet"));
    let (hana, device): (Vec<_>, Vec<_>) = rows.iter().partition(|it| it["name"] == Field::Str("하나".to_owned()));
    let ([hana], [device]) = (&hana[..], &device[..]) else { panic!("{rows:?}") };
    let texts = |field: &Field| match field {
        Field::ListInternal(list) => list.elements().iter().map(ToString::to_string).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    assert_eq!(texts(&hana["email"]), ["\"a@example.com\"", "\"b@example.com\""]);
    assert_eq!((texts(&hana["phone"]), texts(&device["device_id"])), (vec![], vec!["\"d1\"".to_owned()]));
    assert_eq!(hana["birth_date"], Field::Date(7_742));
    assert_eq!(hana["first_access_at"], Field::TimestampMicros(1_740_823_200_123_456));
    assert_eq!((&hana["age"], &hana["purchase_count_3m"]), (&Field::Long(34), &Field::Long(1)));
    assert_eq!(hana["purchase_amount_3m"].to_string(), "12900.123457");
    let attributes = Field::Str(json!({ "df_birth": "1991-03-14", "df_name": "하나", "tier": 7 }).to_string());
    assert_eq!(hana["attributes"], attributes);
    let nothing = ["name", "birth_date", "age", "peak_hour", "first_purchase_date"];
    assert!(nothing.iter().all(|it| device[*it] == Field::Null), "{device:?}");
}

#[test]
fn an_interrupted_export_is_resumed() {
    let base = Base::with(&messages::generated(120, 7));
    let export = |out: &str| base.command(&["export", "--out", out, "--as-of", "2026-01-01", "--chunk", "3"]);
    for ending in ["ndjson", "csv", "csv.gz", "parquet"] {
        let (whole, cut) = (format!("whole.{ending}"), format!("cut.{ending}"));
        let ran = Ran::of(&mut export(&whole));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        // Killed after the first of about forty chunks.
        let state = base.path(&format!("{cut}.part.json"));
        let mut running = export(&cut).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be started");
        let deadline = Deadline::new("the first part of the export");
        while !state.exists() {
            assert!(running.try_wait().expect("it runs").is_none(), "it ended before it could be killed");
            if deadline.is_over() {
                running.kill().expect("it runs");
            }
            deadline.check(&cut);
            std::thread::yield_now();
        }
        running.kill().and_then(|()| running.wait()).expect("it runs");
        assert!(!base.path(&cut).exists(), "an incomplete file does not have the final name");

        // Other options cannot resume this export.
        let format = if ending == "ndjson" { "csv" } else { "ndjson" };
        for other in [["--as-of", "2026-01-02"], ["--format", format]] {
            let ran = base.run(&[&["export", "--out", &cut, "--resume"], &other[..]].concat());
            assert_eq!(ran.status, Some(1), "{}", ran.stderr);
            assert!(ran.stderr.contains("without --resume"), "{}", ran.stderr);
        }
        let ran = base.run(&["export", "--out", &cut, "--chunk", "3", "--resume"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("going on after") && !ran.stderr.contains("after 0 "), "{}", ran.stderr);
        let bytes = |name: &str| std::fs::read(base.path(name)).expect("it is there");
        assert!(bytes(&whole) == bytes(&cut), "{ending}: an export that went on is the one that was never cut");
        assert!(!state.exists() && !base.path(&format!("{cut}.part")).exists());
    }
    assert_eq!(rows(&base.path("cut.parquet")).len(), base.read("cut.ndjson").lines().count());
    // Without an interrupted export it starts one.
    let ran = base.run(&["export", "--out", "cut.ndjson", "--as-of", "2026-01-01", "--resume"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(base.read("cut.ndjson"), base.read("whole.ndjson"));
}
