/** The answer to a request that is not GraphQL: a callback, or the installation page. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  readonly location?: string;
  /** The browser reloads the page by itself. */
  readonly reloadAfterSeconds?: number;
}
