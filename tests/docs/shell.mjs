// A bash in an empty folder, with a network of its own where the system allows one.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATH } from "./pages.mjs";

/** The ports that pages use. */
const PORTS = ["8360", "8361"];
/** A page that hangs fails after this long. */
const COMMAND_MS = 120_000;
/** Encloses the exit status of a command; no output contains it. */
const MARK = "\u001e";

/** Whether commands can have a network of their own, so that every page finds its ports free. */
const ISOLATED = spawnSync("unshare", ["-rn", "sh", "-c", "ip link set lo up"]).status === 0;

export class Shell {
  #folder = mkdtempSync(join(tmpdir(), "profile360-docs-"));
  #bash;
  #output = "";
  #count = 0;
  #ports;
  #onOutput = () => {};

  static async start({ program, repository }) {
    const ports = new Map();
    if (!ISOLATED) for (const port of PORTS) ports.set(port, String(await freePort()));
    return new Shell({ program, repository, ports });
  }

  constructor({ program, repository, ports }) {
    this.#ports = ports;
    for (const name of ["bin", "home", "page", "commands"]) mkdirSync(join(this.#folder, name));
    symlinkSync(program, join(this.#folder, "bin", "profile360"));
    const [command, ...args] = ISOLATED
      ? ["unshare", "-rn", "bash", "-c", "ip link set lo up && exec bash --noprofile --norc"]
      : ["bash", "--noprofile", "--norc"];
    this.#bash = spawn(command, args, {
      cwd: join(this.#folder, "page"),
      // A process group of its own, so that nothing that the page starts outlives it.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        PATH: `${join(this.#folder, "bin")}:${PATH}`,
        HOME: join(this.#folder, "home"),
        LANG: "C.UTF-8",
        TZ: "UTC",
        repository,
        ...(ISOLATED ? {} : { PROFILE360_LISTEN: `127.0.0.1:${ports.get("8360")}` }),
      },
    });
    this.#bash.stdin.on("error", () => {});
    for (const stream of [this.#bash.stdout, this.#bash.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
        this.#onOutput();
      });
    }
    this.#bash.on("exit", () => this.#onOutput());
    this.#bash.stdin.write("exec 2>&1\n");
  }

  /** Runs a command as if it were typed: `{ status, lines }` with what it prints to either stream. */
  async run(command) {
    const file = join(this.#folder, "commands", String(this.#count++));
    writeFileSync(file, `${this.#toReal(command)}\n`);
    // The subshell at the end keeps `$?` for the next command.
    this.#bash.stdin.write(
      `source ${file} </dev/null; status=$?; printf '${MARK}%d${MARK}' $status; (exit $status)\n`,
    );
    const found = await this.#status();
    const output = this.#output.slice(0, found.index);
    this.#output = this.#output.slice(found.index + found[0].length);
    const lines = this.#toShown(output).replace(/\n$/, "").split("\n");
    return { status: Number(found[1]), lines: output === "" ? [] : lines };
  }

  /** What the page started and did not stop. */
  async leftRunning() {
    return (await this.run("jobs -r")).lines;
  }

  close() {
    try {
      process.kill(-this.#bash.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #status() {
    const pattern = new RegExp(`${MARK}(\\d+)${MARK}`);
    return new Promise((resolve, reject) => {
      const fail = (reason) => {
        clearTimeout(timer);
        reject(new Error(`${reason}; it printed:\n${this.#output}`));
      };
      const timer = setTimeout(
        () => fail(`the command did not end within ${COMMAND_MS / 1000} s`),
        COMMAND_MS,
      );
      this.#onOutput = () => {
        const found = pattern.exec(this.#output);
        if (found !== null) {
          clearTimeout(timer);
          resolve(found);
        } else if (this.#bash.exitCode !== null || this.#bash.signalCode !== null) {
          fail("the shell ended");
        }
      };
      this.#onOutput();
    });
  }

  #toReal(text) {
    return [...this.#ports].reduce((result, [shown, real]) => result.replaceAll(shown, real), text);
  }

  #toShown(text) {
    return [...this.#ports].reduce((result, [shown, real]) => result.replaceAll(real, shown), text);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .on("error", reject)
      .listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
  });
}
