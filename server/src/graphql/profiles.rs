//! The list of customers.

use async_graphql::{Context, Enum, InputObject, Result, SimpleObject};
use profile360_core::{message::attribute_value::AttributeValue, profile::age::AGE_GROUPS, time::Timestamp};
use profile360_directory::{Direction, FacetField, Filter, OrderField, PageRequest, Position, Search};
use profile360_ingest::lossless_json::nearest;

use super::{
    App,
    access_recorder::{By, decided_by, saw_unified_id},
    authorization::only_unmasked,
    cursor::Cursors,
    error::ErrorCode,
    identity::kinds_of,
    pagination::{Arguments, PageArguments, PageInfo},
    profile::Profile,
    scalars::{DateTime, Decimal, Gender, Json, Platform, count},
    search,
};
use crate::clock;

/// Conditions on customers. All fields must match; the values of one field are alternatives.
#[derive(Debug, Default, InputObject)]
pub(super) struct ProfileFilter {
    /// Seen on one of these platforms.
    platform: Option<Vec<Platform>>,
    /// Of one of these genders.
    gender: Option<Vec<Gender>>,
    /// In one of these age groups: `10s` to `70s+`.
    age_group: Option<Vec<String>>,
    /// With one of these levels.
    membership_level: Option<Vec<String>>,
    /// With the last location of the most recent device in one of these countries.
    country: Option<Vec<String>>,
    /// With the last location of the most recent device in one of these areas.
    recent_area: Option<Vec<String>>,
    /// With an identifier of each of these kinds.
    has_identifier: Option<Vec<String>>,
    /// Last seen in this range.
    last_activity: Option<DateTimeRange>,
    /// First seen in this range.
    first_access: Option<DateTimeRange>,
    /// With this number of purchases in the last twelve months.
    #[graphql(name = "purchaseCount12m")]
    purchase_count_12m: Option<IntRange>,
    /// With this purchase amount in the last twelve months.
    #[graphql(name = "purchaseAmount12m")]
    purchase_amount_12m: Option<DecimalRange>,
    /// With all of these attributes.
    attribute: Option<Vec<AttributeFilter>>,
}

/// A range of time.
#[derive(Debug, InputObject)]
pub(super) struct DateTimeRange {
    /// The start, inclusive.
    pub from: Option<DateTime>,
    /// The end, exclusive.
    pub before: Option<DateTime>,
}

/// A range of whole numbers.
#[derive(Debug, InputObject)]
struct IntRange {
    /// The minimum, inclusive.
    min: Option<i32>,
    /// The maximum, inclusive.
    max: Option<i32>,
}

/// A range of exact decimals.
#[derive(Debug, InputObject)]
struct DecimalRange {
    /// The minimum, inclusive.
    min: Option<Decimal>,
    /// The maximum, inclusive.
    max: Option<Decimal>,
}

/// A condition on one attribute.
#[derive(Debug, InputObject)]
struct AttributeFilter {
    /// The name of the attribute.
    name: String,
    /// The value; for a list, one of its values.
    equals: Json,
}

/// An order of customers.
#[derive(Debug, Clone, Copy, InputObject)]
pub(super) struct ProfileOrder {
    /// The field to sort by.
    field: ProfileOrderField,
    /// The direction.
    direction: OrderDirection,
}

/// A field that customers can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OrderField")]
enum ProfileOrderField {
    /// When they were last seen.
    LastActivity,
    /// When they were first seen.
    FirstAccess,
    /// The time of their latest message.
    LastUpdated,
    /// The name.
    Name,
    /// The purchase amount of the last twelve months.
    #[graphql(name = "PURCHASE_AMOUNT_12M")]
    PurchaseAmount12m,
    /// The number of purchases in the last twelve months.
    #[graphql(name = "PURCHASE_COUNT_12M")]
    PurchaseCount12m,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum OrderDirection {
    /// Ascending: the smallest or oldest first.
    Asc,
    /// Descending: the largest or newest first.
    Desc,
}

/// A page of customers.
#[derive(Debug, SimpleObject)]
pub(super) struct ProfileConnection {
    /// The entries of this page, each with its cursor.
    edges: Vec<ProfileEdge>,
    /// The entries of this page.
    nodes: Vec<Profile>,
    /// The position of this page in its list.
    page_info: PageInfo,
    /// How many customers match in all.
    total_count: i32,
}

/// An entry of a page of customers.
#[derive(Debug, SimpleObject)]
struct ProfileEdge {
    /// The entry.
    node: Profile,
    /// Its position, for `after` and `before`; opaque, and valid as long as the entry exists.
    cursor: String,
}

/// A position and its order, so that a cursor of another order is refused.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Cursor {
    order: OrderField,
    /// Named as in the cursors of earlier versions.
    #[serde(rename = "place")]
    position: Position,
}

