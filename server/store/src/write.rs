//! Writes. Each is one transaction with the next commit number.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::rows::ClusterKey,
    identifier::unified_id::{IdSecret, unified_id},
    plan::changes::{Changes, RefundChange},
    time::Timestamp,
};
use surrealdb::types::{RecordId, Value};

use super::{
    Result, Store, StoreError,
    handle::{Engine, Open},
    journal::{self, NewMessage, Position},
    keys::{self, Keys},
    records::{Keyspace, Records, StoredEdge, StoredRow},
    rows::{self, COMMITS, Fields, LINEAGE, LineageRow, Touched},
    tx, with_payloads,
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
    /// The messages of the batch.
    pub messages: &'a [NewMessage<'a>],
    /// Decisions that are new or were revoked.
    pub decisions: &'a [Decision],
    /// Retirements that are new or were revoked.
    pub retirements: &'a [Retirement],
    /// Where the messages are that move to another home, by message ID.
    pub moved: &'a BTreeMap<Arc<str>, Position>,
}

impl<'a> Rows<'a> {
    /// Only the changes of a plan.
    pub fn of(changes: &'a Changes) -> Self {
        static NONE: BTreeMap<Arc<str>, Position> = BTreeMap::new();
        Self { changes, messages: &[], decisions: &[], retirements: &[], moved: &NONE }
    }
}

/// Where a message of the journal is, with its time and ID.
pub type KeptMessage<'m> = (Timestamp, &'m str, Position);

/// The changes of a plan whose evidence is in the journal already.
#[derive(Debug)]
pub struct Filled<'a> {
    /// Without messages.
    pub rows: Rows<'a>,
    /// The messages of the batch.
    pub messages: &'a [KeptMessage<'a>],
    /// Messages without a usable identifier under this policy.
    pub unreadable: &'a [Position],
    /// Messages whose IDs have another normal form than when they were written, by their new IDs.
    pub renamed: &'a [KeptMessage<'a>],
}

impl<'a> Filled<'a> {
    /// Changes without messages.
    pub const fn rows(rows: Rows<'a>) -> Self {
        Self { rows, messages: &[], unreadable: &[], renamed: &[] }
    }
}

/// A list row to write, or to remove if the payload is `None`.
#[derive(Debug)]
pub struct ProfileWrite {
    pub key: ClusterKey,
    pub payload: Option<String>,
}

type Variables = Vec<(&'static str, Value)>;

/// How an embedded database writes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direct {
    /// They are new: one that exists is a conflict.
    Insert,
    /// They may exist.
    Replace,
    /// They exist: one that is gone is a conflict.
    Update,
    /// Graph edges that are new, between rows that exist. All else is a conflict.
    InsertEdges,
    /// Graph edges that exist, as in `Update`.
    UpdateEdges,
    Remove,
    /// With the statement: it reads what it writes, or removes what edges lead to.
    Run,
}

