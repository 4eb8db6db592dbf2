//! The native half of the parity of browser and server: `expected.ndjson` is what these exports return here, and
//! `tests/wasm/parity.mjs` holds the module that the page loads to the same lines.
//! `UPDATE_EXPECTED=1 cargo test --package profile360-wasm` writes them anew after a change that is meant.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, path::Path};

use serde_json::Value;

fn call(export: &str, arguments: &[&str]) -> String {
    match (export, arguments) {
        ("normaliseIdentifier", [kind, value]) => profile360_wasm::normalise_identifier(kind, value),
        ("recogniseSearch", [text]) => profile360_wasm::recognise_search(text),
        _ => panic!("no export {export} with {} arguments", arguments.len()),
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
