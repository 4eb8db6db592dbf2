//! What a dry run of a decision would change.

use async_graphql::{Context, ID, Result, SimpleObject};
use profile360_core::purchases::figures::{PurchaseParams, purchases};

use super::{
    App,
    access_recorder::saw_customer,
    profile::{Activity, BasicInfo, Identifier},
    purchase::PurchaseWindow,
    scalars::count,
};
use crate::{
    clock,
    engine::pipeline::{Preview, PreviewedCustomer},
};

/// What a change would make of the customers, from the same computation as the change itself.
#[derive(Debug, SimpleObject)]
pub(super) struct DecisionPreview {
    /// The `expectedRevision` of the mutation, which is STALE_PREVIEW if one of these customers has changed by then.
    revision: String,
    /// The customers that it is about, and others that would change.
    before: Vec<PreviewedProfile>,
    /// What they would become.
    after: Vec<PreviewedProfile>,
    /// How many further customers are left out: each side lists at most 50.
    omitted: i32,
}

/// A customer as it is now, or as it would be, as of today.
#[derive(Debug, SimpleObject)]
pub(super) struct PreviewedProfile {
    /// The unified ID.
    unified_id: ID,
    /// Basic information.
    basic: BasicInfo,
    /// Its identifiers.
    identifiers: Vec<Identifier>,
    /// Its activity, in numbers.
    activity: Activity,
    /// The currency of the windows.
    currency: String,
    /// Its purchases of the last 3, 6 and 12 months.
    windows: Vec<PurchaseWindow>,
}

impl DecisionPreview {
    pub(super) fn of(ctx: &Context<'_>, preview: &Preview) -> Result<Self> {
        let app = ctx.data::<App>()?;
        let shown = |previewed: &PreviewedCustomer| {
            saw_customer(ctx, &previewed.customer);
            PreviewedProfile::of(app, previewed)
        };
        Ok(Self {
            revision: preview.revision.clone(),
            before: preview.before.iter().map(shown).collect(),
            after: preview.after.iter().map(shown).collect(),
            omitted: count(preview.n_omitted as u64),
        })
    }
}

impl PreviewedProfile {
    fn of(app: &App, PreviewedCustomer { customer, purchased }: &PreviewedCustomer) -> Self {
        let as_of = clock::today(&app.policy);
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let params = PurchaseParams { as_of, currency: None, net_of_refunds: false };
        let figures = purchases(&orders, &refunds, &app.policy, &params).info();
        let profile = &customer.profile;
        Self {
            unified_id: ID(profile.unified_id.to_string()),
            basic: profile.basic(as_of).into(),
            identifiers: profile.identifiers.iter().map(|it| Identifier(it.clone())).collect(),
            activity: Activity::from(&profile.activity),
            currency: figures.currency.as_str().to_owned(),
            windows: figures.windows.into_iter().map(PurchaseWindow::from).collect(),
        }
    }
}
