import { useQuery } from "urql";
import { type Role, SessionDocument } from "../graphql/generated/graphql";

export type Viewer = { name: string; role: Role; seesPersonalData: boolean };

/** The name and role behind the key, once the server has answered. */
export function useViewer(): Viewer | undefined {
  const [session] = useQuery({ query: SessionDocument });
  return session.data?.viewer;
}

/** What the role may do: the page does not offer what the server would refuse. */
export const canDecide = (viewer: Viewer | undefined) =>
  viewer?.role === "STEWARD" || viewer?.role === "ADMIN";
export const canPublishPolicies = (viewer: Viewer | undefined) => viewer?.role === "ADMIN";
