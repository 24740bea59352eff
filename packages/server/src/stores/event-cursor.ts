/** A place in the order of an organization's events. */
export interface EventPlace {
  txn: number;
  position: number;
}

/** The place as callers hand it back: text that they do not look into. */
export function formatEventCursor({ txn, position }: EventPlace): string {
  return `${txn}-${position}`;
}

/** The place that a cursor names; undefined when the text is none. */
export function parseEventCursor(text: string): EventPlace | undefined {
  const [, txn, position] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? [];
  return txn === undefined || position === undefined
    ? undefined
    : { txn: Number(txn), position: Number(position) };
}
