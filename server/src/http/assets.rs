//! The page: files of `web/dist`, embedded when the program was built.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

use super::{AppState, only_asked, refused};
use crate::graphql::ErrorCode;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/dist"]
#[allow_missing = true]
struct Assets;

const INDEX: &str = "index.html";

/// What the builder has packed, the smallest form first: the ending of the file's name and the coding's.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gz", "gzip")];

/// The GraphQL documents that the page names, by their names; none where the program was built without the page.
pub(super) fn documents() -> BTreeMap<String, String> {
    let file = Assets::get("documents.json");
    file.and_then(|it| serde_json::from_slice(&it.data).ok()).unwrap_or_default()
}

/// Refuses GraphiQL where the schema, which it needs, is told to nobody.
pub(super) async fn graphiql(State(state): State<AppState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if state.app().limits.no_introspection {
        return refused(ErrorCode::NotFound, "GraphiQL is switched off here, as the schema is (--no-introspection)");
    }
    asset(method, uri, headers).await
}

/// A file of the page, or the page itself, which finds the view. What is neither is told in JSON; a browser gets the page to tell it.
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
        return only_asked().await;
    }
    if let Some((name, file)) = file {
        return file_response(name, file, &headers);
    }
    let shows_page =
        if is_own { takes(&headers, &["text/html", "text/*", "*/*"], true) } else { is_visit(path, &headers) };
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

/// Whether the page has a view of that address.
fn is_view(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        [view] => matches!(*view, "" | "customers" | "inbox" | "merge" | "policy" | "health"),
        ["customers", id] | ["customers", id, "identity"] => !id.is_empty(),
        _ => false,
    }
}

/// Whether somebody with a browser came to an address that the page does not have. Addresses of the APIs are for programs.
fn is_visit(path: &str, headers: &HeaderMap) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let is_api = ["v1", "api", "beacon", "projects", "sourceConfig"].contains(&first) || first.starts_with("graphq");
    !is_api && takes(headers, &["text/html"], false)
}

/// Whether the client takes one of those media types; `by_default` where it does not say what it takes.
fn takes(headers: &HeaderMap, wanted: &[&str], by_default: bool) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accepted.peek().is_none() {
        return by_default;
    }
    let media_type = |it: &str| it.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accepted.flat_map(|value| value.split(',')).any(|it| wanted.contains(&media_type(it).as_str()))
}

fn not_found() -> Response {
    refused(ErrorCode::NotFound, "nothing has this address; the addresses are in /openapi.json")
}

fn file_response(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    // The builder writes a hash into the names of all files in this folder: what has a name once never changes.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers =
        [(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, caching), (header::VARY, "accept-encoding")];
    let packed = PACKED.iter().find_map(|(ending, coding)| {
        let file = Assets::get(&format!("{path}.{ending}")).filter(|_| is_taken(coding, asked))?;
        Some((file, *coding))
    });
    match packed {
        Some((packed, coding)) => (headers, [(header::CONTENT_ENCODING, coding)], packed.data).into_response(),
        None => (headers, file.data).into_response(),
    }
}

/// Whether the client takes a coding that it names. One with a weight of zero is refused.
fn is_taken(coding: &str, asked: &HeaderMap) -> bool {
    let named = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    named.flat_map(|it| it.split(',')).any(|it| {
        let (name, weight) = it.split_once(';').unwrap_or((it, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), |it| it.trim().parse::<f32>());
        name.trim().eq_ignore_ascii_case(coding) && weight.is_ok_and(|it| 0.0 < it)
    })
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
    fn a_coding_is_taken_where_it_is_named_and_not_refused() {
        let table = [
            ("gzip, deflate, br, zstd", "br", true),
            ("gzip, deflate", "br", false),
            ("GZIP;q=0.5", "gzip", true),
            ("br;q=0, gzip", "br", false),
            ("br; q=0.0", "br", false),
            ("br; q=nonsense", "br", false),
            ("", "gzip", false),
        ];
        for (asked, coding, is_wanted) in table {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(asked))]);
            assert_eq!(is_taken(coding, &headers), is_wanted, "{coding} of {asked:?}");
        }
    }
}
