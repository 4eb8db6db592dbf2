import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, until, visit } from "./harness.mjs";

const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status unifiedId } } }`;
const card = `query ($unifiedId: ID!) {
  profile(by: { unifiedId: $unifiedId }) { identifiers { kind value } activity { eventCount } }
}`;

let sent = 0;

async function send(message) {
  sent += 1;
  const { results } = (
    await ask(ingest, {
      messages: [
        {
          messageId: `live-${sent}`,
          source: "browser-test",
          timestamp: new Date().toISOString(),
          ...message,
        },
      ],
    })
  ).ingest;
  return results[0];
}

const shownEvents = async (page) =>
  figure(
    await page
      .locator("#overview dl > div")
      .filter({ hasText: "Events" })
      .first()
      .locator("dd")
      .textContent(),
  );

test("a change of a customer appears in every open page", async (t) => {
  const { profiles } = await ask("{ profiles(first: 1) { nodes { unifiedId } } }");
  const { unifiedId } = profiles.nodes[0];
  const { profile } = await ask(card, { unifiedId });
  const before = profile.activity.eventCount;
  const pages = [await visit(t, `/customers/${unifiedId}`), await visit(t, `/customers/${unifiedId}`)];
  for (const page of pages) await until(async () => (await shownEvents(page)) === before, "the card");
  // The subscription may start after the card is rendered.
  await until(async () => {
    await send({ type: "EVENT", event: "df_view_home", identifiers: [profile.identifiers[0]] });
    return (await shownEvents(pages[0])) > before;
  }, "the first page to show it");
  const { profile: now } = await ask(card, { unifiedId });
  for (const page of pages) {
    await until(async () => (await shownEvents(page)) === now.activity.eventCount, "both to show it");
    await page.locator("#timeline").getByText("browser-test").first().waitFor();
  }
});

test("a new customer is counted above the list, and appears on request", async (t) => {
  const page = await visit(t, "/customers");
  await page.locator("tbody a").first().waitFor();
  let newest;
  const pill = page.getByRole("button", { name: /^Show [\d,]+ updates?$/ });
  await until(async () => {
    newest = await send({
      type: "IDENTIFY",
      identifiers: [{ kind: "external_id", value: `live-customer-${sent}` }],
      attributes: { df_name: "Newly Arrived" },
    });
    return (await pill.count()) > 0;
  }, "the list to count the new customer");
  await pill.click();
  await page.locator(`tbody a[href="/customers/${newest.unifiedId}"]`).waitFor();
  assert.equal(await page.locator("tbody a").first().textContent(), "Newly Arrived");
});
