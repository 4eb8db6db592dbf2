//! Read your writes, where several servers share a database: an answer names its commit, and a request can name the commit that the
//! answer must include.
//!
//! Answers read the database, which has every acknowledged commit; what a server keeps in memory, the list, follows.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::AppState;
use crate::graphql::ErrorCode;

/// The commit that an answer is as of.
const COMMIT: HeaderName = HeaderName::from_static("profile360-commit");
/// The commit that an answer must include.
const AFTER: HeaderName = HeaderName::from_static("profile360-after");
/// How long a request waits for it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Waits until this server shows the commit that a request names.
pub(super) async fn wait(state: &AppState, headers: &HeaderMap) -> Result<(), (ErrorCode, &'static str)> {
    let Some(after) = headers.get(AFTER) else { return Ok(()) };
    let commit = after.to_str().ok().and_then(|text| text.parse::<u32>().ok());
    let Some(commit) = commit else {
        let sentence = "Profile360-After is the number of a commit, as Profile360-Commit of an answer names it";
        return Err((ErrorCode::ParseFailed, sentence));
    };
    if state.app().directory.wait_until_listed(commit.into(), LONGEST_WAIT).await {
        return Ok(());
    }
    Err((ErrorCode::Behind, "this server does not show that commit yet; try again, or ask another server"))
}

/// Names the commit of an answer in its head.
pub(super) fn name_commit(headers: &mut HeaderMap, commit: Option<i64>) {
    if let Some(commit) = commit {
        headers.insert(COMMIT, HeaderValue::from(commit));
    }
}
