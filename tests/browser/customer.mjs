import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ask, figure, run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

const buyer = `{
  profiles(first: 1, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) { nodes { unifiedId } }
}`;

const card = `query ($unifiedId: ID!, $asOf: Date, $by: RankBy!, $first: Int!) {
  profile(by: { unifiedId: $unifiedId }, asOf: $asOf) {
    unifiedId
    asOf
    basic { name phone email }
    identifiers { kind value retiredAt }
    activity { firstAccessAt eventCount sessionCount }
    purchases {
      windows { months count amount average }
      rankings(by: $by, first: $first) {
        months
        categories { name units orders amount }
        products { name units orders amount }
      }
    }
  }
}`;

async function bestCustomer(variables = {}) {
  const { profiles } = await ask(buyer);
  const { unifiedId } = profiles.nodes[0];
  const { profile } = await ask(card, { unifiedId, by: "UNITS", first: 3, ...variables });
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
    .locator(`[data-ranking="${title}"] tr[data-flip]`)
    .evaluateAll((rows) =>
      rows.map((row) => [
        row.querySelector("bdi").textContent,
        ...[...row.querySelectorAll("td:nth-child(n+3)")].map((cell) => cell.textContent),
      ]),
    );

const shownTop = (page, title, months) =>
  page
    .locator(`[data-top="${title}"][data-window="${months}"] li`)
    .evaluateAll((rows) => rows.map((row) => [...row.children].slice(1, 3).map((cell) => cell.textContent)));

const wantedWindows = ({ purchases }) =>
  purchases.windows.map(({ count, amount, average }) => [count, Number(amount), Number(average ?? 0)]);
const targets = [
  ["Categories", "categories"],
  ["Products", "products"],
];

async function windowsAgree(page, profile) {
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
}

/** The first three of every window, by a measure of the API. */
async function agrees(page, profile, measure = "units") {
  await windowsAgree(page, profile);
  for (const { months, ...ranking } of profile.purchases.rankings) {
    for (const [title, target] of targets) {
      const wanted = JSON.stringify(ranking[target].map((item) => [item.name, Number(item[measure])]));
      await until(async () => {
        const rows = await shownTop(page, title, months);
        return JSON.stringify(rows.map(([name, value]) => [name, figure(value)])) === wanted;
      }, `the ${title} of ${months} months to equal the API's`);
    }
  }
}

/** The ten of one window, with all measures. */
async function tableAgrees(page, profile, months) {
  await windowsAgree(page, profile);
  const ranking = profile.purchases.rankings.find((each) => each.months === months);
  for (const [title, target] of targets) {
    const wanted = JSON.stringify(
      ranking[target].map(({ name, units, orders, amount }) => [name, units, orders, Number(amount)]),
    );
    await until(async () => {
      const rows = await shownRanking(page, title);
      return JSON.stringify(rows.map(([name, ...figures]) => [name, ...figures.map(figure)])) === wanted;
    }, `the ranking of ${title} to equal the API's`);
  }
}

const answeredByModule = (page) => page.locator('#purchases[data-figures="module"]').waitFor();

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
  const asOf = new Date(Date.parse(today.asOf) - 75 * 86_400_000).toISOString().slice(0, 10);
  const profile = await bestCustomer({ asOf, by: "AMOUNT", first: 10 });
  const page = await visit(t, `/customers/${profile.unifiedId}?asOf=${asOf}&months=6&by=AMOUNT`);
  await page.getByRole("radio", { name: "6 months" }).waitFor();
  assert.equal(await page.getByRole("textbox", { name: "As of" }).inputValue(), asOf);
  assert.ok(await page.getByRole("radio", { name: "6 months" }).isChecked());
  assert.ok(await page.getByRole("radio", { name: "Amount" }).isChecked());
  await tableAgrees(page, profile, 6);
});

test("measure and the long rankings are in the address", async (t) => {
  const page = await visit(t, `/customers/${(await bestCustomer()).unifiedId}`);
  await page.locator("#rankings label", { hasText: "Orders" }).click();
  await agrees(page, await bestCustomer({ by: "ORDERS" }), "orders");
  assert.equal(new URL(page.url()).search, "?by=ORDERS");
  await page.getByRole("button", { name: "Show top 10" }).click();
  await page.locator("label", { hasText: "3 months" }).click();
  await tableAgrees(page, await bestCustomer({ by: "ORDERS", first: 10 }), 3);
  assert.equal(new URL(page.url()).search, "?by=ORDERS&months=3");
  await page.getByRole("button", { name: "Show top 3" }).click();
  await page.locator("[data-top]").first().waitFor();
  assert.equal(new URL(page.url()).search, "?by=ORDERS");
});

