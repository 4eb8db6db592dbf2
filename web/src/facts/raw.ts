/** The part of the facts that the page draws from: which orders there are, and when. All else is the module's to read. */
export type RawFacts = {
  policy: { time_zone: string };
  zones: RawZone[];
  identifiers: { unifiedId: string; orders?: RawOrder[] }[];
};

/** From when on a time zone is how many seconds ahead of UTC. Times are microseconds since 1970. */
export type RawZone = { zone: string; offsets: [from: number, seconds: number][] };

export type RawOrder = { at: number; currency: string; amount: string };
