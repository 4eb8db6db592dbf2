// What the list can do: filters as chips, saved views, columns, a selection, exports, and an empty database.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ask, figure, run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

const count = `query ($filter: ProfileFilter) { profiles(filter: $filter, first: 1) { totalCount } }`;
const links = (page) => page.locator("tbody a");
const panel = (page) => page.locator("[popover]:popover-open");
const counted = async (page) => figure(await page.locator("h1").textContent());
const total = async (filter) => (await ask(count, { filter })).profiles.totalCount;
const shows = (page, filter) =>
  until(async () => (await counted(page)) === (await total(filter)), "the list");
const chip = (page, name) => page.getByRole("group", { name: "Filters" }).getByRole("button", { name });

async function opened(t, path = "/customers", options = {}) {
  const page = await visit(t, path, options);
  await links(page).first().waitFor();
  return page;
}

async function addFilter(page, label) {
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await panel(page).getByRole("textbox", { name: "Search filters" }).fill(label);
  await panel(page).getByRole("listitem").getByRole("button", { name: label }).first().click();
}

/** The instant at which a day of the business began. */
function startOf(daysAgo) {
  const today = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Seoul", dateStyle: "short" }).format(
    new Date(),
  );
  const day = new Date(today);
  day.setUTCDate(day.getUTCDate() - daysAgo);
  return `${day.toISOString().slice(0, 10)}T00:00:00+09:00`;
}

test("conditions of every kind are chips that open, change and go; the address has them all", async (t) => {
  const page = await opened(t);
  await addFilter(page, "Last activity");
  await panel(page).getByRole("button", { name: "60", exact: true }).click();
  const filter = { lastActivity: { before: startOf(60) } };
  await chip(page, "Last activity more than 60 days ago").waitFor();
  await shows(page, filter);
  await page.keyboard.press("Escape");

  await addFilter(page, "Spend (12 mo)");
  await panel(page).getByRole("spinbutton", { name: "Minimum" }).fill("100000");
  await page.keyboard.press("Enter");
  filter.purchaseAmount12m = { min: "100000" };
  await chip(page, "Spend (12 mo) ₩100,000 or more").waitFor();
  await shows(page, filter);
  await page.keyboard.press("Escape");

  await addFilter(page, "df_sms_ads_optin");
  await panel(page)
    .getByRole("radio", { name: /^Opted in/ })
    .check();
  filter.attribute = [{ name: "df_sms_ads_optin", equals: true }];
  await shows(page, filter);
  await page.keyboard.press("Escape");

  // Another address of the same list has the same chips.
  const address = page.url();
  assert.match(address, /activity=%3E60d&amount=100000\.\.&attribute=df_sms_ads_optin%3Atrue$/);
  const other = await visit(t, address.slice(address.indexOf("/customers")));
  await chip(other, /more than 60 days ago/).waitFor();
  await chip(other, /Opted in/).waitFor();

  await chip(page, /more than 60 days ago/).click();
  await panel(page).getByRole("button", { name: "365", exact: true }).click();
  filter.lastActivity = { before: startOf(365) };
  await chip(page, /more than 365 days ago/).waitFor();
  await shows(page, filter);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Remove filter: Last activity" }).click();
  delete filter.lastActivity;
  await shows(page, filter);
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await shows(page, null);
});

test("levels come from the server, with counts, also those that no loaded row has", async (t) => {
  const page = await opened(t);
  await addFilter(page, "Membership");
  const facet = `{ profileFacet(field: MEMBERSHIP_LEVEL) { values { value count } } }`;
  const { values } = (await ask(facet)).profileFacet;
  const labels = panel(page).locator("label");
  await until(async () => (await labels.count()) === values.length, "all levels");
  const texts = await labels.allTextContents();
  assert.deepEqual(
    texts,
    values.map(({ value, count }) => `${value}${count}`),
  );
});