test("the slider ranks again as it moves, without a request", async (t) => {
  const today = await bestCustomer();
  const page = await visit(t, `/customers/${today.unifiedId}`);
  const slider = page.getByRole("slider", { name: "As of" });
  await slider.waitFor();
  await agrees(page, today);
  await answeredByModule(page);
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

for (const [locale, name] of [
  ["en-US", "As of"],
  ["ko-KR", "기준일"],
]) {
  for (const width of [1440, 1920]) {
    test(`the slider is dragged: ${locale}, ${width} wide`, async (t) => {
      const { unifiedId } = await bestCustomer();
      const page = await visit(t, `/customers/${unifiedId}`, { locale, viewport: { width, height: 900 } });
      await answeredByModule(page);
      const slider = page.getByRole("slider", { name });
      const before = await slider.boundingBox();
      const value = () => slider.evaluate((element) => Number(element.value));
      const values = [await value()];
      const middle = before.y + before.height / 2;
      await page.mouse.move(before.x + before.width - 8, middle);
      await page.mouse.down();
      for (let step = 1; step <= 20; step += 1) {
        await page.mouse.move(before.x + before.width - 8 - step * (before.width / 30), middle);
        values.push(await value());
        assert.deepEqual(await slider.boundingBox(), before, `the slider stays in step ${step}`);
      }
      await page.mouse.up();
      const falls = values.every((each, index) => index === 0 || each <= values[index - 1]);
      assert.ok(falls && values.at(-1) < values[0] - 10, `the date falls: ${values}`);
      await until(() => new URL(page.url()).searchParams.has("asOf"), "the date in the address");
      assert.deepEqual(await slider.boundingBox(), before);
    });
  }
}

test("a past date says what it covers, and cannot be out of range", async (t) => {
  const { unifiedId, asOf: today, activity } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}?asOf=1999-12-31`);
  const field = page.getByRole("textbox", { name: "As of" });
  // The first access, in the policy's time zone.
  const first = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Seoul", dateStyle: "short" }).format(
    new Date(activity.firstAccessAt),
  );
  await until(async () => (await field.inputValue()) === first, "the first date");
  await page.getByText(/^Purchases as of .* Everything else is current\.$/).waitFor();
  assert.ok(await page.getByRole("button", { name: "One month earlier" }).isDisabled());
  await page.getByText(/^No purchases before /).waitFor();
  assert.equal(await page.locator("[data-months-chart], tr[data-months]").count(), 0);
  await page.getByRole("button", { name: "Back to today" }).click();
  await until(async () => (await field.inputValue()) === today, "today");
  assert.equal(new URL(page.url()).search, "");
  assert.ok(await page.getByRole("button", { name: "One month later" }).isDisabled());
  await page.locator("[data-months-chart] li").first().waitFor();

  // What is typed out of range selects nothing, and the field returns to what is selected.
  await field.fill("1999-12-31");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.blur();
  assert.equal(await field.inputValue(), today);
  assert.equal(new URL(page.url()).search, "");
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
  assert.equal(await page.locator("#purchases").getAttribute("data-figures"), "server");

  // From now on the module answers, at the position of the slider.
  const before = dates.length;
  release();
  await answeredByModule(page);
  await agrees(page, await bestCustomer({ asOf }));
  assert.equal(dates.length, before);
});

/** Orders by month and in all, as the charts show them. */
const chart = async (page) => ({
  months: await page
    .locator("[data-months-chart] li")
    .evaluateAll((bars) => bars.map((bar) => [bar.dataset.month, bar.dataset.amount])),
  hours: await page
    .locator("td[data-count]")
    .evaluateAll((cells) => cells.reduce((sum, cell) => sum + Number(cell.dataset.count), 0)),
});

test("the charts are the same without the module, which did not load", async (t) => {
  const { unifiedId, purchases } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}`);
  await answeredByModule(page);
  const wanted = await chart(page);
  assert.equal(wanted.months.length, 24);
  assert.ok(wanted.hours >= purchases.windows.find(({ months }) => months === 12).count);

  const other = await visit(t, `/customers/${unifiedId}`, {
    quiet: false,
    prepare: (page) => page.context().route("**/*.wasm", (route) => route.abort()),
  });
  await other.locator("[data-months-chart] li").first().waitFor();
  assert.deepEqual(await chart(other), wanted);
  await agrees(other, await bestCustomer());
  assert.equal(await other.locator("#purchases").getAttribute("data-figures"), "server");
});

