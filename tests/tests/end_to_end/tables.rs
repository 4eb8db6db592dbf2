//! Tables in, tables out.

use std::io::Read;

use profile360_tests::{Base, Ran};
use serde_json::{Value, json};

const CUSTOMERS: &str = "\u{feff}회원번호,이름,성별,생년월일,휴대폰,이메일,등급,SMS 수신,가입일,메모\r\n\
    1001,김하나,여,1991.03.14,010-1234-5678,One@Example.com,VIP,Y,2025-03-01 10:00,=1+1\r\n\
    1002,Jo,M,19800101,,,,N,2025/03/02,\r\n\
    ,Nobody,M,19800101,,,,N,2025/03/02,\r\n";

const ORDERS: &str = "customer_id;order_no;ordered_at;sku;product;qty;price;category\n\
    1001;o-1;2025-03-01 10:00;p-1;차;2;1,500;식품\n\
    1001;o-1;2025-03-01 10:00;p-2;컵;1;9000원;생활\n";

#[test]
fn a_table_comes_in_by_a_map_and_customers_go_out_as_a_table() {
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
        ran.counts().starts_with("2 messages taken (2 created") && ran.counts().contains("1 refused"),
        "{}",
        ran.counts()
    );
    let refused: Value = serde_json::from_str(&base.read("customers.csv.refused.ndjson")).expect("one line of JSON");
    assert_eq!((&refused["line"], &refused["code"]), (&json!(4), &json!("NO_USABLE_IDENTIFIER")));
    assert_eq!(refused["message"], ",Nobody,M,19800101,,,,N,2025/03/02,");
    let ran = import("orders");
    assert_eq!(
        (ran.status, ran.counts().starts_with("1 messages taken (0 created, 1 updated")),
        (Some(0), true),
        "{}",
        ran.counts()
    );
    // A row that was taken is known again.
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
    let packed = std::fs::File::open(base.path("out.ndjson.gz")).expect("it is there");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).expect("it is gzip");
    assert_eq!(unpacked, whole);

    base.write("faulty.toml", "type = 1");
    for (arguments, status, reason) in [
        (&["import", "orders.csv", "--format", "csv"][..], 2, "--map"),
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
