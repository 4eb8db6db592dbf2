import { Plus, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { Avatar } from "../../components/Avatar";
import { CustomerNameDocument, FindCustomersDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Picker.module.css";

type Props = { picked: string[]; onPick: (unifiedIds: string[]) => void };

const debounceMs = 150;
const shown = 6;

/** The customers to merge, and a search for more. */
export function Picker({ picked, onPick }: Props) {
  const text = useText();
  return (
    <section className={styles.picker} aria-label={text.merge.picked}>
      {picked.length > 0 && (
        <ul className={styles.picked}>
          {picked.map((unifiedId) => (
            <li key={unifiedId}>
              <PickedCustomer
                unifiedId={unifiedId}
                onRemove={() => onPick(picked.filter((other) => other !== unifiedId))}
              />
            </li>
          ))}
        </ul>
      )}
      <CustomerSearch picked={picked} onFound={(unifiedId) => onPick([...picked, unifiedId])} />
    </section>
  );
}

function PickedCustomer({ unifiedId, onRemove }: { unifiedId: string; onRemove: () => void }) {
  const text = useText();
  const [{ data }] = useQuery({ query: CustomerNameDocument, variables: { unifiedId } });
  const name = data?.profile?.basic.name ?? text.unnamed;
  return (
    <span className={styles.one}>
      {data?.profile && <Avatar avatar={data.profile.basic.avatar} />}
      <span>{data ? name : unifiedId.slice(0, 8)}</span>
      <button type="button" className={styles.remove} aria-label={text.merge.remove(name)} onClick={onRemove}>
        <X size={14} aria-hidden />
      </button>
    </span>
  );
}

function CustomerSearch({ picked, onFound }: { picked: string[]; onFound: (unifiedId: string) => void }) {
  const text = useText();
  const format = useFormat();
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), debounceMs);
    return () => clearTimeout(timer);
  }, [typed]);
  const [{ data }] = useQuery({
    query: FindCustomersDocument,
    variables: { search, first: shown },
    pause: search === "",
  });
  const found = (search === "" ? [] : (data?.profiles.nodes ?? [])).filter(
    ({ unifiedId }) => !picked.includes(unifiedId),
  );
  const take = (unifiedId: string) => {
    setTyped("");
    setSearch("");
    onFound(unifiedId);
  };
  return (
    <div className={styles.find}>
      <input
        type="search"
        className={styles.search}
        value={typed}
        aria-label={text.merge.find}
        placeholder={`${text.merge.find}: ${text.merge.findHint}`}
        autoComplete="off"
        onChange={(event) => setTyped(event.target.value)}
      />
      {search !== "" && data && found.length === 0 && <p className="soft">{text.merge.noneFound}</p>}
      {found.length > 0 && (
        <ul className={styles.found}>
          {found.map(({ unifiedId, basic }) => (
            <li key={unifiedId}>
              <button type="button" onClick={() => take(unifiedId)}>
                <Avatar avatar={basic.avatar} />
                <span>{basic.name ?? text.unnamed}</span>
                <span className="soft">
                  {basic.phone ? format.phone(basic.phone) : (basic.email ?? unifiedId.slice(0, 8))}
                </span>
                <Plus size={14} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
