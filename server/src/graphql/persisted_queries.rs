//! Persisted queries: automatic persisted queries, and trusted documents.
//!
//! A request names a document by the SHA-256 of its text, in Apollo's protocol (`extensions.persistedQuery`). If the server does not
//! know the document, the client sends it once, and the server caches it. With trusted documents, the server refuses all others.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_graphql::{Request, ServerResult, Value};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};

use super::error::ErrorCode;

/// The size of the cache of documents that clients sent, in bytes.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// The approximate number of documents in the cache.
const CACHE_ENTRIES: usize = 4_096;
/// The overhead of a cache entry, in bytes.
const ENTRY_OVERHEAD: usize = 128;

/// The documents that requests can name.
pub struct PersistedQueries {
    /// By their hashes and listed names.
    known: HashMap<String, Arc<str>>,
    /// Whether all other documents are refused.
    only_known: bool,
    /// What clients have sent, by hash.
    cache: Cache<String, Arc<str>, Size>,
}

impl std::fmt::Debug for PersistedQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersistedQueries")
            .field("known", &self.known.len())
            .field("only_known", &self.only_known)
            .finish()
    }
}

#[derive(Clone)]
struct Size;

impl Weighter<String, Arc<str>> for Size {
    fn weight(&self, _: &String, text: &Arc<str>) -> u64 {
        (text.len() + ENTRY_OVERHEAD) as u64
    }
}

impl PersistedQueries {
    /// The page's documents, and those of a list; with a list, all others are refused.
    pub fn new(of_page: BTreeMap<String, String>, trusted: Option<BTreeMap<String, String>>) -> Self {
        let only_known = trusted.is_some();
        let mut known = HashMap::new();
        for (name, text) in of_page.into_iter().chain(trusted.unwrap_or_default()) {
            let text: Arc<str> = text.into();
            // A list may use names of its own; the SHA-256 of the text works as well.
            known.insert(hash_of(&text), text.clone());
            known.insert(name.trim_start_matches(PREFIX).to_ascii_lowercase(), text);
        }
        Self { known, only_known, cache: Cache::with_weighter(CACHE_ENTRIES, CACHE_BYTES, Size) }
    }

    /// Replaces the hash of a request with the text of its document.
    ///
    /// # Errors
    ///
    /// If the document is unknown or not trusted.
    pub fn resolve(&self, mut request: Request) -> ServerResult<Request> {
        let named = match request.extensions.get("persistedQuery") {
            None | Some(Value::Null) => None,
            Some(Value::Object(named)) => {
                let version = named.get("version");
                match (version, named.get("sha256Hash")) {
                    (None | Some(Value::Number(_)), Some(Value::String(hash)))
                        if version.is_none_or(|it| *it == Value::from(1)) =>
                    {
                        Some(hash.trim_start_matches(PREFIX).to_ascii_lowercase())
                    }
                    _ => return Err(not_supported()),
                }
            }
            Some(_) => return Err(not_supported()),
        };
        let text: Option<Arc<str>> = match (named, request.query.is_empty()) {
            (Some(name), true) => match self.known.get(&name).cloned().or_else(|| self.cache.get(&name)) {
                None if self.only_known => return Err(not_trusted()),
                // Clients recognize this message, and then send the text.
                None => return Err(ErrorCode::PersistedQueryNotFound.of_request("PersistedQueryNotFound")),
                found => found,
            },
            (named, false) if self.only_known => {
                let known = self.known.get(&hash_of(&request.query));
                if known.is_none() || named.is_some_and(|it| self.known.get(&it) != known) {
                    return Err(not_trusted());
                }
                None
            }
            (Some(name), false) => {
                if name != hash_of(&request.query) {
                    let sentence = "sha256Hash is not the SHA-256 of the query; send that, in hexadecimal digits";
                    return Err(ErrorCode::PersistedQueryMismatch.of_request(sentence));
                }
                self.cache.insert(name, request.query.as_str().into());
                None
            }
            (None, _) => None,
        };
        if let Some(text) = text {
            text.as_ref().clone_into(&mut request.query);
        }
        Ok(request)
    }
}

/// Some tools add this prefix to the hash.
const PREFIX: &str = "sha256:";

fn hash_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|it| format!("{it:02x}")).collect()
}

