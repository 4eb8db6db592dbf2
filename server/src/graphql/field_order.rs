//! The sequence of fields in an answer: that of the question, as the GraphQL specification has it.
//!
//! The library runs fields beside one another and writes each down when it is there.

use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// Brings an answer into the sequence of the operations of its document.
pub(super) fn as_asked(data: Value, document: &ExecutableDocument) -> Value {
    let sets: Vec<&SelectionSet> = document.operations.iter().map(|(_, it)| &it.node.selection_set.node).collect();
    arrange(data, &sets, document)
}

fn arrange(value: Value, sets: &[&SelectionSet], document: &ExecutableDocument) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(|it| arrange(it, sets, document)).collect()),
        Value::Object(mut fields) if !sets.is_empty() => {
            let mut asked: IndexMap<&Name, Vec<&SelectionSet>> = IndexMap::new();
            for set in sets {
                collect(set, document, &mut asked);
            }
            let mut arranged = IndexMap::with_capacity(fields.len());
            for (name, sets) in asked {
                if let Some(value) = fields.swap_remove(name) {
                    arranged.insert(name.clone(), arrange(value, &sets, document));
                }
            }
            // What nobody asked for by name is not there; if it were, it would not be lost here.
            arranged.extend(fields);
            Value::Object(arranged)
        }
        // Values of JSON scalars keep their own sequence.
        other => other,
    }
}

/// The names of a selection in their sequence, each with what is selected below it; fragments stand where they are spread.
fn collect<'d>(
    set: &'d SelectionSet,
    document: &'d ExecutableDocument,
    asked: &mut IndexMap<&'d Name, Vec<&'d SelectionSet>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let below = asked.entry(&field.node.response_key().node).or_default();
                if !field.node.selection_set.node.items.is_empty() {
                    below.push(&field.node.selection_set.node);
                }
            }
            Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, document, asked),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, asked);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
