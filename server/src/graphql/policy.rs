//! Policies: read, simulated and published.

use std::collections::BTreeMap;

use async_graphql::{
    ComplexObject, Context, Enum, Error, ErrorExtensions, ID, InputObject, Object, Result, SimpleObject, Value,
};
use profile360_core::{
    identifier::UnifiedId,
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
    identity::Shown,
    profile::{Identifier, Profile},
    scalars::{DateTime, Json, count},
};
use crate::{
    clock,
    engine::{
        active_policy::PublishedPolicy,
        policy_rollout::{Part, Progress, Simulation, simulate as simulate_on},
        state::State,
    },
    views::profile_view,
};

/// Whether a version of the policy is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum PolicyStatus {
    /// It is active.
    InForce,
    /// It is being published in the background; /healthz reports the progress.
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
    /// The operator who published it.
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

/// A policy document. Fields that are left out keep their values of the base version.
#[derive(Debug, InputObject)]
pub(super) struct PolicyInput {
    /// The version to start from; the active one if left out.
    from: Option<i32>,
    /// The fields that differ from the base version.
    document: Json,
}

/// What another policy would change in the whole database.
#[derive(Debug, SimpleObject)]
pub(super) struct PolicySimulation {
    /// The current number of profiles.
    profiles_before: i32,
    /// The number of profiles under the other policy.
    profiles_after: i32,
    /// Profiles that would result from merging two or more.
    merging: i32,
    /// Profiles that would be split.
    splitting: i32,
    /// The number of messages.
    messages: i32,
    /// Messages of profiles that would be merged, split or regrouped, and messages that would gain or lose their customer.
    messages_affected: i32,
    /// The version of the policy that was active.
    active_version: i32,
    /// Some of the changes, ordered by the smallest current unified ID.
    samples: Vec<PolicyChange>,
}

/// Profiles whose identifiers would belong to other profiles.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
struct PolicyChange {
    /// The unified IDs of the current profiles.
    before: Vec<ID>,
    /// The unified IDs of the profiles under the other policy.
    after: Vec<ID>,
    #[graphql(skip)]
    current: Vec<UnifiedId>,
    #[graphql(skip)]
    parts: Vec<Part>,
}

#[ComplexObject]
impl PolicyChange {
    /// The current profiles, in the order of `before`. One that was merged since is left out.
    async fn profiles(&self, ctx: &Context<'_>) -> Result<Vec<Profile>> {
        let app = ctx.data::<App>()?;
        let State { policy, .. } = &*app.state().await?;
        let found = profile_view::of_ids(&app.store, policy, &self.current).await;
        let found = found.map_err(|error| unavailable(&error))?;
        let today = clock::today(&app.policy);
        Ok(self.current.iter().filter_map(|id| Some(Profile::of(found.get(id)?, today))).collect())
    }

    /// The profiles under the other policy, in the order of `after`.
    async fn parts(&self, ctx: &Context<'_>) -> Result<Vec<PolicyPart>> {
        let identifiers = self.parts.iter().flat_map(|part| &part.identifiers);
        let wanted = identifiers.map(|(identifier, _)| identifier.clone()).collect();
        let shown = Shown::read(ctx.data::<App>()?, wanted, BTreeMap::new()).await?;
        let part = |part: &Part| PolicyPart {
            unified_id: ID(part.unified_id.to_string()),
            identifier_count: count(part.n_identifiers),
            identifiers: part
                .identifiers
                .iter()
                .map(|(identifier, from)| PolicyPartIdentifier {
                    identifier: shown.identifier(identifier),
                    from: from.map(|id| ID(id.to_string())),
                })
                .collect(),
        };
        Ok(self.parts.iter().map(part).collect())
    }
}

/// A profile under another policy.
#[derive(Debug, SimpleObject)]
struct PolicyPart {
    /// Its unified ID.
    unified_id: ID,
    /// The number of its identifiers.
    identifier_count: i32,
    /// Its first 50 identifiers.
    identifiers: Vec<PolicyPartIdentifier>,
}

/// An identifier of a profile under another policy.
#[derive(Debug, SimpleObject)]
struct PolicyPartIdentifier {
    /// The identifier.
    identifier: Identifier,
    /// The unified ID of the current profile that has it; none if no profile has it.
    from: Option<ID>,
}

