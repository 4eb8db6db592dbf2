import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

const cases = `query ($kind: ReviewCaseKind, $orderBy: ReviewCaseOrder, $search: String) {
  reviewCases(kind: $kind, orderBy: $orderBy, search: $search, first: 100) {
    totalCount
    nodes {
      id kind score linkCount customerCount lastSeenAt value { kind value }
      customers { profile { unifiedId basic { name } } links { link { a { unifiedId } b { unifiedId } } } }
    }
  }
}`;
const counts = `{ reviewCounts { contested shared blocked settled } }`;

const listed = async (kind = "CONTESTED", more = {}) => {
  const { reviewCases } = await ask(cases, { kind, ...more });
  return reviewCases.nodes;
};
const countsNow = async () => (await ask(counts)).reviewCounts;
const rows = (page) => page.locator("section li > button[class*=row]");
const chosen = (page) => new URL(page.url()).searchParams.get("case");
const heading = (page) => page.locator("article h2");
const reason = (page) => page.getByRole("textbox", { name: "Reason" });
const columns = (page) => page.locator("article thead a");

test("one value is one case; the badge counts the cases that need a decision", async (t) => {
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const { contested, shared } = await countsNow();
  assert.equal((await listed()).length, contested);
  await until(async () => figure(await page.locator("h1").textContent()) === contested, "the count of cases");
  const badge = page.getByRole("navigation").getByRole("link", { name: /^Review/ });
  assert.equal(figure(await badge.textContent()), contested);
  // A shop's tablet links dozens of customers: it is one case, and asks for nothing.
  const filter = page.getByRole("button", { name: /^Shared values/ });
  assert.equal(figure(await filter.textContent()), shared);
  await filter.click();
  assert.match(page.url(), /\?kind=SHARED$/);
  await until(async () => (await rows(page).count()) === shared, "one row for each shared value");
  const [tablet] = await listed("SHARED");
  assert.ok(tablet.linkCount > 10);
  await page.getByRole("button", { name: "Mark as store device" }).waitFor();
});

test("the first opening sends at most four requests", async (t) => {
  const sent = [];
  const page = await visit(t, "/inbox", {
    prepare: (page) =>
      page.on("request", (request) => {
        if (new URL(request.url()).pathname === "/graphql") sent.push(request.postDataJSON()?.query);
      }),
  });
  await columns(page).nth(1).waitFor();
  await until(async () => (await page.locator("nav a[aria-current] span").count()) === 1, "the badge");
  const names = sent.map((query) => /query (\w+)/.exec(query)?.[1]);
  // The counts are polled: on a slow machine the first poll comes before the case is shown.
  const first = names.filter((name, position) => name !== "InboxCounts" || names.indexOf(name) === position);
  assert.ok(first.length <= 4, names.join(", "));
});

test("cases are sorted by score, by time and by evidence, and searched by customer", async (t) => {
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const titles = async () => await rows(page).locator("bdi").allTextContents();
  const wanted = (nodes) => nodes[0].customers.map(({ profile }) => profile.basic.name).filter(Boolean);
  for (const order of ["NEWEST", "EVIDENCE", "SCORE"]) {
    await page.getByRole("combobox", { name: "Sort by" }).selectOption(order);
    const names = wanted(await listed("CONTESTED", { orderBy: order }));
    await until(async () => {
      const [first] = await titles();
      return names.some((name) => first?.includes(name));
    }, `the first by ${order}`);
  }
  const scores = await rows(page).locator("[class*=score] > [aria-hidden]:last-child").allTextContents();
  assert.deepEqual(
    scores.map(Number),
    scores.map(Number).toSorted((a, b) => b - a),
    "the best match first",
  );

  const nodes = await listed();
  const name = wanted(nodes.slice(-1))[0];
  await page.getByRole("textbox", { name: "Search cases" }).fill(name);
  const found = await listed("CONTESTED", { search: name });
  await until(async () => (await rows(page).count()) === found.length, "the cases of this customer");
  assert.ok((await titles()).every((title) => title.includes(name)) || found.length > 1);
  await page.keyboard.press("Escape");
  await until(async () => (await rows(page).count()) > found.length, "all cases again");
});

