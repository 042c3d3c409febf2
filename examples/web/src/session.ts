/** Who uses the app, and the token that says so to the gateway. */
import known from "../demo/people.json";

export type Person = (typeof known)[number];
export const people: readonly Person[] = known;
export const hosts = people.filter(({ isHost }) => isHost);
export const firstHost = (person: Person): Person => (person.isHost ? person : (hosts[0] ?? person));

export interface Session {
  readonly person: Person;
  /** A token that is valid for a minute at least. */
  readonly token: () => Promise<string>;
  /** Where the simulated WeCom is, once a token was given. */
  readonly simulatorUrl: () => string | undefined;
}

interface Answer {
  readonly token: string;
  readonly expiresAt: number;
  readonly simulatorUrl: string;
}

export function openSession(person: Person): Session {
  let answer: Promise<Answer> | undefined;
  let current: Answer | undefined;
  const ask = async (): Promise<Answer> => {
    const response = await fetch(`/demo/token?userid=${person.userid}`, { method: "POST" });
    if (!response.ok) throw new Error(`the demo's sign-in answered ${response.status}`);
    return (current = (await response.json()) as Answer);
  };
  return {
    person,
    simulatorUrl: () => current?.simulatorUrl,
    token: async () => {
      if (current && current.expiresAt * 1000 - Date.now() > 60_000) return current.token;
      answer ??= ask().finally(() => (answer = undefined));
      return (await answer).token;
    },
  };
}

const kept = "person";

/** For this tab: another one may be somebody else's. */
export function rememberPerson(person: Person | undefined): void {
  if (person) sessionStorage.setItem(kept, person.userid);
  else sessionStorage.removeItem(kept);
}

export function rememberedPerson(): Person | undefined {
  const userid = sessionStorage.getItem(kept);
  return people.find((person) => person.userid === userid);
}
