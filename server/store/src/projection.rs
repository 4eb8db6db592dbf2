//! Projections: everything that is computed from the journal under one policy version.
//!
//! A rollout fills the next projection, follows the commits that come in while it does so, and switches to it in one small
//! transaction: readers see one or the other. The previous projection stays, so that the next rollout can go back to it.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use profile360_core::{
    evidence::{decision::Decision, retirement::Retirement},
    identifier::{Identifier, UnifiedId, normalize::NORMAL_FORMS},
};
use serde::{Deserialize, Serialize};
use surrealdb::types::{Number, RecordId, Value};

use super::{
    Result, Store, StoreError,
    handle::Handle,
    journal::{Switch, journal_row},
    keys::{self, BY_ID, Keys, SHARDED, SHARDS, UNSHARDED},
    rows, tx,
    write::{Writes, closing_of},
};

/// What a projection is, and how far it has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    pub policy: i64,
    pub normal_forms: i64,
    /// The last commit of the journal that it contains. The active one contains all.
    pub followed: i64,
    pub state: ProjectionState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionState {
    Filling,
    Active,
    /// It was active before the active one.
    Previous,
    /// Its rows are being removed.
    Removing,
}

/// A rollout whose merges and unmerges are not in the history yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryDue {
    pub policy: i64,
    /// The number of merges and unmerges before the rollout.
    pub after: i64,
}

/// The number of rows of a projection, and of messages in the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Different messages in the journal.
    pub messages: u64,
    /// Messages in the timeline of a customer.
    pub timeline: u64,
    /// Messages without a usable identifier under this policy.
    pub unreadable: u64,
    pub identifiers: u64,
    pub links: u64,
    pub clusters: u64,
}

/// About how many rows of a projection one transaction removes.
const REMOVED_AT_ONCE: u64 = 2_000;

/// Opens the active projection. A new database gets its first one.
pub(super) async fn open_active(handle: Arc<Handle>) -> Result<Store> {
    let store = Store::new(handle, 0);
    let active = match store.setting("projection").await? {
        Some(number) => number.parse().map_err(|_| keys::bad_key("setting"))?,
        None => store.create_first().await?,
    };
    Ok(store.of_projection(active))
}

impl Store {
    /// The number of this projection. The first is 1.
    pub fn projection(&self) -> i64 {
        self.projection
    }

    /// The same database with another projection.
    pub fn of_projection(&self, number: i64) -> Self {
        Self { projection: number, is_filled: false, ..self.clone() }
    }

    /// The projection that is active now: another server may have switched to it.
    pub async fn active(&self) -> Result<Self> {
        let Some(number) = self.setting("projection").await? else { return Err(keys::bad_key("setting")) };
        Ok(self.of_projection(number.parse().map_err(|_| keys::bad_key("setting"))?))
    }

    pub(super) fn keys(&self) -> Keys {
        Keys(self.projection)
    }

    async fn create_first(&self) -> Result<i64> {
        let first = Projection { policy: 1, normal_forms: NORMAL_FORMS, followed: 0, state: ProjectionState::Active };
        let query = "
            BEGIN;
            INSERT IGNORE INTO projection $row RETURN NONE;
            INSERT IGNORE INTO setting $setting RETURN NONE;
            COMMIT;
        ";
        let row = projection_row(1, &first)?;
        let setting = rows::setting_row("projection", 1.to_string());
        self.handle.run(query, tx::variables([("row", row), ("setting", setting)])).await?;
        Ok(1)
    }

    /// All projections by their numbers.
    pub async fn projections(&self) -> Result<BTreeMap<i64, Projection>> {
        let found = self.handle.run("SELECT id, p FROM projection", tx::no_variables()).await?;
        let projection =
            |(id, payload): (RecordId, String)| Ok((keys::number_of(&id)?, rows::decode("projection", &payload)?));
        rows::id_and_payload(found)?.into_iter().map(projection).collect()
    }

