//! A customer in the form of the API.

use chrono::NaiveDate;
use profile360_core::{
    profile::model::{BasicInfo, Profile},
    purchases::summary::{Summary, summary},
};
use profile360_store::Store;
use serde::Serialize;

use crate::{
    engine::active_policy::ActivePolicy,
    views::profile_view::{self, Customer},
};

/// A customer in the form of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exported<'c> {
    #[serde(flatten)]
    pub profile: &'c Profile,
    as_of: NaiveDate,
    basic: BasicInfo,
    purchases: Summary,
}

impl<'c> Exported<'c> {
    pub(super) async fn read(
        store: &Store,
        policy: &ActivePolicy,
        as_of: NaiveDate,
        customer: &'c Customer,
    ) -> anyhow::Result<Self> {
        let purchased = profile_view::purchases(store, customer).await?;
        let profile = &customer.profile;
        let orders: Vec<_> = purchased.orders.iter().collect();
        let refunds: Vec<_> = purchased.refunds.iter().collect();
        let purchases = summary(profile.unified_id, &orders, &refunds, policy, as_of);
        Ok(Self { profile, as_of, basic: profile.basic(as_of), purchases })
    }
}
