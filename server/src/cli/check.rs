//! `profile360 check`: compares derived rows with a computation from the stored messages.

use std::{collections::BTreeMap, process::ExitCode};

use profile360_core::{
    evidence::facts::Facts,
    graph::rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
    identifier::{Identifier, unified_id::unified_id},
    message::{
        order::{Order, OrderKey, Refund},
        parse::parse_kept,
    },
    time::Timestamp,
};
use profile360_directory::ListRow;
use profile360_store::{PurchaseRow, Store, StoreError};

use super::{DatabaseOptions, Opened};
use crate::{
    clock,
    engine::{
        active_policy::ActivePolicy,
        directory,
        policy_rollout::{self, JournalWindow},
    },
    views::profile_view::{self, Loaded},
};

/// Computes everything again from the stored messages and compares: identifiers, links, profiles, purchases, sessions,
/// and the list. Changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    database: DatabaseOptions,
}

/// The number of differences by kind.
#[derive(Debug, Default)]
struct Differences(BTreeMap<&'static str, u64>);

impl Differences {
    fn note(&mut self, what: &'static str, differs: bool) {
        if differs {
            *self.0.entry(what).or_default() += 1;
        }
    }
}

/// The derived rows in the database.
#[derive(Debug, Default)]
struct Stored {
    clusters: BTreeMap<ClusterKey, ClusterState>,
    identifiers: BTreeMap<Identifier, IdentifierState>,
    links: BTreeMap<profile360_core::evidence::link::Pair, LinkState>,
    orders: BTreeMap<OrderKey, (Identifier, Order)>,
    refunds: BTreeMap<std::sync::Arc<str>, (Identifier, Refund)>,
    n_events: u64,
}

pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let Opened { store, policy, secret } = options.database.open_existing().await?;
    if policy_rollout::is_outdated(&store).await? {
        store.close().await;
        anyhow::bail!(
            "the database has the normal forms of an older program; start `profile360 serve` or an import with it, which reads its \
             messages again, and check it then"
        );
    }
    let base = store;
    let store = base.snapshot();
    let mut facts = Facts::default();
    facts.decisions = store.decisions().await?;
    let retirements = policy.retirements().clone();
    let mut differences = Differences::default();
    let stored = read(&store, |payload| match parse_kept(payload, &policy) {
        Ok(mut accepted) => {
            retirements.assign(&mut accepted.message);
            differences_of_repeat(facts.add(&accepted.message))
        }
        Err(_) => Some("messages that cannot be read"),
    })
    .await?;
    let (stored, faults) = stored;
    for fault in faults {
        differences.note(fault, true);
    }

    let resolution = facts.resolve(&policy);
    let partition = &resolution.partition;
    differences.note("identifiers in number", stored.identifiers.len() != resolution.identifiers.len());
    differences.note("profiles in number", stored.clusters.len() != partition.clusters.len());
    differences.note("links in number", stored.links.len() != resolution.links.len());
    for (node, (identifier, expected)) in resolution.identifiers.iter().enumerate() {
        let Some(state) = stored.identifiers.get(*identifier) else {
            differences.note("identifiers that are missing", true);
            continue;
        };
        differences.note("facts of identifiers", state.facts != **expected);
        let cluster = partition.cluster_of[node];
        let members = partition.clusters[cluster].iter().map(|it| resolution.identifiers[*it].0);
        let anchor = resolution.identifiers[partition.anchors[cluster]].0;
        match stored.clusters.get(&state.cluster) {
            Some(found) => {
                differences.note("members of profiles", !found.members.iter().eq(members));
                differences.note("unified IDs", found.unified_id != unified_id(anchor, &secret));
                differences.note("marks of contested profiles", found.is_contested != partition.is_contested[cluster]);
            }
            None => differences.note("profiles that are missing", true),
        }
    }
    for ((pair, seen), withheld) in resolution.links.iter().zip(&partition.withheld) {
        match stored.links.get(*pair) {
            Some(link) => {
                differences.note("sightings of links", link.seen != **seen);
                differences.note("reasons of withheld links", link.withheld != *withheld);
            }
            None => differences.note("links that are missing", true),
        }
    }
    differences.note("orders", stored.orders != facts.orders);
    let in_place = facts.refunds_in_place().map(|(home, it)| (it.message_id.clone(), (home.clone(), it.clone())));
    let refunds: BTreeMap<_, _> = in_place.collect();
    differences.note("refunds", stored.refunds != refunds);
    let counts = store.row_counts().await?;
    differences.note(
        "messages without their text, or texts without their message",
        n_texts(&store).await? != counts.timeline + counts.unreadable || counts.timeline != stored.n_events,
    );
    let n_unlisted = check_list(&store, &policy, &stored, &mut differences).await?;
    drop(store);
    base.close().await;

    println!(
        "{} messages, {} identifiers, {} links, {} profiles, {} orders",
        stored.n_events,
        stored.identifiers.len(),
        stored.links.len(),
        stored.clusters.len(),
        stored.orders.len()
    );
    if 0 < n_unlisted {
        println!("{n_unlisted} customers wait to be listed; the next server or import does that");
    }
    if differences.0.is_empty() {
        println!("everything is as the messages say");
        return Ok(ExitCode::SUCCESS);
    }
    for (what, n) in &differences.0 {
        println!("differs: {what} ({n})");
    }
    anyhow::bail!("the database differs from what its messages say")
}

