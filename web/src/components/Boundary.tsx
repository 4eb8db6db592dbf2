import { Component, type ReactNode } from "react";
import { useText } from "../language/language";
import { Notice } from "./Notice";

type Props = {
  /** The open view: another one is tried even after a failure. */
  view: string;
  children: ReactNode;
};
type State = { error: unknown };

/** Shows a message when a view fails to render, or when its code does not load. */
export class Boundary extends Component<Props, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override componentDidUpdate(before: Props) {
    if (before.view !== this.props.view && this.state.error !== undefined)
      this.setState({ error: undefined });
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <Failed notLoaded={isNotLoaded(this.state.error)} />;
  }
}

/** Whether an error is a browser's for code that it cannot load: offline, or the server has another version by now. */
const isNotLoaded = (error: unknown) => error instanceof TypeError && /import|module/i.test(error.message);

function Failed({ notLoaded }: { notLoaded: boolean }) {
  const text = useText();
  return (
    <main id="content" tabIndex={-1} className="page">
      <Notice title={notLoaded ? text.failures.view : text.errorPage}>
        <p>{notLoaded ? text.failures.viewHelp : text.errorPageHelp}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          {text.reload}
        </button>
      </Notice>
    </main>
  );
}
