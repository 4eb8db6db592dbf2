import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Publication } from "../../useHealth";

/** The state of a publication in words. */
export function usePublicationText(): (publication: Publication) => string {
  const text = useText();
  const format = useFormat();
  return (publication) => {
    switch (publication.state) {
      case "READING":
        return text.policy.reading(
          format.number(publication.messages),
          format.number(publication.ofMessages),
        );
      case "LISTING":
        return text.policy.listing(format.number(publication.customers));
      case "SWITCHING":
        return text.policy.switching;
      case "ELSEWHERE":
        return text.policy.publishedElsewhere;
      case "FAILED":
        return text.policy.notPublished(publication.reason);
      case "IN_FORCE":
        return text.policy.arrived(format.number(publication.seconds));
    }
  };
}
