import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, until, visit } from "./harness.mjs";

const buyer = `{
  profiles(first: 1, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) { nodes { unifiedId } }
}`;

const card = `query ($unifiedId: ID!, $asOf: Date, $months: Int!, $by: RankBy!) {
  profile(by: { unifiedId: $unifiedId }, asOf: $asOf) {
    unifiedId
    asOf
    basic { name }
    identifiers { kind value }
    activity { eventCount sessionCount }
    purchases {
      windows { months count amount average }
      topCategories(months: $months, by: $by) { name units orders amount }
      topProducts(months: $months, by: $by) { name units orders amount }
    }
  }
}`;

async function bestCustomer(variables = {}) {
  const { profiles } = await ask(buyer);
  const { unifiedId } = profiles.nodes[0];
  const { profile } = await ask(card, { unifiedId, months: 12, by: "UNITS", ...variables });
  return profile;
}

const shownWindows = (page) =>
  page
    .locator("tr[data-months]")
    .evaluateAll((rows) =>
      rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)),
    );

const shownRanking = (page, title) =>
  page
    .locator(`[data-ranking="${title}"] tbody tr`)
    .evaluateAll((rows) =>
      rows.map((row) => [
        row.querySelector("td:nth-child(2) > span").textContent,
        ...[...row.querySelectorAll("td:nth-child(n+3)")].map((cell) => cell.textContent),
      ]),
    );

const wantedWindows = ({ purchases }) =>
  purchases.windows.map(({ count, amount, average }) => [count, Number(amount), Number(average ?? 0)]);
const wantedRanking = (items) =>
  items.map(({ name, units, orders, amount }) => [name, units, orders, Number(amount)]);

async function agrees(page, profile) {
  await until(async () => {
    const windows = (await shownWindows(page)).map((cells) => cells.map(figure));
    // The page rounds an average to the currency's smallest unit.
    const wanted = wantedWindows(profile);
    return (
      windows.length === wanted.length &&
      windows.every((cells, row) =>
        cells.every((value, column) => Math.abs(value - wanted[row][column]) <= 0.5),
      )
    );
  }, "the purchase windows to equal the API's");
  for (const [title, items] of [
    ["Categories", profile.purchases.topCategories],
    ["Products", profile.purchases.topProducts],
  ]) {
    const wanted = JSON.stringify(wantedRanking(items));
    await until(async () => {
      const rows = await shownRanking(page, title);
      return JSON.stringify(rows.map(([name, ...figures]) => [name, ...figures.map(figure)])) === wanted;
    }, `the ranking of ${title} to equal the API's`);
  }
}

test("a click opens the card, and its figures are the API's", async (t) => {
  const profile = await bestCustomer();
  const page = await visit(t, "/customers?sort=PURCHASE_AMOUNT_12M.DESC");
  await page
    .locator("tbody tr")
    .filter({ has: page.locator("a") })
    .first()
    .click();
  await page.waitForURL(`**/customers/${profile.unifiedId}`);
  await page.getByText(profile.unifiedId).first().waitFor();
  await agrees(page, profile);
  for (const [name, value] of [
    ["Events", profile.activity.eventCount],
    ["Sessions", profile.activity.sessionCount],
  ]) {
    const shown = await page
      .locator("#overview dl > div")
      .filter({ hasText: name })
      .locator("dd")
      .textContent();
    assert.equal(figure(shown), value);
  }
  assert.equal(await page.locator("#identifiers tbody tr").count(), profile.identifiers.length);
});

test("the back button finds the list where it was left", async (t) => {
  const page = await visit(t, "/customers");
  const list = page.locator("#customer-list");
  const row = page.locator('tr[aria-rowindex="41"]');
  const offset = () => list.evaluate((element) => element.scrollTop);
  const isFocused = () => row.locator("a").evaluate((link) => link === document.activeElement);

  // With the keyboard the row comes back with the focus.
  await page.locator("tbody a").first().waitFor();
  for (let step = 0; step < 40; step += 1) await page.keyboard.press("ArrowDown");
  await until(isFocused, "the fortieth customer");
  const before = await offset();
  assert.ok(before > 0);
  await page.keyboard.press("Enter");
  await page.locator("#overview").waitFor();
  await page.goBack();
  await until(async () => (await offset()) === before && (await isFocused()), "the same place and row");

  // With the pointer, any cell opens its row.
  await list.evaluate((element) => element.scrollBy(0, 200));
  await until(async () => (await offset()) === before + 200, "the list to scroll");
  const address = await row.locator("a").getAttribute("href");
  await row.locator("td").nth(3).click();
  await page.waitForURL(`**${address}`);
  await page.goBack();
  await until(async () => (await offset()) === before + 200, "the same place in the list");
});

