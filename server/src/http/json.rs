//! JSON that every reader reads alike. Of two fields of one name some take the first and some the last, and whole numbers beyond 2^64 are
//! rounded by all of them: neither is taken, so that nothing of what was sent is another thing here.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Checks a text; the error is a sentence without anything of the text in it.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Clear>(text) {
        Ok(Clear) => Ok(()),
        // Only these are said here; what is said of other faults may repeat some of the text.
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("the body is not valid JSON (line {}, column {})", error.line(), error.column())),
    }
}

/// From there on not every whole number has a binary form of its own.
const LARGEST: f64 = 9_007_199_254_740_992.0;

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
                return Err(A::Error::custom("a field stands twice in one object; send it once"));
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
    fn what_readers_would_read_differently_is_refused() {
        for good in [
            "{}",
            "[1, -2, 0.5, null, true, \"a\", {\"a\": {\"a\": 1}}]",
            "18446744073709551615",
            "-9223372036854775808",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        let deep = "[".repeat(1_000);
        for (bad, word) in [
            ("{\"a\": [{\"b\": 1, \"\\u0062\": 2}]}", "twice"),
            ("{\"a\": 18446744073709551616}", "too large"),
            ("[-9223372036854775809]", "too large"),
            ("1e300", "too large"),
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
