use std::collections::BTreeSet;

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};

use super::table::{Entry, TABLE, rule};
use crate::{auth::access::Permission, graphql::sdl};

/// Every field of the schema's objects and interfaces.
fn fields() -> BTreeSet<(String, String)> {
    let document = parse_schema(sdl()).unwrap();
    let mut fields = BTreeSet::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(it) = definition else { continue };
        let of_type = match it.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in of_type {
            fields.insert((it.node.name.node.to_string(), field.node.name.node.to_string()));
        }
    }
    fields
}

#[test]
fn the_table_has_one_entry_for_each_field_of_the_schema() {
    let fields = fields();
    let missing: Vec<_> = fields.iter().filter(|(parent, field)| rule(parent, field).is_none()).collect();
    assert!(missing.is_empty(), "add their permission and mask to table.rs: {missing:?}");
    let named = |(parent, _, open, personal): &Entry| {
        let all = open.iter().copied().chain(personal.iter().map(|(field, _)| *field));
        all.map(|field| ((*parent).to_owned(), field.to_owned())).collect::<Vec<_>>()
    };
    let entries: Vec<(String, String)> = TABLE.iter().flat_map(named).collect();
    let gone: Vec<_> = entries.iter().filter(|it| !fields.contains(*it)).collect();
    assert!(gone.is_empty(), "remove these from table.rs, as the schema has no such field: {gone:?}");
    assert_eq!(entries.len(), fields.len(), "each field has one entry");
}

#[test]
fn no_mutation_is_allowed_with_a_permission_to_read() {
    for (parent, field) in fields() {
        let permission = rule(&parent, &field).unwrap().permission;
        // A reader's own views of the list change nothing that others see; sharing one requires more.
        let is_own_view = ["saveView", "removeView"].contains(&field.as_str());
        if parent == "Mutation" && !is_own_view {
            assert!(matches!(permission, Permission::Send | Permission::Decide | Permission::Govern), "{field}");
        }
    }
}
