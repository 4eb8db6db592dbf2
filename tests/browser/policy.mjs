import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, run, serve, tabTo, temporaryFolder, until, violations, visit } from "./harness.mjs";

const simulate = `query ($document: JSON!) {
  simulatePolicy(policy: { document: $document }) {
    profilesBefore profilesAfter merging splitting messages messagesAffected
  }
}`;
const publish = `mutation ($document: JSON!) {
  publishPolicy(policy: { document: $document }, reason: "a colleague's") { version }
}`;
const withheld = `{ withheldLinks(reason: LIMIT, first: 1) { nodes { link { a { unifiedId } } } } }`;

const limit = (page, kind = "external_id") => page.locator(`[data-kind=${kind}] input`);
const fault = (page, path) => page.locator(`[data-fault="${path}"]`);
const publishButton = (page) => page.locator("aside").getByRole("button", { name: "Publish" });
const inForce = async () => (await ask("{ policy { version document } }")).policy;
const number = new Intl.NumberFormat("en");

async function simulateDraft(page) {
  await page.getByRole("button", { name: "Run simulation" }).click();
  await page.locator("[data-simulated]").waitFor();
}

/** Publishes the draft as a person does; returns the new version. */
async function publishDraft(page, reason) {
  const { version } = await inForce();
  await simulateDraft(page);
  await publishButton(page).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Reason" }).or(dialog.getByRole("textbox")).first().fill(reason);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await until(async () => (await inForce()).version === version + 1, `version ${version + 1} to be active`);
  await page.getByText(`Version ${version + 1} active, published`).waitFor();
  return version + 1;
}

/** A draft makes the browser ask before the page is left; these tests leave. */
const leaves = (page) => page.on("dialog", (dialog) => dialog.accept());

test("a draft is simulated on all customers, the answer is the API's, and examples show both sides", async (t) => {
  const { document } = await inForce();
  const kinds = document.kinds.map((kind) => (kind.name === "external_id" ? { ...kind, limit: 2 } : kind));
  const { simulatePolicy: wanted } = await ask(simulate, { document: { ...document, kinds } });
  assert.notEqual(wanted.profilesBefore, wanted.profilesAfter);
  const page = await visit(t, "/policy");
  await limit(page).fill("2");
  await page.locator("[data-changes]").first().getByText("external ID limit").waitFor();
  assert.ok(await publishButton(page).isDisabled(), "what was not simulated is not published");
  await page.getByRole("button", { name: "Run simulation" }).click();
  const shown = page.locator("[data-simulated]");
  await shown.getByText(`${wanted.profilesBefore} → ${wanted.profilesAfter} customers`).waitFor();
  const affects = `Affects ${number.format(wanted.messagesAffected)} of ${number.format(wanted.messages)} messages.`;
  await shown.getByText(affects).waitFor();
  assert.ok(await publishButton(page).isEnabled());

  await shown.locator("summary").click();
  const row = shown.locator("[data-change]").first();
  assert.match(await row.textContent(), /merges into 1|splits into|regrouped/);
  assert.match(await row.textContent(), /joins|leaves/);
  await row.click();
  const sides = page.getByRole("dialog").locator("[data-sides] > section");
  assert.equal(await sides.count(), 2);
  const [before, after] = [sides.first().locator("[data-side]"), sides.last().locator("[data-side]")];
  assert.notEqual(await before.count(), await after.count());
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");

  await limit(page).fill("3");
  await shown.getByText("From an earlier draft").waitFor();
  assert.ok(await publishButton(page).isDisabled(), "another draft was not simulated");
  await limit(page).fill("2");
  await until(() => publishButton(page).isEnabled(), "the simulated draft to be published");
  assert.deepEqual((await inForce()).document, document);
});

test("the button to publish stays in sight while examples are open", async (t) => {
  const page = await visit(t, "/policy", { viewport: { width: 1440, height: 700 } });
  await limit(page).fill("2");
  await simulateDraft(page);
  await page.locator("[data-simulated] summary").click();
  const { y, height } = await publishButton(page).boundingBox();
  assert.ok(y > 0 && y + height <= 700, `it is at ${y}`);
});

