use super::*;

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000 + 1)
}

fn met(days: &[i64]) -> Neighbours {
    let mut neighbours = Neighbours::default();
    for day in days {
        neighbours.add(Some(at(*day)));
    }
    neighbours
}

#[test]
fn neighbours_are_met_at_once_within_thirty_days() {
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
        let neighbours = met(&days);
        assert_eq!((neighbours.len(), neighbours.met_at_once()), (n, expected), "{days:?}");
        let mut turned = days.clone();
        turned.reverse();
        assert_eq!(met(&turned), neighbours);
        let text = serde_json::to_string(&neighbours).expect("json");
        assert_eq!(serde_json::from_str::<Neighbours>(&text).expect("the same"), neighbours, "{text}");
    }
}

#[test]
fn a_day_moves_and_goes_with_its_neighbour() {
    let mut neighbours = met(&[5, 9, 9]);
    neighbours.meet_earlier(at(9), at(2));
    assert_eq!(neighbours, met(&[2, 5, 9]));
    neighbours.remove(Some(at(5)));
    assert_eq!(neighbours, met(&[2, 9]));
}

#[test]
fn neighbours_that_are_not_stronger_have_no_days() {
    let mut neighbours = Neighbours::default();
    for _ in 0..3 {
        neighbours.add(None);
    }
    assert_eq!((neighbours.len(), neighbours.met_at_once()), (3, 0));
    assert_eq!(serde_json::to_string(&neighbours).expect("json"), "3");
    // As rows have them that were written before days were kept.
    let mut before: Neighbours = serde_json::from_str("2").expect("a number");
    before.add(Some(at(1)));
    assert_eq!((before.len(), before.met_at_once()), (3, 0));
}
