//! Decisions and retirements of operators: created, revoked and listed.

use std::{collections::BTreeMap, time::Duration};

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use profile360_core::{
    evidence::{
        decision::{self, Revocation, pairs_that_merge},
        link::Pair,
        retirement,
    },
    identifier::{UnifiedId, unified_id::unified_id},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    App,
    access_recorder::{changed_nothing, saw_identifier},
    authorization::caller,
    cursor::Cursors,
    decision_preview::DecisionPreview,
    error::{ErrorCode, unavailable},
    identity::{Shown, named_identifier, parse_identifier},
    pagination::{Arguments, PageArguments, PageInfo},
    profile::{Identifier, Profile},
    query::{IdentifierInput, global_id_of},
    request_context::{DeadlineExtension, WrittenCommit},
    scalars::DateTime,
};
use crate::{
    clock,
    engine::{
        pipeline::{Command, CommandOutcome, DryRun, new_id},
        state::State,
    },
    views::profile_view,
};

/// What an operator can decide about two identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "decision::Relation")]
pub(super) enum Relation {
    /// They belong to one customer.
    Same,
    /// They belong to different customers.
    Different,
}

/// An operator's decision that two identifiers are one customer, or two.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(super) struct Decision {
    #[graphql(skip)]
    key: String,
    /// What was decided.
    relation: Relation,
    /// One identifier.
    a: Identifier,
    /// The other identifier.
    b: Identifier,
    /// The operator's reason.
    reason: String,
    /// The operator who decided.
    actor: String,
    /// When it was decided.
    at: DateTime,
    /// When it was revoked; null while it is active.
    revoked_at: Option<DateTime>,
    /// Who revoked it.
    revoked_by: Option<String>,
    /// Why it was revoked.
    revoked_reason: Option<String>,
}

#[ComplexObject]
impl Decision {
    /// The global ID.
    pub(super) async fn id(&self) -> ID {
        global_id_of("Decision", &self.key)
    }
}

impl Decision {
    pub(super) fn new(it: &decision::Decision, a: Identifier, b: Identifier) -> Self {
        Self {
            key: it.id.to_string(),
            relation: it.relation.into(),
            a,
            b,
            reason: it.reason.to_string(),
            actor: it.actor.to_string(),
            at: it.at.into(),
            revoked_at: it.revoked.as_ref().map(|it| it.at.into()),
            revoked_by: it.revoked.as_ref().map(|it| it.actor.to_string()),
            revoked_reason: it.revoked.as_ref().map(|it| it.reason.to_string()),
        }
    }
}

/// A page of decisions.
#[derive(Debug, SimpleObject)]
pub(super) struct DecisionConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<DecisionEdge>,
    /// The entries of this page.
    nodes: Vec<Decision>,
    /// The position of this page in its list.
    page_info: PageInfo,
}

/// An entry of a page of decisions.
#[derive(Debug, SimpleObject)]
struct DecisionEdge {
    /// The entry.
    node: Decision,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// The outcome of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum DecisionStatus {
    /// It is active and on disk; of a dry run, it can be done.
    Applied,
    /// It was decided already.
    NoChange,
    /// The profiles have changed since the preview; make a new preview.
    StalePreview,
    /// Another decision excludes it; revoke that one first.
    Contradicted,
    /// Nothing has this ID or name.
    NotFound,
}

/// An operator's decision that a value has a new owner from a date on.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(super) struct Retirement {
    #[graphql(skip)]
    key: String,
    /// The kind of the identifier.
    kind: String,
    /// The value of the identifier.
    value: String,
    /// The instant from which the value belongs to its next owner.
    #[graphql(name = "from")]
    starts: DateTime,
    /// The operator's reason.
    reason: String,
    /// The operator who decided.
    actor: String,
    /// When it was decided.
    at: DateTime,
    /// When it was revoked; null while it is active.
    revoked_at: Option<DateTime>,
    /// Who revoked it.
    revoked_by: Option<String>,
    /// Why it was revoked.
    revoked_reason: Option<String>,
}

#[ComplexObject]
impl Retirement {
    /// The global ID.
    pub(super) async fn id(&self) -> ID {
        global_id_of("Retirement", &self.key)
    }
}

