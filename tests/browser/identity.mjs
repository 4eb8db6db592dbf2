import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, tabTo, until, visit } from "./harness.mjs";

const list = `{
  profiles(first: 100) {
    nodes {
      unifiedId
      identifiers { kind value unifiedId }
      graph {
        links { a { kind value unifiedId } b { kind value unifiedId } count }
        withheld { reason }
        bridges { link { a { unifiedId } b { unifiedId } } leaving { kind value } }
      }
    }
  }
}`;
const explain = `query ($a: IdentifierInput!, $b: IdentifierInput!) {
  explain(a: $a, b: $b) { together path { count } blockedBy { reason } }
}`;
const owner = `query ($kind: String!, $value: String!) {
  profile(by: { identifier: { kind: $kind, value: $value } }) { unifiedId }
}`;

const keyOf = ({ a, b }) => `${a.unifiedId}.${b.unifiedId}`;
const end = ({ kind, value }) => ({ kind, value });
const path = ({ unifiedId }) => `/customers/${unifiedId}/identity`;

/** A customer with several identifiers and a withheld link. */
async function customer() {
  const { profiles } = await ask(list);
  const found = profiles.nodes.filter(
    ({ identifiers, graph }) => identifiers.length > 3 && graph.bridges.length > 1,
  );
  const held = found.find(({ graph }) => graph.withheld.some(({ reason }) => reason !== "DIFFERENT"));
  assert.ok(held, "none of the first demo customers has a withheld link");
  return held;
}

const reasonField = (scope) => scope.locator("input[type=text][required]");
const linkRow = (page, key) => page.locator(`tr[data-link="${key}"]`);

test("the graph and the table show the links of the API, and what each bridge would split", async (t) => {
  const profile = await customer();
  const { links, withheld, bridges } = profile.graph;
  const page = await visit(t, path(profile));
  await linkRow(page, keyOf(links[0])).waitFor();
  assert.equal(await page.locator("tr[data-link]").count(), links.length);
  assert.equal(await page.locator("[data-edge=link]").count(), links.length);
  assert.equal(await page.locator("[data-edge=withheld]").count(), withheld.length);
  for (const { link, leaving } of bridges.slice(0, 2)) {
    // The whole row selects, not only the names in it.
    await linkRow(page, keyOf(link)).locator("td").nth(1).click();
    await until(
      async () => (await page.locator("[data-leaving] li").count()) === leaving.length,
      "the identifiers that would leave",
    );
  }
  assert.equal(new URL(page.url()).searchParams.get("at"), keyOf(bridges.slice(0, 2).at(-1).link));
});

test("the page explains link by link why two identifiers are one customer", async (t) => {
  const profile = await customer();
  const page = await visit(t, path(profile));
  const [a, b] = [profile.identifiers[0], profile.identifiers.at(-1)];
  await page.getByLabel("First identifier").selectOption(a.unifiedId);
  await page.getByLabel("Second identifier").selectOption(b.unifiedId);
  await page.getByRole("button", { name: "Explain" }).click();
  const { explain: wanted } = await ask(explain, { a: end(a), b: end(b) });
  assert.equal(wanted.together, true);
  await page.getByText(/ are the same customer:$/).waitFor();
  const sentences = await page.locator("[data-answer] li").allTextContents();
  assert.equal(sentences.length, wanted.path.length);
  for (const [index, { count }] of wanted.path.entries()) {
    assert.match(sentences[index], count === 1 ? / once / : new RegExp(` ${count} times `));
  }
});

test("the page explains why two identifiers are not one customer", async (t) => {
  const profile = await customer();
  const { profiles } = await ask(list);
  const stranger = profiles.nodes.find(({ unifiedId }) => unifiedId !== profile.unifiedId);
  const page = await visit(t, path(profile));
  await page.getByLabel("Second identifier").selectOption({ label: "Another identifier…" });
  await page.getByLabel("Type").selectOption(stranger.identifiers[0].kind);
  await page.getByRole("textbox", { name: "Value" }).fill(stranger.identifiers[0].value);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText(/ are different customers\.$/).waitFor();
});

