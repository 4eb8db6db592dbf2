//! Devices that are described by a user agent or an IP address. The address is stored nowhere.

use std::{fs, path::Path};

use profile360_tests::{Base, Ran, Server, geoip, messages};
use serde_json::{Value, json};

const AT: &str = "2026-03-01T10:00:00+09:00";
const KAKAO: &str = "Mozilla/5.0 (Linux; Android 14; SM-S928N Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.122 Mobile Safari/537.36;KAKAOTALK 2410850";
/// Documentation addresses, RFC 5737 and RFC 3849.
const V4: &str = "203.0.113.77";
const V6: &str = "2001:db8:7::7777";
const DEVICE: &str = "recentDevice { model os osVersion browser browserVersion country region city area timeZone }";

fn database() -> Vec<u8> {
    let place = |country: &str, region: &str, city: &str, zone: &str| {
        json!({
            "country": { "iso_code": country, "names": { "en": "Not this one", "de": "Nicht dies" } },
            "subdivisions": [{ "iso_code": "11", "names": { "en": region, "ja": "別名" } }],
            "city": { "names": { "en": city, "ja": "別名" } },
            "location": { "time_zone": zone },
        })
    };
    let networks = [
        ("203.0.113.0/24", place("KR", "Seoul", "Mapo-gu", "Asia/Seoul")),
        ("2001:db8::/32", place("JP", "Tokyo", "Chiyoda", "Asia/Tokyo")),
    ];
    geoip("GeoLite2-City", &networks)
}

fn seen(id: &str, device_id: &str, device: Value) -> Value {
    let mut message = messages::event(id, AT, json!({ "device_id": device_id }), "df_view_home", json!({}));
    message["device"] = device;
    message
}

async fn device_of(server: &Server, device_id: &str) -> Value {
    let query = format!(
        "query($id: String!) {{ profile(by: {{ identifier: {{ kind: \"device_id\", value: $id }} }}) {{ {DEVICE} }} }}"
    );
    let mut data = server.ask(&query, json!({ "id": device_id })).await;
    let mut device = data["profile"]["recentDevice"].take();
    device.as_object_mut().expect("there is a device").retain(|_, it| !it.is_null());
    device
}

/// Panics if any file of a folder contains an address.
fn assert_nowhere(folder: &Path, address: &str) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            assert_nowhere(&path, address);
        } else {
            let bytes = fs::read(&path).expect("a file can be read");
            assert!(
                !bytes.windows(address.len()).any(|it| it == address.as_bytes()),
                "{address} is in {}",
                path.display()
            );
        }
    }
}

