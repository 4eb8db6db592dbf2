import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, until, visit } from "./harness.mjs";

const list = `query ($search: String, $filter: ProfileFilter, $orderBy: ProfileOrder, $first: Int) {
  profiles(search: $search, filter: $filter, orderBy: $orderBy, first: $first) {
    nodes { unifiedId basic { name } identifiers { kind value } }
    totalCount
  }
}`;

const panel = (page) => page.locator("[popover]:popover-open");

/** Opens "+ Filter" and chooses a field or an attribute. */
async function addFilter(page, label) {
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await panel(page).getByRole("textbox", { name: "Search filters" }).fill(label);
  await panel(page).getByRole("listitem").getByRole("button", { name: label }).first().click();
}

const links = (page) => page.locator("tbody a");
const counted = async (page) => figure(await page.locator("h1").textContent());
const address = ({ unifiedId }) => `/customers/${unifiedId}`;

async function shownOrder(page, length) {
  const addresses = await links(page).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  return addresses.slice(0, length);
}

async function customerWithPhone() {
  const { profiles } = await ask(list, { first: 50 });
  for (const profile of profiles.nodes) {
    const phone = profile.identifiers.find(({ kind }) => kind === "phone");
    if (phone) return { profile, phone: phone.value };
  }
  throw new Error("none of the first fifty demo customers has a phone");
}

test("the list shows the demo customers, and how many there are", async (t) => {
  const page = await visit(t, "/");
  const { profiles } = await ask(list, { first: 10 });
  await links(page).first().waitFor();
  assert.equal(await counted(page), profiles.totalCount);
  assert.deepEqual(await shownOrder(page, 10), profiles.nodes.map(address));
});

test("scrolling loads more, to the last customer", async (t) => {
  const page = await visit(t, "/customers");
  await links(page).first().waitFor();
  const total = await counted(page);
  await until(async () => {
    await page.locator("#customer-list").evaluate((element) => element.scrollTo(0, element.scrollHeight));
    const indices = await page
      .locator("tbody tr[aria-rowindex]:has(a)")
      .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute("aria-rowindex"))));
    return Math.max(...indices) === Math.min(total, 400) + 1 || Math.max(...indices) > 400;
  }, "the rows to follow");
});

test("a phone number in local form finds its customer", async (t) => {
  const { profile, phone } = await customerWithPhone();
  const local = phone.replace(/^\+82(\d{2})(\d+)(\d{4})$/, "0$1-$2-$3");
  const page = await visit(t, "/customers");
  await page.getByRole("combobox", { name: "Search customers" }).fill(local);
  await page
    .locator("#recognized")
    .getByText(/^phone$/i)
    .waitFor();
  await page.locator(`tbody a[href="${address(profile)}"]`).waitFor();
  const { profiles } = await ask(list, { search: local });
  await until(async () => (await counted(page)) === profiles.totalCount, "the count of the search");
  assert.equal(new URL(page.url()).search, "", "what was searched for stays out of the address");
});

test("the keyboard alone finds and opens a customer", async (t) => {
  const { profile, phone } = await customerWithPhone();
  const page = await visit(t, "/customers");
  await links(page).first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type(phone);
  await until(async () => (await links(page).count()) === 1, "the search");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowDown");
  await until(
    () =>
      links(page)
        .first()
        .evaluate((link) => link === document.activeElement),
    "the first row",
  );
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${address(profile)}`);
});

test("arrow keys move through the rows", async (t) => {
  const page = await visit(t, "/customers");
  await links(page).first().waitFor();
  for (let step = 0; step < 30; step += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  const focused = () =>
    page.evaluate(() => document.activeElement?.closest("tr")?.getAttribute("aria-rowindex"));
  await until(async () => (await focused()) === "30", "the twenty-ninth customer");
});

test("a column head sorts, the address keeps it, the back button undoes it", async (t) => {
  const page = await visit(t, "/customers");
  await links(page).first().waitFor();
  const before = await shownOrder(page, 5);
  await page.getByRole("button", { name: "Spend (12 mo)" }).click();
  const orderBy = { field: "PURCHASE_AMOUNT_12M", direction: "DESC" };
  const { profiles } = await ask(list, { first: 5, orderBy });
  const wanted = JSON.stringify(profiles.nodes.map(address));
  const sorted = async () => JSON.stringify(await shownOrder(page, 5)) === wanted;
  await until(sorted, "the largest amounts");
  assert.equal(await page.locator("th[aria-sort]").getAttribute("aria-sort"), "descending");
  await page.reload();
  await until(sorted, "the same order after loading again");
  await page.goBack();
  await until(
    async () => JSON.stringify(await shownOrder(page, 5)) === JSON.stringify(before),
    "the first order",
  );
});

test("a filter counts what it would find, and finds that", async (t) => {
  const page = await visit(t, "/customers");
  await links(page).first().waitFor();
  const { profiles } = await ask(list, { filter: { platform: ["IOS"] } });
  await addFilter(page, "Platform");
  const choice = panel(page).locator("label", { hasText: "iOS" });
  await until(
    async () => figure(await choice.textContent()) === profiles.totalCount,
    "the count next to the choice",
  );
  await choice.click();
  await until(async () => (await counted(page)) === profiles.totalCount, "the filtered list");
  assert.match(page.url(), /\?platform=IOS$/);
});

test("without the module the search works", async (t) => {
  const { profile, phone } = await customerWithPhone();
  const prepare = (page) => page.route(/\/rules[^/]*\.(js|wasm)$/, (route) => route.abort());
  const page = await visit(t, "/customers", { quiet: false, prepare });
  await page.getByRole("combobox", { name: "Search customers" }).fill(phone);
  await page.locator(`tbody a[href="${address(profile)}"]`).waitFor();
});

test("a search without results helps", async (t) => {
  const page = await visit(t, "/customers");
  await page.getByRole("combobox", { name: "Search customers" }).fill("no-such-customer");
  await page.getByRole("heading", { name: "No customers found" }).waitFor();
  await page.getByRole("main").getByRole("button", { name: "Clear search" }).click();
  await links(page).first().waitFor();
});
