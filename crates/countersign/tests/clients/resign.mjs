// An independent signer: ccxt's own JavaScript signing code with the real key.
// Reads the same document as resign.py from standard input.
import { readFileSync } from "node:fs";
import ccxt from "ccxt";

const { key, secret, requests } = JSON.parse(readFileSync(0, "utf8"));
const differ = [];
for (const request of requests) {
  const values = Object.fromEntries(new URLSearchParams(request.text));
  const exchange = new ccxt.binance({ apiKey: key, secret });
  const timestamp = Number(values.timestamp);
  exchange.nonce = () => timestamp;
  exchange.options.recvWindow = Number(values.recvWindow);
  delete values.timestamp;
  delete values.recvWindow;
  const [, section, version, ...rest] = request.path.split("/");
  const name = section === "api" ? "private" : version === "v1" ? "sapi" : `sapi${version.toUpperCase()}`;
  // Between releases ccxt takes the section as a name or as a list of names.
  const signed = exchange.sign(rest.join("/"), name, request.method, values);
  const text = signed.body ?? signed.url.slice(signed.url.indexOf("?") + 1);
  const signature = new URLSearchParams(text).get("signature");
  if (signature !== request.signature) differ.push({ ...request, libraryUrl: signed.url, signature });
}
console.log(JSON.stringify({ signed_again: requests.length, differ: differ.slice(0, 5) }));
process.exit(differ.length || !requests.length ? 1 : 0);
