//! Identifiers: as they are sent, phone numbers, and junk.

use super::dice::Dice;

/// An identifier as in a message.
#[derive(Clone)]
pub(super) struct Identifier {
    pub(super) kind: &'static str,
    pub(super) written: String,
    /// The normal form. `None` for junk, which identifies no customer.
    pub(super) normal: Option<String>,
}

/// The eight digits after 010 of a Korean mobile number.
#[derive(Clone, Copy)]
pub(super) struct Phone(u64);

/// Numbers that people enter into forms instead of theirs, and that the system does not block.
const JUNK_PHONES: [Phone; 2] = [Phone(0), Phone(12_345_678)];

impl Phone {
    const FIRST: u64 = 100_000;
    /// 010-0010-0000 to 010-1999-9999 without the one that is junk.
    const COUNT: u64 = 19_899_999;

    /// A number of one customer only. `place` is 0 or 1: there are two for each of [`super::MAX_PROFILES`] customers, and none of
    /// them is junk.
    ///
    /// Each seed enumerates its numbers from its own start. The starts of small seeds are as far apart as possible: the distance of
    /// those of the first `n` seeds is at least one `2n`th of all numbers.
    pub(super) fn of(customer: u64, place: u64, seed: u64) -> Self {
        let beginning = (u128::from(seed.reverse_bits()) * u128::from(Self::COUNT)) >> 64;
        let counted = beginning as u64 + (customer * 2 + place) % Self::COUNT;
        // The factor is coprime to the count, so that no number repeats.
        let number = Self::FIRST + counted % Self::COUNT * 7_368_787 % Self::COUNT;
        let [_, Self(junk)] = JUNK_PHONES;
        Self(number + u64::from(junk <= number))
    }

    pub(super) fn normal(self) -> String {
        format!("+8210{:08}", self.0)
    }

    /// In a format that people use; in the normal form in 45 of 100 cases.
    fn written(self, dice: &mut Dice) -> String {
        let (front, back) = (self.0 / 10_000, self.0 % 10_000);
        match dice.below(100) {
            0..45 => self.normal(),
            45..70 => format!("010-{front:04}-{back:04}"),
            70..80 => format!("010{front:04}{back:04}"),
            80..88 => format!("+82 10 {front:04} {back:04}"),
            88..94 => format!("8210{front:04}{back:04}"),
            94..97 => format!("+82 (0)10-{front:04}-{back:04}"),
            _ => format!(" 010.{front:04}.{back:04} "),
        }
    }

    pub(super) fn identifier(self, dice: &mut Dice) -> Identifier {
        Identifier { kind: "phone", written: self.written(dice), normal: Some(self.normal()) }
    }
}

/// Whether a normal form is junk that is not blocked, but detected as shared.
pub(super) fn is_used_everywhere(value: &str) -> bool {
    JUNK_PHONES.iter().any(|it| it.normal() == value)
}

/// A placeholder that people and programs enter instead of a value.
pub(super) fn junk(dice: &mut Dice) -> Identifier {
    const BLOCKED: [(&str, &str); 12] = [
        ("email", "test@test.com"),
        ("email", "unknown"),
        ("email", ""),
        ("phone", "000-0000-0000"),
        ("phone", "null"),
        ("customer_card", "0000"),
        ("customer_card", "N/A"),
        ("kakao_id", "undefined"),
        ("line_id", "none"),
        ("device_id", "00000000-0000-0000-0000-000000000000"),
        ("device_id", "unknown"),
        ("kakao_id", "[object Object]"),
    ];
    if dice.percent(40) {
        return dice.pick(&JUNK_PHONES).identifier(dice);
    }
    let (kind, value) = dice.pick(&BLOCKED);
    Identifier { kind, written: (*value).to_owned(), normal: None }
}
