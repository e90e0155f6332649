// A reader is a position: what a message means for one who has read up to (epoch, seq). Pure, no state.

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
 * "accept": it is the next thing, go on from the new position. "drop": it was seen before or says nothing new.
 * "gap": something between the position and this message is missing, ask again from the position.
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
  // An empty log has nothing first: what comes next is after its last.
  const start = first > 0 ? first - 1 : last;
  const sameLog = epoch === position.epoch;
  // The same log can only expire forwards, and a new log can only begin once: the rest is an echo.
  if (sameLog && reason === "expired" && start <= position.seq) return drop(position);
  if (sameLog && reason === "epoch") return drop(position);
  return accept({ epoch, seq: start });
}

function decideSubscribed(position, { epoch, seq, resumed }) {
  if (position.seq === null) return accept({ epoch, seq });
  if (resumed === false) return accept(position); // A reset comes next and says where to go on.
  return accept({ epoch: position.epoch ?? epoch, seq: position.seq });
}
