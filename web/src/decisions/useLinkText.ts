import type { LinkFactsFragment, WithheldFactsFragment } from "../graphql/generated/graphql";
import { useFormat } from "../language/format";
import { useText } from "../language/language";

/** Texts about links: evidence, and why one is withheld. */
export function useLinkText() {
  const text = useText();
  const format = useFormat();
  const named = ({ kind, value }: { kind: string; value: string }) =>
    `${format.kind(kind)} ${format.identifier(kind, value)}`;

  return {
    named,
    evidence: ({ count, sources, firstSeenAt, lastSeenAt }: LinkFactsFragment) =>
      text.links.evidence(
        count,
        format.list(sources),
        format.dateOf(firstSeenAt),
        format.relative(lastSeenAt),
      ),
    withheldReason: ({ reason, kind, link }: WithheldFactsFragment) => {
      switch (reason) {
        case "LIMIT":
          return kind ? text.links.limitOf(format.kind(kind)) : text.links.limit;
        case "SHARED": {
          const shared = [link.a, link.b].filter((end) => end.shared);
          return shared.length ? text.links.sharedOf(format.list(shared.map(named))) : text.links.sharedSome;
        }
        case "DIFFERENT":
          return text.links.different;
        case "BLOCKED":
          return text.links.blocked;
        case "RETIRED":
          return text.links.retired;
      }
    },
  };
}
