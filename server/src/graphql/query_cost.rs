//! How much a document asks for, measured before the GraphQL library looks at it.
//!
//! Fragments make small documents large: the library writes each spread out, again and again. Here a fragment is measured once, so
//! that measuring takes no more steps than the document has parts; what the library would have to walk is known before it begins.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Variables,
    parser::types::{ExecutableDocument, Field, FragmentSpread, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};

/// The most selection sets that stand in one another, with fragments written out: as many as the library follows.
pub(super) const DEEPEST: usize = 32;
/// So many bytes of a text weigh as much as one value.
const BYTES_OF_A_VALUE: usize = 32;

/// What a document holds with its fragments written out. Sums stop at the largest number there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub fields: usize,
    pub aliases: usize,
    pub directives: usize,
    /// Fields, spreads and inline fragments: the steps of a walk over all of it.
    pub steps: usize,
    /// The values in arguments, each time that they stand there.
    pub values: usize,
    /// The most values in the arguments of one field of this set.
    pub widest: usize,
    /// The most values in the arguments of one field below this set.
    pub widest_below: usize,
    /// The fields of this set itself.
    pub own_fields: usize,
    /// What an introspection field above this set would list.
    listed: usize,
    /// What introspection lists.
    pub introspected: usize,
    /// How many sets stand in one another.
    depth: usize,
    /// The selections of this set itself, with its fragments' and without those below its fields.
    flat: usize,
}

/// What is wrong with the fragments of a document, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A fragment is spread that is not there.
    Unknown(Pos),
    /// A fragment is spread within itself.
    Circular(Pos),
    /// More sets stand in one another than are followed.
    TooDeep(Pos),
}

/// A whole document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// All operations together: each of them is checked, whichever is run.
    pub all: Measure,
    /// The steps of comparing the fields of each set with one another.
    pub compared: usize,
    /// The values of the variables that are used, each once.
    pub variables: usize,
    /// The steps that measuring took.
    pub n_taken: usize,
}

impl Measured {
    /// Measures a document, and what stands in its fragments whether they are spread or not.
    ///
    /// # Errors
    ///
    /// The first fault of its fragments.
    pub(super) fn of(document: &ExecutableDocument, variables: &Variables) -> Result<Self, Fault> {
        let mut walk =
            Walk { document, variables, known: HashMap::new(), weights: HashMap::new(), compared: 0, n_taken: 0 };
        let mut all = Measure::default();
        for (_, operation) in document.operations.iter() {
            for directive in &operation.node.directives {
                all.values = all.values.saturating_add(walk.values(&directive.node.arguments));
            }
            all.directives = all.directives.saturating_add(operation.node.directives.len());
            all = all.beside(walk.set(&operation.node.selection_set, 0)?);
        }
        let mut fragments: Vec<_> = document.fragments.iter().collect();
        // In their sequence: which fault is told must not depend on a map.
        fragments.sort_unstable_by_key(|(_, fragment)| (fragment.pos.line, fragment.pos.column));
        for (name, fragment) in fragments {
            walk.fragment(name, fragment.pos, 0)?;
        }
        let variables = walk.weights.values().fold(0, |sum: usize, weight| sum.saturating_add(*weight));
        Ok(Self { all, compared: walk.compared, variables, n_taken: walk.n_taken })
    }

    /// Whether checking it takes so long that others should not wait for it.
    pub(super) const fn is_large(&self) -> bool {
        const LARGE: usize = 2_000;
        LARGE < self.all.steps || LARGE < self.compared || LARGE < self.all.values
    }
}

impl Measure {
    /// Two parts of one set.
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            steps: self.steps.saturating_add(other.steps),
            values: self.values.saturating_add(other.values),
            widest: self.widest.max(other.widest),
            widest_below: self.widest_below.max(other.widest_below),
            own_fields: self.own_fields.saturating_add(other.own_fields),
            listed: self.listed.saturating_add(other.listed),
            introspected: self.introspected.saturating_add(other.introspected),
            depth: self.depth.max(other.depth),
            flat: self.flat.saturating_add(other.flat),
        }
    }

    /// The set, as a part of the one that its fragment stands in.
    const fn within(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// The set, as what stands below a field.
    fn below(self, field: &str) -> Self {
        let is_introspection = field == "__schema" || field == "__type";
        Self {
            widest: 0,
            widest_below: if self.widest < self.widest_below { self.widest_below } else { self.widest },
            own_fields: 0,
            listed: self.listed.saturating_add(1).saturating_mul(entries(field)),
            introspected: self.introspected.saturating_add(if is_introspection { self.listed } else { 0 }),
            depth: self.depth + 1,
            flat: 0,
            ..self
        }
    }
}