    /// Creates a projection to be filled. [`Store::switch_to`] makes it active.
    pub async fn next_projection(&self, policy: i64) -> Result<Self> {
        // Numbers are not used again: rows of the one before may still be being removed.
        let begun = self.setting("last_projection").await?.and_then(|it| it.parse().ok()).unwrap_or(1);
        let number: i64 = begun + 1;
        let new = Projection { policy, normal_forms: NORMAL_FORMS, followed: 0, state: ProjectionState::Filling };
        let query = "
            INSERT INTO projection $row RETURN NONE;
            INSERT INTO setting $last ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        ";
        let last = rows::setting_row("last_projection", number.to_string());
        let row = projection_row(number, &new)?;
        self.run_as_leader(query, vec![("row", row), ("last", last)]).await?;
        Ok(Self { is_filled: true, ..self.of_projection(number) })
    }

    /// Marks the previous projection as being filled again. If that is interrupted, it is of no use any more.
    pub async fn resume_projection(&self, number: i64) -> Result<Self> {
        let store = Self { is_filled: true, ..self.of_projection(number) };
        let projection = store.own_row().await?;
        self.put_projection(number, &Projection { state: ProjectionState::Filling, ..projection }).await?;
        Ok(store)
    }

    /// A projection that is not active, for reading. It contains what it had followed.
    pub fn inactive(&self, number: i64) -> Self {
        Self { is_filled: true, ..self.of_projection(number) }
    }

    /// The projection that was active before.
    pub async fn previous_projection(&self) -> Result<Option<(i64, Projection)>> {
        let mut projections = self.projections().await?.into_iter();
        Ok(projections.find(|(_, projection)| projection.state == ProjectionState::Previous))
    }

    /// The rollout whose merges and unmerges are not in the history yet.
    pub async fn history_due(&self) -> Result<Option<HistoryDue>> {
        self.setting("history_due").await?.map(|text| rows::decode("setting", &text)).transpose()
    }

    /// The merges and unmerges of the last rollout are in the history.
    pub async fn set_history_recorded(&self) -> Result<()> {
        let it = Value::RecordId(keys::text_id("setting", "history_due"));
        self.run_as_leader("DELETE $it RETURN NONE;", vec![("it", it)]).await?;
        Ok(())
    }

    /// Whether an ID may be that of several messages, or a message may have several IDs: an earlier version of the program has
    /// written messages here.
    pub async fn has_old_ids(&self) -> Result<bool> {
        let settings = [rows::UPGRADE, rows::RENAMED].map(|name| keys::text_id("setting", name));
        Ok(!self.select(settings.into()).await?.is_empty())
    }

    /// Marks projections that a failed or interrupted rollout left as removable.
    pub async fn abandon_unfinished(&self) -> Result<()> {
        for (number, projection) in self.projections().await? {
            if projection.state == ProjectionState::Filling {
                self.put_projection(number, &Projection { state: ProjectionState::Removing, ..projection }).await?;
            }
        }
        Ok(())
    }

    async fn put_projection(&self, number: i64, projection: &Projection) -> Result<()> {
        let row = projection_row(number, projection)?;
        self.run_as_leader("UPSERT $row.id CONTENT $row RETURN NONE;", vec![("row", row)]).await?;
        Ok(())
    }

    /// Removes the rows of removable projections, in small steps.
    pub async fn remove_projections(&self) -> Result<()> {
        for (number, projection) in self.projections().await? {
            if projection.state == ProjectionState::Removing {
                self.of_projection(number).remove().await?;
            }
        }
        Ok(())
    }

    async fn remove(&self) -> Result<()> {
        for table in UNSHARDED.iter().chain(&SHARDED).chain(&BY_ID) {
            self.remove_rows(table).await?;
        }
        let listed = keys::text_id("setting", &self.own("listed"));
        let ids = [listed, RecordId::new("projection", self.projection)].map(Value::RecordId);
        self.run_as_leader("DELETE $ids RETURN NONE;", vec![("ids", Value::from_iter(ids))]).await?;
        Ok(())
    }

    async fn remove_rows(&self, table: &'static str) -> Result<()> {
        let keys = self.keys();
        let n_steps = self.n_rows(keys.all(table)).await?.div_ceil(REMOVED_AT_ONCE);
        if n_steps <= 1 || UNSHARDED.contains(&table) {
            return if n_steps == 0 { Ok(()) } else { self.delete(keys.all(table)).await };
        }
        let step = usize::from(SHARDS).div_ceil(usize::try_from(n_steps)?).max(1);
        for first in (0..SHARDS).step_by(step) {
            let shards = first..=(SHARDS - 1).min(first.saturating_add(u16::try_from(step - 1)?));
            let range = if SHARDED.contains(&table) {
                keys.range_of_shards(table, shards)
            } else {
                keys.range_of_ids(table, &ids_of_share(&shards))
            };
            self.delete(range).await?;
        }
        Ok(())
    }

