//! What goes on being told.

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
use crate::{clock, engine::events::ProfileChanged, views::profile_view};

/// The subscriptions that each key has open, over all of its connections.
#[derive(Debug, Clone, Default)]
pub struct Listening(Arc<Mutex<HashMap<Option<Arc<str>>, usize>>>);

/// The place of a subscription; free again once it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    listening: Listening,
    key: Option<Arc<str>>,
}

impl Listening {
    /// A place for one more subscription of a key.
    ///
    /// # Errors
    ///
    /// Where it has `most` of them already.
    pub(super) fn take(&self, key: Option<Arc<str>>, most: usize) -> Result<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n_open = open.entry(key.clone()).or_default();
        if most <= *n_open {
            let sentence = format!("this key has {most} subscriptions, as many as it may have; complete one first");
            return Err(ErrorCode::TooManyOperations.with(sentence));
        }
        *n_open += 1;
        Ok(Place { listening: self.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.listening.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        #[graphql(desc = "Any unified ID ever issued; every customer if left out.")] unified_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Profile>> + use<>> {
        authorization::check(ctx, "Subscription", "profileChanged")?;
        let current = ctx.data::<Current>()?.clone();
        let place = Arc::new(current.listening.take(caller(ctx)?.key.clone(), current.limits.subscriptions)?);
        let wanted = unified_id.map(|id| unified_id_in(&id, "unifiedId")).transpose()?;
        let app = current.app();
        // Before it is looked whether it is there: what changes in between is told.
        let events = app.events.profiles();
        if let Some(id) = wanted {
            let known = profile_view::cells_of_ids(&app.store, &[id]).await.map_err(|error| unavailable(&error))?;
            if known.is_empty() {
                let sentence =
                    "unifiedId: no customer has or had this unified ID; take one from an answer, or leave it out";
                return Err(ErrorCode::BadUserInput.with(sentence));
            }
        }
        drop(app);
        Ok(stream::unfold(Some(events), move |events| {
            let (current, place) = (current.clone(), place.clone());
            async move {
                let (mut events, _place) = (events?, place);
                loop {
                    match events.recv().await {
                        Ok(changed) if wanted.is_some_and(|it| !changed.is_of(it)) => {}
                        Ok(changed) => {
                            // Where there is none it has been joined with another since: that is told on its own.
                            if let Some(profile) = profile_of(&current, &changed).await.transpose() {
                                return Some((profile, Some(events)));
                            }
                        }
                        Err(RecvError::Lagged(_)) => {
                            let sentence = "this subscriber reads more slowly than customers change; read what you need anew, \
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

/// A customer as it is now; `None` where a merge took its cell away.
async fn profile_of(current: &Current, changed: &ProfileChanged) -> Result<Option<Profile>> {
    let app = current.app();
    let load = async {
        Ok::<_, StoreError>(profile_view::load(&app.store, &app.policy, &[changed.key]).await?.remove(&changed.key))
    };
    let customer = app.events.customer_of(changed, load).await.map_err(|error| unavailable(&error))?;
    Ok(customer.map(|it| Profile::of(&it, clock::today(&app.policy))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_places_and_takes_none_from_another() {
        let key = |name: &str| -> Option<Arc<str>> { Some(name.into()) };
        let listening = Listening::default();
        let places = [listening.take(key("one"), 2), listening.take(key("one"), 2)];
        assert!(places.iter().all(Result::is_ok));
        assert!(listening.take(key("one"), 2).is_err());
        assert!(listening.take(key("other"), 2).is_ok());
        drop(places);
        assert!(listening.take(key("one"), 1).is_ok());
        assert!(listening.0.lock().expect("nobody panics").is_empty(), "nothing is left of who is gone");
    }
}
