// A reader is a position: decides how to handle a message at the position (epoch, seq). Pure, no state.

/**
 * @typedef {{epoch: string | null, seq: number | null}} Position  seq is null until the server names one
 * @typedef {"accept" | "drop" | "gap"} Verdict
 * @typedef {{verdict: Verdict, position: Position}} Decision
 */

const accept = (position) => ({ verdict: "accept", position });
const drop = (position) => ({ verdict: "drop", position });
const gap = (position) => ({ verdict: "gap", position });

/**
 * What to do with an `update`, `reset` or `subscribed` message.
 * "accept": it is the next message, move to the new position. "drop": it was received before or changes nothing.
 * "gap": updates between the position and this message are missing, subscribe again from the position.
 * @param {Position} position
 * @param {{type: string, epoch?: string, seq?: number, resumed?: boolean,
 *          reason?: string, first?: number, last?: number}} message
 * @returns {Decision}
 */
export function decide(position, message) {
  switch (message.type) {
    case "update":
      return decideUpdate(position, message);
    case "reset":
      return decideReset(position, message);
    case "subscribed":
      return decideSubscribed(position, message);
    default:
      return drop(position);
  }
}

function decideUpdate(position, { epoch, seq }) {
  const next = { epoch, seq };
  if (position.seq === null) return accept(next);
  if (position.epoch !== null && epoch !== position.epoch) return gap(position);
  if (seq <= position.seq) return drop(position);
  return seq === position.seq + 1 ? accept(next) : gap(position);
}

function decideReset(position, { reason, epoch, first, last }) {
  // An empty log has no first update: the next one follows its last.
  const start = first > 0 ? first - 1 : last;
  const sameLog = epoch === position.epoch;
  // In one log the first seq only rises, and a new log begins only once: any other reset is a repeated one.
  if (sameLog && reason === "expired" && start <= position.seq) return drop(position);
  if (sameLog && reason === "epoch") return drop(position);
  return accept({ epoch, seq: start });
}

function decideSubscribed(position, { epoch, seq, resumed }) {
  if (position.seq === null) return accept({ epoch, seq });
  if (resumed === false) return accept(position); // A reset with the new position follows.
  return accept({ epoch: position.epoch ?? epoch, seq: position.seq });
}
