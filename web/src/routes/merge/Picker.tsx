import { X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useQuery } from "urql";
import { Avatar } from "../../components/Avatar";
import { CustomerNameDocument } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { CustomerOption } from "../../search/CustomerOption";
import { Listbox } from "../../search/Listbox";
import search from "../../search/Search.module.css";
import { useCombobox } from "../../search/useCombobox";
import { useEntered, useSuggestions } from "../../search/useSuggestions";
import styles from "./Picker.module.css";

type Props = { picked: string[]; onPick: (unifiedIds: string[]) => void };

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
  const [typed, setTyped] = useState("");
  const [opened, setOpened] = useState(false);
  const { suggestions, current, failed } = useSuggestions(typed);
  const found = (suggestions?.customers ?? []).filter(({ profile }) => !picked.includes(profile.unifiedId));
  const options = found.map(({ profile, matches }) => ({
    key: profile.unifiedId,
    content: <CustomerOption customer={profile} matches={matches} />,
    onPick: () => {
      setTyped("");
      setOpened(false);
      onFound(profile.unifiedId);
    },
  }));
  const open = opened && typed.trim() !== "";
  const combobox = useCombobox(options, open);
  const enter = useEntered(typed, current, () => options[0]?.onPick());
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || combobox.move(event)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      if (combobox.active) combobox.active.onPick();
      else if (typed.trim() !== "") enter();
    } else if (event.key === "ArrowDown") {
      setOpened(true);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      setOpened(false);
    }
  };
  return (
    <search
      className={styles.find}
      aria-label={text.merge.find}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setOpened(false);
      }}
    >
      <input
        type="text"
        className={styles.search}
        value={typed}
        aria-label={text.merge.find}
        placeholder={text.merge.findHint}
        {...combobox.fieldProps}
        onChange={(event) => {
          setTyped(event.target.value);
          setOpened(true);
          combobox.setActiveKey(undefined);
        }}
        onKeyDown={press}
      />
      {open && (options.length > 0 || failed || current) && (
        <div className={`${search.popup} ${styles.found}`}>
          <Listbox label={text.search.results} combobox={combobox} options={options} />
          {failed && <p className={search.note}>{text.search.failed}</p>}
          {current && !failed && options.length === 0 && (
            <p className={search.note}>{text.merge.noneFound}</p>
          )}
        </div>
      )}
    </search>
  );
}
