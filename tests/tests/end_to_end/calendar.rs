//! Values that depend on the calendar are updated the next day, without a new message.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use profile360_core::policy::{compiled::CompiledPolicy, document::Policy};
use profile360_directory::ListRow;
use profile360_server::{
    engine::{active_policy::ActivePolicy, directory::Directory, events::Events, state::States},
    memory::CacheSizes,
};
use profile360_store::Store;
use profile360_tests::{Base, in_process, messages};
use serde_json::json;

/// The current time of the list, in seconds since 1970.
static NOW: AtomicI64 = AtomicI64::new(0);

/// The last second of 29 March.
const FIRST: &str = "2025-03-29T22:59:59Z";

fn set(time: &str) {
    NOW.store(DateTime::parse_from_rfc3339(time).expect("a time").timestamp(), Ordering::Relaxed);
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW.load(Ordering::Relaxed), 0).expect("a time")
}

/// The only stored row of the list: its date, age group, number and amount of twelve months.
async fn row(store: &Store) -> [String; 4] {
    let mut rows = Vec::new();
    for ids in store.shares().await.expect("it can be read") {
        rows.extend(store.list_rows_in(&ids).await.expect("it can be read"));
    }
    let [(_, payload)] = &rows[..] else { panic!("there is one customer") };
    let row: ListRow = serde_json::from_str(payload).expect("a row");
    [
        row.as_of.to_string(),
        row.age_group.unwrap_or_default(),
        row.window.count.to_string(),
        row.window.amount.to_string(),
    ]
}

#[test]
fn rows_change_at_midnight_in_the_policys_time_zone() {
    // Summer time begins in Berlin on 30 March 2025, at 01:00 UTC: that day ends at 22:00 UTC, the one before at 23:00.
    let document = json!({ "time_zone": "Europe/Berlin" });
    let who = json!({ "external_id": "1" });
    let base = Base::new();
    base.write("policy.json", document.to_string());
    let sent = [
        messages::identify("m1", "2025-01-01T00:00:00Z", who.clone(), json!({ "df_birth": "1995-03-31" })),
        messages::purchase("m2", "2025-03-29T12:00:00Z", who.clone(), "o1", "100"),
        messages::purchase("m3", "2025-03-30T21:30:00Z", who, "o2", "20"),
    ];
    base.write("in.ndjson", messages::ndjson(&sent));
    assert_eq!(base.run(&["import", "in.ndjson", "--policy", "policy.json"]).status, Some(0));

    let database = base.database();
    in_process(async move {
        let policy: Policy = serde_json::from_value(document).expect("a policy");
        let policy = CompiledPolicy::new(policy).expect("it is sound");
        let store = profile360_store::connect(&database).await.expect("it can be opened");
        let policy = ActivePolicy::load(&store, 1, policy).await.expect("it can be read");
        let directory = Directory::load_by(now, &store, &policy, Arc::new(Events::keeping(1)), CacheSizes::default())
            .await
            .expect("it can be read");
        let states = Arc::new(States::fixed(policy.clone()));
        // The import has listed it for the real date.
        set(FIRST);
        let mut clusters = Vec::new();
        for ids in store.shares().await.expect("it can be read") {
            clusters.extend(store.clusters_in(&ids).await.expect("they can be read").into_iter().map(|(key, _)| key));
        }
        directory.touch(store.last_commit().await.expect("there is one"), clusters, Vec::new());
        for (time, expected, is_change) in [
            (FIRST, ["2025-03-29", "20s", "0", "0"], true),
            ("2025-03-29T23:00:00Z", ["2025-03-30", "20s", "1", "100"], true),
            // After the skipped hour, and at 23:59 in summer time.
            ("2025-03-30T01:00:00Z", ["2025-03-30", "20s", "1", "100"], false),
            ("2025-03-30T21:59:59Z", ["2025-03-30", "20s", "1", "100"], false),
            // The second order counts from here, the thirtieth birthday.
            ("2025-03-30T22:00:00Z", ["2025-03-31", "30s", "2", "120"], true),
            ("2025-12-24T12:00:00Z", ["2025-03-31", "30s", "2", "120"], false),
            // The orders leave the window after a year, in another night in which summer time begins.
            ("2026-03-29T21:59:59Z", ["2025-03-31", "30s", "2", "120"], false),
            ("2026-03-29T22:00:00Z", ["2026-03-30", "30s", "1", "20"], true),
            ("2026-03-30T22:00:00Z", ["2026-03-31", "30s", "0", "0"], true),
        ] {
            set(time);
            directory.touch_due(directory.today(&policy));
            // Only due rows are recomputed.
            assert_eq!(directory.n_pending(), usize::from(is_change), "{time}");
            directory.catch_up(&store, &states, |_| {}).await.expect("it can be written");
            assert_eq!(row(&store).await, expected, "{time}");
        }
        store.close().await;
    });
}
