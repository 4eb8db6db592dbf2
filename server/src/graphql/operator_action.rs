//! What operators did: merges, separations, reassignments and policies, each with the customers that it was about.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use profile360_core::{
    evidence::{
        decision,
        retirement::{self, Retirements},
    },
    identifier::{
        self, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    profile::avatar::avatar,
    time::Timestamp,
};
use profile360_store::Cause;
use serde::{Deserialize, Serialize};

use super::{
    App,
    access_recorder::saw_identifier,
    authorization::caller,
    cursor::Cursors,
    decision::{Decision, Retirement, shown},
    error::unavailable,
    pagination::{Arguments, PageArguments, PageInfo},
    profile::Avatar,
    query::{global_id_of, unified_id_in},
    scalars::{DateTime, count},
};
use crate::{
    auth::{access::Permission, masking},
    engine::{active_policy::PublishedPolicy, state::State},
    views::{
        names::{NameQuestion, names_at},
        profile_view,
    },
};

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum OperatorActionKind {
    /// Decided that identifiers belong to one customer.
    Merged,
    /// Decided that identifiers belong to different customers.
    Separated,
    /// Declared that a value has a new owner.
    Reassigned,
    /// Published a policy.
    Published,
}

/// Something that an operator did. The decisions of one merge are one action.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct OperatorAction {
    /// The global ID that `revokeDecision` accepts; of a policy, one that nothing accepts.
    id: ID,
    /// What was done.
    kind: OperatorActionKind,
    /// When it was done.
    at: DateTime,
    /// The operator who did it.
    actor: String,
    /// The operator's reason.
    reason: String,
    /// When it was revoked; null while it is active, and for policies.
    revoked_at: Option<DateTime>,
    /// Who revoked it.
    revoked_by: Option<String>,
    /// Why it was revoked.
    revoked_reason: Option<String>,
    /// The customers that it was about, as they were before it: of a merge those that were merged, the one whose ID was kept
    /// first. Empty for a policy.
    customers: Vec<NamedCustomer>,
    /// The decisions of a merge or a separation.
    decisions: Vec<Decision>,
    /// The retirement of a reassignment.
    retirement: Option<Retirement>,
    /// The version of a policy.
    policy_version: Option<i32>,
}

/// A customer at the time of an action.
#[derive(Debug, Clone)]
pub(super) struct NamedCustomer {
    unified_id: UnifiedId,
    name: Option<String>,
}

/// A customer as it was known at some time.
#[Object]
impl NamedCustomer {
    /// The unified ID at that time; it still leads to the customer.
    async fn unified_id(&self) -> ID {
        ID(self.unified_id.to_string())
    }

    /// The name that messages had given by then.
    async fn name(&self, ctx: &Context<'_>) -> Option<&str> {
        saw_identifier(ctx, self.unified_id);
        self.name.as_deref()
    }

    /// A placeholder for a picture.
    async fn avatar(&self, ctx: &Context<'_>) -> Result<Avatar> {
        if caller(ctx)?.may(Permission::ReadPersonal) {
            return Ok(avatar(self.name.as_deref()).into());
        }
        let masked = self.name.as_deref().map(masking::name);
        Ok(avatar(masked.as_deref().filter(|name| masking::shows_first_letter(name))).into())
    }
}

/// A page of actions.
#[derive(Debug, SimpleObject)]
pub(super) struct OperatorActionConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<OperatorActionEdge>,
    /// The entries of this page.
    nodes: Vec<OperatorAction>,
    /// The position of this page in its list.
    page_info: PageInfo,
    /// The number of matching actions on all pages.
    total_count: i32,
    /// The operators of all actions, matching or not, by name.
    actors: Vec<String>,
}

/// An entry of a page of actions.
#[derive(Debug, SimpleObject)]
struct OperatorActionEdge {
    /// The entry.
    node: OperatorAction,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// A position in the list of actions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct ActionPosition {
    at: Timestamp,
    id: String,
}

/// An action, before what it is about is read.
#[derive(Debug, Clone)]
enum Action {
    /// The decisions of one mutation, the first in front.
    Decided(Vec<decision::Decision>),
    Retired(retirement::Retirement),
    Published(i64, PublishedPolicy),
}

