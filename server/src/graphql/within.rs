//! Holds questions to the limits: what may be asked, before it is run.

use std::sync::Arc;

use async_graphql::{
    Request, ServerError, ServerResult, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::ExecutableDocument,
};

use super::{
    Current,
    error::ErrorCode,
    measure::{Measure, n_tokens},
};
use crate::limits::Limits;

/// Reads a request's document, unless it is too large to be looked at.
pub fn read(request: &mut Request, limits: &Limits) -> ServerResult<ExecutableDocument> {
    if limits.tokens < n_tokens(&request.query, limits.tokens) {
        let sentence = format!("a query has at most {} tokens; send values as variables", limits.tokens);
        return Err(ErrorCode::TooManyTokens.of_request(sentence));
    }
    let document = match request.parsed_query() {
        Ok(document) => document,
        Err(mut error) => {
            super::error::set_code(&mut error, ErrorCode::ParseFailed);
            return Err(error);
        }
    };
    let Measure { fields, aliases, directives } = Measure::of(document);
    if limits.complexity < fields {
        return Err(too_complex(limits));
    }
    if limits.aliases < aliases {
        let sentence = format!("a query has at most {} aliases, with its fragments written out", limits.aliases);
        return Err(ErrorCode::TooManyAliases.of_request(sentence));
    }
    if limits.directives < directives {
        let sentence = format!("a query has at most {} directives, with its fragments written out", limits.directives);
        return Err(ErrorCode::TooManyDirectives.of_request(sentence));
    }
    Ok(document.clone())
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
pub(super) struct Within;

impl ExtensionFactory for Within {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Within {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let measured = next.run(ctx).await?;
        let Some(current) = ctx.data_opt::<Current>() else { return Ok(measured) };
        let limits = current.app().limits;
        if limits.depth < measured.depth {
            let sentence = format!("a query nests at most {} levels", limits.depth);
            return Err(vec![ErrorCode::QueryTooDeep.of_request(sentence)]);
        }
        if limits.complexity < measured.complexity {
            return Err(vec![too_complex(&limits)]);
        }
        Ok(measured)
    }
}
