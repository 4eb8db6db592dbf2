//! The page: files of `web/dist`, embedded when the program was built.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

use super::{AppState, accept, get_only, refused};
use crate::graphql::ErrorCode;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/dist"]
#[allow_missing = true]
struct Assets;

const INDEX: &str = "index.html";

/// The compressed forms that Vite writes, the smallest first: the suffix of the file's name, and the coding.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gz", "gzip")];

/// The GraphQL documents that the page names, by their names; none where the program was built without the page.
pub(super) fn documents() -> BTreeMap<String, String> {
    let file = Assets::get("documents.json");
    file.and_then(|it| serde_json::from_slice(&it.data).ok()).unwrap_or_default()
}

/// GraphiQL, unless introspection, which it needs, is switched off.
pub(super) async fn graphiql(State(state): State<AppState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if state.app().limits.no_introspection {
        return refused(ErrorCode::NotFound, "GraphiQL is switched off here, as the schema is (--no-introspection)");
    }
    asset(method, uri, headers).await
}

/// A file of the page, or the page itself at an address of one of its views. Any other address is 404: in JSON, or, for a browser,
/// as the page.
pub(super) async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let page = format!("{path}.html");
    let file = Assets::get(path).filter(|_| !path.is_empty()).map(|file| (path, file));
    let file = file.or_else(|| Assets::get(&page).map(|file| (page.as_str(), file)));
    let is_own = file.is_some() || is_view(path);
    if !matches!(method, Method::GET | Method::HEAD) {
        if !is_own {
            return not_found();
        }
        return get_only().await;
    }
    if let Some((name, file)) = file {
        return file_response(name, file, &headers);
    }
    let html = accept::media_type(&headers, "text/html");
    let shows_page = html.is_acceptable() && (is_own || (html.is_named && !is_api(path)));
    if !shows_page {
        return not_found();
    }
    let Some(index) = Assets::get(INDEX) else {
        let sentence = "this program was built without the page; build it with `make run`\n";
        return (StatusCode::NOT_FOUND, sentence).into_response();
    };
    let mut response = file_response(INDEX, index, &headers);
    if !is_own {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// The views of the page: the routes of `web/src/App.tsx`.
const VIEWS: [&str; 8] = ["", "activity", "compare", "customers", "health", "inbox", "merge", "policy"];

/// Whether the page has a view of that address.
fn is_view(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        [view] => VIEWS.contains(view),
        ["customers", id] | ["customers", id, "identity"] => !id.is_empty(),
        _ => false,
    }
}

/// Whether an address is of an API. Where nothing answers there, a client gets JSON, even if it accepts the page.
fn is_api(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    ["v1", "api", "beacon", "projects", "sourceConfig"].contains(&first) || first.starts_with("graphq")
}

fn not_found() -> Response {
    refused(ErrorCode::NotFound, "nothing has this address; the addresses are in /openapi.json")
}

/// A file, in the coding that the client prefers, or 304 where the client has it.
fn file_response(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let packed = PACKED.iter().filter_map(|(ending, coding)| {
        let acceptance = accept::coding(asked, coding);
        let file = Assets::get(&format!("{path}.{ending}")).filter(|_| acceptance.is_acceptable())?;
        Some((acceptance.weight, file, *coding))
    });
    // Of equal weights, max_by_key returns the last: reversed, that is the smallest form.
    let packed = packed.rev().max_by_key(|(weight, ..)| *weight);
    let (file, coding) = packed.map_or((file, None), |(_, file, coding)| (file, Some(coding)));

    // Vite writes a hash into the names of all files in this folder: their contents never change.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let etag = etag(&file.metadata.sha256_hash());
    let headers = [(header::CACHE_CONTROL, caching), (header::VARY, "accept-encoding"), (header::ETAG, etag.as_str())];
    if has_version(asked, &etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, media_type(path))];
    let content_encoding = coding.map(|coding| [(header::CONTENT_ENCODING, coding)]);
    (headers, content_type, content_encoding, file.data).into_response()
}

/// Each coding of a file has other bytes, and so another tag.
fn etag(hash: &[u8; 32]) -> String {
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether the client has the version of that tag already.
fn has_version(asked: &HeaderMap, etag: &str) -> bool {
    let values = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_has_a_version_where_it_names_its_tag() {
        let etag = etag(&[0xab; 32]);
        for (named, is_there) in [
            ("\"abababababababababababababababab\"", true),
            ("\"x\", W/\"abababababababababababababababab\"", true),
            ("*", true),
            ("\"ababab\"", false),
            ("abababababababababababababababab", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(named))]);
            assert_eq!(has_version(&headers, &etag), is_there, "{named}");
        }
    }
}
