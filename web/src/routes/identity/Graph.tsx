import { type RefObject, useLayoutEffect, useMemo, useRef, useState } from "react";
import { KindIcon } from "../../components/KindIcon";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Graph.module.css";
import { type Edge, type IdentityEdges, isNotable, type Member } from "./graph";
import { layout } from "./layout";

type Props = {
  members: Member[];
  graph: IdentityEdges;
  /** The key of a link, or the ID of an identifier. */
  chosen: string | undefined;
  /** Identifiers that would leave if the selected link were cut. */
  leaving: Set<string>;
  onChoose: (key: string | undefined) => void;
};

const margin = { x: 84, y: 44 };
const smallestScale = 0.5;
const labelLength = 20;
const radius = 15;

/**
 * Identifiers as nodes, in colors and shapes of their kinds, and links as lines: thicker the more often a link was seen, dashed
 * where it is the only connection to something that matters, amber for a withheld link. It is for the pointer; the table below offers the same to the keyboard and to screen readers.
 */
export function Graph({ members, graph, chosen, leaving, onChoose }: Props) {
  const text = useText();
  const frame = useRef<HTMLDivElement>(null);
  const size = useElementSize(frame);
  const placed = useMemo(() => {
    const ids = [...members, ...graph.ghosts].map(({ unifiedId }) => unifiedId);
    const layoutEdges = graph.edges.map(({ a, b, as }) => ({
      from: a.unifiedId,
      to: b.unifiedId,
      loose: as === "withheld",
    }));
    return new Map(layout(ids, layoutEdges, size).map((node) => [node.id, node]));
  }, [members, graph, size]);

  const xs = [...placed.values()].map(({ x }) => x);
  const ys = [...placed.values()].map(({ y }) => y);
  const box = {
    left: Math.min(...xs) - margin.x,
    top: Math.min(...ys) - margin.y,
    width: Math.max(...xs) - Math.min(...xs) + 2 * margin.x,
    height: Math.max(...ys) - Math.min(...ys) + 2 * margin.y,
  };
  // At most at full size, and never too small to read: it scrolls instead.
  const scale = Math.max(smallestScale, Math.min(1, size.width / box.width, size.height / box.height));
  const width = Math.max(size.width / scale, box.width);
  const height = Math.max(size.height / scale, box.height);
  const view = [box.left - (width - box.width) / 2, box.top - (height - box.height) / 2, width, height];
  const at = (id: string) => placed.get(id) ?? { x: 0, y: 0 };
  const middle = box.top + box.height / 2;
  return (
    <div ref={frame} className={styles.frame}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has the table below it. */}
      <svg
        role="img"
        aria-label={text.identity.graphLabel(members.length, graph.edges.length)}
        className={styles.graph}
        viewBox={view.join(" ")}
        width={width * scale}
        height={height * scale}
        onClick={() => onChoose(undefined)}
      >
        {graph.edges.map((edge) => (
          <EdgeLine
            key={`${edge.as} ${edge.key}`}
            edge={edge}
            from={at(edge.a.unifiedId)}
            to={at(edge.b.unifiedId)}
            chosen={edge.key === chosen}
            onChoose={onChoose}
          />
        ))}
        {members.map((member) => (
          <NodeMark
            key={member.unifiedId}
            identifier={member}
            at={at(member.unifiedId)}
            labelAbove={at(member.unifiedId).y < middle}
            as={leaving.has(member.unifiedId) ? "leaving" : "member"}
            chosen={member.unifiedId === chosen}
            onChoose={onChoose}
          />
        ))}
        {graph.ghosts.map((ghost) => (
          <NodeMark
            key={ghost.unifiedId}
            identifier={ghost}
            at={at(ghost.unifiedId)}
            labelAbove={at(ghost.unifiedId).y < middle}
            as="ghost"
            chosen={ghost.unifiedId === chosen}
            onChoose={onChoose}
          />
        ))}
      </svg>
    </div>
  );
}

