// What the browser knows of the network and the reader, passed on to a connection.

/**
 * Wakes the connection when the network or the reader comes back, and tells it when the network goes.
 * @param {import("./connection.js").Connection} connection
 * @param {AbortSignal} signal lets go of every listener
 */
export function watchNetwork(connection, signal) {
  window.addEventListener("offline", () => connection.offline(), { signal });
  window.addEventListener("online", () => connection.wake(), { signal });
  window.addEventListener("pageshow", (event) => event.persisted && connection.wake(), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || connection.wake(), { signal });
}

/**
 * The hub's websocket as seen from a page.
 * @param {{protocol: string, host: string}} location
 */
export const socketUrl = ({ protocol, host }) =>
  `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/v1/ws`;