impl From<&retirement::Retirement> for Retirement {
    fn from(it: &retirement::Retirement) -> Self {
        Self {
            key: it.id.to_string(),
            kind: it.value.kind.to_string(),
            value: it.value.value.to_string(),
            starts: it.from.into(),
            reason: it.reason.to_string(),
            actor: it.actor.to_string(),
            at: it.at.into(),
            revoked_at: it.revoked.as_ref().map(|it| it.at.into()),
            revoked_by: it.revoked.as_ref().map(|it| it.actor.to_string()),
            revoked_reason: it.revoked.as_ref().map(|it| it.reason.to_string()),
        }
    }
}

/// The result of a decision.
#[derive(Debug, SimpleObject)]
pub(super) struct DecisionPayload {
    /// The outcome.
    status: DecisionStatus,
    /// The decision that was made or revoked, if it is one.
    decision: Option<Decision>,
    /// All decisions that were made or revoked.
    decisions: Vec<Decision>,
    /// The retirement that retireIdentifier made, or revokeDecision revoked.
    retirement: Option<Retirement>,
    /// The customers that result; empty for a dry run.
    profiles: Vec<Profile>,
    /// Of a dry run, what would change. Null if nothing would, and if the request was no dry run.
    preview: Option<DecisionPreview>,
    /// The reason, as a sentence, if it was not applied.
    detail: Option<String>,
}

/// A position in the list of decisions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct DecisionPosition {
    at: Timestamp,
    id: String,
}

#[derive(Debug, Default)]
pub(super) struct DecisionQuery;

#[Object]
impl DecisionQuery {
    /// Values that have a new owner, newest first.
    async fn retirements(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(false)", desc = "Whether revoked ones are listed, too.")]
        include_revoked: Option<bool>,
    ) -> Result<Vec<Retirement>> {
        let app = ctx.data::<App>()?;
        let State { policy, .. } = &*app.state().await?;
        let retirements = policy.retirements();
        let is_wanted =
            |it: &&std::sync::Arc<retirement::Retirement>| include_revoked.unwrap_or(false) || it.is_active();
        let mut found: Vec<_> = retirements.iter().filter(is_wanted).cloned().collect();
        found.sort_by_key(|it| std::cmp::Reverse((it.at, it.id.clone())));
        for retirement in &found {
            saw_identifier(ctx, unified_id(&retirement.value, &app.secret));
        }
        Ok(found.iter().map(|it| Retirement::from(&**it)).collect())
    }

