//! Masks: what of a personal value those see who may not see it. The only place that knows how one looks.
//!
//! A mask keeps what helps to tell customers apart on a screen and to confirm what someone says who is on the phone, and never
//! more of a value than that. Its length says nothing of the value's, but for names, whose length says next to nothing.

use serde_json::{Map, Value};

/// How a value is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// A name: the first letter of each word, of a short one in Hangul or Chinese characters the last, too: `홍*동`, `J*** S***`.
    Name,
    /// A phone number, an e-mail address or another identifier, as it looks: `010-****-5678`, `h***@example.com`, `ab***yz`.
    Identifier,
    /// The value of an attribute: a phone number or an e-mail address as identifiers are, anything else not at all.
    Attribute,
    /// Free text: that there is one.
    Text,
    /// Nothing, not even that there is something.
    Hidden,
    /// A policy document: blocked values are values of someone.
    Policy,
}

/// What stands for what is not shown.
const STARS: &str = "***";

impl Mask {
    /// The value as it is shown; what is not there stays so.
    pub fn of(self, value: Value) -> Value {
        match (self, value) {
            (_, Value::Null) | (Self::Hidden, _) => Value::Null,
            (Self::Policy, Value::Object(document)) => Value::Object(policy(document)),
            (mask, Value::Array(values)) if mask != Self::Attribute => {
                values.into_iter().map(|it| mask.of(it)).collect()
            }
            (Self::Name, Value::String(text)) => Value::String(name(&text)),
            (Self::Identifier, Value::String(text)) => Value::String(identifier(&text)),
            (Self::Attribute, Value::String(text)) => Value::String(attribute(&text)),
            _ => STARS.into(),
        }
    }
}

fn name(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    const LONGEST: usize = 4;
    let letters: Vec<char> = word.chars().collect();
    let is_short = letters.len() <= LONGEST && letters.iter().all(|it| is_syllable(*it));
    match letters.as_slice() {
        [first, _] if is_short => format!("{first}*"),
        [first, middle @ .., last] if is_short && !middle.is_empty() => {
            format!("{first}{}{last}", "*".repeat(middle.len()))
        }
        [first, _, ..] => format!("{first}{STARS}"),
        _ => STARS.to_owned(),
    }
}

/// Of scripts in which a name has two to four letters.
fn is_syllable(letter: char) -> bool {
    matches!(letter, '가'..='힣' | '一'..='鿿' | 'ぁ'..='ヿ')
}

fn identifier(text: &str) -> String {
    phone(text).or_else(|| email(text)).unwrap_or_else(|| other(text))
}

fn attribute(text: &str) -> String {
    phone(text).or_else(|| email(text)).unwrap_or_else(|| STARS.to_owned())
}

/// `+821012345678` as `010-****-5678`.
fn phone(text: &str) -> Option<String> {
    const FEWEST: usize = 8;
    let national = text.strip_prefix("+82")?;
    if national.len() < FEWEST || !national.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    // Seoul's area code has one digit, all others two.
    let area = national.get(..if national.starts_with('2') { 1 } else { 2 })?;
    let last = national.get(national.len() - 4..)?;
    Some(format!("0{area}-****-{last}"))
}

/// `hong@example.com` as `h***@example.com`.
fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    if domain.is_empty() || domain.contains(char::is_whitespace) {
        return None;
    }
    let first = local.chars().next().filter(|_| 1 < local.chars().count());
    Some(first.map_or_else(|| format!("{STARS}@{domain}"), |it| format!("{it}{STARS}@{domain}")))
}

/// The ends of a long one: enough to find it in a list, not enough to guess it.
fn other(text: &str) -> String {
    const SHORTEST: usize = 10;
    const SHOWN: usize = 2;
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < SHORTEST {
        return STARS.to_owned();
    }
    let (first, last) = (&letters[..SHOWN], &letters[letters.len() - SHOWN..]);
    format!("{}{STARS}{}", String::from_iter(first), String::from_iter(last))
}

fn policy(mut document: Map<String, Value>) -> Map<String, Value> {
    for field in ["blocked_values", "blocked_patterns"] {
        if let Some(values) = document.get_mut(field) {
            *values = Mask::Text.of(values.take());
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Mask;

    #[test]
    fn what_is_left_of_a_value() {
        let table: [(Mask, Value, Value); 36] = [
            (Mask::Name, json!("홍길동"), json!("홍*동")),
            (Mask::Name, json!("이산"), json!("이*")),
            (Mask::Name, json!("남궁민수"), json!("남**수")),
            (Mask::Name, json!("황금독수리온세상"), json!("황***")),
            (Mask::Name, json!("홍"), json!("***")),
            (Mask::Name, json!("田中太郎"), json!("田**郎")),
            (Mask::Name, json!("John Smith"), json!("J*** S***")),
            (Mask::Name, json!("Jo X"), json!("J*** ***")),
            (Mask::Name, json!("김 e\u{301}"), json!("*** e***")),
            (Mask::Name, json!("  "), json!("")),
            (Mask::Identifier, json!("+821012345678"), json!("010-****-5678")),
            (Mask::Identifier, json!("+82212345678"), json!("02-****-5678")),
            (Mask::Identifier, json!("+82311234567"), json!("031-****-4567")),
            (Mask::Identifier, json!("+8212"), json!("***")),
            (Mask::Identifier, json!("+82101234가나"), json!("+8***가나")),
            (Mask::Identifier, json!("hong@example.com"), json!("h***@example.com")),
            (Mask::Identifier, json!("h@example.com"), json!("***@example.com")),
            (Mask::Identifier, json!("a@b@example.com"), json!("a***@example.com")),
            (Mask::Identifier, json!("@example.com"), json!("***@example.com")),
            (Mask::Identifier, json!("1230102301"), json!("12***01")),
            (Mask::Identifier, json!("123456789"), json!("***")),
            (Mask::Identifier, json!("u"), json!("***")),
            (Mask::Identifier, json!(["1230102301", null]), json!(["12***01", null])),
            (Mask::Identifier, Value::Null, Value::Null),
            (Mask::Attribute, json!("서울시 강남구 테헤란로 1"), json!("***")),
            (Mask::Attribute, json!("hong@example.com"), json!("h***@example.com")),
            (Mask::Attribute, json!(1_012_345_678), json!("***")),
            (Mask::Attribute, json!(true), json!("***")),
            (Mask::Attribute, json!(["a", "b", "c"]), json!("***")),
            (Mask::Attribute, json!({ "a": 1 }), json!("***")),
            (Mask::Text, json!("she called from 010-1234-5678"), json!("***")),
            (Mask::Text, json!(["a", "b"]), json!(["***", "***"])),
            (Mask::Hidden, json!("1991-03-14"), Value::Null),
            (Mask::Hidden, json!({ "df_items": [] }), Value::Null),
            (
                Mask::Policy,
                json!({ "currency": "KRW", "blocked_values": ["010"], "blocked_patterns": [] }),
                json!({ "currency": "KRW", "blocked_values": ["***"], "blocked_patterns": [] }),
            ),
            (Mask::Policy, json!([{ "blocked_values": ["010"] }]), json!([{ "blocked_values": ["***"] }])),
        ];
        for (mask, value, left) in table {
            assert_eq!(mask.of(value.clone()), left, "{mask:?} {value}");
        }
    }
}