test("every field is checked while it is typed, and its fault is under it, in both languages", async (t) => {
  const page = await visit(t, "/policy");
  await limit(page).fill("");
  assert.equal(await limit(page).inputValue(), "", "a number can be emptied");
  await fault(page, "kinds[0].limit").getByText("Enter a value").waitFor();
  await page.getByRole("spinbutton", { name: "Max links per value" }).fill("0");
  await fault(page, "max_links").getByText("whole number of 1 or more").waitFor();
  const patterns = page.getByRole("textbox", { name: "Patterns" });
  await patterns.fill("qa-.*\n(");
  await fault(page, "blocked_patterns").getByText("“(”: Not a valid regular expression").waitFor();
  assert.equal(await patterns.getAttribute("aria-invalid"), "true");
  assert.ok(await page.getByRole("button", { name: "Run simulation" }).isDisabled());
  assert.ok(await publishButton(page).isDisabled());
  assert.deepEqual(await violations(page), []);
  const korean = await visit(t, "/policy", { locale: "ko-KR" });
  const links = korean.getByRole("spinbutton", { name: "값당 최대 연결 수" });
  await links.fill("0");
  await fault(korean, "max_links").getByText("1 이상의 정수를 입력해 주세요").waitFor();
  await links.fill("9");
  await fault(korean, "max_links").waitFor({ state: "detached" });
});

test("time zone and currency are chosen with a search, by keyboard", async (t) => {
  const page = await visit(t, "/policy");
  const zone = page.getByRole("combobox", { name: "Time zone" });
  await zone.focus();
  await page.keyboard.type("los ang");
  await page.getByRole("option", { name: "America/Los_Angeles" }).waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await zone.inputValue(), "America/Los_Angeles");
  await page.locator("[data-changes]").first().getByText("Asia/Seoul").waitFor();
  const currency = page.getByRole("combobox", { name: "Currency" });
  await currency.focus();
  await page.keyboard.type("euro");
  await page.getByRole("option", { name: "EUR · Euro" }).click();
  assert.equal(await currency.inputValue(), "EUR · Euro");
  await currency.focus();
  await page.keyboard.type("nothing of this name");
  await page.keyboard.press("Escape");
  assert.equal(await currency.inputValue(), "EUR · Euro", "Escape keeps the value");
});

test("what every policy blocks is shown", async (t) => {
  const page = await visit(t, "/policy");
  const always = page.locator("[data-always-blocked]");
  await always.waitFor();
  assert.ok(Number(await always.getAttribute("data-always-blocked")) > 100);
  await always.locator("summary").click();
  await always.getByText("undefined", { exact: true }).waitFor();
});

test("a draft is previewed on one customer, in the page", async (t) => {
  const { withheldLinks } = await ask(withheld);
  const { unifiedId } = withheldLinks.nodes[0].link.a;
  const page = await visit(t, "/policy");
  await page.locator("aside").getByRole("combobox").fill(unifiedId);
  await page.locator("aside [role=option]").first().click();
  const tried = page.locator("[data-tried]");
  await tried.getByText("No change for this or linked customers").waitFor();
  let asked = 0;
  page.on("request", (request) => {
    // The count in the navigation is polled in every view.
    if (request.url().endsWith("/graphql") && !request.postData().includes("InboxCounts")) asked += 1;
  });
  await limit(page).fill("9");
  await tried.locator("[data-change]").first().waitFor();
  await limit(page).fill("1");
  await tried.getByText("No change for this or linked customers").waitFor();
  assert.equal(asked, 0, "the page sends no request");
});

test("a draft survives a reload and other views, and leaving it is asked for", async (t) => {
  const page = await visit(t, "/policy");
  leaves(page);
  await limit(page).fill("4");
  await page.reload();
  await page.locator("[data-note]").getByText("was restored").waitFor();
  assert.equal(await limit(page).inputValue(), "4");

  const inbox = page.locator("header a[href='/inbox']").first();
  await inbox.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Stay" }).click();
  assert.equal(new URL(page.url()).pathname, "/policy");
  await inbox.click();
  await dialog.getByRole("button", { name: "Leave" }).click();
  await page.waitForURL("**/inbox");
  await page.goBack();
  await until(async () => (await limit(page).inputValue()) === "4", "the draft to be there");

  await page.evaluate(() =>
    sessionStorage.setItem("profile360.policyDraft", '{"base":1,"document":{"kinds":7}}'),
  );
  await page.reload();
  await limit(page).waitFor();
  assert.equal(await limit(page).inputValue(), "1", "a draft that is damaged is not read");
  await page.getByText("No changes yet.").waitFor();
});

