import "@graphiql/react/setup-workers/vite";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LanguageProvider, loadLanguage } from "../language/language";
import "graphiql/style.css";
import "../style/tokens.css";
import { Explorer } from "./Explorer";
import "./graphiql.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
await loadLanguage();
createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <Explorer />
    </LanguageProvider>
  </StrictMode>,
);