test("a card leads back to the list as it was, with its search, position and selection", async (t) => {
  const page = await opened(t, "/customers?platform=WEB&sort=NAME.ASC");
  await page.locator("tbody tr").nth(2).hover();
  await page.locator("tbody input[type=checkbox]").nth(2).check();
  await page.locator("#customer-list").evaluate((element) => element.scrollTo(0, 400));
  // Read at once and found again by its address: scrolling moves the rows.
  const [name, address] = await links(page)
    .nth(20)
    .evaluate((link) => [link.textContent, link.getAttribute("href")]);
  await page.locator(`tbody a[href="${address}"]`).first().click();
  await page.getByRole("heading", { name }).first().waitFor();
  await page.getByRole("main").getByRole("link", { name: "Customers" }).click();
  await links(page).first().waitFor();
  assert.match(page.url(), /\/customers\?platform=WEB&sort=NAME\.ASC$/);
  await until(
    () => page.locator("#customer-list").evaluate((element) => element.scrollTop === 400),
    "the position",
  );
  const selection = page.getByRole("region", { name: "Selected customers" });
  await selection.waitFor();
  // A filter keeps the selection, too.
  await page.getByRole("button", { name: "Clear filters" }).click();
  await shows(page, null);
  assert.ok(await selection.isVisible());
});

test("rows are chosen by their boxes, in ranges, and all at once; their IDs can be copied", async (t) => {
  const page = await opened(t, "/customers", { permissions: ["clipboard-read", "clipboard-write"] });
  const boxes = page.locator("tbody input[type=checkbox]");
  const selection = page.getByRole("region", { name: "Selected customers" });
  assert.equal(await boxes.nth(1).evaluate((box) => getComputedStyle(box).opacity), "0");
  await page.locator("tbody tr").nth(1).hover();
  await boxes.nth(1).click();
  await until(
    async () => (await boxes.nth(9).evaluate((box) => getComputedStyle(box).opacity)) === "1",
    "the boxes",
  );
  await boxes.nth(5).click({ modifiers: ["Shift"] });
  await until(async () => figure(await selection.getByRole("status").textContent()) === 5, "a range");
  await selection.getByRole("button", { name: "Copy IDs" }).click();
  await page.getByText("Copied 5 IDs.").waitFor();
  const copied = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
  const addresses = await links(page).evaluateAll((all) =>
    all.slice(1, 6).map((link) => link.getAttribute("href")),
  );
  assert.deepEqual(
    copied.map((id) => `/customers/${id}`),
    addresses,
  );
  await page.getByRole("checkbox", { name: /^Select all/ }).check();
  await until(
    async () => figure(await selection.getByRole("status").textContent()) >= 40,
    "all that are loaded",
  );
  await selection.getByRole("button", { name: "Clear", exact: true }).click();
  await selection.waitFor({ state: "detached" });
});

