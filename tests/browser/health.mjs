import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, until, violations, visit } from "./harness.mjs";

const health = `{
  health {
    identifierCounts { identifiers profiles }
    byEvents: largest(by: EVENTS, first: 8) { size profile { unifiedId activity { eventCount } } }
    byIdentifiers: largest(by: IDENTIFIERS, first: 8) { size profile { identifiers { kind } } }
    sharedValues(first: 20) { withheld identifier { shared unifiedId } }
    summary(hours: 24) { accepted repeated refused lagSeconds }
    days { date customers merged }
  }
  profiles(first: 1) { totalCount }
}`;
const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }`;

const message = (id, identifiers, more = {}) => ({
  messageId: `health-${id}-${Date.now()}`,
  type: "EVENT",
  event: "df_view_home",
  source: "browser-test",
  timestamp: new Date().toISOString(),
  identifiers,
  ...more,
});
const total = (page, name) =>
  page
    .locator("[data-minutes] li")
    .evaluateAll((bars, name) => bars.reduce((sum, bar) => sum + Number(bar.dataset[name]), 0), name);

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

  const accepted = new Intl.NumberFormat("en").format(counted.summary.accepted);
  await page.locator("[data-summary]").getByText(accepted, { exact: true }).waitFor();
  const today = counted.days.at(-1);
  assert.equal(today.customers, profiles.totalCount);
  assert.ok(today.merged > 0, "the demo customers merge");
  const row = page.locator(`[data-day="${today.date}"]`);
  assert.match(await row.textContent(), new RegExp(`${profiles.totalCount}`));
});

test("a day, a week and an hour are shown, in bars of an hour or a minute", async (t) => {
  const page = await visit(t, "/health");
  const bars = page.locator("[data-minutes] li");
  await bars.first().waitFor();
  const { health: counted } = await ask(health);
  for (const [name, count] of [
    ["7 days", 168],
    ["24 hours", 24],
    ["1 hour", 60],
  ]) {
    await page.getByRole("radio", { name }).check({ force: true });
    await until(async () => (await bars.count()) === count, `${count} bars`);
    if (name !== "1 hour") assert.equal(await total(page, "accepted"), counted.summary.accepted, name);
  }
  assert.deepEqual(await violations(page), []);
});

test("accepted and rejected messages appear without a reload, and a code opens the paths of the last ones", async (t) => {
  const page = await visit(t, "/health");
  await page.locator("[data-minutes] li").first().waitFor();
  await page.getByRole("radio", { name: "1 hour" }).check({ force: true });
  await page.locator("[data-span=hour]").waitFor();
  const before = { accepted: await total(page, "accepted"), refused: await total(page, "refused") };
  const secret = "x".repeat(300);
  const { ingest: answered } = await ask(ingest, {
    messages: [
      message("good", [{ kind: "external_id", value: "health-test" }]),
      message("none", []),
      message("long", [{ kind: "external_id", value: secret }]),
    ],
  });
  assert.deepEqual(
    answered.results.map(({ status }) => status),
    ["CREATED", "REFUSED", "REFUSED"],
  );
  await until(async () => (await total(page, "accepted")) === before.accepted + 1, "the accepted message");
  await until(
    async () => (await total(page, "refused")) === before.refused + 2,
    "the messages that were rejected",
  );
  await page.locator("[data-summary]").getByText("Lag").waitFor();
  const codes = page.locator("li[data-refused]", { has: page.locator("summary") });
  await codes.first().waitFor();
  for (const code of await codes.all()) {
    await code.locator("summary").click();
    const places = code.locator("[data-path]");
    await places.first().waitFor();
    assert.ok((await places.count()) <= 10);
    assert.doesNotMatch(await code.textContent(), /health-|xxx/, "no value of a message is shown");
  }
  assert.deepEqual(await violations(page), []);
});
