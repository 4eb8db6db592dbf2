//! The list of customers.

use std::collections::BTreeSet;

use async_graphql::{Enum, InputObject, Result, SimpleObject};
use profile360_core::{
    message::AttributeValue,
    plan::CellKey,
    search::{Recognised, recognise},
    time::Timestamp,
};

use super::{
    App,
    error::{ErrorCode, unavailable},
    page::{Arguments, Asked, PageInfo, encode},
    profile::Profile,
    scalars::{DateTime, Decimal, Gender, Json, Platform, count},
};
use crate::{
    clock, customer,
    list::{Direction, Filter, OrderField, PageRequest, Position},
};

#[derive(Debug, Default, InputObject)]
pub(super) struct ProfileFilter {
    platform: Option<Vec<Platform>>,
    gender: Option<Vec<Gender>>,
    age_group: Option<Vec<String>>,
    membership_level: Option<Vec<String>>,
    country: Option<Vec<String>>,
    recent_area: Option<Vec<String>>,
    has_identifier: Option<Vec<String>>,
    last_activity: Option<DateTimeRange>,
    first_access: Option<DateTimeRange>,
    #[graphql(name = "purchaseCount12m")]
    purchase_count_12m: Option<IntRange>,
    #[graphql(name = "purchaseAmount12m")]
    purchase_amount_12m: Option<DecimalRange>,
    attribute: Option<Vec<AttributeFilter>>,
}

#[derive(Debug, InputObject)]
struct DateTimeRange {
    from: Option<DateTime>,
    before: Option<DateTime>,
}

#[derive(Debug, InputObject)]
struct IntRange {
    min: Option<i32>,
    max: Option<i32>,
}

#[derive(Debug, InputObject)]
struct DecimalRange {
    min: Option<Decimal>,
    max: Option<Decimal>,
}

#[derive(Debug, InputObject)]
struct AttributeFilter {
    name: String,
    equals: Json,
}

#[derive(Debug, Clone, Copy, InputObject)]
pub(super) struct ProfileOrder {
    field: ProfileOrderField,
    direction: OrderDirection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OrderField")]
enum ProfileOrderField {
    LastActivity,
    FirstAccess,
    LastUpdated,
    Name,
    #[graphql(name = "PURCHASE_AMOUNT_12M")]
    PurchaseAmount12m,
    #[graphql(name = "PURCHASE_COUNT_12M")]
    PurchaseCount12m,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum OrderDirection {
    Asc,
    Desc,
}

#[derive(Debug, SimpleObject)]
pub(super) struct ProfileConnection {
    edges: Vec<ProfileEdge>,
    nodes: Vec<Profile>,
    page_info: PageInfo,
    total_count: i32,
}

#[derive(Debug, SimpleObject)]
struct ProfileEdge {
    node: Profile,
    cursor: String,
}

/// A place, and the order that it is a place of: a cursor of another order is refused, not misread.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Cursor {
    order: OrderField,
    place: Position,
}

pub(super) async fn profiles(
    app: &App,
    filter: Option<ProfileFilter>,
    search: Option<String>,
    order_by: Option<ProfileOrder>,
    arguments: Arguments,
) -> Result<ProfileConnection> {
    let field = order_by.map_or(OrderField::LastActivity, |it| it.field.into());
    let direction = match order_by.map(|it| it.direction) {
        Some(OrderDirection::Asc) => Direction::Ascending,
        Some(OrderDirection::Desc) | None => Direction::Descending,
    };
    let Asked { size, after, before, is_from_end } = arguments.parse::<Cursor>(&app.limits)?;
    let place = |cursor: Option<Cursor>| match cursor {
        Some(cursor) if cursor.order != field => {
            Err(ErrorCode::BadCursor.with("this cursor is of another order; begin again without one"))
        }
        cursor => Ok(cursor.map(|it| it.place)),
    };
    let request = PageRequest { field, direction, size, after: place(after)?, before: place(before)?, is_from_end };
    let filter = filter.unwrap_or_default().parse()?;
    let only = match search {
        Some(search) => found_by(app, &search).await?,
        None => None,
    };
    let page = app.list.read(|index| index.page(&request, &filter, only.as_ref()));
    let today = clock::today(&app.policy);
    let cursors: Vec<String> =
        page.rows.iter().map(|(place, _, _)| encode(&Cursor { order: field, place: place.clone() })).collect();
    let node = |(_, key, row): &(Position, CellKey, std::sync::Arc<crate::list::ListRow>)| {
        Profile::listed(*key, row.clone(), today)
    };
    Ok(ProfileConnection {
        nodes: page.rows.iter().map(node).collect(),
        page_info: PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: cursors.first().cloned(),
            end_cursor: cursors.last().cloned(),
        },
        edges: page.rows.iter().zip(cursors).map(|(it, cursor)| ProfileEdge { node: node(it), cursor }).collect(),
        total_count: count(page.total as u64),
    })
}

