import type { PolicyChangeFragment } from "../../graphql/generated/graphql";
import type { PolicyPreview, ProfileView } from "../../rules/preview";

export type MovedIdentifier = { kind: string; value: string; unifiedId: string; from: string | null };
/** A customer before or after a change of the policy. */
export type Side = {
  unifiedId: string;
  name: string | null;
  avatar: { letter: string; color: string } | undefined;
  identifiers: MovedIdentifier[];
  identifierCount: number;
  /** The module's figures; the server's simulation has none. */
  profile: ProfileView | undefined;
};
/** Customers that share identifiers before and after. */
export type Regrouping = { before: Side[]; after: Side[] };
/** An identifier that goes to another customer, seen from the one that stays. */
export type Move = { identifier: MovedIdentifier; kind: "leaves" | "joins" };

/** A change of the server's simulation. */
export function ofSimulation({ before, profiles, parts }: PolicyChangeFragment): Regrouping {
  const moved = parts.map(({ unifiedId, identifierCount, identifiers }) => ({
    unifiedId,
    identifierCount,
    identifiers: identifiers.map(({ identifier, from }) => ({ ...identifier, from: from ?? null })),
  }));
  const all = moved.flatMap(({ identifiers }) => identifiers);
  const known = (unifiedId: string) => {
    const profile = profiles.find((other) => other.unifiedId === unifiedId);
    return { name: profile?.basic.name ?? null, avatar: profile?.basic.avatar, profile: undefined };
  };
  return {
    before: before.map((unifiedId) => {
      const own = all.filter(({ from }) => from === unifiedId);
      return { unifiedId, identifiers: own, identifierCount: own.length, ...known(unifiedId) };
    }),
    after: moved.map((part) => ({ ...part, ...known(part.unifiedId) })),
  };
}

/** A change that the module computed from the facts of one customer and its neighbors. */
export function ofPreview(
  { before, after }: PolicyPreview,
  change: { before: string[]; after: string[] },
): Regrouping {
  const owners = new Map(
    before.flatMap(({ unifiedId, identifiers }) =>
      identifiers.map((identifier): [string, string] => [identifier.unifiedId, unifiedId]),
    ),
  );
  const side = (profile: ProfileView): Side => ({
    unifiedId: profile.unifiedId,
    name: profile.basic.name,
    avatar: profile.basic.avatar,
    identifiers: profile.identifiers.map(({ kind, value, unifiedId }) => ({
      kind,
      value,
      unifiedId,
      from: owners.get(unifiedId) ?? null,
    })),
    identifierCount: profile.identifiers.length,
    profile,
  });
  const pick = (profiles: ProfileView[], ids: string[]) =>
    profiles.filter(({ unifiedId }) => ids.includes(unifiedId)).map(side);
  return { before: pick(before, change.before), after: pick(after, change.after) };
}

/** The identifiers that leave a customer, or join it with the customer that had them. */
export function movesOf({ before, after }: Regrouping): Move[] {
  const kept = new Set(after.map(({ unifiedId }) => unifiedId));
  const known = new Set(before.map(({ unifiedId }) => unifiedId));
  return after.flatMap((side) =>
    side.identifiers.flatMap((identifier): Move[] => {
      if (!known.has(side.unifiedId) && after.length > 1) return [{ identifier, kind: "leaves" }];
      if (identifier.from !== side.unifiedId && !(identifier.from && kept.has(identifier.from)))
        return [{ identifier, kind: "joins" }];
      return [];
    }),
  );
}
