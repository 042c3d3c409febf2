/**
 * An operation with files: `operations`, `map`, then the files.
 *
 * @see https://github.com/jaydenseric/graphql-multipart-request-spec
 */
import type { Exchange } from "../exchange.js";
import type { UploadedFile } from "../../lib/uploaded-file.js";
import { isPreflighted } from "../cors.js";
import { csrfMessage, readParts } from "../uploads/multipart.js";
import { type Upload, UploadRefused } from "../uploads/uploads.js";
import { type Fields, isRecord } from "./graphql-request.js";

/** Sets the file in the variables. */
type FileSetter = (file: UploadedFile) => void;

/** @throws {UploadRefused} */
export async function readMultipartRequest(
  { request }: Exchange,
  upload: Upload,
  maxFieldBytes: number,
): Promise<Fields> {
  if (!isPreflighted(request.headers)) throw bad(csrfMessage);
  let operations: Fields | undefined;
  let setters: Map<string, readonly FileSetter[]> | undefined;
  await readParts(
    request,
    { fieldBytes: maxFieldBytes, bytes: upload.maxReadBytes },
    {
      field: (name, text) => {
        if (name === "operations") {
          operations = record(name, text);
        } else if (name === "map") {
          if (!operations) throw bad("The part map must come after operations");
          setters = settersOf(record(name, text), operations);
        }
      },
      file: async (name, content, filename) => {
        if (!setters) throw bad("Files must come after the part map");
        const file = upload.file({ filename: filename ?? "" });
        const found = setters.get(name);
        setters.delete(name);
        for (const set of found ?? []) set(file);
        // Read to its end and discarded: the specification does not say what to do with an unmapped file.
        if (found) await upload.receive(content, file);
        else content.resume();
      },
    },
  );
  if (!operations) throw bad("The part operations is missing");
  if (!setters) throw bad("The part map is missing");
  if (setters.size > 0) throw bad("A file of the map is missing");
  return operations;
}

function settersOf(map: Readonly<Record<string, unknown>>, operations: Fields): Map<string, readonly FileSetter[]> {
  const entries = Object.entries(map);
  if (entries.length > 1) throw new UploadRefused(413, "A request may have one file");
  return new Map(
    entries.map(([name, paths]) => {
      if (!Array.isArray(paths)) throw bad("Each entry of the map must be a list of paths");
      return [name, paths.map((path) => setterAt(path, operations))] as const;
    }),
  );
}

/** A file can only replace a variable that is null, so the map cannot change anything else of the request. */
function setterAt(path: unknown, operations: Fields): FileSetter {
  if (typeof path !== "string") throw bad("Each path of the map must be text");
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let holder: unknown = operations;
  for (const key of keys) holder = own(holder, key);
  const isVariable = keys[0] === "variables";
  if (!isVariable || own(holder, last) !== null) throw bad("A path of the map leads to no variable that is null");
  return (file) => {
    (holder as Record<string, unknown>)[last] = file;
  };
}

function own(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, key)) return undefined;
  return (holder as Readonly<Record<string, unknown>>)[key];
}

function record(name: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(`The part ${name} is not JSON`);
  }
  if (!isRecord(value)) throw bad(`The part ${name} must be a JSON object`);
  return value;
}

function bad(message: string): UploadRefused {
  return new UploadRefused(400, message);
}
