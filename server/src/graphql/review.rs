//! The review queue: withheld links as cases, with a score each, and their answers.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, OneofObject, Result, SimpleObject};
use profile360_core::{
    cases::{
        self, Case, CaseKey, Role,
        answer::{self, Party},
        score::{self, Known, closest},
    },
    evidence::{decision, link::Pair},
    graph::rows::{ClusterKey, LinkState},
    identifier::{self, UnifiedId, unified_id::unified_id},
    profile::revision,
    time::Timestamp,
};
use profile360_directory::{Direction, Filter, OrderField, PageRequest};
use serde::{Deserialize, Serialize};

use super::{
    App,
    access_recorder::saw_unified_id,
    cursor::Cursors,
    decision::{DecisionPayload, DecisionStatus, MUTATION_COMPLEXITY, create_decisions},
    error::{ErrorCode, unavailable},
    identity::{Shown, WithheldLink},
    pagination::{Arguments, PageInfo},
    profile::{Identifier, Profile},
    query::unified_id_in,
    scalars::{DateTime, count},
    search,
};
use crate::{
    clock,
    engine::{
        inbox::{Scored, Scoring},
        state::State,
    },
    views::profile_view::{self, Customer},
};

/// The most cases that one request scores; those with the most evidence come first.
const MAX_SCORED: usize = 1_000;
/// Cases whose customers are read at once.
const CHUNK: usize = 50;
/// The most customers of a case that a list shows and compares.
const MAX_COMPARED: usize = 12;
/// The most customers of a case that are shown.
const MAX_CUSTOMERS: usize = 50;
/// The most links that one answer decides about.
const MAX_ANSWERED: usize = 200;

/// What a case asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "cases::CaseKind")]
pub(super) enum ReviewCaseKind {
    /// Customers who exclude each other claim one value. It needs a decision.
    Contested,
    /// A value that too many use. The rules already ignore it.
    Shared,
    /// A value that identifies no one. The rules already ignore it.
    Blocked,
    /// Decisions answer it completely.
    Settled,
}

/// The order of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enum, Serialize, Deserialize)]
pub(super) enum ReviewCaseOrder {
    /// The highest score first: customers who are most likely one. Of more than 1,000 cases, those with the most evidence are
    /// scored.
    Score,
    /// The one that was seen last first.
    Newest,
    /// The one whose links were seen most often first.
    Evidence,
}

/// What two customers have in common, or what distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "score::Signal")]
pub(super) enum MatchSignal {
    /// They claim one value.
    SameValue,
    /// Their names are equal, without regard to case, spaces and the order of words.
    SameName,
    /// Their names differ.
    DifferentName,
    /// They were born on one day.
    SameBirthDate,
    /// Their dates of birth differ.
    DifferentBirthDate,
    /// They are of one gender.
    SameGender,
    /// Their genders differ.
    DifferentGender,
    /// Their recent areas are equal.
    SameArea,
    /// The value was seen three times or more with the one that does not hold it.
    SeenRepeatedly,
    /// One was last active before the other was first seen.
    OneAfterTheOther,
}

/// Why a score is what it is.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct MatchReason {
    /// What was compared, and the result.
    signal: MatchSignal,
    /// What it adds to the score; negative if it speaks against one person.
    points: i32,
    /// Of birth dates that differ: the full years between them.
    years: Option<i32>,
}

