//! Policies: the one in force, all there were, trying another one, publishing one.

use async_graphql::{Context, Enum, Error, ErrorExtensions, ID, InputObject, Object, Result, SimpleObject, Value};
use profile360_core::{
    graph::compare,
    json_value::JsonValue,
    policy::{self, compiled::CompiledPolicy, document::PolicyFault},
    time::Timestamp,
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinError, spawn_blocking},
};

use super::{
    App, Current,
    authorization::caller,
    decision::check_reason,
    error::{ErrorCode, unavailable},
    scalars::{DateTime, Json, count},
};
use crate::{
    clock,
    engine::{
        active_policy::PublishedPolicy,
        policy_rollout::{Progress, simulate as simulate_on},
    },
};

/// Whether a version of the policy is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum PolicyStatus {
    /// It is active.
    InForce,
    /// It is being published in the background; see /healthz.
    Publishing,
    /// Another one is active.
    NotInForce,
}

/// A version of the policy.
#[derive(Debug, SimpleObject)]
pub(super) struct Policy {
    /// Its number.
    version: i32,
    /// When it was published.
    published_at: DateTime,
    /// Who published it.
    published_by: String,
    /// Why it was published; empty for the first policy of a database.
    reason: String,
    /// Whether it is active.
    status: PolicyStatus,
    /// The time zone of days and months.
    time_zone: String,
    /// The currency of figures where a query names none.
    currency: String,
    /// The whole document.
    document: Json,
}

/// The policy document; a field left out keeps its value in the version that it starts from.
#[derive(Debug, InputObject)]
pub(super) struct PolicyInput {
    /// The version to start from; the active one if left out.
    from: Option<i32>,
    /// The fields that differ from the version that it starts from.
    document: Json,
}

/// What another policy would change in the whole database.
#[derive(Debug, SimpleObject)]
pub(super) struct PolicySimulation {
    /// How many customers there are.
    profiles_before: i32,
    /// How many there would be.
    profiles_after: i32,
    /// Profiles that would result from merging two or more.
    merging: i32,
    /// Profiles that would be split.
    splitting: i32,
    /// Some of the changes, by the smallest unified ID before.
    samples: Vec<PolicyChange>,
}

/// Profiles whose identifiers would belong to other profiles.
#[derive(Debug, SimpleObject)]
struct PolicyChange {
    /// The unified IDs of the customers as they are.
    before: Vec<ID>,
    /// The unified IDs of the customers as they would be.
    after: Vec<ID>,
}

/// What trying or publishing a policy weighs: with the limits as they come, one of them is all that a request may ask for.
const SIMULATION: usize = 30_000;

#[derive(Debug, Default)]
pub(super) struct PolicyQuery;

#[Object]
impl PolicyQuery {
    /// The active policy, or another version.
    async fn policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The version; the active one if left out.")] version: Option<i32>,
    ) -> Result<Policy> {
        let app = ctx.data::<App>()?;
        let version = version.map_or(app.policy.version, i64::from);
        let published = published(app, version).await?;
        Policy::of(app, version, &published)
    }

    /// All versions, newest first.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn policies(&self, ctx: &Context<'_>) -> Result<Vec<Policy>> {
        let app = ctx.data::<App>()?;
        let all = app.store.policies().await.map_err(|it| unavailable(&it))?;
        all.iter().rev().map(|(version, text)| Policy::of(app, *version, &parse(text)?)).collect()
    }

    /// What another policy would change in the whole database. It writes nothing, and takes as long as reading all messages.
    #[graphql(complexity = "SIMULATION + child_complexity")]
    async fn simulate_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy to simulate.")] policy: PolicyInput,
        #[graphql(default_with = "Some(20)", desc = "How many examples, 0 to 1,000.")] sample: Option<i32>,
    ) -> Result<PolicySimulation> {
        const MAX_SAMPLE: usize = 1_000;
        let app = ctx.data::<App>()?;
        let sample = usize::try_from(sample.unwrap_or(20)).ok().filter(|it| *it <= MAX_SAMPLE);
        let sample =
            sample.ok_or_else(|| ErrorCode::BadUserInput.with(format!("sample: ask for 0 to {MAX_SAMPLE}")))?;
        let current = ctx.data::<Current>()?;
        let place = current.simulating.clone().try_acquire_owned().map_err(|_| {
            ErrorCode::Overloaded
                .with("another policy is being tried, which reads the whole base; try again when that is done")
        })?;
        let compiled = policy.compile(app).await?;
        let snapshot = app.pipeline.snapshot();
        let (waiting, mut gone) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let simulating = spawn_blocking(move || {
            let _place = place;
            runtime.block_on(async {
                // It ends, at its next pause, where nobody waits for it any more.
                tokio::select! {
                    biased;
                    _ = &mut gone => None,
                    found = simulate_on(&snapshot, &compiled) => Some(found),
                }
            })
        });
        let found = simulating.await.map_err(unfinished)?;
        drop(waiting);
        let found = found.ok_or_else(|| ErrorCode::TimedOut.with("the answer took longer than answers may"))?;
        let found = found.map_err(|error| unavailable(&error))?;
        let ids = |it: Vec<profile360_core::identifier::UnifiedId>| it.iter().map(|it| ID(it.to_string())).collect();
        let shown = |it: compare::Change| PolicyChange { before: ids(it.before), after: ids(it.after) };
        Ok(PolicySimulation {
            profiles_before: count(found.before as u64),
            profiles_after: count(found.after as u64),
            merging: count(found.merging as u64),
            splitting: count(found.splitting as u64),
            samples: found.changes.into_iter().take(sample).map(shown).collect(),
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// Publishes a new version. It becomes active once all messages have been read with it, in the background: `/healthz` shows
    /// the progress, and `status` when it is done. One at a time.
    #[graphql(complexity = "SIMULATION + child_complexity")]
    async fn publish_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] policy: PolicyInput,
        #[graphql(desc = "Why; the history shows it.")] reason: String,
    ) -> Result<Policy> {
        let current = ctx.data::<Current>()?;
        let app = current.app();
        let reason = check_reason(&reason)?;
        let compiled = policy.compile(&app).await?;
        let all = app.store.policies().await.map_err(|it| unavailable(&it))?;
        let version = all.last().map_or(0, |(version, _)| *version) + 1;
        if !app.rollout.reserve(version) {
            return Err(under_way());
        }
        let published = PublishedPolicy {
            published_at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
            published_by: caller(ctx)?.name.to_string(),
            reason: reason.to_owned(),
            document: policy::document::Policy::clone(&compiled),
        };
        let kept = keep(&app, version, &published).await;
        if !matches!(kept, Ok(true)) {
            app.rollout.release();
            return Err(kept.err().unwrap_or_else(under_way));
        }
        app.rollout.start(current.pipeline.clone(), version, compiled);
        Policy::of(&app, version, &published)
    }
}

