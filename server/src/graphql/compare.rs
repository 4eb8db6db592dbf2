//! Comparison of customers without merging them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use profile360_core::{
    comparison::{self, ComparedField as Compared, Content, Side, compare},
    purchases::figures::{PurchaseParams, purchases},
};
use serde_json::Value;

use super::{
    App,
    access_recorder::saw_customer,
    authorization::caller,
    error::{ErrorCode, unavailable},
    loaders::Loaders,
    profile::Profile,
    query::unified_id_in,
    scalars::{Date, Json},
};
use crate::{
    auth::{
        access::Permission,
        masking::{self, Mask},
    },
    clock,
    engine::state::State,
    views::profile_view,
};

/// The most customers or dates of a comparison.
const MOST_SIDES: usize = 3;

#[derive(Debug, Default)]
pub(super) struct CompareQuery;

/// A customer to compare, and a date.
#[derive(Debug, InputObject)]
pub(super) struct ComparedProfile {
    /// Any unified ID ever issued.
    unified_id: ID,
    /// The date for which age and purchases are computed; today if left out.
    as_of: Option<Date>,
}

/// Customers next to each other, or one customer on several dates.
#[derive(Debug, SimpleObject)]
pub(super) struct Comparison {
    /// The customers, in the order of the request. IDs that were merged lead to the same customer.
    profiles: Vec<Profile>,
    /// The fields that at least one of them has, by group. If all are one customer, only what depends on the date: age and
    /// purchases.
    fields: Vec<ComparedField>,
}

/// One field of each customer.
#[derive(Debug, SimpleObject)]
struct ComparedField {
    /// The group that it belongs to.
    group: ComparedGroup,
    /// The name of the field in this schema, with the number of months for purchase windows (`amount12`); or a kind of
    /// identifiers, a channel of consents, or an attribute.
    name: String,
    /// The value of each customer, masked as elsewhere; null if there is none. Amounts are objects with `amount` and `currency`.
    values: Vec<Option<Json>>,
    /// Whether the values are the same.
    agreement: Agreement,
}

/// Fields that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "comparison::Group")]
enum ComparedGroup {
    /// Who the customer is.
    Identity,
    /// Phone numbers, email addresses, area.
    Contact,
    /// Consents, by channel.
    Consents,
    /// Custom attributes.
    Attributes,
    /// Events, sessions, devices.
    Activity,
    /// Purchases up to the day before the date, and rankings.
    Purchases,
}

/// Whether the values of a field are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
enum Agreement {
    /// All are the same.
    Same,
    /// They differ; a missing value differs from every other.
    Different,
    /// The values are masked for this role, so they are not compared.
    Masked,
}

#[Object]
impl CompareQuery {
    /// Compares two or three customers, or one customer on several dates, field by field. Nothing is changed.
    #[graphql(complexity = "columns.len().clamp(1, 3) * 300 + child_complexity")]
    async fn compare_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "2 or 3 customers, each with a date.")] columns: Vec<ComparedProfile>,
    ) -> Result<Comparison> {
        if !(2..=MOST_SIDES).contains(&columns.len()) {
            return Err(ErrorCode::PageSizeOutOfRange.with(format!("columns: use 2 to {MOST_SIDES}")));
        }
        let app = ctx.data::<App>()?;
        let loaders = ctx.data::<Loaders>()?;
        let today = clock::today(&app.policy);
        let mut sides = Vec::with_capacity(columns.len());
        for (position, ComparedProfile { unified_id, as_of }) in columns.iter().enumerate() {
            let argument = format!("columns[{position}].unifiedId");
            let id = unified_id_in(unified_id, &argument)?;
            let State { policy, .. } = &*app.state().await?;
            let found = profile_view::of_ids(&app.store, policy, &[id]).await.map_err(|it| unavailable(&it))?;
            let unknown = || ErrorCode::BadUserInput.with(format!("{argument}: no customer has this ID"));
            let customer = found.into_values().next().ok_or_else(unknown)?;
            saw_customer(ctx, &customer);
            let purchased = loaders.purchases(customer.key, customer.profile.unified_id).await?;
            sides.push((customer, purchased, as_of.map_or(today, |it| it.0)));
        }
        let read: Vec<_> = sides
            .iter()
            .map(|(_, purchased, as_of)| {
                let orders: Vec<_> = purchased.orders.iter().collect();
                let refunds: Vec<_> = purchased.refunds.iter().collect();
                let params = PurchaseParams { as_of: *as_of, currency: None, net_of_refunds: false };
                purchases(&orders, &refunds, &app.policy, &params)
            })
            .collect();
        let compared: Vec<Side<'_>> = sides
            .iter()
            .zip(&read)
            .map(|((customer, _, as_of), purchases)| Side { profile: &customer.profile, as_of: *as_of, purchases })
            .collect();
        let sees_all = caller(ctx)?.may(Permission::ReadPersonal);
        let fields = compare(&compared, &app.policy);
        Ok(Comparison {
            profiles: sides.iter().map(|(customer, _, as_of)| Profile::of(customer, *as_of)).collect(),
            fields: fields.into_iter().map(|it| shown(app, it, sees_all)).collect(),
        })
    }
}

/// The field as a caller sees it. Whether masked values agree would reveal more than the masks do.
fn shown(app: &App, field: Compared, sees_all: bool) -> ComparedField {
    let differs = field.differs();
    let Compared { group, name, content, values } = field;
    let is_masked = !sees_all && content != Content::Open;
    let agreement = match (is_masked, differs) {
        (true, _) => Agreement::Masked,
        (false, true) => Agreement::Different,
        (false, false) => Agreement::Same,
    };
    let value = |it: Value| if is_masked { masked(app, &content, it) } else { it };
    let values = values.into_iter().map(value).map(|it| (!it.is_null()).then_some(Json(it))).collect();
    ComparedField { group: group.into(), name, values, agreement }
}

fn masked(app: &App, content: &Content, value: Value) -> Value {
    let mask = match content {
        Content::Open => return value,
        Content::Name => Mask::Name,
        Content::Birth => Mask::Hidden,
        Content::Place => Mask::Text,
        Content::Attribute => Mask::Attribute,
        Content::Identifiers(form) => {
            let Value::Array(values) = value else { return Value::Null };
            let values = values.iter().filter_map(Value::as_str).map(|it| masking::identifier(form, it));
            return values.map(Value::from).collect();
        }
    };
    mask.of(value, &app.secret)
}
