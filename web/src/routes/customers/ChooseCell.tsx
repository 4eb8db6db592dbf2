import { type ChangeEvent, type MouseEvent as Press, useEffect, useRef } from "react";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import styles from "./CustomerTable.module.css";
import type { Selection } from "./selection";

type Props = {
  name: string | null | undefined;
  isChosen: boolean;
  /** With the Shift key: all rows from the one that was chosen last. */
  onChoose: (isRange: boolean) => void;
};

/** The check box of a row, visible under the pointer and once a customer is chosen. */
export function ChooseCell({ name, isChosen, onChoose }: Props) {
  const text = useText();
  // Shift would select text.
  const keepText = (event: Press) => event.shiftKey && event.preventDefault();
  return (
    <td className={styles.choose}>
      <label onMouseDown={keepText}>
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isChosen}
          aria-label={text.merge.choose(name ?? text.unnamed)}
          onChange={(event) => onChoose(withShift(event))}
        />
      </label>
    </td>
  );
}

/** A check box changes by a click, which knows the keys. */
const withShift = ({ nativeEvent }: ChangeEvent) => nativeEvent instanceof MouseEvent && nativeEvent.shiftKey;

/** The check box in the head: all rows that are loaded, or none. */
export function ChooseAll({
  customers,
  selection,
}: {
  customers: CustomerRowFragment[];
  selection: Selection;
}) {
  const text = useText();
  const box = useRef<HTMLInputElement>(null);
  const ids = customers.map(({ unifiedId }) => unifiedId);
  const count = ids.filter((id) => selection.ids.has(id)).length;
  const isAll = count > 0 && count === ids.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = count > 0 && !isAll;
  }, [count, isAll]);
  return (
    <td className={styles.choose}>
      <label title={text.list.chooseAll(ids.length)}>
        <input
          ref={box}
          type="checkbox"
          checked={isAll}
          aria-label={text.list.chooseAll(ids.length)}
          onChange={() => selection.set(ids, !isAll)}
        />
      </label>
    </td>
  );
}
