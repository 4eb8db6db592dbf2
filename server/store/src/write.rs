//! Writes. Each is one transaction with the next commit number.

use std::{collections::BTreeMap, sync::Arc};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::rows::ClusterKey,
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    plan::changes::{Changes, RefundChange},
    time::Timestamp,
};
use surrealdb::types::{Number, Object, RecordId, Value};

use super::{
    Result, Store,
    handle::Open,
    rows::{self, COMMITS, LINEAGE, LineageRow, Touched},
    tx,
};

/// What is written under one commit number.
#[derive(Debug)]
pub struct Commit<'a> {
    /// One more than the last commit that the plan has seen.
    pub number: i64,
    pub rows: Rows<'a>,
    /// Numbered merges and unmerges.
    pub lineage: &'a [(i64, LineageRow)],
}

impl<'a> Commit<'a> {
    /// Only the changes of a plan.
    pub fn of(number: i64, changes: &'a Changes) -> Self {
        Self { number, rows: Rows::of(changes), lineage: &[] }
    }
}

/// The changes of a plan, with everything else that is written with them.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub changes: &'a Changes,
    /// Time, ID and text of each message of the batch.
    pub messages: &'a [(Timestamp, &'a str, &'a str)],
    /// Decisions that are new or were revoked.
    pub decisions: &'a [Decision],
    /// Retirements that are new or were revoked.
    pub retirements: &'a [Retirement],
    /// The texts of messages that move to another home, by message ID.
    pub moved: &'a BTreeMap<Arc<str>, String>,
}

impl<'a> Rows<'a> {
    /// Only the changes of a plan.
    pub fn of(changes: &'a Changes) -> Self {
        static NONE: BTreeMap<Arc<str>, String> = BTreeMap::new();
        Self { changes, messages: &[], decisions: &[], retirements: &[], moved: &NONE }
    }
}

/// A list row to write, or to remove if the payload is `None`.
#[derive(Debug)]
pub struct ProfileWrite {
    pub key: ClusterKey,
    pub payload: Option<String>,
}

/// New rows are inserted, which fails if one exists. Known rows are replaced one by one, which costs half as much again as
/// `ON DUPLICATE KEY UPDATE`. A relation keeps its ends, so only its payload is set.
macro_rules! write_rows {
    () => {
        "
        INSERT INTO message $messages RETURN NONE;
        INSERT INTO event $events RETURN NONE;
        INSERT INTO identifier $new_identifiers RETURN NONE;
        INSERT INTO latent $latent ON DUPLICATE KEY UPDATE i = $input.i RETURN NONE;
        FOR $redirect IN $redirects { UPDATE $redirect.id SET i = $redirect.i RETURN NONE };
        INSERT RELATION INTO linked $new_links RETURN NONE;
        FOR $link IN $links { UPDATE $link.id SET p = $link.p RETURN NONE };
        INSERT INTO withheld $withheld ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        DELETE $removed RETURN NONE;
        INSERT RELATION INTO decided $decided ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        INSERT INTO retired $retired ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        INSERT INTO cell $new_cells RETURN NONE;
        INSERT INTO purchase $purchases RETURN NONE;
        INSERT INTO order_claim $order_claims RETURN NONE;
        INSERT INTO session_claim $session_claims ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        FOR $row IN $known { UPDATE $row.id REPLACE $row RETURN NONE };
        "
    };
}

/// Fails unless the number is the next one. The commit row alone would not detect that, because old rows are pruned.
macro_rules! follow_last {
    () => {
        "
        IF array::max(array::concat([0], (SELECT VALUE <int> p FROM $counters))) != $number - 1 {
            THROW 'another writer was faster'
        };
        "
    };
}

/// The first writer of a number wins. The rows of a plan are written in the same transaction.
macro_rules! take_number {
    () => {
        "
        INSERT INTO committed $committed RETURN NONE;
        INSERT INTO lineage $lineage RETURN NONE;
        INSERT INTO lineage_of $lineage_of RETURN NONE;
        FOR $row IN $settings { UPSERT $row.id CONTENT $row RETURN NONE };
        "
    };
}

