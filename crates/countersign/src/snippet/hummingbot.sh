# hummingbot has no setting for it: change the constant in your checkout, then
# run `connect binance` with the key and the secret below.
sed -i 's#^REST_URL = .*#REST_URL = "@URL@/api/"#' \
  hummingbot/connector/exchange/binance/binance_constants.py
# API key: @KEY@
# secret:  @SECRET@
