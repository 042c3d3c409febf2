import type { JsonFields } from "./json-fields.js";
import type { World } from "./world.js";

export interface ControlCall {
  world: World;
  /** The `:id` of the path. */
  id: string;
  query: URLSearchParams;
  json: unknown;
  fields: JsonFields;
}

/** "POST /simulator/living/:id/start" → its handler, which returns the answer. */
export type ControlRoutes = Readonly<Record<string, (call: ControlCall) => unknown>>;
