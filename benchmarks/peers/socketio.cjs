// Fan-out with Socket.IO, broadcast as in its documentation: emit each publish to every client in a room.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const server = createServer();
const io = new Server(server, { transports: ["websocket"] });
server.prependListener("request", (request, response) => {
  if (request.url !== "/publish") return;
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    io.to("bench").emit("update", JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(201, { "content-length": 0 }).end();
  });
});
server.keepAliveTimeout = 600_000;

io.on("connection", (socket) => {
  if (!socket.handshake.query.publisher) socket.join("bench");
  socket.on("publish", (update) => io.to("bench").emit("update", update));
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
