//! Detects and decodes the encoding of a table.
//!
//! Invalid bytes become a byte that is invalid in UTF-8, so that only their own row is refused.

use std::io::{BufRead, BufReader, Read, Result};

use encoding_rs::{DecoderResult, EUC_KR, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The encoding of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Encoding {
    /// By the byte-order mark, else by the first characters beyond ASCII.
    #[default]
    Auto,
    #[value(name = "utf-8")]
    Utf8,
    /// And its superset CP949, which Excel calls ANSI.
    #[value(name = "euc-kr")]
    EucKr,
    #[value(name = "utf-16")]
    Utf16,
    /// The encoding of Japanese shops and spreadsheets.
    #[value(name = "shift-jis")]
    ShiftJis,
    /// The encoding of western European spreadsheets. Every byte is valid in it, so it cannot be detected, only named.
    #[value(name = "windows-1252")]
    Windows1252,
}

/// The sample that detection reads.
const SAMPLE: u64 = 64 * 1024;
const NO_UTF8: u8 = 0xff;

/// Decodes to UTF-8.
pub fn decoded<R: BufRead + Send + 'static>(mut bytes: R, encoding: Encoding) -> Result<Box<dyn BufRead + Send>> {
    let mut head = Vec::new();
    bytes.by_ref().take(4).read_to_end(&mut head)?;
    let known = match (&head[..], encoding) {
        ([0xef, 0xbb, 0xbf, ..], Encoding::Auto) | (_, Encoding::Utf8) => Some(UTF_8),
        (_, Encoding::EucKr) => Some(EUC_KR),
        (_, Encoding::ShiftJis) => Some(SHIFT_JIS),
        (_, Encoding::Windows1252) => Some(WINDOWS_1252),
        ([0xfe, 0xff, ..] | [0, 1..=0xff, ..], Encoding::Auto | Encoding::Utf16) => Some(UTF_16BE),
        ([0xff, 0xfe, ..] | [1..=0xff, 0, ..], Encoding::Auto) | (_, Encoding::Utf16) => Some(UTF_16LE),
        (_, Encoding::Auto) => None,
    };
    let bytes = std::io::Cursor::new(head).chain(bytes);
    Ok(match known {
        Some(known) if known == UTF_8 => Box::new(bytes),
        known => {
            let decoder = known.map(encoding_rs::Encoding::new_decoder);
            Box::new(BufReader::new(Decoding { bytes, decoder, text: Vec::new(), n_given: 0, is_over: false }))
        }
    })
}

struct Decoding<R> {
    bytes: R,
    /// None until the encoding is known: ASCII is the same in all of them.
    decoder: Option<encoding_rs::Decoder>,
    /// Decoded text.
    text: Vec<u8>,
    /// The bytes of it that were returned.
    n_given: usize,
    is_over: bool,
}

impl<R: BufRead> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.n_given == self.text.len() && !self.is_over {
            self.text.clear();
            self.n_given = 0;
            self.decode_more()?;
        }
        let rest = self.text.get(self.n_given..).unwrap_or_default();
        let n = buffer.len().min(rest.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.n_given += n;
        Ok(n)
    }
}

impl<R: BufRead> Decoding<R> {
    fn decode_more(&mut self) -> Result<()> {
        let bytes = self.bytes.fill_buf()?;
        let n_read = bytes.len();
        self.is_over = n_read == 0;
        if let Some(decoder) = &mut self.decoder {
            decode(decoder, bytes, self.is_over, &mut self.text);
            self.bytes.consume(n_read);
            return Ok(());
        }
        let n_ascii = bytes.iter().position(|it| !it.is_ascii()).unwrap_or(n_read);
        self.text.extend_from_slice(&bytes[..n_ascii]);
        self.bytes.consume(n_ascii);
        if n_ascii < n_read {
            let mut sample = Vec::new();
            self.bytes.by_ref().take(SAMPLE).read_to_end(&mut sample)?;
            let mut decoder = found(&sample).new_decoder_without_bom_handling();
            decode(&mut decoder, &sample, false, &mut self.text);
            self.decoder = Some(decoder);
        }
        Ok(())
    }
}

