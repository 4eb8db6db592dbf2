//! Finds the values of a JSON text in one pass, so that reading a message goes over its text once, however deep it nests.
//!
//! serde_json's `RawValue` goes over a value again for each object around it. It accepts the same texts; a test holds this to it.

use std::borrow::Cow;

/// Where the values of a JSON text are.
#[derive(Debug)]
pub(crate) struct Spans(Vec<Span>);

/// Where a value is, and what is within it.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The name in front of it, without quotes; empty where it has none.
    name_start: u32,
    name_end: u32,
    start: u32,
    end: u32,
    /// How many of the spans that follow are within it.
    n_within: u32,
    /// How many objects and lists are around the innermost value, this one included; at most `u16::MAX`.
    depth: u16,
    is_name_escaped: bool,
    /// Whether it is a string with escapes.
    is_escaped: bool,
}

/// A value of a JSON text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    text: &'a str,
    /// Its own, and then those within it.
    spans: &'a [Span],
}

/// The fields of an object in the order of the text, repeated names included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a>(Items<'a>);

/// The items of a list, or the values of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a> {
    text: &'a str,
    rest: &'a [Span],
}

impl Spans {
    /// Finds the values of a text. `None` where it is not JSON.
    pub(crate) fn of(text: &str) -> Option<Self> {
        // A value and its name are rarely shorter.
        const BYTES_A_VALUE: usize = 16;
        u32::try_from(text.len()).ok()?;
        let mut scan =
            Scan { bytes: text.as_bytes(), at: 0, spans: Vec::with_capacity(text.len() / BYTES_A_VALUE + 1) };
        scan.whole()?;
        Some(Self(scan.spans))
    }

    /// The value of the text that they were found in.
    pub(crate) fn root<'a>(&'a self, text: &'a str) -> Raw<'a> {
        Raw { text, spans: &self.0 }
    }
}

/// A position in a text, and what was found before it. Each step returns `None` where the text is not JSON.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    spans: Vec<Span>,
}

