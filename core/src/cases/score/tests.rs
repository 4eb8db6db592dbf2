use chrono::NaiveDate;
use proptest::prelude::*;

use super::{Known, Match, Signal, closest, compare, forms};
use crate::{profile::model::Gender, time::Timestamp};

fn known(name: &str, birth: Option<(i32, u32, u32)>, gender: Option<Gender>) -> Known {
    let at = Timestamp::from_micros(0);
    let birth_date = birth.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day));
    Known { names: forms(name), birth_date, gender, area: None, active: at..=at }
}

fn signals(found: &Match) -> Vec<Signal> {
    found.reasons.iter().map(|reason| reason.signal).collect()
}

#[test]
fn scores_are_the_sum_of_their_reasons() {
    let mother = known("박지유", Some((1985, 3, 1)), Some(Gender::Female));
    let child = known("박예은", Some((2023, 4, 1)), Some(Gender::Female));
    let found = compare(&mother, &child, 1);
    assert_eq!(
        signals(&found),
        [Signal::SameValue, Signal::DifferentName, Signal::DifferentBirthDate, Signal::SameGender]
    );
    assert_eq!((found.score, found.reasons[2].years), (0, Some(38)));

    let again = known("박 지유", Some((1985, 3, 1)), Some(Gender::Female));
    assert_eq!(compare(&mother, &again, 3).score, 100);
    let unknown = known("", None, None);
    assert_eq!(compare(&mother, &unknown, 1).score, 40, "nothing known is neither for nor against");
    assert_eq!(compare(&mother, &unknown, 3).score, 50);
    assert_eq!(signals(&compare(&mother, &unknown, 1)), [Signal::SameValue]);
}

#[test]
fn a_name_is_the_same_in_any_spelling() {
    for (one, other) in
        [("홍길동", "홍 길동"), ("홍길동", "길동 홍"), ("Mia Wilson", "wilson  MIA"), ("이하늘", "이하늘")]
    {
        assert_eq!(signals(&compare(&known(one, None, None), &known(other, None, None), 0))[1], Signal::SameName);
    }
    for (one, other) in [("홍길동", "홍길순"), ("Mia Wilson", "Mia Wilso"), ("김 하늘", "이하늘")] {
        assert_eq!(signals(&compare(&known(one, None, None), &known(other, None, None), 0))[1], Signal::DifferentName);
    }
}

#[test]
fn periods_and_areas_count_a_little() {
    let mut early = known("", None, None);
    let mut late = early.clone();
    late.active = Timestamp::from_micros(5)..=Timestamp::from_micros(9);
    assert_eq!(signals(&compare(&early, &late, 0)), [Signal::SameValue, Signal::OneAfterTheOther]);
    early.area = Some("서울특별시 강남구".to_owned());
    late.area = early.area.clone();
    assert_eq!(compare(&early, &late, 0).score, 40);
}

#[test]
fn the_closest_pair_is_found_among_all() {
    let (a, b, c) = (known("A", None, None), known("B", None, None), known("b", None, None));
    let found = closest(&[(&a, None), (&b, Some(5)), (&c, Some(2))]).expect("a pair");
    assert_eq!((found.0, found.1, found.2.score), (1, 2, 70));
    assert_eq!(closest(&[(&a, None)]), None);
    let first = closest(&[(&a, None), (&a, Some(1)), (&a, Some(1))]).expect("a pair");
    assert_eq!((first.0, first.1), (0, 1), "of equal pairs the first");
}

fn any_known() -> impl Strategy<Value = Known> {
    let birth = prop::option::of((1940..2020_i32, 1..13_u32, 1..29_u32));
    let gender = prop::option::of(prop_oneof![Just(Gender::Male), Just(Gender::Female)]);
    ("[가나 ]{0,3}", birth, gender).prop_map(|(name, birth, gender)| known(&name, birth, gender))
}

proptest! {
    #[test]
    fn a_comparison_has_no_direction(one in any_known(), other in any_known(), n in 0..9_u64) {
        let found = compare(&one, &other, n);
        prop_assert_eq!(&found, &compare(&other, &one, n));
        let sum: i32 = found.reasons.iter().map(|reason| reason.points).sum();
        prop_assert_eq!(i32::from(found.score), sum.clamp(0, 100));
    }
}
