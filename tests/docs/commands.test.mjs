// Runs every command of README.md and docs/*.md, each page from an empty folder, and compares what it prints with what the page
// shows. docs/README.md says how pages are written. `UPDATE_EXPECTED=1` writes what is printed into the pages.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { blocksOf, commandsOf, matches, updated } from "./page.mjs";
import { PAGES, PATH, PROGRAM, REPOSITORY } from "./pages.mjs";
import { Shell } from "./shell.mjs";

const UPDATE = process.env.UPDATE_EXPECTED === "1";

describe("commands", { concurrency: 3 }, () => {
  for (const page of PAGES.filter((path) => /^(README|docs\/[^/]+)\.md$/.test(path))) {
    const text = readFileSync(`${REPOSITORY}/${page}`, "utf8");
    const blocks = blocksOf(text).filter((block) => ["console", "sh"].includes(block.language));
    if (blocks.length > 0) test(page, (t) => runPage(t, page, text, blocks));
  }
});

async function runPage(t, page, text, blocks) {
  const lines = text.split("\n");
  const updates = [];
  const shell = await Shell.start({ program: PROGRAM, repository: REPOSITORY });
  try {
    for (const block of blocks) {
      const reason = block.notRun ?? missing(block.needs);
      if (reason !== undefined) {
        t.diagnostic(`${page}:${block.line}: not run: ${reason}`);
        continue;
      }
      const commands = commandsOf(block);
      for (const [index, { line, command, expected, outputLine }] of commands.entries()) {
        const { status, lines: actual } = await shell.run(command);
        const place = `${page}:${line}:\n${command}`;
        // A page shows that a command fails by asking for its status next.
        const mayFail = commands[index + 1]?.command === "echo $?";
        assert.ok(
          status === 0 || mayFail,
          `${place}\nends with status ${status} and prints:\n${actual.join("\n")}`,
        );
        if (expected === null || matches(expected, actual)) continue;
        const shown = UPDATE ? updated(expected, actual) : null;
        if (shown !== null) {
          updates.push({
            at: outputLine - 1,
            count: expected.length,
            shown: shown.map((text) => block.indent + text),
          });
        } else {
          assert.fail(
            `${place}\n--- the page shows:\n${expected.join("\n")}\n--- it prints:\n${actual.join("\n")}`,
          );
        }
      }
    }
    assert.deepEqual(await shell.leftRunning(), [], `${page} leaves something running`);
  } finally {
    shell.close();
    for (const { at, count, shown } of updates.reverse()) lines.splice(at, count, ...shown);
    if (updates.length > 0) writeFileSync(`${REPOSITORY}/${page}`, lines.join("\n"));
  }
}

/** What a block needs and this machine lacks. */
function missing(packages) {
  const lacking = packages.filter(
    (name) => spawnSync("python3", ["-c", `import ${name}`], { env: { ...process.env, PATH } }).status !== 0,
  );
  return lacking.length === 0 ? undefined : `Python has no ${lacking.join(", ")}`;
}