impl Scan<'_> {
    fn whole(&mut self) -> Option<()> {
        let mut open: Vec<usize> = Vec::new();
        self.skip_space();
        let mut span = self.begin();
        loop {
            match self.bytes.get(self.at)? {
                opening @ (b'{' | b'[') => {
                    let is_object = *opening == b'{';
                    span.depth = 1;
                    self.at += 1;
                    self.skip_space();
                    if self.bytes.get(self.at) == Some(if is_object { &b'}' } else { &b']' }) {
                        self.at += 1;
                        self.end(span);
                        self.nest(&open, span.depth);
                    } else {
                        open.push(self.spans.len());
                        self.spans.push(span);
                        span = self.next_of(is_object)?;
                        continue;
                    }
                }
                b'"' => {
                    span.is_escaped = self.string()?;
                    self.end(span);
                }
                _ => {
                    self.scalar()?;
                    self.end(span);
                }
            }
            // What follows a value: the next one, or the end of the object or list that it is in.
            loop {
                self.skip_space();
                let Some(&parent) = open.last() else {
                    return (self.at == self.bytes.len()).then_some(());
                };
                let is_object = self.bytes.get(self.spans.get(parent)?.start as usize) == Some(&b'{');
                match self.bytes.get(self.at)? {
                    b',' => {
                        self.at += 1;
                        self.skip_space();
                        span = self.next_of(is_object)?;
                        break;
                    }
                    b'}' if is_object => self.close(&mut open)?,
                    b']' if !is_object => self.close(&mut open)?,
                    _ => return None,
                }
            }
        }
    }

    /// A value that starts here.
    fn begin(&self) -> Span {
        let at = position(self.at);
        Span {
            name_start: at,
            name_end: at,
            start: at,
            end: at,
            n_within: 0,
            depth: 0,
            is_name_escaped: false,
            is_escaped: false,
        }
    }

    /// The next value of an object, with its name, or of a list.
    fn next_of(&mut self, is_object: bool) -> Option<Span> {
        if !is_object {
            return Some(self.begin());
        }
        let name_start = self.at + 1;
        let is_name_escaped = self.string()?;
        let name_end = self.at - 1;
        self.skip_space();
        if self.bytes.get(self.at) != Some(&b':') {
            return None;
        }
        self.at += 1;
        self.skip_space();
        let (name_start, name_end) = (position(name_start), position(name_end));
        Some(Span { name_start, name_end, is_name_escaped, ..self.begin() })
    }

    /// Ends a value that contains none.
    fn end(&mut self, span: Span) {
        self.spans.push(Span { end: position(self.at), ..span });
    }

    /// Ends the innermost open object or list.
    fn close(&mut self, open: &mut Vec<usize>) -> Option<()> {
        self.at += 1;
        let n_spans = self.spans.len();
        let closed = open.pop()?;
        let span = self.spans.get_mut(closed)?;
        span.end = position(self.at);
        span.n_within = position(n_spans - closed - 1);
        let depth = span.depth;
        self.nest(open, depth);
        Some(())
    }

    /// Says around the innermost open object or list how deep a value within it nests.
    fn nest(&mut self, open: &[usize], depth: u16) {
        if let Some(parent) = open.last().and_then(|it| self.spans.get_mut(*it)) {
            parent.depth = parent.depth.max(depth.saturating_add(1));
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Goes over a string that starts here. Whether it has escapes.
    fn string(&mut self) -> Option<bool> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        let mut is_escaped = false;
        loop {
            self.skip_plain();
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(is_escaped);
                }
                b'\\' => {
                    is_escaped = true;
                    match self.bytes.get(self.at + 1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                        b'u' => {
                            let digits = self.bytes.get(self.at + 2..self.at + 6)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 6;
                        }
                        _ => return None,
                    }
                }
                // Control characters.
                ..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Goes on to a quote, a backslash or a control character, or close to the end: eight bytes at a time.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // The lowest bit that is set is of the first such byte; those above it may be set wrongly.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            let quotes = zeros(word ^ (ONES * 0x22));
            let backslashes = zeros(word ^ (ONES * 0x5c));
            let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            let found = quotes | backslashes | controls;
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    fn digits(&mut self) -> Option<()> {
        let n_digits = self.bytes.get(self.at..)?.iter().take_while(|it| it.is_ascii_digit()).count();
        self.at += n_digits;
        (0 < n_digits).then_some(())
    }

    /// Goes over a number or a literal.
    fn scalar(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        if let Some(word) = [&b"true"[..], b"false", b"null"].into_iter().find(|it| rest.starts_with(it)) {
            self.at += word.len();
            return Some(());
        }
        if rest.first() == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at)? {
            b'0' if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) => return None,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }
}

/// [`Spans::of`] reads no text that is longer.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Span {
    /// How long the name in front of it is.
    const fn name_bytes(&self) -> usize {
        (self.name_end - self.name_start) as usize
    }
}

impl<'a> Raw<'a> {
    /// Its JSON text.
    pub(crate) fn get(self) -> &'a str {
        let Some(span) = self.spans.first() else { return "" };
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// How deep it nests: 0 for a string, a number or a literal.
    pub(crate) fn depth(self) -> usize {
        self.spans.first().map_or(0, |it| usize::from(it.depth))
    }

    /// The text of a string. `None` where it is no string, or holds half of a character.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        let span = self.spans.first()?;
        let text = self.get();
        let within = text.strip_prefix('"')?.strip_suffix('"')?;
        if span.is_escaped { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(within)) }
    }

    /// The fields of an object. `None` where it is no object, or a name holds half of a character.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        let members = Members(self.within('{')?);
        let is_whole = |(span, _): (&Span, _)| !span.is_name_escaped || decoded(self.text, span).is_some();
        members.0.spans().all(is_whole).then_some(members)
    }

    /// The items of a list. `None` where it is none.
    pub(crate) fn items(self) -> Option<Items<'a>> {
        self.within('[')
    }

    fn within(self, opening: char) -> Option<Items<'a>> {
        let rest = self.spans.get(1..)?;
        self.get().starts_with(opening).then_some(Items { text: self.text, rest })
    }
}

