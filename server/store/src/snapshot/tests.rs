use profile360_core::plan::changes::Changes;

use super::*;
use crate::Commit;

/// On both kinds: the engine's own transactions, and those of the SDK.
async fn stores() -> [(Store, tempfile::TempDir); 2] {
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let embedded = crate::connect(&format!("surrealkv://{}", folder.path().join("data").display())).await.unwrap();
    [(embedded, folder), (crate::connect("mem://").await.unwrap(), other)]
}

async fn commit(store: &Store, number: i64) {
    let secret = profile360_core::identifier::unified_id::IdSecret::new("a secret");
    store.commit(&Commit::of(number, &Changes::default()), &secret).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_sees_one_commit_until_it_is_refreshed() {
    for (store, _folder) in stores().await {
        commit(&store, 1).await;
        let snapshot = store.snapshot();
        assert_eq!(snapshot.commit_read().await.unwrap(), None, "nothing was read yet");
        commit(&store, 2).await;
        assert_eq!(snapshot.last_commit().await.unwrap(), 2, "it begins with the first read");
        commit(&store, 3).await;
        let same = store.snapshot();
        same.see(&snapshot).await.unwrap();
        let within = snapshot.snapshot();
        for one in [&snapshot, &same, &within] {
            assert_eq!(one.last_commit().await.unwrap(), 2);
            assert_eq!(one.commits(0, 10).await.unwrap().len(), 2);
            assert_eq!(one.commit_read().await.unwrap(), Some(2));
        }
        assert_eq!(store.last_commit().await.unwrap(), 3);
        snapshot.refresh().await;
        assert_eq!((snapshot.last_commit().await.unwrap(), same.last_commit().await.unwrap()), (3, 2));
    }
}

#[tokio::test]
async fn what_is_written_through_a_snapshot_is_read_after_it() {
    for (store, _folder) in stores().await {
        commit(&store, 1).await;
        let snapshot = store.snapshot();
        assert_eq!(snapshot.last_commit().await.unwrap(), 1);
        commit(&snapshot, 2).await;
        assert_eq!((snapshot.last_commit().await.unwrap(), store.last_commit().await.unwrap()), (2, 2));
    }
}

/// A caller that gives up must not take the snapshot from the other readers of its response.
#[tokio::test]
async fn an_abandoned_query_leaves_the_snapshot_to_others() {
    for (store, _folder) in stores().await {
        commit(&store, 1).await;
        let snapshot = store.snapshot();
        assert_eq!(snapshot.last_commit().await.unwrap(), 1);
        commit(&store, 2).await;
        for _ in 0..3 {
            let query = snapshot.last_commit();
            tokio::select! {
                biased;
                _ = query => {}
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(snapshot.last_commit().await.unwrap(), 1);
        }
    }
}
