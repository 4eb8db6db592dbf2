// Starts the real server with a temporary database; both end with the tests.
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

const { PROFILE360_BIN, CARGO_TARGET_DIR } = process.env;
const target = CARGO_TARGET_DIR ?? join(homedir(), ".cache/profile360/target");
const program = PROFILE360_BIN ?? join(target, "debug/profile360");

/** Starts a server with an empty database and more options; returns its address. */
export async function serve(...options) {
  const folder = await mkdtemp(join(tmpdir(), "profile360-clients-"));
  return start(folder, options);
}

/** Starts a server that requires keys; returns its address and a key for each of two roles. */
export async function serveWithKeys() {
  const folder = await mkdtemp(join(tmpdir(), "profile360-clients-"));
  const keys = join(folder, "keys.json");
  const key = (role) =>
    execFileSync(program, ["key", "create", "--role", role, "--keys", keys], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const [ingest, analyst] = [key("INGEST"), key("ANALYST")];
  return { address: await start(folder, ["--keys", keys]), ingest, analyst };
}

async function start(folder, options) {
  const server = spawn(
    program,
    ["serve", "--listen", "127.0.0.1:0", "--db", `surrealkv://${folder}/data?sync=never`, ...options],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise((resolve) => server.once("exit", resolve));
  after(async () => {
    if (server.exitCode === null && server.signalCode === null) server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  let said = "";
  server.stderr.on("data", (bytes) => {
    said = (said + bytes).slice(-4000);
  });
  const first = await Promise.race([
    new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve)),
    ended.then((code) => Promise.reject(new Error(`the server ended with ${code}:\n${said}`))),
  ]);
  const address = /^listening on (http:\S+)$/.exec(first)?.[1];
  if (!address) throw new Error(`the server's first line is not its address: ${first}`);
  return address;
}

/** The data of an answer without errors. */
export async function ask(address, query, variables = {}, key = undefined) {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...(key && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const CUSTOMER = `query($value: String!, $asOf: Date) {
  profile(by: { identifier: { kind: "external_id", value: $value } }, asOf: $asOf) {
  identifiers { kind value }
  basic { name email phone }
  attributes(names: ["plan", "tier", "address.city", "group_id", "group.name"]) { name value }
  purchases { refundAmount refundCount window(months: 1) { count amount } currency }
  timeline { nodes { name platform } }
} }`;

/** The customer as of a day, once all events that were sent are stored. */
export async function customer({ address, analyst }, value, events, asOf) {
  for (let n = 0; n < 300; n++) {
    const { profile } = await ask(address, CUSTOMER, { value, asOf }, analyst);
    if (profile && events <= profile.timeline.nodes.length) {
      return {
        identifiers: profile.identifiers.map(({ kind, value }) => `${kind} ${value}`).sort(),
        basic: profile.basic,
        attributes: Object.fromEntries(profile.attributes.map(({ name, value }) => [name, value])),
        purchases: profile.purchases,
        events: profile.timeline.nodes.map(({ name }) => name).sort(),
        platforms: [...new Set(profile.timeline.nodes.map(({ platform }) => platform))],
      };
    }
    await wait(100);
  }
  throw new Error(`not all of ${value} came within half a minute`);
}