impl<'a> Items<'a> {
    fn spans(self) -> impl Iterator<Item = (&'a Span, Raw<'a>)> + Clone {
        let Self { text, mut rest } = self;
        std::iter::from_fn(move || {
            let span = rest.first()?;
            let (spans, others) = rest.split_at_checked(1 + span.n_within as usize)?;
            rest = others;
            Some((span, Raw { text, spans }))
        })
    }

    /// The values of an object, or the items of a list.
    pub(crate) fn iter(self) -> impl Iterator<Item = Raw<'a>> + Clone {
        self.spans().map(|(_, raw)| raw)
    }
}

/// The name in front of a value, as it is written.
fn written<'a>(text: &'a str, span: &Span) -> &'a str {
    text.get(span.name_start as usize..span.name_end as usize).unwrap_or_default()
}

/// Whether the name in front of a value is written so.
fn is_written(text: &str, span: &Span, name: &str) -> bool {
    let (start, end) = (span.name_start as usize, span.name_end as usize);
    span.name_bytes() == name.len() && text.as_bytes().get(start..end) == Some(name.as_bytes())
}

/// A name that has escapes.
fn decoded(text: &str, span: &Span) -> Option<String> {
    let quoted = text.get((span.name_start as usize).checked_sub(1)?..span.name_end as usize + 1)?;
    serde_json::from_str(quoted).ok()
}

fn name_of<'a>(text: &'a str, span: &Span) -> Cow<'a, str> {
    if !span.is_name_escaped {
        return Cow::Borrowed(written(text, span));
    }
    // Members with half of a character in a name are none.
    Cow::Owned(decoded(text, span).unwrap_or_default())
}

