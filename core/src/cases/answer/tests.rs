use std::collections::BTreeSet;

use super::{Party, decisions};
use crate::{
    evidence::{decision::Relation, link::Pair},
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
};

fn identifier(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

/// The decisions about a phone number `P`, as `a=b` or `a≠b`. Each party is its members; the one with the number holds it, and
/// the others claim it by their first member.
fn answered(parties: &[&[&str]], same: &[usize]) -> Vec<String> {
    let phone = identifier("phone:P");
    let members: Vec<Vec<Identifier>> =
        parties.iter().map(|party| party.iter().copied().map(identifier).collect()).collect();
    let holds = |members: &[Identifier]| members.contains(&phone);
    let links: Vec<Option<Pair>> =
        members.iter().map(|it| if holds(it) { None } else { Pair::new(&it[0], &phone) }).collect();
    let parties: Vec<Party<'_>> = members
        .iter()
        .zip(&links)
        .map(|(members, link)| Party {
            anchor: &members[0],
            members,
            links: link.iter().collect(),
            holds_value: holds(members),
        })
        .collect();
    let same: BTreeSet<usize> = same.iter().copied().collect();
    decisions(&phone, &parties, &same, &CompiledPolicy::initial())
        .into_iter()
        .map(|(relation, pair)| {
            let sign = if relation == Relation::Same { '=' } else { '≠' };
            format!("{}{sign}{}", pair.a.value, pair.b.value)
        })
        .collect()
}

#[test]
fn the_answer_is_one_list_of_decisions() {
    /// The customers of a case, which of them are one person, and the decisions.
    type Row<'a> = (&'a [&'a [&'a str]], &'a [usize], &'a [&'a str]);

    let holder: &[&str] = &["external_id:1", "phone:P"];
    let (second, third): (&[&str], &[&str]) = (&["external_id:2", "email:b"], &["external_id:3"]);
    let alone: &[&str] = &["phone:P"];
    let table: [Row; 7] = [
        // A family: the number stays with its holder.
        (&[holder, second, third], &[], &["2≠P", "3≠P"]),
        // One of them is the holder.
        (&[holder, second, third], &[0, 1], &["1=2", "3≠P"]),
        (&[holder, second, third], &[0, 1, 2], &["1=2", "1=3"]),
        // Two are one person, who does not hold the number.
        (&[holder, second, third], &[1, 2], &["2=3", "2≠P", "3≠P"]),
        // No customer holds the number, so it goes along.
        (&[alone, second, third], &[1], &["2=P", "3≠P"]),
        (&[alone, second, third], &[1, 2], &["2=P", "3=P"]),
        (&[alone, second, third], &[], &["2≠P", "3≠P"]),
    ];
    for (parties, same, wanted) in table {
        assert_eq!(answered(parties, same), wanted, "{parties:?} {same:?}");
    }
}
