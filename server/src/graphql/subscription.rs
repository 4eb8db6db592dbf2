//! Subscriptions to profile changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Context, ID, Result, Subscription};
use futures::{Stream, stream};
use profile360_store::StoreError;
use tokio::sync::broadcast::error::RecvError;

use super::{
    Current,
    authorization::{self, caller},
    error::{ErrorCode, unavailable},
    profile::Profile,
    query::unified_id_in,
};
use crate::{
    clock,
    engine::{events::ProfileChanged, state::State},
    views::profile_view,
};

/// Counts the open subscriptions of each key, over all of its connections.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionLimit(Arc<Mutex<HashMap<Option<Arc<str>>, usize>>>);

/// The permit of one open subscription; dropping it releases it.
#[derive(Debug)]
pub(super) struct Permit {
    limit: SubscriptionLimit,
    key: Option<Arc<str>>,
}

impl SubscriptionLimit {
    /// A permit for one more subscription of a key.
    ///
    /// # Errors
    ///
    /// If the key has `most` open subscriptions.
    pub(super) fn acquire(&self, key: Option<Arc<str>>, most: usize) -> Result<Permit> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n_open = open.entry(key.clone()).or_default();
        if most <= *n_open {
            let sentence = format!("this key has {most} open subscriptions, which is the limit; complete one first");
            return Err(ErrorCode::TooManyOperations.with(sentence));
        }
        *n_open += 1;
        Ok(Permit { limit: self.clone(), key })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.limit.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n_open) = open.get_mut(&self.key) {
            *n_open -= 1;
            if *n_open == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct ProfileSubscription;

#[Subscription]
impl ProfileSubscription {
    /// Every change of one profile, or of all. Any unified ID ever issued is accepted, and merges are followed. A profile is sent
    /// as it is at that moment, so changes in quick succession can arrive as one.
    async fn profile_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any unified ID ever issued; all profiles if left out.")] unified_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Profile>> + use<>> {
        authorization::check(ctx, "Subscription", "profileChanged")?;
        let current = ctx.data::<Current>()?.clone();
        let permit =
            Arc::new(current.subscription_limit.acquire(caller(ctx)?.key.clone(), current.limits.subscriptions)?);
        let wanted = unified_id.map(|id| unified_id_in(&id, "unifiedId")).transpose()?;
        let app = current.app();
        // Subscribe before the check, so that no change in between is missed.
        let changes = app.events.profiles();
        if let Some(id) = wanted {
            let known = profile_view::clusters_of_ids(&app.store, &[id]).await.map_err(|error| unavailable(&error))?;
            if known.is_empty() {
                let sentence = "unifiedId: this unified ID was never issued; use one from a response, or leave it out";
                return Err(ErrorCode::BadUserInput.with(sentence));
            }
        }
        drop(app);
        Ok(stream::unfold(Some(changes), move |changes| {
            let (current, permit) = (current.clone(), permit.clone());
            async move {
                let (mut changes, _permit) = (changes?, permit);
                loop {
                    match changes.recv().await {
                        Ok(changed) if wanted.is_some_and(|id| !changed.is_of(id)) => {}
                        Ok(changed) => {
                            // `None`: it was merged since, which is a change of its own.
                            if let Some(profile) = Box::pin(profile_of(&current, &changed)).await.transpose() {
                                return Some((profile, Some(changes)));
                            }
                        }
                        Err(RecvError::Lagged(_)) => {
                            let sentence = "this subscriber reads more slowly than profiles change; read the profiles again, \
                                            and subscribe again";
                            return Some((Err(ErrorCode::SlowConsumer.with(sentence)), None));
                        }
                        Err(RecvError::Closed) => return None,
                    }
                }
            }
        }))
    }
}

/// The current profile; `None` if a merge removed its cluster. The event reads its fields again, all of them from one snapshot.
async fn profile_of(current: &Current, changed: &ProfileChanged) -> Result<Option<Profile>> {
    let app = current.app();
    let State { policy, .. } = &*app.state().await?;
    let load = async {
        Ok::<_, StoreError>(profile_view::load(&app.store, policy, &[changed.key]).await?.remove(&changed.key))
    };
    let customer = Box::pin(app.events.customer_of(changed, load)).await.map_err(|error| unavailable(&error))?;
    Ok(customer.map(|it| Profile::unread(&it, clock::today(&app.policy))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_limit() {
        let key = |name: &str| -> Option<Arc<str>> { Some(name.into()) };
        let limit = SubscriptionLimit::default();
        let permits = [limit.acquire(key("one"), 2), limit.acquire(key("one"), 2)];
        assert!(permits.iter().all(Result::is_ok));
        assert!(limit.acquire(key("one"), 2).is_err());
        assert!(limit.acquire(key("other"), 2).is_ok());
        drop(permits);
        assert!(limit.acquire(key("one"), 1).is_ok());
        assert!(
            limit.0.lock().expect("the lock is not poisoned").is_empty(),
            "no entry is left for a key without subscriptions"
        );
    }
}