const WRITE_ROWS: &str = write_rows!();
const TAKE_NUMBER: &str = take_number!();
const COMMIT: &str = concat!("BEGIN;", follow_last!(), take_number!(), write_rows!(), "COMMIT;");

/// An open transaction with rows that are not visible yet.
#[derive(Debug)]
#[must_use = "it stays open until it is committed or canceled"]
pub struct Unfinished {
    transaction: Open,
    touched: Touched,
}

impl Unfinished {
    /// Commits under `number`, which must be one more than the last. Fails with [`super::StoreError::Conflict`] if another writer
    /// has used that number, or has written one of the rows since.
    pub async fn commit(self, number: i64, lineage: &[(i64, LineageRow)]) -> Result<()> {
        let Self { transaction, touched } = self;
        let closing = closing_of(number, &touched, lineage, [COMMITS[1], LINEAGE[1]])?;
        if let Err(error) = transaction.run(TAKE_NUMBER, tx::variables(closing)).await {
            transaction.cancel().await;
            return Err(error);
        }
        transaction.commit().await
    }

    /// Rolls back.
    pub async fn cancel(self) {
        self.transaction.cancel().await;
    }
}

impl Store {
    /// Writes the changes of a plan atomically. Fails with [`super::StoreError::Conflict`] if another writer has used the number.
    pub async fn commit(&self, commit: &Commit<'_>, secret: &IdSecret) -> Result<()> {
        let Commit { number, rows: written, lineage } = commit;
        let closing = closing_of(*number, &touched_by(written), lineage, [COMMITS[0], LINEAGE[0]])?;
        let counters = COMMITS.map(|it| Value::RecordId(rows::text_id("setting", it)));
        let follows = [("counters", Value::from_iter(counters)), ("number", Value::Number(Number::Int(*number)))];
        let variables = follows.into_iter().chain(closing).chain(variables_of(written, secret)?);
        self.handle.run(COMMIT, tx::variables(variables)).await?;
        Ok(())
    }

    /// Writes the changes of a plan without committing them. Until [`Unfinished::commit`], others can commit anything that does
    /// not overlap.
    pub async fn write_ahead(&self, written: &Rows<'_>, secret: &IdSecret) -> Result<Unfinished> {
        let variables = tx::variables(variables_of(written, secret)?);
        let transaction = self.handle.begin().await?;
        if let Err(error) = transaction.run(WRITE_ROWS, variables).await {
            transaction.cancel().await;
            return Err(error);
        }
        Ok(Unfinished { transaction, touched: touched_by(written) })
    }

    /// Writes list rows, and the last commit that they include completely.
    pub async fn write_profiles(&self, writes: Vec<ProfileWrite>, complete_up_to: Option<i64>) -> Result<()> {
        let mut kept = Vec::new();
        let mut removed = Vec::new();
        for write in writes {
            let id = rows::cluster_id("profile", write.key);
            match write.payload {
                Some(payload) => kept.push(rows::row(id, payload)),
                None => removed.push(Value::RecordId(id)),
            }
        }
        let number = complete_up_to.map(|it| rows::row(rows::text_id("setting", "listed"), it.to_string()));
        let query = "
            BEGIN;
            INSERT INTO profile $kept ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            DELETE $removed RETURN NONE;
            INSERT INTO setting $number ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            COMMIT;
        ";
        let variables = tx::variables([
            ("kept", Value::from_iter(kept)),
            ("removed", Value::from_iter(removed)),
            ("number", Value::from_iter(number)),
        ]);
        self.handle.run(query, variables).await?;
        Ok(())
    }

    /// Prunes the commit rows from `from` up to and excluding `before`. Only the table `committed` changes.
    pub async fn forget_commits(&self, from: i64, before: i64) -> Result<()> {
        let ids: Vec<Value> = (from..before).map(|it| Value::RecordId(RecordId::new("committed", it))).collect();
        self.handle.run("DELETE $ids RETURN NONE", tx::variables([("ids", Value::from_iter(ids))])).await?;
        Ok(())
    }

