use super::*;
use crate::policy::CompiledPolicy;

#[track_caller]
fn check(kind: &str, raw: &str, expected: &str) {
    let policy = CompiledPolicy::initial();
    let rule = policy.kind(kind).expect("a known kind");
    let actual = match normalise(raw, rule, &policy) {
        Normalised::Usable { identifier, warning: None } => identifier.value.to_string(),
        Normalised::Usable { identifier, warning: Some(it) } => format!("{} ({it:?})", identifier.value),
        Normalised::Blocked => "blocked".to_owned(),
        Normalised::Refused(reason) => reason.code().to_owned(),
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
        "", "  ", "null", "NULL", "undefined", "None", "NaN", "unknown", "Anonymous", "guest", "N/A", "0", "-1", "0000",
        "111111", "[object Object]", "00000000-0000-0000-0000-000000000000", "000-0000-0000",
    ] {
        check("external_id", raw, "blocked");
        check("device_id", raw, "blocked");
    }
    check("phone", "000-0000-0000", "blocked");
    check("external_id", "7", "7");
    check("external_id", "10", "10");
}
