//! Keeps every unified ID that was ever shown resolving, also under a policy that makes other identifiers of the same messages.

use profile360_core::{
    identifier::{Identifier, UnifiedId, normalize::normal_again},
    policy::compiled::CompiledPolicy,
};
use profile360_store::{Store, StoreError};

use crate::engine::pipeline::MAX_BATCH;

/// Redirects the unified IDs of a projection that another one does not use to the profiles there that contain related identifiers.
pub(super) async fn all(from: &Store, to: &Store, policy: &CompiledPolicy) -> Result<(), StoreError> {
    for share in from.shares().await? {
        let ids: Vec<_> = from.identifiers_in(&share).await?.into_iter().collect();
        for ids in ids.chunks(MAX_BATCH) {
            some(ids, from, to, policy).await?;
        }
    }
    Ok(())
}

/// [`all`] for some IDs, each with the identifier that it leads to.
pub(super) async fn some(
    ids: &[(UnifiedId, Identifier)],
    from: &Store,
    to: &Store,
    policy: &CompiledPolicy,
) -> Result<(), StoreError> {
    let unified_ids: Vec<UnifiedId> = ids.iter().map(|(id, _)| *id).collect();
    let known = to.identifiers_by_id(&unified_ids).await?;
    let mut redirects = Vec::new();
    for (id, identifier) in ids.iter().filter(|(id, _)| !known.contains_key(id)) {
        // First the identifier that it belongs to, then members of the same profile, then linked identifiers.
        let own = std::slice::from_ref(identifier);
        let mut kin = vec![identifier.clone()];
        if let Some(state) = from.identifiers(own).await?.get(identifier) {
            let clusters = from.clusters(&[state.cluster]).await?;
            kin.extend(clusters.into_values().flat_map(|it| it.members.clone()));
        }
        let links = from.links_of(own).await?;
        let linked: Vec<Identifier> = links.into_keys().flat_map(|it| [it.a, it.b]).collect();
        let itself = normal_again(identifier, policy);
        let strength = |it: &Identifier| (*it != itself, policy.priority(&it.kind), it.value.clone());
        for candidates in [kin, linked] {
            let candidates: Vec<Identifier> = candidates.iter().map(|it| normal_again(it, policy)).collect();
            let there = to.identifiers(&candidates).await?;
            if let Some(target) = there.into_keys().min_by_key(strength) {
                redirects.push((*id, target));
                break;
            }
        }
    }
    if redirects.is_empty() { Ok(()) } else { to.write_redirects(&redirects).await }
}
