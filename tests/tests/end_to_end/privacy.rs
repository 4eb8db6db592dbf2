//! Masked values leave no trace, and senders cannot harm customers, terminals or spreadsheets.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use profile360_core::message::parse::accepted::Accepted;
use profile360_ingest::{
    enrich::Enricher,
    framing::{kept_id, made_id},
};
use profile360_server::engine::ingest::{IngestService, IngestStatus, Sender};
use profile360_tests::{Base, KEYS, Ran, Writers, accepted, in_process, messages};
use serde_json::{Value, json};

const AT: &str = "2025-03-01T10:00:00Z";

/// A database whose customer has values that masks hide, as seen by a reader and by an administrator.
struct Seen {
    reader: BTreeMap<String, Value>,
    admin: BTreeMap<String, Value>,
}

async fn seen(values: &[&str; 6], phone: &str) -> Seen {
    let [name, birth_date, memo, city, note, device_id] = values;
    let who = json!({ "external_id": "u1", "device_id": device_id });
    let attributes = json!({ "df_name": name, "df_birth": birth_date, "memo": memo });
    let mut event = messages::event("e1", AT, who.clone(), "seen", json!({ "note": note }));
    event["device"] = json!({ "model": "SM-X210", "city": city });
    let mut kept = messages::ndjson(&[messages::identify("i1", AT, who.clone(), attributes), event]);
    // A losing value of the same attribute.
    kept.push_str(&messages::ndjson(&[messages::identify(
        "i0",
        "2025-02-01T10:00:00Z",
        who,
        json!({ "memo": format!("{memo}!") }),
    )]));
    let base = Base::with(&kept);
    let [reader, admin] = ["READER", "ADMIN"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    server.show(&admin);
    // A shop knows only a phone number, and its events have no IDs.
    let call = json!({ "identity": { "phone_no": phone }, "request_datetime": AT, "events": [{ "event_name": "df_login", "event_datetime": AT }] });
    let sent = server.http.post(server.url("/api/v1/events?service_id=s")).json(&call);
    assert_eq!(sent.send().await.expect("it answers").status(), 200);
    // Listed no later than the next message.
    server.ingest(&[messages::event("e2", AT, json!({ "external_id": "u2" }), "other", json!({}))]).await;
    let admin = server.everything("2025-07-01").await;
    server.show(&reader);
    let reader = server.everything("2025-07-01").await;
    assert_eq!(server.stop(), Some(0));
    base.check();
    Seen { reader, admin }
}

/// The customer with a value that all roles see.
fn customer<'s>(seen: &'s BTreeMap<String, Value>, event: &str) -> &'s Value {
    let is_of = |it: &&Value| it["timeline"]["edges"].to_string().contains(event);
    seen.values().find(is_of).expect("it is there")
}

