//! `profile360 check` finds what is not as the messages say, and names it.

use std::sync::Arc;

use profile360_core::{
    identifier::{Identifier, Kind},
    link::Pair,
    plan::{Changes, OrderChange},
    time::Timestamp,
    unified_id::IdSecret,
};
use profile360_server::store::{self, Commit, ProfileWrite, PurchaseRow, Store};
use profile360_tests::{Base, Ran, SECRET, in_process, messages};
use serde_json::json;

#[derive(Debug, Clone, Copy)]
enum Damage {
    ListRowGone,
    ListRowChanged,
    MemberGone,
    UnifiedIdChanged,
    FactsChanged,
    LinkChanged,
    OrderChanged,
}

impl Damage {
    /// Each, and what `check` calls it.
    const ALL: [(Self, &'static str); 7] = [
        (Self::ListRowGone, "rows of the list that are missing"),
        (Self::ListRowChanged, "rows of the list"),
        (Self::MemberGone, "members of profiles"),
        (Self::UnifiedIdChanged, "unified IDs"),
        (Self::FactsChanged, "facts of identifiers"),
        (Self::LinkChanged, "sightings of links"),
        (Self::OrderChanged, "orders"),
    ];

    async fn inflict(self, store: &Store) -> anyhow::Result<()> {
        let user = Identifier::new(Kind::new("external_id"), "u1");
        let phone = Identifier::new(Kind::new("phone"), "+821012345678");
        let states = store.identifiers(&[user.clone(), phone.clone()]).await?;
        let state = states[&user].clone();
        let cell = store.cells(&[state.cell]).await?.remove(&state.cell).expect("it has a cell");
        let mut changes = Changes::default();
        match self {
            Self::ListRowGone | Self::ListRowChanged => {
                let mut payload = None;
                if matches!(self, Self::ListRowChanged) {
                    for first_byte in 0..=u8::MAX {
                        for (key, row) in store.profiles_of(first_byte).await? {
                            if key == state.cell {
                                payload = Some(row.replace("김하나", "김두나"));
                            }
                        }
                    }
                }
                store.write_profiles(vec![ProfileWrite { key: state.cell, payload }], None).await?;
                return Ok(());
            }
            Self::MemberGone => {
                let mut cell = (*cell).clone();
                cell.members.retain(|it| *it != phone);
                changes.cells.insert(state.cell, (cell, false));
            }
            Self::UnifiedIdChanged => {
                let mut cell = (*cell).clone();
                cell.unified_id = states[&phone].unified_id;
                changes.cells.insert(state.cell, (cell, false));
            }
            Self::FactsChanged => {
                let mut state = (*state).clone();
                state.facts.seen.count += 1;
                changes.identifiers.insert(user, (state, false));
            }
            Self::LinkChanged => {
                let pair = Pair::new(&user, &phone).expect("they are two");
                let links = store.links_of(std::slice::from_ref(&user)).await?;
                let (_, mut link) = links.into_iter().find(|(it, _)| *it == pair).expect("they are linked");
                link.seen.first_seen = Timestamp::EARLIEST;
                changes.links.insert(pair, (link, false));
            }
            Self::OrderChanged => {
                let Some(PurchaseRow::Order(mut order)) = store.purchases(state.unified_id).await?.pop() else {
                    panic!("there is an order");
                };
                order.message_id = Arc::from("another");
                let change = OrderChange { home: state.unified_id, order, leaves: None, is_known: true };
                changes.orders.push(change);
            }
        }
        let number = store.last_commit().await? + 1;
        store.commit(&Commit::of(number, &changes), &IdSecret::new(SECRET)).await?;
        Ok(())
    }
}

#[test]
fn what_differs_from_the_messages_is_named() {
    let who = json!({ "external_id": "u1", "phone": "010-1234-5678" });
    let plain = messages::ndjson(&[
        messages::identify("m1", "2025-03-01T10:00:00Z", who.clone(), json!({ "df_name": "김하나" })),
        messages::purchase("m2", "2025-03-02T10:00:00Z", who, "o1", "1000"),
    ]);
    for (damage, name) in Damage::ALL {
        let base = Base::with(&plain);
        base.check();
        let database = base.database();
        in_process(async move {
            let store = store::connect(&database).await?;
            damage.inflict(&store).await?;
            store.close().await;
            anyhow::Ok(())
        })
        .expect("the damage can be done");
        let Ran { status, stdout, stderr } = base.run(&["check"]);
        assert_eq!(status, Some(1), "{damage:?}: {stdout}{stderr}");
        assert!(stdout.contains(&format!("differs: {name} (")), "{damage:?}: {stdout}");
        assert!(stderr.contains("error: the base differs from what its messages say"), "{damage:?}: {stderr}");
    }
}
