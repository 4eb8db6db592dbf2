import { expect, test } from "vitest";
import { en } from "./en";
import { ko } from "./ko";

/** The sentences of a language by the path of their key; a function is one sentence. */
function sentences(texts: object, path = ""): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [key, value] of Object.entries(texts)) {
    const at = path ? `${path}.${key}` : key;
    if (typeof value !== "object" || Array.isArray(value)) all.set(at, value);
    else for (const [below, sentence] of sentences(value, at)) all.set(below, sentence);
  }
  return all;
}

const english = sentences(en);
const korean = sentences(ko);

/** Words that a review of the sentences replaced, with what they are now; the word list of the repository has the rest. */
const replaced: [RegExp, string][] = [
  [/\bpart (this|one)\b/i, "split"],
  [/does not answer|cannot answer/i, "can't reach, unavailable"],
  [/, 12 m$/, "(12 mo)"],
];
/** The same for Korean. */
const replacedInKorean: [RegExp, string][] = [
  [/판단(?! 근거)/, "처리"],
  [/처음 확인|마지막 확인/, "최초 수집, 최근 수집"],
  [/가려집니다/, "마스킹됩니다"],
  [/찾은 고객/, "검색 결과"],
];

test("both languages have the same keys", () => {
  expect([...korean.keys()].sort()).toEqual([...english.keys()].sort());
});

test("a Korean sentence is in Korean", () => {
  const left = [...korean].filter(
    ([key, sentence]) =>
      typeof sentence === "string" &&
      /[a-z]{3}/i.test(sentence) &&
      !/[가-힣]/.test(sentence) &&
      sentence !== english.get(key),
  );
  expect(left).toEqual([]);
});

test("replaced words do not come back", () => {
  const left = (all: Map<string, unknown>, words: [RegExp, string][]) =>
    [...all].flatMap(([key, sentence]) =>
      words
        .filter(([word]) => word.test(String(sentence)))
        .map(([, better]) => `${key}: ${String(sentence)} (write: ${better})`),
    );
  expect(left(english, replaced)).toEqual([]);
  expect(left(korean, replacedInKorean)).toEqual([]);
});