impl<'a> Members<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = (Cow<'a, str>, Raw<'a>)> {
        let text = self.0.text;
        self.0.spans().map(move |(span, raw)| (name_of(text, span), raw))
    }

    /// How many fields there are, repeated ones included.
    pub(crate) fn len(self) -> usize {
        self.0.spans().count()
    }

    /// The last value of that name that is not null.
    pub(crate) fn get(self, name: &str) -> Option<Raw<'a>> {
        let [value] = self.get_all([name]);
        value
    }

    /// The last value of each of those names, all in one pass; none where it is null.
    pub(crate) fn get_all<const N: usize>(self, names: [&str; N]) -> [Option<Raw<'a>>; N] {
        let mut values = [None; N];
        for (span, raw) in self.0.spans() {
            let is_named = |name: &str| match span.is_name_escaped {
                false => is_written(self.0.text, span, name),
                true => name_of(self.0.text, span) == name,
            };
            for (name, value) in names.iter().zip(&mut values) {
                if is_named(name) {
                    *value = Some(raw);
                }
            }
        }
        values.map(|value| value.filter(|raw| raw.get() != "null"))
    }

    /// A name that is there twice: the first such one, in byte order.
    pub(crate) fn repeated(self) -> Option<Cow<'a, str>> {
        // Compared two by two, so few names need no list.
        const FEW: usize = 12;
        let text = self.0.text;
        let has_escapes = self.0.spans().any(|(span, _)| span.is_name_escaped);
        if self.len() <= FEW && !has_escapes {
            let spans = || self.0.spans().map(|(span, _)| span);
            let is_again = |(position, span): &(usize, &Span)| {
                spans()
                    .take(*position)
                    .any(|it| it.name_bytes() == span.name_bytes() && written(text, it) == written(text, span))
            };
            return spans().enumerate().filter(is_again).map(|(_, span)| Cow::Borrowed(written(text, span))).min();
        }
        let mut names: Vec<Cow<'a, str>> = self.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().cloned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::message::syntax::Object;

    /// Compares a value with what serde_json makes of it, and all within it.
    fn agree(raw: Raw<'_>, expected: &RawValue) {
        assert_eq!(raw.get(), expected.get());
        let text = expected.get();
        assert_eq!(raw.string(), serde_json::from_str::<String>(text).ok().map(Cow::Owned), "{text}");
        let object = serde_json::from_str::<Object<'_>>(text).ok();
        assert_eq!(raw.members().is_some(), object.is_some(), "{text}");
        if let (Some(members), Some(object)) = (raw.members(), object) {
            let names: Vec<Cow<'_, str>> = members.iter().map(|(name, _)| name).collect();
            assert_eq!(names, object.0.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
            assert_eq!(members.len(), names.len());
            assert_eq!(members.repeated().as_deref(), object.repeated());
            for name in &names {
                assert_eq!(members.get(name).map(Raw::get), object.get(name).map(RawValue::get));
            }
            members.iter().zip(&object.0).for_each(|((_, raw), (_, expected))| agree(raw, expected));
        }
        let list = serde_json::from_str::<Vec<&RawValue>>(text).ok();
        assert_eq!(raw.items().is_some(), list.is_some(), "{text}");
        if let (Some(items), Some(list)) = (raw.items(), list) {
            assert_eq!(items.iter().count(), list.len());
            items.iter().zip(list).for_each(|(raw, expected)| agree(raw, expected));
        }
    }

    fn check(text: &str) {
        let expected = serde_json::from_str::<&RawValue>(text).ok();
        let spans = Spans::of(text);
        assert_eq!(spans.is_some(), expected.is_some(), "{text}");
        if let (Some(spans), Some(expected)) = (spans, expected) {
            let raw = spans.root(text);
            assert_eq!(raw.depth(), crate::message::syntax::depth(text).min(usize::from(u16::MAX)));
            agree(raw, expected);
        }
    }

    #[test]
    fn what_is_json_is_what_serde_json_accepts() {
        for text in [
            "{}",
            "[]",
            " { \"a\" : [ 1 , -2.5e+7 , \"\\u00e9\\n\" , true , false , null , { } ] } ",
            "{\"a\":1,\"a\":null,\"\\u0061\":2}",
            "{\"a\":\"\\ud83d\"}",
            "{\"\\ud83d\":1}",
            "{\"a\":{\"\\ud83d\":1}}",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "01",
            "-",
            "-0",
            "0.",
            ".5",
            "1e",
            "1E-5",
            "tru",
            "trueish",
            "nullnull",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"unclosed",
            "{\"a\":[}]",
            "1 2",
            "",
            "\u{feff}{}",
            "\"한글 \u{7f}\u{80} text\"",
        ] {
            check(text);
        }
    }

    #[test]
    fn a_text_may_nest_as_deep_as_it_is_long() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        for (n, depth) in [(1_000, 1_000), (70_000, usize::from(u16::MAX))] {
            let text = nested(n);
            assert_eq!(Spans::of(&text).map(|it| it.root(&text).depth()), Some(depth));
            assert!(Spans::of(text.strip_suffix(']').expect("it ends so")).is_none());
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            "\"([ -!#-\\[\\]-~가]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}){0,20}\"",
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            let name = "\"[a-c]{0,2}(\\\\n|\\\\u0061|한)?\"";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(|it| format!("[{}]", it.join(" , "))),
                prop::collection::vec((name, inner), 0..16).prop_map(|members| {
                    let members: Vec<String> = members.iter().map(|(name, it)| format!("{name}: {it}")).collect();
                    format!("{{\n{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_found_as_serde_json_finds_them(text in json()) {
            check(&text);
        }

        #[test]
        fn damaged_texts_are_judged_as_serde_json_judges_them(
            text in json(),
            at in any::<prop::sample::Index>(),
            put in "[ -~]{0,2}|\\\\u[0-9a-f]{3,4}",
        ) {
            let places: Vec<usize> = text.char_indices().map(|(it, _)| it).collect();
            let place = places[at.index(places.len())];
            let (before, after) = text.split_at(place);
            let mut rest = after.chars();
            rest.next();
            check(&format!("{before}{put}{}", rest.as_str()));
        }
    }
}