    async fn delete(&self, range: RecordId) -> Result<()> {
        self.run_as_leader("DELETE $range RETURN NONE;", vec![("range", Value::RecordId(range))]).await?;
        Ok(())
    }

    pub(super) async fn n_rows(&self, range: RecordId) -> Result<u64> {
        let query = "RETURN array::first((SELECT VALUE n FROM (SELECT count() AS n FROM $range GROUP ALL))) ?? 0";
        match self.handle.run(query, tx::variables([("range", Value::RecordId(range))])).await? {
            Value::Number(Number::Int(n)) => Ok(u64::try_from(n)?),
            _ => Err(keys::bad_key("count")),
        }
    }

    /// Counts rows. Scans tables, so not for queries.
    pub async fn row_counts(&self) -> Result<RowCounts> {
        let keys = self.keys();
        let mut counts = RowCounts { messages: self.n_messages().await?, ..RowCounts::default() };
        let tables: [(&'static str, &mut u64); 5] = [
            ("timeline", &mut counts.timeline),
            ("unreadable", &mut counts.unreadable),
            ("identifier", &mut counts.identifiers),
            ("linked", &mut counts.links),
            ("cluster", &mut counts.clusters),
        ];
        for (table, count) in tables {
            *count = self.n_rows(keys.all(table)).await?;
        }
        Ok(counts)
    }

    /// Makes another projection and its policy version active, as the commit after `last_commit`. Fails with
    /// [`StoreError::Conflict`] if anything was committed since.
    pub async fn switch_to(&self, next: &Self, last_commit: i64, policy: i64) -> Result<()> {
        let number = last_commit + 1;
        let mut projections = self.projections().await?;
        let mut changed = Vec::new();
        for (it, projection) in &mut projections {
            let state = match projection.state {
                _ if *it == next.projection => ProjectionState::Active,
                ProjectionState::Active => ProjectionState::Previous,
                ProjectionState::Previous => ProjectionState::Removing,
                other => other,
            };
            let is_changed = *it == next.projection || state != projection.state;
            if *it == self.projection {
                projection.followed = number;
            }
            if *it == next.projection {
                (projection.policy, projection.followed) = (policy, number);
            }
            projection.state = state;
            if is_changed {
                changed.push(projection_row(*it, projection)?);
            }
        }
        let switch = rows::encode("journal", &Switch { projection: next.projection, policy })?;
        let journal = journal_row(number, 0, "switch", switch.into_bytes());
        let due = HistoryDue { policy, after: self.n_lineage().await? };
        let numbers =
            [(next.own("listed"), number), ("projection".to_owned(), next.projection), ("policy".to_owned(), policy)];
        let mut settings: Vec<Value> =
            numbers.into_iter().map(|(name, number)| rows::setting_row(&name, number.to_string())).collect();
        settings.push(rows::setting_row("history_due", rows::encode("setting", &due)?));
        let dropped = [Value::RecordId(keys::text_id("setting", "publishing"))];
        let mut variables = closing_of(number, &rows::Touched::default(), &[], [rows::COMMITS[0], rows::LINEAGE[0]])?;
        variables.extend([
            ("journal", Value::from_iter([journal])),
            ("projections", Value::from_iter(changed)),
            ("switched", Value::from_iter(settings)),
            ("dropped_settings", Value::from_iter(dropped)),
        ]);
        let mut writes = Writes::default();
        writes.add(variables, self.keyspace())?;
        self.commit_as(number, writes, true).await
    }

    /// What this projection is.
    pub async fn own_row(&self) -> Result<Projection> {
        let found = self.select(vec![RecordId::new("projection", self.projection)]).await?;
        let Some((_, payload)) = found.into_iter().next() else { return Err(StoreError::Superseded) };
        rows::decode("projection", &payload)
    }

    /// Records how far a projection has got that is not active.
    pub async fn set_followed(&self, commit: i64) -> Result<()> {
        let row = self.with_followed(commit).await?;
        self.run_as_leader("UPSERT $row.id CONTENT $row RETURN NONE;", vec![("row", row)]).await?;
        Ok(())
    }

    /// The row of this projection with another last commit.
    pub(super) async fn with_followed(&self, commit: i64) -> Result<Value> {
        let projection = self.own_row().await?;
        projection_row(self.projection, &Projection { followed: commit, ..projection })
    }

    /// Writes decisions and retirements into a projection that is being filled.
    pub async fn write_history(&self, decisions: &[Decision], retirements: &[Retirement]) -> Result<()> {
        let keys = self.keys();
        let mut decided = Vec::new();
        for decision in decisions {
            let id = keys.text("decided", &decision.id);
            decided.push(rows::relation_row(keys, id, &decision.pair, rows::encode("decided", decision)?));
        }
        let mut retired = Vec::new();
        for retirement in retirements {
            retired.push(rows::row(keys.text("retired", &retirement.id), rows::encode("retired", retirement)?));
        }
        let query = "
            INSERT RELATION INTO decided $decided ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            INSERT INTO retired $retired ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
        ";
        let variables = vec![("decided", Value::from_iter(decided)), ("retired", Value::from_iter(retired))];
        self.run_as_leader(query, variables).await?;
        Ok(())
    }

    /// Redirects unified IDs to other identifiers than their own.
    pub async fn write_redirects(&self, redirects: &[(UnifiedId, Identifier)]) -> Result<()> {
        let ids = redirects.iter().map(|(id, target)| rows::unified_id_row(self.keys(), *id, target));
        let query = "INSERT INTO unified_id $ids ON DUPLICATE KEY UPDATE i = $input.i RETURN NONE;";
        self.run_as_leader(query, vec![("ids", Value::from_iter(ids))]).await?;
        Ok(())
    }

    /// The version of the normal forms of this projection.
    pub async fn normal_forms(&self) -> Result<i64> {
        Ok(self.own_row().await?.normal_forms)
    }

    /// Records the version of the normal forms of this projection.
    pub async fn set_normal_forms(&self, normal_forms: i64) -> Result<()> {
        let projection = self.own_row().await?;
        self.put_projection(self.projection, &Projection { normal_forms, ..projection }).await
    }

    /// The version of the policy that is being published, if any.
    pub async fn publishing(&self) -> Result<Option<i64>> {
        Ok(self.setting("publishing").await?.and_then(|it| it.parse().ok()))
    }

    /// Writes a new version of the policy, to be published by the leader. `false` if there is such a version, or another one is being
    /// published.
    pub async fn request_publication(&self, version: i64, payload: &str) -> Result<bool> {
        let query = "
            BEGIN;
            INSERT INTO policy $policy RETURN NONE;
            INSERT INTO setting $publishing RETURN NONE;
            COMMIT;
        ";
        let variables = tx::variables([
            ("policy", rows::row(RecordId::new("policy", version), payload.to_owned())),
            ("publishing", rows::setting_row("publishing", version.to_string())),
        ]);
        match self.handle.run(query, variables).await {
            Err(StoreError::Conflict) => Ok(false),
            written => written.map(|_| true),
        }
    }

    /// No version is being published any more.
    pub async fn end_publication(&self) -> Result<()> {
        let publishing = Value::RecordId(keys::text_id("setting", "publishing"));
        self.run_as_leader("DELETE $publishing RETURN NONE;", vec![("publishing", publishing)]).await?;
        Ok(())
    }

    /// The name of a setting of this projection.
    pub(super) fn own(&self, name: &str) -> String {
        format!("{name}_{}", self.projection)
    }
}

pub(super) fn projection_row(number: i64, projection: &Projection) -> Result<Value> {
    Ok(rows::row(RecordId::new("projection", number), rows::encode("projection", projection)?))
}

/// As large a share of all IDs as some shards are of all shards.
fn ids_of_share(shards: &RangeInclusive<u16>) -> RangeInclusive<UnifiedId> {
    const PER_SHARD: u16 = 16;
    const _: () = assert!(PER_SHARD as u32 * SHARDS as u32 == 65_536);
    keys::ids_of_two_bytes(shards.start() * PER_SHARD..=shards.end() * PER_SHARD + (PER_SHARD - 1))
}
