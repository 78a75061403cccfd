/** Wires the rules into a pack. Nothing else: importing this file starts a server. */
import { flushCompileCache } from "node:module";
import "./lightSdk";
import { PolicyPack } from "@pulumi/policy";
import { loadProfiles } from "./platforms";
import { rules } from "./rules";

new PolicyPack("holdfast", {
  description: "Fails a change that would lose a checkpoint, leave a meter running without a bound, or leak a secret.",
  displayName: "Holdfast",
  tags: ["gpu", "training", "data-loss", "cost"],
  policies: [...rules],
});

// Node writes its compile cache when a process exits by itself, and the engine ends packs otherwise.
flushCompileCache();

/** Milliseconds: the engine has asked what the pack holds by then, and starts the program, which takes longer than this. */
const idleFrom = 100;

setTimeout(() => {
  loadProfiles();
  flushCompileCache();
}, idleFrom).unref();
