// Starts the real server and a real Chromium; both end with the tests.
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";

// What the tests import is locked with the page's own packages.
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const { PROFILE360_BIN, CARGO_TARGET_DIR, CHROMIUM } = process.env;
const target = CARGO_TARGET_DIR ?? join(homedir(), ".cache/profile360/target");
const program = PROFILE360_BIN ?? join(target, "debug/profile360");
const patience = 60_000;

let server;
let browser;
let folder;
let origin;

/** Everything that a page asked another host for, or complained about, in any test. */
export const strangers = [];
export const complaints = [];
/** Every GraphQL document that a page sent, GraphiQL apart, which sends what one writes. */
export const documents = new Set();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "profile360-browser-"));
  server = spawn(
    program,
    ["serve", "--listen", "127.0.0.1:0", "--db", `surrealkv://${folder}/data?sync=every`, "--demo"],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  origin = await addressOf(server);
  await until(async () => (await fetch(`${origin}/readyz`)).ok, "the server to be ready");
  await until(demoIsListed, "the demo customers to be listed");
  browser = await chromium.launch({
    executablePath: CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
});

after(async () => {
  await browser?.close();
  if (server && server.exitCode === null && server.signalCode === null) {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
  }
  if (folder) await rm(folder, { recursive: true, force: true });
});

let listed = [];

/** Customers appear in the list a moment after they are stored: it is complete when it stops growing. */
async function demoIsListed() {
  const { profiles } = await ask("{ profiles(first: 1) { totalCount } }");
  listed = [...listed, profiles.totalCount].slice(-20);
  return (
    listed.length === 20 && profiles.totalCount > 0 && listed.every((count) => count === profiles.totalCount)
  );
}

async function addressOf(started) {
  let said = "";
  started.stderr.on("data", (bytes) => {
    said = (said + bytes).slice(-4000);
  });
  const failed = new Promise((_, reject) => {
    started.once("error", reject);
    started.once("exit", (code) =>
      reject(new Error(`the server ended with ${code} before it listened:\n${said}`)),
    );
  });
  const lines = createInterface({ input: started.stdout });
  const [first] = await Promise.race([
    new Promise((resolve) => lines.once("line", (line) => resolve([line]))),
    failed,
  ]);
  const address = /^listening on (http:\S+)$/.exec(first)?.[1];
  if (!address) throw new Error(`the server's first line is not its address: ${first}`);
  return address;
}

/** Asks again and again until it holds. */
export async function until(holds, what) {
  const end = Date.now() + patience;
  let reason;
  while (Date.now() < end) {
    try {
      if (await holds()) return;
      reason = undefined;
    } catch (error) {
      reason = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`, { cause: reason });
}

/** The API, asked directly: what the page has to agree with. */
export async function ask(query, variables = {}) {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** What another command of the program says. */
export const run = (...options) => execFileSync(program, options, { encoding: "utf8", stdio: "pipe" }).trim();

/** A folder of a test's own. */
export async function ownFolder(test) {
  const own = await mkdtemp(join(tmpdir(), "profile360-browser-"));
  test.after(() => rm(own, { recursive: true, force: true }));
  return own;
}

/** Another server, with options of its own, that ends with the test; its address. */
export async function serve(test, ...options) {
  const other = spawn(program, ["serve", "--listen", "127.0.0.1:0", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  test.after(() => other.kill("SIGKILL"));
  return await addressOf(other);
}

/** A fresh visitor at one address of the page. `quiet: false` where a test breaks something on purpose. */
export async function visit(test, path, { quiet = true, at = origin, prepare, ...options } = {}) {
  const context = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  test.after(() => context.close());
  const page = await context.newPage();
  page.on("request", (request) => {
    const { hostname, pathname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") strangers.push(request.url());
    if (pathname === "/graphql" && !path.startsWith("/graphiql"))
      documents.add(request.postDataJSON()?.query);
  });
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const { type, payload: sent } = JSON.parse(payload);
      if (type === "subscribe" && !path.startsWith("/graphiql")) documents.add(sent.query);
    }),
  );
  if (quiet) {
    page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`${path}: ${message.text()}`);
    });
  }
  await prepare?.(page);
  await page.goto(at + path);
  return page;
}

/** Goes on with Tab until something has the focus: what the keyboard cannot reach is not there for everyone. */
export async function tabTo(page, locator, { steps = 400, key = "Tab" } = {}) {
  await locator.waitFor();
  for (let step = 0; step < steps; step += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${steps} times ${key} do not reach ${locator}`);
}

/** The documents that a server which answers trusted documents only takes from the page. */
export async function listedDocuments() {
  const response = await fetch(`${origin}/documents.json`);
  return Object.values(await response.json());
}

/** What axe finds wrong, each in a line; nothing is said of what matches `not`. Evaluated, because the page's policy lets no script in. */
export async function violations(page, not = []) {
  await page.evaluate(axe);
  const found = await page.evaluate((exclude) => globalThis.axe.run({ exclude }), not);
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${help}): ${target}`),
  );
}

/** The number that a figure shows, whatever its currency and separators. */
export const figure = (text) => Number(text.replace(/[^\d.-]/g, ""));
