use proptest::prelude::*;

use super::*;

#[track_caller]
fn finds(typed: &str, name: &str) -> bool {
    let text = text_of(name);
    let parts = parts_of(typed);
    for (part, at) in parts.iter().flat_map(|part| [(part, At::Word), (part, At::Anywhere)]) {
        let is_through = is_through(&part.sieve(at), &text);
        let is_in = part.is_in(&text, at);
        assert!(is_through || !is_in, "{typed} is in {name} ({at:?}), and the sieve rejects it");
        if part.is_decided_by_sieve() {
            assert_eq!(is_through, is_in, "{typed} in {name} ({at:?})");
        }
        assert!(!part.is_in(&text, At::Word) || part.is_in(&text, At::Anywhere), "{typed} in {name}");
    }
    parts.iter().all(|part| part.is_in(&text, At::Anywhere))
}

fn parts_of(typed: &str) -> Vec<NamePart> {
    normal_name(typed).split_whitespace().filter_map(NamePart::of_word).collect()
}

/// A name with its other spellings, as it is searched.
fn text_of(name: &str) -> String {
    let normal = normal_name(name);
    format!("{normal}{}", other_spellings(&normal))
}

fn is_through(sieve: &Sieve, normal: &str) -> bool {
    let holds = |text: &str, bytes: &[u8]| text.as_bytes().windows(bytes.len()).any(|it| it == bytes);
    match sieve {
        Sieve::Names(any) => any.iter().any(|it| holds(normal, it)),
        Sieve::Initials(it) => holds(&initials(normal), it),
    }
}

#[test]
fn a_part_of_a_name_is_found_as_people_type_it() {
    let found = [
        ("ㅎ", "홍길동"),
        ("ㅎㄱ", "홍길동"),
        ("ㅎㄱㄷ", "홍길동"),
        ("홍ㄱ", "홍길동"),
        ("홍ㄱㄷ", "홍길동"),
        ("ㅎ길", "홍길동"),
        ("ㅎ길ㄷ", "홍길동"),
        ("호", "홍길동"),
        ("홍기", "홍길동"),
        ("홍길", "홍길동"),
        ("홍길도", "홍길동"),
        ("홍길동", "홍길동"),
        // A final consonant that is the first key of the next syllable.
        ("한", "하나리"),
        ("밗", "박서준"),
        // Consonants that the keyboard has joined.
        ("ㅄㅈ", "박서준"),
        ("밗ㅈ", "박서준"),
        ("잇ㄱ", "이승기"),
        ("앉ㅎ", "안재현"),
        ("읷", "이강서"),
        ("읷ㅈ", "이강서준"),
        ("고", "곽지수"),
        ("의", "의정"),
        ("ㄲ", "까치"),
        ("ㅋㅋ", "ㅋㅋ"),
        ("ㄳ", "ㄳ"),
        // Conjoining letters, and text that is taken apart.
        ("\u{1112}\u{1100}\u{1103}", "홍길동"),
        ("\u{1112}\u{1169}\u{11bc}\u{1100}\u{1175}", "홍길동"),
        ("홍길", "\u{1112}\u{1169}\u{11bc}\u{1100}\u{1175}\u{11af}\u{1103}\u{1169}\u{11bc}"),
        ("kim", "Minji KIM"),
        ("KIM m", "Minji Kim"),
        ("e\u{301}", "Édith Piaf"),
        ("strass", "Anna STRAẞ"),
        ("σο", "Νίκος Σοφός"),
        ("아", "박 아다"),
        ("ㅂ ㅇ", "박 아다"),
        (" 홍   길 ", "길 홍"),
        ("길\u{200b}", "길동"),
        // From every syllable on.
        ("길동", "홍길동"),
        ("도윤", "박도윤"),
        ("윤", "윤도윤"),
        ("ㄱㄷ", "홍길동"),
        ("ㅅㅈ", "김서진"),
        ("길ㄷ", "홍길동"),
        ("ㅅㅈ", "남궁서진"),
        ("석", "박서균"),
        ("太郎", "山田太郎"),
        ("たろう", "やまだたろう"),
        // With and without accents.
        ("jose", "José García"),
        ("josé garcia", "Jose Garcia"),
        ("GARCÍA", "josé garcía"),
        ("lodz", "Łódź"),
        ("soren", "Søren Æbelø"),
        ("aebelo", "Søren Æbelø"),
        ("νικος", "Νίκος Σοφός"),
    ];
    for (typed, name) in found {
        assert!(finds(typed, name), "{typed} finds {name}");
    }
    let not_found = [
        ("홍동", "홍길동"),
        ("ㅎㄷ", "홍길동"),
        ("홍ㄷ", "홍길동"),
        ("홍길동이", "홍길동"),
        ("ㄱ", "까치"),
        ("호ㄱ", "홍길동"),
        ("동홍", "홍길동"),
        ("arcia", "José García"),
        // Those are other letters of kana, not accents.
        ("か", "がく"),
        ("하", "홍길동"),
        ("inji", "Minji Kim"),
        ("kim x", "Minji Kim"),
        ("잇ㄱ", "잇지"),
        ("ㅏ", "아이유"),
    ];
    for (typed, name) in not_found {
        assert!(!finds(typed, name), "{typed} does not find {name}");
    }
    assert_eq!(NamePart::of_word("\u{301}"), None, "it would be in every name");
    assert_eq!(normal_name(" Kim \u{1} \tMINJI\u{200d} "), " kim minji");
}

