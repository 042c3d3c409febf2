import { useSpeech } from "./language.js";
import { hosts } from "./session.js";

/** Those who can host a living, for a `select`. */
export function HostOptions() {
  const { language } = useSpeech();
  return hosts.map(({ userid, name }) => (
    <option key={userid} value={userid}>
      {name[language]}
    </option>
  ));
}
