//! Masks: what callers without permission to read personal data see in its place. No other module builds masks.
//!
//! A mask keeps just enough to distinguish customers on a screen and to confirm a value over the phone. The length of a mask is
//! independent of the length of the value, except for short names, whose length reveals little.

use profile360_core::{
    identifier::{normalize::is_email, unified_id::IdSecret},
    policy::document::Form,
};
use serde_json::{Map, Value};

/// How a value is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// A name: the first letter of each word, and the last of a short word in Hangul or Chinese characters: `홍*동`, `J*** S***`.
    Name,
    /// A phone number in its normal form, as `010-****-5678`.
    Phone,
    /// An email address, as `h***@example.com`.
    Email,
    /// An identifier of unknown kind: a phone number as [`Mask::Phone`], any other as `ab***yz`.
    Identifier,
    /// An identifier that its resolver masks with [`identifier`], as only the resolver knows the kind.
    ByKind,
    /// The value of an attribute: a phone number or an email address by its own mask, any other value as `***`.
    Attribute,
    /// A text that reveals only whether it has changed: its keyed hash.
    Keyed,
    /// Free text: `***`.
    Text,
    /// Null, whether there is a value or not.
    Hidden,
    /// A policy document, without its blocked values, which are personal data.
    Policy,
}

/// Replaces the part that is not shown.
const STARS: &str = "***";

impl Mask {
    /// The masked value; null stays null. The secret is the database's.
    pub fn of(self, value: Value, secret: &IdSecret) -> Value {
        match (self, value) {
            (_, Value::Null) | (Self::Hidden, _) => Value::Null,
            (Self::ByKind, masked) => masked,
            (Self::Policy, Value::Object(document)) => Value::Object(policy(document, secret)),
            (mask, Value::Array(values)) if mask != Self::Attribute => {
                values.into_iter().map(|value| mask.of(value, secret)).collect()
            }
            (Self::Name, Value::String(text)) => Value::String(name(&text)),
            (Self::Phone, Value::String(text)) => Value::String(identifier(&Form::Phone, &text)),
            (Self::Email, Value::String(text)) => Value::String(identifier(&Form::Email, &text)),
            (Self::Identifier, Value::String(text)) => Value::String(phone(&text).unwrap_or_else(|| other(&text))),
            (Self::Attribute, Value::String(text)) => Value::String(attribute(&text)),
            (Self::Keyed, Value::String(text)) => Value::String(keyed(&text, secret)),
            _ => STARS.into(),
        }
    }
}

/// Masks an identifier by the form of its kind.
pub fn identifier(form: &Form, text: &str) -> String {
    match form {
        Form::Phone => phone(text),
        Form::Email => email(text),
        Form::ExternalId | Form::Trimmed | Form::Pattern(_) => Some(other(text)),
    }
    .unwrap_or_else(|| STARS.to_owned())
}

/// Whether the avatar may show its letter: only if the masked name shows it, too.
pub fn shows_first_letter(name_as_masked: &str) -> bool {
    !name_as_masked.starts_with(STARS)
}

/// A text that reveals only whether it has changed: its keyed hash.
pub fn keyed(text: &str, secret: &IdSecret) -> String {
    let key = secret.key_for("User Profile 360 2026-11 texts that say only whether they changed");
    let mut hash = blake3::keyed_hash(&key, text.as_bytes()).to_hex().to_string();
    hash.truncate(24);
    hash
}

