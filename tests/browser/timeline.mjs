import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ask, figure, run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

const busiest = `{
  profiles(first: 1, orderBy: { field: PURCHASE_COUNT_12M, direction: DESC }) { nodes { unifiedId activity { eventCount } } }
}`;
const details = `query ($unifiedId: ID!, $events: [String!], $search: TimelineSearch) {
  profile(by: { unifiedId: $unifiedId }) {
    eventNames { names { name count } }
    timeline(first: 200, events: $events, search: $search) {
      nodes { name at purchase { kind amount items { name quantity amount } } }
    }
  }
}`;

/** The customer with the most purchases: it has events of all kinds. */
async function buyer() {
  const { profiles } = await ask(`{
    profiles(first: 20, orderBy: { field: PURCHASE_COUNT_12M, direction: DESC }) {
      nodes { unifiedId timeline(first: 1, events: ["df_refund"]) { nodes { name } } }
    }
  }`);
  return profiles.nodes.find(({ timeline }) => timeline.nodes.length > 0).unifiedId;
}

const summaries = (page) => page.locator("#timeline summary");

async function open(t, unifiedId, { query = "", ...options } = {}) {
  const page = await visit(t, `/customers/${unifiedId}${query}`, options);
  await summaries(page).first().waitFor();
  return page;
}

/** Scrolls through the whole timeline; returns the times of all events, each once, in the sequence in which they appeared. */
async function readAll(page, count) {
  const seen = new Map();
  await until(async () => {
    const shown = await summaries(page).evaluateAll((all) =>
      all.map((summary) => [
        summary.closest("[data-key]").dataset.key,
        Date.parse(summary.querySelector("time").dateTime),
      ]),
    );
    for (const [key, at] of shown) seen.set(key, at);
    await page.evaluate(() => window.scrollBy(0, window.innerHeight / 2));
    return seen.size >= count;
  }, `all ${count} events`);
  return [...seen.values()];
}

test("the longest timeline renders few rows, and shows every event once, newest first", async (t) => {
  const { profiles } = await ask(busiest);
  const [{ unifiedId, activity }] = profiles.nodes;
  const page = await open(t, unifiedId);
  await page.getByRole("radio", { name: `All ${activity.eventCount.toLocaleString("en")}` }).waitFor();
  const times = await readAll(page, activity.eventCount);
  assert.equal(times.length, activity.eventCount);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => b - a),
  );
  const nodes = await page.locator("#timeline *").count();
  assert.ok(nodes < 1_500, `${nodes} elements for ${activity.eventCount} events`);
});

test("the filter knows all names with counts, and purchases show what they come to", async (t) => {
  const unifiedId = await buyer();
  const { profile } = await ask(details, { unifiedId, events: ["df_refund"] });
  const { names } = profile.eventNames;
  const page = await open(t, unifiedId);
  await page.getByRole("button", { name: "Event type" }).click();
  await until(
    async () => (await page.locator("#timeline [popover] input").count()) === names.length,
    "all names",
  );
  await page.keyboard.press("Escape");

  const count = names.find(({ name }) => name === "df_refund").count;
  await page.getByRole("radio", { name: `Refunds ${count}`, exact: true }).check();
  await until(async () => (await summaries(page).count()) === count, "the refunds");
  const shown = await summaries(page)
    .locator("b")
    .evaluateAll((all) => all.map((each) => each.textContent));
  assert.deepEqual(
    shown.map(figure).map(Math.abs),
    profile.timeline.nodes.map(({ purchase }) => Number(purchase.amount)),
  );
  assert.ok(shown.every((text) => text.startsWith("−")));
  assert.match(page.url(), /event=df_refund/);

  await page.getByRole("radio", { name: /^Purchases \d/ }).check();
  const { profile: bought } = await ask(details, { unifiedId, events: ["df_purchase"] });
  const [first] = bought.timeline.nodes;
  const firstName = page.locator("#timeline summary > span").first();
  await until(async () => (await firstName.textContent()) === "Purchase", "the purchases");
  await summaries(page).first().click();
  const table = page.locator("#timeline table").first();
  await table.waitFor();
  assert.equal(await table.locator("tbody tr").count(), first.purchase.items.length);
  assert.equal(
    figure(await table.locator("tbody tr").first().locator("td").last().textContent()),
    Number(first.purchase.items[0].amount),
  );
  assert.ok(!(await page.locator("#timeline details[open]").textContent()).includes("CREDIT_CARD"));
  assert.deepEqual(await violations(page), []);
});

