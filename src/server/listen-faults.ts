/** Why an address cannot be listened on, in one sentence that names the setting. */

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Which setting names the port. */
  readonly setting: string;
}

/** @returns a handler that throws the sentence */
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
