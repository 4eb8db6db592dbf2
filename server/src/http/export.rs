//! `POST /v1/export`: the customer list as CSV or NDJSON, streamed.
//!
//! An export is the list's own query, page by page, by the caller that asks for it: so authorization, masks and the audit log are those
//! of GraphQL, no page keeps the list's lock longer than a query does, and memory holds one page. The next page is read when the client
//! has read the one before. An error ends the connection without the last chunk, so that no client mistakes a part for the whole.

mod columns;

use std::collections::HashSet;

use async_graphql::{Request, Response as Answer, Variables};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use profile360_ingest::strict_json;
use serde::Deserialize;
use serde_json::{Value, json};

use self::columns::Columns;
use super::{
    AppState,
    concurrency_limits::{Client, LimitReached, Permit},
    decode_body::{ContentEncoding, RequestBody},
    overloaded, read_your_writes, refused,
};
use crate::{
    auth::access::Caller,
    graphql::{ErrorCode, execute_own, record_export},
    spreadsheet,
};

/// The most chosen customers of one export.
const MAX_CHOSEN: usize = 10_000;
/// Customers per page, where the server's pages may be as large.
const PAGE: usize = 200;

/// What to export. Unknown fields are refused: a typo must not silently export more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    format: Format,
    /// The columns; all if left out.
    columns: Option<Vec<String>>,
    /// As in the GraphQL field `profiles`.
    filter: Option<Value>,
    search: Option<String>,
    order_by: Option<Value>,
    /// Only these customers, in this order.
    unified_ids: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Format {
    #[default]
    Csv,
    Ndjson,
}

/// Why an export cannot begin or go on.
#[derive(Debug)]
struct Fault {
    code: ErrorCode,
    sentence: String,
}

impl Fault {
    fn new(code: ErrorCode, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }
}

pub(super) async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: RequestBody,
) -> Response {
    match begin(state, caller, &client, &headers, body).await {
        Ok(response) => response,
        Err(Fault { code: ErrorCode::Overloaded, sentence }) => overloaded(&sentence),
        Err(Fault { code, sentence }) => refused(code, &sentence),
    }
}

async fn begin(
    state: AppState,
    caller: Caller,
    client: &Client,
    headers: &HeaderMap,
    body: RequestBody,
) -> Result<Response, Fault> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
        || ContentEncoding::of(headers) != Some(ContentEncoding::Identity)
    {
        return Err(Fault::new(ErrorCode::UnsupportedMediaType, "send the request as plain application/json"));
    }
    let limits = state.app().limits;
    let (body, work) = body
        .read(&state, limits.query_body.min(limits.body))
        .await
        .map_err(|fault| Fault::new(fault.code(), fault.to_string()))?;
    work.add_values(&body).map_err(|fault| Fault::new(fault.code(), fault.to_string()))?;
    let wanted = parse(&body)?;
    let permit = state.exports.acquire(client, 1).map_err(|reason| {
        let sentence = match reason {
            LimitReached::ClientLimit => {
                "too many exports of this client are in progress (--limit-exports-per-client); wait for one to end"
            }
            LimitReached::Exhausted | LimitReached::TooLarge => {
                "too many exports are in progress (--limit-exports); try again later"
            }
        };
        Fault::new(ErrorCode::Overloaded, sentence)
    })?;
    read_your_writes::wait(&state, headers).await.map_err(|(code, sentence)| Fault::new(code, sentence))?;
    let format = wanted.format;
    let mut export = Export::new(state, caller, wanted, permit)?;
    // Before the head of the response, so that a wrong filter has a status of its own.
    let first = export.next_page().await?.unwrap_or_default();
    let total = export.total.unwrap_or_default();
    record_export(&export.state.current, &export.caller, total)
        .await
        .map_err(|error| Fault::new(ErrorCode::Unavailable, error.message))?;
    let head = export.head()?;
    let parts = stream::unfold(Some((export, [head, first].concat())), |rest| async move {
        let (mut export, part) = rest?;
        let next = match export.next_page().await {
            Ok(next) => next.map(|next| (export, next)),
            Err(fault) => {
                tracing::warn!(code = fault.code.as_str(), "an export ended early");
                // The part is not sent: the client must notice that the export is not whole.
                return Some((Err(std::io::Error::other("the export ended early")), None));
            }
        };
        Some((Ok(Bytes::from(part)), next))
    });
    // What compresses the answer reads on after its end.
    let parts = parts.fuse();
    let (media_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "customers.csv"),
        Format::Ndjson => ("application/x-ndjson; charset=utf-8", "customers.ndjson"),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("x-total-count"), total.to_string()),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

