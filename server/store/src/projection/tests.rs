use std::collections::BTreeMap;

use profile360_core::{identifier::Kind, plan::changes::Changes};
use surrealdb::types::RecordId;

use super::*;
use crate::{Commit, Entry, Filled, Rows};

async fn states(store: &Store) -> BTreeMap<i64, ProjectionState> {
    store.projections().await.unwrap().into_iter().map(|(number, it)| (number, it.state)).collect()
}

async fn switch(from: &Store, to: &Store, policy: i64) -> Store {
    from.switch_to(to, from.last_commit().await.unwrap(), policy).await.unwrap();
    from.of_projection(to.projection())
}

/// Writes a redirect, which is a row of every projection.
async fn mark(store: &Store) {
    let identifier = Identifier::new(Kind::new("external_id"), "u1");
    store.write_redirects(&[(UnifiedId(uuid::Uuid::max()), identifier)]).await.unwrap();
}

async fn is_marked(store: &Store) -> bool {
    !store.identifiers_by_id(&[UnifiedId(uuid::Uuid::max())]).await.unwrap().is_empty()
}

#[tokio::test]
async fn the_previous_projection_stays_until_the_next_switch() {
    use ProjectionState::{Active, Filling, Previous, Removing};
    let first = crate::connect("mem://").await.unwrap();
    mark(&first).await;
    let second = first.next_projection(2).await.unwrap();
    assert!(!is_marked(&second).await, "projections do not share rows");
    mark(&second).await;
    let second = switch(&first, &second, 2).await;
    assert_eq!(states(&second).await, BTreeMap::from([(1, Previous), (2, Active)]));
    assert!(matches!(first.last_commit().await, Err(StoreError::Superseded)));

    let failed = second.next_projection(3).await.unwrap();
    mark(&failed).await;
    second.abandon_unfinished().await.unwrap();
    second.remove_projections().await.unwrap();
    assert_eq!(states(&second).await, BTreeMap::from([(1, Previous), (2, Active)]));
    assert!(!is_marked(&failed).await && is_marked(&first).await);

    let back = second.resume_projection(1).await.unwrap();
    assert_eq!(states(&second).await, BTreeMap::from([(1, Filling), (2, Active)]));
    let back = switch(&second, &back, 3).await;
    assert_eq!(states(&back).await, BTreeMap::from([(1, Active), (2, Previous)]));

    let third = back.next_projection(4).await.unwrap();
    let third = switch(&back, &third, 4).await;
    assert_eq!(
        states(&third).await,
        BTreeMap::from([(1, Previous), (2, Removing), (4, Active)]),
        "3 is not used again"
    );
    third.remove_projections().await.unwrap();
    assert!(!is_marked(&second).await && is_marked(&back).await);
    let reopened = open_active(third.handle.clone()).await.unwrap();
    assert_eq!((reopened.projection(), reopened.last_commit().await.unwrap()), (4, 3));
}

#[tokio::test]
async fn a_switch_conflicts_with_a_commit_and_a_commit_with_a_switch() {
    let first = crate::connect("mem://").await.unwrap();
    let secret = profile360_core::identifier::unified_id::IdSecret::public();
    let second = first.next_projection(2).await.unwrap();
    let nothing = Changes::default();
    first.commit(&Commit::of(1, &nothing), &secret).await.unwrap();
    let late = first.switch_to(&second, 0, 2).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    assert_eq!(open_active(first.handle.clone()).await.unwrap().projection(), 1);

    first.switch_to(&second, 1, 2).await.unwrap();
    for number in [2, 3] {
        let late = first.commit(&Commit::of(number, &nothing), &secret).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{number}: {late:?}");
    }
    let second = first.of_projection(2);
    second.commit(&Commit::of(3, &nothing), &secret).await.unwrap();
    let Some((2, Entry::Switch(switch))) = second.journal(1, 3).await.unwrap().pop() else { panic!("a switch") };
    assert_eq!((switch.projection, switch.policy), (2, 2));
}

/// Every row of a projection is in a table that removing it visits.
#[tokio::test]
async fn removing_a_projection_leaves_no_row() {
    let first = crate::connect("mem://").await.unwrap();
    let keys = Keys(7);
    let home = UnifiedId(uuid::Uuid::from_u128(1 << 127));
    let tables = BY_ID.iter().chain(&SHARDED).chain(&UNSHARDED);
    let id = |table: &&'static str| match *table {
        "timeline" => keys.timeline(home, profile360_core::time::Timestamp::EARLIEST, "m1"),
        "purchase" => keys.purchase(home, "order", "o1"),
        "linked" | "withheld" => keys.link_of_ids(table, home, home),
        "identifier" => keys.identifier(&Identifier::new(Kind::new("phone"), "+82")),
        "unified_id" => keys.unified_id(home),
        "cluster" | "list_row" => keys.cluster(table, profile360_core::graph::rows::ClusterKey(home)),
        "decided" | "retired" => keys.text(table, "d1"),
        _ => keys.sharded(table, "k1"),
    };
    // The ends of links first.
    let mut ids: Vec<RecordId> = tables.map(id).collect();
    ids.sort_by_key(|id| id.table.as_str() != "identifier");
    for id in &ids {
        let end = keys.identifier(&Identifier::new(Kind::new("phone"), "+82"));
        let query = match id.table.as_str() {
            "linked" => "INSERT RELATION INTO linked { id: $id, in: $end, out: $end, p: '' }",
            "decided" => "INSERT RELATION INTO decided { id: $id, in: $end, out: $end, p: '' }",
            "unified_id" => "CREATE $id SET i = $end",
            "timeline" | "unreadable" => "CREATE $id SET c = 1, i = 1",
            _ => "CREATE $id SET p = ''",
        };
        let variables = tx::variables([("id", Value::RecordId(id.clone())), ("end", Value::RecordId(end))]);
        first.handle.run(query, variables).await.unwrap();
    }
    let count = async || {
        let ids = Value::from_iter(ids.iter().cloned().map(Value::RecordId));
        let found = first.handle.run("SELECT VALUE id FROM $ids", tx::variables([("ids", ids)])).await.unwrap();
        let Value::Array(found) = found else { panic!("an array") };
        found.len()
    };
    assert_eq!(count().await, ids.len());
    first.of_projection(7).remove().await.unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_filled_projection_says_how_far_it_is() {
    let first = crate::connect("mem://").await.unwrap();
    let secret = profile360_core::identifier::unified_id::IdSecret::public();
    let nothing = Changes::default();
    first.commit(&Commit::of(1, &nothing), &secret).await.unwrap();
    let second = first.next_projection(2).await.unwrap();
    assert_eq!((second.last_commit().await.unwrap(), second.listed().await.unwrap()), (0, 0));
    second.fill(&Filled::rows(Rows::of(&nothing)), &secret).await.unwrap();
    second.set_followed(1).await.unwrap();
    assert_eq!(second.last_commit().await.unwrap(), 1);
    assert_eq!(first.last_commit().await.unwrap(), 1);
}
