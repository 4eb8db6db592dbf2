//! Holds questions to the limits: what may be asked, before it is run.

use std::{collections::HashSet, sync::Arc};

use async_graphql::{
    Name, Positioned, Request, ServerError, ServerResult, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection},
};

use super::{
    Current,
    error::ErrorCode,
    inputs,
    query_cost::{DEEPEST, Fault, Measured, Text},
    request_context,
};
use crate::{
    auth::access::{Caller, Permission},
    limits::Limits,
};

/// The most bytes of a document, for each token that it may have.
const BYTES_OF_A_TOKEN: usize = 32;
/// The most bytes of a name.
const LONGEST_NAME: usize = 128;
/// The most brackets that are open at once.
const MOST_NESTED: usize = 128;
/// The most variables of an operation.
const MOST_VARIABLES: usize = 200;
/// The most values that the arguments of one field hold that does not stand at the root: it is read for each entry above it.
const MOST_VALUES_BELOW: usize = 200;
/// The most that introspection lists: a few times what tools ask for.
const MOST_INTROSPECTED: usize = 1_000_000;
/// From so many bytes on a document is not parsed where others wait.
const LARGE: usize = 16 * 1024;

/// A request's document, and which of its operations is asked for.
#[derive(Debug)]
pub(super) struct Question {
    pub document: ExecutableDocument,
    pub measured: Measured,
    pub kind: OperationType,
}

/// Reads a request's document, unless it is too large to be looked at, with the variables that are there by then. Nothing else may
/// look at a document that someone sent: the work of this is bounded by the length of the text, and so is what the library then does.
///
/// # Errors
///
/// Where the document is no GraphQL, or asks for more than is answered.
pub(super) fn read_document(request: &mut Request, limits: &Limits) -> ServerResult<ExecutableDocument> {
    measure(request, limits).map(|(document, _)| document)
}

fn measure(request: &mut Request, limits: &Limits) -> ServerResult<(ExecutableDocument, Measured)> {
    let is_large = LARGE < request.query.len();
    request_context::aside(is_large, || {
        hold_text(&request.query, limits)?;
        let document = request.parsed_query().map_err(super::error::of_parser)?.clone();
        let measured = Measured::of(&document, &request.variables).map_err(refusal)?;
        hold(&measured, limits)?;
        Ok((document, measured))
    })
}

