//! Concurrent writers on one database: each message counts once, and the result equals that of a single writer. Deferred requests
//! have the same result as immediate ones.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use profile360_core::{
    evidence::{
        decision::{Decision, Relation, Revocation},
        facts::Facts,
        link::Pair,
        retirement::{Retirement, Retirements},
    },
    graph::rows::IdentifierState,
    identifier::{
        Identifier, Kind,
        unified_id::{IdSecret, unified_id},
    },
    message::parse::accepted::Accepted,
    plan::changes::{Changes, Outcome},
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};
use profile360_server::engine::{
    active_policy::PublishedPolicy,
    pipeline::{Command, CommandOutcome, Pipeline, PipelineError},
    policy_rollout::{PolicyRollout, Progress},
};
use profile360_store::{Commit, Rows, Store, StoreError};
use profile360_tests::{
    Base, Deadline, POLICY_VERSION, SECRET, Writers, accepted, accepted_by, in_process, messages, policy,
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

/// Sends all messages in batches. Returns the IDs of those that this writer stored.
async fn write(pipeline: Pipeline, messages: Vec<Accepted>, batch: usize) -> anyhow::Result<Vec<String>> {
    let mut stored = Vec::new();
    for batch in messages.chunks(batch) {
        let deadline = Deadline::new("a turn to write the batch");
        let receipt = loop {
            deadline.check("Busy");
            match pipeline.ingest(batch.to_vec(), POLICY_VERSION).await {
                // A conflict with other writers: nothing of this batch is written, so retry.
                Err(PipelineError::Busy) => {}
                result => break result?,
            }
        };
        assert_eq!(receipt.ingested.len(), batch.len());
        for (message, result) in batch.iter().zip(&receipt.ingested) {
            assert!(result.unified_id.is_some(), "every message has a customer, also a duplicate");
            if result.outcome != Outcome::Duplicate {
                stored.push(message.message.id.to_string());
            }
        }
    }
    Ok(stored)
}

/// Two writers send the same messages concurrently, each in its own order. Returns how often each message was stored.
fn write_twice(base: &Base, one: &str, other: &str, batches: [usize; 2]) -> BTreeMap<String, u32> {
    // A command creates the database, with its policy and its secret.
    base.write("empty.ndjson", "");
    assert_eq!(base.import("empty.ndjson").status, Some(0));
    let (one, other) = (accepted(one), accepted(other));
    let database = Base::database(base);
    let stored = in_process(async move {
        let mut writers = Writers::open(&database).await?;
        let one = tokio::spawn(write(writers.pipeline().await?, one, batches[0]));
        let other = tokio::spawn(write(writers.pipeline().await?, other, batches[1]));
        let stored = [one.await??, other.await??].concat();
        writers.close().await?;
        anyhow::Ok(stored)
    });
    let mut n_stored = BTreeMap::new();
    for id in stored.expect("both can write") {
        *n_stored.entry(id).or_default() += 1;
    }
    n_stored
}

#[tokio::test]
async fn two_writers_give_the_same_result_as_one() {
    let plain = messages::generated(60, 31);
    let base = Base::new();
    let n_stored = write_twice(&base, &plain, &messages::shuffled(&plain), [90, 70]);
    assert!(n_stored.values().all(|it| *it == 1), "exactly one of them stores each message");

    let alone = Base::with(&plain);
    assert_eq!(base.check(), alone.check());
    let everything = async |base: &Base| base.serve().everything("2026-01-01").await;
    assert_eq!(everything(&base).await, everything(&alone).await);
}

/// Messages of few people who share much, so that a handful has limits, merges and shared values.
fn messages() -> impl Strategy<Value = Vec<Value>> {
    let identifiers = (any::<[u8; 3]>(), 1..8_u8).prop_map(|([user, phone, device], present)| {
        let kinds = [
            ("external_id", format!("u{}", user % 5)),
            ("phone", format!("010-1234-567{}", phone % 4)),
            ("device_id", format!("d{}", device % 3)),
        ];
        kinds
            .into_iter()
            .enumerate()
            .filter(|(n, _)| present >> n & 1 == 1)
            .map(|(_, (kind, value))| (kind.to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
    });
    let message = (identifiers, 0..3_u8, 1..20_u8, 0..4_u8);
    vec(message, 1..30).prop_map(|messages| {
        let message = |(n, (identifiers, kind, day, order))| {
            let (id, at, who) = (format!("m{n}"), format!("2025-03-{day:02}T10:00:00Z"), Value::Object(identifiers));
            match kind {
                0 => messages::identify(&id, &at, who, json!({ "df_name": format!("name {n}") })),
                1 => messages::purchase(&id, &at, who, &format!("o{order}"), "100"),
                _ => messages::event(&id, &at, who, "df_login", json!({})),
            }
        };
        messages.into_iter().enumerate().map(message).collect()
    })
}

#[test]
fn the_database_agrees_with_core_in_any_order_of_arrival() {
    let cases = Config { cases: 12, max_shrink_iters: 40, ..Config::with_source_file(file!()) };
    let mut runner = TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = (messages().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())), [1..5_usize, 1..5]);
    let law = |((one, other), batches): ((Vec<Value>, Vec<Value>), [usize; 2])| {
        let base = Base::new();
        let (one, other) = (messages::ndjson(&one), messages::ndjson(&other));
        let n_stored = write_twice(&base, &one, &other, batches);
        assert_eq!(n_stored.len(), one.lines().count());
        assert!(n_stored.values().all(|it| *it == 1));
        base.check();

        assert_eq!(held(&base), resolved(&one, Vec::new()));
        Ok(())
    };
    if let Err(error) = runner.run(&strategy, law) {
        panic!("{error}");
    }
}

type TwoOrders = (Vec<Value>, Vec<Value>);
/// Decisions, and whether each is revoked.
type DecisionRequests = Vec<(Decision, bool)>;

/// Decisions on pairs of identifiers of the messages, some of which are revoked.
fn decision_requests() -> impl Strategy<Value = DecisionRequests> {
    let named = (0..3_usize, 0..5_u8).prop_map(|(kind, number)| {
        let (kind, value) = [
            ("external_id", format!("u{number}")),
            ("phone", format!("+8210123456{}", 70 + number)),
            ("device_id", format!("d{number}")),
        ][kind]
            .clone();
        Identifier::new(Kind::new(kind), &value)
    });
    let pair = (named.clone(), named).prop_filter_map("of two", |(a, b)| Pair::new(&a, &b));
    let relation = any::<bool>().prop_map(|it| if it { Relation::Same } else { Relation::Different });
    vec((relation, pair, any::<bool>()), 1..6).prop_map(|requests| {
        let decision = |(n, (relation, pair, is_revoked)): (usize, (Relation, Pair, bool))| {
            let at = Timestamp::from_micros(i64::try_from(n).expect("few"));
            let id = Arc::from(format!("d{n}"));
            let (reason, actor) = (Arc::from("they said so"), Arc::from("a test"));
            (Decision { id, relation, pair, at, reason, actor, revoked: None }, is_revoked)
        };
        requests.into_iter().enumerate().map(decision).collect()
    })
}

/// Makes decisions and revokes some. Returns the active ones.
async fn decide(pipeline: Pipeline, requests: DecisionRequests) -> anyhow::Result<Vec<Decision>> {
    let mut active = Vec::new();
    for (decision, is_revoked) in requests {
        let made = settle(&pipeline, &Command::Make(vec![decision.clone()])).await?;
        if !matches!(made, CommandOutcome::Applied { .. }) {
            continue;
        }
        if !is_revoked {
            active.push(decision);
            continue;
        }
        let by = Revocation { at: decision.at, reason: Arc::from("a mistake"), actor: Arc::from("a test") };
        let revoked = settle(&pipeline, &Command::Revoke { id: decision.id.to_string(), by }).await?;
        assert!(matches!(revoked, CommandOutcome::Applied { .. }), "{revoked:?}");
    }
    Ok(active)
}

async fn settle(pipeline: &Pipeline, command: &Command) -> Result<CommandOutcome, PipelineError> {
    let deadline = Deadline::new("a turn to decide");
    loop {
        deadline.check("Busy");
        match pipeline.decide(command.clone(), None).await {
            // A conflict with other writers: nothing is decided, so retry.
            Err(PipelineError::Busy) => {}
            settled => return settled,
        }
    }
}

#[test]
fn deferred_requests_have_the_same_result() {
    let cases = Config { cases: 12, max_shrink_iters: 40, ..Config::with_source_file(file!()) };
    let mut runner = TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = (messages().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())), decision_requests());
    let law = |((one, other), requests): (TwoOrders, DecisionRequests)| {
        let base = Base::new();
        base.write("empty.ndjson", "");
        assert_eq!(base.import("empty.ndjson").status, Some(0));
        let (one, other) = (messages::ndjson(&one), messages::ndjson(&other));
        let (first, second) = (accepted(&one), accepted(&other));
        let database = base.database();
        let active = in_process(async move {
            let mut writers = Writers::open(&database).await?;
            // One writer uses the same pipeline, and another one a pipeline of its own.
            let (near, far) = (writers.pipeline_with_tiny_budget().await?, writers.pipeline_with_tiny_budget().await?);
            let deciding = tokio::spawn(decide(near.clone(), requests));
            let writing = [(near, first, 2), (far, second, 3)]
                .map(|(pipeline, messages, batch)| tokio::spawn(write(pipeline, messages, batch)));
            let mut n_stored = 0;
            for writing in writing {
                n_stored += writing.await??.len();
            }
            let active = deciding.await??;
            writers.close().await?;
            anyhow::Ok((active, n_stored))
        });
        let (active, n_stored) = active.expect("all can write");
        assert_eq!(n_stored, one.lines().count(), "each message is stored once");
        base.check();
        assert_eq!(held(&base), resolved(&one, active));
        Ok(())
    };
    if let Err(error) = runner.run(&strategy, law) {
        panic!("{error}");
    }
}