test("phones are never cut, in national form, and names stay within their width", async (t) => {
  const page = await opened(t);
  for (const width of [1024, 1440, 1920, 2560]) {
    await page.setViewportSize({ width, height: 900 });
    const phones = page.locator("tbody td").filter({ hasText: /^0\d{1,2}-\d{3,4}-\d{4}$/ });
    await phones.first().waitFor();
    const cut = await phones.evaluateAll(
      (cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length,
    );
    assert.equal(cut, 0, `${width}`);
    assert.match(await phones.first().locator("[title]").getAttribute("title"), /^\+82/);
    const name = await page
      .locator("thead th")
      .first()
      .evaluate((head) => head.offsetWidth);
    assert.ok(name >= 240 && name <= 360, `${width}: ${name}`);
    const heads = await page.locator("thead th").allTextContents();
    assert.equal(heads.includes("Email"), width >= 1440, `${width}: ${heads}`);
    const overflow = await page
      .locator("#customer-list")
      .evaluate((list) => list.scrollWidth > list.clientWidth);
    assert.equal(overflow, false, `${width}`);
  }
});

test("columns of one's own are added, moved, kept, and reset", async (t) => {
  const page = await opened(t);
  const heads = () => page.locator("thead th").allTextContents();
  const before = await heads();
  await page.getByRole("button", { name: /^Columns/ }).click();
  await panel(page).getByRole("textbox", { name: "Search columns" }).fill("top pro");
  await panel(page).getByRole("checkbox", { name: "Top product" }).check();
  await until(async () => (await heads()).at(-1) === "Top product", "the column");
  await panel(page).getByRole("button", { name: "Move Top product left" }).click();
  await until(async () => (await heads()).at(-2) === "Top product", "its new place");
  const query = `{ profiles(first: 50) { nodes { purchases { topProducts(months: 12, first: 1) { name } } } } }`;
  const product = (await ask(query)).profiles.nodes.flatMap(({ purchases }) => purchases.topProducts)[0].name;
  await page.locator("tbody td", { hasText: product }).first().waitFor();
  await page.reload();
  await links(page).first().waitFor();
  assert.equal((await heads()).at(-2), "Top product");
  await page.getByRole("button", { name: /^Columns/ }).click();
  await panel(page).getByRole("button", { name: "Reset to default" }).click();
  await until(async () => JSON.stringify(await heads()) === JSON.stringify(before), "the first columns");
});

test("a view keeps filter, order and columns under a name; it is renamed, changed and deleted", async (t) => {
  const page = await opened(t, "/customers?membership=VIP&sort=NAME.ASC");
  const views = page.getByRole("navigation", { name: "Saved views" });
  await views.getByRole("button", { name: "Save view" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("VIPs by name");
  await page.getByRole("checkbox", { name: "Share with everyone" }).check();
  await page.keyboard.press("Enter");
  const tab = views.getByRole("button", { name: /VIPs by name/ }).first();
  await tab.waitFor();
  assert.equal(await tab.getAttribute("aria-current"), "true");
  assert.deepEqual(await violations(page), []);

  await views.getByRole("button", { name: "All customers" }).click();
  await shows(page, null);
  await tab.click();
  await shows(page, { membershipLevel: ["VIP"] });
  assert.match(page.url(), /\?membership=VIP&sort=NAME\.ASC$/);

  // A change of the list is no change of the view until it is saved.
  await page.getByRole("button", { name: "Remove filter: Membership" }).click();
  await views.getByRole("button", { name: /VIPs by name.*edited/ }).waitFor();
  await views.getByRole("button", { name: "Options for VIPs by name" }).click();
  await panel(page).getByRole("button", { name: "Save changes" }).click();
  const saved = `{ savedViews { name query isShared } }`;
  await until(
    async () => (await ask(saved)).savedViews.some(({ query }) => query === "sort=NAME.ASC"),
    "the change",
  );

  // A colleague's page has it, and it is gone when it is deleted; undo brings it back.
  const other = await opened(t);
  await other.getByRole("button", { name: /VIPs by name/ }).click();
  await until(() => new URL(other.url()).search === "?sort=NAME.ASC", "the shared view");
  await views.getByRole("button", { name: "Options for VIPs by name" }).click();
  await panel(page).getByRole("button", { name: "Delete" }).click();
  await until(async () => (await ask(saved)).savedViews.length === 0, "the deletion");
  await page.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await ask(saved)).savedViews.length === 1, "undo");
  const { savedViews } = await ask("{ savedViews { id } }");
  await ask("mutation ($id: ID!) { removeView(id: $id) }", { id: savedViews[0].id });
});

test("the list is exported as it is shown, and chosen customers alone", async (t) => {
  const page = await opened(t, "/customers?membership=VIP&sort=NAME.ASC", { acceptDownloads: true });
  const dialog = page.getByRole("dialog", { name: "Export customers" });
  const file = async () => {
    const download = page.waitForEvent("download");
    await dialog.getByRole("button", { name: "Export" }).click();
    const saved = await download;
    return { name: saved.suggestedFilename(), text: await readFile(await saved.path(), "utf8") };
  };
  await page.getByRole("button", { name: "Export" }).click();
  assert.deepEqual(await violations(page), []);
  const table = await file();
  assert.match(table.name, /^customers-\d{4}-\d\d-\d\d\.csv$/);
  const query = `{ profiles(first: 200, filter: { membershipLevel: ["VIP"] }, orderBy: { field: NAME, direction: ASC }) {
    nodes { unifiedId basic { name } }
  } }`;
  const { nodes } = (await ask(query)).profiles;
  const [head, ...rows] = table.text.trimEnd().split("\r\n");
  assert.ok(head.startsWith("\ufeffunified_id,name,phone"));
  assert.deepEqual(
    rows.map((row) => row.split(",")[0]),
    nodes.map(({ unifiedId }) => unifiedId),
  );

  await page.locator("tbody tr").first().hover();
  await page.locator("tbody input[type=checkbox]").first().check();
  await page
    .getByRole("region", { name: "Selected customers" })
    .getByRole("button", { name: "Export" })
    .click();
  await dialog.getByRole("radio", { name: /^NDJSON/ }).check();
  await dialog.getByRole("radio", { name: "All columns" }).check();
  const lines = (await file()).text.trim().split("\n");
  assert.equal(lines.length, 1);
  assert.equal(JSON.parse(lines[0]).unified_id, nodes[0].unifiedId);
});

test("an export that breaks saves nothing and says so", async (t) => {
  const prepare = (page) => page.route("**/v1/export", (route) => route.abort());
  const page = await opened(t, "/customers", { quiet: false, prepare });
  await page.getByRole("button", { name: "Export" }).click();
  const dialog = page.getByRole("dialog", { name: "Export customers" });
  await dialog.getByRole("button", { name: "Export" }).click();
  await dialog.getByRole("alert").filter({ hasText: "connection was lost" }).waitFor();
  await dialog.getByRole("button", { name: "Try again" }).waitFor();
});

test("a reader is offered neither a merge nor filters by what is masked", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const reader = run("key", "create", "--role", "READER", "--keys", keys);
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);
  const page = await visit(t, "/customers", { at, quiet: false });
  await page.getByRole("dialog").getByLabel("Key").fill(reader);
  await page.keyboard.press("Enter");
  await links(page).first().waitFor();
  await page
    .getByText(/^\d{2,3}-\*{4}-\d{4}$/)
    .filter({ visible: true })
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await panel(page).getByRole("button", { name: "Platform" }).waitFor();
  assert.equal(await panel(page).getByRole("button", { name: "Recent area" }).count(), 0);
  assert.equal(await panel(page).getByRole("heading", { name: "Attributes" }).count(), 0);
  await page.keyboard.press("Escape");
  await page.locator("tbody tr").first().hover();
  await page.locator("tbody input[type=checkbox]").first().check();
  const selection = page.getByRole("region", { name: "Selected customers" });
  await selection.getByRole("button", { name: "Export" }).waitFor();
  assert.equal(await selection.getByRole("button", { name: "Merge" }).count(), 0);
});