    /// Writes a setting of the whole database unless it exists. Returns the stored value.
    pub async fn root_setting_or(&self, name: &str, payload: &str) -> Result<String> {
        let row = rows::row(rows::text_id("setting", name), payload.to_owned());
        let query = "INSERT IGNORE INTO setting $row";
        self.root.run(query, tx::variables([("row", row)])).await?;
        Ok(self.root_setting(name).await?.unwrap_or_else(|| payload.to_owned()))
    }

    /// Writes decisions, retirements and lineage into an edition that is being filled.
    pub async fn write_history(
        &self,
        decisions: &[Decision],
        retirements: &[Retirement],
        lineage: &[(i64, LineageRow)],
    ) -> Result<()> {
        let mut decided = Vec::new();
        for decision in decisions {
            let id = rows::text_id("decided", &decision.id);
            let Pair { a, b } = &decision.pair;
            decided.push(relation_row(id, a, b, rows::encode("decided", decision)?));
        }
        let mut retired = Vec::new();
        for retirement in retirements {
            retired.push(rows::row(rows::text_id("retired", &retirement.id), rows::encode("retired", retirement)?));
        }
        let (lineage, lineage_of, number) = lineage_rows(lineage, LINEAGE[0])?;
        let query = "
            BEGIN;
            INSERT RELATION INTO decided $decided ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            INSERT INTO retired $retired ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            INSERT INTO lineage $lineage ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            INSERT IGNORE INTO lineage_of $lineage_of RETURN NONE;
            FOR $row IN $settings { UPSERT $row.id CONTENT $row RETURN NONE };
            COMMIT;
        ";
        let variables = tx::variables([
            ("decided", Value::from_iter(decided)),
            ("retired", Value::from_iter(retired)),
            ("lineage", Value::from_iter(lineage)),
            ("lineage_of", Value::from_iter(lineage_of)),
            ("settings", Value::from_iter(number)),
        ]);
        self.handle.run(query, variables).await?;
        Ok(())
    }

    /// Stores messages without a usable identifier under this policy, by their IDs. The table keeps its old name, `set_aside`.
    pub async fn keep_unreadable(&self, messages: &[(String, String)]) -> Result<()> {
        let rows = messages.iter().map(|(id, text)| rows::row(rows::text_id("set_aside", id), text.clone()));
        let query = "INSERT INTO set_aside $rows ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE";
        self.handle.run(query, tx::variables([("rows", Value::from_iter(rows))])).await?;
        Ok(())
    }

    /// Redirects unified IDs to other identifiers than their own.
    pub async fn write_redirects(&self, redirects: &[(UnifiedId, Identifier)]) -> Result<()> {
        let derived_ids = redirects.iter().map(|(id, target)| rows::derived_id_row(*id, target));
        let query = "INSERT INTO latent $latent ON DUPLICATE KEY UPDATE i = $input.i RETURN NONE";
        self.handle.run(query, tx::variables([("latent", Value::from_iter(derived_ids))])).await?;
        Ok(())
    }