fn decode(decoder: &mut encoding_rs::Decoder, mut bytes: &[u8], is_last: bool, text: &mut Vec<u8>) {
    loop {
        let n_before = text.len();
        let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() + 16);
        text.resize(n_before + most.max(16), 0);
        let (result, n_read, n_written) =
            decoder.decode_to_utf8_without_replacement(bytes, &mut text[n_before..], is_last);
        text.truncate(n_before + n_written);
        bytes = &bytes[n_read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(NO_UTF8),
        }
    }
}

/// The probable encoding of a sample.
fn found(sample: &[u8]) -> &'static encoding_rs::Encoding {
    let n_without_meaning = n_faults(UTF_8, sample);
    if n_without_meaning == 0 {
        UTF_8
    } else if is_japanese(sample) {
        SHIFT_JIS
    } else if n_faults(EUC_KR, sample) < n_without_meaning {
        EUC_KR
    } else {
        UTF_8
    }
}

/// Whether the sample is valid Shift JIS, with at least a quarter kana. Korean text that decodes so consists of very rare syllables.
fn is_japanese(sample: &[u8]) -> bool {
    let mut text = Vec::new();
    decode(&mut SHIFT_JIS.new_decoder_without_bom_handling(), sample, false, &mut text);
    let Ok(text) = std::str::from_utf8(&text) else { return false };
    let n_foreign = text.chars().filter(|sign| !sign.is_ascii()).count();
    let n_kana = text.chars().filter(|sign| ('\u{3041}'..='\u{30fe}').contains(sign)).count();
    0 < n_kana && n_foreign <= 4 * n_kana
}

/// The number of invalid characters, without one that is cut off at the end.
fn n_faults(encoding: &'static encoding_rs::Encoding, sample: &[u8]) -> usize {
    let mut text = Vec::new();
    decode(&mut encoding.new_decoder_without_bom_handling(), sample, false, &mut text);
    text.iter().filter(|it| **it == NO_UTF8).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Encoding) -> std::result::Result<String, ()> {
        let mut text = Vec::new();
        // One byte at a time, so that every character is split.
        let slow = BufReader::with_capacity(1, std::io::Cursor::new(bytes.to_vec()));
        decoded(slow, encoding).and_then(|mut it| it.read_to_end(&mut text)).map_err(drop)?;
        String::from_utf8(text).map(|it| it.trim_start_matches('\u{feff}').to_owned()).map_err(drop)
    }

    #[test]
    fn a_table_of_any_spreadsheet_is_read() {
        let text = "id,이름\r\n1,똠방각하 펲시콜라\r\n";
        let (korean, _, _) = EUC_KR.encode(text);
        let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
        let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        let known = [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            (marked(b"\xef\xbb\xbf", text.as_bytes()), Encoding::Utf8),
            (korean.to_vec(), Encoding::EucKr),
            (little.clone(), Encoding::Utf16),
            (marked(b"\xff\xfe", &little), Encoding::Utf16),
            (marked(b"\xfe\xff", &big), Encoding::Utf16),
        ];
        for (bytes, encoding) in known {
            assert_eq!(read(&bytes, encoding).as_deref(), Ok(text), "{encoding:?}");
            assert_eq!(read(&bytes, Encoding::Auto).as_deref(), Ok(text), "{encoding:?}, found");
        }
        let japanese = "受注日,お名前(姓),商品名\r\n2025-03-01,山田,ティーカップ\r\n";
        let (shift_jis, _, _) = SHIFT_JIS.encode(japanese);
        for encoding in [Encoding::ShiftJis, Encoding::Auto] {
            assert_eq!(read(&shift_jis, encoding).as_deref(), Ok(japanese), "{encoding:?}");
        }
        assert_eq!(read(b"M\xfcller", Encoding::Windows1252).as_deref(), Ok("Müller"));
        for other in [&b""[..], b"a", b"id,name\r\n1,Jo\r\n"] {
            assert_eq!(read(other, Encoding::Auto), String::from_utf8(other.to_vec()).map_err(drop));
        }
        assert_eq!(read(&korean, Encoding::Utf8), Err(()));
        assert_eq!(read(b"1,\xff\xff\r\n", Encoding::Auto), Err(()));
        assert_eq!(read(b"\xff\xfea", Encoding::Auto), Err(()), "half a character at the end");
    }
}
