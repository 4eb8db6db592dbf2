//! GraphQL: questions in, core's answers out. A file a noun; nothing here computes what core computes.

mod decision;
mod error;
mod identity;
mod ingest;
mod lineage;
mod loaders;
mod page;
mod policy;
mod profile;
mod profiles;
mod purchase;
mod query;
mod scalars;
mod sequence;
mod timeline;

use std::sync::{Arc, RwLock};

use async_graphql::{EmptySubscription, MergedObject, Request, Schema};
use profile360_core::{decision::Decisions, unified_id::IdSecret};

pub use self::error::ErrorCode;
use self::{
    decision::{DecisionMutation, DecisionQuery},
    error::Coded,
    identity::IdentityQuery,
    ingest::IngestMutation,
    lineage::LineageQuery,
    loaders::Loaders,
    query::ProfileQuery,
};
use crate::{inbox::Inbox, list::List, pipeline::Pipeline, rules::Rules, store::Store};

/// What questions are answered from.
#[derive(Debug, Clone)]
pub struct App {
    pub store: Arc<Store>,
    pub list: Arc<List>,
    pub policy: Arc<Rules>,
    pub pipeline: Pipeline,
    pub secret: IdSecret,
    pub decisions: Arc<RwLock<Decisions>>,
    pub inbox: Arc<RwLock<Inbox>>,
}

/// The roots of questions.
#[derive(Debug, Default, MergedObject)]
pub struct Query(ProfileQuery, IdentityQuery, DecisionQuery, LineageQuery);

/// The roots of changes.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(IngestMutation, DecisionMutation);

/// The schema with or without something behind it.
pub type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

/// Nesting that no real question reaches.
const MAX_DEPTH: usize = 16;
/// Fields, each times the entries of the pages that it stands in.
const MAX_COMPLEXITY: usize = 50_000;

/// The schema that answers.
pub fn schema(app: App) -> ApiSchema {
    builder().data(app).finish()
}

/// The schema as text.
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .extension(Coded)
}

/// Answers one request; its loads are batched and kept for its own length only.
pub async fn execute(schema: &ApiSchema, app: &App, mut request: Request) -> async_graphql::Response {
    let document = request.parsed_query().cloned();
    let mut response = schema.execute(request.data(Loaders::new(app))).await;
    if let Ok(document) = document {
        response.data = sequence::as_asked(response.data, &document);
    }
    response
}
