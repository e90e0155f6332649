// Fan-out with the package `ws`, broadcast as in its documentation: send each published message to every client.
const { createServer } = require("node:http");
const { WebSocketServer, WebSocket } = require("ws");

const watchers = new Set();
const broadcast = (text) => {
  for (const each of watchers) if (each.readyState === WebSocket.OPEN) each.send(text);
};

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    broadcast(Buffer.concat(parts).toString());
    response.writeHead(201, { "content-length": 0 }).end();
  });
});
server.keepAliveTimeout = 600_000;

new WebSocketServer({ server }).on("connection", (socket, request) => {
  if (request.url === "/publish") return socket.on("message", (bytes) => broadcast(bytes.toString()));
  watchers.add(socket);
  socket.on("close", () => watchers.delete(socket));
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
