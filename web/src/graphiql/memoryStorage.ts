/** A store that lasts as long as the page, with GraphiQL's interface. `initial` are values to start with. */
export function createMemoryStorage(initial: Record<string, string>) {
  const kept = new Map(Object.entries(initial));
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
    clear: () => kept.clear(),
    get length() {
      return kept.size;
    },
  };
}