/// One question for an operator: a value, and the customers that its withheld links would connect.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(super) struct ReviewCase {
    #[graphql(skip)]
    parties: Vec<ShownParty>,
    /// Its ID, which reveals nothing of the value.
    id: ID,
    /// What it asks for.
    kind: ReviewCaseKind,
    /// The value that causes its links to be withheld.
    value: Identifier,
    /// The kind of which one customer would have more than its limit, if a limit is the reason.
    limited_kind: Option<String>,
    /// Whether an operator has to decide.
    needs_decision: bool,
    /// The number of its withheld links.
    link_count: i32,
    /// The number of its links that no decision answers.
    open_link_count: i32,
    /// The number of its customers; at most 50 are counted.
    customer_count: i32,
    /// How often all of its links together were seen.
    evidence: i32,
    /// When one of its links was seen last.
    last_seen_at: DateTime,
    /// How likely it is that two of its customers are one person: 0 to 100, the sum of the points of `reasons`. Null for fewer than
    /// two customers.
    score: Option<i32>,
    /// The reasons of the score.
    reasons: Vec<MatchReason>,
    /// The unified IDs of the two customers that the score compares; empty without a score.
    closest: Vec<ID>,
}

#[ComplexObject]
impl ReviewCase {
    /// Its customers: first the one that holds the value, then the others in the order in which they were first seen with it.
    #[graphql(complexity = "first.unwrap_or(12).clamp(1, 50) as usize * child_complexity.max(1)")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many; 12 without this, at most 50. `reviewCases` shows at most 12.")] first: Option<i32>,
    ) -> Result<Vec<ReviewCustomer>> {
        let first = usize::try_from(first.unwrap_or(12)).ok().filter(|first| (1..=MAX_CUSTOMERS).contains(first));
        let first = first
            .ok_or_else(|| ErrorCode::PageSizeOutOfRange.with(format!("customers.first: use 1 to {MAX_CUSTOMERS}")))?;
        let today = clock::today(&ctx.data::<App>()?.policy);
        let shown = |party: &ShownParty| ReviewCustomer {
            profile: Profile::of(&party.customer, today),
            holds_value: party.holds_value,
            links: party.links.clone(),
        };
        Ok(self.parties.iter().take(first).map(shown).collect())
    }

    /// Changes whenever a fact, a decision or the policy changes one of its customers.
    #[graphql(complexity = "20")]
    async fn revision(&self, ctx: &Context<'_>) -> Result<String> {
        let app = ctx.data::<App>()?;
        let State { policy, decisions, .. } = &*app.state().await?;
        let revisions = self.parties.iter().map(|party| party.customer.revision(decisions, policy));
        Ok(revision::joint(revisions.collect()))
    }
}

/// A customer of a case.
#[derive(Debug, SimpleObject)]
struct ReviewCustomer {
    /// The customer.
    profile: Profile,
    /// Whether the value belongs to it now.
    holds_value: bool,
    /// The withheld links that connect it with the value.
    links: Vec<WithheldLink>,
}

/// A page of cases.
#[derive(Debug, SimpleObject)]
pub(super) struct ReviewCaseConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<ReviewCaseEdge>,
    /// The entries of this page.
    nodes: Vec<ReviewCase>,
    /// The position of this page in its list.
    page_info: PageInfo,
    /// The number of matching cases on all pages.
    total_count: i32,
}

