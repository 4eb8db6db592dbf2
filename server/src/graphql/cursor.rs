//! Cursors: places in lists that nobody but the server can read or make.
//!
//! A place holds what its list is sorted by: a name, a time, a message's ID. A cursor is the place enciphered with a key of the
//! base, so that it says nothing to those who see masks and leaves nothing unrecorded. The same place always makes the same cursor,
//! which clients rely on; its name within the list is in it, so that nothing else is told by that.

use async_graphql::Result;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use profile360_core::identifier::unified_id::IdSecret;
use serde::{Serialize, de::DeserializeOwned};

use super::error::ErrorCode;

/// Bytes of the mark that opens a cursor: it proves whose it is, and no two places share one.
const MARK: usize = 16;
/// Places are filled up to a multiple of that many bytes: a length would tell that of a name.
const BLOCK: usize = 128;

/// The cursors of one list.
#[derive(Debug)]
pub(super) struct Cursors {
    marking: [u8; 32],
    hiding: [u8; 32],
    list: &'static str,
}

impl Cursors {
    pub(super) fn of(secret: &IdSecret, list: &'static str) -> Self {
        Self {
            marking: secret.key_for("User Profile 360 2026-11 cursor, mark"),
            hiding: secret.key_for("User Profile 360 2026-11 cursor, text"),
            list,
        }
    }

    /// A place as a cursor.
    pub(super) fn write<P: Serialize>(&self, place: &P) -> String {
        let mut text = serde_json::to_vec(place).unwrap_or_default();
        // JSON may end in blanks.
        text.resize(text.len().next_multiple_of(BLOCK), b' ');
        let mark = self.mark(&text);
        self.hide(&mark, &mut text);
        URL_SAFE_NO_PAD.encode([&mark[..], &text].concat())
    }

    /// The place that a cursor of this list marks.
    pub(super) fn read<P: DeserializeOwned>(&self, cursor: &str) -> Result<P> {
        let bad = || {
            let sentence =
                "this is no cursor of this list, or one of an older version; take one from pageInfo or from an edge";
            ErrorCode::BadCursor.with(sentence)
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let (mark, hidden) = bytes.split_first_chunk::<MARK>().ok_or_else(bad)?;
        let mut text = hidden.to_vec();
        self.hide(mark, &mut text);
        // Of equal length, compared in constant time by the hash's own type.
        if blake3::Hash::from_bytes(padded(self.mark(&text))) != blake3::Hash::from_bytes(padded(*mark)) {
            return Err(bad());
        }
        serde_json::from_slice(&text).map_err(|_| bad())
    }

    fn mark(&self, text: &[u8]) -> [u8; MARK] {
        let mut hasher = blake3::Hasher::new_keyed(&self.marking);
        hasher.update(&(self.list.len() as u64).to_le_bytes());
        hasher.update(self.list.as_bytes());
        hasher.update(text);
        let mut mark = [0; MARK];
        hasher.finalize_xof().fill(&mut mark);
        mark
    }

    /// Hides a text, or shows it again.
    fn hide(&self, mark: &[u8; MARK], text: &mut [u8]) {
        let mut stream = vec![0; text.len()];
        blake3::Hasher::new_keyed(&self.hiding).update(mark).finalize_xof().fill(&mut stream);
        for (byte, hiding) in text.iter_mut().zip(stream) {
            *byte ^= hiding;
        }
    }
}

fn padded(mark: [u8; MARK]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..MARK].copy_from_slice(&mark);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_tells_its_place_to_its_own_list_alone() {
        let secret = IdSecret::new("one");
        let cursors = Cursors::of(&secret, "profiles");
        let place = ("김지아".to_owned(), 17);
        let cursor = cursors.write(&place);
        assert_eq!(cursor, cursors.write(&place), "pages that meet have the same cursors");
        assert_eq!(cursors.read::<(String, i32)>(&cursor).ok(), Some(place));
        let others = [Cursors::of(&secret, "timeline"), Cursors::of(&IdSecret::new("another"), "profiles")];
        assert!(others.iter().all(|other| other.read::<(String, i32)>(&cursor).is_err()));
        assert!(cursors.read::<i64>(&cursor).is_err(), "a place of another form");
        for position in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("still letters");
            assert!(cursors.read::<(String, i32)>(&changed).is_err(), "{position}");
        }
        // As they were before: JSON that anybody reads.
        let open = URL_SAFE_NO_PAD.encode(r#"{"order":"Name","place":{"key":{"Text":"kim"}}}"#);
        assert!(["", "nonsense", &open].iter().all(|old| cursors.read::<serde_json::Value>(old).is_err()));
    }

    #[test]
    fn a_cursor_says_nothing_of_what_it_hides() {
        let cursors = Cursors::of(&IdSecret::new("one"), "profiles");
        let written = |name: &str| cursors.write(&name);
        let lengths: Vec<usize> = ["a", "b", "Kim", "김수한무거북이와두루미"].map(|name| written(name).len()).to_vec();
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
        let bytes = URL_SAFE_NO_PAD.decode(written("Kim Jia")).expect("base64");
        assert!(!bytes.windows(3).any(|window| window == b"Kim"));
        let (one, other) = (written("a"), written("b"));
        let alike = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
        assert!(alike < one.len() / 4, "one letter changes all of it: {alike}");
    }
}
