use profile360_core::identifier::unified_id::{IdSecret, unified_id};
use surrealdb::types::Array;

use super::*;
use crate::connect::open_memory;

const LEAVE: &str = "
    INSERT INTO setting [
        { id: setting:secret, p: 's' }, { id: setting:edition, p: '1' }, { id: setting:policy, p: '2' }, { id: setting:audited, p: '1' }
    ];
    INSERT INTO policy [{ id: policy:1, p: 'one' }, { id: policy:2, p: 'two' }];
    INSERT INTO audit [{ id: audit:1, p: 'read' }];
";

/// Rows of an edition, as a version without a journal wrote them.
async fn fill_edition(handle: &Handle, secret: &IdSecret) {
    let user = Identifier::new(Kind::new("external_id"), "u1");
    let phone = Identifier::new(Kind::new("phone"), "+8210");
    let key = |identifier: &Identifier| {
        let parts = [identifier.kind.as_str(), &identifier.value].map(|text| Value::String(text.to_owned()));
        RecordId::new("identifier", Array::from_iter(parts.into_iter().chain([int(0)])))
    };
    let ids = [&user, &phone].map(|it| unified_id(it, secret));
    let events = (0..450_i64).map(|n| {
        let key = [keys::uuid_value(ids[0]), int(i64::MAX - n), Value::String(format!("m{n}"))];
        rows::row(RecordId::new("event", Array::from_iter(key)), format!("{{\"message_id\":\"m{n}\"}}"))
    });
    let identifiers = [&user, &phone].map(|it| rows::row(key(it), format!("\"{}\"", it.value)));
    let link_key = Array::from_iter(ids.map(keys::uuid_value));
    let mut link = surrealdb::types::Object::new();
    link.insert("id", Value::RecordId(RecordId::new("linked", link_key)));
    link.insert("in", Value::RecordId(key(&user)));
    link.insert("out", Value::RecordId(key(&phone)));
    link.insert("p", Value::String("link".to_owned()));
    let mut latent = surrealdb::types::Object::new();
    latent.insert("id", Value::RecordId(RecordId::new("latent", RecordIdKey::Uuid(ids[1].0.into()))));
    latent.insert("i", Value::RecordId(key(&user)));
    let claim = rows::row(keys::text_id("order_claim", "o1"), "claim".to_owned());
    let aside = ["m3", "x"].map(|id| {
        rows::row(
            keys::text_id("set_aside", id),
            format!("{{\"message_id\":\"{id}\",\"timestamp\":\"2025-01-01T00:00:00Z\"}}"),
        )
    });
    let query = "
        INSERT INTO event $events RETURN NONE;
        INSERT INTO identifier $identifiers RETURN NONE;
        INSERT RELATION INTO linked $link RETURN NONE;
        INSERT INTO latent $latent RETURN NONE;
        INSERT INTO order_claim $claim RETURN NONE;
        INSERT INTO set_aside $aside RETURN NONE;
        INSERT INTO setting [{ id: setting:commit, p: '7' }, { id: setting:listed, p: '6' }, { id: setting:normal_forms, p: '3' }];
        INSERT INTO committed [{ id: committed:7, p: '{\"touched\":[\"00000000-0000-8000-8000-000000000001\"],\"removed\":[]}' }];
    ";
    let variables = tx::variables([
        ("events", Value::from_iter(events)),
        ("identifiers", Value::from_iter(identifiers)),
        ("link", Value::Object(link)),
        ("latent", Value::Object(latent)),
        ("claim", claim),
        ("aside", Value::from_iter(aside)),
    ]);
    handle.run(query, variables).await.unwrap();
}

/// What the upgrade wrote, without the progress.
async fn everything(handle: &Handle) -> Vec<String> {
    let mut all = Vec::new();
    for table in [
        "journal",
        "message_ref",
        "committed",
        "setting",
        "policy",
        "projection",
        "timeline",
        "unreadable",
        "identifier",
        "unified_id",
        "linked",
        "order_state",
        "audit",
    ] {
        let query = "SELECT * FROM type::table($table)";
        let found = handle.run(query, tx::variables([("table", Value::String(table.to_owned()))])).await.unwrap();
        let Value::Array(found) = found else { panic!("an array") };
        all.extend(found.iter().map(|row| format!("{table} {row:?}")));
    }
    all
}

#[tokio::test]
async fn an_edition_becomes_journal_and_projection_also_when_it_is_interrupted() {
    let secret = IdSecret::public();
    let mut results = Vec::new();
    for interrupted_after in [None, Some(1), Some(4), Some(9)] {
        let handle = Arc::new(open_memory().await.unwrap());
        migrate::run(&handle).await.unwrap();
        assert!(!has_editions(&handle).await.unwrap());
        let root = handle.open(ROOT).await.unwrap();
        migrate::run_on_edition(&root).await.unwrap();
        root.run(LEAVE, tx::no_variables()).await.unwrap();
        let edition = root.open("profile360_1").await.unwrap();
        migrate::run_on_edition(&edition).await.unwrap();
        fill_edition(&edition, &secret).await;

        assert!(has_editions(&handle).await.unwrap());
        if let Some(n_pages) = interrupted_after {
            let settings = settings_of(&root).await.unwrap();
            let new = Store::new(handle.clone(), 1);
            let from = root.open("profile360_1").await.unwrap();
            let upgrade = Upgrade { new, root: root.open(ROOT).await.unwrap(), from, at_most: Some(n_pages) };
            upgrade.run(Progress::Reading { step: 0, row: 0, commit: 0 }, &settings).await.unwrap();
        }
        run(&handle).await.unwrap();
        run(&handle).await.unwrap();
        assert!(!has_editions(&handle).await.unwrap(), "an earlier program does not open it any more");
        results.push(everything(&handle).await);

        let store = crate::projection::open_active(handle).await.unwrap();
        let counts = store.row_counts().await.unwrap();
        assert_eq!((counts.messages, counts.timeline, counts.unreadable), (451, 450, 2), "m3 was sent twice");
        let texts: usize = store.journal(0, 100).await.unwrap().iter().map(|(_, entry)| entry.messages().len()).sum();
        assert_eq!(texts, 452, "no text is lost");
        let user = Identifier::new(Kind::new("external_id"), "u1");
        let events = store.events(unified_id(&user, &secret), Timestamp::EARLIEST, Timestamp::LATEST).await.unwrap();
        assert_eq!((events.len(), events[0].payload.as_str()), (450, "{\"message_id\":\"m449\"}"));
        assert_eq!(store.setting("secret").await.unwrap().as_deref(), Some("s"));
        assert_eq!((store.policy_in_force().await.unwrap(), store.normal_forms().await.unwrap()), (2, 3));
        let (last, listed) = (store.last_commit().await.unwrap(), store.listed().await.unwrap());
        let unlisted = store.commits(listed, last).await.unwrap();
        assert_eq!(unlisted.iter().map(|(_, it)| it.touched.len()).sum::<usize>(), 1, "the list goes on where it was");
    }
    assert!(results.iter().all(|it| *it == results[0]));
}
