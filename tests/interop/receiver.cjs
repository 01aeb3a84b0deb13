// Reads [{headers, body}] (body in base64) from stdin; writes, for each of them, the
// events that the cloudevents SDK for JavaScript finds in it, or the error it raises.
const { HTTP } = require("cloudevents");

function read({ headers, body }) {
  try {
    const text = Buffer.from(body, "base64").toString("utf-8");
    const found = HTTP.toEvent({ headers, body: text });
    const events = Array.isArray(found) ? found : [found];
    events.forEach((event) => event.validate());
    return events.map((event) => event.toJSON());
  } catch (error) {
    return String(error);
  }
}

const messages = JSON.parse(require("fs").readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(messages.map(read)));
