import { ListFilter } from "lucide-react";
import { Fragment } from "react";
import { Avatar } from "../components/Avatar";
import type { CustomerContactFragment } from "../graphql/generated/graphql";
import { useFormat } from "../language/format";
import { useText } from "../language/language";
import styles from "./Search.module.css";
import type { CustomerSuggestion, FilterSuggestion } from "./useSuggestions";

type Props = { customer: CustomerContactFragment; matches?: CustomerSuggestion["matches"] };

/** A customer among options: name, a contact that distinguishes customers of one name, and why it was found. */
export function CustomerOption({ customer, matches = [] }: Props) {
  const text = useText();
  const format = useFormat();
  const { avatar, name, phone, email } = customer.basic;
  const short = customer.unifiedId.slice(0, 8);
  // The name is there to be seen, so it is a reason only where there is no other.
  const others = matches.filter(({ by }) => by !== "NAME");
  const reasons = others.length > 0 ? others : matches;
  return (
    <>
      <Avatar avatar={avatar} />
      <span className={styles.who}>
        <bdi className={name ? styles.name : "soft"}>{name ?? text.unnamed}</bdi>
        <span className={styles.contact}>
          {phone ? format.phone(phone) : (email ?? <span className="mono">{short}</span>)}
        </span>
      </span>
      {reasons.length > 0 && (
        <span className={styles.why}>
          {reasons.map(({ by, identifier }) => (
            <span key={identifier?.kind ?? by} className={styles.match}>
              {identifier ? (
                <>
                  <span className={styles.kind}>{format.kind(identifier.kind)}</span>{" "}
                  {format.identifier(identifier.kind, identifier.value)}
                </>
              ) : (
                (by === "NAME" && text.search.name) || `${text.search.unifiedId} ${short}`
              )}
            </span>
          ))}
        </span>
      )}
    </>
  );
}

/** A filter that the text names. */
export function FilterOption({ filter }: { filter: FilterSuggestion }) {
  const text = useText().search;
  const format = useFormat();
  const [value = "", ...others] = filter.values;
  const label = filter.field === "MEMBERSHIP_LEVEL" ? text.filterMembership : text.filterArea;
  return (
    <>
      <span className={styles.icon}>
        <ListFilter size={16} strokeWidth={1.75} aria-hidden />
      </span>
      <span className={styles.who}>
        <span className={styles.name}>{label(value, others.length)}</span>
        {filter.rest && <span className={styles.contact}>{text.andSearch(filter.rest)}</span>}
      </span>
      <span className={styles.why}>{format.number(filter.totalCount)}</span>
    </>
  );
}

/** What the text was matched with, in a word each: "Name", "Phone", "External ID". */
export function Matched({ customers }: { customers: CustomerSuggestion[] }) {
  const text = useText();
  const format = useFormat();
  const names = customers.flatMap(({ matches }) =>
    matches.map(({ by, identifier }) => {
      if (identifier) return format.kind(identifier.kind);
      return by === "NAME" ? text.search.name : text.search.unifiedId;
    }),
  );
  return [...new Set(names)].slice(0, 2).map((name, place) => (
    <Fragment key={name}>
      {place > 0 && " · "}
      <span className={styles.kind}>{name}</span>
    </Fragment>
  ));
}
