// Reads a page of the documentation: its command blocks, its other blocks, its links and headings.
import { spawnSync } from "node:child_process";

/** Marks a block that a test cannot run; the comment is on the line before the block. */
const NOT_RUN = /^<!-- not run: (.+) -->$/;
/** Marks a block that runs where Python has these packages. */
const NEEDS = /^<!-- needs: (.+) -->$/;
const FENCE = /^(\s*)(`{3,})(\w*)\s*$/;

/**
 * The fenced blocks of a page: `{ language, line, lines, indent, notRun, needs }`, with `line` the number of the first line inside.
 */
export function blocksOf(text) {
  const blocks = [];
  let open = null;
  let before = "";
  for (const [index, line] of text.split("\n").entries()) {
    const fence = FENCE.exec(line);
    if (open === null && fence !== null) {
      open = {
        indent: fence[1],
        fence: fence[2],
        language: fence[3],
        line: index + 2,
        lines: [],
        notRun: NOT_RUN.exec(before)?.[1],
        needs: NEEDS.exec(before)?.[1].split(", ") ?? [],
      };
    } else if (open !== null && fence !== null && fence[2] === open.fence && fence[3] === "") {
      blocks.push(open);
      open = null;
    } else if (open !== null) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    }
    if (line.trim() !== "") before = line.trim();
  }
  if (open !== null) throw new Error(`line ${open.line}: the block is not closed`);
  return blocks;
}

/**
 * The commands of a block: `{ line, command, expected, outputLine }`, with `expected` the lines that follow, or `null` where any
 * output is accepted.
 */
export function commandsOf(block) {
  if (block.language === "sh") {
    return [{ line: block.line, command: block.lines.join("\n"), expected: null }];
  }
  const commands = [];
  for (let at = 0; at < block.lines.length; ) {
    const line = block.line + at;
    if (!block.lines[at].startsWith("$ "))
      throw new Error(`line ${line}: expected a command that begins with "$ "`);
    let command = block.lines[at++].slice(2);
    while (!isComplete(command)) {
      if (at === block.lines.length) throw new Error(`line ${line}: the command does not end in its block`);
      command += `\n${block.lines[at++]}`;
    }
    const outputLine = block.line + at;
    const end = block.lines.findIndex((text, index) => index >= at && text.startsWith("$ "));
    const expected = block.lines.slice(at, end === -1 ? undefined : end);
    at += expected.length;
    commands.push({ line, command, expected, outputLine });
  }
  return commands;
}

/** Whether a shell would run the text, rather than wait for the rest of it. */
function isComplete(command) {
  if (command.endsWith("\\")) return false;
  const { status, stderr } = spawnSync("bash", ["-n"], { input: `${command}\n`, encoding: "utf8" });
  return status === 0 && !stderr.includes("here-document");
}

const PLACEHOLDERS = {
  "…": ".*",
  "<id>": String.raw`[\w+/=-]+`,
  "<number>": String.raw`\d[\d,]*(?:\.\d+)?`,
  "<date>": String.raw`\d{4}-\d\d-\d\d`,
  "<time>": String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
};

/** Whether the output is what the page shows. */
export function matches(expected, actual) {
  let pattern = "";
  for (const line of expected) {
    pattern += line.trim() === "…" ? String.raw`(?:.*\n)*?` : `${linePattern(line)}\n`;
  }
  return new RegExp(`^${pattern}$`, "u").test(actual.map((line) => `${line}\n`).join(""));
}

/**
 * What the page shows from now on: the output, with the placeholders of lines that still match. Lines before the first `…` and after
 * the last are those at the ends of the output; `null` where that does not fit.
 */
export function updated(expected, actual) {
  const isGap = (line) => line.trim() === "…";
  const keep = (line) =>
    expected.find((candidate) => !isGap(candidate) && matches([candidate], [line])) ?? line;
  const first = expected.findIndex(isGap);
  if (first === -1) return actual.map(keep);
  const last = expected.findLastIndex(isGap);
  const after = expected.length - 1 - last;
  const shown = [
    ...actual.slice(0, first).map(keep),
    ...expected.slice(first, last + 1),
    ...actual.slice(actual.length - after).map(keep),
  ];
  return matches(shown, actual) ? shown : null;
}

function linePattern(line) {
  const pattern = line
    .trimEnd()
    .split(/(…|<id>|<number>|<date>|<time>)/u)
    .map((part) => PLACEHOLDERS[part] ?? part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return `${pattern.join("")}[ \\t]*`;
}

/** The page without its fenced blocks, with line numbers kept. */
export function proseOf(text) {
  const lines = text.split("\n");
  let inside = null;
  return lines
    .map((line) => {
      const fence = FENCE.exec(line);
      if (fence !== null && (inside === null || (fence[2] === inside && fence[3] === ""))) {
        inside = inside === null ? fence[2] : null;
        return "";
      }
      return inside === null ? line : "";
    })
    .join("\n");
}

/** The targets of links and pictures: `{ line, target }`. */
export function linksOf(text) {
  const links = [];
  for (const [index, line] of proseOf(text).split("\n").entries()) {
    const prose = line.replace(/`[^`]*`/g, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) links.push({ line: index + 1, target });
    for (const [, target] of prose.matchAll(/\b(?:src|href)="([^"]+)"/g))
      links.push({ line: index + 1, target });
  }
  return links;
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text) {
  const seen = new Map();
  return [...proseOf(text).matchAll(/^#{1,6} (.+?)\s*$/gm)].map(([, heading]) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}
