import { ChevronLeft } from "lucide-react";
import { Link } from "wouter";
import { useText } from "../../language/language";
import { lastList } from "./lastList";

/** Leads back to the list as it was: its filter, order and search. The list itself restores its rows and its position. */
export function BackToList() {
  const text = useText();
  const { address, state } = lastList();
  return (
    <Link href={address} state={state} className="back">
      <ChevronLeft size={14} aria-hidden />
      {text.customers}
    </Link>
  );
}