/// The decision is read ahead while the message is queued for that.
#[test]
fn deferred_requests_respect_decisions_made_in_between() {
    // Two users of one phone: a limit separates them, so new links to them need resolution.
    let at = "2025-03-01T10:00:00Z";
    let before = messages::ndjson(&[
        messages::event("m1", at, json!({ "external_id": "u1", "phone": "010-1234-5678" }), "df_login", json!({})),
        messages::event("m2", at, json!({ "external_id": "u2", "phone": "010-1234-5678" }), "df_login", json!({})),
        messages::event("m3", at, json!({ "device_id": "d1" }), "df_login", json!({})),
    ]);
    let linking = messages::event("m4", at, json!({ "external_id": "u1", "device_id": "d1" }), "df_login", json!({}));
    let base = Base::with(&before);
    let database = base.database();
    let [user, device] =
        [("external_id", "u1"), ("device_id", "d1")].map(|(kind, value)| Identifier::new(Kind::new(kind), value));
    let decision = Decision {
        id: Arc::from("d"),
        relation: Relation::Different,
        pair: Pair::new(&user, &device).expect("they are two"),
        at: Timestamp::EARLIEST,
        reason: Arc::from("they said so"),
        actor: Arc::from("a test"),
        revoked: None,
    };
    in_process(async move {
        let mut writers = Writers::open(&database).await?;
        let pipeline = writers.pipeline_with_tiny_budget().await?;
        let linking = accepted(&messages::ndjson(&[linking]));
        let (decided, ingested) = tokio::join!(
            pipeline.decide(Command::Make(vec![decision]), None),
            pipeline.ingest(linking, POLICY_VERSION)
        );
        assert!(matches!(decided?, CommandOutcome::Applied { .. }));
        assert_eq!(ingested?.ingested.len(), 1);
        drop(pipeline);
        writers.close().await
    })
    .expect("both are written");
    base.check();
    let held = held(&base);
    assert_ne!(held["external_id:u1"], held["device_id:d1"], "the decision separates them");
}

