//! What SDKs in browsers and apps request before they send messages: settings, and CORS preflights.
//!
//! They put their key into the URL of the settings and of beacons. It is public there, as it is in the page that embeds it, so only keys
//! that can do nothing but send messages are accepted there.

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::super::{AppState, authenticate, refused};
use crate::{
    auth::access::{Caller, Permission, Role},
    graphql::ErrorCode,
};

type Middleware = fn(State<AppState>, Request, Next) -> BoxFuture<'static, Response>;

/// The layer that allows pages of other sites to send, where the server has keys. It is safe: a page needs a key, as the server uses no
/// cookies. Without keys the browser gets no CORS headers.
pub(in crate::http) type Cors = axum::middleware::FromFnLayer<Middleware, AppState, (State<AppState>, Request)>;

pub(in crate::http) fn cors(state: &AppState) -> Cors {
    axum::middleware::from_fn_with_state(state.clone(), add_headers as Middleware)
}

fn add_headers(State(state): State<AppState>, request: Request, next: Next) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let headers = request.headers();
        if !state.authentication.requires_keys() || !headers.contains_key(header::ORIGIN) {
            return next.run(request).await;
        }
        let is_preflight =
            request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        // SDKs send headers of their own, so every requested header is allowed.
        let requested = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        if is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
            headers.append(header::VARY, HeaderValue::from_static("access-control-request-headers"));
            headers.extend(requested.map(|requested| (header::ACCESS_CONTROL_ALLOW_HEADERS, requested)));
        } else {
            headers
                .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, x-request-id"));
        }
        response
    })
}

/// The parameters of a URL.
#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    #[serde(rename = "writeKey")]
    pub write_key: Option<String>,
}

/// The key in a URL where SDKs put it by design, and nowhere else.
pub(in crate::http) fn key_in_address(address: &Uri) -> Option<&str> {
    let parts: Vec<&str> = address.path().trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["sourceConfig"] | ["beacon", "v1", "batch"] => {
            let mut keys = address.query()?.split('&').filter_map(|it| it.strip_prefix("writeKey="));
            keys.next().filter(|_| keys.next().is_none())
        }
        ["v1", "projects", key, "settings"] | ["projects", key, "settings"] if address.query().is_none() => Some(key),
        _ => None,
    }
}

/// The caller of a key that may be public.
#[expect(clippy::result_large_err, reason = "the refusal is the answer that is sent")]
pub(super) fn ingest_only(state: &AppState, key: &str) -> Result<Caller, Response> {
    let caller = authenticate::caller_by_key(state, Permission::Send, Some(key));
    let caller = caller.map_err(|(code, sentence)| authenticate::rejection(code, &sentence))?;
    if state.authentication.requires_keys() && caller.role != Role::Ingest {
        let sentence = "only a key of the role INGEST may be in an address; revoke this one, and make one of that role";
        return Err(refused(ErrorCode::KeyInAddress, sentence));
    }
    Ok(caller)
}

/// The settings that Segment's SDKs for browsers and apps read first. They name this server as the only destination.
pub(super) async fn settings(State(state): State<AppState>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    if let Err(response) = ingest_only(&state, &key) {
        return response;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    Json(json!({
        "integrations": { "Segment.io": {
            "apiKey": key,
            "apiHost": format!("{host}/v1"),
            "protocol": protocol(&headers, host),
            "addBundledMetadata": true,
            "unbundledIntegrations": [],
            "maybeBundledConfigIds": {},
            "versionSettings": { "version": "4.4.7", "componentTypes": ["browser"] },
        } },
        "plan": {
            "track": { "__default": { "enabled": true, "integrations": {} } },
            "identify": { "__default": { "enabled": true } },
            "group": { "__default": { "enabled": true } },
        },
        "metrics": { "sampleRate": 0 },
        "analyticsNextEnabled": true,
        "edgeFunction": {},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "legacyVideoPluginsEnabled": false,
        "remotePlugins": [],
    }))
    .into_response()
}

/// The scheme by which a browser reaches this server: as the proxy says, or that of the page.
fn protocol(headers: &HeaderMap, host: &str) -> &'static str {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = || ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| host.starts_with(own));
    match (header("x-forwarded-proto"), header("origin")) {
        (Some("https"), _) => "https",
        (Some("http"), _) => "http",
        _ if is_own() => "http",
        (_, Some(origin)) if origin.starts_with("http://") => "http",
        _ => "https",
    }
}

/// The settings that RudderStack's SDKs for browsers and apps read first. Those of apps send the key in the head.
pub(super) async fn source_config(
    State(state): State<AppState>,
    caller: super::MaybeCaller,
    Query(parameters): Query<Parameters>,
) -> Response {
    let key = parameters.write_key.unwrap_or_default();
    if caller.is_none()
        && let Err(response) = ingest_only(&state, &key)
    {
        return response;
    }
    Json(json!({
        "source": {
            "id": "profile360",
            "name": "profile360",
            "writeKey": key,
            "workspaceId": "profile360",
            "enabled": true,
            "config": { "statsCollection": { "errors": { "enabled": false }, "metrics": { "enabled": false } } },
            "destinations": [],
            "dataplanes": {},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }))
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_an_address_only_where_sdks_put_it() {
        for (address, key) in [
            ("/v1/projects/p360_a/settings", Some("p360_a")),
            ("/v1/projects/p360_a/settings/", Some("p360_a")),
            ("/projects/p360_a/settings", Some("p360_a")),
            ("/v1/projects/p360_a/settings?writeKey=p360_a", None),
            ("/v1/projects/p360_a/other/settings", None),
            ("/v1/projects/p360_a", None),
            ("/sourceConfig/?p=npm&v=3&writeKey=p360_a", Some("p360_a")),
            ("/sourceConfig?writeKey=p360_a&writeKey=p360_b", None),
            ("/beacon/v1/batch?writeKey=p360_a", Some("p360_a")),
            ("/v1/batch?writeKey=p360_a", None),
            ("/graphql?writeKey=p360_a", None),
        ] {
            assert_eq!(key_in_address(&address.parse().expect("an address")), key, "{address}");
        }
    }
}
