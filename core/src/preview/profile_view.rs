//! One customer as the server's `profile` shows it.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use super::{
    facts::{ProfileFacts, order},
    scenario::{Resolved, Scenario},
};
use crate::{
    api_serde,
    calendar::Months,
    identifier::UnifiedId,
    message::order::{Order, Refund},
    money::Currency,
    policy::document::Policy,
    profile::{
        fold::fold,
        model::{Activity, Attribute, BasicInfo, Consent, Device, Member, Profile, ProfileIdentifier},
        revision,
    },
    purchases::{
        figures::{PurchaseInfo, PurchaseParams, PurchaseWindow, Purchases, purchases_by},
        ranking::{RankBy, RankTarget, RankedItem},
        weekday::Weekday,
    },
    time::Timestamp,
    time_zone::ZoneOffsets,
};

/// Which profile is asked for, by any unified ID that was ever issued for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProfileParams {
    pub unified_id: UnifiedId,
    pub figures: Figures,
}

/// As of when profiles are shown, and which figures of their purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The reporting date, in the policy's time zone.
    #[cfg_attr(test, ts(as = "String"))]
    pub as_of: NaiveDate,
    /// Left out, or null: the policy's, or the one used most where the customer never paid in that.
    #[cfg_attr(test, ts(optional = nullable, as = "Option<String>"))]
    pub currency: Option<Currency>,
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub net_of_refunds: bool,
    /// The measure of rankings.
    #[cfg_attr(test, ts(optional, as = "Option<RankBy>"))]
    pub by: RankBy,
}

/// How many of each ranking a profile shows: first, second, third.
const SHOWN_RANKS: usize = 3;

/// The parts of a profile that another date changes, but for its rankings: in a customer of a thousand identifiers, a tenth of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AsOfView {
    #[cfg_attr(test, ts(as = "String"))]
    pub as_of: NaiveDate,
    pub basic: BasicInfo,
    pub purchases: PurchaseInfo,
}

/// A profile as of a date, with the names of `Profile` in schema.graphql and in their sequence: all but `id`, `timeline` and
/// `graph`.
#[derive(Debug, Clone)]
pub struct ProfileView {
    profile_view: Arc<FoldedProfile>,
    pub as_of: NaiveDate,
    pub basic: BasicInfo,
    pub purchases: PurchasesView,
}

/// `PurchaseInfo` of schema.graphql; rankings are named by the aliases that a query needs to ask for several at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PurchasesView {
    pub currency: Currency,
    pub currencies: Vec<Currency>,
    pub windows: Vec<PurchaseWindow>,
    pub peak_weekday: Option<Weekday>,
    pub peak_hour: Option<u8>,
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub first_purchase_date: Option<NaiveDate>,
    #[cfg_attr(test, ts(as = "Option<String>"))]
    pub last_purchase_date: Option<NaiveDate>,
    pub top_categories3: Vec<RankedItem>,
    pub top_categories6: Vec<RankedItem>,
    pub top_categories12: Vec<RankedItem>,
    pub top_products3: Vec<RankedItem>,
    pub top_products6: Vec<RankedItem>,
    pub top_products12: Vec<RankedItem>,
    #[serde(serialize_with = "api_serde::count")]
    pub refund_count: u64,
    #[cfg_attr(test, ts(type = "Decimal"))]
    pub refund_amount: rust_decimal::Decimal,
}

/// What a profile shows on every date, and where its purchases are.
#[derive(Debug)]
pub(super) struct FoldedProfile {
    pub profile: Profile,
    /// `None` for a preview: it would depend on IDs that are not assigned yet.
    pub revision: Option<String>,
    /// Positions of identifiers, and of orders under each, as in the situation.
    orders: Vec<(usize, usize)>,
    refunds: Vec<(usize, usize)>,
}

impl FoldedProfile {
    /// Folds a cluster of a situation, with its revision under a policy's version.
    pub(super) fn of(scenario: &Scenario<'_>, resolved: &Resolved, cluster: usize, version: Option<i64>) -> Self {
        let facts = scenario.facts;
        let nodes = resolved.partition.clusters.get(cluster).map_or(&[][..], Vec::as_slice);
        let identifiers: Vec<_> =
            nodes.iter().filter_map(|node| Some((*node, facts.identifiers.get(*node)?))).collect();
        let members: Vec<Member<'_>> = identifiers
            .iter()
            .map(|(node, it)| Member {
                identifier: &it.identifier,
                uid: it.unified_id,
                first_seen: it.facts.seen.first_seen,
                last_seen: it.facts.seen.last_seen,
                sources: &it.facts.seen.sources,
                shared: resolved.is_shared.get(*node).copied().unwrap_or(false),
                retired_at: scenario.retired_at(*node),
                summary: &it.facts.summary,
            })
            .collect();
        let anchor = resolved.partition.anchors.get(cluster).and_then(|it| facts.identifiers.get(*it));
        let anchor = anchor.map_or(UnifiedId(uuid::Uuid::nil()), |it| it.unified_id);

        let cluster_of = &resolved.partition.cluster_of;
        let orders =
            scenario.orders.iter().filter(|(node, _)| cluster_of.get(*node) == Some(&cluster)).copied().collect();
        let refunds =
            identifiers.iter().flat_map(|(node, it)| (0..it.refunds.len()).map(move |refund| (*node, refund)));
        let revision = version.map(|version| {
            let members = identifiers.iter().map(|(_, it)| (&it.identifier, &it.facts, it.retired_at));
            let about = identifiers.iter().flat_map(|(_, it)| scenario.decisions_about(&it.identifier));
            revision::revision(version, members, about)
        });
        Self { profile: fold(&members, anchor, scenario.policy), revision, orders, refunds: refunds.collect() }
    }

