//! Two or more profiles side by side with what they would be as one.

use std::borrow::Cow;

use profile360_compact_json::sort::{distinct, sort_by};
use serde::Serialize;

use super::{
    checked::CheckedFacts,
    difference::{Difference, LinkChanges, PreviewStatus},
    error::PreviewError,
    profile_view::{Figures, ProfileView},
    views::DecisionView,
};
use crate::{
    api_serde,
    evidence::{
        decision::{Decision, Relation, pairs_that_merge},
        link::Pair,
    },
    identifier::{Identifier, Kind, UnifiedId},
    message::{
        attribute_value::AttributeValue,
        standard::{CONSENTS, is_standard},
    },
    policy::survivorship::Rule,
    profile::model::Gender,
    time::Timestamp,
};

/// Which profiles are to be one, each by any unified ID that was ever issued for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MergeParams {
    pub unified_ids: Vec<UnifiedId>,
    pub figures: Figures,
}

/// What the server's `mergeProfiles` would do.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MergePreview {
    pub status: PreviewStatus,
    /// The `expectedRevision` of the mutation.
    pub expected_revision: String,
    /// The unified ID that stays; none where it is contradicted.
    pub unified_id: Option<UnifiedId>,
    /// The two identifiers of each `SAME` decision that would be made.
    pub decisions: Vec<Pair>,
    /// The profiles that were named, in that sequence.
    pub before: Vec<ProfileView>,
    /// The one that they would be; none where it is contradicted.
    pub after: Option<ProfileView>,
    /// Other profiles that would change with them: before, and after. Identifiers that the limits do not let into the merged
    /// profile are in here.
    pub others_before: Vec<ProfileView>,
    pub others_after: Vec<ProfileView>,
    /// What speaks for one person and against it.
    pub evidence: MergeEvidence,
    /// Every field that any of them shows.
    pub fields: Vec<MergedField>,
    /// Limits that the merged profile would be above; `SAME` decisions override them.
    pub limits: Vec<BrokenLimit>,
    pub links: LinkChanges,
    /// The decisions that exclude it.
    pub contradictions: Vec<DecisionView>,
}

/// What speaks for one person behind the profiles, and what against it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MergeEvidence {
    /// Phone, email, name, birth date and gender, in this sequence.
    pub compared: Vec<Compared>,
    /// How many messages named identifiers of two of the profiles together.
    #[serde(serialize_with = "api_serde::count")]
    pub seen_together: u64,
    /// The names contradict, and so do the birth dates or the genders.
    pub contradictory: bool,
}

/// How the profiles compare in one respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Compared {
    #[cfg_attr(test, ts(type = "\"phone\" | \"email\" | \"name\" | \"birthDate\" | \"gender\""))]
    pub what: &'static str,
    pub result: Comparison,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Comparison {
    /// All profiles that have a value share one.
    Match,
    /// Two profiles have values, and share none.
    Differ,
    /// Fewer than two profiles have a value.
    Unknown,
}

/// One field of the merged profile, and who had which value before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MergedField {
    pub group: FieldGroup,
    /// As in schema.graphql; the name of an attribute, the channel of a consent.
    pub name: String,
    /// The rule that decided: of survivorship, or which of several times or devices a profile shows.
    pub rule: Option<&'static str>,
    /// Whether the profiles show more than one value.
    pub differs: bool,
    /// The value that the merged profile shows; none where it shows none.
    pub winner: Option<Claim>,
    /// The other values, in the sequence of the profiles that show them.
    pub losers: Vec<Claim>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldGroup {
    Basic,
    Attribute,
    Consent,
    Device,
    Activity,
}

/// A value, and which of the profiles show it; none where it comes of several values, as under the rule `union`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    #[serde(serialize_with = "api_serde::attribute_value")]
    #[cfg_attr(test, ts(type = "unknown"))]
    pub value: AttributeValue,
    pub unified_ids: Vec<UnifiedId>,
}

/// More identifiers of a kind than the policy lets one profile hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BrokenLimit {
    pub kind: Kind,
    pub limit: u32,
    pub count: u32,
}

