/** The language of the page, and how it writes times. */
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import type { Language } from "wecom-living-client";
import { words, type Words } from "./words.js";

export interface Speech {
  readonly language: Language;
  readonly words: Words;
  readonly setLanguage: (language: Language) => void;
  readonly date: (seconds: number, options: Intl.DateTimeFormatOptions) => string;
  /** Of a length in seconds. */
  readonly length: (seconds: number) => string;
}

const SpeechContext = createContext<Speech | undefined>(undefined);
const kept = "language";
const locales: Readonly<Record<Language, string>> = { en: "en-GB", zh: "zh-CN" };

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = locales[language];
    document.title = words[language].title;
    localStorage.setItem(kept, language);
  }, [language]);
  const speech = useMemo<Speech>(() => {
    const text = words[language];
    return {
      language,
      setLanguage,
      words: text,
      date: (seconds, options) => new Intl.DateTimeFormat(locales[language], options).format(seconds * 1000),
      length: (seconds) => (seconds < 60 ? text.seconds(seconds) : text.minutes(Math.round(seconds / 60))),
    };
  }, [language]);
  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

function firstLanguage(): Language {
  const chosen = localStorage.getItem(kept) ?? navigator.language;
  return chosen.startsWith("zh") ? "zh" : "en";
}

export function useSpeech(): Speech {
  const speech = use(SpeechContext);
  if (!speech) throw new Error("there is no LanguageProvider");
  return speech;
}