/// An entry of a page of cases.
#[derive(Debug, SimpleObject)]
struct ReviewCaseEdge {
    /// The entry.
    node: ReviewCase,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// How many cases there are of each kind.
#[derive(Debug, SimpleObject)]
pub(super) struct ReviewCounts {
    /// Those that need a decision.
    contested: i32,
    /// Values that too many use.
    shared: i32,
    /// Values that identify no one.
    blocked: i32,
    /// Those that decisions answer.
    settled: i32,
}

/// Selects one case.
#[derive(Debug, OneofObject)]
pub(super) enum ReviewCaseBy {
    /// By its ID.
    Id(ID),
    /// By one of its links.
    Link(LinkEnds),
}

/// The ends of a link.
#[derive(Debug, InputObject)]
pub(super) struct LinkEnds {
    /// The unified ID of one end.
    a: ID,
    /// The unified ID of the other end.
    b: ID,
}

/// The answer to a case.
#[derive(Debug, InputObject)]
pub(super) struct ReviewAnswer {
    /// The case.
    case_id: ID,
    /// The unified IDs of its customers who are one person; the value is kept apart from all others. Empty: all are different
    /// customers.
    #[graphql(default)]
    same: Vec<ID>,
    /// The case's revision when it was shown; STALE_PREVIEW if it has changed since. Not checked if left out.
    expected_revision: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct ReviewQuery;

#[Object]
impl ReviewQuery {
    /// Withheld links as cases for review by operators: all links that one value causes are one case.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    #[expect(clippy::too_many_arguments, reason = "the published schema has as many")]
    async fn review_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this kind.")] kind: Option<ReviewCaseKind>,
        #[graphql(
            default_with = "Some(ReviewCaseOrder::Score)",
            desc = "The order; the highest score first if left out."
        )]
        order_by: Option<ReviewCaseOrder>,
        #[graphql(
            desc = "Only cases of customers that `profiles` finds by this text. The 1,000 cases with the most evidence are searched."
        )]
        search: Option<String>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<ReviewCaseConnection> {
        let app = ctx.data::<App>()?;
        let order = order_by.unwrap_or(ReviewCaseOrder::Score);
        let cursors = Cursors::of(&app.secret, "reviewCases");
        let page = Arguments { first, after, last, before }.parse::<CaseCursor>(&app.limits, &cursors)?;
        for cursor in [&page.after, &page.before].into_iter().flatten() {
            if cursor.order != order {
                let sentence = "this cursor belongs to another order; start again without a cursor";
                return Err(ErrorCode::BadCursor.with(sentence));
            }
        }
        let found = match search {
            Some(search) => customers_found(ctx, &search).await?,
            None => None,
        };
        let state = app.state().await?;
        let mut entries = Entry::all(app, &state, kind.map(Into::into));
        if found.is_some() || order == ReviewCaseOrder::Score {
            score_entries(app, &state, &mut entries).await?;
        }
        if let Some(found) = &found {
            entries.retain(|entry| entry.scored.iter().any(|it| it.customers.iter().any(|key| found.contains(key))));
        }
        let mut placed: Vec<(CaseCursor, CaseKey)> =
            entries.into_iter().map(|entry| (entry.place(order, app), entry.key)).collect();
        placed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let total = placed.len();
        placed.retain(|(place, _)| {
            page.after.as_ref().is_none_or(|it| it < place) && page.before.as_ref().is_none_or(|it| place < it)
        });
        let has_more = page.size < placed.len();
        if page.is_from_end {
            placed.drain(..placed.len().saturating_sub(page.size));
        } else {
            placed.truncate(page.size);
        }
        let keys: Vec<CaseKey> = placed.iter().map(|(_, key)| key.clone()).collect();
        let mut nodes = BTreeMap::new();
        for chunk in keys.chunks(CHUNK) {
            nodes.extend(shown_cases(ctx, chunk, MAX_COMPARED).await?);
        }
        let edges: Vec<ReviewCaseEdge> = placed
            .iter()
            .filter_map(|(place, key)| Some(ReviewCaseEdge { node: nodes.remove(key)?, cursor: cursors.write(place) }))
            .collect();
        Ok(ReviewCaseConnection {
            nodes: edges.iter().map(|it| it.node.clone()).collect(),
            page_info: page.page_info(has_more, edges.iter().map(|it| &it.cursor)),
            edges,
            total_count: count(total as u64),
        })
    }

    /// One case. Null if none of its links is withheld any more; an error if there never was such a case.
    #[graphql(complexity = "20 + child_complexity")]
    async fn review_case(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which case.")] by: ReviewCaseBy,
    ) -> Result<Option<ReviewCase>> {
        let app = ctx.data::<App>()?;
        let key = match by {
            ReviewCaseBy::Id(id) => key_of(app, &[id]).await?.pop(),
            ReviewCaseBy::Link(LinkEnds { a, b }) => {
                let ids = [unified_id_in(&a, "by.link.a")?, unified_id_in(&b, "by.link.b")?];
                let found = app.store.identifiers_by_id(&ids).await.map_err(|it| unavailable(&it))?;
                let pair = found.get(&ids[0]).zip(found.get(&ids[1])).and_then(|(a, b)| Pair::new(a, b));
                let pair =
                    pair.ok_or_else(|| ErrorCode::BadUserInput.with("by.link: there are no such identifiers"))?;
                app.state().await?.inbox.cases().of_link(&pair).cloned()
            }
        };
        let Some(key) = key else { return Ok(None) };
        Ok(shown_cases(ctx, std::slice::from_ref(&key), MAX_CUSTOMERS).await?.remove(&key))
    }

    /// How many cases there are of each kind.
    async fn review_counts(&self, ctx: &Context<'_>) -> Result<ReviewCounts> {
        let State { inbox, .. } = &*ctx.data::<App>()?.state().await?;
        let of = |kind| count(inbox.cases().count(kind) as u64);
        Ok(ReviewCounts {
            contested: of(cases::CaseKind::Contested),
            shared: of(cases::CaseKind::Shared),
            blocked: of(cases::CaseKind::Blocked),
            settled: of(cases::CaseKind::Settled),
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct ReviewMutation;

#[Object]
impl ReviewMutation {
    /// Answers cases with all decisions that they need, all or none; they are revoked together. Limits do not apply to customers who
    /// are one person. At most 200 links in all.
    #[graphql(complexity = "MUTATION_COMPLEXITY + child_complexity")]
    async fn resolve_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answers; 1 to 50.")] answers: Vec<ReviewAnswer>,
        #[graphql(desc = "The reason; the history shows it.")] reason: String,
    ) -> Result<DecisionPayload> {
        const MAX_ANSWERS: usize = 50;
        let app = ctx.data::<App>()?;
        if answers.is_empty() || MAX_ANSWERS < answers.len() {
            return Err(ErrorCode::BadUserInput.with(format!("answers: use 1 to {MAX_ANSWERS}")));
        }
        let ids: Vec<ID> = answers.iter().map(|it| it.case_id.clone()).collect();
        let keys = key_of(app, &ids).await?;
        let state = app.state().await?;
        let mut wanted: BTreeMap<Pair, decision::Relation> = BTreeMap::new();
        let mut revisions: BTreeMap<ClusterKey, String> = BTreeMap::new();
        let mut cluster_of: BTreeMap<identifier::Identifier, ClusterKey> = BTreeMap::new();
        let mut n_links = 0;
        for (key, answer) in keys.iter().zip(&answers) {
            let Some(links) = links_of(&state, key, MAX_ANSWERED + 1) else {
                let detail = "one of the cases has no withheld links any more";
                return Ok(DecisionPayload::without(DecisionStatus::NotFound, detail));
            };
            n_links += links.len();
            if MAX_ANSWERED < n_links {
                let sentence = format!("answers: the cases have more than {MAX_ANSWERED} links; answer fewer at once");
                return Err(ErrorCode::BadUserInput.with(sentence));
            }
            let Some(read) = read_parties(app, vec![(key.clone(), links)], usize::MAX).await?.pop() else {
                continue;
            };
            if answer.expected_revision.as_ref().is_some_and(|expected| read.revision(&state) != *expected) {
                let detail = "the customers have changed since the case was shown; look again";
                return Ok(DecisionPayload::without(DecisionStatus::StalePreview, detail));
            }
            let Some(same) = positions(app, &read.parties, &answer.same).await? else {
                let detail = "one of the IDs belongs to no customer of the case";
                return Ok(DecisionPayload::without(DecisionStatus::NotFound, detail));
            };
            for party in &read.parties {
                let revision = party.customer.revision(&state.decisions, &state.policy);
                revisions.insert(party.customer.key, revision);
                let members = party.customer.cluster.members.iter();
                cluster_of.extend(members.map(|member| (member.clone(), party.customer.key)));
            }
            let parties: Vec<Party<'_>> = read.parties.iter().map(LoadedParty::as_party).collect();
            for (relation, pair) in answer::decisions(&key.value, &parties, &same, &app.policy) {
                if wanted.insert(pair, relation).is_some_and(|other| other != relation) {
                    return Err(ErrorCode::BadUserInput.with("answers: two of them contradict each other"));
                }
            }
        }
        if wanted.is_empty() {
            return Ok(DecisionPayload::without(DecisionStatus::NoChange, "there is nothing to decide"));
        }
        // So that the decisions fit the customers that they were made for.
        let expected_revision = answers.iter().any(|it| it.expected_revision.is_some()).then(|| {
            let ends = wanted.keys().flat_map(|pair| [&pair.a, &pair.b]);
            let clusters: BTreeSet<&ClusterKey> = ends.filter_map(|end| cluster_of.get(end)).collect();
            revision::joint(clusters.into_iter().filter_map(|key| revisions.get(key)).cloned().collect())
        });
        let wanted = wanted.into_iter().map(|(pair, relation)| (relation, pair)).collect();
        create_decisions(ctx, wanted, &reason, expected_revision).await
    }
}

/// The position of a case in an order. It has the ID in place of the value, as some callers see values masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct CaseCursor {
    order: ReviewCaseOrder,
    first: Reverse<i64>,
    second: Reverse<i64>,
    id: String,
}

/// A case before its page is known.
struct Entry {
    key: CaseKey,
    evidence: u64,
    newest: Timestamp,
    scored: Option<Arc<Scored>>,
}

impl Entry {
    /// All cases of a kind, those with the most evidence first.
    fn all(app: &App, state: &State, kind: Option<cases::CaseKind>) -> Vec<Self> {
        let scores = app.states.scores();
        let wanted = state.inbox.cases().iter().filter(|(_, own, _)| kind.is_none_or(|it| it == *own));
        let entry = |(key, _, case): (&CaseKey, cases::CaseKind, &Case)| Self {
            key: key.clone(),
            evidence: case.evidence(),
            newest: case.newest(),
            scored: scores.get(key, state.commit).cloned(),
        };
        let mut entries: Vec<Self> = wanted.map(entry).collect();
        entries.sort_by_key(|entry| Reverse((entry.evidence, entry.newest)));
        entries
    }

    fn place(&self, order: ReviewCaseOrder, app: &App) -> CaseCursor {
        let evidence = i64::try_from(self.evidence).unwrap_or(i64::MAX);
        let newest = self.newest.micros();
        let score =
            self.scored.as_ref().and_then(|it| it.closest.as_ref()).map_or(-1, |(_, _, it)| i64::from(it.score));
        let (first, second) = match order {
            ReviewCaseOrder::Score => (score, evidence),
            ReviewCaseOrder::Newest => (newest, evidence),
            ReviewCaseOrder::Evidence => (evidence, newest),
        };
        CaseCursor { order, first: Reverse(first), second: Reverse(second), id: case_id(&self.key, app) }
    }
}

/// Scores the entries that have no score yet, within the limit, and keeps the scores.
async fn score_entries(app: &App, state: &State, entries: &mut [Entry]) -> Result<()> {
    let unscored: Vec<CaseKey> =
        entries.iter().take(MAX_SCORED).filter(|it| it.scored.is_none()).map(|it| it.key.clone()).collect();
    if unscored.is_empty() {
        return Ok(());
    }
    let scoring = Scoring::begin(&app.states, state);
    let mut scored: BTreeMap<CaseKey, Arc<Scored>> = BTreeMap::new();
    for chunk in unscored.chunks(CHUNK) {
        let links = chunk.iter().filter_map(|key| Some((key.clone(), links_of(state, key, MAX_CUSTOMERS)?))).collect();
        for read in read_parties(app, links, MAX_COMPARED).await? {
            scored.insert(read.key.clone(), Arc::new(read.scored()));
        }
    }
    scoring.keep(&scored);
    for entry in entries.iter_mut().filter(|it| it.scored.is_none()) {
        entry.scored = scored.get(&entry.key).cloned();
    }
    Ok(())
}

/// The customers that a search finds, at most 2,000; `None` if the text is empty.
async fn customers_found(ctx: &Context<'_>, search: &str) -> Result<Option<BTreeSet<ClusterKey>>> {
    const MAX_FOUND: usize = 2_000;
    let Some(read) = search::read(ctx, search).await? else { return Ok(None) };
    let request = PageRequest {
        field: OrderField::LastActivity,
        direction: Direction::Descending,
        size: MAX_FOUND,
        after: None,
        before: None,
        is_from_end: false,
    };
    let page =
        ctx.data::<App>()?.read_list(|index| index.page(&request, &Filter::default(), Some(&read.search))).await?;
    Ok(Some(page.rows.into_iter().map(|row| row.key).collect()))
}

/// The first links of a case; `None` if it has none any more.
fn links_of(state: &State, key: &CaseKey, most: usize) -> Option<CaseLinks> {
    let (_, case) = state.inbox.cases().get(key)?;
    let links = case.pairs().take(most).filter_map(|pair| Some((pair.clone(), state.inbox.link(pair)?.clone())));
    Some(links.collect())
}

/// The ID of a case, of its role and the derived ID of its value.
fn case_id(key: &CaseKey, app: &App) -> String {
    format!("{}.{}", role_name(key.role), unified_id(&key.value, &app.secret))
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Claimed => "claimed",
        Role::Shared => "shared",
        Role::Blocked => "blocked",
    }
}

