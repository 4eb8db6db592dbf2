use super::phone;
use proptest::prelude::*;

use super::{
    blocked_value::Blocked,
    normalize::{Normalized, normalize},
    text::clean,
};
use crate::policy::compiled::CompiledPolicy;

#[track_caller]
fn check(kind: &str, raw: &str, expected: &str) {
    let policy = CompiledPolicy::initial();
    let rule = policy.kind(kind).expect("a known kind");
    let actual = match normalize(raw, rule, &policy) {
        Normalized::Usable { identifier, warning: None } => identifier.value.to_string(),
        Normalized::Usable { identifier, warning: Some(it) } => format!("{} ({it:?})", identifier.value),
        Normalized::Blocked(_) => "blocked".to_owned(),
        Normalized::Refused(reason) => reason.code().to_owned(),
    };
    assert_eq!(actual, expected, "{kind} {raw:?}");
}

#[test]
fn phones_become_e164_of_82_or_are_refused() {
    for raw in [
        "010-1234-5678",
        "+82 10 1234 5678",
        "821012345678",
        "+82 (0)10-1234-5678",
        " 010.1234.5678 ",
        "01012345678",
        "82 010 1234 5678",
    ] {
        check("phone", raw, "+821012345678");
    }
    check("phone", "02-123-4567", "+8221234567");
    check("phone", "02-1234-5678", "+82212345678");
    check("phone", "011-234-5678", "+82112345678");
    check("phone", "0505-1234-5678", "+8250512345678");
    check("phone", "+1 415 555 0132", "PHONE_FOREIGN");
    check("phone", "0081 90 1234 5678", "PHONE_FOREIGN");
    check("phone", "1588-1234", "PHONE_MALFORMED");
    check("phone", "010-1234", "PHONE_MALFORMED");
    check("phone", "010-1234-56789", "PHONE_MALFORMED");
    check("phone", "010-1234-567x", "PHONE_MALFORMED");
    check("phone", "010-1234-5678 ext 2", "PHONE_MALFORMED");
    check("phone", "+82", "PHONE_MALFORMED");
    check("phone", "82", "PHONE_MALFORMED");
}

#[test]
fn emails_are_lower_case_and_valid() {
    check("email", " Kim@Example.COM ", "kim@example.com");
    check("email", "kim+tag@example.co.kr", "kim+tag@example.co.kr");
    check("email", "kim@@example.com", "EMAIL_MALFORMED");
    check("email", "kim@example", "EMAIL_MALFORMED");
    check("email", "kim", "EMAIL_MALFORMED");
    check("email", "Kim <kim@example.com>", "EMAIL_MALFORMED");
    check("email", "Test@Test.com", "blocked");
}

#[test]
fn external_ids_keep_their_case_and_warn_where_they_look_like_contact_data() {
    check("external_id", " dfinery123 ", "dfinery123");
    check("external_id", "고객-1", "고객-1");
    check("external_id", "kim@example.com", "kim@example.com (LooksLikeEmail)");
    check("external_id", "010-1234-5678", "010-1234-5678 (LooksLikePhone)");
    check("external_id", "1230102301", "1230102301");
    check("external_id", &"x".repeat(256), "IDENTIFIER_TOO_LONG");
    check("external_id", "a\u{0}b", "IDENTIFIER_CONTROL_CHARACTER");
}

#[test]
fn junk_never_founds_a_profile() {
    for raw in [
        "",
        "  ",
        "null",
        "NULL",
        "undefined",
        "None",
        "NaN",
        "unknown",
        "Anonymous",
        "guest",
        "N/A",
        "0",
        "-1",
        "0000",
        "111111",
        "[object Object]",
        "00000000-0000-0000-0000-000000000000",
        "000-0000-0000",
    ] {
        check("external_id", raw, "blocked");
        check("device_id", raw, "blocked");
    }
    check("phone", "000-0000-0000", "blocked");
    check("external_id", "7", "7");
    check("external_id", "10", "10");
}

