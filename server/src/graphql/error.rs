//! Errors: every one that leaves carries a code of one closed list, and none carries a value that someone sent.

use std::sync::Arc;

use async_graphql::{
    Error, ErrorExtensions, Response, ServerError, ServerResult, ValidationResult, Value, Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe, NextValidation,
    },
    parser::types::ExecutableDocument,
};
use futures::{StreamExt, stream::BoxStream};
use profile360_store::StoreError;

use super::{Current, query_cost::Measured, query_limits::may_introspect, request_context::aside};
use crate::auth::access::Caller;

/// The closed list of error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not GraphQL.
    ParseFailed,
    /// The request is GraphQL and does not fit the schema.
    ValidationFailed,
    /// The query has more tokens than are read.
    TooManyTokens,
    /// The query nests more deeply than is answered.
    QueryTooDeep,
    /// The query asks for more than is answered at once.
    QueryTooComplex,
    TooManyAliases,
    TooManyDirectives,
    /// A document was named that the server does not know; send its text along once.
    PersistedQueryNotFound,
    /// A document was named in another way than the server knows.
    PersistedQueryNotSupported,
    /// A document and a hash that is not its own.
    PersistedQueryMismatch,
    /// A document that is not on the server's list.
    DocumentNotTrusted,
    /// The schema is not told, to this key or to any.
    IntrospectionDisabled,
    /// The answer took longer than answers may.
    TimedOut,
    /// Several requests in one.
    BatchRefused,
    MethodNotAllowed,
    /// Nothing has this address.
    NotFound,
    /// No key, or one that is not known or was revoked.
    Unauthenticated,
    /// The key's role may not do that.
    Forbidden,
    /// The request names a host that is none of the server's.
    HostNotAllowed,
    /// Another state's page sends the request to a server that has no keys.
    CrossSiteRefused,
    /// A key stands in the address, where logs and histories keep it.
    KeyInAddress,
    /// A key that sees masks looks for more identifiers than people do.
    TooManyLookups,
    /// A body that ended too early.
    BodyCut,
    /// A body that cannot be unpacked.
    BodyDamaged,
    /// A body that is not in its form.
    BodyMalformed,
    UnsupportedMediaType,
    NotAcceptable,
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
    /// A subscriber reads more slowly than there are changes, and was cut off.
    SlowConsumer,
    /// More operations at once on one connection than are taken.
    TooManyOperations,
    /// More at once from all clients together than is taken; trying again a little later helps.
    Overloaded,
    /// A policy document has faults; `extensions.faults` names each.
    PolicyFaulty,
    /// One policy is published at a time.
    PublicationUnderWay,
    /// The database cannot be reached or cannot write; trying again later may help.
    Unavailable,
    /// A fault of the server; its log says more.
    Internal,
}

impl ErrorCode {
    /// The code as it stands in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::TooManyTokens => "TOO_MANY_TOKENS",
            Self::QueryTooDeep => "QUERY_TOO_DEEP",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::TooManyAliases => "TOO_MANY_ALIASES",
            Self::TooManyDirectives => "TOO_MANY_DIRECTIVES",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::PersistedQueryMismatch => "PERSISTED_QUERY_MISMATCH",
            Self::DocumentNotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::IntrospectionDisabled => "INTROSPECTION_DISABLED",
            Self::TimedOut => "TIMED_OUT",
            Self::BatchRefused => "BATCH_REFUSED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::HostNotAllowed => "HOST_NOT_ALLOWED",
            Self::CrossSiteRefused => "CROSS_SITE_REFUSED",
            Self::KeyInAddress => "KEY_IN_ADDRESS",
            Self::TooManyLookups => "TOO_MANY_LOOKUPS",
            Self::BodyCut => "BODY_CUT",
            Self::BodyDamaged => "BODY_DAMAGED",
            Self::BodyMalformed => "BODY_MALFORMED",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotFound => "NOT_FOUND",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::BadCursor => "BAD_CURSOR",
            Self::PageSizeOutOfRange => "PAGE_SIZE_OUT_OF_RANGE",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::TooManyMessages => "TOO_MANY_MESSAGES",
            Self::SlowConsumer => "SLOW_CONSUMER",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::Overloaded => "OVERLOADED",
            Self::PolicyFaulty => "POLICY_FAULTY",
            Self::PublicationUnderWay => "PUBLICATION_UNDER_WAY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// An error that speaks of the request as a whole.
    pub(crate) fn of_request(self, sentence: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(sentence, None);
        set_code(&mut error, self);
        error
    }

