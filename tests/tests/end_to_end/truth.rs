//! Commands without a database give exactly the results of the API.

use std::collections::{BTreeMap, BTreeSet};

use profile360_tests::{Base, messages};
use serde_json::{Value, json};

#[tokio::test]
async fn resolve_agrees_with_the_database() {
    let base = Base::with(&messages::shuffled(&messages::generated(80, 11)));
    base.write("arrived.ndjson", messages::generated(80, 11));
    let resolve = |arguments: &[&str]| {
        let ran = base.run(&[&["resolve", "--out", "partition.csv"], arguments].concat());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        base.read("partition.csv")
    };
    let partition = resolve(&["arrived.ndjson"]);
    assert_eq!(resolve(&["messages.ndjson"]), partition, "the order does not matter");
    assert_eq!(resolve(&["messages.ndjson", "arrived.ndjson"]), partition, "nor does a repetition");

    // Generated values have no comma or quote, so none is quoted.
    let rows: BTreeSet<[String; 3]> = partition
        .lines()
        .skip(1)
        .map(|line| line.splitn(3, ',').map(str::to_owned).collect::<Vec<_>>().try_into().expect("three columns"))
        .collect();
    let server = base.serve();
    let customers = server.customers("2026-01-01", "unifiedId identifiers { kind value }").await;
    let mut served = BTreeSet::new();
    for (unified_id, customer) in &customers {
        assert_eq!(customer["unifiedId"], json!(unified_id));
        for identifier in customer["identifiers"].as_array().expect("identifiers are a list") {
            let text = |name: &str| identifier[name].as_str().unwrap_or_default().to_owned();
            served.insert([text("kind"), text("value"), unified_id.clone()]);
        }
    }
    assert_eq!(served, rows);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn summarize_agrees_with_the_api() {
    let top = |months: u32| {
        const ITEM: &str = "{ rank key name units orders amount lastPurchasedAt }";
        format!(
            "categories{months}: topCategories(months: {months}) {ITEM} products{months}: topProducts(months: {months}) {ITEM}"
        )
    };
    let fields = format!(
        "purchases {{
            currency windows {{ months from to count amount average }} peakWeekday peakHour firstPurchaseDate lastPurchaseDate
            {} {} {}
        }}",
        top(3),
        top(6),
        top(12)
    );
    let base = Base::with(&messages::generated(80, 12));
    let server = base.serve();
    // In the middle of a month, on a leap day, and on a 31st.
    for as_of in ["2025-07-17", "2024-02-29", "2025-12-31"] {
        let ran = base.run(&["summarize", "messages.ndjson", "--as-of", as_of, "--out", "summary.ndjson"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let mut summaries = BTreeMap::new();
        for line in base.read("summary.ndjson").lines() {
            let mut summary: Value = serde_json::from_str(line).expect("a summary is JSON");
            let id = summary["unifiedId"].take().as_str().expect("it names its customer").to_owned();
            summaries.insert(id, summary);
        }

        let tops = |purchases: &Value, target: &str| -> Value {
            let months = [3, 6, 12];
            months.iter().map(|it| json!({ "months": it, "items": purchases[format!("{target}{it}")] })).collect()
        };
        let customers = server.customers(as_of, &fields).await;
        let served: BTreeMap<String, Value> = customers
            .into_iter()
            .map(|(id, customer)| {
                let purchases = &customer["purchases"];
                let mut summary = json!({
                    "unifiedId": null,
                    "topCategories": tops(purchases, "categories"),
                    "topProducts": tops(purchases, "products"),
                });
                for name in ["currency", "windows", "peakWeekday", "peakHour", "firstPurchaseDate", "lastPurchaseDate"]
                {
                    summary[name] = purchases[name].clone();
                }
                (id, summary)
            })
            .collect();
        assert_eq!(served, summaries, "as of {as_of}");
        let n_buyers = served.values().filter(|it| 0 < it["windows"][2]["count"].as_u64().unwrap_or(0)).count();
        assert!(0 < n_buyers, "there are buyers as of {as_of}");
    }
}