/// The engine would end in the middle of a transaction that does not fit into its memory, and could not open its log again.
#[cfg(not(feature = "rocksdb"))]
#[test]
fn messages_that_exceed_a_transaction_are_written_in_several_or_refused() {
    const TRANSACTION: usize = 1 << 20;
    const REQUESTS: usize = 8;
    const MESSAGES: usize = 40;
    let message = |n: usize| {
        let phone = format!("010{n:08}");
        let identifiers = json!({ "external_id": format!("u{n}"), "phone": phone, "device_id": format!("d{n}") });
        messages::event(&format!("m{n}"), "2025-03-01T10:00:00Z", identifiers, "df_login", json!({ "n": n }))
    };
    let request = |from: usize, n: usize| {
        let messages: Vec<Value> = (from..from + n).map(message).collect();
        accepted(&messages::ndjson(&messages))
    };
    let requests: Vec<Vec<Accepted>> = (0..REQUESTS).map(|n| request(n * MESSAGES, MESSAGES)).collect();
    let too_large = request(REQUESTS * MESSAGES, REQUESTS * MESSAGES);

    let base = Base::new();
    base.write("empty.ndjson", "");
    assert_eq!(base.import("empty.ndjson").status, Some(0));
    let database = base.database();
    in_process(async move {
        let mut writers = Writers::open_with_transactions_of(TRANSACTION, &database).await?;
        let pipeline = writers.pipeline().await?;
        let refused = pipeline.ingest(too_large, POLICY_VERSION).await;
        assert!(matches!(refused, Err(PipelineError::TooLarge)), "{refused:?}");
        // While the first one is written, the others wait, and are then a batch.
        let written = requests.into_iter().map(|messages| pipeline.ingest(messages, POLICY_VERSION));
        for receipt in join_all(written).await {
            assert!(receipt?.ingested.iter().all(|it| it.outcome == Outcome::Created));
        }

        let published = PublishedPolicy {
            published_at: Timestamp::EARLIEST,
            published_by: "a test".to_owned(),
            reason: String::new(),
            document: Policy::default(),
        };
        assert!(writers.store.request_publication(POLICY_VERSION + 1, &serde_json::to_string(&published)?).await?);
        let rollout = Arc::new(PolicyRollout::default());
        assert!(rollout.reserve(POLICY_VERSION + 1));
        rollout.start(pipeline.clone(), POLICY_VERSION + 1, policy());
        let deadline = Deadline::new("the policy to be in force");
        let ended = loop {
            match rollout.progress() {
                Progress::UnderWay { .. } | Progress::InForce { is_recorded: false, .. } => {
                    deadline.check("it is being published");
                    tokio::task::yield_now().await;
                }
                ended => break ended,
            }
        };
        assert!(matches!(ended, Progress::InForce { .. }), "{ended:?}");
        rollout.stop().await;
        let store = pipeline.snapshot().store;
        drop(pipeline);
        writers.finish().await?;
        store.close().await;
        anyhow::Ok(())
    })
    .expect("it can be written");
    assert!(base.check().starts_with("320 messages, 960 identifiers"), "{}", base.check());
}