test("with the keyboard alone a link is cut, which splits the customer; revoking it merges the parts again", async (t) => {
  const profile = await customer();
  const bridge = profile.graph.bridges[0];
  const link = profile.graph.links.find((each) => keyOf(each) === keyOf(bridge.link));
  const owners = async () => {
    const [a, b] = await Promise.all([link.a, link.b].map((each) => ask(owner, end(each))));
    return [a.profile.unifiedId, b.profile.unifiedId];
  };
  const page = await visit(t, path(profile));
  await tabTo(page, linkRow(page, keyOf(link)).locator("button[aria-pressed]"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("button", { name: "Unlink…" }), { key: "Shift+Tab" });
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Result: 2 customers").waitFor();
  await tabTo(page, reasonField(dialog));
  await page.keyboard.type("Two people after all");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  const [one, other] = await owners();
  assert.notEqual(one, other);
  const history = page.locator("[data-lineage] > li");
  await history.first().getByText("Split").waitFor();
  await history
    .first()
    .getByText(/Two people after all/)
    .waitFor();

  // One entry with the reason, the actor and the names; reverting shows what it changes first.
  const decision = page.locator("[data-decisions] > li").filter({ hasText: "Two people after all" });
  await decision.getByText("Kept separate").waitFor();
  await tabTo(page, decision.getByRole("button", { name: "Undo" }));
  await page.keyboard.press("Enter");
  await dialog.locator("[data-parts]").waitFor();
  await tabTo(page, reasonField(dialog));
  await page.keyboard.type("They are one");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await until(async () => new Set(await owners()).size === 1, "one customer again");
  await history.first().getByText("Merged").waitFor();
  await linkRow(page, keyOf(link)).waitFor();
  const rows = page.locator("tr[data-link]");
  await until(async () => (await rows.count()) === profile.graph.links.length, "all links again");
  await page.getByText(new RegExp(`^${profile.identifiers.length} identifiers, `)).waitFor();
});

const ingest = `mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }`;
const retirements = `{ retirements { id value reason } }`;

/** A customer whose number has had two owners. */
async function recycled(number) {
  const event = (messageId, timestamp, externalId) => ({
    messageId: `recycled-${number}-${messageId}`,
    type: "EVENT",
    event: "df_view_home",
    source: "browser-test",
    timestamp,
    identifiers: [
      { kind: "phone", value: number },
      { kind: "kakao_id", value: externalId },
    ],
  });
  await ask(ingest, {
    messages: [
      event(1, "2025-01-10T00:00:00Z", `old-${number}`),
      event(2, "2025-06-10T00:00:00Z", `old-${number}`),
    ],
  });
  const { profile } = await ask(owner, { kind: "phone", value: number });
  return profile;
}

test("with the keyboard alone a reassignment in the past is previewed, done, explained and undone", async (t) => {
  const number = "+821099990001";
  const profile = await recycled(number);
  const page = await visit(t, `${path(profile)}?at=${await latent(number)}`);
  const dialog = page.getByRole("dialog");
  await tabTo(page, page.getByRole("button", { name: "Mark as reassigned…" }));
  await page.keyboard.press("Enter");
  await dialog.getByText("No activity since then").waitFor();

  // A day in the past moves messages, which only the server has: its dry run has the result.
  await dialog.getByLabel("New owner since").fill("2025-03-10");
  await dialog.getByText("It was seen with this customer again").waitFor();
  assert.equal(await dialog.locator("[data-parts]").getAttribute("data-parts"), "1");
  assert.deepEqual(
    (await ask(retirements)).retirements.filter(({ value }) => value === number),
    [],
  );
  await tabTo(page, reasonField(dialog));
  await page.keyboard.type("The carrier gave it away");
  await page.keyboard.press("Enter");
  const result = dialog.locator("[data-result=stays]");
  await result.waitFor();
  assert.match(await result.textContent(), /Reassigned from Mar 10, 2025.*again on Jun 10, 2025/);
  assert.equal((await ask(retirements)).retirements.filter(({ value }) => value === number).length, 1);

  // What stays linked can be kept separate at once.
  await tabTo(page, dialog.getByRole("button", { name: "Keep separate…" }));
  await page.keyboard.press("Enter");
  await dialog.getByText("Result: 2 customers").waitFor();
  await tabTo(page, reasonField(dialog));
  await page.keyboard.type("Another person since March");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  const ownersOf = async () => {
    const { profile: now } = await ask(owner, { kind: "phone", value: number });
    const { profile: account } = await ask(owner, { kind: "kakao_id", value: `old-${number}` });
    return [now.unifiedId, account.unifiedId];
  };
  await until(async () => new Set(await ownersOf()).size === 2, "two customers");

  await page.goto(`${new URL(page.url()).origin}${path({ unifiedId: (await ownersOf())[1] })}`);
  const entry = (words) => page.locator("[data-decisions] > li").filter({ hasText: words });
  for (const words of ["Another person since March", "The carrier gave it away"]) {
    await tabTo(page, entry(words).getByRole("button", { name: "Undo" }));
    await page.keyboard.press("Enter");
    await dialog.locator("[data-parts]").waitFor();
    await tabTo(page, reasonField(dialog));
    await page.keyboard.type("It was the wrong number");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await entry(words)
      .getByText(/Reverted by/)
      .waitFor();
  }
  assert.deepEqual(
    (await ask(retirements)).retirements.filter(({ value }) => value === number),
    [],
  );
  assert.equal(new Set(await ownersOf()).size, 1);
});

test("months show when a number was seen, and choose the day of the new owner", async (t) => {
  const number = "+821099990002";
  const at = (back) => {
    const day = new Date();
    day.setUTCDate(15);
    day.setUTCMonth(day.getUTCMonth() - back);
    return day.toISOString();
  };
  const event = (messageId, timestamp, kakao) => ({
    messageId: `months-${messageId}`,
    type: "EVENT",
    event: "df_view_home",
    source: "browser-test",
    timestamp,
    identifiers: [
      { kind: "phone", value: number },
      { kind: "kakao_id", value: kakao },
    ],
  });
  await ask(ingest, {
    messages: [event(1, at(9), "first-owner"), event(2, at(8), "first-owner"), event(3, at(2), "next-owner")],
  });
  const { profile } = await ask(owner, { kind: "phone", value: number });
  const page = await visit(t, `${path(profile)}?at=${await latent(number)}`);
  await page.getByRole("button", { name: "Mark as reassigned…" }).click();
  const dialog = page.getByRole("dialog");
  const months = dialog.locator("[data-sightings] button");
  await months.first().waitFor();
  assert.equal(await months.count(), 24);
  const gap = at(5).slice(0, 7);
  const gapMonth = dialog.locator(`[data-month^="${gap}"]`);
  assert.equal(await gapMonth.getAttribute("data-count"), "0");
  assert.equal(await dialog.locator(`[data-month^="${at(2).slice(0, 7)}"]`).getAttribute("data-count"), "1");
  await gapMonth.click();
  assert.equal(await dialog.getByLabel("New owner since").inputValue(), `${gap}-01`);
  await dialog.getByText("Result: 2 customers").waitFor();
});

test("a legend names what occurs in the graph, and nothing else", async (t) => {
  const number = "+821099990003";
  const profile = await recycled(number);
  const page = await visit(t, path(profile));
  const legend = page.getByRole("list", { name: "Legend" });
  await legend.waitFor();
  const entries = await legend.locator("li").allTextContents();
  assert.deepEqual(entries.sort(), ["Kakao ID", "Link (thicker = seen more often)", "phone"]);
});

test("a name of another direction does not turn the words around it", async (t) => {
  const name = "\u200f\u05d3\u05e0\u05d4";
  await ask(ingest, {
    messages: [
      {
        messageId: "bidi-1",
        type: "IDENTIFY",
        source: "browser-test",
        timestamp: new Date().toISOString(),
        identifiers: [{ kind: "external_id", value: "bidi-1" }],
        attributes: { df_name: name },
      },
    ],
  });
  const { profile } = await ask(owner, { kind: "external_id", value: "bidi-1" });
  const page = await visit(t, path(profile));
  const heading = page.getByRole("heading", { level: 1 });
  await heading.waitFor();
  assert.equal(await heading.textContent(), `Identity graph: \u2068${name}\u2069`);
  assert.equal(await page.locator("a.back bdi").textContent(), name);
});

/** The unified ID of a single identifier. */
async function latent(value) {
  const { profile } = await ask(
    `query ($value: String!) {
      profile(by: { identifier: { kind: "phone", value: $value } }) { identifiers { value unifiedId } }
    }`,
    { value },
  );
  return profile.identifiers.find((each) => each.value === value).unifiedId;
}
