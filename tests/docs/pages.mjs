// Which pages there are, and which program they describe.
import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../..");
export const PROGRAM =
  process.env.PROFILE360_BIN ??
  `${process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`}/profile360/target/debug/profile360`;

/** Where commands are: Python's packages first, if they are installed. */
export const PATH = `${REPOSITORY}/tests/clients/python/venv/bin:${process.env.PATH}`;

/** The files of the repository that match, also those that are not committed yet. */
export function filesOf(pattern) {
  const options = { cwd: REPOSITORY, encoding: "utf8" };
  const list = (...which) =>
    execFileSync("git", ["ls-files", ...which, pattern], options)
      .split("\n")
      .filter((path) => path !== "");
  const deleted = new Set(list("--deleted"));
  return [...new Set(list("--cached", "--others", "--exclude-standard"))].filter(
    (path) => !deleted.has(path),
  );
}

export const PAGES = filesOf("*.md");