/// Messages that arrive during a publication were parsed under the previous policy.
#[test]
fn messages_parsed_under_another_policy_are_parsed_again() {
    let kind =
        |name: &str, form: &str, priority: u32| json!({ "name": name, "form": form, "limit": 1, "priority": priority });
    let kinds =
        json!({ "kinds": [kind("phone", "phone", 1), kind("fax", "trimmed", 2), kind("external_id", "trimmed", 3)] });
    let other = CompiledPolicy::new(serde_json::from_value(kinds).expect("a policy")).expect("it has no faults");
    let at = "2025-03-01T10:00:00Z";
    let known = json!({ "external_id": "u1", "phone": "010-1234-5678" });
    let known = messages::ndjson(&[messages::purchase("m1", at, known, "o1", "100")]);
    let unknown = messages::ndjson(&[messages::event("m2", at, json!({ "fax": "02-1234" }), "df_login", json!({}))]);
    let [known, unknown] = [known, unknown].map(|it| accepted_by(&other, &it));
    assert_eq!(known[0].message.home().kind, Kind::new("phone"), "the active policy gives another home");

    let base = Base::new();
    base.write("empty.ndjson", "");
    assert_eq!(base.import("empty.ndjson").status, Some(0));
    let database = base.database();
    in_process(async move {
        let mut writers = Writers::open(&database).await?;
        let pipeline = writers.pipeline().await?;
        assert_eq!(pipeline.ingest(known, POLICY_VERSION - 1).await?.ingested.len(), 1);
        let refused = pipeline.ingest(unknown, POLICY_VERSION - 1).await;
        assert!(matches!(refused, Err(PipelineError::RulesChanged)), "{refused:?}");
        drop(pipeline);
        writers.close().await
    })
    .expect("it can be written");
    assert!(base.check().starts_with("1 messages, 2 identifiers"), "as under the active policy");
}

/// Retirements of values of the messages, from a day on.
fn retirements() -> impl Strategy<Value = Vec<Retirement>> {
    let value = (0..2_usize, 0..4_u8).prop_map(|(kind, number)| {
        let (kind, value) =
            [("phone", format!("+8210123456{}", 70 + number)), ("device_id", format!("d{}", number % 3))][kind].clone();
        Identifier::new(Kind::new(kind), &value)
    });
    vec((value, 1..20_u8), 0..3).prop_map(|retired| {
        let retirement = |(n, (value, day)): (usize, (Identifier, u8))| Retirement {
            id: format!("r{n}").into(),
            value,
            from: Timestamp::parse(&format!("2025-03-{day:02}T00:00:00Z")).expect("a time"),
            at: Timestamp::from_micros(i64::try_from(n).expect("few")),
            reason: Arc::from("someone else has it"),
            actor: Arc::from("a test"),
            revoked: None,
        };
        retired.into_iter().enumerate().map(retirement).collect()
    })
}

