//! The page: files of `web/dist`, embedded when the program was built.

use axum::{
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/dist"]
#[allow_missing = true]
struct Assets;

const INDEX: &str = "index.html";

/// A file of the page; `/graphiql` is a page of its own, every other address gets the page itself, which finds the view.
pub(super) async fn asset(method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, "there is nothing here to send to\n").into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Assets::get(path).filter(|_| !path.is_empty()) {
        return file_response(path, file);
    }
    let page = format!("{path}.html");
    if let Some(file) = Assets::get(&page) {
        return file_response(&page, file);
    }
    let is_view = !path.rsplit('/').next().unwrap_or_default().contains('.');
    match Assets::get(INDEX).filter(|_| is_view) {
        Some(file) => file_response(INDEX, file),
        None if is_view => {
            let sentence = "this program was built without the page; build it with `make run`\n";
            (StatusCode::NOT_FOUND, sentence).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn file_response(path: &str, file: EmbeddedFile) -> Response {
    // The builder writes a hash into the names of all files in this folder: what has a name once never changes.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, caching)];
    (headers, file.data).into_response()
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
