// ccxt (JavaScript), unmodified, with default options apart from base URLs and key.
import ccxt from "ccxt";

const { BASE_URL, API_KEY, API_SECRET } = process.env;
const failed = [];
const step = async (name, run) => {
  try {
    const detail = await run();
    console.log(JSON.stringify({ step: name, ok: true, detail: String(detail?.id ?? "").slice(0, 200) }));
    return detail;
  } catch (error) {
    failed.push(name);
    console.log(JSON.stringify({ step: name, ok: false, detail: `${error.constructor.name}: ${error.message}`.slice(0, 600) }));
    return undefined;
  }
};
const holds = (condition, answer) => {
  if (!condition) throw new Error(`unexpected answer: ${JSON.stringify(answer)?.slice(0, 400)}`);
  return answer;
};
const raises = (name, wanted, code, run) =>
  step(name, async () => {
    try {
      await run();
    } catch (error) {
      holds(error.constructor.name === wanted && error.message.includes(String(code)), `${error.constructor.name}: ${error.message}`);
      return { id: error.constructor.name };
    }
    throw new Error("was not refused");
  });

const exchange = new ccxt.binance({ apiKey: API_KEY, secret: API_SECRET });
for (const [name, url] of Object.entries(exchange.urls.api)) {
  if (typeof url === "string" && url.startsWith("https://")) {
    exchange.urls.api[name] = `${BASE_URL}${new URL(url).pathname.replace(/\/$/, "")}`;
  }
}

const market = "BTC/USDT";
await step("load markets", async () => holds(market in (await exchange.loadMarkets())));
await step("balances", async () => holds((await exchange.fetchBalance()).total.USDT > 0));
const { last } = await step("ticker", () => exchange.fetchTicker(market));
await step("order book", async () => holds((await exchange.fetchOrderBook(market)).bids.length > 0));
const amount = Number(exchange.amountToPrecision(market, 200 / last));
const below = Number(exchange.priceToPrecision(market, last * 0.99));
const lower = Number(exchange.priceToPrecision(market, last * 0.985));
const order = await step("place", () => exchange.createOrder(market, "limit", "buy", amount, below));
await step("order by id", async () => holds((await exchange.fetchOrder(order.id, market)).status === "open"));
await step("open orders", async () => holds((await exchange.fetchOpenOrders(market)).some((o) => o.id === order.id)));
const edited = await step("amend", () => exchange.editOrder(order.id, market, "limit", "buy", amount, lower));
await step("cancel", () => exchange.cancelOrder((edited ?? order).id, market));
await step("place again", () => exchange.createOrder(market, "limit", "buy", amount, below));
await step("cancel all", async () => holds((await exchange.cancelAllOrders(market)).length >= 1));
await step("nothing open", async () => holds((await exchange.fetchOpenOrders(market)).length === 0));
await step("market order", () => exchange.createOrder(market, "market", "buy", amount));
await step("my trades", async () => holds((await exchange.fetchMyTrades(market)).length >= 1));
await raises("over the limit", "InvalidOrder", -2010, () => exchange.createOrder(market, "limit", "buy", amount * 50, below));
await raises("withdrawal", "AuthenticationError", -1002, () =>
  exchange.withdraw("USDT", 100, "0x2b0502FDab4e221dcD492c058255D2073d50A3ae", undefined, { network: "ETH" }));
await step("still trading", async () => holds((await exchange.fetchBalance()).total.BTC > 0));
console.log(JSON.stringify({ failed }));
process.exit(failed.length ? 1 : 0);
