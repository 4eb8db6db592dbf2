//! The native half of the parity of browser and server.
//!
//! `tests/wasm/fixtures.ndjson` is written by hand; after an intended change, `UPDATE_EXPECTED=1 cargo test --package
//! profile360-wasm` writes its answers, `expected.ndjson`, again. Hundreds of cases more are generated, always the same:
//! `PARITY_CASES=FILE cargo test --package profile360-wasm` writes them to a file, each with its answer. `tests/wasm/parity.mjs`
//! compares the module that the page loads with both.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod generated;

use std::{collections::BTreeMap, env, fs, path::Path};

use profile360_wasm::Facts;
use serde_json::{Value, json};

fn call(export: &str, arguments: &[&str]) -> String {
    let policy = |argument: Option<&&str>| argument.map(|text| (*text).to_owned());
    match (export, arguments) {
        ("normalizeIdentifier", [kind, value, rest @ ..]) if rest.len() < 2 => {
            profile360_wasm::normalize_identifier(kind, value, policy(rest.first()))
        }
        ("checkPolicy", [document]) => profile360_wasm::check_policy(document),
        ("alwaysBlocked", []) => profile360_wasm::always_blocked(),
        _ => panic!("no export {export} with {} arguments", arguments.len()),
    }
}

fn ask(facts: &Facts, method: &str, params: &str) -> String {
    match method {
        "contents" => facts.contents(),
        "profile" => facts.profile(params),
        "profileAsOf" => facts.profile_as_of(params),
        "mergePreview" => facts.merge_preview(params),
        "unmergePreview" => facts.unmerge_preview(params),
        "rankingPreview" => facts.ranking_preview(params),
        "spend" => facts.spend(params),
        "policyPreview" => facts.policy_preview(params),
        "explain" => facts.explain(params),
        _ => panic!("facts have no {method}"),
    }
}

fn answer(fixture: &str) -> String {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let arguments: Vec<&str> =
        fixture["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
    call(fixture["export"].as_str().unwrap(), &arguments)
}

#[test]
fn the_native_build_returns_what_is_expected_of_the_module() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/wasm");
    let fixtures = fs::read_to_string(folder.join("fixtures.ndjson")).unwrap();
    let answers: Vec<String> = fixtures.lines().map(answer).collect();
    let expected = folder.join("expected.ndjson");
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&expected, answers.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let expected = fs::read_to_string(expected).unwrap();
    for ((fixture, answer), expected) in fixtures.lines().zip(&answers).zip(expected.lines()) {
        assert_eq!(answer, expected, "of {fixture}");
    }
    assert_eq!(answers.len(), expected.lines().count());
}

#[test]
fn hundreds_of_previews_are_there_to_compare() {
    let mut lines = String::new();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for base in 0..generated::N_BASES {
        let (facts, params) = generated::base(base);
        lines += &format!("{}\n", json!({ "facts": facts }));
        let facts = Facts::new(&facts);
        for (method, params) in params {
            let answer = ask(&facts, method, &params);
            *outcomes.entry(outcome(method, &answer)).or_default() += 1;
            lines += &format!("{}\n", json!({ "ask": method, "question": params, "expected": answer }));
        }
    }
    let n_cases: usize = outcomes.values().sum();
    assert!(n_cases > 500, "{outcomes:#?}");
    for outcome in [
        "profile",
        "mergePreview APPLIED",
        "mergePreview CONTRADICTED",
        "mergePreview NO_CHANGE",
        "unmergePreview APPLIED",
        "unmergePreview CONTRADICTED",
        "unmergePreview NEEDS_MESSAGES",
        "rankingPreview",
        "spend",
        "policyPreview",
        "policyPreview NEEDS_MESSAGES",
        "policyPreview POLICY_FAULTS",
        "explain",
        "profile UNKNOWN_PROFILE",
        "profile QUESTION_UNREADABLE",
    ] {
        assert!(outcomes.contains_key(outcome), "no {outcome} among {outcomes:#?}");
    }
    if let Some(file) = env::var_os("PARITY_CASES") {
        fs::write(file, lines).unwrap();
    }
}

/// What sort of answer it is.
fn outcome(method: &str, answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let code = answer["error"]["code"].as_str().or(answer["status"].as_str());
    code.map_or_else(|| method.to_owned(), |code| format!("{method} {code}"))
}
