use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::{America::St_Johns as Newfoundland, Asia::Seoul};
use profile360_core::policy::{CompiledPolicy, Policy};
use serde_json::{Value, json};

use super::{Intake, Map, Table, cell, propose};

/// An order by date alone keeps its day, and has no time of day that nobody named.
#[test]
fn an_order_by_date_is_a_day() {
    let map = "type = \"event\"\nsource = \"shop\"\nevent = { value = \"df_purchase\" }\ntimestamp = { column = \"at\", type = \"time\" }\n\
        [identifiers]\nexternal_id = \"id\"\n[properties]\ndf_total_purchase_amount = \"paid\"\n";
    let heard = read("id,at,paid\n1,2025-03-01,5\n1,2025-03-01 00:00,5\n", map);
    let times: Vec<&Value> = heard.iter().map(|it| &it["timestamp"]).collect();
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

/// What is read of a table: the text of each message that was taken, code and line of each that was not, and how it ended.
fn read(table: &str, map: &str) -> Vec<Value> {
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let map = Map::parse(map).expect("it is a map");
    let mut table = Table::new(table.as_bytes(), Arc::new(map), Intake::plain()).expect("it has the columns");
    let mut heard = Vec::new();
    loop {
        match table.next(&policy) {
            Ok(Some(item)) => heard.push(match item.parsed {
                Ok(accepted) => {
                    let mut message: Value = serde_json::from_str(&accepted.payload).expect("it is JSON");
                    if message["message_id"].as_str().is_some_and(|it| it.starts_with("made-")) {
                        message.as_object_mut().expect("an object").remove("message_id");
                    }
                    message
                }
                Err(refusal) => json!([item.number, refusal.code.as_str(), item.text]),
            }),
            Ok(None) => return heard,
            Err(error) => {
                heard.push(json!(error.to_string()));
                return heard;
            }
        }
    }
}

#[test]
fn what_is_proposed_for_a_table_reads_it() {
    let map = propose(CUSTOMERS.as_bytes(), "customers.csv", now()).expect("there are identifiers");
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
    let map = propose(ORDERS.as_bytes(), "orders.csv", now()).expect("there are identifiers");
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
    // Columns that are called nothing known are known by what stands in them.
    let map =
        propose("a,b,c\n010-1234-5678,x@example.com,blue\n".as_bytes(), "t.csv", now()).expect("there are identifiers");
    assert!(
        map.contains("phone = \"a\"")
            && map.contains("email = \"b\"")
            && map.contains("timestamp = { value = \"2026-01-01T00:00:00Z\" }"),
        "{map}"
    );
    assert!(propose("colour,size\nblue,1\n".as_bytes(), "t.csv", now()).is_err());
}

#[test]
fn a_bad_row_costs_the_others_nothing() {
    const MAP: &str = "type = \"identify\"\nsource = \"crm\"\ntimestamp = { column = \"at\", format = \"%d.%m.%Y\" }\n\
        message_id = \"key\"\n[identifiers]\nexternal_id = [\"id\", \"other\"]\n";
    let table = "key,id,other,at\nk1,1,2,31.12.2024\nk2,1\nk3,,,31.12.2024\nk4,4,,soon\nk5,5,,01.01.2025\n";
    let taken = |key: &str, ids: Value, at: &str| json!({ "message_id": key, "type": "identify", "source": "crm", "timestamp": at, "identifiers": { "external_id": ids } });
    assert_eq!(
        read(table, MAP),
        [
            taken("k1", json!(["1", "2"]), "2024-12-31T00:00:00+09:00"),
            json!([3, "WRONG_TYPE", null]),
            json!([4, "NO_USABLE_IDENTIFIER", "k3,,,31.12.2024\n"]),
            json!([5, "TIMESTAMP_MALFORMED", "k4,4,,soon\n"]),
            taken("k5", json!(["5"]), "2025-01-01T00:00:00+09:00"),
        ]
    );
    // A quote that is never closed does not make one row of all that follows.
    let open =
        format!("key,id,other,at\nk1,1,,31.12.2024\nk2,\"1,,31.12.2024\n{}", "k3,3,,31.12.2024\n".repeat(200_000));
    let heard = read(&open, MAP);
    assert_eq!(heard.len(), 2);
    assert!(heard[1].as_str().is_some_and(|it| it.contains("never closed")), "{heard:?}");

    for (map, reason) in [
        ("type = \"identify\"", "missing field"),
        (&MAP.replace("\"key\"", "\"nothing\""), "no column \"nothing\""),
        (&MAP.replace("type =", "typo = \"\"\ntype ="), "unknown field"),
    ] {
        let error = match Map::parse(map)
            .and_then(|map| Table::new(table.as_bytes(), Arc::new(map), Intake::plain()).map(drop))
        {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn cells_are_read_as_people_write_them() {
    for (text, number) in [
        ("12,900원", Some("12900")),
        ("$ 12.50", Some("12.50")),
        ("₩1,000", Some("1000")),
        ("-3", Some("-3")),
        ("a lot", None),
        ("", None),
    ] {
        assert_eq!(cell::number(text).as_deref(), number, "{text}");
    }
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
        ("2025-03-01T10:00:00Z", None, "2025-03-01T10:00:00Z"),
        ("2025-03-01 10:00:00", None, "2025-03-01T10:00:00+09:00"),
        ("2025.3.1 9:05", None, "2025-03-01T09:05:00+09:00"),
        ("20250301", None, "2025-03-01T00:00:00+09:00"),
        ("01/03/2025 10:00 +0100", Some("%d/%m/%Y %H:%M %z"), "2025-03-01T10:00:00+01:00"),
        ("01/03/2025 10:00", Some("%d/%m/%Y %H:%M"), "2025-03-01T10:00:00+09:00"),
        ("soon", None, "soon"),
    ] {
        assert_eq!(cell::time(text, format, Seoul), at, "{text}");
    }
    for (text, format, zone, day) in [
        ("2025-03-01", None, Seoul, Some("2025-03-01+09:00")),
        ("01.03.2025", Some("%d.%m.%Y"), Newfoundland, Some("2025-03-01-03:30")),
        ("01.07.2025", Some("%d.%m.%Y"), Newfoundland, Some("2025-07-01-02:30")),
        ("2025-03-01 00:00", None, Seoul, None),
        ("2025-03-01T00:00:00Z", None, Seoul, None),
        ("01.03.2025 00:00", Some("%d.%m.%Y %H:%M"), Seoul, None),
        ("soon", None, Seoul, None),
    ] {
        assert_eq!(cell::day_alone(text, format, zone).as_deref(), day, "{text}");
    }
}
