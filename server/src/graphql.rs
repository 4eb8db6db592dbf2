//! The GraphQL API: a thin layer over the engine and core. Each type has a module.

mod access_recorder;
mod audit;
mod authorization;
mod compare;
mod cursor;
mod decision;
mod decision_preview;
mod error;
mod field_order;
mod health;
mod identity;
mod ingest;
mod inputs;
mod library_errors;
mod lineage;
mod loaders;
mod operator_action;
mod pagination;
mod persisted_queries;
mod policy;
mod profile;
mod profiles;
mod purchase;
mod query;
mod query_cost;
mod query_limits;
mod request_context;
mod review;
mod sample_data;
mod saved_view;
mod scalars;
mod search;
mod subscription;
mod timeline;
mod variables;

use std::{ops::Deref, sync::Arc};

use async_graphql::{MergedObject, MergedSubscription, Request, Response, Schema, parser::types::OperationType};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use profile360_directory::Index;
use tokio::sync::Semaphore;

use self::{
    access_recorder::AccessRecorder,
    audit::AuditQuery,
    authorization::Authorize,
    compare::CompareQuery,
    decision::{DecisionMutation, DecisionQuery},
    error::unavailable,
    health::HealthQuery,
    identity::IdentityQuery,
    ingest::IngestMutation,
    library_errors::ErrorCodes,
    lineage::{LineageQuery, LineageSubscription},
    operator_action::OperatorActionQuery,
    policy::{PolicyMutation, PolicyQuery},
    query::ProfileQuery,
    query_limits::{ParsedQuery, QueryLimits},
    request_context::{RequestContext, TimeSlice},
    review::{ReviewMutation, ReviewQuery},
    sample_data::SampleDataMutation,
    saved_view::{SavedViewMutation, SavedViewQuery},
    subscription::ProfileSubscription,
};
pub use self::{
    access_recorder::record_export,
    error::{ErrorCode, is_last, is_refused},
    persisted_queries::PersistedQueries,
    subscription::SubscriptionLimit,
    variables::{only_ingests, set_variables},
};
use crate::{
    auth::{access::Caller, audit::Audit, rate_limit::RateLimit},
    engine::{
        ingest::IngestService,
        pipeline::Pipeline,
        policy_rollout::PolicyRollout,
        snapshot::Snapshot,
        state::{Reading, State},
    },
    limits::Limits,
    memory::Memory,
};

/// What one response is read from: one snapshot for all of its fields.
#[derive(Debug, Clone)]
pub struct App {
    snapshot: Snapshot,
    /// What it reads from the database is of one commit.
    reading: Arc<Reading>,
    pub pipeline: Pipeline,
    pub ingest: IngestService,
    pub limits: Arc<Limits>,
    pub rollout: Arc<PolicyRollout>,
}

impl App {
    /// The decisions, the retirements and the withheld links as of the commit that it reads.
    async fn state(&self) -> async_graphql::Result<Arc<State>> {
        self.reading.state().await.map_err(|error| unavailable(&error))
    }

    /// Reads from the list. What is then read from the database is as of the same commit, unless the list lags or something was read
    /// before.
    async fn read_list<T>(&self, question: impl FnOnce(&Index) -> T) -> async_graphql::Result<T> {
        let (answer, as_of) = self.directory.read_as_of(question);
        if let Some(as_of) = as_of {
            self.reading.see(&as_of).await.map_err(|error| unavailable(&error))?;
        }
        Ok(answer)
    }
}

impl Deref for App {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// What all requests share. Each response gets an [`App`] of its own.
#[derive(Debug, Clone)]
pub struct Current {
    pub pipeline: Pipeline,
    pub ingest: IngestService,
    pub memory: Memory,
    pub limits: Arc<Limits>,
    pub rollout: Arc<PolicyRollout>,
    /// The audit log; `None` if the server has no keys, as it cannot identify its callers.
    pub audit: Option<Audit>,
    pub lookup_limit: Arc<RateLimit>,
    pub subscription_limit: SubscriptionLimit,
    /// A single permit, as a simulation reads the whole database.
    pub simulation_permits: Arc<Semaphore>,
}

impl Current {
    pub fn app(&self) -> App {
        let Self { pipeline, ingest, limits, rollout, .. } = self.clone();
        let mut snapshot = pipeline.snapshot();
        let reading = Arc::new(Reading::begin(&snapshot.store, &snapshot.states));
        snapshot.store = reading.store.clone();
        App { snapshot, reading, pipeline, ingest, limits, rollout }
    }
}

/// The queries.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    ProfileQuery,
    CompareQuery,
    SavedViewQuery,
    IdentityQuery,
    ReviewQuery,
    DecisionQuery,
    LineageQuery,
    OperatorActionQuery,
    PolicyQuery,
    HealthQuery,
    AuditQuery,
);

