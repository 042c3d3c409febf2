/** The cover of an event: chosen, shown, uploaded at once. */
import { useEffect, useRef, useState } from "react";
import { violationMessage } from "wecom-living-client";
import { Field } from "./field.js";
import { useSpeech } from "./language.js";
import type { Session } from "./session.js";
import { uploadCover, type Violation } from "./upload.js";

type Upload =
  | { readonly phase: "sending"; readonly percent: number }
  | { readonly phase: "sent" }
  | { readonly phase: "failed"; readonly violation?: Violation };

interface CoverFieldProps {
  readonly session: Session;
  /** What the gateway says of the media_id. */
  readonly error: string | undefined;
  /** The media_id to come, or null when the upload has failed; undefined when no picture is chosen. */
  readonly onChange: (mediaid: Promise<string | null> | undefined) => void;
}

export function CoverField({ session, error, onChange }: CoverFieldProps) {
  const { words, language } = useSpeech();
  const [preview, setPreview] = useState<string>();
  const [upload, setUpload] = useState<Upload>();
  const running = useRef<AbortController>(undefined);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => () => running.current?.abort(), []);
  useEffect(() => {
    if (preview !== undefined) return () => URL.revokeObjectURL(preview);
  }, [preview]);

  const choose = (file: File | undefined): void => {
    running.current?.abort();
    setPreview(file && URL.createObjectURL(file));
    setUpload(file && { phase: "sending", percent: 0 });
    onChange(file && send(file));
  };
  const send = async (file: File): Promise<string | null> => {
    const { signal } = (running.current = new AbortController());
    const onProgress = (sent: number): void => setUpload({ phase: "sending", percent: Math.round(sent * 100) });
    const result = await session.token().then(
      (token) => uploadCover(file, { token, signal, onProgress }),
      () => ({ failed: true }) as const,
    );
    if (signal.aborted) return null;
    if ("mediaid" in result) {
      setUpload({ phase: "sent" });
      return result.mediaid;
    }
    setUpload({ phase: "failed", ...("violation" in result && { violation: result.violation }) });
    return null;
  };
  const remove = (): void => {
    if (input.current) input.current.value = "";
    input.current?.focus();
    choose(undefined);
  };

  const reason =
    upload?.phase === "failed" && (upload.violation ? violationMessage(upload.violation, language) : words.coverFailed);
  return (
    <div className="cover">
      <Field name="cover" label={words.cover} hint={words.coverHint} error={reason || error} isOptional>
        {(control) => (
          <input
            {...control}
            ref={input}
            type="file"
            accept="image/jpeg,image/png"
            onChange={({ target }) => choose(target.files?.[0])}
          />
        )}
      </Field>
      {preview !== undefined && (
        <figure>
          <img src={preview} alt={words.coverChosen} />
          <figcaption>
            {upload?.phase === "sending" && (
              <progress max="100" value={upload.percent} aria-label={words.coverSending(upload.percent)} />
            )}
            <span role="status">
              {upload?.phase === "sending" && words.coverSending(upload.percent)}
              {upload?.phase === "sent" && words.coverSent}
            </span>
            <button type="button" className="quiet" onClick={remove}>
              {words.coverRemove}
            </button>
          </figcaption>
        </figure>
      )}
    </div>
  );
}
