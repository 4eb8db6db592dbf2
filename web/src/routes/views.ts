import type { Text } from "../language/en";
import type { May } from "../session/useMay";

type View = {
  path: string;
  label: (text: Text) => string;
  /** The permission without which the view is of no use. */
  needs?: keyof May;
};

/** The views in the navigation, in its order. */
export const views: View[] = [
  { path: "/customers", label: (text) => text.customers },
  { path: "/inbox", label: (text) => text.inbox.title },
  { path: "/merge", label: (text) => text.merge.title, needs: "decide" },
  { path: "/activity", label: (text) => text.activity.title },
  { path: "/policy", label: (text) => text.policy.title },
  { path: "/health", label: (text) => text.health.title },
];

export const customerPath = (unifiedId: string) => `/customers/${encodeURIComponent(unifiedId)}`;
export const identityPath = (unifiedId: string) => `${customerPath(unifiedId)}/identity`;
export const inboxPath = (link: string) => `/inbox?${new URLSearchParams({ link })}`;
export const mergePath = (unifiedIds: string[]) =>
  unifiedIds.length ? `/merge?${new URLSearchParams(unifiedIds.map((id) => ["id", id]))}` : "/merge";

/** Two or three customers next to each other; of one customer, two dates. */
export const comparePath = (unifiedIds: string[], dates: string[] = []) =>
  `/compare?${new URLSearchParams([...unifiedIds.map((id) => ["id", id]), ...dates.map((date) => ["asOf", date])])}`;
