//! Enforces the limits on queries before they run.

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
    query_cost::{Fault, MAX_DEPTH, QueryCost, TextCost},
    request_context,
};
use crate::{
    auth::access::{Caller, Permission},
    limits::Limits,
};

/// The most bytes of a document, for each token that it may have.
const BYTES_PER_TOKEN: usize = 32;
/// The most bytes of a name.
const MAX_NAME_BYTES: usize = 128;
/// The deepest nesting of brackets.
const MAX_NESTING: usize = 128;
/// The most variables of an operation.
const MAX_VARIABLES: usize = 200;
/// The most values in the arguments of one field below the root: such a field reads its arguments once for each parent entry.
const MAX_VALUES_BELOW_ROOT: usize = 200;
/// The most entries that introspection lists: a few times what tools request.
const MAX_INTROSPECTED: usize = 1_000_000;
/// Documents of more bytes are parsed without blocking other tasks.
const LARGE: usize = 16 * 1024;

/// A parsed request: its document, its cost, and the kind of its operation.
#[derive(Debug)]
pub(super) struct ParsedQuery {
    pub document: ExecutableDocument,
    pub cost: QueryCost,
    pub kind: OperationType,
}

/// Parses a request's document and checks its cost, with the variables known so far. No other code parses a client's document: the
/// work of this function is bounded by the length of the text, and its checks bound the work of the library.
///
/// # Errors
///
/// If the document is not GraphQL, or exceeds a limit.
pub(super) fn read_document(request: &mut Request, limits: &Limits) -> ServerResult<ExecutableDocument> {
    measure(request, limits).map(|(document, _)| document)
}

fn measure(request: &mut Request, limits: &Limits) -> ServerResult<(ExecutableDocument, QueryCost)> {
    let is_large = LARGE < request.query.len();
    request_context::run_blocking(is_large, || {
        check_text(&request.query, limits)?;
        let document = request.parsed_query().map_err(super::error::of_parser)?.clone();
        let cost = QueryCost::of(&document, &request.variables).map_err(refusal)?;
        check_cost(&cost, limits)?;
        Ok((document, cost))
    })
}

