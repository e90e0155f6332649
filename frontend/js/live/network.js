// Passes the browser's events about the network and the tab to a connection.

/**
 * Reconnects or checks the connection when the network is back or the tab is shown; sets it offline when the network is
 * lost.
 * @param {import("./connection.js").Connection} connection
 * @param {AbortSignal} signal removes every listener
 */
export function watchNetwork(connection, signal) {
  window.addEventListener("offline", () => connection.offline(), { signal });
  window.addEventListener("online", () => connection.wake(), { signal });
  window.addEventListener("pageshow", (event) => event.persisted && connection.wake(), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || connection.wake(), { signal });
}

/**
 * The address of the hub's websocket, from the page's own address.
 * @param {{protocol: string, host: string}} location
 * @param {string} root the path under which the hub is, without a last slash; empty at the host's root
 */
export const socketUrl = ({ protocol, host }, root) =>
  `${protocol === "https:" ? "wss:" : "ws:"}//${host}${root}/api/v1/ws`;