impl Action {
    fn position(&self) -> ActionPosition {
        match self {
            Self::Decided(decisions) => {
                let first = decisions.first();
                let at = first.map_or(Timestamp::EARLIEST, |decision| decision.at);
                ActionPosition { at, id: first.map(|decision| decision.group().to_owned()).unwrap_or_default() }
            }
            Self::Retired(retirement) => ActionPosition { at: retirement.at, id: retirement.id.to_string() },
            Self::Published(version, policy) => {
                ActionPosition { at: policy.published_at, id: format!("policy {version}") }
            }
        }
    }

    fn kind(&self) -> OperatorActionKind {
        match self {
            Self::Decided(decisions) => match decisions.first().map(|decision| decision.relation) {
                Some(decision::Relation::Different) => OperatorActionKind::Separated,
                Some(decision::Relation::Same) | None => OperatorActionKind::Merged,
            },
            Self::Retired(_) => OperatorActionKind::Reassigned,
            Self::Published(..) => OperatorActionKind::Published,
        }
    }

    fn actor(&self) -> &str {
        match self {
            Self::Decided(decisions) => decisions.first().map_or("", |decision| &decision.actor),
            Self::Retired(retirement) => &retirement.actor,
            Self::Published(_, policy) => &policy.published_by,
        }
    }

    fn is_revoked(&self) -> bool {
        match self {
            Self::Decided(decisions) => decisions.iter().all(|decision| !decision.is_active()),
            Self::Retired(retirement) => !retirement.is_active(),
            Self::Published(..) => false,
        }
    }

    /// Whether it is about one of these identifiers, given by the unified IDs that they have on their own.
    fn is_about(&self, ids: &BTreeSet<UnifiedId>, retirements: &Retirements, secret: &IdSecret) -> bool {
        let is_one = |identifier: &identifier::Identifier| ids.contains(&unified_id(identifier, secret));
        match self {
            Self::Decided(decisions) => {
                decisions.iter().any(|decision| is_one(&decision.pair.a) || is_one(&decision.pair.b))
            }
            Self::Retired(retirement) => retirements.owners_ever(&retirement.value).iter().any(is_one),
            Self::Published(..) => false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct OperatorActionQuery;

#[Object]
impl OperatorActionQuery {
    /// What operators did, newest first: merges, separations, reassignments and policies. Revoked ones are in it, with who revoked
    /// them.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    #[expect(clippy::too_many_arguments, reason = "each is one filter of the list, or of its pages")]
    async fn operator_actions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only actions of these kinds.")] kinds: Option<Vec<OperatorActionKind>>,
        #[graphql(desc = "Only actions of the key with this name.")] actor: Option<String>,
        #[graphql(desc = "Only actions at this time or later.")] from: Option<DateTime>,
        #[graphql(desc = "Only actions before this time.")] to: Option<DateTime>,
        #[graphql(desc = "Only actions about an identifier of this customer.")] unified_id: Option<ID>,
        #[graphql(default_with = "Some(true)", desc = "Whether revoked ones are listed, too.")] include_revoked: Option<
            bool,
        >,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<OperatorActionConnection> {
        let app = ctx.data::<App>()?;
        let cursors = Cursors::of(&app.secret, "operatorActions");
        let page = Arguments { first, after, last, before }.parse::<ActionPosition>(&app.limits, &cursors)?;
        let (from, to) = parse_span(from.as_ref(), to.as_ref())?;
        let about = match unified_id {
            Some(id) => Some(ids_of_customer(app, &id, "unifiedId").await?),
            None => None,
        };
        let state = app.state().await?;
        let mut all = all_actions(app).await?;
        let actors: BTreeSet<String> = all.iter().map(|action| action.actor().to_owned()).collect();
        all.retain(|action| {
            let at = action.position().at;
            kinds.as_ref().is_none_or(|kinds| kinds.contains(&action.kind()))
                && actor.as_ref().is_none_or(|actor| actor == action.actor())
                && from.is_none_or(|from| from <= at)
                && to.is_none_or(|to| at < to)
                && (include_revoked.unwrap_or(true) || !action.is_revoked())
                && about.as_ref().is_none_or(|ids| action.is_about(ids, state.policy.retirements(), &app.secret))
        });
        let total_count = count(all.len() as u64);
        let PageArguments { after, before, .. } = &page;
        // Newest first: entries after a cursor are older.
        all.retain(|action| {
            let own = action.position();
            after.as_ref().is_none_or(|cursor| own < *cursor) && before.as_ref().is_none_or(|cursor| *cursor < own)
        });
        all.sort_by_cached_key(|action| std::cmp::Reverse(action.position()));
        let has_more = page.size < all.len();
        if page.is_from_end {
            all.drain(..all.len().saturating_sub(page.size));
        } else {
            all.truncate(page.size);
        }
        let nodes = show(ctx, &all).await?;
        let edges: Vec<OperatorActionEdge> = nodes
            .into_iter()
            .zip(&all)
            .map(|(node, action)| OperatorActionEdge { node, cursor: cursors.write(&action.position()) })
            .collect();
        Ok(OperatorActionConnection {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|edge| &edge.cursor)),
            edges,
            total_count,
            actors: actors.into_iter().collect(),
        })
    }
}

/// The two ends of a span of time.
pub(super) fn parse_span(
    from: Option<&DateTime>,
    to: Option<&DateTime>,
) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let from = from.map(|from| from.required("from")).transpose()?;
    let to = to.map(|to| to.required("to")).transpose()?;
    Ok((from, to))
}

