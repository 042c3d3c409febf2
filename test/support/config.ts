import { ConfigurationError, loadConfig } from "../../src/config.js";

/** What is wrong with these settings; empty if nothing is. */
export function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}
