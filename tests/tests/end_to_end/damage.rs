//! `profile360 check` finds and names rows that differ from what the messages give.

use std::sync::Arc;

use profile360_core::{
    evidence::link::Pair,
    graph::rows::ClusterKey,
    identifier::{Identifier, Kind, unified_id::IdSecret},
    plan::changes::{Changes, Moved, OrderChange},
    time::Timestamp,
};
use profile360_store::{Commit, ProfileWrite, PurchaseRow, Store};
use profile360_tests::{Base, Ran, SECRET, in_process, messages};

use serde_json::{Value, json};

use crate::policy::publish;

#[derive(Debug, Clone, Copy)]
enum Damage {
    ListRowGone,
    ListRowChanged,
    MemberGone,
    UnifiedIdChanged,
    FactsChanged,
    LinkChanged,
    OrderChanged,
    MemberElsewhere,
    TextGone,
}

impl Damage {
    /// Each kind of damage, with its name in `check`.
    const ALL: [(Self, &'static str); 9] = [
        (Self::ListRowGone, "rows of the list that are missing"),
        (Self::ListRowChanged, "rows of the list"),
        (Self::MemberGone, "members of profiles"),
        (Self::UnifiedIdChanged, "unified IDs"),
        (Self::FactsChanged, "facts of identifiers"),
        (Self::LinkChanged, "sightings of links"),
        (Self::OrderChanged, "orders"),
        (Self::MemberElsewhere, "profiles that cannot be read as a whole"),
        (Self::TextGone, "messages without their text, or texts without their message"),
    ];

    async fn inflict(self, store: &Store) -> anyhow::Result<()> {
        let user = Identifier::new(Kind::new("external_id"), "u1");
        let phone = Identifier::new(Kind::new("phone"), "+821012345678");
        let states = store.identifiers(&[user.clone(), phone.clone()]).await?;
        let state = states[&user].clone();
        let cluster = store.clusters(&[state.cluster]).await?.remove(&state.cluster).expect("it has a cell");
        let mut changes = Changes::default();
        match self {
            Self::ListRowGone | Self::ListRowChanged => {
                let mut payload = None;
                if matches!(self, Self::ListRowChanged) {
                    for ids in store.shares().await? {
                        for (key, row) in store.list_rows_in(&ids).await? {
                            if key == state.cluster {
                                payload = Some(row.replace("김하나", "김두나"));
                            }
                        }
                    }
                }
                store.write_profiles(vec![ProfileWrite { key: state.cluster, payload }], None).await?;
                return Ok(());
            }
            Self::MemberGone => {
                let mut cluster = (*cluster).clone();
                cluster.members.retain(|it| *it != phone);
                changes.clusters.insert(state.cluster, (Arc::new(cluster), false));
            }
            Self::UnifiedIdChanged => {
                let mut cluster = (*cluster).clone();
                cluster.unified_id = states[&phone].unified_id;
                changes.clusters.insert(state.cluster, (Arc::new(cluster), false));
            }
            Self::FactsChanged => {
                let mut state = (*state).clone();
                state.facts.seen.count += 1;
                changes.identifiers.insert(user, (Arc::new(state), false));
            }
            Self::LinkChanged => {
                let pair = Pair::new(&user, &phone).expect("they are two");
                let links = store.links_of(std::slice::from_ref(&user)).await?;
                let (_, mut link) = links.into_iter().find(|(it, _)| *it == pair).expect("they are linked");
                link.seen.first_seen = Timestamp::EARLIEST;
                changes.links.insert(pair, (Arc::new(link), false));
            }
            Self::OrderChanged => {
                let Some(PurchaseRow::Order(mut order)) = store.purchases(state.unified_id).await?.pop() else {
                    panic!("there is an order");
                };
                order.message_id = Arc::from("another");
                let change = OrderChange { home: state.unified_id, order, leaves: None, is_known: true };
                changes.orders.push(change);
            }
            Self::MemberElsewhere => {
                let mut phone_state = (*states[&phone]).clone();
                let ids = [state.unified_id, phone_state.unified_id];
                let elsewhere =
                    ids.into_iter().map(ClusterKey).find(|key| *key != state.cluster).expect("one is not the cell's");
                phone_state.cluster = elsewhere;
                changes.identifiers.insert(phone, (Arc::new(phone_state), false));
            }
            Self::TextGone => {
                let event = store.events(state.unified_id, Timestamp::EARLIEST, Timestamp::LATEST).await?.remove(0);
                let (from, to) = (state.unified_id, state.unified_id);
                let message_id = event.message_id.into();
                changes.moved.push(Moved { message_id, at: event.at, from, to });
            }
        }
        let number = store.last_commit().await? + 1;
        store.commit(&Commit::of(number, &changes), &IdSecret::new(SECRET)).await?;
        Ok(())
    }
}

/// One customer, damaged.
fn damaged(damage: Damage) -> Base {
    let who = json!({ "external_id": "u1", "phone": "010-1234-5678" });
    let plain = messages::ndjson(&[
        messages::identify("m1", "2025-03-01T10:00:00Z", who.clone(), json!({ "df_name": "김하나" })),
        messages::purchase("m2", "2025-03-02T10:00:00Z", who, "o1", "1000"),
    ]);
    let base = Base::with(&plain);
    base.check();
    let database = base.database();
    in_process(async move {
        let store = profile360_store::connect(&database).await?;
        damage.inflict(&store).await?;
        store.close().await;
        anyhow::Ok(())
    })
    .expect("the damage can be done");
    base
}

#[test]
fn check_names_each_difference() {
    for (damage, name) in Damage::ALL {
        let base = damaged(damage);
        let Ran { status, stdout, stderr } = base.run(&["check"]);
        assert_eq!(status, Some(1), "{damage:?}: {stdout}{stderr}");
        assert!(stdout.contains(&format!("differs: {name} (")), "{damage:?}: {stdout}");
        assert!(stderr.contains("error: the database differs from what its messages say"), "{damage:?}: {stderr}");
    }
}

/// A customer with inconsistent rows exists: no response may say that it does not.
#[tokio::test]
async fn a_damaged_customer_is_an_error_and_not_absent() {
    let base = damaged(Damage::MemberElsewhere);
    let database = base.database();
    in_process(async move {
        let store = profile360_store::connect(&database).await?;
        let user = Identifier::new(Kind::new("external_id"), "u1");
        let cluster = store.identifiers(std::slice::from_ref(&user)).await?[&user].cluster;
        let changes = Changes { touched: [cluster].into(), ..Changes::default() };
        let number = store.last_commit().await? + 1;
        store.commit(&Commit::of(number, &changes), &IdSecret::new(SECRET)).await?;
        store.close().await;
        anyhow::Ok(())
    })
    .expect("the list is made to read it again");
    let server = base.serve();
    let ids = server.unified_ids().await;
    assert_eq!(ids.len(), 1, "the list keeps its row");
    let id = &ids[0];
    let by_id = format!("{{ profile(by: {{ unifiedId: \"{id}\" }}) {{ unifiedId }} }}");
    let by_value = "{ profile(by: { identifier: { kind: \"external_id\", value: \"u1\" } }) { unifiedId } }";
    let listed = "{ profiles { nodes { basic { name } purchases { peakHour } } } }";
    let node = server.ask("{ profiles { nodes { id } } }", Value::Null).await["profiles"]["nodes"][0]["id"].take();
    let nodes = format!("{{ nodes(ids: [{node}]) {{ id }} }}");
    let explain = "{ explain(a: { kind: \"external_id\", value: \"u1\" }, b: { kind: \"external_id\", value: \"u1\" }) \
        { together } }";
    let lineage = format!("{{ lineage(unifiedId: \"{id}\") {{ nodes {{ kind }} }} }}");
    for question in [&by_id, by_value, listed, &nodes, explain, &lineage] {
        let codes = server.codes(question, Value::Null).await;
        assert!(!codes.is_empty() && codes.iter().all(|code| code == "UNAVAILABLE"), "{question}: {codes:?}");
    }
    assert_eq!(server.stop(), Some(0));
    let Ran { status, stderr, .. } = base.run(&["export", "--out", "customers.ndjson"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("the rows of a customer contradict each other"), "{stderr}");
    let Ran { status, stderr, .. } = base.import("messages.ndjson");
    assert_eq!(status, Some(1));
    assert!(stderr.contains("the list could not be brought up to date"), "{stderr}");
}

/// A projection is computed from the journal, not from the projection before it.
#[tokio::test]
async fn publishing_a_policy_repairs_every_damage() {
    for (damage, _) in Damage::ALL {
        let base = damaged(damage);
        let server = base.serve();
        let version = publish(&server, json!({}), None).await;
        assert_eq!(version, 2, "{damage:?}");
        assert_eq!(server.stop(), Some(0));
        base.check();
    }
}
