// Three servers of User Profile 360 on one database of SurrealDB's own server, behind a proxy that asks them in turn: `make servers`.
//
// The database is in memory and filled with made-up customers. Everything listens on this machine only and ends with this program.
import { spawn } from "node:child_process";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";

const PROXY = 8360;
const DATABASE = 8380;
const SERVERS = [8361, 8362, 8363];
const PASSWORD = "of-make-servers";

const program = process.env.PROFILE360_BIN;
if (!program) throw new Error("PROFILE360_BIN names no program; use `make servers`");

const say = (text) => process.stdout.write(`${text}\n`);

const children = [];

/**
 * Starts a program whose output is shown under a name. All end with the first that ends. Detached: Ctrl-C must not stop the database
 * before the servers.
 */
function start(name, file, options, env = {}) {
  const child = spawn(file, options, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text) => {
      for (const line of text.trimEnd().split("\n")) say(`${name}  ${line}`);
    });
  }
  child.on("error", (error) => stop(`${name} does not start: ${error.message}`));
  child.on("exit", (status) => stop(`${name} has ended with ${status}`));
  children.push(child);
}

let isStopping = false;
function stop(reason) {
  if (isStopping) return;
  isStopping = true;
  if (reason) {
    say(reason);
    process.exitCode = 1;
  }
  proxy.close();
  proxy.closeAllConnections();
  // The servers write to the database until they have ended.
  const [database, ...servers] = children;
  const ended = servers.map((server) => {
    server.kill("SIGTERM");
    return new Promise((resolve) =>
      server.exitCode === null && server.signalCode === null ? server.on("exit", resolve) : resolve(),
    );
  });
  Promise.all(ended).then(() => database?.kill("SIGTERM"));
}

/** Waits until an address answers 200. */
async function ready(port, path) {
  while (!isStopping) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      if (response.ok) return;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

let turn = 0;
const next = () => SERVERS[turn++ % SERVERS.length];

const proxy = createServer((incoming, outgoing) => {
  const port = next();
  const { method, url: path, headers } = incoming;
  const forwarded = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, { ...answer.headers, "x-answered-by": `127.0.0.1:${port}` });
    answer.pipe(outgoing);
  });
  forwarded.on("error", () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end(`the server on port ${port} does not answer\n`);
  });
  incoming.pipe(forwarded);
});

// Subscriptions: the whole connection goes to one server.
proxy.on("upgrade", ({ method, url, rawHeaders }, socket, head) => {
  const server = connect(next(), "127.0.0.1", () => {
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    server.write(`${lines.join("\r\n")}\r\n\r\n`);
    server.write(head);
    server.pipe(socket).pipe(server);
  });
  server.on("error", () => socket.destroy());
  socket.on("error", () => server.destroy());
});

process.on("SIGINT", () => stop());
process.on("SIGTERM", () => stop());

start("database", join(dirname(program), "surreal"), [
  ...["start", "--no-banner", "--log", "warn", "--user", "root", "--pass", PASSWORD],
  ...["--bind", `127.0.0.1:${DATABASE}`, "memory"],
]);
await ready(DATABASE, "/health");
for (const port of SERVERS) {
  if (isStopping) break;
  start(`server ${port}`, program, ["serve", "--listen", `127.0.0.1:${port}`, "--demo"], {
    PROFILE360_DB: `ws://root:${PASSWORD}@127.0.0.1:${DATABASE}`,
    PROFILE360_ID_SECRET: "of make servers",
    PROFILE360_ALLOWED_HOSTS: `127.0.0.1:${PROXY},localhost:${PROXY}`,
  });
  // One after the other: the first one creates the database and fills it.
  await ready(port, "/readyz");
}
if (!isStopping) {
  proxy.on("error", (error) => stop(`the proxy does not listen: ${error.message}`));
  proxy.listen(PROXY, "127.0.0.1", () => {
    say(`\nAsk all in turn: http://127.0.0.1:${PROXY} (Ctrl-C stops everything)`);
    for (const port of SERVERS) say(`One of them:     http://127.0.0.1:${port}`);
    say(`Which one leads: curl -i http://127.0.0.1:${SERVERS[0]}/leaderz\n`);
  });
}
