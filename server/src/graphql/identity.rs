//! Identity resolution: links, withheld links, bridges, explanations.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use profile360_core::{
    evidence::{
        decision,
        link::{Observations, Pair},
        retirement::Retirements,
    },
    graph::{
        bridges,
        evidence_graph::{Evidence, Step},
        explain,
        input::is_shared,
        rows::LinkState,
        withheld::Withheld,
    },
    identifier::{self, unified_id::unified_id},
    profile::model::ProfileIdentifier,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    App,
    access_recorder::{By, look_up, saw_customer, saw_identifier},
    cursor::Cursors,
    decision::Decision,
    error::{ErrorCode, unavailable},
    pagination::{Arguments, PageInfo},
    profile::Identifier,
    query::IdentifierInput,
    scalars::{Date, DateTime, Json, count},
};
use crate::{
    clock,
    engine::{inbox::Place, state::State},
    views::{
        preview_facts::{self, FactsError, FactsRead},
        profile_view::{self, Customer},
        sightings,
    },
};

/// Two identifiers that appeared in one message, or that a decision connects.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Link {
    /// One identifier.
    a: Identifier,
    /// The other identifier.
    b: Identifier,
    /// When they first occurred together.
    first_seen_at: DateTime,
    /// When they last occurred together.
    last_seen_at: DateTime,
    /// How often; 0 if only an operator's decision connects them.
    count: i32,
    /// The sources that sent them.
    sources: Vec<String>,
    /// The active decision about these two, if there is one.
    decision: Option<Decision>,
}

/// Why a link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum WithheldReason {
    /// The customer would have more identifiers of a kind than the policy allows.
    Limit,
    /// An operator decided that they are different customers.
    Different,
    /// One end is a value that identifies no one, such as `unknown`.
    Blocked,
    /// One identifier links too many customers.
    Shared,
    /// One end was retired before.
    Retired,
}

impl WithheldReason {
    fn of(reason: &Withheld) -> Self {
        match reason {
            Withheld::Limit(_) => Self::Limit,
            Withheld::Different(_) => Self::Different,
            Withheld::Blocked => Self::Blocked,
            Withheld::Shared => Self::Shared,
            Withheld::Retired => Self::Retired,
        }
    }
}

/// A link that resolution does not follow.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct WithheldLink {
    /// The link.
    link: Link,
    /// The reason, as a code.
    reason: WithheldReason,
    /// The reason, as a sentence.
    detail: String,
    /// The kind of which both sides together would hold more than its limit; null for other reasons than `LIMIT`.
    kind: Option<String>,
}

/// A page of withheld links.
#[derive(Debug, SimpleObject)]
pub(super) struct WithheldLinkConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<WithheldLinkEdge>,
    /// The entries of this page.
    nodes: Vec<WithheldLink>,
    /// The position of this page in its list.
    page_info: PageInfo,
    /// The number of matching links on all pages.
    total_count: i32,
}

