// Returns the events that the cloudevents SDK for JavaScript finds in a request, or the
// error that it raises, as text.
const { HTTP } = require("cloudevents");

module.exports = function read(headers, body) {
  try {
    const found = HTTP.toEvent({ headers, body: body.toString("utf-8") });
    const events = Array.isArray(found) ? found : [found];
    events.forEach((event) => event.validate());
    return events.map((event) => event.toJSON());
  } catch (error) {
    return String(error);
  }
};