test("the customers are compared side by side, the name first, and what differs says so", async (t) => {
  const page = await visit(t, "/inbox?order=EVIDENCE");
  const [first] = await listed("CONTESTED", { orderBy: "EVIDENCE" });
  await columns(page).nth(1).waitFor();
  const names = first.customers.map(({ profile }) => profile.basic.name ?? "Unnamed customer");
  const shown = await columns(page).allTextContents();
  assert.equal(shown.length, names.length);
  assert.match(await page.locator("article tbody th").first().textContent(), /^Name/);
  assert.match(await heading(page).textContent(), new RegExp(`claimed by ${first.customerCount} customers`));
  await page.locator("article [class*=signals] li").first().waitFor();
});

test("D, a digit and Enter are a whole decision; the next case gets the focus; Z undoes it", async (t) => {
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const [first, second, third] = await listed();
  const before = await countsNow();
  await page.keyboard.press("j");
  await until(() => chosen(page) === second.id, "the second case");
  await page.keyboard.press("k");
  await until(() => chosen(page) === first.id, "the first case again");
  await columns(page).nth(1).waitFor();
  await page.keyboard.press("d");
  await reason(page).waitFor();
  await page.keyboard.press("1");
  assert.equal(await reason(page).inputValue(), "Shared within a family");
  await page.keyboard.press("Enter");
  await until(() => chosen(page) === second.id, "its neighbor in its place");
  const toast = page.getByRole("status").filter({ hasText: "kept separate" });
  await toast.waitFor();
  await until(
    async () => await heading(page).evaluate((element) => element === document.activeElement),
    "the focus on the heading of the next case",
  );
  assert.deepEqual(await countsNow(), {
    ...before,
    contested: before.contested - 1,
    settled: before.settled + 1,
  });

  // The reason is remembered: the next decision needs no reason at all. One toast shows at a time.
  await columns(page).nth(1).waitFor();
  await page.keyboard.press("d");
  await until(
    async () => (await reason(page).inputValue()) === "Shared within a family",
    "the reason that was given last",
  );
  await page.keyboard.press("Enter");
  await until(() => chosen(page) === third.id, "the third case");
  await page.getByText("+1", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 1);
  const box = await page.locator("[class*=toasts]").boundingBox();
  const answers = await page.locator("[class*=choices]").boundingBox();
  assert.ok(box.x + box.width < answers.x || box.y + box.height < answers.y, "the toast covers no answer");

  await page.keyboard.press("z");
  await page.getByText("Reverted.").waitFor();
  await until(async () => (await countsNow()).contested === before.contested - 1, "the second is back");
  for (const { id } of (await ask(`{ decisions(first: 10) { nodes { id } } }`)).decisions.nodes)
    await ask(`mutation ($id: ID!) { revokeDecision(id: $id, reason: "test") { status } }`, { id });
  assert.deepEqual(await countsNow(), before);
});

test("of several customers some are one person: one request, one undo", async (t) => {
  const wide = (await listed()).find(({ customerCount }) => customerCount > 2);
  const before = await countsNow();
  const page = await visit(t, `/inbox?case=${wide.id}`);
  await columns(page).nth(2).waitFor();
  await page.keyboard.press("s");
  const boxes = page.getByRole("checkbox", { name: "Same person" });
  await boxes.first().waitFor();
  assert.equal(await page.getByRole("checkbox", { name: "Same person", checked: true }).count(), 2);
  await page.keyboard.press("3");
  await page.getByRole("button", { name: "Merge 2 customers" }).click();
  await page.getByText(/^Merged /).waitFor();
  await until(async () => (await countsNow()).contested === before.contested - 1, "the case is answered");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Reverted.").waitFor();
  assert.deepEqual(await countsNow(), before);
});

test("a value that was reassigned is previewed from the day on which the last customer was first seen with it", async (t) => {
  const [first] = await listed();
  const page = await visit(t, `/inbox?case=${first.id}`);
  await columns(page).nth(1).waitFor();
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog");
  await dialog.locator("[data-parts]").waitFor();
  assert.match(await dialog.locator("input[type=date]").inputValue(), /^\d{4}-\d\d-\d\d$/);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await listed())[0].id, first.id, "nothing was changed");
});

