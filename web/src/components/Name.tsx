import { useText } from "../language/language";

/** A customer's name, isolated: letters of another direction in it do not turn the text around it. */
export function Name({ name }: { name: string | null | undefined }) {
  const text = useText();
  return <bdi>{name ?? text.unnamed}</bdi>;
}

/** The same for a sentence that is plain text, such as a title or a toast. */
export const isolated = (name: string) => `\u2068${name}\u2069`;