impl CheckedFacts {
    /// What would become of profiles if an operator merged them.
    ///
    /// The decisions are those that the server makes ([`pairs_that_merge`]), the profile whose cluster's key comes first in front.
    ///
    /// # Errors
    ///
    /// [`PreviewError::ParamsUnreadable`] without any ID, [`PreviewError::UnknownProfile`] and
    /// [`PreviewError::IncompleteFacts`].
    pub fn merge_preview(&self, params: &MergeParams) -> Result<MergePreview, PreviewError> {
        let figures = &params.figures;
        let mut clusters: Vec<usize> = Vec::new();
        for id in &params.unified_ids {
            let cluster = self.cluster_of_id(*id)?;
            if !clusters.contains(&cluster) {
                clusters.push(cluster);
            }
        }
        let anchors = self.anchors_by_key(&clusters);
        let Some((first, others)) = anchors.split_first() else {
            return Err(PreviewError::ParamsUnreadable("name the profiles to merge".to_owned()));
        };
        let pairs = pairs_that_merge(&self.with_members(&anchors), &self.policy);

        let mut after = self.scenario();
        let about = |pair: &Pair, relation| {
            self.facts.decisions.iter().find(|it| it.is_active() && it.pair == *pair && it.relation == relation)
        };
        let opposite: Vec<&Decision> = pairs.iter().filter_map(|it| about(it, Relation::Different)).collect();
        let new: Vec<Pair> = pairs.into_iter().filter(|it| about(it, Relation::Same).is_none()).collect();
        for (number, pair) in new.iter().enumerate() {
            after.decisions.push(Cow::Owned(previewed(Relation::Same, pair.clone(), number)));
        }
        after.check_complete()?;
        let difference = Difference::new(self, after);
        let nodes: Vec<usize> = anchors.iter().map(|(node, _)| *node).collect();
        let contradictions = if opposite.is_empty() {
            difference.excluded(&nodes, is_previewed)
        } else {
            opposite.into_iter().map(|it| difference.after.decision_view(it)).collect()
        };
        let before: Vec<ProfileView> = clusters.iter().map(|it| difference.view_before(*it, figures)).collect();
        let mut preview = MergePreview {
            status: if others.is_empty() { PreviewStatus::NoChange } else { PreviewStatus::Applied },
            expected_revision: self.revision_of_clusters(&clusters),
            unified_id: None,
            decisions: new,
            before,
            after: None,
            others_before: Vec::new(),
            others_after: Vec::new(),
            evidence: self.evidence(&clusters, figures),
            fields: Vec::new(),
            limits: Vec::new(),
            links: LinkChanges::default(),
            contradictions,
        };
        if !preview.contradictions.is_empty() && !others.is_empty() {
            preview.status = PreviewStatus::Contradicted;
            return Ok(preview);
        }
        preview.contradictions.clear();

        let Some(merged) = difference.resolved.partition.cluster_of.get(first.0).copied() else {
            return Err(PreviewError::IncompleteFacts);
        };
        let shown = difference.view_after(merged, figures);
        let (all_before, all_after) = difference.clusters(&nodes);
        preview.others_before = all_before
            .into_iter()
            .filter(|it| !clusters.contains(it))
            .map(|it| difference.view_before(it, figures))
            .collect();
        preview.others_after =
            all_after.into_iter().filter(|it| *it != merged).map(|it| difference.view_after(it, figures)).collect();
        preview.unified_id = Some(shown.profile().unified_id);
        preview.fields = fields(&preview.before, &shown);
        preview.limits = self.broken_limits(&shown);
        preview.links = difference.links();
        preview.after = Some(shown);
        Ok(preview)
    }

    /// The anchors of clusters, the one whose cluster's key comes first in front.
    fn anchors_by_key(&self, clusters: &[usize]) -> Vec<(usize, &Identifier)> {
        let partition = &self.resolved().partition;
        let mut anchors: Vec<_> = clusters
            .iter()
            .filter_map(|cluster| {
                let anchor = *partition.anchors.get(*cluster)?;
                let it = self.facts.identifiers.get(anchor)?;
                Some((it.cluster, anchor, &it.identifier))
            })
            .collect();
        sort_by(&mut anchors, Ord::cmp);
        anchors.into_iter().map(|(_, node, identifier)| (node, identifier)).collect()
    }