/// The cases of IDs.
async fn key_of(app: &App, ids: &[ID]) -> Result<Vec<CaseKey>> {
    let bad = || ErrorCode::BadUserInput.with("there is no case with this ID; use the `id` of a case");
    let parse = |id: &ID| {
        let (role, value) = id.split_once('.')?;
        let roles = [Role::Claimed, Role::Shared, Role::Blocked];
        Some((roles.into_iter().find(|it| role_name(*it) == role)?, UnifiedId::parse(value)?))
    };
    let parsed: Option<Vec<(Role, UnifiedId)>> = ids.iter().map(parse).collect();
    let parsed = parsed.ok_or_else(bad)?;
    let values: Vec<UnifiedId> = parsed.iter().map(|(_, value)| *value).collect();
    let found = app.store.identifiers_by_id(&values).await.map_err(|it| unavailable(&it))?;
    let key = |(role, id): &(Role, UnifiedId)| {
        found.get(id).map(|value| CaseKey { role: *role, value: value.clone() }).ok_or_else(bad)
    };
    parsed.iter().map(key).collect()
}

/// The positions of the parties that unified IDs name; `None` if one is of no party.
async fn positions(app: &App, parties: &[LoadedParty], ids: &[ID]) -> Result<Option<BTreeSet<usize>>> {
    let Some(ids) = ids.iter().map(|it| UnifiedId::parse(it)).collect::<Option<Vec<UnifiedId>>>() else {
        return Ok(None);
    };
    let clusters = profile_view::clusters_of_ids(&app.store, &ids).await.map_err(|it| unavailable(&it))?;
    let position = |id: &UnifiedId| {
        let key = clusters.get(id)?;
        parties.iter().position(|party| party.customer.key == *key)
    };
    Ok(ids.iter().map(position).collect())
}

