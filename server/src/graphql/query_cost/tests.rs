use std::{
    collections::BTreeSet,
    fmt::Write,
    sync::{Arc, Mutex},
};

use async_graphql::{
    EmptyMutation, EmptySubscription, Object, Schema, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::parse_query,
};
use futures::executor::block_on;
use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::*;

fn measured(query: &str) -> Result<QueryCost, Fault> {
    QueryCost::of(&parse_query(query).expect("it is GraphQL"), &Variables::default())
}

fn counts(query: &str) -> [usize; 4] {
    let Measure { fields, aliases, directives, steps, .. } = measured(query).expect("valid fragments").all;
    [fields, aliases, directives, steps]
}

#[test]
fn fragments_are_counted_once_for_each_spread() {
    assert_eq!(counts("{ a b: c @skip(if: true) { d } }"), [3, 1, 1, 3]);
    assert_eq!(counts("query @x { ...F @y ... on T @z { a } } fragment F on T { b: c d }"), [3, 1, 3, 5]);
    assert_eq!(counts("{ ...F ...F ...G } fragment F on T { a } fragment G on T { b { ...F } }"), [4, 0, 0, 8]);
    assert_eq!(counts("query A { a } query B { b: a }"), [2, 1, 0, 2]);
    // Small documents whose fields, or whose spreads alone, exceed the largest number.
    let wide = |last: &str| -> String {
        let fragment = |n: usize| format!("fragment F{n} on T {{ {} }} ", format!("...F{} ", n + 1).repeat(20));
        format!("{{ ...F0 }} {} fragment F20 on T {{ {last} }}", (0..20).map(fragment).collect::<String>())
    };
    assert_eq!(counts(&wide("a: b")), [usize::MAX, usize::MAX, 0, usize::MAX]);
    assert_eq!(counts(&wide("... on T { __typename }"))[3], usize::MAX);
}

#[test]
fn undefined_circular_and_too_deep_fragments_are_faults() {
    let is = |query: &str, fault: fn(Pos) -> Fault| {
        let found = measured(query).expect_err(query);
        let (Fault::Unknown(pos) | Fault::Circular(pos) | Fault::TooDeep(pos)) = found;
        assert_eq!(found, fault(pos), "{query}");
        assert_ne!(pos, Pos::default(), "{query}");
    };
    is("{ ...Undefined }", Fault::Unknown);
    is("{ a { ... { ...Undefined } } }", Fault::Unknown);
    is("{ a } fragment Unused on T { ...Undefined }", Fault::Unknown);
    is("query A { a } query B { ...Undefined }", Fault::Unknown);
    is("{ ...F } fragment F on T { ...F }", Fault::Circular);
    is("{ a } fragment F on T { ... { b { ...F } } }", Fault::Circular);
    is("{ ...F } fragment F on T { ...G } fragment G on T { a { ...F } }", Fault::Circular);
    let chain = |n: usize| -> String {
        (0..n)
            .map(|it| format!("fragment F{it} on T {{ ...F{} }} ", it + 1))
            .chain([format!("fragment F{n} on T {{ a }}")])
            .collect()
    };
    is(&format!("{{ ...F0 }} {}", chain(40)), Fault::TooDeep);
    is(&format!("{{ a }} {}", chain(1_200)), Fault::TooDeep);
    is(&format!("{{ {} a {} }}", "... { ".repeat(40), "}".repeat(40)), Fault::TooDeep);
    assert_eq!(measured(&format!("{{ ...F0 }} {}", chain(30))).map(|it| it.all.fields), Ok(1));
}

