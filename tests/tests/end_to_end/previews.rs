//! Previews in the browser equal the results of the server, byte for byte.

use profile360_core::{
    calendar::Months,
    identifier::UnifiedId,
    preview::{CheckedFacts, Figures, MergeParams, ProfileParams, RankingParams, SpendParams},
    purchases::ranking::RankBy,
};
use profile360_tests::{Base, Server, messages};
use serde_json::{Value, json, value::RawValue};

const AS_OF: &str = "2026-01-01";
/// All fields of a preview, in order.
const SHOWN: &str = "
    unifiedId supersededIds
    #revision
    asOf
    basic {
        avatar { letter color } name platforms deviceCount phone email gender birthDate age ageGroup membershipLevel recentArea
    }
    identifiers { ...I }
    recentDevice { ...D }
    devices { ...D }
    attributes { name standard value rule observedAt source identifier { ...I } others { value observedAt source identifier { ...I } } }
    consents { channel granted observedAt source }
    activity { firstAccessAt lastActivityAt eventCount sessionCount lastUpdatedAt }
    purchases {
        currency currencies windows { months from to count amount average } peakWeekday peakHour firstPurchaseDate
        lastPurchaseDate
        topCategories3: topCategories(months: 3) { ...R } topCategories6: topCategories(months: 6) { ...R }
        topCategories12: topCategories(months: 12) { ...R }
        topProducts3: topProducts(months: 3) { ...R } topProducts6: topProducts(months: 6) { ...R }
        topProducts12: topProducts(months: 12) { ...R } refundCount refundAmount
    }
";
const FRAGMENTS: &str = "
    fragment I on Identifier { kind value unifiedId firstSeenAt lastSeenAt sources shared retiredAt }
    fragment D on Device {
        deviceId model os osVersion browser browserVersion carrier language timeZone country region city area libraryPlatform
        libraryVersion shared lastUsedAt
    }
    fragment R on RankedItem { rank key name units orders amount lastPurchasedAt }
";

async fn facts_of(server: &Server, ids: &[&str]) -> (CheckedFacts, String) {
    let query = "query($ids: [ID!]!) { profileFacts(unifiedIds: $ids) { revision policyVersion facts } }";
    let read = server.ask(query, json!({ "ids": ids })).await["profileFacts"].take();
    let revision = read["revision"].as_str().expect("a revision").to_owned();
    (CheckedFacts::parse(&read["facts"].to_string()).expect("facts"), revision)
}

/// The response of the server, as text.
async fn shown_by_server(server: &Server, id: &str, with_revision: bool) -> String {
    let fields = if with_revision { SHOWN.replace("#revision", "revision") } else { SHOWN.to_owned() };
    let query = format!("{{ profile(by: {{ unifiedId: \"{id}\" }}, asOf: \"{AS_OF}\") {{ {fields} }} }} {FRAGMENTS}");
    #[derive(serde::Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(serde::Deserialize)]
    struct Data {
        profile: Box<RawValue>,
    }
    let request = server.http.post(server.url("/graphql")).json(&json!({ "query": query }));
    let text = request.send().await.expect("it answers").text().await.expect("text");
    let answer: Answer = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    answer.data.profile.get().to_owned()
}

fn figures() -> Figures {
    Figures { as_of: AS_OF.parse().expect("a date"), currency: None, net_of_refunds: false, by: RankBy::Units }
}

fn json_of(shown: &impl serde::Serialize) -> String {
    serde_json::to_string(shown).expect("JSON")
}

