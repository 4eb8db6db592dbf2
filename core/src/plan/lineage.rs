//! The lineage of a change.

use std::collections::{BTreeMap, BTreeSet};

use super::{draft::Draft, view::View};
use crate::{
    graph::{
        lineage::{Lineage, between},
        rows::CellKey,
    },
    identifier::Identifier,
};

impl Draft<'_> {
    pub(super) fn lineage(&self, view: &View) -> Vec<Lineage> {
        let is_settled = self.removed_cells.is_empty() && self.to_resolve.is_empty();
        if is_settled {
            return Vec::new();
        }
        let mut parts_of = BTreeMap::new();
        let mut now = BTreeMap::new();
        for key in self.cells.keys().chain(&self.removed_cells) {
            let Some(old) = view.cell(*key) else { continue };
            // Who was not loaded did not move.
            let place = |it: &Identifier| match self.state(it, view) {
                Some(_) => Some(self.cell_of(it, view)),
                None if self.removed_identifiers.contains(it) => None,
                None => Some(*key),
            };
            let parts: BTreeSet<CellKey> = old.members.iter().filter_map(place).collect();
            for part in &parts {
                if let Some(cell) = self.cell(*part, view) {
                    now.insert(*part, cell.unified_id);
                }
            }
            parts_of.insert(*key, (old.unified_id, parts));
        }
        let before = |it: &Identifier| view.identifier(it).map(|it| it.cell);
        let named: Vec<BTreeSet<CellKey>> =
            self.messages.iter().map(|it| it.identifiers.iter().filter_map(before).collect()).collect();
        between(&parts_of, &now)
            .into_iter()
            .map(|(lineage, cells)| {
                let first_naming = |n: usize| {
                    let is_cause = |it: &BTreeSet<CellKey>| n <= it.intersection(&cells).count();
                    (0..named.len()).find(|it| !self.is_duplicate[*it] && is_cause(&named[*it]))
                };
                Lineage { message: first_naming(2).or_else(|| first_naming(1)), ..lineage }
            })
            .collect()
    }
}
