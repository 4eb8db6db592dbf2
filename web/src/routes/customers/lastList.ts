import type { CustomersQuery } from "./query";

/** The list as it was last shown, so that a customer leads back to it: its address, and what is in its history entry only. */
export type LastList = {
  address: string;
  state: { search: string; entered: boolean; view: string | undefined };
};

let last: LastList = { address: "/customers", state: { search: "", entered: false, view: undefined } };

export function rememberList(address: string, { search }: CustomersQuery, view: string | undefined) {
  last = { address, state: { search, entered: false, view } };
}

export const lastList = () => last;
