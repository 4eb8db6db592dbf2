//! Time zones in the browser: names. Their offsets come with the facts, for the database of all zones is as large as
//! everything else that the browser loads.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The name of a time zone. Whether there is one of that name, only the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    name: [u8; LONGEST],
    length: usize,
}

/// Longer than every name in the database of zones, in bytes.
const LONGEST: usize = 40;

impl Zone {
    pub(crate) const SEOUL: Self = Self::padded(b"Asia/Seoul");

    pub fn name(&self) -> &str {
        self.name.get(..self.length).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or_default()
    }

    const fn padded(text: &[u8]) -> Self {
        let mut name = [0; LONGEST];
        let mut length = 0;
        while length < text.len() && length < LONGEST {
            name[length] = text[length];
            length += 1;
        }
        Self { name, length }
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_fit = !name.is_empty() && name.len() <= LONGEST;
        if is_fit { Ok(Self::padded(name.as_bytes())) } else { Err(D::Error::custom("it is no time zone")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_a_name_here() {
        for zone in chrono_tz::TZ_VARIANTS {
            let text = serde_json::to_string(&zone).expect("a name");
            let read: Zone = serde_json::from_str(&text).expect("it fits");
            assert_eq!(read.name(), zone.name());
            assert_eq!(serde_json::to_string(&read).expect("a name"), text);
        }
        assert_eq!(Zone::SEOUL.name(), "Asia/Seoul");
    }
}