/// Every unified ID that a customer has or had: those of its identifiers. The ID itself, if it leads nowhere.
pub(super) async fn ids_of_customer(app: &App, id: &ID, argument: &str) -> Result<BTreeSet<UnifiedId>> {
    let id = unified_id_in(id, argument)?;
    let State { policy, .. } = &*app.state().await?;
    let customers = profile_view::of_ids(&app.store, policy, &[id]).await.map_err(|it| unavailable(&it))?;
    let members = customers.values().flat_map(|customer| customer.members.iter());
    Ok(members.map(|(_, state)| state.unified_id).chain([id]).collect())
}

async fn all_actions(app: &App) -> Result<Vec<Action>> {
    let State { policy, decisions, .. } = &*app.state().await?;
    let mut groups: BTreeMap<String, Vec<decision::Decision>> = BTreeMap::new();
    for decision in decisions.iter() {
        groups.entry(decision.group().to_owned()).or_default().push(decision::Decision::clone(decision));
    }
    let mut actions: Vec<Action> = groups.into_values().map(Action::Decided).collect();
    actions.extend(policy.retirements().iter().map(|retirement| Action::Retired((**retirement).clone())));
    for (version, text) in app.store.policies().await.map_err(|it| unavailable(&it))? {
        let published: PublishedPolicy = super::policy::parse(&text)?;
        // A new database has a policy that no operator published.
        if !published.reason.is_empty() {
            actions.push(Action::Published(version, published));
        }
    }
    Ok(actions)
}

