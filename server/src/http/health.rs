//! Health checks for operators and load balancers.

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use profile360_directory::Index;
use serde_json::{Value, json};

use super::{AppState, authenticate, origin_check::CrossOrigin};
use crate::engine::policy_rollout::{Phase, Progress};

/// Whether the process runs. Callers that may read also see the number of customers and the state of the policy.
pub(super) async fn healthz(State(state): State<AppState>, request: Request) -> Response {
    if !may_see(&state, &request) {
        return Json(json!({ "status": "ok" })).into_response();
    }
    let app = state.app();
    let (directory, policy) = (&app.directory, &app.policy);
    let n_waiting = directory.n_pending();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "customers": directory.read(Index::len),
        "customersToList": n_waiting,
        "policyVersion": policy.version,
        "publication": publication_json(&app.rollout.progress()),
    }))
    .into_response()
}

fn may_see(state: &AppState, request: &Request) -> bool {
    request.extensions().get::<CrossOrigin>().is_none() && authenticate::may_read(state, request.headers())
}

/// The progress of publishing a policy; null where no policy was published since the start.
fn publication_json(progress: &Progress) -> Value {
    match progress {
        Progress::None => Value::Null,
        Progress::UnderWay { version, phase } => match phase {
            Phase::Reading(read) => json!({
                "version": version, "state": "READING", "messages": read.done, "ofMessages": read.of,
            }),
            Phase::Listing(n_done) => json!({ "version": version, "state": "LISTING", "customers": n_done }),
            Phase::Switching => json!({ "version": version, "state": "SWITCHING" }),
            Phase::Elsewhere => json!({ "version": version, "state": "ELSEWHERE" }),
        },
        Progress::InForce { version, seconds, is_recorded } => json!({
            "version": version, "state": "IN_FORCE", "seconds": seconds, "historyRecorded": is_recorded,
        }),
        Progress::Failed { version, reason } => json!({ "version": version, "state": "FAILED", "reason": reason }),
    }
}

/// Whether the database answers and has this program's schema.
pub(super) async fn readyz(State(state): State<AppState>, request: Request) -> Response {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let store = state.app().store.clone();
    let check = tokio::time::timeout(TIMEOUT, async {
        store.ping().await?;
        store.schema_version().await
    });
    match check.await {
        Ok(Ok(_)) if !may_see(&state, &request) => Json(json!({ "status": "ready" })).into_response(),
        Ok(Ok(version)) => Json(json!({ "status": "ready", "schemaVersion": version })).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            unready("the database does not answer; see the log")
        }
        Err(_) => unready("the database takes longer than two seconds to answer"),
    }
}

/// Whether this server leads the servers on its database. A load balancer that sends writes to the one that does uses its warm cache.
pub(super) async fn leaderz(State(state): State<AppState>) -> Response {
    if state.app().store.leads() {
        Json(json!({ "status": "leads" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "follows" }))).into_response()
    }
}

fn unready(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unready", "reason": reason }))).into_response()
}