/// The number of messages in the journal.
async fn n_texts(store: &Store) -> Result<u64, StoreError> {
    let last = store.last_commit().await?;
    let mut window = JournalWindow::default();
    let mut n_texts = 0;
    while let Some(commits) = window.next(last) {
        let entries = store.journal(*commits.start() - 1, *commits.end()).await?;
        window.note(&entries);
        n_texts += entries.iter().map(|(_, entry)| entry.messages().len() as u64).sum::<u64>();
    }
    Ok(n_texts)
}

fn differences_of_repeat(is_new: bool) -> Option<&'static str> {
    (!is_new).then_some("messages that are there twice")
}

async fn read(
    store: &Store,
    mut take: impl FnMut(&str) -> Option<&'static str>,
) -> Result<(Stored, Vec<&'static str>), StoreError> {
    let mut stored = Stored::default();
    let mut faults = Vec::new();
    for ids in store.shares().await? {
        stored.clusters.extend(store.clusters_in(&ids).await?);
    }
    for (key, cluster) in &stored.clusters {
        let states = store.identifiers(&cluster.members).await?;
        stored.links.extend(store.links_of(&cluster.members).await?);
        for member in &cluster.members {
            let Some(state) = states.get(member) else {
                faults.push("members that are no identifiers");
                continue;
            };
            if state.cluster != *key {
                faults.push("members that say they are elsewhere");
            }
            for event in store.events(state.unified_id, Timestamp::EARLIEST, Timestamp::LATEST).await? {
                stored.n_events += 1;
                faults.extend(take(&event.payload));
            }
            for row in store.purchases(state.unified_id).await? {
                match row {
                    PurchaseRow::Order(order) => {
                        drop(stored.orders.insert(order.key.clone(), (member.clone(), order)));
                    }
                    PurchaseRow::Refund(refund) => {
                        drop(stored.refunds.insert(refund.message_id.clone(), (member.clone(), refund)));
                    }
                }
            }
            stored.identifiers.insert(member.clone(), IdentifierState::clone(state));
        }
    }
    Ok((stored, faults))
}

/// Checks list rows as of the date of each. Returns the number of customers that an interrupted writer left unlisted.
async fn check_list(
    store: &Store,
    policy: &ActivePolicy,
    stored: &Stored,
    differences: &mut Differences,
) -> Result<usize, StoreError> {
    let (.., unlisted) = directory::unlisted(store).await?;
    let mut listed: BTreeMap<ClusterKey, ListRow> = BTreeMap::new();
    for ids in store.shares().await? {
        for (key, payload) in store.list_rows_in(&ids).await? {
            match serde_json::from_str(&payload) {
                _ if unlisted.contains(&key) => {}
                Ok(row) => drop(listed.insert(key, row)),
                Err(_) => differences.note("rows of the list that cannot be read", true),
            }
        }
    }
    let expected: Vec<ClusterKey> = stored.clusters.keys().filter(|it| !unlisted.contains(it)).copied().collect();
    differences.note("rows of the list in number", listed.len() != expected.len());
    let today = clock::today(policy);
    for key in &expected {
        let Loaded { customers, contradictory } = profile_view::load_some(store, policy, &[*key]).await?;
        if !contradictory.is_empty() {
            differences.note("profiles that cannot be read as a whole", true);
            continue;
        }
        let (Some(customer), Some(row)) = (customers.get(key), listed.get(key)) else {
            differences.note("rows of the list that are missing", true);
            continue;
        };
        let purchased = profile_view::purchases(store, customer).await?;
        let day = if row.due.is_some_and(|it| it <= today) { today } else { row.as_of };
        differences.note(
            "rows of the list",
            ListRow::new(&customer.profile, &purchased.orders, &purchased.refunds, policy, day) != *row,
        );
    }
    Ok(unlisted.len())
}
