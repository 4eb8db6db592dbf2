// Starts the real server on a base of its own; both end with the tests.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

const { PROFILE360_BIN, CARGO_TARGET_DIR } = process.env;
const target = CARGO_TARGET_DIR ?? join(homedir(), ".cache/profile360/target");
const program = PROFILE360_BIN ?? join(target, "debug/profile360");

/** A server on an empty base, with those options besides; its address. */
export async function serve(...options) {
  const folder = await mkdtemp(join(tmpdir(), "profile360-clients-"));
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
export async function ask(address, query, variables = {}) {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