/// The statements that write rows, each with the variable that it reads and with how an embedded database does the same. They run in this
/// order. Those without rows are left out: parsing and running them costs more than a small commit.
///
/// New rows are inserted, which fails if one exists. Rows that exist are updated: an `INSERT … ON DUPLICATE KEY UPDATE` of one first
/// fails, and the engine then visits everything that the transaction has written and read to undo that. So only rows that
/// may or may not exist are written like that. These are few, and first, where there is little to visit.
/// An update of a row that is gone fails as a conflict, so that the work is planned again on the rows that are there.
const STATEMENTS: [(&str, Direct, &str); 28] = [
    ("settings", Direct::Replace, "INSERT INTO setting $settings ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    ("switched", Direct::Replace, "INSERT INTO setting $switched ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    (
        "projections",
        Direct::Replace,
        "INSERT INTO projection $projections ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;",
    ),
    ("withheld", Direct::Replace, "INSERT INTO withheld $withheld ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    (
        "unified_ids",
        Direct::Replace,
        "INSERT INTO unified_id $unified_ids ON DUPLICATE KEY UPDATE i = $input.i RETURN NONE;",
    ),
    ("list_rows", Direct::Replace, "INSERT INTO list_row $list_rows ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    (
        "unreadable",
        Direct::Replace,
        "INSERT INTO unreadable $unreadable ON DUPLICATE KEY UPDATE c = $input.c, i = $input.i RETURN NONE;",
    ),
    (
        "updated",
        Direct::Update,
        "FOR $row IN $updated {
            IF (UPDATE ONLY $row.id SET p = $row.p RETURN VALUE true) = NONE { THROW 'another writer was faster' }
        };",
    ),
    (
        "updated_links",
        Direct::UpdateEdges,
        "FOR $row IN $updated_links {
            IF (UPDATE ONLY $row.id SET p = $row.p RETURN VALUE true) = NONE { THROW 'another writer was faster' }
        };",
    ),
    ("redirects", Direct::Run, "FOR $redirect IN $redirects { UPDATE $redirect.id SET i = $redirect.i RETURN NONE };"),
    ("dropped_settings", Direct::Remove, "DELETE $dropped_settings RETURN NONE;"),
    ("journal", Direct::Insert, "INSERT INTO journal $journal RETURN NONE;"),
    ("message_refs", Direct::Insert, "INSERT INTO message_ref $message_refs RETURN NONE;"),
    ("timeline", Direct::Insert, "INSERT INTO timeline $timeline RETURN NONE;"),
    ("moved", Direct::Insert, "INSERT INTO timeline $moved RETURN NONE;"),
    ("new_identifiers", Direct::Insert, "INSERT INTO identifier $new_identifiers RETURN NONE;"),
    ("new_links", Direct::InsertEdges, "INSERT RELATION INTO linked $new_links RETURN NONE;"),
    ("removed", Direct::Remove, "DELETE $removed RETURN NONE;"),
    ("removed_nodes", Direct::Run, "DELETE $removed_nodes RETURN NONE;"),
    // After the identifiers that are removed: their decisions go with them, and stay.
    ("decided", Direct::Run, "INSERT RELATION INTO decided $decided ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    ("retired", Direct::Replace, "INSERT INTO retired $retired ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;"),
    ("new_clusters", Direct::Insert, "INSERT INTO cluster $new_clusters RETURN NONE;"),
    ("new_purchases", Direct::Insert, "INSERT INTO purchase $new_purchases RETURN NONE;"),
    ("new_orders", Direct::Insert, "INSERT INTO order_state $new_orders RETURN NONE;"),
    ("new_sessions", Direct::Insert, "INSERT INTO session $new_sessions RETURN NONE;"),
    ("committed", Direct::Insert, "INSERT INTO committed $committed RETURN NONE;"),
    ("lineage", Direct::Insert, "INSERT INTO lineage $lineage RETURN NONE;"),
    ("lineage_of", Direct::Insert, "INSERT INTO lineage_of $lineage_of RETURN NONE;"),
];

/// Fails unless the number is the next one, and the projection the active one. The commit row alone would not detect that, because
/// old rows are pruned.
const FOLLOW_LAST: &str = "
    LET $set = (SELECT VALUE <int> p FROM $counters);
    IF array::max(array::concat([0], $set)) != $number - 1 OR (SELECT VALUE <int> p FROM $active)[0] != $projection {
        THROW 'another writer was faster'
    };
";

