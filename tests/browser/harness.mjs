// Starts the real server and a real Chromium; both end with the tests.
import { spawn } from "node:child_process";
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

/** A fresh visitor at one address of the page. `quiet: false` where a test breaks something on purpose. */
export async function visit(test, path, { quiet = true, prepare, ...options } = {}) {
  const context = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  test.after(() => context.close());
  const page = await context.newPage();
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") strangers.push(request.url());
  });
  if (quiet) {
    page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`${path}: ${message.text()}`);
    });
  }
  await prepare?.(page);
  await page.goto(origin + path);
  return page;
}

/** What axe finds wrong, each in a line. Evaluated, because the page's policy lets no script in. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${help}): ${target}`),
  );
}

/** The number that a figure shows, whatever its currency and separators. */
export const figure = (text) => Number(text.replace(/[^\d.-]/g, ""));
