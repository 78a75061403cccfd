/** The same program must start on the same system tomorrow. */
import { resourceRule, type Finding } from "../rule";
import { LAMBDA_INSTANCE } from "../subjects";

interface ImageConfig {
  readonly requireId: boolean;
}

export const pinnedImage = resourceRule<ImageConfig>(
  {
    name: "pinned-image",
    description: "An instance names the image it starts from.",
    gotchas: ["U30"],
    level: "advisory",
    defaults: { requireId: false },
    config: { requireId: { type: "boolean", default: false, description: "Accept an image id only, not a family that moves to newer versions." } },
  },
  ({ type, props }, config) => (type === LAMBDA_INSTANCE ? [() => imageFindings(props["image"], config)] : []),
);

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