/// Reads what a page of actions is about.
async fn show(ctx: &Context<'_>, actions: &[Action]) -> Result<Vec<OperatorAction>> {
    let app = ctx.data::<App>()?;
    let decisions: Vec<decision::Decision> = actions
        .iter()
        .flat_map(|action| if let Action::Decided(decisions) = action { decisions.as_slice() } else { &[] })
        .cloned()
        .collect();
    let identifiers = shown(app, &decisions).await?;
    let mut asked: Vec<Vec<NameQuestion>> = Vec::with_capacity(actions.len());
    for action in actions {
        asked.push(customers_of(app, action).await?);
    }
    let customers = NamedCustomer::read(app, &asked).await?;
    let version_of = |version: i64| i32::try_from(version).unwrap_or(i32::MAX);
    let all = actions.iter().zip(customers).map(|(action, customers)| {
        let revoked = match action {
            Action::Decided(decisions) => decisions.first().and_then(|decision| decision.revoked.as_ref()),
            Action::Retired(retirement) => retirement.revoked.as_ref(),
            Action::Published(..) => None,
        };
        if let Action::Retired(retirement) = action {
            saw_identifier(ctx, unified_id(&retirement.value, &app.secret));
        }
        let position = action.position();
        OperatorAction {
            id: match action {
                Action::Decided(_) => global_id_of("Decision", &position.id),
                Action::Retired(_) => global_id_of("Retirement", &position.id),
                Action::Published(version, _) => global_id_of("Policy", &version.to_string()),
            },
            kind: action.kind(),
            at: position.at.into(),
            actor: action.actor().to_owned(),
            reason: match action {
                Action::Decided(decisions) => decisions.first().map(|it| it.reason.to_string()).unwrap_or_default(),
                Action::Retired(retirement) => retirement.reason.to_string(),
                Action::Published(_, policy) => policy.reason.clone(),
            },
            revoked_at: revoked.map(|revoked| revoked.at.into()),
            revoked_by: revoked.map(|revoked| revoked.actor.to_string()),
            revoked_reason: revoked.map(|revoked| revoked.reason.to_string()),
            customers,
            decisions: match action {
                Action::Decided(decisions) => decisions.iter().map(|it| identifiers.decision(it)).collect(),
                Action::Retired(_) | Action::Published(..) => Vec::new(),
            },
            retirement: match action {
                Action::Retired(retirement) => Some(Retirement::from(retirement)),
                Action::Decided(_) | Action::Published(..) => None,
            },
            policy_version: match action {
                Action::Published(version, _) => Some(version_of(*version)),
                Action::Decided(_) | Action::Retired(_) => None,
            },
        }
    });
    Ok(all.collect())
}

/// The customers that an action was about. A merge that changed something is in the lineage, with the exact customers; of any
/// other decision they are those of its two identifiers.
async fn customers_of(app: &App, action: &Action) -> Result<Vec<NameQuestion>> {
    let at = action.position().at;
    let question = |unified_id: UnifiedId| NameQuestion { unified_id, at, linked_before: Timestamp::LATEST };
    match action {
        Action::Decided(decisions) => {
            let Some(first) = decisions.first() else { return Ok(Vec::new()) };
            let ends = [&first.pair.a, &first.pair.b].map(|end| unified_id(end, &app.secret));
            if first.relation == decision::Relation::Same {
                let mut numbers = BTreeSet::new();
                for end in ends {
                    numbers.extend(app.store.lineage_of(end).await.map_err(|it| unavailable(&it))?);
                }
                let numbers: Vec<i64> = numbers.into_iter().collect();
                let rows = app.store.lineage(&numbers).await.map_err(|it| unavailable(&it))?;
                let is_of_this = |cause: &Cause| matches!(cause, Cause::Decision(id) if **id == *first.id);
                // A revocation has the same cause, and comes later.
                let merge = rows.into_iter().map(|(_, row)| row).find(|row| is_of_this(&row.cause));
                if let Some(merge) = merge {
                    return Ok(std::iter::once(merge.kept).chain(merge.others).map(question).collect());
                }
            }
            Ok(ends.map(question).into())
        }
        Action::Retired(retirement) => {
            let before = Timestamp::from_micros(retirement.from.micros().saturating_sub(1));
            let owner = app.state().await?.policy.retirements().owner_at(&retirement.value, before);
            Ok(vec![NameQuestion { at: before, ..question(unified_id(&owner, &app.secret)) }])
        }
        Action::Published(..) => Ok(Vec::new()),
    }
}

impl NamedCustomer {
    /// Reads the names of some groups of customers.
    pub(super) async fn read(app: &App, groups: &[Vec<NameQuestion>]) -> Result<Vec<Vec<Self>>> {
        let questions: BTreeSet<NameQuestion> = groups.iter().flatten().copied().collect();
        let names = names_at(&app.store, &app.policy, &questions).await.map_err(|it| unavailable(&it))?;
        let customer =
            |question: &NameQuestion| Self { unified_id: question.unified_id, name: names.get(question).cloned() };
        Ok(groups.iter().map(|group| group.iter().map(customer).collect()).collect())
    }
}
