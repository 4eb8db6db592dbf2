//! Whole customers, read from the store and folded by core.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    evidence::decision::Decisions,
    graph::{
        input::is_shared,
        rows::{CellKey, CellState, IdentifierState},
    },
    identifier::{Identifier, UnifiedId},
    message::order::{Order, Refund},
    profile::{self, fold::Member, model::Profile, revision},
    time::Timestamp,
};
use profile360_store::{PurchaseRow, Store, StoreError};

use crate::engine::active_policy::ActivePolicy;

/// One customer as of one state of the base.
#[derive(Debug)]
pub struct Customer {
    pub key: CellKey,
    pub cell: Arc<CellState>,
    /// As many as the cell has, in its order.
    pub members: Vec<(Identifier, Arc<IdentifierState>)>,
    pub profile: Profile,
}

impl Customer {
    /// Changes whenever a fact, a decision or the policy changes this customer.
    pub fn revision(&self, decisions: &Decisions, rules: &ActivePolicy) -> String {
        let retirements = rules.retirements();
        let members = self.members.iter().map(|(it, state)| (it, &state.facts, retirements.retired_at(it)));
        let about = self.members.iter().flat_map(|(it, _)| decisions.of(it)).map(AsRef::as_ref);
        revision::revision(rules.version, members, about)
    }
}

/// All that a customer bought and gave back.
#[derive(Debug, Default)]
pub struct Purchased {
    pub orders: Vec<Order>,
    pub refunds: Vec<Refund>,
}

/// How often a read that fell between two commits is made again.
const MAX_ATTEMPTS: usize = 20;

/// What was read of some cells; a cell that is gone is in neither.
#[derive(Debug, Default)]
pub struct Loaded {
    pub customers: BTreeMap<CellKey, Arc<Customer>>,
    /// Cells that are there, but could not be read together with their members.
    pub torn: Vec<CellKey>,
}

/// Reads the customers of those cells; one that is gone is left out.
///
/// # Errors
///
/// [`StoreError::Torn`] where one is there and could not be read as a whole: that is not the same as being gone.
pub async fn load(
    store: &Store,
    rules: &ActivePolicy,
    keys: &[CellKey],
) -> Result<BTreeMap<CellKey, Arc<Customer>>, StoreError> {
    let Loaded { customers, torn } = load_some(store, rules, keys).await?;
    if torn.is_empty() { Ok(customers) } else { Err(StoreError::Torn) }
}

/// Reads the customers of those cells, those that can be read as a whole.
///
/// A cell and its members are two reads. Where a commit came between them some member says that it is of another cell (or
/// the cell is gone); those customers are read again, so that nobody ever sees half of a merge.
pub async fn load_some(store: &Store, rules: &ActivePolicy, keys: &[CellKey]) -> Result<Loaded, StoreError> {
    let mut customers = BTreeMap::new();
    let mut pending: Vec<CellKey> = keys.to_vec();
    for _ in 0..MAX_ATTEMPTS {
        let cells = store.cells(&pending).await?;
        let identifiers: Vec<Identifier> = cells.values().flat_map(|it| it.members.iter().cloned()).collect();
        let states = store.identifiers(&identifiers).await?;
        pending.clear();
        for (key, cell) in cells {
            let members: Option<Vec<(Identifier, Arc<IdentifierState>)>> = cell
                .members
                .iter()
                .map(|it| states.get(it).filter(|state| state.cell == key).map(|state| (it.clone(), state.clone())))
                .collect();
            match members {
                Some(members) => drop(customers.insert(key, Arc::new(fold(key, cell, members, rules)))),
                None => pending.push(key),
            }
        }
        if pending.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(Loaded { customers, torn: pending })
}

/// The customers that identifiers belong to; an identifier that was never seen is left out.
///
/// # Errors
///
/// [`StoreError::Torn`] where one belongs to a customer that cannot be read as a whole.
pub async fn of_identifiers(
    store: &Store,
    rules: &ActivePolicy,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, Arc<Customer>>, StoreError> {
    // Where a merge comes between the two reads the cell is gone that the first one named.
    for _ in 0..MAX_ATTEMPTS {
        let cells = cells_of_identifiers(store, identifiers).await?;
        let keys: BTreeSet<CellKey> = cells.values().copied().collect();
        let customers = load(store, rules, &keys.into_iter().collect::<Vec<_>>()).await?;
        let found: Option<BTreeMap<_, _>> = cells
            .into_iter()
            .map(|(identifier, key)| customers.get(&key).map(|customer| (identifier, customer.clone())))
            .collect();
        if let Some(found) = found {
            return Ok(found);
        }
        tokio::task::yield_now().await;
    }
    Err(StoreError::Torn)
}

/// The customers of unified IDs, of any that was ever issued; one that never was is left out.
///
/// # Errors
///
/// [`StoreError::Torn`] where one belongs to a customer that cannot be read as a whole.
pub async fn of_ids(
    store: &Store,
    rules: &ActivePolicy,
    ids: &[UnifiedId],
) -> Result<BTreeMap<UnifiedId, Arc<Customer>>, StoreError> {
    let identifiers = store.identifiers_by_id(ids).await?;
    let customers = of_identifiers(store, rules, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, it)| Some((id, customers.get(&it)?.clone()))).collect())
}