/// A customer of a case, as it is read.
struct LoadedParty {
    customer: Arc<Customer>,
    holds_value: bool,
    links: CaseLinks,
}

impl LoadedParty {
    fn as_party(&self) -> Party<'_> {
        Party {
            anchor: &self.customer.cluster.anchor,
            members: &self.customer.cluster.members,
            links: self.links.iter().map(|(pair, _)| pair).collect(),
            holds_value: self.holds_value,
        }
    }

    /// When it was first seen with the value; the holder comes first.
    fn place(&self) -> (bool, Timestamp, ClusterKey) {
        let first = self.links.iter().map(|(_, link)| link.seen.first_seen).min();
        (!self.holds_value, first.unwrap_or(Timestamp::EARLIEST), self.customer.key)
    }
}

/// A case with its customers.
struct LoadedCase {
    key: CaseKey,
    parties: Vec<LoadedParty>,
    n_customers: usize,
}

impl LoadedCase {
    /// Whether a party is only the value itself, of which nothing else is known.
    fn is_only_value(&self, party: &LoadedParty) -> bool {
        matches!(party.customer.cluster.members.as_slice(), [only] if *only == self.key.value)
    }

    fn people(&self) -> impl Iterator<Item = &LoadedParty> {
        self.parties.iter().filter(|party| !self.is_only_value(party))
    }

