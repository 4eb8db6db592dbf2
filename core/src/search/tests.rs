use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let first = |candidates: &[Identifier]| {
        candidates.first().map(|it| format!("{}={}", it.kind, it.value)).unwrap_or_default()
    };
    let actual = match recognize(text, &CompiledPolicy::initial()) {
        Recognized::Empty => "empty".to_owned(),
        Recognized::UnifiedId { value } => format!("id {value}"),
        Recognized::Identifier { has_form, candidates } => {
            format!("{}{}", first(&candidates), if has_form { " by its form" } else { "" })
        }
        Recognized::Name { value, .. } => format!("name {value}"),
    };
    assert_eq!(actual, expected, "{text:?}");
}

#[test]
fn a_search_text_is_what_it_looks_like() {
    check("  ", "empty");
    check("4B9C3DD2-2170-801d-8d20-5590627f4558", "id 4b9c3dd2-2170-801d-8d20-5590627f4558");
    check("010-1234-5678", "phone=+821012345678 by its form");
    check(" Kim@Example.com", "email=kim@example.com by its form");
    check("1230102301", "external_id=1230102301");
    check("김철", "name 김철");
    check("Kim", "name Kim");
    check("unknown", "name unknown");
}
