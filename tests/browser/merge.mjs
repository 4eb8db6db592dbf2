import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, tabTo, until, visit } from "./harness.mjs";

const list = `{ profiles(first: 40) { nodes { unifiedId basic { name } identifiers { kind value } } } }`;
const owner = `query ($unifiedId: ID!) {
  profile(by: { unifiedId: $unifiedId }) {
    unifiedId
    identifiers { kind }
    purchases { window(months: 12) { count } }
  }
}`;
const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }`;

const profileOf = async (unifiedId) => (await ask(owner, { unifiedId })).profile;

/** Two customers that are not merged. */
async function two(skip) {
  const { profiles } = await ask(list);
  const known = profiles.nodes.filter(({ identifiers }) =>
    identifiers.some(({ kind }) => kind === "external_id"),
  );
  return known.slice(skip, skip + 2);
}

async function previewed(page) {
  const summary = page.locator("[data-summary]");
  await summary.waitFor();
  const sentence = await summary.textContent();
  return {
    unifiedId: /[0-9a-f-]{36}/.exec(sentence)[0],
    purchases: Number(/with ([\d,]+) purchase/.exec(sentence)[1].replace(",", "")),
  };
}

async function merge(page, reason) {
  await page.getByRole("textbox", { name: "Why" }).fill(reason);
  await page.getByRole("button", { name: "Merge them" }).click();
}

test("with the keyboard alone two customers are selected, previewed, merged as previewed, and split again by undo", async (t) => {
  const [a, b] = await two(0);
  const page = await visit(t, "/customers");
  const row = ({ unifiedId }) => page.locator(`tbody a[href="/customers/${unifiedId}"]`);
  const isAt = (one) => row(one).evaluate((link) => link === document.activeElement);
  await tabTo(page, page.locator("tbody a").first());
  for (const one of [a, b]) {
    for (let step = 0; step < 40 && !(await isAt(one)); step += 1) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("x");
  }
  await tabTo(page, page.getByRole("button", { name: "Merge", exact: true }));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/merge\?id=/);
  const preview = await previewed(page);
  assert.equal(await page.locator('[data-field="unifiedId"]').count(), 1);

  await tabTo(page, page.getByRole("textbox", { name: "Why" }));
  await page.keyboard.type("Signed up twice");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/customers/${preview.unifiedId}`);
  const merged = await profileOf(a.unifiedId);
  assert.equal(merged.unifiedId, (await profileOf(b.unifiedId)).unifiedId);
  assert.equal(merged.unifiedId, preview.unifiedId);
  assert.equal(merged.purchases.window.count, preview.purchases);

  // The toast is at the end of the page.
  await tabTo(page, page.getByRole("button", { name: "Undo" }), { key: "Shift+Tab" });
  await page.keyboard.press("Enter");
  await page.getByText("Revoked.", { exact: true }).waitFor();
  await until(
    async () => (await profileOf(a.unifiedId)).unifiedId !== (await profileOf(b.unifiedId)).unifiedId,
    "two customers again",
  );
});

test("customers are added by a search, and removed again", async (t) => {
  const [a, b] = await two(2);
  const page = await visit(t, `/merge?id=${a.unifiedId}`);
  await page.getByText(/^Pick one more customer/).waitFor();
  await page.getByRole("searchbox", { name: "Add a customer" }).fill(b.unifiedId);
  await page
    .locator("main ul button:has(svg)")
    .filter({ hasText: b.basic.name ?? "Unnamed customer" })
    .last()
    .click();
  await page.waitForURL(`**/merge?id=${a.unifiedId}&id=${b.unifiedId}`);
  await page.locator("[data-summary]").waitFor();
  await page
    .getByRole("button", { name: /^Leave .* out$/ })
    .last()
    .click();
  await page.getByText(/^Pick one more customer/).waitFor();
});

test("a stale preview is rejected, and the page shows what changed", async (t) => {
  const [a, b] = await two(4);
  const page = await visit(t, `/merge?id=${a.unifiedId}&id=${b.unifiedId}`);
  await previewed(page);
  const message = {
    messageId: `merge-${a.unifiedId}`,
    type: "EVENT",
    event: "df_view_home",
    source: "browser-test",
    timestamp: new Date().toISOString(),
    identifiers: [a.identifiers[0]],
  };
  await ask(ingest, { messages: [message] });
  await merge(page, "Too late");
  const alert = page.getByRole("alert");
  await alert.getByText(/^Something changed while you were looking/).waitFor();
  await alert.getByText(/Events .* → /).waitFor();
  assert.notEqual((await profileOf(a.unifiedId)).unifiedId, (await profileOf(b.unifiedId)).unifiedId);

  await merge(page, "Now");
  await page.waitForURL("**/customers/*");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Revoked.", { exact: true }).waitFor();
});
