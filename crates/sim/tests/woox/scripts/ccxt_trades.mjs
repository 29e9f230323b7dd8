// ccxt (JavaScript), unmodified, requests and streams: one line `ok NAME` a step.

import ccxt from "ccxt";

const { API_KEY, API_SECRET, API_UID, BASE_URL, WS_PUBLIC, WS_PRIVATE } = process.env;
const exchange = new ccxt.pro.woo({ apiKey: API_KEY, secret: API_SECRET, uid: API_UID });
for (const name of ["pub", "public", "private"]) exchange.urls.api[name] = BASE_URL;
exchange.urls.api.ws = { public: WS_PUBLIC, private: WS_PRIVATE };
// The library asks for this before it opens a socket without TLS.
await exchange.loadHttpProxyAgent();

async function step(name, run, holds = () => true) {
  const answer = await run();
  if (!holds(answer)) throw new Error(`${name}: ${JSON.stringify(answer).slice(0, 800)}`);
  console.log(`ok ${name}`);
  return answer;
}

await step("markets", () => exchange.loadMarkets(), (a) => "BTC/USDT:USDT" in a);
await step("balance", () => exchange.fetchBalance(), (a) => a.USDT.free === 1000000);
for (const market of ["BTC/USDT", "BTC/USDT:USDT"]) {
  const book = await step(`order book ${market}`, () => exchange.watchOrderBook(market), (a) => a.bids.length > 0);
  const below = Number(exchange.priceToPrecision(market, book.bids[0][0] * 0.97));
  const lower = Number(exchange.priceToPrecision(market, book.bids[0][0] * 0.96));
  const order = await step(`place ${market}`, () => exchange.createOrder(market, "limit", "buy", 0.01, below));
  await step(`edit ${market}`, () => exchange.editOrder(order.id, market, "limit", "buy", 0.02, lower));
  const isEdited = (a) => a.status === "open" && a.price === lower && a.amount === 0.02;
  await step(`order by id ${market}`, () => exchange.fetchOrder(order.id, market), isEdited);
  await step(`cancel ${market}`, () => exchange.cancelOrder(order.id, market));
  await step(`nothing open ${market}`, () => exchange.fetchOpenOrders(market), (a) => a.length === 0);
}
const address = "0x2b0502FDab4e221dcD492c058255D2073d50A3ae";
const withdraw = () => exchange.withdraw("USDT", 50.5, address, undefined, { network: "ERC20" });
await step("withdraw", withdraw, (a) => a.id !== undefined);
await exchange.close();
process.exit(0);
