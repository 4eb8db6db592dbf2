import { expect, test } from "vitest";
import { mayWith } from "./useMay";

test("each role may do what the server allows it", () => {
  const table = [
    [undefined, false, false, false],
    ["INGEST", false, false, false],
    ["READER", false, false, false],
    ["ANALYST", true, false, false],
    ["STEWARD", true, true, false],
    ["ADMIN", true, true, true],
  ] as const;
  for (const [role, seeFacts, decide, govern] of table)
    expect(mayWith(role), role).toEqual({ seeFacts, decide, govern });
});
