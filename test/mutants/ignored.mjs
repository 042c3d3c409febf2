/**
 * Mutants that are not made, each with its reason, which the report shows. Everything else counts.
 *
 * @typedef {{ node: Record<string, any>, parentPath: NodePath | null }} NodePath
 */

const levels = ["trace", "debug", "info", "warn", "error", "fatal"];

/** @param {NodePath} path */
function shouldIgnore({ node, parentPath }) {
  if (node.type === "Decorator") return "schema.graphql holds it (scripts/print-schema.mjs --check)";
  const parent = parentPath?.node;
  const isText = node.type === "StringLiteral" || node.type === "TemplateLiteral";
  if (isText && parent?.type === "NewExpression" && /Error$/.test(parent.callee.name ?? ""))
    return "words of an error for people; what programs read of it is in its fields";
  if (node.type === "CallExpression" && isLogCall(node.callee)) return "a line of the log for people";
  return undefined;
}

function isLogCall({ type, property, object }) {
  if (type !== "MemberExpression" || !levels.includes(property.name)) return false;
  const logger = object.property?.name ?? object.property?.id?.name ?? object.name;
  return logger === "log" || logger === "logger";
}

export const strykerPlugins = [{ kind: "Ignore", name: "for-people", value: { shouldIgnore } }];
