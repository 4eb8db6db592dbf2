//! The name that messages gave a customer by some time.

use crate::{
    evidence::identifier_summary::IdentifierSummary, identifier::Identifier, message::standard::NAME,
    policy::compiled::CompiledPolicy, time::Timestamp,
};

/// The newest name that one identifier's own messages had given by a time; `None` if they had given none. Where all names came
/// later, the first of them.
pub fn name_at(summary: &IdentifierSummary, at: Timestamp) -> Option<String> {
    let values = summary.attributes.get(NAME)?;
    let said = values.iter().flat_map(|(value, sources)| {
        let name = value.to_text().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        sources.iter().filter_map(move |(source, seen)| Some((name.clone()?, source, seen)))
    });
    let (by_then, later): (Vec<_>, Vec<_>) = said.partition(|(_, _, seen)| seen.first <= at);
    let newest = by_then.into_iter().max_by_key(|(name, source, seen)| (seen.last.min(at), *source, name.clone()));
    let first = || later.into_iter().min_by_key(|(name, source, seen)| (seen.first, *source, name.clone()));
    newest.or_else(first).map(|(name, ..)| name)
}

/// The name of a customer by a time, of its first identifier and the identifiers that messages name with that one, each with
/// its summary: the first one's own name, otherwise that of the strongest other one that has a name.
pub fn name_of_customer_at<'a>(
    first: &IdentifierSummary,
    linked: impl Iterator<Item = (&'a Identifier, &'a IdentifierSummary)>,
    at: Timestamp,
    policy: &CompiledPolicy,
) -> Option<String> {
    name_at(first, at).or_else(|| {
        let named = linked.filter_map(|(identifier, summary)| Some((identifier, name_at(summary, at)?)));
        named.min_by_key(|(identifier, _)| (policy.priority(&identifier.kind), *identifier)).map(|(_, name)| name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{message::parse::parse_message, policy::document::Policy};

    fn summary(said: &[(&str, &str)]) -> IdentifierSummary {
        let policy = CompiledPolicy::new(Policy::default()).expect("a sound policy");
        let mut summary = IdentifierSummary::default();
        for (number, (at, name)) in said.iter().enumerate() {
            let message = json!({
                "message_id": format!("m{number}"), "type": "identify", "timestamp": at, "source": "crm",
                "identifiers": { "external_id": "a1" }, "attributes": { "df_name": name },
            });
            summary.add(&parse_message(&message.to_string(), &policy).expect("accepted").message);
        }
        summary
    }

    #[test]
    fn a_name_is_the_newest_by_then() {
        let [march, april, may] = ["2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"];
        let renamed = summary(&[(march, "Kim Hana"), (may, "Lee Hana")]);
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        for (at_time, expected) in [(march, "Kim Hana"), (april, "Kim Hana"), (may, "Lee Hana")] {
            assert_eq!(name_at(&renamed, at(at_time)).as_deref(), Some(expected), "{at_time}");
        }
        assert_eq!(name_at(&summary(&[(may, "Lee Hana")]), at(march)).as_deref(), Some("Lee Hana"));
        assert_eq!(
            name_at(&summary(&[(march, "Kim"), (april, "Lee"), (april, "Ahn"), (may, "Kim")]), at(april)).as_deref(),
            Some("Lee")
        );
        assert_eq!(name_at(&summary(&[]), at(may)), None);
    }
}