fn parse(body: &[u8]) -> Result<Wanted, Fault> {
    strict_json::check(body).map_err(|sentence| Fault::new(ErrorCode::ParseFailed, sentence))?;
    let wanted: Wanted = serde_json::from_slice(body).map_err(|_| {
        let sentence = "the body is an object with format (CSV or NDJSON), columns, filter, search, orderBy and unifiedIds; \
             all of them may be left out";
        Fault::new(ErrorCode::BadUserInput, sentence)
    })?;
    let chosen = wanted.unified_ids.as_ref().map_or(0, Vec::len);
    if MAX_CHOSEN < chosen {
        let sentence = format!("unifiedIds: use at most {MAX_CHOSEN}; export more by a filter");
        return Err(Fault::new(ErrorCode::BadUserInput, sentence));
    }
    if wanted.unified_ids.is_some() && (wanted.filter.is_some() || wanted.search.is_some() || wanted.order_by.is_some())
    {
        let sentence = "send unifiedIds alone, or filter, search and orderBy";
        return Err(Fault::new(ErrorCode::BadUserInput, sentence));
    }
    Ok(wanted)
}

/// An export in progress.
struct Export {
    state: AppState,
    caller: Caller,
    format: Format,
    columns: Columns,
    query: String,
    /// What remains.
    rest: Rest,
    /// The number of customers, once the first page is read.
    total: Option<u64>,
    _permit: Permit,
}

enum Rest {
    /// The list after a cursor.
    List {
        filter: Value,
        search: Value,
        order_by: Value,
        after: Value,
    },
    /// Chosen customers. Two of them may be one by now.
    Chosen {
        ids: Vec<String>,
        sent: HashSet<String>,
    },
    Nothing,
}

impl Export {
    fn new(state: AppState, caller: Caller, wanted: Wanted, permit: Permit) -> Result<Self, Fault> {
        let app = state.app();
        let kinds = app.policy.kinds.iter().map(|kind| kind.name.as_str());
        let columns =
            Columns::parse(wanted.columns, kinds).map_err(|sentence| Fault::new(ErrorCode::BadUserInput, sentence))?;
        let fields = columns.selection();
        // A declared variable that no field uses is an error.
        let names = if fields.contains("$names") { ", $names: [String!]" } else { "" };
        let (query, rest, total) = match wanted.unified_ids {
            Some(ids) => {
                let query =
                    format!("query($ids: [ID!]!{names}) {{ nodes(ids: $ids) {{ ... on Profile {{ {fields} }} }} }}");
                let total = ids.len() as u64;
                (query, Rest::Chosen { ids, sent: HashSet::new() }, Some(total))
            }
            None => {
                let query = format!(
                    "query($filter: ProfileFilter, $search: String, $orderBy: ProfileOrder, $first: Int!, $after: String{names}) \
                     {{ profiles(filter: $filter, search: $search, orderBy: $orderBy, first: $first, \
                     after: $after) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} totalCount }} }}"
                );
                let rest = Rest::List {
                    filter: wanted.filter.unwrap_or_default(),
                    search: wanted.search.map_or(Value::Null, Value::String),
                    order_by: wanted.order_by.unwrap_or_default(),
                    after: Value::Null,
                };
                (query, rest, None)
            }
        };
        Ok(Self { state, caller, format: wanted.format, columns, query, rest, total, _permit: permit })
    }

