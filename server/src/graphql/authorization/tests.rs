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
fn every_field_of_the_schema_says_what_it_asks_for_and_whether_it_is_personal() {
    let fields = fields();
    let forgotten: Vec<_> = fields.iter().filter(|(parent, field)| rule(parent, field).is_none()).collect();
    assert!(forgotten.is_empty(), "say in table.rs who may have them, and whether they are personal: {forgotten:?}");
    let named = |(parent, _, open, personal): &Entry| {
        let all = open.iter().copied().chain(personal.iter().map(|(field, _)| *field));
        all.map(|field| ((*parent).to_owned(), field.to_owned())).collect::<Vec<_>>()
    };
    let entries: Vec<(String, String)> = TABLE.iter().flat_map(named).collect();
    let gone: Vec<_> = entries.iter().filter(|it| !fields.contains(*it)).collect();
    assert!(gone.is_empty(), "these are not in the schema any more: {gone:?}");
    assert_eq!(entries.len(), fields.len(), "each stands there once");
}

#[test]
fn nobody_who_only_looks_changes_anything() {
    for (parent, field) in fields() {
        let need = rule(&parent, &field).unwrap().need;
        if parent == "Mutation" {
            assert!(matches!(need, Permission::Send | Permission::Decide | Permission::Govern), "{field}");
        }
    }
}
