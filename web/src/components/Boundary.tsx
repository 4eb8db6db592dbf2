import { Component, type ReactNode } from "react";
import { useText } from "../language/language";
import { Notice } from "./Notice";

/** Shows a message when a view fails to render. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Failed /> : this.props.children;
  }
}

function Failed() {
  const text = useText();
  return (
    <main>
      <Notice title={text.errorPage}>
        <p>{text.errorPageHelp}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          {text.reload}
        </button>
      </Notice>
    </main>
  );
}
