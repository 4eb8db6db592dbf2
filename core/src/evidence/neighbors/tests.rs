use super::*;

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000 + 1)
}

fn met(days: &[i64]) -> Neighbors {
    let mut neighbors = Neighbors::default();
    for day in days {
        neighbors.add(Some(at(*day)));
    }
    neighbors
}

#[test]
fn neighbors_are_met_at_once_within_thirty_days() {
    for (days, expected) in [
        (vec![], 0),
        (vec![7], 1),
        (vec![0, 29], 2),
        (vec![0, 30], 1),
        (vec![0, 20, 40, 60], 2),
        (vec![0, 10, 29, 400, 401, 402, 403], 4),
        ((0..16).collect(), 16),
        ((0..17).map(|it| it * 1_000).collect(), 17),
    ] {
        let n = u32::try_from(days.len()).expect("few");
        let neighbors = met(&days);
        assert_eq!((neighbors.len(), neighbors.met_at_once()), (n, expected), "{days:?}");
        let mut turned = days.clone();
        turned.reverse();
        assert_eq!(met(&turned), neighbors);
        let text = serde_json::to_string(&neighbors).expect("json");
        assert_eq!(serde_json::from_str::<Neighbors>(&text).expect("the same"), neighbors, "{text}");
    }
}

#[test]
fn a_day_moves_and_goes_with_its_neighbor() {
    let mut neighbors = met(&[5, 9, 9]);
    neighbors.meet_earlier(at(9), at(2));
    assert_eq!(neighbors, met(&[2, 5, 9]));
    neighbors.remove(Some(at(5)));
    assert_eq!(neighbors, met(&[2, 9]));
}

#[test]
fn neighbors_that_are_not_stronger_have_no_days() {
    let mut neighbors = Neighbors::default();
    for _ in 0..3 {
        neighbors.add(None);
    }
    assert_eq!((neighbors.len(), neighbors.met_at_once()), (3, 0));
    assert_eq!(serde_json::to_string(&neighbors).expect("json"), "3");
    // As rows have them that were written before days were kept.
    let mut before: Neighbors = serde_json::from_str("2").expect("a number");
    before.add(Some(at(1)));
    assert_eq!((before.len(), before.met_at_once()), (3, 0));
}
