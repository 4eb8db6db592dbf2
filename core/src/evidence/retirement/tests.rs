use super::*;
use crate::identifier::Kind;

fn phone() -> Identifier {
    Identifier::new(Kind::new("phone"), "+821012345678")
}

fn retirement(id: &str, from: i64) -> Retirement {
    Retirement {
        id: id.into(),
        value: phone(),
        from: Timestamp::from_micros(from),
        at: Timestamp::EARLIEST,
        reason: "the carrier gave it away".into(),
        actor: "test".into(),
        revoked: None,
    }
}

#[test]
fn each_owner_has_the_time_between_two_retirements_in_any_order() {
    let mut book = Retirements::default();
    book.put(retirement("later", 200));
    book.put(retirement("earlier", 100));
    book.put(retirement("once more", 100));
    let generation_at = |at| book.owner_at(&phone(), Timestamp::from_micros(at)).generation;
    assert_eq!([0, 99, 100, 199, 200, 999].map(generation_at), [0, 0, 1, 1, 2, 2]);
    let ends: Vec<Option<i64>> =
        book.owners(&phone()).iter().map(|it| book.retired_at(it).map(Timestamp::micros)).collect();
    assert_eq!(ends, [Some(100), Some(200), None]);
}

#[test]
fn what_was_revoked_ends_nobodys_time_and_is_kept() {
    let mut book = Retirements::default();
    book.put(retirement("it", 100));
    let by = Revocation { at: Timestamp::EARLIEST, reason: "a mistake".into(), actor: "test".into() };
    book.put(Retirement { revoked: Some(by), ..retirement("it", 100) });
    assert_eq!(book.owner_at(&phone(), Timestamp::LATEST), phone());
    assert_eq!(book.retired_at(&phone()), None);
    assert!(book.get("it").is_some_and(|it| !it.is_active()));
}