#[test]
fn values_are_counted_at_each_occurrence() {
    let query = "query($long: [String!], $one: Int) {
        a(ids: $long) b(x: { y: [1, 2, { z: \"two\" }] }) { c(ids: $long, one: $one) { d } }
        ...F ...F
    }
    fragment F on T { e(text: \"0123456789012345678901234567890123456789012345678901234567890123\") @skip(if: $one) }";
    let variables = Variables::from_json(json!({ "long": ["a", "b", "c"], "one": 1, "unused": [1, 2, 3] }));
    let QueryCost { all, variables, .. } =
        QueryCost::of(&parse_query(query).expect("a query"), &variables).expect("valid fragments");
    assert_eq!((all.values, all.widest, all.widest_below), (4 + 6 + (4 + 1) + 2 * (3 + 1), 6, 5));
    assert_eq!(variables, 4 + 1);
}

#[test]
fn introspection_is_counted_by_the_entries_that_it_lists() {
    let tools = "{ __schema { queryType { name } directives { name args { ...V } } types { kind name fields(includeDeprecated: true) {
        name args { ...V } type { ...T } isDeprecated } inputFields { ...V } interfaces { ...T }
        enumValues { name description } possibleTypes { ...T } } } }
        fragment V on __InputValue { name description type { ...T } defaultValue }
        fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind
        name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";
    let introspected = |query: &str| measured(query).expect("valid fragments").all.introspected;
    assert!(introspected(tools) < 500_000, "{}", introspected(tools));
    assert_eq!(introspected("{ a { fields { types { fields { b } } } } }"), 0);
    let circular =
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    assert!(1_000_000 < introspected(circular), "{}", introspected(circular));
    let one = "{ x: __type(name: \"Query\") { ...F } } fragment F on __Type { fields { type { fields { name } } } }";
    assert_eq!(introspected(one), (1 + (1 + 10 * (1 + 1))) * 10);
}

#[test]
fn tokens_are_counted_as_the_specification_defines_them() {
    for (query, tokens, nesting) in [
        ("", 0, 0),
        (" \n,,\t# { comment }\n", 0, 0),
        ("{ a }", 3, 1),
        ("query($x:Int!=-1.5e3){a(b:$x)@c}", 21, 2),
        ("{a(b:\"text { with \\\" signs }\",c:\"\"\"a \\\"\"\" { b\n }\"\"\")}", 11, 2),
        ("...F...G", 4, 0),
        ("a...F", 3, 0),
        ("\"no end", 1, 0),
        ("\"\"\"no end", 1, 0),
        ("}}{[(((", 7, 5),
    ] {
        let cost = TextCost::of(query, 100);
        assert_eq!((cost.tokens, cost.nesting), (tokens, nesting), "{query}");
    }
    assert_eq!(TextCost::of(&"a ".repeat(1_000), 10).tokens, 11, "it stops at the limit");
    assert_eq!(TextCost::of("{ a _0123456789 bc(d: \"0123456789012345678\") }", 100).longest_name, 11);
}

/// A selection.
#[derive(Debug, Clone)]
enum Part {
    Leaf,
    Field(Vec<Part>),
    Inline(Vec<Part>),
    Spread(usize),
}

fn parts(n_fragments: usize) -> impl Strategy<Value = Vec<Part>> {
    let leaf = prop_oneof![2 => Just(Part::Leaf), 5 => (0..n_fragments + 1).prop_map(Part::Spread)];
    let part = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![vec(inner.clone(), 1..4).prop_map(Part::Field), vec(inner, 1..4).prop_map(Part::Inline),]
    });
    vec(part, 1..5)
}

fn written(parts: &[Part], into: &mut String) {
    for part in parts {
        let (head, inner) = match part {
            Part::Leaf => ("a ".to_owned(), None),
            Part::Field(inner) => ("q ".to_owned(), Some(inner)),
            Part::Inline(inner) => ("... on Q ".to_owned(), Some(inner)),
            Part::Spread(number) => (format!("...F{number} "), None),
        };
        into.push_str(&head);
        if let Some(inner) = inner {
            into.push_str("{ ");
            written(inner, into);
            into.push_str("} ");
        }
    }
}

fn text(operation: &[Part], fragments: &[Vec<Part>]) -> String {
    let mut text = "{ ".to_owned();
    written(operation, &mut text);
    text.push('}');
    for (number, parts) in fragments.iter().enumerate() {
        write!(text, " fragment F{number} on Q {{ ").expect("writing to a string succeeds");
        written(parts, &mut text);
        text.push('}');
    }
    text
}

/// The fragments that parts spread.
fn spreads(parts: &[Part], into: &mut BTreeSet<usize>) {
    for part in parts {
        match part {
            Part::Leaf => {}
            Part::Field(inner) | Part::Inline(inner) => spreads(inner, into),
            Part::Spread(number) => drop(into.insert(*number)),
        }
    }
}

fn is_circular(fragments: &[Vec<Part>]) -> bool {
    (0..fragments.len()).any(|start| {
        let mut reached = BTreeSet::new();
        spreads(&fragments[start], &mut reached);
        loop {
            let before = reached.len();
            for number in reached.clone() {
                fragments.get(number).into_iter().for_each(|parts| spreads(parts, &mut reached));
            }
            if reached.len() == before {
                return reached.contains(&start);
            }
        }
    })
}

