//! Reads: by key, by bounded range, or one hop along links.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decision, link::Pair, retirement::Retirement},
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::order::{Order, Refund},
    plan::view::{Needs, View},
    time::Timestamp,
};
use serde::de::DeserializeOwned;
use surrealdb::types::{Array, Number, RecordId, RecordIdKey, Value};

use super::{
    KEYS_AT_ONCE, Result, Store, StoreError,
    rows::{self, COMMITS, LINEAGE, LineageRow, Touched},
    tx,
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
}

/// The number of messages in an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageCounts {
    /// Messages with a usable identifier.
    pub kept: u64,
    /// How many of these have a text: all, unless the database is damaged.
    pub texts: u64,
    /// Messages without a usable identifier under this policy.
    pub unreadable: u64,
}

impl MessageCounts {
    /// Whether another edition has the same number of messages, each with its text.
    pub fn is_complete_in(&self, other: &Self) -> bool {
        let is_whole = |counts: &Self| counts.kept == counts.texts;
        is_whole(self) && is_whole(other) && self.kept + self.unreadable == other.kept + other.unreadable
    }
}

impl std::fmt::Display for MessageCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kept, texts, unreadable } = self;
        write!(f, "{kept} messages with {texts} texts, and {unreadable} unreadable ones")
    }
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
        self.load_claims("order_claim", &needs.orders, &mut view.orders).await?;
        self.load_claims("session_claim", &needs.sessions, &mut view.sessions).await?;
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
        let mut stored = BTreeSet::new();
        let ids: Vec<Value> = message_ids.iter().map(|id| Value::RecordId(rows::text_id("message", id))).collect();
        for ids in ids.chunks(KEYS_AT_ONCE) {
            let ids = Value::from_iter(ids.iter().cloned());
            let found = self.handle.run("SELECT VALUE id FROM $ids", tx::variables([("ids", ids)])).await?;
            let Value::Array(found) = found else { return Err(rows::bad_key("message")) };
            for id in &*found {
                let Value::RecordId(id) = id else { return Err(rows::bad_key("message")) };
                stored.insert(Arc::from(rows::text_key_of(id)?));
            }
        }
        Ok(stored)
    }

    /// When stored messages were sent, by their IDs. Omits unknown ones.
    pub async fn message_times(&self, message_ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Timestamp>> {
        let mut times = BTreeMap::new();
        let ids: Vec<Value> = message_ids.iter().map(|id| Value::RecordId(rows::text_id("message", id))).collect();
        for ids in ids.chunks(KEYS_AT_ONCE) {
            let ids = Value::from_iter(ids.iter().cloned());
            let query = "SELECT VALUE [id, at] FROM $ids";
            let found = self.handle.run(query, tx::variables([("ids", ids)])).await?;
            let Value::Array(found) = found else { return Err(rows::bad_key("message")) };
            for pair in &*found {
                let Value::Array(pair) = pair else { return Err(rows::bad_key("message")) };
                let [Value::RecordId(id), Value::Number(Number::Int(at))] = pair.as_slice() else {
                    return Err(rows::bad_key("message"));
                };
                times.insert(rows::text_key_of(id)?.to_owned(), Timestamp::from_micros(*at));
            }
        }
        Ok(times)
    }

    async fn load_identifiers(&self, identifiers: &[Identifier], view: &mut View) -> Result<()> {
        let found = self.identifiers(identifiers).await?;
        view.identifiers.extend(identifiers.iter().map(|it| (it.clone(), found.get(it).cloned())));
        Ok(())
    }

    async fn load_links(&self, pairs: &[Pair], secret: &IdSecret, view: &mut View) -> Result<()> {
        let ids: Vec<RecordId> = pairs
            .iter()
            .map(|it| rows::link_id("linked", unified_id(&it.a, secret), unified_id(&it.b, secret)))
            .collect();
        let mut found: BTreeMap<RecordId, Arc<LinkState>> = self.payloads("linked", ids.clone()).await?;
        found.values_mut().for_each(|link| _ = Arc::make_mut(link).seen.keep());
        view.links.extend(pairs.iter().zip(ids).map(|(pair, id)| (pair.clone(), found.remove(&id))));
        Ok(())
    }

    async fn load_claims<T: DeserializeOwned>(
        &self,
        table: &'static str,
        keys: &BTreeSet<Arc<str>>,
        view: &mut BTreeMap<Arc<str>, Option<Arc<T>>>,
    ) -> Result<()> {
        let ids = keys.iter().map(|it| rows::text_id(table, it)).collect();
        let mut found: BTreeMap<RecordId, Arc<T>> = self.payloads(table, ids).await?;
        view.extend(keys.iter().map(|key| (key.clone(), found.remove(&rows::text_id(table, key)))));
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
            let ids = Value::from_iter(identifiers.iter().map(|it| Value::RecordId(rows::identifier_id(it))));
            let Value::Array(found) = self.handle.run(query, tx::variables([("i", ids)])).await? else {
                return Err(rows::bad_key("linked"));
            };
            for value in found {
                let Value::Object(object) = value else { return Err(rows::bad_key("linked")) };
                let mut fields = object.into_inner();
                let (Some(Value::RecordId(a)), Some(Value::RecordId(b)), Some(Value::String(payload))) =
                    (fields.remove("in"), fields.remove("out"), fields.remove("p"))
                else {
                    return Err(rows::bad_key("linked"));
                };
                let pair = Pair { a: rows::identifier_of(&a)?, b: rows::identifier_of(&b)? };
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
        let ids = identifiers.iter().map(rows::identifier_id).collect();
        let found: BTreeMap<RecordId, Arc<IdentifierState>> = self.payloads("identifier", ids).await?;
        found
            .into_iter()
            .map(|(id, mut state)| {
                // Rows of earlier versions may exceed today's limits.
                Arc::make_mut(&mut state).facts.keep();
                Ok((rows::identifier_of(&id)?, state))
            })
            .collect()
    }

    /// The clusters with those keys. Omits unknown ones.
    pub async fn clusters(&self, keys: &[ClusterKey]) -> Result<BTreeMap<ClusterKey, Arc<ClusterState>>> {
        let ids = keys.iter().map(|key| rows::cluster_id("cell", *key)).collect();
        let found: BTreeMap<RecordId, Arc<ClusterState>> = self.payloads("cell", ids).await?;
        found.into_iter().map(|(id, cluster)| Ok((rows::cluster_key_of(&id)?, cluster))).collect()
    }

    /// The identifiers that those unified IDs lead to. Omits unknown ones.
    pub async fn identifiers_by_id(&self, ids: &[UnifiedId]) -> Result<BTreeMap<UnifiedId, Identifier>> {
        let mut identifiers = BTreeMap::new();
        for ids in ids.chunks(KEYS_AT_ONCE) {
            identifiers.extend(
                self.derived_ids(Value::from_iter(ids.iter().map(|it| Value::RecordId(rows::derived_id_key(*it)))))
                    .await?,
            );
        }
        Ok(identifiers)
    }

    /// The identifiers that unified IDs with that first byte lead to. All 256 bytes together give every ID that was ever shown.
    pub async fn identifiers_by_first_byte(&self, first_byte: u8) -> Result<BTreeMap<UnifiedId, Identifier>> {
        self.derived_ids(Value::RecordId(rows::range_of_byte("latent", first_byte))).await
    }

    /// The identifiers that a range of unified IDs leads to. A range of IDs with the same first 32 bits has one, rarely two.
    pub async fn identifiers_in(&self, ids: &RangeInclusive<UnifiedId>) -> Result<BTreeMap<UnifiedId, Identifier>> {
        self.derived_ids(Value::RecordId(rows::range_of_derived_ids(ids))).await
    }

    async fn derived_ids(&self, what: Value) -> Result<BTreeMap<UnifiedId, Identifier>> {
        let query = "SELECT VALUE [id, i] FROM $what";
        let found = self.handle.run(query, tx::variables([("what", what)])).await?;
        let Value::Array(found) = found else { return Err(rows::bad_key("latent")) };
        let mut identifiers = BTreeMap::new();
        for value in &*found {
            let Value::Array(pair) = value else { return Err(rows::bad_key("latent")) };
            let [Value::RecordId(id), Value::RecordId(identifier)] = pair.as_slice() else {
                return Err(rows::bad_key("latent"));
            };
            let key = rows::cluster_key_of(id)?.0;
            identifiers.insert(key, rows::identifier_of(identifier)?);
        }
        Ok(identifiers)
    }

    /// All orders and refunds that are kept under an identifier.
    pub async fn purchases(&self, home: UnifiedId) -> Result<Vec<PurchaseRow>> {
        let start = Array::from_iter([rows::uuid_value(home), Value::None]);
        let end = Array::from_iter([rows::uuid_value(home), Value::String("s".to_owned())]);
        let found = self.range("purchase", start.into(), end.into()).await?;
        found
            .into_iter()
            .map(|(id, payload)| {
                let is_refund = matches!(&id.key, RecordIdKey::Array(parts) if parts.get(1) == Some(&Value::String("refund".to_owned())));
                Ok(if is_refund {
                    PurchaseRow::Refund(rows::decode("purchase", &payload)?)
                } else {
                    PurchaseRow::Order(rows::decode("purchase", &payload)?)
                })
            })
            .collect()
    }

    /// The messages of a home in a span of time, both ends included, newest first. Reads the whole span into memory.
    pub async fn events(&self, home: UnifiedId, from: Timestamp, to: Timestamp) -> Result<Vec<EventRow>> {
        let key = |at: Timestamp, last: Value| {
            Array::from_iter([rows::uuid_value(home), Value::Number(Number::Int(rows::inverted(at))), last])
        };
        // Arrays sort after all strings, so an empty one is an upper bound of message IDs.
        let found =
            self.range("event", key(to, Value::None).into(), key(from, Value::Array(Array::new())).into()).await?;
        found
            .into_iter()
            .map(|(id, payload)| {
                let RecordIdKey::Array(parts) = &id.key else { return Err(rows::bad_key("event")) };
                let [_, Value::Number(Number::Int(inverted)), Value::String(message_id)] = parts.as_slice() else {
                    return Err(rows::bad_key("event"));
                };
                Ok(EventRow {
                    at: Timestamp::from_micros(i64::MAX - inverted),
                    message_id: message_id.clone(),
                    payload,
                })
            })
            .collect()
    }

    /// The number of the last commit. 0 for an empty database.
    pub async fn last_commit(&self) -> Result<i64> {
        let [superseded_by, commit, late] = self.settings(["superseded_by", COMMITS[0], COMMITS[1]]).await?;
        if superseded_by.is_some() {
            return Err(StoreError::Superseded);
        }
        // Every commit writes one of the two in its own transaction.
        Ok(larger(commit, late))
    }

    /// What the commits after `after` and up to `up_to` touched, ascending. Pruned ones are missing.
    pub async fn commits(&self, after: i64, up_to: i64) -> Result<Vec<(i64, Touched)>> {
        let found = self.range("committed", RecordIdKey::Number(after + 1), RecordIdKey::Number(up_to)).await?;
        found
            .into_iter()
            .map(|(id, payload)| match id.key {
                RecordIdKey::Number(number) => Ok((number, rows::decode("committed", &payload)?)),
                _ => Err(rows::bad_key("committed")),
            })
            .collect()
    }

    /// All decisions, including revoked ones.
    pub async fn decisions(&self) -> Result<Vec<Decision>> {
        let found = self.handle.run("SELECT id, p FROM decided", tx::no_variables()).await?;
        rows::id_and_payload(found)?.into_iter().map(|(_, payload)| rows::decode("decided", &payload)).collect()
    }

    /// All retirements, including revoked ones.
    pub async fn retirements(&self) -> Result<Vec<Retirement>> {
        let found = self.handle.run("SELECT id, p FROM retired", tx::no_variables()).await?;
        rows::id_and_payload(found)?.into_iter().map(|(_, payload)| rows::decode("retired", &payload)).collect()
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
            let RecordIdKey::Number(number) = id.key else { return Err(rows::bad_key("lineage")) };
            found.push((number, rows::decode("lineage", &payload)?));
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// The numbers of the merges and unmerges that name a unified ID, ascending.
    pub async fn lineage_of(&self, id: UnifiedId) -> Result<Vec<i64>> {
        let key = |last: Value| Array::from_iter([rows::uuid_value(id), last]).into();
        let range = rows::range("lineage_of", key(Value::None), key(Value::Array(Array::new())));
        let query = "SELECT VALUE record::id(id)[1] FROM $range";
        let found = self.handle.run(query, tx::variables([("range", Value::RecordId(range))])).await?;
        let Value::Array(found) = found else { return Err(rows::bad_key("lineage_of")) };
        found
            .into_iter()
            .map(|value| match value {
                Value::Number(Number::Int(number)) => Ok(number),
                _ => Err(rows::bad_key("lineage_of")),
            })
            .collect()
    }

    /// The withheld links whose first end has a derived ID with that first byte.
    pub async fn withheld_of(&self, first_byte: u8) -> Result<Vec<(Pair, LinkState)>> {
        let bound = |rest: u8, last: Value| {
            let mut bytes = [rest; 16];
            bytes[0] = first_byte;
            Array::from_iter([Value::Uuid(uuid::Uuid::from_bytes(bytes).into()), last]).into()
        };
        let found = self.range("withheld", bound(0, Value::None), bound(u8::MAX, Value::Array(Array::new()))).await?;
        let mut withheld: Vec<(Pair, LinkState)> =
            found.into_iter().map(|(_, payload)| rows::decode("withheld", &payload)).collect::<Result<_>>()?;
        withheld.iter_mut().for_each(|(_, link)| _ = link.seen.keep());
        Ok(withheld)
    }

    /// The number of readable messages. Scans the table, so not for queries.
    pub async fn n_messages(&self) -> Result<u64> {
        let query = "RETURN array::first((SELECT VALUE n FROM (SELECT count() AS n FROM message GROUP ALL))) ?? 0";
        match self.handle.run(query, tx::no_variables()).await? {
            Value::Number(Number::Int(n)) => Ok(u64::try_from(n)?),
            _ => Err(rows::bad_key("message")),
        }
    }

    /// A setting of this edition.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(self.select(vec![rows::text_id("setting", name)]).await?.pop().map(|(_, payload)| payload))
    }

    async fn settings<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N]> {
        let ids = names.iter().map(|it| rows::text_id("setting", it)).collect();
        let mut found: BTreeMap<RecordId, String> = self.select(ids).await?.into_iter().collect();
        Ok(names.map(|it| found.remove(&rows::text_id("setting", it))))
    }

    /// The version of the active policy. 1 for a new database.
    pub async fn policy_in_force(&self) -> Result<i64> {
        Ok(self.root_setting("policy").await?.and_then(|it| it.parse().ok()).unwrap_or(1))
    }

    /// The policy of a version.
    pub async fn policy(&self, version: i64) -> Result<Option<String>> {
        let ids = Value::from_iter([Value::RecordId(RecordId::new("policy", version))]);
        let found = self.root.run("SELECT id, p FROM $ids", tx::variables([("ids", ids)])).await?;
        Ok(rows::id_and_payload(found)?.pop().map(|(_, payload)| payload))
    }

    /// All versions of the policy, ascending.
    pub async fn policies(&self) -> Result<Vec<(i64, String)>> {
        let found = self.root.run("SELECT id, p FROM policy", tx::no_variables()).await?;
        let mut policies = Vec::new();
        for (id, payload) in rows::id_and_payload(found)? {
            let RecordIdKey::Number(version) = id.key else { return Err(rows::bad_key("policy")) };
            policies.push((version, payload));
        }
        policies.sort_unstable_by_key(|(version, _)| *version);
        Ok(policies)
    }

    /// The texts of messages whose homes have derived IDs with first two bytes from `first` to `up_to`, both included.
    pub async fn event_texts_of(&self, first: u16, up_to: u16) -> Result<Vec<String>> {
        let bound = |rest: u8, last: Value| {
            let mut bytes = [rest; 16];
            let number = if rest == 0 { first } else { up_to };
            [bytes[0], bytes[1]] = number.to_be_bytes();
            Array::from_iter([Value::Uuid(uuid::Uuid::from_bytes(bytes).into()), last]).into()
        };
        let found = self.range("event", bound(0, Value::None), bound(u8::MAX, Value::Array(Array::new()))).await?;
        Ok(found.into_iter().map(|(_, payload)| payload).collect())
    }

    /// The number of messages in this edition. Scans tables, so not for queries.
    pub async fn message_counts(&self) -> Result<MessageCounts> {
        let query = "
            LET $aside = (SELECT VALUE type::record('message', record::id(id)) FROM set_aside);
            RETURN [
                array::first((SELECT VALUE n FROM (SELECT count() AS n FROM message GROUP ALL))) ?? 0,
                array::first((SELECT VALUE n FROM (SELECT count() AS n FROM event GROUP ALL))) ?? 0,
                array::len($aside),
                array::len((SELECT VALUE id FROM $aside)),
            ];
        ";
        let Value::Array(found) = self.handle.run(query, tx::no_variables()).await? else {
            return Err(rows::bad_key("message"));
        };
        let numbers = found.into_iter().map(|value| match value {
            Value::Number(Number::Int(number)) => Ok(u64::try_from(number)?),
            _ => Err(rows::bad_key("message")),
        });
        let [kept, texts, unreadable, both] = numbers.collect::<Result<Vec<u64>>>()?[..] else {
            return Err(rows::bad_key("message"));
        };
        // An unreadable message that is sent again in a readable form is in both tables.
        Ok(MessageCounts { kept, texts, unreadable: unreadable.saturating_sub(both) })
    }

    /// The texts of messages without a usable identifier under this policy. The table keeps its old name, `set_aside`.
    pub async fn unreadable_messages(&self) -> Result<Vec<String>> {
        let found = self.handle.run("SELECT id, p FROM set_aside", tx::no_variables()).await?;
        Ok(rows::id_and_payload(found)?.into_iter().map(|(_, payload)| payload).collect())
    }

    /// The list rows whose cluster keys have that first byte.
    pub async fn profiles_of(&self, first_byte: u8) -> Result<Vec<(ClusterKey, String)>> {
        self.cluster_range("profile", first_byte).await
    }

    /// The clusters whose keys have that first byte.
    pub async fn clusters_of(&self, first_byte: u8) -> Result<Vec<(ClusterKey, ClusterState)>> {
        let found = self.cluster_range("cell", first_byte).await?;
        found.into_iter().map(|(key, payload)| Ok((key, rows::decode("cell", &payload)?))).collect()
    }

    async fn cluster_range(&self, table: &'static str, first_byte: u8) -> Result<Vec<(ClusterKey, String)>> {
        let found = self.rows(rows::range_of_byte(table, first_byte)).await?;
        found.into_iter().map(|(id, payload)| Ok((rows::cluster_key_of(&id)?, payload))).collect()
    }

    async fn range(
        &self,
        table: &'static str,
        start: RecordIdKey,
        end: RecordIdKey,
    ) -> Result<Vec<(RecordId, String)>> {
        self.rows(rows::range(table, start, end)).await
    }

    async fn rows(&self, range: RecordId) -> Result<Vec<(RecordId, String)>> {
        let query = "SELECT id, p FROM $range";
        let found = self.handle.run(query, tx::variables([("range", Value::RecordId(range))])).await?;
        rows::id_and_payload(found)
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

fn larger(one: Option<String>, other: Option<String>) -> i64 {
    [one, other].into_iter().flatten().filter_map(|it| it.parse().ok()).max().unwrap_or(0)
}

impl From<std::num::TryFromIntError> for StoreError {
    fn from(_: std::num::TryFromIntError) -> Self {
        rows::bad_key("number")
    }
}
