//! What operators and balancers ask.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Site;
use crate::list::Index;

/// The process is up.
pub(super) async fn healthz(State(site): State<Site>) -> Response {
    let list = site.app().list;
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "customers": list.read(Index::len),
        "customersToList": list.n_waiting(),
    }))
    .into_response()
}

/// The database answers and has this program's schema.
pub(super) async fn readyz(State(site): State<Site>) -> Response {
    const AT_MOST: Duration = Duration::from_secs(2);
    let store = site.app().store;
    let asked = tokio::time::timeout(AT_MOST, async {
        store.ping().await?;
        store.schema_version().await
    });
    match asked.await {
        Ok(Ok(version)) => Json(json!({ "status": "ready", "schemaVersion": version })).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            unready("the database does not answer; see the log")
        }
        Err(_) => unready("the database takes longer than two seconds to answer"),
    }
}

fn unready(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unready", "reason": reason }))).into_response()
}
