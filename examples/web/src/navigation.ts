/** Which view the address asks for: #/ (the list), #/new, #/living/LIVINGID. */
import { useEffect, useRef, useSyncExternalStore } from "react";

export type View = { readonly name: "list" | "new" } | { readonly name: "living"; readonly livingid: string };

export function useView(): View {
  const hash = useSyncExternalStore(onHash, () => location.hash);
  if (hash === "#/new") return { name: "new" };
  const livingid = /^#\/living\/(.+)$/.exec(hash)?.[1];
  return livingid === undefined ? { name: "list" } : { name: "living", livingid: decodeURIComponent(livingid) };
}

function onHash(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

export const pathOf = (livingid: string): string => `#/living/${encodeURIComponent(livingid)}`;

/** For the heading of a view that opens: the keyboard and the screen reader go on there. */
export function useFocusOnOpen<Kind extends HTMLElement>() {
  const heading = useRef<Kind>(null);
  useEffect(() => {
    heading.current?.focus();
  }, []);
  return heading;
}
