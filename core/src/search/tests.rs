use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let actual = match recognize(text, &CompiledPolicy::initial()) {
        Recognized::Empty => "empty".to_owned(),
        Recognized::UnifiedId(value) => format!("id {value}"),
        Recognized::Identifiers(all) => {
            let of_a_form = |it: &&Identifier| matches!(it.kind.as_str(), "external_id" | "phone" | "email");
            let all: Vec<String> = all.iter().filter(of_a_form).map(|it| format!("{}={}", it.kind, it.value)).collect();
            all.join(" ")
        }
    };
    assert_eq!(actual, expected, "{text:?}");
}

#[test]
fn a_search_text_is_what_it_looks_like() {
    check("  ", "empty");
    check("4B9C3DD2-2170-801d-8d20-5590627f4558", "id 4b9c3dd2-2170-801d-8d20-5590627f4558");
    check("010-1234-5678", "external_id=010-1234-5678 phone=+821012345678");
    check(" Kim@Example.com", "external_id=Kim@Example.com email=kim@example.com");
    check("1230102301", "external_id=1230102301");
    check("김철", "external_id=김철");
    check("unknown", "");
}
