/** A question before what cannot be undone: a modal dialog of the browser, which keeps the focus and closes with Escape. */
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useSpeech } from "./language.js";

interface QuestionProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly confirm: string;
  readonly isBusy: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function Question({ title, children, confirm, isBusy, onConfirm, onClose }: QuestionProps) {
  const { words } = useSpeech();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
      <div className="choices">
        <button type="button" onClick={onClose}>
          {words.keep}
        </button>
        <button type="button" className="danger" aria-disabled={isBusy} onClick={() => !isBusy && onConfirm()}>
          {confirm}
        </button>
      </div>
    </dialog>
  );
}