/// What a keyboard of two sets (두벌식) shows after these keys.
fn composed(keys: &[char]) -> String {
    fn shown(initial: Option<char>, vowel: &str, last: &str) -> String {
        let place = |letters: &[&str], text: &str| {
            letters.iter().position(|letter| *letter == text).and_then(|it| u32::try_from(it).ok())
        };
        match (initial, place(&VOWELS, vowel)) {
            (Some(initial), Some(vowel)) => {
                let initial = INITIALS.iter().position(|it| *it == initial).expect("an initial consonant");
                let last = place(&FINALS, last).expect("a final");
                let number = (u32::try_from(initial).expect("small") * N_VOWELS + vowel) * N_FINALS + last;
                char::from_u32(FIRST_SYLLABLE + number).expect("a syllable").to_string()
            }
            (initial, _) => initial.map(String::from).unwrap_or_default(),
        }
    }
    let mut done = String::new();
    let (mut initial, mut vowel, mut last): (Option<char>, String, String) = (None, String::new(), String::new());
    for key in keys {
        let is_vowel = VOWELS.contains(&key.to_string().as_str());
        if is_vowel && last.is_empty() && VOWELS.contains(&format!("{vowel}{key}").as_str()) {
            vowel.push(*key);
        } else if is_vowel {
            // The last consonant goes over to the new syllable.
            let moved = last.pop().expect("names have no vowel without a consonant");
            done.push_str(&shown(initial, &vowel, &last));
            (initial, vowel, last) = (Some(moved), key.to_string(), String::new());
        } else if !vowel.is_empty() && FINALS.contains(&format!("{last}{key}").as_str()) {
            last.push(*key);
        } else {
            done.push_str(&shown(initial, &vowel, &last));
            (initial, vowel, last) = (Some(*key), String::new(), String::new());
        }
    }
    done.push_str(&shown(initial, &vowel, &last));
    // Consonants without a vowel are joined, too, from the left.
    let mut joined = String::new();
    for letter in done.chars() {
        let both = joined.chars().next_back().map(|it| format!("{it}{letter}"));
        match JOINED.iter().find(|(_, keys)| Some(*keys) == both.as_deref()) {
            Some((both, _)) => {
                joined.pop();
                joined.push(*both);
            }
            None => joined.push(letter),
        }
    }
    joined
}

#[test]
fn a_family_name_of_hangul_or_han_comes_first() {
    for (first, last, expected) in [
        ("지우", "한", "한지우"),
        (" 지우\u{200b}", "한\u{a0}", "한지우"),
        ("\u{110c}\u{1175}\u{110b}\u{116e}", "한", "한지우"),
        ("선", "남궁", "남궁선"),
        ("太郎", "山田", "山田太郎"),
        ("エリカ", "山田", "山田エリカ"),
        ("伟", "王", "王伟"),
        ("Jiwoo", "Han", "Jiwoo Han"),
        ("지우", "Han", "지우 Han"),
        ("Jiwoo", "한", "Jiwoo 한"),
        ("ジョン", "スミス", "ジョン スミス"),
        ("지우", "", "지우"),
        (" ", "한", "한"),
        ("", "", ""),
    ] {
        assert_eq!(full_name(first, last), expected, "{first:?} {last:?}");
    }
}

#[test]
fn a_name_in_one_word_or_two_is_found_in_one_word_or_two() {
    let finds = |typed: &str, name: &str| {
        let text = text_of(name);
        finds(typed, name) || NamePart::of_words_as_one(typed).iter().any(|part| part.is_in(&text, At::Anywhere))
    };
    for name in ["한지우", "한 지우", "지우 한"] {
        for typed in ["한지우", "한 지우", "지우 한", "ㅎㅈㅇ", "ㅎ ㅈㅇ", "한지", "한ㅈ", "한 ㅈ", "한 지"]
        {
            assert!(finds(typed, name), "{typed} finds {name}");
        }
        for typed in ["한지수", "박 지우", "ㅂㅈㅇ"] {
            assert!(!finds(typed, name), "{typed} finds {name}");
        }
    }
    assert!(finds("山田 太郎", "山田太郎"));
    assert!(finds("山田太郎", "山田 太郎"));
    assert!(!finds("jiwoohan", "Jiwoo Han"));
}

fn name() -> impl Strategy<Value = String> {
    let any = prop::char::range('가', '힣');
    let usual = prop::sample::select("김이박최정강조윤장임홍길동서준하나민지곽의계까앉없".chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![usual, any], 1..5).prop_map(|it| it.into_iter().collect())
}

proptest! {
    #[test]
    fn a_name_is_found_after_every_key(before in name(), name in name(), n_keys in 1..20_usize) {
        let keys: Vec<char> = name.chars().flat_map(keys).take(n_keys).collect();
        let typed = composed(&keys);
        prop_assert!(finds(&typed, &name), "{typed} finds {name}");
        prop_assert!(finds(&typed, &format!("{before}{name}")), "{typed} finds {before}{name}");
    }

    #[test]
    fn a_name_is_found_by_syllables_and_then_initial_consonants(name in name(), n_syllables in 0..4_usize) {
        let whole = name.chars().take(n_syllables).flat_map(keys);
        let keys: Vec<char> = whole.chain(name.chars().skip(n_syllables).filter_map(initial_of)).collect();
        let typed = composed(&keys);
        prop_assert!(finds(&typed, &name), "{typed} finds {name}");
    }

    #[test]
    fn the_normal_form_is_one_however_it_is_written(name in "[\\PC가-힣a-zA-Zßéς ]{0,12}", other in name(), typed in "[ㄱ-ㅣ가-힣a-z]{1,4}") {
        let normal = normal_name(&name);
        prop_assert_eq!(&normal_name(&normal), &normal);
        prop_assert_eq!(&normal_name(&name.nfd().collect::<String>()), &normal);
        prop_assert_eq!(without_accents(&without_accents(&normal)), without_accents(&normal));
        finds(&typed, &other);
    }
}
