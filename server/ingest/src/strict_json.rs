//! JSON that every parser reads alike. Of two fields with one name some parsers use the first and some the last, and most round a number
//! that a float cannot hold. This module refuses both.
//!
//! serde_json has no option for the first, and its `arbitrary_precision` changes `Value` for the whole program, also for the database.

use std::{borrow::Cow, collections::HashSet, fmt};

use crate::lossless_json;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Checks a text. The error is a sentence that repeats nothing of the text.
pub fn check(text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Clear>(text) {
        Ok(Clear) if numbers(text).all(is_kept) => Ok(()),
        Ok(Clear) => Err("a number has more digits than would be kept; send it as a text".to_owned()),
        // These are the sentences below. serde_json's own may repeat some of the text.
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("the body is not valid JSON (line {}, column {})", error.line(), error.column())),
    }
}

/// An upper bound of the values and names in a JSON text: each has a separator or a bracket before it.
pub fn n_values(text: &[u8]) -> usize {
    let mut is_in_text = false;
    let mut is_escaped = false;
    let mut n = 1;
    for byte in text {
        match byte {
            _ if is_in_text && std::mem::take(&mut is_escaped) => {}
            b'\\' => is_escaped = is_in_text,
            b'"' => is_in_text = !is_in_text,
            b',' | b':' | b'[' | b'{' if !is_in_text => n += 1,
            _ => {}
        }
    }
    n
}

/// A request that passes [`check`], even if its messages have something that a value cannot hold; see [`lossless_json`]. The error is that
/// of [`check`]: a fault of the request itself, which is one in its `outer` objects.
pub fn prepared(text: &[u8], outer: usize) -> Result<Cow<'_, [u8]>, String> {
    let Err(sentence) = check(text) else { return Ok(Cow::Borrowed(text)) };
    match lossless_json::mark(text, outer, is_held) {
        Cow::Owned(marked) => check(&marked).map(|()| Cow::Owned(marked)),
        Cow::Borrowed(_) => Err(sentence),
    }
}

/// The objects around the value of a variable in a request.
pub const OUTER_OF_REQUEST: usize = 2;
/// And in the parameter `variables` of a URL.
pub const OUTER_OF_PARAMETER: usize = 1;

/// Whether every number of a JSON text survives as 64 bits.
pub fn keeps_digits(text: &[u8]) -> bool {
    numbers(text).all(is_held)
}

/// Whether a number survives as an integer or a float of 64 bits.
fn is_held(number: &str) -> bool {
    match number.contains(['.', 'e', 'E']) {
        true => is_kept(number) && number.parse::<f64>().is_ok_and(|value| value.abs() < LARGEST),
        false => number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok(),
    }
}

/// From here on a float does not hold every integer.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// The numbers of a JSON text, as written.
fn numbers(text: &[u8]) -> impl Iterator<Item = &str> {
    let mut is_in_string = false;
    let mut is_escaped = false;
    text.split(move |byte| {
        let was_in_string = is_in_string;
        match byte {
            _ if std::mem::take(&mut is_escaped) => {}
            b'\\' => is_escaped = is_in_string,
            b'"' => is_in_string = !is_in_string,
            _ => {}
        }
        was_in_string || !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
    })
    // The letter e of true and false is not a number.
    .filter_map(|run| std::str::from_utf8(run).ok().filter(|text| text.bytes().any(|byte| byte.is_ascii_digit())))
}

/// Whether a number keeps its digits as a float. Integers that are too large are refused before.
fn is_kept(number: &str) -> bool {
    let is_whole = !number.contains(['.', 'e', 'E']);
    is_whole || number.parse::<f64>().is_ok_and(|it| significant(number) == significant(&format!("{it:e}")))
}

/// The digits of a number without leading and trailing zeros, and its decimal exponent.
fn significant(number: &str) -> (String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let n_leading = digits.bytes().take_while(|it| *it == b'0').count();
    let digits = digits.trim_matches('0').to_owned();
    if digits.is_empty() {
        return (digits, 0);
    }
    // A number with such an exponent is out of range anyway.
    let point = exponent.parse::<i64>().unwrap_or(i64::MAX);
    (digits, point.saturating_add_unsigned(whole.len() as u64).saturating_sub_unsigned(n_leading as u64))
}

struct Clear;

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Clear {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self, E> {
        if LARGEST <= number.abs() {
            return Err(E::custom("a number is too large to be kept as it is; send it as a text"));
        }
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = fields.next_key::<Name<'_>>()? {
            if !seen.insert(name) {
                return Err(A::Error::custom("a field appears twice in one object; send it once"));
            }
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_without_parsing() {
        for (text, n) in [
            ("", 1),
            ("1", 1),
            ("[1, 2, 3]", 4),
            ("{\"a\": {\"b\": [null]}}", 6),
            // Texts hold no values.
            (r#"["a,b:[{", "\"", "\\", ","]"#, 5),
        ] {
            assert_eq!(n_values(text.as_bytes()), n, "{text}");
        }
    }

    #[test]
    fn ambiguous_json_is_refused() {
        for good in [
            "{}",
            "[1, -2, 0.5, null, true, \"a\", {\"a\": {\"a\": 1}}]",
            "18446744073709551615",
            "-9223372036854775808",
            // JavaScript's sum of 0.1 and 0.2; strings may hold anything.
            "[0.30000000000000004, 25800.00000000000000, 1e-7, 5.551115123125783e-17, -0.0, 0e5, 12.50E+3, {\"1.00000000000000001\": \"\\\"0.1234567890123456789\"}]",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        let deep = "[".repeat(1_000);
        for (bad, word) in [
            ("{\"a\": [{\"b\": 1, \"\\u0062\": 2}]}", "twice"),
            ("{\"a\": 18446744073709551616}", "too large"),
            ("[-9223372036854775809]", "too large"),
            ("1e300", "too large"),
            ("{\"a\": [true, 0.12345678901234567891]}", "more digits"),
            ("[\"\\\\\", 123456789012345.678]", "more digits"),
            ("1e-400", "more digits"),
            ("1e999", "not valid"),
            ("{\"a\": 1", "not valid"),
            (&deep, "not valid"),
        ] {
            let sentence = check(bad.as_bytes()).expect_err(bad);
            assert!(sentence.contains(word), "{bad}: {sentence}");
        }
        assert!(check(b"{\"a\": \"\xff\"}").is_err());
    }
}