    fn scored(&self) -> Scored {
        let people: Vec<&LoadedParty> = self.people().take(MAX_COMPARED).collect();
        let known: Vec<Known> = people.iter().map(|party| Known::of(&party.customer.profile)).collect();
        let n_seen = |party: &LoadedParty| {
            (!party.holds_value).then(|| party.links.iter().map(|(_, link)| link.seen.count).sum::<u64>())
        };
        let claimants: Vec<score::Claimant<'_>> =
            known.iter().zip(&people).map(|(known, party)| (known, n_seen(party))).collect();
        let found = if self.key.role == Role::Claimed { closest(&claimants) } else { None };
        let closest =
            found.and_then(|(a, b, found)| Some((people.get(a)?.customer.key, people.get(b)?.customer.key, found)));
        Scored { closest, customers: self.parties.iter().map(|party| party.customer.key).collect() }
    }

    /// The joint revision of the customers that a case shows.
    fn revision(&self, state: &State) -> String {
        let people = self.people().take(MAX_CUSTOMERS);
        revision::joint(people.map(|party| party.customer.revision(&state.decisions, &state.policy)).collect())
    }
}

/// Links of a case, with their ends.
type CaseLinks = Vec<(Pair, Arc<LinkState>)>;
/// Customers, each with its links of one case.
type LinksByCustomer = Vec<(ClusterKey, CaseLinks)>;

