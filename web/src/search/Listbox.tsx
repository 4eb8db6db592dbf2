import { type ReactNode, useId } from "react";
import styles from "./Search.module.css";
import type { Combobox, Option } from "./useCombobox";

type Props = { label: string; combobox: Combobox; options: Option[] };

/** The options of a combobox. A press does not take the focus from the field. */
export function Listbox({ label, combobox, options }: Props) {
  const groups: { name: string | undefined; options: Option[] }[] = [];
  for (const option of options) {
    const last = groups.at(-1);
    if (last && last.name === option.group) last.options.push(option);
    else groups.push({ name: option.group, options: [option] });
  }
  return (
    <div
      role="listbox"
      id={combobox.listId}
      aria-label={label}
      className={styles.listbox}
      onMouseDown={(event) => event.preventDefault()}
    >
      {groups.map(({ name, options: members }) =>
        name === undefined ? (
          <Members key="" combobox={combobox} options={members} />
        ) : (
          <Group key={name} name={name}>
            <Members combobox={combobox} options={members} />
          </Group>
        ),
      )}
    </div>
  );
}

function Group({ name, children }: { name: string; children: ReactNode }) {
  const id = useId();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a list of options.
    <div role="group" aria-labelledby={id}>
      <div id={id} className={styles.heading}>
        {name}
      </div>
      {children}
    </div>
  );
}

function Members({ combobox, options }: { combobox: Combobox; options: Option[] }) {
  return options.map(({ key, content, onPick }) => (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys.
    <div
      key={key}
      role="option"
      id={combobox.optionId(key)}
      tabIndex={-1}
      aria-selected={combobox.active?.key === key}
      className={styles.option}
      onPointerMove={() => combobox.setActiveKey(key)}
      onClick={onPick}
    >
      {content}
    </div>
  ));
}
