// Starts the real server and a real Chromium; both end with the tests.
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";

// The tests' packages are in the lock file of the page.
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const { PROFILE360_BIN, CARGO_TARGET_DIR, CHROMIUM } = process.env;
const target = CARGO_TARGET_DIR ?? join(homedir(), ".cache/profile360/target");
const program = PROFILE360_BIN ?? join(target, "debug/profile360");
const timeout = 60_000;

let server;
let browser;
let folder;
let origin;

/** Requests to other hosts, and errors in the console, of all tests. */
export const foreignRequests = [];
export const consoleErrors = [];
/** Every GraphQL document that the page sent. GraphiQL is excluded: it sends what its user writes. */
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

/** The list is updated after customers are stored: it is complete when it stops growing. */
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

/** Polls until a condition holds. */
export async function until(holds, what) {
  const end = Date.now() + timeout;
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
  throw new Error(`timed out waiting for ${what}`, { cause: reason });
}

/** Queries the API directly: the page has to agree with it. */
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

/** The output of another command of the program. */
export const run = (...options) => execFileSync(program, options, { encoding: "utf8", stdio: "pipe" }).trim();

/** A temporary folder for one test. */
export async function temporaryFolder(test) {
  const own = await mkdtemp(join(tmpdir(), "profile360-browser-"));
  test.after(() => rm(own, { recursive: true, force: true }));
  return own;
}

/** Starts another server, which ends with the test; returns its address. */
export async function serve(test, ...options) {
  const other = spawn(program, ["serve", "--listen", "127.0.0.1:0", ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  test.after(() => other.kill("SIGKILL"));
  return await addressOf(other);
}

/** Opens an address in a fresh browser context. `quiet: false` is for tests that break something on purpose. */
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
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") foreignRequests.push(request.url());
    if (pathname === "/graphql" && !new URL(page.url()).pathname.startsWith("/graphiql"))
      documents.add(request.postDataJSON()?.query);
  });
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const { type, payload: sent } = JSON.parse(payload);
      const isGraphiql = new URL(page.url()).pathname.startsWith("/graphiql");
      if (type === "subscribe" && !isGraphiql) documents.add(sent.query);
    }),
  );
  if (quiet) {
    page.on("pageerror", (error) => consoleErrors.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") consoleErrors.push(`${path}: ${message.text()}`);
    });
  }
  await prepare?.(page);
  await page.goto(at + path);
  return page;
}

/** Presses Tab until something has the focus: everything must be reachable by the keyboard. */
export async function tabTo(page, locator, { steps = 400, key = "Tab" } = {}) {
  await locator.waitFor();
  for (let step = 0; step < steps; step += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${steps} times ${key} do not reach ${locator}`);
}

/** The documents of the page that a server with trusted documents accepts. */
export async function listedDocuments() {
  const response = await fetch(`${origin}/documents.json`);
  return Object.values(await response.json());
}

/** The violations that axe finds, one per line, except in what matches `not`. Evaluated, because the page's policy blocks scripts. */
export async function violations(page, not = []) {
  await page.evaluate(axe);
  const found = await page.evaluate(
    // The size of targets is of WCAG 2.2, which axe does not check unless it is asked to.
    (exclude) => globalThis.axe.run({ exclude }, { rules: { "target-size": { enabled: true } } }),
    not,
  );
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${help}): ${target}`),
  );
}

/** The number in a formatted figure, without currency and separators. */
export const figure = (text) => Number(text.replace(/[^\d.-]/g, ""));
