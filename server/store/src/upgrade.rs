//! Reads the databases of a version that had no journal, once, at the first start of this one.
//!
//! Such a version kept the messages in an "edition" per policy, each in a database of its own. The rows of the current edition become the
//! first projection as they are; the texts of its messages become the journal. Every page of rows is written together with how far the
//! upgrade has got, so it goes on where it was interrupted. The old tables are removed at the end.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::rows::ClusterKey,
    identifier::{Identifier, Kind, UnifiedId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use surrealdb::types::{Number, RecordId, RecordIdKey, Value};

use super::{
    Result, Store,
    handle::Handle,
    journal::{self, Draft, DraftRows},
    keys::{self, Keys, bad_key, int},
    migrate,
    projection::{Projection, ProjectionState, projection_row},
    rows::{self, COMMITS, LINEAGE, Touched, UPGRADE},
    tx,
};

/// The database of the first edition, and of what belonged to no edition.
const ROOT: &str = "profile360";
/// Rows per page. A page of messages stays far below the size of a memtable.
const PAGE: i64 = 2_000;
const PAGE_OF_MESSAGES: i64 = 200;
/// The projection that the edition becomes.
const FIRST: Keys = Keys(1);

/// The tables of an edition, in the order in which they are read. Identifiers come before what refers to them.
const OF_EDITION: [&str; 13] = [
    "event",
    "set_aside",
    "identifier",
    "latent",
    "linked",
    "withheld",
    "decided",
    "retired",
    "cell",
    "purchase",
    "order_claim",
    "session_claim",
    "profile",
];
/// Tables that belong to the history, which is one for all projections.
const HISTORY: [&str; 2] = ["lineage", "lineage_of"];
/// Tables that belonged to no edition.
const OF_ROOT: [&str; 4] = ["policy", "audit", "saved_view", "ingest_hour"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Progress {
    /// The number of the step, the rows of it that are read, and the commits that the journal has.
    Reading {
        step: usize,
        row: i64,
        commit: i64,
    },
    Done,
}

/// Whether a version without a journal has written here.
pub(super) async fn has_editions(handle: &Handle) -> Result<bool> {
    let query = "RETURN object::keys((INFO FOR NAMESPACE).databases)";
    let Value::Array(names) = handle.run(query, tx::no_variables()).await? else { return Err(bad_key("database")) };
    if !names.iter().any(|name| matches!(name, Value::String(name) if name == ROOT)) {
        return Ok(false);
    }
    let root = handle.open(ROOT).await?;
    let version = migrate::version(&root).await?;
    // A number after these is the mark that the upgrade leaves, so that an old program does not start from nothing.
    Ok((1..=7).contains(&version))
}

/// Reads an old database if there is one that was not read yet.
pub(super) async fn run(handle: &Arc<Handle>) -> Result<()> {
    let new = Store::new(handle.clone(), FIRST.0);
    let progress = match new.setting(UPGRADE).await? {
        Some(text) => rows::decode("setting", &text)?,
        None => Progress::Reading { step: 0, row: 0, commit: 0 },
    };
    if progress == Progress::Done || !has_editions(handle).await? {
        return Ok(());
    }
    if new.setting("projection").await?.is_some() {
        // The journal has evidence already, and nothing may be overwritten.
        return Ok(());
    }
    let root = handle.open(ROOT).await?;
    migrate::run_on_edition(&root).await?;
    let settings = settings_of(&root).await?;
    let edition = number(&settings, "edition");
    let from = if edition == 0 { root.open(ROOT).await? } else { root.open(&format!("{ROOT}_{edition}")).await? };
    migrate::run_on_edition(&from).await?;
    tracing::info!(
        "the database is of an earlier version: its rows are read into the journal and the first projection"
    );
    Upgrade { new, root, from, at_most: None }.run(progress, &settings).await
}

struct Upgrade {
    new: Store,
    root: Handle,
    from: Handle,
    /// Pages to read before it stops. Tests interrupt it so.
    at_most: Option<usize>,
}

impl Upgrade {
    async fn run(&self, progress: Progress, of_root: &BTreeMap<String, String>) -> Result<()> {
        let Progress::Reading { mut step, mut row, mut commit } = progress else { return Ok(()) };
        let tables: Vec<(&Handle, &'static str)> = OF_EDITION
            .iter()
            .chain(&HISTORY)
            .map(|table| (&self.from, *table))
            .chain(OF_ROOT.iter().map(|table| (&self.root, *table)))
            .collect();
        let mut n_pages = 0;
        while let Some((handle, table)) = tables.get(step) {
            if self.at_most == Some(n_pages) {
                return Ok(());
            }
            n_pages += 1;
            let is_messages = matches!(*table, "event" | "set_aside");
            let page = if is_messages { PAGE_OF_MESSAGES } else { PAGE };
            let found = page_of(handle, table, row, page).await?;
            let n_found = i64::try_from(found.len())?;
            let next = if n_found < page {
                Progress::Reading { step: step + 1, row: 0, commit: commit + i64::from(is_messages && 0 < n_found) }
            } else {
                Progress::Reading { step, row: row + page, commit: commit + i64::from(is_messages) }
            };
            self.write(table, found, commit + 1, next).await?;
            if let Progress::Reading { step: next_step, row: next_row, commit: next_commit } = next {
                (step, row, commit) = (next_step, next_row, next_commit);
            }
            tracing::debug!(table, row, "read rows of an earlier version");
        }
        self.finish(commit, of_root).await
    }

    /// Writes a page of rows and the progress.
    async fn write(&self, table: &'static str, found: Vec<Row>, commit: i64, progress: Progress) -> Result<()> {
        let mut statements = String::from("BEGIN;");
        let mut variables: Vec<(&'static str, Value)> = Vec::new();
        let mut insert = |statement: &'static str, name: &'static str, rows: Vec<Value>| {
            if !rows.is_empty() {
                statements.push_str(statement);
                variables.push((name, Value::from_iter(rows)));
            }
        };
        match table {
            "event" => {
                let DraftRows { journal, message_refs, timeline } = messages_of_events(&found)?.rows(commit, FIRST);
                insert("INSERT INTO journal $journal RETURN NONE;", "journal", journal);
                insert("INSERT INTO message_ref $refs RETURN NONE;", "refs", message_refs);
                insert("INSERT INTO timeline $timeline RETURN NONE;", "timeline", timeline);
            }
            "set_aside" => {
                let (draft, unreadable) = unreadable_messages(&found, commit)?;
                let DraftRows { journal, message_refs, .. } = draft.rows(commit, FIRST);
                insert("INSERT INTO journal $journal RETURN NONE;", "journal", journal);
                // One that was sent again in a readable form keeps its place.
                insert("INSERT IGNORE INTO message_ref $refs RETURN NONE;", "refs", message_refs);
                insert("INSERT INTO unreadable $unreadable RETURN NONE;", "unreadable", unreadable);
            }
            _ => {
                let (statement, new) = copies(table, found)?;
                insert(statement, "rows", new);
            }
        }
        statements.push_str("INSERT INTO setting $progress ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;COMMIT;");
        variables.push(("progress", rows::setting_row(UPGRADE, rows::encode("setting", &progress)?)));
        self.new.handle.run(statements, tx::variables(variables)).await?;
        Ok(())
    }

    /// Writes what is counted and decided once, marks the old database, and removes its tables.
    async fn finish(&self, messages: i64, of_root: &BTreeMap<String, String>) -> Result<()> {
        let of_edition = settings_of(&self.from).await?;
        let old_commits = COMMITS.iter().map(|name| number(&of_edition, name)).max().unwrap_or(0);
        let unlisted = unlisted(&self.from, number(&of_edition, "listed"), old_commits).await?;
        let commit = messages + 1;
        let mut parts: Vec<Value> = Vec::new();
        let decisions: Vec<Decision> = payloads(&self.from, "decided").await?;
        let retirements: Vec<Retirement> = payloads(&self.from, "retired").await?;
        for (kind, json) in [
            ("decisions", rows::encode("journal", &decisions)?),
            ("retirements", rows::encode("journal", &retirements)?),
        ] {
            parts.push(journal::journal_row(commit, i64::try_from(parts.len())?, kind, json.into_bytes()));
        }
        // Programs that had one version of normal forms only did not record it.
        let written = of_edition.get("normal_forms").and_then(|text| text.parse().ok());
        let current = profile360_core::identifier::normalize::NORMAL_FORMS;
        let normal_forms = written.unwrap_or(if old_commits == 0 { current } else { 1 });
        let policy = of_root.get("policy").and_then(|text| text.parse().ok()).unwrap_or(1);
        let projection = Projection { policy, normal_forms, followed: commit, state: ProjectionState::Active };
        let lineage = LINEAGE.iter().map(|name| number(&of_edition, name)).max().unwrap_or(0);
        let own = ["edition", "edition_begun", "editions_cleared", "listed", "normal_forms", "superseded_by", "policy"];
        let counters = |name: &str| COMMITS.contains(&name) || LINEAGE.contains(&name) || own.contains(&name);
        let mut settings: Vec<Value> = of_root
            .iter()
            .filter(|(name, _)| !counters(name))
            .map(|(name, text)| rows::setting_row(name, text.clone()))
            .collect();
        let numbers = [
            ("commit", commit),
            ("lineage", lineage),
            ("policy", policy),
            ("projection", FIRST.0),
            ("listed_1", if unlisted.touched.is_empty() { commit } else { commit - 1 }),
        ];
        settings.extend(numbers.map(|(name, number)| rows::setting_row(name, number.to_string())));
        settings.push(rows::setting_row(UPGRADE, rows::encode("setting", &Progress::Done)?));
        let committed = rows::row(RecordId::new("committed", commit), rows::encode("committed", &unlisted)?);
        let query = "
            BEGIN;
            INSERT INTO journal $journal RETURN NONE;
            INSERT INTO committed $committed RETURN NONE;
            INSERT INTO projection $projection RETURN NONE;
            INSERT INTO setting $settings ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            COMMIT;
        ";
        let variables = tx::variables([
            ("journal", Value::from_iter(parts)),
            ("committed", committed),
            ("projection", projection_row(FIRST.0, &projection)?),
            ("settings", Value::from_iter(settings)),
        ]);
        self.new.handle.run(query, variables).await?;
        // An earlier program must not find an empty database here.
        self.root.run("UPSERT migration:8 SET at = time::now()", tx::no_variables()).await?;
        for handle in [&self.from, &self.root] {
            clear(handle).await?;
        }
        tracing::info!("the rows of the earlier version are read");
        Ok(())
    }
}

/// A row of an old table.
type Row = BTreeMap<String, Value>;

async fn page_of(handle: &Handle, table: &'static str, start: i64, limit: i64) -> Result<Vec<Row>> {
    let query = "SELECT * FROM type::table($table) START $start LIMIT $limit";
    let variables =
        tx::variables([("table", Value::String(table.to_owned())), ("start", int(start)), ("limit", int(limit))]);
    rows::objects(handle.run(query, variables).await?)
}

async fn settings_of(handle: &Handle) -> Result<BTreeMap<String, String>> {
    let found = rows::id_and_payload(handle.run("SELECT id, p FROM setting", tx::no_variables()).await?)?;
    found.into_iter().map(|(id, payload)| Ok((keys::last_text_of(&id)?.to_owned(), payload))).collect()
}

fn number(settings: &BTreeMap<String, String>, name: &str) -> i64 {
    settings.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn payloads<T: serde::de::DeserializeOwned>(handle: &Handle, table: &'static str) -> Result<Vec<T>> {
    let query = "SELECT id, p FROM type::table($table)";
    let found = handle.run(query, tx::variables([("table", Value::String(table.to_owned()))])).await?;
    rows::id_and_payload(found)?.into_iter().map(|(_, payload)| rows::decode(table, &payload)).collect()
}

/// What the commits touched that the list did not contain yet.
async fn unlisted(from: &Handle, listed: i64, last: i64) -> Result<Touched> {
    let range = keys::range("committed", RecordIdKey::Number(listed + 1), RecordIdKey::Number(last));
    let found = from.run("SELECT id, p FROM $range", tx::variables([("range", Value::RecordId(range))])).await?;
    let mut all = Touched::default();
    for (_, payload) in rows::id_and_payload(found)? {
        let touched: Touched = rows::decode("committed", &payload)?;
        all.touched.extend(touched.touched);
        all.removed.extend(touched.removed);
    }
    Ok(all)
}

/// The messages of some events, for the journal.
fn messages_of_events(found: &[Row]) -> Result<Draft> {
    let mut messages = Vec::with_capacity(found.len());
    let mut kept = Vec::with_capacity(found.len());
    for row in found {
        let (Some(Value::RecordId(id)), Some(Value::String(text))) = (row.get("id"), row.get("p")) else {
            return Err(bad_key("event"));
        };
        let RecordIdKey::Array(parts) = &id.key else { return Err(bad_key("event")) };
        let [Value::Uuid(home), Value::Number(Number::Int(inverted)), Value::String(message_id)] = parts.as_slice()
        else {
            return Err(bad_key("event"));
        };
        kept.push((messages.len(), UnifiedId((*home).into_inner())));
        messages.push((Timestamp::from_micros(i64::MAX - inverted), message_id.as_str(), text.as_str()));
    }
    Draft::new(&messages, &kept)
}

/// Messages that were not readable, for the journal, and the rows that say so.
fn unreadable_messages(found: &[Row], commit: i64) -> Result<(Draft, Vec<Value>)> {
    #[derive(Deserialize)]
    struct Timed {
        timestamp: String,
    }
    let mut messages = Vec::with_capacity(found.len());
    for row in found {
        let (Some(Value::RecordId(id)), Some(Value::String(text))) = (row.get("id"), row.get("p")) else {
            return Err(bad_key("set_aside"));
        };
        let timed: Option<Timed> = serde_json::from_str(text).ok();
        let at = timed.and_then(|it| Timestamp::parse(&it.timestamp).ok()).unwrap_or(Timestamp::EARLIEST);
        messages.push((at, keys::last_text_of(id)?, text.as_str()));
    }
    let no_home = UnifiedId(uuid::Uuid::nil());
    let kept: Vec<(usize, UnifiedId)> = (0..messages.len()).map(|position| (position, no_home)).collect();
    let draft = Draft::new(&messages, &kept)?;
    let positions = draft.positions(commit);
    let rows = positions.map(|position| journal::unreadable_row(FIRST, position)).collect();
    Ok((draft, rows))
}

/// The statement that writes rows under their new keys, and the rows.
fn copies(table: &'static str, found: Vec<Row>) -> Result<(&'static str, Vec<Value>)> {
    let statement = match table {
        "identifier" => "INSERT INTO identifier $rows RETURN NONE;",
        "latent" => "INSERT INTO unified_id $rows RETURN NONE;",
        "linked" => "INSERT RELATION INTO linked $rows RETURN NONE;",
        "withheld" => "INSERT INTO withheld $rows RETURN NONE;",
        "decided" => "INSERT RELATION INTO decided $rows RETURN NONE;",
        "retired" => "INSERT INTO retired $rows RETURN NONE;",
        "cell" => "INSERT INTO cluster $rows RETURN NONE;",
        "purchase" => "INSERT INTO purchase $rows RETURN NONE;",
        "order_claim" => "INSERT INTO order_state $rows RETURN NONE;",
        "session_claim" => "INSERT INTO session $rows RETURN NONE;",
        "profile" => "INSERT INTO list_row $rows RETURN NONE;",
        "lineage" => "INSERT INTO lineage $rows RETURN NONE;",
        "lineage_of" => "INSERT INTO lineage_of $rows RETURN NONE;",
        "policy" => "INSERT INTO policy $rows RETURN NONE;",
        "audit" => "INSERT INTO audit $rows RETURN NONE;",
        "saved_view" => "INSERT INTO saved_view $rows RETURN NONE;",
        _ => "INSERT INTO ingest_hour $rows RETURN NONE;",
    };
    Ok((statement, found.into_iter().map(|row| copy(table, row)).collect::<Result<_>>()?))
}

/// A row under its new key.
fn copy(table: &'static str, mut row: Row) -> Result<Value> {
    let Some(Value::RecordId(id)) = row.remove("id") else { return Err(bad_key(table)) };
    let payload = match row.remove("p") {
        Some(Value::String(payload)) => Some(payload),
        _ => None,
    };
    let payload = || payload.clone().ok_or_else(|| bad_key(table));
    let uuid = |value: &Value| match value {
        Value::Uuid(id) => Ok(UnifiedId((*id).into_inner())),
        _ => Err(bad_key(table)),
    };
    let parts: &[Value] = match &id.key {
        RecordIdKey::Array(parts) => parts.as_slice(),
        _ => &[],
    };
    let own_id = || match &id.key {
        RecordIdKey::Uuid(id) => Ok(UnifiedId((*id).into_inner())),
        _ => Err(bad_key(table)),
    };
    let ends = |row: &Row| match (row.get("in"), row.get("out")) {
        (Some(Value::RecordId(a)), Some(Value::RecordId(b))) => {
            Ok(Pair { a: old_identifier(a)?, b: old_identifier(b)? })
        }
        _ => Err(bad_key(table)),
    };
    Ok(match table {
        "identifier" => rows::row(FIRST.identifier(&old_identifier(&id)?), payload()?),
        "latent" => {
            let Some(Value::RecordId(target)) = row.get("i") else { return Err(bad_key(table)) };
            rows::unified_id_row(FIRST, own_id()?, &old_identifier(target)?)
        }
        "linked" => {
            let [a, b] = parts else { return Err(bad_key(table)) };
            rows::relation_row(FIRST, FIRST.link_of_ids(table, uuid(a)?, uuid(b)?), &ends(&row)?, payload()?)
        }
        "withheld" => {
            let [a, b] = parts else { return Err(bad_key(table)) };
            rows::row(FIRST.link_of_ids(table, uuid(a)?, uuid(b)?), payload()?)
        }
        "decided" => rows::relation_row(FIRST, FIRST.text(table, keys::last_text_of(&id)?), &ends(&row)?, payload()?),
        "retired" => rows::row(FIRST.text(table, keys::last_text_of(&id)?), payload()?),
        "cell" => rows::row(FIRST.cluster("cluster", ClusterKey(own_id()?)), payload()?),
        "profile" => rows::row(FIRST.cluster("list_row", ClusterKey(own_id()?)), payload()?),
        "purchase" => {
            let [home, Value::String(kind), Value::String(key)] = parts else { return Err(bad_key(table)) };
            rows::row(FIRST.purchase(uuid(home)?, kind, key), payload()?)
        }
        "order_claim" => rows::row(FIRST.sharded("order_state", keys::last_text_of(&id)?), payload()?),
        "session_claim" => rows::row(FIRST.sharded("session", keys::last_text_of(&id)?), payload()?),
        "lineage_of" => {
            let [of, Value::Number(Number::Int(number))] = parts else { return Err(bad_key(table)) };
            rows::lineage_of_row(uuid(of)?, *number)
        }
        // Their keys stay.
        _ => rows::row(id.clone(), payload()?),
    })
}

fn old_identifier(id: &RecordId) -> Result<Identifier> {
    let RecordIdKey::Array(parts) = &id.key else { return Err(bad_key("identifier")) };
    let [Value::String(kind), Value::String(value), Value::Number(Number::Int(generation))] = parts.as_slice() else {
        return Err(bad_key("identifier"));
    };
    let generation = u32::try_from(*generation)?;
    Ok(Identifier { generation, ..Identifier::new(Kind::new(kind), value) })
}

/// Removes the tables of an old database. The engine may need a minute, even for little data.
async fn clear(handle: &Handle) -> Result<()> {
    let query = "
        REMOVE TABLE IF EXISTS message;
        REMOVE TABLE IF EXISTS event;
        REMOVE TABLE IF EXISTS set_aside;
        REMOVE TABLE IF EXISTS linked;
        REMOVE TABLE IF EXISTS decided;
        REMOVE TABLE IF EXISTS identifier;
        REMOVE TABLE IF EXISTS latent;
        REMOVE TABLE IF EXISTS withheld;
        REMOVE TABLE IF EXISTS retired;
        REMOVE TABLE IF EXISTS lineage;
        REMOVE TABLE IF EXISTS lineage_of;
        REMOVE TABLE IF EXISTS cell;
        REMOVE TABLE IF EXISTS purchase;
        REMOVE TABLE IF EXISTS order_claim;
        REMOVE TABLE IF EXISTS session_claim;
        REMOVE TABLE IF EXISTS profile;
        REMOVE TABLE IF EXISTS audit;
        REMOVE TABLE IF EXISTS saved_view;
        REMOVE TABLE IF EXISTS ingest_hour;
        REMOVE TABLE IF EXISTS policy;
        REMOVE TABLE IF EXISTS committed;
    ";
    handle.run(query, tx::no_variables()).await?;
    Ok(())
}