/// Reads the customers of cases, at most `most` of each.
async fn read_parties(app: &App, cases: Vec<(CaseKey, CaseLinks)>, most: usize) -> Result<Vec<LoadedCase>> {
    let ends: BTreeSet<identifier::Identifier> = cases
        .iter()
        .flat_map(|(key, links)| links.iter().map(|(pair, _)| pair.other(&key.value)).chain([&key.value]))
        .cloned()
        .collect();
    let ends: Vec<identifier::Identifier> = ends.into_iter().collect();
    let clusters = profile_view::clusters_of_identifiers(&app.store, &ends).await.map_err(|it| unavailable(&it))?;
    // The links of each customer, and when the first of them was first seen.
    let grouped: Vec<(CaseKey, LinksByCustomer)> = cases
        .into_iter()
        .map(|(key, links)| {
            let mut of_customer: BTreeMap<ClusterKey, CaseLinks> = BTreeMap::new();
            let holder = clusters.get(&key.value).copied();
            if let Some(holder) = holder {
                of_customer.entry(holder).or_default();
            }
            for (pair, link) in links {
                if let Some(customer) = clusters.get(pair.other(&key.value)) {
                    of_customer.entry(*customer).or_default().push((pair, link));
                }
            }
            let mut parties: Vec<_> = of_customer.into_iter().collect();
            let first_seen =
                |links: &[(Pair, Arc<LinkState>)]| links.iter().map(|(_, link)| link.seen.first_seen).min();
            parties.sort_by_key(|(customer, links)| (Some(*customer) != holder, first_seen(links), *customer));
            (key, parties)
        })
        .collect();
    let customers: BTreeSet<ClusterKey> =
        grouped.iter().flat_map(|(_, parties)| parties.iter().take(most).map(|(customer, _)| *customer)).collect();
    let customers: Vec<ClusterKey> = customers.into_iter().collect();
    let State { policy, .. } = &*app.state().await?;
    let loaded = profile_view::load(&app.store, policy, &customers).await.map_err(|it| unavailable(&it))?;
    let read = grouped.into_iter().map(|(key, parties)| {
        let holder = clusters.get(&key.value).copied();
        let n_customers = parties.len();
        let party = |(customer, links): (ClusterKey, CaseLinks)| {
            let found = loaded.get(&customer)?.clone();
            Some(LoadedParty { customer: found, holds_value: Some(customer) == holder, links })
        };
        let mut parties: Vec<LoadedParty> = parties.into_iter().take(most).filter_map(party).collect();
        parties.sort_by_key(LoadedParty::place);
        LoadedCase { key, parties, n_customers }
    });
    Ok(read.collect())
}