    /// The line above the customers.
    fn head(&self) -> Result<Vec<u8>, Fault> {
        match self.format {
            Format::Ndjson => Ok(Vec::new()),
            Format::Csv => {
                let names: Vec<String> = self.columns.names().map(str::to_owned).collect();
                let line = spreadsheet::line(&names).map_err(|_| lost())?;
                Ok([spreadsheet::BYTE_ORDER_MARK.as_bytes(), &line].concat())
            }
        }
    }

    /// The next customers as lines; `None` at the end.
    async fn next_page(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        // A key can be revoked while an export is under way.
        if !self.state.authentication.is_still_valid(&self.caller) {
            return Err(Fault::new(ErrorCode::Unauthenticated, "this key was revoked; send another"));
        }
        let size = PAGE.min(self.state.current.limits.page);
        let profiles = match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => return Ok(None),
            Rest::List { filter, search, order_by, after } => {
                let variables =
                    json!({ "filter": filter, "search": search, "orderBy": order_by, "first": size, "after": after });
                let mut page = self.ask(variables).await?["profiles"].take();
                self.total = self.total.or(page["totalCount"].as_u64());
                if page["pageInfo"]["hasNextPage"] == true {
                    let after = page["pageInfo"]["endCursor"].take();
                    self.rest = Rest::List { filter, search, order_by, after };
                }
                page["nodes"].take()
            }
            Rest::Chosen { mut ids, mut sent } => {
                let later = ids.split_off(size.min(ids.len()));
                let ids: Vec<String> = ids.iter().map(|id| URL_SAFE_NO_PAD.encode(format!("Profile:{id}"))).collect();
                let mut found = self.ask(json!({ "ids": ids })).await?["nodes"].take();
                if let Some(found) = found.as_array_mut() {
                    found.retain(|profile| profile["unifiedId"].as_str().is_some_and(|id| sent.insert(id.to_owned())));
                }
                if !later.is_empty() {
                    self.rest = Rest::Chosen { ids: later, sent };
                }
                found
            }
        };
        let profiles = profiles.as_array().ok_or_else(lost)?;
        let mut lines = Vec::new();
        for profile in profiles {
            self.write(profile, &mut lines)?;
        }
        Ok(Some(lines))
    }

    fn write(&self, profile: &Value, lines: &mut Vec<u8>) -> Result<(), Fault> {
        let values = self.columns.values(profile);
        match self.format {
            Format::Csv => {
                let cells: Vec<String> = values.iter().map(|(_, value)| spreadsheet::text_of(value)).collect();
                lines.extend(spreadsheet::line(&cells).map_err(|_| lost())?);
            }
            Format::Ndjson => {
                // In the order of the columns, which a map does not keep.
                let fields = values.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name)));
                let fields: Vec<String> = fields.collect();
                lines.extend(format!("{{{}}}\n", fields.join(",")).into_bytes());
            }
        }
        Ok(())
    }

    async fn ask(&self, mut variables: Value) -> Result<Value, Fault> {
        variables["names"] = json!(self.columns.attribute_names());
        let request = Request::new(&self.query).variables(Variables::from_json(variables));
        let Answer { data, errors, .. } =
            execute_own(&self.state.schema, &self.state.current, self.caller.clone(), request).await;
        if let Some(error) = errors.into_iter().next() {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            let code = match code {
                Some(async_graphql::Value::String(code)) => ErrorCode::parse(code),
                _ => None,
            };
            return Err(Fault::new(code.unwrap_or(ErrorCode::Internal), error.message));
        }
        data.into_json().map_err(|_| lost())
    }
}

fn lost() -> Fault {
    Fault::new(ErrorCode::Internal, "the customers could not be written; try again")
}
