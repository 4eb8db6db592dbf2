import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, figure, until, violations, visit } from "./harness.mjs";

const everyone = `query ($after: String) {
  profiles(first: 200, after: $after) {
    nodes { unifiedId basic { name phone membershipLevel recentArea } identifiers { kind value } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** All customers, read once. */
let all;
async function customers() {
  if (all) return all;
  const found = [];
  for (let after = null, more = true; more; ) {
    const { profiles } = await ask(everyone, { after });
    found.push(...profiles.nodes);
    after = profiles.pageInfo.endCursor;
    more = profiles.pageInfo.hasNextPage;
  }
  all = found;
  return all;
}

const named = async (part) => (await customers()).filter(({ basic }) => basic.name?.includes(part));
const field = (page) => page.locator("header search").getByRole("combobox");
const options = (page) => page.getByRole("option");
const active = (page) => page.locator('[role="option"][aria-selected="true"]');
const counted = async (page) => figure(await page.locator("h1").textContent());
const path = ({ unifiedId }) => `/customers/${unifiedId}`;
const focused = (locator) => locator.evaluate((element) => element === document.activeElement);

/** Types into the search field of a view, and waits for the suggestions. */
async function search(page, text) {
  await field(page).fill(text);
  await page.locator("header [role=listbox]").waitFor();
}

const initials = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const initialsOf = (name) =>
  [...name.normalize("NFC")]
    .map((letter) => initials[Math.floor((letter.codePointAt(0) - 0xac00) / 588)] ?? " ")
    .join("");

test("the search finds what people type first", async (t) => {
  const people = await customers();
  const parks = await named("박도윤");
  assert.ok(parks.length > 1, "two customers have this name");
  const [park] = parks;
  const digits = park.basic.phone.slice(-4);
  const externalId = people
    .flatMap(({ identifiers }) => identifiers)
    .find(({ kind }) => kind === "external_id");
  // People leave out what all IDs have in front.
  const beginning = externalId.value.split("-").at(-1).slice(0, 8);
  const references = ["external_id", "customer_card", "kakao_id", "line_id"];
  const has = ({ identifiers }, test) => identifiers.some(test);
  const isPart = ({ kind, value }) =>
    (references.includes(kind) && value.split("-").some((part) => part.startsWith(beginning))) ||
    (kind === "email" && value.includes(beginning)) ||
    (kind === "phone" && value.replace("+82", "0").includes(beginning));
  const cases = [
    ["도윤", await named("도윤")],
    ["ㅅㅈ", people.filter(({ basic }) => basic.name && initialsOf(basic.name).includes("ㅅㅈ"))],
    [park.unifiedId.slice(0, 8), [park]],
    [
      `박도윤 ${digits}`,
      parks.filter((one) => has(one, ({ kind, value }) => kind === "phone" && value.endsWith(digits))),
    ],
    [beginning, people.filter((one) => has(one, isPart))],
  ];
  const page = await visit(t, "/customers");
  for (const [typed, expected] of cases) {
    assert.ok(expected.length > 0, typed);
    await search(page, typed);
    await until(async () => (await counted(page)) === expected.length, `the customers of ${typed}`);
    const ids = expected.map(path);
    const shown = await page
      .locator("tbody a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    assert.ok(
      shown.every((href) => ids.includes(href)),
      `${typed} finds no one else`,
    );
  }
  assert.equal(new URL(page.url()).search, "", "the text is not in the address");
});

test("from another view, the arrows choose a suggestion, which says why it was found", async (t) => {
  const [person] = (await customers()).filter(({ identifiers }) =>
    identifiers.some(({ kind }) => kind === "external_id"),
  );
  const { value } = person.identifiers.find(({ kind }) => kind === "external_id");
  const page = await visit(t, "/health");
  await page.locator("dl dd").first().waitFor();
  await page.keyboard.press("/");
  assert.ok(await focused(field(page)));
  await page.keyboard.type(value);
  const first = options(page).first();
  await first.getByText(`External ID ${value}`, { exact: false }).waitFor();
  await page
    .locator("#recognized")
    .getByText(/^external ID$/i)
    .waitFor();
  assert.equal(await field(page).getAttribute("aria-expanded"), "true");
  await page.keyboard.press("ArrowDown");
  assert.equal(
    await field(page).getAttribute("aria-activedescendant"),
    await active(page).getAttribute("id"),
  );
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${path(person)}`);
  assert.equal(await field(page).inputValue(), "");
});

test("Enter opens the first suggestion even before it arrives, Ctrl and Enter show the list", async (t) => {
  const people = await named("도윤");
  const page = await visit(t, "/health");
  await field(page).fill("도윤");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => people.some((person) => url.pathname === path(person)));

  await search(page, "도윤");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL("**/customers");
  await until(async () => (await counted(page)) === people.length, "the list");
  assert.equal(await field(page).inputValue(), "도윤");
  await page.locator("header [role=listbox]").waitFor({ state: "detached" });
  await page.keyboard.press("ArrowDown");
  await until(() => focused(page.locator("tbody a").first()), "the first row");

  // The second Escape clears what the first one only closed.
  await field(page).fill("도");
  await page.locator("header [role=listbox]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("header [role=listbox]").waitFor({ state: "detached" });
  assert.equal(await field(page).inputValue(), "도");
  await page.keyboard.press("Escape");
  assert.equal(await field(page).inputValue(), "");
});

