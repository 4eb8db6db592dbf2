use std::io::BufReader;

use profile360_core::{
    message::limits::MAX_MESSAGE_BYTES,
    policy::{compiled::CompiledPolicy, document::Policy},
};

use super::{Enricher, Framing, Reader};

fn message(id: &str) -> String {
    format!(
        r#"{{"message_id":"{id}","type":"identify","timestamp":"2025-01-01T00:00:00Z","source":"crm","identifiers":{{"external_id":"u1"}},"attributes":{{"note":"a ] in, a \" text {{"}}}}"#
    )
}

/// The number and ID of each accepted message, the number and code of each refused one, and how it ended: the same for chunks of any
/// size.
fn read(bytes: &[u8], framing: Framing) -> String {
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let read = |n_at_once: usize| {
        let mut reader = Reader::new(BufReader::with_capacity(n_at_once, bytes), framing, Enricher::plain());
        let mut messages = Vec::new();
        loop {
            match reader.next(&policy) {
                Ok(Some(item)) => messages.push(match item.parsed {
                    Ok(accepted) => format!("{}:{}", item.number, accepted.message.id),
                    Err(refusal) => format!("{}:{}", item.number, refusal.code),
                }),
                Ok(None) => break,
                Err(error) => {
                    messages.push(format!("({error})"));
                    break;
                }
            }
        }
        messages.join(" ")
    };
    let whole = read(1 << 16);
    if bytes.len() < 10_000 {
        assert_eq!(read(1), whole);
        assert_eq!(read(7), whole);
    }
    whole
}

#[test]
fn lines_and_arrays_hold_the_same_messages() {
    let [a, b] = ["a", "b"].map(message);
    let too_long = message(&"x".repeat(MAX_MESSAGE_BYTES));
    for (text, messages) in [
        (String::new(), ""),
        (format!("{a}\n\r\n \n{b}"), "1:a 4:b"),
        (format!("\u{feff}{a}\n{too_long}\n{b}\n"), "1:a 2:TOO_LARGE 3:b"),
        (format!("{a}\nnonsense\n{b}"), "1:a 2:NOT_JSON 3:b"),
    ] {
        assert_eq!(read(text.as_bytes(), Framing::Lines), messages);
    }
    for (text, messages) in [
        (String::new(), ""),
        (" [ ] ".to_owned(), ""),
        (a.clone(), "1:a"),
        (format!("\u{feff}[{a},{b}]"), "1:a 2:b"),
        (format!("\n[\n {a}\n,\n{b}\n]\n"), "1:a 2:b"),
        (format!("[{a},{too_long},{b}]"), "1:a 2:TOO_LARGE 3:b"),
        (format!("[1, \"],\", null, [{a}], {b}]"), "1:NOT_JSON 2:NOT_JSON 3:NOT_JSON 4:NOT_JSON 5:b"),
        (format!("[{a}"), "1:a (the array ends too early, after item 1)"),
        (format!("[{a},"), "1:a (the array ends too early, after item 1)"),
        (format!("[{a},{{\"message_id\":"), "1:a (the array ends too early, after item 1)"),
        ("[".to_owned(), "(the array ends too early, after item 0)"),
        (
            format!("[{a} {b}]"),
            "1:a (the array is not valid JSON after item 1: items are objects, with commas between them)",
        ),
        (
            format!("[{a},]"),
            "1:a (the array is not valid JSON after item 1: items are objects, with commas between them)",
        ),
        (
            format!("[{a}] {b}"),
            "1:a (the array is not valid JSON after item 1: items are objects, with commas between them)",
        ),
        (
            format!("{a} {b}"),
            "1:a (the array is not valid JSON after item 1: items are objects, with commas between them)",
        ),
        (
            "nonsense".to_owned(),
            "(the array is not valid JSON after item 0: items are objects, with commas between them)",
        ),
        (format!("[{}1{},{b}]", "[".repeat(200_000), "]".repeat(200_000)), "1:NOT_JSON 2:b"),
    ] {
        assert_eq!(read(text.as_bytes(), Framing::Array), messages);
    }
    assert_eq!(read(b"[\"\xff\xfe\"]", Framing::Array), "1:NOT_JSON");
    assert_eq!(read(b"\"\xff\xfe\"\n", Framing::Lines), "1:NOT_JSON");
}
