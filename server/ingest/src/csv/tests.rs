use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::{
    America::{Sao_Paulo, St_Johns as Newfoundland},
    Asia::Seoul,
    Pacific::Apia,
};
use profile360_core::policy::{compiled::CompiledPolicy, document::Policy};
use serde_json::{Value, json};

use super::{
    ColumnMapping, Enricher, Table,
    cell::{self, Decimal},
    infer,
};

#[test]
fn an_order_by_date_is_a_day() {
    let map = "type = \"event\"\nsource = \"shop\"\nevent = { value = \"df_purchase\" }\ntimestamp = { column = \"at\", type = \"time\" }\n\
        [identifiers]\nexternal_id = \"id\"\n[properties]\ndf_total_purchase_amount = \"paid\"\n";
    let messages = read("id,at,paid\n1,2025-03-01,5\n1,2025-03-01 00:00,5\n", map);
    let times: Vec<&Value> = messages.iter().map(|it| &it["timestamp"]).collect();
    assert_eq!(times, ["2025-03-01+09:00", "2025-03-01T00:00:00+09:00"]);
}

const CUSTOMERS: &str = "\u{feff}회원번호,이름,성별,생년월일,휴대폰,이메일,등급,SMS 수신,가입일,메모\r\n\
    1001,김하나,여,1991.03.14,010-1234-5678,One@Example.com,VIP,Y,2025-03-01 10:00,\"하나, 둘\"\r\n\
    1002,Jo,M,19800101,,,,N,2025/03/02,\r\n";

const ORDERS: &str = "customer_id;order_no;ordered_at;sku;product;qty;price;category\n\
    1001;o-1;2025-03-01T10:00:00Z;p-1;Tea;2;1,500;Food\n\
    1001;o-1;2025-03-01T10:00:00Z;p-2;Cup;1;9000원;Home\n\
    1002;o-2;2025-03-02 10:00;p-1;Tea;1;1500;Food\n";

fn now() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().expect("it is a time")
}

/// The accepted messages of a table, line and code of the refused ones, and how it ended.
fn read(table: &str, map: &str) -> Vec<Value> {
    read_and_warned(table, map).0
}

/// As [`read`], and each warning: its line, code and path.
fn read_and_warned(table: &str, map: &str) -> (Vec<Value>, Vec<Value>) {
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let map = ColumnMapping::parse(map).expect("it is a map");
    let mut table = Table::new(table.as_bytes(), Arc::new(map), Enricher::plain()).expect("it has the columns");
    let (mut messages, mut warnings) = (Vec::new(), Vec::new());
    loop {
        match table.next(&policy) {
            Ok(Some(item)) => messages.push(match item.parsed {
                Ok(accepted) => {
                    warnings.extend(accepted.warnings.iter().map(|it| json!([item.number, it.code, it.path])));
                    let mut message: Value = serde_json::from_str(&accepted.payload).expect("it is JSON");
                    if message["message_id"].as_str().is_some_and(|it| it.starts_with("made-")) {
                        message.as_object_mut().expect("an object").remove("message_id");
                    }
                    message
                }
                Err(refusal) => json!([item.number, refusal.code.as_str(), item.text]),
            }),
            Ok(None) => return (messages, warnings),
            Err(error) => {
                messages.push(json!(error.to_string()));
                return (messages, warnings);
            }
        }
    }
}

#[test]
fn a_proposed_mapping_reads_its_table() {
    let map = infer(CUSTOMERS.as_bytes(), "customers.csv", now()).expect("there are identifiers");
    assert_eq!(
        read(CUSTOMERS, &map),
        [
            json!({ "type": "identify", "source": "csv", "timestamp": "2025-03-01T10:00:00+09:00",
            "identifiers": { "external_id": "1001", "phone": "010-1234-5678", "email": "One@Example.com" },
            "attributes": { "df_name": "김하나", "df_gender": "Female", "df_birth": "1991-03-14", "df_membership": "VIP",
                "df_sms_ads_optin": true, "메모": "하나, 둘" } }),
            json!({ "type": "identify", "source": "csv", "timestamp": "2025-03-02T00:00:00+09:00",
            "identifiers": { "external_id": "1002" },
            "attributes": { "df_name": "Jo", "df_gender": "Male", "df_birth": "1980-01-01", "df_sms_ads_optin": false } }),
        ]
    );
    let map = infer(ORDERS.as_bytes(), "orders.csv", now()).expect("there are identifiers");
    let item = |id: &str, name: &str, price: &str, quantity: &str, category: &str| json!({ "df_item_id": id, "df_item_name": name, "df_price": price, "df_quantity": quantity, "df_category1": category });
    assert_eq!(
        read(ORDERS, &map),
        [
            json!({ "type": "event", "event": "df_purchase", "source": "csv", "timestamp": "2025-03-01T10:00:00Z",
            "identifiers": { "external_id": "1001" }, "properties": { "df_order_id": "o-1",
                "df_items": [item("p-1", "Tea", "1500", "2", "Food"), item("p-2", "Cup", "9000", "1", "Home")] } }),
            json!({ "type": "event", "event": "df_purchase", "source": "csv", "timestamp": "2025-03-02T10:00:00+09:00",
            "identifiers": { "external_id": "1002" }, "properties": { "df_order_id": "o-2", "df_items": [item("p-1", "Tea", "1500", "1", "Food")] } }),
        ]
    );
    // Columns with unknown names are recognized by their values.
    let map =
        infer("a,b,c\n010-1234-5678,x@example.com,blue\n".as_bytes(), "t.csv", now()).expect("there are identifiers");
    assert!(
        map.contains("phone = \"a\"")
            && map.contains("email = \"b\"")
            && map.contains("timestamp = { value = \"2026-01-01T00:00:00Z\" }"),
        "{map}"
    );
    assert!(infer("color,size\nblue,1\n".as_bytes(), "t.csv", now()).is_err());
}

