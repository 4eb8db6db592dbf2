import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anchorsOf, blocksOf, commandsOf, linksOf, matches, updated } from "./page.mjs";

describe("reading a page", () => {
  test("a command ends where a shell would run it", () => {
    const [block] = blocksOf(
      [
        "text",
        "```console",
        "$ cat <<END |",
        "a",
        "END",
        "  tr a b",
        "b",
        "$ echo 'c",
        "d'",
        "c",
        "d",
        "```",
      ].join("\n"),
    );
    assert.deepEqual(commandsOf(block), [
      { line: 3, command: "cat <<END |\na\nEND\n  tr a b", expected: ["b"], outputLine: 7 },
      { line: 8, command: "echo 'c\nd'", expected: ["c", "d"], outputLine: 10 },
    ]);
  });

  test("a comment before a block says whether it runs", () => {
    const page =
      "<!-- not run: slow -->\n```sh\nsleep 1\n```\n\n<!-- needs: a, b -->\n\n```sh\necho\n```\n\n```sh\necho\n```\n";
    const marks = blocksOf(page).map(({ notRun, needs }) => [notRun, needs]);
    assert.deepEqual(marks, [
      ["slow", []],
      [undefined, ["a", "b"]],
      [undefined, []],
    ]);
  });

  test("placeholders match what differs", () => {
    for (const [expected, actual, same] of [
      [["a (b) [c]"], ["a (b) [c]"], true],
      [["a"], ["a", "b"], false],
      [["a", "…"], ["a", "b", "c"], true],
      [["…", "c"], ["c"], true],
      [["…", "c"], ["c", "d"], false],
      [["id <id> at <time>"], ["id 01df46d7-43d4 at 2026-11-30T09:32:19.5Z"], true],
      [["id <id> at <time>"], ["id 01df46d7-43d4 at noon"], false],
      [["<number> of <date>"], ["1,234.5 of 2026-11-30"], true],
      [["<number>"], ["many"], false],
      [["left … out"], ["left a lot out"], true],
      [["a  "], ["a"], true],
    ]) {
      assert.equal(matches(expected, actual), same, `${expected} / ${actual}`);
    }
  });

  test("an update keeps what still fits", () => {
    assert.deepEqual(updated(["a <number>", "old"], ["a 7", "new"]), ["a <number>", "new"]);
    assert.deepEqual(updated(["old", "…", "end 1"], ["new", "x", "y", "end 2"]), ["new", "…", "end 2"]);
  });

  test("anchors are GitHub's, and links in code are none", () => {
    assert.deepEqual(anchorsOf("# A `b` & C's\n\n```\n# no heading\n```\n## Twice\n## Twice\n### 이름\n"), [
      "a-b--cs",
      "twice",
      "twice-1",
      "이름",
    ]);
    const page = 'see [a](b.md#c) and `[no](d.md)`\n<img src="e.png">\n';
    assert.deepEqual(linksOf(page), [
      { line: 1, target: "b.md#c" },
      { line: 2, target: "e.png" },
    ]);
  });
});