    /// The operators' decisions, newest first.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    async fn decisions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(false)", desc = "Whether revoked ones are listed, too.")]
        include_revoked: Option<bool>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<DecisionConnection> {
        let app = ctx.data::<App>()?;
        let cursors = Cursors::of(&app.secret, "decisions");
        let page = Arguments { first, after, last, before }.parse::<DecisionPosition>(&app.limits, &cursors)?;
        let PageArguments { after, before, .. } = &page;
        let (size, is_from_end) = (page.size, page.is_from_end);
        let position = |it: &decision::Decision| DecisionPosition { at: it.at, id: it.id.to_string() };
        let mut found: Vec<decision::Decision> = {
            let State { decisions: all, .. } = &*app.state().await?;
            let is_wanted =
                |it: &&std::sync::Arc<decision::Decision>| include_revoked.unwrap_or(false) || it.is_active();
            all.iter().filter(is_wanted).map(|it| decision::Decision::clone(it)).collect()
        };
        // Newest first: entries after a cursor are older.
        found.retain(|decision| {
            let own = position(decision);
            after.as_ref().is_none_or(|cursor| own < *cursor) && before.as_ref().is_none_or(|cursor| *cursor < own)
        });
        found.sort_by_key(|it| std::cmp::Reverse(position(it)));
        let has_more = size < found.len();
        if is_from_end {
            found.drain(..found.len().saturating_sub(size));
        } else {
            found.truncate(size);
        }
        let shown = shown(app, &found).await?;
        let edges: Vec<DecisionEdge> = found
            .iter()
            .map(|it| DecisionEdge { node: shown.decision(it), cursor: cursors.write(&position(it)) })
            .collect();
        Ok(DecisionConnection {
            nodes: edges.iter().map(|it| it.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
            edges,
        })
    }
}

/// The complexity of a mutation, in addition to the fields of its payload.
pub(super) const MUTATION_COMPLEXITY: usize = 250;

#[derive(Debug, Default)]
pub(super) struct DecisionMutation;

#[Object]
impl DecisionMutation {
    /// Merges profiles with SAME decisions: one for each profile, and one more for every identifier that limits would withhold.
    /// They are revoked together. Returns STALE_PREVIEW if the profiles have changed since `expectedRevision`.
    #[graphql(complexity = "MUTATION_COMPLEXITY + child_complexity")]
    async fn merge_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The profiles to merge; two or more.")] unified_ids: Vec<ID>,
        #[graphql(desc = "The reason; the history shows it.")] reason: String,
        #[graphql(
            desc = "The revision of the preview; STALE_PREVIEW if it has changed since. Not checked if left out."
        )]
        expected_revision: Option<String>,
    ) -> Result<DecisionPayload> {
        const MAX_MERGED: usize = 100;
        let app = ctx.data::<App>()?;
        if MAX_MERGED < unified_ids.len() {
            return Err(ErrorCode::BadUserInput.with(format!("unifiedIds: use at most {MAX_MERGED}")));
        }
        let not_found = || DecisionPayload::without(DecisionStatus::NotFound, "one of the IDs belongs to no profile");
        let Some(ids) = unified_ids.iter().map(|it| UnifiedId::parse(it)).collect::<Option<Vec<UnifiedId>>>() else {
            return Ok(not_found());
        };
        let State { policy, .. } = &*app.state().await?;
        let customers = profile_view::of_ids(&app.store, policy, &ids).await.map_err(|it| unavailable(&it))?;
        if ids.iter().any(|it| !customers.contains_key(it)) {
            return Ok(not_found());
        }
        let found: BTreeMap<_, _> = customers.values().map(|customer| (customer.key, &customer.cluster)).collect();
        if found.len() < 2 {
            let detail = "these IDs already belong to one profile";
            return Ok(DecisionPayload::without(DecisionStatus::NoChange, detail));
        }
        let profiles: Vec<_> = found.values().map(|it| (&it.anchor, it.members.iter().collect())).collect();
        let pairs = pairs_that_merge(&profiles, &app.policy);
        let wanted = pairs.into_iter().map(|pair| (decision::Relation::Same, pair)).collect();
        create_decisions(ctx, wanted, &reason, expected_revision).await
    }

    /// Decides that two identifiers belong to one customer, or to different ones.
    #[graphql(complexity = "MUTATION_COMPLEXITY + child_complexity")]
    async fn decide(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] relation: Relation,
        #[graphql(desc = "One identifier.")] a: IdentifierInput,
        #[graphql(desc = "The other identifier.")] b: IdentifierInput,
        #[graphql(desc = "The reason; the history shows it.")] reason: String,
        #[graphql(
            desc = "The revision of the preview; STALE_PREVIEW if it has changed since. Not checked if left out."
        )]
        expected_revision: Option<String>,
    ) -> Result<DecisionPayload> {
        let app = ctx.data::<App>()?;
        let (a, b) = (named_identifier(app, &a).await?, named_identifier(app, &b).await?);
        let Some(pair) = Pair::new(&a, &b) else {
            return Err(ErrorCode::BadUserInput.with("a and b: use two different identifiers"));
        };
        create_decisions(ctx, vec![(relation.into(), pair)], &reason, expected_revision).await
    }

    /// Declares that a value belongs to its next owner from an instant on. Each message belongs to the owner at its timestamp:
    /// existing messages move, and late ones are assigned accordingly.
    #[graphql(complexity = "MUTATION_COMPLEXITY + child_complexity")]
    async fn retire_identifier(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which identifier.")] identifier: IdentifierInput,
        #[graphql(desc = "When the next owner's time begins.")] from: DateTime,
        #[graphql(desc = "Why; the history shows it.")] reason: String,
        #[graphql(
            desc = "The revision of the preview; STALE_PREVIEW if it has changed since. Not checked if left out."
        )]
        expected_revision: Option<String>,
        #[graphql(
            default_with = "Some(false)",
            desc = "Whether to change nothing and answer with what would change, computed as for the change itself."
        )]
        dry_run: Option<bool>,
    ) -> Result<DecisionPayload> {
        let app = ctx.data::<App>()?;
        let retirement = retirement::Retirement {
            id: new_id(),
            value: parse_identifier(app, &identifier)?,
            from: from.required("from")?,
            at: now(),
            reason: check_reason(&reason)?.into(),
            actor: caller(ctx)?.name.clone(),
            revoked: None,
        };
        run(ctx, Command::Retire(retirement), expected_revision, dry_run.unwrap_or(false)).await
    }

    /// Revokes a decision or a retirement, together with those that were made by the same mutation. Afterwards the profiles are as if
    /// it had never been made.
    #[graphql(complexity = "MUTATION_COMPLEXITY + child_complexity")]
    async fn revoke_decision(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global ID of a decision or of a retirement.")] id: ID,
        #[graphql(desc = "The reason; the history shows it.")] reason: String,
        #[graphql(
            desc = "The revision of the preview; STALE_PREVIEW if it has changed since. Not checked if left out."
        )]
        expected_revision: Option<String>,
        #[graphql(
            default_with = "Some(false)",
            desc = "Whether to change nothing and answer with what would change, computed as for the change itself."
        )]
        dry_run: Option<bool>,
    ) -> Result<DecisionPayload> {
        let id = super::query::key_of("Decision", &id).or_else(|| super::query::key_of("Retirement", &id));
        let id = id.unwrap_or_default();
        let by = Revocation { at: now(), reason: check_reason(&reason)?.into(), actor: caller(ctx)?.name.clone() };
        run(ctx, Command::Revoke { id, by }, expected_revision, dry_run.unwrap_or(false)).await
    }
}

