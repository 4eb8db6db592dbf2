//! GraphQL: questions in, core's answers out. A file a noun; nothing here computes what core computes.

mod access_recorder;
mod audit;
mod authorization;
mod cursor;
mod decision;
mod error;
mod field_order;
mod health;
mod identity;
mod ingest;
mod inputs;
mod lineage;
mod loaders;
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
mod scalars;
mod subscription;
mod timeline;
mod variables;

use std::sync::{Arc, RwLock};

use async_graphql::{MergedObject, MergedSubscription, Request, Response, Schema, parser::types::OperationType};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use profile360_core::{evidence::decision::Decisions, identifier::unified_id::IdSecret};
use profile360_ingest::enrich::Enricher;
use profile360_store::Store;
use tokio::sync::Semaphore;

use self::{
    access_recorder::AccessRecorder,
    audit::AuditQuery,
    authorization::Authorize,
    decision::{DecisionMutation, DecisionQuery},
    error::Coded,
    health::HealthQuery,
    identity::IdentityQuery,
    ingest::IngestMutation,
    lineage::{LineageQuery, LineageSubscription},
    policy::{PolicyMutation, PolicyQuery},
    query::ProfileQuery,
    query_limits::{QueryLimits, Question},
    request_context::{RequestContext, Turn},
    subscription::ProfileSubscription,
};
pub use self::{
    error::{ErrorCode, is_last, is_refused},
    persisted_queries::PersistedQueries,
    subscription::Listening,
    variables::{give_variables, only_ingests},
};
use crate::{
    auth::{access::Caller, audit::Audit, rate_limit::LookupLimit},
    engine::{
        active_policy::ActivePolicy, directory::Directory, events::Events, inbox::Inbox, pipeline::Pipeline,
        policy_rollout::PolicyRollout, snapshot::Snapshot,
    },
    limits::Limits,
};

/// What questions are answered from.
#[derive(Debug, Clone)]
pub struct App {
    pub store: Arc<Store>,
    pub directory: Arc<Directory>,
    pub policy: Arc<ActivePolicy>,
    pub pipeline: Pipeline,
    pub intake: Enricher,
    pub secret: IdSecret,
    pub decisions: Arc<RwLock<Decisions>>,
    pub inbox: Arc<RwLock<Inbox>>,
    pub events: Arc<Events>,
    pub limits: Arc<Limits>,
    pub rollout: Arc<PolicyRollout>,
}

/// What questions are answered from at this moment; ask anew for each answer.
#[derive(Debug, Clone)]
pub struct Current {
    pub pipeline: Pipeline,
    pub intake: Enricher,
    pub limits: Arc<Limits>,
    pub rollout: Arc<PolicyRollout>,
    /// Where it is recorded who reads personal data; nowhere where there are no keys to tell anyone by.
    pub audit: Option<Audit>,
    pub lookups: Arc<LookupLimit>,
    pub listening: Listening,
    /// One policy is tried at a time: it reads the whole base.
    pub simulating: Arc<Semaphore>,
}

impl Current {
    pub fn app(&self) -> App {
        let Snapshot { store, directory, policy, secret, decisions, inbox, events, .. } = self.pipeline.snapshot();
        let Self { pipeline, intake, limits, rollout, .. } = self.clone();
        App { store, directory, policy, pipeline, intake, secret, decisions, inbox, events, limits, rollout }
    }
}

/// The queries.
#[derive(Debug, Default, MergedObject)]
pub struct Query(ProfileQuery, IdentityQuery, DecisionQuery, LineageQuery, PolicyQuery, HealthQuery, AuditQuery);

/// The mutations.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(IngestMutation, DecisionMutation, PolicyMutation);

/// The subscriptions.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(ProfileSubscription, LineageSubscription);

/// The schema. What answers come from is given with each request.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The schema that answers.
pub fn schema() -> ApiSchema {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .extension(Coded)
        .extension(QueryLimits)
        .extension(RequestContext)
        .extension(Authorize)
        .finish()
}

/// The schema as text.
pub fn sdl() -> String {
    schema().sdl()
}

/// Answers one question or makes one change.
pub async fn execute(schema: &ApiSchema, current: &Current, caller: Caller, mut request: Request) -> Response {
    let Question { document, measured, .. } = match query_limits::read(&mut request, &current.limits, &caller) {
        Ok(question) => question,
        Err(error) => return Response::from_errors(vec![error]),
    };
    let recorder = Arc::new(AccessRecorder::default());
    let request = request.data(current.clone()).data(caller.clone()).data(recorder.clone());
    let request = request.data(measured).data(Arc::new(Turn::default()));
    let mut response = schema.execute(request).await;
    // Nobody sees what nobody may know that they saw.
    if let Err(error) = recorder.record(current, &caller).await {
        return Response::from_errors(vec![error]);
    }
    response.data = field_order::as_asked(response.data, &document);
    response
}

/// Whether a request asks for a query, which alone is answered by GET; the refusal where it cannot be answered at all.
#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
pub fn is_query(current: &Current, caller: &Caller, request: &mut Request) -> Result<bool, Response> {
    match query_limits::read(request, &current.limits, caller) {
        Ok(question) => Ok(question.kind == OperationType::Query),
        Err(error) => Err(Response::from_errors(vec![error])),
    }
}

/// Answers as often as there is something to tell, or once, where the request is no subscription. An answer that
/// [is the last](is_last) is the last.
pub fn subscribe(
    schema: &ApiSchema,
    current: &Current,
    caller: Caller,
    mut request: Request,
) -> BoxStream<'static, Response> {
    let Question { document, measured, .. } = match query_limits::read(&mut request, &current.limits, &caller) {
        Ok(question) => question,
        Err(error) => return stream::once(async { Response::from_errors(vec![error]) }).boxed(),
    };
    let recorder = Arc::new(AccessRecorder::default());
    let request = request.data(current.clone()).data(caller.clone()).data(recorder.clone());
    let request = request.data(measured).data(Arc::new(Turn::default()));
    let responses = schema.execute_stream(request).map(move |mut response| {
        response.data = field_order::as_asked(response.data, &document);
        response
    });
    if current.audit.is_none() {
        return responses.boxed();
    }
    // Those that are ready together are recorded together.
    let current = current.clone();
    let recorded = responses.ready_chunks(RECORDED_TOGETHER).then(move |responses| {
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

/// Answers of a subscription that share a record at most.
const RECORDED_TOGETHER: usize = 64;
