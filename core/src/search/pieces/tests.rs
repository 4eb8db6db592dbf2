use super::*;

#[test]
fn pieces_of_phone_numbers_are_found_however_they_are_written() {
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
    ];
    for text in found {
        assert!(Pieces::of(text).phone.iter().any(|it| number.contains(it)), "{text}");
    }
    let not_found = ["56", "5679", "+1 234", "+10", "+", "12a34", "--", "+82 1234", "8212"];
    for text in not_found {
        assert!(!Pieces::of(text).phone.iter().any(|it| number.contains(it)), "{text}");
    }
}

#[test]
fn pieces_of_addresses_have_three_characters_and_no_space() {
    let address = email_text("minji.kim@example.com");
    for (text, is_found) in [
        ("kim", true),
        (" KIM@Ex ", true),
        ("@example", true),
        ("min", true),
        ("mi", false),
        ("min kim", false),
        ("com.", false),
    ] {
        assert_eq!(Pieces::of(text).email.is_some_and(|it| address.contains(&it)), is_found, "{text}");
    }
}

#[test]
fn more_words_than_a_name_has_are_no_name() {
    assert_eq!(Pieces::of(&"a ".repeat(MAX_WORDS)).name.len(), MAX_WORDS);
    assert!(Pieces::of(&"a ".repeat(MAX_WORDS + 1)).name.is_empty());
}
