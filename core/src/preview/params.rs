//! Questions, read by hand: what serde derives for each of them would be ten times as long in what the browser downloads.

use serde::de::DeserializeOwned;

use super::{
    explanation::ExplainParams,
    merge::MergeParams,
    policy::PolicyParams,
    profile_view::{Figures, ProfileParams},
    ranking::RankingParams,
    spend::SpendParams,
    unmerge::{Change, UnmergeParams},
};
use crate::{
    calendar::parse_date,
    json_value::{JsonValue, JsonValueError},
    time::Timestamp,
};

/// What can be asked of facts.
pub trait Params: Sized {
    /// Reads the question from its JSON.
    ///
    /// # Errors
    ///
    /// Where a field is missing, is not of its kind, or is not one of the question's.
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError>;
}

impl Params for ProfileParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["unifiedId", "figures"])?;
        Ok(Self { unified_id: it.read("unifiedId")?, figures: it.figures()? })
    }
}

impl Params for MergeParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["unifiedIds", "figures"])?;
        Ok(Self { unified_ids: it.read("unifiedIds")?, figures: it.figures()? })
    }
}

impl Params for UnmergeParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["change", "figures"])?;
        Ok(Self { change: change(it.get("change"))?, figures: it.figures()? })
    }
}

impl Params for RankingParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["unifiedId", "figures", "first"])?;
        Ok(Self {
            unified_id: it.read("unifiedId")?,
            figures: it.figures()?,
            first: it.read::<Option<u32>>("first")?.unwrap_or(Self::DEFAULT_RANKS),
        })
    }
}

impl Params for SpendParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let fields = Fields::of(tree, &["unifiedId", "figures", "months"])?;
        Ok(Self { unified_id: fields.read("unifiedId")?, figures: fields.figures()?, months: fields.read("months")? })
    }
}

impl Params for PolicyParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["document", "figures"])?;
        Ok(Self { document: it.get("document").clone(), figures: it.figures()? })
    }
}

impl Params for ExplainParams {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        let it = Fields::of(tree, &["a", "b"])?;
        Ok(Self { a: it.read("a")?, b: it.read("b")? })
    }
}

impl Params for JsonValue {
    fn read(tree: &JsonValue) -> Result<Self, JsonValueError> {
        Ok(tree.clone())
    }
}

fn change(tree: &JsonValue) -> Result<Change, JsonValueError> {
    let JsonValue::Object(fields) = tree else { return Err(JsonValueError::new("change: it must be an object")) };
    let [(name, content)] = fields.as_slice() else {
        return Err(JsonValueError::new("change: it must be an object of one field"));
    };
    match name.as_str() {
        "cut" => {
            let it = Fields::of(content, &["a", "b"])?;
            Ok(Change::Cut { a: it.read("a")?, b: it.read("b")? })
        }
        "different" => {
            let it = Fields::of(content, &["a", "b"])?;
            Ok(Change::Different { a: it.read("a")?, b: it.read("b")? })
        }
        "revoke" => Ok(Change::Revoke { decision: Fields::of(content, &["decision"])?.read("decision")? }),
        "retire" => {
            let it = Fields::of(content, &["identifier", "from"])?;
            let from = Timestamp::parse(it.get("from").as_text().unwrap_or_default());
            let from = from.map_err(|error| JsonValueError::new(&format!("from: {error}")))?;
            Ok(Change::Retire { identifier: it.read("identifier")?, from })
        }
        _ => Err(JsonValueError::new("change: it is none of cut, different, revoke, retire")),
    }
}

/// The fields of an object, all of them expected.
struct Fields<'a>(&'a [(String, JsonValue)]);

impl<'a> Fields<'a> {
    fn of(tree: &'a JsonValue, names: &[&str]) -> Result<Self, JsonValueError> {
        let JsonValue::Object(fields) = tree else { return Err(JsonValueError::new("it must be an object")) };
        for (position, (name, _)) in fields.iter().enumerate() {
            let is_known = names.contains(&name.as_str());
            let is_twice = fields.iter().take(position).any(|(it, _)| it == name);
            if !is_known || is_twice {
                let what = if is_known { "there is a field twice" } else { "there is a field that is none of" };
                return Err(JsonValueError::new(&format!("{what}: {}", names.join(", "))));
            }
        }
        Ok(Self(fields))
    }

    /// A field that is left out is null.
    fn get(&self, name: &str) -> &'a JsonValue {
        self.0.iter().find(|(it, _)| it == name).map_or(&JsonValue::Null, |(_, value)| value)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, JsonValueError> {
        self.get(name).read().map_err(|error: JsonValueError| JsonValueError::new(&format!("{name}: {error}")))
    }

    fn figures(&self) -> Result<Figures, JsonValueError> {
        let it = Fields::of(self.get("figures"), &["asOf", "currency", "netOfRefunds", "by"])?;
        let as_of = it.get("asOf").as_text().and_then(parse_date);
        Ok(Figures {
            as_of: as_of.ok_or_else(|| JsonValueError::new("asOf: a date is written yyyy-MM-dd"))?,
            currency: it.read("currency")?,
            net_of_refunds: it.read::<Option<bool>>("netOfRefunds")?.unwrap_or(false),
            by: it.read::<Option<_>>("by")?.unwrap_or_default(),
        })
    }
}
