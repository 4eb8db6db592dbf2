import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { FormatProvider } from "./language/format";
import { LanguageProvider } from "./language/language";
import { SessionGate } from "./session/SessionGate";
import "./style/tokens.css";
import "./style/base.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <SessionGate>
        <FormatProvider>
          <App />
        </FormatProvider>
      </SessionGate>
    </LanguageProvider>
  </StrictMode>,
);