fn not_supported() -> async_graphql::ServerError {
    // Clients recognize this message, and then send texts.
    ErrorCode::PersistedQueryNotSupported.of_request("PersistedQueryNotSupported")
}

fn not_trusted() -> async_graphql::ServerError {
    let sentence = "this server accepts listed documents only; ask the operator to add this one to --trusted-documents";
    ErrorCode::DocumentNotTrusted.of_request(sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const ROLE: &str = "{ viewer { role } }";
    const NAME: &str = "{ viewer { name } }";

    /// The text of the resolved request, or the code of its refusal.
    fn resolved(documents: &PersistedQueries, query: &str, named: Json) -> String {
        let mut request = json!({ "extensions": { "persistedQuery": named } });
        if !query.is_empty() {
            request["query"] = json!(query);
        }
        let request = serde_json::from_value(request).expect("a request");
        match documents.resolve(request) {
            Ok(request) => request.query,
            Err(error) => match error.extensions.as_ref().and_then(|it| it.get("code")) {
                Some(Value::String(code)) => code.clone(),
                other => format!("{other:?}"),
            },
        }
    }

    fn hash(text: &str) -> Json {
        json!({ "version": 1, "sha256Hash": hash_of(text) })
    }

    #[test]
    fn a_document_is_sent_once_and_cached() {
        let page = BTreeMap::from([("a name of its own".to_owned(), NAME.to_owned())]);
        let documents = PersistedQueries::new(page, None);
        for (query, named, wanted) in [
            ("", hash(ROLE), "PERSISTED_QUERY_NOT_FOUND"),
            (ROLE, hash(NAME), "PERSISTED_QUERY_MISMATCH"),
            ("", hash(ROLE), "PERSISTED_QUERY_NOT_FOUND"),
            (ROLE, hash(ROLE), ROLE),
            ("", hash(ROLE), ROLE),
            ("", json!({ "sha256Hash": format!("sha256:{}", hash_of(ROLE).to_uppercase()) }), ROLE),
            // The page's documents are known from the start.
            ("", hash(NAME), NAME),
            (ROLE, Json::Null, ROLE),
            ("", json!({ "version": 2, "sha256Hash": hash_of(ROLE) }), "PERSISTED_QUERY_NOT_SUPPORTED"),
            ("", json!({ "version": 1 }), "PERSISTED_QUERY_NOT_SUPPORTED"),
            ("", json!("hash"), "PERSISTED_QUERY_NOT_SUPPORTED"),
        ] {
            assert_eq!(resolved(&documents, query, named.clone()), wanted, "{query} {named}");
        }
    }

    #[test]
    fn the_cache_is_bounded() {
        let documents = PersistedQueries::new(BTreeMap::new(), None);
        let long = |n: usize| format!("# {n} {}\n{ROLE}", "x".repeat(1 << 20));
        for n in 0..40 {
            assert_eq!(resolved(&documents, &long(n), hash(&long(n))), long(n));
        }
        assert!(documents.cache.weight() <= CACHE_BYTES);
        assert!((0..40).any(|n| resolved(&documents, "", hash(&long(n))) == "PERSISTED_QUERY_NOT_FOUND"));
    }

    #[test]
    fn with_a_list_all_other_documents_are_refused() {
        let page = BTreeMap::from([(hash_of(NAME), NAME.to_owned())]);
        let trusted = BTreeMap::from([("role-v1".to_owned(), ROLE.to_owned())]);
        let documents = PersistedQueries::new(page, Some(trusted));
        let other = "{ viewer { seesPersonalData } }";
        for (query, named, wanted) in [
            ("", json!({ "sha256Hash": "role-v1" }), ROLE),
            ("", hash(ROLE), ROLE),
            ("", hash(NAME), NAME),
            (ROLE, Json::Null, ROLE),
            (ROLE, hash(ROLE), ROLE),
            (ROLE, hash(NAME), "DOCUMENT_NOT_TRUSTED"),
            (other, Json::Null, "DOCUMENT_NOT_TRUSTED"),
            (other, hash(other), "DOCUMENT_NOT_TRUSTED"),
            ("", hash(other), "DOCUMENT_NOT_TRUSTED"),
        ] {
            assert_eq!(resolved(&documents, query, named.clone()), wanted, "{query} {named}");
        }
    }
}
