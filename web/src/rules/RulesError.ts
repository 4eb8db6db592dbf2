import type { ErrorAnswer } from "./preview";

/** Why the module has no answer to a question. */
export class RulesError extends Error {
  readonly code: string;
  readonly faults: ErrorAnswer["error"]["faults"];

  constructor({ code, detail, faults }: ErrorAnswer["error"]) {
    super(detail);
    this.code = code;
    this.faults = faults;
  }
}

/** The viewer's role may not read what the question needs. */
export const notForRole = new RulesError({ code: "FORBIDDEN", detail: "", faults: [] });

/** The module, or the worker that runs it, did not load. The next question loads it again. */
export class ModuleUnavailable extends Error {}
