//! The page: files of `web/dist`, embedded when the program was built.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

use super::Site;

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
pub(super) async fn graphiql(State(site): State<Site>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if site.app().limits.no_introspection {
        let sentence = "GraphiQL is switched off here, as the schema is (--no-introspection)\n";
        return (StatusCode::NOT_FOUND, sentence).into_response();
    }
    asset(method, uri, headers).await
}

/// A file of the page; `/graphiql` is a page of its own, every other address gets the page itself, which finds the view.
pub(super) async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, "there is nothing here to send to\n").into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Assets::get(path).filter(|_| !path.is_empty()) {
        return file_response(path, file, &headers);
    }
    let page = format!("{path}.html");
    if let Some(file) = Assets::get(&page) {
        return file_response(&page, file, &headers);
    }
    let is_view = !path.rsplit('/').next().unwrap_or_default().contains('.');
    match Assets::get(INDEX).filter(|_| is_view) {
        Some(file) => file_response(INDEX, file, &headers),
        None if is_view => {
            let sentence = "this program was built without the page; build it with `make run`\n";
            (StatusCode::NOT_FOUND, sentence).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
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
