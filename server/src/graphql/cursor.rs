//! Cursors: encrypted positions in lists.
//!
//! A position holds the sort key of an entry: a name, a time, a message ID. A cursor is the position encrypted with a key of the
//! database, so that it reveals no personal data past masks and audit log. Encryption is deterministic, as clients compare cursors;
//! a position includes the entry's ID, so that equal cursors reveal only that they mark the same entry.

use async_graphql::Result;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use profile360_core::identifier::unified_id::IdSecret;
use serde::{Serialize, de::DeserializeOwned};

use super::error::ErrorCode;

/// The length of the synthetic initialization vector, in bytes: a keyed hash of the position, which also authenticates it.
const TAG_BYTES: usize = 16;
/// Positions are padded to a multiple of this, in bytes, as a length would reveal that of a name.
const BLOCK: usize = 128;

/// The cursors of one list.
#[derive(Debug)]
pub(super) struct Cursors {
    tag_key: [u8; 32],
    encryption_key: [u8; 32],
    list: &'static str,
}

impl Cursors {
    pub(super) fn of(secret: &IdSecret, list: &'static str) -> Self {
        Self {
            tag_key: secret.key_for("User Profile 360 2026-11 cursor, mark"),
            encryption_key: secret.key_for("User Profile 360 2026-11 cursor, text"),
            list,
        }
    }

    /// The cursor of a position.
    pub(super) fn write<P: Serialize>(&self, position: &P) -> String {
        let mut text = serde_json::to_vec(position).unwrap_or_default();
        // JSON may end in spaces.
        text.resize(text.len().next_multiple_of(BLOCK), b' ');
        let tag = self.tag(&text);
        self.apply_keystream(&tag, &mut text);
        URL_SAFE_NO_PAD.encode([&tag[..], &text].concat())
    }

    /// The position of a cursor of this list.
    pub(super) fn read<P: DeserializeOwned>(&self, cursor: &str) -> Result<P> {
        let bad = || {
            let sentence = "this is not a cursor of this list, or is one of an older version; use one from pageInfo or from an edge";
            ErrorCode::BadCursor.with(sentence)
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let (tag, encrypted) = bytes.split_first_chunk::<TAG_BYTES>().ok_or_else(bad)?;
        let mut text = encrypted.to_vec();
        self.apply_keystream(tag, &mut text);
        // `blake3::Hash` compares in constant time.
        if blake3::Hash::from_bytes(padded(self.tag(&text))) != blake3::Hash::from_bytes(padded(*tag)) {
            return Err(bad());
        }
        serde_json::from_slice(&text).map_err(|_| bad())
    }

    fn tag(&self, text: &[u8]) -> [u8; TAG_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.tag_key);
        hasher.update(&(self.list.len() as u64).to_le_bytes());
        hasher.update(self.list.as_bytes());
        hasher.update(text);
        let mut tag = [0; TAG_BYTES];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }

    /// Encrypts or decrypts a text.
    fn apply_keystream(&self, tag: &[u8; TAG_BYTES], text: &mut [u8]) {
        let mut stream = vec![0; text.len()];
        blake3::Hasher::new_keyed(&self.encryption_key).update(tag).finalize_xof().fill(&mut stream);
        for (byte, key) in text.iter_mut().zip(stream) {
            *byte ^= key;
        }
    }
}

fn padded(tag: [u8; TAG_BYTES]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..TAG_BYTES].copy_from_slice(&tag);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_list_reads_a_cursor() {
        let secret = IdSecret::new("one");
        let cursors = Cursors::of(&secret, "profiles");
        let position = ("김지아".to_owned(), 17);
        let cursor = cursors.write(&position);
        assert_eq!(cursor, cursors.write(&position), "the same entry has the same cursor on every page");
        assert_eq!(cursors.read::<(String, i32)>(&cursor).ok(), Some(position));
        let others = [Cursors::of(&secret, "timeline"), Cursors::of(&IdSecret::new("another"), "profiles")];
        assert!(others.iter().all(|other| other.read::<(String, i32)>(&cursor).is_err()));
        assert!(cursors.read::<i64>(&cursor).is_err(), "a position of another type");
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(cursors.read::<(String, i32)>(&changed).is_err(), "{index}");
        }
        // The format of older versions: JSON in plain text.
        let open = URL_SAFE_NO_PAD.encode(r#"{"order":"Name","place":{"key":{"Text":"kim"}}}"#);
        assert!(["", "nonsense", &open].iter().all(|old| cursors.read::<serde_json::Value>(old).is_err()));
    }

    #[test]
    fn a_cursor_reveals_nothing_of_its_position() {
        let cursors = Cursors::of(&IdSecret::new("one"), "profiles");
        let written = |name: &str| cursors.write(&name);
        let lengths: Vec<usize> = ["a", "b", "Kim", "김수한무거북이와두루미"].map(|name| written(name).len()).to_vec();
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
        let bytes = URL_SAFE_NO_PAD.decode(written("Kim Jia")).expect("base64");
        assert!(!bytes.windows(3).any(|window| window == b"Kim"));
        let (one, other) = (written("a"), written("b"));
        let alike = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
        assert!(alike < one.len() / 4, "one different letter changes the whole cursor: {alike}");
    }
}