/// Rows to write, by their variables.
#[derive(Debug, Default)]
pub(super) struct Writes(BTreeMap<&'static str, Write>);

#[derive(Debug)]
enum Write {
    Bound(Value),
    /// Encoded for an embedded database.
    Stored(Vec<StoredRow>),
    Edges(Vec<StoredEdge>),
}

impl Write {
    fn n_rows(&self) -> usize {
        match self {
            Self::Bound(Value::Array(rows)) => rows.len(),
            Self::Bound(_) => 1,
            Self::Stored(rows) => rows.len(),
            Self::Edges(edges) => edges.len(),
        }
    }

    /// About the memory that the rows need in the engine until they are flushed.
    fn n_bytes(&self, direct: Direct) -> usize {
        let of_key = match direct {
            Direct::Remove => 2 * StoredRow::NODE,
            Direct::Insert | Direct::Replace | Direct::Update | Direct::UpdateEdges => 4 * StoredRow::NODE,
            // With the keys of a few edges.
            Direct::InsertEdges | Direct::Run => 32 * StoredRow::NODE,
        };
        match self {
            Self::Stored(rows) => rows.iter().map(StoredRow::n_bytes).sum(),
            Self::Edges(edges) => edges.iter().map(StoredEdge::n_bytes).sum(),
            Self::Bound(Value::Array(rows)) => rows.iter().map(|row| of_key + rows::payload_len(row)).sum(),
            Self::Bound(_) => of_key,
        }
    }

    fn extend(&mut self, more: Self) {
        match (self, more) {
            (Self::Stored(rows), Self::Stored(more)) => rows.extend(more),
            (Self::Edges(edges), Self::Edges(more)) => edges.extend(more),
            (Self::Bound(Value::Array(rows)), Self::Bound(Value::Array(more))) => rows.extend(more),
            (rows, more) => *rows = more,
        }
    }
}

impl Writes {
    /// Adds rows. Encodes them if the database is embedded, which is most of the work of writing them.
    pub(super) fn add(&mut self, variables: Variables, keyspace: Option<Keyspace>) -> Result<()> {
        for (name, value) in variables {
            let direct = STATEMENTS.iter().find(|(variable, ..)| *variable == name).map(|(_, direct, _)| *direct);
            let write = match (keyspace, direct, value) {
                (Some(keyspace), Some(Direct::Insert | Direct::Replace | Direct::Update), Value::Array(rows)) => {
                    Write::Stored(rows.into_iter().map(|row| keyspace.encode(row)).collect::<Result<_>>()?)
                }
                (Some(keyspace), Some(Direct::InsertEdges), Value::Array(rows)) => {
                    Write::Edges(rows.into_iter().map(|row| keyspace.encode_edge(row)).collect::<Result<_>>()?)
                }
                (_, _, value) => Write::Bound(value),
            };
            if 0 < write.n_rows() {
                match self.0.entry(name) {
                    Entry::Vacant(free) => _ = free.insert(write),
                    Entry::Occupied(mut rows) => rows.get_mut().extend(write),
                }
            }
        }
        Ok(())
    }

    pub(super) fn n_rows(&self) -> usize {
        self.0.values().map(Write::n_rows).sum()
    }

    /// Fails if a transaction with these rows, and with so many bytes more, would be too large for the engine.
    pub(super) fn expect_to_fit(&self, engine: &Engine, more: usize) -> Result<()> {
        let of_statement =
            |(name, direct, _): &(&str, Direct, &str)| self.0.get(name).map(|write| write.n_bytes(*direct));
        let n_bytes = STATEMENTS.iter().filter_map(of_statement).sum::<usize>() + more;
        let at_most = engine.largest_transaction;
        if n_bytes <= at_most { Ok(()) } else { Err(StoreError::TooLarge { n_bytes, at_most }) }
    }

    fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.0.iter().map(|(name, write)| (*name, write.n_rows())).collect()
    }

    /// The statements that have rows, and these rows.
    pub(super) fn into_statements(self) -> (String, Variables) {
        let has_rows = |(name, ..): &&(&str, Direct, &str)| self.0.contains_key(name);
        let statements = STATEMENTS.iter().filter(has_rows).map(|(.., statement)| *statement).collect();
        let bound = self.0.into_iter().filter_map(|(name, write)| match write {
            Write::Bound(value) => Some((name, value)),
            Write::Stored(_) | Write::Edges(_) => None,
        });
        (statements, bound.collect())
    }

    pub(super) async fn write_directly(mut self, records: &Records) -> Result<()> {
        for (name, direct, statement) in STATEMENTS {
            match (self.0.remove(name), direct) {
                (None, _) => {}
                (Some(Write::Stored(rows)), Direct::Insert) => records.insert(rows).await?,
                (Some(Write::Stored(rows)), Direct::Update) => records.update(rows).await?,
                (Some(Write::Stored(rows)), _) => records.replace(rows).await?,
                (Some(Write::Edges(edges)), _) => records.insert_edges(edges).await?,
                (Some(Write::Bound(rows)), Direct::UpdateEdges) => records.update_edges(rows).await?,
                (Some(Write::Bound(ids)), Direct::Remove) => records.remove(ids).await?,
                (Some(Write::Bound(rows)), _) => {
                    records.run(statement, tx::variables([(name, rows)])).await?;
                }
            }
        }
        Ok(())
    }
}

