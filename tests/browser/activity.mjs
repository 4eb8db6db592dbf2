import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, until, visit } from "./harness.mjs";

const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { unifiedId } } }`;
const merge = `mutation ($ids: [ID!]!, $reason: String!) {
  mergeProfiles(unifiedIds: $ids, reason: $reason) { status decision { id } }
}`;
const decide = `mutation ($a: String!, $b: String!, $reason: String!) {
  decide(
    relation: DIFFERENT
    a: { kind: "external_id", value: $a }
    b: { kind: "external_id", value: $b }
    reason: $reason
  ) { status }
}`;
const actions = `{ operatorActions { totalCount nodes { reason revokedAt } } }`;

const person = (id, name) => ({
  messageId: `activity-${id}`,
  type: "IDENTIFY",
  source: "browser-test",
  timestamp: "2026-01-02T03:04:05Z",
  identifiers: [{ kind: "external_id", value: `activity-${id}` }],
  attributes: { df_name: name },
});

test("all decisions are one list: one entry a merge with names, filtered in the address, and undone", async (t) => {
  const messages = [person(1, "한결"), person(2, "한별"), person(3, "한솔")];
  const { ingest: received } = await ask(ingest, { messages });
  const ids = received.results.map(({ unifiedId }) => unifiedId);
  await ask(merge, { ids: ids.slice(0, 2), reason: "Activity: one person" });
  await ask(decide, { a: "activity-1", b: "activity-3", reason: "Activity: two people" });

  const page = await visit(t, "/activity");
  const entry = (words) => page.locator("[data-action]").filter({ hasText: words });
  const merged = entry("Activity: one person");
  await merged.waitFor();
  assert.equal(await merged.count(), 1);
  assert.match(await merged.textContent(), /Merged.*한결.*한별/);
  const { operatorActions } = await ask(actions);
  await until(
    async () =>
      (await page.locator("[data-count]").getAttribute("data-count")) === `${operatorActions.totalCount}`,
    "the count of the API",
  );

  await page.getByLabel("Type").selectOption({ label: "Kept separate" });
  await merged.waitFor({ state: "detached" });
  await entry("Activity: two people").waitFor();
  await page.getByLabel("Customer ID").fill(ids[2]);
  await page.getByLabel("Customer ID").press("Enter");
  await until(() => new URL(page.url()).searchParams.get("customer") === ids[2], "the filter in the address");
  await until(async () => (await page.locator("[data-action]").count()) === 1, "one entry");
  await page.reload();
  await entry("Activity: two people").waitFor();
  assert.equal(await page.locator("[data-action]").count(), 1);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await merged.waitFor();
  await page.getByLabel("To", { exact: true }).fill("2020-01-01");
  await page.getByText("No entries match these filters.").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();

  await merged.getByRole("button", { name: "Undo" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Result: 2 customers").waitFor();
  await dialog.locator("input[type=text][required]").fill("A mistake");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
  const undone = (await ask(actions)).operatorActions.nodes.find(
    ({ reason }) => reason === "Activity: one person",
  );
  assert.ok(undone.revokedAt);
  await merged.getByText(/Reverted by local/).waitFor();
});

test("an administrator reads who read personal data", async (t) => {
  const page = await visit(t, "/activity");
  await page.getByRole("radio", { name: "Access log" }).click();
  await until(() => new URL(page.url()).searchParams.get("view") === "reads", "the view in the address");
  // A server without keys has no readers to name.
  await page.getByText("No activity").waitFor();
});
