import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ask, run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

const query = `query ($columns: [ComparedProfile!]!) {
  compareProfiles(columns: $columns) { fields { group name agreement } }
}`;

async function twoCustomers() {
  const { profiles } = await ask(`{
    profiles(first: 2, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) { nodes { unifiedId basic { name } } }
  }`);
  return profiles.nodes;
}

const shownFields = (page) =>
  page.locator("tr[data-field]").evaluateAll((all) => all.map(({ dataset }) => dataset.field));

test("two customers side by side, differences first, without a merge", async (t) => {
  const [one, other] = await twoCustomers();
  const columns = [one, other].map(({ unifiedId }) => ({ unifiedId }));
  const { compareProfiles } = await ask(query, { columns });
  const differing = compareProfiles.fields.filter(({ agreement }) => agreement === "DIFFERENT");
  const page = await visit(t, `/compare?id=${one.unifiedId}&id=${other.unifiedId}`);
  await page.locator("tr[data-field]").first().waitFor();
  const names = (fields) => fields.map(({ name }) => name);
  assert.deepEqual(await shownFields(page), names(differing));
  await page.getByRole("radio", { name: `All ${compareProfiles.fields.length}`, exact: true }).check();
  assert.deepEqual(await shownFields(page), names(compareProfiles.fields));
  for (const { basic } of [one, other])
    await page.locator("thead").getByRole("link", { name: basic.name }).first().waitFor();
  const bare = await page
    .locator("tr[data-field] td")
    .evaluateAll(
      (all) => all.filter(({ textContent }) => /\[object|undefined|null/.test(textContent)).length,
    );
  assert.equal(bare, 0);
  assert.deepEqual(await violations(page), []);
  // Of one customer alone, two dates can be compared.
  await page
    .getByRole("button", { name: `Remove ${other.basic.name}` })
    .first()
    .click();
  await page.getByText("Add one more customer").waitFor();
  await page.getByRole("button", { name: "Compare two dates" }).click();
  await page.waitForURL("**asOf=*asOf=*");
});

test("one customer on two dates shows what depends on the date", async (t) => {
  const [{ unifiedId, basic }] = await twoCustomers();
  const page = await visit(t, `/compare?id=${unifiedId}&asOf=2026-09-15&asOf=2026-11-15`);
  await page.getByRole("heading", { name: `${basic.name} on two dates` }).waitFor();
  await page.locator('tr[data-field="amount12"]').waitFor();
  assert.ok((await shownFields(page)).every((name) => name !== "phone"));
  const cells = () => page.locator('tr[data-field="amount12"] td').allTextContents();
  const before = await cells();
  await page.getByLabel("As of").nth(1).fill("2026-09-15");
  await until(async () => JSON.stringify(await cells()) !== JSON.stringify(before), "the other date");
  await page.getByText("No differences.").waitFor();
});

test("masked values are shown masked, and not compared", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const reader = run("key", "create", "--role", "READER", "--keys", keys);
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);
  const prepare = (page) =>
    page.addInitScript((key) => sessionStorage.setItem("profile360.key", key), reader);
  const page = await visit(t, "/customers", { at, prepare });
  const links = page.locator("tbody a");
  await links.nth(1).waitFor();
  const ids = await links.evaluateAll((all) =>
    all.slice(0, 2).map(({ pathname }) => pathname.split("/").at(-1)),
  );
  await page.goto(`${at}/compare?id=${ids[0]}&id=${ids[1]}`);
  await page.getByText("Masked values aren't compared.").waitFor();
  await page.getByRole("radio", { name: /^All \d+$/ }).check();
  assert.equal(await page.locator('tr[data-field="name"]').getAttribute("data-agreement"), "MASKED");
  assert.equal(await page.getByRole("link", { name: "Preview merge" }).count(), 0);
});
