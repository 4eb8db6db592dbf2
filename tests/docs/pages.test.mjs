// What pages say without running it: links, options, environment variables, codes, GraphQL and JSON.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { anchorsOf, blocksOf, linksOf, proseOf } from "./page.mjs";
import { filesOf, PAGES, PROGRAM, REPOSITORY } from "./pages.mjs";

const { buildSchema, parse, validate } = createRequire(`${REPOSITORY}/tests/clients/`)("graphql");

const read = (path) => readFileSync(join(REPOSITORY, path), "utf8");
const text = new Map(PAGES.map((page) => [page, read(page)]));
const documentation = PAGES.filter((page) => page === "README.md" || page.startsWith("docs/"));
const everything = documentation.map((page) => text.get(page)).join("\n");

describe("pages", () => {
  test("links lead somewhere", () => {
    const faults = PAGES.flatMap((page) => linksOf(text.get(page)).flatMap((link) => faultOf(page, link)));
    assert.deepEqual(faults, []);
  });

  test("README has 150 lines at most", () => {
    assert.ok(text.get("README.md").trimEnd().split("\n").length <= 150);
  });

  test("GraphQL fits the schema, and JSON is JSON", () => {
    const schema = buildSchema(read("schema.graphql"));
    const faults = documentation.flatMap((page) =>
      blocksOf(text.get(page)).flatMap(({ language, line, lines }) => {
        try {
          if (language === "json") JSON.parse(lines.join("\n"));
          const errors = language === "graphql" ? validate(schema, parse(lines.join("\n"))) : [];
          return errors.map((error) => `${page}:${line}: ${error.message}`);
        } catch (error) {
          return [`${page}:${line}: ${error.message}`];
        }
      }),
    );
    assert.deepEqual(faults, []);
  });

  test("options and environment variables exist", () => {
    const help = helpOfAllCommands();
    // How to develop the program is about other programs, too.
    const pages = documentation.filter((page) => page !== "docs/contributing.md");
    const faults = pages.flatMap((page) => {
      const options = new Set(
        usesOfProgram(text.get(page)).flatMap((use) => use.match(/--[a-z][a-z-]*[a-z](?![-\w])/g) ?? []),
      );
      const variables = new Set(text.get(page).match(/PROFILE360_[A-Z_]*[A-Z](?![\w…])/g));
      return [...options, ...variables].filter((name) => !help.has(name)).map((name) => `${page}: ${name}`);
    });
    assert.deepEqual(faults, []);
  });

  test("options and environment variables are documented", () => {
    const missing = [...helpOfAllCommands()]
      .filter((name) => !["--help", "--version"].includes(name))
      // One sentence covers the variables of all limits.
      .filter((name) => !name.startsWith("PROFILE360_LIMIT_"))
      .filter((name) => !new RegExp(`${name}(?![a-zA-Z_-])`).test(everything));
    assert.deepEqual(missing, []);
  });

  test("every code is documented", () => {
    const codes = new Set();
    for (const path of filesOf("*.rs").filter(
      (path) => !/(^|\/)tests?(\/|\.rs$|_)|(^|\/)(demo|generate)\//.test(path),
    )) {
      const source = read(path).replace(/^\s*\/\/.*$|\benv(!|::\w+)\("\w+"/gm, "");
      for (const [, code] of source.matchAll(/"([A-Z]+(?:_[A-Z]+)+)"/g)) codes.add(code);
      for (const [, code] of source.matchAll(/=> "([A-Z]{4,})"/g)) codes.add(code);
    }
    assert.ok(codes.has("UNAUTHENTICATED") && codes.has("IDENTIFIER_BLOCKED"), "the sources have codes");
    const missing = [...codes].filter((code) => !NO_CODES.has(code) && !everything.includes(`\`${code}\``));
    assert.deepEqual(missing, []);
  });
});

/** Upper-case texts of the sources that are no codes of answers. */
const NO_CODES = new Set(["SCREAMING_SNAKE_CASE"]);

function faultOf(page, { line, target }) {
  if (/^[a-z]+:/.test(target)) return [];
  const [path, anchor] = target.split("#");
  const file = path === "" ? page : normalize(join(dirname(page), path));
  const place = `${page}:${line}: ${target}`;
  if (!existsSync(join(REPOSITORY, file))) return [`${place}: there is no such file`];
  if (anchor === undefined || !file.endsWith(".md")) return [];
  return anchorsOf(read(file)).includes(anchor) ? [] : [`${place}: there is no such heading`];
}

let help = null;

/** Options and environment variables of all commands. */
function helpOfAllCommands() {
  if (help === null) {
    const helpOf = (...command) => execFileSync(PROGRAM, [...command, "--help"], { encoding: "utf8" });
    const namesOf = (usage) =>
      [...usage.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name).filter((name) => name !== "help");
    const general = helpOf();
    const ofKeys = helpOf("key");
    const texts = [
      general,
      ofKeys,
      ...namesOf(general).map((name) => helpOf(name)),
      ...namesOf(ofKeys).map((name) => helpOf("key", name)),
    ];
    help = new Set(texts.flatMap((usage) => usage.match(/--[a-z][a-z-]*[a-z]|PROFILE360_[A-Z_]*[A-Z]/g)));
  }
  return help;
}

/** Where a page names options of the program: command lines, and code in its prose that begins with one or with a command. */
function usesOfProgram(page) {
  const ofProse = [...proseOf(page).matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code)
    .filter((code) =>
      /^(--|serve|import|export|map|generate|resolve|summarize|check|key|schema|profile360)/.test(code),
    );
  const ofCommands = blocksOf(page)
    .filter(({ language }) => ["console", "sh"].includes(language))
    .flatMap(({ lines }) => lines.filter((line) => /(^|[ $(])profile360 /.test(line)))
    .map((line) => line.slice(line.indexOf("profile360 ")).split(/[|&>;]/)[0]);
  return [...ofProse, ...ofCommands];
}