    /// Anchors with the members of their clusters.
    fn with_members<'f>(&'f self, anchors: &[(usize, &'f Identifier)]) -> Vec<(&'f Identifier, Vec<&'f Identifier>)> {
        let partition = &self.resolved().partition;
        let identifier = |node: &usize| self.facts.identifiers.get(*node).map(|it| &it.identifier);
        let profile = |(node, anchor): &(usize, &'f Identifier)| {
            let cluster = partition.clusters.get(*partition.cluster_of.get(*node)?)?;
            Some((*anchor, cluster.iter().filter_map(identifier).collect()))
        };
        anchors.iter().filter_map(profile).collect()
    }

    /// What speaks for clusters being one person, and what against it.
    fn evidence(&self, clusters: &[usize], figures: &Figures) -> MergeEvidence {
        let cluster_of = |identifier: &Identifier| {
            let node = self.facts.position_of(identifier)?;
            let cluster = self.resolved().partition.cluster_of.get(node)?;
            clusters.iter().position(|it| it == cluster)
        };
        let mut evidence = MergeEvidence::default();
        let mut phones: Vec<Vec<Cow<'_, str>>> = vec![Vec::new(); clusters.len()];
        let mut emails = phones.clone();
        let mut add = |position: usize, identifier: &Identifier| {
            let values = match identifier.kind.as_str() {
                "phone" => &mut phones,
                "email" => &mut emails,
                _ => return,
            };
            if let Some(values) = values.get_mut(position) {
                values.push(Cow::Owned(identifier.value.to_string()));
            }
        };
        for known in &self.facts.identifiers {
            if let Some(position) = cluster_of(&known.identifier) {
                add(position, &known.identifier);
            }
        }
        // A value that was seen with a profile can belong to another one.
        for link in &self.facts.links {
            let (a, b) = (cluster_of(&link.pair.a), cluster_of(&link.pair.b));
            if let (Some(a), Some(b)) = (a, b)
                && a != b
            {
                evidence.seen_together = evidence.seen_together.saturating_add(link.seen.count);
            }
            for (position, other) in [(a, &link.pair.b), (b, &link.pair.a)] {
                if let Some(position) = position {
                    add(position, other);
                }
            }
        }
        let (mut names, mut births, mut genders) = (Vec::new(), Vec::new(), Vec::new());
        for cluster in clusters {
            let basic = self.profile_view(*cluster).profile.basic(figures.as_of);
            names.push(basic.name.as_deref().map(comparable).into_iter().collect());
            births.push(basic.birth_date.map(|date| Cow::Owned(date.to_string())).into_iter().collect());
            genders.push(basic.gender.map(|gender| Cow::Borrowed(gender.as_str())).into_iter().collect());
        }
        let respects =
            [("phone", phones), ("email", emails), ("name", names), ("birthDate", births), ("gender", genders)];
        evidence.compared = respects.map(|(what, values)| Compared { what, result: compare(&values) }).into();
        let differs =
            |what: &str| evidence.compared.iter().any(|it| it.what == what && it.result == Comparison::Differ);
        evidence.contradictory = differs("name") && (differs("birthDate") || differs("gender"));
        evidence
    }

    fn broken_limits(&self, profile: &ProfileView) -> Vec<BrokenLimit> {
        let identifiers = &profile.profile().identifiers;
        let broken = |kind: &str| {
            let count = identifiers.iter().filter(|it| *it.kind == *kind).count();
            let (kind, count) = (Kind::new(kind), u32::try_from(count).unwrap_or(u32::MAX));
            let limit = self.policy.limit(&kind);
            (limit < count).then_some(BrokenLimit { kind, limit, count })
        };
        distinct(identifiers.iter().map(|it| &*it.kind)).into_iter().filter_map(broken).collect()
    }
}

/// A decision as it would be made now: the latest, with an ID that the server never gives.
pub(super) fn previewed(relation: Relation, pair: Pair, number: usize) -> Decision {
    Decision {
        id: format!("{PREVIEWED}{number:06}").into(),
        relation,
        pair,
        at: Timestamp::LATEST,
        reason: "".into(),
        actor: "".into(),
        revoked: None,
    }
}

pub(super) fn is_previewed(decision: &Decision) -> bool {
    decision.id.starts_with(PREVIEWED)
}

/// After all letters and digits, so that previewed decisions come last among those of one time.
const PREVIEWED: &str = "~preview ";

/// A name without blanks and cases.
fn comparable(name: &str) -> Cow<'static, str> {
    Cow::Owned(name.chars().filter(|it| !it.is_whitespace()).flat_map(char::to_lowercase).collect())
}

fn compare(values: &[Vec<Cow<'_, str>>]) -> Comparison {
    let known: Vec<_> = values.iter().filter(|it| !it.is_empty()).collect();
    let mut result = Comparison::Unknown;
    for (position, one) in known.iter().enumerate() {
        for other in known.iter().skip(position + 1) {
            if !one.iter().any(|value| other.contains(value)) {
                return Comparison::Differ;
            }
            result = Comparison::Match;
        }
    }
    result
}

type FieldKey<'a> = (FieldGroup, &'a str);