    /// The profile as of a date.
    pub(super) fn shown(self: &Arc<Self>, facts: &ProfileFacts, policy: &Policy, figures: &Figures) -> ProfileView {
        ProfileView {
            as_of: figures.as_of,
            basic: self.profile.basic(figures.as_of),
            purchases: self.with_purchases(facts, policy, figures, |it| purchases_view(it, figures.by)),
            profile_view: self.clone(),
        }
    }

    /// The parts that another date changes.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method path has a single lifetime")]
    pub(super) fn as_of_view(&self, facts: &ProfileFacts, policy: &Policy, figures: &Figures) -> AsOfView {
        AsOfView {
            as_of: figures.as_of,
            basic: self.profile.basic(figures.as_of),
            purchases: self.with_purchases(facts, policy, figures, |purchases| purchases.info()),
        }
    }

    /// Reads the purchases for a question and computes something from them.
    pub(super) fn with_purchases<T>(
        &self,
        facts: &ProfileFacts,
        policy: &Policy,
        figures: &Figures,
        compute: impl FnOnce(&Purchases<'_>) -> T,
    ) -> T {
        let orders: Vec<&Order> = self.orders.iter().filter_map(|it| order(facts, *it)).collect();
        let refunds: Vec<&Refund> = self
            .refunds
            .iter()
            .filter_map(|(node, refund)| facts.identifiers.get(*node)?.refunds.get(*refund))
            .collect();
        let Figures { as_of, currency, net_of_refunds, .. } = *figures;
        let params = PurchaseParams { as_of, currency, net_of_refunds };
        // There always are some: neither facts nor policies without them get this far.
        let utc = ZoneOffsets {
            zone: policy.time_zone,
            first: Timestamp::EARLIEST,
            last: Timestamp::EARLIEST,
            offsets: Vec::new(),
        };
        let clocks = facts.clocks_of(policy.time_zone).unwrap_or(&utc);
        compute(&purchases_by(clocks, &orders, &refunds, policy, &params))
    }
}

fn purchases_view(purchases: &Purchases<'_>, by: RankBy) -> PurchasesView {
    let PurchaseInfo {
        currency,
        currencies,
        windows,
        peak_weekday,
        peak_hour,
        first_purchase_date,
        last_purchase_date,
        refund_count,
        refund_amount,
    } = purchases.info();
    let tops = |target| {
        let mut tops = purchases.tops(target, &Months::STANDARD, SHOWN_RANKS, by).into_iter().map(|it| it.items);
        // One for each of the standard lengths, the shortest first.
        [(); 3].map(|()| tops.next().unwrap_or_default())
    };
    let [top_categories3, top_categories6, top_categories12] = tops(RankTarget::Categories);
    let [top_products3, top_products6, top_products12] = tops(RankTarget::Products);
    PurchasesView {
        currency,
        currencies,
        windows,
        peak_weekday,
        peak_hour,
        first_purchase_date,
        last_purchase_date,
        top_categories3,
        top_categories6,
        top_categories12,
        top_products3,
        top_products6,
        top_products12,
        refund_count,
        refund_amount,
    }
}

impl ProfileView {
    /// All that no date changes.
    pub fn profile(&self) -> &Profile {
        &self.profile_view.profile
    }

    /// Changes whenever a fact, a decision or the policy changes the profile. A profile that is only previewed has none: its
    /// revision would depend on the ID of a decision, or the version of a policy, that is not assigned yet.
    pub fn revision(&self) -> Option<&str> {
        self.profile_view.revision.as_deref()
    }
}

/// What a [`ProfileView`] serializes as.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "ProfileView"))]
#[serde(rename_all = "camelCase")]
pub(super) struct ProfileViewFields<'a> {
    unified_id: UnifiedId,
    superseded_ids: &'a [UnifiedId],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    revision: Option<&'a str>,
    #[cfg_attr(test, ts(as = "String"))]
    as_of: NaiveDate,
    basic: &'a BasicInfo,
    identifiers: &'a [Arc<ProfileIdentifier>],
    recent_device: Option<&'a Device>,
    devices: &'a [Device],
    attributes: &'a [Attribute],
    consents: &'a [Consent],
    activity: &'a Activity,
    purchases: &'a PurchasesView,
}

impl Serialize for ProfileView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Profile {
            unified_id,
            superseded_ids,
            identifiers,
            recent_device,
            devices,
            attributes,
            consents,
            activity,
            undated: _,
        } = &self.profile_view.profile;
        let fields = ProfileViewFields {
            unified_id: *unified_id,
            superseded_ids,
            revision: self.revision(),
            as_of: self.as_of,
            basic: &self.basic,
            identifiers,
            recent_device: recent_device.as_ref(),
            devices,
            attributes,
            consents,
            activity,
            purchases: &self.purchases,
        };
        fields.serialize(serializer)
    }
}
