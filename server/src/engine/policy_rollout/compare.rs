//! Compares the customers of two projections.

use std::collections::HashMap;

use profile360_core::{
    graph::compare::{Comparison, Parts, compare},
    identifier::unified_id::unified_id,
};
use profile360_store::StoreError;

use crate::engine::snapshot::Snapshot;

/// Which customers of one projection are merged and which are split in the other.
pub(super) async fn identities(before: &Snapshot, after: &Snapshot) -> Result<Comparison, StoreError> {
    let mut positions: HashMap<u128, usize> = HashMap::new();
    let mut parts = [Parts::default(), Parts::default()];
    for (Snapshot { store, secret, .. }, parts) in [before, after].into_iter().zip(&mut parts) {
        for first_byte in 0..=u8::MAX {
            for (_, cluster) in store.clusters_of(first_byte).await? {
                for member in &cluster.members {
                    let n_known = positions.len();
                    let id = unified_id(member, secret).0.as_u128();
                    let position = *positions.entry(id).or_insert(n_known);
                    if parts.part_of.len() <= position {
                        parts.part_of.resize(position + 1, None);
                    }
                    parts.part_of[position] = Some(parts.names.len());
                }
                parts.names.push(cluster.unified_id);
            }
        }
    }
    let [before, after] = parts;
    Ok(compare(&before, &after))
}
