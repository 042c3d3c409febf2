/**
 * The OpenTelemetry environment variables that the gateway supports. As the specification requires, an invalid value is
 * logged and counts as not set.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { Secret } from "./secret.js";

export interface TracingSettings {
  /** The OTLP endpoint for spans, over HTTP in JSON. */
  readonly endpoint: URL;
  /** May hold credentials. */
  readonly headers: readonly (readonly [name: string, value: Secret])[];
  /** In PEM: the only authorities that may sign the endpoint's certificate, and a certificate of the gateway's own. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: Secret };
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** The share of new traces that is recorded, from 0 to 1. */
  readonly ratio: number;
  /** A trace that a trusted caller started is recorded if the caller says so. */
  readonly followsParent: boolean;
  /** Attributes of all spans, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly scheduleDelayMs: number;
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * @param warn called for each ignored setting, without its value, because values may hold credentials
 * @param readFile throws if the path is of no file that can be read
 *
 * @returns undefined if tracing is off
 */
export function readTracing(
  env: Env,
  warn: (warning: string) => void,
  readFile: (path: string) => string,
): TracingSettings | undefined {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const ignore = (name: string, expected: string): void => {
    warn(`${name}: its value is not understood and is ignored, expected ${expected}`);
  };
  const choice = <T extends string>(name: string, allowed: readonly T[]): T | undefined => {
    const value = text(name)?.toLowerCase();
    const found = allowed.find((each) => each === value);
    if (value !== undefined && found === undefined) ignore(name, allowed.join(", "));
    return found;
  };
  const number = (name: string, fallback: number, maximum: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    if (/^\d{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= maximum) return Number(value);
    ignore(name, `a whole number from 1 to ${maximum}`);
    return fallback;
  };
  const url = (name: string): URL | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    const hasCredentials = parsed !== undefined && `${parsed.username}${parsed.password}` !== "";
    if (parsed && /^https?:$/.test(parsed.protocol) && !hasCredentials) return parsed;
    ignore(name, "an http or https URL, and credentials in OTEL_EXPORTER_OTLP_HEADERS");
    return undefined;
  };

  if (choice("OTEL_SDK_DISABLED", ["true", "false"]) === "true") return undefined;
  const base = url("OTEL_EXPORTER_OTLP_ENDPOINT");
  const ofTraces = url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const exporter = choice("OTEL_TRACES_EXPORTER", ["otlp", "none"]);
  if (exporter === "none" || (exporter === undefined && !base && !ofTraces)) return undefined;
  const endpoint = ofTraces ?? withPath(base ?? new URL("http://localhost:4318"));
  for (const name of ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]) choice(name, ["http/json"]);
  const sampler = choice("OTEL_TRACES_SAMPLER", samplers) ?? "parentbased_always_on";
  const compression = choice("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", ["gzip", "none"]);
  const maxQueueSize = number("OTEL_BSP_MAX_QUEUE_SIZE", 2048, 100_000);
  return {
    endpoint,
    headers: pairs(nameOf("HEADERS"), isHeader).map(([name, value]) => [name, new Secret(value)]),
    tls: { ...authorities(), ...clientCertificate() },
    timeoutMs: number(nameOf("TIMEOUT"), 10_000, 600_000),
    isCompressed: (compression ?? choice("OTEL_EXPORTER_OTLP_COMPRESSION", ["gzip", "none"])) === "gzip",
    ratio: sampler.endsWith("always_off") ? 0 : sampler.endsWith("always_on") ? 1 : ratio(),
    followsParent: sampler.startsWith("parentbased_"),
    resource: {
      "service.name": "wecom-living-gateway",
      ...Object.fromEntries(pairs("OTEL_RESOURCE_ATTRIBUTES")),
      ...(text("OTEL_SERVICE_NAME") !== undefined && { "service.name": text("OTEL_SERVICE_NAME") ?? "" }),
    },
    scheduleDelayMs: number("OTEL_BSP_SCHEDULE_DELAY", 5000, 600_000),
    maxQueueSize,
    maxBatchSize: Math.min(number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 100_000), maxQueueSize),
  };

  /** The variable for traces, if it is set, else the one for all signals. */
  function nameOf(setting: string): string {
    const ofTraces = `OTEL_EXPORTER_OTLP_TRACES_${setting}`;
    return text(ofTraces) === undefined ? `OTEL_EXPORTER_OTLP_${setting}` : ofTraces;
  }

  function authorities() {
    const name = nameOf("CERTIFICATE");
    const path = text(name);
    if (path === undefined) return {};
    try {
      const ca = readFile(path);
      new X509Certificate(ca);
      return { ca };
    } catch {
      ignore(name, "the path of a certificate in PEM");
      return {};
    }
  }

  function clientCertificate() {
    const [certName, keyName] = [nameOf("CLIENT_CERTIFICATE"), nameOf("CLIENT_KEY")];
    const [certPath, keyPath] = [text(certName), text(keyName)];
    if (certPath === undefined && keyPath === undefined) return {};
    try {
      const [cert, key] = [readFile(certPath ?? ""), readFile(keyPath ?? "")];
      createSecureContext({ cert, key });
      return { cert, key: new Secret(key) };
    } catch {
      ignore(`${certName} and ${keyName}`, "the paths of a certificate and its key in PEM");
      return {};
    }
  }

  function ratio(): number {
    const value = text("OTEL_TRACES_SAMPLER_ARG");
    if (value === undefined) return 1;
    if (/^(0|1|0?\.\d+|1\.0+|0\.0*)$/.test(value)) return Number(value);
    ignore("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
    return 1;
  }

  /** `name=value,name=value`, percent-encoded. One malformed pair invalidates the whole variable. */
  function pairs(name: string, isValid: (pair: readonly [string, string]) => boolean = () => true) {
    try {
      return (text(name)?.split(",") ?? []).map((pair) => {
        const [, key = "", value = ""] = /^\s*([\w.!#$&'*+^`|~/-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
        const decoded = [key, decodeURIComponent(value)] as const;
        if (key === "" || !isValid(decoded)) throw new Error("no pair");
        return decoded;
      });
    } catch {
      ignore(name, "name=value pairs, comma-separated and percent-encoded");
      return [];
    }
  }
}

const samplers = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);

/** `fetch` rejects any other, and quotes the value. */
function isHeader([name, value]: readonly [string, string]): boolean {
  return /^[\w.!#$&'*+^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function withPath(base: URL): URL {
  const endpoint = new URL(base);
  endpoint.pathname = `${base.pathname.replace(/\/$/, "")}/v1/traces`;
  return endpoint;
}
