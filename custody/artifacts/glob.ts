/** Patterns for files of a cell: `*` within one name, `**` across folders, `?` one character; a trailing slash means all below. */

/** Every other character stands for itself. Paths and patterns are relative to the cell's folder, with forward slashes. */
export function matchesGlob(path: string, pattern: string): boolean {
  return compile(pattern).test(path);
}

const compiled = new Map<string, RegExp>();

function compile(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const whole = pattern.replace(/^\.\//, "").replace(/\/$/, "/**");
  const source = whole.replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, (token) => {
    switch (token) {
      case "**/": return "(?:[^/]+/)*";
      case "**": return ".*";
      case "*": return "[^/]*";
      case "?": return "[^/]";
      default: return token.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    }
  });
  const expression = new RegExp(`^${source}$`, "su");
  compiled.set(pattern, expression);
  return expression;
}