/// Reads a request's document, and judges what came with it.
pub(super) fn read(request: &mut Request, limits: &Limits, caller: &Caller) -> ServerResult<Question> {
    let (document, measured) = measure(request, limits)?;
    // Some clients send an empty name for none.
    request.operation_name = request.operation_name.take().filter(|name| !name.is_empty());
    let operation = chosen(&document.operations, request.operation_name.as_deref())?;
    let kind = operation.node.ty;
    if kind == OperationType::Subscription && !asks_for_one(&operation.node) {
        let sentence = "a subscription asks for one field, and not by a fragment; subscribe to each by itself";
        return Err(ErrorCode::ValidationFailed.of_request(sentence));
    }
    let says_names = may_introspect(limits, caller);
    if !says_names && measured.all.introspected != 0 {
        let sentence = "this server does not tell its schema to this key; its text is schema.graphql";
        return Err(ErrorCode::IntrospectionDisabled.of_request(sentence));
    }
    let declared: HashSet<&Name> =
        operation.node.variable_definitions.iter().map(|definition| &definition.node.name.node).collect();
    if MOST_VARIABLES < declared.len() || MOST_VARIABLES < operation.node.variable_definitions.len() {
        let sentence = format!("an operation has at most {MOST_VARIABLES} variables");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    request.variables.retain(|name, _| declared.contains(name));
    inputs::check(&document, &operation.node, &request.variables, says_names)?;
    Ok(Question { kind, measured, document })
}

/// Whether a caller may ask what the schema has: whoever only sends has no use for it.
pub(super) fn may_introspect(limits: &Limits, caller: &Caller) -> bool {
    !limits.no_introspection && caller.may(Permission::Read)
}

fn hold_text(query: &str, limits: &Limits) -> ServerResult<()> {
    let most_bytes = limits.tokens.saturating_mul(BYTES_OF_A_TOKEN);
    if most_bytes < query.len() {
        let sentence = format!("a query has at most {most_bytes} bytes; send values as variables");
        return Err(ErrorCode::TooManyTokens.of_request(sentence));
    }
    let text = Text::of(query, limits.tokens);
    if limits.tokens < text.tokens {
        let sentence = format!("a query has at most {} tokens; send values as variables", limits.tokens);
        return Err(ErrorCode::TooManyTokens.of_request(sentence));
    }
    if LONGEST_NAME < text.longest_name {
        let sentence = format!("a name in a query has at most {LONGEST_NAME} letters");
        return Err(ErrorCode::ParseFailed.of_request(sentence));
    }
    if MOST_NESTED < text.nesting {
        let sentence = format!("a query opens at most {MOST_NESTED} brackets within one another");
        return Err(ErrorCode::QueryTooDeep.of_request(sentence));
    }
    Ok(())
}

fn refusal(fault: Fault) -> ServerError {
    let (code, pos, sentence) = match fault {
        Fault::Unknown(pos) => {
            (ErrorCode::ValidationFailed, pos, "no fragment of this name is in the query".to_owned())
        }
        Fault::Circular(pos) => {
            (ErrorCode::ValidationFailed, pos, "a fragment may not be spread within itself".to_owned())
        }
        Fault::TooDeep(pos) => {
            let sentence = format!("a query nests at most {DEEPEST} selections, with its fragments written out");
            (ErrorCode::QueryTooDeep, pos, sentence)
        }
    };
    let mut error = code.of_request(sentence);
    error.locations = vec![pos];
    error
}

fn hold(measured: &Measured, limits: &Limits) -> ServerResult<()> {
    let Measured { all, compared, variables, .. } = measured;
    let most = limits.complexity;
    if most < all.steps || most < *compared {
        return Err(too_complex(limits));
    }
    // What a variable holds is read where it is used: once is what was sent.
    if most < all.values.saturating_sub(*variables) {
        let sentence = format!("with its fragments written out a query repeats at most {most} values in arguments");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    if MOST_VALUES_BELOW < all.widest_below {
        let sentence =
            format!("the arguments of a field that is not at the root hold at most {MOST_VALUES_BELOW} values");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    if MOST_INTROSPECTED < all.introspected {
        return Err(ErrorCode::QueryTooComplex
            .of_request("this asks for more of the schema than is told at once; ask for parts"));
    }
    if limits.aliases < all.aliases {
        let sentence = format!("a query has at most {} aliases, with its fragments written out", limits.aliases);
        return Err(ErrorCode::TooManyAliases.of_request(sentence));
    }
    if limits.directives < all.directives {
        let sentence = format!("a query has at most {} directives, with its fragments written out", limits.directives);
        return Err(ErrorCode::TooManyDirectives.of_request(sentence));
    }
    Ok(())
}

fn chosen<'d>(
    operations: &'d DocumentOperations,
    name: Option<&str>,
) -> ServerResult<&'d Positioned<OperationDefinition>> {
    let refused = |sentence: &str| ErrorCode::ValidationFailed.of_request(sentence);
    match (operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Multiple(named), None) if named.len() == 1 => {
            named.values().next().ok_or_else(|| refused("the query has no operation"))
        }
        (DocumentOperations::Multiple(_), None) => {
            Err(refused("the query has several operations; name one by operationName"))
        }
        (DocumentOperations::Multiple(named), Some(name)) => {
            named.get(name).ok_or_else(|| refused("the query has no operation of the name in operationName"))
        }
        (DocumentOperations::Single(_), Some(_)) => {
            Err(refused("the query's only operation has no name; leave operationName out"))
        }
    }
}

/// Whether an operation asks for one field, and itself so: the library follows no fragment there.
fn asks_for_one(operation: &OperationDefinition) -> bool {
    matches!(operation.selection_set.node.items.as_slice(), [only] if matches!(only.node, Selection::Field(_)))
}

fn too_complex(limits: &Limits) -> ServerError {
    let sentence = format!(
        "a query asks for at most {} fields, each times the entries of the pages that it stands in; ask for smaller pages or \
         fewer fields",
        limits.complexity
    );
    ErrorCode::QueryTooComplex.of_request(sentence)
}

/// What only the schema knows of a document: how deep it is, and how many entries its pages have.
#[derive(Debug)]
pub(super) struct QueryLimits;

impl ExtensionFactory for QueryLimits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for QueryLimits {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let validated = next.run(ctx).await?;
        let Some(current) = ctx.data_opt::<Current>() else { return Ok(validated) };
        let limits = current.app().limits;
        if limits.depth < validated.depth {
            let sentence = format!("a query nests at most {} levels", limits.depth);
            return Err(vec![ErrorCode::QueryTooDeep.of_request(sentence)]);
        }
        if limits.complexity < validated.complexity {
            return Err(vec![too_complex(&limits)]);
        }
        Ok(validated)
    }
}
