//! Compares the customers of two projections.

use std::collections::HashMap;

use profile360_core::{
    graph::compare::{Comparison, Parts, compare},
    identifier::unified_id::{IdSecret, unified_id},
};
use profile360_store::{Store, StoreError};

/// Which customers of one projection are merged and which are split in the other.
pub(super) async fn identities(before: &Store, after: &Store, secret: &IdSecret) -> Result<Comparison, StoreError> {
    let mut positions: HashMap<u128, usize> = HashMap::new();
    let mut parts = [Parts::default(), Parts::default()];
    for (store, parts) in [before, after].into_iter().zip(&mut parts) {
        for share in store.shares().await? {
            for (_, cluster) in store.clusters_in(&share).await? {
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