/// Parses and checks a request: its document, operation name and variables.
pub(super) fn parse(request: &mut Request, limits: &Limits, caller: &Caller) -> ServerResult<ParsedQuery> {
    let (document, cost) = measure(request, limits)?;
    // Some clients send an empty operation name instead of none.
    request.operation_name = request.operation_name.take().filter(|name| !name.is_empty());
    let operation = select_operation(&document.operations, request.operation_name.as_deref())?;
    let kind = operation.node.ty;
    if kind == OperationType::Subscription && !has_one_field(&operation.node) {
        let sentence = "a subscription has one root field, outside of fragments; subscribe to each field separately";
        return Err(ErrorCode::ValidationFailed.of_request(sentence));
    }
    let shows_schema = may_introspect(limits, caller);
    if !shows_schema && cost.all.introspected != 0 {
        let sentence = "introspection is disabled for this key; read the schema in schema.graphql";
        return Err(ErrorCode::IntrospectionDisabled.of_request(sentence));
    }
    let declared: HashSet<&Name> =
        operation.node.variable_definitions.iter().map(|definition| &definition.node.name.node).collect();
    if MAX_VARIABLES < declared.len() || MAX_VARIABLES < operation.node.variable_definitions.len() {
        let sentence = format!("an operation may have at most {MAX_VARIABLES} variables");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    request.variables.retain(|name, _| declared.contains(name));
    inputs::check(&document, &operation.node, &request.variables, shows_schema)?;
    Ok(ParsedQuery { kind, cost, document })
}

/// Whether a caller may read the schema. Keys that only send messages have no use for it.
pub(super) fn may_introspect(limits: &Limits, caller: &Caller) -> bool {
    !limits.no_introspection && caller.may(Permission::Read)
}

fn check_text(query: &str, limits: &Limits) -> ServerResult<()> {
    let most_bytes = limits.tokens.saturating_mul(BYTES_PER_TOKEN);
    if most_bytes < query.len() {
        let sentence = format!("a query may have at most {most_bytes} bytes; send values as variables");
        return Err(ErrorCode::TooManyTokens.of_request(sentence));
    }
    let text = TextCost::of(query, limits.tokens);
    if limits.tokens < text.tokens {
        let sentence = format!("a query may have at most {} tokens; send values as variables", limits.tokens);
        return Err(ErrorCode::TooManyTokens.of_request(sentence));
    }
    if MAX_NAME_BYTES < text.longest_name {
        let sentence = format!("a name in a query may have at most {MAX_NAME_BYTES} letters");
        return Err(ErrorCode::ParseFailed.of_request(sentence));
    }
    if MAX_NESTING < text.nesting {
        let sentence = format!("a query may nest at most {MAX_NESTING} brackets");
        return Err(ErrorCode::QueryTooDeep.of_request(sentence));
    }
    Ok(())
}

fn refusal(fault: Fault) -> ServerError {
    let (code, pos, sentence) = match fault {
        Fault::Unknown(pos) => (ErrorCode::ValidationFailed, pos, "the query has no fragment of this name".to_owned()),
        Fault::Circular(pos) => (ErrorCode::ValidationFailed, pos, "a fragment may not spread itself".to_owned()),
        Fault::TooDeep(pos) => {
            let sentence = format!("a query may nest at most {MAX_DEPTH} selections, with its fragments expanded");
            (ErrorCode::QueryTooDeep, pos, sentence)
        }
    };
    let mut error = code.of_request(sentence);
    error.locations = vec![pos];
    error
}

fn check_cost(cost: &QueryCost, limits: &Limits) -> ServerResult<()> {
    let QueryCost { all, compared, variables, .. } = *cost;
    let most = limits.complexity;
    if most < all.steps || most < compared {
        return Err(too_complex(limits));
    }
    // A variable costs its values at each use, but was sent once.
    if most < all.values.saturating_sub(variables) {
        let sentence = format!("the arguments of a query may have at most {most} values, with its fragments expanded");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    if MAX_VALUES_BELOW_ROOT < all.widest_below {
        let sentence =
            format!("the arguments of a field below the root may have at most {MAX_VALUES_BELOW_ROOT} values");
        return Err(ErrorCode::QueryTooComplex.of_request(sentence));
    }
    if MAX_INTROSPECTED < all.introspected {
        return Err(ErrorCode::QueryTooComplex.of_request("this introspection query is too large; split it"));
    }
    if limits.aliases < all.aliases {
        let sentence = format!("a query may have at most {} aliases, with its fragments expanded", limits.aliases);
        return Err(ErrorCode::TooManyAliases.of_request(sentence));
    }
    if limits.directives < all.directives {
        let sentence =
            format!("a query may have at most {} directives, with its fragments expanded", limits.directives);
        return Err(ErrorCode::TooManyDirectives.of_request(sentence));
    }
    Ok(())
}

fn select_operation<'d>(
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
            Err(refused("the query has several operations; choose one by operationName"))
        }
        (DocumentOperations::Multiple(named), Some(name)) => {
            named.get(name).ok_or_else(|| refused("the query has no operation of the name in operationName"))
        }
        (DocumentOperations::Single(_), Some(_)) => {
            Err(refused("the query's only operation has no name; leave operationName out"))
        }
    }
}

/// Whether an operation has one root field, outside of fragments: the library runs no others of a subscription.
fn has_one_field(operation: &OperationDefinition) -> bool {
    matches!(operation.selection_set.node.items.as_slice(), [only] if matches!(only.node, Selection::Field(_)))
}

fn too_complex(limits: &Limits) -> ServerError {
    let sentence = format!(
        "a query may ask for at most {} fields, each multiplied by the sizes of the pages around it; ask for smaller pages or \
         fewer fields",
        limits.complexity
    );
    ErrorCode::QueryTooComplex.of_request(sentence)
}

/// Checks the limits that need the schema: depth, and complexity with page sizes.
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
        let limits = &current.limits;
        if limits.depth < validated.depth {
            let sentence = format!("a query may nest at most {} levels", limits.depth);
            return Err(vec![ErrorCode::QueryTooDeep.of_request(sentence)]);
        }
        if limits.complexity < validated.complexity {
            return Err(vec![too_complex(limits)]);
        }
        Ok(validated)
    }
}
