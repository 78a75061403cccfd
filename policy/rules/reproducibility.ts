/** The same program must start on the same system tomorrow. */
import { podAsksForAccelerator } from "../kubernetes/gpu";
import { workloadTrains, workloadsOf, type Workload } from "../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../rule";
import { LAMBDA_INSTANCE } from "../subjects";

interface ImageConfig {
  readonly requireId: boolean;
}

export const pinnedImage = resourceRule<ImageConfig>(
  {
    name: "pinned-image",
    description: "An instance names the image it starts from, and every container of a pod names it by digest.",
    gotchas: ["U30", "PS12", "K8S3"],
    level: "advisory",
    defaults: { requireId: false },
    config: { requireId: { type: "boolean", default: false, description: "Accept an image id only, not a family that moves to newer versions." } },
  },
  (resource, config) => (resource.type === LAMBDA_INSTANCE ? [() => imageFindings(resource.props["image"], config)] : workloadsOf(resource).flatMap(containerChecks)),
);

const containerChecks = (workload: Workload): Check[] => workload.everyContainer().map(({ where, container }): Check => (peek) => (trains(workload, peek) ? tagFindings(`${where}.image`, container.image) : []));

/** Work that a GPU or a training command is in: everybody else's images are not this pack's business. */
const trains = (workload: Workload, peek: Peek): boolean => (peek(() => podAsksForAccelerator(workload.pod)) ?? false) || (workload.runsToEnd && (peek(() => workloadTrains(workload)) ?? false));

function* tagFindings(where: string, image: unknown): Iterable<Finding> {
  if (typeof image !== "string" || image === "" || /@sha256:[0-9a-f]{64}$/.test(image)) return;
  const tag = /:([^:/@]+)$/.exec(image.split("@")[0] ?? "")?.[1];
  const moving = tag === undefined || tag === "latest";
  yield {
    where,
    what: moving ? (tag === undefined ? "no tag, which means latest" : "tag latest") : `tag ${tag} instead of a digest`,
    why: `${moving ? "it is another image after the next push" : "a tag can be pushed again"}, and the pod that replaces an evicted one pulls anew: a run can continue on other code than it began with`,
    gotchas: ["U30"],
    instead: `${image.replace(/[:@][^/]*$/, "")}@sha256:DIGEST, as \`docker buildx imagetools inspect\` or \`crane digest\` print it`,
  };
}

function* imageFindings(image: unknown, { requireId }: ImageConfig): Iterable<Finding> {
  const { id, family } = (image ?? {}) as { id?: unknown; family?: unknown };
  if (typeof id === "string" && id !== "") return;
  if (typeof family === "string" && family !== "") {
    if (!requireId) return;
    yield {
      where: "image",
      what: `family ${JSON.stringify(family)} is no single image`,
      why: "it moves to the newest version, so a relaunch can start on another driver and another PyTorch",
      gotchas: ["U30"],
      instead: "lambda: {image: {id: UUID}} with an id from GET /images",
    };
    return;
  }
  yield {
    where: "image",
    what: "no image is named",
    why: "the default is the latest Lambda Stack, and its operating system differs between regions",
    gotchas: ["U30"],
    instead: "lambda: {image: lambda-stack-24-04}, or {image: {id: UUID}}",
  };
}
