//! Search: what a text can mean, and suggestions while it is typed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use profile360_core::{
    graph::rows::ClusterKey,
    identifier,
    policy::document::Form,
    profile::model::{self, ProfileIdentifier},
    search::{
        Recognized, recognize,
        terms::{Reason, SearchText},
    },
};
use profile360_directory::{OfferedField, OfferedFilter, Search, Suggested};

use super::{
    App,
    access_recorder::{By, look_up, saw_customer, saw_unified_id},
    authorization::caller,
    error::{ErrorCode, unavailable},
    loaders::Loaders,
    profile::{Identifier, Profile},
    scalars::count,
};
use crate::{auth::access::Permission, clock, engine::state::State, views::profile_view};

/// The most suggestions in one response.
pub(super) const MAX_SUGGESTIONS: i32 = 50;
/// The suggestions without `first`.
pub(super) const USUAL_SUGGESTIONS: i32 = 7;

/// A search text as it was understood.
#[derive(Debug)]
pub(super) struct Read {
    pub search: Search,
    /// The identifiers that the whole text can be.
    candidates: Vec<identifier::Identifier>,
}

/// Understands a search text; `None` if it is empty.
///
/// A known phone number or email address matches exactly, and not as a part of another. Callers that see masked data find exact
/// identifiers and unified IDs only: a series of searches by parts would reveal a masked value.
pub(super) async fn read(ctx: &Context<'_>, text: &str) -> Result<Option<Read>> {
    /// Longer than any identifier and any name.
    const MAX_SEARCH_BYTES: usize = 512;
    let app = ctx.data::<App>()?;
    if MAX_SEARCH_BYTES < text.len() {
        return Err(ErrorCode::BadUserInput.with(format!("search: use at most {MAX_SEARCH_BYTES} bytes")));
    }
    // What is found must be of the commit that the list is as of.
    app.read_list(|_| ()).await?;
    let candidates = match recognize(text, &app.policy) {
        Recognized::Empty => return Ok(None),
        Recognized::UnifiedId(value) => {
            let clusters = profile_view::clusters_of_ids(&app.store, &[value]).await;
            let clusters = clusters.map_err(|it| unavailable(&it))?.into_values().collect();
            return Ok(Some(Read { search: Search { clusters, ..Search::default() }, candidates: Vec::new() }));
        }
        Recognized::Identifiers(candidates) => candidates,
    };
    look_up(ctx, By::Search)?;
    // A value finds all its owners, past and present.
    let State { policy, .. } = &*app.state().await?;
    let candidates: Vec<_> = candidates.iter().flat_map(|it| policy.retirements().owners(it)).collect();
    let clusters =
        profile_view::clusters_of_identifiers(&app.store, &candidates).await.map_err(|it| unavailable(&it))?;
    let has_form = |kind: &str| app.policy.kind(kind).is_some_and(|it| matches!(it.form, Form::Phone | Form::Email));
    let is_whole = clusters.keys().any(|it| has_form(it.kind.as_str()));
    let mut search = Search { clusters: clusters.into_values().collect(), ..Search::default() };
    if is_whole {
        return Ok(Some(Read { search, candidates }));
    }
    let text = SearchText::new(text);
    let mut of_unified_ids: BTreeMap<usize, BTreeSet<ClusterKey>> = BTreeMap::new();
    for (number, term) in text.terms.iter().enumerate() {
        if let Some(range) = &term.unified_ids {
            let found = profile_view::clusters_of_id_range(&app.store, range).await;
            of_unified_ids.insert(number, found.map_err(|it| unavailable(&it))?.into_values().collect());
        }
    }
    if caller(ctx)?.may(Permission::ReadPersonal) {
        search = Search { text: Some(text), of_unified_ids, ..search };
    } else if text.terms.len() == 1 {
        search.clusters.extend(of_unified_ids.into_values().flatten());
    }
    Ok(Some(Read { search, candidates }))
}

/// The first customers that a search finds, and the filters that its text names.
#[derive(Debug, Default, SimpleObject)]
pub(super) struct SearchSuggestions {
    /// The customers: with the identifier that the text is, then with a name in which a word begins so, then all others; the last
    /// seen first.
    customers: Vec<CustomerSuggestion>,
    /// How many customers the search finds in all.
    total_count: i32,
    /// The filters that words of the text name.
    filters: Vec<FilterSuggestion>,
}

/// A customer that a search finds.
#[derive(Debug)]
struct CustomerSuggestion {
    profile: Profile,
    matches: Vec<SearchMatch>,
}

