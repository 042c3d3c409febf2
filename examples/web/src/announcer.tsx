/** Says what happened: to screen readers, and, for the outcome of what somebody did, on the page for some seconds. */
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";

interface Announcer {
  /** Heard only. */
  readonly announce: (text: string) => void;
  /** Heard and seen. */
  readonly notify: (text: string) => void;
}

const AnnouncerContext = createContext<Announcer>({ announce: () => undefined, notify: () => undefined });
const shownForMs = 5000;

export function AnnouncerProvider({ children }: { readonly children: ReactNode }) {
  const [said, setSaid] = useState({ text: "", isSeen: false });
  const announcer = useMemo<Announcer>(
    () => ({
      announce: (text) => setSaid({ text, isSeen: false }),
      notify: (text) => setSaid({ text, isSeen: true }),
    }),
    [],
  );
  useEffect(() => {
    if (said.text === "") return;
    const timer = setTimeout(() => setSaid({ text: "", isSeen: false }), shownForMs);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <AnnouncerContext value={announcer}>
      {children}
      <p className={said.isSeen ? "toast" : "heard"} role="status">
        {said.text}
      </p>
    </AnnouncerContext>
  );
}

export const useAnnouncer = () => use(AnnouncerContext);
