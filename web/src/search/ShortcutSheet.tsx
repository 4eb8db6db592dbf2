import { Dialog } from "../components/Dialog";
import { useText } from "../language/language";
import { views } from "../routes/views";
import { controlKey } from "./keys";
import styles from "./Search.module.css";
import { viewKeys } from "./viewKeys";

/** The keys of the page, by where they work. */
export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const text = useText();
  const { commands } = text;
  const groups: { title: string; shortcuts: [label: string, ...keys: string[]][] }[] = [
    {
      title: commands.everywhere,
      shortcuts: [
        [commands.search, "/"],
        [commands.palette, controlKey, "K"],
        ...Object.entries(viewKeys).map(([key, path]): [string, ...string[]] => [
          views.find((view) => view.path === path)?.label(text) ?? path,
          "G",
          key.toUpperCase(),
        ]),
        [commands.sheet, "?"],
      ],
    },
    {
      title: commands.results,
      shortcuts: [
        [commands.choose, "↑", "↓"],
        [commands.openFirst, "Enter"],
        [commands.showAll, controlKey, "Enter"],
      ],
    },
    {
      title: commands.list,
      shortcuts: [
        [commands.move, "↑", "↓"],
        [commands.firstRow, "Home"],
        [commands.open, "Enter"],
        [commands.select, "X"],
        [commands.range, "Shift", "X"],
      ],
    },
    {
      title: commands.card,
      shortcuts: [
        [commands.previous, "["],
        [commands.next, "]"],
      ],
    },
    {
      title: text.inbox.title,
      shortcuts: [
        [commands.move, "J", "K"],
        [text.decisions.same, "S"],
        [text.decisions.different, "D"],
        [commands.reason, "1", "2", "3"],
        [commands.undo, "Z"],
      ],
    },
  ];
  return (
    <Dialog title={commands.shortcuts} onClose={onClose}>
      <div className={styles.shortcuts}>
        {groups.map(({ title, shortcuts }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {shortcuts.map(([label, ...keys]) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>
                    {keys.map((key) => (
                      <kbd key={key} className={styles.keys}>
                        {key}
                      </kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
