// The WebSocket interface, with the server's end controlled by the test.

/** A fresh class for each test, so that every test has its own list of sockets. */
export function scriptedSockets() {
  const opened = [];

  class ScriptedSocket extends EventTarget {
    sent = [];
    closedWith = null;

    constructor(url, protocols) {
      super();
      this.url = url;
      this.protocols = protocols;
      opened.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close(code = 1005) {
      this.closedWith ??= code;
    }

    /** The hub sends one frame that holds these messages. */
    deliver(...messages) {
      this.deliverText(messages.map((message) => JSON.stringify(message)).join("\n"));
    }

    deliverText(data) {
      this.dispatchEvent(new MessageEvent("message", { data }));
    }

    welcome() {
      this.deliver({ type: "welcome", server: "test", user: null, max_update_bytes: 65536 });
    }

    /** The connection ends, closed by the hub or broken by the network. */
    drop(code = 1006) {
      this.dispatchEvent(Object.assign(new Event("close"), { code }));
    }
  }

  return { ScriptedSocket, opened };
}