/// Masks a name: keeps the first letter of each word, and the last of a short word in Hangul or Chinese characters.
pub fn name(text: &str) -> String {
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

/// Whether the letter is of a script in which names have two to four letters.
fn is_syllable(letter: char) -> bool {
    matches!(letter, '가'..='힣' | '一'..='鿿' | 'ぁ'..='ヿ')
}

fn attribute(text: &str) -> String {
    phone(text).or_else(|| email(text)).unwrap_or_else(|| STARS.to_owned())
}

/// `+821012345678` as `010-****-5678`; `None` if that would hide fewer than four digits, or if it is not a Korean number.
fn phone(text: &str) -> Option<String> {
    const SHOWN: usize = 4;
    const HIDDEN: usize = 4;
    let national = text.strip_prefix("+82")?;
    if !national.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    // Seoul's area code has one digit, all others two.
    let n_area = if national.starts_with('2') { 1 } else { 2 };
    if national.len() < n_area + HIDDEN + SHOWN {
        return None;
    }
    let area = national.get(..n_area)?;
    let last = national.get(national.len() - SHOWN..)?;
    Some(format!("0{area}-****-{last}"))
}

/// `hong@example.com` as `h***@example.com`; `None` if it is not an address, or if its domain may contain a phone number.
fn email(text: &str) -> Option<String> {
    const MOST_DIGITS: usize = 3;
    if !is_email(text) {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    if MOST_DIGITS < domain.chars().filter(char::is_ascii_digit).count() {
        return None;
    }
    let first = local.chars().next().filter(|_| 1 < local.chars().count());
    Some(first.map_or_else(|| format!("{STARS}@{domain}"), |it| format!("{it}{STARS}@{domain}")))
}

/// The ends of a long identifier: enough to find it in a list, not enough to guess it.
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

fn policy(mut document: Map<String, Value>, secret: &IdSecret) -> Map<String, Value> {
    for field in ["blocked_values", "blocked_patterns"] {
        if let Some(values) = document.get_mut(field) {
            *values = Mask::Text.of(values.take(), secret);
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use profile360_core::{identifier::unified_id::IdSecret, policy::document::Form};
    use serde_json::{Value, json};

    use super::{Mask, identifier};

    #[test]
    fn identifiers_are_masked_by_kind() {
        let table = [
            (Form::Phone, "+821012345678", "010-****-5678"),
            (Form::Phone, "+82212345678", "02-****-5678"),
            (Form::Phone, "+825051234567", "050-****-4567"),
            // Too short: the hidden part could be guessed.
            (Form::Phone, "+8221234567", "***"),
            (Form::Phone, "+82311234567", "***"),
            (Form::Phone, "+8215881234", "***"),
            (Form::Email, "hong@example.com", "h***@example.com"),
            (Form::Email, "h@example.com", "***@example.com"),
            (Form::Email, "hong@163.com", "h***@163.com"),
            (Form::Email, "hong@01097532468.kr", "***"),
            (Form::Email, "hong@010.9753.2468.kr", "***"),
            (Form::ExternalId, "hong@example.com", "ho***om"),
            (Form::ExternalId, "+821012345678", "+8***78"),
            (Form::Trimmed, "kakao@01097532468", "ka***68"),
            (Form::Trimmed, "@hong", "***"),
            (Form::Trimmed, "k@gildong", "***"),
        ];
        for (form, value, left) in table {
            assert_eq!(identifier(&form, value), left, "{form:?} {value}");
        }
    }

    #[test]
    fn each_mask_keeps_only_what_it_promises() {
        let secret = IdSecret::public();
        let table: [(Mask, Value, Value); 44] = [
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
            (Mask::Phone, json!("+821012345678"), json!("010-****-5678")),
            (Mask::Phone, json!("hong@example.com"), json!("***")),
            (Mask::Email, json!("hong@example.com"), json!("h***@example.com")),
            (Mask::Email, json!("+821012345678"), json!("***")),
            (Mask::ByKind, json!("010-****-5678"), json!("010-****-5678")),
            (Mask::Identifier, json!("+821012345678"), json!("010-****-5678")),
            (Mask::Identifier, json!("+8212"), json!("***")),
            (Mask::Identifier, json!("+82101234가나"), json!("+8***가나")),
            (Mask::Identifier, json!("hong@example.com"), json!("ho***om")),
            (Mask::Identifier, json!("1230102301"), json!("12***01")),
            (Mask::Identifier, json!("123456789"), json!("***")),
            (Mask::Identifier, json!("u"), json!("***")),
            (Mask::Identifier, json!(["1230102301", null]), json!(["12***01", null])),
            (Mask::Identifier, Value::Null, Value::Null),
            (Mask::Attribute, json!("+821012345678"), json!("010-****-5678")),
            (Mask::Attribute, json!("+8221234567"), json!("***")),
            (Mask::Attribute, json!("비밀@010-9753-2468"), json!("***")),
            (Mask::Attribute, json!("memo@010.9753.2468"), json!("***")),
            (Mask::Attribute, json!("@hong.gildong"), json!("***")),
            (Mask::Attribute, json!("write to hong@example.com"), json!("***")),
            (Mask::Attribute, json!("010-1234-5678"), json!("***")),
            (Mask::Keyed, Value::Null, Value::Null),
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
            assert_eq!(mask.of(value.clone(), &secret), left, "{mask:?} {value}");
        }
        let keyed = |text: &str, secret: &IdSecret| Mask::Keyed.of(json!(text), secret);
        assert_eq!(keyed("a", &secret), keyed("a", &secret));
        assert_ne!(keyed("a", &secret), keyed("b", &secret));
        assert_ne!(keyed("a", &secret), keyed("a", &IdSecret::new("another")));
        assert!(!keyed("a-long-enough-message-id", &secret).to_string().contains("message"));
    }
}
