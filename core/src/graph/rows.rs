//! Rows of the identity graph, as they are stored.

use serde::{Deserialize, Serialize};

use super::withheld::Withheld;
use crate::{
    evidence::{identifier_facts::IdentifierFacts, link::Observations},
    identifier::{Identifier, UnifiedId},
    time::Timestamp,
};

/// The lasting key of a cluster of the partition: the derived ID of one of its members. It is not the unified ID, which can
/// change when an older identifier turns up; this changes only where clusters merge or part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterKey(pub UnifiedId);

/// An identifier as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifierState {
    #[serde(rename = "u")]
    pub unified_id: UnifiedId,
    #[serde(rename = "c")]
    pub cluster: ClusterKey,
    #[serde(flatten)]
    pub facts: IdentifierFacts,
}

/// A link as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkState {
    #[serde(flatten)]
    pub seen: Observations,
    /// Why resolution does not follow it.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A profile's identifiers, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// Ascending.
    #[serde(rename = "m")]
    pub members: Vec<Identifier>,
    /// The member that was seen first; it names the profile.
    #[serde(rename = "a")]
    pub anchor: Identifier,
    #[serde(rename = "t")]
    pub anchor_first_seen: Timestamp,
    /// The anchor's derived ID: the profile's unified ID.
    #[serde(rename = "u")]
    pub unified_id: UnifiedId,
    /// See [`crate::graph::resolve::Partition::is_contested`].
    #[serde(rename = "x", default)]
    pub is_contested: bool,
}