/// About how many entries a field of introspection lists.
fn entries(field: &str) -> usize {
    match field {
        "types" => 120,
        "fields" | "inputFields" | "enumValues" | "directives" => 10,
        "args" | "interfaces" | "possibleTypes" => 4,
        _ => 1,
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    /// None while a fragment is being measured.
    known: HashMap<&'d Name, Option<Measure>>,
    /// Of the variables that were met.
    weights: HashMap<&'d Name, usize>,
    compared: usize,
    n_taken: usize,
}

impl<'d> Walk<'d> {
    fn set(&mut self, set: &'d Positioned<SelectionSet>, depth: usize) -> Result<Measure, Fault> {
        if DEEPEST < depth {
            return Err(Fault::TooDeep(set.pos));
        }
        let mut sum = Measure::default();
        for selection in &set.node.items {
            self.n_taken += 1;
            let mut own =
                Measure { steps: 1, flat: 1, directives: selection.node.directives().len(), ..Measure::default() };
            for directive in selection.node.directives() {
                own.values = own.values.saturating_add(self.values(&directive.node.arguments));
            }
            let below = match &selection.node {
                Selection::Field(field) => {
                    own = self.field(own, &field.node);
                    let inner = &field.node.selection_set;
                    let is_leaf = inner.node.items.is_empty();
                    let below = if is_leaf { Measure::default() } else { self.set(inner, depth + 1)? };
                    below.below(&field.node.name.node)
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set, depth + 1)?.within(),
                Selection::FragmentSpread(spread) => self.spread(&spread.node, spread.pos, depth)?.within(),
            };
            sum = sum.beside(own).beside(below);
        }
        self.compared = self.compared.saturating_add(sum.flat);
        Ok(sum)
    }

    fn field(&mut self, own: Measure, field: &'d Field) -> Measure {
        let values = self.values(&field.arguments);
        Measure {
            fields: 1,
            own_fields: 1,
            aliases: usize::from(field.alias.is_some()),
            values: own.values.saturating_add(values),
            widest: values,
            ..own
        }
    }

    fn spread(&mut self, spread: &'d FragmentSpread, pos: Pos, depth: usize) -> Result<Measure, Fault> {
        self.fragment(&spread.fragment_name.node, pos, depth + 1)
    }

    fn fragment(&mut self, name: &'d Name, pos: Pos, depth: usize) -> Result<Measure, Fault> {
        match self.known.get(name) {
            Some(None) => return Err(Fault::Circular(pos)),
            Some(Some(measure)) if DEEPEST < depth + measure.depth => return Err(Fault::TooDeep(pos)),
            Some(Some(measure)) => return Ok(*measure),
            None => {}
        }
        let fragment = self.document.fragments.get(name).ok_or(Fault::Unknown(pos))?;
        self.known.insert(name, None);
        let mut measure = self.set(&fragment.node.selection_set, depth)?;
        for directive in &fragment.node.directives {
            measure.values = measure.values.saturating_add(self.values(&directive.node.arguments));
        }
        measure.directives = measure.directives.saturating_add(fragment.node.directives.len());
        self.known.insert(name, Some(measure));
        Ok(measure)
    }

    fn values(&mut self, arguments: &'d [(Positioned<Name>, Positioned<Value>)]) -> usize {
        arguments.iter().fold(0, |sum: usize, (_, value)| sum.saturating_add(self.value(&value.node)))
    }

    fn value(&mut self, value: &'d Value) -> usize {
        self.n_taken += 1;
        match value {
            Value::Variable(name) => {
                let variables = self.variables;
                *self.weights.entry(name).or_insert_with(|| variables.get(name).map_or(1, weight))
            }
            Value::List(values) => values.iter().fold(1, |sum: usize, value| sum.saturating_add(self.value(value))),
            Value::Object(fields) => fields.values().fold(1, |sum: usize, value| sum.saturating_add(self.value(value))),
            Value::String(text) => 1 + text.len() / BYTES_OF_A_VALUE,
            Value::Binary(bytes) => 1 + bytes.len() / BYTES_OF_A_VALUE,
            Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => 1,
        }
    }
}

/// How many values a value holds.
fn weight(value: &ConstValue) -> usize {
    match value {
        ConstValue::List(values) => values.iter().fold(1, |sum: usize, value| sum.saturating_add(weight(value))),
        ConstValue::Object(fields) => fields.values().fold(1, |sum: usize, value| sum.saturating_add(weight(value))),
        ConstValue::String(text) => 1 + text.len() / BYTES_OF_A_VALUE,
        ConstValue::Binary(bytes) => 1 + bytes.len() / BYTES_OF_A_VALUE,
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) | ConstValue::Enum(_) => 1,
    }
}

/// What a text holds before it is parsed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// Words, numbers, texts and signs, as the specification counts them.
    pub tokens: usize,
    /// The most brackets that are open at once.
    pub nesting: usize,
    /// The bytes of the longest name.
    pub longest_name: usize,
}

impl Text {
    /// Reads a text once; stops beyond a number of tokens.
    pub(super) fn of(query: &str, most_tokens: usize) -> Self {
        let mut rest = query.as_bytes();
        let mut text = Self::default();
        let mut n_open = 0_usize;
        while let [first, behind @ ..] = rest {
            rest = match first {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    rest = behind;
                    continue;
                }
                b'#' => {
                    rest = behind_first(behind, |byte| matches!(byte, b'\n' | b'\r'));
                    continue;
                }
                b'"' => match behind {
                    [b'"', b'"', block @ ..] => behind_block(block),
                    text => behind_text(text),
                },
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let end = behind_all(behind, |byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    text.longest_name = text.longest_name.max(rest.len() - end.len());
                    end
                }
                b'-' | b'0'..=b'9' => {
                    behind_all(behind, |byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
                }
                b'.' => behind.strip_prefix(b"..").unwrap_or(behind),
                b'{' | b'[' | b'(' => {
                    n_open += 1;
                    text.nesting = text.nesting.max(n_open);
                    behind
                }
                b'}' | b']' | b')' => {
                    n_open = n_open.saturating_sub(1);
                    behind
                }
                _ => behind,
            };
            text.tokens += 1;
            if most_tokens < text.tokens {
                break;
            }
        }
        text
    }
}

fn behind_first(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> &[u8] {
    bytes.iter().position(|byte| is_it(*byte)).map_or(&[], |position| &bytes[position + 1..])
}

fn behind_all(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|byte| !is_one(*byte)).unwrap_or(bytes.len());
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