#[tokio::test]
async fn devices_are_described_by_user_agent_and_address_on_every_route() {
    let whole = json!({ "ip": V4, "user_agent": KAKAO });
    let expected = json!({
        "model": "SM-S928N", "os": "Android", "osVersion": "14", "browser": "KakaoTalk", "browserVersion": "2410850",
        "country": "KR", "region": "Seoul", "city": "Mapo-gu", "area": "Seoul Mapo-gu", "timeZone": "Asia/Seoul",
    });
    let base = Base::new();
    // Outside the folder that is searched for the address.
    base.write("places.mmdb", database());
    base.write("in.ndjson", messages::ndjson(&[seen("imported", "imported", whole.clone())]));
    let Ran { status, stderr, .. } = base.run(&["import", "in.ndjson", "--geoip", "places.mmdb"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(!stderr.contains(V4));
    fs::remove_file(base.path("in.ndjson")).expect("it is there");

    let server = base.serve_with(&["--geoip", "places.mmdb"]);
    let results = server
        .ingest(&[
            seen("asked", "asked", whole.clone()),
            seen("named", "named", json!({
                "ip": V4, "user_agent": KAKAO, "model": "Galaxy S24 Ultra", "os": "Android", "browser": "Shop app", "city": "강남구",
            })),
            seen("elsewhere", "elsewhere", json!({ "ip": V4, "country": "US" })),
            seen("six", "six", json!({ "ip": V6 })),
            seen("mapped", "mapped", json!({ "ip": format!("::ffff:{V4}") })),
            seen("private", "private", json!({ "ip": "192.168.0.7", "os": "Linux" })),
            seen("unlisted", "unlisted", json!({ "ip": "198.51.100.7", "os": "Linux" })),
            seen("wrong", "wrong", json!({ "ip": "203.0.113.777", "os": "Linux" })),
        ])
        .await;
    for result in &results {
        let warned = result["warnings"].as_array().expect("a list").iter().map(|it| &it["code"]).collect::<Vec<_>>();
        let expected = if result["messageId"] == "wrong" { vec!["ADDRESS_MALFORMED"] } else { Vec::new() };
        assert_eq!(warned, expected, "{result}");
    }
    let streamed = server
        .http
        .post(server.url("/v1/messages"))
        .header("content-type", "application/x-ndjson")
        .body(seen("streamed", "streamed", whole).to_string());
    assert!(streamed.send().await.expect("it answers").status().is_success());
    let call = json!({
        "anonymousId": "segment", "userId": "u1", "event": "Level Up", "messageId": "segment", "timestamp": AT,
        "context": { "ip": V4, "userAgent": KAKAO },
    });
    let called = server.http.post(server.url("/v1/track")).json(&call);
    assert!(called.send().await.expect("it answers").status().is_success());

    let check = async |server: &Server| {
        for id in ["imported", "asked", "streamed", "segment"] {
            assert_eq!(device_of(server, id).await, expected, "{id}");
        }
        let named = json!({
            "model": "Galaxy S24 Ultra", "os": "Android", "osVersion": "14", "browser": "Shop app", "country": "KR",
            "region": "Seoul", "city": "강남구", "area": "Seoul 강남구", "timeZone": "Asia/Seoul",
        });
        assert_eq!(device_of(server, "named").await, named, "named fields stay, and only what fits them is added");
        let elsewhere = json!({ "country": "US", "area": "US" });
        assert_eq!(device_of(server, "elsewhere").await, elsewhere, "no city of another country");
        let six = json!({ "country": "JP", "region": "Tokyo", "city": "Chiyoda", "area": "Tokyo Chiyoda", "timeZone": "Asia/Tokyo" });
        assert_eq!(device_of(server, "six").await, six);
        assert_eq!(device_of(server, "mapped").await["city"], "Mapo-gu");
        for id in ["private", "unlisted", "wrong"] {
            assert_eq!(device_of(server, id).await, json!({ "os": "Linux" }), "{id}");
        }
    };
    check(&server).await;
    assert_eq!(server.stop(), Some(0));
    // Neither in the database nor in the log.
    for address in [V4, V6, "192.168.0.7", "198.51.100.7", "203.0.113.777"] {
        assert_nowhere(base.folder(), address);
    }

    // Results are stored: they stay without the GeoIP database, and when all messages are parsed again.
    assert!(base.check().starts_with("11 messages"));
    let server = base.serve();
    check(&server).await;
    crate::policy::publish(&server, json!({ "survivorship": { "default": "earliest" } }), None).await;
    check(&server).await;
}

#[test]
fn an_invalid_geoip_database_is_refused_at_start() {
    let base = Base::new();
    let whole = database();
    base.write("cut.mmdb", &whole[..whole.len() / 2]);
    base.write("text.mmdb", "no database");
    base.write("asn.mmdb", geoip("GeoLite2-ASN", &[("203.0.113.0/24", json!({ "autonomous_system_number": 64496 }))]));
    base.write("in.ndjson", "");
    for (file, sentence) in [
        (
            "missing.mmdb",
            "the GeoIP database missing.mmdb cannot be read; give a file in MaxMind's format (.mmdb) with --geoip",
        ),
        ("cut.mmdb", "cut.mmdb is not a GeoIP database in MaxMind's format (.mmdb), or it is truncated"),
        ("text.mmdb", "text.mmdb is not a GeoIP database in MaxMind's format (.mmdb), or it is truncated"),
        ("asn.mmdb", "asn.mmdb is a GeoIP database of the type \"GeoLite2-ASN\", which has no countries or cities"),
    ] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["import", "in.ndjson"]] {
            let Ran { status, stderr, .. } = base.run(&[command, &["--geoip", file]].concat());
            assert_eq!(status, Some(1), "{stderr}");
            assert!(stderr.contains(sentence), "{stderr}");
        }
    }
    assert!(!base.path("data").exists(), "no database was created");
}

#[tokio::test]
async fn limits_of_an_identifier_give_warnings_and_do_not_depend_on_order() {
    const MOST: usize = 1_000;
    let base = Base::new();
    let server = base.serve();
    let said = |id: &str, names: std::ops::Range<usize>| {
        let attributes = names.map(|it| (format!("n{it:04}"), json!(1))).collect::<serde_json::Map<_, _>>();
        messages::identify(id, AT, json!({ "external_id": "7" }), Value::Object(attributes))
    };
    let results = server.ingest(&[said("m1", 500..1_000), said("m2", 0..500), said("m3", 1_000..1_002)]).await;
    let codes: Vec<&Value> = results.iter().map(|it| &it["warnings"][0]["code"]).collect();
    assert_eq!(codes, [&Value::Null, &Value::Null, &json!("ATTRIBUTES_FULL")]);
    let query = "{ profile(by: { identifier: { kind: \"external_id\", value: \"7\" } }) { attributes { name } } }";
    let names = server.ask(query, Value::Null).await;
    let held = names["profile"]["attributes"].as_array().expect("a list");
    assert_eq!((held.len(), &held[MOST - 1]["name"]), (MOST, &json!("n0999")));
    assert_eq!(server.stop(), Some(0));
    base.check();
}
