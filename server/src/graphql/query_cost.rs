//! The cost of a query, computed before the GraphQL library validates it.
//!
//! Fragments make small documents large: the library expands each spread each time. Here each fragment is measured once, so that
//! measuring is linear in the size of the document.
//!
//! The lexer is our own: the token limit of apollo-parser's lexer counts whitespace and comments, too, and it reports no nesting, so
//! the counting here would stay, next to a second GraphQL parser.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Variables,
    parser::types::{ExecutableDocument, Field, FragmentSpread, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};

/// The deepest nesting of selection sets, with fragments expanded. The library has the same limit.
pub(super) const MAX_DEPTH: usize = 32;
/// How many bytes of a string cost as much as one value.
const BYTES_PER_VALUE: usize = 32;

/// The size of a selection set with its fragments expanded. Sums saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub fields: usize,
    pub aliases: usize,
    pub directives: usize,
    /// Fields, spreads and inline fragments: the steps of a full traversal.
    pub steps: usize,
    /// The values in arguments, for each occurrence.
    pub values: usize,
    /// The most values in the arguments of one field of this set.
    pub widest: usize,
    /// The most values in the arguments of one field below this set.
    pub widest_below: usize,
    /// The fields of this set itself.
    pub own_fields: usize,
    /// How many entries an introspection field above this set would list.
    listed: usize,
    /// How many entries introspection lists.
    pub introspected: usize,
    /// The nesting depth of selection sets.
    depth: usize,
    /// The selections of this set and of its fragments, without those below its fields.
    flat: usize,
}

/// A fault in the fragments of a document, and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A spread of an undefined fragment.
    Unknown(Pos),
    /// A fragment that spreads itself.
    Circular(Pos),
    /// Selection sets nest more deeply than [`MAX_DEPTH`].
    TooDeep(Pos),
}

/// The cost of a whole document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct QueryCost {
    /// All operations together, as the library validates all of them.
    pub all: Measure,
    /// The steps of comparing the fields of each set pairwise.
    pub compared: usize,
    /// The values of the used variables, each counted once.
    pub variables: usize,
    /// The steps of this measurement.
    pub n_steps: usize,
}

impl QueryCost {
    /// Measures a document, including fragments that no operation spreads.
    ///
    /// # Errors
    ///
    /// The first fault of its fragments.
    pub(super) fn of(document: &ExecutableDocument, variables: &Variables) -> Result<Self, Fault> {
        let mut walk =
            Walk { document, variables, known: HashMap::new(), weights: HashMap::new(), compared: 0, n_steps: 0 };
        let mut all = Measure::default();
        for (_, operation) in document.operations.iter() {
            for directive in &operation.node.directives {
                all.values = all.values.saturating_add(walk.values(&directive.node.arguments));
            }
            all.directives = all.directives.saturating_add(operation.node.directives.len());
            all = all.plus(walk.set(&operation.node.selection_set, 0)?);
        }
        let mut fragments: Vec<_> = document.fragments.iter().collect();
        // In the order of the document, so that the reported fault does not depend on the order of a map.
        fragments.sort_unstable_by_key(|(_, fragment)| (fragment.pos.line, fragment.pos.column));
        for (name, fragment) in fragments {
            walk.fragment(name, fragment.pos, 0)?;
        }
        let variables = walk.weights.values().fold(0, |sum: usize, weight| sum.saturating_add(*weight));
        Ok(Self { all, compared: walk.compared, variables, n_steps: walk.n_steps })
    }

    /// Whether validation is so expensive that it must not block other tasks.
    pub(super) const fn is_large(&self) -> bool {
        const LARGE: usize = 2_000;
        LARGE < self.all.steps || LARGE < self.compared || LARGE < self.all.values
    }
}

