use super::*;

#[track_caller]
fn term(text: &str) -> Term {
    let mut terms = SearchText::new(text).terms;
    assert_eq!(terms.len(), 1, "{text:?} is one term: {terms:?}");
    terms.remove(0)
}

fn texts(text: &str) -> Vec<String> {
    SearchText::new(text).terms.into_iter().map(|term| term.text).collect()
}

#[test]
fn parts_of_phone_numbers_are_found_however_they_are_written() {
    let number = phone_text("+821012345678");
    let found = [
        "5678",
        "010",
        "0101234",
        "010-1234",
        "010-1234-5678",
        "1234-5678",
        "1234 56",
        "34.56",
        "+82 10",
        "+82-10-1234",
        "+82 010 1234",
        "8210",
        "82101234",
        "821012345678",
        "(010) 1234",
        "1012345678",
        "010 - 1234 - 5678",
    ];
    for text in found {
        assert!(term(text).is_in_phone(&number), "{text}");
    }
    for text in ["56", "5679", "+1 234", "+10", "+", "12a34", "--", "+82 1234", "8212", "5678 1234"] {
        assert!(!term(text).is_in_phone(&number), "{text}");
    }
}

#[test]
fn parts_of_addresses_have_three_characters() {
    let address = email_text("minji.kim@example.com");
    let cases = [("kim", true), (" KIM@Ex ", true), ("@example", true), ("min", true), ("mi", false), ("com.", false)];
    for (text, is_found) in cases {
        assert_eq!(term(text).is_in_email(&address), is_found, "{text}");
    }
}

#[test]
fn beginnings_of_external_ids_and_cards_have_four_characters() {
    let card = reference_text("GOLD 1230100016");
    let cases = [
        ("gold", true),
        ("GOLD-1230", true),
        ("gold_1230", true),
        ("1230", true),
        ("gol", false),
        ("2301", false),
        ("gold1230", false),
        ("gold-1231", false),
    ];
    for (text, is_found) in cases {
        assert_eq!(term(text).is_in_reference(&card), is_found, "{text}");
    }
}

#[test]
fn beginnings_of_unified_ids_have_eight_digits() {
    let id = UnifiedId::parse("4b9c3dd2-2170-801d-8d20-5590627f4558").expect("a unified ID");
    let cases = [
        ("4b9c3dd2", true),
        ("4B9C3DD2-2170", true),
        ("4b9c3dd22170801d", true),
        ("4b9c3dd2-2170-801d-8d20-5590627f4558", true),
        ("4b9c3dd", false),
        ("4b9c3dd3", false),
        ("b9c3dd22", false),
        ("4b9c3dd2-2170-801d-8d20-5590627f45580", false),
        ("4b9c3ddz", false),
    ];
    for (text, is_found) in cases {
        assert_eq!(term(text).unified_ids.is_some_and(|range| range.contains(&id)), is_found, "{text}");
    }
}

#[test]
fn a_text_is_split_at_spaces_but_not_inside_a_number() {
    assert_eq!(texts(" 박도윤  0490 "), ["박도윤", "0490"]);
    assert_eq!(texts("박도윤 010 0490 1184 VIP"), ["박도윤", "010 0490 1184", "vip"]);
    assert_eq!(texts("+82 10-0490"), ["+82 10-0490"]);
    assert!(texts(" \u{a0}\u{200b} ").is_empty());
    assert_eq!(texts(&"a ".repeat(MAX_TERMS)).len(), MAX_TERMS);
    assert!(texts(&"a ".repeat(MAX_TERMS + 1)).is_empty(), "no one has so many");
    assert_eq!(SearchText::new("VIP 도윤 0490").without(&[0]), "도윤 0490");
}
