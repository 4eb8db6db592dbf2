//! The table: the permission that each field requires, and its mask if it is personal data.
//!
//! Personal data is what identifies a person or is known to them only: names, identifiers, dates of birth and what reveals them,
//! places narrower than a region, values of attributes, properties of events, and free text of operators. Unified IDs are not: they
//! reveal nothing of an identifier.

use std::{collections::HashMap, sync::LazyLock};

use crate::auth::{
    access::Permission::{self, Decide, Govern, Nothing, Read, ReadPersonal, Send},
    masking::Mask,
};

/// The rule of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub permission: Permission,
    /// The mask for callers that may not read personal data; `None` if the field is not personal.
    pub mask: Option<Mask>,
}

/// Fields of a type with the same permission: those without a mask, and those with one.
pub(super) type Entry = (&'static str, Permission, &'static [&'static str], &'static [(&'static str, Mask)]);

pub(super) const TABLE: &[Entry] = &[
    ("Query", Nothing, &["viewer"], &[]),
    (
        "Query",
        Read,
        &[
            "node",
            "nodes",
            "profile",
            "profiles",
            "compareProfiles",
            "profileFacet",
            "savedViews",
            "suggestCustomers",
            "explain",
            "withheldLinks",
            "reviewCases",
            "reviewCase",
            "reviewCounts",
            "retirements",
            "decisions",
            "lineage",
            "operatorActions",
            "policy",
            "policies",
            "health",
        ],
        &[],
    ),
    // The browser computes profiles from facts, which it cannot do with masked ones.
    ("Query", ReadPersonal, &["profileFacts", "sightings"], &[]),
    // It reads the whole database.
    ("Query", Decide, &["simulatePolicy"], &[]),
    ("Query", Govern, &["auditLog"], &[]),
    ("Mutation", Send, &["ingest"], &[]),
    ("Mutation", Decide, &["mergeProfiles", "decide", "retireIdentifier", "revokeDecision", "resolveCases"], &[]),
    ("Mutation", Govern, &["publishPolicy", "addSampleData"], &[]),
    // Views are the reader's own; sharing one requires more.
    ("Mutation", Read, &["saveView", "removeView"], &[]),
    ("Subscription", Read, &["profileChanged", "lineageAdded"], &[]),
    ("Node", Read, &["id"], &[]),
    ("Viewer", Nothing, &["name", "role", "seesPersonalData"], &[]),
    (
        "Health",
        Read,
        &["since", "ingestion", "hours", "days", "summary", "refused", "largest", "identifierCounts", "sharedValues"],
        &[],
    ),
    ("IngestedHour", Read, &["at", "accepted", "repeated", "refused"], &[]),
    (
        "IngestedDay",
        Read,
        &["date", "accepted", "repeated", "refused", "customers", "growth", "merged", "unmerged"],
        &[],
    ),
    ("IngestSummary", Read, &["accepted", "repeated", "refused", "lagSeconds", "warnings"], &[]),
    ("RejectedMessage", Read, &["at", "path", "sender"], &[]),
    ("IngestedMinute", Read, &["at", "accepted", "taken", "repeated", "refused"], &[]),
    ("RefusedMessages", Read, &["code", "count", "latest"], &[]),
    ("LargeProfile", Read, &["profile", "size"], &[]),
    ("IdentifierCount", Read, &["identifiers", "profiles"], &[]),
    ("SharedValue", Read, &["identifier", "withheld"], &[]),
    ("PageInfo", Read, &["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"], &[]),
    ("ProfileConnection", Read, &["edges", "nodes", "pageInfo", "totalCount"], &[]),
    ("ProfileEdge", Read, &["node", "cursor"], &[]),
    // Facets of personal fields are refused as a whole.
    ("ProfileFacet", Read, &["values", "isComplete"], &[]),
    ("ProfileFacetValue", Read, &["value", "count"], &[]),
    // Views with personal conditions are not listed for callers that see masks.
    ("SavedView", Read, &["id", "name", "query", "columns", "isShared", "isChangeable", "owner", "savedAt"], &[]),
    ("SampleData", Govern, &["messages", "isAdded"], &[]),
    ("SearchSuggestions", Read, &["customers", "totalCount", "filters"], &[]),
    ("CustomerSuggestion", Read, &["profile", "matches"], &[]),
    ("SearchMatch", Read, &["by", "identifier"], &[]),
    // Areas are offered only to callers that may filter by them.
    ("FilterSuggestion", Read, &["field", "values", "rest", "totalCount"], &[]),
    (
        "Profile",
        Read,
        &[
            "id",
            "unifiedId",
            "supersededIds",
            "asOf",
            "basic",
            "identifiers",
            "recentDevice",
            "devices",
            "attributes",
            "consents",
            "activity",
            "purchases",
            "graph",
            "timeline",
            "eventNames",
        ],
        // It is a hash over personal data.
        &[("revision", Mask::Keyed)],
    ),
    (
        "BasicInfo",
        Read,
        &["avatar", "platforms", "deviceCount", "gender", "ageGroup", "membershipLevel"],
        &[
            ("name", Mask::Name),
            ("phone", Mask::Phone),
            ("email", Mask::Email),
            ("birthDate", Mask::Hidden),
            // Requests with consecutive dates would reveal the birthday.
            ("age", Mask::Hidden),
            ("recentArea", Mask::Text),
        ],
    ),
    ("Avatar", Read, &["letter", "color"], &[]),
    (
        "Identifier",
        Read,
        &["kind", "unifiedId", "firstSeenAt", "lastSeenAt", "sources", "shared", "retiredAt"],
        &[("value", Mask::ByKind)],
    ),
    (
        "Device",
        Read,
        &[
            "model",
            "os",
            "osVersion",
            "browser",
            "browserVersion",
            "carrier",
            "language",
            "timeZone",
            "country",
            "region",
            "libraryPlatform",
            "libraryVersion",
            "shared",
            "lastUsedAt",
        ],
        &[("deviceId", Mask::Identifier), ("city", Mask::Text), ("area", Mask::Text)],
    ),
    (
        "Attribute",
        Read,
        &["name", "standard", "rule", "observedAt", "source", "identifier", "others"],
        &[("value", Mask::Attribute)],
    ),
    ("AttributeObservation", Read, &["observedAt", "source", "identifier"], &[("value", Mask::Attribute)]),
    ("Consent", Read, &["channel", "granted", "observedAt", "source"], &[]),
    ("Activity", Read, &["firstAccessAt", "lastActivityAt", "eventCount", "sessionCount", "lastUpdatedAt"], &[]),
    (
        "PurchaseInfo",
        Read,
        &[
            "currency",
            "currencies",
            "windows",
            "window",
            "peakWeekday",
            "peakHour",
            "firstPurchaseDate",
            "lastPurchaseDate",
            "topCategories",
            "topProducts",
            "rankings",
            "spend",
            "onDate",
            "refundCount",
            "refundAmount",
        ],
        &[],
    ),
    ("PurchaseWindow", Read, &["months", "from", "to", "count", "amount", "average"], &[]),
    (
        "RankedItem",
        Read,
        &["rank", "key", "name", "units", "orders", "amount", "lastPurchasedAt", "beforeNext", "previousRank"],
        &[],
    ),
    ("Ranking", Read, &["months", "from", "to", "categories", "products"], &[]),
    ("Spend", Read, &["months", "largestAmount", "weekdays", "largestCount"], &[]),
    ("MonthlySpend", Read, &["month", "count", "amount"], &[]),
    ("WeekdayPurchases", Read, &["weekday", "count", "hours"], &[]),
    ("DayPurchases", Read, &["count", "amount"], &[]),
    ("EventConnection", Read, &["edges", "nodes", "pageInfo"], &[]),
    ("EventEdge", Read, &["node", "cursor"], &[]),
    (
        "Event",
        Read,
        &["name", "at", "source", "platform", "identifier", "session"],
        // A message ID may be derived from personal data.
        &[("messageId", Mask::Keyed), ("properties", Mask::Hidden), ("purchase", Mask::Hidden)],
    ),
    ("EventPurchase", Read, &["kind", "amount", "currency", "counts", "items"], &[]),
    ("PurchasedItem", Read, &["itemId", "name", "category", "quantity", "price", "amount"], &[]),
    ("EventNames", Read, &["names", "countedFrom"], &[]),
    ("EventName", Read, &["name", "count"], &[]),
    ("Comparison", Read, &["profiles", "fields"], &[]),
    // The resolver masks values by what they are.
    ("ComparedField", Read, &["group", "name", "agreement"], &[("values", Mask::ByKind)]),
    ("IdentityGraph", Read, &["identifiers", "links", "withheld", "bridges"], &[]),
    ("Bridge", Read, &["link", "leaving"], &[]),
    ("Link", Read, &["a", "b", "firstSeenAt", "lastSeenAt", "count", "sources", "decision"], &[]),
    ("WithheldLink", Read, &["link", "reason", "detail", "kind"], &[]),
    ("WithheldLinkConnection", Read, &["edges", "nodes", "pageInfo", "totalCount"], &[]),
    ("WithheldLinkEdge", Read, &["node", "cursor"], &[]),
    (
        "ReviewCase",
        Read,
        &[
            "id",
            "kind",
            "value",
            "limitedKind",
            "needsDecision",
            "linkCount",
            "openLinkCount",
            "customerCount",
            "evidence",
            "lastSeenAt",
            "score",
            "reasons",
            "closest",
            "customers",
        ],
        // It is a hash over personal data.
        &[("revision", Mask::Keyed)],
    ),
    // Who knows one of two birth dates would learn much of the other.
    ("MatchReason", Read, &["signal", "points"], &[("years", Mask::Hidden)]),
    ("ReviewCustomer", Read, &["profile", "holdsValue", "links"], &[]),
    ("ReviewCaseConnection", Read, &["edges", "nodes", "pageInfo", "totalCount"], &[]),
    ("ReviewCaseEdge", Read, &["node", "cursor"], &[]),
    ("ReviewCounts", Read, &["contested", "shared", "blocked", "settled"], &[]),
    ("Explanation", Read, &["together", "path", "blockedBy"], &[]),
    ("ProfileFacts", ReadPersonal, &["revision", "policyVersion"], &[("facts", Mask::Hidden)]),
    (
        "Decision",
        Read,
        &["id", "relation", "a", "b", "actor", "at", "revokedAt", "revokedBy"],
        &[("reason", Mask::Text), ("revokedReason", Mask::Text)],
    ),
    ("DecisionConnection", Read, &["edges", "nodes", "pageInfo"], &[]),
    ("DecisionEdge", Read, &["node", "cursor"], &[]),
    (
        "Retirement",
        Read,
        &["id", "kind", "from", "actor", "at", "revokedAt", "revokedBy"],
        &[("value", Mask::Identifier), ("reason", Mask::Text), ("revokedReason", Mask::Text)],
    ),
    (
        "DecisionPayload",
        Decide,
        &["status", "decision", "decisions", "retirement", "profiles", "preview"],
        &[("detail", Mask::Text)],
    ),
    // The revision is a hash over personal data.
    ("DecisionPreview", Decide, &["before", "after", "omitted"], &[("revision", Mask::Keyed)]),
    ("PreviewedProfile", Decide, &["unifiedId", "basic", "identifiers", "activity", "currency", "windows"], &[]),
    ("Sightings", ReadPersonal, &["months", "complete"], &[]),
    ("SightingMonth", ReadPersonal, &["month", "count"], &[]),
    (
        "OperatorAction",
        Read,
        &[
            "id",
            "kind",
            "at",
            "actor",
            "revokedAt",
            "revokedBy",
            "customers",
            "decisions",
            "retirement",
            "policyVersion",
        ],
        &[("reason", Mask::Text), ("revokedReason", Mask::Text)],
    ),
    ("NamedCustomer", Read, &["unifiedId", "avatar"], &[("name", Mask::Name)]),
    ("OperatorActionConnection", Read, &["edges", "nodes", "pageInfo", "totalCount", "actors"], &[]),
    ("OperatorActionEdge", Read, &["node", "cursor"], &[]),
    (
        "LineageEvent",
        Read,
        &["at", "kind", "kept", "others", "customers", "cause", "decision", "retirement", "policyVersion"],
        &[("messageId", Mask::Keyed)],
    ),
    ("LineageEventConnection", Read, &["edges", "nodes", "pageInfo"], &[]),
    ("LineageEventEdge", Read, &["node", "cursor"], &[]),
    (
        "Policy",
        Read,
        &["version", "publishedAt", "publishedBy", "status", "timeZone", "currency"],
        &[("reason", Mask::Text), ("document", Mask::Policy)],
    ),
    (
        "PolicySimulation",
        Decide,
        &[
            "profilesBefore",
            "profilesAfter",
            "merging",
            "splitting",
            "messages",
            "messagesAffected",
            "activeVersion",
            "samples",
        ],
        &[],
    ),
    ("PolicyChange", Decide, &["before", "after", "profiles", "parts"], &[]),
    ("PolicyPart", Decide, &["unifiedId", "identifierCount", "identifiers"], &[]),
    ("PolicyPartIdentifier", Decide, &["identifier", "from"], &[]),
    ("AuditEntry", Govern, &["at", "actor", "action", "subject", "detail"], &[]),
    ("AuditEntryConnection", Govern, &["edges", "nodes", "pageInfo"], &[]),
    ("AuditEntryEdge", Govern, &["node", "cursor"], &[]),
    // Senders see the outcome of their messages, and nothing of existing data.
    ("IngestPayload", Send, &["results"], &[]),
    ("MessageResult", Send, &["messageId", "status", "unifiedId", "code", "path", "detail", "warnings"], &[]),
    ("MessageWarning", Send, &["code", "path", "detail"], &[]),
];

/// The rule of a field; `None` if the table has no entry.
pub(super) fn rule(parent: &str, field: &str) -> Option<Rule> {
    static RULES: LazyLock<HashMap<&str, HashMap<&str, Rule>>> = LazyLock::new(|| {
        let mut rules: HashMap<&str, HashMap<&str, Rule>> = HashMap::new();
        for (parent, permission, open, personal) in TABLE {
            let fields = rules.entry(parent).or_default();
            fields.extend(open.iter().map(|field| (*field, Rule { permission: *permission, mask: None })));
            fields.extend(
                personal.iter().map(|(field, mask)| (*field, Rule { permission: *permission, mask: Some(*mask) })),
            );
        }
        rules
    });
    // While a subscription runs, the library reports the name of a part of the merged root.
    let parent = if parent.ends_with("Subscription") { "Subscription" } else { parent };
    RULES.get(parent)?.get(field).copied()
}