pub(super) async fn profiles(
    ctx: &Context<'_>,
    filter: Option<ProfileFilter>,
    search: Option<String>,
    order_by: Option<ProfileOrder>,
    arguments: Arguments,
) -> Result<ProfileConnection> {
    let app = ctx.data::<App>()?;
    let field = order_by.map_or(OrderField::LastActivity, |it| it.field.into());
    let direction = match order_by.map(|it| it.direction) {
        Some(OrderDirection::Asc) => Direction::Ascending,
        Some(OrderDirection::Desc) | None => Direction::Descending,
    };
    if field == OrderField::Name {
        only_unmasked(ctx, "orderBy: the order by name")?;
        decided_by(ctx, By::Order);
    }
    let cursors = Cursors::of(&app.secret, "profiles");
    let PageArguments { size, after, before, is_from_end } = arguments.parse::<Cursor>(&app.limits, &cursors)?;
    let position = |cursor: Option<Cursor>| match cursor {
        Some(cursor) if cursor.order != field => {
            Err(ErrorCode::BadCursor.with("this cursor belongs to another order; start again without a cursor"))
        }
        cursor => Ok(cursor.map(|it| it.position)),
    };
    let request =
        PageRequest { field, direction, size, after: position(after)?, before: position(before)?, is_from_end };
    let (filter, search) = conditions(ctx, filter, search).await?;
    let page = app.read_list(|index| index.page(&request, &filter, search.as_ref())).await?;
    for row in &page.rows {
        saw_unified_id(ctx, row.position.id);
    }
    let today = clock::today(&app.policy);
    let cursors: Vec<String> =
        page.rows.iter().map(|row| cursors.write(&Cursor { order: field, position: row.position.clone() })).collect();
    Ok(ProfileConnection {
        nodes: page.rows.iter().map(|it| Profile::listed(it, today)).collect(),
        page_info: PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: cursors.first().cloned(),
            end_cursor: cursors.last().cloned(),
        },
        edges: (page.rows.iter().zip(cursors))
            .map(|(it, cursor)| ProfileEdge { node: Profile::listed(it, today), cursor })
            .collect(),
        total_count: count(page.total as u64),
    })
}

/// The filter and the search of a list, if the caller may use them.
async fn conditions(
    ctx: &Context<'_>,
    filter: Option<ProfileFilter>,
    search: Option<String>,
) -> Result<(Filter, Option<Search>)> {
    let filter = filter.unwrap_or_default();
    if filter.attribute.is_some() || filter.recent_area.is_some() {
        only_unmasked(ctx, "filter: a filter by attributes or areas")?;
        decided_by(ctx, By::Filter);
    }
    let filter = filter.parse(ctx.data::<App>()?)?;
    let search = match search {
        Some(text) => search::read(ctx, &text).await?.map(|read| read.search),
        None => None,
    };
    Ok((filter, search))
}

/// A field whose values are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum ProfileFacetField {
    /// `platform`.
    Platform,
    /// `gender`.
    Gender,
    /// `ageGroup`.
    AgeGroup,
    /// `membershipLevel`.
    MembershipLevel,
    /// `country`.
    Country,
    /// `recentArea`.
    RecentArea,
    /// `hasIdentifier`: the kinds of identifiers.
    HasIdentifier,
    /// The names of attributes, counted over all customers.
    AttributeName,
    /// `attribute`: the values of one attribute, named by the argument `attribute`.
    Attribute,
}

/// The values of a field, each with its number of customers.
#[derive(Debug, SimpleObject)]
pub(super) struct ProfileFacet {
    /// The values, the most frequent first.
    values: Vec<ProfileFacetValue>,
    /// Whether these are all values. False if there are more, and for an attribute of more than 100 distinct or of long values, whose
    /// values are not listed.
    is_complete: bool,
}

/// A value of a field, with its number of customers.
#[derive(Debug, SimpleObject)]
struct ProfileFacetValue {
    /// The value, as the filter needs it.
    value: Json,
    /// How many customers choosing this value finds, with the search and the other conditions of the filter.
    count: i32,
}

