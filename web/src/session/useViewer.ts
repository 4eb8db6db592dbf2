import { useQuery } from "urql";
import { type Role, SessionDocument } from "../graphql/generated/graphql";

export type Viewer = { name: string; role: Role; seesPersonalData: boolean };

/** The name and role behind the key, once the server has answered. */
export function useViewer(): Viewer | undefined {
  const [session] = useQuery({ query: SessionDocument });
  return session.data?.viewer;
}