    /// Writes a new version of the policy. `false` if that version exists.
    pub async fn add_policy(&self, version: i64, payload: &str) -> Result<bool> {
        let row = rows::row(RecordId::new("policy", version), payload.to_owned());
        match self.root.run("INSERT INTO policy $row RETURN NONE", tx::variables([("row", row)])).await {
            Ok(_) => Ok(true),
            Err(super::StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a version of the policy unless it exists. Returns the stored one.
    pub async fn policy_or(&self, version: i64, payload: &str) -> Result<String> {
        let row = rows::row(RecordId::new("policy", version), payload.to_owned());
        self.root.run("INSERT IGNORE INTO policy $row", tx::variables([("row", row)])).await?;
        Ok(self.policy(version).await?.unwrap_or_else(|| payload.to_owned()))
    }
}

fn touched_by(rows: &Rows<'_>) -> Touched {
    let changes = rows.changes;
    Touched {
        touched: changes.touched.iter().copied().collect(),
        removed: changes.removed_clusters.iter().copied().collect(),
        has_decisions: !rows.decisions.is_empty() || !rows.retirements.is_empty(),
        has_withheld: !changes.withheld.is_empty() || changes.links.values().any(|(it, _)| it.withheld.is_some()),
    }
}

/// The variables of [`TAKE_NUMBER`]. The last argument names the settings to write, see [`COMMITS`] and [`LINEAGE`].
fn closing_of(
    number: i64,
    touched: &Touched,
    lineage: &[(i64, LineageRow)],
    [commit, history]: [&str; 2],
) -> Result<[(&'static str, Value); 4]> {
    let committed = rows::row(RecordId::new("committed", number), rows::encode("committed", touched)?);
    let (lineage, lineage_of, length) = lineage_rows(lineage, history)?;
    let mut settings = vec![rows::row(rows::text_id("setting", commit), number.to_string())];
    settings.extend(length);
    Ok([
        ("committed", committed),
        ("lineage", Value::from_iter(lineage)),
        ("lineage_of", Value::from_iter(lineage_of)),
        ("settings", Value::from_iter(settings)),
    ])
}

/// The variables of [`WRITE_ROWS`].
fn variables_of(written: &Rows<'_>, secret: &IdSecret) -> Result<Vec<(&'static str, Value)>> {
    let changes = written.changes;
    let mut messages = Vec::with_capacity(changes.kept.len());
    let mut events = Vec::with_capacity(changes.kept.len());
    for (position, home) in &changes.kept {
        let Some((at, id, payload)) = written.messages.get(*position) else { continue };
        let mut message = Object::new();
        message.insert("id", Value::RecordId(rows::text_id("message", id)));
        message.insert("home", rows::uuid_value(*home));
        message.insert("at", Value::Number(Number::Int(at.micros())));
        messages.push(Value::Object(message));
        events.push(rows::row(rows::event_id(*home, *at, id), (*payload).to_owned()));
    }

    let mut known = Vec::new();
    for moved in &changes.moved {
        let Some(text) = written.moved.get(&moved.message_id) else { continue };
        let mut message = Object::new();
        message.insert("id", Value::RecordId(rows::text_id("message", &moved.message_id)));
        message.insert("home", rows::uuid_value(moved.to));
        message.insert("at", Value::Number(Number::Int(moved.at.micros())));
        known.push(Value::Object(message));
        events.push(rows::row(rows::event_id(moved.to, moved.at, &moved.message_id), text.clone()));
    }

    let mut new_identifiers = Vec::new();
    let mut derived_ids = Vec::new();
    for (identifier, (state, is_new)) in &changes.identifiers {
        let id = rows::identifier_id(identifier);
        let payload = rows::encode("identifier", state)?;
        if *is_new {
            derived_ids.push(rows::derived_id_row(state.unified_id, identifier));
            new_identifiers.push(rows::row(id, payload));
        } else {
            known.push(rows::row(id, payload));
        }
    }

    let mut new_links = Vec::new();
    let mut links = Vec::new();
    let mut withheld = Vec::new();
    for (pair, (link, is_new)) in &changes.links {
        let id = link_id("linked", pair, secret);
        let value = relation_row(id, &pair.a, &pair.b, rows::encode("linked", link)?);
        if *is_new {
            new_links.push(value);
        } else {
            links.push(value);
        }
        if link.withheld.is_some() {
            let payload = rows::encode("withheld", &(pair, link))?;
            withheld.push(rows::row(link_id("withheld", pair, secret), payload));
        }
    }
    let redirects =
        changes.redirects.iter().map(|(owner, target)| rows::derived_id_row(unified_id(owner, secret), target));
    let mut decided = Vec::new();
    for decision in written.decisions {
        let id = rows::text_id("decided", &decision.id);
        let Pair { a, b } = &decision.pair;
        decided.push(relation_row(id, a, b, rows::encode("decided", decision)?));
    }

    let mut new_clusters = Vec::new();
    for (key, (cluster, is_new)) in &changes.clusters {
        let row = rows::row(rows::cluster_id("cell", *key), rows::encode("cell", cluster)?);
        if *is_new { new_clusters.push(row) } else { known.push(row) }
    }
    let mut removed: Vec<Value> =
        changes.removed_clusters.iter().map(|key| Value::RecordId(rows::cluster_id("cell", *key))).collect();
    let is_followed = |pair: &&Pair| changes.links.get(*pair).is_some_and(|(link, _)| link.withheld.is_none());
    let followed = changes.withheld.iter().filter(is_followed);
    removed.extend(followed.map(|pair| Value::RecordId(link_id("withheld", pair, secret))));

    let events_moved = changes.moved.iter().map(|it| rows::event_id(it.from, it.at, &it.message_id));
    removed.extend(events_moved.map(Value::RecordId));
    removed.extend(changes.removed_links.iter().flat_map(|pair| {
        [Value::RecordId(link_id("linked", pair, secret)), Value::RecordId(link_id("withheld", pair, secret))]
    }));
    removed.extend(changes.removed_identifiers.iter().map(|it| Value::RecordId(rows::identifier_id(it))));

    let mut purchases = Vec::new();
    for change in &changes.orders {
        let key = &change.order.key;
        if let Some(home) = change.leaves {
            removed.push(Value::RecordId(rows::order_id(home, key)));
        }
        let purchase = rows::row(rows::order_id(change.home, key), rows::encode("purchase", &change.order)?);
        // A known order that does not move replaces its row.
        let has_row = change.is_known && change.leaves.is_none();
        if has_row {
            known.push(purchase);
        } else {
            purchases.push(purchase);
        }
    }
    let mut order_claims = Vec::new();
    for (order_id, (state, is_new)) in &changes.order_states {
        let claim = rows::claim_row("order_claim", order_id, state)?;
        if *is_new { order_claims.push(claim) } else { known.push(claim) }
    }
    for RefundChange { home, refund, leaves } in &changes.refunds {
        let id = |home| rows::purchase_id(home, "refund", &refund.message_id);
        removed.extend(leaves.map(|it| Value::RecordId(id(it))));
        purchases.push(rows::row(id(*home), rows::encode("purchase", refund)?));
    }
    let mut session_claims = Vec::new();
    for (session_id, claim) in &changes.sessions {
        session_claims.push(rows::claim_row("session_claim", session_id, claim)?);
    }
    let mut retired = Vec::new();
    for retirement in written.retirements {
        retired.push(rows::row(rows::text_id("retired", &retirement.id), rows::encode("retired", retirement)?));
    }

    Ok(vec![
        ("messages", Value::from_iter(messages)),
        ("events", Value::from_iter(events)),
        ("new_identifiers", Value::from_iter(new_identifiers)),
        ("latent", Value::from_iter(derived_ids)),
        ("known", Value::from_iter(known)),
        ("new_links", Value::from_iter(new_links)),
        ("links", Value::from_iter(links)),
        ("withheld", Value::from_iter(withheld)),
        ("decided", Value::from_iter(decided)),
        ("new_cells", Value::from_iter(new_clusters)),
        ("removed", Value::from_iter(removed)),
        ("purchases", Value::from_iter(purchases)),
        ("order_claims", Value::from_iter(order_claims)),
        ("session_claims", Value::from_iter(session_claims)),
        ("redirects", Value::from_iter(redirects)),
        ("retired", Value::from_iter(retired)),
    ])
}

/// The rows of lineage, the rows that index it by unified ID, and the setting with its last number.
fn lineage_rows(lineage: &[(i64, LineageRow)], setting: &str) -> Result<(Vec<Value>, Vec<Value>, Option<Value>)> {
    let mut events = Vec::with_capacity(lineage.len());
    let mut named = Vec::new();
    for (number, row) in lineage {
        events.push(rows::row(RecordId::new("lineage", *number), rows::encode("lineage", row)?));
        named.extend(row.others.iter().chain([&row.kept]).map(|it| rows::lineage_of_row(*it, *number)));
    }
    let length = lineage.last().map(|(number, _)| rows::row(rows::text_id("setting", setting), number.to_string()));
    Ok((events, named, length))
}

fn link_id(table: &'static str, pair: &Pair, secret: &IdSecret) -> RecordId {
    rows::link_id(table, unified_id(&pair.a, secret), unified_id(&pair.b, secret))
}

fn relation_row(id: RecordId, a: &Identifier, b: &Identifier, payload: String) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    object.insert("in", Value::RecordId(rows::identifier_id(a)));
    object.insert("out", Value::RecordId(rows::identifier_id(b)));
    object.insert("p", Value::String(payload));
    Value::Object(object)
}