/// The mutations.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    IngestMutation,
    DecisionMutation,
    ReviewMutation,
    PolicyMutation,
    SavedViewMutation,
    SampleDataMutation,
);

/// The subscriptions.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(ProfileSubscription, LineageSubscription);

/// The schema. Each request carries the application that it reads from.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

pub fn schema() -> ApiSchema {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .extension(ErrorCodes)
        .extension(QueryLimits)
        .extension(RequestContext)
        .extension(Authorize)
        .finish()
}

/// The schema in the schema definition language.
pub fn sdl() -> String {
    schema().sdl()
}

/// Executes a query or a mutation.
pub async fn execute(schema: &ApiSchema, current: &Current, caller: Caller, mut request: Request) -> Response {
    let ParsedQuery { document, cost, .. } = match query_limits::parse(&mut request, &current.limits, &caller) {
        Ok(parsed) => parsed,
        Err(error) => return Response::from_errors(vec![error]),
    };
    let recorder = Arc::new(AccessRecorder::default());
    let request = request.data(current.clone()).data(caller.clone()).data(recorder.clone());
    let request = request.data(cost).data(Arc::new(TimeSlice::default()));
    let mut response = schema.execute(request).await;
    // Fail closed: without an audit record, return no data.
    if let Err(error) = recorder.record(current, &caller).await {
        return Response::from_errors(vec![error]);
    }
    response.data = field_order::in_query_order(response.data, &document);
    response
}

/// Executes a query of the program's own for a caller: with authorization, masks, audit and timeout, and without the limits on the
/// documents of clients.
pub async fn execute_own(schema: &ApiSchema, current: &Current, caller: Caller, request: Request) -> Response {
    let own = Limits::of_own_queries(&current.limits);
    let current = Current { limits: Arc::new(own), ..current.clone() };
    execute(schema, &current, caller, request).await
}

/// Whether a request is a query, the only operation allowed over GET.
///
/// # Errors
///
/// The response, if the request cannot be executed.
#[expect(clippy::result_large_err, reason = "the error is the response")]
pub fn is_query(current: &Current, caller: &Caller, request: &mut Request) -> Result<bool, Response> {
    match query_limits::parse(request, &current.limits, caller) {
        Ok(parsed) => Ok(parsed.kind == OperationType::Query),
        Err(error) => Err(Response::from_errors(vec![error])),
    }
}

/// Executes a subscription as a stream of responses, or any other operation as a stream of one. The stream ends after a response
/// that [is the last](is_last).
pub fn subscribe(
    schema: &ApiSchema,
    current: &Current,
    caller: Caller,
    mut request: Request,
) -> BoxStream<'static, Response> {
    let ParsedQuery { document, cost, .. } = match query_limits::parse(&mut request, &current.limits, &caller) {
        Ok(parsed) => parsed,
        Err(error) => return stream::once(async { Response::from_errors(vec![error]) }).boxed(),
    };
    let recorder = Arc::new(AccessRecorder::default());
    let request = request.data(current.clone()).data(caller.clone()).data(recorder.clone());
    let request = request.data(cost).data(Arc::new(TimeSlice::default()));
    let responses = schema.execute_stream(request).map(move |mut response| {
        response.data = field_order::in_query_order(response.data, &document);
        response
    });
    if current.audit.is_none() {
        return responses.boxed();
    }
    // Responses that are ready at the same time share a record.
    let current = current.clone();
    let recorded = responses.ready_chunks(MAX_RECORDED_TOGETHER).then(move |responses| {
        let (current, caller, recorder) = (current.clone(), caller.clone(), recorder.clone());
        async move {
            match recorder.record(&current, &caller).await {
                Ok(()) => responses,
                Err(error) => vec![Response::from_errors(vec![error])],
            }
        }
    });
    recorded.flat_map(stream::iter).boxed()
}

/// The most responses of a subscription that share a record.
const MAX_RECORDED_TOGETHER: usize = 64;
