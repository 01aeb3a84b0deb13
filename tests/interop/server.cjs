// A webhook on loopback that prints its port: a POST is answered with 202 or with 400
// and the error, a GET with all events that were taken.
const http = require("http");
const read = require("./read.cjs");

const taken = [];

function answer(request, response, body) {
  if (request.method === "GET") {
    response.end(JSON.stringify(taken));
    return;
  }
  const found = read(request.headers, body);
  if (typeof found === "string") {
    response.writeHead(400).end(found);
    return;
  }
  taken.push(...found);
  response.writeHead(202).end();
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => answer(request, response, Buffer.concat(chunks)));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
