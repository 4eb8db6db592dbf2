use super::*;

/// How many messages an edition has set aside; none of one whose tables are removed.
async fn n_held(store: &Store) -> u64 {
    store.held().await.map_or(0, |held| held.set_aside)
}

#[tokio::test]
async fn the_edition_before_stays_until_the_next_one_is_in_force() {
    let first = crate::connect("mem://").await.unwrap();
    first.put_aside(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    let second = first.next_edition().await.unwrap();
    second.put_aside(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    first.switch_to(&second, 0, 2).await.unwrap();
    let reopened = open_in_force(second.root.open(&database(0)).await.unwrap()).await.unwrap();
    assert_eq!((reopened.edition(), n_held(&first).await, n_held(&reopened).await), (1, 1, 1));

    let failed = reopened.next_edition().await.unwrap();
    failed.put_aside(&[("m1".to_owned(), "{}".to_owned())]).await.unwrap();
    let third = reopened.next_edition().await.unwrap();
    assert_eq!((n_held(&first).await, n_held(&failed).await, n_held(&reopened).await, third.edition()), (1, 0, 1, 3));
    reopened.switch_to(&third, 0, 3).await.unwrap();
    third.remove_editions_before(reopened.edition()).await.unwrap();
    assert_eq!((n_held(&first).await, n_held(&reopened).await), (0, 1));
}
