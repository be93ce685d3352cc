// Calls Peregrine through Envoy, which turns JSON into gRPC: the contract is
// proto/peregrine/v1/translation.proto.

const TIMEOUT_MS = 60000;

// Its message is for people.
export class CallError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

// The answer to a method. `options`: service, token, signal. What the signal
// aborts throws the signal's own error.
export async function call(method, message, options = {}) {
  const {service = "TranslationService", token, signal} = options;
  const headers = {"content-type": "application/json"};
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(`/peregrine.v1.${service}/${method}`, {
      method: "POST",
      headers,
      body: JSON.stringify(message),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)].filter(Boolean)),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError(error.name === "TimeoutError"
        ? `No answer within ${TIMEOUT_MS / 1000} seconds.`
        : "The server cannot be reached.");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new CallError(explain(response.status, body), response.status);
}

// The fields at fault, where the server names them.
function explain(status, body) {
  const violations = (body.details || []).flatMap((d) => d.fieldViolations || []);
  if (violations.length) return violations.map((v) => `${v.field}: ${v.description}`).join("; ");
  if (status === 401) return "The server wants a token, or another one: see below.";
  if (status === 429) return "The server is busy. Try again in a moment.";
  if (status === 503) return "The server is starting or stopping. Try again in a moment.";
  return body.message || `The server answered with status ${status}.`;
}
