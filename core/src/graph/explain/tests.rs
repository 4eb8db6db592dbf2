use std::collections::{BTreeMap, BTreeSet};

use super::{Explanation, explain};
use crate::{
    evidence::{
        decision::{Decision, Relation, Revocation},
        link::{Observations, Pair},
        neighbors::Neighbors,
    },
    graph::{
        bridges::{Bridge, bridges},
        evidence_graph::{Evidence, Step},
        input::{Constraint, Edge, Input, Node, is_shared},
        resolve::resolve,
        rows::LinkState,
        withheld::Withheld,
    },
    identifier::{Identifier, Kind},
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};

use proptest::{collection::vec, prelude::*, sample::select};

/// Evidence that owns what it holds.
#[derive(Debug, Default)]
struct Known {
    identifiers: Vec<Identifier>,
    links: Vec<(Pair, LinkState)>,
    decisions: Vec<Decision>,
}

impl Known {
    fn evidence(&self) -> Evidence<'_> {
        Evidence { identifiers: &self.identifiers, links: &self.links, decisions: &self.decisions }
    }

    /// Links as (end, end, seconds, why withheld), decisions as (relation, end, end); the ends are `kind:value`.
    fn new(links: &[(&str, &str, i64, Option<Withheld>)], decisions: &[(Relation, &str, &str)]) -> Self {
        let mut known = Self::default();
        for (a, b, at, withheld) in links {
            known.link(&identifier(a), &identifier(b), *at, withheld.clone());
        }
        for (relation, a, b) in decisions {
            known.decide(*relation, &identifier(a), &identifier(b), false);
        }
        known.settle()
    }

    fn link(&mut self, a: &Identifier, b: &Identifier, at: i64, withheld: Option<Withheld>) {
        let Some(pair) = Pair::new(a, b).filter(|pair| self.links.iter().all(|(it, _)| it != pair)) else { return };
        self.push_link(pair, at, withheld);
    }

    fn push_link(&mut self, pair: Pair, at: i64, withheld: Option<Withheld>) {
        let at = Timestamp::from_micros(at);
        let seen = Observations { first_seen: at, last_seen: at, count: 1, sources: BTreeSet::new() };
        self.links.push((pair, LinkState { seen, withheld }));
    }

    fn decide(&mut self, relation: Relation, a: &Identifier, b: &Identifier, is_revoked: bool) {
        let Some(pair) = Pair::new(a, b) else { return };
        let at = Timestamp::EARLIEST;
        let revoked = is_revoked.then(|| Revocation { at, reason: "test".into(), actor: "test".into() });
        let id = format!("d{:03}", self.decisions.len()).into();
        self.decisions.push(Decision { id, relation, pair, at, reason: "test".into(), actor: "test".into(), revoked });
    }

    /// Adds the identifiers that links and decisions name.
    fn settle(mut self) -> Self {
        let pairs = self.links.iter().map(|(it, _)| it).chain(self.decisions.iter().map(|it| &it.pair));
        self.identifiers.extend(pairs.flat_map(|it| [it.a.clone(), it.b.clone()]));
        self.identifiers.sort();
        self.identifiers.dedup();
        self
    }

    fn position(&self, it: &Identifier) -> usize {
        self.identifiers.binary_search(it).expect("a known identifier")
    }

    /// Resolves: the number of each identifier's cluster, and which links are withheld.
    fn resolve(&mut self, policy: &CompiledPolicy) -> Vec<usize> {
        let is_shared: Vec<bool> = self.identifiers.iter().map(|it| self.is_shared(it, policy)).collect();
        let node = |(identifier, is_shared): (_, &bool)| Node {
            identifier,
            first_seen: Timestamp::EARLIEST,
            is_shared: *is_shared,
        };
        let nodes: Vec<Node<'_>> = self.identifiers.iter().zip(&is_shared).map(node).collect();
        let edges: Vec<Edge> = self
            .links
            .iter()
            .map(|(pair, it)| Edge {
                a: self.position(&pair.a),
                b: self.position(&pair.b),
                first_seen: it.seen.first_seen,
            })
            .collect();
        let constraints: Vec<Constraint<'_>> = self
            .decisions
            .iter()
            .filter(|it| it.revoked.is_none())
            .map(|it| Constraint { a: self.position(&it.pair.a), b: self.position(&it.pair.b), decision: it })
            .collect();
        let input = Input { nodes, edges, links: Vec::new(), constraints, decisions: Vec::new() };
        let partition = resolve(&input, policy);
        for ((_, link), withheld) in self.links.iter_mut().zip(partition.withheld) {
            link.withheld = withheld;
        }
        partition.cluster_of
    }

    fn is_shared(&self, it: &Identifier, policy: &CompiledPolicy) -> bool {
        let mut neighbors = BTreeMap::<Kind, Neighbors>::new();
        for (pair, link) in self.links.iter().filter(|(pair, _)| pair.a == *it || pair.b == *it) {
            let other = &pair.other(it).kind;
            let met = (policy.priority(other) < policy.priority(&it.kind)).then_some(link.seen.first_seen);
            neighbors.entry(other.clone()).or_default().add(met);
        }
        is_shared(&it.kind, &neighbors, policy)
    }

    /// All ties, the strongest first, as the definition has them: those that hold, and after them those that are withheld.
    /// Every `SAME` decision holds whose two ends are in one cluster.
    fn naive_ties(&self, cluster_of: Option<&[usize]>, policy: &CompiledPolicy) -> (Vec<NaiveTie>, Vec<NaiveTie>) {
        let ends = |pair: &Pair| (self.position(&pair.a), self.position(&pair.b));
        let is_one_cluster = |(a, b): (usize, usize)| cluster_of.is_none_or(|it| it[a] == it[b]);
        let mut same: Vec<(&Decision, usize)> = self
            .decisions
            .iter()
            .zip(0..)
            .filter(|(it, _)| it.revoked.is_none() && it.relation == Relation::Same && is_one_cluster(ends(&it.pair)))
            .collect();
        same.sort_by_key(|(it, _)| (it.at, it.id.clone()));
        let mut links: Vec<(&(Pair, LinkState), usize)> = self.links.iter().zip(0..).collect();
        links.sort_by_key(|((pair, link), _)| {
            let weakest = policy.priority(&pair.a.kind).max(policy.priority(&pair.b.kind));
            (weakest, link.seen.first_seen, pair.clone())
        });
        let (mut holding, mut withheld): (Vec<NaiveTie>, _) =
            (same.into_iter().map(|(it, n)| (ends(&it.pair), Step::Same(n))).collect(), Vec::new());
        for ((pair, link), n) in links {
            if link.withheld.is_some() {
                withheld.push((ends(pair), Step::Link(n)));
            } else {
                holding.push((ends(pair), Step::Link(n)));
            }
        }
        (holding, withheld)
    }
}

