//! Which value of an attribute a profile shows: the rules that a policy can choose.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// Which value wins, by attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields, default)]
pub struct Survivorship {
    /// For every attribute that has no rule of its own.
    pub default: Rule,
    pub attributes: BTreeMap<String, Rule>,
    /// Sources, the most trusted first, for [`Rule::SourcePriority`]; a source that is not named comes after all that are.
    pub sources: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Latest,
    Earliest,
    MostFrequent,
    Max,
    Min,
    SourcePriority,
    /// All distinct values, as a list, oldest first.
    Union,
}

impl Rule {
    /// The name, as policies and profiles spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Earliest => "earliest",
            Self::MostFrequent => "most_frequent",
            Self::Max => "max",
            Self::Min => "min",
            Self::SourcePriority => "source_priority",
            Self::Union => "union",
        }
    }
}

impl Default for Survivorship {
    fn default() -> Self {
        Self { default: Rule::Latest, attributes: BTreeMap::new(), sources: Vec::new() }
    }
}