/// Retires values. Returns the retirements that are active.
async fn retire(pipeline: Pipeline, retirements: Vec<Retirement>) -> anyhow::Result<Vec<Retirement>> {
    let mut active = Vec::new();
    for retirement in retirements {
        match settle(&pipeline, &Command::Retire(retirement.clone())).await? {
            CommandOutcome::Retired { commit: Some(_), .. } => active.push(retirement),
            CommandOutcome::Retired { commit: None, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    Ok(active)
}

/// Another server uses commit numbers, so that plans and commits conflict and are made again.
async fn interfere(store: Arc<Store>, n_commits: usize) -> anyhow::Result<usize> {
    let mut n_used = 0;
    for _ in 0..n_commits {
        let next = store.last_commit().await? + 1;
        match store.commit(&Commit::of(next, &Changes::default()), &IdSecret::new(SECRET)).await {
            Ok(()) => n_used += 1,
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::task::yield_now().await;
    }
    Ok(n_used)
}

/// Requests of all sorts, on every lane of the executor, with plans that are made on batches in flight and discarded with them.
#[test]
fn on_every_lane_the_database_is_what_the_evidence_gives() {
    let cases = Config { cases: 60, max_shrink_iters: 40, ..Config::with_source_file(file!()) };
    let mut runner = TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let orders = messages().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()));
    let strategy = (orders, decision_requests(), retirements(), 0..12_usize, any::<bool>());
    let law = |((one, other), requests, retirements, n_rival, is_tiny): (TwoOrders, _, _, usize, bool)| {
        let (one, other) = (messages::ndjson(&one), messages::ndjson(&other));
        let (first, second, all) = (accepted(&one), accepted(&other), accepted(&one));
        in_process(async move {
            let mut writers = Writers::open("mem://").await?;
            let pipeline = writers.pipeline_by(is_tiny, 1).await?;
            let deciding = tokio::spawn(decide(pipeline.clone(), requests));
            let retiring = tokio::spawn(retire(pipeline.clone(), retirements));
            let rival = tokio::spawn(interfere(writers.store.clone(), n_rival));
            let writing = [(first, 2), (second, 3), (all.clone(), 1)]
                .map(|(messages, batch)| tokio::spawn(write(pipeline.clone(), messages, batch)));
            let mut n_stored = 0;
            for writing in writing {
                n_stored += writing.await??.len();
            }
            let (decisions, retirements) = (deciding.await??, retiring.await??);
            rival.await??;
            drop(pipeline);
            writers.finish().await?;
            assert_eq!(n_stored, all.len(), "each message is stored once");
            let last = writers.store.last_commit().await?;
            let n_commits = writers.store.commits(0, last).await?.len();
            assert_eq!(i64::try_from(n_commits)?, last, "no commit number is left out");
            assert_eq!(held_in(&writers.store).await?, resolved_from(all, decisions, &retirements));
            writers.close().await
        })
        .expect("all can write");
        Ok(())
    };
    if let Err(error) = runner.run(&strategy, law) {
        panic!("{error}");
    }
}

/// A change of the row of one identifier only.
fn seen_so_often(count: u64, (identifier, state): &(Identifier, Arc<IdentifierState>)) -> Changes {
    let mut state = IdentifierState::clone(state);
    state.facts.seen.count = count;
    let mut changes = Changes::default();
    changes.identifiers.insert(identifier.clone(), (Arc::new(state), false));
    changes
}

#[test]
fn bulk_writes_become_visible_with_their_commit_number() {
    let who = |user: &str| json!({ "external_id": user });
    let plain = messages::ndjson(&[
        messages::event("m1", "2025-03-01T10:00:00Z", who("u1"), "df_login", json!({})),
        messages::event("m2", "2025-03-01T10:00:00Z", who("u2"), "df_login", json!({})),
    ]);
    let base = Base::with(&plain);
    let database = base.database();
    let secret = IdSecret::new(SECRET);
    in_process(async move {
        let store = profile360_store::connect(&database).await?;
        let users = ["u1", "u2"].map(|it| Identifier::new(Kind::new("external_id"), it));
        let states = store.identifiers(&users).await?;
        let [one, other] = users.clone().map(|it| (it.clone(), states[&it].clone()));
        let n_seen = async |store: &Store| {
            let states = store.identifiers(&users).await?;
            anyhow::Ok(users.each_ref().map(|it| states[it].facts.seen.count))
        };
        let first = store.last_commit().await?;

        let ahead = store.write_ahead(&Rows::of(&seen_so_often(2, &one)), &secret).await?;
        // Others write unrelated rows and use the next number.
        store.commit(&Commit::of(first + 1, &seen_so_often(2, &other)), &secret).await?;
        assert_eq!(n_seen(&store).await?, [1, 2], "not visible yet");
        ahead.commit(first + 2, &[]).await?;
        assert_eq!(n_seen(&store).await?, [2, 2]);
        assert_eq!(store.last_commit().await?, first + 2);
        assert_eq!(store.commits(first, first + 2).await?.len(), 2, "each has its number");

        let is_conflict = |it: &Result<(), StoreError>| matches!(it, Err(StoreError::Conflict));
        let ahead = store.write_ahead(&Rows::of(&seen_so_often(3, &one)), &secret).await?;
        store.commit(&Commit::of(first + 3, &seen_so_often(3, &other)), &secret).await?;
        assert!(is_conflict(&ahead.commit(first + 3, &[]).await), "the number is in use");
        let ahead = store.write_ahead(&Rows::of(&seen_so_often(4, &one)), &secret).await?;
        store.commit(&Commit::of(first + 4, &seen_so_often(5, &one)), &secret).await?;
        assert!(is_conflict(&ahead.commit(first + 5, &[]).await), "the row was written concurrently");
        store.write_ahead(&Rows::of(&seen_so_often(6, &other)), &secret).await?.cancel().await;
        // The next commit follows all of them.
        store.commit(&Commit::of(first + 5, &seen_so_often(7, &other)), &secret).await?;
        assert_eq!(store.last_commit().await?, first + 5);
        // A stale writer conflicts, even if the commit rows in between are pruned.
        store.forget_commits(first, first + 3).await?;
        let late = store.commit(&Commit::of(first + 1, &seen_so_often(8, &one)), &secret).await;
        assert!(is_conflict(&late), "that number is in use");
        assert_eq!(n_seen(&store).await?, [5, 7]);
        store.close().await;
        anyhow::Ok(())
    })
    .expect("it can be written");
}

/// Resolution by `core` alone: each identifier with the unified ID of its customer.
fn resolved(messages: &str, decisions: Vec<Decision>) -> BTreeMap<String, String> {
    resolved_from(accepted(messages), decisions, &[])
}

fn resolved_from(
    messages: Vec<Accepted>,
    decisions: Vec<Decision>,
    retired: &[Retirement],
) -> BTreeMap<String, String> {
    let mut retirements = Retirements::default();
    retired.iter().for_each(|retirement| retirements.put(retirement.clone()));
    let mut facts = Facts::default();
    facts.decisions.extend(decisions);
    for mut accepted in messages {
        retirements.assign(&mut accepted.message);
        facts.add(&accepted.message);
    }
    let policy = policy();
    let resolution = facts.resolve(&policy);
    let secret = IdSecret::new(SECRET);
    let named = resolution.identifiers.iter().enumerate().map(|(node, (identifier, _))| {
        let anchor = resolution.partition.anchors[resolution.partition.cluster_of[node]];
        let id = unified_id(resolution.identifiers[anchor].0, &secret);
        (name_of(identifier), id.to_string())
    });
    named.collect()
}

/// Resolution in the database.
fn held(base: &Base) -> BTreeMap<String, String> {
    let database = base.database();
    let held = in_process(async move {
        let store = profile360_store::connect(&database).await?;
        let held = held_in(&store).await;
        store.close().await;
        held
    });
    held.expect("the base can be read")
}

async fn held_in(store: &Store) -> anyhow::Result<BTreeMap<String, String>> {
    let mut held = BTreeMap::new();
    for ids in store.shares().await? {
        for (_, cluster) in store.clusters_in(&ids).await? {
            held.extend(cluster.members.iter().map(|member| (name_of(member), cluster.unified_id.to_string())));
        }
    }
    Ok(held)
}

fn name_of(identifier: &Identifier) -> String {
    let owner = if identifier.generation == 0 { String::new() } else { format!(" owner {}", identifier.generation) };
    format!("{}:{}{owner}", identifier.kind, identifier.value)
}