/// How long a response waits until the list shows its changes.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes decisions, all or none; they are revoked together.
pub(super) async fn create_decisions(
    ctx: &Context<'_>,
    wanted: Vec<(decision::Relation, Pair)>,
    reason: &str,
    expected_revision: Option<String>,
) -> Result<DecisionPayload> {
    let reason = check_reason(reason)?;
    let actor = &caller(ctx)?.name;
    let at = now();
    let first = new_id();
    let decision = |(number, (relation, pair))| decision::Decision {
        id: decision::id_among(&first, number),
        relation,
        pair,
        at,
        reason: reason.into(),
        actor: actor.clone(),
        revoked: None,
    };
    let decisions = wanted.into_iter().enumerate().map(decision).collect();
    run(ctx, Command::Make(decisions), expected_revision, false).await
}

async fn run(
    ctx: &Context<'_>,
    command: Command,
    expected_revision: Option<String>,
    is_dry_run: bool,
) -> Result<DecisionPayload> {
    let app = ctx.data::<App>()?;
    let about: Vec<_> = match &command {
        Command::Make(decisions) => decisions.iter().flat_map(|made| [&made.pair.a, &made.pair.b]).collect(),
        Command::Retire(retirement) => vec![&retirement.value],
        Command::Revoke { .. } => Vec::new(),
    };
    for identifier in about {
        saw_identifier(ctx, unified_id(identifier, &app.secret));
    }
    if is_dry_run {
        changed_nothing(ctx);
        let done = app.pipeline.dry_run(&command, expected_revision.as_deref(), &app.reading, &app.secret).await;
        return match done.map_err(|error| unavailable(&error))? {
            DryRun::Previewed(preview) => {
                let preview = Some(DecisionPreview::of(ctx, &preview)?);
                Ok(DecisionPayload { preview, ..DecisionPayload::of(DecisionStatus::Applied) })
            }
            DryRun::Answered(outcome) => answer(app, outcome).await,
        };
    }
    let deciding = async {
        let outcome = app.pipeline.decide(command, expected_revision).await;
        if let Ok(CommandOutcome::Applied { commit, .. } | CommandOutcome::Retired { commit: Some(commit), .. }) =
            &outcome
        {
            WrittenCommit::note(ctx, *commit);
            app.directory.wait_until_listed(*commit, LIST_TIMEOUT).await;
        }
        outcome
    };
    let outcome = DeadlineExtension::with(ctx, deciding).await;
    answer(app, outcome.map_err(|error| ErrorCode::from(&error).with(error.to_string()))?).await
}

