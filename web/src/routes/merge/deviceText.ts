import type { Device } from "../../rules/preview";

/** A device as people name it, "Windows 10, Chrome 131"; undefined if nothing but its ID is known. */
export function deviceText({ model, os, osVersion, browser, browserVersion }: Device): string | undefined {
  const major = (version: string | null) => version?.split(".")[0] ?? "";
  const parts = [
    model,
    `${os ?? ""} ${os ? (osVersion ?? "") : ""}`,
    `${browser ?? ""} ${browser ? major(browserVersion) : ""}`,
  ];
  const known = parts.map((part) => part?.trim()).filter(Boolean);
  return known.length > 0 ? known.join(", ") : undefined;
}