test("the month chart says its figures to a pointer, to a finger and to the keyboard", async (t) => {
  const { unifiedId } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}`, { hasTouch: true });
  const bars = page.locator("[data-months-chart] button");
  const tip = page.getByTestId("month-tip");
  await bars.last().hover();
  const last = await tip.textContent();
  await page.mouse.move(0, 0);
  await tip.waitFor({ state: "detached" });
  await bars.nth(20).tap();
  assert.notEqual(await tip.textContent(), last);
  await bars.last().focus();
  assert.equal(await tip.textContent(), last);
  await page.keyboard.press("ArrowLeft");
  await until(async () => (await tip.textContent()) !== last, "the month before");
  await page.keyboard.press("End");
  await until(async () => (await tip.textContent()) === last, "the last month");
  assert.equal(await page.locator("[data-months-chart] button[tabindex='0']").count(), 1);
});

test("identification and the recent device are on the first screen", async (t) => {
  const { profiles } =
    await ask(`{ profiles(first: 100, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) {
    nodes { unifiedId basic { phone email } identifiers { kind value shared } devices { deviceId shared model os } }
  } }`);
  const richness = ({ identifiers }) => new Set(identifiers.map(({ kind }) => kind)).size;
  const customer = profiles.nodes.reduce((best, each) => (richness(each) > richness(best) ? each : best));
  const page = await visit(t, `/customers/${customer.unifiedId}`);
  const summary = page.getByRole("complementary");
  const isOnScreen = async (locator) => {
    const box = await locator.boundingBox();
    return box !== null && box.y >= 0 && box.y + box.height <= 900;
  };
  for (const kind of ["external ID", "Mobile phone", "Email", "Kakao ID", "LINE ID", "customer card"]) {
    const row = summary
      .locator("dl > div")
      .filter({ hasText: new RegExp(`^${kind}`, "i") })
      .first();
    await row.waitFor();
    assert.ok(await isOnScreen(row), kind);
  }
  for (const item of [
    "Model",
    "Carrier",
    "Browser",
    "Country",
    "City",
    "Library version",
    "Operating system",
    "Language",
    "Time zone",
    "Last used",
    "Device ID",
  ]) {
    const row = page.locator("#overview details dl > div").filter({ hasText: new RegExp(`^${item}`) });
    assert.ok(await isOnScreen(row), item);
  }
  const phone = summary.locator('a[href^="tel:"]').first();
  assert.equal(await phone.getAttribute("href"), `tel:${customer.basic.phone}`);
  assert.equal(
    await summary.locator('a[href^="mailto:"]').first().getAttribute("href"),
    `mailto:${customer.basic.email}`,
  );
  // Copying is offered to a pointer and to the keyboard.
  const copy = summary.getByRole("button", { name: "Copy phone" }).first();
  const opacity = () => copy.locator("..").evaluate((element) => Number(getComputedStyle(element).opacity));
  await page.mouse.move(0, 0);
  assert.equal(await opacity(), 0);
  await phone.hover();
  assert.equal(await opacity(), 1);
  await page.mouse.move(0, 0);
  await copy.focus();
  assert.equal(await opacity(), 1);
});

test("counts of devices agree, and a shared device is marked", async (t) => {
  const { profiles } = await ask(
    "{ profiles(first: 200) { nodes { unifiedId basic { deviceCount } devices { shared } } } }",
  );
  const { unifiedId, basic, devices } = profiles.nodes.find(
    ({ devices }) => devices.length > 1 && devices.some(({ shared }) => shared),
  );
  const page = await visit(t, `/customers/${unifiedId}`);
  const shared = devices.filter((device) => device.shared).length;
  const said = `${basic.deviceCount} (${shared} shared)`;
  await page.locator("#overview dl > div").filter({ hasText: "Connected devices" }).getByText(said).waitFor();
  await page.getByRole("complementary").getByText(said).waitFor();
  await page.locator("#devices li").first().waitFor();
  assert.equal(await page.locator("#devices li").count(), basic.deviceCount);
  assert.equal(await page.locator("#devices").getByText("Shared device").count(), shared);
});

test("a link to a section lands there while the rest is still loaded", async (t) => {
  const { unifiedId } = await bestCustomer();
  for (const section of ["rankings", "timeline"]) {
    const page = await visit(t, `/customers/${unifiedId}#${section}`);
    await answeredByModule(page);
    await page.locator("#timeline summary").first().waitFor();
    await page.locator("[data-top] li").first().waitFor();
    const distance = () =>
      page.evaluate((id) => {
        const element = document.getElementById(id);
        const wanted = Number.parseFloat(getComputedStyle(element).scrollMarginTop);
        return Math.abs(element.getBoundingClientRect().top - wanted);
      }, section);
    await until(async () => (await distance()) < 2, `${section} to be at the top`);
    // Where the reader has scrolled, the page stays.
    await page.mouse.move(900, 500);
    await page.mouse.wheel(0, -300);
    await until(async () => (await distance()) > 100, "the page to scroll");
    await page.setViewportSize({ width: 1300, height: 900 });
    assert.ok((await distance()) > 50);
  }
});

