//! Reads: by key, by bounded range, or one hop along links.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::{Identifier, UnifiedId, unified_id::IdSecret},
    message::order::{Order, Refund},
    plan::view::{Needs, View},
    time::Timestamp,
};
use serde::de::DeserializeOwned;
use surrealdb::types::{Array, RecordId, RecordIdKey, Value};

use super::{
    Result, Store, StoreError,
    journal::Position,
    keys::{self, bad_key, ids_of_two_bytes},
    rows::{self, COMMITS, Fields, LINEAGE, LineageRow, Touched},
    tx, with_payloads,
};

/// Identifiers whose links are read at once.
const LINKS_OF: usize = 500;

/// An order or a refund.
#[derive(Debug, Clone)]
pub enum PurchaseRow {
    Order(Order),
    Refund(Refund),
}

/// A stored message.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub at: Timestamp,
    pub message_id: String,
    /// The message's JSON.
    pub payload: String,
    pub position: Position,
}

#[expect(clippy::mutable_key_type, reason = "nothing in a key changes; the type could hold a file or a geometry")]
impl Store {
    /// Loads what a plan needs into its view.
    pub async fn load(&self, needs: &Needs, secret: &IdSecret, view: &mut View) -> Result<()> {
        self.load_messages(needs, view).await?;
        self.load_identifiers(&needs.identifiers.iter().cloned().collect::<Vec<_>>(), view).await?;
        self.load_links(&needs.links.iter().cloned().collect::<Vec<_>>(), secret, view).await?;
        let keys: Vec<ClusterKey> = needs.clusters.iter().copied().collect();
        let clusters = self.clusters(&keys).await?;
        view.clusters.extend(keys.into_iter().map(|key| (key, clusters.get(&key).cloned())));
        self.load_claims("order_state", &needs.orders, &mut view.orders).await?;
        self.load_claims("session", &needs.sessions, &mut view.sessions).await?;
        let wanted: Vec<Identifier> = needs.links_of.iter().cloned().collect();
        let mut pairs_of: BTreeMap<&Identifier, Vec<Pair>> = wanted.iter().map(|it| (it, Vec::new())).collect();
        for (pair, link) in self.links_of(&wanted).await? {
            for end in [&pair.a, &pair.b] {
                if let Some(pairs) = pairs_of.get_mut(end) {
                    pairs.push(pair.clone());
                }
            }
            view.links.insert(pair, Some(Arc::new(link)));
        }
        view.links_of.extend(pairs_of.into_iter().map(|(it, pairs)| (it.clone(), pairs.into())));
        Ok(())
    }

    async fn load_messages(&self, needs: &Needs, view: &mut View) -> Result<()> {
        let stored = self.stored_messages(&needs.messages).await?;
        view.messages.extend(needs.messages.iter().map(|id| (id.clone(), stored.contains(id))));
        Ok(())
    }

    /// Which of those messages are stored.
    pub async fn stored_messages(&self, message_ids: &BTreeSet<Arc<str>>) -> Result<BTreeSet<Arc<str>>> {
        let ids = message_ids.iter().map(|id| keys::text_id("message_ref", id)).collect();
        let found = self.handle.get(ids).await?;
        found.iter().map(|(id, _)| Ok(Arc::from(keys::last_text_of(id)?))).collect()
    }

    async fn load_identifiers(&self, identifiers: &[Identifier], view: &mut View) -> Result<()> {
        let found = self.identifiers(identifiers).await?;
        view.identifiers.extend(identifiers.iter().map(|it| (it.clone(), found.get(it).cloned())));
        Ok(())
    }

    async fn load_links(&self, pairs: &[Pair], secret: &IdSecret, view: &mut View) -> Result<()> {
        let ids: Vec<RecordId> = pairs.iter().map(|pair| self.keys().link("linked", pair, secret)).collect();
        let mut found: BTreeMap<RecordId, Arc<LinkState>> = self.payloads("linked", ids.clone()).await?;
        found.values_mut().for_each(|link| _ = Arc::make_mut(link).seen.keep());
        view.links.extend(pairs.iter().zip(ids).map(|(pair, id)| (pair.clone(), found.remove(&id))));
        Ok(())
    }

    async fn load_claims<T: DeserializeOwned>(
        &self,
        table: &'static str,
        wanted: &BTreeSet<Arc<str>>,
        view: &mut BTreeMap<Arc<str>, Option<Arc<T>>>,
    ) -> Result<()> {
        let id = |key: &str| self.keys().sharded(table, key);
        let ids = wanted.iter().map(|key| id(key)).collect();
        let mut found: BTreeMap<RecordId, Arc<T>> = self.payloads(table, ids).await?;
        view.extend(wanted.iter().map(|key| (key.clone(), found.remove(&id(key)))));
        Ok(())
    }