/// An entry of a page of withheld links.
#[derive(Debug, SimpleObject)]
struct WithheldLinkEdge {
    /// The entry.
    node: WithheldLink,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// A link whose removal would split the profile, and the identifiers that would leave with it.
#[derive(Debug, SimpleObject)]
struct Bridge {
    /// The only link that connects them.
    link: Link,
    /// The identifiers that would leave: the smaller side.
    leaving: Vec<Identifier>,
}

/// A customer's identifiers and the links that connect them.
#[derive(Debug, SimpleObject)]
pub(super) struct IdentityGraph {
    /// The identifiers.
    identifiers: Vec<Identifier>,
    /// The links that were followed.
    links: Vec<Link>,
    /// The withheld links of these identifiers; at most 1,000, while `withheldLinks` has all.
    withheld: Vec<WithheldLink>,
    /// The links without which the customer would split.
    bridges: Vec<Bridge>,
}

/// Why two identifiers are one customer, or why not.
#[derive(Debug, SimpleObject)]
pub(super) struct Explanation {
    /// Whether they belong to one customer.
    together: bool,
    /// The strongest path of links between them; empty if they belong to different customers.
    path: Vec<Link>,
    /// The withheld links that would connect them.
    blocked_by: Vec<WithheldLink>,
}

/// How often a value was seen, by month.
#[derive(Debug, SimpleObject)]
pub(super) struct Sightings {
    /// The calendar months, oldest first, without gaps.
    months: Vec<SightingMonth>,
    /// Whether every message was counted. Otherwise the value is too frequent, and the oldest months are left out.
    complete: bool,
}

/// A month, and how often a value was seen in it.
#[derive(Debug, SimpleObject)]
struct SightingMonth {
    /// Its first day.
    month: Date,
    /// How many messages named the value.
    count: i32,
}

/// The facts that the browser's previews are computed from.
#[derive(Debug, SimpleObject)]
pub(super) struct ProfileFacts {
    /// The revision of the named profiles together: a decision with it is rejected with STALE_PREVIEW if they have changed since.
    revision: String,
    /// The version of the policy that they were computed with.
    policy_version: i32,
    /// The facts in core's own JSON, for the functions of the WebAssembly module.
    facts: Json,
}

#[derive(Debug, Default)]
pub(super) struct IdentityQuery;

#[Object]
impl IdentityQuery {
    /// Why two identifiers are one customer, or why not.
    #[graphql(complexity = "50 + child_complexity")]
    async fn explain(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "One identifier.")] a: IdentifierInput,
        #[graphql(desc = "The other identifier.")] b: IdentifierInput,
    ) -> Result<Explanation> {
        let app = ctx.data::<App>()?;
        look_up(ctx, By::Identifier)?;
        look_up(ctx, By::Identifier)?;
        let (a, b) = (named_identifier(app, &a).await?, named_identifier(app, &b).await?);
        let State { policy, .. } = &*app.state().await?;
        let customers = profile_view::of_identifiers(&app.store, policy, &[a.clone(), b.clone()]).await;
        let customers = customers.map_err(|it| unavailable(&it))?;
        for customer in customers.values() {
            saw_customer(ctx, customer);
        }
        let members: BTreeSet<identifier::Identifier> =
            customers.values().flat_map(|customer| customer.members.iter().map(|(it, _)| it.clone())).collect();
        let members: Vec<identifier::Identifier> = members.into_iter().collect();
        let mut gathered = Collected::read(app, &members).await?;
        gathered.add_owners(app.state().await?.policy.retirements());
        let found = explain::explain(gathered.evidence(), &a, &b, &app.policy);
        let path = found.path.iter().map(|step| match step {
            Step::Link(link) => gathered.link(*link),
            Step::Same(decision) => gathered.decided(*decision),
        });
        Ok(Explanation {
            together: found.together,
            path: path.collect(),
            blocked_by: found.blocked_by.iter().filter_map(|it| gathered.withheld(*it)).collect(),
        })
    }

    /// How often a value was seen in each of the last months, whichever owner it had: what shows when a number changed hands.
    #[graphql(complexity = "100 + child_complexity")]
    async fn sightings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which identifier.")] identifier: IdentifierInput,
        #[graphql(default_with = "Some(24)", desc = "How many calendar months, 1 to 60.")] months: Option<i32>,
    ) -> Result<Sightings> {
        let app = ctx.data::<App>()?;
        let n_months = u32::try_from(months.unwrap_or(24)).ok().filter(|months| (1..=60).contains(months));
        let n_months = n_months.ok_or_else(|| ErrorCode::BadUserInput.with("months: use 1 to 60"))?;
        look_up(ctx, By::Identifier)?;
        let value = parse_identifier(app, &identifier)?;
        saw_identifier(ctx, unified_id(&value, &app.secret));
        let today = clock::today(&app.policy);
        let found = sightings::sightings(&app.reading, &app.secret, &value, today, n_months).await;
        let found = found.map_err(|it| unavailable(&it))?;
        let months = found.months.into_iter().map(|(month, n)| SightingMonth { month: Date(month), count: count(n) });
        Ok(Sightings { months: months.collect(), complete: found.is_complete })
    }

    /// The facts that the browser's previews need: those of the whole components of some profiles, in core's own JSON, with the
    /// revision at which they were read.
    #[graphql(complexity = "unified_ids.len() * 20 + child_complexity")]
    async fn profile_facts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The profiles; 1 to 100.")] unified_ids: Vec<ID>,
    ) -> Result<ProfileFacts> {
        const MAX_IDS: usize = 100;
        let app = ctx.data::<App>()?;
        if unified_ids.is_empty() || MAX_IDS < unified_ids.len() {
            return Err(ErrorCode::BadUserInput.with(format!("unifiedIds: use 1 to {MAX_IDS}")));
        }
        let parse = |it: &ID| identifier::UnifiedId::parse(it);
        let ids: Option<Vec<identifier::UnifiedId>> = unified_ids.iter().map(parse).collect();
        let ids = ids.ok_or_else(|| ErrorCode::BadUserInput.with("unifiedIds: one of them is not a unified ID"))?;
        let read = preview_facts::profile_facts(&app.reading, &ids).await.map_err(|error| match error {
            FactsError::Store(error) => unavailable(&error),
            FactsError::NotFound | FactsError::TooMany => ErrorCode::BadUserInput.with(error.to_string()),
        })?;
        let FactsRead { facts, revision } = read;
        for identifier in &facts.identifiers {
            saw_identifier(ctx, identifier.unified_id);
        }
        let unreadable = |_| ErrorCode::Internal.with("the facts cannot be serialized");
        Ok(ProfileFacts {
            revision,
            policy_version: i32::try_from(facts.policy_version).unwrap_or(i32::MAX),
            facts: Json(serde_json::to_value(&facts).map_err(unreadable)?),
        })
    }

    /// Links that resolution does not follow, for review by operators.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    async fn withheld_links(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those withheld for this reason.")] reason: Option<WithheldReason>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<WithheldLinkConnection> {
        let app = ctx.data::<App>()?;
        let cursors = Cursors::of(&app.secret, "withheldLinks");
        let page = Arguments { first, after, last, before }.parse::<InboxCursor>(&app.limits, &cursors)?;
        let (size, is_from_end) = (page.size, page.is_from_end);
        let (after, before) =
            (position_of(app, page.after.as_ref()).await?, position_of(app, page.before.as_ref()).await?);
        let (found, has_more, total) = {
            let State { inbox, .. } = &*app.state().await?;
            let is_wanted = |link: &LinkState| {
                let own = link.withheld.as_ref().map(WithheldReason::of);
                own.is_some() && reason.is_none_or(|it| Some(it) == own)
            };
            let total = inbox.iter().filter(|(_, link)| is_wanted(link)).count();
            let between = inbox.iter().filter(|(place, link)| {
                is_wanted(link)
                    && after.as_ref().is_none_or(|it| it < place)
                    && before.as_ref().is_none_or(|it| *place < it)
            });
            let copy = |(place, link): (&Place, &Arc<LinkState>)| (place.clone(), link.clone());
            let mut found: Vec<(Place, Arc<LinkState>)> = if is_from_end {
                between.rev().take(size + 1).map(copy).collect()
            } else {
                between.take(size + 1).map(copy).collect()
            };
            let has_more = size < found.len();
            found.truncate(size);
            if is_from_end {
                found.reverse();
            }
            (found, has_more, total)
        };
        let ends = found.iter().flat_map(|(place, _)| [place.pair.a.clone(), place.pair.b.clone()]).collect();
        let shown = Shown::read(app, ends, BTreeMap::new()).await?;
        let mut edges = Vec::with_capacity(found.len());
        for (place, link) in &found {
            if let Some(node) = shown.withheld(&place.pair, link) {
                edges.push(WithheldLinkEdge { node, cursor: cursors.write(&InboxCursor::of(place, app)) });
            }
        }
        Ok(WithheldLinkConnection {
            nodes: edges.iter().map(|it| it.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
            edges,
            total_count: count(total as u64),
        })
    }
}