test("a colleague's publication is announced, and the draft is applied to it", async (t) => {
  const { document, version } = await inForce();
  const page = await visit(t, "/policy");
  await limit(page).fill("4");
  await page.getByRole("spinbutton", { name: "Max links per value" }).fill("40");
  await ask(publish, { document: { ...document, max_links: 30, max_users_a_month: 5 } });
  const notice = page.locator("[data-outdated]");
  await notice.getByText(`published version ${version + 1}`).waitFor();
  assert.ok(await page.getByRole("button", { name: "Run simulation" }).isDisabled());
  await notice.getByRole("button", { name: `Apply my changes to version ${version + 1}` }).click();
  await page.locator("[data-note]").getByText("Both of you changed: Max links per value").waitFor();
  assert.equal(await limit(page).inputValue(), "4");
  assert.equal(await page.getByRole("spinbutton", { name: "Max links per value" }).inputValue(), "40");
  assert.equal(await page.getByRole("spinbutton", { name: "Max users per device" }).inputValue(), "5");
  await ask(publish, { document });
  await until(async () => (await inForce()).version === version + 2, "the first document to be active again");
});

test("with the keyboard alone a policy is changed, simulated and published with a reason; the header shows it, the history lists it, and the older one is restored", async (t) => {
  const before = await inForce();
  const page = await visit(t, "/policy");
  leaves(page);
  await tabTo(page, limit(page));
  await page.keyboard.press("ArrowUp");
  await page.locator("[data-changes]").first().getByText("external ID limit").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Run simulation" }));
  await page.keyboard.press("Enter");
  await page.locator("[data-simulated]").waitFor();
  await tabTo(page, publishButton(page));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.locator("[data-effect]").getByText("Affects").waitFor();
  await tabTo(page, dialog.getByRole("textbox"));
  await page.keyboard.type("Twins");
  await page.keyboard.press("Enter");
  const version = before.version + 1;
  await until(async () => (await inForce()).version === version, `version ${version} to be active`);
  const banner = page.locator("[data-publication]");
  await banner.getByText(`Version ${version} is active`).waitFor();
  await page.getByText(`Version ${version} active, published`).waitFor();
  const entry = page.locator(`[data-version="${version}"]`);
  await entry.getByText("Twins").waitFor();
  await entry.getByText("external ID limit").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("profile360.policyDraft")), null);

  // The banner stays in other views and after a reload.
  await page.locator("header a[href='/customers']").first().click();
  await page.reload();
  await banner.getByText(`Version ${version} is active`).waitFor();
  await banner.getByRole("link", { name: `Restore version ${before.version}` }).click();
  await page.locator("[data-changes]").first().getByText("external ID limit").waitFor();
  await publishDraft(page, "Not twins after all");
  assert.deepEqual((await inForce()).document, before.document);
  await banner.getByRole("button", { name: "Close" }).click();
  await banner.waitFor({ state: "detached" });
});

test("changes are named in words in Korean, too", async (t) => {
  const page = await visit(t, "/policy", { locale: "ko-KR" });
  await page.getByRole("combobox", { name: "기본 기준" }).selectOption("most_frequent");
  const changes = page.locator("[data-changes]").first();
  await changes.getByText("최신 값").waitFor();
  await changes.getByText("최빈값").waitFor();
  assert.doesNotMatch(await changes.textContent(), /most_frequent|latest/);
});

test("without the role the policy is shown and cannot be edited; signing out removes a draft", async (t) => {
  const folder = await temporaryFolder(t);
  const key = (role) => run("key", "create", "--role", role, "--keys", `${folder}/keys`);
  const keys = { READER: key("READER"), ADMIN: key("ADMIN") };
  const at = await serve(t, "--db", `surrealkv://${folder}/data?sync=never`, "--keys", `${folder}/keys`);
  const signedIn = (role) => ({
    at,
    prepare: (page) =>
      page.addInitScript((own) => {
        if (sessionStorage.getItem("seen")) return;
        sessionStorage.setItem("seen", "1");
        sessionStorage.setItem("profile360.key", own);
      }, keys[role]),
  });
  const reader = await visit(t, "/policy", signedIn("READER"));
  await reader.locator("[data-role-notice=govern]").getByText("Ask for Admin").waitFor();
  assert.ok(await limit(reader).isDisabled());
  assert.equal(await reader.locator("aside").count(), 0);

  const admin = await visit(t, "/policy", signedIn("ADMIN"));
  leaves(admin);
  await limit(admin).fill("7");
  const draft = () => admin.evaluate(() => sessionStorage.getItem("profile360.policyDraft"));
  assert.ok(await draft());
  const signOut = admin.getByRole("button", { name: /Sign out/ });
  await admin.getByRole("button", { name: /^Account: / }).click();
  await signOut.click();
  await until(async () => (await draft()) === null, "the draft to be removed");
});
