/**
 * Scrolls the closest scrolling container until an element is visible in it. `scrollIntoView` would also move the place where the
 * Tab key starts, so that it skips all that is before the element.
 */
export function keepVisible(element: HTMLElement) {
  let container = element.parentElement;
  while (container && !(container.scrollHeight > container.clientHeight && scrolls(container)))
    container = container.parentElement;
  if (!container) return;
  const inside = container.getBoundingClientRect();
  const { top, bottom } = element.getBoundingClientRect();
  if (top < inside.top) container.scrollTop -= inside.top - top;
  else if (bottom > inside.bottom) container.scrollTop += bottom - inside.bottom;
}

const scrolls = (element: HTMLElement) => /auto|scroll/.test(getComputedStyle(element).overflowY);