/// The cursor of a position in the inbox. It has unified IDs in place of identifiers, as some callers see values masked.
#[derive(Debug, Serialize, Deserialize)]
struct InboxCursor {
    priority: u32,
    first_seen: Timestamp,
    a: identifier::UnifiedId,
    b: identifier::UnifiedId,
}

impl InboxCursor {
    fn of(place: &Place, app: &App) -> Self {
        let id = |it| unified_id(it, &app.secret);
        let Place { priority, first_seen, pair } = place;
        Self { priority: *priority, first_seen: *first_seen, a: id(&pair.a), b: id(&pair.b) }
    }
}

/// The position of a cursor.
async fn position_of(app: &App, cursor: Option<&InboxCursor>) -> Result<Option<Place>> {
    let Some(InboxCursor { priority, first_seen, a, b }) = cursor else { return Ok(None) };
    let found = app.store.identifiers_by_id(&[*a, *b]).await.map_err(|it| unavailable(&it))?;
    let pair = found.get(a).zip(found.get(b)).and_then(|(a, b)| Pair::new(a, b));
    let pair = pair
        .ok_or_else(|| ErrorCode::BadCursor.with("this is not a cursor of this list; start again without a cursor"))?;
    Ok(Some(Place { priority: *priority, first_seen: *first_seen, pair }))
}

