//! What goes on being told.

use async_graphql::{Context, ID, Result, Subscription};
use futures::{Stream, stream};
use profile360_core::identifier::UnifiedId;
use tokio::sync::broadcast::error::RecvError;

use super::{
    Current, allowed,
    error::{ErrorCode, unavailable},
    profile::Profile,
};
use crate::{clock, customer, news::ProfileChanged};

#[derive(Debug, Default)]
pub(super) struct ProfileSubscription;

#[Subscription]
impl ProfileSubscription {
    /// Every change of one profile, or of all. A profile is followed by any unified ID ever issued, through merges; it comes as
    /// it is when it is told, so changes that follow one another closely can come as one.
    async fn profile_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any unified ID ever issued; every customer if left out.")] unified_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Profile>> + use<>> {
        let parse = |it: ID| {
            UnifiedId::parse(&it).ok_or_else(|| ErrorCode::BadUserInput.with("unifiedId: this is no unified ID"))
        };
        let wanted = unified_id.map(parse).transpose()?;
        allowed::check(ctx, "Subscription", "profileChanged")?;
        let current = ctx.data::<Current>()?.clone();
        let news = current.app().news.profiles();
        Ok(stream::unfold(Some(news), move |news| {
            let current = current.clone();
            async move {
                let mut news = news?;
                loop {
                    match news.recv().await {
                        Ok(changed) if wanted.is_some_and(|it| !changed.is_of(it)) => {}
                        Ok(changed) => {
                            // Where there is none it has been joined with another since: that is told on its own.
                            if let Some(profile) = profile_of(&current, &changed).await.transpose() {
                                return Some((profile, Some(news)));
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
    let mut found = customer::load(&app.store, &app.policy, &[changed.key]).await.map_err(|it| unavailable(&it))?;
    let customer = found.remove(&changed.key);
    Ok(customer.map(|it| Profile::of(&it, clock::today(&app.policy))))
}
