//! Parses the variables of a request, and only those that its operation declares.

use std::{cell::Cell, collections::HashSet, fmt};

use async_graphql::{
    Name, Request, ServerResult, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection},
};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{error::ErrorCode, query_limits};
use crate::limits::Limits;

/// Sets the variables of a request.
///
/// # Errors
///
/// If the document cannot be parsed, a variable is not declared, or `variables` is not an object.
pub fn set_variables(request: &mut Request, variables: Option<&RawValue>, limits: &Limits) -> ServerResult<()> {
    let text = variables.map_or("null", RawValue::get);
    if matches!(text, "null" | "{}") {
        return Ok(());
    }
    let document = query_limits::read_document(request, limits)?;
    // If there is no such operation, the response says so.
    let Some(operation) = operation_of(&document, request.operation_name.as_deref()) else { return Ok(()) };
    let names = operation.variable_definitions.iter().map(|it| it.node.name.node.as_str()).collect();
    let declared = Declared { names, has_undeclared: Cell::new(false) };
    match (&declared).deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Ok(variables) => request.variables = variables,
        Err(_) if declared.has_undeclared.get() => {
            let sentence =
                "the request has a variable that the operation does not declare; declare it, or leave it out";
            return Err(ErrorCode::ValidationFailed.of_request(sentence));
        }
        Err(_) => return Err(ErrorCode::ParseFailed.of_request("variables: send an object of values by name")),
    }
    Ok(())
}

/// Whether a request only sends messages. Such requests have a higher size limit.
///
/// # Errors
///
/// If the document cannot be parsed.
pub fn only_ingests(request: &mut Request, limits: &Limits) -> ServerResult<bool> {
    let document = query_limits::read_document(request, limits)?;
    let operation = operation_of(&document, request.operation_name.as_deref());
    Ok(operation.is_some_and(|operation| {
        let is_ingest = |it: &Selection| matches!(it, Selection::Field(field) if field.node.name.node == "ingest");
        operation.ty == OperationType::Mutation
            && operation.selection_set.node.items.iter().all(|it| is_ingest(&it.node))
    }))
}

/// The operation that a request selects.
fn operation_of<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Option<&'d OperationDefinition> {
    let mut operations = document.operations.iter();
    // Some clients send an empty name instead of none.
    let found = match name.filter(|name| !name.is_empty()) {
        Some(name) => operations.find(|(it, _)| it.map(Name::as_str) == Some(name)),
        None if operations.len() == 1 => operations.next(),
        None => None,
    };
    found.map(|(_, operation)| &operation.node)
}

/// Reads variables of these names, and fails at the first other one.
struct Declared<'d> {
    names: HashSet<&'d str>,
    has_undeclared: Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for &Declared<'_> {
    type Value = Variables;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Variables, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Declared<'_> {
    type Value = Variables;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Variables, A::Error> {
        let mut variables = Variables::default();
        while let Some(name) = members.next_key::<String>()? {
            if !self.names.contains(name.as_str()) {
                self.has_undeclared.set(true);
                return Err(A::Error::custom("undeclared variable"));
            }
            variables.insert(Name::new(name), members.next_value()?);
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use serde_json::json;

    use super::*;

    fn limits() -> Limits {
        let matches = Limits::augment_args(clap::Command::new("test")).get_matches_from(["test"]);
        Limits::from_arg_matches(&matches).expect("each limit has a default")
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("it is JSON")
    }

    #[test]
    fn only_declared_variables_are_read() {
        let two = "query A($a: Int) { viewer { role } } query B($b: [Int!]) { viewer { role } }";
        // The document, the operation name, the variables, and the result.
        for (query, name, variables, wanted) in [
            (
                "query($a: Int, $b: Int) { viewer { role } }",
                None,
                r#"{"a": 1, "b": null}"#,
                Ok(json!({"a": 1, "b": null})),
            ),
            ("query($a: Int) { viewer { role } }", None, "null", Ok(json!({}))),
            ("{ viewer { role } }", None, "{}", Ok(json!({}))),
            ("{ viewer { role } }", None, r#"{"x": [0, 0]}"#, Err("GRAPHQL_VALIDATION_FAILED")),
            (two, Some("A"), r#"{"a": 1}"#, Ok(json!({"a": 1}))),
            (two, Some("B"), r#"{"b": [1, 2]}"#, Ok(json!({"b": [1, 2]}))),
            (two, Some("A"), r#"{"b": [1, 2]}"#, Err("GRAPHQL_VALIDATION_FAILED")),
            (two, Some("C"), r#"{"b": [1, 2]}"#, Ok(json!({}))),
            (two, None, r#"{"a": 1}"#, Ok(json!({}))),
            ("query($a: Int) { viewer { role } }", None, "[1]", Err("GRAPHQL_PARSE_FAILED")),
            ("query($a: Int) {", None, r#"{"a": 1}"#, Err("GRAPHQL_PARSE_FAILED")),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            let given = set_variables(&mut request, Some(&raw(variables)), &limits());
            let given = match &given {
                Ok(()) => Ok(serde_json::to_value(&request.variables).expect("values are JSON")),
                Err(error) => Err(error.extensions.as_ref().and_then(|it| it.get("code")).cloned()),
            };
            let wanted = wanted.map_err(|code| Some(code.into()));
            assert_eq!(given, wanted, "{query} {name:?} {variables}");
        }
    }

    #[test]
    fn only_requests_of_ingest_alone_are_ingestion() {
        for (query, name, is_ingestion) in [
            ("mutation($m: [MessageInput!]!) { ingest(messages: $m) { results { status } } }", None, true),
            ("mutation { a: ingest(messages: []) { results { status } } }", None, true),
            (
                "mutation { ingest(messages: []) { results { status } } mergeProfiles(unifiedIds: [], reason: \"\") { status } }",
                None,
                false,
            ),
            ("mutation { ...F } fragment F on Mutation { ingest(messages: []) { results { status } } }", None, false),
            ("query { ingest }", None, false),
            (
                "query A { viewer { role } } mutation B { ingest(messages: []) { results { status } } }",
                Some("A"),
                false,
            ),
            ("query A { viewer { role } } mutation B { ingest(messages: []) { results { status } } }", Some("B"), true),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(only_ingests(&mut request, &limits()).ok(), Some(is_ingestion), "{query}");
        }
    }
}
