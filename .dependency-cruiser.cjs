/** Imports point one way: index -> components -> {profiles, providers} -> custody; the sandbox is imported by the command line and tests only. */
const only = (from, allowed, comment) => ({
  name: `${from}-imports-one-way`,
  severity: "error",
  comment,
  from: { path: `^${from}/` },
  to: { path: "^(components|profiles|providers|custody|policy|sandbox|cli|test|index\\.ts)", pathNot: `^(${[from, ...allowed].join("|")})/` },
});

module.exports = {
  forbidden: [
    only("custody", [], "custody knows neither Pulumi nor a platform"),
    only("profiles", ["custody"], "profiles are data and pure functions"),
    only("providers", ["custody", "profiles"], "providers never reach up to components"),
    only("components", ["custody", "profiles", "providers"], "components are the top of the library"),
    only("policy", ["custody", "profiles"], "policies judge plans and profiles, never providers"),
    only("sandbox", ["custody"], "the sandbox is a vendor: it must not share code with its clients"),
    only("cli", ["custody", "profiles", "policy", "providers", "sandbox"], "the command line does not build resources; it judges plans as the policy pack does"),
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-pulumi-in-custody", severity: "error", from: { path: "^(custody|profiles|sandbox)/" }, to: { path: "node_modules/@pulumi" } },
  ],
  options: { doNotFollow: { path: "node_modules" }, exclude: { path: "^(dist|node_modules|examples)/" }, tsConfig: { fileName: "tsconfig.json" }, tsPreCompilationDeps: true },
};
