import { readFileSync } from "node:fs";
import { CombinedError } from "urql";
import { expect, test } from "vitest";
import { RulesError } from "../rules/RulesError";
import { en } from "./en";
import { errorText } from "./errorText";
import { ko } from "./ko";

/** The codes in a source file of the API or of core: each is the string of an arm. */
const codesIn = (path: string) =>
  Array.from(
    readFileSync(path, "utf8").matchAll(/Self::\w+(?:\(_\))? => "([A-Z_]+)",/g),
    ([, code]) => code ?? "",
  );

const failed = (message: string, extensions: Record<string, unknown>) =>
  new CombinedError({ graphQLErrors: [{ message, extensions }] });

test("every code of the API and of the module has a sentence in both languages", () => {
  const codes = [...codesIn("../server/src/graphql/error.rs"), ...codesIn("../core/src/preview/error.rs")];
  expect(codes.length).toBeGreaterThan(45);
  for (const { byCode } of [en.errors, ko.errors]) expect(codes.filter((code) => !byCode[code])).toEqual([]);
});

test("an error is printed by its code, and an unknown one by the server's sentence", () => {
  const table: [Error, string][] = [
    [
      failed("the role of this key is READER; this requires STEWARD", {
        code: "FORBIDDEN",
        role: "READER",
        requires: "STEWARD",
      }),
      "데이터 담당자 권한이 필요합니다(현재 권한: 조회자)",
    ],
    [failed("the role of this key is READER", { code: "FORBIDDEN" }), "현재 권한으로는 할 수 없습니다"],
    [
      failed("unifiedIds: one of them is not a unified ID", { code: "BAD_USER_INPUT" }),
      "통합 ID 형식이 잘못되었습니다",
    ],
    [failed("filter.ageGroup: use one of 10", { code: "BAD_USER_INPUT" }), "필터 값이 잘못되었습니다"],
    [failed("something: is wrong", { code: "BAD_USER_INPUT" }), "잘못된 값입니다"],
    [failed("a sentence", { code: "A_CODE_OF_TOMORROW" }), "a sentence"],
    [failed("a sentence", {}), "a sentence"],
    [new CombinedError({ networkError: new TypeError("Failed to fetch") }), "서버에 연결할 수 없습니다"],
    [
      new RulesError({ code: "UNKNOWN_ZONE", detail: "the facts do not hold", faults: [] }),
      "이 시간대에서는 미리 볼 수 없습니다",
    ],
  ];
  for (const [error, expected] of table) expect(errorText(error, ko)).toBe(expected);
});
