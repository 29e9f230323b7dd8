import ccxt from 'ccxt';

const exchange = new ccxt.@EXCHANGE@({ apiKey: '@KEY@', secret: '@SECRET@' });
for (const [name, url] of Object.entries(exchange.urls.api)) {
  if (typeof url === 'string') exchange.urls.api[name] = url.replace(/^https?:\/\/[^/]+/, '@URL@');
}
console.log((await exchange.fetchBalance()).total);
console.log((await exchange.fetchTicker('@PAIR@')).last);