test("a search finds products, and names in the page's language", async (t) => {
  const unifiedId = await buyer();
  const { profile } = await ask(details, { unifiedId, events: ["df_purchase"] });
  const product = profile.timeline.nodes.flatMap(({ purchase }) => purchase.items)[0].name;
  const { profile: found } = await ask(details, { unifiedId, search: { text: product } });
  const page = await open(t, unifiedId);
  await page.getByRole("button", { name: "Collapse sessions" }).waitFor();
  const field = page.getByRole("searchbox", { name: "Search this timeline" });
  await field.fill(product);
  const wanted = found.timeline.nodes.map(({ at }) => Date.parse(at));
  await until(async () => {
    const times = await page
      .locator("#timeline summary time")
      .evaluateAll((all) => all.map((time) => Date.parse(time.dateTime)));
    return times.length > 0 && times.every((at, position) => at === wanted[position]);
  }, "the events with the product");
  assert.ok(!page.url().includes(encodeURIComponent(product)), "a search may be personal");
  await field.fill("refund");
  const isRefunds = async () => {
    const shown = await page.locator("#timeline summary > span:nth-of-type(1)").allTextContents();
    return shown.length > 0 && shown.every((name) => name === "Refund");
  };
  await until(isRefunds, "the refunds");
  await field.fill("nothing has this");
  await page.getByText("No matching events").waitFor();
});

test("sessions fold, and a date leads to the events up to it", async (t) => {
  const unifiedId = await buyer();
  const { profile } = await ask(details, { unifiedId });
  const page = await open(t, unifiedId);
  const heads = page.locator("#timeline button[data-row-head]");
  await heads.first().waitFor();
  assert.match(await heads.first().textContent(), /^\d\d:\d\d.*, .+, \d+ events/);
  await heads.first().click();
  assert.equal(await heads.first().getAttribute("aria-expanded"), "false");
  await page.getByRole("button", { name: "Collapse sessions" }).click();
  await until(
    async () => (await page.locator("#timeline [aria-expanded=true]").count()) === 0,
    "all to fold",
  );

  const middle = profile.timeline.nodes[Math.floor(profile.timeline.nodes.length / 2)].at.slice(0, 10);
  await page.getByLabel("Up to").fill(middle);
  await page.waitForURL(`**until=${middle}*`);
  await page.getByRole("button", { name: "Expand sessions" }).click();
  const newest = async () =>
    (await page.locator("#timeline time").first().getAttribute("datetime"))?.slice(0, 10) ?? "9";
  await until(async () => (await newest()) <= middle, "events up to the date");
  // Another measure of the rankings keeps the place in the timeline.
  await page.locator("#rankings").getByRole("radio", { name: "Amount", exact: true }).first().check();
  await page.waitForURL("**by=AMOUNT*");
  assert.match(page.url(), /until=/);
  await page.getByRole("button", { name: "Show newest" }).click();
  await until(async () => !page.url().includes("until="), "the newest again");
});

test("by keyboard: arrows move between rows, Enter opens, and back finds the same place", async (t) => {
  const { profiles } = await ask(busiest);
  const page = await open(t, profiles.nodes[0].unifiedId);
  await summaries(page).first().focus();
  const focused = () =>
    page.evaluate(() => Number(document.activeElement?.closest("[data-index]")?.dataset.index ?? -1));
  const start = await focused();
  let before = start;
  for (let step = 1; step <= 45; step += 1) {
    // A press while further rows are being read has no row to move to.
    const moves = async () => {
      await page.keyboard.press("ArrowDown");
      return (await focused()) > before;
    };
    await until(moves, `a row after ${before}`);
    before = await focused();
  }
  // On an event, not on the head of a session.
  while (!(await page.evaluate(() => document.activeElement.matches("summary")))) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  const opened = page.locator("#timeline details[open] dl");
  await opened.waitFor();
  const text = await opened.textContent();
  const place = await page.evaluate(() => window.scrollY);
  await page.locator('a[href="/policy"]').first().click();
  await page.waitForURL("**/policy");
  await page.goBack();
  await opened.waitFor();
  assert.equal(await opened.textContent(), text);
  await until(
    async () => Math.abs((await page.evaluate(() => window.scrollY)) - place) < 80,
    "the same place in the page",
  );
});

test("a role that sees masks has no search and no amounts, and still has names and sessions", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const reader = run("key", "create", "--role", "READER", "--keys", keys);
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);
  const prepare = (page) =>
    page.addInitScript((key) => sessionStorage.setItem("profile360.key", key), reader);
  const page = await visit(t, "/customers?sort=PURCHASE_AMOUNT_12M.DESC", { at, prepare });
  await page.locator("tbody a").first().click();
  await summaries(page).first().waitFor();
  await page.getByText(/^Purchases \d/).waitFor();
  await page.locator("#timeline button[data-row-head]").first().waitFor();
  assert.equal(await page.getByRole("searchbox", { name: "Search this timeline" }).count(), 0);
  assert.equal(await page.locator("#timeline summary b").count(), 0);
});
