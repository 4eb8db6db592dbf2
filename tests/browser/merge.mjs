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
    purchases: Number(/Result: ([\d,]+) order/.exec(sentence)[1].replace(",", "")),
  };
}

const reasonField = (scope) => scope.locator("input[type=text][required]");

/** Confirms a merge, and once more if it asks whether these are two people. */
async function merge(page, reason) {
  await reasonField(page).fill(reason);
  await page.getByRole("button", { name: "Merge customers" }).click();
  if (await page.locator("[data-contradictory]").isVisible())
    await page.getByRole("dialog").getByRole("button", { name: "Merge anyway" }).click();
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

  await tabTo(page, reasonField(page));
  await page.keyboard.type("Signed up twice");
  await page.keyboard.press("Enter");
  if (await page.locator("[data-contradictory]").isVisible()) {
    await tabTo(page, page.getByRole("dialog").getByRole("button", { name: "Merge anyway" }));
    await page.keyboard.press("Enter");
  }
  await page.waitForURL(`**/customers/${preview.unifiedId}`);
  const merged = await profileOf(a.unifiedId);
  assert.equal(merged.unifiedId, (await profileOf(b.unifiedId)).unifiedId);
  assert.equal(merged.unifiedId, preview.unifiedId);
  assert.equal(merged.purchases.window.count, preview.purchases);

  // The toast is at the end of the page.
  await tabTo(page, page.getByRole("button", { name: "Undo" }), { key: "Shift+Tab" });
  await page.keyboard.press("Enter");
  await until(
    async () => (await profileOf(a.unifiedId)).unifiedId !== (await profileOf(b.unifiedId)).unifiedId,
    "two customers again",
  );
});

test("customers are added by a search, and removed again", async (t) => {
  const [a, b] = await two(2);
  const page = await visit(t, `/merge?id=${a.unifiedId}`);
  await page.getByText("Add one more customer.").waitFor();
  await page.getByRole("combobox", { name: "Add a customer" }).fill(b.unifiedId);
  await page
    .getByRole("option")
    .filter({ hasText: b.basic.name ?? "Unnamed customer" })
    .click();
  await page.waitForURL(`**/merge?id=${a.unifiedId}&id=${b.unifiedId}`);
  await page.locator("[data-summary]").waitFor();
  await page
    .getByRole("button", { name: /^Remove / })
    .last()
    .click();
  await page.getByText("Add one more customer.").waitFor();
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
  await alert.getByText(/^Data changed since this preview/).waitFor();
  await alert.getByText(/Events .* → /).waitFor();
  assert.notEqual((await profileOf(a.unifiedId)).unifiedId, (await profileOf(b.unifiedId)).unifiedId);

  await merge(page, "Now");
  await page.waitForURL("**/customers/*");
  await page.getByRole("button", { name: "Undo" }).click();
  await until(
    async () => (await profileOf(a.unifiedId)).unifiedId !== (await profileOf(b.unifiedId)).unifiedId,
    "two customers again",
  );
});

const identify = (id, attributes) => ({
  messageId: `merge-${id}`,
  type: "IDENTIFY",
  source: "browser-test",
  timestamp: "2026-01-02T03:04:05Z",
  identifiers: [
    { kind: "external_id", value: `merge-${id}` },
    { kind: "device_id", value: `merge-device-${id}` },
  ],
  attributes,
  device: {
    os: "Windows",
    os_version: "10",
    browser: "Chrome",
    browser_version: "131.0",
  },
});
const byAccount = `query ($value: String!) {
  profile(by: { identifier: { kind: "external_id", value: $value } }) { unifiedId }
}`;
const accountOf = async (id) => (await ask(byAccount, { value: `merge-${id}` })).profile.unifiedId;

test("a merge of two people looks like one: red evidence, differences first, one more question", async (t) => {
  await ask(ingest, {
    messages: [
      identify("lee", { df_name: "이상훈", df_birth: "1989-01-02", df_gender: "Male", size: "M", tier: 1 }),
      identify("ahn", { df_name: "안예은", df_birth: "2005-03-04", df_gender: "Female", size: "M", tier: 2 }),
    ],
  });
  const [lee, ahn] = [await accountOf("lee"), await accountOf("ahn")];
  const page = await visit(t, `/merge?id=${lee}&id=${ahn}`);
  const evidence = async (what) => page.locator(`[data-evidence="${what}"]`).getAttribute("data-result");
  await page.locator("[data-contradictory]").waitFor();
  for (const what of ["name", "birthDate", "gender"]) assert.equal(await evidence(what), "DIFFER", what);
  for (const what of ["phone", "email"]) assert.equal(await evidence(what), "UNKNOWN", what);
  await page.getByText("Never seen together").waitFor();

  // Differences first, names in front; the same size is only among all.
  const rows = page.locator("[data-field]");
  const fields = await rows.evaluateAll((all) => all.map((row) => row.dataset.field));
  assert.equal(fields[0], "BASIC.name");
  assert.ok(fields.includes("ATTRIBUTE.tier") && !fields.includes("ATTRIBUTE.size"));
  await page.getByRole("radio", { name: /^All/ }).click();
  await page.locator('[data-field="ATTRIBUTE.size"]').waitFor();
  const device = page.locator('[data-field="DEVICE.recentDevice"]');
  assert.match(await device.textContent(), /Windows 10, Chrome 131/);
  assert.match(await device.textContent(), /Latest/);

  await reasonField(page).fill("They share a birthday cake");
  await page.getByRole("button", { name: "Merge customers" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("These look like different people.").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.notEqual(await accountOf("lee"), await accountOf("ahn"));
  await page.getByRole("button", { name: "Merge customers" }).click();
  await dialog.getByRole("button", { name: "Merge anyway" }).click();
  await page.waitForURL("**/customers/*");
  const toast = page.getByRole("status").getByText(/^Merged .*이상훈.* and .*안예은.*\.$/);
  await toast.waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await accountOf("lee")) !== (await accountOf("ahn")), "two customers again");
});

test("an address with an ID that is none says so, and keeps the others", async (t) => {
  const [a] = await two(0);
  const page = await visit(t, `/merge?id=abc&id=${a.unifiedId}`);
  await page.locator("[data-invalid-id]").waitFor();
  await page.getByText("Add one more customer.").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Remove / }).count(), 1);
});

test("on a phone the button of the merge stays on the screen", async (t) => {
  const [a, b] = await two(2);
  const page = await visit(t, `/merge?id=${a.unifiedId}&id=${b.unifiedId}`, {
    viewport: { width: 375, height: 740 },
  });
  await page.locator("[data-summary]").waitFor();
  const button = page.getByRole("button", { name: "Merge customers" });
  const box = await button.boundingBox();
  assert.ok(box.y > 0 && box.y + box.height <= 740, JSON.stringify(box));
});
