/** Schedules a living. The rules are the gateway's: what breaks one is shown at its field. */
import { useApolloClient } from "@apollo/client/react";
import { type SyntheticEvent, useEffect, useRef, useState } from "react";
import {
  createIdempotencyKey,
  isLivingError,
  livingErrorMessage,
  type LivingInput,
  type LivingType,
  violationMessage,
} from "wecom-living-client";
import { useAnnouncer } from "./announcer.js";
import { CoverField } from "./cover-field.js";
import { Field } from "./field.js";
import { failureMessage } from "./gateway.js";
import { HostOptions } from "./host-options.js";
import { useSpeech } from "./language.js";
import { fieldOf, firstStart, type FormErrors, readForm } from "./living-input.js";
import { pathOf, useFocusOnOpen } from "./navigation.js";
import { schedule } from "./schedule.js";
import { firstHost, type Session } from "./session.js";

const types: readonly LivingType[] = ["EVENT", "GENERAL", "TRAINING"];
const remindMinutes = [0, 5, 15, 30, 60];

export function LivingForm({ session }: { readonly session: Session }) {
  const { person } = session;
  const client = useApolloClient();
  const speech = useSpeech();
  const { words, language } = speech;
  const { notify } = useAnnouncer();
  const heading = useFocusOnOpen<HTMLHeadingElement>();
  const form = useRef<HTMLFormElement>(null);
  const cover = useRef<Promise<string | null>>(undefined);
  /** One key for one living that is meant: until the outcome is known, or something else is meant. */
  const intent = useRef({ key: createIdempotencyKey(), sent: "" });
  const [type, setType] = useState<LivingType>("EVENT");
  const [attempt, setAttempt] = useState(0);
  const [errors, setErrors] = useState<FormErrors>({});
  const [start] = useState(firstStart);

  useEffect(() => {
    form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [errors]);

  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    if (!form.current) return;
    const { input, errors: missing } = readForm(new FormData(form.current), words);
    if (!input) {
      setErrors(missing);
      return;
    }
    setErrors({});
    setAttempt(1);
    const mediaid = type === "EVENT" ? await cover.current : undefined;
    if (mediaid === null) setErrors({ form: words.coverFailed });
    else await send({ ...input, ...(mediaid !== undefined && { activityCoverMediaid: mediaid }) });
    setAttempt(0);
  };
  // A second click comes here again: createLivingOnce joins it with the first.
  const send = async (input: LivingInput): Promise<void> => {
    const text = JSON.stringify(input);
    if (intent.current.sent !== "" && intent.current.sent !== text) renewKey();
    intent.current.sent = text;
    try {
      const result = await schedule(client, input, { key: intent.current.key, person, onAttempt: setAttempt });
      renewKey();
      if (!isLivingError(result)) {
        notify(words.scheduled);
        location.hash = pathOf(result.livingid);
        return;
      }
      const form = livingErrorMessage(result, language);
      const fields = result.__typename === "LivingInputError" ? result.fields : [];
      const byField = fields.map((violation) => [fieldOf(violation.path), violationMessage(violation, language)]);
      setErrors({ form, ...(Object.fromEntries(byField) as FormErrors) });
    } catch (error) {
      // The key is kept: the same form sent again is still the same living.
      setErrors({ form: failureMessage(error, speech) });
    }
  };
  const renewKey = (): void => void (intent.current = { key: createIdempotencyKey(), sent: "" });

  return (
    <article className="panel">
      <a className="back" href="#/">
        {words.back}
      </a>
      <h2 ref={heading} tabIndex={-1}>
        {words.formTitle}
      </h2>
      <form ref={form} noValidate aria-busy={attempt > 0} onSubmit={(event) => void submit(event)}>
        <p className="failure" role="alert" hidden={!errors.form}>
          {errors.form}
        </p>
        <Field name="theme" label={words.theme} hint={words.themeHint} error={errors.theme}>
          {(control) => <input {...control} required autoComplete="off" />}
        </Field>
        <div className="pair">
          <Field name="livingStart" label={words.start} hint={words.startHint} error={errors.livingStart}>
            {(control) => <input {...control} type="datetime-local" required defaultValue={start} />}
          </Field>
          <Field name="livingDuration" label={words.durationMinutes} error={errors.livingDuration}>
            {(control) => <input {...control} type="number" inputMode="numeric" required defaultValue="60" />}
          </Field>
        </div>
        <div className="pair">
          <Field name="type" label={words.kind} error={errors.type}>
            {(control) => (
              <select {...control} value={type} onChange={({ target }) => setType(target.value as LivingType)}>
                {types.map((value) => (
                  <option key={value} value={value}>
                    {words.type[value]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field name="remindTime" label={words.remind} error={errors.remindTime}>
            {(control) => (
              <select {...control} defaultValue="0">
                {remindMinutes.map((minutes) => (
                  <option key={minutes} value={minutes * 60}>
                    {minutes === 0 ? words.remindNot : words.remindBefore(minutes)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <Field name="anchorUserid" label={words.host} error={errors.anchorUserid}>
          {(control) => (
            // Who may act for others is decided by the gateway, by the scopes of the token.
            <select {...control} defaultValue={firstHost(person).userid}>
              <HostOptions />
            </select>
          )}
        </Field>
        {type === "EVENT" && (
          <CoverField session={session} error={errors.cover} onChange={(mediaid) => void (cover.current = mediaid)} />
        )}
        <Field
          name="description"
          label={words.description}
          hint={words.descriptionHint}
          error={errors.description}
          isOptional
        >
          {(control) => <textarea {...control} rows={3} />}
        </Field>
        <div className="choices">
          <button className="primary">{attempt > 0 ? words.sending : words.submit}</button>
          <span role="status">{attempt > 1 && words.asking}</span>
        </div>
      </form>
    </article>
  );
}