/// A customer of a case, as it is shown.
#[derive(Debug, Clone)]
struct ShownParty {
    customer: Arc<Customer>,
    holds_value: bool,
    links: Vec<WithheldLink>,
}

/// Reads and shows cases; leaves out those that have no links any more.
async fn shown_cases(ctx: &Context<'_>, keys: &[CaseKey], most: usize) -> Result<BTreeMap<CaseKey, ReviewCase>> {
    let app = ctx.data::<App>()?;
    let state = app.state().await?;
    let links = keys.iter().filter_map(|key| Some((key.clone(), links_of(&state, key, MAX_CUSTOMERS)?)));
    let links: Vec<_> = links.collect();
    let mut ends: BTreeSet<identifier::Identifier> = keys.iter().map(|key| key.value.clone()).collect();
    ends.extend(links.iter().flat_map(|(_, links)| links).flat_map(|(pair, _)| [pair.a.clone(), pair.b.clone()]));
    let shown = Shown::read(app, ends, BTreeMap::new()).await?;
    let mut cases = BTreeMap::new();
    for read in read_parties(app, links, most).await? {
        let Some((kind, found)) = state.inbox.cases().get(&read.key) else { continue };
        let all_links = || read.parties.iter().flat_map(|party| &party.links);
        let limited = all_links().find_map(|(_, link)| link.withheld.as_ref()?.kind());
        let Scored { closest, .. } = read.scored();
        let id_of = |key: &ClusterKey| {
            let party = read.parties.iter().find(|party| party.customer.key == *key);
            party.map(|party| ID(party.customer.profile.unified_id.to_string()))
        };
        let reason = |reason: &score::Reason| MatchReason {
            signal: reason.signal.into(),
            points: reason.points,
            years: reason.years.map(|years| count(u64::from(years))),
        };
        let parties: Vec<ShownParty> = read
            .people()
            .map(|party| ShownParty {
                customer: party.customer.clone(),
                holds_value: party.holds_value,
                links: party.links.iter().filter_map(|(pair, link)| shown.withheld(pair, link)).collect(),
            })
            .collect();
        for party in &parties {
            saw_unified_id(ctx, party.customer.profile.unified_id);
        }
        let n_alone = read.parties.len() - parties.len();
        let case = ReviewCase {
            id: ID(case_id(&read.key, app)),
            kind: kind.into(),
            value: shown.identifier(&read.key.value),
            limited_kind: limited.map(ToString::to_string),
            needs_decision: kind == cases::CaseKind::Contested,
            link_count: count(found.n_links() as u64),
            open_link_count: count(found.n_open() as u64),
            customer_count: count(read.n_customers.saturating_sub(n_alone) as u64),
            evidence: count(found.evidence()),
            last_seen_at: found.newest().into(),
            score: closest.as_ref().map(|(_, _, found)| i32::from(found.score)),
            reasons: closest.iter().flat_map(|(_, _, found)| found.reasons.iter().map(reason)).collect(),
            closest: closest.iter().flat_map(|(a, b, _)| [id_of(a), id_of(b)]).flatten().collect(),
            parties,
        };
        cases.insert(read.key.clone(), case);
    }
    Ok(cases)
}
