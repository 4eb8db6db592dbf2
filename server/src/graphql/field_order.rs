//! Puts the fields of a response in the order of the query, as the GraphQL specification requires.
//!
//! The library runs fields concurrently and inserts each when it is complete.

use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// Puts a response in the order of the operations of its document.
pub(super) fn in_query_order(data: Value, document: &ExecutableDocument) -> Value {
    let sets: Vec<&SelectionSet> = document.operations.iter().map(|(_, it)| &it.node.selection_set.node).collect();
    arrange(data, &sets, document)
}

fn arrange(value: Value, sets: &[&SelectionSet], document: &ExecutableDocument) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(|it| arrange(it, sets, document)).collect()),
        Value::Object(mut fields) if !sets.is_empty() => {
            let mut selected: IndexMap<&Name, Vec<&SelectionSet>> = IndexMap::new();
            for set in sets {
                collect(set, document, &mut selected);
            }
            let mut arranged = IndexMap::with_capacity(fields.len());
            for (name, sets) in selected {
                if let Some(value) = fields.swap_remove(name) {
                    arranged.insert(name.clone(), arrange(value, &sets, document));
                }
            }
            // Fields that the query does not select should not occur; keep them rather than lose data.
            arranged.extend(fields);
            Value::Object(arranged)
        }
        // The values of JSON scalars keep their own order.
        other => other,
    }
}

/// The response names of a selection set in order, each with the selections below it; fragments count where they are spread.
fn collect<'d>(
    set: &'d SelectionSet,
    document: &'d ExecutableDocument,
    selected: &mut IndexMap<&'d Name, Vec<&'d SelectionSet>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let below = selected.entry(&field.node.response_key().node).or_default();
                if !field.node.selection_set.node.items.is_empty() {
                    below.push(&field.node.selection_set.node);
                }
            }
            Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, document, selected),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, selected);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
