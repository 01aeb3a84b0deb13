// Reads [{headers, body}] (body in base64) from stdin; writes what is found in each.
const read = require("./read.cjs");

const messages = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const answers = messages.map(({ headers, body }) =>
  read(headers, Buffer.from(body, "base64")),
);
process.stdout.write(JSON.stringify(answers));