type Point = { x: number; y: number };
type EdgeLineProps = {
  edge: Edge;
  from: Point;
  to: Point;
  chosen: boolean;
  onChoose: (key: string) => void;
};

function EdgeLine({ edge, from, to, chosen, onChoose }: EdgeLineProps) {
  const bridge = edge.as === "link" && edge.leaving !== undefined && isNotable(edge.leaving);
  const count = edge.as === "link" ? edge.link.count : 1;
  const path = edge.as === "withheld" ? arc(from, to) : `M ${from.x} ${from.y} L ${to.x} ${to.y}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keyboard has the table below it.
    <g
      className={`${styles.line} ${styles[edge.as]} ${bridge ? styles.bridge : ""} ${chosen ? styles.chosen : ""}`}
      data-edge={edge.as}
      onClick={(event) => {
        event.stopPropagation();
        onChoose(edge.key);
      }}
    >
      <path className={styles.reach} d={path} />
      <path
        className={styles.stroke}
        d={path}
        strokeWidth={Math.min(4, 1.25 + Math.log2(Math.max(1, count)) * 0.4)}
      />
    </g>
  );
}

/** A curved line: withheld links must look different from followed ones. */
function arc(from: Point, to: Point): string {
  const bend = 0.14;
  const middle = {
    x: (from.x + to.x) / 2 - (to.y - from.y) * bend,
    y: (from.y + to.y) / 2 + (to.x - from.x) * bend,
  };
  return `M ${from.x} ${from.y} Q ${middle.x} ${middle.y} ${to.x} ${to.y}`;
}

type NodeMarkProps = {
  identifier: { kind: string; value: string; unifiedId: string; shared: boolean };
  at: Point;
  /** Labels are on the side away from the center, where their own lines are not. */
  labelAbove: boolean;
  as: "member" | "leaving" | "ghost";
  chosen: boolean;
  onChoose: (key: string) => void;
};

function NodeMark({
  identifier: { kind, value, unifiedId, shared },
  at,
  labelAbove,
  as,
  chosen,
  onChoose,
}: NodeMarkProps) {
  const format = useFormat();
  const label = format.identifier(kind, value);
  const short = label.length > labelLength ? `${label.slice(0, labelLength - 1)}…` : label;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keyboard has the table below it.
    <g
      className={`${styles.dot} ${styles[as]} ${shared ? styles.shared : ""} ${chosen ? styles.chosen : ""}`}
      transform={`translate(${at.x} ${at.y})`}
      data-kind={kind}
      onClick={(event) => {
        event.stopPropagation();
        onChoose(unifiedId);
      }}
    >
      <title>{`${format.kind(kind)} ${label}`}</title>
      <Shape kind={kind} />
      <g transform="translate(-7 -7)">
        <KindIcon kind={kind} />
      </g>
      <text y={labelAbove ? -radius - 6 : radius + 14} textAnchor="middle">
        {short}
      </text>
    </g>
  );
}

/** Accounts are squares: what purchases and names are under is visible without color, too. */
function Shape({ kind }: { kind: string }) {
  if (kind !== "external_id" && kind !== "customer_card")
    return <circle className={styles.shape} r={radius} />;
  const side = 2 * radius - 2;
  return <rect className={styles.shape} x={1 - radius} y={1 - radius} width={side} height={side} rx={5} />;
}

/** A node of a kind, for the legend. */
export function KindDot({ kind }: { kind: string }) {
  return (
    <svg
      width={22}
      height={22}
      viewBox="-17 -17 34 34"
      className={styles.dot}
      data-kind={kind}
      aria-hidden="true"
    >
      <Shape kind={kind} />
      <g transform="translate(-9 -9) scale(1.28)">
        <KindIcon kind={kind} />
      </g>
    </svg>
  );
}

/** The size of an element, followed as the window changes. */
function useElementSize(frame: RefObject<HTMLDivElement | null>) {
  const [size, setSize] = useState({ width: 800, height: 420 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0 && height > 0) setSize({ width, height });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return size;
}