#[test]
fn phones_are_read_as_they_are_pasted_dialed_and_damaged() {
    for raw in [
        "\u{202a}+82 10-1234-5678\u{202c}",
        "\u{2068}010-1234-5678\u{2069}",
        "\u{200e}01012345678",
        "010-1234-5678\u{200b}",
        "\u{feff}010-1234-5678",
        "010\u{ad}-1234-5678",
        "\u{3000}010\u{a0}1234\u{3000}5678\u{a0}",
        "０１０－１２３４－５６７８",
        "＋８２（０）１０　１２３４　５６７８",
        "(+82)10-1234-5678",
        "(+82) 010-1234-5678",
        "[+82] 10 1234 5678",
        "+82(010)1234-5678",
        "+820 10 1234 5678",
        "+0082 10 1234 5678",
        "0082-10-1234-5678",
        "00821012345678",
        "0082 (0)10 1234 5678",
        "tel:+82-10-1234-5678",
        "TEL: 010-1234-5678",
        "sms:01012345678",
        "'01012345678",
        "010\u{2212}1234\u{2212}5678",
        "010\u{2011}1234\u{2013}5678",
        "010\u{2014}1234\u{2015}5678",
        "010·1234·5678",
        "010/1234/5678",
        "010_1234_5678",
        "1012345678",
        "10-1234-5678",
        "1012345678.0",
        "821012345678.0",
    ] {
        check("phone", raw, "+821012345678");
    }
    check("phone", "11-234-5678", "+82112345678");
    check("phone", "1912345678", "+821912345678");
    check("phone", "82220236478", "+82220236478");
    check("phone", "070-1234-5678", "+827012345678");
    check("phone", "0507-1433-1233", "+8250714331233");
    check("phone", "+82 507 233 1233", "+825072331233");
    // Eight digits behind 010, and as many as the area has behind others.
    for raw in [
        "+82 10 1234 567",
        "010-123-4567",
        "101234567",
        "10123456789",
        "+82 10 12 5678",
        "02-1234-56789",
        "031-123-456",
    ] {
        check("phone", raw, "PHONE_MALFORMED");
    }
    // A landline without its zero may be a number of another country.
    for raw in [
        "212345678",
        "3112345678",
        "7012345678",
        "2125550100",
        "1588-1234",
        "+82 10o 1234 1234",
        "010+1234+5678",
        "++821012345678",
        "tel:",
        "ext:01012345678",
    ] {
        check("phone", raw, "PHONE_MALFORMED");
    }
    for raw in ["0081-90-1234-5678", "+0081 90 1234 5678", "(+1) 212 555 0100", "+1 212 555 0100"] {
        check("phone", raw, "PHONE_FOREIGN");
    }
}

#[test]
fn addresses_have_one_spelling() {
    for raw in [
        "hana@bücher.example",
        "HANA@BÜCHER.EXAMPLE",
        "hana@xn--bcher-kva.example",
        "Hana@XN--BCHER-KVA.Example",
        "hana@bu\u{308}cher.example",
        "hana@bücher。example",
        "ｈａｎａ＠ｂücher．ｅｘａｍｐｌｅ",
        "mailto:hana@bücher.example",
        "\u{200b}hana@bücher.example\u{a0}",
    ] {
        check("email", raw, "hana@bücher.example");
    }
    check("email", "kim@xn--3e0b707e.xn--3e0b707e", "kim@한국.한국");
    check("email", "kim@한국.한국", "kim@한국.한국");
    check("email", "kim@faß.example", "kim@faß.example");
    check("email", "kim@xn--fa-hia.example", "kim@faß.example");
    // What encodes no letters, for letters in another form, or for signs, stays as it is.
    for raw in ["kim@xn--.example", "kim@xn--abc-.example", "kim@xn--a-ecp.example", "kim@xn--zzzzzzzz9999.example"] {
        let policy = CompiledPolicy::initial();
        let rule = policy.kind("email").expect("a known kind");
        if let Normalized::Usable { identifier, .. } = normalize(raw, rule, &policy) {
            assert_eq!(&*identifier.value, raw);
        }
    }
    check("email", "kim@example.com.", "EMAIL_MALFORMED");
    check("email", "kim@example..com", "EMAIL_MALFORMED");
    check("email", "<kim@example.com>", "EMAIL_MALFORMED");
}

#[test]
fn invisible_characters_make_no_other_customer() {
    check("external_id", "\u{feff}\u{200b}a\u{200d}-\u{ad}1\u{2060}\u{3000}\t", "a-1");
    check("external_id", "\u{1112}\u{1161}\u{11ab}-1", "한-1");
    check("external_id", "e\u{301}1", "é1");
    check("external_id", "a\u{a0}1", "a 1");
    check("external_id", "a\u{3000}1", "a 1");
    check("customer_card", "\u{2066}9410-1\u{2069}", "9410-1");
    check("device_id", "\u{200e}d-1\u{200f}", "d-1");
    check("kakao_id", "k-1\u{fe0f}\u{3164}", "k-1");
    check("external_id", "a\u{0}b", "IDENTIFIER_CONTROL_CHARACTER");
    check("external_id", "\u{200b}\u{feff}", "blocked");
    check("external_id", &"가".repeat(86), "IDENTIFIER_TOO_LONG");
    check("external_id", &"가".repeat(85), &"가".repeat(85));
    check("external_id", &format!("{}\u{200b}", "ab-".repeat(85)), &"ab-".repeat(85));
}

