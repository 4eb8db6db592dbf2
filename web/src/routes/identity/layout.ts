import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";

export type PositionedNode = { id: string; x: number; y: number };
export type LayoutEdge = { from: string; to: string; loose: boolean };

type Node = SimulationNodeDatum & { id: string };

const distance = { near: 96, far: 150 };

/** Positions for the nodes of a graph. Deterministic: the same graph always gets the same layout, stretched to the size given. */
export function layout(
  ids: string[],
  edges: LayoutEdge[],
  size: { width: number; height: number },
): PositionedNode[] {
  const aspect = size.width / size.height;
  const nodes: Node[] = ids.map((id) => ({ id }));
  const links: (SimulationLinkDatum<Node> & { loose: boolean })[] = edges.map(({ from, to, loose }) => ({
    source: from,
    target: to,
    loose,
  }));
  const simulation = forceSimulation(nodes)
    .force(
      "link",
      forceLink<Node, (typeof links)[number]>(links)
        .id(({ id }) => id)
        .distance(({ loose }) => (loose ? distance.far : distance.near)),
    )
    .force("apart", forceManyBody().strength(-520).distanceMax(600))
    .force("collide", forceCollide(52))
    .force("across", forceX(0).strength(0.05 / Math.max(1, aspect)))
    .force("down", forceY(0).strength(0.05 * Math.max(1, aspect)))
    .stop();
  // A large graph settles approximately, a small one fully.
  simulation.tick(ids.length > 200 ? 120 : 300);
  const stretch = {
    x: stretchTo(size.width * 0.78, nodes, "x"),
    y: stretchTo(size.height * 0.72, nodes, "y"),
  };
  return nodes.map(({ id, x, y }) => ({ id, x: (x ?? 0) * stretch.x, y: (y ?? 0) * stretch.y }));
}

/** Labels are wide, so a graph is stretched to use the space, at most to twice its size; it is never compressed. */
function stretchTo(length: number, nodes: Node[], along: "x" | "y"): number {
  const values = nodes.map((node) => node[along] ?? 0);
  const extent = Math.max(...values) - Math.min(...values);
  return extent < 1 ? 1 : Math.max(1, Math.min(2, length / extent));
}