test("an empty database accepts a file, line by line, and sample data by one click", async (t) => {
  const folder = await temporaryFolder(t);
  const at = await serve(t, "--db", `surrealkv://${folder}/data?sync=never`);
  // The servers end before the pages do, which then complain.
  const page = await visit(t, "/customers", { at, quiet: false });
  await page.getByRole("heading", { name: "No customers yet" }).waitFor();
  assert.deepEqual(await violations(page), []);
  const message = (id, more) =>
    JSON.stringify({
      message_id: id,
      type: "identify",
      timestamp: "2026-01-02T03:04:05Z",
      source: "crm",
      identifiers: { external_id: `e-${id}` },
      ...more,
    });
  const lines = [message("m1"), message("m2"), message("m1"), message("m3", { timestamp: "yesterday" })];
  const buffer = Buffer.from(`${lines.join("\n")}\n`);
  const field = page.locator("input[type=file]");
  await field.setInputFiles({ name: "table.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n") });
  await page.getByText("profile360 map table.csv").waitFor();
  await field.setInputFiles({ name: "messages.ndjson", mimeType: "application/x-ndjson", buffer });
  await page.getByText("Line 4").waitFor();
  const figures = await page.locator("dl dd").allTextContents();
  assert.deepEqual(figures, ["2", "1", "1"]);
  await page.getByRole("button", { name: "Show customers" }).click();
  await until(async () => (await counted(page)) === 2, "the customers of the file");

  const empty = await serve(t, "--db", `surrealkv://${folder}/other?sync=never`);
  const other = await visit(t, "/customers", { at: empty, quiet: false });
  await other.getByRole("button", { name: "Add sample data" }).click();
  await until(async () => (await links(other).count()) > 10, "the sample customers");
});