fn fields(before: &[ProfileView], after: &ProfileView) -> Vec<MergedField> {
    let parts: Vec<_> = before.iter().map(|it| (it.profile().unified_id, values(it))).collect();
    let merged = values(after);
    let all = parts.iter().map(|(_, it)| it).chain(std::iter::once(&merged));
    let names = distinct(all.flatten().map(|it| it.key));
    let field = |(group, name): FieldKey<'_>| {
        let mut claims: Vec<Claim> = Vec::new();
        for (id, values) in &parts {
            let Some(field) = values.iter().find(|it| it.key == (group, name)) else { continue };
            match claims.iter_mut().find(|it| it.value == field.value) {
                Some(claim) => claim.unified_ids.push(*id),
                None => claims.push(Claim { value: field.value.clone(), unified_ids: vec![*id] }),
            }
        }
        let differs = 1 < claims.len();
        let won = merged.iter().find(|it| it.key == (group, name));
        let position = claims.iter().position(|it| won.is_some_and(|won| it.value == won.value));
        let known = position.map(|it| claims.remove(it));
        MergedField {
            group,
            name: name.to_owned(),
            rule: won.and_then(|it| it.rule),
            differs,
            winner: known.or_else(|| won.map(|it| Claim { value: it.value.clone(), unified_ids: Vec::new() })),
            losers: claims,
        }
    };
    names.into_iter().map(field).collect()
}

/// A field of one profile.
struct Field<'a> {
    key: FieldKey<'a>,
    value: AttributeValue,
    rule: Option<&'static str>,
}

/// Every field of a profile that has a value and does not slide with the date or add up.
fn values(shown: &ProfileView) -> Vec<Field<'_>> {
    let profile = shown.profile();
    let basic = &shown.basic;
    let rule_of = |name: &str| profile.attributes.iter().find(|it| &*it.name == name).map(|it| it.rule);
    let birth_date = basic.birth_date.map(|it| it.to_string());
    let device = profile.recent_device.as_ref().map(|it| &*it.device_id);
    let activity = &profile.activity;
    let [first_access, last_activity, last_updated] =
        [activity.first_access_at, activity.last_activity_at, activity.last_updated_at].map(Timestamp::to_rfc3339);
    const LATEST: &str = Rule::Latest.as_str();
    let texts = [
        (FieldGroup::Basic, "name", basic.name.as_deref(), rule_of("df_name")),
        (FieldGroup::Basic, "gender", basic.gender.map(Gender::as_str), rule_of("df_gender")),
        (FieldGroup::Basic, "birthDate", birth_date.as_deref(), rule_of("df_birth")),
        (FieldGroup::Basic, "membershipLevel", basic.membership_level.as_deref(), rule_of("df_membership")),
        (FieldGroup::Basic, "phone", basic.phone.as_deref(), Some(LATEST)),
        (FieldGroup::Basic, "email", basic.email.as_deref(), Some(LATEST)),
        (FieldGroup::Basic, "recentArea", basic.recent_area.as_deref(), Some(LATEST)),
        (FieldGroup::Device, "recentDevice", device, Some(LATEST)),
        (FieldGroup::Activity, "firstAccessAt", Some(first_access.as_str()), Some(Rule::Earliest.as_str())),
        (FieldGroup::Activity, "lastActivityAt", Some(last_activity.as_str()), Some(LATEST)),
        (FieldGroup::Activity, "lastUpdatedAt", Some(last_updated.as_str()), Some(LATEST)),
    ];
    let mut fields: Vec<Field<'_>> = Vec::new();
    for (group, name, text, rule) in texts {
        let Some(text) = text else { continue };
        fields.push(Field { key: (group, name), value: AttributeValue::of_text(text), rule });
    }
    for it in profile.attributes.iter().filter(|it| !is_standard(&it.name)) {
        let key = (FieldGroup::Attribute, &*it.name);
        fields.push(Field { key, value: it.value.clone(), rule: Some(it.rule) });
    }
    // The attribute that a consent comes of has its rule and its value.
    for (name, channel) in CONSENTS {
        let attribute = profile.attributes.iter().find(|it| &*it.name == name);
        let Some(it) = attribute.filter(|_| profile.consents.iter().any(|it| it.channel == channel)) else { continue };
        fields.push(Field { key: (FieldGroup::Consent, channel), value: it.value.clone(), rule: Some(it.rule) });
    }
    fields
}
