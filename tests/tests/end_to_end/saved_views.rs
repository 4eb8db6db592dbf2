//! Saved views of the customer list: own and shared ones.

use profile360_tests::{Base, Deadline, Server, messages};
use serde_json::{Value, json};

const SAVE: &str =
    "mutation($id: ID, $name: String!, $query: String!, $columns: [String!]!, $isShared: Boolean! = false) {
    saveView(id: $id, name: $name, query: $query, columns: $columns, isShared: $isShared) {
        id name query columns isShared isChangeable owner savedAt
    }
}";
const LIST: &str = "{ savedViews { id name query columns isShared isChangeable owner } }";
const REMOVE: &str = "mutation($id: ID!) { removeView(id: $id) }";

fn view(name: &str, query: &str) -> Value {
    json!({ "name": name, "query": query, "columns": ["phone", "attribute:df_name"] })
}

fn with(mut variables: Value, field: &str, value: Value) -> Value {
    variables[field] = value;
    variables
}

async fn save(server: &Server, variables: Value) -> Value {
    server.ask(SAVE, variables).await["saveView"].take()
}

async fn names(server: &Server) -> Vec<String> {
    let views = server.ask(LIST, Value::Null).await["savedViews"].take();
    let views = views.as_array().expect("views are a list");
    views.iter().map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn views_are_kept_across_restarts_and_policies() {
    let base = Base::new();
    let server = base.serve();
    assert_eq!(names(&server).await, [""; 0]);
    let saved = save(&server, view("  휴면 VIP ", "membership=VIP&activity=%3E60d&sort=NAME.ASC")).await;
    assert_eq!(saved["name"], "휴면 VIP");
    assert_eq!(saved["owner"], "local");
    assert_eq!((&saved["isShared"], &saved["isChangeable"]), (&json!(false), &json!(true)));
    save(&server, view("Shared", "")).await;
    assert_eq!(server.stop(), Some(0));

    let server = base.serve();
    assert_eq!(names(&server).await, ["휴면 VIP", "Shared"], "in the order in which they were saved");
    let changed =
        json!({ "id": saved["id"], "name": "VIP", "query": "membership=VIP", "columns": [], "isShared": true });
    let changed = save(&server, changed).await;
    assert_eq!((&changed["id"], &changed["savedAt"]), (&saved["id"], &saved["savedAt"]));
    assert_eq!(names(&server).await, ["VIP", "Shared"]);
    assert_eq!(server.ask(REMOVE, json!({ "id": saved["id"] })).await["removeView"], true);
    assert_eq!(server.ask(REMOVE, json!({ "id": saved["id"] })).await["removeView"], false);
    assert_eq!(names(&server).await, ["Shared"]);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn a_view_is_its_owner_s_until_it_is_shared() {
    let base = Base::new();
    let keys = ["READER", "ANALYST", "STEWARD", "ADMIN"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    let [reader, analyst, steward, admin] = &keys;
    let shared = |name: &str, query: &str| with(view(name, query), "isShared", json!(true));

    server.show(reader);
    let own = save(&server, view("Own", "platform=IOS")).await;
    assert_eq!(server.codes(SAVE, shared("Mine", "")).await, ["FORBIDDEN"], "sharing requires STEWARD");
    server.show(steward);
    assert_eq!(names(&server).await, [""; 0], "another's view");
    let open = save(&server, shared("Open", "platform=WEB")).await;
    save(&server, shared("Personal", "area=%EC%84%9C%EC%9A%B8")).await;
    save(&server, shared("Consent", "attribute=df_sms_ads_optin%3Atrue")).await;

    // Views with values that a reader sees masked are not listed for one.
    server.show(reader);
    assert_eq!(names(&server).await, ["Own", "Open"], "own ones first");
    server.show(analyst);
    assert_eq!(names(&server).await, ["Open", "Personal", "Consent"]);

    // Only the owner and ADMIN change a shared view, and only the owner changes another one.
    for (key, id, code) in [
        (analyst, &open["id"], &["FORBIDDEN"][..]),
        (admin, &own["id"], &["BAD_USER_INPUT"][..]),
        (admin, &open["id"], &[][..]),
        (steward, &open["id"], &[][..]),
    ] {
        server.show(key);
        let change = with(shared("Open", "platform=WEB"), "id", id.clone());
        assert_eq!(server.codes(SAVE, change).await, code, "{id}");
    }
    server.show(analyst);
    assert_eq!(server.codes(REMOVE, json!({ "id": open["id"] })).await, ["FORBIDDEN"]);
    assert_eq!(server.ask(REMOVE, json!({ "id": own["id"] })).await["removeView"], false, "it cannot be seen");

    // Changes are in the audit log, without the contents.
    server.show(admin);
    let log = server.ask("{ auditLog(action: \"CHANGE\", first: 50) { nodes { action detail } } }", Value::Null).await;
    let operations: Vec<&Value> =
        log["auditLog"]["nodes"].as_array().into_iter().flatten().map(|it| &it["detail"]["operation"][0]).collect();
    assert!(operations.contains(&&json!("saveView")), "{log}");
    assert!(!log.to_string().contains("platform=WEB"));
}

#[tokio::test]
async fn bad_views_are_refused_with_a_sentence() {
    let base = Base::new();
    let server = base.serve();
    save(&server, view("Twice", "")).await;
    for bad in [
        view("", ""),
        view("a\nb", ""),
        view(&"x".repeat(61), ""),
        view("Search", "search=01012345678"),
        view("Long", &format!("area={}", "x".repeat(4_000))),
        view("Twice", "platform=IOS"),
        with(view("Columns", ""), "columns", json!(vec!["phone"; 61])),
        with(view("Unknown", ""), "id", json!("0123")),
    ] {
        let answer = server.answer(SAVE, bad.clone()).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{bad}");
        assert!(!error.to_string().contains("01012345678"), "no value is repeated");
    }
    for n in 1..50 {
        save(&server, view(&format!("View {n}"), "")).await;
    }
    assert_eq!(server.codes(SAVE, view("One more", "")).await, ["BAD_USER_INPUT"], "fifty of one owner");
}

#[tokio::test]
async fn sample_data_fills_an_empty_database_only() {
    const ADD: &str = "mutation { addSampleData { isAdded messages } }";
    let base = Base::new();
    let (reader, admin) = (base.key("READER"), base.key("ADMIN"));
    let mut server = base.serve_with_keys(&[]);
    server.show(&reader);
    assert_eq!(server.codes(ADD, Value::Null).await, ["FORBIDDEN"]);
    server.show(&admin);
    let added = server.ask(ADD, Value::Null).await["addSampleData"].take();
    assert_eq!(added["isAdded"], true);
    assert!(1_000 < added["messages"].as_i64().unwrap_or_default(), "{added}");
    let deadline = Deadline::new("the list of the sample customers");
    while server.unified_ids().await.len() < 200 {
        deadline.check(&added);
    }
    let again = server.ask(ADD, Value::Null).await["addSampleData"].take();
    assert_eq!(again, json!({ "isAdded": false, "messages": 0 }));
    drop(server);

    let base = Base::with(&messages::generated(3, 7));
    let server = base.serve();
    let n_before = server.unified_ids().await.len();
    assert_eq!(server.ask(ADD, Value::Null).await["addSampleData"]["isAdded"], false);
    assert_eq!(server.unified_ids().await.len(), n_before);
}
