//! The laws of docs/design.md, section 5, over random messages.

use proptest::prelude::*;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    changes::{Changes, OrderNote, Outcome, RefundChange},
    inputs::Reassignment,
    planner::{NewEvidence, Planner, Polled, Rules},
    retire::homes_of_value,
    view::{Needs, View},
};
use crate::{
    evidence::{
        claim::{Claim, OrderState},
        decision::{Decision, Decisions, Relation, Revocation},
        facts::Facts,
        link::Pair,
        retirement::{Retirement, Retirements},
    },
    graph::{
        input::is_shared,
        rows::{ClusterKey, ClusterState, IdentifierState, LinkState},
        withheld::Withheld,
    },
    identifier::{
        Identifier, Kind, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::{
        Message,
        order::{Order, OrderKey, Refund},
        parse::parse_message,
    },
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};

/// A base in memory: what a shell does, with maps for tables.
#[derive(Default)]
struct Base {
    messages: BTreeSet<Arc<str>>,
    identifiers: BTreeMap<Identifier, Arc<IdentifierState>>,
    links: BTreeMap<Pair, Arc<LinkState>>,
    clusters: BTreeMap<ClusterKey, Arc<ClusterState>>,
    orders: BTreeMap<Arc<str>, Arc<OrderState>>,
    sessions: BTreeMap<Arc<str>, Arc<Claim>>,
    purchases: BTreeMap<(UnifiedId, OrderKey), Order>,
    refunds: BTreeMap<(UnifiedId, Arc<str>), Refund>,
    decisions: Decisions,
    retirements: Retirements,
    /// By message ID: the derived ID of its home, and the message.
    kept: BTreeMap<Arc<str>, (UnifiedId, Message)>,
    /// What the senders of the last batch heard about their orders.
    order_notes: BTreeMap<usize, OrderNote>,
    /// Which identifier each derived ID leads to.
    latent: BTreeMap<UnifiedId, Identifier>,
}

impl Base {
    fn load(&self, needs: &Needs, view: &mut View) {
        for it in &needs.messages {
            view.messages.insert(it.clone(), self.messages.contains(it));
        }
        for it in &needs.identifiers {
            view.identifiers.insert(it.clone(), self.identifiers.get(it).cloned());
        }
        for it in &needs.links {
            view.links.insert(it.clone(), self.links.get(it).cloned());
        }
        for it in &needs.clusters {
            view.clusters.insert(*it, self.clusters.get(it).cloned());
        }
        for it in &needs.orders {
            view.orders.insert(it.clone(), self.orders.get(it).cloned());
        }
        for it in &needs.sessions {
            view.sessions.insert(it.clone(), self.sessions.get(it).cloned());
        }
        for it in &needs.links_of {
            let pairs: Vec<Pair> = self.links.keys().filter(|pair| pair.a == *it || pair.b == *it).cloned().collect();
            for pair in &pairs {
                view.links.insert(pair.clone(), self.links.get(pair).cloned());
            }
            view.links_of.insert(it.clone(), pairs.into());
        }
    }

    /// The one load-plan loop of these tests.
    fn plan(&self, evidence: NewEvidence, decisions: &Decisions, policy: &CompiledPolicy) -> (Changes, View) {
        let policy = Arc::new(policy.clone());
        let rules = Rules { policy, decisions: Arc::new(decisions.clone()), secret: IdSecret::public() };
        let mut planner = Planner::new(evidence, rules);
        let mut view = View::default();
        loop {
            match planner.poll(&view) {
                Polled::Need(needs) => {
                    assert!(!needs.is_empty(), "a poll makes progress");
                    assert_eq!(needs.clone().without(&view), needs, "nothing is asked for twice");
                    self.load(&needs, &mut view);
                }
                Polled::Done(changes) => return (*changes, view),
                Polled::Torn => panic!("no other writer"),
            }
        }
    }

    fn take(&mut self, messages: &[Message], policy: &CompiledPolicy) -> Vec<Outcome> {
        let mut messages = messages.to_vec();
        messages.iter_mut().for_each(|it| self.retirements.assign(it));
        let messages: Arc<[Message]> = messages.into();
        let (changes, _) = self.plan(NewEvidence::Messages(messages.clone()), &self.decisions, policy);
        self.write(changes, &messages)
    }

    fn decide(&mut self, decision: Decision, policy: &CompiledPolicy) {
        let mut decisions = self.decisions.clone();
        decisions.put(decision.clone());
        let (changes, _) = self.plan(NewEvidence::Decisions([decision].into()), &decisions, policy);
        self.write(changes, &[]);
        self.decisions = decisions;
    }

    fn retire(&mut self, retirement: Retirement, policy: &CompiledPolicy) {
        let value = retirement.value.clone();
        let mut after = self.retirements.clone();
        after.put(retirement);
        let owners = self.retirements.owners(&value);
        let links = self.links.keys().filter(|it| owners.contains(&it.a) || owners.contains(&it.b));
        let homes: BTreeSet<UnifiedId> =
            homes_of_value(&owners, links, policy).into_iter().map(|it| unified_id(it, &IdSecret::public())).collect();
        let names = |message: &Message| message.identifiers.iter().any(|it| it.is_same_value(&value));
        let kept = self.kept.values().filter(|(home, it)| homes.contains(home) && names(it));
        let messages: Vec<Message> = kept.map(|(_, it)| it.clone()).collect();
        let all = self.kept.values().filter(|(_, it)| names(it)).count();
        assert_eq!(messages.len(), all, "no message that names the value lies elsewhere");
        let (before, after) = (Arc::new(self.retirements.clone()), Arc::new(after));
        let reassignment = Reassignment { value, messages, before, after: after.clone() };
        let (changes, _) = self.plan(NewEvidence::Retirement(Arc::new(reassignment)), &self.decisions, policy);
        self.write(changes, &[]);
        self.retirements = Retirements::clone(&after);
        for (_, message) in self.kept.values_mut() {
            self.retirements.assign(message);
        }
    }

    fn write(&mut self, changes: Changes, messages: &[Message]) -> Vec<Outcome> {
        let reported: BTreeSet<ClusterKey> = changes.touched.iter().chain(&changes.removed_clusters).copied().collect();
        let of_orders = changes.orders.iter().flat_map(|it| [Some(it.home), it.leaves]);
        let homes = of_orders.chain(changes.refunds.iter().flat_map(|it| [Some(it.home), it.leaves]));
        let homes: BTreeSet<UnifiedId> = homes.flatten().collect();
        self.order_notes = changes.order_notes;
        for (position, home) in &changes.kept {
            let message = &messages[*position];
            assert!(self.messages.insert(message.id.clone()), "a message is kept once");
            self.kept.insert(message.id.clone(), (*home, message.clone()));
        }
        for moved in &changes.moved {
            let (home, _) = self.kept.get_mut(&moved.message_id).expect("it was kept");
            assert_eq!(*home, moved.from);
            *home = moved.to;
        }
        for RefundChange { leaves, refund, .. } in &changes.refunds {
            if let Some(home) = leaves {
                assert!(self.refunds.remove(&(*home, refund.message_id.clone())).is_some());
            }
        }
        for RefundChange { home, refund, .. } in changes.refunds {
            assert!(self.refunds.insert((home, refund.message_id.clone()), refund).is_none());
        }
        for (order_id, (state, is_new)) in changes.order_states {
            assert_eq!(self.orders.insert(order_id, state).is_none(), is_new);
        }
        for identifier in changes.removed_identifiers {
            assert!(self.identifiers.remove(&identifier).is_some());
        }
        for (owner, redirect) in changes.redirects {
            if let Some(leads_to) = self.latent.get_mut(&unified_id(&owner, &IdSecret::public())) {
                *leads_to = redirect;
            }
        }
        for pair in changes.removed_links {
            assert!(self.links.remove(&pair).is_some());
        }
        for (identifier, (state, is_new)) in changes.identifiers {
            self.latent.insert(state.unified_id, identifier.clone());
            assert_eq!(self.identifiers.insert(identifier, state).is_none(), is_new);
        }
        for (pair, (link, is_new)) in changes.links {
            assert_eq!(self.links.insert(pair, link).is_none(), is_new);
        }
        for key in changes.removed_clusters {
            assert!(self.clusters.remove(&key).is_some());
        }
        for (key, (cluster, is_new)) in changes.clusters {
            assert_eq!(self.clusters.insert(key, cluster).is_none(), is_new);
        }
        for change in changes.orders {
            if let Some(home) = change.leaves {
                assert!(self.purchases.remove(&(home, change.order.key.clone())).is_some());
            }
            let has_row = change.is_known && change.leaves.is_none();
            let old = self.purchases.insert((change.home, change.order.key.clone()), change.order);
            assert_eq!(old.is_some(), has_row);
        }
        for (session, (claim, is_new)) in changes.sessions {
            assert_eq!(self.sessions.insert(session, claim).is_none(), is_new);
        }
        let owner = |home: &UnifiedId| self.identifiers.get(self.latent.get(home)?);
        for state in homes.iter().filter_map(owner) {
            assert!(reported.contains(&state.cluster), "whose purchases change is touched");
        }
        changes.outcomes.into_iter().map(|(outcome, _)| outcome).collect()
    }

    /// Holds every derived row against the computation from all messages.
    fn check(&self, facts: &Facts, policy: &CompiledPolicy) -> Result<(), TestCaseError> {
        let resolution = facts.resolve(policy);
        let partition = &resolution.partition;
        prop_assert_eq!(self.identifiers.len(), resolution.identifiers.len());
        let id_of = |node: usize| unified_id(resolution.identifiers[node].0, &IdSecret::public());
        for (node, (identifier, expected)) in resolution.identifiers.iter().enumerate() {
            let state = &self.identifiers[*identifier];
            prop_assert_eq!(&state.facts, *expected, "facts of {:?}", identifier);
            let cluster = &self.clusters[&state.cluster];
            let number = partition.cluster_of[node];
            let members: Vec<Identifier> =
                partition.clusters[number].iter().map(|it| resolution.identifiers[*it].0.clone()).collect();
            prop_assert_eq!(&cluster.members, &members);
            prop_assert_eq!(cluster.unified_id, id_of(partition.anchors[number]));
            prop_assert_eq!(cluster.is_contested, partition.is_contested[number], "contested: {:?}", members);
        }
        prop_assert_eq!(self.clusters.len(), partition.clusters.len());
        prop_assert_eq!(self.links.len(), resolution.links.len());
        for ((pair, seen), withheld) in resolution.links.iter().zip(&partition.withheld) {
            let link = &self.links[*pair];
            prop_assert_eq!(&link.seen, *seen);
            prop_assert_eq!(&link.withheld, withheld, "{:?}", pair);
        }
        let purchases: BTreeMap<(UnifiedId, OrderKey), Order> = facts
            .orders
            .iter()
            .map(|(key, (home, order))| ((unified_id(home, &IdSecret::public()), key.clone()), order.clone()))
            .collect();
        prop_assert_eq!(&self.purchases, &purchases);
        let refunds: BTreeMap<(UnifiedId, Arc<str>), Refund> = facts
            .refunds_in_place()
            .map(|(home, it)| ((unified_id(home, &IdSecret::public()), it.message_id.clone()), it.clone()))
            .collect();
        prop_assert_eq!(&self.refunds, &refunds);
        for (order_id, state) in &self.orders {
            let order = facts.orders.get(&OrderKey::Order(order_id.clone()));
            let claim = state.claim.as_ref().map(|it| (&it.home, &it.message_id));
            prop_assert_eq!(claim, order.map(|(home, order)| (home, &order.message_id)));
            prop_assert_eq!(state.paid.as_ref().map(|it| it.amount), order.map(|(_, order)| order.amount));
            let named = |it: &(Identifier, Refund)| it.1.order_id.as_ref() == Some(order_id);
            let refunds = facts.refunds.iter().filter(|(_, it)| named(it));
            prop_assert!(state.refunds.iter().eq(refunds), "refunds of {}", order_id);
        }
        for (id, identifier) in &self.latent {
            prop_assert!(self.identifiers.contains_key(identifier), "{} leads nowhere", id);
        }
        let sessions: BTreeMap<Arc<str>, Arc<Claim>> =
            facts.sessions.iter().map(|(id, claim)| (id.clone(), Arc::new(claim.clone()))).collect();
        prop_assert_eq!(&self.sessions, &sessions);
        Ok(())
    }
}

/// A policy with limits that random messages soon reach.
fn tight_policy() -> CompiledPolicy {
    let mut policy = Policy { max_links: 3, ..Policy::default() };
    for kind in &mut policy.kinds {
        kind.limit = kind.limit.min(3);
    }
    CompiledPolicy::new(policy).expect("a sound policy")
}

/// Number, identifiers (kind, value), second, session, order.
type Parts = (u16, Vec<(usize, u8)>, u8, Option<u8>, Option<u8>);

/// A message of few possible identifiers, times, sessions and orders, so that they meet often. The number makes its ID.
fn message() -> impl Strategy<Value = Parts> {
    let identifier = (0..4usize, 0..5u8);
    (0..60u16, prop::collection::vec(identifier, 1..4), 0..20u8, prop::option::of(0..4u8), prop::option::of(0..4u8))
}

/// Some days apart, so that what is met within a month and what is not are both there.
fn moment(number: u8) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + i64::from(number) * 6 * 86_400_000_000)
}

