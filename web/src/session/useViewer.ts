import { useQuery } from "urql";
import { type Role, SessionDocument } from "../graphql/generated/graphql";

export type Viewer = { name: string; role: Role; seesPersonalData: boolean };

/** Who looks, once the server has said so. */
export function useViewer(): Viewer | undefined {
  const [session] = useQuery({ query: SessionDocument });
  return session.data?.viewer;
}

/** What the role may do, so that the page need not offer what the server would refuse. */
export const canDecide = (viewer: Viewer | undefined) =>
  viewer?.role === "STEWARD" || viewer?.role === "ADMIN";
export const canPublishPolicies = (viewer: Viewer | undefined) => viewer?.role === "ADMIN";
