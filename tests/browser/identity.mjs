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
    await linkRow(page, keyOf(link)).locator("button[aria-pressed]").click();
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
  await page.getByLabel("The first identifier").selectOption(a.unifiedId);
  await page.getByLabel("The second identifier").selectOption(b.unifiedId);
  await page.getByRole("button", { name: "Explain" }).click();
  const { explain: wanted } = await ask(explain, { a: end(a), b: end(b) });
  assert.equal(wanted.together, true);
  await page.getByText(/ are one customer:$/).waitFor();
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
  await page.getByLabel("The second identifier").selectOption({ label: "Another identifier…" });
  await page.getByLabel("Kind").selectOption(stranger.identifiers[0].kind);
  await page.getByRole("textbox", { name: "Value" }).fill(stranger.identifiers[0].value);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText(/ are not one customer\.$/).waitFor();
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
  await tabTo(page, page.getByRole("button", { name: "Cut this link…" }), { key: "Shift+Tab" });
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("There would be 2 customers:").waitFor();
  await tabTo(page, dialog.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("Two people after all");
  await page.keyboard.press("Enter");
  await page.getByText("Marked as different customers.").waitFor();
  await dialog.waitFor({ state: "detached" });
  const [one, other] = await owners();
  assert.notEqual(one, other);
  const history = page.locator("[data-lineage] > li");
  await history.first().getByText("Split").waitFor();
  await history
    .first()
    .getByText(/Two people after all/)
    .waitFor();

  const decision = page.locator("[data-decision]").filter({ hasText: "Two people after all" });
  await tabTo(page, decision.getByRole("button", { name: "Revert" }));
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("They are one");
  await page.keyboard.press("Enter");
  await page.getByText("Reverted.", { exact: true }).waitFor();
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

test("with the keyboard alone a number is retired from a day on, listed, and revoked", async (t) => {
  const number = "+821099990001";
  const profile = await recycled(number);
  const page = await visit(t, `${path(profile)}?at=${await latent(number)}`);
  const dialog = page.getByRole("dialog");
  await tabTo(page, page.getByRole("button", { name: "Retire this identifier…" }));
  await page.keyboard.press("Enter");
  await dialog.getByText("Nothing was seen with it since").waitFor();

  // A date in the past would move messages, which the page does not have: then it says that the server decides.
  await dialog.getByLabel("New owner from").fill("2025-03-10");
  await dialog.locator("[data-needs-messages]").waitFor();
  await tabTo(page, dialog.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("The carrier gave it away");
  await page.keyboard.press("Enter");
  await page.getByText("Retired.", { exact: true }).waitFor();
  await dialog.waitFor({ state: "detached" });
  const listed = page.locator("[data-retirement]").filter({ hasText: "The carrier gave it away" });
  await listed.getByText("Retired from Mar 10, 2025").waitFor();
  assert.equal((await ask(retirements)).retirements.filter(({ value }) => value === number).length, 1);

  await tabTo(page, listed.getByRole("button", { name: "Revert" }));
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("It was the wrong number");
  await page.keyboard.press("Enter");
  await page.getByText("Reverted.", { exact: true }).waitFor();
  await listed.getByText(/Revoked by/).waitFor();
  assert.deepEqual(
    (await ask(retirements)).retirements.filter(({ value }) => value === number),
    [],
  );
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
