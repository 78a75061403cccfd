/** Wires the rules into a pack. Nothing else: importing this file starts a server. */
import "./lightSdk";
import { PolicyPack } from "@pulumi/policy";
import { rules } from "./rules";

new PolicyPack("holdfast", {
  description: "Fails a change that would lose a checkpoint, leave a meter running without a bound, or leak a secret.",
  displayName: "Holdfast",
  tags: ["gpu", "training", "data-loss", "cost"],
  policies: [...rules],
});
