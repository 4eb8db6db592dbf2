import { CombinedError } from "urql";
import { ModuleUnavailable, RulesError } from "../rules/RulesError";
import type { Text } from "./en";
import { useText } from "./language";

/** A failure in the form in which the page explains it. */
type Failure = { code: string; message: string; extensions: Record<string, unknown> };

/**
 * What went wrong, in the page's language, by the code of the API or of the module. A code that the page does not know has the
 * server's sentence.
 */
export function errorText(error: Error, text: Text): string {
  const { code, message, extensions } = failureOf(error);
  const { byCode, byArgument, role } = text.errors;
  if (code === "FORBIDDEN" && isRole(extensions.role, text) && isRole(extensions.requires, text))
    return role(text.roles.names[extensions.requires], text.roles.names[extensions.role]);
  // The sentence of such an error begins with the argument.
  const argument =
    code === "BAD_USER_INPUT" ? /^([a-z]\w*)(?:\.\w+|\[\d+\])*: /i.exec(message)?.[1] : undefined;
  return (argument && byArgument[argument]) || byCode[code] || message || text.errorUnreachable;
}

/** The code of an error; `UNREACHABLE` if no server answered, `MODULE_UNAVAILABLE` if the module did not load. */
export const errorCode = (error: Error): string => failureOf(error).code;

/** The technical reason, for those who look for the cause: it is not in the page's language. */
export function errorDetail(error: Error): string {
  const { code, message } = failureOf(error);
  return code ? `${code}: ${message}` : message;
}

export function useErrorText(): (error: Error) => string {
  const text = useText();
  return (error) => errorText(error, text);
}

function failureOf(error: Error): Failure {
  if (error instanceof CombinedError) {
    const [first] = error.graphQLErrors;
    if (first)
      return {
        code: String(first.extensions.code ?? ""),
        message: first.message,
        extensions: first.extensions,
      };
    return { code: "UNREACHABLE", message: error.networkError?.message ?? "", extensions: {} };
  }
  if (error instanceof RulesError) return { code: error.code, message: error.message, extensions: {} };
  if (error instanceof ModuleUnavailable)
    return { code: "MODULE_UNAVAILABLE", message: error.message, extensions: {} };
  return { code: "", message: error.message, extensions: {} };
}

function isRole(value: unknown, text: Text): value is keyof Text["roles"]["names"] {
  return typeof value === "string" && value in text.roles.names;
}