/// An open transaction with rows that are not visible yet.
#[derive(Debug)]
#[must_use = "it stays open until it is committed or canceled"]
pub struct Unfinished {
    transaction: Open,
    touched: Touched,
    evidence: Evidence,
    keys: Keys,
    keyspace: Option<Keyspace>,
}

impl Unfinished {
    /// Commits under `number`, which must be one more than the last. Fails with [`StoreError::Conflict`] if another writer
    /// has used that number, or has written one of the rows since.
    pub async fn commit(self, number: i64, lineage: &[(i64, LineageRow)]) -> Result<()> {
        let Self { transaction, touched, evidence, keys, keyspace } = self;
        let mut writes = Writes::default();
        writes.add(closing_of(number, &touched, lineage, [COMMITS[1], LINEAGE[1]])?, keyspace)?;
        writes.add(evidence.rows(number, keys), keyspace)?;
        if let Err(error) = transaction.write(writes).await {
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

/// What a commit adds to the journal, before its number is known.
#[derive(Debug)]
struct Evidence {
    messages: journal::Draft,
    entries: Vec<(&'static str, String)>,
}

impl Evidence {
    fn of(written: &Rows<'_>) -> Result<Self> {
        let messages = journal::Draft::new(written.messages, &written.changes.kept)?;
        let mut entries = Vec::new();
        if !written.decisions.is_empty() {
            entries.push(("decisions", rows::encode("journal", &written.decisions)?));
        }
        if !written.retirements.is_empty() {
            entries.push(("retirements", rows::encode("journal", &written.retirements)?));
        }
        Ok(Self { messages, entries })
    }

    /// About the memory that its rows need in the engine until they are flushed.
    fn n_bytes(&self) -> usize {
        self.messages.n_bytes() + self.entries.iter().map(|(_, json)| StoredRow::NODE + json.len()).sum::<usize>()
    }

    fn rows(self, number: i64, keys: Keys) -> Variables {
        let first = self.messages.n_parts();
        let journal::DraftRows { mut journal, message_refs, timeline } = self.messages.rows(number, keys);
        for ((kind, json), part) in self.entries.into_iter().zip(first..) {
            journal.push(journal::journal_row(number, part, kind, json.into_bytes()));
        }
        vec![
            ("journal", Value::from_iter(journal)),
            ("message_refs", Value::from_iter(message_refs)),
            ("timeline", Value::from_iter(timeline)),
        ]
    }
}

/// The rows of a commit, encoded before its number is known.
#[derive(Debug)]
#[must_use = "nothing is written before it is committed"]
pub struct Encoded {
    writes: Writes,
    evidence: Evidence,
    touched: Touched,
    keys: Keys,
}

/// Rows of a projection that is being filled, as they are written.
#[derive(Debug)]
pub struct Filling {
    writes: Writes,
}

impl Open {
    async fn write(&self, writes: Writes) -> Result<()> {
        match self {
            Self::Embedded(records) => writes.write_directly(records).await,
            Self::Any(_) => {
                let (query, variables) = writes.into_statements();
                self.run(query, tx::variables(variables)).await.map(drop)
            }
        }
    }
}

impl Store {
    /// Writes the changes of a plan atomically. Fails with [`StoreError::Conflict`] if another writer has used the number.
    pub async fn commit(&self, commit: &Commit<'_>, secret: &IdSecret) -> Result<()> {
        let Commit { number, rows: written, lineage } = commit;
        self.commit_encoded(*number, self.encode(written, secret)?, lineage).await
    }

    /// Encodes the rows of a commit. Needs neither the database nor the number, so it can be done while another commit is written.
    pub fn encode(&self, written: &Rows<'_>, secret: &IdSecret) -> Result<Encoded> {
        let keys = self.keys();
        let mut writes = Writes::default();
        writes.add(rows_of(written, keys, secret)?, self.keyspace())?;
        Ok(Encoded { writes, evidence: Evidence::of(written)?, touched: touched_by(written), keys })
    }

    /// As [`Self::commit`], of rows that this store has encoded.
    pub async fn commit_encoded(&self, number: i64, encoded: Encoded, lineage: &[(i64, LineageRow)]) -> Result<()> {
        let Encoded { mut writes, evidence, touched, keys } = encoded;
        let keyspace = self.keyspace();
        writes.add(evidence.rows(number, keys), keyspace)?;
        writes.add(closing_of(number, &touched, lineage, [COMMITS[0], LINEAGE[0]])?, keyspace)?;
        self.commit_as(number, writes, false).await
    }

    pub(super) fn keyspace(&self) -> Option<Keyspace> {
        self.handle.embedded_base().and_then(|base| base.keyspace.get().copied())
    }

    /// Writes rows as a commit of a number, if need be one that only the leader may make.
    pub(super) async fn commit_as(&self, number: i64, writes: Writes, as_leader: bool) -> Result<()> {
        tracing::debug!(number, rows = ?writes.counts(), "writes rows");
        let n_rows = writes.n_rows();
        let counters = COMMITS.map(|name| keys::text_id("setting", name));
        let active = keys::text_id("setting", "projection");
        match self.handle.embedded_base() {
            Some(base) => {
                writes.expect_to_fit(&base.engine, 0)?;
                let records = Records::write(base).await?;
                let written = async {
                    let found = records.get(counters.into_iter().chain([active]).collect()).await?;
                    if !self.is_next(number, found)? {
                        return Err(StoreError::Conflict);
                    }
                    writes.write_directly(&records).await
                };
                if let Err(error) = written.await {
                    records.cancel().await;
                    return Err(error);
                }
                records.commit().await?;
            }
            None => {
                let (statements, mut variables) = writes.into_statements();
                variables.extend([
                    ("counters", Value::from_iter(counters.map(Value::RecordId))),
                    ("active", Value::from_iter([Value::RecordId(active)])),
                    ("number", keys::int(number)),
                    ("projection", keys::int(self.projection)),
                ]);
                let statements = format!("{FOLLOW_LAST}{statements}");
                if as_leader {
                    self.run_as_leader(&statements, variables).await?;
                } else {
                    self.handle.run(format!("BEGIN;{statements}COMMIT;"), tx::variables(variables)).await?;
                }
            }
        }
        self.handle.refresh().await;
        self.handle.count_rows(n_rows);
        Ok(())
    }

    /// As [`FOLLOW_LAST`].
    fn is_next(&self, number: i64, settings: Vec<(RecordId, Fields)>) -> Result<bool> {
        let active = keys::text_id("setting", "projection");
        let (mut last, mut projection) = (0, None);
        for (id, payload) in with_payloads(settings)? {
            let value: i64 = payload.parse().map_err(|_| keys::bad_key("setting"))?;
            if id == active { projection = Some(value) } else { last = last.max(value) }
        }
        Ok(last == number - 1 && projection == Some(self.projection))
    }

    /// Writes rows that only the leader writes, in a transaction of their own without a commit number.
    async fn write_rows(&self, variables: Variables) -> Result<()> {
        let mut writes = Writes::default();
        writes.add(variables, self.keyspace())?;
        self.expect_to_fit(&writes)?;
        self.write_encoded(writes).await
    }

    async fn write_encoded(&self, writes: Writes) -> Result<()> {
        let n_rows = writes.n_rows();
        match self.handle.embedded_base() {
            Some(base) => {
                let records = Records::write(base).await?;
                if let Err(error) = writes.write_directly(&records).await {
                    records.cancel().await;
                    return Err(error);
                }
                records.commit().await?;
            }
            None => {
                let (statements, variables) = writes.into_statements();
                self.run_as_leader(&statements, variables).await?;
            }
        }
        self.handle.refresh().await;
        self.handle.count_rows(n_rows);
        Ok(())
    }

    /// Writes the changes of a plan without committing them. Until [`Unfinished::commit`], others can commit anything that does
    /// not overlap.
    pub async fn write_ahead(&self, written: &Rows<'_>, secret: &IdSecret) -> Result<Unfinished> {
        let Encoded { writes, evidence, touched, keys } = self.encode(written, secret)?;
        let n_rows = writes.n_rows();
        if let Some(base) = self.handle.embedded_base() {
            writes.expect_to_fit(&base.engine, evidence.n_bytes())?;
        }
        let transaction = self.handle.begin().await?;
        if let Err(error) = transaction.write(writes).await {
            transaction.cancel().await;
            return Err(error);
        }
        self.handle.count_rows(n_rows);
        Ok(Unfinished { transaction, touched, evidence, keys, keyspace: self.keyspace() })
    }

    /// Writes the changes of a plan into a projection that is not active: without a commit number.
    pub async fn fill(&self, filled: &Filled<'_>, secret: &IdSecret) -> Result<()> {
        self.write_filling(self.encode_filling(filled, secret)?).await
    }

    /// Encodes rows for [`Self::write_filling`]. Fails with [`StoreError::TooLarge`] if they need more than one transaction.
    pub fn encode_filling(&self, filled: &Filled<'_>, secret: &IdSecret) -> Result<Filling> {
        let keys = self.keys();
        let mut variables = rows_of(&filled.rows, keys, secret)?;
        let kept = filled.rows.changes.kept.iter();
        let kept = kept.filter_map(|(position, home)| Some((filled.messages.get(*position)?, home)));
        let timeline =
            kept.map(|((at, id, position), home)| journal::at_position(keys.timeline(*home, *at, id), *position));
        let unreadable = filled.unreadable.iter();
        let unreadable = unreadable.map(|position| journal::unreadable_row(keys, *position));
        let renamed = filled.renamed.iter().map(|(at, id, position)| journal::ref_row(id, *at, *position));
        let is_renamed = (!filled.renamed.is_empty()).then(|| rows::setting_row(rows::RENAMED, "1".to_owned()));
        variables.extend([
            ("settings", Value::from_iter(is_renamed)),
            ("message_refs", Value::from_iter(renamed)),
            ("timeline", Value::from_iter(timeline)),
            ("unreadable", Value::from_iter(unreadable)),
        ]);
        let mut writes = Writes::default();
        writes.add(variables, self.keyspace())?;
        self.expect_to_fit(&writes)?;
        Ok(Filling { writes })
    }

    /// As [`Self::fill`], of rows that this store has encoded.
    pub async fn write_filling(&self, filling: Filling) -> Result<()> {
        self.write_encoded(filling.writes).await
    }

    fn expect_to_fit(&self, writes: &Writes) -> Result<()> {
        match self.handle.embedded_base() {
            Some(base) => writes.expect_to_fit(&base.engine, 0),
            None => Ok(()),
        }
    }

    /// Writes list rows, and the last commit that they include completely.
    pub async fn write_profiles(&self, writes: Vec<ProfileWrite>, complete_up_to: Option<i64>) -> Result<()> {
        let keys = self.keys();
        let mut kept = Vec::new();
        let mut removed = Vec::new();
        for write in writes {
            let id = keys.cluster("list_row", write.key);
            match write.payload {
                Some(payload) => kept.push(rows::row(id, payload)),
                None => removed.push(Value::RecordId(id)),
            }
        }
        let number = complete_up_to.map(|number| rows::setting_row(&self.own("listed"), number.to_string()));
        self.write_rows(vec![
            ("list_rows", Value::from_iter(kept)),
            ("removed", Value::from_iter(removed)),
            ("settings", Value::from_iter(number)),
        ])
        .await
    }

    /// Prunes the commit rows from `from` up to and excluding `before`. The journal keeps the commits' evidence.
    pub async fn forget_commits(&self, from: i64, before: i64) -> Result<()> {
        let ids: Vec<Value> = (from..before).map(|it| Value::RecordId(RecordId::new("committed", it))).collect();
        self.run_as_leader("DELETE $ids RETURN NONE;", vec![("ids", Value::from_iter(ids))]).await?;
        Ok(())
    }

    /// Writes a setting unless it exists. Returns the stored value.
    pub async fn setting_or(&self, name: &str, payload: &str) -> Result<String> {
        let row = rows::setting_row(name, payload.to_owned());
        let query = "INSERT IGNORE INTO setting $row";
        self.handle.run(query, tx::variables([("row", row)])).await?;
        Ok(self.setting(name).await?.unwrap_or_else(|| payload.to_owned()))
    }

    /// Writes a version of the policy unless it exists. Returns the stored one.
    pub async fn policy_or(&self, version: i64, payload: &str) -> Result<String> {
        let row = rows::row(RecordId::new("policy", version), payload.to_owned());
        self.handle.run("INSERT IGNORE INTO policy $row", tx::variables([("row", row)])).await?;
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

/// The rows that count a commit. The last argument names the settings to write, see [`COMMITS`] and [`LINEAGE`].
pub(super) fn closing_of(
    number: i64,
    touched: &Touched,
    lineage: &[(i64, LineageRow)],
    [commit, history]: [&str; 2],
) -> Result<Variables> {
    let committed = rows::row(RecordId::new("committed", number), rows::encode("committed", touched)?);
    let mut settings = vec![rows::setting_row(commit, number.to_string())];
    let mut events = Vec::with_capacity(lineage.len());
    let mut named = Vec::new();
    for (number, row) in lineage {
        events.push(rows::row(RecordId::new("lineage", *number), rows::encode("lineage", row)?));
        named.extend(row.others.iter().chain([&row.kept]).map(|it| rows::lineage_of_row(*it, *number)));
    }
    settings.extend(lineage.last().map(|(last, _)| rows::setting_row(history, last.to_string())));
    Ok(vec![
        ("committed", Value::from_iter([committed])),
        ("lineage", Value::from_iter(events)),
        ("lineage_of", Value::from_iter(named)),
        ("settings", Value::from_iter(settings)),
    ])
}

/// The rows of a projection that a plan changes.
fn rows_of(written: &Rows<'_>, keys: Keys, secret: &IdSecret) -> Result<Variables> {
    let changes = written.changes;
    let mut moved = Vec::new();
    for it in &changes.moved {
        let Some(position) = written.moved.get(&it.message_id) else { continue };
        moved.push(journal::at_position(keys.timeline(it.to, it.at, &it.message_id), *position));
    }

    let mut updated = Vec::new();
    let (mut new_identifiers, mut unified_ids) = (Vec::new(), Vec::new());
    for (identifier, (state, is_new)) in &changes.identifiers {
        let row = rows::row(keys.identifier(identifier), rows::encode("identifier", state)?);
        if *is_new {
            unified_ids.push(rows::unified_id_row(keys, state.unified_id, identifier));
            new_identifiers.push(row);
        } else {
            updated.push(row);
        }
    }

    let (mut new_links, mut updated_links, mut withheld) = (Vec::new(), Vec::new(), Vec::new());
    for (pair, (link, is_new)) in &changes.links {
        let id = keys.link("linked", pair, secret);
        let payload = rows::encode("linked", link)?;
        if *is_new {
            new_links.push(rows::relation_row(keys, id, pair, payload));
        } else {
            updated_links.push(rows::row(id, payload));
        }
        if link.withheld.is_some() {
            let payload = rows::encode("withheld", &(pair, link))?;
            withheld.push(rows::row(keys.link("withheld", pair, secret), payload));
        }
    }
    let redirects = changes.redirects.iter();
    let redirects = redirects.map(|(owner, target)| rows::unified_id_row(keys, unified_id(owner, secret), target));
    let mut decided = Vec::new();
    for decision in written.decisions {
        let id = keys.text("decided", &decision.id);
        decided.push(rows::relation_row(keys, id, &decision.pair, rows::encode("decided", decision)?));
    }
    let mut retired = Vec::new();
    for retirement in written.retirements {
        retired.push(rows::row(keys.text("retired", &retirement.id), rows::encode("retired", retirement)?));
    }

    let mut new_clusters = Vec::new();
    for (key, (cluster, is_new)) in &changes.clusters {
        let row = rows::row(keys.cluster("cluster", *key), rows::encode("cluster", cluster)?);
        if *is_new { new_clusters.push(row) } else { updated.push(row) }
    }

    let mut removed: Vec<RecordId> = Vec::new();
    removed.extend(changes.removed_clusters.iter().map(|key| keys.cluster("cluster", *key)));
    let is_followed = |pair: &&Pair| changes.links.get(*pair).is_some_and(|(link, _)| link.withheld.is_none());
    let followed = changes.withheld.iter().filter(is_followed);
    removed.extend(followed.map(|pair| keys.link("withheld", pair, secret)));
    removed.extend(changes.moved.iter().map(|it| keys.timeline(it.from, it.at, &it.message_id)));
    removed.extend(changes.removed_links.iter().map(|pair| keys.link("withheld", pair, secret)));
    let removed_links = changes.removed_links.iter().map(|pair| keys.link("linked", pair, secret));
    let removed_identifiers = changes.removed_identifiers.iter().map(|identifier| keys.identifier(identifier));
    let removed_nodes = removed_links.chain(removed_identifiers);

    let mut new_purchases = Vec::new();
    for change in &changes.orders {
        let key = &change.order.key;
        removed.extend(change.leaves.map(|home| keys.order(home, key)));
        let purchase = rows::row(keys.order(change.home, key), rows::encode("purchase", &change.order)?);
        // A known order that does not move replaces its row.
        let has_row = change.is_known && change.leaves.is_none();
        if has_row { updated.push(purchase) } else { new_purchases.push(purchase) }
    }
    for RefundChange { home, refund, leaves } in &changes.refunds {
        let id = |home| keys.purchase(home, "refund", &refund.message_id);
        removed.extend(leaves.map(id));
        new_purchases.push(rows::row(id(*home), rows::encode("purchase", refund)?));
    }
    let mut new_orders = Vec::new();
    for (order_id, (state, is_new)) in &changes.order_states {
        let row = rows::row(keys.sharded("order_state", order_id), rows::encode("order_state", state)?);
        if *is_new { new_orders.push(row) } else { updated.push(row) }
    }
    let mut new_sessions = Vec::new();
    for (session_id, (claim, is_new)) in &changes.sessions {
        let row = rows::row(keys.sharded("session", session_id), rows::encode("session", claim)?);
        if *is_new { new_sessions.push(row) } else { updated.push(row) }
    }

    Ok(vec![
        ("moved", Value::from_iter(moved)),
        ("new_identifiers", Value::from_iter(new_identifiers)),
        ("unified_ids", Value::from_iter(unified_ids)),
        ("redirects", Value::from_iter(redirects)),
        ("new_links", Value::from_iter(new_links)),
        ("withheld", Value::from_iter(withheld)),
        ("removed", Value::from_iter(removed.into_iter().map(Value::RecordId))),
        ("removed_nodes", Value::from_iter(removed_nodes.map(Value::RecordId))),
        ("decided", Value::from_iter(decided)),
        ("retired", Value::from_iter(retired)),
        ("new_clusters", Value::from_iter(new_clusters)),
        ("new_purchases", Value::from_iter(new_purchases)),
        ("new_orders", Value::from_iter(new_orders)),
        ("new_sessions", Value::from_iter(new_sessions)),
        ("updated", Value::from_iter(updated)),
        ("updated_links", Value::from_iter(updated_links)),
    ])
}
