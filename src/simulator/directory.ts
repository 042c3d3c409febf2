// Corps, their apps and members, and which members an app may name.

import { ApiFailure } from "./api-failure.js";
import type { Assumptions } from "./assumptions.js";
import type { CallbackEndpoint } from "./callbacks.js";
import type { AppOptions, CorpOptions, UserOptions } from "./options.js";

/** An app in one corp: the owner of an access_token. */
export interface App extends AppOptions {
  readonly corpid: string;
}

interface Corp {
  readonly apps: App[];
  /** By lower-case userid. */
  readonly users: ReadonlyMap<string, UserOptions> | "any";
}

/** 1 to 64 of letters, digits and `-_.@`, by the help text of 40003. */
const USERID = /^[A-Za-z0-9_.@-]{1,64}$/;

/** WeCom identifies members without regard to case. */
export const isSameUserid = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

export class Directory {
  readonly #corps = new Map<string, Corp>();
  readonly #assumptions: Assumptions;

  constructor(corps: readonly CorpOptions[], assumptions: Assumptions) {
    this.#assumptions = assumptions;
    for (const corp of corps) this.addCorp(corp);
  }

  addCorp({ corpid, apps, users = "any" }: CorpOptions): void {
    this.#corps.set(corpid, {
      apps: apps.map((app) => ({ ...app, corpid })),
      users: users === "any" ? "any" : new Map(users.map((user) => [user.userid.toLowerCase(), user])),
    });
  }

  hasCorp(corpid: string): boolean {
    return this.#corps.has(corpid);
  }

  firstApp(): App | undefined {
    return this.#allApps()[0];
  }

  app(corpid: string, agentid: number): App | undefined {
    return this.#corps.get(corpid)?.apps.find((app) => app.agentid === agentid);
  }

  /** @throws {ApiFailure} 40091 for another corp's secret, 40001 for an unknown one */
  appWithSecret(corpid: string, secret: string): App {
    const owners = this.#allApps().filter((app) => app.secret === secret);
    const app = owners.find((owner) => owner.corpid === corpid);
    if (app === undefined) throw new ApiFailure(owners.length > 0 ? 40091 : 40001);
    return app;
  }

  /** Adds an app to an existing corp, or replaces the one with the same agentid. */
  putApp(corpid: string, options: AppOptions): App {
    const corp = this.#corps.get(corpid);
    if (corp === undefined) throw new Error(`the simulator has no corp ${corpid}`);
    const app = { ...options, corpid };
    this.removeApp(corpid, app.agentid);
    corp.apps.push(app);
    return app;
  }

  /** Sends reports of the app's livings there from now on. */
  subscribe(corpid: string, agentid: number, callback: CallbackEndpoint): void {
    const app = this.app(corpid, agentid);
    if (app === undefined) throw new Error(`the simulator has no app ${agentid} in corp ${corpid}`);
    this.putApp(corpid, { ...app, callback });
  }

  removeApp(corpid: string, agentid: number): void {
    const apps = this.#corps.get(corpid)?.apps ?? [];
    const index = apps.findIndex((app) => app.agentid === agentid);
    if (index >= 0) apps.splice(index, 1);
  }

  /**
   * @returns the userid as the contact book spells it, which WeCom is assumed to answer; without one, as it was given
   * @throws {ApiFailure} when the userid is malformed, unknown, or outside the app's visible range
   */
  visibleUserid(app: App, userid: string): string {
    if (!USERID.test(userid)) throw new ApiFailure(40003);
    const users = this.#corps.get(app.corpid)?.users ?? "any";
    const known = users === "any" ? { userid } : users.get(userid.toLowerCase());
    if (known === undefined) throw new ApiFailure(this.#assumptions.unknownUserErrcode);
    const visible = app.visibleUserids ?? "all";
    if (visible !== "all" && !visible.some((each) => isSameUserid(each, userid)))
      throw new ApiFailure(this.#assumptions.invisibleUserErrcode);
    return known.userid;
  }

  mainDepartmentOf(corpid: string, userid: string): number {
    const users = this.#corps.get(corpid)?.users ?? "any";
    return (users === "any" ? undefined : users.get(userid.toLowerCase())?.mainDepartment) ?? 1;
  }

  #allApps(): App[] {
    return [...this.#corps.values()].flatMap((corp) => corp.apps);
  }
}
