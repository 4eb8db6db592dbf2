//! PersistedQueries that are named, and not sent: automatic persisted queries, and trusted documents.
//!
//! A request names a document by the SHA-256 of its text, in Apollo's protocol (`extensions.persistedQuery`). One that the server does
//! not know it asks for once, and keeps. With trusted documents it keeps none: what is not among those is not answered.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_graphql::{Request, ServerResult, Value};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};

use super::error::ErrorCode;

/// How many bytes of documents are kept for clients that persist their own.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// About as many documents as that is.
const EXPECTED: usize = 4_096;
/// What a short document takes beside its text.
const ENTRY: usize = 128;

/// The documents that can be named.
pub struct PersistedQueries {
    /// By the name that the request has.
    known: HashMap<String, Arc<str>>,
    /// Whether no other is answered.
    only_known: bool,
    /// What clients have sent, by hash.
    kept: Cache<String, Arc<str>, Size>,
}

impl std::fmt::Debug for PersistedQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").field("known", &self.known.len()).field("only_known", &self.only_known).finish()
    }
}

#[derive(Clone)]
struct Size;

impl Weighter<String, Arc<str>> for Size {
    fn weight(&self, _: &String, text: &Arc<str>) -> u64 {
        (text.len() + ENTRY) as u64
    }
}

impl PersistedQueries {
    /// The page's documents, and where there is a list of trusted ones, no others than these.
    pub fn new(of_page: BTreeMap<String, String>, trusted: Option<BTreeMap<String, String>>) -> Self {
        let only_known = trusted.is_some();
        let mut known = HashMap::new();
        for (name, text) in of_page.into_iter().chain(trusted.unwrap_or_default()) {
            let text: Arc<str> = text.into();
            // Whatever hash a list goes by, whoever sends the text itself or its SHA-256 means the same.
            known.insert(hash_of(&text), text.clone());
            known.insert(name.trim_start_matches(PREFIX).to_ascii_lowercase(), text);
        }
        Self { known, only_known, kept: Cache::with_weighter(EXPECTED, MOST_BYTES, Size) }
    }

    /// The request with the text of the document that it names.
    ///
    /// # Errors
    ///
    /// Where it names none that is known, or one that may not be asked.
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
            (Some(name), true) => match self.known.get(&name).cloned().or_else(|| self.kept.get(&name)) {
                None if self.only_known => return Err(not_trusted()),
                // Clients know it by this sentence, and then send the text.
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
                    let sentence =
                        "sha256Hash is not the SHA-256 of the query, in hexadecimal digits; send the one that is";
                    return Err(ErrorCode::PersistedQueryMismatch.of_request(sentence));
                }
                self.kept.insert(name, request.query.as_str().into());
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

/// Some tools write which hash it is.
const PREFIX: &str = "sha256:";

fn hash_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|it| format!("{it:02x}")).collect()
}

fn not_supported() -> async_graphql::ServerError {
    // Clients know it by this sentence, and then send texts.
    ErrorCode::PersistedQueryNotSupported.of_request("PersistedQueryNotSupported")
}

fn not_trusted() -> async_graphql::ServerError {
    let sentence =
        "this server answers documents of its list only; have the operator add this one to --trusted-documents";
    ErrorCode::DocumentNotTrusted.of_request(sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const ROLE: &str = "{ viewer { role } }";
    const NAME: &str = "{ viewer { name } }";

    /// The text that a request comes to, or the code of its refusal.
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
    fn a_document_is_asked_for_once_and_kept() {
        let page = BTreeMap::from([("a name of its own".to_owned(), NAME.to_owned())]);
        let documents = PersistedQueries::new(page, None);
        for (query, named, wanted) in [
            ("", hash(ROLE), "PERSISTED_QUERY_NOT_FOUND"),
            (ROLE, hash(NAME), "PERSISTED_QUERY_MISMATCH"),
            ("", hash(ROLE), "PERSISTED_QUERY_NOT_FOUND"),
            (ROLE, hash(ROLE), ROLE),
            ("", hash(ROLE), ROLE),
            ("", json!({ "sha256Hash": format!("sha256:{}", hash_of(ROLE).to_uppercase()) }), ROLE),
            // The page's are there from the beginning.
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
    fn what_is_kept_is_bounded() {
        let documents = PersistedQueries::new(BTreeMap::new(), None);
        let long = |n: usize| format!("# {n} {}\n{ROLE}", "x".repeat(1 << 20));
        for n in 0..40 {
            assert_eq!(resolved(&documents, &long(n), hash(&long(n))), long(n));
        }
        assert!(documents.kept.weight() <= MOST_BYTES);
        assert!((0..40).any(|n| resolved(&documents, "", hash(&long(n))) == "PERSISTED_QUERY_NOT_FOUND"));
    }

    #[test]
    fn with_a_list_nothing_else_is_answered() {
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