test("a deep link shows another date, window and measure", async (t) => {
  const today = await bestCustomer();
  const asOf = `${Number(today.asOf.slice(0, 4)) - 1}${today.asOf.slice(4, 8)}15`;
  const profile = await bestCustomer({ asOf, months: 6, by: "AMOUNT" });
  const page = await visit(t, `/customers/${profile.unifiedId}?asOf=${asOf}&months=6&by=AMOUNT`);
  assert.equal(await page.getByRole("textbox", { name: "As of" }).inputValue(), asOf);
  assert.ok(await page.getByRole("radio", { name: "6 months" }).isChecked());
  assert.ok(await page.getByRole("radio", { name: "Amount" }).isChecked());
  await agrees(page, profile);
});

test("window and measure change the rankings and the address", async (t) => {
  const profile = await bestCustomer({ months: 3, by: "ORDERS" });
  const page = await visit(t, `/customers/${profile.unifiedId}`);
  await page.locator("label", { hasText: "3 months" }).click();
  await page.locator("#rankings label", { hasText: "Orders" }).click();
  await agrees(page, profile);
  assert.equal(new URL(page.url()).search, "?months=3&by=ORDERS");
});

test("the slider ranks again as it moves, without a request", async (t) => {
  const today = await bestCustomer();
  const page = await visit(t, `/customers/${today.unifiedId}`);
  const slider = page.getByRole("slider", { name: "As of" });
  await slider.waitFor();
  await agrees(page, today);
  // The charts come from the module: once they are there, it answers; before, the server does.
  await page.locator("[data-months-chart] li").first().waitFor();
  let asked = 0;
  page.on("request", (request) => {
    // The count in the navigation is polled in every view.
    if (request.url().endsWith("/graphql") && !request.postData().includes("InboxCounts")) asked += 1;
  });
  await slider.focus();
  for (let day = 0; day < 40; day += 1) await page.keyboard.press("ArrowLeft");
  const asOf = new Date(Date.parse(today.asOf) - 40 * 86_400_000).toISOString().slice(0, 10);
  await until(() => new URL(page.url()).searchParams.get("asOf") === asOf, "the date in the address");
  const shown = await shownWindows(page);
  assert.equal(asked, 0, "the page sends no request");
  assert.ok(shown.length > 0);
  await agrees(page, await bestCustomer({ asOf }));
});

test("before the module answers, the server is asked for the date at which the slider stops, not for every step", async (t) => {
  const today = await bestCustomer();
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  t.after(() => release());
  const page = await visit(t, `/customers/${today.unifiedId}`, {
    prepare: (page) =>
      page.context().route("**/*.wasm", async (route) => {
        await held;
        await route.continue().catch(() => {
          // The page is closed.
        });
      }),
  });
  await agrees(page, today);
  const slider = page.getByRole("slider", { name: "As of" });
  const dates = [];
  page.on("request", (request) => {
    if (!request.url().endsWith("/graphql")) return;
    const { operationName, variables } = request.postDataJSON();
    if (operationName === "Customer") dates.push(variables.asOf);
  });
  await slider.focus();
  for (let day = 0; day < 40; day += 1) await page.keyboard.press("ArrowLeft");
  const asOf = new Date(Date.parse(today.asOf) - 40 * 86_400_000).toISOString().slice(0, 10);
  await agrees(page, await bestCustomer({ asOf }));
  assert.equal(dates.at(-1), asOf);
  assert.ok(dates.length < 10, `the server was asked ${dates.length} times for 40 steps`);
  assert.equal(await page.locator("[data-months-chart]").count(), 0, "the module has not answered");

  // From now on the module answers, at the position of the slider.
  const before = dates.length;
  release();
  await page.locator("[data-months-chart] li").first().waitFor();
  await agrees(page, await bestCustomer({ asOf }));
  assert.equal(dates.length, before);
});

test("the charts show every purchase by hour, and 24 months", async (t) => {
  const { unifiedId, purchases } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}`);
  await page.locator("[data-months-chart] li").first().waitFor();
  assert.equal(await page.locator("[data-months-chart] li").count(), 24);
  const drawn = await page
    .locator("td[data-count]")
    .evaluateAll((cells) => cells.reduce((sum, cell) => sum + Number(cell.dataset.count), 0));
  assert.ok(drawn >= purchases.windows.find(({ months }) => months === 12).count);
});

test("an unknown ID leads back to the list", async (t) => {
  const page = await visit(t, "/customers/00000000-0000-8000-8000-000000000000");
  await page.getByRole("heading", { name: "Customer not found" }).waitFor();
  await page.getByRole("main").getByRole("link", { name: "Customers" }).click();
  await page.locator("tbody a").first().waitFor();
});
