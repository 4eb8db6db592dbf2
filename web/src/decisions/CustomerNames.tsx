import { useQuery } from "urql";
import { Skeleton } from "../components/Skeleton";
import { CustomerNameDocument } from "../graphql/generated/graphql";
import { useText } from "../language/language";

/** The two customers that a link is between; one name if they are one customer already. */
export function CustomerNames({ a, b }: { a: string; b: string }) {
  const text = useText();
  const first = useCustomerName(a);
  const second = useCustomerName(b);
  if (!first || !second) return <Skeleton width="60%" />;
  if (first.unifiedId === second.unifiedId) return first.name;
  return text.links.between(first.name, second.name);
}

function useCustomerName(unifiedId: string) {
  const text = useText();
  const [{ data }] = useQuery({ query: CustomerNameDocument, variables: { unifiedId } });
  if (!data) return undefined;
  return {
    unifiedId: data.profile?.unifiedId ?? unifiedId,
    name: data.profile?.basic.name ?? text.unnamed,
  };
}