test("a case that changed since it was shown is not answered", async (t) => {
  const [first] = await listed();
  const before = await countsNow();
  const page = await visit(t, `/inbox?case=${first.id}`);
  await columns(page).nth(1).waitFor();
  // The page does not see it: its requests for fresh data are not sent.
  await page.route("**/graphql", (route) =>
    /query ReviewCase\b/.test(route.request().postDataJSON().query) ? route.abort() : route.continue(),
  );
  await page.keyboard.press("d");
  await reason(page).fill("checked");
  const [customer] = first.customers;
  const { unifiedId } = customer.profile;
  const { profile } = await ask(
    `query ($unifiedId: ID!) { profile(by: { unifiedId: $unifiedId }) { identifiers { kind value } } }`,
    { unifiedId },
  );
  const { kind, value } = profile.identifiers[0];
  await ask(`mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }`, {
    messages: [
      {
        messageId: "stale-case",
        type: "EVENT",
        event: "df_view_home",
        timestamp: new Date().toISOString(),
        source: "test",
        identifiers: [{ kind, value }],
      },
    ],
  });
  await page.keyboard.press("Enter");
  await page.getByText("Data changed since this was shown. Nothing was saved.").waitFor();
  assert.deepEqual(await countsNow(), before);
});

test("several cases get one answer", async (t) => {
  const before = await countsNow();
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const boxes = page.getByRole("checkbox", { name: /^Select / });
  await boxes.nth(0).check();
  await boxes.nth(2).check();
  await page.getByRole("heading", { name: "2 cases selected" }).waitFor();
  await reason(page).fill("A family each");
  await page.getByRole("button", { name: "Keep separate in 2 cases" }).click();
  await page.getByText("2 cases kept separate").waitFor();
  assert.equal((await countsNow()).contested, before.contested - 2);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Reverted.").waitFor();
  assert.deepEqual(await countsNow(), before);
});

test("the address of a case that is answered or never was says so; a link leads to its case", async (t) => {
  const [first] = await listed();
  const { a, b } = first.customers.find(({ links }) => links.length > 0).links[0].link;
  const byLink = await visit(t, `/inbox?link=${a.unifiedId}.${b.unifiedId}`);
  await heading(byLink).waitFor();
  assert.match(await heading(byLink).textContent(), /claimed by/);

  const [, value] = first.id.split(".");
  const gone = await visit(t, `/inbox?case=blocked.${value}`);
  await gone.getByRole("heading", { name: "Already resolved" }).waitFor();
  const unknown = await visit(t, "/inbox?case=claimed.00000000-0000-8000-8000-000000000000");
  await unknown.getByRole("heading", { name: "Case not found" }).waitFor();
  await unknown.getByRole("button", { name: "Back to review" }).click();
  await unknown.locator("article").waitFor();
});

test("a role that decides nothing sees the cases and their reasons, and no answers", async (t) => {
  const keys = `${await temporaryFolder(t)}/keys.json`;
  const key = run("key", "create", "--role", "READER", "--name", "reader", "--keys", keys);
  const at = await serve(t, "--db", "mem://", "--demo", "--keys", keys);
  const page = await visit(t, "/inbox", {
    at,
    prepare: (page) => page.addInitScript((value) => sessionStorage.setItem("profile360.key", value), key),
  });
  await columns(page).nth(1).waitFor();
  await page.locator("[data-role-notice=decide]").waitFor();
  assert.equal(await page.getByRole("checkbox").count(), 0);
  assert.equal(await page.locator("[class*=choices]").count(), 0);
  await page.locator("article [class*=signals] li").first().waitFor();
});

test("on a phone the answers leave room for the comparison, and nothing is inaccessible", async (t) => {
  const page = await visit(t, "/inbox", { viewport: { width: 375, height: 740 } });
  await rows(page).first().click();
  await columns(page).nth(1).waitFor();
  const { height } = await page.locator("[class*=decide]").boundingBox();
  assert.ok(height < 110, `the answers take ${height} px`);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(sideways <= 0, "nothing scrolls sideways");
  assert.deepEqual(await violations(page), []);
});