#[test]
fn values_that_mean_none_are_blocked_in_any_program_and_language() {
    for raw in [
        "(null)",
        "<null>",
        "[null]",
        "\"null\"",
        "NIL",
        "<nil>",
        "#N/A",
        "#REF!",
        "#DIV/0!",
        "#NAME?",
        "#WERT!",
        "NaN",
        "None",
        "true",
        "FALSE",
        "undefined",
        "[object Object]",
        "[object Undefined]",
        "\\N",
        "distinct_id",
        "not_authenticated",
        "e-mail",
        "id",
        "비회원",
        "없음",
        "없 음",
        "미등록",
        "탈퇴",
        "해당없음",
        "해당 없음",
        "\u{110b}\u{1165}\u{11b9}\u{110b}\u{1173}\u{11b7}",
        "なし",
        "無",
        "ｎｕｌｌ",
        "Ｎ／Ａ",
        "unbekannt",
        "k.A.",
        "keine Angabe",
        "sin datos",
        "inconnu",
        "non renseigné",
        "desconocido",
        "нет данных",
        "无",
        "test",
        "TEST",
        "xxx",
        "XX",
        "aaa",
        "-",
        "--",
        ".",
        "…",
        "?",
        "''",
        "{{user_id}}",
        "${id}",
        "{user_id}",
        "%%ID%%",
        "<%= id %>",
        "9774d56d682e549c",
        "02:00:00:00:00:00",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "ff:ff:ff:ff:ff:ff",
        "-1",
        "0.0",
        "０",
    ] {
        check("external_id", raw, "blocked");
        check("device_id", raw, "blocked");
    }
    for raw in
        ["none@example.com", "NULL@shop.example", "noreply@example.com", "test@test.com", "a@a.com", "xxx@xxx.co.kr"]
    {
        check("email", raw, "blocked");
    }
    // Similar, and real values.
    for raw in
        ["testimonial-7", "idun", "none-1", "nullable", "12", "x1", "aab", "한", "12e345", "e10", "1e5", "noname1"]
    {
        check("external_id", raw, raw);
    }
    for raw in ["test@example.com", "a@example.com", "kim@kim.com", "nora@example.com"] {
        check("email", raw, raw);
    }
}

#[test]
fn masked_values_and_numbers_without_their_digits_are_blocked_with_their_reason() {
    use super::blocked_value::blocked;
    for raw in [
        "h***@example.com",
        "h*@example.com",
        "010-****-1234",
        "•••",
        "9410-••••-1234",
        "010-xxxx-1234",
        "XXXX-XXXX-XXXX-1234",
        "010-####-1234",
        "kim…",
        "kim...@example.com",
        "김???",
        "홍\u{fffd}동",
        "＊＊＊1",
    ] {
        assert_eq!(blocked(&clean(raw)), Some(Blocked::Masked), "{raw:?}");
    }
    for raw in ["8.21E+11", "8,21E+11", "8.80123e+12", "1E+15", "8.21E11", "1.5e-7"] {
        assert_eq!(blocked(raw), Some(Blocked::Scientific), "{raw:?}");
    }
    check("phone", "010-****-1234", "blocked");
    check("phone", "8.21E+11", "blocked");
    check("email", "h***@example.com", "blocked");
}

#[test]
fn whole_numbers_with_decimals_are_suspicious() {
    check("external_id", "1001.0", "1001.0 (HasDecimals)");
    check("customer_card", "9410.00", "9410.00 (HasDecimals)");
    check("external_id", "1.0.1", "1.0.1");
    check("external_id", "1001.5", "1001.5");
    check("external_id", "1001", "1001");
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(kind in 0_usize..7, raw in "[ \u{a0}\u{200b}0-9a-zA-ZÀ-ÿ가-힣\u{1100}-\u{11ff}@.+()－０-９xn*-]{1,20}") {
        let policy = CompiledPolicy::initial();
        let rule = &policy.kinds[kind];
        if let Normalized::Usable { identifier, .. } = normalize(&raw, rule, &policy) {
            let again = normalize(&identifier.value, rule, &policy);
            let is_same = matches!(again, Normalized::Usable { identifier: it, .. } if it == identifier);
            prop_assert!(is_same, "{raw:?} is {:?} first", identifier.value);
        }
    }

    #[test]
    fn every_spelling_of_a_number_has_one_normal_form(rest in 0_u32..100_000_000, dress in 0_usize..9) {
        let (front, back) = (rest / 10_000, rest % 10_000);
        let written = match dress {
            0 => format!("010{front:04}{back:04}"),
            1 => format!("010-{front:04}-{back:04}"),
            2 => format!("+82 10 {front:04} {back:04}"),
            3 => format!("(+82) (0)10.{front:04}.{back:04}"),
            4 => format!("0082 10 {front:04} {back:04}"),
            5 => format!("10{front:04}{back:04}"),
            6 => format!("\u{202a}tel:010\u{2212}{front:04}\u{2212}{back:04}\u{202c}"),
            7 => format!("8210{front:04}{back:04}"),
            _ => format!("０１０－{front:04}－{back:04}"),
        };
        prop_assert_eq!(phone::normal_form(&clean(&written), phone::Leading::MayBeLost), Ok(format!("+8210{front:04}{back:04}")));
    }
}
