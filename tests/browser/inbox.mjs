import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, until, visit } from "./harness.mjs";

const inbox = `query ($reason: WithheldReason) {
  withheldLinks(reason: $reason, first: 200) {
    totalCount
    nodes { reason link { count a { kind value unifiedId } b { kind value unifiedId } decision { id relation } } }
  }
}`;
const explain = `query ($a: IdentifierInput!, $b: IdentifierInput!) { explain(a: $a, b: $b) { together } }`;

const keyOf = ({ link: { a, b } }) => `${a.unifiedId}.${b.unifiedId}`;
const end = ({ kind, value }) => ({ kind, value });
const open = async (reason) => {
  const { withheldLinks } = await ask(inbox, { reason });
  return withheldLinks.nodes.filter((held) => held.reason !== "DIFFERENT");
};
const rows = (page) => page.locator("section li > button:has(span)");
const chosen = (page) => new URL(page.url()).searchParams.get("link");

test("the inbox lists the withheld links of the API, and counts them by reason", async (t) => {
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const all = await open();
  await until(
    async () => figure(await page.locator("h1").textContent()) === all.length,
    "the count of open links",
  );
  const navigation = page.getByRole("navigation", { name: "User Profile 360" });
  assert.equal(figure(await navigation.getByRole("link", { name: "Inbox" }).textContent()), all.length);
  const { withheldLinks } = await ask(inbox, { reason: "SHARED" });
  const shared = page.getByRole("button", { name: /^Shared value/ });
  assert.equal(figure(await shared.textContent()), withheldLinks.totalCount);
  await shared.click();
  assert.match(page.url(), /\?reason=SHARED$/);
  const wanted = Math.min(25, withheldLinks.totalCount);
  await until(async () => (await rows(page).count()) >= wanted, "the links of this reason");
});

test("two customers are compared side by side", async (t) => {
  const [held] = await open("LIMIT");
  const page = await visit(t, `/inbox?link=${keyOf(held)}`);
  const names = [];
  for (const { unifiedId } of [held.link.a, held.link.b]) {
    const { profile } = await ask(
      `query ($unifiedId: ID!) { profile(by: { unifiedId: $unifiedId }) { basic { name } } }`,
      { unifiedId },
    );
    names.push(profile.basic.name ?? "Unnamed customer");
  }
  await page.locator("article thead a").nth(1).waitFor();
  assert.deepEqual(await page.locator("article thead a").allTextContents(), names);
  await page.getByText(/^Seen together/).waitFor();
});

test("with the keyboard alone two customers are kept apart; the link leaves the list, and undo restores it", async (t) => {
  const page = await visit(t, "/inbox");
  await rows(page).first().waitFor();
  const [first, second] = await open();
  await page.keyboard.press("j");
  await until(() => chosen(page) === keyOf(second), "the second link");
  await page.keyboard.press("k");
  await until(() => chosen(page) === keyOf(first), "the first link again");
  await page.keyboard.press("d");
  await page.getByRole("textbox", { name: "Why" }).waitFor();
  await page.keyboard.type("Family shares it");
  await page.keyboard.press("Enter");
  await page.getByText("Decided: different customers.").waitFor();
  await until(() => chosen(page) === keyOf(second), "its neighbor in its place");
  assert.ok(!(await open()).some((held) => keyOf(held) === keyOf(first)));

  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Revoked.").waitFor();
  assert.ok((await open()).some((held) => keyOf(held) === keyOf(first)));
});

test("accepting a link merges its customers, and needs a reason", async (t) => {
  const [held] = await open("LIMIT");
  const ends = { a: end(held.link.a), b: end(held.link.b) };
  const page = await visit(t, `/inbox?link=${keyOf(held)}`);
  await page.getByRole("button", { name: "Same customer" }).click();
  const confirm = page.getByRole("button", { name: "Join them" });
  assert.ok(await confirm.isDisabled());
  await page.getByRole("button", { name: "Signed up twice" }).click();
  await confirm.click();
  await page.getByText("Decided: the same customer.").waitFor();
  assert.equal((await ask(explain, ends)).explain.together, true);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Revoked.").waitFor();
  assert.equal((await ask(explain, ends)).explain.together, false);
});

test("the address of a decided link says so", async (t) => {
  const [{ link }] = await open();
  const page = await visit(t, `/inbox?link=${link.a.unifiedId}.00000000-0000-8000-8000-000000000000`);
  await page.getByRole("heading", { name: "This link is settled" }).waitFor();
  await page.getByRole("button", { name: "To the inbox" }).click();
  await page.locator("article").waitFor();
});
