//! Money: currencies and exact decimals.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Three upper-case letters of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    pub const KRW: Self = Self(*b"KRW");

    /// Accepts three ASCII letters in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Self(letters.map(|it| it.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a currency is three letters"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDecimal {
    Malformed,
    TooLarge,
}

/// The decimal that is nearest to a number.
pub(crate) fn nearest(text: &str) -> Result<Decimal, NoDecimal> {
    if let Some(decimal) = short(text) {
        return Ok(decimal);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    if exponent.is_empty()
        && let Ok(exact) = Decimal::from_str_exact(text)
    {
        return Ok(exact);
    }
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [whole, fraction].concat();
    let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let are_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let has_exponent = text.len() != mantissa.len();
    if digits.is_empty() || !are_digits(&digits) || !are_digits(power) || has_exponent == power.is_empty() {
        return Err(NoDecimal::Malformed);
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(Decimal::ZERO);
    }
    // An exponent too long to be read is as far from zero as one that can be.
    let power = power.parse::<i64>().unwrap_or(i64::MAX / 2);
    let power = if exponent.starts_with('-') {
        -power
    } else if has_exponent {
        power
    } else {
        0
    };
    let length = |it: &str| i64::try_from(it.len()).unwrap_or(i64::MAX / 4);
    // The position of the decimal point relative to the first significant digit.
    let point = power.saturating_add(length(whole)).saturating_sub(length(&digits) - length(significant));
    let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or_default());
    let plain = match point {
        ..=-30 => return Ok(Decimal::ZERO),
        -29..=0 => ["0.", &zeros(-point), significant].concat(),
        1..=29 => match usize::try_from(point).ok().and_then(|it| significant.split_at_checked(it)) {
            Some((whole, fraction)) => [whole, ".", fraction, "0"].concat(),
            None => [significant, &zeros(point - length(significant))].concat(),
        },
        30.. => return Err(NoDecimal::TooLarge),
    };
    let nearest: Decimal = plain.parse().map_err(|_| NoDecimal::TooLarge)?;
    Ok(if mantissa.starts_with('-') { -nearest } else { nearest })
}

/// A positive number of few digits, as most amounts are. `None` for every other text.
fn short(text: &str) -> Option<Decimal> {
    const MOST: usize = 18;
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() || MOST < text.len() {
        return None;
    }
    let mut number = 0_i64;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(Decimal::new(number, u32::try_from(fraction.len()).ok()?))
}

/// The sum; it stops at the largest number.
// Decimal's own are inlined wherever they are called, which the browser would download.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn plus(a: Decimal, b: Decimal) -> Decimal {
    a.saturating_add(b)
}

/// The difference; it stops at the smallest number.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn minus(a: Decimal, b: Decimal) -> Decimal {
    a.saturating_sub(b)
}

/// As [`read_decimal`], where there may be none.
pub(crate) fn read_optional_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    read_decimal(deserializer).map(Some)
}

/// Reads an exact decimal number from the text that it is stored as.
pub(crate) fn read_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(deserializer)?;
    Decimal::from_str_exact(&text).map_err(|_| D::Error::custom("it must be a number, as a text"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_numbers_are_read_as_decimals_are(text in "-?[0-9]{0,12}\\.?[0-9]{0,9}|[0-9.]{0,4}") {
            let exact = Decimal::from_str_exact(&text).ok();
            let number = short(&text);
            prop_assert!(number.is_none() || number.map(|it| it.unpack()) == exact.map(|it| it.unpack()), "{text}");
            let is_plain = text.len() <= 18 && text.starts_with(|it: char| it.is_ascii_digit()) && !text.ends_with('.');
            prop_assert_eq!(number.is_some(), is_plain && exact.is_some(), "{}", text);
        }
    }
}