impl Measure {
    /// The sum of two parts of one set.
    fn plus(self, other: Self) -> Self {
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

    /// The set of a fragment, as a part of the set that contains the spread.
    const fn within(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// The set of a field, as a part of the set that contains the field.
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

/// The approximate number of entries that an introspection field lists.
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
    /// `None` while a fragment is being measured.
    known: HashMap<&'d Name, Option<Measure>>,
    /// The used variables.
    weights: HashMap<&'d Name, usize>,
    compared: usize,
    n_steps: usize,
}

impl<'d> Walk<'d> {
    fn set(&mut self, set: &'d Positioned<SelectionSet>, depth: usize) -> Result<Measure, Fault> {
        if MAX_DEPTH < depth {
            return Err(Fault::TooDeep(set.pos));
        }
        let mut sum = Measure::default();
        for selection in &set.node.items {
            self.n_steps += 1;
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
            sum = sum.plus(own).plus(below);
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
            Some(Some(measure)) if MAX_DEPTH < depth + measure.depth => return Err(Fault::TooDeep(pos)),
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
        self.n_steps += 1;
        match value {
            Value::Variable(name) => {
                let variables = self.variables;
                *self.weights.entry(name).or_insert_with(|| variables.get(name).map_or(1, weight))
            }
            Value::List(values) => values.iter().fold(1, |sum: usize, value| sum.saturating_add(self.value(value))),
            Value::Object(fields) => fields.values().fold(1, |sum: usize, value| sum.saturating_add(self.value(value))),
            Value::String(text) => 1 + text.len() / BYTES_PER_VALUE,
            Value::Binary(bytes) => 1 + bytes.len() / BYTES_PER_VALUE,
            Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => 1,
        }
    }
}

/// The number of values in a value.
fn weight(value: &ConstValue) -> usize {
    match value {
        ConstValue::List(values) => values.iter().fold(1, |sum: usize, value| sum.saturating_add(weight(value))),
        ConstValue::Object(fields) => fields.values().fold(1, |sum: usize, value| sum.saturating_add(weight(value))),
        ConstValue::String(text) => 1 + text.len() / BYTES_PER_VALUE,
        ConstValue::Binary(bytes) => 1 + bytes.len() / BYTES_PER_VALUE,
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) | ConstValue::Enum(_) => 1,
    }
}

/// The size of a document, computed before it is parsed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TextCost {
    /// Tokens as the specification defines them: names, numbers, strings and punctuators.
    pub tokens: usize,
    /// The deepest nesting of brackets.
    pub nesting: usize,
    /// The length of the longest name, in bytes.
    pub longest_name: usize,
}

impl TextCost {
    /// Scans a document; stops after `most_tokens`.
    pub(super) fn of(query: &str, most_tokens: usize) -> Self {
        let mut rest = query.as_bytes();
        let mut cost = Self::default();
        let mut n_open = 0_usize;
        while let [first, after @ ..] = rest {
            rest = match first {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    rest = after;
                    continue;
                }
                b'#' => {
                    rest = skip_past(after, |byte| matches!(byte, b'\n' | b'\r'));
                    continue;
                }
                b'"' => match after {
                    [b'"', b'"', block @ ..] => skip_block_string(block),
                    string => skip_string(string),
                },
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let end = skip_while(after, |byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    cost.longest_name = cost.longest_name.max(rest.len() - end.len());
                    end
                }
                b'-' | b'0'..=b'9' => {
                    skip_while(after, |byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
                }
                b'.' => after.strip_prefix(b"..").unwrap_or(after),
                b'{' | b'[' | b'(' => {
                    n_open += 1;
                    cost.nesting = cost.nesting.max(n_open);
                    after
                }
                b'}' | b']' | b')' => {
                    n_open = n_open.saturating_sub(1);
                    after
                }
                _ => after,
            };
            cost.tokens += 1;
            if most_tokens < cost.tokens {
                break;
            }
        }
        cost
    }
}

fn skip_past(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    bytes.iter().position(|byte| is_end(*byte)).map_or(&[], |position| &bytes[position + 1..])
}

fn skip_while(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|byte| !is_part(*byte)).unwrap_or(bytes.len());
    &bytes[end..]
}

fn skip_string(mut bytes: &[u8]) -> &[u8] {
    loop {
        match bytes {
            [b'\\', _, rest @ ..] => bytes = rest,
            [b'"' | b'\n', rest @ ..] => return rest,
            [_, rest @ ..] => bytes = rest,
            [] => return bytes,
        }
    }
}

fn skip_block_string(mut bytes: &[u8]) -> &[u8] {
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
