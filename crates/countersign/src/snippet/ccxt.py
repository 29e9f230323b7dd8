import ccxt, re

exchange = ccxt.@EXCHANGE@({"apiKey": "@KEY@", "secret": "@SECRET@"})
exchange.urls["api"] = {
    name: re.sub(r"^https?://[^/]+", "@URL@", url) if isinstance(url, str) else url
    for name, url in exchange.urls["api"].items()
}
print(exchange.fetch_balance()["total"])
print(exchange.fetch_ticker("@PAIR@")["last"])