fn fold(
    key: CellKey,
    cell: Arc<CellState>,
    members: Vec<(Identifier, Arc<IdentifierState>)>,
    rules: &ActivePolicy,
) -> Customer {
    let retirements = rules.retirements();
    let parts: Vec<Member<'_>> = members
        .iter()
        .map(|(identifier, state)| Member {
            identifier,
            uid: state.unified_id,
            first_seen: state.facts.seen.first_seen,
            last_seen: state.facts.seen.last_seen,
            sources: &state.facts.seen.sources,
            shared: is_shared(&identifier.kind, &state.facts.neighbours, rules),
            retired_at: retirements.retired_at(identifier),
            facet: &state.facts.facet,
        })
        .collect();
    let profile = profile::fold::fold(&parts, cell.unified_id, rules);
    drop(retirements);
    Customer { key, cell, members, profile }
}

/// Of all owners of a value the newest that was seen; where none was, the one of now.
pub async fn owner_of(
    store: &Store,
    rules: &ActivePolicy,
    value: &Identifier,
    now: Timestamp,
) -> Result<Identifier, StoreError> {
    let (owners, owner_now) = {
        let retirements = rules.retirements();
        (retirements.owners(value), retirements.owner_at(value, now))
    };
    if let [only] = owners.as_slice() {
        return Ok(only.clone());
    }
    let seen = store.identifiers(&owners).await?;
    let newest = seen.into_keys().rfind(|it| it.generation <= owner_now.generation);
    Ok(newest.unwrap_or(owner_now))
}

/// The cells of identifiers; one that was never seen is left out.
pub async fn cells_of_identifiers(
    store: &Store,
    identifiers: &[Identifier],
) -> Result<BTreeMap<Identifier, CellKey>, StoreError> {
    let states = store.identifiers(identifiers).await?;
    Ok(states.into_iter().map(|(identifier, state)| (identifier, state.cell)).collect())
}

/// The cells of unified IDs, of any that was ever issued; one that never was is left out.
pub async fn cells_of_ids(store: &Store, ids: &[UnifiedId]) -> Result<BTreeMap<UnifiedId, CellKey>, StoreError> {
    let identifiers = store.identifiers_by_id(ids).await?;
    let cells = cells_of_identifiers(store, &identifiers.values().cloned().collect::<Vec<_>>()).await?;
    Ok(identifiers.into_iter().filter_map(|(id, identifier)| Some((id, *cells.get(&identifier)?))).collect())
}

/// Reads what a customer bought.
pub async fn purchases(store: &Store, customer: &Customer) -> Result<Purchased, StoreError> {
    let mut purchased = Purchased::default();
    for (_, state) in &customer.members {
        // Only an identifier that messages are kept under can have purchases.
        if state.facts.facet.activity.event_count == 0 {
            continue;
        }
        for row in store.purchases(state.unified_id).await? {
            match row {
                PurchaseRow::Order(order) => purchased.orders.push(order),
                PurchaseRow::Refund(refund) => purchased.refunds.push(refund),
            }
        }
    }
    Ok(purchased)
}
