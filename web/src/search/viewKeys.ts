/** The views by the key that follows G. */
export const viewKeys: Record<string, string> = {
  c: "/customers",
  i: "/inbox",
  m: "/merge",
  a: "/activity",
  p: "/policy",
  h: "/health",
};
