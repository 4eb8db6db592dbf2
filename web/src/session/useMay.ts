import type { Role } from "../graphql/generated/graphql";
import { useViewer } from "./useViewer";

/** What the viewer may do: the page does not offer what the server would refuse. */
export type May = {
  /** To read personal data, and so the facts that previews need. */
  seeFacts: boolean;
  /** To decide who is who: merge, unlink, reassign, revert. */
  decide: boolean;
  /** To publish matching rules. */
  govern: boolean;
};

/** The roles that include one another, as on the server. INGEST reads nothing. */
const order: Role[] = ["READER", "ANALYST", "STEWARD", "ADMIN"];

/** The least role for each permission. */
export const neededRole: Record<keyof May, Role> = {
  seeFacts: "ANALYST",
  decide: "STEWARD",
  govern: "ADMIN",
};

export function mayWith(role: Role | undefined): May {
  const includes = (needed: Role) => role !== undefined && order.indexOf(role) >= order.indexOf(needed);
  return {
    seeFacts: includes(neededRole.seeFacts),
    decide: includes(neededRole.decide),
    govern: includes(neededRole.govern),
  };
}

/** The viewer's permissions. Until the server has answered there are none. */
export const useMay = (): May => mayWith(useViewer()?.role);