/// Counts fields and steps with all fragments expanded, as the library does; `None` after `left` steps.
fn expanded(parts: &[Part], fragments: &[Vec<Part>], left: &mut usize) -> Option<(usize, usize)> {
    let (mut fields, mut steps) = (0, 0);
    for part in parts {
        *left = left.checked_sub(1)?;
        steps += 1;
        let inner = match part {
            Part::Leaf => &[][..],
            Part::Field(inner) | Part::Inline(inner) => inner,
            Part::Spread(number) => &fragments[*number],
        };
        fields += usize::from(matches!(part, Part::Leaf | Part::Field(_)));
        let below = expanded(inner, fragments, left)?;
        (fields, steps) = (fields + below.0, steps + below.1);
    }
    Some((fields, steps))
}

struct Q;

#[Object]
impl Q {
    async fn a(&self) -> i32 {
        1
    }

    async fn q(&self) -> Self {
        Self
    }
}

/// Records the library's own count.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Option<usize>>>);

impl ExtensionFactory for Counted {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Extension for Counted {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let counted = next.run(ctx).await?;
        *self.0.lock().expect("the lock is not poisoned") = Some(counted.complexity);
        Ok(counted)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn measuring_is_linear_and_agrees_with_the_library(
        (operation, fragments) in (1..14_usize).prop_flat_map(|n| (parts(n), vec(parts(n), n))),
        is_valid in any::<bool>(),
    ) {
        const MOST: usize = 20_000;
        let valid = |number: usize, parts: &[Part]| -> Vec<Part> {
            // Each fragment spreads only later ones.
            fn later(part: &Part, number: usize, n: usize) -> Part {
                match part {
                    Part::Leaf => Part::Leaf,
                    Part::Field(inner) => Part::Field(inner.iter().map(|it| later(it, number, n)).collect()),
                    Part::Inline(inner) => Part::Inline(inner.iter().map(|it| later(it, number, n)).collect()),
                    Part::Spread(it) => if number + 1 < n { Part::Spread(number + 1 + it % (n - number - 1)) } else { Part::Leaf },
                }
            }
            parts.iter().map(|it| later(it, number, fragments.len())).collect()
        };
        let (operation, fragments): (Vec<Part>, Vec<Vec<Part>>) = if is_valid {
            // All are spread, so that the library finds no unused fragment.
            let all = (0..fragments.len()).map(Part::Spread);
            let leaves = operation.iter().filter(|it| !matches!(it, Part::Spread(_) | Part::Field(_) | Part::Inline(_))).cloned();
            (leaves.chain(all).collect(), fragments.iter().enumerate().map(|(number, parts)| valid(number, parts)).collect())
        } else {
            (operation, fragments)
        };
        let query = text(&operation, &fragments);
        let document = parse_query(&query).expect("it is GraphQL");
        let mut all = BTreeSet::new();
        fragments.iter().chain([&operation]).for_each(|parts| spreads(parts, &mut all));
        let is_faulty = all.contains(&fragments.len()) || is_circular(&fragments);
        match QueryCost::of(&document, &Variables::default()) {
            Err(Fault::Unknown(_)) => prop_assert!(all.contains(&fragments.len())),
            Err(Fault::Circular(_)) => prop_assert!(is_circular(&fragments)),
            Err(Fault::TooDeep(_)) => {}
            Ok(measured) => {
                prop_assert!(!is_faulty);
                prop_assert!(measured.n_steps <= TextCost::of(&query, usize::MAX).tokens);
                let mut left = MOST;
                match expanded(&operation, &fragments, &mut left) {
                    Some(counted) => prop_assert_eq!((measured.all.fields, measured.all.steps), counted),
                    None => prop_assert!(MOST < measured.all.steps),
                }
                if is_valid && measured.all.steps < MOST {
                    let counted = Counted::default();
                    let schema = Schema::build(Q, EmptyMutation, EmptySubscription).extension(counted.clone()).finish();
                    // An unknown operation name: the library validates the document and runs nothing.
                    block_on(schema.execute(async_graphql::Request::new(&query).operation_name("Undefined")));
                    prop_assert_eq!(*counted.0.lock().expect("the lock is not poisoned"), Some(measured.all.fields));
                }
            }
        }
    }
}
