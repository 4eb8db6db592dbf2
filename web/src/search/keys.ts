/**
 * The character of a key as an English keyboard has it. A Korean layout types `ㅎ` where G is, and shortcuts must work in it, too;
 * Latin layouts keep their own letters.
 */
export function pressed(event: KeyboardEvent): string {
  if (event.key.length === 1 && event.key >= " " && event.key <= "~") return event.key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  if (letter) return letter.toLowerCase();
  if (event.code === "Slash") return event.shiftKey ? "?" : "/";
  return { BracketLeft: "[", BracketRight: "]" }[event.code] ?? event.key;
}

/** Whether keys go into a text. */
export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));

/** Whether this is an Apple keyboard, which has Command where others have Ctrl. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent);
export const controlKey = isApple ? "⌘" : "Ctrl";
