//! Type checks of values in variables and documents.
//!
//! The GraphQL library finds the same faults, but its errors quote the client's value and do not say what is valid.

use std::{collections::HashMap, fmt, sync::LazyLock};

use async_graphql::{
    Name, Number, Pos, Positioned, ScalarType, ServerError, Variables,
    indexmap::IndexMap,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, Field, FieldDefinition, InputValueDefinition, OperationDefinition,
            OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};
use async_graphql_value::{ConstValue, Value};

use super::{
    error::ErrorCode,
    scalars::{Date, Decimal},
};

/// The types of the schema, as far as the checks need them.
#[derive(Debug, Default)]
struct Types {
    inputs: HashMap<Name, Input>,
    /// The fields of the output types.
    fields: HashMap<Name, HashMap<Name, OutputField>>,
}

#[derive(Debug)]
enum Input {
    Scalar,
    Enum(Vec<Name>),
    Object { slots: Vec<Slot>, is_one_of: bool },
}

/// An argument, or a field of an input object.
#[derive(Debug)]
struct Slot {
    name: Name,
    ty: Type,
    has_default: bool,
}

#[derive(Debug)]
struct OutputField {
    arguments: Vec<Slot>,
    /// The name of the type, without list wrappers.
    ty: Name,
}

impl Types {
    fn get() -> &'static Self {
        static TYPES: LazyLock<Types> = LazyLock::new(|| Types::of(&super::sdl()));
        &TYPES
    }

    fn of(sdl: &str) -> Self {
        let mut types = Self::default();
        // The program's own schema always parses, as a test checks.
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let is_one_of = definition.node.directives.iter().any(|directive| directive.node.name.node == "oneOf");
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Scalar => drop(types.inputs.insert(name, Input::Scalar)),
                TypeKind::Enum(it) => {
                    let values = it.values.into_iter().map(|value| value.node.value.node).collect();
                    types.inputs.insert(name, Input::Enum(values));
                }
                TypeKind::InputObject(it) => {
                    let slots = it.fields.into_iter().map(Slot::of).collect();
                    types.inputs.insert(name, Input::Object { slots, is_one_of });
                }
                TypeKind::Object(it) => drop(types.fields.insert(name, output_fields(it.fields))),
                TypeKind::Interface(it) => drop(types.fields.insert(name, output_fields(it.fields))),
                TypeKind::Union(_) => {}
            }
        }
        types
    }
}

fn output_fields(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, OutputField> {
    let field = |field: Positioned<FieldDefinition>| {
        let arguments = field.node.arguments.into_iter().map(Slot::of).collect();
        (field.node.name.node, OutputField { arguments, ty: named(&field.node.ty.node.base).clone() })
    };
    fields.into_iter().map(field).collect()
}

fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(&inner.base),
    }
}

impl Slot {
    fn of(definition: Positioned<InputValueDefinition>) -> Self {
        let InputValueDefinition { name, ty, default_value, .. } = definition.node;
        Self { name: name.node, ty: ty.node, has_default: default_value.is_some() }
    }
}

/// The location of a value.
#[derive(Clone, Copy)]
enum Location<'p> {
    Variable(&'p str),
    Argument { field: &'p str, name: &'p str },
    Field(&'p Location<'p>, &'p str),
    Entry(&'p Location<'p>, usize),
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${name}"),
            Self::Argument { field, name } => write!(f, "{field}.{name}"),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Entry(parent, number) => write!(f, "{parent}[{number}]"),
        }
    }
}

/// Why a value is invalid.
#[derive(Debug, PartialEq, Eq)]
struct Invalid {
    code: ErrorCode,
    sentence: String,
}

impl Invalid {
    fn new(sentence: String) -> Self {
        Self { code: ErrorCode::ValidationFailed, sentence }
    }

    fn at(self, pos: Pos) -> ServerError {
        let mut error = self.code.of_request(self.sentence);
        error.locations = vec![pos];
        error
    }
}

/// A common view of constant values and values with variables.
enum View<'v, V> {
    Null,
    /// Its value is checked with the variables.
    Variable,
    Number(&'v Number),
    Text(&'v str),
    Boolean,
    Enum(&'v str),
    List(&'v [V]),
    Object(&'v IndexMap<Name, V>),
    Bytes,
}

trait InputValue: Sized {
    fn view(&self) -> View<'_, Self>;
}

impl InputValue for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Variable(_) => View::Variable,
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(text),
            Self::Boolean(_) => View::Boolean,
            Self::Enum(name) => View::Enum(name),
            Self::List(values) => View::List(values),
            Self::Object(fields) => View::Object(fields),
            Self::Binary(_) => View::Bytes,
        }
    }
}

impl InputValue for ConstValue {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(text),
            Self::Boolean(_) => View::Boolean,
            Self::Enum(name) => View::Enum(name),
            Self::List(values) => View::List(values),
            Self::Object(fields) => View::Object(fields),
            Self::Binary(_) => View::Bytes,
        }
    }
}