/// The complexity of a simulation or publication: under the default limits, a request may have one.
const SIMULATION_COMPLEXITY: usize = 30_000;

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

    /// Computes how another policy would change the profiles, without changing anything. Reads all messages.
    #[graphql(
        complexity = "SIMULATION_COMPLEXITY + sample.unwrap_or(20).clamp(1, 1000) as usize * child_complexity.max(1)"
    )]
    async fn simulate_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy to simulate.")] policy: PolicyInput,
        #[graphql(default_with = "Some(20)", desc = "How many examples, 0 to 1,000.")] sample: Option<i32>,
    ) -> Result<PolicySimulation> {
        const MAX_SAMPLE: usize = 1_000;
        let app = ctx.data::<App>()?;
        let sample = usize::try_from(sample.unwrap_or(20)).ok().filter(|it| *it <= MAX_SAMPLE);
        let sample = sample.ok_or_else(|| ErrorCode::BadUserInput.with(format!("sample: use 0 to {MAX_SAMPLE}")))?;
        let current = ctx.data::<Current>()?;
        let permit = current
            .simulation_permits
            .clone()
            .try_acquire_owned()
            .map_err(|_| ErrorCode::Overloaded.with("another simulation is running; try again when it is done"))?;
        let compiled = policy.compile(app).await?;
        let (reading, secret) = (app.reading.clone(), app.secret.clone());
        let (connected, mut disconnected) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let simulating = spawn_blocking(move || {
            let _permit = permit;
            runtime.block_on(async {
                // Stops at the next await point if the request ended.
                tokio::select! {
                    biased;
                    _ = &mut disconnected => None,
                    found = simulate_on(&reading, &secret, &compiled, sample) => Some(found),
                }
            })
        });
        let found = simulating.await.map_err(unfinished)?;
        drop(connected);
        let found = found.ok_or_else(|| ErrorCode::TimedOut.with("the request timed out"))?;
        let Simulation { comparison, parts, n_messages, n_affected } = found.map_err(|error| unavailable(&error))?;
        let ids = |ids: &[UnifiedId]| ids.iter().map(|id| ID(id.to_string())).collect();
        let samples = comparison.changes.into_iter().zip(parts).map(|(change, parts)| PolicyChange {
            before: ids(&change.before),
            after: ids(&change.after),
            current: change.before,
            parts,
        });
        Ok(PolicySimulation {
            profiles_before: count(comparison.before as u64),
            profiles_after: count(comparison.after as u64),
            merging: count(comparison.merging as u64),
            splitting: count(comparison.splitting as u64),
            messages: count(n_messages),
            messages_affected: count(n_affected),
            active_version: i32::try_from(app.policy.version).unwrap_or(i32::MAX),
            samples: samples.collect(),
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct PolicyMutation;

#[Object]
impl PolicyMutation {
    /// Publishes a new version, one at a time. All messages are processed again in the background, then it is in force. /healthz
    /// reports the progress, `status` the completion.
    #[graphql(complexity = "SIMULATION_COMPLEXITY + child_complexity")]
    async fn publish_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] policy: PolicyInput,
        #[graphql(desc = "Why; the history shows it.")] reason: String,
        #[graphql(
            desc = "The version that must be active, such as `activeVersion` of the simulation. If another one is, nothing is \
                    published and the error has the code POLICY_OUTDATED. Without it, any."
        )]
        expected_version: Option<i32>,
    ) -> Result<Policy> {
        let current = ctx.data::<Current>()?;
        let app = current.app();
        let reason = check_reason(&reason)?;
        let compiled = policy.compile(&app).await?;
        let all = app.store.policies().await.map_err(|it| unavailable(&it))?;
        let version = all.last().map_or(0, |(version, _)| *version) + 1;
        // Another server that leads does this when it starts the rollout.
        let leads = app.store.leads();
        if leads && !app.rollout.reserve(version) {
            return Err(under_way());
        }
        let release = || {
            if leads {
                app.rollout.release();
            }
        };
        // No other publication can end from here on, if this server leads.
        if expected_version.is_some_and(|expected| i64::from(expected) != current.app().policy.version) {
            release();
            return Err(ErrorCode::PolicyOutdated
                .with("another version was published since; compare your changes with it, and simulate them again"));
        }
        let published = PublishedPolicy {
            published_at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
            published_by: caller(ctx)?.name.to_string(),
            reason: reason.to_owned(),
            document: policy::document::Policy::clone(&compiled),
        };
        let stored = store_version(&app, version, &published).await;
        if !matches!(stored, Ok(true)) {
            release();
            return Err(stored.err().unwrap_or_else(under_way));
        }
        if leads {
            app.rollout.start(current.pipeline.clone(), version, compiled);
        } else {
            app.rollout.requested(version);
        }
        Policy::of(&app, version, &published)
    }
}

fn under_way() -> Error {
    ErrorCode::PublicationUnderWay.with("another policy is being published; try again when it is in force")
}

/// Stores a version to be published; `false` if another publication is under way.
async fn store_version(app: &App, version: i64, published: &PublishedPolicy) -> Result<bool> {
    let text = serde_json::to_string(published).map_err(unreadable)?;
    app.store.request_publication(version, &text).await.map_err(|it| unavailable(&it))
}

async fn published(app: &App, version: i64) -> Result<PublishedPolicy> {
    let found = app.store.policy(version).await.map_err(|it| unavailable(&it))?;
    let Some(text) = found else {
        return Err(ErrorCode::BadUserInput.with("version: there is no such version; `policies` lists them"));
    };
    parse(&text)
}

pub(super) fn parse(text: &str) -> Result<PublishedPolicy> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unfinished(_: JoinError) -> Error {
    ErrorCode::Internal.with("a background task failed")
}

fn unreadable(_: serde_json::Error) -> Error {
    ErrorCode::Internal.with("the stored policy cannot be read")
}

impl PolicyInput {
    /// Applies the changes to the base version and compiles the result.
    async fn compile(&self, app: &App) -> Result<CompiledPolicy> {
        let version = self.from.map_or(app.policy.version, i64::from);
        let base = published(app, version).await?.document;
        let document: JsonValue = serde_json::from_value(self.document.0.clone()).map_err(unreadable)?;
        let amended = base.amended(&document).map_err(|it| faulty(&it))?;
        // Compiling patterns is CPU-bound.
        let compiling = spawn_blocking(move || amended.within_bounds().and_then(|()| CompiledPolicy::new(amended)));
        compiling.await.map_err(unfinished)?.map_err(|faults| faulty(&faults))
    }
}

/// An error with all faults: in the sentence, and with their paths in the extensions.
fn faulty(faults: &[PolicyFault]) -> Error {
    let sentences: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let listed = faults.iter().map(|fault| {
        let fields = [("code", fault.code.as_str()), ("path", fault.path.as_str()), ("detail", fault.detail.as_str())];
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