    pub(super) fn with(self, sentence: impl Into<String>) -> Error {
        Error::new(sentence).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

/// Whether the request was refused as a whole, and nothing of it was run.
pub fn is_refused(response: &Response) -> bool {
    const OF_REQUEST: [ErrorCode; 12] = [
        ErrorCode::ParseFailed,
        ErrorCode::ValidationFailed,
        ErrorCode::TooManyTokens,
        ErrorCode::QueryTooDeep,
        ErrorCode::QueryTooComplex,
        ErrorCode::TooManyAliases,
        ErrorCode::TooManyDirectives,
        ErrorCode::PersistedQueryNotFound,
        ErrorCode::PersistedQueryNotSupported,
        ErrorCode::PersistedQueryMismatch,
        ErrorCode::DocumentNotTrusted,
        ErrorCode::IntrospectionDisabled,
    ];
    // A value of a variable that is refused; one that a field refuses while it runs has a path.
    let is_input = |error: &ServerError| error.path.is_empty() && is_one_of(error, &[ErrorCode::BadUserInput]);
    has_one_of(response, &OF_REQUEST) || response.errors.iter().any(is_input)
}

/// Whether an answer of a subscription is its last.
pub fn is_last(response: &Response) -> bool {
    is_refused(response) || has_one_of(response, &[ErrorCode::SlowConsumer])
}

fn has_one_of(response: &Response, codes: &[ErrorCode]) -> bool {
    response.errors.iter().any(|error| is_one_of(error, codes))
}

fn is_one_of(error: &ServerError, codes: &[ErrorCode]) -> bool {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(found)) => codes.iter().any(|code| code.as_str() == found),
        _ => false,
    }
}

/// What a failed read looks like from outside; the reason goes to the log.
pub(super) fn unavailable(error: &StoreError) -> Error {
    tracing::error!(%error, "a question could not be answered");
    match error {
        StoreError::Corrupt { .. } => {
            ErrorCode::Internal.with("a row cannot be read; the operator should run `profile360 check`")
        }
        StoreError::Torn => ErrorCode::Unavailable.with("a customer changed each time it was read; ask again"),
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
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        coded(next.run(ctx).await)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(ctx, stream.map(coded).boxed())
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
        let is_large = ctx.data_opt::<Measured>().is_some_and(Measured::is_large);
        // It never waits, so that nothing but its own work keeps the thread.
        let validated = aside(is_large, || futures::executor::block_on(next.run(ctx)));
        let says_names = match (ctx.data_opt::<Current>(), ctx.data_opt::<Caller>()) {
            (Some(current), Some(caller)) => may_introspect(&current.limits, caller),
            _ => true,
        };
        validated.map_err(|mut errors| {
            errors.truncate(MOST_ERRORS);
            for error in &mut errors {
                of_validation(error, says_names);
            }
            errors
        })
    }
}

/// The most faults of one document that are told.
const MOST_ERRORS: usize = 20;

/// What the library says of a document that it cannot parse, without the line of it that it repeats.
pub(super) fn of_parser(mut error: ServerError) -> ServerError {
    let wanted = error.message.rsplit_once("= ").map(|(_, wanted)| wanted.trim().to_owned());
    let is_plain = |wanted: &String| {
        wanted.starts_with("expected")
            && wanted.chars().all(|letter| letter.is_ascii_lowercase() || "_ ,".contains(letter))
    };
    error.message = match (error.message.as_str(), wanted.filter(is_plain)) {
        (_, Some(wanted)) => format!("the query is not GraphQL here: {wanted}"),
        (message, _) if message.ends_with("is defined twice") => "two operations or fragments have one name".to_owned(),
        (message, _) if message.contains("multiple operations") => {
            "a query without a name has to be the only one; name each of several operations".to_owned()
        }
        (message, _) if message.contains("does not contain an operation") => "the query has no operation".to_owned(),
        (message, _) if message.to_ascii_lowercase().contains("recursion") => "the query nests too deeply".to_owned(),
        _ => "the query is not GraphQL here".to_owned(),
    };
    set_code(&mut error, ErrorCode::ParseFailed);
    error
}

/// What the library says of a document that does not fit the schema, without the values in it.
fn of_validation(error: &mut ServerError, says_names: bool) {
    const VALUES: [&str; 2] = ["Invalid value for argument", "Invalid default value"];
    if VALUES.iter().any(|start| error.message.starts_with(start)) {
        VALUE_DOES_NOT_FIT.clone_into(&mut error.message);
    }
    if !says_names && let Some((message, _)) = error.message.split_once(" Did you mean") {
        error.message = message.to_owned();
    }
    set_code(error, ErrorCode::ValidationFailed);
}

const VALUE_DOES_NOT_FIT: &str = "a value does not fit the type of its argument";

fn coded(mut response: Response) -> Response {
    for error in &mut response.errors {
        let is_coded = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
        if is_coded {
            continue;
        }
        // What is left without a code is the library's own word on a value that did not fit while the request ran; it repeats it.
        let code = if error.message.starts_with("Data `") { ErrorCode::Internal } else { ErrorCode::BadUserInput };
        let sentence =
            if code == ErrorCode::Internal { "a fault of the server; its log says more" } else { VALUE_DOES_NOT_FIT };
        if code == ErrorCode::Internal {
            tracing::error!(error = %error.message, "a field could not be answered");
        }
        sentence.clone_into(&mut error.message);
        set_code(error, code);
    }
    response
}

pub(super) fn set_code(error: &mut ServerError, code: ErrorCode) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code.as_str());
    }
}