test("a purchase of today is named, and counts from tomorrow", async (t) => {
  const folder = await temporaryFolder(t);
  const at = await serve(t, "--db", `surrealkv://${folder}/data?sync=never`);
  const now = new Date();
  const message = {
    message_id: "today-1",
    type: "event",
    timestamp: now.toISOString(),
    source: "shop",
    identifiers: { external_id: "buyer" },
    event: "df_purchase",
    properties: { df_order_id: "o-1", df_total_purchase_amount: 25800 },
  };
  await fetch(`${at}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: JSON.stringify(message),
  });
  const page = await visit(t, "/customers", { at });
  await page.locator("tbody a").first().click();
  await page.getByText("Today: 1 order, ₩25,800 (counted from tomorrow)").waitFor();
  await page.getByText(/^No purchases before /).waitFor();
  assert.ok(!(await page.locator("#purchases").textContent()).includes("Highest"));
});

test("a reader sees the charts, and is not offered what a reader cannot do", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const reader = run("key", "create", "--role", "READER", "--keys", keys);
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);
  const facts = [];
  const page = await visit(t, "/customers", {
    at,
    quiet: false,
    prepare: (page) => page.addInitScript((key) => sessionStorage.setItem("profile360.key", key), reader),
  });
  page.on("request", (request) => {
    if (request.postData()?.includes("profileFacts")) facts.push(request.url());
  });
  await page.locator("tbody a").first().click();
  await page.locator("[data-months-chart] li, #purchases > p").first().waitFor();
  await page.getByText("Personal data is masked for your role").waitFor();
  assert.equal(await page.locator('a[href^="tel:"], a[href^="mailto:"], a[href^="/merge?"]').count(), 0);
  assert.equal(await page.getByRole("button", { name: /^Copy (?!unified)/ }).count(), 0);
  assert.deepEqual(facts, [], "facts, which a reader may not see, are not asked for");
  await page.locator("#timeline").waitFor();
  assert.deepEqual(await violations(page), []);
});

test("on a phone the sections stay at hand, and the rest is folded", async (t) => {
  const { unifiedId } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}`, { viewport: { width: 375, height: 800 } });
  const sections = page.getByRole("navigation", { name: "Profile sections" });
  await sections.waitFor();
  const { y } = await page.locator("#purchases").boundingBox();
  assert.ok(y < 1000, `purchases begin at ${y}`);
  const consents = page.getByRole("heading", { name: "Consents" });
  assert.ok(!(await consents.isVisible()));
  await page.getByText("All profile details").click();
  await consents.waitFor();
  await sections.getByRole("link", { name: "Attributes" }).click();
  await until(async () => {
    const box = await sections.boundingBox();
    return box.y >= 0 && box.y < 150;
  }, "the sections to stay");
});

test("on a tablet the summary has three columns", async (t) => {
  const { unifiedId } = await bestCustomer();
  const page = await visit(t, `/customers/${unifiedId}`, { viewport: { width: 1024, height: 768 } });
  const boxes = await Promise.all(
    ["Identification", "Profile", "Consents"].map((name) =>
      page.getByRole("heading", { name, exact: true }).boundingBox(),
    ),
  );
  assert.ok(boxes.every(({ y }) => y === boxes[0].y) && boxes[0].x < boxes[1].x && boxes[1].x < boxes[2].x);
});

test("consents are said once", async (t) => {
  const { profiles } = await ask("{ profiles(first: 50) { nodes { unifiedId consents { channel } } } }");
  const { unifiedId } = profiles.nodes.find(({ consents }) => consents.length > 2);
  const page = await visit(t, `/customers/${unifiedId}`);
  const consent = page.getByRole("complementary").locator("details").filter({ hasText: "Push" }).first();
  await consent.locator("summary").click();
  // Where it is from is there, too.
  await consent.getByText(/Rule: /).waitFor();
  assert.equal(await page.locator("#attributes").getByText(/^Push/).count(), 0);
});

test("an unknown ID leads back to the list", async (t) => {
  const page = await visit(t, "/customers/00000000-0000-8000-8000-000000000000");
  await page.getByRole("heading", { name: "Customer not found" }).waitFor();
  await page.getByRole("main").getByRole("link", { name: "Customers" }).click();
  await page.locator("tbody a").first().waitFor();
});