/// Two ends and what is between them.
type NaiveTie = ((usize, usize), Step);

fn identifier(name: &str) -> Identifier {
    let (kind, value) = name.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

/// For each node the smallest one that ties lead to.
fn labels(n: usize, edges: &[NaiveTie]) -> Vec<usize> {
    let mut labels: Vec<usize> = (0..n).collect();
    while let Some(((a, b), _)) = edges.iter().find(|((a, b), _)| labels[*a] != labels[*b]) {
        let (from, to) = (labels[*a].max(labels[*b]), labels[*a].min(labels[*b]));
        for label in &mut labels {
            *label = if *label == from { to } else { *label };
        }
    }
    labels
}

/// Holds an explanation against the definition: every tie of a way joins what no stronger ties do.
fn check_explanations(
    known: &Known,
    cluster_of: Option<&[usize]>,
    policy: &CompiledPolicy,
) -> Result<(), TestCaseError> {
    let n = known.identifiers.len();
    let (holding, withheld) = known.naive_ties(cluster_of, policy);
    let all = [holding.clone(), withheld].concat();
    let (held, reachable) = (labels(n, &holding), labels(n, &all));
    // Ties that join what no stronger ones join: over them there is one way at most from node to node.
    let strongest: Vec<NaiveTie> = (0..all.len())
        .filter(|position| {
            let before = labels(n, &all[..*position]);
            before[all[*position].0.0] != before[all[*position].0.1]
        })
        .map(|it| all[it])
        .collect();
    for (from, to) in (0..n).flat_map(|from| (0..n).map(move |to| (from, to))) {
        let order_notes = explain(known.evidence(), &known.identifiers[from], &known.identifiers[to], policy);
        prop_assert_eq!(order_notes.together, held[from] == held[to]);
        if let Some(cluster_of) = cluster_of {
            prop_assert_eq!(order_notes.together, cluster_of[from] == cluster_of[to], "as resolution has it");
        }
        if order_notes.together {
            prop_assert!(order_notes.blocked_by.is_empty());
            let mut here = from;
            let mut weakest = 0;
            for step in &order_notes.path {
                let position = all.iter().position(|(_, it)| it == step).expect("a tie");
                let (a, b) = all[position].0;
                prop_assert!(position < holding.len() && (a == here || b == here), "a way over ties that hold");
                here = if a == here { b } else { a };
                weakest = weakest.max(position + 1);
                prop_assert!(strongest.contains(&all[position]));
            }
            prop_assert_eq!(here, to);
            let bottleneck = (0..=all.len()).find(|n_links| {
                let labels = labels(n, &all[..*n_links]);
                labels[from] == labels[to]
            });
            prop_assert_eq!(Some(weakest), bottleneck, "no way is stronger");
            continue;
        }
        prop_assert!(order_notes.path.is_empty());
        if reachable[from] != reachable[to] {
            prop_assert!(order_notes.blocked_by.is_empty());
            continue;
        }
        // A tie of a tree is on the way between two nodes if they are apart without it.
        let on_the_way: BTreeSet<usize> = strongest
            .iter()
            .filter(|edge| {
                let rest: Vec<NaiveTie> = strongest.iter().filter(|it| it.1 != edge.1).copied().collect();
                let labels = labels(n, &rest);
                labels[from] != labels[to]
            })
            .filter_map(|(_, it)| it.link())
            .filter(|it| known.links[*it].1.withheld.is_some())
            .collect();
        prop_assert_eq!(order_notes.blocked_by.iter().copied().collect::<BTreeSet<_>>(), on_the_way.clone());
        prop_assert_eq!(order_notes.blocked_by.len(), on_the_way.len());
        let mut back = explain(known.evidence(), &known.identifiers[to], &known.identifiers[from], policy).blocked_by;
        back.reverse();
        prop_assert_eq!(back, order_notes.blocked_by, "in sequence, so the same the other way round");
    }
    Ok(())
}

/// Removes each link and counts the parts.
fn check_bridges(known: &Known, cluster_of: Option<&[usize]>, policy: &CompiledPolicy) -> Result<(), TestCaseError> {
    let n = known.identifiers.len();
    let (holding, _) = known.naive_ties(cluster_of, policy);
    let whole = labels(n, &holding);
    let mut expected = Vec::new();
    for link in 0..known.links.len() {
        let rest: Vec<NaiveTie> = holding.iter().filter(|it| it.1 != Step::Link(link)).copied().collect();
        let parts = labels(n, &rest);
        let a = known.position(&known.links[link].0.a);
        // Labels are the smallest nodes, so what has another label than before is the part without the smallest identifier.
        let (leaving, staying): (Vec<usize>, Vec<usize>) =
            (0..n).filter(|it| whole[*it] == whole[a]).partition(|it| parts[*it] != whole[*it]);
        if leaving.is_empty() {
            continue;
        }
        let leaving = if staying.len() < leaving.len() { staying } else { leaving };
        expected.push((link, leaving.into_iter().map(|it| &known.identifiers[it]).collect::<Vec<_>>()));
    }
    let found = bridges(known.evidence());
    for bridge in &found.bridges {
        prop_assert_eq!(bridge.leaving_count(), found.leaving(bridge).len());
    }
    let found: Vec<_> = found.bridges.iter().map(|it| (it.link, found.leaving(it))).collect();
    prop_assert_eq!(found, expected);
    Ok(())
}

/// The bridges as `a-b: who leaves`.
fn bridges_of(known: &Known) -> Vec<String> {
    let found = bridges(known.evidence());
    let name = |bridge: &Bridge| {
        let Pair { a, b } = &known.links[bridge.link].0;
        let leaving: Vec<&str> = found.leaving(bridge).iter().map(|it| &*it.value).collect();
        format!("{}-{}: {}", a.value, b.value, leaving.join(" "))
    };
    found.bridges.iter().map(name).collect()
}

/// Whether two are connected, the path as `a-b` (or `a=b` for a decision), and what separates them.
fn order_notes(known: &Known, a: &str, b: &str) -> (bool, Vec<String>, Vec<String>) {
    let order_notes = explain(known.evidence(), &identifier(a), &identifier(b), &CompiledPolicy::initial());
    let link = |it: &usize| format!("{}-{}", known.links[*it].0.a.value, known.links[*it].0.b.value);
    let step = |step: &Step| match step {
        Step::Link(pair) => link(pair),
        Step::Same(position) => {
            format!("{}={}", known.decisions[*position].pair.a.value, known.decisions[*position].pair.b.value)
        }
    };
    (
        order_notes.together,
        order_notes.path.iter().map(step).collect(),
        order_notes.blocked_by.iter().map(link).collect(),
    )
}

#[test]
fn bridges_of_small_graphs() {
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a [&'a str]);
    let table: &[Row<'_>] = &[
        ("nothing", &[], &[], &[]),
        ("one link; of equal parts the one without the smallest leaves", &[("x:a", "x:b")], &[], &["a-b: b"]),
        ("a triangle", &[("x:a", "x:b"), ("x:b", "x:c"), ("x:a", "x:c")], &[], &[]),
        (
            "a chain; the first identifier leaves, not all the others",
            &[("x:a", "x:b"), ("x:b", "x:c"), ("x:c", "x:d"), ("x:d", "x:e")],
            &[],
            &["a-b: a", "b-c: a b", "c-d: d e", "d-e: e"],
        ),
        (
            "two triangles joined by one link",
            &[
                ("x:a", "x:b"),
                ("x:b", "x:c"),
                ("x:a", "x:c"),
                ("x:d", "x:e"),
                ("x:e", "x:f"),
                ("x:d", "x:f"),
                ("x:c", "x:d"),
            ],
            &[],
            &["c-d: d e f"],
        ),
        ("a decision next to the link", &[("x:a", "x:b"), ("x:b", "x:c")], &[("x:a", "x:b")], &["b-c: c"]),
        ("a decision that closes the ring", &[("x:a", "x:b"), ("x:b", "x:c")], &[("x:a", "x:c")], &[]),
        (
            "a decision is no bridge, but what it ties leaves",
            &[("x:a", "x:b"), ("x:a", "x:c"), ("x:a", "x:d"), ("x:d", "x:e")],
            &[("x:d", "x:f")],
            &["a-b: b", "a-c: c", "a-d: d e f", "d-e: e"],
        ),
        ("two profiles", &[("x:a", "x:c"), ("x:b", "x:d")], &[], &["a-c: c", "b-d: d"]),
    ];
    for (name, links, same, expected) in table {
        let links: Vec<_> = links.iter().map(|(a, b)| (*a, *b, 1, None)).collect();
        let same: Vec<_> = same.iter().map(|(a, b)| (Relation::Same, *a, *b)).collect();
        assert_eq!(bridges_of(&Known::new(&links, &same)), *expected, "{name}");
    }
}

#[test]
fn withheld_links_and_revoked_decisions_hold_nothing() {
    let mut known = Known::new(
        &[
            ("x:a", "x:b", 1, None),
            ("x:b", "x:c", 1, None),
            ("x:a", "x:c", 1, Some(Withheld::Shared)),
            ("x:c", "x:d", 1, Some(Withheld::Shared)),
        ],
        &[],
    );
    known.decide(Relation::Same, &identifier("x:a"), &identifier("x:b"), true);
    assert_eq!(bridges_of(&known), ["a-b: a", "b-c: c"]);
    assert!(!order_notes(&known, "x:a", "x:d").0);
}

#[test]
fn the_path_is_the_one_whose_weakest_tie_is_strongest() {
    let ring = [
        ("external_id:e", "email:m", 9, None),
        ("external_id:e", "phone:p", 8, None),
        ("email:n", "phone:p", 7, None),
        ("device_id:d", "external_id:e", 1, None),
        ("device_id:d", "email:n", 2, None),
    ];
    let known = Known::new(&ring, &[]);
    // Not over the device, though that is as short and was seen before.
    let (together, path, blocked_by) = order_notes(&known, "email:m", "email:n");
    assert_eq!((together, path.join(" ").as_str()), (true, "m-e e-p n-p"));
    assert!(blocked_by.is_empty());
    assert_eq!(order_notes(&known, "email:n", "email:m").1, ["n-p", "e-p", "m-e"]);
    // A decision is stronger than any link.
    let decided =
        Known::new(&ring, &[(Relation::Same, "device_id:d", "email:m"), (Relation::Same, "device_id:d", "email:n")]);
    assert_eq!(order_notes(&decided, "email:m", "email:n").1, ["d=m", "d=n"]);
    assert_eq!(order_notes(&decided, "external_id:e", "email:n").1, ["e-p", "n-p"]);
}

#[test]
fn one_with_itself_and_with_what_is_not_known() {
    let known = Known::new(&[("x:a", "x:b", 1, None)], &[]);
    assert_eq!(order_notes(&known, "x:a", "x:a"), (true, vec![], vec![]));
    for (a, b) in [("x:a", "x:z"), ("x:z", "x:a"), ("x:z", "x:z")] {
        assert_eq!(order_notes(&known, a, b), (false, vec![], vec![]));
    }
}

#[test]
fn what_is_withheld_on_the_strongest_way_keeps_apart() {
    let limit = || Some(Withheld::Limit(Kind::new("external_id")));
    let known = Known::new(
        &[
            ("external_id:e1", "phone:p", 1, None),
            ("external_id:e2", "phone:p", 2, limit()),
            ("external_id:e2", "device_id:d", 3, None),
            ("external_id:e1", "device_id:d", 4, limit()),
            ("external_id:e3", "device_id:d", 5, limit()),
            ("email:m", "line_id:l", 6, None),
        ],
        &[],
    );
    assert_eq!(order_notes(&known, "external_id:e1", "device_id:d"), (false, vec![], vec!["e2-p".to_owned()]));
    let e3_to_p = (false, vec![], vec!["d-e3".to_owned(), "e2-p".to_owned()]);
    assert_eq!(order_notes(&known, "external_id:e3", "phone:p"), e3_to_p);
    assert_eq!(order_notes(&known, "external_id:e1", "email:m"), (false, vec![], vec![]), "nothing leads there");
}

#[test]
fn a_same_that_a_different_overrules_ties_nothing() {
    let same = (Relation::Same, "phone:p", "phone:q");
    let different = (Relation::Different, "phone:p", "phone:q");
    assert_eq!(order_notes(&Known::new(&[], &[same]), "phone:p", "phone:q").1, ["p=q"]);
    assert!(!order_notes(&Known::new(&[], &[same, different]), "phone:p", "phone:q").0);
}

#[test]
fn a_link_of_a_shared_value_ties_nothing_though_a_decision_brought_its_ends_together() {
    let names: Vec<String> = (0..12).map(|it| format!("phone:p{it:02}")).collect();
    let mut links: Vec<_> = names.iter().map(|it| ("email:desk", it.as_str(), 1, None)).collect();
    links.push(("phone:p00", "line_id:l", 2, None));
    links.push(("phone:p01", "line_id:l", 3, None));
    let mut known = Known::new(&links, &[(Relation::Same, "email:desk", "phone:p00")]);
    known.resolve(&CompiledPolicy::initial());
    assert_eq!(order_notes(&known, "email:desk", "phone:p01").1, ["desk=p00", "l-p00", "l-p01"]);
    assert_eq!(bridges_of(&known), ["l-p00: l p01", "l-p01: p01"]);
}

#[test]
fn a_chain_of_100_000() {
    const N: usize = 100_000;
    let identifiers: Vec<Identifier> = (0..N).map(|it| identifier(&format!("x:n{it:06}"))).collect();
    let mut known = Known::default();
    for ends in identifiers.windows(2) {
        known.push_link(Pair::new(&ends[0], &ends[1]).expect("two"), 1, None);
    }
    known.identifiers = identifiers;
    let policy = CompiledPolicy::initial();
    let (first, last) = (&known.identifiers[0], &known.identifiers[N - 1]);

    let order_notes = explain(known.evidence(), first, last, &policy);
    assert_eq!(order_notes.path, (0..N - 1).map(Step::Link).collect::<Vec<_>>());
    let found = bridges(known.evidence());
    assert_eq!(found.bridges.len(), N - 1);
    let counts: Vec<usize> = found.bridges.iter().map(Bridge::leaving_count).collect();
    assert_eq!(counts, (1..N).map(|it| it.min(N - it)).collect::<Vec<_>>());
    assert_eq!(found.leaving(&found.bridges[2]), known.identifiers[..3].iter().collect::<Vec<_>>());

    let middle = &mut known.links[N / 2].1.withheld;
    *middle = Some(Withheld::Shared);
    let order_notes = explain(known.evidence(), first, last, &policy);
    assert_eq!(order_notes, Explanation { together: false, path: vec![], blocked_by: vec![N / 2] });
}

const NAMES: [&str; 9] =
    ["external_id:e", "external_id:f", "phone:p", "phone:q", "email:m", "email:n", "x:a", "x:b", "x:null"];

/// Links as (end, end, seconds, whether withheld), decisions as (whether `DIFFERENT`, end, end, whether revoked).
type Drawn = (Vec<(Identifier, Identifier, i64, bool)>, Vec<(bool, Identifier, Identifier, bool)>);

fn drawn(names: &[&str], share_different: f64) -> impl Strategy<Value = Drawn> {
    let names: Vec<Identifier> = names.iter().copied().map(identifier).collect();
    let end = move || select(names.clone());
    let is_different = prop::bool::weighted(share_different);
    (
        vec((end(), end(), 0..3_i64, prop::bool::weighted(0.3)), 0..16),
        vec((is_different, end(), end(), prop::bool::weighted(0.2)), 0..5),
    )
}

fn known(drawn: &Drawn) -> Known {
    let mut known = Known::default();
    for (a, b, at, is_withheld) in &drawn.0 {
        known.link(a, b, *at, is_withheld.then_some(Withheld::Shared));
    }
    for (is_different, a, b, is_revoked) in &drawn.1 {
        known.decide(if *is_different { Relation::Different } else { Relation::Same }, a, b, *is_revoked);
    }
    known.settle()
}

proptest! {
    #[test]
    fn explanations_and_bridges_are_what_they_are_defined_to_be(drawn in drawn(&NAMES[..8], 0.0)) {
        let known = known(&drawn);
        let policy = CompiledPolicy::initial();
        check_explanations(&known, None, &policy)?;
        check_bridges(&known, None, &policy)?;
    }

    #[test]
    fn they_agree_with_resolution(drawn in drawn(&NAMES, 0.5), max_links in 1..4_u32) {
        let mut known = known(&drawn);
        let policy = CompiledPolicy::new(Policy { max_links, ..Policy::default() }).expect("a sound policy");
        let cluster_of = known.resolve(&policy);
        check_explanations(&known, Some(&cluster_of), &policy)?;
        check_bridges(&known, Some(&cluster_of), &policy)?;
    }
}