fn under_way() -> Error {
    ErrorCode::PublicationUnderWay.with("another policy is being published; try again when it is in force")
}

/// Whether the version was free.
async fn keep(app: &App, version: i64, published: &PublishedPolicy) -> Result<bool> {
    let text = serde_json::to_string(published).map_err(unreadable)?;
    if !app.store.add_policy(version, &text).await.map_err(|it| unavailable(&it))? {
        return Ok(false);
    }
    app.store.set_publishing(Some(version)).await.map_err(|it| unavailable(&it))?;
    Ok(true)
}

async fn published(app: &App, version: i64) -> Result<PublishedPolicy> {
    let found = app.store.policy(version).await.map_err(|it| unavailable(&it))?;
    let Some(text) = found else {
        return Err(
            ErrorCode::BadUserInput.with("version: there is no such version of the policy; `policies` lists all")
        );
    };
    parse(&text)
}

fn parse(text: &str) -> Result<PublishedPolicy> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unfinished(_: JoinError) -> Error {
    ErrorCode::Internal.with("the work did not come to an end")
}

fn unreadable(_: serde_json::Error) -> Error {
    ErrorCode::Internal.with("the stored policy cannot be read")
}

impl PolicyInput {
    /// The policy that it stands for, if it has no faults.
    async fn compile(&self, app: &App) -> Result<CompiledPolicy> {
        let version = self.from.map_or(app.policy.version, i64::from);
        let base = published(app, version).await?.document;
        let document: JsonValue = serde_json::from_value(self.document.0.clone()).map_err(unreadable)?;
        let amended = base.amended(&document).map_err(|it| faulty(&it))?;
        // Patterns are compiled where nobody waits for the thread.
        let compiling = spawn_blocking(move || amended.within_bounds().and_then(|()| CompiledPolicy::new(amended)));
        compiling.await.map_err(unfinished)?.map_err(|faults| faulty(&faults))
    }
}

/// Every fault, in the sentence and, by its path, in the extensions.
fn faulty(faults: &[PolicyFault]) -> Error {
    let sentences: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let listed = faults.iter().map(|it| {
        let fields = [("path", it.path.as_str()), ("detail", it.detail.as_str())];
        let named = fields.map(|(name, text)| (async_graphql::Name::new(name), Value::String(text.to_owned())));
        Value::Object(named.into_iter().collect())
    });
    let listed = Value::List(listed.collect());
    ErrorCode::PolicyFaulty
        .with(format!("the policy has faults: {}", sentences.join("; ")))
        .extend_with(|_, extensions| extensions.set("faults", listed))
}

impl Policy {
    fn of(app: &App, version: i64, published: &PublishedPolicy) -> Result<Self> {
        let is_publishing = matches!(app.rollout.progress(), Progress::UnderWay { version: it, .. } if it == version);
        Ok(Self {
            version: i32::try_from(version).unwrap_or(i32::MAX),
            published_at: published.published_at.into(),
            published_by: published.published_by.clone(),
            reason: published.reason.clone(),
            status: match version {
                it if it == app.policy.version => PolicyStatus::InForce,
                _ if is_publishing => PolicyStatus::Publishing,
                _ => PolicyStatus::NotInForce,
            },
            time_zone: published.document.time_zone.name().to_owned(),
            currency: published.document.currency.as_str().to_owned(),
            document: Json(serde_json::to_value(&published.document).map_err(unreadable)?),
        })
    }
}