/// Everything except keyed values: unified IDs, revisions, message IDs and cursors.
fn without_keyed(value: &Value) -> Value {
    const KEYED: [&str; 6] = ["id", "unifiedId", "supersededIds", "revision", "messageId", "cursor"];
    match value {
        Value::Object(fields) => {
            let open = fields.iter().filter(|(name, _)| !KEYED.contains(&name.as_str()));
            open.map(|(name, value)| (name.clone(), without_keyed(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_keyed).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn masked_values_change_only_keyed_values_for_readers() {
    let one = seen(&["홍길동", "1987-06-05", "비밀@010-9753-2468", "부산", "n1", "d1"], "010-9753-2468").await;
    let other = seen(&["홍숙동", "1987-03-05", "@hong.gildong", "대구", "n2", "d2"], "010-1111-2468").await;
    for event in ["seen", "df_login"] {
        let [mine, theirs] = [&one, &other].map(|seen| customer(&seen.reader, event));
        assert_eq!(without_keyed(mine), without_keyed(theirs));
        assert_ne!(mine["revision"], theirs["revision"], "the revision changes all the same");
        let known = customer(&one.admin, event);
        assert_ne!(known["revision"], mine["revision"]);
        let message_id = |of: &Value| of["timeline"]["edges"][0]["node"]["messageId"].clone();
        assert_ne!(message_id(known), message_id(mine));
    }
    // Neither the sender's message IDs nor those made of contents reveal anything.
    let till = customer(&one.admin, "df_login");
    let contents = json!([0, {
        "event": "df_login", "identifiers": { "phone_no": "010-9753-2468" }, "platform": "API", "properties": {},
        "source": "dfinery", "timestamp": AT, "type": "event",
    }]);
    let made = made_id(&contents);
    let kept = till["timeline"]["edges"][0]["node"]["messageId"].as_str().expect("it has one").to_owned();
    assert_ne!(kept, made);
    assert!(kept.starts_with("made-") && kept.len() == made.len(), "{kept}");

    // A name of one letter is hidden, and so is its avatar.
    let one = seen(&["홍", "1987-06-05", "m", "c", "n", "d"], "010-9753-2468").await;
    let other = seen(&["김", "1987-06-05", "m", "c", "n", "d"], "010-9753-2468").await;
    assert_eq!(without_keyed(customer(&one.reader, "seen")), without_keyed(customer(&other.reader, "seen")));
    assert_eq!(customer(&one.admin, "seen")["basic"]["avatar"]["letter"], "홍");
}

#[tokio::test]
async fn masks_hide_values_that_only_resemble_addresses() {
    let base = Base::new();
    let [reader, admin] = ["READER", "ADMIN"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    server.show(&admin);
    let who = json!({
        "external_id": "@honggildong77", "kakao_id": "kakao@01097532468", "line_id": "@hong_line_id", "phone": "02-123-4567",
        "email": "hong@01097532468.kr",
    });
    let attributes =
        json!({ "instagram": "@hong.gildong", "memo": "비밀@010-9753-2468", "site": "memo@010.9753.2468" });
    server.ingest(&[messages::identify("m1", AT, who, attributes)]).await;
    server.show(&reader);
    let seen = server.everything("2025-07-01").await;
    let text = json!(seen).to_string();
    for hidden in ["hong", "gildong", "9753", "4567", "line_id", "123-4567"] {
        assert!(!text.replace("\"line_id\"", "").contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn calls_stored_by_an_earlier_version_are_duplicates() {
    let base =
        Base::with(&messages::ndjson(&[messages::event("m0", AT, json!({ "external_id": "u0" }), "seen", json!({}))]));
    let database = format!("surrealkv://{}", base.path("older").display());
    let contents = json!({ "row": 1 });
    let message = |id: String| messages::event(&id, AT, json!({ "external_id": "u1" }), "seen", json!({}));
    let (plain, secret) =
        (made_id(&contents), profile360_core::identifier::unified_id::IdSecret::new(profile360_tests::SECRET));
    let keyed = kept_id(&plain, &secret);
    let other = made_id(&json!({ "row": 2 }));
    in_process(async move {
        let mut writers = Writers::open(&database).await.expect("it opens");
        // As an earlier version left it.
        writers.store.setting_or("made_ids", "plain or keyed").await.expect("it is written");
        let pipeline = writers.pipeline().await.expect("it starts");
        let enricher = Enricher::new(None, profile360_server::clock::now).expect("needs no file");
        let service = IngestService::new(pipeline, enricher, 1 << 20);
        let take = async |id: &str, is_id_made: bool| {
            let lines = messages::ndjson(&[message(id.to_owned())]);
            let mut batch = service.batch();
            for message in accepted(&lines) {
                batch.add(Ok(Accepted { is_id_made, ..message }));
            }
            let mut outcomes = batch.ingest(Sender::Operator).await.expect("it is written").outcomes;
            let outcome = outcomes.pop().expect("one message");
            (outcome.status, outcome.message_id.expect("its ID"))
        };
        assert_eq!(take(&plain, false).await, (IngestStatus::Created, plain.clone()));
        assert_eq!(take(&plain, true).await, (IngestStatus::Duplicate, plain.clone()));
        let (status, id) = take(&other, true).await;
        assert_eq!((status, id == other, id.len()), (IngestStatus::Updated, false, keyed.len()));
        assert_eq!(take(&other, true).await.0, IngestStatus::Duplicate);
        drop(service);
        writers.close().await.expect("it closes");
    });
}

#[tokio::test]
async fn a_customer_cannot_grow_without_bound() {
    let base = Base::new();
    let server = base.serve();
    let said = |n: usize| {
        let who = json!({ "external_id": "u1", "device_id": format!("d{n:04}") });
        let at = format!("2025-03-01T10:{:02}:{:02}Z", n / 60, n % 60);
        let mut message = messages::identify(
            &format!("m{n}"),
            &at,
            who,
            json!({ "token": format!("{n:04}"), "page": format!("{n:04}{}", "x".repeat(4_000)), "lucky": 7 }),
        );
        message["source"] = json!(format!("s{n:04}"));
        message["device"] = json!({ "model": "m".repeat(250) });
        message
    };
    let messages: Vec<Value> = (0..400).map(said).collect();
    let mut warned: BTreeMap<String, usize> = BTreeMap::new();
    for part in messages.chunks(100) {
        for result in server.ingest(part).await {
            for warning in result["warnings"].as_array().expect("a list") {
                *warned.entry(warning["code"].to_string()).or_default() += 1;
            }
        }
    }
    let codes: Vec<&String> = warned.keys().collect();
    assert_eq!(codes, ["\"ATTRIBUTE_VALUES_FULL\"", "\"DEVICES_FULL\"", "\"SOURCES_FULL\""], "{warned:?}");

    let everything = server.everything("2025-07-01").await;
    let profile = everything.values().find(|it| it["identifiers"].to_string().contains("\"u1\"")).expect("it is there");
    let attribute = |name: &str| {
        let found = profile["attributes"].as_array().expect("a list").iter().find(|it| it["name"] == name).cloned();
        found.expect("it is there")
    };
    let n_others = |name: &str| attribute(name)["others"].as_array().expect("a list").len();
    // The newest value is kept, even if others are left out.
    assert_eq!((&attribute("token")["value"], &attribute("token")["source"]), (&json!("0399"), &json!("s0399")));
    assert!(attribute("page")["value"].as_str().is_some_and(|it| it.starts_with("0399")));
    assert!(n_others("token") < 100 && n_others("page") < 12, "{} {}", n_others("token"), n_others("page"));
    assert!(profile["devices"].as_array().is_some_and(|it| it.len() <= 110), "{}", profile["devices"]);
    assert_eq!(profile["recentDevice"]["deviceId"], "d0399");
    let sources = profile["identifiers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["sources"].as_array().map_or(0, Vec::len));
    assert_eq!(sources.max(), Some(64));

    // Another order and other batches give the same customer, and `check` succeeds.
    let other = Base::new();
    let second = other.serve();
    let mut turned = messages.clone();
    turned.rotate_left(150);
    turned.reverse();
    for part in turned.chunks(133) {
        second.ingest(part).await;
    }
    assert_eq!(json!(second.everything("2025-07-01").await), json!(everything));
    assert_eq!((server.stop(), second.stop()), (Some(0), Some(0)));
    assert_eq!(base.check(), other.check());
}

#[tokio::test]
async fn ingest_keys_are_scoped_and_do_not_learn_who_is_a_customer() {
    let base = Base::new();
    let key = |arguments: &[&str]| {
        let all = [&["key", "create", "--role", "INGEST", "--keys", KEYS], arguments].concat();
        let Ran { status, stdout, stderr } = base.run(&all);
        assert_eq!(status, Some(0), "{stderr}");
        stdout.trim().to_owned()
    };
    let bound = key(&["--name", "crm", "--source", "crm,pos", "--types", "identify"]);
    let open = key(&["--name", "page"]);
    let results_key = key(&["--name", "server", "--results"]);
    let listed = base.run(&["key", "list", "--keys", KEYS]).stdout;
    assert!(listed.contains("crm  source=crm,pos  types=identify") && listed.contains("server  results"), "{listed}");
    let Ran { status, stderr, .. } =
        base.run(&["key", "create", "--role", "READER", "--source", "crm", "--keys", KEYS]);
    assert!(status == Some(1) && stderr.contains("keys that send"), "{stderr}");

    let mut server = base.serve_with_keys(&[]);
    let who = json!({ "phone": "010-1234-5678" });
    let status = |results: &[Value]| -> Vec<String> {
        results.iter().map(|it| it["status"].as_str().or(it["code"].as_str()).unwrap_or_default().to_owned()).collect()
    };
    // On every route: a new customer, a known one and a duplicate give no hint of the customer.
    server.show(&open);
    let identify = |id: &str| messages::identify(id, AT, who.clone(), json!({ "a": 1 }));
    let results = server.ingest(&[identify("g1"), identify("g2"), identify("g1")]).await;
    assert_eq!(status(&results), ["ACCEPTED", "ACCEPTED", "DUPLICATE"]);
    let mut answers = json!(results).to_string();
    let posts = [
        ("/v1/messages", json!([identify("h1")])),
        ("/v1/track", json!({ "messageId": "s1", "userId": "u1", "event": "seen", "timestamp": AT })),
        ("/v1/batch", json!({ "batch": [{ "type": "identify", "messageId": "s2", "userId": "u1", "timestamp": AT }] })),
        ("/api/v1/identities", json!({ "identity": who, "request_datetime": AT })),
        (
            "/api/v1/events",
            json!({ "identity": who, "events": [{ "event_id": "d1", "event_name": "e", "event_datetime": AT }] }),
        ),
    ];
    for (path, body) in posts {
        let response = server.http.post(server.url(path)).json(&body).send().await.expect("it answers");
        let text = response.text().await.expect("a text");
        assert!(text.contains("\"ACCEPTED\""), "{path}: {text}");
        answers.push_str(&text);
    }
    for said in ["CREATED", "UPDATED", "LINKED", "MERGED", "unified_id", "\"unifiedId\":\""] {
        assert!(!answers.contains(said), "{said}: {answers}");
    }
    server.show(&results_key);
    let results = server.ingest(&[identify("g3")]).await;
    assert_eq!(status(&results), ["UPDATED"]);
    assert!(results[0]["unifiedId"].is_string());

    server.show(&bound);
    let mut of_pos = identify("b1");
    of_pos["source"] = json!("pos");
    let mut of_other = identify("b2");
    of_other["source"] = json!("app");
    let event = messages::event("b3", AT, who.clone(), "seen", json!({}));
    let mut of_crm = messages::event("b4", AT, who.clone(), "seen", json!({}));
    of_crm["source"] = json!("crm");
    let results = server.ingest(&[of_pos, of_other.clone(), event, of_crm]).await;
    let codes: Vec<&Value> = results.iter().map(|it| &it["code"]).collect();
    assert_eq!(
        codes,
        [&Value::Null, &json!("SOURCE_NOT_ALLOWED"), &json!("SOURCE_NOT_ALLOWED"), &json!("TYPE_NOT_ALLOWED")]
    );
    let posts = [
        ("/v1/messages", json!([of_other]), "SOURCE_NOT_ALLOWED"),
        ("/v1/identify", json!({ "messageId": "s3", "userId": "u1", "timestamp": AT }), "SOURCE_NOT_ALLOWED"),
        ("/api/v1/identities", json!({ "identity": who, "request_datetime": AT }), "SOURCE_NOT_ALLOWED"),
    ];
    for (path, body, code) in posts {
        let response = server.http.post(server.url(path)).json(&body).send().await.expect("it answers");
        let text = response.text().await.expect("a text");
        assert!(text.contains(code), "{path}: {text}");
    }
    assert_eq!(server.stop(), Some(0));
    base.check();
}

/// Files and folders that other users can read or change. Contents of a closed folder are protected.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut open = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it can be read");
        if entry.metadata().expect("it can be looked at").permissions().mode() & 0o077 != 0 {
            open.push(entry.path().display().to_string());
        }
    }
    open
}

#[tokio::test]
async fn created_files_are_for_their_owner_only() {
    let base = Base::new();
    base.key("ADMIN");
    let good = messages::ndjson(&[messages::identify(
        "m1",
        AT,
        json!({ "external_id": "=cmd|' /C calc'!A0" }),
        json!({ "a": "=1+1", "b": "＝1", "c": "+1+1" }),
    )]);
    let lines = format!("{good}not a message\n");
    base.write("lines.ndjson", &lines);
    fs::set_permissions(base.path("lines.ndjson"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert_eq!(base.import("lines.ndjson").status, Some(3));
    assert_eq!(base.run(&["export", "--out", "out.csv"]).status, Some(0));
    assert_eq!(base.run(&["export", "--out", "out.parquet"]).status, Some(0));
    assert_eq!(base.run(&["resolve", "lines.ndjson", "--out", "resolved.csv"]).status, Some(3));
    assert_eq!(
        base.run(&["generate", "--profiles", "2", "--out", "made.ndjson", "--truth", "truth.csv"]).status,
        Some(0)
    );
    let server = base.serve();
    assert_eq!(server.stop(), Some(0));
    fs::remove_file(base.path("server.log")).expect("the test made it");
    assert_eq!(open_to_others(base.folder()), [""; 0]);

    // No cell is a formula for a spreadsheet.
    for file in ["out.csv", "resolved.csv"] {
        let text = base.read(file);
        assert!(text.contains("'=cmd|' /C calc'!A0") && !text.contains(",=cmd"), "{text}");
    }
}

#[test]
fn text_of_files_cannot_control_a_terminal() {
    let base = Base::new();
    let mut message = messages::identify("m1", AT, json!({ "external_id": "u1" }), json!({ "a\u{1b}[31m": 1 }));
    message["field\u{1b}]0;title\u{7}"] = json!(1);
    message["identifiers"]["kind\u{9b}31m"] = json!("x");
    let event = messages::event("m2\u{1b}[2J", AT, json!({ "external_id": "u1" }), "seen", json!({}));
    base.write("lines.ndjson", messages::ndjson(&[message, event]));
    let Ran { status, stdout, stderr } = base.import("lines.ndjson");
    assert_eq!(status, Some(3), "{stderr}");
    let is_obeyed = |it: char| it.is_control() && it != '\n';
    assert!(!stdout.contains(is_obeyed) && !stderr.contains(is_obeyed), "{stderr:?}");
    assert!(stderr.contains("CONTROL_CHARACTER") && stderr.contains("\\u{1b}"), "{stderr}");
}

#[test]
fn keys_files_in_writable_folders_are_refused() {
    let base = Base::new();
    fs::create_dir(base.path("open")).expect("it can be made");
    let create = |file: &str| base.run(&["key", "create", "--role", "ADMIN", "--keys", file]);
    assert_eq!(create("open/keys.json").status, Some(0));
    let mode = |mode: u32| {
        fs::set_permissions(base.path("open"), fs::Permissions::from_mode(mode)).expect("it is ours");
        base.run(&["key", "list", "--keys", "open/keys.json"])
    };
    for open in [0o777, 0o770, 0o702] {
        let Ran { status, stderr, .. } = mode(open);
        assert!(status == Some(1) && stderr.contains("chmod go-w"), "{open:o}: {stderr}");
    }
    for closed in [0o700, 0o755, 0o1777] {
        assert_eq!(mode(closed).status, Some(0), "{closed:o}");
    }
    // A symbolic link can be changed by users who can write its folder.
    fs::create_dir(base.path("names")).expect("it can be made");
    std::os::unix::fs::symlink("../open/keys.json", base.path("names/keys.json")).expect("it can be made");
    fs::set_permissions(base.path("names"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let Ran { status, stderr, .. } = base.run(&["key", "list", "--keys", "names/keys.json"]);
    assert!(status == Some(1) && stderr.contains("names"), "{stderr}");
}
