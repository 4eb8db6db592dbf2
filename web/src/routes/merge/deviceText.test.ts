import { expect, test } from "vitest";
import type { Device } from "../../rules/preview";
import { deviceText } from "./deviceText";

const nothing = {
  model: null,
  os: null,
  osVersion: null,
  browser: null,
  browserVersion: null,
  carrier: null,
} as unknown as Device;

test.each([
  [
    "everything",
    { os: "Windows", osVersion: "10", browser: "Chrome", browserVersion: "131.0.1" },
    "Windows 10, Chrome 131",
  ],
  ["a model", { model: "Galaxy S24", os: "Android", osVersion: "15" }, "Galaxy S24, Android 15"],
  ["a browser", { browser: "Safari", browserVersion: null }, "Safari"],
  ["nothing", {}, undefined],
])("a device in words: %s", (_, parts, expected) => {
  expect(deviceText({ ...nothing, ...parts } as Device)).toBe(expected);
});
