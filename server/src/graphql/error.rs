//! Errors: every one that leaves carries a code of one closed list, and none carries a value that someone sent.

use std::sync::Arc;

use async_graphql::{
    Error, ErrorExtensions, ServerError, ServerResult, ValidationResult, Variables,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextValidation},
    parser::types::ExecutableDocument,
};

use crate::store::StoreError;

/// The closed list of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not GraphQL.
    ParseFailed,
    /// The request is GraphQL and does not fit the schema.
    ValidationFailed,
    /// An argument has a value that it cannot have.
    BadUserInput,
    /// A cursor is not one of this list in this order.
    BadCursor,
    /// A page is empty or too large.
    PageSizeOutOfRange,
    /// More bytes at once than are taken.
    RequestTooLarge,
    /// More messages at once than are taken.
    TooManyMessages,
    /// The database cannot be reached or cannot write; trying again later may help.
    Unavailable,
    /// A fault of the server; it stands in its log.
    Internal,
}

impl ErrorCode {
    /// The code as it stands in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::BadCursor => "BAD_CURSOR",
            Self::PageSizeOutOfRange => "PAGE_SIZE_OUT_OF_RANGE",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::TooManyMessages => "TOO_MANY_MESSAGES",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    pub(super) fn with(self, sentence: impl Into<String>) -> Error {
        Error::new(sentence).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

/// What a failed read looks like from outside; the reason goes to the log.
pub(super) fn unavailable(error: &StoreError) -> Error {
    tracing::error!(%error, "a question could not be answered");
    match error {
        StoreError::Corrupt { .. } => {
            ErrorCode::Internal.with("a row cannot be read; the operator should run `profile360 check`")
        }
        _ => ErrorCode::Unavailable.with("the database cannot answer now; try again later"),
    }
}

/// Sees to it that errors of the GraphQL library have codes, too.
#[derive(Debug)]
pub(super) struct Coded;

impl ExtensionFactory for Coded {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Coded {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> async_graphql::Response {
        let mut response = next.run(ctx).await;
        for error in &mut response.errors {
            // What is left without a code comes from values that did not fit while the request ran.
            set_code(error, ErrorCode::BadUserInput);
        }
        response
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(ctx, query, variables).await.map_err(|mut error| {
            set_code(&mut error, ErrorCode::ParseFailed);
            error
        })
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.map_err(|mut errors| {
            for error in &mut errors {
                set_code(error, ErrorCode::ValidationFailed);
            }
            errors
        })
    }
}

fn set_code(error: &mut ServerError, code: ErrorCode) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code.as_str());
    }
}