/// The graph of a customer's identifiers.
pub(super) async fn graph(app: &App, customer: &Customer) -> Result<IdentityGraph> {
    const MAX_LEAVING: usize = 1_000;
    // A single source can create any number of them.
    const MAX_WITHHELD: usize = 1_000;
    let members: Vec<identifier::Identifier> = customer.members.iter().map(|(it, _)| it.clone()).collect();
    let gathered = Collected::read(app, &members).await?;
    let is_member = |it: &identifier::Identifier| members.binary_search(it).is_ok();
    let is_inside = |pair: &Pair| is_member(&pair.a) && is_member(&pair.b);
    let positions = || gathered.links.iter().enumerate();
    let bridges = bridges::bridges(gathered.evidence());
    let of_this = |it: &&bridges::Bridge| gathered.links.get(it.link).is_some_and(|(pair, _)| is_inside(pair));
    let shown_bridge = |bridge: &bridges::Bridge| {
        let leaving = bridges.leaving(bridge).into_iter().take(MAX_LEAVING);
        Bridge {
            link: gathered.link(bridge.link),
            leaving: leaving.map(|identifier| gathered.shown.identifier(identifier)).collect(),
        }
    };
    Ok(IdentityGraph {
        identifiers: customer.profile.identifiers.iter().map(|it| Identifier(it.clone())).collect(),
        links: positions()
            .filter(|(_, (pair, link))| is_inside(pair) && link.withheld.is_none())
            .map(|(position, _)| gathered.link(position))
            .collect(),
        withheld: positions().filter_map(|(position, _)| gathered.withheld(position)).take(MAX_WITHHELD).collect(),
        bridges: bridges.bridges.iter().filter(of_this).map(shown_bridge).collect(),
    })
}

/// The links and decisions around some identifiers, and the data of every identifier in them.
struct Collected {
    identifiers: Vec<identifier::Identifier>,
    links: Vec<(Pair, LinkState)>,
    decisions: Vec<decision::Decision>,
    shown: Shown,
}

impl Collected {
    async fn read(app: &App, members: &[identifier::Identifier]) -> Result<Self> {
        let links = app.store.links_of(members).await.map_err(|it| unavailable(&it))?;
        let mut ends: BTreeSet<identifier::Identifier> = members.iter().cloned().collect();
        ends.extend(links.keys().flat_map(|it| [it.a.clone(), it.b.clone()]));
        let State { decisions: all, .. } = &*app.state().await?;
        let about: BTreeMap<_, _> =
            ends.iter().flat_map(|it| all.of(it)).map(|it| (it.id.clone(), decision::Decision::clone(it))).collect();
        let decisions: Vec<decision::Decision> = about.into_values().collect();
        let unseen: BTreeMap<identifier::Identifier, Timestamp> =
            decisions.iter().flat_map(|it| [(it.pair.a.clone(), it.at), (it.pair.b.clone(), it.at)]).collect();
        let shown = Shown::read(app, ends.iter().cloned().chain(unseen.keys().cloned()).collect(), unseen).await?;
        Ok(Self { identifiers: ends.into_iter().collect(), links: links.into_iter().collect(), decisions, shown })
    }

    /// Adds a withheld link between consecutive owners of one value, so that an explanation can name the retirement as the reason
    /// why they are different customers.
    fn add_owners(&mut self, retirements: &Retirements) {
        for pair in self.identifiers.windows(2) {
            let [one, next] = pair else { continue };
            let Some(end) = retirements.retired_at(one).filter(|_| one.is_same_value(next)) else { continue };
            let Some(pair) = Pair::new(one, next) else { continue };
            let seen = Observations { first_seen: end, last_seen: end, count: 0, sources: BTreeSet::new() };
            self.links.push((pair, LinkState { seen, withheld: Some(Withheld::Retired) }));
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence { identifiers: &self.identifiers, links: &self.links, decisions: &self.decisions }
    }

    fn link(&self, position: usize) -> Link {
        let (pair, link) = &self.links[position];
        self.shown.link(pair, &link.seen)
    }

    fn withheld(&self, position: usize) -> Option<WithheldLink> {
        let (pair, link) = self.links.get(position)?;
        self.shown.withheld(pair, link)
    }

    /// A decision as a link of the graph. No message sent it, so its count is 0.
    fn decided(&self, position: usize) -> Link {
        let decision = &self.decisions[position];
        let seen = Observations {
            first_seen: decision.at,
            last_seen: decision.at,
            count: 0,
            sources: BTreeSet::from([decision.actor.clone()]),
        };
        self.shown.link(&decision.pair, &seen)
    }
}

/// Identifiers with the data that responses show, and the decisions between them.
pub(super) struct Shown {
    identifiers: BTreeMap<identifier::Identifier, Identifier>,
    decisions: Arc<decision::Decisions>,
}

impl Shown {
    /// Reads identifiers; those that were never seen get their time from `unseen`.
    pub(super) async fn read(
        app: &App,
        wanted: BTreeSet<identifier::Identifier>,
        unseen: BTreeMap<identifier::Identifier, Timestamp>,
    ) -> Result<Self> {
        let wanted: Vec<identifier::Identifier> = wanted.into_iter().collect();
        let State { policy, decisions, .. } = &*app.state().await?;
        let states = app.store.identifiers(&wanted).await.map_err(|it| unavailable(&it))?;
        let shown = |identifier: &identifier::Identifier| {
            let state = states.get(identifier);
            let at = unseen.get(identifier).copied().unwrap_or(Timestamp::EARLIEST);
            let seen = state.map(|it| &it.facts.seen);
            ProfileIdentifier {
                kind: identifier.kind.as_str().into(),
                value: identifier.value.clone(),
                unified_id: unified_id(identifier, &app.secret),
                first_seen_at: seen.map_or(at, |it| it.first_seen),
                last_seen_at: seen.map_or(at, |it| it.last_seen),
                sources: seen.map(|it| it.sources.iter().cloned().collect()).unwrap_or_default(),
                shared: state.is_some_and(|it| is_shared(&identifier.kind, &it.facts.neighbors, policy)),
                retired_at: policy.retirements().retired_at(identifier),
            }
        };
        let identifiers = wanted.iter().map(|it| (it.clone(), Identifier(shown(it).into()))).collect();
        Ok(Self { identifiers, decisions: decisions.clone() })
    }

