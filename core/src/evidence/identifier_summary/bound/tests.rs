use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use crate::{
    evidence::identifier_summary::values::observe,
    identifier::{Identifier, Kind},
    policy::survivorship::{Rule, Survivorship},
    profile::survivorship::{self, rank},
    time::Timestamp,
};

use super::*;

type Attributes = BTreeMap<Arc<str>, Values>;
type Said = (&'static str, serde_json::Value, &'static str, i64);

/// So little room that a few messages fill it.
const TIGHT: [Shelf; 2] = [
    Shelf { names: 2, observations: [3, 5], sources: [2, 3] },
    Shelf { names: 1, observations: [1, 2], sources: [1, 1] },
];

fn said() -> impl Strategy<Value = Vec<Said>> {
    let long = |letter: &str| json!(letter.repeat(MAX_SHORT_BYTES));
    let values =
        vec![json!(1), json!(2.5), json!("a"), json!("b"), json!("c"), json!(null), long("x"), long("y"), long("z")];
    let one =
        (select(vec!["a", "b", "c", "df_name"]), select(values), select(vec!["app", "crm", "pos", "web"]), 0..6_i64);
    vec(one, 0..30)
}

fn add(attributes: &mut Attributes, (name, value, source, at): &Said) {
    let values = attributes.entry(Arc::from(*name)).or_default();
    let value = AttributeValue::new(value).expect("a scalar");
    observe(values, &value, &Arc::from(*source), Observed::once(Timestamp::from_micros(*at)));
}

fn all(said: &[Said]) -> Attributes {
    let mut attributes = Attributes::new();
    said.iter().for_each(|one| add(&mut attributes, one));
    attributes
}

fn kept(mut attributes: Attributes) -> Attributes {
    keep(&mut attributes, &TIGHT);
    attributes
}

fn merged(mut into: Attributes, from: &Attributes) -> Attributes {
    for (name, values) in from {
        let target = into.entry(name.clone()).or_default();
        for (value, sources) in values {
            sources.iter().for_each(|(source, seen)| observe(target, value, source, *seen));
        }
    }
    kept(into)
}

fn one_by_one(said: &[Said]) -> Attributes {
    let mut attributes = Attributes::new();
    for one in said {
        add(&mut attributes, one);
        keep(&mut attributes, &TIGHT);
    }
    attributes
}

/// What a rule chooses, and when that was seen.
fn winner(values: &Values, rule: Rule, sources: &[&str]) -> Option<(AttributeValue, Timestamp)> {
    let identifier = Identifier::new(Kind::new("external_id"), "1");
    let observations = values.iter().flat_map(|(value, sources)| {
        let identifier = &identifier;
        sources.iter().map(move |(source, seen)| survivorship::Observation {
            value,
            source,
            seen: *seen,
            identifier,
            member: 0,
        })
    });
    let survivorship =
        Survivorship { sources: sources.iter().map(|source| Arc::from(*source)).collect(), ..Survivorship::default() };
    rank(observations.collect(), rule, &survivorship).first().map(|it| (it.value.clone(), it.observed_at))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_kept_depends_on_no_sequence_and_on_no_batches(
        (said, shuffled) in said().prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
        cut in 0..30_usize,
    ) {
        let whole = kept(all(&said));
        prop_assert_eq!(&one_by_one(&shuffled), &whole);
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        prop_assert_eq!(&merged(one_by_one(left), &one_by_one(right)), &whole);
        prop_assert_eq!(&merged(kept(all(right)), &kept(all(left))), &whole);
        prop_assert_eq!(&kept(whole.clone()), &whole);
    }

    #[test]
    fn of_short_values_every_rule_but_the_counting_ones_chooses_as_if_all_were_there(said in said()) {
        let short: Vec<Said> = said.into_iter()
            .filter(|(name, value, ..)| ["a", "df_name"].contains(name) && value.to_string().len() < 9 && !value.is_null())
            .collect();
        let (all, kept) = (all(&short), one_by_one(&short));
        prop_assert_eq!(all.len(), kept.len());
        for (name, values) in &all {
            for rule in [Rule::Latest, Rule::Earliest, Rule::Min, Rule::Max] {
                prop_assert_eq!(winner(&kept[name], rule, &[]), winner(values, rule, &[]), "{:?}", rule);
            }
        }
        // Who is heard is heard of the attribute that comes first, the standard one.
        if let Some(values) = all.get("df_name") {
            for trusted in values.values().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>().into_iter().take(TIGHT[0].sources[0]) {
                let chosen = winner(&kept["df_name"], Rule::SourcePriority, &[trusted]);
                prop_assert_eq!(chosen, winner(values, Rule::SourcePriority, &[trusted]));
            }
        }
    }
}

#[test]
fn one_identifier_never_holds_more_than_so_much() {
    let mut attributes = Attributes::new();
    let mut full = BTreeSet::new();
    let mut largest = 0;
    for n in 0..2_000_i64 {
        for (name, length) in [(format!("n{:04}", n % 1_500), 100), (format!("n{:04}", n % 70), 8_000)] {
            let value = AttributeValue::new(&json!(format!("{n:05}{}", "x".repeat(length)))).expect("a text");
            let source = Arc::from(format!("s{n}"));
            let values = attributes.entry(Arc::from(name)).or_default();
            observe(values, &value, &source, Observed::once(Timestamp::from_micros(n)));
        }
        full.append(&mut keep(&mut attributes, &SHELVES));
        if n % 500 == 499 {
            largest = serde_json::to_string(&attributes).expect("it serializes").len();
        }
    }
    assert_eq!(full, BTreeSet::from([Full::Attributes, Full::Values]));
    assert!(largest < 5_000_000, "{largest}");
}
