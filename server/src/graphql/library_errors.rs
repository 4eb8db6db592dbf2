//! Gives the errors of the GraphQL library a code, and a sentence without the client's values.

use std::sync::Arc;

use async_graphql::{
    Response, ServerError, ServerResult, ValidationResult, Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe, NextValidation,
    },
    parser::types::ExecutableDocument,
};
use futures::{StreamExt, stream::BoxStream};

use super::{
    Current,
    error::{ErrorCode, of_parser, set_code},
    query_cost::QueryCost,
    query_limits::may_introspect,
    request_context::run_blocking,
};
use crate::auth::access::Caller;

#[derive(Debug)]
pub(super) struct ErrorCodes;

impl ExtensionFactory for ErrorCodes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for ErrorCodes {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        with_codes(next.run(ctx).await)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(ctx, stream.map(with_codes).boxed())
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(ctx, query, variables).await.map_err(of_parser)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let is_large = ctx.data_opt::<QueryCost>().is_some_and(QueryCost::is_large);
        // Validation never awaits, so `block_on` blocks the thread for its own work only.
        let validated = run_blocking(is_large, || futures::executor::block_on(next.run(ctx)));
        let shows_schema = match (ctx.data_opt::<Current>(), ctx.data_opt::<Caller>()) {
            (Some(current), Some(caller)) => may_introspect(&current.limits, caller),
            _ => true,
        };
        validated.map_err(|mut errors| {
            errors.truncate(MAX_ERRORS);
            for error in &mut errors {
                of_validation(error, shows_schema);
            }
            errors
        })
    }
}

/// The most faults that are reported for one document.
const MAX_ERRORS: usize = 20;

/// The library's error for a document that does not match the schema, without the values that it quotes.
fn of_validation(error: &mut ServerError, shows_schema: bool) {
    const VALUES: [&str; 2] = ["Invalid value for argument", "Invalid default value"];
    if VALUES.iter().any(|start| error.message.starts_with(start)) {
        VALUE_MISMATCH.clone_into(&mut error.message);
    }
    if !shows_schema && let Some((message, _)) = error.message.split_once(" Did you mean") {
        error.message = message.to_owned();
    }
    set_code(error, ErrorCode::ValidationFailed);
}

const VALUE_MISMATCH: &str = "a value does not match the type of its argument";

fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
        if has_code {
            continue;
        }
        // The other errors without a code are the library's errors about values at run time, which it quotes.
        let code = if error.message.starts_with("Data `") { ErrorCode::Internal } else { ErrorCode::BadUserInput };
        let sentence = if code == ErrorCode::Internal {
            "an internal error; the server's log has the details"
        } else {
            VALUE_MISMATCH
        };
        if code == ErrorCode::Internal {
            tracing::error!(error = %error.message, "a field failed");
        }
        sentence.clone_into(&mut error.message);
        set_code(error, code);
    }
    response
}
