use async_graphql::parser::parse_query;

use super::{Measure, n_tokens};

fn measure(query: &str) -> [usize; 3] {
    let Measure { fields, aliases, directives } = Measure::of(&parse_query(query).expect("it is GraphQL"));
    [fields, aliases, directives]
}

#[test]
fn fragments_count_as_if_they_were_written_out() {
    assert_eq!(measure("{ a b: c @skip(if: true) { d } }"), [3, 1, 1]);
    assert_eq!(measure("query @x { ...F @y ... on T @z { a } } fragment F on T { b: c d }"), [3, 1, 3]);
    assert_eq!(measure("{ ...F ...F ...G } fragment F on T { a } fragment G on T { b { ...F } }"), [4, 0, 0]);
    assert_eq!(measure("query A { a } query B { b: a }"), [2, 1, 0]);
    // A circle ends, and so does what is not there.
    assert_eq!(measure("{ ...F ...Nothing } fragment F on T { a ...F }"), [1, 0, 0]);
    // A small document that asks for more than there are numbers.
    let doubled: String = (0..70).map(|n| format!("fragment F{n} on T {{ ...F{0} ...F{0} }} ", n + 1)).collect();
    assert_eq!(measure(&format!("{{ ...F0 }} {doubled} fragment F70 on T {{ a: b }}")), [usize::MAX, usize::MAX, 0]);
}

#[test]
fn tokens_are_those_of_the_specification() {
    for (query, n) in [
        ("", 0),
        (" \n,,\t# { comment }\n", 0),
        ("{ a }", 3),
        ("query($x:Int!=-1.5e3){a(b:$x)@c}", 21),
        ("{a(b:\"text { with \\\" signs }\",c:\"\"\"a \\\"\"\" { b\n }\"\"\")}", 11),
        ("...F...G", 4),
        ("a...F", 3),
        ("\"no end", 1),
        ("\"\"\"no end", 1),
    ] {
        assert_eq!(n_tokens(query, 100), n, "{query}");
    }
    assert_eq!(n_tokens(&"a ".repeat(1_000), 10), 11, "it stops where it is too much");
}
