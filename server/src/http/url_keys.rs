//! Keys in URLs, which logs and histories keep.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::{AppState, authenticate::caller_by_key, refused, segment};
use crate::{
    auth::{
        access::{Permission, Role},
        api_keys::PREFIX,
    },
    graphql::ErrorCode,
};

/// Whether a key may be in a URL: it can only send messages, so that it is public on a page anyway, or it is not a key at all.
fn is_public(state: &AppState, key: &str) -> bool {
    caller_by_key(state, Permission::Nothing, Some(key)).map_or(true, |caller| caller.role == Role::Ingest)
}

/// Refuses a request with a key in its URL, because logs and histories keep URLs.
pub(super) async fn no_key_in_address(State(state): State<AppState>, request: Request, next: Next) -> Response {
    const NAMES: [&str; 5] = ["access_token", "authorization", "api_key", "write_key", "writekey"];
    let address = request.uri();
    let parameters = || address.query().unwrap_or_default().split('&');
    let is_named = |it: &str| NAMES.iter().any(|name| it.eq_ignore_ascii_case(name));
    let holds_key = address.path().contains(PREFIX)
        || parameters().any(|it| it.contains(PREFIX) || is_named(it.split('=').next().unwrap_or_default()));
    // The handler of that route checks that the key may be public.
    let is_by_design = || segment::key_in_address(address).is_some_and(|key| is_public(&state, key));
    if !state.authentication.requires_keys() || !holds_key || is_by_design() {
        return next.run(request).await;
    }
    let sentence = "a key must not be in a URL, because logs and histories keep it: send it as Authorization: Bearer KEY, and revoke \
                    this one";
    refused(ErrorCode::KeyInAddress, sentence)
}
