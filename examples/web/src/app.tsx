/** The frame: who uses it, in which language, and which view. */
import { ApolloProvider } from "@apollo/client/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { AnnouncerProvider } from "./announcer.js";
import { LanguageSwitch, Mark } from "./brand.js";
import { type Gateway, openGateway } from "./gateway.js";
import { useSpeech } from "./language.js";
import { LivingForm } from "./living-form.js";
import { LivingList } from "./living-list.js";
import { LivingPage } from "./living-page.js";
import { useView } from "./navigation.js";
import { PendingCreates } from "./pending-creates.js";
import { openSession, type Person, rememberedPerson, rememberPerson, type Session } from "./session.js";
import { SignIn } from "./sign-in.js";

export function App() {
  const [person, setPerson] = useState(rememberedPerson);
  const [connection, setConnection] = useState<{ session: Session; gateway: Gateway }>();
  const choose = (next: Person | undefined): void => {
    rememberPerson(next);
    setPerson(next);
    location.hash = "#/";
  };
  useEffect(() => {
    if (!person) return;
    const session = openSession(person);
    const gateway = openGateway(session);
    setConnection({ session, gateway });
    return () => {
      setConnection(undefined);
      gateway.close();
    };
  }, [person]);

  if (!person) return <SignIn onChoose={choose} />;
  if (!connection) return null;
  const { session, gateway } = connection;
  return (
    <ApolloProvider client={gateway.client}>
      <AnnouncerProvider>
        <Frame session={session} gateway={gateway} onLeave={() => choose(undefined)} />
      </AnnouncerProvider>
    </ApolloProvider>
  );
}

interface FrameProps {
  readonly session: Session;
  readonly gateway: Gateway;
  readonly onLeave: () => void;
}

function Frame({ session, gateway, onLeave }: FrameProps) {
  const { words, language } = useSpeech();
  const view = useView();
  const isConnected = useSyncExternalStore(gateway.onConnection, gateway.isConnected);
  const { person } = session;
  return (
    <>
      <header className="bar">
        <a className="brand" href="#/">
          <Mark />
          <h1>{words.title}</h1>
        </a>
        <span className={isConnected ? "connection on" : "connection"}>
          {isConnected ? words.updatesOn : words.updatesOff}
        </span>
        <span className="spacer" />
        <LanguageSwitch />
        <button type="button" className="person" onClick={onLeave}>
          <span className="avatar" aria-hidden="true">
            {person.name[language].slice(0, 1)}
          </span>
          <span className="person-name">{person.name[language]}</span>
          <span className="heard">{words.switchPerson}</span>
        </button>
      </header>
      <main data-view={view.name}>
        <PendingCreates person={person} />
        <LivingList person={person} chosen={view.name === "living" ? view.livingid : undefined} />
        <section className="detail">
          {view.name === "new" && <LivingForm session={session} />}
          {view.name === "living" && <LivingPage key={view.livingid} livingid={view.livingid} />}
          {view.name === "list" && <p className="placeholder">{words.chooseOne}</p>}
        </section>
      </main>
      <footer>
        <SimulatorLink session={session} isConnected={isConnected} />
      </footer>
    </>
  );
}

/** The address comes with the first token. */
function SimulatorLink({ session, isConnected }: { readonly session: Session; readonly isConnected: boolean }) {
  const { words } = useSpeech();
  const url = isConnected ? session.simulatorUrl() : undefined;
  if (url === undefined) return null;
  return (
    <>
      <a href={url} target="_blank" rel="noreferrer">
        {words.simulatedWecom}
      </a>{" "}
      {words.simulatedWecomHint}
    </>
  );
}
