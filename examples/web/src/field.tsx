/** A label with its control, hint and error, so that a screen reader hears what belongs together. */
import { type ReactNode, useId } from "react";
import { useSpeech } from "./language.js";

export interface ControlProps {
  readonly id: string;
  readonly name: string;
  readonly "aria-invalid"?: true;
  readonly "aria-describedby"?: string;
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | undefined;
  readonly isOptional?: boolean;
  readonly children: (control: ControlProps) => ReactNode;
}

export function Field({ name, label, hint, error, isOptional = false, children }: FieldProps) {
  const { words } = useSpeech();
  const id = useId();
  const [hintId, errorId] = [`${id}-hint`, `${id}-error`];
  const described = error ? errorId : hint && hintId;
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {isOptional && <small> ({words.optional})</small>}
      </label>
      {children({
        id,
        name,
        ...(error && { "aria-invalid": true as const }),
        ...(described && { "aria-describedby": described }),
      })}
      {error && (
        <p className="error" id={errorId}>
          {error}
        </p>
      )}
      {hint && !error && (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}
