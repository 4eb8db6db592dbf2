use profile360_core::{
    evidence::link::Pair,
    identifier::{Identifier, Kind, UnifiedId},
    time::Timestamp,
};
use surrealdb::types::{Bytes, Object};

use super::*;
use crate::{
    Store,
    keys::{self, Keys},
    rows::{relation_row, row, unified_id_row},
    write::Writes,
};

const KEYS: Keys = Keys(7);

fn identifier(value: &str) -> Identifier {
    Identifier::new(Kind::new("phone"), value)
}

fn pair() -> Pair {
    Pair { a: identifier("+821011112222"), b: identifier("+821033334444") }
}

fn home() -> UnifiedId {
    UnifiedId(uuid::Uuid::from_u128(1 << 127))
}

fn link() -> RecordId {
    KEYS.link_of_ids("linked", home(), home())
}

fn with_fields(id: RecordId, fields: &[(&str, Value)]) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    for (name, value) in fields {
        object.insert(*name, value.clone());
    }
    Value::Object(object)
}

/// Two writes: what the second one changes is there since the first.
fn writes() -> [Vec<(&'static str, Value)>; 2] {
    let one = |row: Value| Value::from_iter([row]);
    let ids = |ids: Vec<RecordId>| Value::from_iter(ids.into_iter().map(Value::RecordId));
    let setting = |payload: &str| rows::setting_row("a", payload.to_owned());
    let position = |commit: i64| [("c", keys::int(commit)), ("i", keys::int(65_536))];
    let journal = with_fields(
        RecordId::new("journal", surrealdb::types::Array::from_iter([keys::int(1), keys::int(0)])),
        &[("kind", Value::String("messages".to_owned())), ("data", Value::Bytes(Bytes::from(vec![0, 1, 255])))],
    );
    let message = keys::text_id("message_ref", "메시지 1");
    let [commit, index] = position(1);
    let message = with_fields(message, &[("at", keys::int(-1)), commit, index]);
    let timeline = |id: &str| with_fields(KEYS.timeline(home(), Timestamp::EARLIEST, id), &position(1));
    let ends = [pair().a, pair().b, identifier("+0")].map(|end| row(KEYS.identifier(&end), "{\"n\":1}".to_owned()));
    let cluster = |table, payload: &str| {
        row(KEYS.cluster(table, profile360_core::graph::rows::ClusterKey(home())), payload.to_owned())
    };
    let order = KEYS.sharded("order_state", "o1");
    [
        vec![
            ("settings", one(setting("1"))),
            ("unified_ids", one(unified_id_row(KEYS, home(), &pair().a))),
            ("journal", one(journal)),
            ("message_refs", one(message)),
            ("timeline", Value::from_iter([timeline("m1"), timeline("m2")])),
            ("new_identifiers", Value::from_iter(ends)),
            ("new_links", one(relation_row(KEYS, link(), &pair(), "{}".to_owned()))),
            ("new_clusters", one(cluster("cluster", "{\"long\":\"".repeat(40).as_str()))),
            ("new_orders", one(row(order.clone(), "1".to_owned()))),
            ("committed", one(row(RecordId::new("committed", 1_i64), "{}".to_owned()))),
            ("lineage_of", one(rows::lineage_of_row(home(), 1))),
        ],
        vec![
            ("settings", one(setting("2"))),
            ("unified_ids", one(unified_id_row(KEYS, home(), &pair().b))),
            ("list_rows", one(cluster("list_row", "{}"))),
            ("updated", Value::from_iter([row(order, "2".to_owned()), cluster("cluster", "{}")])),
            ("updated_links", one(row(link(), "{\"seen\":2}".to_owned()))),
            ("removed", ids(vec![KEYS.timeline(home(), Timestamp::EARLIEST, "m1")])),
            ("removed_nodes", ids(vec![KEYS.identifier(&identifier("+0"))])),
            ("decided", one(relation_row(KEYS, KEYS.text("decided", "d1"), &pair(), "{}".to_owned()))),
        ],
    ]
}

struct Base {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Base {
    async fn new() -> Self {
        Self::with_memtable(crate::EngineMemory::default().memtable).await
    }

    async fn with_memtable(memtable: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("surrealkv://{}", folder.path().join("data").display());
        let memory = crate::EngineMemory { memtable, ..crate::EngineMemory::default() };
        Self { store: crate::connect_with(&url, memory).await.unwrap(), _folder: folder }
    }

    fn embedded(&self) -> &Embedded {
        self.store.handle.embedded_base().unwrap()
    }

    async fn write(&self, variables: Vec<(&'static str, Value)>) -> Result<()> {
        let mut writes = Writes::default();
        writes.add(variables, self.store.keyspace())?;
        let records = Records::write(self.embedded()).await?;
        if let Err(error) = writes.write_directly(&records).await {
            records.cancel().await;
            return Err(error);
        }
        records.commit().await
    }

    /// Everything that the database has in its tables, as bytes. Without the times of migrations.
    async fn bytes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let records = Records::read(self.embedded()).await.unwrap();
        let all = KeyRange { start: Key::from(b"/*".as_slice()), end: Key::from(b"/+".as_slice()) };
        let found = Transactor::getr(&records.transaction, all, None).await.unwrap().values;
        const TABLES: usize = "/*".len() + size_of::<NamespaceId>() + "*".len() + size_of::<DatabaseId>();
        let is_row = |key: &[u8]| key.get(TABLES) == Some(&b'*') && !key[TABLES..].starts_with(b"*migration");
        found.into_iter().filter(|(key, _)| is_row(key)).collect()
    }
}

#[tokio::test]
async fn rows_are_the_bytes_that_statements_write() {
    let (direct, stated) = (Base::new().await, Base::new().await);
    for (variables, n_edge_keys) in writes().into_iter().zip([4, 8]) {
        let mut statements = Writes::default();
        statements.add(variables.clone(), None).unwrap();
        let (query, bound) = statements.into_statements();
        stated.store.handle.run(format!("BEGIN;{query}COMMIT;"), tx::variables(bound)).await.unwrap();
        direct.write(variables).await.unwrap();
        let (direct, stated) = (direct.bytes().await, stated.bytes().await);
        assert!(direct.iter().filter(|(_, value)| value.is_empty()).count() <= n_edge_keys);
        assert_eq!(direct.len(), stated.len());
        for ((key, value), (stated_key, stated_value)) in direct.iter().zip(&stated) {
            assert_eq!(key.escape_ascii().to_string(), stated_key.escape_ascii().to_string());
            assert_eq!(value.escape_ascii().to_string(), stated_value.escape_ascii().to_string());
        }
    }
}

#[tokio::test]
async fn rows_are_read_as_statements_read_them() {
    let base = Base::new().await;
    let [first, _] = writes();
    base.write(first).await.unwrap();
    let handle = &base.store.handle;
    let ids = vec![
        keys::text_id("message_ref", "메시지 1"),
        keys::text_id("message_ref", "unknown"),
        link(),
        KEYS.unified_id(home()),
        KEYS.identifier(&identifier("+0")),
    ];
    let found = handle.get(ids.clone()).await.unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(found, handle.select(ids).await.unwrap());
    let all_ids = home()..=UnifiedId(uuid::Uuid::max());
    let ranges = [
        KEYS.all("identifier"),
        KEYS.all("linked"),
        KEYS.range_of_ids("timeline", &all_ids),
        KEYS.range_of_ids("purchase", &all_ids),
        keys::range("committed", RecordIdKey::Number(1), RecordIdKey::Number(1)),
        Keys(6).all("identifier"),
    ];
    let mut lengths = Vec::new();
    for range in ranges {
        let found = handle.get_range(range.clone()).await.unwrap();
        assert_eq!(found, handle.select_range(range).await.unwrap());
        lengths.push(found.len());
    }
    assert_eq!(lengths, [3, 1, 2, 0, 1, 0]);
}

/// What another writer has changed is a conflict, and nothing of a failed write stays.
#[tokio::test]
async fn a_row_that_exists_or_is_gone_is_a_conflict() {
    let base = Base::new().await;
    let [first, second] = writes();
    let gone = |variable: &'static str| second.iter().find(|(name, _)| *name == variable).unwrap().clone();
    let link = first.iter().find(|(name, _)| *name == "new_links").unwrap().clone();
    let without_ends = base.write(vec![link]);
    assert!(matches!(without_ends.await, Err(StoreError::Conflict)));
    for missing in ["updated", "updated_links"] {
        let late =
            base.write(vec![("settings", Value::from_iter([rows::setting_row("x", "1".to_owned())])), gone(missing)]);
        assert!(matches!(late.await, Err(StoreError::Conflict)), "{missing}");
    }
    base.write(first.clone()).await.unwrap();
    let before = base.bytes().await;
    for (variable, rows) in first.into_iter().filter(|(name, _)| !["settings", "unified_ids"].contains(name)) {
        let late = base
            .write(vec![("settings", Value::from_iter([rows::setting_row("x", "1".to_owned())])), (variable, rows)]);
        assert!(matches!(late.await, Err(StoreError::Conflict)), "{variable}");
    }
    assert!(base.bytes().await == before);
}

/// The engine ends a process whose transaction does not fit, so what is found to fit must.
#[tokio::test]
async fn what_is_found_to_fit_into_a_transaction_does() {
    const MEMTABLE: usize = 256 * 1024;
    let row = |n: usize| row(KEYS.identifier(&identifier(&format!("+{n}"))), "{}".to_owned());
    let edge = |n: usize| {
        let ends = Pair { a: identifier("+1"), b: identifier(&format!("+{}", n + 1)) };
        let id = KEYS.link_of_ids("linked", home(), UnifiedId(uuid::Uuid::from_u128(n as u128)));
        relation_row(KEYS, id, &ends, "{}".to_owned())
    };
    let decision = |n: usize| {
        let ends = Pair { a: identifier("+1"), b: identifier(&format!("+{}", n + 1)) };
        relation_row(KEYS, KEYS.text("decided", &format!("d{n}")), &ends, "{}".to_owned())
    };
    let node = |n: usize| Value::RecordId(KEYS.identifier(&identifier(&format!("+{}", n + 1))));
    let kinds: [(&str, &dyn Fn(usize) -> Value); 5] = [
        ("new_identifiers", &row),
        ("new_links", &edge),
        ("updated_links", &edge),
        ("decided", &decision),
        ("removed_nodes", &node),
    ];
    let base = Base::with_memtable(MEMTABLE).await;
    let at_most = base.embedded().engine.largest_transaction;
    let mut n_edges = usize::MAX;
    for (name, row) in kinds {
        let writes = |n_rows: usize| {
            let rows = Value::from_iter((1..=n_rows).map(row));
            let mut writes = Writes::default();
            writes.add(vec![(name, rows)], base.store.keyspace()).unwrap();
            writes
        };
        let mut n_rows = 1;
        while writes(n_rows + 1).expect_to_fit(&base.embedded().engine, 0).is_ok() {
            n_rows += 1;
        }
        let refused = writes(n_rows + 1).expect_to_fit(&base.embedded().engine, 0);
        assert!(matches!(refused, Err(StoreError::TooLarge { n_bytes, .. }) if at_most < n_bytes), "{name}");
        match name {
            "new_links" => n_edges = n_rows,
            "updated_links" => n_rows = n_rows.min(n_edges),
            _ => {}
        }
        let records = Records::write(base.embedded()).await.unwrap();
        writes(n_rows).write_directly(&records).await.unwrap();
        records.commit().await.unwrap();
    }
}

/// Two open transactions that write one row: the later one fails.
#[tokio::test]
async fn the_later_of_two_writers_of_a_row_fails() {
    let base = Base::new().await;
    let keyspace = {
        let _ = Records::read(base.embedded()).await.unwrap();
        base.store.keyspace().unwrap()
    };
    let setting = |payload: &str| vec![keyspace.encode(rows::setting_row("x", payload.to_owned())).unwrap()];
    let one = Records::write(base.embedded()).await.unwrap();
    let other = Records::write(base.embedded()).await.unwrap();
    one.replace(setting("1")).await.unwrap();
    other.replace(setting("2")).await.unwrap();
    one.commit().await.unwrap();
    assert!(matches!(other.commit().await, Err(StoreError::Conflict)));
    assert_eq!(base.store.setting("x").await.unwrap().as_deref(), Some("1"));
}