/// Checks the values of a request. With `shows_schema`, errors may list names of the schema.
///
/// # Errors
///
/// The first invalid value: its location, and what is valid there.
pub(super) fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    shows_schema: bool,
) -> Result<(), ServerError> {
    let check = Check { types: Types::get(), document, shows_schema };
    check.variables(operation, variables)?;
    for (_, operation) in document.operations.iter() {
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        check.set(root, &operation.node.selection_set.node)?;
    }
    for fragment in check.document.fragments.values() {
        check.set(&fragment.node.type_condition.node.on.node, &fragment.node.selection_set.node)?;
    }
    Ok(())
}

struct Check<'c> {
    types: &'c Types,
    document: &'c ExecutableDocument,
    shows_schema: bool,
}

impl Check<'_> {
    fn variables(&self, operation: &OperationDefinition, variables: &Variables) -> Result<(), ServerError> {
        for definition in &operation.variable_definitions {
            let variable = &definition.node;
            let (name, ty) = (&variable.name.node, &variable.var_type.node);
            let location = Location::Variable(name);
            let fault = |invalid: Invalid| invalid.at(definition.pos);
            if let Some(default) = &variable.default_value {
                self.value(&default.node, ty, location).map_err(fault)?;
            }
            match variables.get(name) {
                Some(value) => self.value(value, ty, location).map_err(fault)?,
                None if !ty.nullable && variable.default_value.is_none() => {
                    let sentence = format!("the variable ${name} has no value; send one of the type {ty}");
                    return Err(fault(Invalid::new(sentence)));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Checks the values in a selection set. Fragments are checked at their definitions.
    fn set(&self, ty: &str, set: &SelectionSet) -> Result<(), ServerError> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(ty, &field.node)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.set(condition.map_or(ty, Name::as_str), &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn field(&self, ty: &str, field: &Field) -> Result<(), ServerError> {
        // The library refuses unknown fields.
        let Some(output) = self.types.fields.get(ty).and_then(|fields| fields.get(&field.name.node)) else {
            return Ok(());
        };
        for (name, value) in &field.arguments {
            if let Some(slot) = output.arguments.iter().find(|slot| slot.name == name.node) {
                let location = Location::Argument { field: &field.name.node, name: &slot.name };
                self.value(&value.node, &slot.ty, location).map_err(|invalid| invalid.at(value.pos))?;
            }
        }
        self.set(&output.ty, &field.selection_set.node)
    }

    fn value<V: InputValue>(&self, value: &V, ty: &Type, location: Location<'_>) -> Result<(), Invalid> {
        match (value.view(), &ty.base) {
            (View::Variable, _) => Ok(()),
            (View::Null, _) if ty.nullable => Ok(()),
            (View::Null, _) => Err(Invalid::new(format!("{location}: null is not a value of the type {ty}; send one"))),
            (View::List(values), BaseType::List(inner)) => {
                let mut entries = values.iter().enumerate();
                entries.try_for_each(|(number, value)| self.value(value, inner, Location::Entry(&location, number)))
            }
            // A single value is a list of one item.
            (_, BaseType::List(inner)) => self.value(value, inner, location),
            (view, BaseType::Named(name)) => match self.types.inputs.get(name) {
                Some(Input::Enum(values)) => self.of_enum(&view, name, values, location),
                Some(Input::Object { slots, is_one_of }) => self.object(&view, name, slots, *is_one_of, location),
                Some(Input::Scalar) | None => scalar(&view, name, location),
            },
        }
    }

    fn of_enum<V>(
        &self,
        view: &View<'_, V>,
        name: &Name,
        values: &[Name],
        location: Location<'_>,
    ) -> Result<(), Invalid> {
        match view {
            View::Enum(value) | View::Text(value) if values.iter().any(|known| known == value) => Ok(()),
            _ if self.shows_schema => Err(Invalid::new(format!("{location}: use one of {}", listed(values.iter())))),
            _ => Err(Invalid::new(format!("{location}: use a value of the enum {name}"))),
        }
    }

    fn object<V: InputValue>(
        &self,
        view: &View<'_, V>,
        name: &Name,
        slots: &[Slot],
        is_one_of: bool,
        location: Location<'_>,
    ) -> Result<(), Invalid> {
        let View::Object(fields) = view else {
            let written = if self.shows_schema {
                format!(", as {}", self.example(view, slots, is_one_of))
            } else {
                String::new()
            };
            return Err(Invalid::new(format!("{location}: send an object of the type {name}{written}")));
        };
        if fields.keys().any(|field| !slots.iter().any(|slot| slot.name == *field)) {
            let known = if self.shows_schema {
                format!("; it has {}", listed(slots.iter().map(|slot| &slot.name)))
            } else {
                String::new()
            };
            return Err(Invalid::new(format!(
                "{location}: the type {name} has no field of one of the names that were sent{known}"
            )));
        }
        if is_one_of && (fields.len() != 1 || fields.values().any(|value| matches!(value.view(), View::Null))) {
            let one_of =
                if self.shows_schema { listed(slots.iter().map(|slot| &slot.name)) } else { "its fields".to_owned() };
            return Err(Invalid::new(format!("{location}: give exactly one of {one_of}")));
        }
        for slot in slots {
            match fields.get(&slot.name) {
                Some(value) => self.value(value, &slot.ty, Location::Field(&location, &slot.name))?,
                None if !slot.ty.nullable && !slot.has_default && !is_one_of => {
                    let sentence = format!(
                        "{}: this is missing; send a value of the type {}",
                        Location::Field(&location, &slot.name),
                        slot.ty
                    );
                    return Err(Invalid::new(sentence));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// An example of an object. If the client sent a value of one of its enums in place of the object, the example uses it.
    fn example<V>(&self, given: &View<'_, V>, slots: &[Slot], is_one_of: bool) -> String {
        let sample = |slot: &Slot| -> String {
            match self.types.inputs.get(named(&slot.ty.base)) {
                Some(Input::Enum(values)) => {
                    let meant = match given {
                        View::Enum(name) | View::Text(name) => values.iter().find(|known| known == name),
                        _ => None,
                    };
                    meant.or(values.first()).map_or_else(|| "…".to_owned(), ToString::to_string)
                }
                _ => "…".to_owned(),
            }
        };
        let is_needed = |slot: &&Slot| !slot.ty.nullable;
        let needed: Vec<&Slot> = slots.iter().filter(is_needed).collect();
        let shown = if needed.is_empty() || is_one_of { slots.iter().take(1).collect() } else { needed };
        let fields: Vec<String> = shown.into_iter().map(|slot| format!("{}: {}", slot.name, sample(slot))).collect();
        format!("{{ {} }}", fields.join(", "))
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n Name>) -> String {
    names.map(Name::as_str).collect::<Vec<_>>().join(", ")
}

fn scalar<V: InputValue>(view: &View<'_, V>, name: &Name, location: Location<'_>) -> Result<(), Invalid> {
    let (fits, wanted) = match name.as_str() {
        "Int" => {
            let is_whole = |number: &Number| number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            let fits = matches!(view, View::Number(number) if is_whole(number));
            (fits, "a whole number from -2,147,483,648 to 2,147,483,647")
        }
        "Float" => (matches!(view, View::Number(_)), "a number"),
        "Boolean" => (matches!(view, View::Boolean), "true or false"),
        "String" => (matches!(view, View::Text(_)), "a string"),
        "ID" => {
            let is_id = |number: &Number| number.is_i64() || number.is_u64();
            (
                matches!(view, View::Text(_)) || matches!(view, View::Number(number) if is_id(number)),
                "an ID, as a string",
            )
        }
        "DateTime" => (matches!(view, View::Text(_)), "a time as a string, such as \"2026-01-31T09:00:00Z\""),
        "Date" => {
            let View::Text(text) = view else {
                return Err(wrong_kind(location, "a date as a string, such as \"2026-01-31\""));
            };
            return formed::<Date>(text, location, "a valid date, written as yyyy-MM-dd");
        }
        "Decimal" => match view {
            View::Text(text) => return formed::<Decimal>(text, location, "a decimal, written as \"12.50\""),
            View::Number(number) => {
                return formed::<Decimal>(&number.to_string(), location, "a decimal of at most 28 digits");
            }
            _ => return Err(wrong_kind(location, "a decimal as a string, such as \"12.50\"")),
        },
        // `JSON` accepts any value; the library refuses types that are not input types.
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(wrong_kind(location, wanted)) }
}

fn wrong_kind(location: Location<'_>, wanted: &str) -> Invalid {
    Invalid::new(format!("{location}: send {wanted}"))
}

/// Checks a text that a scalar parses.
fn formed<S: ScalarType>(text: &str, location: Location<'_>, wanted: &str) -> Result<(), Invalid> {
    match S::parse(ConstValue::String(text.to_owned())) {
        Ok(_) => Ok(()),
        Err(_) => Err(Invalid { code: ErrorCode::BadUserInput, sentence: format!("{location}: send {wanted}") }),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::*;

    fn invalid(query: &str, variables: Json, shows_schema: bool) -> String {
        let document = parse_query(query).expect("valid GraphQL");
        let (_, operation) = document.operations.iter().next().expect("an operation");
        match check(&document, &operation.node, &Variables::from_json(variables), shows_schema) {
            Ok(()) => String::new(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn the_schema_parses() {
        let types = Types::get();
        assert!(types.fields["Query"].contains_key("profiles") && types.fields.contains_key("Node"));
        assert!(matches!(types.inputs["ProfileKey"], Input::Object { is_one_of: true, .. }));
    }

    #[test]
    fn valid_values_pass() {
        let query = "query($by: ProfileKey!, $filter: ProfileFilter, $first: Int = 3, $date: Date, $json: JSON!) {
            profile(by: $by, asOf: $date) { timeline(events: \"one\", first: 1) { nodes { name } } }
            profiles(filter: $filter, first: $first, orderBy: { field: NAME, direction: ASC }) { totalCount }
            simulatePolicy(policy: { document: $json }) { merging }
        }";
        let variables = json!({
            "by": { "unifiedId": 12 },
            "filter": { "gender": "MALE", "purchaseAmount12m": { "min": 1, "max": "2.50" }, "lastActivity": { "from": null } },
            "date": "2024-02-29",
            "json": [{ "a": 1.5 }],
        });
        assert_eq!(invalid(query, variables, true), "");
    }

    #[test]
    fn errors_say_what_is_valid_without_the_client_s_value() {
        let secret = "010-9753-2468";
        let one = |ty: &str, value: Json| (format!("query($v: {ty}) {{ viewer {{ role }} }}"), json!({ "v": value }));
        let all = [
            (
                ("query($v: String!) { a }".to_owned(), json!({})),
                "the variable $v has no value; send one of the type String!",
            ),
            (one("String!", Json::Null), "$v: null is not a value of the type String!; send one"),
            (one("[ID!]", json!(["a", { "x": secret }])), "$v[1]: send an ID, as a string"),
            (one("Int", json!(3_000_000_000_u64)), "$v: send a whole number from -2,147,483,648 to 2,147,483,647"),
            (one("Int", json!(1.5)), "$v: send a whole number from -2,147,483,648 to 2,147,483,647"),
            (one("Int", json!(secret)), "$v: send a whole number from -2,147,483,648 to 2,147,483,647"),
            (one("String", json!(true)), "$v: send a string"),
            (one("Boolean", json!(secret)), "$v: send true or false"),
            (one("Date", json!(secret)), "$v: send a valid date, written as yyyy-MM-dd"),
            (one("Decimal", json!(secret)), "$v: send a decimal, written as \"12.50\""),
            (one("[Gender!]", json!(secret)), "$v: use one of MALE, FEMALE, NON_BINARY, OTHER"),
            (
                one("ProfileFilter", json!({ "gender": ["MALE", secret] })),
                "$v.gender[1]: use one of MALE, FEMALE, NON_BINARY, OTHER",
            ),
            (
                one("IdentifierInput", json!({ secret: 1 })),
                "$v: the type IdentifierInput has no field of one of the names that were sent; it has kind, value",
            ),
            (
                one("IdentifierInput", json!({ "kind": "phone" })),
                "$v.value: this is missing; send a value of the type String!",
            ),
            (one("ProfileKey", json!({})), "$v: give exactly one of unifiedId, identifier"),
            (one("ProfileKey", json!({ "unifiedId": null })), "$v: give exactly one of unifiedId, identifier"),
            (
                one("ProfileOrder", json!(secret)),
                "$v: send an object of the type ProfileOrder, as { field: LAST_ACTIVITY, direction: ASC }",
            ),
            (
                (
                    "{ ...F } fragment F on Query { ... { profiles(orderBy: NAME) { totalCount } } }".to_owned(),
                    json!({}),
                ),
                "profiles.orderBy: send an object of the type ProfileOrder, as { field: NAME, direction: ASC }",
            ),
            (
                ("query($v: [Gender!] = [WOMAN]) { viewer { role } }".to_owned(), json!({})),
                "$v[0]: use one of MALE, FEMALE, NON_BINARY, OTHER",
            ),
        ];
        for ((query, variables), expected) in all {
            let sentence = invalid(&query, variables.clone(), true);
            assert_eq!(sentence, expected, "{query} {variables}");
            assert!(!sentence.contains(secret), "{sentence}");
        }
        let (query, variables) = one("[Gender!]", json!(secret));
        assert_eq!(invalid(&query, variables, false), "$v: use a value of the enum Gender");
    }
}
