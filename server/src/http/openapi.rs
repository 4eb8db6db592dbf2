//! The OpenAPI document of everything here. It is kept by hand; tests/clients hold it to the routes and to what is answered.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const DOCUMENT: &str = include_str!("openapi.json");

/// The document.
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use super::DOCUMENT;

    #[test]
    fn the_document_is_of_this_version() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("it is JSON");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