fn build(parts: &Parts, policy: &CompiledPolicy) -> Message {
    let (number, identifiers, time, session, order) = parts;
    let kinds = ["external_id", "email", "customer_card", "device_id"];
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, value) in identifiers {
        let suffix = if kinds[*kind] == "email" { "@example.com" } else { "" };
        named.entry(kinds[*kind]).or_default().push(format!("{}{value}{suffix}", ["x", "e", "c", "d"][*kind]));
    }
    let mut message = serde_json::json!({
        "message_id": format!("m{number}"),
        "type": "event",
        "event": "df_view_home",
        "timestamp": moment(*time).to_rfc3339(),
        "source": if number % 2 == 0 { "app" } else { "web" },
        "identifiers": named,
        "attributes": { "df_name": format!("n{}", number % 3) },
    });
    if let Some(session) = session {
        message["session_id"] = format!("s{session}").into();
    }
    if let Some(order) = order {
        message["event"] = if number % 5 == 0 { "df_refund" } else { "df_purchase" }.into();
        message["properties"] =
            serde_json::json!({ "df_order_id": format!("o{order}"), "df_total_purchase_amount": number });
        if number % 7 == 1 {
            message["properties"] = serde_json::json!({ "df_total_purchase_amount": number });
        }
        if number % 10 == 0 {
            let refund_id = (number % 4 == 0).then(|| format!("r{}", number % 3));
            message["properties"] =
                serde_json::json!({ "df_order_id": format!("o{order}"), "df_refund_id": refund_id });
        }
    }
    parse_message(&message.to_string(), policy).expect("accepted").message
}

