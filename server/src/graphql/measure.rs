//! How much a document asks for, measured before anything of it is looked at closely.
//!
//! Fragments make small documents large: each spread counts as if what it stands for were written there. What is measured is
//! measured once a fragment, so measuring costs no more than reading.

use std::collections::HashMap;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// What a document holds with its fragments written out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub fields: usize,
    pub aliases: usize,
    pub directives: usize,
}

impl Measure {
    pub(super) fn of(document: &ExecutableDocument) -> Self {
        let mut known = HashMap::new();
        let operations = document.operations.iter().map(|(_, it)| {
            let own = Self { directives: it.node.directives.len(), ..Self::default() };
            own.and(of_set(&it.node.selection_set.node, document, &mut known))
        });
        operations.fold(Self::default(), Self::and)
    }

    fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
        }
    }
}

fn of_set<'d>(
    set: &'d SelectionSet,
    document: &'d ExecutableDocument,
    known: &mut HashMap<&'d Name, Measure>,
) -> Measure {
    set.items.iter().fold(Measure::default(), |sum, selection| {
        let directives = selection.node.directives().len();
        let (own, below) = match &selection.node {
            Selection::Field(field) => {
                let aliases = usize::from(field.node.alias.is_some());
                let own = Measure { fields: 1, aliases, directives };
                (own, of_set(&field.node.selection_set.node, document, known))
            }
            Selection::InlineFragment(fragment) => (
                Measure { directives, ..Measure::default() },
                of_set(&fragment.node.selection_set.node, document, known),
            ),
            Selection::FragmentSpread(spread) => (
                Measure { directives, ..Measure::default() },
                of_fragment(&spread.node.fragment_name.node, document, known),
            ),
        };
        sum.and(own).and(below)
    })
}

fn of_fragment<'d>(
    name: &'d Name,
    document: &'d ExecutableDocument,
    known: &mut HashMap<&'d Name, Measure>,
) -> Measure {
    if let Some(measure) = known.get(name) {
        return *measure;
    }
    // Whoever comes by again within it has found a circle, which is refused later: it counts once.
    known.insert(name, Measure::default());
    let measure = match document.fragments.get(name) {
        Some(fragment) => of_set(&fragment.node.selection_set.node, document, known),
        None => Measure::default(),
    };
    known.insert(name, measure);
    measure
}

/// Counts the words, numbers, texts and signs of a document, as the specification does; stops beyond a number.
pub(super) fn n_tokens(query: &str, at_most: usize) -> usize {
    let mut rest = query.as_bytes();
    let mut n = 0;
    while let [first, behind @ ..] = rest {
        rest = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = behind;
                continue;
            }
            b'#' => {
                rest = behind_first(behind, |it| matches!(it, b'\n' | b'\r'));
                continue;
            }
            b'"' => match behind {
                [b'"', b'"', block @ ..] => behind_block(block),
                text => behind_text(text),
            },
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => behind_all(behind, |it| it == b'_' || it.is_ascii_alphanumeric()),
            b'-' | b'0'..=b'9' => {
                behind_all(behind, |it| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E' | b'+' | b'-'))
            }
            b'.' => behind.strip_prefix(b"..").unwrap_or(behind),
            _ => behind,
        };
        n += 1;
        if at_most < n {
            break;
        }
    }
    n
}

fn behind_first(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> &[u8] {
    bytes.iter().position(|it| is_it(*it)).map_or(&[], |it| &bytes[it + 1..])
}

fn behind_all(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|it| !is_one(*it)).unwrap_or(bytes.len());
    &bytes[end..]
}

fn behind_text(mut bytes: &[u8]) -> &[u8] {
    loop {
        match bytes {
            [b'\\', _, rest @ ..] => bytes = rest,
            [b'"' | b'\n', rest @ ..] => return rest,
            [_, rest @ ..] => bytes = rest,
            [] => return bytes,
        }
    }
}

fn behind_block(mut bytes: &[u8]) -> &[u8] {
    loop {
        match bytes {
            [b'\\', b'"', b'"', b'"', rest @ ..] => bytes = rest,
            [b'"', b'"', b'"', rest @ ..] => return rest,
            [_, rest @ ..] => bytes = rest,
            [] => return bytes,
        }
    }
}

#[cfg(test)]
mod tests;