    pub(super) fn identifier(&self, it: &identifier::Identifier) -> Identifier {
        let bare = || ProfileIdentifier {
            kind: it.kind.as_str().into(),
            value: it.value.clone(),
            unified_id: identifier::UnifiedId(uuid::Uuid::nil()),
            first_seen_at: Timestamp::EARLIEST,
            last_seen_at: Timestamp::EARLIEST,
            sources: Vec::new(),
            shared: false,
            retired_at: None,
        };
        self.identifiers.get(it).cloned().unwrap_or_else(|| Identifier(bare().into()))
    }

    pub(super) fn decision(&self, decision: &decision::Decision) -> Decision {
        Decision::new(decision, self.identifier(&decision.pair.a), self.identifier(&decision.pair.b))
    }

    fn link(&self, pair: &Pair, seen: &Observations) -> Link {
        let decision = self.decisions.of(&pair.a).iter().find(|it| it.pair == *pair);
        Link {
            a: self.identifier(&pair.a),
            b: self.identifier(&pair.b),
            first_seen_at: seen.first_seen.into(),
            last_seen_at: seen.last_seen.into(),
            count: count(seen.count),
            sources: seen.sources.iter().map(ToString::to_string).collect(),
            decision: decision.map(|it| self.decision(it)),
        }
    }

    pub(super) fn withheld(&self, pair: &Pair, link: &LinkState) -> Option<WithheldLink> {
        let reason = link.withheld.as_ref()?;
        Some(WithheldLink {
            link: self.link(pair, &link.seen),
            reason: WithheldReason::of(reason),
            detail: reason.to_string(),
            kind: reason.kind().map(ToString::to_string),
        })
    }
}

/// The policy's kinds of identifiers, for error messages.
pub(super) fn kinds_of(app: &App) -> String {
    app.policy.kinds.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The identifier of a value: of several owners, the newest that was seen.
pub(super) async fn named_identifier(app: &App, input: &IdentifierInput) -> Result<identifier::Identifier> {
    let value = parse_identifier(app, input)?;
    let now = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
    let State { policy, .. } = &*app.state().await?;
    profile_view::owner_of(&app.store, policy, &value, now).await.map_err(|it| unavailable(&it))
}

/// Normalizes an identifier; the result belongs to its first owner.
pub(super) fn parse_identifier(app: &App, input: &IdentifierInput) -> Result<identifier::Identifier> {
    let Some(kind) = app.policy.kind(&input.kind) else {
        let sentence = format!("the policy has no identifiers of this kind; use one of {}", kinds_of(app));
        return Err(ErrorCode::BadUserInput.with(sentence));
    };
    match identifier::normalize::normalize(&input.value, kind, &app.policy) {
        identifier::normalize::Normalized::Usable { identifier, .. } => Ok(identifier),
        identifier::normalize::Normalized::Blocked(reason) => {
            Err(ErrorCode::BadUserInput.with(format!("the value cannot be an identifier: {reason}")))
        }
        identifier::normalize::Normalized::Refused(reason) => {
            Err(ErrorCode::BadUserInput.with(format!("the value cannot be an identifier: {reason}")))
        }
    }
}
