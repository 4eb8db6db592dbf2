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
