use async_graphql::parser::parse_query;
use serde_json::json;

use super::*;

#[test]
fn fields_have_the_order_of_the_query() {
    let document = parse_query("{ b: x { two one ...F } a ... on Query { c { z y } } } fragment F on X { three two }")
        .expect("a query");
    let data =
        json!({ "a": { "free": 1, "form": 2 }, "c": [{ "y": 1, "z": 2 }], "b": { "three": 3, "one": 1, "two": 2 } });
    let arranged = in_query_order(Value::from_json(data).expect("a value"), &document);
    assert_eq!(arranged.to_string(), r#"{b: {two: 2, one: 1, three: 3}, a: {form: 2, free: 1}, c: [{z: 2, y: 1}]}"#);
}
