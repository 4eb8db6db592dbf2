//! The queries.

use async_graphql::{Context, Enum, ID, InputObject, Interface, Object, OneofObject, Result, SimpleObject};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use profile360_core::identifier::{self, UnifiedId, normalize::Normalized};

use super::{
    App,
    access_recorder::{By, look_up, saw_customer},
    authorization::caller,
    decision::{Decision, Retirement, decision_of},
    error::{ErrorCode, unavailable},
    identity::named_identifier,
    loaders::Loaders,
    pagination::Arguments,
    profile::Profile,
    profiles::{
        ProfileConnection, ProfileFacet, ProfileFacetField, ProfileFilter, ProfileOrder, profile_facet, profiles,
    },
    scalars::Date,
    search::{MAX_SUGGESTIONS, SearchSuggestions, USUAL_SUGGESTIONS, suggest},
};
use crate::{
    auth::access::{self, Permission},
    clock,
    engine::state::State,
    views::profile_view,
};

#[derive(Debug, Default)]
pub(super) struct ProfileQuery;

/// An object with a global ID.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global ID."))]
pub(super) enum Node {
    Profile(Profile),
    Decision(Decision),
    Retirement(Retirement),
}

/// Selects one customer.
#[derive(Debug, OneofObject)]
pub(super) enum ProfileKey {
    /// By any unified ID ever issued.
    UnifiedId(ID),
    /// By any identifier.
    Identifier(IdentifierInput),
}

/// An identifier, as a kind and a value.
#[derive(Debug, InputObject)]
pub(super) struct IdentifierInput {
    /// Its kind, such as `phone`.
    pub kind: String,
    /// Its value, in any spelling that messages may have.
    pub value: String,
}

/// The role of a key: what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Role")]
pub(super) enum Role {
    /// Send messages, and read nothing.
    Ingest,
    /// Read, with personal data masked.
    Reader,
    /// Read everything.
    Analyst,
    /// Also decide who is who.
    Steward,
    /// Also publish policies, send messages and read the audit log.
    Admin,
}

/// The caller.
#[derive(Debug, SimpleObject)]
pub(super) struct Viewer {
    /// The name of the key.
    name: String,
    /// The role of the key.
    role: Role,
    /// Whether the caller sees personal data unmasked.
    sees_personal_data: bool,
}

