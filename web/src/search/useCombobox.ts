import { type KeyboardEvent, type ReactNode, useEffect, useId, useState } from "react";

export type Option = {
  key: string;
  content: ReactNode;
  /** The heading that it is under, together with its neighbors of the same heading. */
  group?: string;
  onPick: () => void;
};

/** A text field with a list of options under it, by the combobox pattern of ARIA: the focus stays in the field. */
export function useCombobox(options: Option[], open: boolean) {
  const id = useId();
  const [activeKey, setActiveKey] = useState<string>();
  const place = open ? options.findIndex(({ key }) => key === activeKey) : -1;
  const active = options[place];
  const optionId = (key: string) => `${id}-${key}`;
  const activeId = active && optionId(active.key);
  useEffect(() => {
    if (activeId) document.getElementById(activeId)?.scrollIntoView({ block: "nearest" });
  }, [activeId]);

  /** Moves over the options; true if the key did. */
  const move = (event: KeyboardEvent): boolean => {
    if (!open || options.length === 0 || event.nativeEvent.isComposing) return false;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return false;
    event.preventDefault();
    const from = place === -1 && step === -1 ? 0 : place;
    setActiveKey(options[(from + step + options.length) % options.length]?.key);
    return true;
  };
  return {
    active,
    setActiveKey,
    move,
    listId: `${id}-list`,
    optionId,
    fieldProps: {
      role: "combobox",
      "aria-expanded": open && options.length > 0,
      "aria-controls": `${id}-list`,
      "aria-autocomplete": "list",
      "aria-activedescendant": activeId,
      autoComplete: "off",
      autoCapitalize: "off",
      spellCheck: false,
    } as const,
  };
}

export type Combobox = ReturnType<typeof useCombobox>;