/// A customer that a search finds.
#[Object]
impl CustomerSuggestion {
    /// The customer.
    async fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the search matched: one entry for each word of the text, without repetitions.
    async fn matches(&self) -> &[SearchMatch] {
        &self.matches
    }
}

/// What a search matched.
#[derive(Debug, SimpleObject)]
struct SearchMatch {
    /// What it is.
    by: SearchMatchKind,
    /// The identifier, if it is one.
    identifier: Option<Identifier>,
}

/// What a search can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum SearchMatchKind {
    /// The name.
    Name,
    /// An identifier.
    Identifier,
    /// A unified ID of the customer, current or superseded.
    UnifiedId,
}

/// A filter that words of a search text name.
#[derive(Debug, SimpleObject)]
struct FilterSuggestion {
    /// The field of `ProfileFilter`.
    field: FilterSuggestionField,
    /// Its values.
    values: Vec<String>,
    /// The text without those words, to search for together with the filter.
    rest: String,
    /// How many customers pass the filter.
    total_count: i32,
}

/// A field of `ProfileFilter` that a search text can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OfferedField")]
enum FilterSuggestionField {
    /// `membershipLevel`.
    MembershipLevel,
    /// `recentArea`.
    RecentArea,
}

/// The suggestions for a text.
pub(super) async fn suggest(ctx: &Context<'_>, text: &str, first: Option<i32>) -> Result<SearchSuggestions> {
    let first = first.unwrap_or(USUAL_SUGGESTIONS);
    let size = usize::try_from(first).ok().filter(|_| (1..=MAX_SUGGESTIONS).contains(&first)).ok_or_else(|| {
        ErrorCode::PageSizeOutOfRange.with(format!("first: use a number from 1 to {MAX_SUGGESTIONS}"))
    })?;
    let app = ctx.data::<App>()?;
    let Some(Read { search, candidates }) = read(ctx, text).await? else { return Ok(SearchSuggestions::default()) };
    let text = SearchText::new(text);
    let sees_personal = caller(ctx)?.may(Permission::ReadPersonal);
    let (Suggested { rows, total }, offered) =
        app.read_list(|index| (index.suggest(&search, size), index.offered_filters(&text))).await?;
    let today = clock::today(&app.policy);
    let loaders = ctx.data::<Loaders>()?;
    let reading = rows.iter().map(|row| loaders.customer(row.key, row.position.id));
    let customers = futures::future::try_join_all(reading).await?;
    let mut suggestions = Vec::with_capacity(rows.len());
    for (row, customer) in rows.iter().zip(customers) {
        saw_unified_id(ctx, row.position.id);
        saw_customer(ctx, &customer);
        let matches = match exact(&customer.profile, &candidates) {
            Some(identifier) => vec![identifier],
            // To name another part that matches would reveal a part of a masked value.
            None if !sees_personal => vec![SearchMatch { by: SearchMatchKind::UnifiedId, identifier: None }],
            None => text.reasons(&customer.profile, &app.policy).into_iter().map(SearchMatch::from).collect(),
        };
        suggestions.push(CustomerSuggestion { profile: Profile::of(&customer, today), matches });
    }
    let is_allowed = |offered: &OfferedFilter| sees_personal || offered.field != OfferedField::RecentArea;
    let filters = offered.into_iter().filter(is_allowed).map(|offered| FilterSuggestion {
        rest: text.without(&offered.terms),
        field: offered.field.into(),
        values: offered.values,
        total_count: count(offered.count),
    });
    Ok(SearchSuggestions { customers: suggestions, total_count: count(total as u64), filters: filters.collect() })
}

/// The identifier of a customer that the whole text is.
fn exact(customer: &model::Profile, candidates: &[identifier::Identifier]) -> Option<SearchMatch> {
    let is_candidate = |identifier: &&Arc<ProfileIdentifier>| {
        let is_it = |it: &identifier::Identifier| it.kind.as_str() == &*identifier.kind && it.value == identifier.value;
        candidates.iter().any(is_it)
    };
    customer.identifiers.iter().find(is_candidate).map(|it| SearchMatch::from(Reason::Identifier(it)))
}

impl From<Reason<'_>> for SearchMatch {
    fn from(reason: Reason<'_>) -> Self {
        match reason {
            Reason::Name => Self { by: SearchMatchKind::Name, identifier: None },
            Reason::Identifier(it) => {
                Self { by: SearchMatchKind::Identifier, identifier: Some(Identifier(it.clone())) }
            }
            Reason::UnifiedId => Self { by: SearchMatchKind::UnifiedId, identifier: None },
        }
    }
}