#[tokio::test]
async fn core_computes_the_same_profiles_from_facts_as_the_server() {
    let base = Base::with(&messages::generated(150, 21));
    let server = base.serve();
    for id in server.unified_ids().await {
        let (facts, revision) = facts_of(&server, &[&id]).await;
        let unified_id = UnifiedId::parse(&id).expect("an ID");
        let own = facts.profile(&ProfileParams { unified_id, figures: figures() }).expect("it is there");
        assert_eq!(json_of(&own), shown_by_server(&server, &id, true).await);
        assert_eq!(facts.revision(&[unified_id]).expect("it is there"), revision);
    }
    let missing = "{ profileFacts(unifiedIds: [\"00000000-0000-8000-8000-000000000000\"]) { revision } }";
    assert_eq!(server.codes(missing, Value::Null).await, ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn rankings_and_charts_are_those_of_the_module() {
    let base = Base::with(&messages::generated(150, 23));
    let server = base.serve();
    let query = "query($id: ID!, $asOf: Date!) { profile(by: { unifiedId: $id }, asOf: $asOf) { purchases {
        currency
        rankings(first: 2, by: AMOUNT) {
            months from to categories { ...R } products { ...R }
        }
        spend(months: 14) {
            months { month count amount } largestAmount weekdays { weekday count hours } largestCount
        }
        topProducts(months: 6, first: 2, by: AMOUNT) { ...R }
    } } }
    fragment R on RankedItem { rank key name units orders amount lastPurchasedAt beforeNext previousRank }";
    let mut n_items = 0;
    for id in server.unified_ids().await {
        let (facts, _) = facts_of(&server, &[&id]).await;
        let unified_id = UnifiedId::parse(&id).expect("an ID");
        let mut shown = server.ask(query, json!({ "id": id, "asOf": AS_OF })).await["profile"]["purchases"].take();
        assert_eq!(shown["topProducts"], shown["rankings"][1]["products"]);

        let by_amount = Figures { by: RankBy::Amount, ..figures() };
        let params = RankingParams { unified_id, figures: by_amount, first: 2 };
        let own: Value = serde_json::from_str(&json_of(&facts.ranking_preview(&params).expect("there"))).expect("JSON");
        assert_eq!(own, json!({ "currency": shown["currency"], "rankings": shown["rankings"] }));
        n_items += own.to_string().matches("previousRank").count();

        let params = SpendParams { unified_id, figures: figures(), months: Months::new(14).expect("1 to 120") };
        let own: Value = serde_json::from_str(&json_of(&facts.spend(&params).expect("there"))).expect("JSON");
        let currency = shown["currency"].take();
        shown["spend"]["currency"] = currency;
        assert_eq!(own, shown["spend"]);
    }
    assert!(100 < n_items, "{n_items} items");
}

#[tokio::test]
async fn merges_and_unmerges_equal_their_previews() {
    let base = Base::with(&messages::generated(60, 22));
    let server = base.serve();
    let merge = "mutation($ids: [ID!]!, $revision: String) {
        mergeProfiles(unifiedIds: $ids, reason: \"as previewed\", expectedRevision: $revision) { status decision { id } }
    }";
    let revoke = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"back\") { status } }";
    let ids = server.unified_ids().await;
    for pair in ids.chunks_exact(2).take(25) {
        let [a, b] = pair else { continue };
        let (facts, _) = facts_of(&server, &[a, b]).await;
        let before = [shown_by_server(&server, a, true).await, shown_by_server(&server, b, true).await];
        let unified_ids = [a, b].map(|it| UnifiedId::parse(it).expect("an ID")).to_vec();
        let preview = facts.merge_preview(&MergeParams { unified_ids, figures: figures() }).expect("a preview");
        let variables = json!({ "ids": [a, b], "revision": preview.expected_revision });
        let merged = server.ask(merge, variables).await["mergeProfiles"].take();
        assert_eq!(merged["status"], "APPLIED");
        let after = preview.after.as_ref().expect("there is no contradiction");
        let stays = preview.unified_id.expect("one stays").to_string();
        assert_eq!(json_of(after), shown_by_server(&server, &stays, false).await);
        // A preview of the old state is stale.
        let variables = json!({ "ids": [a, b], "revision": preview.expected_revision });
        let again = server.ask(merge, variables).await["mergeProfiles"]["status"].take();
        assert_eq!(again, "NO_CHANGE");

        server.ask(revoke, json!({ "id": merged["decision"]["id"] })).await;
        assert_eq!([shown_by_server(&server, a, true).await, shown_by_server(&server, b, true).await], before);
    }
}
