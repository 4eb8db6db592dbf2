import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, tabTo, until, visit } from "./harness.mjs";

const simulate = `query ($document: JSON!) {
  simulatePolicy(policy: { document: $document }) { profilesBefore profilesAfter merging splitting }
}`;
const withheld = `{ withheldLinks(reason: LIMIT, first: 1) { nodes { link { a { unifiedId } } } } }`;

const limit = (page) => page.locator("[data-kind=external_id] input");
const inForce = async () => (await ask("{ policy { version document } }")).policy;

async function publish(page, reason) {
  await page.getByRole("textbox", { name: "Reason" }).fill(reason);
  await page.getByRole("button", { name: "Publish this policy" }).click();
}

test("a draft is simulated on all customers, and the answer is the API's", async (t) => {
  const { document } = await inForce();
  const kinds = document.kinds.map((kind) => (kind.name === "external_id" ? { ...kind, limit: 2 } : kind));
  const { simulatePolicy: wanted } = await ask(simulate, { document: { ...document, kinds } });
  assert.notEqual(wanted.profilesBefore, wanted.profilesAfter);
  const page = await visit(t, "/policy");
  await limit(page).fill("2");
  await page.locator("[data-changes]").getByText("Limit of external ID").waitFor();
  await page.getByRole("button", { name: "Try it" }).click();
  const shown = page.locator("[data-simulated]");
  await shown.getByText(`${wanted.profilesBefore} → ${wanted.profilesAfter} customers`).waitFor();
  await shown.getByText(`${wanted.merging} would be put together, ${wanted.splitting} would part.`).waitFor();
  assert.deepEqual((await inForce()).document, document);
});

test("a draft is previewed on one customer, in the page", async (t) => {
  const { withheldLinks } = await ask(withheld);
  const { unifiedId } = withheldLinks.nodes[0].link.a;
  const page = await visit(t, "/policy");
  await page.getByRole("searchbox", { name: "Add a customer" }).fill(unifiedId);
  await page.locator("aside ul button:has(svg)").last().click();
  const tried = page.locator("[data-tried]");
  await tried.getByText("Nothing would change").waitFor();
  let asked = 0;
  page.on("request", (request) => {
    // The count in the navigation is polled in every view.
    if (request.url().endsWith("/graphql") && !request.postData().includes("InboxCounts")) asked += 1;
  });
  await limit(page).fill("9");
  await tried.getByRole("listitem").first().waitFor();
  await limit(page).fill("1");
  await tried.getByText("Nothing would change").waitFor();
  assert.equal(asked, 0, "the page sends no request");
});

test("with the keyboard alone a policy is changed, simulated and published with a reason; the history lists it, and an older one is restored", async (t) => {
  const before = await inForce();
  const page = await visit(t, "/policy");
  await tabTo(page, limit(page));
  await page.keyboard.press("ArrowUp");
  await page.locator("[data-changes]").getByText("Limit of external ID").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Try it" }));
  await page.keyboard.press("Enter");
  await page.locator("[data-simulated]").waitFor();
  await tabTo(page, page.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("Twins");
  await page.keyboard.press("Enter");
  const arrived = async (version) => {
    await until(async () => (await inForce()).version === version, `version ${version} to be in force`);
    await page.getByText(`Version ${version} is in force`, { exact: false }).waitFor();
  };
  await arrived(before.version + 1);
  const version = (number) => page.locator(`[data-version="${number}"]`);
  await version(before.version + 1)
    .getByText("Twins")
    .waitFor();
  await version(before.version + 1)
    .getByText("Limit of external ID")
    .waitFor();

  await version(before.version).getByRole("button", { name: "Start from this one" }).click();
  await page.locator("[data-changes]").first().getByText("Limit of external ID").waitFor();
  await publish(page, "Not twins after all");
  await arrived(before.version + 2);
  assert.deepEqual((await inForce()).document, before.document);
});
