/** What became of an order for cells, for a person. Pure. */
import type { Ordered } from "../../providers/job/orders";
import type { Paint } from "./paint";

export function renderOrdered({ cells, queue }: Ordered, paint: Paint): string {
  const lines = cells.map(({ cell, outcome, state }) => `${paint("strong", cell)}  ${state}  ${paint("faint", outcome)}`);
  const says = { running: "the queue runs", started: "the queue was started again", none: "no queue runs" }[queue];
  return [...lines, paint("faint", says)].join("\n");
}