async fn answer(app: &App, outcome: CommandOutcome) -> Result<DecisionPayload> {
    match outcome {
        CommandOutcome::Applied { decisions, .. } => {
            DecisionPayload::about(app, DecisionStatus::Applied, &decisions).await
        }
        CommandOutcome::NoChange { decisions } => {
            DecisionPayload::about(app, DecisionStatus::NoChange, &decisions).await
        }
        CommandOutcome::Retired { retirement, commit } => {
            let status = if commit.is_some() { DecisionStatus::Applied } else { DecisionStatus::NoChange };
            let owners = app.state().await?.policy.retirements().owners(&retirement.value);
            let profiles = profiles_of(app, &owners).await?;
            let retirement = Some(Retirement::from(&retirement));
            Ok(DecisionPayload { retirement, profiles, ..DecisionPayload::of(status) })
        }
        CommandOutcome::Stale => {
            let detail = "the profiles have changed since the preview; make a new preview";
            Ok(DecisionPayload::without(DecisionStatus::StalePreview, detail))
        }
        CommandOutcome::NotFound => {
            Ok(DecisionPayload::without(DecisionStatus::NotFound, "there is no decision with this ID"))
        }
        CommandOutcome::Contradicted { by } => {
            let named: Vec<String> =
                by.iter().map(|it| format!("{} ({})", global_id_of("Decision", &it.id).as_str(), it.reason)).collect();
            let detail = format!("other decisions contradict it; revoke them first: {}", named.join(", "));
            Ok(DecisionPayload::without(DecisionStatus::Contradicted, &detail))
        }
    }
}

pub(super) fn check_reason(reason: &str) -> Result<&str> {
    const MAX_BYTES: usize = 2_000;
    let reason = reason.trim();
    if reason.is_empty() || MAX_BYTES < reason.len() {
        return Err(ErrorCode::BadUserInput.with(format!("reason: give a reason of 1 to {MAX_BYTES} bytes")));
    }
    Ok(reason)
}

fn now() -> Timestamp {
    Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST)
}

/// A decision by its key.
pub(super) async fn decision_of(app: &App, key: &str) -> Result<Option<Decision>> {
    let found = app.state().await?.decisions.get(key).cloned();
    let Some(found) = found else { return Ok(None) };
    let decision = decision::Decision::clone(&found);
    Ok(Some(shown(app, std::slice::from_ref(&decision)).await?.decision(&decision)))
}

pub(super) async fn shown(app: &App, decisions: &[decision::Decision]) -> Result<Shown> {
    let unseen: BTreeMap<_, _> =
        decisions.iter().flat_map(|it| [(it.pair.a.clone(), it.at), (it.pair.b.clone(), it.at)]).collect();
    Shown::read(app, unseen.keys().cloned().collect(), unseen).await
}

impl DecisionPayload {
    fn of(status: DecisionStatus) -> Self {
        Self {
            status,
            decision: None,
            decisions: Vec::new(),
            retirement: None,
            profiles: Vec::new(),
            preview: None,
            detail: None,
        }
    }

    pub(super) fn without(status: DecisionStatus, detail: &str) -> Self {
        Self { detail: Some(detail.to_owned()), ..Self::of(status) }
    }

    async fn about(app: &App, status: DecisionStatus, decisions: &[decision::Decision]) -> Result<Self> {
        let shown = shown(app, decisions).await?;
        let ends: Vec<_> = decisions.iter().flat_map(|it| [it.pair.a.clone(), it.pair.b.clone()]).collect();
        Ok(Self {
            status,
            decision: decisions.first().map(|it| shown.decision(it)),
            decisions: decisions.iter().map(|it| shown.decision(it)).collect(),
            retirement: None,
            profiles: profiles_of(app, &ends).await?,
            preview: None,
            detail: None,
        })
    }
}

/// The profiles of identifiers, each once.
async fn profiles_of(app: &App, identifiers: &[profile360_core::identifier::Identifier]) -> Result<Vec<Profile>> {
    let State { policy, .. } = &*app.state().await?;
    let customers = profile_view::of_identifiers(&app.store, policy, identifiers).await;
    let customers = customers.map_err(|it| unavailable(&it))?;
    let customers: BTreeMap<_, _> = customers.into_values().map(|customer| (customer.key, customer)).collect();
    let today = clock::today(&app.policy);
    Ok(customers.values().map(|it| Profile::of(it, today)).collect())
}