/// The customers that a search text can mean; `None` where it says nothing.
async fn found_by(app: &App, search: &str) -> Result<Option<BTreeSet<CellKey>>> {
    let (candidates, name) = match recognise(search, &app.policy) {
        Recognised::Empty => return Ok(None),
        Recognised::UnifiedId { value } => {
            let cells = customer::cells_of_ids(&app.store, &[value]).await.map_err(|it| unavailable(&it))?;
            return Ok(Some(cells.into_values().collect()));
        }
        Recognised::Identifier { candidates } => (candidates, search.trim().to_owned()),
        Recognised::Name { value, candidates } => (candidates, value),
    };
    // Whoever searches a value looks for all who ever owned it.
    let candidates: Vec<_> = {
        let retirements = app.policy.retirements();
        candidates.iter().flat_map(|it| retirements.owners(it)).collect()
    };
    let cells = customer::cells_of_identifiers(&app.store, &candidates).await.map_err(|it| unavailable(&it))?;
    let mut found: BTreeSet<CellKey> = cells.into_values().collect();
    found.extend(app.list.read(|index| index.named(&name)));
    Ok(Some(found))
}

impl ProfileFilter {
    fn parse(self) -> Result<Filter> {
        let range = |range: Option<DateTimeRange>, name: &str| -> Result<(Option<Timestamp>, Option<Timestamp>)> {
            let Some(range) = range else { return Ok((None, None)) };
            let bound = |it: Option<DateTime>| it.map(|it| it.required(name)).transpose();
            Ok((bound(range.from)?, bound(range.before)?))
        };
        let mut attributes = Vec::new();
        for wanted in self.attribute.unwrap_or_default() {
            let value = AttributeValue::new(&wanted.equals.0).ok_or_else(|| {
                ErrorCode::BadUserInput
                    .with("filter.attribute: equals is a string, a number, a boolean or a list of them")
            })?;
            attributes.push((wanted.name, value.as_json().to_owned()));
        }
        let gender = |it: Gender| {
            let code = match it {
                Gender::Male => "MALE",
                Gender::Female => "FEMALE",
                Gender::NonBinary => "NON_BINARY",
                Gender::Other => "OTHER",
            };
            code.to_owned()
        };
        Ok(Filter {
            platforms: self.platform.unwrap_or_default().into_iter().map(Into::into).collect(),
            genders: self.gender.unwrap_or_default().into_iter().map(gender).collect(),
            age_groups: self.age_group.unwrap_or_default(),
            membership_levels: self.membership_level.unwrap_or_default(),
            countries: self.country.unwrap_or_default(),
            recent_areas: self.recent_area.unwrap_or_default(),
            has_identifier: self.has_identifier.unwrap_or_default(),
            last_activity: range(self.last_activity, "filter.lastActivity")?,
            first_access: range(self.first_access, "filter.firstAccess")?,
            purchase_count: self
                .purchase_count_12m
                .map_or((None, None), |it| (it.min.map(i64::from), it.max.map(i64::from))),
            purchase_amount: self
                .purchase_amount_12m
                .map_or((None, None), |it| (it.min.map(|it| it.0), it.max.map(|it| it.0))),
            attributes,
        })
    }
}