test("a level and an area are offered as filters", async (t) => {
  const people = await customers();
  const level = people.find(({ basic }) => basic.membershipLevel).basic.membershipLevel;
  const page = await visit(t, "/health");
  await search(page, level.toLowerCase());
  await options(page)
    .filter({ hasText: `Filter: membership ${level}` })
    .click();
  await page.waitForURL(`**/customers?membership=${level}`);
  const ofLevel = people.filter(({ basic }) => basic.membershipLevel === level);
  await until(async () => (await counted(page)) === ofLevel.length, "the customers of the level");

  const area = people.find(({ basic }) => basic.recentArea?.includes(" ")).basic.recentArea;
  const word = area.split(" ").at(-1).slice(0, 2);
  const { suggestCustomers } = await ask(
    "query ($word: String!) { suggestCustomers(search: $word) { filters { field totalCount } } }",
    { word },
  );
  const offered = suggestCustomers.filters.find(({ field }) => field === "RECENT_AREA");
  await page.goto(new URL("/health", page.url()).href);
  await search(page, word);
  await options(page).filter({ hasText: "Filter: area" }).click();
  await page.waitForURL("**/customers?*");
  await until(async () => (await counted(page)) === offered.totalCount, "the customers of the area");
});

test("pickers are the same search, by keyboard", async (t) => {
  const people = await named("도윤");
  const page = await visit(t, "/merge");
  const picker = page.getByRole("main").getByRole("combobox");
  await picker.fill("도윤");
  await options(page).nth(1).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const second = await active(page).textContent();
  assert.equal(second, await options(page).nth(1).textContent());
  await page.keyboard.press("Enter");
  await page.waitForURL("**/merge?id=*");
  const id = new URL(page.url()).searchParams.get("id");
  assert.ok(people.some(({ unifiedId }) => unifiedId === id));
  assert.ok(await focused(picker));
});

test("the command palette opens recent customers and views, and changes what the page looks like", async (t) => {
  const [person] = await named("도윤");
  const page = await visit(t, path(person), { colorScheme: "light" });
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await palette.waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.type("health");
  await options(page).first().getByText("Health").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/health");
  await palette.waitFor({ state: "detached" });

  await page.keyboard.press("Control+k");
  const recent = palette.getByRole("group", { name: "Recent customers" });
  await recent.getByText(person.basic.name).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${path(person)}`);

  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark");
  await palette.getByText("Appearance: dark").waitFor();
  await page.keyboard.press("Enter");
  await until(async () => (await theme()) === "dark", "the dark page");

  // In the other language, by its own word or the English one.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("한국어");
  await page.keyboard.press("Enter");
  await until(() => page.evaluate(() => document.documentElement.lang === "ko"), "Korean");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "명령 팔레트" }).waitFor();
  await page.keyboard.type("review");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/inbox");

  // A search, too.
  await page.keyboard.press("Control+k");
  await page.keyboard.type(person.unifiedId.slice(0, 8));
  await options(page).first().getByText("통합 ID").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${path(person)}`);
});

test("shortcuts move between views and customers, on a Korean keyboard, too", async (t) => {
  const page = await visit(t, "/customers");
  await page.locator("tbody a").nth(2).waitFor();
  const [first, second] = await page
    .locator("tbody a")
    .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  const press = (key, code) =>
    page.evaluate(
      (init) =>
        document.body.dispatchEvent(
          new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }),
        ),
      { key, code },
    );
  await page.locator("tbody a").first().click();
  await page.waitForURL(`**${first}`);
  await page.keyboard.press("]");
  await page.waitForURL(`**${second}`);
  await page.keyboard.press("[");
  await page.waitForURL(`**${first}`);
  // One step back is the list.
  await page.goBack();
  await page.waitForURL("**/customers");

  await page.locator("main").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await page.waitForURL("**/inbox");
  await press("ㅎ", "KeyG");
  await press("ㅔ", "KeyP");
  await page.waitForURL("**/policy");
  await press("ㅎ", "KeyG");
  await press("ㅊ", "KeyC");
  await page.waitForURL("**/customers");

  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Next customer of the list").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });

  // Letters in a text are text.
  await field(page).fill("");
  await page.keyboard.type("gi?");
  assert.equal(await field(page).inputValue(), "gi?");
  assert.equal(new URL(page.url()).pathname, "/customers");
});

test("a failed search says so", async (t) => {
  const page = await visit(t, "/health", { quiet: false });
  await page.locator("dl dd").first().waitFor();
  await page.route("**/graphql", (route) => route.abort());
  await field(page).fill("도윤");
  await page.getByText("Search failed.").waitFor();
});

test("the suggestions fit on a phone, in Korean and in the dark", async (t) => {
  const page = await visit(t, "/inbox", {
    locale: "ko-KR",
    colorScheme: "dark",
    viewport: { width: 375, height: 800 },
  });
  await search(page, "도윤");
  await options(page).first().waitFor();
  const { left, right } = await page
    .locator("header [role=listbox]")
    .evaluate((element) => element.getBoundingClientRect().toJSON());
  assert.ok(left >= 0 && right <= 375, `from ${left} to ${right}`);
  assert.deepEqual(await violations(page), []);
});