    /// The stored links of some identifiers, in either direction, each once.
    pub async fn links_of(&self, identifiers: &[Identifier]) -> Result<BTreeMap<Pair, LinkState>> {
        let query = "RETURN array::concat(
            (SELECT in, out, p FROM $i->linked),
            (SELECT in, out, p FROM $i<-linked)
        )";
        let mut links = BTreeMap::new();
        for identifiers in identifiers.chunks(LINKS_OF) {
            let ids = Value::from_iter(identifiers.iter().map(|it| Value::RecordId(self.keys().identifier(it))));
            let Value::Array(found) = self.handle.run(query, tx::variables([("i", ids)])).await? else {
                return Err(bad_key("linked"));
            };
            for value in found {
                let Value::Object(object) = value else { return Err(bad_key("linked")) };
                let mut fields = object.into_inner();
                let (Some(Value::RecordId(a)), Some(Value::RecordId(b)), Some(Value::String(payload))) =
                    (fields.remove("in"), fields.remove("out"), fields.remove("p"))
                else {
                    return Err(bad_key("linked"));
                };
                let pair = Pair { a: keys::identifier_of(&a)?, b: keys::identifier_of(&b)? };
                if let std::collections::btree_map::Entry::Vacant(free) = links.entry(pair) {
                    let link = free.insert(rows::decode::<LinkState>("linked", &payload)?);
                    link.seen.keep();
                }
            }
        }
        Ok(links)
    }

    /// The states of identifiers. Omits unknown ones.
    pub async fn identifiers(&self, identifiers: &[Identifier]) -> Result<BTreeMap<Identifier, Arc<IdentifierState>>> {
        let ids = identifiers.iter().map(|it| self.keys().identifier(it)).collect();
        let found: BTreeMap<RecordId, Arc<IdentifierState>> = self.payloads("identifier", ids).await?;
        found
            .into_iter()
            .map(|(id, mut state)| {
                // Rows of earlier versions may exceed today's limits.
                Arc::make_mut(&mut state).facts.keep();
                Ok((keys::identifier_of(&id)?, state))
            })
            .collect()
    }

    /// The clusters with those keys. Omits unknown ones.
    pub async fn clusters(&self, keys: &[ClusterKey]) -> Result<BTreeMap<ClusterKey, Arc<ClusterState>>> {
        let ids = keys.iter().map(|key| self.keys().cluster("cluster", *key)).collect();
        let found: BTreeMap<RecordId, Arc<ClusterState>> = self.payloads("cluster", ids).await?;
        found.into_iter().map(|(id, cluster)| Ok((keys::cluster_key_of(&id)?, cluster))).collect()
    }

    /// The identifiers that those unified IDs lead to. Omits unknown ones.
    pub async fn identifiers_by_id(&self, ids: &[UnifiedId]) -> Result<BTreeMap<UnifiedId, Identifier>> {
        let ids = ids.iter().map(|id| self.keys().unified_id(*id)).collect();
        targets(self.handle.get(ids).await?)
    }

    /// The identifiers that a range of unified IDs leads to. A range of IDs with the same first 32 bits has one, rarely two.
    pub async fn identifiers_in(&self, ids: &RangeInclusive<UnifiedId>) -> Result<BTreeMap<UnifiedId, Identifier>> {
        targets(self.handle.get_range(self.keys().range_of_ids("unified_id", ids)).await?)
    }

    /// All orders and refunds that are kept under an identifier.
    pub async fn purchases(&self, home: UnifiedId) -> Result<Vec<PurchaseRow>> {
        let found = self.rows(self.keys().purchases_of(home)).await?;
        found
            .into_iter()
            .map(|(id, payload)| {
                Ok(if keys::is_refund(&id) {
                    PurchaseRow::Refund(rows::decode("purchase", &payload)?)
                } else {
                    PurchaseRow::Order(rows::decode("purchase", &payload)?)
                })
            })
            .collect()
    }

    /// The messages of a home in a span of time, both ends included, newest first. Reads the whole span into memory.
    pub async fn events(&self, home: UnifiedId, from: Timestamp, to: Timestamp) -> Result<Vec<EventRow>> {
        let range = self.keys().timeline_of(home, from, to);
        let mut events = Vec::new();
        let mut positions = BTreeSet::new();
        for (id, mut fields) in self.handle.get_range(range).await? {
            let position = Position::read(&mut fields)?;
            positions.insert(position);
            let (at, message_id) = keys::message_of(&id)?;
            events.push(EventRow { at, message_id: message_id.to_owned(), payload: String::new(), position });
        }
        let mut texts = self.texts(&positions).await?;
        for event in &mut events {
            let reason = || format!("the journal has no text of a message of commit {}", event.position.commit);
            let text = texts.remove(&event.position);
            event.payload = text.ok_or_else(|| StoreError::Corrupt { table: "timeline", reason: reason() })?;
        }
        Ok(events)
    }

    /// The number of the last commit that this projection contains. 0 for an empty database.
    pub async fn last_commit(&self) -> Result<i64> {
        if self.is_filled {
            return Ok(self.own_row().await?.followed);
        }
        let [active, commit, late] = self.settings(["projection", COMMITS[0], COMMITS[1]]).await?;
        if active.is_some_and(|number| number != self.projection.to_string()) {
            return Err(StoreError::Superseded);
        }
        // Every commit writes one of the two in its own transaction.
        Ok(larger(commit, late))
    }

    /// What the commits after `after` and up to `up_to` touched, ascending. Pruned ones are missing.
    pub async fn commits(&self, after: i64, up_to: i64) -> Result<Vec<(i64, Touched)>> {
        let range = keys::range("committed", RecordIdKey::Number(after + 1), RecordIdKey::Number(up_to));
        let found = self.rows(range).await?;
        found
            .into_iter()
            .map(|(id, payload)| Ok((keys::number_of(&id)?, rows::decode("committed", &payload)?)))
            .collect()
    }

    /// All decisions, including revoked ones.
    pub async fn decisions(&self) -> Result<Vec<Decision>> {
        let found = self.rows(self.keys().all("decided")).await?;
        found.into_iter().map(|(_, payload)| rows::decode("decided", &payload)).collect()
    }

    /// All retirements, including revoked ones.
    pub async fn retirements(&self) -> Result<Vec<Retirement>> {
        let found = self.rows(self.keys().all("retired")).await?;
        found.into_iter().map(|(_, payload)| rows::decode("retired", &payload)).collect()
    }

    /// The number of merges and unmerges. They are numbered from 1.
    pub async fn n_lineage(&self) -> Result<i64> {
        let [number, late] = self.settings(LINEAGE).await?;
        Ok(larger(number, late))
    }

    /// The merges and unmerges with those numbers, ascending. Omits unknown ones.
    pub async fn lineage(&self, numbers: &[i64]) -> Result<Vec<(i64, LineageRow)>> {
        let ids = numbers.iter().map(|it| RecordId::new("lineage", *it)).collect();
        let mut found = Vec::with_capacity(numbers.len());
        for (id, payload) in self.select(ids).await? {
            found.push((keys::number_of(&id)?, rows::decode("lineage", &payload)?));
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// The numbers of the merges and unmerges that name a unified ID, ascending.
    pub async fn lineage_of(&self, id: UnifiedId) -> Result<Vec<i64>> {
        let key = |last: Value| Array::from_iter([keys::uuid_value(id), last]).into();
        let range = keys::range("lineage_of", key(Value::None), key(Value::Array(Array::new())));
        let found = self.handle.get_range(range).await?;
        found.iter().map(|(id, _)| keys::last_number_of(id)).collect()
    }

    /// The withheld links whose first end has a derived ID in a range.
    pub async fn withheld_in(&self, ids: &RangeInclusive<UnifiedId>) -> Result<Vec<(Pair, LinkState)>> {
        let found = self.rows(self.keys().range_of_ids("withheld", ids)).await?;
        let mut withheld: Vec<(Pair, LinkState)> =
            found.into_iter().map(|(_, payload)| rows::decode("withheld", &payload)).collect::<Result<_>>()?;
        withheld.iter_mut().for_each(|(_, link)| _ = link.seen.keep());
        Ok(withheld)
    }

    /// A setting of the database.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(self.select(vec![keys::text_id("setting", name)]).await?.pop().map(|(_, payload)| payload))
    }

    pub(super) async fn settings<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N]> {
        let ids = names.iter().map(|it| keys::text_id("setting", it)).collect();
        let mut found: BTreeMap<RecordId, String> = self.select(ids).await?.into_iter().collect();
        Ok(names.map(|it| found.remove(&keys::text_id("setting", it))))
    }

    /// The version of the active policy. 1 for a new database.
    pub async fn policy_in_force(&self) -> Result<i64> {
        Ok(self.setting("policy").await?.and_then(|it| it.parse().ok()).unwrap_or(1))
    }

    /// The policy of a version.
    pub async fn policy(&self, version: i64) -> Result<Option<String>> {
        Ok(self.select(vec![RecordId::new("policy", version)]).await?.pop().map(|(_, payload)| payload))
    }

    /// All versions of the policy, ascending.
    pub async fn policies(&self) -> Result<Vec<(i64, String)>> {
        let found = self.handle.run("SELECT id, p FROM policy", tx::no_variables()).await?;
        let mut policies = Vec::new();
        for (id, payload) in rows::id_and_payload(found)? {
            policies.push((keys::number_of(&id)?, payload));
        }
        policies.sort_unstable_by_key(|(version, _)| *version);
        Ok(policies)
    }

    /// The messages without a usable identifier under this policy.
    pub async fn unreadable_messages(&self) -> Result<BTreeSet<Position>> {
        let found = self.handle.get_range(self.keys().all("unreadable")).await?;
        found.into_iter().map(|(_, mut fields)| Position::read(&mut fields)).collect()
    }

    /// The last commit whose customers the list contains completely.
    pub async fn listed(&self) -> Result<i64> {
        let listed = self.setting(&self.own("listed")).await?.and_then(|it| it.parse().ok());
        // The rows of commits name customers of the projection that was active then.
        let first = if self.is_filled { self.last_commit().await? } else { 0 };
        Ok(listed.unwrap_or(first))
    }

    /// The list rows whose cluster keys are in a range.
    pub async fn list_rows_in(&self, ids: &RangeInclusive<UnifiedId>) -> Result<Vec<(ClusterKey, String)>> {
        let found = self.rows(self.keys().range_of_ids("list_row", ids)).await?;
        found.into_iter().map(|(id, payload)| Ok((keys::cluster_key_of(&id)?, payload))).collect()
    }

    /// Ranges of IDs that together cover every ID, each with about a thousand clusters.
    pub async fn shares(&self) -> Result<Vec<RangeInclusive<UnifiedId>>> {
        const CLUSTERS: u64 = 1_000;
        let n_clusters = self.n_rows(self.keys().all("cluster")).await?;
        let n_shares = u32::try_from(n_clusters.div_ceil(CLUSTERS)).unwrap_or(u32::MAX).clamp(1, 65_536);
        let bound = |share: u32| u16::try_from(65_536 * u64::from(share) / u64::from(n_shares)).unwrap_or(u16::MAX);
        let last = |share: u32| if share + 1 == n_shares { u16::MAX } else { bound(share + 1) - 1 };
        Ok((0..n_shares).map(|share| ids_of_two_bytes(bound(share)..=last(share))).collect())
    }

    /// The clusters whose keys are in a range.
    pub async fn clusters_in(&self, ids: &RangeInclusive<UnifiedId>) -> Result<Vec<(ClusterKey, ClusterState)>> {
        let found = self.rows(self.keys().range_of_ids("cluster", ids)).await?;
        let cluster =
            |(id, payload): (RecordId, String)| Ok((keys::cluster_key_of(&id)?, rows::decode("cluster", &payload)?));
        found.into_iter().map(cluster).collect()
    }

    async fn rows(&self, range: RecordId) -> Result<Vec<(RecordId, String)>> {
        with_payloads(self.handle.get_range(range).await?)
    }

    async fn payloads<T: DeserializeOwned>(
        &self,
        table: &'static str,
        ids: Vec<RecordId>,
    ) -> Result<BTreeMap<RecordId, Arc<T>>> {
        let found = self.select(ids).await?;
        found.into_iter().map(|(id, payload)| Ok((id, Arc::new(rows::decode::<T>(table, &payload)?)))).collect()
    }
}

fn targets(rows: Vec<(RecordId, Fields)>) -> Result<BTreeMap<UnifiedId, Identifier>> {
    let target = |(id, mut fields): (RecordId, Fields)| match fields.remove("i") {
        Some(Value::RecordId(identifier)) => Ok((keys::unified_id_of(&id)?, keys::identifier_of(&identifier)?)),
        _ => Err(bad_key("unified_id")),
    };
    rows.into_iter().map(target).collect()
}

fn larger(one: Option<String>, other: Option<String>) -> i64 {
    [one, other].into_iter().flatten().filter_map(|it| it.parse().ok()).max().unwrap_or(0)
}

impl From<std::num::TryFromIntError> for StoreError {
    fn from(_: std::num::TryFromIntError) -> Self {
        bad_key("number")
    }
}
