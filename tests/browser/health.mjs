import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, until, visit } from "./harness.mjs";

const health = `{
  health {
    identifierCounts { identifiers profiles }
    byEvents: largest(by: EVENTS, first: 8) { size profile { unifiedId activity { eventCount } } }
    byIdentifiers: largest(by: IDENTIFIERS, first: 8) { size profile { identifiers { kind } } }
    sharedValues(first: 20) { withheld identifier { shared unifiedId } }
    ingestion { accepted refused }
  }
  profiles(first: 1) { totalCount }
}`;
const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }`;

test("health shows what the API counts, and the API counts correctly", async (t) => {
  const page = await visit(t, "/health");
  await page.locator("[data-minutes] li").first().waitFor();
  const { health: counted, profiles } = await ask(health);
  const sum = counted.identifierCounts.reduce((total, each) => total + each.profiles, 0);
  assert.equal(sum, profiles.totalCount);
  for (const { size, profile } of counted.byEvents) assert.equal(size, profile.activity.eventCount);
  for (const { size, profile } of counted.byIdentifiers) assert.equal(size, profile.identifiers.length);
  assert.ok(counted.sharedValues.length > 0, "nothing is shared among the demo customers");
  assert.ok(counted.sharedValues.every(({ identifier, withheld }) => identifier.shared && withheld > 0));

  const shown = await page
    .locator("tr[data-profiles]")
    .evaluateAll((rows) => rows.reduce((total, row) => total + Number(row.dataset.profiles), 0));
  assert.equal(shown, sum);
  const largest = page.locator("[data-largest]").last().locator("li");
  assert.equal(await largest.count(), counted.byEvents.length);
  assert.deepEqual(
    await largest.evaluateAll((rows) => rows.map((row) => Number(row.dataset.size))),
    counted.byEvents.map(({ size }) => size),
  );
  assert.equal(await page.locator("[data-shared]").count(), counted.sharedValues.length);
});

test("accepted and rejected messages appear without a reload", async (t) => {
  const page = await visit(t, "/health");
  await page.locator("[data-minutes] li").first().waitFor();
  const total = (name) =>
    page
      .locator("[data-minutes] li")
      .evaluateAll((bars, name) => bars.reduce((sum, bar) => sum + Number(bar.dataset[name]), 0), name);
  const before = { accepted: await total("accepted"), refused: await total("refused") };
  const message = (identifiers) => ({
    messageId: `health-${identifiers.length}-${Date.now()}`,
    type: "EVENT",
    event: "df_view_home",
    source: "browser-test",
    timestamp: new Date().toISOString(),
    identifiers,
  });
  const { ingest: answered } = await ask(ingest, {
    messages: [message([{ kind: "external_id", value: "health-test" }]), message([])],
  });
  assert.deepEqual(
    answered.results.map(({ status }) => status),
    ["CREATED", "REFUSED"],
  );
  await until(async () => (await total("accepted")) === before.accepted + 1, "the accepted message");
  await until(async () => (await total("refused")) === before.refused + 1, "the message that was refused");
  await page
    .locator("li[data-refused]", { hasText: "NO_USABLE_IDENTIFIER" })
    .or(page.locator("li[data-refused]", { hasText: "MISSING_FIELD" }))
    .first()
    .waitFor();
});