/// A decision of few possible identifiers; the number makes its ID, and whether it is revoked later.
type Constraint = (Relation, (usize, u8), (usize, u8));

fn constraint() -> impl Strategy<Value = Constraint> {
    let relation = prop_oneof![Just(Relation::Same), Just(Relation::Different)];
    (relation, (0..4usize, 0..5u8), (0..4usize, 0..5u8))
}

fn decision(number: usize, (relation, a, b): &Constraint, policy: &CompiledPolicy) -> Option<Decision> {
    let identifier = |it: &(usize, u8)| build(&(0, vec![*it], 0, None, None), policy).home().clone();
    Some(Decision {
        id: format!("d{number}").into(),
        relation: *relation,
        pair: Pair::new(&identifier(a), &identifier(b))?,
        at: Timestamp::from_micros(i64::try_from(number).expect("few")),
        reason: "test".into(),
        actor: "test".into(),
        revoked: None,
    })
}

/// Repeats are the same message: the first of each ID represents all of that ID.
fn messages(policy: CompiledPolicy) -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec(message(), 1..40).prop_map(move |parts| {
        let mut first: BTreeMap<u16, Message> = BTreeMap::new();
        parts.iter().map(|it| first.entry(it.0).or_insert_with(|| build(it, &policy)).clone()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_batches_and_any_repeats_give_what_all_facts_give(
        (first, shuffled) in messages(tight_policy()).prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        cuts in prop::collection::vec(1..9usize, 1..12),
    ) {
        let policy = tight_policy();
        let mut facts = Facts::default();
        for message in &first {
            facts.add(message);
        }
        let mut permuted = Facts::default();
        for message in shuffled.iter().chain(&first) {
            permuted.add(message);
        }
        prop_assert_eq!(&facts, &permuted);

        let mut base = Base::default();
        let mut rest = shuffled.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, later) = rest.split_at((*cut).min(rest.len()));
            base.take(batch, &policy);
            rest = later;
        }
        base.check(&facts, &policy)?;
        let outcomes = base.take(&first, &policy);
        prop_assert!(outcomes.iter().all(|it| *it == Outcome::Duplicate));
        base.check(&facts, &policy)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn messages_decisions_and_revocations_in_any_sequence_give_what_is_left_of_them(
        all in messages(tight_policy()),
        constraints in prop::collection::vec((constraint(), any::<bool>(), 0..40usize, 0..40usize), 0..5),
    ) {
        let policy = tight_policy();
        let mut base = Base::default();
        let mut facts = Facts::default();
        for step in 0..=40 {
            if let Some(message) = all.get(step) {
                base.take(std::slice::from_ref(message), &policy);
                facts.add(message);
            }
            for (number, (constraint, is_revoked, made, revoked)) in constraints.iter().enumerate() {
                let Some(decision) = decision(number, constraint, &policy) else { continue };
                if *made == step {
                    base.decide(decision.clone(), &policy);
                    facts.decisions.push(decision.clone());
                }
                // At the same step or later, in any order with messages and others.
                if *is_revoked && step == *made.max(revoked) {
                    let by = Revocation { at: decision.at, reason: "test".into(), actor: "test".into() };
                    base.decide(Decision { revoked: Some(by), ..decision }, &policy);
                    facts.decisions.retain(|it| *it.id != *format!("d{number}"));
                }
            }
        }
        base.check(&facts, &policy)?;
    }
}

/// A retirement of one of few possible values at one of few possible times, when it is made and when revoked.
type Ending = ((usize, u8), u8, usize, Option<usize>);

fn ending() -> impl Strategy<Value = Ending> {
    ((0..4usize, 0..3u8), 0..20u8, 0..30usize, prop::option::of(0..40usize))
}

fn retirement(number: usize, (value, from, ..): &Ending, policy: &CompiledPolicy) -> Retirement {
    Retirement {
        id: format!("r{number}").into(),
        value: build(&(0, vec![*value], 0, None, None), policy).home().clone(),
        from: moment(*from),
        at: Timestamp::EARLIEST,
        reason: "test".into(),
        actor: "test".into(),
        revoked: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn messages_decisions_and_retirements_in_any_sequence_give_what_is_left_of_them(
        all in messages(tight_policy()),
        endings in prop::collection::vec(ending(), 1..5),
        constraints in prop::collection::vec((constraint(), 0..40usize), 0..3),
    ) {
        let policy = tight_policy();
        let mut base = Base::default();
        let mut facts = Facts::default();
        for step in 0..=40 {
            if let Some(message) = all.get(step) {
                base.take(std::slice::from_ref(message), &policy);
            }
            for (number, (constraint, made)) in constraints.iter().enumerate() {
                let Some(decision) = decision(number, constraint, &policy).filter(|_| *made == step) else { continue };
                base.decide(decision.clone(), &policy);
                facts.decisions.push(decision);
            }
            for (number, ending) in endings.iter().enumerate() {
                let (.., made, revoked) = ending;
                if *made == step {
                    base.retire(retirement(number, ending, &policy), &policy);
                }
                if revoked.is_some_and(|it| it.max(*made) == step) {
                    let by = Revocation { at: Timestamp::EARLIEST, reason: "test".into(), actor: "test".into() };
                    base.retire(Retirement { revoked: Some(by), ..retirement(number, ending, &policy) }, &policy);
                }
            }
        }
        for message in &all {
            let mut message = message.clone();
            base.retirements.assign(&mut message);
            facts.add(&message);
        }
        base.check(&facts, &policy)?;
    }
}

/// What the senders of orders and refunds learn, message by message.
#[test]
fn senders_learn_whose_order_it_is_and_what_it_cost() {
    let policy = CompiledPolicy::initial();
    let message = |id: &str, who: &str, second: u8, properties: serde_json::Value| {
        let event = if id.starts_with('r') { "df_refund" } else { "df_purchase" };
        let json = serde_json::json!({
            "message_id": id, "type": "event", "event": event, "timestamp": format!("2026-01-01T00:00:{second:02}Z"),
            "source": "shop", "identifiers": { "external_id": who }, "properties": properties,
        });
        parse_message(&json.to_string(), &policy).expect("accepted").message
    };
    let order = |amount: u32| serde_json::json!({ "df_order_id": "o", "df_total_purchase_amount": amount });
    let refund = |amount: u32, id: &str| serde_json::json!({ "df_order_id": "o", "df_total_refund_amount": amount, "df_refund_id": id });
    let all = [
        (message("r1", "till", 9, refund(30, "1")), None),
        (message("o1", "a", 1, order(100)), None),
        (message("o2", "a", 2, order(90)), None),
        (message("o3", "b", 4, order(90)), Some(OrderNote::Moved)),
        (message("o4", "a", 3, order(90)), Some(OrderNote::OfAnother)),
        (message("r2", "b", 10, refund(30, "1")), Some(OrderNote::RefundRepeated)),
        (message("r3", "erp", 11, refund(60, "2")), None),
        (message("r4", "erp", 12, refund(1, "3")), Some(OrderNote::RefundExceeds)),
    ];
    let expected: Vec<Option<OrderNote>> = all.iter().map(|(_, news)| *news).collect();
    let messages: Vec<Message> = all.into_iter().map(|(it, _)| it).collect();
    let mut base = Base::default();
    let mut facts = Facts::default();
    for (message, news) in messages.iter().zip(&expected) {
        base.take(std::slice::from_ref(message), &policy);
        facts.add(message);
        assert_eq!(base.order_notes.remove(&0), *news, "{}", message.id);
    }
    base.check(&facts, &policy).expect("it is what all facts give");
    assert!(base.refunds.keys().all(|(home, _)| *base.latent[home].value == *"b"), "they lie with the order");
    // In one batch the order's moves are reported message by message, too.
    let mut base = Base::default();
    base.take(&messages, &policy);
    for (position, news) in (1..=4).zip(&expected[1..]) {
        assert_eq!(base.order_notes.get(&position).copied(), *news, "{position}");
    }
    base.check(&facts, &policy).expect("it is what all facts give");
}

/// A step of a chain, from a device to one or two further on, with a second; rarely a decision about the two instead.
type Step = (u8, u8, u8, Option<Relation>);

fn step() -> impl Strategy<Value = Step> {
    let relation = prop_oneof![9 => Just(None), 1 => Just(Some(Relation::Same)), 1 => Just(Some(Relation::Different))];
    (0..30u8, 1..3u8, 0..20u8, relation)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Where one profile ends decides where the next one begins: what a change in a chain of them reaches is not known before.
    #[test]
    fn long_chains_of_profiles_in_small_batches_are_what_all_facts_give(
        steps in prop::collection::vec(step(), 20..90),
        n_batch in 1..7usize,
    ) {
        let policy = tight_policy();
        let mut base = Base::default();
        let mut facts = Facts::default();
        let mut batch: Vec<Message> = Vec::new();
        for (number, (from, n_further, second, relation)) in steps.iter().enumerate() {
            let ends = [(3, *from), (3, from + n_further)];
            if let Some(decision) = relation.and_then(|it| decision(number, &(it, ends[0], ends[1]), &policy)) {
                facts.decisions.retain(|it| it.pair != decision.pair);
                for old in base.decisions.of(&decision.pair.a).to_vec() {
                    if old.pair == decision.pair {
                        let by = Revocation { at: old.at, reason: "test".into(), actor: "test".into() };
                        base.decide(Decision { revoked: Some(by), ..Decision::clone(&old) }, &policy);
                    }
                }
                facts.decisions.push(decision.clone());
                base.decide(decision, &policy);
                continue;
            }
            let number = u16::try_from(number).expect("few");
            let message = build(&(number, ends.to_vec(), *second, None, None), &policy);
            facts.add(&message);
            batch.push(message);
            if batch.len() == n_batch {
                base.take(&std::mem::take(&mut batch), &policy);
            }
        }
        base.take(&batch, &policy);
        base.check(&facts, &policy)?;
    }
}

#[test]
fn a_change_in_a_long_chain_looks_at_what_it_can_reach() {
    let policy = tight_policy();
    let message = |number: u16, second: u8| {
        let name = |it: u16| format!("device_id:d{it:04}");
        let (from, to) = (name(number), name(number + 1));
        let mut message = naming(&format!("m{number}-{second}"), &[&from, &to]);
        message.at = Timestamp::from_micros(i64::from(number) * 1_000_000);
        message
    };
    let mut base = Base::default();
    let messages: Vec<Message> = (0..600).map(|it| message(it, 0)).collect();
    messages.chunks(50).for_each(|it| drop(base.take(it, &policy)));
    assert!(base.clusters.values().all(|it| it.is_contested), "one component, which limits part");
    let link = naming("link", &["device_id:d0300", "external_id:new"]);
    let (changes, view) = base.plan(NewEvidence::Messages([link].into()), &Decisions::default(), &policy);
    assert!(view.identifiers.len() < 20, "{} identifiers were looked at", view.identifiers.len());
    assert_eq!(changes.outcomes[0].0, Outcome::Linked);
}

#[test]
fn a_revoked_decision_leaves_no_trace() {
    let policy = CompiledPolicy::initial();
    let messages =
        [naming("1", &["external_id:a1", "phone:010-1234-5678"]), naming("2", &["external_id:b2", "line_id:L1"])];
    let mut base = Base::default();
    base.take(&messages, &policy);
    let clusters = base.clusters.clone();
    let identifiers = base.identifiers.clone();
    let same = Decision {
        id: "d".into(),
        relation: Relation::Same,
        pair: Pair::new(messages[0].home(), messages[1].home()).expect("two"),
        at: Timestamp::EARLIEST,
        reason: "test".into(),
        actor: "test".into(),
        revoked: None,
    };
    base.decide(same.clone(), &policy);
    assert_eq!(base.clusters.len(), 1, "a decision overrides the limit of one external ID");
    let by = Revocation { at: Timestamp::EARLIEST, reason: "test".into(), actor: "test".into() };
    base.decide(Decision { revoked: Some(by), ..same }, &policy);
    let shown = |clusters: &BTreeMap<ClusterKey, Arc<ClusterState>>| clusters.values().cloned().collect::<Vec<_>>();
    assert_eq!(shown(&base.clusters), shown(&clusters));
    assert_eq!(base.identifiers, identifiers);
}

/// A message that names identifiers as `kind:value`.
fn naming(id: &str, identifiers: &[&str]) -> Message {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in identifiers {
        let (kind, value) = name.split_once(':').expect("kind:value");
        named.entry(kind).or_default().push(value);
    }
    let json = serde_json::json!({
        "message_id": id, "type": "identify", "timestamp": "2026-01-01T00:00:00Z", "source": "crm", "identifiers": named,
    });
    parse_message(&json.to_string(), &CompiledPolicy::initial()).expect("accepted").message
}

/// Messages on days, in this sequence and the other way round: which identifiers are together, and whether the device is shared.
fn users_of_a_device(met: &[(&str, i64)], policy: &CompiledPolicy) -> (Vec<String>, bool) {
    let messages: Vec<Message> = (0..)
        .zip(met)
        .map(|(number, (names, day))| {
            let names: Vec<&str> = names.split(' ').chain(["device_id:tablet"]).collect();
            let mut message = naming(&format!("m{number}"), &names);
            message.at = Timestamp::from_micros(day * 86_400_000_000);
            message
        })
        .collect();
    let mut facts = Facts::default();
    let (mut one_by_one, mut backwards) = (Base::default(), Base::default());
    for (message, last) in messages.iter().zip(messages.iter().rev()) {
        facts.add(message);
        one_by_one.take(std::slice::from_ref(message), policy);
        backwards.take(std::slice::from_ref(last), policy);
    }
    one_by_one.check(&facts, policy).expect("the same as all facts");
    backwards.check(&facts, policy).expect("the same as all facts");
    let device = Identifier::new(Kind::new("device_id"), "tablet");
    let mut clusters: Vec<String> = one_by_one
        .clusters
        .values()
        .map(|cluster| cluster.members.iter().map(|it| &*it.value).collect::<Vec<_>>().join(" "))
        .collect();
    clusters.sort();
    (clusters, is_shared(&device.kind, &one_by_one.identifiers[&device].facts.neighbors, policy))
}

#[test]
fn a_device_that_meets_three_people_within_a_month_joins_none_of_them() {
    let policy = CompiledPolicy::initial();
    let phones = ["phone:010-1111-0001", "phone:010-1111-0002", "phone:010-1111-0003", "phone:010-1111-0004"];
    let on = |days: &[i64]| phones.iter().copied().zip(days.iter().copied()).collect::<Vec<_>>();
    let apart = |clusters: &[String]| clusters.iter().all(|it| !it.contains(' '));
    // A shop's tablet, on one day, on four, and within a month.
    for days in [[1, 1, 1, 1].as_slice(), &[1, 2, 3, 4], &[1, 15, 30], &[400, 1, 2, 3]] {
        let (clusters, is_shared) = users_of_a_device(&on(days), &policy);
        assert!(is_shared && apart(&clusters), "{days:?}: {clusters:?}");
    }
    // By email and by card, too.
    for names in [
        ["email:a@example.com", "email:b@example.com", "email:c@example.com"],
        ["customer_card:7", "customer_card:8", "customer_card:9"],
    ] {
        let met: Vec<(&str, i64)> = names.iter().copied().zip([1, 2, 3]).collect();
        let (clusters, is_shared) = users_of_a_device(&met, &policy);
        assert!(is_shared && apart(&clusters), "{clusters:?}");
    }
    // A person with two phones, with another one later, with several addresses over the years.
    for days in [[1, 1].as_slice(), &[1, 30], &[1, 2, 32], &[1, 400, 800]] {
        let (clusters, is_shared) = users_of_a_device(&on(days), &policy);
        assert!(!is_shared && clusters.len() == 1, "{days:?}: {clusters:?}");
    }
    let (clusters, is_shared) = users_of_a_device(
        &[("phone:010-1111-0001", 1), ("phone:010-1111-0002", 2), ("email:a@example.com", 3), ("line_id:L", 4)],
        &policy,
    );
    assert!(!is_shared && clusters.len() == 1, "{clusters:?}");
    // An internal number connects a person's own identifiers, on any device.
    let (clusters, is_shared) = users_of_a_device(
        &[
            ("external_id:u1 phone:010-1111-0001", 1),
            ("external_id:u1 phone:010-1111-0002", 1),
            ("external_id:u1 phone:010-1111-0003", 1),
        ],
        &policy,
    );
    assert!(!is_shared && clusters.len() == 1, "{clusters:?}");
    // A policy can lift it.
    let lifted = Policy { max_users_a_month: 5, ..Policy::default() };
    let lifted = CompiledPolicy::new(lifted).expect("a sound policy");
    assert!(!users_of_a_device(&on(&[1, 2, 3, 4]), &lifted).1);
}

#[test]
fn a_late_message_can_show_that_a_device_met_its_people_one_after_the_other() {
    let policy = CompiledPolicy::initial();
    let first = [("phone:010-1111-0001", 401), ("phone:010-1111-0002", 402), ("phone:010-1111-0003", 403)];
    assert!(users_of_a_device(&first, &policy).1);
    let late = [&first[..], &[("phone:010-1111-0001", 1)]].concat();
    let (clusters, is_shared) = users_of_a_device(&late, &policy);
    assert!(!is_shared && clusters.len() == 1, "{clusters:?}");
}

#[test]
fn a_device_of_many_people_counts_their_days_again_when_one_of_them_is_not_two_any_more() {
    let policy = Policy { max_links: 50, max_users_a_month: 16, ..Policy::default() };
    let policy = CompiledPolicy::new(policy).expect("a sound policy");
    let mut base = Base::default();
    let mut facts = Facts::default();
    let messages: Vec<Message> = (0..17_u8)
        .map(|number| {
            // The first number is seen twice, before and after it was given to someone else.
            let phone = format!("phone:010-1111-00{:02}", if number == 16 { 0 } else { number });
            let mut message = naming(&format!("m{number}"), &[&phone, "device_id:tablet"]);
            message.at = moment(number);
            message
        })
        .collect();
    for message in &messages {
        base.take(std::slice::from_ref(message), &policy);
        facts.add(message);
    }
    let given_away = Retirement {
        id: "r".into(),
        value: messages[0].home().clone(),
        from: moment(10),
        at: Timestamp::EARLIEST,
        reason: "test".into(),
        actor: "test".into(),
        revoked: None,
    };
    base.retire(given_away.clone(), &policy);
    let device = messages[0].identifiers.last().expect("it has two").clone();
    let is_shared = |base: &Base| is_shared(&device.kind, &base.identifiers[&device].facts.neighbors, &policy);
    assert!(is_shared(&base), "seventeen people");
    let by = Revocation { at: Timestamp::EARLIEST, reason: "test".into(), actor: "test".into() };
    base.retire(Retirement { revoked: Some(by), ..given_away }, &policy);
    assert!(!is_shared(&base));
    base.check(&facts, &policy).expect("as if it had never been");
}

#[test]
fn outcomes_say_what_became_of_each_message_in_turn() {
    let messages = [
        naming("1", &["external_id:a1"]),
        naming("2", &["device_id:d1"]),
        naming("3", &["external_id:a1", "device_id:d1"]),
        naming("4", &["external_id:a1", "device_id:d1"]),
        naming("5", &["external_id:a1", "line_id:L1"]),
        naming("6", &["external_id:b2", "line_id:L1"]),
        naming("1", &["external_id:a1"]),
    ];
    let expected = [
        Outcome::Created,
        Outcome::Created,
        Outcome::Merged,
        Outcome::Updated,
        Outcome::Linked,
        Outcome::Withheld(Withheld::Limit(Kind::new("external_id"))),
        Outcome::Duplicate,
    ];
    let policy = CompiledPolicy::initial();
    assert_eq!(Base::default().take(&messages, &policy), expected, "in one batch");
    let mut base = Base::default();
    let one_by_one: Vec<Outcome> =
        messages.iter().flat_map(|it| base.take(std::slice::from_ref(it), &policy)).collect();
    assert_eq!(one_by_one, expected, "one by one");
}

#[test]
fn rows_from_before_and_after_another_commit_do_not_fit() {
    let policy = CompiledPolicy::initial();
    let mut base = Base::default();
    base.take(
        &[naming("1", &["external_id:a1", "line_id:L1"]), naming("2", &["external_id:b2", "line_id:L1"])],
        &policy,
    );
    base.take(&[naming("3", &["device_id:d1"])], &policy);
    let message = naming("4", &["external_id:a1", "device_id:d1"]);
    let device = message.identifiers.last().expect("it has two").clone();
    let rules = Rules { policy: Arc::new(policy), decisions: Arc::default(), secret: IdSecret::public() };
    let mut planner = Planner::new(NewEvidence::Messages([message].into()), rules);
    let mut view = View::default();
    // Another writer's merge removes the device's cluster, after the device was read and before its cluster is.
    let Polled::Need(needs) = planner.poll(&view) else { panic!("it needs the rows that the message names") };
    base.load(&needs, &mut view);
    let cluster = base.identifiers[&device].cluster;
    base.clusters.remove(&cluster);
    loop {
        match planner.poll(&view) {
            Polled::Need(needs) => base.load(&needs, &mut view),
            Polled::Done(_) => panic!("no plan rests on a cluster that is not there"),
            Polled::Torn => return,
        }
    }
}

/// A replay knows that the messages are not stored.
#[test]
fn rows_in_the_view_are_not_asked_for() {
    let message = naming("1", &["external_id:a1"]);
    let rules =
        Rules { policy: Arc::new(CompiledPolicy::initial()), decisions: Arc::default(), secret: IdSecret::public() };
    let view = View { messages: BTreeMap::from([(message.id.clone(), false)]), ..View::default() };
    let mut planner = Planner::new(NewEvidence::Messages([message.clone()].into()), rules);
    let Polled::Need(needs) = planner.poll(&view) else { panic!("it needs the identifier") };
    assert_eq!(needs, Needs { identifiers: message.identifiers.into_iter().collect(), ..Needs::default() });
}
