use super::*;

/// The number of unreadable messages in an edition. 0 if its tables are removed.
async fn n_unreadable(store: &Store) -> u64 {
    store.message_counts().await.map_or(0, |counts| counts.unreadable)
}

#[tokio::test]
async fn the_previous_edition_is_kept_until_the_next_switch() {
    let first = crate::connect("mem://").await.unwrap();
    first.keep_unreadable(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    let second = first.next_edition().await.unwrap();
    second.keep_unreadable(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    first.switch_to(&second, 0, 2).await.unwrap();
    let reopened = open_in_force(second.root.open(&database(0)).await.unwrap()).await.unwrap();
    assert_eq!((reopened.edition(), n_unreadable(&first).await, n_unreadable(&reopened).await), (1, 1, 1));

    let failed = reopened.next_edition().await.unwrap();
    failed.keep_unreadable(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    let third = reopened.next_edition().await.unwrap();
    assert_eq!(
        (n_unreadable(&first).await, n_unreadable(&failed).await, n_unreadable(&reopened).await, third.edition()),
        (1, 0, 1, 3)
    );
    reopened.switch_to(&third, 0, 3).await.unwrap();
    third.remove_editions_before(reopened.edition()).await.unwrap();
    assert_eq!((n_unreadable(&first).await, n_unreadable(&reopened).await), (0, 1));
}