#[test]
fn a_bad_row_does_not_affect_the_others() {
    const MAP: &str = "type = \"identify\"\nsource = \"crm\"\ntimestamp = { column = \"at\", format = \"%d.%m.%Y\" }\n\
        message_id = \"key\"\n[identifiers]\nexternal_id = [\"id\", \"other\"]\n";
    let table = "key,id,other,at\nk1,1,2,31.12.2024\nk2,1\nk3,,,31.12.2024\nk4,4,,soon\nk5,5,,01.01.2025\n";
    let accepted = |key: &str, ids: Value, at: &str| json!({ "message_id": key, "type": "identify", "source": "crm", "timestamp": at, "identifiers": { "external_id": ids } });
    assert_eq!(
        read(table, MAP),
        [
            accepted("k1", json!(["1", "2"]), "2024-12-31T00:00:00+09:00"),
            json!([3, "WRONG_TYPE", null]),
            json!([4, "NO_USABLE_IDENTIFIER", "k3,,,31.12.2024\n"]),
            json!([5, "TIMESTAMP_MALFORMED", "k4,4,,soon\n"]),
            accepted("k5", json!(["5"]), "2025-01-01T00:00:00+09:00"),
        ]
    );
    // An unclosed quote does not turn the rest of the file into one row.
    let open =
        format!("key,id,other,at\nk1,1,,31.12.2024\nk2,\"1,,31.12.2024\n{}", "k3,3,,31.12.2024\n".repeat(200_000));
    let messages = read(&open, MAP);
    assert_eq!(messages.len(), 2);
    assert!(messages[1].as_str().is_some_and(|it| it.contains("never closed")), "{messages:?}");

    for (map, reason) in [
        ("type = \"identify\"", "missing field"),
        (&MAP.replace("\"key\"", "\"nothing\""), "no column \"nothing\""),
        (&MAP.replace("type =", "typo = \"\"\ntype ="), "unknown field"),
    ] {
        let error = match ColumnMapping::parse(map)
            .and_then(|map| Table::new(table.as_bytes(), Arc::new(map), Enricher::plain()).map(drop))
        {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_number_has_separators_in_front_of_groups_of_three_only() {
    // As it is parsed with a decimal point, and with a decimal comma.
    for (text, point, comma) in [
        ("12,900원", Some("12900"), Some("12.900")),
        ("$ 12.50", Some("12.50"), None),
        ("US$1,234.50", Some("1234.50"), None),
        ("₩1,000", Some("1000"), Some("1.000")),
        ("\\1,000", Some("1000"), Some("1.000")),
        ("1,000점", Some("1000"), Some("1.000")),
        ("-3", Some("-3"), Some("-3")),
        ("3-", Some("-3"), Some("-3")),
        ("△1,200", Some("-1200"), Some("-1.200")),
        ("(1,200)", Some("-1200"), Some("-1.200")),
        ("-₩1,000", Some("-1000"), Some("-1.000")),
        ("₩-1,000", Some("-1000"), Some("-1.000")),
        ("＋１，２３４．５", Some("1234.5"), None),
        ("12,50", None, Some("12.50")),
        ("12,5", None, Some("12.5")),
        ("1.234,50", None, Some("1234.50")),
        ("1 234,5", None, Some("1234.5")),
        ("1 234.5", Some("1234.5"), None),
        ("1\u{a0}234\u{202f}567", Some("1234567"), Some("1234567")),
        ("1'234.50", Some("1234.50"), None),
        ("1.234.567,8", None, Some("1234567.8")),
        ("1,234,567.8", Some("1234567.8"), None),
        ("0,123", None, Some("0.123")),
        ("1234,567", None, Some("1234.567")),
        ("1,23,456", None, None),
        ("1,234 567", None, None),
        ("1 2", None, None),
        ("007", Some("7"), Some("7")),
        (".5", Some("0.5"), None),
        ("5.", None, None),
        ("1.5E+3", Some("1.5E+3"), None),
        ("123456789012345678901234567890.5", Some("123456789012345678901234567890.5"), None),
        ("a lot", None, None),
        ("원", None, None),
        ("--3", None, None),
        ("", None, None),
    ] {
        assert_eq!(cell::number(text, Decimal::Point).as_deref(), point, "{text}");
        assert_eq!(cell::number(text, Decimal::Comma).as_deref(), comma, "{text}, with a comma");
    }
}

#[test]
fn cells_are_read_as_people_write_them() {
    for (text, truth) in [
        ("Y", Some(true)),
        ("동의", Some(true)),
        ("1", Some(true)),
        ("거부", Some(false)),
        ("No", Some(false)),
        ("maybe", None),
    ] {
        assert_eq!(cell::boolean(text), truth, "{text}");
    }
    for (text, format, at) in [
        ("2025-03-01T10:00:00Z", None, Some("2025-03-01T10:00:00Z")),
        ("2025-03-01 10:00:00", None, Some("2025-03-01T10:00:00+09:00")),
        ("2025.3.1 9:05", None, Some("2025-03-01T09:05:00+09:00")),
        ("20250301", None, Some("2025-03-01T00:00:00+09:00")),
        ("20250301093005", None, Some("2025-03-01T09:30:05+09:00")),
        ("202503010930", None, Some("2025-03-01T09:30:00+09:00")),
        ("20250301T093005Z", None, Some("2025-03-01T09:30:05+00:00")),
        ("2025. 3. 1.", None, Some("2025-03-01T00:00:00+09:00")),
        ("2025. 3. 1. (토) 오후 3:05", None, Some("2025-03-01T15:05:00+09:00")),
        ("2025년 3월 1일", None, Some("2025-03-01T00:00:00+09:00")),
        ("2025년3월1일 토요일 15시 5분 7초", None, Some("2025-03-01T15:05:07+09:00")),
        ("2025年3月1日 午後3:05", None, Some("2025-03-01T15:05:00+09:00")),
        ("２０２５／０３／０１", None, Some("2025-03-01T00:00:00+09:00")),
        ("2025-03-01 오후 3:05:00", None, Some("2025-03-01T15:05:00+09:00")),
        ("2025-03-01 오전 12:30:00", None, Some("2025-03-01T00:30:00+09:00")),
        ("2025-03-01 오후 12:30", None, Some("2025-03-01T12:30:00+09:00")),
        ("2025-03-01 오후 3시", None, Some("2025-03-01T15:00:00+09:00")),
        ("2025-03-01 3:05:00 PM", None, Some("2025-03-01T15:05:00+09:00")),
        ("2025-03-01 12:00 a.m.", None, Some("2025-03-01T00:00:00+09:00")),
        ("2025-03-01 3 pm", None, Some("2025-03-01T15:00:00+09:00")),
        ("2025-03-01 오후 15:05", None, Some("2025-03-01T15:05:00+09:00")),
        ("2025-03-01 오전 15:05", None, None),
        ("2025-03-01 10:00:00 +0900", None, Some("2025-03-01T10:00:00+09:00")),
        ("2025-03-01 10:00:00 -0800", None, Some("2025-03-01T10:00:00-08:00")),
        ("2025-03-01  10:00:00.123 +05:30", None, Some("2025-03-01T10:00:00.123+05:30")),
        ("2025-03-01T10:00:00+0900", None, Some("2025-03-01T10:00:00+09:00")),
        ("2025-03-01 10:00:00 UTC", None, Some("2025-03-01T10:00:00+00:00")),
        ("2025-03-01 10:00 GMT+9", None, Some("2025-03-01T10:00:00+09:00")),
        ("2025-03-01 10:00 KST", None, Some("2025-03-01T10:00:00+09:00")),
        ("2025-03-01 10:00 Europe/Berlin", None, Some("2025-03-01T10:00:00+01:00")),
        ("2025-03-01T10:00+01:00[Europe/Berlin]", None, Some("2025-03-01T10:00:00+01:00")),
        // An ambiguous abbreviation.
        ("2025-03-01 10:00 CST", None, None),
        ("2025-03-01 10:00 +9900", None, None),
        ("Mar 1, 2025, 3:05:00 PM", None, Some("2025-03-01T15:05:00+09:00")),
        ("1 March 2025", None, Some("2025-03-01T00:00:00+09:00")),
        ("01-Mar-2025 10:00", None, Some("2025-03-01T10:00:00+09:00")),
        ("Sat Mar 01 2025 10:00:00 GMT+0900 (Korean Standard Time)", None, Some("2025-03-01T10:00:00+09:00")),
        ("Sat, 01 Mar 2025 10:00:00 GMT", None, Some("2025-03-01T10:00:00+00:00")),
        ("01/03/2025 10:00 +0100", Some("%d/%m/%Y %H:%M %z"), Some("2025-03-01T10:00:00+01:00")),
        ("01/03/2025 10:00", Some("%d/%m/%Y %H:%M"), Some("2025-03-01T10:00:00+09:00")),
        ("1740823200", Some("%s"), Some("2025-03-01T10:00:00+00:00")),
        ("2025/03/01 10.00Z", Some("%Y/%m/%d %H.%MZ"), Some("2025-03-01T10:00:00+00:00")),
        ("91-03-14", Some("%y-%m-%d"), Some("1991-03-14T00:00:00+09:00")),
        // Neither years of two digits nor ambiguous months are guessed.
        ("91-03-14", None, None),
        ("91.3.14", None, None),
        ("0091-03-14", None, None),
        ("8/2/06", None, None),
        ("8/2/06", Some("%m/%d/%Y"), None),
        ("01/03/2025", None, None),
        ("1 Mar 91", None, None),
        ("2025-03", None, None),
        ("2025-02-30", None, None),
        ("2025-03-01 25:00", None, None),
        ("2025-03-01 soon", None, None),
        ("2025-03/01", None, None),
        ("soon", None, None),
        ("", None, None),
    ] {
        assert_eq!(cell::time(text, format, Seoul).as_deref(), at, "{text}");
    }
    for (text, format, zone, day) in [
        ("2025-03-01", None, Seoul, Some("2025-03-01+09:00")),
        ("01.03.2025", Some("%d.%m.%Y"), Newfoundland, Some("2025-03-01-03:30")),
        ("01.07.2025", Some("%d.%m.%Y"), Newfoundland, Some("2025-07-01-02:30")),
        ("2025-03-01 00:00", None, Seoul, None),
        ("2025-03-01T00:00:00Z", None, Seoul, None),
        ("01.03.2025 00:00", Some("%d.%m.%Y %H:%M"), Seoul, None),
        // A day without its first hour.
        ("2018-11-04", None, Sao_Paulo, Some("2018-11-04-03:00")),
        ("2025년 3월 1일", None, Seoul, Some("2025-03-01+09:00")),
        ("soon", None, Seoul, None),
    ] {
        assert_eq!(cell::day_alone(text, format, zone).as_deref(), day, "{text}");
    }
}

#[test]
fn a_day_begins_when_its_zone_begins_it() {
    for (text, zone, at) in [
        // The clocks went from midnight to one.
        ("2018-11-04", Sao_Paulo, "2018-11-04T01:00:00-02:00"),
        ("2018-11-04 00:00:00", Sao_Paulo, "2018-11-04T01:00:00-02:00"),
        ("2018-11-04 00:30", Sao_Paulo, "2018-11-04T01:30:00-02:00"),
        // And back from midnight to eleven the day before.
        ("2018-02-18", Sao_Paulo, "2018-02-18T00:00:00-03:00"),
        // A day that the zone skipped.
        ("2011-12-30", Apia, "2011-12-31T00:00:00+14:00"),
    ] {
        assert_eq!(cell::time(text, None, zone).as_deref(), Some(at), "{text}");
    }
    // The zone of days turns an instant into a day; a time without an offset keeps its date.
    for (text, day) in [
        ("1991-03-13T15:00:00Z", Some("1991-03-14")),
        ("1991-03-13T14:59:59Z", Some("1991-03-13")),
        ("1991-03-14 00:00:00", Some("1991-03-14")),
        ("1991-03-14 23:59", Some("1991-03-14")),
        ("1991. 3. 14.", Some("1991-03-14")),
        ("91-03-14", None),
        ("1991-03-14 soon", None),
    ] {
        assert_eq!(cell::date(text, None, Seoul).map(|it| it.to_string()).as_deref(), day, "{text}");
    }
}

const POINTS: &str = "type = \"identify\"\nsource = \"crm\"\ntimestamp = { value = \"2025-03-01T00:00:00Z\" }\n\
    [identifiers]\nexternal_id = \"id\"\n[attributes]\n";

#[test]
fn an_attribute_has_the_type_of_its_column() {
    let map = format!(
        "{POINTS}points = {{ column = \"points\", type = \"number\" }}\nsince = {{ column = \"since\", type = \"date\" }}\n\
         vip = {{ column = \"vip\", type = \"boolean\" }}\ndf_birth = {{ column = \"since\", type = \"date\" }}\n"
    );
    let table =
        "id,points,since,vip\n1,\"1,000\",1991.3.14,Y\n2,12.50,1990-12-31T15:00:00Z,no\n3,\"12,5\",91-03-14,maybe\n";
    let (messages, warnings) = read_and_warned(table, &map);
    let attributes: Vec<&Value> = messages.iter().map(|it| &it["attributes"]).collect();
    assert_eq!(
        attributes,
        [
            &json!({ "points": 1000, "since": "1991-03-14", "vip": true, "df_birth": "1991-03-14" }),
            &json!({ "points": 12.5, "since": "1991-01-01", "vip": false, "df_birth": "1991-01-01" }),
            &Value::Null,
        ]
    );
    let warned = |name: &str| json!([4, "ATTRIBUTE_VALUE", format!("attributes.{name}")]);
    assert_eq!(warnings, ["df_birth", "points", "since", "vip"].map(warned));
    // A decimal comma of the table or of the column.
    for map in [
        format!("decimal = \",\"\n{POINTS}points = {{ column = \"points\", type = \"number\" }}\n"),
        format!("{POINTS}points = {{ column = \"points\", type = \"number\", decimal = \",\" }}\n"),
    ] {
        let messages = read("id;points\n1;1.234,5\n", &map);
        assert_eq!(messages[0]["attributes"], json!({ "points": 1234.5 }), "{map}");
    }
}

#[test]
fn every_column_is_reached_by_a_name() {
    let map =
        format!("{POINTS}first = \"이름\"\nsecond = \"이름#2\"\nthird = \"이름#4\"\nown = \"이름#3\"\nnone = \"#6\"\n");
    let messages = read("id,이름,이름,이름#3,이름,\n1,a,b,c,d,e\n", &map);
    assert_eq!(
        messages[0]["attributes"],
        json!({ "first": "a", "second": "b", "third": "d", "own": "c", "none": "e" })
    );

    let proposed =
        infer("회원번호,이름,이름,가입일,수정일,\n1,a,b,2025-03-01,2025-03-02,x\n".as_bytes(), "t.csv", now())
            .expect("there are identifiers");
    for line in [
        "it is reached as \"이름#2\"",
        "it is reached as \"#6\"",
        "df_name = \"이름\"",
        "# \"이름#2\"",
        "# \"수정일\"",
        "\"#6\" = \"#6\"",
    ] {
        // A second column with the same meaning stays an unknown one.
        let is_there =
            proposed.contains(line) || (line == "# \"이름#2\"" && proposed.contains("\"이름#2\" = \"이름#2\""));
        assert!(is_there, "{line}: {proposed}");
    }
}

#[test]
fn delimiters_are_found_outside_of_quotes() {
    let map = format!("{POINTS}note = \"note, a; b\"\n");
    for table in [
        "id,\"note, a; b\"\n1,x\n",
        "id;\"note, a; b\"\n1;x\n",
        "id\t\"note, a; b\"\n1\tx\n",
        "id|\"note, a; b\"\n1|x\n",
        "sep=;\nid;\"note, a; b\"\n1;x\n",
        "\u{feff}sep=\t\r\nid\t\"note, a; b\"\r\n1\tx\r\n",
        "\"SEP=|\"\nid|\"note, a; b\"\n1|x\n",
    ] {
        assert_eq!(read(table, &map)[0]["attributes"], json!({ "note": "x" }), "{table}");
        let proposed = infer(table.as_bytes(), "t.csv", now()).expect("there are identifiers");
        assert_eq!(read(table, &proposed)[0]["attributes"], json!({ "note, a; b": "x" }), "{table}: {proposed}");
    }
    // Lines in front of the header count.
    let messages = read("a title\nsep=;\nid;at\n1;x\n;y\n", &format!("skip = 1\n{POINTS}at = \"at\"\n"));
    assert_eq!((&messages[0]["attributes"]["at"], &messages[1][0]), (&json!("x"), &json!(5)));
}

const LINES: &str = "type = \"event\"\nevent = { value = \"df_purchase\" }\nsource = \"shop\"\ngroup = \"order\"\n\
    timestamp = { value = \"2025-03-01T00:00:00Z\" }\n[identifiers]\nexternal_id = \"id\"\n[properties]\ndf_order_id = \"order\"\n\
    [items]\ndf_item_id = \"sku\"\ndf_price = { column = \"price\", type = \"number\" }\n";

#[test]
fn an_order_has_as_many_rows_as_a_message_has_room_for() {
    let lines = |order: &str, n: usize| -> String { (0..n).map(|it| format!("1,{order},s{it},10\n")).collect() };
    let table = format!("id,order,sku,price\n{}{}", lines("o-1", 1_001), lines("o-2", 1));
    let messages = read(&table, LINES);
    let n_items: Vec<usize> =
        messages.iter().map(|it| it["properties"]["df_items"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(n_items, [1_001, 1]);
    // A larger one is refused as a whole, once, and does not affect the next.
    let table = format!("id,order,sku,price\n{}{}", lines("o-1", 20_000), lines("o-2", 1));
    let messages = read(&table, LINES);
    assert_eq!(
        (messages.len(), &messages[0][1], messages[1]["properties"]["df_order_id"].as_str()),
        (2, &json!("TOO_LARGE"), Some("o-2"))
    );
    // Rows without an order are not grouped.
    assert_eq!(read("id,order,sku,price\n1,,a,10\n1,,b,10\n", LINES).len(), 2);
}

#[test]
fn faults_of_an_order_are_reported() {
    let (messages, warnings) = read_and_warned("id,order,sku,price\n1,o-1,a,10\n1,o-2,b,10\n1,o-1,c,10\n", LINES);
    assert_eq!(messages.len(), 3);
    assert_eq!(warnings, [json!([4, "ROWS_APART", "properties.df_items"])]);
    let (_, warnings) = read_and_warned("id,order,sku,price\n1,o-1,a,\n1,o-2,b,0\n", LINES);
    assert_eq!(warnings, [json!([2, "AMOUNT_MISSING", "properties.df_total_purchase_amount"])]);
    // A cell that is not a number refuses only its own order.
    let messages = read("id,order,sku,price\n1,o-1,a,\"12,50\"\n1,o-2,b,\"1,250\"\n", LINES);
    assert_eq!(
        (&messages[0][1], &messages[1]["properties"]["df_items"][0]["df_price"]),
        (&json!("AMOUNT_MALFORMED"), &json!("1250"))
    );
}

#[test]
fn rows_that_are_no_purchase_are_left_out() {
    let map = format!("{LINES}[leave_out]\nstatus = [\"canceled\"]\ngone = [\"*\"]\n");
    let messages = read(
        "id,order,sku,price,status,gone\n1,o-1,a,10,Canceled,\n1,o-1,b,10,,\n1,o-2,a,10,paid,\n1,o-2,b,10,canceled,\n1,o-3,a,10,paid,2025\n",
        &map,
    );
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["properties"]["df_order_id"], "o-2");
    assert_eq!(messages[0]["properties"]["df_items"], json!([{ "df_item_id": "a", "df_price": "10" }]));
}

#[test]
fn a_proposal_reads_what_its_columns_show() {
    let proposed = |table: &str| infer(table.as_bytes(), "t.csv", now()).expect("there are identifiers");
    // One column with decimal commas decides for all columns that do not contradict it.
    let table = "Order No;Email;Order Date;Item Name;Item Qty;Item Price;Order Total\n1;a@example.com;31.12.2024;Tea;2;1.234;12,50\n";
    let messages = read(table, &proposed(table));
    assert_eq!(messages[0]["timestamp"], "2024-12-31+09:00");
    assert_eq!(messages[0]["properties"]["df_total_purchase_amount"], "12.50");
    assert_eq!(
        messages[0]["properties"]["df_items"],
        json!([{ "df_item_name": "Tea", "df_quantity": "2", "df_price": "1234" }])
    );
    // An ambiguous date is not guessed.
    let map = proposed("id,email,birthday,points,zip\n1,a@example.com,01/02/1990,1200,04524\n");
    assert!(map.contains("# \"birthday\" can be %d/%m/%Y or %m/%d/%Y"), "{map}");
    assert!(
        map.contains("\"points\" = { column = \"points\", type = \"number\" }") && map.contains("\"zip\" = \"zip\"\n"),
        "{map}"
    );
    let map = proposed("id,email,birthday\n1,a@example.com,01/02/1990\n2,b@example.com,31/12/1991\n");
    assert!(map.contains("format = \"%d/%m/%Y\""), "{map}");
    // Names in two parts, and translations of genders and currencies.
    let table =
        "Customer ID,First name,Last name,Sex,Signup date\n1,Jo,Han,FEMALE,2025-03-01\n2,하나,김,남,2025-03-01\n";
    let messages = read(table, &proposed(table));
    assert_eq!(messages[0]["attributes"], json!({ "df_name": "Jo Han", "df_gender": "Female" }));
    assert_eq!(messages[1]["attributes"], json!({ "df_name": "김하나", "df_gender": "Male" }));
    let table = "회원번호,주문번호,주문일시,결제금액,통화\n1,o-1,2025-03-01,1000,원\n";
    assert_eq!(read(table, &proposed(table))[0]["properties"]["df_currency"], "KRW");
    // The proposal says that an order has no amount.
    let map = proposed("Order ID,Email,Net\n1,a@example.com,25\n");
    assert!(map.contains("No column looks like an amount"), "{map}");
    for (table, reason) in [("", "is empty"), ("\n\n", "is empty"), ("color,size\nblue,1\n", "no column")] {
        let error = infer(table.as_bytes(), "t.csv", now()).expect_err("nothing is proposed").to_string();
        assert!(error.contains(reason), "{error}");
    }
}

/// The messages of a shop's export by the proposal for it: time, identifiers, attributes and properties of each.
fn read_of_shop(table: &str, source: &str) -> Vec<Value> {
    let map = infer(table.as_bytes(), "export.csv", now()).expect("there are identifiers");
    assert!(map.contains(&format!("source = \"{source}\"")), "{map}");
    // Every column is in the proposal.
    let header = table.lines().find(|it| it.matches(',').count() > 1).expect("there is a header");
    for column in header.split(',') {
        assert!(map.contains(&format!("\"{column}\"")), "{column}: {map}");
    }
    let (messages, _) = read_and_warned(table, &map);
    messages.iter().map(|it| json!([it["timestamp"], it["identifiers"], it["attributes"], it["properties"]])).collect()
}

#[test]
fn exports_of_shops_are_read_as_they_are() {
    let shopify = "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Cancelled at,Payment Method,Lineitem discount,Phone\n\
        #1001,hana@example.com,paid,2025-06-01 10:00:01 +0900,yes,KRW,25000.00,0.00,0.00,24000.00,,2025-06-01 10:00:00 +0900,2,Tea,10000.00,p-1,Hana Kim,,card,1000.00,'+82 10-0000-5001\n\
        #1001,hana@example.com,,,,,,,,,,,1,Cup,5000.00,p-2,,,,0.00,\n\
        #1002,duri@example.com,voided,,no,KRW,7000.00,0.00,0.00,7000.00,,2025-06-02 00:30:00 +0900,1,Pot,7000.00,p-3,,2025-06-03 10:00:00 +0900,card,0.00,\n";
    let item = |id: &str, name: &str, price: &str, quantity: &str, discount: &str| json!({ "df_item_id": id, "df_item_name": name, "df_price": price, "df_quantity": quantity, "df_discount": discount });
    assert_eq!(
        read_of_shop(shopify, "shopify"),
        [
            json!(["2025-06-01T10:00:00+09:00", { "email": "hana@example.com", "phone": "+82 10-0000-5001" }, { "df_name": "Hana Kim" },
            { "df_order_id": "#1001", "df_currency": "KRW", "df_total_purchase_amount": "24000.00", "df_payment_method": "card",
              "df_items": [item("p-1", "Tea", "10000.00", "2", "1000.00"), item("p-2", "Cup", "5000.00", "1", "0.00")] }])
        ]
    );
    let customers = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,Accepts SMS Marketing,Total Spent,Tags\n\
        '6543210987654,하나,김,hana@example.com,yes,Seoul,'+821000005001,no,25000.00,\"vip, tea\"\n";
    let messages = read_of_shop(customers, "shopify");
    assert_eq!(
        messages[0][1],
        json!({ "external_id": "6543210987654", "email": "hana@example.com", "phone": "+821000005001" })
    );
    assert_eq!(
        messages[0][2],
        json!({ "df_name": "김하나", "df_sms_ads_optin": false, "Accepts Email Marketing": "yes", "Default Address City": "Seoul",
            "Total Spent": 25000.0, "Tags": "vip, tea" })
    );

    let woo = "Order Number,Order Status,Order Date,First Name (Billing),Last Name (Billing),Email (Billing),Phone (Billing),Payment Method Title,Order Total Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost\n\
        77,Completed,2025-06-01 10:00,Hana,Kim,hana@example.com,010-0000-5001,Card,25000,p-1,1,Tea,2,10000\n\
        77,Completed,2025-06-01 10:00,Hana,Kim,hana@example.com,010-0000-5001,Card,25000,p-2,2,Cup,1,5000\n\
        78,Cancelled,2025-06-01 11:00,Hana,Kim,hana@example.com,010-0000-5001,Card,25000,p-2,1,Cup,1,5000\n";
    let messages = read_of_shop(woo, "woocommerce");
    assert_eq!((messages.len(), &messages[0][2]), (1, &json!({ "df_name": "Hana Kim" })));
    assert_eq!(
        (&messages[0][3]["df_total_purchase_amount"], messages[0][3]["df_items"].as_array().map(Vec::len)),
        (&json!("25000"), Some(2))
    );
    let woo = "order_id,order_number,order_date,status,order_total,order_currency,customer_id,billing_first_name,billing_last_name,billing_email,item_name,item_sku,item_quantity,item_total\n\
        5,77,2025-06-01 10:00:00,completed,25000,KRW,9,Hana,Kim,hana@example.com,Tea,p-1,2,20000\n\
        5,77,2025-06-01 10:00:00,completed,25000,KRW,9,Hana,Kim,hana@example.com,Cup,p-2,1,5000\n";
    let messages = read_of_shop(woo, "woocommerce");
    assert_eq!(messages[0][1], json!({ "external_id": "9", "email": "hana@example.com" }));
    assert_eq!(
        messages[0][3]["df_items"][1],
        json!({ "df_item_id": "p-2", "df_item_name": "Cup", "df_quantity": "1", "df_line_amount": "5000" })
    );
    let woo = "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,Country / Region\n\
        Hana Kim,hana,2025-06-02 11:00:00,2025-06-01 10:00:00,hana@example.com,2,25000,KR\n";
    let messages = read_of_shop(woo, "woocommerce");
    assert_eq!(
        (&messages[0][0], &messages[0][2]["df_name"]),
        (&json!("2025-06-02T11:00:00+09:00"), &json!("Hana Kim"))
    );

    let cafe24 = "주문번호,품목별 주문번호,주문일시,주문상태,주문자명,주문자 ID,주문자 이메일,주문자 휴대전화,회원등급,상품코드,상품명,수량,판매가,총 결제금액(KRW),결제수단\n\
        20250601-0000011,20250601-0000011-01,2025-06-01 10:00:00,배송완료,김하나,hana1,hana@example.com,010-0000-5001,VIP,P000A,차,2,\"10,000\",\"25,000\",카드\n\
        20250601-0000011,20250601-0000011-02,2025-06-01 10:00:00,배송완료,김하나,hana1,hana@example.com,010-0000-5001,VIP,P000B,컵,1,\"5,000\",\"25,000\",카드\n";
    let messages = read_of_shop(cafe24, "cafe24");
    assert_eq!(messages.len(), 1);
    assert_eq!(
        messages[0][1],
        json!({ "external_id": "hana1", "email": "hana@example.com", "phone": "010-0000-5001" })
    );
    assert_eq!(
        (&messages[0][3]["df_total_purchase_amount"], &messages[0][3]["df_items"][0]["df_price"]),
        (&json!("25000"), &json!("10000"))
    );
    let members = "아이디,이름,회원등급,이메일,휴대폰번호,성별,생년월일,SMS 수신여부,회원 가입일,총 사용 적립금\n\
        hana1,김하나,VIP,hana@example.com,010-0000-5001,여,1991-03-14,T,2025-03-01 10:00:00,\"1,000\"\n";
    let messages = read_of_shop(members, "cafe24");
    assert_eq!(
        messages[0][2],
        json!({ "df_name": "김하나", "df_gender": "Female", "df_birth": "1991-03-14", "df_membership": "VIP", "df_sms_ads_optin": true,
            "총 사용 적립금": 1000 })
    );

    // With the line of advice before the header.
    let smartstore = "다운로드 받은 파일로 엑셀 일괄발송 처리를 할 수 있습니다.\n\
        상품주문번호,주문번호,구매자명,구매자ID,수취인명,주문상태,결제일,상품번호,상품명,수량,상품가격,최종 상품별 총 주문금액,수취인연락처1,구매자연락처\n\
        2025060111,2025060199,김하나,hana****,이두리,배송완료,2025-06-01 10:00,9001,차,2,10000,19000,010-0000-5009,010-0000-5001\n\
        2025060112,2025060199,김하나,hana****,이두리,취소,2025-06-01 10:00,9002,컵,1,5000,5000,010-0000-5009,010-0000-5001\n";
    let messages = read_of_shop(smartstore, "smartstore");
    assert_eq!(messages[0][1], json!({ "phone": "010-0000-5001" }));
    assert_eq!(
        messages[0][3]["df_items"],
        json!([{ "df_item_id": "9001", "df_item_name": "차", "df_quantity": "2", "df_price": "10000", "df_line_amount": "19000" }])
    );

    let magento = "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),Grand Total (Purchased),Status,Customer Email,Customer Name,Payment Method\n\
        000000299,Main Website,\"Jun 1, 2025, 10:00:00 AM\",Hana Kim,Hana Kim,$219.40,\"$1,219.40\",Complete,hana@example.com,Hana Kim,card\n\
        000000300,Main Website,\"Jun 1, 2025, 10:00:00 AM\",Hana Kim,Hana Kim,$1.00,$1.00,Canceled,hana@example.com,Hana Kim,card\n";
    assert_eq!(
        read_of_shop(magento, "magento"),
        [json!(["2025-06-01T10:00:00+09:00", { "email": "hana@example.com" }, { "df_name": "Hana Kim" },
            { "df_order_id": "000000299", "df_total_purchase_amount": "1219.40", "df_payment_method": "card" }])]
    );
    let magento = "email,_website,_store,created_at,dob,firstname,gender,group_id,lastname\n\
        hana@example.com,base,default,2025-03-01 10:00:00,1991-03-14,Hana,Female,1,Kim\n";
    let messages = read_of_shop(magento, "magento");
    assert_eq!((&messages[0][2]["df_name"], &messages[0][2]["df_birth"]), (&json!("Hana Kim"), &json!("1991-03-14")));

    let ec_cube = "注文ID,注文番号,会員ID,お名前(姓),お名前(名),メールアドレス,TEL,性別(名称),誕生日,支払合計,対応状況(名称),受注日,商品コード,商品名,価格,個数,明細区分(名称)\n\
        1,1,12,山田,花,hana@example.com,,女性,1991-03-14,25300,発送済み,2025-06-01 10:00:00,tea-1,紅茶,12500,2,商品\n\
        1,1,12,山田,花,hana@example.com,,女性,1991-03-14,25300,発送済み,2025-06-01 10:00:00,,送料,300,1,送料\n";
    assert_eq!(
        read_of_shop(ec_cube, "ec-cube"),
        [json!(["2025-06-01T10:00:00+09:00", { "external_id": "12", "email": "hana@example.com" },
            { "df_name": "山田花", "df_gender": "Female", "df_birth": "1991-03-14" },
            { "df_order_id": "1", "df_total_purchase_amount": "25300",
              "df_items": [{ "df_item_id": "tea-1", "df_item_name": "紅茶", "df_price": "12500", "df_quantity": "2" }] }])]
    );
    let ec_cube = "会員ID,お名前(姓),お名前(名),メールアドレス,TEL,性別(名称),誕生日,登録日,更新日\n\
        12,山田,花,hana@example.com,,女性,1991-03-14,2025-06-01 10:00:00,2025-06-02 10:00:00\n";
    assert_eq!(read_of_shop(ec_cube, "ec-cube")[0][0], "2025-06-02T10:00:00+09:00");
}