#[Object]
impl ProfileQuery {
    /// The object with this global ID; null if there is none.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "A global ID.")] id: ID) -> Result<Option<Node>> {
        let app = ctx.data::<App>()?;
        Ok(nodes_of(app, std::slice::from_ref(&id)).await?.pop().flatten())
    }

    /// The objects with these global IDs, in their order; at most 200.
    #[graphql(complexity = "ids.len().max(1) * (1 + child_complexity)")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global IDs.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        const MAX_NODES: usize = 200;
        if MAX_NODES < ids.len() {
            return Err(ErrorCode::PageSizeOutOfRange.with(format!("ids: use at most {MAX_NODES}")));
        }
        nodes_of(ctx.data::<App>()?, &ids).await
    }

    /// One customer, by any unified ID ever issued or by any identifier. Null if there is none.
    async fn profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Selects the customer.")] by: ProfileKey,
        #[graphql(desc = "The date for which age and purchase figures are computed; today if left out.")] as_of: Option<
            Date,
        >,
    ) -> Result<Option<Profile>> {
        let app = ctx.data::<App>()?;
        let today = clock::today(&app.policy);
        let as_of = as_of.map_or(today, |it| it.0);
        let loaders = ctx.data::<Loaders>()?;
        let identifier = match by {
            ProfileKey::UnifiedId(id) => {
                let found = loaders.customer_of_id(unified_id_in(&id, "by.unifiedId")?).await?;
                if let Some(customer) = &found {
                    saw_customer(ctx, customer);
                }
                return Ok(found.map(|customer| Profile::of(&customer, as_of)));
            }
            ProfileKey::Identifier(input) => {
                look_up(ctx, By::Identifier)?;
                let is_blocked = |kind| {
                    matches!(identifier::normalize::normalize(&input.value, kind, &app.policy), Normalized::Blocked(_))
                };
                if app.policy.kind(&input.kind).is_some_and(is_blocked) {
                    return Ok(None);
                }
                named_identifier(app, &input).await?
            }
        };
        let found = loaders.customer_of(&identifier).await?;
        if let Some(customer) = &found {
            saw_customer(ctx, customer);
        }
        Ok(found.map(|customer| Profile::of(&customer, as_of)))
    }

    /// The list of customers, newest activity first unless ordered otherwise. `search` finds an identifier, or customers who match
    /// all words of the text: a part of the name (of a word in Latin letters the beginning, of a Korean name any syllables or
    /// initial consonants), three or more characters of a phone number or an email address, the first four or more of an external
    /// ID or a card number, the first eight or more digits of a unified ID.
    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)")]
    #[expect(clippy::too_many_arguments, reason = "the published schema has as many")]
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customers.")] filter: Option<ProfileFilter>,
        #[graphql(desc = "The text to search for: a unified ID, an identifier, or a name.")] search: Option<String>,
        #[graphql(desc = "The order; newest activity first if left out.")] order_by: Option<ProfileOrder>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<ProfileConnection> {
        profiles(ctx, filter, search, order_by, Arguments { first, after, last, before }).await
    }

    /// The values of a field among the customers that a filter and a search find, each with its number of customers: what to offer
    /// as a filter. Alternatives that the filter already has for the field are no condition here, so that each count is what choosing
    /// that value finds.
    #[graphql(complexity = "20 + child_complexity")]
    async fn profile_facet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The field.")] field: ProfileFacetField,
        #[graphql(desc = "The name of the attribute, for ATTRIBUTE.")] attribute: Option<String>,
        #[graphql(desc = "Which customers.")] filter: Option<ProfileFilter>,
        #[graphql(desc = "The text to search for.")] search: Option<String>,
        #[graphql(default = 50, desc = "How many values at most; up to 200.")] first: i32,
    ) -> Result<ProfileFacet> {
        profile_facet(ctx, field, attribute, filter, search, first).await
    }

    /// The first customers that `search` of `profiles` finds, each with what matched, and the filters that its words name: for a
    /// search field, while someone types.
    #[graphql(
        complexity = "first.unwrap_or(USUAL_SUGGESTIONS).clamp(1, MAX_SUGGESTIONS) as usize * child_complexity.max(1)"
    )]
    async fn suggest_customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text to search for.")] search: String,
        #[graphql(desc = "How many customers at most, 1 to 50; 7 if left out.")] first: Option<i32>,
    ) -> Result<SearchSuggestions> {
        suggest(ctx, &search, first).await
    }

    /// The caller, and what it may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        let caller = caller(ctx)?;
        Ok(Viewer {
            name: caller.name.to_string(),
            role: caller.role.into(),
            sees_personal_data: caller.may(Permission::ReadPersonal),
        })
    }
}

/// Parses a unified ID.
pub(super) fn unified_id_in(id: &ID, argument: &str) -> Result<UnifiedId> {
    let sentence = || format!("{argument}: not a unified ID; write one as 906aabf9-7edb-8a01-9c2d-0123456789ab");
    UnifiedId::parse(id).ok_or_else(|| ErrorCode::BadUserInput.with(sentence()))
}

/// The global ID of a profile.
pub(super) fn global_id(id: UnifiedId) -> ID {
    global_id_of("Profile", &id.to_string())
}

/// The global ID of an object, of its type and key.
pub(super) fn global_id_of(type_name: &str, key: &str) -> ID {
    ID(URL_SAFE_NO_PAD.encode(format!("{type_name}:{key}")))
}

/// The key in a global ID, if it is of this type.
pub(super) fn key_of(type_name: &str, global: &ID) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(global.as_str()).ok()?;
    let (found, key) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    (found == type_name).then(|| key.to_owned())
}

fn unified_id_of(global: &ID) -> Option<UnifiedId> {
    UnifiedId::parse(&key_of("Profile", global)?)
}

async fn nodes_of(app: &App, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let unified: Vec<Option<UnifiedId>> = ids.iter().map(unified_id_of).collect();
    let known: Vec<UnifiedId> = unified.iter().flatten().copied().collect();
    let State { policy, .. } = &*app.state().await?;
    let customers = profile_view::of_ids(&app.store, policy, &known).await.map_err(|it| unavailable(&it))?;
    let today = clock::today(&app.policy);
    let node = |id: UnifiedId| Some(Node::Profile(Profile::of(customers.get(&id)?, today)));
    let mut nodes: Vec<Option<Node>> = unified.into_iter().map(|it| it.and_then(node)).collect();
    for (node, id) in nodes.iter_mut().zip(ids) {
        if let Some(key) = key_of("Decision", id) {
            *node = decision_of(app, &key).await?.map(Node::Decision);
        } else if let Some(key) = key_of("Retirement", id) {
            let retirement = policy.retirements().get(&key).cloned();
            *node = retirement.map(|it| Node::Retirement(Retirement::from(&*it)));
        }
    }
    Ok(nodes)
}
