import { ChevronLeft, X } from "lucide-react";
import { useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { CompareDocument, type CompareQuery as Compared } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { useTitle } from "../../useTitle";
import { Picker } from "../merge/Picker";
import { customerPath, mergePath } from "../views";
import styles from "./Compare.module.css";
import { columnsOf, mostColumns, useCompareQuery } from "./query";
import { useComparedText } from "./useComparedText";

type Comparison = Compared["compareProfiles"];
type Field = Comparison["fields"][number];
type Column = Comparison["profiles"][number];

/** Customers next to each other, or one customer on two dates. Nothing is merged. */
export function Compare() {
  const text = useText();
  const format = useFormat();
  const words = text.compare;
  const [query, show] = useCompareQuery();
  const columns = columnsOf(query);
  const isComplete = columns.length > 1;
  const [{ data, error, fetching }, reload] = useQuery({
    query: CompareDocument,
    variables: { columns },
    pause: !isComplete,
    requestPolicy: "cache-and-network",
  });
  const compared = isComplete ? data?.compareProfiles : undefined;
  const isOfDates = query.unifiedIds.length === 1;
  const [first] = compared?.profiles ?? [];
  const name = first?.basic.name ?? text.unnamed;
  const title = compared && isOfDates ? words.headingDates(name) : words.heading;
  useTitle(title);

  const twoDates = () => {
    const today = format.today();
    const yearBefore = `${Number(today.slice(0, 4)) - 1}${today.slice(4).replace("-02-29", "-02-28")}`;
    show({ ...query, dates: [yearBefore, today] });
  };
  return (
    <main id="content" tabIndex={-1} className="page" aria-busy={fetching}>
      <Link
        href={query.unifiedIds.length === 1 ? customerPath(query.unifiedIds[0] as string) : "/customers"}
        className="back"
      >
        <ChevronLeft size={14} aria-hidden />
        {query.unifiedIds.length === 1 ? name : text.customers}
      </Link>
      <h1>{title}</h1>
      {query.unifiedIds.map((unifiedId) => (
        <Changes
          key={unifiedId}
          unifiedId={unifiedId}
          onChange={() => reload({ requestPolicy: "network-only" })}
        />
      ))}
      {isOfDates && isComplete && <p className="soft">{words.datesMean}</p>}
      {query.unifiedIds.length < mostColumns && !(isOfDates && isComplete) && (
        <Picker
          picked={query.unifiedIds}
          onPick={(unifiedIds) =>
            show({ unifiedIds, dates: unifiedIds.length > 1 ? query.dates.slice(0, 1) : [] })
          }
        />
      )}
      {!isComplete && (
        <p className={styles.hint}>
          {isOfDates ? words.pick : words.pickTwo}{" "}
          {isOfDates && (
            <button type="button" className="button" onClick={twoDates}>
              {words.twoDates}
            </button>
          )}
        </p>
      )}
      {error && isComplete && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {isComplete && !compared && !error && (
        <div aria-hidden="true">
          {["90%", "95%", "80%", "92%", "85%"].map((width) => (
            <Skeleton key={width} width={width} />
          ))}
        </div>
      )}
      {compared && (
        <Table
          compared={compared}
          isOfDates={isOfDates}
          dates={query.dates}
          onDate={(position, date) =>
            show({
              ...query,
              dates: query.dates.map((before, place) => (place === position ? date : before)),
            })
          }
          onRemove={(position) =>
            show({ unifiedIds: query.unifiedIds.filter((_, place) => place !== position), dates: [] })
          }
        />
      )}
    </main>
  );
}

/** Reads again when a customer changes. */
function Changes({ unifiedId, onChange }: { unifiedId: string; onChange: () => void }) {
  useProfileChanges(unifiedId, onChange);
  return null;
}

type TableProps = {
  compared: Comparison;
  isOfDates: boolean;
  dates: string[];
  onDate: (position: number, date: string) => void;
  onRemove: (position: number) => void;
};

function Table({ compared: { profiles, fields }, isOfDates, dates, onDate, onRemove }: TableProps) {
  const text = useText();
  const format = useFormat();
  const words = text.compare;
  const may = useMay();
  const [shown, setShown] = useState<"differences" | "all">("differences");
  const differing = fields.filter(({ agreement }) => agreement === "DIFFERENT");
  const rows = shown === "all" ? fields : differing;
  const unifiedIds = profiles.map(({ unifiedId }) => unifiedId);
  const isOneCustomer = new Set(unifiedIds).size === 1;
  const groups = [...new Set(rows.map(({ group }) => group))];
  return (
    <>
      <div className={styles.controls}>
        <Segmented
          label={words.shown}
          options={[
            { value: "differences", label: words.differences(format.number(differing.length)) },
            { value: "all", label: words.all(format.number(fields.length)) },
          ]}
          value={shown}
          onChange={setShown}
        />
        {!isOneCustomer && may.decide && (
          <Link href={mergePath(unifiedIds)} className="button">
            {words.merge}
          </Link>
        )}
        {fields.some(({ agreement }) => agreement === "MASKED") && (
          <span className="soft">{words.masked}</span>
        )}
      </div>
      {isOneCustomer && !isOfDates && <p className="soft">{words.sameCustomer}</p>}
      <div className={styles.wide}>
        <table className={styles.table}>
          <thead>
            <tr>
              <td />
              {profiles.map((profile, position) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: one customer may be in several columns.
                <th key={position} scope="col">
                  <Head
                    profile={profile}
                    date={isOfDates ? dates[position] : undefined}
                    onDate={(date) => onDate(position, date)}
                    // With fewer columns the search above shows who is compared, and removes them.
                    onRemove={profiles.length < mostColumns ? undefined : () => onRemove(position)}
                  />
                </th>
              ))}
            </tr>
          </thead>
          {groups.map((group) => (
            <tbody key={group}>
              <tr className={styles.group}>
                <th scope="rowgroup" colSpan={profiles.length + 1}>
                  {words.groups[group]}
                </th>
              </tr>
              {rows
                .filter((field) => field.group === group)
                .map((field) => (
                  <Row key={field.name} field={field} profiles={profiles} marked={shown === "all"} />
                ))}
            </tbody>
          ))}
        </table>
      </div>
      {rows.length === 0 && <p className="soft">{words.same}</p>}
    </>
  );
}

type HeadProps = {
  profile: Column;
  date: string | undefined;
  onDate: (date: string) => void;
  onRemove: (() => void) | undefined;
};

function Head({ profile: { unifiedId, basic }, date, onDate, onRemove }: HeadProps) {
  const text = useText();
  const format = useFormat();
  const name = basic.name ?? text.unnamed;
  if (date !== undefined) {
    return (
      <label className={styles.date}>
        <span className="soft">{text.compare.asOf}</span>
        <input
          type="date"
          value={date}
          max={format.today()}
          onChange={({ target }) => target.value && onDate(target.value)}
        />
      </label>
    );
  }
  return (
    <span className={styles.who}>
      <Avatar avatar={basic.avatar} />
      <Link href={customerPath(unifiedId)}>
        <bdi>{name}</bdi>
      </Link>
      {onRemove && (
        <button
          type="button"
          className={styles.remove}
          aria-label={text.compare.remove(name)}
          onClick={onRemove}
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </span>
  );
}

type RowProps = { field: Field; profiles: Column[]; marked: boolean };

/** A field. Among differences only, a mark would say nothing. */
function Row({ field, profiles, marked }: RowProps) {
  const text = useText();
  const fieldText = useComparedText();
  const differs = marked && field.agreement === "DIFFERENT";
  return (
    <tr data-field={field.name} data-agreement={field.agreement}>
      <th scope="row">
        <span className={styles.name}>{fieldText.name(field)}</span>
        {differs && (
          <>
            <span className={styles.mark} aria-hidden="true" />
            <span className="hidden">{text.compare.differs}</span>
          </>
        )}
      </th>
      {field.values.map((value, position) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the columns have no other key.
        <td key={position} data-who={profiles[position]?.basic.name ?? text.unnamed}>
          <div className={value === null ? "soft" : undefined}>{fieldText.value(field, value)}</div>
        </td>
      ))}
    </tr>
  );
}
