import { useSpeech } from "./language.js";

export function LanguageSwitch() {
  const { words, language, setLanguage } = useSpeech();
  const other = language === "en" ? "zh" : "en";
  return (
    <button type="button" className="quiet" lang={other} onClick={() => setLanguage(other)}>
      {words.otherLanguage}
    </button>
  );
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" />
      <path d="M6 4l6 4-6 4z" />
    </svg>
  );
}
