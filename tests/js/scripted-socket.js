// The WebSocket interface with the far end in the test's hands.

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
    say(...messages) {
      this.sayText(messages.map((message) => JSON.stringify(message)).join("\n"));
    }

    sayText(data) {
      this.dispatchEvent(new MessageEvent("message", { data }));
    }

    welcome() {
      this.say({ type: "welcome", server: "test", user: null, max_update_bytes: 65536 });
    }

    /** The link ends, from the far end or below it. */
    drop(code = 1006) {
      this.dispatchEvent(Object.assign(new Event("close"), { code }));
    }
  }

  return { ScriptedSocket, opened };
}
