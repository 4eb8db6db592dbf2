import type { CSSProperties } from "react";
import styles from "./Avatar.module.css";

type Props = { avatar: { letter: string; color: string }; large?: boolean };

/** The hue is the server's. The lightness is the theme's, so that the letter stays readable. */
export function Avatar({ avatar, large = false }: Props) {
  const hue = { "--hue": avatar.color } as CSSProperties;
  return (
    <span className={`${styles.avatar} ${large ? styles.large : ""}`} style={hue} aria-hidden="true">
      {avatar.letter}
    </span>
  );
}
