use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn the_letter_is_the_first_that_readers_see() {
    for (name, expected) in [
        ("김하늘", "김"),
        ("kim", "K"),
        ("  lee", "L"),
        ("élodie", "É"),
        ("e\u{301}lodie", "E\u{301}"),
        ("ßeta", "ß"),
        ("3M", "3"),
        // Decomposed Hangul, with and without a final consonant.
        ("\u{1112}\u{1169}\u{11bc}길동", "홍"),
        ("\u{110b}\u{1175}\u{110c}", "이"),
        ("\u{1100}", "\u{1100}"),
        ("👋🏽 hi", "👋🏽"),
        ("", "?"),
        ("   ", "?"),
    ] {
        assert_eq!(avatar(Some(name)).letter, expected, "{name:?}");
    }
    assert_eq!(avatar(None).letter, "?");
}

#[test]
fn the_color_depends_on_the_letter_alone() {
    assert_eq!(avatar(Some("Kim")), avatar(Some("kang")));
    assert_eq!(avatar(Some("김하늘")), avatar(Some("김바다")));
    assert_eq!(avatar(None), avatar(Some("?")));
}

#[test]
fn common_initials_spread_over_the_colors() {
    let family_names: BTreeSet<&str> =
        ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임"].map(|it| avatar(Some(it)).color).into();
    assert_eq!(family_names.len(), 10);
    let mut latin: BTreeMap<&str, u32> = BTreeMap::new();
    for letter in 'A'..='Z' {
        *latin.entry(avatar(Some(&letter.to_string())).color).or_default() += 1;
    }
    assert_eq!(latin.len(), 12);
    assert!(latin.values().all(|it| *it <= 3), "{latin:?}");
}
