/** The scale of a chart of amounts from zero: round steps, and a top that is one of them. */
export function scale(largest: number): { top: number; ticks: number[] } {
  if (!(largest > 0)) return { top: 1, ticks: [] };
  const rough = largest / 3;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5].find((it) => it * magnitude >= rough) ?? 10) * magnitude;
  const steps = Math.ceil(largest / step);
  return { top: steps * step, ticks: Array.from({ length: steps }, (_, index) => (index + 1) * step) };
}
