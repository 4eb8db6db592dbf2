//! Errors: each one has a code of a closed list, and none repeats a value that a client sent.

use async_graphql::{Error, ErrorExtensions, Response, ServerError, Value};
use profile360_store::StoreError;

use crate::engine::{ingest::IngestError, pipeline::PipelineError};

/// All error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not GraphQL.
    ParseFailed,
    /// The request is GraphQL and does not match the schema.
    ValidationFailed,
    /// The query has more tokens than the limit.
    TooManyTokens,
    /// The query nests more deeply than the limit.
    QueryTooDeep,
    /// The query costs more than the limit.
    QueryTooComplex,
    TooManyAliases,
    TooManyDirectives,
    /// The server does not know the hash of this document; send its text once.
    PersistedQueryNotFound,
    /// The server does not support this form of persisted query.
    PersistedQueryNotSupported,
    /// The hash is not that of the document.
    PersistedQueryMismatch,
    /// The document is not on the server's list.
    DocumentNotTrusted,
    /// Introspection is disabled for this key or for all.
    IntrospectionDisabled,
    /// The request timed out.
    TimedOut,
    /// The body has several requests.
    BatchRefused,
    MethodNotAllowed,
    /// No resource has this path.
    NotFound,
    /// The key is missing, unknown or revoked.
    Unauthenticated,
    /// The key's role does not have the permission.
    Forbidden,
    /// The `Host` header names none of the server's hosts.
    HostNotAllowed,
    /// A page of another site sends the request to a server without keys.
    CrossSiteRefused,
    /// The URL contains a key, where logs and histories would keep it.
    KeyInAddress,
    /// A key that sees masked data looks up identifiers faster than the rate limit.
    TooManyLookups,
    /// The body ended too early.
    BodyCut,
    /// The body cannot be decompressed.
    BodyDamaged,
    /// The body does not have the form of its content type.
    BodyMalformed,
    UnsupportedMediaType,
    NotAcceptable,
    /// An argument has an invalid value.
    BadUserInput,
    /// The cursor does not belong to this list in this order.
    BadCursor,
    /// The page size is zero or too large.
    PageSizeOutOfRange,
    /// The request has more bytes than the limit.
    RequestTooLarge,
    /// The request has more messages than the limit.
    TooManyMessages,
    /// The subscriber reads more slowly than events occur; its subscription ended.
    SlowConsumer,
    /// The connection or key has more concurrent operations than the limit.
    TooManyOperations,
    /// All clients together exceed a limit; a later retry may succeed.
    Overloaded,
    /// The policy document has faults; `extensions.faults` lists them.
    PolicyFaulty,
    /// Another policy is being published.
    PublicationUnderWay,
    /// Another version of the policy is active than the client expects.
    PolicyOutdated,
    /// The server does not show the commit that the request names; a later retry may succeed.
    Behind,
    /// The database cannot be reached or cannot write; a later retry may succeed.
    Unavailable,
    /// A bug of the server, or corrupt data; the server's log has the details.
    Internal,
}

/// The code of messages that were not ingested.
impl From<&IngestError> for ErrorCode {
    fn from(error: &IngestError) -> Self {
        match error {
            IngestError::Overloaded => Self::Overloaded,
            IngestError::Pipeline(error) => error.into(),
        }
    }
}

impl From<&PipelineError> for ErrorCode {
    fn from(error: &PipelineError) -> Self {
        match error {
            PipelineError::TooLarge => Self::RequestTooLarge,
            PipelineError::Unavailable
            | PipelineError::Busy
            | PipelineError::Stopping
            | PipelineError::RulesChanged => Self::Unavailable,
        }
    }
}

impl ErrorCode {
    /// The code, as in `extensions.code`.
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
            Self::PolicyOutdated => "POLICY_OUTDATED",
            Self::Behind => "BEHIND",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code of an error of a field that the program itself asked for.
    pub fn parse(code: &str) -> Option<Self> {
        const OF_FIELDS: [ErrorCode; 11] = [
            ErrorCode::ValidationFailed,
            ErrorCode::TimedOut,
            ErrorCode::Unauthenticated,
            ErrorCode::Forbidden,
            ErrorCode::TooManyLookups,
            ErrorCode::BadUserInput,
            ErrorCode::PageSizeOutOfRange,
            ErrorCode::Overloaded,
            ErrorCode::RequestTooLarge,
            ErrorCode::Unavailable,
            ErrorCode::Internal,
        ];
        OF_FIELDS.into_iter().find(|it| it.as_str() == code)
    }

    /// An error about the request as a whole.
    pub(crate) fn of_request(self, sentence: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(sentence, None);
        set_code(&mut error, self);
        error
    }

    pub(super) fn with(self, sentence: impl Into<String>) -> Error {
        Error::new(sentence).extend_with(|_, extensions| extensions.set("code", self.as_str()))
    }
}

/// Whether the request was refused before any of it ran.
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
    // A refused variable; errors of fields at run time have a path.
    let is_input = |error: &ServerError| error.path.is_empty() && is_one_of(error, &[ErrorCode::BadUserInput]);
    has_one_of(response, &OF_REQUEST) || response.errors.iter().any(is_input)
}

/// Whether this response ends its subscription.
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

/// The error of a failed read. The reason goes to the log only.
pub(super) fn unavailable(error: &StoreError) -> Error {
    tracing::error!(%error, "a read failed");
    match error {
        StoreError::Corrupt { .. } => {
            ErrorCode::Internal.with("a row cannot be read; ask the operator to run `profile360 check`")
        }
        StoreError::Contradictory => ErrorCode::Unavailable
            .with("the rows of a customer contradict each other; ask the operator to run `profile360 check`"),
        _ => ErrorCode::Unavailable.with("the database is not available now; try again later"),
    }
}

/// The library's error for a document that it cannot parse, without the line that it quotes.
pub(super) fn of_parser(mut error: ServerError) -> ServerError {
    let expected = error.message.rsplit_once("= ").map(|(_, expected)| expected.trim().to_owned());
    let is_plain = |expected: &String| {
        expected.starts_with("expected")
            && expected.chars().all(|letter| letter.is_ascii_lowercase() || "_ ,".contains(letter))
    };
    error.message = match (error.message.as_str(), expected.filter(is_plain)) {
        (_, Some(expected)) => format!("the query is not GraphQL here: {expected}"),
        (message, _) if message.ends_with("is defined twice") => {
            "two operations or fragments have the same name".to_owned()
        }
        (message, _) if message.contains("multiple operations") => {
            "an operation without a name must be the only one; name each operation".to_owned()
        }
        (message, _) if message.contains("does not contain an operation") => "the query has no operation".to_owned(),
        (message, _) if message.to_ascii_lowercase().contains("recursion") => "the query nests too deeply".to_owned(),
        _ => "the query is not GraphQL here".to_owned(),
    };
    set_code(&mut error, ErrorCode::ParseFailed);
    error
}

pub(super) fn set_code(error: &mut ServerError, code: ErrorCode) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code.as_str());
    }
}
