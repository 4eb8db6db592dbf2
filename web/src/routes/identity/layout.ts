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

export type Placed = { id: string; x: number; y: number };
export type Tie = { from: string; to: string; loose: boolean };

type Node = SimulationNodeDatum & { id: string };

const spread = { near: 96, far: 150 };

/** Where the nodes of a graph stand: the same for the same graph, drawn out to the room that there is. */
export function layout(ids: string[], ties: Tie[], room: { width: number; height: number }): Placed[] {
  const aspect = room.width / room.height;
  const nodes: Node[] = ids.map((id) => ({ id }));
  const links: (SimulationLinkDatum<Node> & { loose: boolean })[] = ties.map(({ from, to, loose }) => ({
    source: from,
    target: to,
    loose,
  }));
  const simulation = forceSimulation(nodes)
    .force(
      "link",
      forceLink<Node, (typeof links)[number]>(links)
        .id(({ id }) => id)
        .distance(({ loose }) => (loose ? spread.far : spread.near)),
    )
    .force("apart", forceManyBody().strength(-520).distanceMax(600))
    .force("room", forceCollide(52))
    .force("across", forceX(0).strength(0.05 / Math.max(1, aspect)))
    .force("down", forceY(0).strength(0.05 * Math.max(1, aspect)))
    .stop();
  // A large graph comes to rest roughly; a small one wholly.
  simulation.tick(ids.length > 200 ? 120 : 300);
  const stretch = {
    x: stretchTo(room.width * 0.78, nodes, "x"),
    y: stretchTo(room.height * 0.72, nodes, "y"),
  };
  return nodes.map(({ id, x, y }) => ({ id, x: (x ?? 0) * stretch.x, y: (y ?? 0) * stretch.y }));
}

/** Labels are wide, so a graph is drawn out where there is room; never beyond twice its size, and never pressed. */
function stretchTo(length: number, nodes: Node[], along: "x" | "y"): number {
  const values = nodes.map((node) => node[along] ?? 0);
  const extent = Math.max(...values) - Math.min(...values);
  return extent < 1 ? 1 : Math.max(1, Math.min(2, length / extent));
}