pub(super) async fn profile_facet(
    ctx: &Context<'_>,
    field: ProfileFacetField,
    attribute: Option<String>,
    filter: Option<ProfileFilter>,
    search: Option<String>,
    first: i32,
) -> Result<ProfileFacet> {
    const MAX_VALUES: usize = 200;
    let app = ctx.data::<App>()?;
    let n_most = usize::try_from(first).ok().filter(|it| (1..=MAX_VALUES).contains(it));
    let n_most = n_most.ok_or_else(|| ErrorCode::PageSizeOutOfRange.with(format!("first: use 1 to {MAX_VALUES}")))?;
    let field = match (field, attribute) {
        (ProfileFacetField::Attribute, Some(name)) => FacetField::Attribute(name),
        (ProfileFacetField::Attribute, None) => {
            return Err(ErrorCode::BadUserInput.with("attribute: name the attribute whose values to count"));
        }
        (_, Some(_)) => return Err(ErrorCode::BadUserInput.with("attribute: only the field ATTRIBUTE has a name")),
        (ProfileFacetField::Platform, None) => FacetField::Platform,
        (ProfileFacetField::Gender, None) => FacetField::Gender,
        (ProfileFacetField::AgeGroup, None) => FacetField::AgeGroup,
        (ProfileFacetField::MembershipLevel, None) => FacetField::MembershipLevel,
        (ProfileFacetField::Country, None) => FacetField::Country,
        (ProfileFacetField::RecentArea, None) => FacetField::RecentArea,
        (ProfileFacetField::HasIdentifier, None) => FacetField::HasIdentifier,
        (ProfileFacetField::AttributeName, None) => FacetField::AttributeName,
    };
    if matches!(field, FacetField::Attribute(_) | FacetField::RecentArea) {
        only_unmasked(ctx, "field: a count by attributes or areas")?;
        decided_by(ctx, By::Filter);
    }
    let (filter, search) = conditions(ctx, filter, search).await?;
    let facet = app.read_list(|index| index.facet(&field, filter, search.as_ref(), n_most)).await?;
    let value = |value: &str| -> serde_json::Value {
        match &field {
            FacetField::Attribute(_) => serde_json::from_str(value).unwrap_or_default(),
            _ => value.into(),
        }
    };
    let values = facet.values.iter();
    let values = values.map(|(text, n)| ProfileFacetValue { value: Json(value(text)), count: count(*n) });
    Ok(ProfileFacet { values: values.collect(), is_complete: facet.is_complete })
}

impl ProfileFilter {
    /// Limits the values of one field, as each costs a pass over the list.
    fn bounded<V>(field: &str, most: usize, values: Option<Vec<V>>) -> Result<Vec<V>> {
        let values = values.unwrap_or_default();
        if most < values.len() {
            return Err(ErrorCode::BadUserInput.with(format!("filter.{field}: use at most {most} values")));
        }
        Ok(values)
    }

    fn parse(self, app: &App) -> Result<Filter> {
        const MAX_VALUES: usize = 100;
        const MAX_PASSES: usize = 20;
        let range = |range: Option<DateTimeRange>, name: &str| -> Result<(Option<Timestamp>, Option<Timestamp>)> {
            let Some(range) = range else { return Ok((None, None)) };
            let bound = |at: Option<DateTime>| at.map(|at| at.required(name)).transpose();
            Ok((bound(range.from)?, bound(range.before)?))
        };
        let mut attributes = Vec::new();
        for wanted in Self::bounded("attribute", MAX_PASSES, self.attribute)? {
            let value = AttributeValue::new(&nearest(wanted.equals.0.clone())).ok_or_else(|| {
                ErrorCode::BadUserInput
                    .with("filter.attribute: equals is a string, a number, a boolean or a list of them")
            })?;
            attributes.push((wanted.name, value.as_json().to_owned()));
        }
        let gender = |gender: Gender| {
            let code = match gender {
                Gender::Male => "MALE",
                Gender::Female => "FEMALE",
                Gender::NonBinary => "NON_BINARY",
                Gender::Other => "OTHER",
            };
            code.to_owned()
        };
        let has_identifier = Self::bounded("hasIdentifier", MAX_PASSES, self.has_identifier)?;
        if has_identifier.iter().any(|kind| app.policy.kind(kind).is_none()) {
            let kinds = kinds_of(app);
            return Err(ErrorCode::BadUserInput.with(format!("filter.hasIdentifier: use kinds of the policy: {kinds}")));
        }
        let age_groups = Self::bounded("ageGroup", MAX_VALUES, self.age_group)?;
        if age_groups.iter().any(|group| !AGE_GROUPS.contains(&group.as_str())) {
            let groups = AGE_GROUPS.join(", ");
            return Err(ErrorCode::BadUserInput.with(format!("filter.ageGroup: use one of {groups}")));
        }
        let platforms = Self::bounded("platform", MAX_VALUES, self.platform)?;
        let genders = Self::bounded("gender", MAX_VALUES, self.gender)?;
        Ok(Filter {
            platforms: platforms.into_iter().map(Into::into).collect(),
            genders: genders.into_iter().map(gender).collect(),
            age_groups,
            membership_levels: Self::bounded("membershipLevel", MAX_VALUES, self.membership_level)?,
            countries: Self::bounded("country", MAX_VALUES, self.country)?,
            recent_areas: Self::bounded("recentArea", MAX_VALUES, self.recent_area)?,
            has_identifier,
            last_activity: range(self.last_activity, "filter.lastActivity")?,
            first_access: range(self.first_access, "filter.firstAccess")?,
            purchase_count: self
                .purchase_count_12m
                .map_or((None, None), |range| (range.min.map(i64::from), range.max.map(i64::from))),
            purchase_amount: self
                .purchase_amount_12m
                .map_or((None, None), |range| (range.min.map(|min| min.0), range.max.map(|max| max.0))),
            attributes,
        })
    }
}
