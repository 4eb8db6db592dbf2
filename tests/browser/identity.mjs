import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, until, visit } from "./harness.mjs";

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

/** Somebody with several identifiers, and a link held back. */
async function somebody() {
  const { profiles } = await ask(list);
  const found = profiles.nodes.filter(
    ({ identifiers, graph }) => identifiers.length > 3 && graph.bridges.length > 1,
  );
  const held = found.find(({ graph }) => graph.withheld.some(({ reason }) => reason !== "DIFFERENT"));
  assert.ok(held, "none of the first demo customers has a link held back");
  return held;
}

const linkRow = (page, key) => page.locator(`tr[data-link="${key}"]`);

test("the graph and the table show the links of the API, and what each bridge parts", async (t) => {
  const profile = await somebody();
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

test("why two identifiers are one customer is told link by link", async (t) => {
  const profile = await somebody();
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

test("why two identifiers are not one customer is told, too", async (t) => {
  const profile = await somebody();
  const { profiles } = await ask(list);
  const stranger = profiles.nodes.find(({ unifiedId }) => unifiedId !== profile.unifiedId);
  const page = await visit(t, path(profile));
  await page.getByLabel("The second identifier").selectOption({ label: "Another identifier…" });
  await page.getByLabel("Kind").selectOption(stranger.identifiers[0].kind);
  await page.getByRole("textbox", { name: "Value" }).fill(stranger.identifiers[0].value);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText(/ are not one customer\.$/).waitFor();
});

test("cutting a link parts the customer; taking it back makes it whole", async (t) => {
  const profile = await somebody();
  const bridge = profile.graph.bridges[0];
  const link = profile.graph.links.find((each) => keyOf(each) === keyOf(bridge.link));
  const owners = async () => {
    const [a, b] = await Promise.all([link.a, link.b].map((each) => ask(owner, end(each))));
    return [a.profile.unifiedId, b.profile.unifiedId];
  };
  const page = await visit(t, path(profile));
  await linkRow(page, keyOf(link)).locator("button[aria-pressed]").click();
  await page.getByRole("button", { name: "Cut this link…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("There would be 2 customers:").waitFor();
  await dialog.getByRole("textbox", { name: "Why" }).fill("Two people after all");
  await dialog.getByRole("button", { name: "Keep them apart" }).click();
  await page.getByText("Decided: different customers.").waitFor();
  await dialog.waitFor({ state: "detached" });
  const [one, other] = await owners();
  assert.notEqual(one, other);
  const history = page.locator("[data-lineage] > li");
  await history.first().getByText("Parted").waitFor();
  await history
    .first()
    .getByText(/Two people after all/)
    .waitFor();

  const decision = page.locator("[data-decision]").filter({ hasText: "Two people after all" });
  await decision.getByRole("button", { name: "Take it back" }).click();
  await dialog.getByRole("textbox", { name: "Why" }).fill("They are one");
  await dialog.getByRole("button", { name: "Take it back" }).click();
  await page.getByText("Taken back.", { exact: true }).waitFor();
  await until(async () => new Set(await owners()).size === 1, "one customer again");
  await history.first().getByText("Merged").waitFor();
  await linkRow(page, keyOf(link)).waitFor();
  const rows = page.locator("tr[data-link]");
  await until(async () => (await rows.count()) === profile.graph.links.length, "all links again");
  await page.getByText(new RegExp(`^${profile.identifiers.length} identifiers, `)).waitFor();
});
