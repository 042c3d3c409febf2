import { LanguageSwitch, Mark } from "./brand.js";
import { useSpeech } from "./language.js";
import { people, type Person } from "./session.js";

export function SignIn({ onChoose }: { readonly onChoose: (person: Person) => void }) {
  const { words, language } = useSpeech();
  return (
    <>
      <header className="bar">
        <span className="brand">
          <Mark />
          <span>{words.title}</span>
        </span>
        <span className="spacer" />
        <LanguageSwitch />
      </header>
      <main className="sign-in">
        <h1>{words.chooseWho}</h1>
        <p>{words.chooseWhoHint}</p>
        <ul>
          {people.map((person) => (
            <li key={person.userid}>
              <button type="button" onClick={() => onChoose(person)}>
                <span className="avatar" aria-hidden="true">
                  {person.name[language].slice(0, 1)}
                </span>
                <span>
                  <strong>{person.name[language]}</strong>
                  <small>{person.about[language]}</small>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </main>
    </>
  );
}
