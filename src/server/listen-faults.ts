/** Explains in one sentence, with the setting's name, why the gateway cannot listen on an address. */

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The setting with the port. */
  readonly setting: string;
}

/** @returns a handler that throws an error with that sentence */
export function explainListening({ host, port, setting }: ListenAddress): (error: NodeJS.ErrnoException) => never {
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use (${setting})`,
    EADDRNOTAVAIL: `this machine has no address ${host} (HOST)`,
    EACCES: `this user may not listen on port ${port} (${setting})`,
    EINVAL: `${host} cannot be listened on (HOST)`,
    ENOTFOUND: `${host} has no address (HOST)`,
    EAI_AGAIN: `${host} has no address (HOST)`,
  };
  return (error) => {
    const { code = "" } = error;
    throw new Error(sentences[code] ?? `${host} and port ${port} cannot be listened on: ${code}`, { cause: error });
  };
}
